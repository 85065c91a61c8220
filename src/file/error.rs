//! Why encrypting, opening or changing a file failed. Positions and key paths only; never a value, a digest or source text.

use crate::crypto::sealer;
use crate::document::{Document, Leaf, ParseError, Position};
use crate::keys::recover::RecoverError;
use crate::keys::wrap::WrapError;
use crate::mac::MacError;
use crate::metadata::MetadataError;
use crate::selection::SelectionError;

/// Why a text could not be encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The plaintext is not a document of its format.
    #[error(transparent)]
    Parse(ParseError),
    /// A YAML plaintext without a single byte. sops: exit 92.
    #[error("the file is completely empty: it must contain at least one document")]
    Empty,
    /// The plaintext has a top-level `sops` entry: it is encrypted already, or the name is in the way. sops: exit 203.
    #[error("the file has a top-level `sops` entry at {position}: it is already encrypted")]
    AlreadyEncrypted {
        /// Where the entry starts.
        position: Position,
    },
    /// A leaf cannot be sealed or left in clear. sops: exit 23.
    #[error("{path} ({position}): {reason}")]
    Leaf {
        /// Key path.
        path: String,
        /// Where.
        position: Position,
        /// Why.
        reason: LeafReason,
    },
    /// A selector cannot be used.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A master key did not wrap the data key.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// The input cannot be written in the target format.
    #[error(transparent)]
    Convert(#[from] crate::document::convert::ConvertError),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
    /// The time given is not RFC 3339.
    #[error("the current time is not an RFC 3339 time")]
    Clock,
    /// The result would be 4 GiB or more.
    #[error("the encrypted file would be 4 GiB or larger")]
    TooLarge,
    /// The encrypted text, read again, does not say what was meant; nothing was written. A defect of leafseal or a form of
    /// document that it does not handle.
    #[error("the encrypted text does not read back as the same document; nothing was written")]
    NotReadBack,
    /// Reading a value of the encrypted file again failed.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<getrandom::Error> for EncryptError {
    fn from(_: getrandom::Error) -> Self {
        Self::Random
    }
}

impl EncryptError {
    /// Where in the plaintext, if it is about a place.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Parse(error) => Some(error.position),
            Self::AlreadyEncrypted { position } | Self::Leaf { position, .. } => Some(*position),
            _ => None,
        }
    }

    /// About one leaf.
    pub(crate) fn leaf(doc: &Document, leaf: &Leaf, reason: LeafReason) -> Self {
        let (path, position) = locate(doc, leaf);
        Self::Leaf { path, position, reason }
    }
}

/// Why an encrypted file could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text is not a document of its format.
    #[error(transparent)]
    Parse(ParseError),
    /// A file of no known format that is not in sops's JSON form for such files: it is not encrypted, or its format must be
    /// given.
    #[error("not an encrypted file: its name says no format, so it is read as a binary file in the JSON form of sops, and is none")]
    NotBinaryForm(ParseError),
    /// There is no `sops` entry, or it cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// No data key. sops: exit 128.
    #[error(transparent)]
    NoKey(#[from] RecoverError),
    /// A leaf does not open. sops: exit 25.
    #[error("{path} ({position}): {reason}")]
    Leaf {
        /// Key path.
        path: String,
        /// Where.
        position: Position,
        /// Why.
        reason: LeafReason,
    },
    /// The MAC does not hold. sops: exit 51.
    #[error(transparent)]
    Mac(#[from] MacError),
    /// A selector of the file cannot be used.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A binary file without a top-level string `data`.
    #[error("not an encrypted binary file: it has no top-level string `data` (give --input-type, or --output-type to convert)")]
    NotBinary,
    /// The plaintext, read again, does not say what was opened. A defect of leafseal.
    #[error("the decrypted text does not read back as the decrypted values; nothing was written")]
    NotReadBack,
}

impl OpenError {
    /// About one leaf.
    pub(crate) fn leaf(doc: &Document, leaf: &Leaf, reason: LeafReason) -> Self {
        let (path, position) = locate(doc, leaf);
        Self::Leaf { path, position, reason }
    }
}

/// Why `set` or `unset` failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModifyError {
    /// The place cannot be changed so.
    #[error(transparent)]
    Edit(#[from] crate::document::edit::EditError),
    /// Sealing what changed failed.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// Opening the file failed.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// What is wrong with one leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeafReason {
    /// It should be sealed and is a number, boolean or date.
    #[error(
        "expected a sealed value (`ENC[...]`), found another type in clear; if someone added it by hand, encrypt the file anew"
    )]
    NotAString,
    /// It should be sealed and is other text.
    #[error("expected a sealed value (`ENC[...]`), found text in clear or a damaged sealed value")]
    NotSealed,
    /// It does not open under this key at this place.
    #[error(transparent)]
    Seal(sealer::OpenError),
    /// A sealed comment where a value is expected, or the reverse.
    #[error("a sealed comment stands where a value is expected")]
    CommentAsValue,
    /// An integer above the signed 64-bit range that stays in clear: sops could not read the file.
    #[error(
        "an integer beyond 9223372036854775807 cannot stay in clear, sops refuses such files: quote it, or let it be encrypted"
    )]
    IntegerInClear,
    /// An expression or a block of HCL, which cannot be sealed.
    #[error(
        "not a literal value: write it as a string in quotes, or let a selection leave it in clear (`encrypted_regex`, for instance)"
    )]
    NotLiteral,
    /// A sealed comment that a comment selector would match.
    #[error(
        "the sealed comment would match unencrypted_comment_regex, and the file could not be decrypted: use a narrower pattern"
    )]
    CommentMatches,
}

fn locate(doc: &Document, leaf: &Leaf) -> (String, Position) {
    (doc.paths.display(leaf.path, &doc.text), crate::document::position(doc.text.as_bytes(), leaf.span.start as usize))
}
