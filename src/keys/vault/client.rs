//! Owns what every request to Vault carries: token, namespace, the marks of its own client.

use super::{Settings, VaultError};
use crate::keys::http::{self, Deadline, Network, Request, Rules};
use crate::secret::Secret;
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderValue, Method};
use zeroize::Zeroizing;

/// The first pause before a request is sent again: a standby or a quota is not ready within less, as Vault's own client knows.
const PAUSE: Duration = Duration::from_millis(700);
/// The longest answer without JSON that is shown.
const SHORT: usize = 200;

/// The client, with what every request carries.
pub(super) struct Client {
    token: Option<Secret<String>>,
    namespace: Option<String>,
    headers: HeaderMap,
    retries: u32,
    limit: Duration,
    http: http::Client,
}

impl Client {
    /// With these settings.
    ///
    /// # Errors
    /// [`HttpError::Settings`], when a token or a namespace cannot be sent.
    pub(super) fn new(settings: Settings) -> Result<Self, VaultError> {
        let mut headers = HeaderMap::new();
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        if let Some(namespace) = &settings.namespace {
            headers.insert("x-vault-namespace", http::header(namespace, "namespace of Vault")?);
        }
        if let Some(token) = &settings.token {
            http::insert_secret(&mut headers, "x-vault-token", token.expose(), "token of Vault")?;
        }
        let Settings { token, namespace, retries, limit, .. } = settings;
        Ok(Self { token, namespace, headers, retries, limit, http: http::Client::new() })
    }

    /// Sends a body and gives the text at a place of the answer. `secret` must not be shown if the server says it back.
    ///
    /// # Errors
    /// [`VaultError`].
    pub(super) fn put(
        &self,
        url: &str,
        body: &[u8],
        secret: &str,
        place: &str,
        network: &dyn Network,
    ) -> Result<Zeroizing<String>, VaultError> {
        let token = self.token.as_ref().map_or("", |token| token.expose().as_str());
        let secrets = [token, secret];
        let request = Request { method: Method::PUT, url, headers: self.headers.clone(), body, secrets: &secrets };
        // As Vault's own client: throttled, not up to date yet, broken for now.
        let later = |status| matches!(status, 412 | 429) || (status >= 500 && status != 501);
        let rules = Rules { retries: self.retries, pause: PAUSE, later, follow: true, direct: false };
        let reply = self.http.send(&request, rules, &Deadline::new(network, self.limit))?;
        if reply.status != 200 {
            let said = said(&reply.body, &secrets);
            let (with_token, namespace) = (self.token.is_some(), self.namespace.clone());
            return Err(match reply.status {
                201..=299 => VaultError::NotTransit { url: reply.url, status: reply.status },
                status => VaultError::Refused { url: reply.url, status, said, with_token, namespace },
            });
        }
        Ok(reply.text_at(place)?)
    }
}

/// What a server says about an error: `{"errors": ["…"]}`, a list in one text without its layout; or a short text.
fn said(body: &[u8], secrets: &[&str]) -> Vec<String> {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body) else {
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        let fits = !text.is_empty() && text.len() <= SHORT && !text.starts_with('<');
        return if fits { vec![http::shown(text, secrets)] } else { Vec::new() };
    };
    let errors = answer.get("errors").and_then(serde_json::Value::as_array);
    errors.into_iter().flatten().filter_map(serde_json::Value::as_str).take(3).map(|text| one_line(text, secrets)).collect()
}

/// `1 error occurred:\n\t* permission denied\n\n` as `permission denied`.
fn one_line(text: &str, secrets: &[&str]) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("* "));
    let lines = lines.filter(|line| !line.is_empty() && !line.ends_with("error occurred:") && !line.ends_with("errors occurred:"));
    http::shown(&lines.collect::<Vec<_>>().join("; "), secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_vault_are_one_line() {
        let said = |body: &str| said(body.as_bytes(), &["s3cret"]);
        assert_eq!(said(r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#), ["permission denied"]);
        assert_eq!(said(r#"{"errors":["2 errors occurred:\n\t* no s3cret\n\t* b\n\n","c"]}"#), ["no [redacted]; b", "c"]);
        assert_eq!(said("Client sent an HTTP request to an HTTPS server.\n"), ["Client sent an HTTP request to an HTTPS server."]);
        for body in ["", "<html>no</html>", "{}", r#"{"errors":[]}"#] {
            assert_eq!(said(body), Vec::<String>::new());
        }
    }
}
