//! Owns the metadata service of an elastic cloud server, which gives its agency's credentials.

use super::Credentials;
use crate::keys::http::{Client, Deadline, PAUSE, Reply, Request, Rules, header};
use crate::secret::Secret;
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderName, Method};

/// How long it may take; where there is none, nothing answers.
const LIMIT: Duration = Duration::from_secs(1);
/// How long the token of the service holds, in seconds.
const TOKEN_HOLDS: &str = "300";

/// The credentials of this machine; or why there are none, in words.
pub(super) fn credentials(client: &Client, address: &str, deadline: &Deadline<'_>) -> Result<Credentials, String> {
    let deadline = deadline.within(LIMIT);
    let ask = |method: Method, path: &str, name: &'static str, value: &str| -> Result<Reply, String> {
        let mut headers = HeaderMap::new();
        if !value.is_empty() {
            headers
                .insert(HeaderName::from_static(name), header(value, "token of the metadata service").map_err(|e| e.to_string())?);
        }
        let url = format!("{}{path}", address.trim_end_matches('/'));
        let request = Request { method, url: &url, headers, body: b"", secrets: &[] };
        let rules = Rules { retries: 0, pause: PAUSE, later: |_| false, follow: false, direct: true };
        client.send(&request, rules, &deadline).map_err(|error| format!("no metadata service: {error}"))
    };
    let token = ask(Method::PUT, "/meta-data/latest/api/token", "x-metadata-token-ttl-seconds", TOKEN_HOLDS)?;
    let token = match token.status {
        200 => String::from_utf8_lossy(&token.body).trim().to_owned(),
        // Older machines give credentials without one.
        404 | 405 | 503 => String::new(),
        status => return Err(format!("{}: {status}", token.url)),
    };
    let reply = ask(Method::GET, "/openstack/latest/securitykey", "x-metadata-token", &token)?;
    if reply.status != 200 {
        return Err(format!("{}: {} (has this machine an agency?)", reply.url, reply.status));
    }
    let text = |name: &str| reply.text_at(&format!("/credential/{name}")).map_err(|error| error.to_string());
    Ok(Credentials {
        access_key: text("access")?.as_str().to_owned(),
        secret_key: Secret::new(text("secret")?.as_str().to_owned()),
        security_token: Some(Secret::new(text("securitytoken")?.as_str().to_owned())),
        project: None,
    })
}
