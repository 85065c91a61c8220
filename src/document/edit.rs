//! Owns [`EditError`]: why a structural edit of a document is not possible, and what the edits of the formats have in common. The edits are in
//! each format's `edit`.

use super::json::EmitError;
use super::node::Node;
use super::steps::{Step, format_steps};
use super::{Document, NodeKind, ParseError, PathId};

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

/// The value wrapped in the containers that steps name.
pub(super) fn nest(steps: &[Step], value: &Node) -> Node {
    steps.iter().rev().fold(value.clone(), |inner, step| match step {
        Step::Key(key) => Node::map([(key.clone(), inner)]),
        Step::Index(_) => Node::seq([inner]),
    })
}

/// Refuses the whole document and the entry of the metadata.
///
/// # Errors
/// `EmptyPath`, `ReservedKey`.
pub(super) fn refuse_reserved(steps: &[Step], reserved: &str) -> Result<(), EditError> {
    match steps.first() {
        None => Err(EditError::EmptyPath),
        Some(Step::Key(key)) if key == reserved => Err(EditError::ReservedKey),
        Some(_) => Ok(()),
    }
}

/// The entry that a step leads to, `None` where there is none yet. Of equal keys the first is meant.
///
/// # Errors
/// `NotAContainer`, `IndexOnMapping`, `KeyOnList`.
pub(super) fn find(document: &Document, container: PathId, steps: &[Step], index: usize) -> Result<Option<PathId>, EditError> {
    let is = |variant| Err(EditError::at(variant, steps, index));
    match (document.paths.node(container).kind, &steps[index]) {
        (NodeKind::FlowMap | NodeKind::BlockMap, Step::Key(key)) => {
            Ok(document.children(container).find(|&id| document.paths.key(id, &document.text) == Some(key.as_str())))
        }
        (NodeKind::FlowSeq | NodeKind::BlockSeq, Step::Index(n)) => Ok(document.children(container).nth(*n)),
        (NodeKind::FlowMap | NodeKind::BlockMap, Step::Index(_)) => is(EditError::IndexOnMapping),
        (NodeKind::FlowSeq | NodeKind::BlockSeq, Step::Key(_)) => is(EditError::KeyOnList),
        (NodeKind::Scalar, _) => is(EditError::NotAContainer),
    }
}

/// The entry that steps lead to from a root, for removing it. `find` says where a step leads.
///
/// # Errors
/// What `find` says; `KeyNotFound`, `OutOfBounds` where nothing is.
pub(super) fn entry_at(
    steps: &[Step],
    root: PathId,
    find: impl Fn(PathId, usize) -> Result<Option<PathId>, EditError>,
) -> Result<PathId, EditError> {
    let mut at = root;
    for (index, step) in steps.iter().enumerate() {
        at = find(at, index)?.ok_or_else(|| match step {
            Step::Key(_) => EditError::at(EditError::KeyNotFound, steps, index),
            Step::Index(_) => EditError::at(EditError::OutOfBounds, steps, index),
        })?;
    }
    Ok(at)
}
