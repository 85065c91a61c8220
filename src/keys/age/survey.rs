//! Owns the survey of the places where identities may be: what is at each, for people who look for what is missing.
//!
//! Recipients (public) are named; content never.

use super::holding::{Holding, ssh_recipient};
use super::identity::{Identities, Key};
use super::report::{at_line, still_locked};

/// A place and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// The variable, or the path of a default place.
    pub label: String,
    /// The file, where the place is one.
    pub path: Option<String>,
    /// What is there.
    pub found: Found,
}

/// What is at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The variable is not set.
    NotSet,
    /// There is no such file.
    Missing,
    /// A command that is run when a file asks for it.
    Command,
    /// Identities: the recipients of those that are keys, and the names of the plugins that the others belong to.
    Identities {
        /// `age1…`, `age1pq1…`, or the start of an SSH line.
        recipients: Vec<String>,
        /// `NAME` of `age-plugin-NAME`.
        plugins: Vec<String>,
    },
    /// Something that asks for a passphrase when a file needs it; its recipient, if that can be read.
    Locked(Option<String>),
    /// Something that cannot be used, and why.
    Unusable(String),
}

impl Found {
    pub(super) fn of(holding: &Holding) -> Self {
        match holding {
            Holding::NotSet => Self::NotSet,
            Holding::Missing => Self::Missing,
            Holding::PathIsIdentity => {
                Self::Unusable("it holds an identity, not a path: an identity itself belongs in SOPS_AGE_KEY".to_owned())
            }
            Holding::Failed(why) => Self::Unusable(why.clone()),
            Holding::Malformed(malformed) if malformed.looks_like_path => {
                Self::Unusable("it holds a path, not an identity: did you mean SOPS_AGE_KEY_FILE?".to_owned())
            }
            Holding::Malformed(malformed) => Self::Unusable(at_line(malformed)),
            Holding::Identities(identities) if identities.keys.is_empty() && identities.plugins.is_empty() => {
                Self::Unusable("it holds no identity".to_owned())
            }
            Holding::Identities(identities) => Self::usable(identities),
            Holding::Ssh(key) => Self::Identities { recipients: ssh_recipient(key).into_iter().collect(), plugins: Vec::new() },
            Holding::UnsupportedSsh(why) => Self::Unusable((*why).to_owned()),
            Holding::LockedSsh(locked) => match locked.opened() {
                Some(Err(why)) => Self::Unusable(format!("it {}", still_locked(why))),
                _ => Self::Locked(locked.recipient()),
            },
            Holding::LockedIdentities(locked) => match locked.opened() {
                Some(Err(why)) => Self::Unusable(format!("it {}", still_locked(why))),
                Some(Ok(identities)) => Self::usable(identities),
                None => Self::Locked(None),
            },
        }
    }
    fn usable(identities: &Identities) -> Self {
        Self::Identities {
            recipients: identities.keys.iter().map(Key::recipient).collect(),
            plugins: identities.plugins.iter().map(|identity| identity.name.clone()).collect(),
        }
    }
}
