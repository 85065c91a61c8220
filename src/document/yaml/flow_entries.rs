//! Entries that come to and go from flow collections, with their commas.

use super::emit::emit_flow;
use super::site::{line_end, line_start, skip_blanks, skip_space, trim_space_before};
use crate::document::node::Node;
use crate::document::{Document, PathId, Splice};

/// Adds the entry of a collection of one as last one (before the metadata): on a line of its own where the last one has one.
pub(super) fn append(document: &Document, container: PathId, entry: &Node, newline: &str) -> Vec<Splice> {
    let text = document.text.as_str();
    let bytes = text.as_bytes();
    let node = document.paths.node(container);
    let start = node.value.start as usize;
    let inside = emit_flow(entry);
    let entry = &inside[1..inside.len() - 1];
    let last = document.children(container).filter(|id| !document.metadata.contains(id)).last();
    let Some(last) = last else {
        return match document.children(container).next() {
            Some(metadata) => vec![Splice::insert(document.paths.node(metadata).entry.start as usize, format!("{entry}, "))],
            None => vec![Splice::insert(start + 1, entry)],
        };
    };
    let last = document.paths.node(last).entry;
    let (last_start, end) = (last.start as usize, last.end as usize);
    if !matches!(bytes.get(start), Some(b'{' | b'[')) {
        // A single pair without braces: `[a: b]`.
        return vec![Splice::insert(start, "{"), Splice::insert(end, format!(", {entry}}}"))];
    }
    let line = line_start(text, last_start);
    let indentation = &text[line..last_start];
    if line <= start || !indentation.trim().is_empty() {
        return vec![Splice::insert(end, format!(", {entry}"))];
    }
    let comma = skip_space(text, end);
    let has_comma = bytes.get(comma) == Some(&b',');
    let rest = skip_blanks(text, if has_comma { comma + 1 } else { end });
    if bytes.get(rest) != Some(&b'#') {
        return vec![Splice::insert(end, format!(",{newline}{indentation}{entry}"))];
    }
    // The comment stays with the entry it stands behind.
    let at = line_end(text, rest);
    match has_comma {
        true => vec![Splice::insert(at, format!("{newline}{indentation}{entry},"))],
        false => vec![Splice::insert(end, ","), Splice::insert(at, format!("{newline}{indentation}{entry}"))],
    }
}

/// Removes an entry with the comma that ties it to its neighbours.
pub(super) fn remove(document: &Document, entry: PathId) -> Splice {
    let text = document.text.as_str();
    let bytes = text.as_bytes();
    let node = document.paths.node(entry);
    let container = document.paths.node(node.parent);
    let (start, end) = (node.entry.start as usize, node.entry.end as usize);
    if !matches!(bytes.get(container.value.start as usize), Some(b'{' | b'[')) {
        return Splice { span: container.value, text: "{}".to_owned() };
    }
    let after = skip_space(text, end);
    if bytes.get(after) == Some(&b',') {
        let rest = skip_blanks(text, after + 1);
        // The comment on its line goes with it.
        let rest = if bytes.get(rest) == Some(&b'#') { line_end(text, rest) } else { rest };
        let is_last = skip_space(text, rest) + 1 == container.value.end as usize;
        let next = rest + text[rest..].len() - text[rest..].trim_start().len();
        return Splice::new(start, if is_last { after + 1 } else { next }, "");
    }
    let before = trim_space_before(text, start);
    let is_only = document.children(node.parent).all(|child| child == entry);
    if !is_only && before > 0 && bytes[before - 1] == b',' { Splice::new(before - 1, end, "") } else { Splice::new(start, end, "") }
}
