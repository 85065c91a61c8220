//! Owns heredocs: how they open and close, and the text that they stand for.

use std::borrow::Cow;

use super::super::lines::newline_len;
use super::tokens::{Fault, name_end};

/// The first line of a heredoc.
#[derive(Clone, Copy)]
pub(super) struct Opening<'t> {
    /// The word that closes it.
    pub(super) marker: &'t str,
    /// The first byte of its content.
    pub(super) content: usize,
}

impl<'t> Opening<'t> {
    /// Reads `<<EOT` or `<<-EOT` at `at`, with its line break.
    pub(super) fn read(text: &'t str, at: usize) -> Result<Self, Fault> {
        let bytes = text.as_bytes();
        let start = at + 2 + usize::from(bytes.get(at + 2) == Some(&b'-'));
        let end = name_end(text, start);
        if end == start {
            return Fault::new(at, "expected the marker of a heredoc directly after `<<`");
        }
        match newline_len(bytes, end) {
            0 => Fault::new(end, "expected a line break after the marker of a heredoc"),
            len => Ok(Self { marker: &text[start..end], content: end + len }),
        }
    }

    /// The end of the closing marker, if the line that starts at `at` is that.
    pub(super) fn closed_by(&self, text: &str, at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let start = super::tokens::blanks_end(bytes, at);
        let end = start + self.marker.len();
        if bytes.get(start..end)? != self.marker.as_bytes() {
            return None;
        }
        let after = super::tokens::blanks_end(bytes, end);
        (after == bytes.len() || newline_len(bytes, after) > 0).then_some(end)
    }
}

/// The lines of a whole heredoc between its first and its last, and whether the indentation that all have is cut (`<<-`).
pub(super) fn content(raw: &str) -> (&str, bool) {
    let start = memchr::memchr(b'\n', raw.as_bytes()).map_or(raw.len(), |n| n + 1);
    let end = memchr::memrchr(b'\n', raw.as_bytes()).map_or(start, |n| n + 1).max(start);
    (&raw[start..end], raw.starts_with("<<-"))
}

/// The text without the indentation that all its lines have; lines of only blanks do not count and stay.
pub(super) fn unindented(text: &str) -> Cow<'_, str> {
    let blank = |line: &str| line.trim().is_empty();
    let width = |line: &str| line.chars().take_while(|c| c.is_whitespace()).count();
    let lines = || text.split_inclusive('\n');
    let least = lines().filter(|line| !blank(line)).map(width).min().unwrap_or(0);
    if least == 0 {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for line in lines() {
        let cut = if blank(line) { 0 } else { line.char_indices().nth(least).map_or(line.len(), |(at, _)| at) };
        out.push_str(&line[cut..]);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_indentation_goes_as_in_terraform() {
        for (text, expected) in [
            ("    x\n  \n     \n\n      y\n", "x\n  \n     \n\n  y\n"),
            ("    x\n\ty\n", "   x\ny\n"),
            ("  \n      \n", "  \n      \n"),
            ("    x\r\n  \r\n      y\r\n", "x\r\n  \r\n  y\r\n"),
            ("x\n  y\n", "x\n  y\n"),
            ("", ""),
        ] {
            assert_eq!(unindented(text), expected, "{text:?}");
        }
    }
}
