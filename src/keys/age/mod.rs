//! Owns age master keys: wraps a data key for one recipient, unwraps it with the identities the host knows about.
//!
//! Built on the `age` crate. Identities come through [`IdentityProvider`]: this module decides which places are looked
//! into and when, the host does the looking. Error texts of the `age` crate are never shown: they load its translations,
//! and some of them quote what they read.
//! Rules: `docs/format.md`, "age master keys".

use super::parse::KeyTextError;
use crate::secret::Secret;
use age::secrecy::ExposeSecret as _;

mod envelope;
mod holding;
mod hybrid;
mod identity;
mod plugin;
mod recipient;
mod report;
mod search;
mod source;
mod survey;
mod x_wing;

pub use plugin::{PluginError, PluginTask, Plugins, RunningPlugin};
pub use report::short;
pub use search::Backend;
pub use source::{IdentityProvider, IdentitySource, Loaded, SourceKind};
pub use survey::{Found, Surveyed};

pub(super) use recipient::check as check_recipient;
pub(super) use recipient::wrap;

/// Whether a recipient's data keys are wrapped by a plugin.
pub(super) fn has_plugin(recipient: &str) -> bool {
    recipient::plugin_of(recipient).is_some()
}

/// Why an age recipient's `enc` could not be made or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeError {
    /// The text is larger than any wrapped data key can be.
    #[error("the wrapped data key is too large ({size} bytes; at most {limit} are read)")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The ASCII armor is damaged or missing.
    #[error("the wrapped data key is not an armored age file, or its armor is damaged")]
    Armor,
    /// The header is damaged or larger than any single-recipient header.
    #[error("the age header is malformed")]
    Header,
    /// The file needs a newer version of age.
    #[error("unknown age format, probably from a newer version")]
    UnknownFormat,
    /// An identity opened the header, but the header was changed.
    #[error("the age header was tampered with: its MAC does not match")]
    HeaderMac,
    /// An identity is the right one by name, but does not open the file.
    #[error("the identity for this recipient does not open it: the wrapped data key is damaged or made for another key")]
    Stanza,
    /// The encrypted data key itself is damaged.
    #[error("the encrypted data key inside the age file is damaged")]
    Payload,
    /// The operating system or the library failed to write the file.
    #[error("could not make the age file")]
    Write,
    /// A plugin did not wrap it.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// Makes a new X25519 identity: the identity's text (`AGE-SECRET-KEY-1…`) and its recipient (`age1…`).
pub fn generate() -> (Secret<String>, String) {
    let identity = age::x25519::Identity::generate();
    let text = Secret::new(identity.to_string().expose_secret().to_owned());
    (text, identity.to_public().to_string())
}

/// Makes a new post-quantum identity: the identity's text (`AGE-SECRET-KEY-PQ-1…`) and its recipient (`age1pq1…`, about 1960
/// characters).
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn generate_post_quantum() -> Result<(Secret<String>, String), getrandom::Error> {
    let identity = hybrid::Identity::generate()?;
    Ok((identity.text(), identity.recipient().to_string()))
}

/// The recipient (`age1…`, `age1pq1…`) of an identity (`AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…`).
///
/// # Errors
/// A text of ours (never the identity) when it is another kind of identity or malformed.
pub fn recipient_of(identity: &Secret<String>) -> Result<String, &'static str> {
    match identity::parse_one(identity.expose().trim())? {
        identity::Parsed::Key(key) => Ok(key.recipient()),
        identity::Parsed::Plugin(_) => Err("only its plugin knows its recipient"),
    }
}

/// What [`check_recipient`] makes of a text.
type Checked = Result<(), KeyTextError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_identity_leads_back_to_its_recipient() {
        let (identity, recipient) = generate();
        assert!(identity.expose().starts_with("AGE-SECRET-KEY-1"));
        assert_eq!(recipient_of(&identity), Ok(recipient));
        let (other, _) = generate();
        assert_ne!(identity.expose(), other.expose());
        let (identity, recipient) = generate_post_quantum().expect("random bytes");
        assert!(identity.expose().starts_with("AGE-SECRET-KEY-PQ-1") && recipient.starts_with("age1pq1"));
        assert_eq!(recipient_of(&identity), Ok(recipient));
        assert_ne!(identity.expose(), generate_post_quantum().expect("random bytes").0.expose());
    }

    #[test]
    fn a_malformed_identity_is_refused_without_showing_it() {
        let text = "AGE-SECRET-KEY-1NOTBECH32";
        let error = recipient_of(&Secret::new(text.into())).expect_err("no checksum");
        assert!(!error.contains("NOTBECH32"));
    }
}
