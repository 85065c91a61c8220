//! Owns the HTTP of key services: one client a process and kind of trust, tries again what was turned away for now, goes to no other server.
//!
//! What a service says is cleaned before anyone sees it. Nothing is connected, and no certificate is read, before a request needs it.

mod address;
mod words;

#[cfg(any(feature = "vault", feature = "huawei-kms"))]
pub(super) use address::escaped;
pub(super) use address::origin;
pub(super) use words::shown;

use address::same_server;
use words::why;

use std::sync::OnceLock;
use std::time::Duration;
use ureq::Agent;
#[cfg(feature = "key-rest")]
use ureq::http::HeaderName;
use ureq::http::{HeaderMap, HeaderValue, Method};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// The first pause before a request is sent again, where a service needs no longer one.
#[cfg(any(feature = "huawei-kms", feature = "azure-kv", feature = "gcp-kms"))]
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 1 << 20;

/// What the host knows about the network. Asked only when a request is made.
pub trait Network: Sync {
    /// Whose certificates are trusted. Asked only for `https`.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    fn trust(&self) -> Result<Trust, String>;

    /// Time since any moment that does not move.
    fn uptime(&self) -> Duration;
}

/// Whose certificates are trusted.
#[derive(Debug)]
pub enum Trust {
    /// Those that one of these certificates signed, each in DER.
    Certificates(Vec<Vec<u8>>),
    /// Any.
    Anyone,
}

/// Why a server could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// What is set cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The server could not be asked.
    #[error("{url}: {why}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why not.
        why: String,
    },
    /// The server did not answer in time.
    #[error("{url}: no answer within {} s", .waited.as_secs_f64().round())]
    TimedOut {
        /// What was asked.
        url: String,
        /// How long.
        waited: Duration,
    },
    /// The server points to another one, which must not get the credentials.
    #[error("{url}: it redirects to {to}, which is another server and is not given the credentials")]
    Redirect {
        /// What was asked.
        url: String,
        /// Where it points to.
        to: String,
    },
    /// The server answered something that is no answer.
    #[error("{url}: answers {what}")]
    Garbage {
        /// What was asked.
        url: String,
        /// What came.
        what: &'static str,
    },
}

/// What is sent.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) body: &'a [u8],
    /// What must not be shown if the server says it back.
    pub(super) secrets: &'a [&'a str],
}

/// How a request is sent.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// How often it is sent again at most.
    pub(super) retries: u32,
    /// The first pause before that; each further one is twice as long, as much again is added at random, and it is at least as long as the
    /// service asks for (`Retry-After`).
    pub(super) pause: Duration,
    /// Which statuses mean *perhaps soon*.
    pub(super) later: fn(u16) -> bool,
    /// Whether a redirect on the same server is followed, once.
    pub(super) follow: bool,
    /// Whether the proxy of the environment is left out: the metadata services of machines.
    pub(super) direct: bool,
}

/// The moment by which something must be done.
pub(super) struct Deadline<'a> {
    network: &'a dyn Network,
    start: Duration,
    limit: Duration,
}

impl<'a> Deadline<'a> {
    /// This long from now.
    pub(super) fn new(network: &'a dyn Network, limit: Duration) -> Self {
        Self { network, start: network.uptime(), limit }
    }

    /// How much is left.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.waited())
    }

    /// How long it has been.
    pub(super) fn waited(&self) -> Duration {
        self.network.uptime().saturating_sub(self.start)
    }

    /// The same, but no longer than this from now.
    #[cfg(any(feature = "huawei-kms", feature = "azure-kv"))]
    pub(super) fn within(&self, limit: Duration) -> Self {
        Self::new(self.network, self.left().min(limit))
    }
}

/// An answer that is no redirect; its body is wiped.
pub(super) struct Reply {
    /// Where it came from.
    #[cfg(feature = "key-rest")]
    pub(super) url: String,
    pub(super) status: u16,
    #[cfg(feature = "azure-kv")]
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
}

#[cfg(feature = "key-rest")]
impl Reply {
    /// The text at a place (`/data/plaintext`) of an answer in JSON; everything else in it is wiped.
    ///
    /// # Errors
    /// [`HttpError::Garbage`].
    pub(super) fn text_at(&self, place: &str) -> Result<Zeroizing<String>, HttpError> {
        let garbage = |what| HttpError::Garbage { url: self.url.clone(), what };
        let mut answer: serde_json::Value =
            serde_json::from_slice(&self.body).map_err(|_| garbage("something that is not JSON"))?;
        let found = answer.pointer_mut(place).map(serde_json::Value::take);
        wipe(answer);
        match found {
            Some(serde_json::Value::String(text)) if text.is_empty() => Err(garbage("an empty result")),
            Some(serde_json::Value::String(text)) => Ok(Zeroizing::new(text)),
            Some(other) => {
                wipe(other);
                Err(garbage("a result that is not text"))
            }
            None => Err(garbage("no result")),
        }
    }
}

#[cfg(feature = "gcp-kms")]
impl Reply {
    /// What stands at a place of an answer in JSON, where it is no secret.
    pub(super) fn json_at(&self, place: &str) -> Option<serde_json::Value> {
        let mut answer: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let found = answer.pointer_mut(place).map(serde_json::Value::take);
        wipe(answer);
        found
    }
}

/// The client.
pub(super) struct Client {
    plain: OnceLock<Agent>,
    direct: OnceLock<Agent>,
    tls: OnceLock<Result<Agent, HttpError>>,
}

/// What a try gave.
enum Tried {
    Done(Reply),
    /// Not now; perhaps soon, or after a time that the service names. The answer, if there was one.
    Later(Result<Reply, HttpError>, Duration),
    /// The same server, another place.
    There(String),
}

impl Client {
    /// One that has connected to nothing.
    pub(super) fn new() -> Self {
        Self { plain: OnceLock::new(), direct: OnceLock::new(), tls: OnceLock::new() }
    }

    /// Sends a request, and again where that may help, before the deadline; gives the last answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpError`].
    pub(super) fn send(&self, request: &Request<'_>, rules: Rules, deadline: &Deadline<'_>) -> Result<Reply, HttpError> {
        let mut moved: Option<String> = None;
        let mut again = 0;
        loop {
            let left = deadline.left();
            let url = moved.as_deref().unwrap_or(request.url);
            if left.is_zero() {
                return Err(HttpError::TimedOut { url: url.to_owned(), waited: deadline.waited() });
            }
            let agent = self.agent(url, rules, deadline.network)?;
            match once(agent, url, request, rules, deadline)? {
                Tried::Done(reply) => return Ok(reply),
                Tried::There(to) if moved.is_none() => moved = Some(to),
                Tried::There(to) => return Err(HttpError::Redirect { url: url.to_owned(), to }),
                Tried::Later(last, _) if again == rules.retries => return last,
                Tried::Later(last, least) => {
                    let pause = pause(rules.pause, again).max(least);
                    if pause >= deadline.left() {
                        return last;
                    }
                    std::thread::sleep(pause);
                    again += 1;
                }
            }
        }
    }

    fn agent(&self, url: &str, rules: Rules, network: &dyn Network) -> Result<&Agent, HttpError> {
        if rules.direct {
            return Ok(self.direct.get_or_init(|| agent(TlsConfig::default(), false)));
        }
        if !url.starts_with("https:") {
            return Ok(self.plain.get_or_init(|| agent(TlsConfig::default(), true)));
        }
        let make = || {
            install_provider();
            let builder = TlsConfig::builder();
            let config = match network.trust().map_err(HttpError::Settings)? {
                Trust::Anyone => builder.disable_verification(true),
                Trust::Certificates(certificates) => {
                    let certificates = certificates.iter().map(|der| Certificate::from_der(der).to_owned());
                    builder.root_certs(RootCerts::from(certificates))
                }
            };
            Ok(agent(config.build(), true))
        };
        self.tls.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}

/// Chooses the cryptography of TLS.
pub(super) fn install_provider() {
    // Another library may have chosen one before; either will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn once(agent: &Agent, url: &str, request: &Request<'_>, rules: Rules, deadline: &Deadline<'_>) -> Result<Tried, HttpError> {
    let left = deadline.left();
    let timed_out = || HttpError::TimedOut { url: url.to_owned(), waited: deadline.waited() };
    let mut built = ureq::http::Request::builder().method(request.method.clone()).uri(url);
    if let Some(headers) = built.headers_mut() {
        headers.clone_from(&request.headers);
    }
    let unreachable = |why: String| HttpError::Unreachable { url: url.to_owned(), why };
    let cannot = |_| unreachable(String::from("this is no address"));
    let limited = |left| (Some(left), Some(CONNECT.min(left)));
    let (all, connect) = limited(left);
    let sent = if request.method == Method::GET {
        let built = built.body(()).map_err(cannot)?;
        agent.run(agent.configure_request(built).timeout_global(all).timeout_connect(connect).build())
    } else {
        let built = built.body(request.body).map_err(cannot)?;
        agent.run(agent.configure_request(built).timeout_global(all).timeout_connect(connect).build())
    };
    let mut response = match sent {
        Ok(response) => response,
        Err(ureq::Error::Timeout(_)) => return Err(timed_out()),
        Err(error) => {
            // A connection that was closed without an answer may have been an old one.
            let closed = matches!(&error, ureq::Error::Io(e) if matches!(e.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset));
            let error = unreachable(why(&error));
            return if closed { Ok(Tried::Later(Err(error), Duration::ZERO)) } else { Err(error) };
        }
    };
    let status = response.status().as_u16();
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let to = shown(to, request.secrets);
        let stays = rules.follow && status != 303 && same_server(url, &to);
        return if stays { Ok(Tried::There(to)) } else { Err(HttpError::Redirect { url: url.to_owned(), to }) };
    }
    let least = response.headers().get("retry-after").and_then(|text| text.to_str().ok()?.trim().parse().ok());
    let least = least.map_or(Duration::ZERO, Duration::from_secs);
    #[cfg(feature = "azure-kv")]
    let headers = std::mem::take(response.headers_mut());
    let body = match response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec() {
        Ok(body) => Zeroizing::new(body),
        Err(ureq::Error::Timeout(_)) => return Err(timed_out()),
        Err(error) => return Err(unreachable(why(&error))),
    };
    let reply = Reply {
        #[cfg(feature = "key-rest")]
        url: url.to_owned(),
        status,
        #[cfg(feature = "azure-kv")]
        headers,
        body,
    };
    Ok(if (rules.later)(status) { Tried::Later(Ok(reply), least) } else { Tried::Done(reply) })
}

/// A header's value.
///
/// # Errors
/// [`HttpError::Settings`], when the text cannot be sent. It is not shown.
pub(super) fn header(text: &str, what: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_str(text).map_err(|_| HttpError::Settings(format!("the {what} has characters that cannot be sent")))
}

/// Adds a header whose value is a secret.
///
/// # Errors
/// As [`header`].
#[cfg(feature = "key-rest")]
pub(super) fn insert_secret(headers: &mut HeaderMap, name: &'static str, text: &str, what: &str) -> Result<(), HttpError> {
    let mut value = header(text, what)?;
    value.set_sensitive(true);
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

/// Wipes the texts that are left in an answer.
#[cfg(feature = "key-rest")]
pub(super) fn wipe(value: serde_json::Value) {
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            serde_json::Value::String(mut text) => zeroize::Zeroize::zeroize(&mut text),
            serde_json::Value::Array(items) => values.extend(items),
            serde_json::Value::Object(entries) => values.extend(entries.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}

fn agent(tls: TlsConfig, with_proxy: bool) -> Agent {
    let mut builder = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("leafseal/", env!("CARGO_PKG_VERSION")));
    if !with_proxy {
        builder = builder.proxy(None);
    }
    builder.build().new_agent()
}

/// How long to wait before a request is sent again.
fn pause(first: Duration, again: u32) -> Duration {
    let least = first.saturating_mul(1 << again.min(5));
    let share = getrandom::u32().unwrap_or_default();
    least + least.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_not_all_alike() {
        const FIRST: Duration = Duration::from_millis(100);
        for again in 0..3 {
            let least = FIRST * (1 << again);
            assert!((least..=least * 2).contains(&pause(FIRST, again)));
        }
        let some: std::collections::HashSet<Duration> = (0..20).map(|_| pause(FIRST, 0)).collect();
        assert!(some.len() > 1);
    }
}
