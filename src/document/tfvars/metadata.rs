//! Owns the `sops` attribute: last in the file, laid out as `terraform fmt` does, taken out without a trace.

use super::super::Document;
use super::super::node::Node;
use super::super::splice::Splice;
use super::emit::write_value;
use super::scan::METADATA_KEY;
use super::tokens::newline_len;

/// Writes the metadata: behind everything, after a blank line, or in the place of the one that is there. Where the text changes does
/// not depend on `metadata`. [`cut_metadata`] is the exact inverse of adding.
pub fn metadata_splices(document: &Document, metadata: &Node) -> Vec<Splice> {
    let newline = newline(&document.text);
    let mut value = String::new();
    // Metadata has no number that HCL has not.
    if write_value(metadata, newline, "", &mut value).is_err() {
        value.clear();
    }
    if let Some(&entry) = document.metadata.first() {
        return vec![Splice { span: document.paths.node(entry).value, text: value }];
    }
    let text = document.text.trim_start_matches('\u{feff}');
    let (before, after) = match text {
        "" => (String::new(), newline),
        _ if text.ends_with('\n') => (newline.to_owned(), newline),
        // A carriage return alone, in a comment, stays apart from the line break that comes behind it.
        _ if text.ends_with('\r') => ("\r\n".repeat(2), ""),
        // No line break at the end: none comes to be there.
        _ => (newline.repeat(2), ""),
    };
    vec![Splice::insert(document.text.len(), format!("{before}{METADATA_KEY} = {value}{after}"))]
}

/// Removes the metadata with its line and the blank line before it; nothing where there is none.
pub fn cut_metadata(document: &Document) -> Vec<Splice> {
    let Some(&entry) = document.metadata.first() else { return Vec::new() };
    let bytes = document.text.as_bytes();
    let span = document.paths.node(entry).entry.range();
    let end = span.end + newline_len(bytes, span.end);
    let mut start = span.start;
    if end == bytes.len() && end > span.end {
        // The blank line goes; the line before keeps its end.
        let blank = line_break_before(bytes, start);
        if line_break_before(bytes, start - blank) > 0 {
            start -= blank;
        }
    } else if end == bytes.len() {
        for _ in 0..2 {
            start -= line_break_before(bytes, start);
        }
    }
    vec![Splice::new(start, end, "")]
}

/// The length of the line break that ends at `at`.
fn line_break_before(bytes: &[u8], at: usize) -> usize {
    match &bytes[..at] {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// The line break of a text: that of its first line.
pub(super) fn newline(text: &str) -> &'static str {
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}
