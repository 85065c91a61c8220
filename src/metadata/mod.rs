//! Owns the metadata of an encrypted file, its `sops` block: the model. [`Metadata::read`] takes it from a tree of values,
//! [`Metadata::to_node`] gives it back.
//!
//! Rules: `docs/format.md`, "Metadata". May use `selection`, `keys`, `document` and `value`.

mod read;
mod write;

use crate::document::{Document, NodeKind, PathId};
use crate::keys::WrappedGroup;
use crate::selection::{SelectionError, SelectionRule};
use crate::value::time;

/// The name of the metadata entry.
pub const KEY: &str = "sops";

/// The field of our own in which spellings are kept that value and style alone do not tell. sops ignores it.
pub const SPELLING_FIELD: &str = "leafseal_spelling";

/// The metadata of one encrypted file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The key groups with the data key, or their shares of it; at least one.
    pub groups: Vec<WrappedGroup>,
    /// How many groups are needed; 0 if the file does not say. Means nothing with a single group.
    pub shamir_threshold: u32,
    /// Which leaves are sealed.
    pub selection: SelectionRule,
    /// When the file was last written.
    pub last_modified: LastModified,
    /// The sealed MAC; empty if the file has none.
    pub mac: String,
    /// Whether the MAC covers sealed leaves only.
    pub mac_only_encrypted: bool,
    /// The version of sops that the file's features ask for.
    pub version: String,
    /// The sealed spellings, see [`SPELLING_FIELD`].
    pub spelling: Option<String>,
}

/// The time in `lastmodified`: the text that the file has, and the text that is the additional data of the MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastModified {
    text: String,
    canonical: String,
}

impl LastModified {
    /// Takes an RFC 3339 time; `None` for other texts.
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = time::without_fraction(&time::rfc3339(text.as_bytes())?);
        Some(Self { text: text.into(), canonical })
    }

    /// The text as stored.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as sops formats it: in seconds, with `Z` for UTC. It is the additional data of the MAC.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Why a file has no usable metadata. Names fields, never what is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The first document has no `sops` entry: the file is not encrypted.
    #[error("the file has no `sops` metadata: it is not an encrypted file")]
    NotFound,
    /// The `sops` entry is not a mapping.
    #[error("the `sops` entry is not a mapping")]
    NotAMapping,
    /// The first document has two `sops` entries.
    #[error("the file has two `sops` entries")]
    Duplicate,
    /// A field has another type, and its value cannot be taken for the right one.
    #[error("`sops.{field}` is not {expected}")]
    Type {
        /// Path of the field within the block.
        field: String,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// A time is missing or not RFC 3339.
    #[error("`sops.{field}` is missing or not an RFC 3339 time")]
    Time {
        /// Path of the field within the block.
        field: String,
    },
    /// No master key is in the block.
    #[error("the `sops` metadata has no master keys")]
    NoKeys,
    /// `version` is missing or empty.
    #[error("`sops.version` is missing")]
    VersionMissing,
    /// `version` is not of the form `X.Y.Z`.
    #[error("`sops.version` is not a version")]
    Version,
    /// More than one selector.
    #[error("in the `sops` metadata, {0}")]
    Selectors(#[from] SelectionError),
}

/// Finds the metadata of a document: the `sops` entry of its first document. Those of later documents mean nothing.
///
/// # Errors
/// [`MetadataError::NotFound`], [`MetadataError::Duplicate`], [`MetadataError::NotAMapping`].
pub fn locate(document: &Document) -> Result<PathId, MetadataError> {
    let first = document.roots.first();
    let mut entries = document.metadata.iter().copied().filter(|&id| Some(&document.paths.node(id).parent) == first);
    let entry = entries.next().ok_or(MetadataError::NotFound)?;
    if entries.next().is_some() {
        return Err(MetadataError::Duplicate);
    }
    match document.paths.node(entry).kind {
        NodeKind::BlockMap | NodeKind::FlowMap => Ok(entry),
        _ => Err(MetadataError::NotAMapping),
    }
}

#[cfg(test)]
mod tests;
