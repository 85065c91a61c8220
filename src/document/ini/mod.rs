//! INI documents: read exactly as sops reads them (through Go's `ini.v1` with its default options), edited in place.
//!
//! The tree has two levels: sections, and keys with string values. Keys before the first header belong to the section
//! `DEFAULT`, which is always there. Sections of equal names stay apart; of equal keys in a section the last one counts, at
//! the place of the first: the others are leaves that are sealed, but no part of the tree ([`Leaf::SHADOWED`]). The comment lines
//! before a key or header, and the comment on its line, are one comment. Rules: `docs/format.md`, "dotenv and INI".
//! May use `value`.

mod comment;
mod edit;
mod emit;
mod entry;
mod headers;
mod metadata;
mod read;
mod scan;
mod spell;

pub(super) use comment::is_of_key;
pub use comment::{comment_splices, cut_tail, same_comments, spelled as spelled_comment, tail_text};
pub use edit::{set, unset};
pub use emit::emit;
pub use headers::{bare_headers, put_headers_back};
pub use metadata::{cut_metadata, metadata_splices};
pub use scan::scan;
pub use spell::{place, spell};

use super::{Leaf, LeafKind};
use crate::value::{Value, ValueType};

/// The section of keys before the first header.
pub const DEFAULT: &str = "DEFAULT";

/// The section with the metadata.
pub const METADATA: &str = "sops";

/// The value of a leaf: a string, or what sops takes for the text of a comment.
pub fn value<'t>(text: &'t str, leaf: &Leaf) -> Value<'t> {
    match leaf.kind {
        LeafKind::Comment => match comment::text(text, leaf) {
            std::borrow::Cow::Borrowed(comment) => Value::new(ValueType::Comment, comment.as_bytes()),
            std::borrow::Cow::Owned(comment) => Value::new(ValueType::Comment, comment.into_bytes()),
        },
        LeafKind::EmptyMap | LeafKind::EmptySeq => Value::NULL,
        _ => match read::meaning(text, leaf) {
            std::borrow::Cow::Borrowed(value) => Value::str(value.as_bytes()),
            std::borrow::Cow::Owned(value) => Value::str(value.into_bytes()),
        },
    }
}

#[cfg(test)]
mod tests;
