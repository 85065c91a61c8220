//! Owns why a Huawei Cloud KMS key could not wrap or unwrap. Names the address, the key and the service's own words; never a credential, never
//! a data key.

use crate::keys::http::HttpError;

/// Why a Huawei Cloud KMS key could not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HuaweiKmsError {
    /// The key is not `region:key`, in characters that regions and keys have.
    #[error("\"{0}\" is not the id of a HuaweiCloud KMS key: expected REGION:KEY_ID")]
    KeyId(String),
    /// The text is larger than any wrapped data key.
    #[error("the wrapped data key is too large ({0} bytes)")]
    TooLarge(usize),
    /// What is set for HuaweiCloud cannot be used.
    #[error("{0}")]
    Settings(String),
    /// There are no credentials.
    #[error("no credentials for HuaweiCloud: {0}")]
    NoCredentials(String),
    /// A service could not be asked, or its answer is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A service said no.
    #[error("{url}: {status}{}{}", words(.said), hint(*.status))]
    Refused {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
        /// Its own words.
        said: String,
    },
}

fn words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// The service's words for a wrong signature do not tell what to look at.
fn hint(status: u16) -> &'static str {
    match status {
        401 => " (the access key, its secret key, the security token and the clock of this machine must be right)",
        403 => " (the user needs the permissions kms:cmk:encryptData and kms:cmk:decryptData for the key)",
        _ => "",
    }
}
