//! Owns `set` and `unset` of TOML, as splices in the file's own layout. What is new is written on one line.

use super::super::convert::ConvertError;
use super::super::edit::{EditError, entry_at, find, nest, refuse_reserved};
use super::super::lines::{line_start, newline, newline_len};
use super::super::node::{Node, Tree};
use super::super::splice::Splice;
use super::super::steps::Step;
use super::super::{Document, NodeKind, PathId, Segment};
use super::emit::{check, key_text, write_table, write_value};
use super::outline::{Line, What, statements};
use super::scan::METADATA_KEY;

const ROOT: PathId = PathId(0);

/// Sets the value at a path. Missing keys are made; an index at or beyond the end of a list appends; a scalar in the way gives way.
///
/// # Errors
/// See [`EditError`].
pub fn set(document: &Document, steps: &[Step], value: &Node) -> Result<Vec<Splice>, EditError> {
    refuse_reserved(steps, METADATA_KEY)?;
    check(value).map_err(|error| match error {
        ConvertError::NoNull(_) => EditError::at(EditError::NoNull, steps, steps.len()),
        _ => EditError::at(EditError::Unspellable, steps, steps.len()),
    })?;
    let mut at = ROOT;
    for (index, step) in steps.iter().enumerate() {
        let rest = &steps[index + 1..];
        match find(document, at, steps, index) {
            Ok(Some(entry)) => at = entry,
            Ok(None) => return add(document, at, step, &nest(rest, value)),
            Err(EditError::NotAContainer(_)) => return replace(document, at, &nest(&steps[index..], value)),
            Err(error) => return Err(error),
        }
    }
    replace(document, at, value)
}

/// Removes the entry at a path with its lines; a table goes with the comments in it and directly above its header.
///
/// # Errors
/// See [`EditError`].
pub fn unset(document: &Document, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
    refuse_reserved(steps, METADATA_KEY)?;
    let at = entry_at(steps, ROOT, |at, index| find(document, at, steps, index))?;
    Ok(cut(document, at))
}

fn value_text(value: &Node) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

fn replace(document: &Document, entry: PathId, value: &Node) -> Result<Vec<Splice>, EditError> {
    let node = document.paths.node(entry);
    if matches!(node.kind, NodeKind::Scalar | NodeKind::FlowMap | NodeKind::FlowSeq) {
        return Ok(vec![Splice { span: node.value, text: value_text(value) }]);
    }
    // A table with headers of its own goes, and the new value comes behind the entries of its container.
    let step = match (document.paths.key(entry, &document.text), node.segment) {
        (Some(key), _) => Step::Key(key.to_owned()),
        (None, Segment::Index(n)) => Step::Index(n as usize),
        (None, _) => return Err(EditError::EmptyPath),
    };
    let mut splices = add(document, node.parent, &step, value)?;
    splices.extend(cut(document, entry));
    splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
    Ok(splices)
}

/// The end of the line of a place, comments included.
fn line_end(document: &Document, at: usize) -> usize {
    let bytes = document.text.as_bytes();
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
    if end > at && end < bytes.len() && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

/// The keys from one place down to another, as a header or a dotted key has them.
fn dotted(document: &Document, from: PathId, to: PathId) -> String {
    let mut keys = Vec::new();
    let mut at = to;
    while at != from && !document.paths.is_root(at) {
        keys.extend(document.paths.key(at, &document.text).map(key_text));
        at = document.paths.node(at).parent;
    }
    keys.reverse();
    keys.join(".")
}

/// Adds an entry at the end of a container.
fn add(document: &Document, container: PathId, step: &Step, value: &Node) -> Result<Vec<Splice>, EditError> {
    let (kind, newline) = (document.paths.node(container).kind, newline(&document.text));
    let entry = |prefix: &str| match step {
        Step::Key(key) => format!("{prefix}{} = {}", key_text(key), value_text(value)),
        Step::Index(_) => value_text(value),
    };
    if matches!(kind, NodeKind::FlowMap | NodeKind::FlowSeq) {
        return Ok(add_in_line(document, container, &entry("")));
    }
    let end = document.subtree_end(container);
    let lines = statements(document);
    let is_below = |line: &&Line| line.path >= container && line.path.0 < end;
    if kind == NodeKind::BlockSeq {
        if !matches!(value.kind, Tree::Map(_)) {
            return Err(EditError::Nested(format!("[[{}]]", dotted(document, ROOT, container))));
        }
        let path = dotted(document, ROOT, container);
        let at = lines.iter().rfind(is_below).map_or(document.text.len(), |line| line_end(document, line.span.end as usize));
        let mut text = format!("{newline}{newline}[[{path}]]{newline}");
        write_table(&path, value, newline, &mut text);
        return Ok(vec![Splice::insert(at, text.trim_end())]);
    }
    let in_section = |line: &&Line| line.table == container && matches!(line.what, What::Entry);
    if let Some(last) = lines.iter().rfind(in_section) {
        let at = line_end(document, last.span.end as usize);
        return Ok(vec![Splice::insert(at, format!("{newline}{}", entry("")))]);
    }
    if container == ROOT {
        return Ok(vec![match lines.first() {
            Some(first) => Splice::insert(first.span.start as usize, format!("{}{newline}{newline}", entry(""))),
            None => {
                let needs_break = document.text.len() > line_start(&document.text, document.text.len());
                Splice::insert(document.text.len(), format!("{}{}{newline}", if needs_break { newline } else { "" }, entry("")))
            }
        }]);
    }
    let header = lines.iter().find(|line| line.path == container && matches!(line.what, What::Header { .. }));
    if let Some(header) = header {
        return Ok(vec![Splice::insert(line_end(document, header.span.end as usize), format!("{newline}{}", entry("")))]);
    }
    let Some(last) = lines.iter().rfind(is_below) else { return Err(EditError::EmptyPath) };
    let at = line_end(document, last.span.end as usize);
    // Made by dotted keys: another one. Implied by headers: its own.
    let text = match last.what {
        What::Entry if last.table < container => {
            let prefix = format!("{}.", dotted(document, last.table, container));
            format!("{newline}{}", entry(&prefix))
        }
        _ => format!("{newline}{newline}[{}]{newline}{}", dotted(document, ROOT, container), entry("")),
    };
    Ok(vec![Splice::insert(at, text)])
}

/// Adds an entry to an array or an inline table.
fn add_in_line(document: &Document, container: PathId, entry: &str) -> Vec<Splice> {
    let span = document.paths.node(container).value.range();
    let is_list = document.paths.node(container).kind == NodeKind::FlowSeq;
    let Some(last) = document.children(container).last() else {
        let text = if is_list { entry.to_owned() } else { format!(" {entry} ") };
        let inner = &document.text[span.start + 1..span.end - 1];
        // Comments stay before it: they end with a line break.
        let start = if inner.contains('#') { span.end - 1 } else { span.start + 1 };
        return vec![Splice::new(start, span.end - 1, text)];
    };
    let of_last = document.paths.node(last).entry.range();
    let before = &document.text[line_start(&document.text, of_last.start)..of_last.start];
    let own_line = before.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
    let comma = comma_end(document, of_last.end);
    let separator = if own_line { format!("{}{before}", newline(&document.text)) } else { String::from(" ") };
    match comma {
        Some(end) => {
            let at = if own_line { line_end(document, end) } else { end };
            vec![Splice::insert(at, format!("{separator}{entry},"))]
        }
        None => vec![Splice::insert(of_last.end, format!(",{separator}{entry}"))],
    }
}

/// The end of the comma that follows a place, after blanks, line breaks and comments.
fn comma_end(document: &Document, mut at: usize) -> Option<usize> {
    let bytes = document.text.as_bytes();
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => at = line_end(document, at),
            b',' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The splices that remove a place.
fn cut(document: &Document, entry: PathId) -> Vec<Splice> {
    let parent = document.paths.node(entry).parent;
    if matches!(document.paths.node(parent).kind, NodeKind::FlowMap | NodeKind::FlowSeq) {
        return vec![cut_in_line(document, parent, entry)];
    }
    let bytes = document.text.as_bytes();
    let end = document.subtree_end(entry);
    let is_below = |line: &Line| line.path >= entry && line.path.0 < end;
    let lines = statements(document);
    let mut splices: Vec<Splice> = Vec::new();
    let mut removed_to = 0;
    for (n, line) in lines.iter().enumerate() {
        let start = line.span.start as usize;
        if !is_below(line) || start < removed_to {
            continue;
        }
        let (from, to) = match line.what {
            What::Entry => {
                let end = line_end(document, line.span.end as usize);
                (line_start(&document.text, start), end + newline_len(bytes, end))
            }
            What::Header { .. } => {
                let next = lines[n + 1..].iter().find(|line| matches!(line.what, What::Header { .. }));
                let to = next.map_or(bytes.len(), |next| line_start(&document.text, next.span.start as usize));
                let from = line_start(&document.text, start);
                (
                    if to == bytes.len() {
                        document.text[..from].trim_end().len() + last_break(&document.text[..from])
                    } else {
                        from
                    },
                    to,
                )
            }
        };
        removed_to = to;
        match splices.last_mut().filter(|last| last.span.end as usize >= from) {
            Some(last) => last.span.end = last.span.end.max(to as u32),
            None => splices.push(Splice::new(from, to, "")),
        }
    }
    splices
}

/// The length of the line break that ends the last line of a text that is not blank.
fn last_break(text: &str) -> usize {
    let kept = text.trim_end().len();
    newline_len(text.as_bytes(), kept)
}

/// The splice that removes an entry of an array or inline table: its lines, or back to the entry before, or on to the one after.
fn cut_in_line(document: &Document, parent: PathId, entry: PathId) -> Splice {
    let bytes = document.text.as_bytes();
    // Entries of one dotted table follow each other only by habit: each is its own.
    let span = document.paths.node(entry).entry.range();
    let all: Vec<PathId> = document.children(parent).collect();
    let start = line_start(&document.text, span.start);
    let own_line = document.text[start..span.start].bytes().all(|byte| matches!(byte, b' ' | b'\t'));
    if let Some(comma) = comma_end(document, span.end).filter(|_| own_line) {
        let end = line_end(document, comma);
        let rest = document.text[comma..end].trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return Splice::new(start, end + newline_len(bytes, end), "");
        }
    }
    let at = all.iter().position(|&id| id == entry).unwrap_or_default();
    let of = |id: PathId| document.paths.node(id).entry.range();
    match (all.get(at + 1).map(|&id| of(id)), at.checked_sub(1).map(|n| of(all[n]))) {
        (Some(next), _) if !document.text[span.end..next.start].contains('#') => Splice::new(span.start, next.start, ""),
        (_, Some(before)) if !document.text[before.end..span.start].contains('#') => Splice::new(before.end, span.end, ""),
        _ => Splice::new(span.start, comma_end(document, span.end).unwrap_or(span.end), ""),
    }
}
