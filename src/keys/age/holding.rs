//! Owns what one source turned out to hold, and opens what is locked there (once, with one question).

use super::envelope::{self, OpenError};
use super::identity::{self, Identities, Malformed, SshKey};
use super::source::{IdentityProvider, IdentitySource, Loaded, SourceKind};
use crate::secret::Secret;
use std::sync::OnceLock;

/// What a source holds.
pub(super) enum Holding {
    /// The variable is not set.
    NotSet,
    /// There is no such file.
    Missing,
    /// The variable that should name a file holds an identity.
    PathIsIdentity,
    /// It could not be read; the host says why.
    Failed(String),
    Malformed(Malformed),
    Identities(Identities),
    LockedIdentities(LockedIdentities),
    Ssh(age::ssh::Identity),
    LockedSsh(LockedSsh),
    UnsupportedSsh(&'static str),
}

/// A passphrase-encrypted identity file.
pub(super) struct LockedIdentities {
    content: Secret<Vec<u8>>,
    opened: OnceLock<Result<Identities, Locked>>,
}

/// A passphrase-protected SSH key; its public half is readable.
pub(super) struct LockedSsh {
    key: age::ssh::EncryptedKey,
    /// A command's output must not be protected: nobody could know what is asked for.
    from_command: bool,
    opened: OnceLock<Result<age::ssh::Identity, Locked>>,
}

/// Why something locked stayed locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Locked {
    NobodyToAsk,
    FromCommand,
    WrongPassphrase,
    /// The scrypt work factor is beyond [`MAX_WORK_FACTOR`].
    TooMuchWork,
    /// Not an age file that a passphrase opens.
    NoPassphraseFile,
    Malformed(Malformed),
}

/// The highest scrypt work factor (log2 N) for identity files: the reference's, 4 GiB of memory.
const MAX_WORK_FACTOR: u8 = 22;

impl Holding {
    /// Loads a source and sorts what is there. Nothing is unlocked.
    pub(super) fn load(provider: &dyn IdentityProvider, source: &IdentitySource, recipient: &str) -> Self {
        if source.path_is_identity() {
            return Self::PathIsIdentity;
        }
        match provider.load(source, recipient) {
            Loaded::NotSet => Self::NotSet,
            Loaded::Missing => Self::Missing,
            Loaded::Failed(reason) => Self::Failed(reason),
            Loaded::Content(content) if source.kind() == SourceKind::SshKey => Self::ssh(&content, source.is_command()),
            Loaded::Content(content) if envelope::is_age_file(content.expose()) => {
                Self::LockedIdentities(LockedIdentities { content, opened: OnceLock::new() })
            }
            Loaded::Content(content) => match parse(content.expose(), source.kind() == SourceKind::Words) {
                Ok(identities) => Self::Identities(identities),
                Err(malformed) => Self::Malformed(malformed),
            },
        }
    }

    fn ssh(content: &Secret<Vec<u8>>, from_command: bool) -> Self {
        match identity::parse_ssh(content.expose()) {
            Ok(SshKey::Open(key)) => Self::Ssh(key),
            Ok(SshKey::Locked(key)) => Self::LockedSsh(LockedSsh { key: *key, from_command, opened: OnceLock::new() }),
            Ok(SshKey::Unsupported(reason)) => Self::UnsupportedSsh(reason),
            Err(malformed) => Self::Malformed(malformed),
        }
    }
}

impl LockedIdentities {
    /// The identities inside; asks for the passphrase the first time.
    pub(super) fn open(&self, ask: impl FnOnce() -> Option<Secret<String>>) -> &Result<Identities, Locked> {
        self.opened.get_or_init(|| {
            let passphrase = ask().ok_or(Locked::NobodyToAsk)?;
            let mut scrypt = age::scrypt::Identity::new(identity::passphrase(&passphrase));
            scrypt.set_max_work_factor(MAX_WORK_FACTOR);
            let text = envelope::open_identity_file(self.content.expose(), &scrypt).map_err(|error| match error {
                OpenError::Stanza => Locked::WrongPassphrase,
                OpenError::Work => Locked::TooMuchWork,
                OpenError::NoMatch | OpenError::Age(_) => Locked::NoPassphraseFile,
            })?;
            parse(text.expose(), false).map_err(Locked::Malformed)
        })
    }

    /// What opening gave, if it was tried.
    pub(super) fn opened(&self) -> Option<&Result<Identities, Locked>> {
        self.opened.get()
    }
}

impl LockedSsh {
    /// The public half.
    pub(super) fn recipient(&self) -> Option<String> {
        ssh_recipient(&age::ssh::Identity::Encrypted(self.key.clone()))
    }

    /// The key; asks for the passphrase the first time.
    pub(super) fn open(&self, ask: impl FnOnce() -> Option<Secret<String>>) -> &Result<age::ssh::Identity, Locked> {
        self.opened.get_or_init(|| {
            if self.from_command {
                return Err(Locked::FromCommand);
            }
            let passphrase = ask().ok_or(Locked::NobodyToAsk)?;
            let key = self.key.decrypt(identity::passphrase(&passphrase)).map_err(|_| Locked::WrongPassphrase)?;
            Ok(key.into())
        })
    }

    /// What opening gave, if it was tried.
    pub(super) fn opened(&self) -> Option<&Result<age::ssh::Identity, Locked>> {
        self.opened.get()
    }
}

/// The public half of an SSH key, `TYPE BASE64`.
pub(super) fn ssh_recipient(key: &age::ssh::Identity) -> Option<String> {
    age::ssh::Recipient::try_from(key.clone()).ok().map(|recipient| recipient.to_string())
}

fn parse(content: &[u8], words: bool) -> Result<Identities, Malformed> {
    let text = std::str::from_utf8(content).map_err(|error| Malformed {
        line: 1 + memchr::memchr_iter(b'\n', &content[..error.valid_up_to()]).count(),
        reason: "not text",
        looks_like_path: false,
    })?;
    identity::parse(text, words)
}
