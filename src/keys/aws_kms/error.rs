//! Owns why an AWS KMS key could not wrap or unwrap, and who asked where. Names no secret; a server's words are one line and not long.

use std::fmt;
use std::time::Duration;

/// Why an AWS KMS key could not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AwsKmsError {
    /// The key is no ARN of a KMS key or alias.
    #[error("no valid ARN found in '{0}'")]
    Arn(String),
    /// The role is no ARN of a role.
    #[error("'{0}' is not the ARN of a role")]
    Role(String),
    /// What is stored is not base64.
    #[error("the wrapped data key is not base64")]
    NotBase64,
    /// The text is larger than any wrapped data key.
    #[error("the wrapped data key is too large ({0} bytes)")]
    TooLarge(usize),
    /// The profile that was asked for is not configured.
    #[error("the profile `{0}` is not configured here (~/.aws/config, ~/.aws/credentials)")]
    NoProfile(String),
    /// What is set for AWS cannot be used.
    #[error("{0}")]
    Settings(String),
    /// No credentials were found, or none could be had.
    #[error("no credentials: {why} ({asked})")]
    Credentials {
        /// Why not.
        why: String,
        /// Who would have asked where.
        asked: Box<Asked>,
    },
    /// The service said no.
    #[error("{said} ({asked})")]
    Refused {
        /// Its own words.
        said: String,
        /// Who asked where.
        asked: Box<Asked>,
    },
    /// The service could not be asked, or its answer could not be read.
    #[error("{why} ({asked})")]
    Failed {
        /// Why not.
        why: String,
        /// Who asked where.
        asked: Box<Asked>,
    },
    /// The service did not answer in time.
    #[error("no answer within {} s ({asked})", .limit.as_secs())]
    TimedOut {
        /// How long.
        limit: Duration,
        /// Who asked where.
        asked: Box<Asked>,
    },
}

/// Who asked where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The address that was contacted last, if any was.
    pub endpoint: Option<String>,
    /// The region of the key.
    pub region: String,
    /// The role that was taken on.
    pub role: Option<String>,
    /// The profile that was named by an option or by the key.
    pub profile: Option<String>,
    /// Who AWS takes the caller for, where it says so.
    pub identity: Option<String>,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "region {}", self.region)?;
        for (what, value) in [("role", &self.role), ("at", &self.endpoint), ("as", &self.identity)] {
            if let Some(value) = value {
                write!(f, ", {what} {value}")?;
            }
        }
        match &self.profile {
            Some(profile) => write!(f, ", profile `{profile}`"),
            None => Ok(()),
        }
    }
}
