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
    /// The server took it and gave nothing back: an engine that keeps what it is given.
    #[error(
        "{url}: {status}: it took what it was sent, and wrapped nothing: this is no transit engine. A data key may now lie there in clear: delete \
         it there, and replace the data key of a file that has it (`leafseal rotate`)"
    )]
    NotTransit {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// The server said no.
    #[error("{url}: {status}{}", words(*.status, .said, *.with_token, .namespace.as_deref()))]
    Refused {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// Its own words.
        said: Vec<String>,
        /// Whether it was given a token.
        with_token: bool,
        /// The namespace that was named.
        namespace: Option<String>,
    },
}

fn words(status: u16, said: &[String], with_token: bool, namespace: Option<&str>) -> String {
    let said = match said {
        [] if status == 404 => String::from(": there is no such thing: is it the path of a transit engine?"),
        [] => String::new(),
        said => format!(": {}", said.join("; ")),
    };
    let token = if with_token { "" } else { " (there is no token: VAULT_TOKEN, ~/.vault-token)" };
    let namespace = namespace.map_or_else(String::new, |namespace| format!(" (in the namespace {namespace}: VAULT_NAMESPACE)"));
    format!("{said}{token}{namespace}")
}
