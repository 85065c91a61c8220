//! Owns key services over the network: a client of sops's key service protocol (gRPC), and the other end of it.
//!
//! A service is asked with plain HTTP/2, as sops does: who can read along on the way reads data keys. A path in the file system
//! (`unix:`), or a tunnel, keeps them to themselves. Rules: `docs/format.md`, "Key service protocol".

use super::service::{KeyError, KeyService, Unwrapped};
use super::words::without_number;
use super::{MasterKey, WrappedKey};
use crate::secret::Secret;
use messages::{Key, Request, Response};
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};

mod messages;
mod serve;

pub use serve::{Call, Refusal, Work, serve};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// How much is shown of what a service says.
const SHOWN: usize = 2_000;
/// The longest answer, in bytes: a post-quantum age file has some four thousand.
const LARGEST: usize = 1 << 20;
/// The methods of the protocol.
const ENCRYPT: &str = "/KeyService/Encrypt";
const DECRYPT: &str = "/KeyService/Decrypt";

/// Where a key service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `tcp://HOST:PORT`.
    Tcp(String),
    /// `unix:///PATH`.
    Unix(String),
}

impl Address {
    /// Reads `tcp://HOST:PORT`, `unix:///PATH` or `unix:/PATH`, as the reference; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return (path.starts_with('/') && !path.contains('\0')).then(|| Self::Unix(path.to_owned()));
        }
        let host = ["tcp://", "tcp4://", "tcp6://"].iter().find_map(|scheme| text.strip_prefix(scheme))?;
        let host = host.strip_suffix('/').unwrap_or(host);
        let (name, port) = host.rsplit_once(':')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        let sound = !name.is_empty() && name.chars().all(plain) && port.parse::<u16>().is_ok();
        sound.then(|| Self::Tcp(host.to_owned()))
    }

    /// Whether what is sent stays on this machine.
    pub fn is_here(&self) -> bool {
        let Self::Tcp(host) = self else { return true };
        let name = host.rsplit_once(':').map_or("", |(name, _)| name).trim_matches(['[', ']']);
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn endpoint(&self) -> Result<Endpoint, tonic::transport::Error> {
        match self {
            Self::Tcp(host) => Endpoint::from_shared(format!("http://{host}")),
            Self::Unix(path) => Endpoint::from_shared(format!("unix:{path}")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::Unix(path) => write!(f, "unix://{path}"),
        }
    }
}

/// Why a key service did not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It could not be asked, or went away.
    #[error("the key service at {address} cannot be asked: {why}")]
    Unreachable {
        /// Where.
        address: Address,
        /// Why not.
        why: String,
    },
    /// It did not answer in time.
    #[error("the key service at {address} gave no answer within {} s", .limit.as_secs_f32())]
    TimedOut {
        /// Where.
        address: Address,
        /// How long.
        limit: Duration,
    },
    /// It said no.
    #[error("the key service at {address} says: {said}")]
    Refused {
        /// Where.
        address: Address,
        /// Its own words.
        said: String,
    },
    /// Its answer is none.
    #[error("the key service at {address} answers {what}")]
    Garbage {
        /// Where.
        address: Address,
        /// What it answers.
        what: &'static str,
    },
}

/// A key service somewhere else.
pub struct Remote {
    address: Address,
    limit: Duration,
    line: OnceLock<Result<Line, String>>,
}

/// The line to a service, with the runtime it runs in. Not connected before something is asked.
struct Line {
    /// Taken out when it ends: it does not wait for a name that is never resolved.
    runtime: Option<tokio::runtime::Runtime>,
    grpc: Grpc<Channel>,
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.address)
    }
}

impl Remote {
    /// At this address; an answer may take `limit`. Nothing is sent yet.
    pub fn new(address: Address, limit: Duration) -> Self {
        Self { address, limit, line: OnceLock::new() }
    }

    fn line(&self) -> Result<&Line, RemoteError> {
        let make = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
            let endpoint = self.address.endpoint().map_err(|error| error.to_string())?;
            let channel = {
                let _inside = runtime.enter();
                endpoint.connect_timeout(CONNECT.min(self.limit)).connect_lazy()
            };
            let grpc = Grpc::new(channel).max_decoding_message_size(LARGEST);
            Ok(Line { runtime: Some(runtime), grpc })
        };
        let unreachable = |why: &String| RemoteError::Unreachable { address: self.address.clone(), why: why.clone() };
        self.line.get_or_init(make).as_ref().map_err(unreachable)
    }

    fn ask(&self, method: &'static str, request: Request) -> Result<Response, RemoteError> {
        let line = self.line()?;
        let mut grpc = line.grpc.clone();
        let call = async {
            grpc.ready().await.map_err(|error| self.unreachable(&error))?;
            let codec = tonic_prost::ProstCodec::<Request, Response>::default();
            let answer = grpc.unary(tonic::Request::new(request), PathAndQuery::from_static(method), codec).await;
            answer.map(tonic::Response::into_inner).map_err(|status| self.no(&status))
        };
        let runtime = line.runtime.as_ref().ok_or_else(|| self.garbage("nothing"))?;
        let limited = runtime.block_on(async { tokio::time::timeout(self.limit, call).await });
        limited.unwrap_or_else(|_| Err(RemoteError::TimedOut { address: self.address.clone(), limit: self.limit }))
    }

    /// What a status says: the service's own words, or that there was none to answer.
    fn no(&self, status: &tonic::Status) -> RemoteError {
        match std::error::Error::source(status) {
            Some(cause) => self.unreachable(cause),
            None if status.message().is_empty() => {
                RemoteError::Refused { address: self.address.clone(), said: shown(status.code().description()) }
            }
            None => RemoteError::Refused { address: self.address.clone(), said: shown(status.message()) },
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> RemoteError {
        let mut innermost = error;
        while let Some(cause) = innermost.source() {
            innermost = cause;
        }
        let text = innermost.to_string();
        let text = shown(without_number(&text));
        let mut chars = text.chars();
        let why = chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default();
        RemoteError::Unreachable { address: self.address.clone(), why }
    }

    fn garbage(&self, what: &'static str) -> RemoteError {
        RemoteError::Garbage { address: self.address.clone(), what }
    }
}

impl KeyService for Remote {
    fn wrap(&self, key: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
        let mut answer = self.ask(ENCRYPT, Request { key: Some(Key::from(key)), bytes: data_key.to_vec() })?;
        match String::from_utf8(std::mem::take(&mut answer.bytes)) {
            Ok(enc) if enc.is_empty() => Err(self.garbage("without a wrapped data key").into()),
            Ok(enc) if enc.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
                Err(self.garbage("with characters that no wrapped data key has").into())
            }
            Ok(enc) => Ok(enc),
            Err(_) => Err(self.garbage("with something that is not text").into()),
        }
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
        let request = Request { key: Some(Key::from(&key.key)), bytes: key.enc.clone().into_bytes() };
        let mut answer = self.ask(DECRYPT, request)?;
        Ok(Unwrapped::Opened(Secret::new(std::mem::take(&mut answer.bytes))))
    }

    fn address(&self) -> Option<String> {
        Some(self.address.to_string())
    }

    /// A request for no key: every service says no.
    fn check(&self) -> Result<(), KeyError> {
        match self.ask(DECRYPT, Request { key: Some(Key { key_type: None }), bytes: Vec::new() }) {
            Ok(_) | Err(RemoteError::Refused { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Words of a service, fit to be shown: not long, without control characters but line breaks.
fn shown(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_sops() {
        for (text, shown) in [
            ("tcp://127.0.0.1:5000", "tcp://127.0.0.1:5000"),
            ("tcp://[::1]:5000/", "tcp://[::1]:5000"),
            ("tcp4://keys.example.com:1", "tcp://keys.example.com:1"),
            ("unix:///run/keys.sock", "unix:///run/keys.sock"),
            ("unix:/run/a b", "unix:///run/a b"),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), Some(shown), "{text}");
        }
        for text in [
            "",
            "127.0.0.1:5000",
            "localhost:5000",
            "tcp://",
            "tcp://host",
            "tcp://:5000",
            "tcp://h:99999",
            "tcp://a@b:1",
            "http://h:1",
            "unix:",
            "unix://relative",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_stays_on_this_machine_is_known() {
        let here = |text| Address::parse(text).expect("an address").is_here();
        assert!(here("unix:///x") && here("tcp://localhost:1") && here("tcp://127.0.0.9:1") && here("tcp://[::1]:1"));
        assert!(!here("tcp://10.0.0.1:1") && !here("tcp://localhost.example.com:1") && !here("tcp://[2001:db8::1]:1"));
    }
}
