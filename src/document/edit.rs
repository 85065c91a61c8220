//! Owns [`EditError`]: why a structural edit of a document is not possible. The edits are in each format's `edit`.

use super::ParseError;
use super::json::EmitError;
use super::steps::{Step, format_steps};

/// Why an edit is not possible. Steps and keys are names, not secrets.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditError {
    /// No steps: the whole document cannot be set or unset.
    #[error("the path is empty: it must name an entry")]
    EmptyPath,
    /// Nothing to unset there: the path up to the missing key.
    #[error("key not found: {0}")]
    KeyNotFound(String),
    /// Nothing to unset there: the path up to the index.
    #[error("index out of bounds: {0}")]
    OutOfBounds(String),
    /// A step into a scalar.
    #[error("{0} leads into a value that is neither a mapping nor a list")]
    NotAContainer(String),
    /// An index on a mapping.
    #[error("{0} is an index, but stands on a mapping: name its keys as `[\"key\"]`")]
    IndexOnMapping(String),
    /// A key on a list.
    #[error("{0} is a key, but stands on a list: items have indexes, as `[0]`")]
    KeyOnList(String),
    /// The top-level key of the metadata.
    #[error("the top-level key `sops` is reserved for the metadata")]
    ReservedKey,
    /// An alias elsewhere stands for something in what would go: the path of that.
    #[error("{0} holds an anchor that an alias elsewhere names: change the alias first")]
    Anchored(String),
    /// dotenv and INI: a list or a mapping where only a scalar can stand; the key path.
    #[error("{0} can hold a single value only: the format has no lists and no further mappings")]
    Nested(String),
    /// dotenv: the beginning of the names of the metadata.
    #[error("names that begin with `sops_` are reserved for the metadata")]
    ReservedPrefix,
    /// dotenv and INI: a name that would be read otherwise; the key path.
    #[error("the key {0} cannot be written in this format")]
    KeyForm(String),
    /// dotenv and INI: a value that would be read otherwise; the key path.
    #[error("the value of {0} cannot be written in this format so that it reads back the same")]
    Unspellable(String),
    /// TOML: a null; the path.
    #[error("TOML has no null: {0} cannot be one")]
    NoNull(String),
    /// A value on the way cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A value that the format cannot hold.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

impl EditError {
    /// The error of one of the variants that name the path up to the step at fault.
    pub fn at(variant: fn(String) -> Self, steps: &[Step], index: usize) -> Self {
        variant(format_steps(steps.get(..=index).unwrap_or(steps)))
    }

    /// Whether it only says that there is nothing to unset (`unset --idempotent` is content then).
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::KeyNotFound(_) | Self::OutOfBounds(_))
    }
}
