//! Owns the bridge from Azure's SDK to our HTTP: every request of the SDK, for tokens too, goes through it, on the thread that asks.

use crate::keys::http::{Client, Deadline, HttpError, PAUSE, Request, Rules, header};
use crate::secret::Secret;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, ClientOptions, HttpClient, RetryOptions, StatusCode, Transport};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderName, Method};

/// Where the machines of Azure have their metadata service.
const METADATA: &str = "http://169.254.169.254/";
/// How long it may take; where there is none, nothing answers.
const METADATA_LIMIT: Duration = Duration::from_secs(1);
/// How often a request is sent again when it was turned away for now.
const RETRIES: u32 = 3;

/// The HTTP of one wrap or unwrap.
pub(super) struct Bridge {
    client: Arc<Client>,
    deadline: Deadline<'static>,
    /// Tokens that were sent.
    tokens: Mutex<Vec<Secret<String>>>,
    /// The last answer's own words, if it was a refusal. The SDK cannot read those of Entra ID, which have line breaks.
    refusal: Mutex<Option<String>>,
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bridge")
    }
}

impl Bridge {
    /// Through this client, until then.
    pub(super) fn new(client: Arc<Client>, deadline: Deadline<'static>) -> Arc<Self> {
        Arc::new(Self { client, deadline, tokens: Mutex::default(), refusal: Mutex::default() })
    }

    /// The options of the SDK that lead here. It does not try again by itself: it would wait for as long as a server says.
    pub(super) fn options(self: &Arc<Self>) -> ClientOptions {
        let transport = Some(Transport::new(self.clone()));
        ClientOptions { transport, retry: RetryOptions::none(), ..ClientOptions::default() }
    }

    /// A text without the tokens that were sent, and without this.
    pub(super) fn shown(&self, text: &str, secret: &str) -> String {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets: Vec<&str> = tokens.iter().map(|token| token.expose().as_str()).chain([secret]).collect();
        crate::keys::http::shown(text, &secrets)
    }

    /// The words of the last answer, if it was a refusal.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the last answer.
    pub(super) fn forget(&self) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn send(&self, request: &azure_core::http::Request) -> Result<AsyncRawResponse, HttpError> {
        self.forget();
        let url = request.url().as_str();
        let unsendable = |why: &str| HttpError::Unreachable { url: url.to_owned(), why: why.to_owned() };
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers().iter() {
            // The length is that of the body.
            if name.as_str().eq_ignore_ascii_case("content-length") {
                continue;
            }
            let mut held = header(value.as_str(), "request to Azure")?;
            if name.as_str().eq_ignore_ascii_case("authorization") {
                held.set_sensitive(true);
                let token = value.as_str().trim_start_matches("Bearer ").to_owned();
                self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(Secret::new(token));
            }
            let name = HeaderName::try_from(name.as_str()).map_err(|_| unsendable("a header has no name"))?;
            headers.insert(name, held);
        }
        let Body::Bytes(body) = request.body() else { return Err(unsendable("the request is a stream")) };
        let method = Method::try_from(request.method().as_str()).map_err(|_| unsendable("the method is none"))?;
        let later = |status| matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        let machine = url.starts_with(METADATA);
        let rules = Rules { retries: if machine { 0 } else { RETRIES }, pause: PAUSE, later, follow: false, direct: machine };
        let request = Request { method, url, headers, body, secrets: &[] };
        let reply = match machine {
            true => self.client.send(&request, rules, &self.deadline.within(METADATA_LIMIT))?,
            false => self.client.send(&request, rules, &self.deadline)?,
        };
        if reply.status >= 400 {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(said(reply.status, &reply.body));
        }
        let mut headers = Headers::new();
        for (name, value) in &reply.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(reply.status), headers, reply.body.to_vec()))
    }
}

#[async_trait::async_trait]
impl HttpClient for Bridge {
    async fn execute_request(&self, request: &azure_core::http::Request) -> azure_core::Result<AsyncRawResponse> {
        // Of a kind that the SDK takes for final.
        self.send(request).map_err(|error| Error::new(ErrorKind::Other, error))
    }
}

/// `{"error": {"code", "message"}}` of vaults, `{"error", "error_description"}` of Entra ID; anything else is not shown.
fn said(status: u16, body: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |place: &str| answer.pointer(place).and_then(serde_json::Value::as_str).map(str::to_owned);
    let parts = match text("/error/message") {
        Some(message) => [text("/error/code"), text("/error/innererror/code"), Some(message)],
        None => [text("/error"), None, text("/error_description")],
    };
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { format!("status {status}") } else { parts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_in_both_shapes() {
        for (body, words) in [
            (r#"{"error":{"code":"Forbidden","message":"no","innererror":{"code":"KeyDisabled"}}}"#, "Forbidden: KeyDisabled: no"),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: no\r\nTrace"}"#,
                "invalid_client: AADSTS7000215: no\r\nTrace",
            ),
            ("<html>", "status 403"),
        ] {
            assert_eq!(said(403, body.as_bytes()), words);
        }
    }
}
