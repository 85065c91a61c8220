//! Owns why a Google Cloud KMS key could not wrap or unwrap. Names the address, the key and the service's own words; never a token or a
//! credential, never a data key.

use crate::keys::http::HttpError;

/// Why a Google Cloud KMS key could not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GcpKmsError {
    /// The key is no resource id of a key, in characters that ids have.
    #[error("no valid resource ID found in \"{0}\": expected projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY")]
    ResourceId(String),
    /// What is stored is not base64.
    #[error("the wrapped data key is not base64")]
    NotBase64,
    /// The text is larger than any wrapped data key.
    #[error("the wrapped data key is too large ({0} bytes)")]
    TooLarge(usize),
    /// What is set for Google Cloud cannot be used.
    #[error("{0}")]
    Settings(String),
    /// Nothing that is set here gives a token.
    #[error("no credentials for Google Cloud: {0}")]
    NoCredentials(String),
    /// What is set here gives no token.
    #[error("no token from {source_name}: {why}")]
    NoToken {
        /// Which credentials were used.
        source_name: &'static str,
        /// Why they gave none.
        why: String,
    },
    /// The service could not be asked, or its answer is none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The service said no.
    #[error("{url}: {status}{}", words(.said))]
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
