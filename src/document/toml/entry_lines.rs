//! Owns lines that are one entry each (`key = "text"` or `key = 5`) or the header of a table (`[a.b]`): most lines of most files. They are
//! read as they stand, past the lexer and the parser, and give what those would give. Everything else is left to them.

use super::super::{Span, Style};
use crate::value::number::is_plain_int;

/// A line that is one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryLine {
    pub(super) key: Span,
    pub(super) value: Span,
    pub(super) style: Style,
    /// The first byte of the line below.
    pub(super) next: usize,
}

fn entry_line(text: &[u8], at: usize) -> Option<EntryLine> {
    let line = text.get(at..)?;
    let key = line.iter().position(|byte| !is_bare(*byte))?;
    if key == 0 || !line[key..].starts_with(b" = ") {
        return None;
    }
    let start = key + " = ".len();
    let value = &line[start..];
    let end = start + memchr::memchr(b'\n', value)?;
    let value = &line[start..end];
    let style = match value {
        [b'"', text @ .., b'"'] if is_plain_text(text) => Style::Double,
        [b'0'..=b'9', ..] if is_plain_int(value) => Style::Plain,
        _ => return None,
    };
    Some(EntryLine { key: Span::new(at, at + key), value: Span::new(at + start, at + end), style, next: at + end + 1 })
}

/// A line that is the header of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderLine {
    /// With its brackets.
    pub(super) span: Span,
    /// The first byte of the line below.
    pub(super) next: usize,
}

/// What stands on a line by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Entry(EntryLine),
    Header(HeaderLine),
}

/// Reads the line that starts at `at`, where a statement may begin.
pub(super) fn line(text: &[u8], at: usize) -> Option<Line> {
    match text.get(at)? {
        b'[' => header_line(text, at).map(Line::Header),
        _ => entry_line(text, at).map(Line::Entry),
    }
}

fn header_line(text: &[u8], at: usize) -> Option<HeaderLine> {
    let keys = text.get(at + 1..)?;
    let len = keys.iter().position(|byte| !is_bare(*byte) && *byte != b'.')?;
    if !keys[len..].starts_with(b"]\n") || keys[..len].split(|byte| *byte == b'.').any(<[u8]>::is_empty) {
        return None;
    }
    let end = at + 1 + len + 1;
    Some(HeaderLine { span: Span::new(at, end), next: end + 1 })
}

/// Whether a key without quotes may have this byte.
pub(super) fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether text between double quotes stands for itself: no quotes, escapes or control characters. Without branches: the compiler makes
/// vector code of it.
fn is_plain_text(text: &[u8]) -> bool {
    let other = |byte: u8| byte < b' ' || byte == 0x7f || byte == b'"' || byte == b'\\';
    text.iter().fold(0, |found, &byte| found | u8::from(other(byte))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(&str, &str, Style)> {
        let line = entry_line(text.as_bytes(), 0)?;
        assert_eq!(line.next, text.find('\n').unwrap() + 1);
        Some((&text[line.key.range()], &text[line.value.range()], line.style))
    }

    #[test]
    fn a_bare_key_with_a_string_or_an_integer_is_one_entry() {
        assert_eq!(shown("a-b_1 = \"x # é [=]\"\nb"), Some(("a-b_1", "\"x # é [=]\"", Style::Double)));
        assert_eq!(shown("1 = \"\"\n"), Some(("1", "\"\"", Style::Double)));
        assert_eq!(shown("a = 50\n"), Some(("a", "50", Style::Plain)));
        assert_eq!(shown("a = 0\n"), Some(("a", "0", Style::Plain)));
    }

    #[test]
    fn bare_keys_in_brackets_are_a_header() {
        let shown = |text: &str| match line(text.as_bytes(), 0)? {
            Line::Header(header) => Some((text[header.span.range()].to_owned(), header.next)),
            Line::Entry(_) => None,
        };
        assert_eq!(shown("[a]\nb"), Some((String::from("[a]"), 4)));
        assert_eq!(shown("[a-1.b_2]\n"), Some((String::from("[a-1.b_2]"), 10)));
        for text in [
            "[a]",
            "[]\n",
            "[[a]]\n",
            "[a.]\n",
            "[.a]\n",
            "[a..b]\n",
            "[ a ]\n",
            "[a] # c\n",
            "[a]\r\n",
            "[\"a\"]\n",
            "[a\n",
            "[é]\n",
        ] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_or_may_be_more_is_left_to_the_parser() {
        for line in [
            "a = \"b\"",
            "a=1\n",
            "a  = 1\n",
            " a = 1\n",
            "a = 1 \n",
            "a = 1 # c\n",
            "a = 1\r\n",
            "a = \"b\" # c\n",
            "a = \"b\\n\"\n",
            "a = \"b\tc\"\n",
            "a = \"b\u{7f}\"\n",
            "a = \"\"\"\n",
            "a = \"\"\"b\"\"\"\n",
            "a = \"b\" = \"c\"\n",
            "a = \"\n",
            "a = 'b'\n",
            "a = 01\n",
            "a = 1_000\n",
            "a = -1\n",
            "a = 1.5\n",
            "a = 9999999999999999999\n",
            "a = true\n",
            "a = [1]\n",
            "a.b = 1\n",
            "\"a\" = 1\n",
            " = 1\n",
            "[a]\n",
            "# a = 1\n",
            "é = 1\n",
            "\n",
        ] {
            assert_eq!(shown(line), None, "{line:?}");
        }
    }
}
