//! Owns age plugins: which recipients and identities are theirs, and the door to the host that starts them.
//!
//! A plugin is the program `age-plugin-NAME`, and nothing but NAME comes from a recipient or identity. How a program is found, run and
//! ended, and what a person is shown and asked, is the host's business. The `age` crate's own plugin support is not used: it looks
//! into relative folders of the `PATH` too, and has no way to end a plugin that hangs.

mod talk;

use super::identity::MALFORMED;
use crate::secret::Secret;
use age_core::primitives::bech32_decode;
use std::str::FromStr;
use zeroize::Zeroizing;

pub(super) use talk::{unwrap, wrap};

/// What a plugin is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginTask {
    /// Wrapping for a recipient.
    Wrap,
    /// Unwrapping with an identity.
    Unwrap,
}

impl PluginTask {
    /// The only argument of the program.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Wrap => "--age-plugin=recipient-v1",
            Self::Unwrap => "--age-plugin=identity-v1",
        }
    }
}

/// The host's door to plugins: it starts them, and lets them talk to whoever sits at the terminal.
pub trait Plugins: Sync {
    /// Starts `age-plugin-NAME`. The name has letters, digits, `+`, `-`, `.` and `_` only.
    ///
    /// # Errors
    /// [`PluginError::Missing`], [`PluginError::Failed`].
    fn start(&self, name: &str, task: PluginTask) -> Result<Box<dyn RunningPlugin + '_>, PluginError>;

    /// Shows what a plugin has to say.
    fn show(&self, name: &str, message: &str);

    /// Asks for a text, or a secret without echo; `None` if nobody can be asked. Every question is asked anew: a plugin that asks twice
    /// was given a wrong answer.
    fn ask(&self, name: &str, message: &str, secret: bool) -> Option<Secret<String>>;

    /// Asks for a choice: true is `yes`. Without `no` there is one answer only. `None` if nobody can be asked.
    fn confirm(&self, name: &str, message: &str, yes: &str, no: Option<&str>) -> Option<bool>;
}

/// A plugin that runs. Dropping it ends the program.
pub trait RunningPlugin {
    /// Sends bytes to it; never waits.
    ///
    /// # Errors
    /// [`PluginError::Failed`], when it is gone.
    fn send(&mut self, bytes: Zeroizing<Vec<u8>>) -> Result<(), PluginError>;

    /// Its next line, with the line break.
    ///
    /// # Errors
    /// [`PluginError::Silent`] when none comes within the host's limit, [`PluginError::Failed`] when it is gone.
    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, PluginError>;
}

/// Why a plugin did not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// There is no such program.
    #[error("age-plugin-{name} is not installed: there is no program of that name in the absolute folders of the PATH")]
    Missing {
        /// The plugin's name.
        name: String,
    },
    /// Nobody here starts plugins.
    #[error("age-plugin-{name} cannot be started from here")]
    NoHost {
        /// The plugin's name.
        name: String,
    },
    /// It could not be started, or ended too early; the host says how.
    #[error("age-plugin-{name} {how}")]
    Failed {
        /// The plugin's name.
        name: String,
        /// What happened, in words that follow the name.
        how: String,
    },
    /// It said nothing for too long and was ended.
    #[error("age-plugin-{name} said nothing for {seconds} seconds and was ended")]
    Silent {
        /// The plugin's name.
        name: String,
        /// The host's limit.
        seconds: u64,
    },
    /// It said something that the protocol does not know.
    #[error("age-plugin-{name} does not keep to the protocol of age plugins: {what}")]
    Protocol {
        /// The plugin's name.
        name: String,
        /// What was wrong.
        what: &'static str,
    },
    /// It refused, in its own words.
    #[error("age-plugin-{name}: {said}")]
    Refused {
        /// The plugin's name.
        name: String,
        /// Its words.
        said: String,
    },
}

impl PluginError {
    /// Whether it makes no sense to start this plugin again.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::NoHost { .. } | Self::Silent { .. })
    }

    /// What to do about it, where that is known.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { name } => Some(install(name)),
            _ => None,
        }
    }
}

/// How a plugin is had.
pub(super) fn install(name: &str) -> String {
    format!("install age-plugin-{name} (https://github.com/FiloSottile/awesome-age#plugins) into an absolute folder of the PATH")
}

/// A recipient of a plugin, `age1NAME1…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PluginRecipient {
    pub(super) name: String,
    pub(super) text: String,
}

/// An identity of a plugin, `AGE-PLUGIN-NAME-1…`.
pub(super) struct PluginIdentity {
    pub(super) name: String,
    pub(super) text: Secret<String>,
}

impl FromStr for PluginRecipient {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let prefix = prefix(text).map_err(|()| "mistyped or cut: the checksum does not match")?;
        let name = prefix.strip_prefix("age1").ok_or("not a plugin recipient")?;
        if !is_name(name) {
            return Err("not the name of a plugin");
        }
        Ok(Self { name: name.to_owned(), text: text.to_owned() })
    }
}

impl FromStr for PluginIdentity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let prefix = prefix(text).map_err(|()| MALFORMED)?;
        let name = prefix.strip_prefix("AGE-PLUGIN-").and_then(|rest| rest.strip_suffix('-')).ok_or(MALFORMED)?;
        let name = name.to_ascii_lowercase();
        if !is_name(&name) {
            return Err("not the name of a plugin");
        }
        Ok(Self { name, text: Secret::new(text.to_owned()) })
    }
}

/// What stands before the last `1` of a Bech32 text whose checksum is right.
fn prefix(text: &str) -> Result<String, ()> {
    bech32_decode(text, |_| (), |_| Ok(()), |hrp, _| Ok(hrp.as_str().to_owned()))
}

/// Nothing that could be a path, or more than one word.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use age_core::primitives::bech32_encode;
    use bech32::Hrp;

    fn recipient(prefix: &str) -> Result<PluginRecipient, &'static str> {
        bech32_encode(Hrp::parse_unchecked(prefix), b"x").parse()
    }

    fn identity(prefix: &str) -> Result<PluginIdentity, &'static str> {
        bech32_encode(Hrp::parse_unchecked(prefix), b"x").to_uppercase().parse()
    }

    #[test]
    fn a_name_is_all_that_a_recipient_or_identity_gives() {
        assert_eq!(recipient("age1yubikey").expect("a recipient").name, "yubikey");
        assert_eq!(recipient("age1my+own.plug-in_2").expect("a recipient").name, "my+own.plug-in_2");
        assert_eq!(identity("age-plugin-yubikey-").expect("an identity").name, "yubikey");
        for bad in ["age1../../bin/sh", "age1a/b", "age1", "age1a;b", "age1a$b"] {
            assert!(recipient(bad).is_err(), "{bad}");
        }
        for bad in ["age-plugin-../../bin/sh-", "age-plugin--", "age-plugin-x", "age-plugin-a/b-"] {
            assert!(identity(bad).is_err(), "{bad}");
        }
        assert!("age1yubikey1qwerty".parse::<PluginRecipient>().is_err());
        assert!("AGE-PLUGIN-YUBIKEY-1QQ".parse::<PluginIdentity>().is_err());
    }
}
