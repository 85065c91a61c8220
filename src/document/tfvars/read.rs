//! Owns [`value`]: what a scanned scalar or comment means.

use super::super::{Leaf, LeafKind, ParseError, Style};
use super::{heredoc, number, string};
use crate::value::{Value, ValueType};

/// The value of a leaf of a scanned text. Of strings and heredocs it is the text that terraform makes of them; of one with a
/// template, the text with the template as it is written. An expression is its own text.
///
/// # Errors
/// A number too large for 64-bit floating point.
pub fn value<'t>(text: &'t str, leaf: &Leaf) -> Result<Value<'t>, ParseError> {
    let raw = &text[leaf.span.range()];
    match leaf.kind {
        LeafKind::Comment | LeafKind::CommentItem => return Ok(Value::new(ValueType::Comment, comment_parts(raw).1.as_bytes())),
        LeafKind::EmptyMap | LeafKind::EmptySeq => return Ok(Value::NULL),
        LeafKind::Scalar => {}
    }
    if leaf.style == Style::Double {
        return Ok(Value::str(decode(raw)));
    }
    match raw {
        "true" => Ok(Value::bool(true)),
        "false" => Ok(Value::bool(false)),
        "null" => Ok(Value::NULL),
        _ if number::is_number(raw) => number::read(raw).ok_or_else(|| {
            let at = leaf.span.range().start;
            ParseError::at(text.as_bytes(), at, "a number too large for 64-bit floating point: write it as a string")
        }),
        _ => Ok(Value::str(raw.as_bytes())),
    }
}

fn decode(raw: &str) -> std::borrow::Cow<'_, [u8]> {
    use std::borrow::Cow;
    let decoded = if raw.starts_with('"') {
        string::decode(raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default(), true)
    } else {
        match heredoc::content(raw) {
            (content, true) if !string::has_template(content) => match heredoc::unindented(content) {
                Cow::Borrowed(text) => string::decode(text, false),
                Cow::Owned(text) => Cow::Owned(string::decode(&text, false).into_owned()),
            },
            (content, _) => string::decode(content, false),
        }
    };
    match decoded {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Whether a leaf is no literal: a reference, a function call, an operation, a block. It is never sealed.
pub fn is_expression(text: &str, leaf: &Leaf) -> bool {
    let raw = &text[leaf.span.range()];
    leaf.kind == LeafKind::Scalar
        && leaf.style == Style::Plain
        && !matches!(raw, "true" | "false" | "null")
        && !number::is_number(raw)
}

/// Whether a string or heredoc holds a template, which other formats cannot say.
pub fn is_template(text: &str, leaf: &Leaf) -> bool {
    leaf.kind == LeafKind::Scalar && leaf.style == Style::Double && string::has_template(&text[leaf.span.range()])
}

/// What opens a comment, its text, and what closes it.
pub fn comment_parts(raw: &str) -> (&'static str, &str, &'static str) {
    if let Some(text) = raw.strip_prefix('#') {
        return ("#", text, "");
    }
    match (raw.strip_prefix("//"), raw.strip_prefix("/*").and_then(|rest| rest.strip_suffix("*/"))) {
        (Some(text), _) => ("//", text, ""),
        (_, Some(text)) => ("/*", text, "*/"),
        _ => ("", raw, ""),
    }
}
