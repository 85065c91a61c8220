//! Owns the HTTP of Vault: one client a process, tries again what was turned away for now, goes to no other server.

use super::{Settings, Surroundings, Trust, VaultError, origin};
use crate::secret::Secret;
use std::sync::OnceLock;
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, http};
use zeroize::Zeroizing;

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// The first pause before a request is sent again; each further one is twice as long. As much again is added at random.
const PAUSE: Duration = Duration::from_millis(100);
/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 1 << 20;
/// How much is shown of what a server says.
const SHOWN: usize = 300;

/// What is sent.
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) body: &'a [u8],
    /// What must not be shown if the server says it back.
    pub(super) secret: &'a str,
}

/// The client, with what every request carries.
pub(super) struct Client {
    token: Option<Secret<String>>,
    headers: http::HeaderMap,
    retries: u32,
    limit: Duration,
    plain: Agent,
    tls: OnceLock<Result<Agent, VaultError>>,
}

/// What a try gave.
enum Tried {
    Done(Zeroizing<Vec<u8>>),
    /// Not now; perhaps soon.
    Later(VaultError),
    /// The same server, another place.
    There(String),
}

impl Client {
    /// With these settings.
    ///
    /// # Errors
    /// [`VaultError::Settings`], when a token or a namespace cannot be sent.
    pub(super) fn new(settings: Settings) -> Result<Self, VaultError> {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-vault-request", http::HeaderValue::from_static("true"));
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let header = |text: &str, what| {
            http::HeaderValue::from_str(text)
                .map_err(|_| VaultError::Settings(format!("the {what} has characters that cannot be sent")))
        };
        if let Some(namespace) = &settings.namespace {
            headers.insert("x-vault-namespace", header(namespace, "namespace of Vault")?);
        }
        if let Some(token) = &settings.token {
            let mut token = header(token.expose(), "token of Vault")?;
            token.set_sensitive(true);
            headers.insert("x-vault-token", token);
        }
        Ok(Self {
            token: settings.token,
            headers,
            retries: settings.retries,
            limit: settings.limit,
            plain: agent(TlsConfig::default()),
            tls: OnceLock::new(),
        })
    }

    /// Sends a request, and again where that may help, within the limit; gives the body of the answer.
    ///
    /// # Errors
    /// [`VaultError`].
    pub(super) fn put(&self, request: &Request<'_>, surroundings: &dyn Surroundings) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let start = surroundings.uptime();
        let waited = || surroundings.uptime().saturating_sub(start);
        let mut moved: Option<String> = None;
        let mut again = 0;
        loop {
            let left = self.limit.saturating_sub(waited());
            let url = moved.as_deref().unwrap_or(request.url);
            if left.is_zero() {
                return Err(VaultError::TimedOut { url: url.to_owned(), waited: waited() });
            }
            let agent = if url.starts_with("https:") { self.tls(surroundings)? } else { &self.plain };
            match self.once(agent, url, request, left, &waited)? {
                Tried::Done(body) => return Ok(body),
                Tried::There(to) if moved.is_none() => moved = Some(to),
                Tried::There(to) => return Err(VaultError::Redirect { url: url.to_owned(), to }),
                Tried::Later(error) if again == self.retries => return Err(error),
                Tried::Later(error) => {
                    let pause = pause(again);
                    if pause >= left {
                        return Err(error);
                    }
                    std::thread::sleep(pause);
                    again += 1;
                }
            }
        }
    }

    fn once(
        &self,
        agent: &Agent,
        url: &str,
        request: &Request<'_>,
        left: Duration,
        waited: &dyn Fn() -> Duration,
    ) -> Result<Tried, VaultError> {
        let mut put = agent.put(url).config().timeout_global(Some(left)).timeout_connect(Some(CONNECT.min(left))).build();
        if let Some(headers) = put.headers_mut() {
            headers.clone_from(&self.headers);
        }
        let mut response = match put.send(request.body) {
            Ok(response) => response,
            Err(ureq::Error::Timeout(_)) => return Err(VaultError::TimedOut { url: url.to_owned(), waited: waited() }),
            Err(error) => {
                // A connection that was closed without an answer may have been an old one.
                let closed = matches!(&error, ureq::Error::Io(e) if matches!(e.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset));
                let error = VaultError::Unreachable { url: url.to_owned(), why: why(&error) };
                return if closed { Ok(Tried::Later(error)) } else { Err(error) };
            }
        };
        let status = response.status().as_u16();
        if matches!(status, 301 | 302 | 307 | 308) {
            let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
            let to = self.shown(to, request);
            return if same_server(url, &to) {
                Ok(Tried::There(to))
            } else {
                Err(VaultError::Redirect { url: url.to_owned(), to })
            };
        }
        let body = match response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec() {
            Ok(body) => Zeroizing::new(body),
            Err(ureq::Error::Timeout(_)) => return Err(VaultError::TimedOut { url: url.to_owned(), waited: waited() }),
            Err(error) => return Err(VaultError::Unreachable { url: url.to_owned(), why: why(&error) }),
        };
        if status == 200 {
            return Ok(Tried::Done(body));
        }
        let refused =
            VaultError::Refused { url: url.to_owned(), status, said: self.said(&body, request), with_token: self.token.is_some() };
        // As Vault's own client: throttled, not up to date yet, broken for now.
        let later = matches!(status, 412 | 429) || (status >= 500 && status != 501);
        if later { Ok(Tried::Later(refused)) } else { Err(refused) }
    }

    fn tls(&self, surroundings: &dyn Surroundings) -> Result<&Agent, VaultError> {
        let make = || {
            // Another library may have chosen one before; either will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let builder = TlsConfig::builder();
            let config = match surroundings.trust().map_err(VaultError::Settings)? {
                Trust::Anyone => builder.disable_verification(true),
                Trust::Certificates(certificates) => {
                    let certificates = certificates.iter().map(|der| Certificate::from_der(der).to_owned());
                    builder.root_certs(RootCerts::from(certificates))
                }
            };
            Ok(agent(config.build()))
        };
        self.tls.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// What a server says about an error: `{"errors": ["…"]}`.
    fn said(&self, body: &[u8], request: &Request<'_>) -> Vec<String> {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let errors = answer.get("errors").and_then(serde_json::Value::as_array);
        errors.into_iter().flatten().filter_map(serde_json::Value::as_str).take(3).map(|text| self.shown(text, request)).collect()
    }

    /// Words of a server, fit to be shown: one line, not long, without what we sent.
    fn shown(&self, text: &str, request: &Request<'_>) -> String {
        let mut text = text.to_owned();
        for secret in self.token.iter().map(|token| token.expose().as_str()).chain([request.secret]) {
            if !secret.is_empty() {
                text = text.replace(secret, "[redacted]");
            }
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
    }
}

fn agent(tls: TlsConfig) -> Agent {
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("leafseal/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

/// Whether a redirect stays: the same address, or the same host by `https` instead of `http`.
fn same_server(from: &str, to: &str) -> bool {
    let address = |url: &str| {
        let start = url.find("://")? + 3;
        let end = url[start..].find('/').map_or(url.len(), |at| start + at);
        origin(&url[..end]).ok().map(str::to_owned)
    };
    let (Some(from), Some(to)) = (address(from), address(to)) else { return false };
    let host = |address: &str| {
        let rest = address.split_once("://").map(|(_, rest)| rest)?.to_owned();
        Some(match rest.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.to_owned(),
            _ => rest,
        })
    };
    from == to || (from.starts_with("http://") && to.starts_with("https://") && host(&from) == host(&to))
}

/// How long to wait before a request is sent again.
fn pause(again: u32) -> Duration {
    let least = PAUSE.saturating_mul(1 << again.min(5));
    let share = getrandom::u32().unwrap_or_default();
    least + least.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

/// An error of the HTTP library in words.
fn why(error: &ureq::Error) -> String {
    let text = match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => String::from("there is no such host"),
        ureq::Error::Protocol(_) => String::from("answers something that is not HTTP"),
        other => other.to_string(),
    };
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_may_only_stay_on_the_same_server() {
        for (from, to, same) in [
            ("http://a:1/v1/x", "http://a:1/v1/y", true),
            ("http://a:80/v1/x", "https://a/v1/x", true),
            ("http://a:1/v1/x", "http://a:2/v1/x", false),
            ("https://a/v1/x", "http://a/v1/x", false),
            ("https://a/v1/x", "https://b/v1/x", false),
            ("https://a/v1/x", "https://a@b/v1/x", false),
            ("https://a/v1/x", "https://a.b/v1/x", false),
            ("https://a/v1/x", "//b/v1/x", false),
            ("https://a/v1/x", "", false),
        ] {
            assert_eq!(same_server(from, to), same, "{from} {to}");
        }
    }

    #[test]
    fn pauses_grow_and_are_not_all_alike() {
        for again in 0..3 {
            let least = PAUSE * (1 << again);
            assert!((least..=least * 2).contains(&pause(again)));
        }
        let some: std::collections::HashSet<Duration> = (0..20).map(|_| pause(0)).collect();
        assert!(some.len() > 1);
    }
}
