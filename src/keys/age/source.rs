//! Owns the description of the places where identities may be, and the door to the host that looks into them.

use super::plugin::Plugins;
use crate::secret::Secret;

/// How a place writes its identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Blank-separated words on every line (`SOPS_AGE_KEY`).
    Words,
    /// One identity a line, or a passphrase-encrypted identity file.
    Lines,
    /// One SSH private key.
    SshKey,
}

/// A place where identities may be. It holds no secret: the content comes from [`IdentityProvider::load`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySource {
    label: String,
    kind: SourceKind,
    path: Path,
    command: bool,
}

/// Where a source's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    None,
    At(String),
    /// The variable that should name a file holds an identity: its value must not be shown.
    Identity,
}

impl IdentitySource {
    /// An environment variable that holds the identities themselves.
    pub fn variable(label: impl Into<String>, kind: SourceKind) -> Self {
        Self { label: label.into(), kind, path: Path::None, command: false }
    }

    /// A file. `label` is the variable that names it, or the path itself for default places.
    pub fn file(label: impl Into<String>, kind: SourceKind, path: impl Into<String>) -> Self {
        let path = path.into();
        let holds_identity = path.trim_start().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("AGE-"));
        let path = if holds_identity { Path::Identity } else { Path::At(path) };
        Self { label: label.into(), kind, path, command: false }
    }

    /// A variable that holds a command; it may answer each recipient differently, so it runs once for each.
    pub fn command(label: impl Into<String>, kind: SourceKind) -> Self {
        Self { label: label.into(), kind, path: Path::None, command: true }
    }

    /// The name for reports and prompts: the variable, or the path of a default place.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How the place writes its identities.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The file to read, for sources made by [`IdentitySource::file`].
    pub fn path(&self) -> Option<&str> {
        match &self.path {
            Path::At(path) => Some(path),
            Path::None | Path::Identity => None,
        }
    }

    /// Whether a command must run to load it.
    pub fn is_command(&self) -> bool {
        self.command
    }

    pub(super) fn path_is_identity(&self) -> bool {
        self.path == Path::Identity
    }
}

/// What the host found at a place.
#[derive(Debug)]
pub enum Loaded {
    /// The bytes there.
    Content(Secret<Vec<u8>>),
    /// The variable is not set.
    NotSet,
    /// There is no such file.
    Missing,
    /// It could not be read or run; the text says why and holds nothing that was read.
    Failed(String),
}

/// The host's door: it knows the places, reads them when asked, and can ask a person for a passphrase.
///
/// Nothing is loaded before a wrapped key needs it, and nothing twice: cheap places first, then commands, prompts last.
pub trait IdentityProvider: Sync {
    /// The places, in the order of `docs/format.md`. The order stays the same for the life of the provider.
    fn sources(&self) -> &[IdentitySource];

    /// Reads a place. `recipient` is what is being unwrapped: commands get it as `SOPS_AGE_RECIPIENT`.
    fn load(&self, source: &IdentitySource, recipient: &str) -> Loaded;

    /// Asks for the passphrase of the identity with this label; `None` if nobody can be asked. Called once a label.
    fn passphrase(&self, label: &str) -> Option<Secret<String>>;

    /// The plugins of this machine; `None` where none may be started.
    fn plugins(&self) -> Option<&dyn Plugins> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_where_a_path_belongs_is_never_shown() {
        let source = IdentitySource::file("SOPS_AGE_KEY_FILE", SourceKind::Lines, "AGE-SECRET-KEY-1QQQQ");
        assert_eq!(source.path(), None);
        assert!(source.path_is_identity());
        assert!(!format!("{source:?}").contains("QQQQ"));
    }
}
