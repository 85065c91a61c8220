//! Owns the signatures of requests: SDK-HMAC-SHA256, as the gateway of HuaweiCloud checks it.

use super::Credentials;
use crate::keys::http;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use ureq::http::HeaderMap;

/// The name of the scheme.
const SCHEME: &str = "SDK-HMAC-SHA256";

/// A request as it is signed.
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    /// `HOST[:PORT]`.
    pub(super) host: &'a str,
    /// Begins with a slash; its segments are escaped.
    pub(super) path: &'a str,
    /// One name and its value.
    pub(super) query: Option<(&'a str, &'a str)>,
    pub(super) body: &'a [u8],
    /// The project, where one is known.
    pub(super) project: Option<&'a str>,
}

/// All headers of a request, signed. `now` is RFC 3339 in whole seconds, UTC.
///
/// # Errors
/// As [`http::header`].
pub(super) fn headers(request: &Unsigned<'_>, credentials: &Credentials, now: &str) -> Result<HeaderMap, http::HttpError> {
    let date: String = now.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let mut signed = vec![("content-type", "application/json"), ("host", request.host)];
    signed.extend(request.project.map(|project| ("x-project-id", project)));
    signed.push(("x-sdk-date", &date));
    signed.extend(credentials.security_token.as_ref().map(|token| ("x-security-token", token.expose().as_str())));

    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let query = request.query.map(|(name, value)| format!("{}={}", http::escaped(name), http::escaped(value))).unwrap_or_default();
    let slash = if request.path.ends_with('/') { "" } else { "/" };
    let canonical = format!(
        "{}\n{}{slash}\n{query}\n{lines}\n{names}\n{}",
        request.method,
        request.path,
        hexadecimal(&Sha256::digest(request.body))
    );
    let to_sign = format!("{SCHEME}\n{date}\n{}", hexadecimal(&Sha256::digest(canonical.as_bytes())));
    let signature = signature(&credentials.secret_key, &to_sign);

    let mut headers = HeaderMap::new();
    for (name, value) in signed.into_iter().filter(|(name, _)| *name != "host") {
        let secret = name == "x-security-token";
        let what = if secret { "security token of HuaweiCloud" } else { "project of HuaweiCloud" };
        let mut value = http::header(value, what)?;
        value.set_sensitive(secret);
        headers.insert(name, value);
    }
    let access = format!("{SCHEME} Access={}, SignedHeaders={names}, Signature={signature}", credentials.access_key);
    http::insert_secret(&mut headers, "authorization", &access, "access key of HuaweiCloud")?;
    Ok(headers)
}

fn signature(key: &Secret<String>, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    hexadecimal(&mac.finalize().into_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart from this code, in Python, from the description of the scheme.
    #[test]
    fn a_request_is_signed_as_the_scheme_says() {
        let credentials = Credentials {
            access_key: "ak".into(),
            secret_key: Secret::new("sk".into()),
            security_token: Some(Secret::new("token".into())),
            project: None,
        };
        let request = Unsigned {
            method: "POST",
            host: "kms.example.com",
            path: "/v1.0/proj/kms/encrypt-data",
            query: None,
            body: b"{}",
            project: Some("proj"),
        };
        let headers = headers(&request, &credentials, "2026-11-24T07:00:00Z").expect("headers");
        assert_eq!(headers["x-sdk-date"], "20261124T070000Z");
        assert_eq!(
            headers["authorization"],
            "SDK-HMAC-SHA256 Access=ak, SignedHeaders=content-type;host;x-project-id;x-sdk-date;x-security-token, \
             Signature=274f5714767a703de35e8d3e47c6ceb3415991e3ab23fe498230702076e74342"
        );
        assert!(headers["authorization"].is_sensitive() && headers["x-security-token"].is_sensitive());
    }
}
