//! Owns recipients: which kind a text is, and wrapping a data key for it.

use super::plugin::{self, PluginError, PluginRecipient, Plugins};
use super::{AgeError, Checked, envelope, hybrid};
use crate::keys::parse::KeyTextError;
use crate::keys::service::KeyError;
use age::EncryptError;
use age::ssh::ParseRecipientKeyError;
use age_core::format::{FileKey, Stanza};
use std::cell::RefCell;
use std::collections::HashSet;

enum Recipient {
    X25519(age::x25519::Recipient),
    Hybrid(Box<hybrid::Recipient>),
    Tag(age::tag::Recipient),
    HybridTag(Box<age::tagpq::Recipient>),
    Ssh(age::ssh::Recipient),
    Plugin(PluginRecipient),
}

/// Checks a recipient's text; of a plugin's recipient, all that can be seen without the plugin.
pub(in crate::keys) fn check(text: &str) -> Checked {
    parse(text).map(drop)
}

/// Wraps a data key (or share) for one recipient: an armored age file of its own. Plugins are those of the host, if it has any.
pub(in crate::keys) fn wrap(recipient: &str, data_key: &[u8], plugins: Option<&dyn Plugins>) -> Result<String, KeyError> {
    let sealed = match parse(recipient)? {
        Recipient::X25519(recipient) => envelope::seal(&recipient, data_key),
        Recipient::Hybrid(recipient) => envelope::seal(&*recipient, data_key),
        Recipient::Tag(recipient) => envelope::seal(&recipient, data_key),
        Recipient::HybridTag(recipient) => envelope::seal(&*recipient, data_key),
        Recipient::Ssh(recipient) => envelope::seal(&recipient, data_key),
        Recipient::Plugin(recipient) => {
            let plugins = plugins.ok_or_else(|| AgeError::Plugin(PluginError::NoHost { name: recipient.name.clone() }))?;
            let through = Through { plugins, recipient, failure: RefCell::default() };
            let sealed = envelope::seal(&through, data_key);
            sealed.map_err(|error| through.failure.into_inner().map_or(error, AgeError::Plugin))
        }
    };
    sealed.map_err(AgeError::into)
}

/// A recipient that wraps through its plugin.
struct Through<'a> {
    plugins: &'a dyn Plugins,
    recipient: PluginRecipient,
    failure: RefCell<Option<PluginError>>,
}

impl age::Recipient for Through<'_> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        plugin::wrap(self.plugins, &self.recipient, file_key).map_err(|error| {
            *self.failure.borrow_mut() = Some(error);
            EncryptError::Io(std::io::Error::other("plugin"))
        })
    }
}

/// The name of the plugin of a recipient, if it has one.
pub(super) fn plugin_of(text: &str) -> Option<String> {
    match parse(text) {
        Ok(Recipient::Plugin(recipient)) => Some(recipient.name),
        _ => None,
    }
}

/// The kinds of `docs/format.md`, tested in its order.
fn parse(text: &str) -> Result<Recipient, KeyTextError> {
    let bad = |reason: &str| KeyTextError::Recipient { text: text.to_owned(), reason: reason.to_owned() };
    if let Some(rest) = text.strip_prefix("age1") {
        return if rest.starts_with("pq1") {
            text.parse().map(Box::new).map(Recipient::Hybrid).map_err(|_| bad(MISTYPED))
        } else if rest.starts_with("tag1") {
            text.parse().map(Recipient::Tag).map_err(|_| bad(MISTYPED))
        } else if rest.starts_with("tagpq1") {
            text.parse().map(Box::new).map(Recipient::HybridTag).map_err(|_| bad(MISTYPED))
        } else if rest.contains('1') {
            text.parse().map(Recipient::Plugin).map_err(bad)
        } else {
            text.parse().map(Recipient::X25519).map_err(|_| bad(MISTYPED))
        };
    }
    if !text.starts_with("ssh-") {
        return Err(KeyTextError::UnknownRecipient(text.to_owned()));
    }
    text.parse().map(Recipient::Ssh).map_err(|error| match error {
        ParseRecipientKeyError::RsaModulusTooLarge => bad("the RSA key is too large (at most 4096 bits)"),
        ParseRecipientKeyError::RsaModulusTooSmall => bad("the RSA key is too small (at least 2048 bits)"),
        ParseRecipientKeyError::Unsupported(_) | ParseRecipientKeyError::Ignore => {
            bad("only ssh-ed25519 and ssh-rsa keys can decrypt")
        }
        _ => bad("not an SSH public key"),
    })
}

const MISTYPED: &str = "mistyped or cut: the checksum does not match";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_recipient_is_found_before_anything_is_encrypted() {
        let good = "age16r7pjmdqaksyuykpe6jmy4l0kas0nnaukrf25x4ws84pf0la64csfey8cy";
        assert!(check(good).is_ok());
        let error = check(&good.replace("16r7", "16r8")).expect_err("the checksum is wrong");
        assert!(error.to_string().contains("checksum"), "{error}");
        assert!(matches!(check("ecdsa-sha2-nistp256 AAAA"), Err(KeyTextError::UnknownRecipient(_))));
        assert!(check("ssh-ed25519 AAAA").is_err());
    }

    #[test]
    fn tagged_recipients_of_hardware_keys_need_no_plugin_to_encrypt() {
        let tag = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";
        assert!(check(tag).is_ok());
        assert!(wrap(tag, &[0; 32], None).expect("wrapped").starts_with("-----BEGIN AGE"));
        let error = check(&tag.replace("qt8l", "qt8q")).expect_err("the checksum is wrong");
        assert!(error.to_string().contains("checksum"), "{error}");
        assert!(check("age1pq1qyycmru5tv998x").is_err() && check("age1tagpq1qyycmru5tv998x").is_err());
    }

    #[test]
    fn a_plugin_recipient_needs_its_plugin() {
        let text = "age1unencrypted1k5fr0r";
        assert!(check(text).is_ok());
        assert_eq!(plugin_of(text).as_deref(), Some("unencrypted"));
        let error = wrap(text, &[0; 32], None).expect_err("no host");
        assert_eq!(error.to_string(), "age-plugin-unencrypted cannot be started from here");
        assert!(check("age1yubikey1qwerty").is_err() && check("age1../../bin/sh1x").is_err());
    }
}
