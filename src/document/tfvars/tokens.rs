//! Owns the smallest pieces of HCL: blanks, names, comments, and faults at a byte.

use super::super::{ParseError, position};

/// A [`ParseError`] before its position is counted out.
pub(super) struct Fault {
    /// The byte.
    pub(super) at: usize,
    /// What, in our own words.
    pub(super) message: &'static str,
    /// Where what is not closed was opened.
    pub(super) opened: Option<usize>,
}

impl Fault {
    /// A fault at a byte.
    pub(super) fn new<T>(at: usize, message: &'static str) -> Result<T, Self> {
        Err(Self { at, message, opened: None })
    }

    /// The text ends inside of something that was opened before.
    pub(super) fn ended<T>(bytes: &[u8], message: &'static str, opened: usize) -> Result<T, Self> {
        Err(Self { at: bytes.len(), message, opened: Some(opened) })
    }

    /// With its position.
    pub(super) fn into_error(self, text: &[u8]) -> ParseError {
        match self.opened {
            None => ParseError::at(text, self.at, self.message),
            Some(opened) => ParseError::at(text, self.at, format!("{} (it begins at {})", self.message, position(text, opened))),
        }
    }
}

/// The end of blanks (no line breaks) from `at` on.
pub(super) fn blanks_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// The end of the name that starts at `at`; `at` if none does. Names have letters, digits, `_` and `-`, and start with a letter or
/// `_`.
pub(super) fn name_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = at;
    loop {
        match bytes.get(end) {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => end += 1,
            Some(b'0'..=b'9' | b'-') if end > at => end += 1,
            Some(0x80..) => {
                let Some(c) = text.get(end..).and_then(|rest| rest.chars().next()) else { return end };
                if !(c.is_alphabetic() || end > at && c.is_alphanumeric()) {
                    return end;
                }
                end += c.len_utf8();
            }
            _ => return end,
        }
    }
}

/// Whether a text is a name, and nothing else.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && name_end(text, 0) == text.len()
}

/// The end of the comment that starts at `at` (of a line comment: before its line break); `None` if none does.
pub(super) fn comment_end(bytes: &[u8], at: usize) -> Result<Option<usize>, Fault> {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'#'), _) | (Some(b'/'), Some(b'/')) => {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
            let is_crlf = end < bytes.len() && bytes[end - 1] == b'\r';
            Ok(Some(if is_crlf { end - 1 } else { end }))
        }
        (Some(b'/'), Some(b'*')) => match memchr::memmem::find(&bytes[at + 2..], b"*/") {
            Some(n) => Ok(Some(at + n + 4)),
            None => Fault::ended(bytes, "a comment is not closed: `*/` is missing", at),
        },
        _ => Ok(None),
    }
}
