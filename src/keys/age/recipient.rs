//! Owns recipients: which kind a text is, and wrapping a data key for it.

use super::{AgeError, Checked, envelope, hybrid};
use crate::keys::parse::KeyTextError;
use crate::keys::service::KeyError;
use age::ssh::ParseRecipientKeyError;

enum Recipient {
    X25519(age::x25519::Recipient),
    Hybrid(Box<hybrid::Recipient>),
    Tag(age::tag::Recipient),
    HybridTag(Box<age::tagpq::Recipient>),
    Ssh(age::ssh::Recipient),
    NotBuiltIn(&'static str),
}

/// Checks a recipient's text. Plugin recipients pass as data.
pub(in crate::keys) fn check(text: &str) -> Checked {
    parse(text).map(drop)
}

/// Wraps a data key (or share) for one recipient: an armored age file of its own.
pub(in crate::keys) fn wrap(recipient: &str, data_key: &[u8]) -> Result<String, KeyError> {
    let sealed = match parse(recipient)? {
        Recipient::X25519(recipient) => envelope::seal(&recipient, data_key),
        Recipient::Hybrid(recipient) => envelope::seal(&*recipient, data_key),
        Recipient::Tag(recipient) => envelope::seal(&recipient, data_key),
        Recipient::HybridTag(recipient) => envelope::seal(&*recipient, data_key),
        Recipient::Ssh(recipient) => envelope::seal(&recipient, data_key),
        Recipient::NotBuiltIn(what) => return Err(KeyError::NotBuiltIn { what: what.to_owned() }),
    };
    sealed.map_err(AgeError::into)
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
            let is_bech32 = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if is_bech32 { Ok(Recipient::NotBuiltIn(PLUGIN)) } else { Err(bad("not Bech32")) }
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
const PLUGIN: &str = "support for age plugin recipients";

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
        assert!(wrap(tag, &[0; 32]).expect("wrapped").starts_with("-----BEGIN AGE"));
        let error = check(&tag.replace("qt8l", "qt8q")).expect_err("the checksum is wrong");
        assert!(error.to_string().contains("checksum"), "{error}");
        assert!(check("age1pq1qyycmru5tv998x").is_err() && check("age1tagpq1qyycmru5tv998x").is_err());
    }

    #[test]
    fn kinds_that_come_later_are_data_but_do_not_wrap() {
        assert!(check("age1yubikey1qwerty").is_ok());
        let error = wrap("age1yubikey1qwerty", &[0; 32]).expect_err("not built in");
        assert!(matches!(&error, KeyError::NotBuiltIn { what } if what.contains("plugin")), "{error}");
        assert!(check("age1../../bin/sh1x").is_err());
    }
}
