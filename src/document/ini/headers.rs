//! Owns what stands behind the bracket of a section header. A sealed text holds a bracket, and a header goes to the last one of its line:
//! in the encrypted file the comment stands on a line above the header, and comes back from the spellings.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::splice::{Splice, splice};
use super::super::{Document, PathId, Segment};
use super::read::{line_end, line_start};

/// A header line in parts.
struct Header<'t> {
    /// Where the line starts.
    start: usize,
    /// Where it ends, without its line break.
    end: usize,
    /// From bracket to bracket, with the blanks before it.
    bare: &'t str,
    /// What stands behind it, as a comment.
    comment: Option<Cow<'t, str>>,
}

impl<'t> Header<'t> {
    fn read(text: &'t str, start: usize, close: usize) -> Self {
        let line_start = line_start(text, start);
        let line_start = if text[line_start..].starts_with('\u{feff}') { line_start + '\u{feff}'.len_utf8() } else { line_start };
        let end = close + text[close..line_end(text, close)].trim_end_matches(['\n', '\r']).len();
        let behind = &text[close..end];
        let comment = match behind.trim() {
            "" => None,
            comment if comment.starts_with(['#', ';']) => Some(Cow::Borrowed(comment)),
            // No comment to sops, which drops it.
            rest => Some(Cow::Owned(format!("; {rest}"))),
        };
        Self { start: line_start, end, bare: &text[line_start..close], comment }
    }

    fn indent(&self) -> &'t str {
        &self.bare[..self.bare.len() - self.bare.trim_start().len()]
    }
}

/// The headers of a document; of each the text from its line's start to its end.
fn headers(document: &Document) -> impl Iterator<Item = Header<'_>> {
    document.children(PathId(0)).filter_map(|id| {
        let node = document.paths.node(id);
        let start = node.entry.start as usize;
        let is_section = matches!(node.segment, Segment::Key(_)) && !document.metadata.contains(&id);
        is_section.then(|| Header::read(&document.text, start, node.value.start as usize))
    })
}

/// The text with bare headers, their comments on lines above them, and what they were; `None` if all are bare.
pub fn bare_headers(document: &Document) -> Option<(String, String)> {
    let mut record = String::new();
    let mut edits = Vec::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for header in headers(document) {
        let count = counts.entry(header.bare).or_default();
        *count += 1;
        let line = &document.text[header.start..header.end];
        if line == header.bare {
            continue;
        }
        let close = header.start + header.bare.len();
        let rest = &document.text[header.end..line_end(&document.text, header.end)];
        let newline = if rest.starts_with('\r') { "\r\n" } else { "\n" };
        if let Some(comment) = &header.comment {
            edits.push(Splice::insert(header.start, format!("{}{comment}{newline}", header.indent())));
        }
        edits.push(Splice::new(close, header.end, ""));
        record.push_str(&format!("{count} {} {line}\n", header.bare.len()));
    }
    if edits.is_empty() { None } else { splice(&document.text, &edits).map(|text| (text, record)) }
}

/// The text with its headers as they were, as far as they and the lines above them are what they became.
pub fn put_headers_back(document: &Document, record: &str) -> Option<String> {
    let text = &document.text;
    let mut originals: HashMap<(usize, &str), &str> = HashMap::new();
    for line in record.split_terminator('\n') {
        let (count, rest) = line.split_once(' ')?;
        let (length, line) = rest.split_once(' ')?;
        originals.insert((count.parse().ok()?, line.get(..length.parse().ok()?)?), line);
    }
    let mut edits = Vec::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for header in headers(document) {
        let count = counts.entry(header.bare).or_default();
        *count += 1;
        let Some(original) = originals.get(&(*count, header.bare)) else { continue };
        if &text[header.start..header.end] != header.bare {
            continue;
        }
        let before = Header::read(original, header.bare.len() - header.bare.trim_start().len(), header.bare.len());
        let mut start = header.start;
        if let Some(comment) = &before.comment {
            let above = text[..start].strip_suffix('\n').map(|above| above.rfind('\n').map_or(0, |at| at + 1));
            let above = above.map(|at| if text[at..].starts_with('\u{feff}') { at + '\u{feff}'.len_utf8() } else { at });
            let Some(above) = above.filter(|&above| text[above..start].trim() == comment.as_ref()) else { continue };
            start = above;
        }
        edits.push(Splice::new(start, header.end, *original));
    }
    splice(text, &edits)
}
