//! Owns the `[sops]` tables: last in the file, in the layout of rops, taken out without a trace.

use super::super::lines::{newline, with_blank_line};
use super::super::node::Node;
use super::super::splice::Splice;
use super::super::{Document, NodeKind, Span};
use super::emit::{write_table, write_value};
use super::outline::{Line, What, statements};
use super::scan::METADATA_KEY;

/// Writes the metadata: behind everything, after a blank line, or in the place of the one that is there. Where the text changes does
/// not depend on `metadata`. [`cut_metadata`] is the exact inverse of adding.
pub fn metadata_splices(document: &Document, metadata: &Node) -> Vec<Splice> {
    let newline = newline(&document.text);
    let mut tables = format!("[{METADATA_KEY}]{newline}");
    write_table(METADATA_KEY, metadata, newline, &mut tables);
    if let Some(&entry) = document.metadata.first() {
        let node = document.paths.node(entry);
        if node.kind != NodeKind::BlockMap {
            // An inline table that someone wrote by hand.
            let mut text = String::new();
            write_value(metadata, &mut text);
            return vec![Splice { span: node.value, text }];
        }
        let mut splices: Vec<Splice> = regions(document).iter().map(|&span| Splice { span, text: String::new() }).collect();
        if let Some(first) = splices.first_mut() {
            first.text = tables.trim_end().to_owned();
        }
        return splices;
    }
    let text = document.text.trim_start_matches('\u{feff}');
    let (before, after) = match text {
        "" => (String::new(), newline),
        _ if text.ends_with('\n') => (newline.to_owned(), newline),
        // No line break at the end: none comes to be there.
        _ => (newline.repeat(2), ""),
    };
    vec![Splice::insert(document.text.len(), format!("{before}{}{after}", tables.trim_end()))]
}

/// Removes the metadata with the blank line before it; nothing where there is none.
pub fn cut_metadata(document: &Document) -> Vec<Splice> {
    let Some(&entry) = document.metadata.first() else { return Vec::new() };
    let bytes = document.text.as_bytes();
    let regions = match document.paths.node(entry).kind {
        NodeKind::BlockMap => regions(document),
        _ => vec![document.paths.node(entry).entry],
    };
    let mut splices: Vec<Splice> = regions.iter().map(|&span| Splice { span, text: String::new() }).collect();
    for splice in &mut splices {
        let block = with_blank_line(bytes, splice.span.range());
        splice.span = Span::new(block.start, block.end);
    }
    splices
}

/// The stretches of text that hold the tables of the metadata: from the first header to the end of the last entry of each stretch.
fn regions(document: &Document) -> Vec<Span> {
    let Some(&entry) = document.metadata.first() else { return Vec::new() };
    let end = document.subtree_end(entry);
    let is_inside = |line: &Line| line.path >= entry && line.path.0 < end;
    let mut regions: Vec<Span> = Vec::new();
    let mut open = false;
    for line in statements(document) {
        if !is_inside(&line) {
            open = false;
            continue;
        }
        let start = match line.what {
            What::Header { at } => at,
            What::Entry => line.span.start,
        };
        match regions.last_mut().filter(|_| open) {
            Some(last) => last.end = line.span.end,
            None => regions.push(Span { start, end: line.span.end }),
        }
        open = true;
    }
    regions
}
