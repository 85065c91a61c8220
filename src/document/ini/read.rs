//! Owns how keys and values are read: quotes, inline comments, continued lines.

use std::borrow::Cow;
use std::ops::Range;

use super::super::Leaf;

/// A fault at a byte offset.
pub(super) type Fault = (usize, &'static str);

/// The three quotes that may enclose several lines.
const TRIPLE: &str = "\"\"\"";

/// The end of the line that a byte is in, its line break included.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |found| at + found + 1)
}

/// The start of the line that a byte is in.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |found| found + 1)
}

/// A range of a text without the blanks around it.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let raw = &text[range.clone()];
    let start = range.start + raw.len() - raw.trim_start().len();
    start..(start + raw.trim().len())
}

/// The key of a line that starts at `line.start` with no blank: its bytes, and where the value part starts.
pub(super) fn key(text: &str, line: Range<usize>) -> Result<(Range<usize>, usize), Fault> {
    let raw = &text[line.clone()];
    let missing = (line.start, "the line has no `=` or `:` between a key and a value");
    let quote = match raw.as_bytes().first() {
        Some(b'"') if raw.len() > 6 && raw.starts_with(TRIPLE) => TRIPLE,
        Some(b'"') => "\"",
        Some(b'`') => "`",
        _ => {
            let at = raw.find(['=', ':']).ok_or(missing)?;
            if at == 0 {
                return Err((line.start, "the line has no key before its `=` or `:`"));
            }
            return Ok((trimmed(text, line.start..line.start + at), line.start + at + 1));
        }
    };
    let close = raw[quote.len()..].find(quote).ok_or((line.start, "the quote around the key is not closed on its line"))?;
    let close = close + quote.len();
    let at = raw[close + quote.len()..].find(['=', ':']).ok_or(missing)?;
    let name = trimmed(text, line.start + quote.len()..line.start + close);
    if name.is_empty() {
        return Err((line.start, "the key is empty"));
    }
    Ok((name, line.start + close + quote.len() + at + 1))
}

/// A value as it stands.
#[derive(Debug)]
pub(super) struct Found {
    /// With its quotes.
    pub(super) span: Range<usize>,
    /// How long the quote before (and after) it is.
    pub(super) quote: usize,
    /// Lines are joined: they end with a backslash.
    pub(super) continued: bool,
    /// The comment on its line, from its mark.
    pub(super) comment: Option<Range<usize>>,
    /// What stands behind a closing quote that may enclose lines: no part of anything to sops.
    pub(super) rest: Option<Range<usize>>,
    /// Where the next line starts.
    pub(super) next: usize,
}

/// Reads the value from `at`, behind the delimiter.
pub(super) fn value(text: &str, at: usize) -> Result<Found, Fault> {
    let end = line_end(text, at);
    let line = trimmed(text, at..end);
    if line.is_empty() {
        let blanks = text[at..end].len() - text[at..end].trim_start_matches([' ', '\t']).len();
        let at = at + blanks;
        return Ok(Found { span: at..at, quote: 0, continued: false, comment: None, rest: None, next: end });
    }
    // Up to the line break: whether it is there decides about three quotes alone.
    let raw = &text[line.start..end];
    let quote = match raw.as_bytes()[0] {
        b'"' if raw.len() > 3 && raw.starts_with(TRIPLE) => TRIPLE,
        b'`' => "`",
        _ => return plain(text, line, end),
    };
    let inner = line.start + quote.len();
    let (close, end) = match text[inner..end].rfind(quote) {
        Some(close) => (inner + close, end),
        None => closing_line(text, end, quote).ok_or((line.start, "the quote around the value is never closed"))?,
    };
    let close = close + quote.len();
    let rest = Some(trimmed(text, close..end)).filter(|rest| !rest.is_empty());
    Ok(Found { span: line.start..close, quote: quote.len(), continued: false, comment: None, rest, next: end })
}

/// Where a value over several lines is closed, and the end of that line. A line whose text behind its last quote ends with a
/// backslash does not close it.
fn closing_line(text: &str, mut at: usize, quote: &str) -> Option<(usize, usize)> {
    while at < text.len() {
        let end = line_end(text, at);
        if let Some(close) = text[at..end].rfind(quote)
            && !text[at + close + quote.len()..end].trim_end().ends_with('\\')
        {
            return Some((at + close, end));
        }
        at = end;
    }
    None
}

/// A value without such quotes: it ends where a comment starts, and may be in simple quotes then.
fn plain(text: &str, line: Range<usize>, end: usize) -> Result<Found, Fault> {
    if text[line.clone()].ends_with('\\') {
        return Ok(continued(text, line, end));
    }
    let mark = text[line.clone()].find(['#', ';']).map(|at| line.start + at);
    let span = trimmed(text, line.start..mark.unwrap_or(line.end));
    let span = if span.is_empty() { line.start..line.start } else { span };
    let quote = usize::from(is_quoted(&text[span.clone()], b'\'') || is_quoted(&text[span.clone()], b'"'));
    Ok(Found { span, quote, continued: false, comment: mark.map(|mark| mark..line.end), rest: None, next: end })
}

fn continued(text: &str, line: Range<usize>, mut next: usize) -> Found {
    let mut span = line;
    while next < text.len() {
        let end = line_end(text, next);
        let more = trimmed(text, next..end);
        next = end;
        if more.is_empty() {
            break;
        }
        span.end = more.end;
        if !text[more].ends_with('\\') {
            break;
        }
    }
    Found { span, quote: 0, continued: true, comment: None, rest: None, next }
}

/// Whether a text starts and ends with a quote and has no other of its kind.
fn is_quoted(text: &str, quote: u8) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2 && bytes[0] == quote && memchr::memchr(quote, &bytes[1..]).is_some_and(|at| at + 2 == bytes.len())
}

impl Found {
    /// What the value means.
    pub(super) fn meaning<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.continued {
            false => Cow::Borrowed(&text[self.span.start + self.quote..self.span.end - self.quote]),
            true => Cow::Owned(joined(&text[self.span.clone()])),
        }
    }
}

/// What the value of a leaf means.
pub(super) fn meaning<'t>(text: &'t str, leaf: &Leaf) -> Cow<'t, str> {
    let span = leaf.span.range();
    if leaf.has(Leaf::CONTINUED) {
        return Cow::Owned(joined(&text[span]));
    }
    let quote = leaf.props.saturating_sub(leaf.span.start) as usize;
    Cow::Borrowed(text.get(span.start + quote..span.end - quote).unwrap_or_default())
}

/// Lines that end with backslashes as one.
fn joined(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for line in raw.split('\n') {
        out.push_str(line.trim());
        if out.ends_with('\\') {
            out.pop();
        }
    }
    out
}
