//! Owns HashiCorp Vault and OpenBao transit master keys: wraps and unwraps data keys over Vault's HTTP API.
//!
//! Which server is asked stands in the key; token, namespace, trust and limits come from the host ([`Surroundings`]). An encrypted file is
//! hostile: what it names must be a plain `http(s)://HOST[:PORT]`, must be on the allowlist, and never becomes more than segments of a path.
//! Rules: `docs/format.md`, "Vault master keys".

use super::VaultKey;
use super::http::{self, HttpError, Network};
use super::service::{KeyError, Unwrapped};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::OnceLock;
use std::time::Duration;
use zeroize::Zeroizing;

mod allowlist;
mod client;
mod error;

pub use error::VaultError;

use allowlist::Allowlist;
use client::Client;

/// The longest `enc` that is read, in bytes; a data key wrapped by transit has about one hundred.
const LARGEST: usize = 1 << 20;

/// What the host knows about Vault. Asked only when a Vault key is used.
pub trait Surroundings: Network {
    /// Token, namespace, allowlist and limits.
    ///
    /// # Errors
    /// In words, when something is set that cannot be used.
    fn settings(&self) -> Result<Settings, String>;
}

/// Token, namespace, allowlist and limits.
#[derive(Debug)]
pub struct Settings {
    /// The token; requests go without one where there is none.
    pub token: Option<Secret<String>>,
    /// The namespace of Vault Enterprise.
    pub namespace: Option<String>,
    /// The agent that is asked instead of the address in the key: `http(s)://HOST[:PORT]`.
    pub agent: Option<String>,
    /// Which addresses may be asked: empty or `all`, `none`, or prefixes separated by commas.
    pub allowlist: String,
    /// How often a request that was turned away for now is tried again.
    pub retries: u32,
    /// How long a request may take, all tries together.
    pub limit: Duration,
}

/// The Vault backend.
pub struct Backend<'a> {
    surroundings: &'a dyn Surroundings,
    ready: OnceLock<Result<Ready, VaultError>>,
}

/// What is made of the settings, once.
struct Ready {
    agent: Option<String>,
    allowlist: Result<Allowlist, VaultError>,
    client: Client,
}

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(vault)")
    }
}

impl<'a> Backend<'a> {
    /// In these surroundings; nothing is looked up yet.
    pub fn new(surroundings: &'a dyn Surroundings) -> Self {
        Self { surroundings, ready: OnceLock::new() }
    }

    /// Wraps a data key: transit's own text, `vault:v1:…`.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn wrap(&self, key: &VaultKey, data_key: &[u8]) -> Result<String, KeyError> {
        let plaintext = Zeroizing::new(STANDARD.encode(data_key));
        let wrapped = self.ask(key, "encrypt", "plaintext", &plaintext, "ciphertext")?;
        Ok(wrapped.as_str().to_owned())
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unwrap(&self, key: &VaultKey, enc: &str) -> Result<Unwrapped, KeyError> {
        if enc.len() > LARGEST {
            return Err(VaultError::TooLarge(enc.len()).into());
        }
        let plaintext = self.ask(key, "decrypt", "ciphertext", enc, "plaintext")?;
        match STANDARD.decode(plaintext.as_str()) {
            Ok(data_key) => Ok(Unwrapped::Opened(Secret::new(data_key))),
            Err(_) => {
                let (url, what) = (self.url(key, "decrypt")?, "a plaintext that is not base64");
                Err(VaultError::Http(HttpError::Garbage { url, what }).into())
            }
        }
    }

    /// Sends one field, gives back another.
    fn ask(
        &self,
        key: &VaultKey,
        verb: &'static str,
        field: &str,
        value: &str,
        wanted: &str,
    ) -> Result<Zeroizing<String>, VaultError> {
        let ready = self.ready()?;
        let allowlist = ready.allowlist.as_ref().map_err(Clone::clone)?;
        if !allowlist.allows(&key.address) {
            return Err(VaultError::NotAllowed(key.address.clone()));
        }
        let url = self.url(key, verb)?;
        let body = Zeroizing::new(serde_json::json!({ field: value }).to_string().into_bytes());
        ready.client.put(&url, &body, value, &format!("/data/{wanted}"), self.surroundings)
    }

    fn ready(&self) -> Result<&Ready, VaultError> {
        let make = || {
            let settings = self.surroundings.settings().map_err(VaultError::Settings)?;
            let agent = settings.agent.as_deref().map(origin).transpose()?.map(str::to_owned);
            let allowlist = Allowlist::parse(&settings.allowlist);
            Ok(Ready { agent, allowlist, client: Client::new(settings)? })
        };
        self.ready.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// Where a verb of a key is asked: the agent's address or the key's own, `/v1/`, the engine, the verb, the name.
    fn url(&self, key: &VaultKey, verb: &str) -> Result<String, VaultError> {
        let address = match &self.ready()?.agent {
            Some(agent) => agent,
            None => origin(&key.address)?,
        };
        Ok(format!("{address}/v1/{}/{verb}/{}", path(key, &key.engine_path)?, path(key, &key.key_name)?))
    }
}

/// `http(s)://HOST[:PORT]`, and nothing else: no user, no path, no query.
fn origin(address: &str) -> Result<&str, VaultError> {
    http::origin(address).ok_or_else(|| VaultError::Address(address.to_owned()))
}

/// Segments of a path, each escaped: nothing in it can leave its place.
fn path(key: &VaultKey, text: &str) -> Result<String, VaultError> {
    let mut out = String::with_capacity(text.len());
    for segment in text.split('/').filter(|segment| !segment.is_empty()) {
        if matches!(segment, "." | "..") {
            return Err(VaultError::Path(format!("{}/keys/{}", key.engine_path, key.key_name)));
        }
        out.push_str(if out.is_empty() { "" } else { "/" });
        out.push_str(&http::escaped(segment));
    }
    if out.is_empty() { Err(VaultError::Path(format!("{}/keys/{}", key.engine_path, key.key_name))) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(engine: &str, name: &str) -> VaultKey {
        VaultKey { address: "https://vault".into(), engine_path: engine.into(), key_name: name.into() }
    }

    #[test]
    fn names_stay_segments_of_a_path() {
        let engine = key("/a//b/", "k");
        assert_eq!(path(&engine, &engine.engine_path), Ok(String::from("a/b")));
        assert_eq!(path(&engine, "k?x=1#y z%2F\r\n"), Ok(String::from("k%3Fx%3D1%23y%20z%252F%0D%0A")));
        for text in ["", "/", "..", "a/../../sys", "a/."] {
            assert!(matches!(path(&engine, text), Err(VaultError::Path(_))), "{text}");
        }
    }
}
