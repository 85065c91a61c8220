//! dotenv documents: lines of `KEY=VALUE`, read exactly as sops reads them, edited in place.
//!
//! A line ends with `\n`. A line is a comment if its very first byte is `#`; the key is everything before the first `=`, the
//! value everything after it, quotes, blanks and `\r` included; the two characters `\n` in a value are a line break. Empty lines
//! mean nothing. Rules: `docs/format.md`, "dotenv and INI". May use `value`.

mod blanks;
mod edit;
mod emit;
mod metadata;
pub mod posix;
mod scan;

pub use blanks::{cut_blanks, put_blanks_back};
pub use edit::{set, unset};
pub use emit::emit;
pub use metadata::{cut_metadata, metadata_splices};
pub use posix::Dialect;
pub use scan::scan;

use std::borrow::Cow;

use super::flat::text_of;
use super::{Leaf, LeafKind};
use crate::value::Value;

/// Names that start so are metadata.
pub const PREFIX: &str = "sops_";

/// The value of a leaf: a string, or the text of a comment after its `#`.
pub fn value<'t>(text: &'t str, leaf: &Leaf) -> Value<'t> {
    let raw = &text[leaf.span.range()];
    match leaf.kind {
        LeafKind::Comment => {
            let comment = raw.strip_prefix('#').unwrap_or(raw);
            Value::new(crate::value::ValueType::Comment, comment.as_bytes())
        }
        _ => match unescaped(raw) {
            Cow::Borrowed(raw) => Value::str(raw.as_bytes()),
            Cow::Owned(text) => Value::str(text.into_bytes()),
        },
    }
}

/// A value's text with `\n` read as a line break.
pub fn unescaped(raw: &str) -> Cow<'_, str> {
    if raw.contains("\\n") { Cow::Owned(raw.replace("\\n", "\n")) } else { Cow::Borrowed(raw) }
}

/// Appends a value: line breaks as `\n`, everything else as it is.
pub fn spell(value: &Value<'_>, out: &mut String) {
    out.push_str(&text_of(value).replace('\n', "\\n"));
}

#[cfg(test)]
mod tests;
