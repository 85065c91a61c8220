//! Owns the text of a scalar: quotes, escapes, folded lines and block scalars decoded from their spans.

use std::borrow::Cow;

use super::super::{Span, Style};
use super::input::{BLANK, BREAK, CLASS, break_len};
use super::property::hex;
use super::scalar::header;

/// The text of the scalar at a span, as the parser gave it.
///
/// `indent` is [`Event::indent`](super::event::Event::indent), asked for block scalars only; [`block_indent`] finds it again. Borrows where the source is the
/// text. Never fails on a span of a scalar event of the same text.
pub fn decode(text: &str, span: Span, style: Style, indent: u32) -> Cow<'_, str> {
    let source = &text[span.range()];
    match style {
        Style::Plain => flow(source, None),
        Style::Single | Style::Double => {
            let inner = source.get(1..source.len().saturating_sub(1)).unwrap_or_default();
            flow(inner, Some(style))
        }
        Style::Literal | Style::Folded => block(text, span, style, indent as usize),
    }
}

/// The indentation of the content of a block scalar (what [`Event::indent`](super::event::Event::indent) says), found from the text.
///
/// `parent` is the column of the innermost block collection around it: of the key (or its `?`) in a mapping, of the `-` in a
/// sequence; `None` for a scalar that is a whole document.
pub fn block_indent(text: &str, span: Span, parent: Option<usize>) -> u32 {
    let bytes = text.as_bytes();
    let start = span.start as usize;
    let header = header(&bytes[start..]);
    if header.indent > 0 {
        return (header.indent + parent.unwrap_or(0)) as u32;
    }
    let least = parent.map_or(1, |column| column + 1);
    let mut at = next_line(bytes, start).unwrap_or(bytes.len());
    let mut deepest = 0;
    loop {
        let spaces = bytes[at..].iter().take_while(|&&b| b == b' ').count();
        deepest = deepest.max(spaces);
        match break_len(bytes, at + spaces) {
            0 => return deepest.max(least) as u32,
            len => at += spaces + len,
        }
    }
}

/// The start of the line after this one.
fn next_line(text: &[u8], mut at: usize) -> Option<usize> {
    while at < text.len() {
        match break_len(text, at) {
            0 => at += 1,
            len => return Some(at + len),
        }
    }
    None
}

/// Plain (`None`) and quoted scalars without their quotes.
fn flow(source: &str, quotes: Option<Style>) -> Cow<'_, str> {
    let bytes = source.as_bytes();
    let special = |b: u8| match quotes {
        None => CLASS[b as usize] & BREAK != 0,
        Some(Style::Single) => b == b'\'' || CLASS[b as usize] & BREAK != 0,
        Some(_) => b == b'\\' || CLASS[b as usize] & BREAK != 0,
    };
    let mark = match quotes {
        None => b'\n',
        Some(Style::Single) => b'\'',
        Some(_) => b'\\',
    };
    // Most scalars have nothing special, and long ones (sealed values) are searched faster so.
    if bytes.len() > 32 && memchr::memchr3(b'\n', b'\r', mark, bytes).is_none() && memchr::memchr2(0xC2, 0xE2, bytes).is_none() {
        return Cow::Borrowed(source);
    }
    let Some(first) = bytes.iter().position(|&b| special(b)) else { return Cow::Borrowed(source) };
    let mut out = String::with_capacity(source.len());
    let mut from = 0;
    let mut at = first;
    while at < bytes.len() {
        if !special(bytes[at]) {
            at += 1;
            continue;
        }
        match bytes[at] {
            b'\'' if quotes == Some(Style::Single) => {
                out.push_str(&source[from..=at]);
                at += 2;
                from = at;
            }
            b'\\' if quotes == Some(Style::Double) => {
                out.push_str(&source[from..at]);
                at = match break_len(bytes, at + 1) {
                    0 => escape(source, at, &mut out),
                    len => blank_lines(source, at + 1 + len, &mut out),
                };
                from = at;
            }
            _ => match break_len(bytes, at) {
                0 => at += 1,
                len => {
                    out.push_str(source[from..at].trim_end_matches([' ', '\t']));
                    at = fold(source, at, len, &mut out);
                    from = at;
                }
            },
        }
    }
    out.push_str(source.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// Folds the line break at `at` and the blank lines after it: one break is a space, more are one less. A break that is LS
/// or PS stays. Gives the offset of the next character that is not blank.
fn fold(source: &str, at: usize, len: usize, out: &mut String) -> usize {
    let before = out.len();
    let next = blank_lines(source, at + len, out);
    if len == 3 {
        out.insert_str(before, &source[at..at + len]);
    } else if out.len() == before {
        out.push(' ');
    }
    next
}

/// Appends a line break for each blank line; gives the offset of the next character that is not blank.
fn blank_lines(source: &str, mut at: usize, out: &mut String) -> usize {
    let bytes = source.as_bytes();
    while at < bytes.len() {
        if CLASS[bytes[at] as usize] == BLANK {
            at += 1;
            continue;
        }
        match break_len(bytes, at) {
            0 => break,
            len => {
                push_break(source, at, len, out);
                at += len;
            }
        }
    }
    at
}

/// A line break as text: LS and PS stay, the others are LF.
fn push_break(source: &str, at: usize, len: usize, out: &mut String) {
    if len == 3 {
        out.push_str(&source[at..at + len]);
    } else {
        out.push('\n');
    }
}

/// Appends what the escape at `at` stands for; gives the offset after it.
fn escape(source: &str, at: usize, out: &mut String) -> usize {
    let bytes = source.as_bytes();
    let digits = match bytes.get(at + 1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        _ => 0,
    };
    if digits > 0 {
        let code = bytes[at + 2..].iter().take(digits).fold(0, |n, &b| (n << 4) | u32::from(hex(b).unwrap_or(0)));
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return at + 2 + digits;
    }
    let character = match bytes.get(at + 1) {
        Some(b'0') => '\0',
        Some(b'a') => '\x07',
        Some(b'b') => '\x08',
        Some(b'n') => '\n',
        Some(b'v') => '\x0B',
        Some(b'f') => '\x0C',
        Some(b'r') => '\r',
        Some(b'e') => '\x1B',
        Some(b't') => '\t',
        Some(b'N') => '\u{85}',
        Some(b'_') => '\u{A0}',
        Some(b'L') => '\u{2028}',
        Some(b'P') => '\u{2029}',
        Some(&other) => char::from(other),
        None => return at + 1,
    };
    out.push(character);
    at + 2
}

/// The text of a block scalar: its lines without the indentation, folded or not, the end chomped.
fn block(text: &str, span: Span, style: Style, indent: usize) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let end = span.end as usize;
    let header = header(&bytes[span.start as usize..]);
    let Some(mut at) = next_line(bytes, span.start as usize).filter(|_| end > span.start as usize + header.len) else {
        return Cow::Borrowed("");
    };
    let mut out = String::with_capacity(end.saturating_sub(at) + 1);
    let folded = style == Style::Folded;
    // The break after the last content line, and where the blank lines after it start.
    let mut pending: Option<(usize, usize)> = None;
    let mut gap = at;
    let mut after_blank = false;
    loop {
        let spaces = bytes[at..].iter().take(indent).take_while(|&&b| b == b' ').count();
        let len = break_len(bytes, at + spaces);
        if len > 0 && at + spaces <= end {
            at += spaces + len;
            continue;
        }
        let content = at + spaces;
        if content >= end {
            break;
        }
        let starts_blank = CLASS[bytes[content] as usize] == BLANK;
        if let Some((line_break, len)) = pending {
            if !folded || after_blank || starts_blank || len == 3 {
                push_break(text, line_break, len, &mut out);
            } else if gap == at {
                out.push(' ');
            }
        }
        push_breaks(text, gap, at, &mut out);
        after_blank = starts_blank;
        let line_end = line_end(bytes, content);
        out.push_str(&text[content..line_end]);
        let len = break_len(bytes, line_end);
        pending = (len > 0).then_some((line_end, len));
        at = line_end + len;
        gap = at;
        if len == 0 {
            break;
        }
    }
    if !header.strip
        && let Some((line_break, len)) = pending
    {
        push_break(text, line_break, len, &mut out);
    }
    if header.keep {
        push_breaks(text, gap, at, &mut out);
    }
    Cow::Owned(out)
}

fn line_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && break_len(text, at) == 0 {
        at += 1;
    }
    at
}

/// Appends the line breaks in a range of blank lines.
fn push_breaks(text: &str, from: usize, to: usize, out: &mut String) {
    let mut at = from;
    while at < to {
        match break_len(text.as_bytes(), at) {
            0 => at += 1,
            len => {
                push_break(text, at, len, out);
                at += len;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outline::outline;

    /// The value of each source when it stands behind `k: `.
    fn values(cases: &[(&str, &str)]) {
        for (source, value) in cases {
            let expected = format!("( {{ k {} }} )", value.replace('\n', "\\n"));
            assert_eq!(outline(&format!("k: {source}")).as_deref(), Ok(expected.as_str()), "{source:?}");
        }
    }

    #[test]
    fn plain_scalars_fold_their_lines() {
        values(&[("a b", "a b"), ("a  b \n", "a  b"), ("a\n  b\n\n  c\n", "a b\nc"), ("a \t\n \tb", "a b")]);
        values(&[("a#b:c", "a#b:c"), ("-a", "-a"), (":a", ":a"), ("?a", "?a"), ("a\r\n b", "a b"), ("a\u{85} b", "a b")]);
        values(&[("a\u{2028} b", "a\u{2028}b"), ("a\u{2028}\n b", "a\u{2028}\nb"), ("\u{FEFF}a", "\u{FEFF}a")]);
    }

    #[test]
    fn single_quotes_double_and_fold() {
        values(&[
            ("'it''s'", "'it's"),
            ("''", "'"),
            ("''''", "''"),
            ("' a\n\n  b '", "' a\nb "),
            ("'a\\n'", "'a\\n"),
            ("'a \n b'", "'a b"),
        ]);
    }

    #[test]
    fn double_quotes_have_escapes_and_fold() {
        values(&[
            (r#""a\tb\"c\\""#, "\"a\tb\"c\\"),
            (r#""\x41\u00e9\U0001F600""#, "\"A\u{E9}\u{1F600}"),
            (r#""\0\a\b\v\f\r\e\ \'\_\N\L\P""#, "\"\0\x07\x08\x0B\x0C\r\x1B '\u{A0}\u{85}\u{2028}\u{2029}"),
            ("\"a \n  b\"", "\"a b"),
            ("\"a\n\n b\"", "\"a\nb"),
            ("\"a  \\\n  b\"", "\"a  b"),
            ("\"a\\\n\n b\"", "\"a\nb"),
            ("\"a\\\n  \\  b\"", "\"a  b"),
            ("\"a\nb\"", "\"a b"),
            ("\"a long value of more than thirty-two bytes\\n\"", "\"a long value of more than thirty-two bytes\n"),
        ]);
    }

    #[test]
    fn block_scalars_are_chomped() {
        values(&[
            ("|\n a\n\n", "|a\n"),
            ("|-\n a\n\n", "|a"),
            ("|+\n a\n\n", "|a\n\n"),
            ("|+\n a\n \n\n", "|a\n\n\n"),
            ("|\n a", "|a"),
            ("|+\n a", "|a"),
            ("|\n", "|"),
            ("|+\n\n\n", "|\n\n"),
            ("|-\n\n", "|"),
            (">+\n a\n\n", ">a\n\n"),
            ("|\r\n a\r\n b\r\n", "|a\nb\n"),
        ]);
    }

    #[test]
    fn block_scalars_are_indented_by_their_first_line_or_a_digit() {
        values(&[
            ("|\n   a\n     b\n", "|a\n  b\n"),
            ("|\n\n  \n   a\n", "|\n\na\n"),
            ("|2\n    a\n   b\n", "|  a\n b\n"),
            ("|1-\n  a\n", "| a"),
            ("|-1\n  a\n", "| a"),
            ("|\n  a\n\n    \n  b\n", "|a\n\n  \nb\n"),
            ("|2\n  \ta\n", "|\ta\n"),
        ]);
        assert_eq!(outline("- - |1\n    a\n").as_deref(), Ok("( [ [ | a\\n ] ] )"));
        assert_eq!(outline("--- |1\n  a\n").as_deref(), Ok("--- | a\\n )"));
    }

    #[test]
    fn folded_block_scalars_keep_lines_that_start_with_a_blank() {
        values(&[
            (">\n a\n b\n\n c\n", ">a b\nc\n"),
            (">\n a\n  b\n c\n", ">a\n b\nc\n"),
            (">\n\n a\n\n\n b\n", ">\na\n\nb\n"),
            (">-\n a\n \tb\n", ">a\n\tb"),
            (">\n a\u{2028} b\n", ">a\u{2028}b\n"),
        ]);
    }
}
