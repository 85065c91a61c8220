//! Owns why an Azure Key Vault key could not wrap or unwrap. Names the address, the key and the service's own words; never a token or a
//! credential, never a data key.

use crate::keys::http::HttpError;

/// Why an Azure Key Vault key could not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AzureKvError {
    /// The address of the vault is more or less than a host.
    #[error("\"{0}\" is not the address of a vault: expected https://HOST")]
    Address(String),
    /// A name or version that a key cannot have.
    #[error("\"{0}\" is not the name of a key with a version")]
    Name(String),
    /// What is stored is not base64.
    #[error("the wrapped data key is not base64")]
    NotBase64,
    /// The text is larger than any wrapped data key.
    #[error("the wrapped data key is too large ({0} bytes)")]
    TooLarge(usize),
    /// What is set for Azure cannot be used.
    #[error("{0}")]
    Settings(String),
    /// Nothing that is set here gives a token.
    #[error("no credentials for Azure: {0}")]
    NoCredentials(String),
    /// What is set here gives no token.
    #[error("no token from {source_name}: {why}")]
    NoToken {
        /// Which kind of credential was asked.
        source_name: &'static str,
        /// Why it gave none, in its own words.
        why: String,
    },
    /// A server could not be asked, or its answer is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The vault said no.
    #[error("{url}: {status}{}{}", words(.said), hint(*.status))]
    Refused {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// Its own words.
        said: String,
    },
    /// The SDK did not go on.
    #[error("{url}: {why}")]
    Failed {
        /// What was asked.
        url: String,
        /// Why.
        why: String,
    },
}

fn words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// What a refusal asks for.
fn hint(status: u16) -> &'static str {
    match status {
        403 => " (the identity needs the permissions encrypt and decrypt for keys, and get where a key is named without a version)",
        _ => "",
    }
}
