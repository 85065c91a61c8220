//! Owns the `sops` attribute: last in the file, laid out as `terraform fmt` does, taken out without a trace.

use super::super::Document;
use super::super::lines::{newline, with_blank_line};
use super::super::node::Node;
use super::super::splice::Splice;
use super::emit::write_value;
use super::scan::METADATA_KEY;

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
    let block = with_blank_line(document.text.as_bytes(), document.paths.node(entry).entry.range());
    vec![Splice::new(block.start, block.end, "")]
}
