//! Owns Azure Key Vault master keys: wraps and unwraps data keys with the SDK of Azure.
//!
//! Requests go through our own HTTP ([`super::http`]), tokens come from the SDK's credentials; what they need to know comes from the
//! environment, which the SDK reads, and from the host ([`Surroundings`]). An encrypted file is hostile: it names a vault, and a vault names
//! the kind of token that it wants; the SDK gives one only where the vault's host ends in the host of that kind (`vault.azure.net`), so
//! that no other host gets it. Nothing of this is touched before a key needs it. Rules: `docs/format.md`, "Azure Key Vault master keys".

use super::AzureKvKey;
use super::http::{self, Client, Deadline, HttpError, Network};
use super::service::{KeyError, Reason, Unwrapped};
use crate::secret::Secret;
use azure_core::error::ErrorKind;
use azure_security_keyvault_keys::models::{
    EncryptionAlgorithm, KeyClientEncryptOptions, KeyOperationParameters, KeyOperationResult,
};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

mod assertion;
mod credentials;
mod error;
mod transport;

pub use azure_identity::Executor;
pub use error::AzureKvError;

use credentials::{Credentials, Tokens};
use transport::Bridge;

/// The longest `enc` that is read, in bytes; a data key wrapped by a key of 4096 bits has 683.
const LARGEST: usize = 1 << 20;

/// What the host knows about Azure. Asked only when such a key is used.
pub trait Surroundings: Sync {
    /// What is set beside what the SDK reads by itself.
    ///
    /// # Errors
    /// In words, when something is set that cannot be used.
    fn settings(&self) -> Result<Settings, String>;

    /// What runs `az` and `azd`; it ends them when they take too long.
    fn programs(&self) -> Arc<dyn Executor>;

    /// Now, in RFC 3339, whole seconds, UTC.
    fn now(&self) -> String;

    /// How long it may take to wrap or unwrap, all requests together.
    fn limit(&self) -> Duration;
}

/// What is set in the environment.
#[derive(Debug)]
pub struct Settings {
    /// Which kinds of credentials are tried (`AZURE_TOKEN_CREDENTIALS`).
    pub which: String,
    /// The tenant of a service principal.
    pub tenant: Option<String>,
    /// Its id, or that of a managed identity.
    pub client: Option<String>,
    /// Its secret.
    pub secret: Option<Secret<String>>,
    /// Its certificate and private key, in PEM.
    pub certificate: Option<Zeroizing<Vec<u8>>>,
    /// Where its tokens come from: `https://HOST`.
    pub authority: String,
    /// Whether there is a federated token: workload identity.
    pub federated: bool,
    /// Whether this is known to be a machine with a managed identity.
    pub managed: bool,
}

/// The Azure Key Vault backend.
pub struct Backend {
    surroundings: &'static dyn Surroundings,
    network: &'static dyn Network,
    client: Arc<Client>,
    tokens: Arc<Tokens>,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(azure)")
    }
}

impl Backend {
    /// In these surroundings; nothing is looked up yet.
    pub fn new(surroundings: &'static dyn Surroundings, network: &'static dyn Network) -> Self {
        Self { surroundings, network, client: Arc::new(Client::new()), tokens: Tokens::new(surroundings) }
    }

    /// Wraps a data key: the service's bytes in URL-safe base64.
    ///
    /// # Errors
    /// [`AzureKvError`].
    pub fn wrap(&self, key: &AzureKvKey, data_key: &[u8]) -> Result<String, KeyError> {
        let place = Place::of(key)?;
        let version = (!key.version.is_empty()).then(|| key.version.clone());
        let options = KeyClientEncryptOptions { key_version: version, ..KeyClientEncryptOptions::default() };
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(data_key));
        let (result, url) = self.run(&place, "encrypt", &secret, async |client| {
            let parameters = parameters(data_key).try_into()?;
            client.encrypt(&key.name, parameters, Some(options)).await?.into_model()
        })?;
        Ok(URL_SAFE_NO_PAD.encode(bytes(result, url)?.as_slice()))
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`AzureKvError`].
    pub fn unwrap(&self, key: &AzureKvKey, enc: &str) -> Result<Unwrapped, KeyError> {
        if enc.len() > LARGEST {
            return Err(AzureKvError::TooLarge(enc.len()).into());
        }
        let place = Place::of(key)?;
        if key.version.is_empty() {
            return Err(AzureKvError::Name(format!("{}/", key.name)).into());
        }
        let wrapped = URL_SAFE_NO_PAD.decode(enc).map_err(|_| AzureKvError::NotBase64)?;
        let done = self.run(&place, "decrypt", enc, async |client| {
            let parameters = parameters(&wrapped).try_into()?;
            client.decrypt(&key.name, &key.version, parameters, None).await?.into_model()
        });
        match done {
            Ok((result, url)) => Ok(Unwrapped::Opened(Secret::new(bytes(result, url)?.to_vec()))),
            Err(AzureKvError::NoCredentials(places)) => Ok(Unwrapped::NothingHere(nothing(&places))),
            Err(error) => Err(error.into()),
        }
    }

    /// The key with its current version, where it names none: what a file stores.
    ///
    /// # Errors
    /// [`AzureKvError`].
    pub fn pinned(&self, key: &AzureKvKey) -> Result<AzureKvKey, KeyError> {
        if !key.version.is_empty() {
            return Ok(key.clone());
        }
        let place = Place::of(key)?;
        let (found, url) = self.run(&place, "", "", async |client| client.get_key(&key.name, None).await?.into_model())?;
        let id = found.key.and_then(|key| key.kid).unwrap_or_default();
        match id.rsplit('/').next() {
            Some(version) if is_version(version) => Ok(AzureKvKey { version: version.to_owned(), ..key.clone() }),
            _ => Err(AzureKvError::from(HttpError::Garbage { url, what: "a key without a version" }).into()),
        }
    }

    /// Asks the vault of a key. Gives what it answered, and the address for errors.
    fn run<T, F>(
        &self,
        place: &Place<'_>,
        verb: &str,
        secret: &str,
        ask: impl FnOnce(KeyClient) -> F,
    ) -> Result<(T, String), AzureKvError>
    where
        F: Future<Output = azure_core::Result<T>>,
    {
        let bridge = Bridge::new(self.client.clone(), Deadline::new(self.network, self.surroundings.limit()));
        let url = place.url(verb);
        let in_words = |error: azure_core::Error| in_words(&error, &bridge, url.clone(), secret);
        let credentials = Credentials::new(self.tokens.clone(), bridge.clone());
        let options = KeyClientOptions { client_options: bridge.options(), ..KeyClientOptions::default() };
        let client = KeyClient::new(place.vault, credentials, Some(options)).map_err(in_words)?;
        let answer = futures::executor::block_on(ask(client)).map_err(in_words)?;
        Ok((answer, url))
    }
}

fn parameters(value: &[u8]) -> KeyOperationParameters {
    KeyOperationParameters {
        algorithm: Some(EncryptionAlgorithm::RsaOaep256),
        value: Some(value.to_vec()),
        ..KeyOperationParameters::default()
    }
}

fn bytes(result: KeyOperationResult, url: String) -> Result<Zeroizing<Vec<u8>>, AzureKvError> {
    match result.result {
        Some(bytes) if !bytes.is_empty() => Ok(Zeroizing::new(bytes)),
        _ => Err(HttpError::Garbage { url, what: "no result" }.into()),
    }
}

/// A key whose parts are sound: none can lead a request elsewhere.
struct Place<'k> {
    /// `https://HOST[:PORT]`.
    vault: &'k str,
    key: &'k AzureKvKey,
}

impl<'k> Place<'k> {
    fn of(key: &'k AzureKvKey) -> Result<Self, AzureKvError> {
        let vault = http::origin(&key.vault_url).filter(|vault| vault.starts_with("https://"));
        let vault = vault.ok_or_else(|| AzureKvError::Address(key.vault_url.clone()))?;
        let named = (1..=127).contains(&key.name.len()) && key.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !named || !(key.version.is_empty() || is_version(&key.version)) {
            return Err(AzureKvError::Name(format!("{}/{}", key.name, key.version)));
        }
        Ok(Self { vault, key })
    }

    fn url(&self, verb: &str) -> String {
        let url = format!("{}/keys/{}", self.vault, self.key.name);
        let more = [self.key.version.as_str(), verb].into_iter().filter(|part| !part.is_empty());
        more.fold(url, |url, part| format!("{url}/{part}"))
    }
}

fn is_version(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// An error of the SDK in our words.
fn in_words(error: &azure_core::Error, bridge: &Bridge, url: String, secret: &str) -> AzureKvError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<AzureKvError>() {
            return own.clone();
        }
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return http.clone().into();
        }
        cause = error.source();
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => {
            AzureKvError::Refused { url, status: u16::from(*status), said: words(error, bridge, secret) }
        }
        // Its words may show what was answered.
        ErrorKind::DataConversion => HttpError::Garbage { url, what: "something that is not what vaults answer" }.into(),
        _ => AzureKvError::Failed { url, why: words(error, bridge, secret) },
    }
}

/// What a server says about an error, or else what the SDK does.
fn words(error: &azure_core::Error, bridge: &Bridge, secret: &str) -> String {
    let mut texts: Vec<String> = Vec::new();
    let (mut unreadable, mut refused) = (matches!(error.kind(), ErrorKind::DataConversion), false);
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return bridge.shown(&http.to_string(), secret);
        }
        unreadable |= error.is::<serde_json::Error>();
        let inner = error.downcast_ref::<azure_core::Error>();
        refused |= inner.is_some_and(|error| matches!(error.kind(), ErrorKind::HttpResponse { .. }));
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    match bridge.refusal() {
        Some(said) if refused || unreadable => bridge.shown(&said, secret),
        // Its words may show what was answered.
        _ if unreadable => String::from("the answer cannot be read"),
        _ => bridge.shown(&texts[texts.len().saturating_sub(2)..].join(": "), secret),
    }
}

fn nothing(places: &str) -> Reason {
    Reason {
        summary: String::from("no credentials for Azure"),
        details: places.split("; ").map(str::to_owned).collect(),
        hints: vec![String::from(
            "for Azure keys run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (AZURE_TOKEN_CREDENTIALS chooses)",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(vault: &str, name: &str, version: &str) -> AzureKvKey {
        AzureKvKey { vault_url: vault.into(), name: name.into(), version: version.into() }
    }

    #[test]
    fn a_key_is_a_host_a_name_and_a_version() {
        let sound = key("https://v.vault.azure.net/", "sops-key", "0123456789abcdef");
        assert_eq!(
            Place::of(&sound).map(|place| place.url("decrypt")),
            Ok("https://v.vault.azure.net/keys/sops-key/0123456789abcdef/decrypt".into())
        );
        assert_eq!(Place::of(&key("https://v", "k", "")).map(|place| place.url("")), Ok("https://v/keys/k".into()));
        for vault in ["", "http://v", "https://me@v", "https://v/x", "https://v?x", "https://v#", "file:///v", "https://v\r\n"] {
            assert_eq!(Place::of(&key(vault, "k", "1")).err(), Some(AzureKvError::Address(vault.into())), "{vault}");
        }
        for (name, version) in [("", "1"), ("a/b", "1"), ("..", "1"), ("k", "../x"), ("k", "{key-name}"), ("k?x", "1"), ("k", "1#")]
        {
            assert!(matches!(Place::of(&key("https://v", name, version)), Err(AzureKvError::Name(_))), "{name} {version}");
        }
    }
}
