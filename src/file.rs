//! The heart: [`encrypt`], [`EncryptedFile`] and [`PlainFile`], in memory. No files, no environment, no clock, no terminal: what
//! comes from outside comes in a [`Context`].
//!
//! ```text
//! plaintext --encrypt--> encrypted text --EncryptedFile::parse--> EncryptedFile --open (data key, leaves, MAC)--> PlainFile
//! PlainFile --text | convert | extract--> plaintext      PlainFile --merge | set | unset | rotate--> encrypted text
//! ```
//!
//! Plaintext leaves a [`PlainFile`] only; there is none without a [`MacChecked`] (invariant I3).

mod aliases;
mod batches;
mod draft;
mod encrypt;
mod error;
mod merge;
mod modify;
mod open;
mod opened;
mod output;
mod plain;
mod reformat;
mod remember;
mod replace;
mod rewrap;
mod seal;
mod spelling;
mod summary;
mod tree;
mod verify;

pub use encrypt::encrypt;
pub use error::{EncryptError, LeafReason, ModifyError, OpenError};
pub use modify::KeyChanges;
pub use plain::PlainError;
pub use remember::Since;
pub use summary::Counts;

use crate::crypto::data_key::DataKey;
use crate::document::{Document, Format, Layout, Position};
use crate::keys::recover::DecryptionOrder;
use crate::keys::service::KeyService;
use crate::mac::MacChecked;
use crate::metadata::Metadata;

/// The `version` written into new files: the sops whose rules they follow.
pub const FORMAT_VERSION: &str = "3.13.3";

/// What the library needs from outside.
pub struct Context<'a> {
    /// Wraps and unwraps data keys.
    pub services: &'a [&'a dyn KeyService],
    /// Which types of master keys are tried first.
    pub order: &'a DecryptionOrder,
    /// Now: RFC 3339, UTC, whole seconds (`2026-11-22T07:14:39Z`).
    pub now: &'a str,
    /// How what is newly laid out looks.
    pub layout: &'a Layout,
}

/// Whether the MAC must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacPolicy {
    /// It must.
    Verify,
    /// `--ignore-mac`: neither its absence nor a mismatch is an error.
    Ignore,
}

/// An encrypted text with what happened on the way.
pub struct Encrypted {
    /// The whole file.
    pub text: Vec<u8>,
    /// Counts and notes.
    pub report: SealReport,
}

/// What was sealed.
#[derive(Clone, Debug, Default)]
pub struct SealReport {
    /// Values that could be sealed (no nulls, no empty strings).
    pub values: usize,
    /// Values that are sealed.
    pub sealed: usize,
    /// Comments that are not empty.
    pub comments: usize,
    /// Comments that are sealed.
    pub comments_sealed: usize,
    /// What a user should know.
    pub notes: Vec<Note>,
}

/// Something a user should know about an encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// There are values, and the selection covers none of them: the file is in clear.
    NothingSealed,
    /// An expression or a block of HCL is not selected and stays in clear.
    ExpressionInClear {
        /// Where it stands.
        path: String,
        /// Where it stands in the plaintext.
        position: Position,
    },
    /// An alias stands for sealed values and was written out in the encrypted file; decrypting brings the alias back.
    AliasExpanded {
        /// Where it stands.
        path: String,
        /// Where it stands in the plaintext.
        position: Position,
    },
}

/// An encrypted file, read but not opened.
pub struct EncryptedFile {
    document: Document,
    metadata: Metadata,
    format: Format,
}

/// An opened file. Holds the data key, the opened values and the proof that the MAC was checked.
pub struct PlainFile {
    document: Document,
    metadata: Metadata,
    format: Format,
    data_key: DataKey,
    selected: Vec<bool>,
    opened: opened::Opened,
    _mac: MacChecked,
}

#[cfg(test)]
mod tests;
