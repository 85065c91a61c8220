//! Owns the HTTP of key services: one client a process and kind of trust, tries again what was turned away for now, goes to no other server.
//!
//! What a service says is cleaned before anyone sees it. Nothing is connected, and no certificate is read, before a request needs it.

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
/// The first pause before a request is sent again; each further one is twice as long. As much again is added at random.
const PAUSE: Duration = Duration::from_millis(100);
/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 1 << 20;
/// How much is shown of what a server says.
const SHOWN: usize = 300;

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
    /// Not now; perhaps soon. The answer, if there was one.
    Later(Result<Reply, HttpError>),
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
                Tried::Later(last) if again == rules.retries => return last,
                Tried::Later(last) => {
                    let pause = pause(again);
                    if pause >= left {
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
            return if closed { Ok(Tried::Later(Err(error))) } else { Err(error) };
        }
    };
    let status = response.status().as_u16();
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let to = shown(to, request.secrets);
        let stays = rules.follow && status != 303 && same_server(url, &to);
        return if stays { Ok(Tried::There(to)) } else { Err(HttpError::Redirect { url: url.to_owned(), to }) };
    }
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
    Ok(if (rules.later)(status) { Tried::Later(Ok(reply)) } else { Tried::Done(reply) })
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

/// Words of a server, fit to be shown: one line, not long, without what we sent.
pub(super) fn shown(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[redacted]");
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// `http(s)://HOST[:PORT]` without the slash at its end; `None` for anything with more in it: a user, a path, a query.
pub(super) fn origin(address: &str) -> Option<&str> {
    let bare = address.strip_suffix('/').unwrap_or(address);
    let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!host.is_empty() && !host.starts_with(':') && host.chars().all(plain)).then_some(bare)
}

/// Escapes what may not stand in one segment of a path.
#[cfg(any(feature = "vault", feature = "huawei-kms"))]
pub(super) fn escaped(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
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

/// Whether a redirect stays: the same address, or the same host by `https` instead of `http`.
fn same_server(from: &str, to: &str) -> bool {
    let address = |url: &str| {
        let start = url.find("://")? + 3;
        let end = url[start..].find('/').map_or(url.len(), |at| start + at);
        origin(&url[..end]).map(str::to_owned)
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
        // TLS says it at length.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            String::from("the connection was closed without an answer")
        }
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
    fn an_address_is_a_host_and_nothing_else() {
        for (address, origin_of_it) in [
            ("https://vault.example.com:8200", "https://vault.example.com:8200"),
            ("http://127.0.0.1:8200/", "http://127.0.0.1:8200"),
            ("https://[::1]:8200", "https://[::1]:8200"),
        ] {
            assert_eq!(origin(address), Some(origin_of_it));
        }
        for address in [
            "",
            "vault:8200",
            "https://",
            "https://:8200",
            "https://me:pass@vault",
            "https://vault/prefix",
            "https://vault?x",
            "https://vault#x",
            "file:///etc",
            "https://a b",
            "https://vault\r\nX: y",
        ] {
            assert_eq!(origin(address), None, "{address}");
        }
    }

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

    #[test]
    fn words_of_a_server_are_one_line_without_what_was_sent() {
        assert_eq!(shown("no\r\n\u{1b}[31m s3cret", &["s3cret", ""]), "no   [31m [redacted]");
        assert_eq!(shown(&"x".repeat(1000), &[]).len(), SHOWN);
    }
}
