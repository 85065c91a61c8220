//! Owns Google Cloud KMS master keys: wraps and unwraps data keys over the service's HTTP API (REST, which every address of it speaks beside
//! gRPC), with tokens from Google's own library.
//!
//! Credentials and addresses come from the host ([`Surroundings`]) and from the environment, which the library reads. An encrypted file is
//! hostile: what it names becomes segments of a path, in characters that ids have. Nothing of this is touched before a key needs it.
//! Rules: `docs/format.md`, "Google Cloud KMS master keys".

use super::GcpKmsKey;
use super::http::{self, Client, Deadline, HttpError, Network, Reply, Request, Rules};
use super::service::{KeyError, Reason, Unwrapped};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::OnceLock;
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderValue, Method};
use zeroize::Zeroizing;

mod error;
mod tokens;

pub use error::GcpKmsError;

use tokens::Tokens;

/// The longest `enc` that is read, in bytes; a data key wrapped by KMS has about one hundred.
const LARGEST: usize = 1 << 20;
/// How often a request is sent again when it was turned away for now.
const RETRIES: u32 = 3;

/// What the host knows about Google Cloud. Asked only when such a key is used.
pub trait Surroundings: Sync {
    /// Credentials, addresses and limits.
    ///
    /// # Errors
    /// In words, when something is set that cannot be used.
    fn settings(&self) -> Result<Settings, String>;
}

/// Credentials, addresses and limits.
#[derive(Debug)]
pub struct Settings {
    /// Credentials in JSON that were given: a service account's, say. They come first.
    pub credentials: Option<Secret<String>>,
    /// A token that was given.
    pub access_token: Option<Secret<String>>,
    /// Whether there are application default credentials in a file; the library finds it by itself.
    pub has_default: bool,
    /// Where credentials were looked for, in words.
    pub places: String,
    /// The address of the service: `http(s)://HOST[:PORT]`, or `HOST[:PORT]`.
    pub endpoint: Option<String>,
    /// The domain of another cloud than Google's own.
    pub universe: Option<String>,
    /// How long it may take to wrap or unwrap, all requests together.
    pub limit: Duration,
}

/// The Google Cloud KMS backend.
pub struct Backend<'a> {
    surroundings: &'a dyn Surroundings,
    network: &'a dyn Network,
    client: Client,
    ready: OnceLock<Result<Ready, GcpKmsError>>,
}

/// What is made of the settings, once.
struct Ready {
    address: String,
    /// Whether the address was given as one of gRPC is.
    as_grpc: bool,
    limit: Duration,
    tokens: Tokens,
}

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(gcp)")
    }
}

impl<'a> Backend<'a> {
    /// In these surroundings; nothing is looked up yet.
    pub fn new(surroundings: &'a dyn Surroundings, network: &'a dyn Network) -> Self {
        Self { surroundings, network, client: Client::new(), ready: OnceLock::new() }
    }

    /// Wraps a data key: the service's bytes in base64.
    ///
    /// # Errors
    /// [`GcpKmsError`].
    pub fn wrap(&self, key: &GcpKmsKey, data_key: &[u8]) -> Result<String, KeyError> {
        let reply = self.ask(key, "encrypt", "plaintext", data_key)?;
        let wrapped = checked(&reply, "ciphertext")?;
        // False where the service did not get what was sent; not there where it does not check.
        if reply.json_at("/verifiedPlaintextCrc32c").is_some_and(|verified| verified == serde_json::Value::Bool(false)) {
            return Err(GcpKmsError::from(HttpError::Garbage { url: reply.url, what: DAMAGED }).into());
        }
        Ok(STANDARD.encode(wrapped.as_slice()))
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`GcpKmsError`].
    pub fn unwrap(&self, key: &GcpKmsKey, enc: &str) -> Result<Unwrapped, KeyError> {
        if enc.len() > LARGEST {
            return Err(GcpKmsError::TooLarge(enc.len()).into());
        }
        let wrapped = STANDARD.decode(enc).map_err(|_| GcpKmsError::NotBase64)?;
        match self.ask(key, "decrypt", "ciphertext", &wrapped) {
            Ok(reply) => Ok(Unwrapped::Opened(Secret::new(checked(&reply, "plaintext")?.to_vec()))),
            Err(GcpKmsError::NoCredentials(places)) => Ok(Unwrapped::NothingHere(nothing(&places))),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends bytes in one field, with their checksum.
    fn ask(&self, key: &GcpKmsKey, verb: &str, field: &str, bytes: &[u8]) -> Result<Reply, GcpKmsError> {
        if !is_resource(&key.resource_id) {
            return Err(GcpKmsError::ResourceId(key.resource_id.clone()));
        }
        let ready = self.ready()?;
        let deadline = Deadline::new(self.network, ready.limit);
        let token = ready.tokens.token(&deadline)?;
        let value = Zeroizing::new(STANDARD.encode(bytes));
        let body = serde_json::json!({ field: *value, format!("{field}Crc32c"): crc32c(bytes).to_string() });
        let sent = Zeroizing::new(body.to_string().into_bytes());
        http::wipe(body);
        let url = format!("{}/v1/{}:{verb}", ready.address, key.resource_id);
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
        http::insert_secret(&mut headers, "authorization", &bearer, "token for Google Cloud")?;
        let secrets = [token.expose().as_str(), value.as_str()];
        let request = Request { method: Method::POST, url: &url, headers, body: &sent, secrets: &secrets };
        let later = |status| matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        let rules = Rules { retries: RETRIES, pause: http::PAUSE, later, follow: false, direct: false };
        let reply = self.client.send(&request, rules, &deadline).map_err(|error| match error {
            HttpError::Unreachable { url, why } if ready.as_grpc => {
                HttpError::Unreachable { url, why: format!("{why} (an address of gRPC must speak REST as well, as Google's do)") }
            }
            other => other,
        })?;
        if reply.status == 200 {
            return Ok(reply);
        }
        Err(GcpKmsError::Refused { status: reply.status, said: said(&reply.body, &secrets), url: reply.url })
    }

    fn ready(&self) -> Result<&Ready, GcpKmsError> {
        let make = || {
            let settings = self.surroundings.settings().map_err(GcpKmsError::Settings)?;
            let address = address(settings.endpoint.as_deref(), settings.universe.as_deref())?;
            let as_grpc = settings.endpoint.as_ref().is_some_and(|endpoint| !endpoint.contains("://"));
            Ok(Ready { address, as_grpc, limit: settings.limit, tokens: Tokens::new(settings, self.network)? })
        };
        self.ready.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}

/// What is said of bytes that do not match their checksum.
const DAMAGED: &str = "something that was damaged on the way: its checksum does not match";

/// The bytes of a field of an answer, which must match their checksum where there is one.
fn checked(reply: &Reply, field: &str) -> Result<Zeroizing<Vec<u8>>, GcpKmsError> {
    let garbage = |what| HttpError::Garbage { url: reply.url.clone(), what };
    let text = reply.text_at(&format!("/{field}"))?;
    let bytes = STANDARD.decode(text.as_str()).map_err(|_| garbage("a result that is not base64"))?;
    let bytes = Zeroizing::new(bytes);
    let sum = match reply.json_at(&format!("/{field}Crc32c")) {
        Some(serde_json::Value::String(text)) => Some(text.parse().ok()),
        Some(serde_json::Value::Number(number)) => Some(number.as_u64()),
        _ => None,
    };
    match sum {
        Some(sum) if sum != Some(u64::from(crc32c(&bytes))) => Err(garbage(DAMAGED).into()),
        _ => Ok(bytes),
    }
}

/// The checksum of the service: CRC-32C (Castagnoli).
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// `http(s)://HOST[:PORT]` of the service.
fn address(endpoint: Option<&str>, universe: Option<&str>) -> Result<String, GcpKmsError> {
    let (address, name) = match (endpoint, universe) {
        // The address of a gRPC service goes without `https://`; it is the same one.
        (Some(endpoint), _) if endpoint.contains("://") => (endpoint.to_owned(), "SOPS_GCP_KMS_ENDPOINT"),
        (Some(endpoint), _) => (format!("https://{endpoint}"), "SOPS_GCP_KMS_ENDPOINT"),
        (None, Some(universe)) => (format!("https://cloudkms.{universe}"), "SOPS_GCP_KMS_UNIVERSE_DOMAIN"),
        (None, None) => return Ok(String::from("https://cloudkms.googleapis.com")),
    };
    let wrong =
        || GcpKmsError::Settings(format!("{name} must be an address: a host, perhaps with http(s):// before and a port behind it"));
    http::origin(&address).map(str::to_owned).ok_or_else(wrong)
}

/// Whether a text is the resource id of a key, without a version.
fn is_resource(text: &str) -> bool {
    let word = |text: &str| {
        let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        (1..=128).contains(&text.len()) && !matches!(text, "." | "..") && text.bytes().all(sound)
    };
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "locations", location, "keyRings", ring, "cryptoKeys", key] => {
            [project, location, ring].into_iter().all(|text| word(text)) && word(key) && !key.contains(':')
        }
        _ => false,
    }
}

/// What the service says about an error: `{"error": {"status", "message"}}`.
fn said(body: &[u8], secrets: &[&str]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| answer.pointer(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let words = [text("/error/status"), text("/error/message")];
    http::shown(&words.into_iter().flatten().collect::<Vec<_>>().join(": "), secrets)
}

fn nothing(places: &str) -> Reason {
    Reason {
        summary: format!("no credentials for Google Cloud: {places}"),
        hints: vec![String::from(
            "for Google Cloud keys run `gcloud auth application-default login`, or set GOOGLE_CREDENTIALS to the file of a service account",
        )],
        ..Reason::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_id_is_eight_words() {
        for id in [
            "projects/p/locations/global/keyRings/r/cryptoKeys/k",
            "projects/example.com:p-1/locations/europe-west1/keyRings/r_1/cryptoKeys/k",
        ] {
            assert!(is_resource(id), "{id}");
        }
        for id in [
            "",
            "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "projects/p/locations/global/keyRings/r/cryptoKeys/",
            "projects/../locations/global/keyRings/r/cryptoKeys/k",
            "projects/p/locations/global/keyRings/r/cryptoKeys/k:decrypt",
            "projects/p/locations/global/keyRings/r/cryptoKeys/k?x",
            "projects/p/locations/global/keyRings/r/cryptoKeys/k#",
            "projects/p q/locations/global/keyRings/r/cryptoKeys/k",
            "projects/p/locations/global/keyRings/r/cryptoKeys/k\r\n",
            "/projects/p/locations/global/keyRings/r/cryptoKeys/k",
        ] {
            assert!(!is_resource(id), "{id}");
        }
    }

    #[test]
    fn addresses_are_those_of_grpc_too() {
        let found = |endpoint, universe| address(endpoint, universe).ok();
        assert_eq!(found(None, None).as_deref(), Some("https://cloudkms.googleapis.com"));
        assert_eq!(found(Some("127.0.0.1:8470"), None).as_deref(), Some("https://127.0.0.1:8470"));
        assert_eq!(found(Some("http://127.0.0.1:8471"), Some("x.fr")).as_deref(), Some("http://127.0.0.1:8471"));
        assert_eq!(found(None, Some("s3nsapis.fr")).as_deref(), Some("https://cloudkms.s3nsapis.fr"));
        for endpoint in ["https://h/path", "me@h", "ftp://h", "h?x"] {
            assert_eq!(found(Some(endpoint), None), None, "{endpoint}");
        }
    }

    /// The check value that the algorithm is published with.
    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!((crc32c(b"123456789"), crc32c(b"")), (0xE306_9283, 0));
    }
}
