//! Owns what every request to Vault carries: token, namespace, the marks of its own client.

use super::{Settings, VaultError};
use crate::keys::http::{self, Deadline, Network, Request, Rules};
use crate::secret::Secret;
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderValue, Method};
use zeroize::Zeroizing;

/// The client, with what every request carries.
pub(super) struct Client {
    token: Option<Secret<String>>,
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
        let Settings { token, retries, limit, .. } = settings;
        Ok(Self { token, headers, retries, limit, http: http::Client::new() })
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
        let rules = Rules { retries: self.retries, later, follow: true, direct: false };
        let reply = self.http.send(&request, rules, &Deadline::new(network, self.limit))?;
        if reply.status != 200 {
            let said = said(&reply.body, &secrets);
            return Err(VaultError::Refused { url: reply.url, status: reply.status, said, with_token: self.token.is_some() });
        }
        Ok(reply.text_at(place)?)
    }
}

/// What a server says about an error: `{"errors": ["…"]}`.
fn said(body: &[u8], secrets: &[&str]) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let errors = answer.get("errors").and_then(serde_json::Value::as_array);
    errors.into_iter().flatten().filter_map(serde_json::Value::as_str).take(3).map(|text| http::shown(text, secrets)).collect()
}
