//! Owns the reading of what frames a scalar in its text: the header of a block scalar and where its content ends, and the
//! anchor and tag before a scalar.

use std::ops::Range;

use super::super::{Leaf, Style};

/// The header of a block scalar and what follows its content.
pub(super) struct Header {
    /// End of the indicators: what follows up to the line break is blanks and a comment.
    pub(super) indicators: usize,
    /// The line break that ends the header, or the end of the text.
    pub(super) line: usize,
    /// End of the content without its last line break, and without empty lines that are not part of the value.
    pub(super) end: usize,
    /// The indentation indicator.
    pub(super) digit: Option<usize>,
    /// The line break.
    pub(super) newline: &'static str,
    /// What follows the content.
    pub(super) after: After,
}

/// What follows the content of a block scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// A line break, then something.
    Line,
    /// A line break, then an empty line (at the end of the text: blanks).
    Empty,
    /// The end of the text, without a line break.
    End,
}

impl Header {
    /// The header of a leaf, if it is a block scalar.
    pub(super) fn read(text: &str, leaf: &Leaf) -> Option<Self> {
        if !matches!(leaf.style, Style::Literal | Style::Folded) {
            return None;
        }
        let bytes = text.as_bytes();
        let span = leaf.span.range();
        let mut digit = None;
        let mut keeps = false;
        let mut indicators = span.start + 1;
        while let Some(c @ (b'+' | b'-' | b'1'..=b'9')) = bytes.get(indicators) {
            match c {
                b'+' => keeps = true,
                b'-' => {}
                c => digit = Some(usize::from(c - b'0')),
            }
            indicators += 1;
        }
        let line = line_break(&text[indicators..span.end]).map_or(span.end, |at| indicators + at);
        let newline = if bytes[line..].starts_with(b"\r\n") { "\r\n" } else { "\n" };
        let mut end = span.end;
        while !keeps && end > line {
            let Some(last) = memchr::memrchr2(b'\n', b'\r', &bytes[line..end]).map(|at| line + at) else { break };
            let tail = &bytes[last + 1..end];
            if tail.len() > leaf.indent as usize || tail.iter().any(|&c| c != b' ') {
                break;
            }
            end = if last > line && &bytes[last - 1..=last] == b"\r\n" { last - 1 } else { last };
        }
        Some(Self { indicators, line, end, digit, newline, after: After::of(&bytes[end..]) })
    }

    /// Whether blanks or a comment stand between indicators and line break.
    pub(super) fn has_rest(&self) -> bool {
        self.indicators < self.line
    }

    /// How far the content is indented; the parser does not say for content that is only empty lines.
    pub(super) fn indent(&self, leaf: &Leaf, parent: Option<usize>) -> usize {
        match leaf.indent {
            0 => parent.unwrap_or(0) + 2,
            indent => indent as usize,
        }
    }
}

/// The first line break of a text, the three of Unicode included.
pub(super) fn line_break(text: &str) -> Option<usize> {
    let found = memchr::memchr2(b'\n', b'\r', text.as_bytes());
    let line = &text[..found.unwrap_or(text.len())];
    line.find(['\u{85}', '\u{2028}', '\u{2029}']).or(found)
}

impl After {
    fn of(rest: &[u8]) -> Self {
        let next = match rest {
            [b'\r', b'\n', next @ ..] | [b'\n' | b'\r', next @ ..] => next,
            _ => return Self::End,
        };
        let blanks = next.iter().take_while(|&&c| c == b' ').count();
        // Blanks at the end of the text are an empty line as soon as something follows them.
        let is_empty = next.get(blanks).map_or(blanks > 0, |c| matches!(c, b'\n' | b'\r'));
        if is_empty { Self::Empty } else { Self::Line }
    }
}

/// The tag and anchor before a scalar.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    /// The bytes of the tag.
    pub(super) tag: Option<Range<usize>>,
    /// The bytes of the anchor.
    pub(super) anchor: Option<Range<usize>>,
    /// A comment follows the tag.
    pub(super) comment: bool,
}

impl Properties {
    /// Reads what stands between `start` and `end`; for a text of its own, the properties it starts with.
    pub(super) fn read(text: &str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let mut found = Self::default();
        let mut at = start;
        while at < end {
            let stop = |stops: &[u8]| bytes[at..end].iter().position(|c| stops.contains(c)).map_or(end, |n| at + n);
            at = match bytes[at] {
                b' ' | b'\t' | b'\n' | b'\r' => at + 1,
                b'#' => {
                    found.comment = found.tag.is_some();
                    stop(b"\n\r")
                }
                b'!' if found.tag.is_none() => {
                    let tag = at..stop(b" \t\n\r");
                    found.tag = Some(tag.clone());
                    tag.end
                }
                b'&' if found.anchor.is_none() => {
                    let anchor = at..stop(b" \t\n\r");
                    found.anchor = Some(anchor.clone());
                    anchor.end
                }
                _ => break,
            };
        }
        found
    }
}
