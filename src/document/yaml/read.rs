//! Owns [`value`]: what a scanned leaf means, with go-yaml's and sops's types.

use super::super::{Leaf, LeafKind, ParseError, Style, Tag};
use super::decode::decode;
use super::resolve::{at_sight, resolve};
use crate::value::{Value, ValueType};

/// The value of a leaf of a scanned text; borrows the text where nothing is escaped or folded.
///
/// Of an empty container: null. Of a comment: the text after its `#`, or of the item for a comment that sops wrote as one.
pub fn value<'t>(text: &'t str, leaf: &Leaf) -> Result<Value<'t>, ParseError> {
    match leaf.kind {
        LeafKind::Scalar => {
            if let (Style::Plain, Tag::None) = (leaf.style, leaf.tag)
                && let Some(value) = at_sight(&text[leaf.span.range()])
            {
                return Ok(value);
            }
            let decoded = decode(text, leaf.span, leaf.style, leaf.indent);
            resolve(decoded, leaf.style, leaf.tag)
                .map_err(|error| ParseError::at(text.as_bytes(), leaf.span.start as usize, error.to_string()))
        }
        LeafKind::Comment => {
            let comment = text[leaf.span.range()].strip_prefix('#').unwrap_or_default();
            Ok(Value::new(ValueType::Comment, comment.as_bytes()))
        }
        LeafKind::CommentItem => match decode(text, leaf.span, leaf.style, leaf.indent) {
            std::borrow::Cow::Borrowed(item) => Ok(Value::new(ValueType::Comment, item.as_bytes())),
            std::borrow::Cow::Owned(item) => Ok(Value::new(ValueType::Comment, item.into_bytes())),
        },
        LeafKind::EmptyMap | LeafKind::EmptySeq => Ok(Value::NULL),
    }
}
