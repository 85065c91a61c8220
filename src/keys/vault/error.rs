//! Owns why a Vault key could not wrap or unwrap. Names the address, the key and the server's own words; never the token, never a data key.

use crate::keys::http::HttpError;

/// Why a Vault key could not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The address of the key is not on the allowlist.
    #[error("Allowlist does not allow {0} (SOPS_HC_VAULT_ALLOWLIST)")]
    NotAllowed(String),
    /// An entry of the allowlist is empty; counted from one.
    #[error("SOPS_HC_VAULT_ALLOWLIST's entry {0} is empty")]
    EmptyEntry(usize),
    /// An address that is more or less than a host.
    #[error("\"{0}\" is not the address of a Vault: expected https://HOST[:PORT]")]
    Address(String),
    /// An engine or a key with a name that is no name.
    #[error("\"{0}\" is not the path of a transit key")]
    Path(String),
    /// The text is larger than any wrapped data key.
    #[error("the wrapped data key is too large ({0} bytes)")]
    TooLarge(usize),
    /// What is set for Vault cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The server could not be asked, or its answer is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server said no.
    #[error("{url}: {status}{}", words(.said, *.with_token))]
    Refused {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// Its own words.
        said: Vec<String>,
        /// Whether it was given a token.
        with_token: bool,
    },
}

fn words(said: &[String], with_token: bool) -> String {
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) };
    let token = if with_token { "" } else { " (there is no token: VAULT_TOKEN, ~/.vault-token)" };
    format!("{said}{token}")
}
