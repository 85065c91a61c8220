//! Owns `set` and `unset` of HCL, as splices in the file's own layout.

use super::super::edit::{EditError, entry_at, find, nest, refuse_reserved};
use super::super::lines::{line_start, newline, newline_len};
use super::super::node::Node;
use super::super::splice::Splice;
use super::super::steps::Step;
use super::super::{Document, NodeKind, ParseError, PathId, Segment};
use super::emit::{key_text, write_value};
use super::scan::METADATA_KEY;
use super::tokens::{blanks_end, comment_end, is_name};

const ROOT: PathId = PathId(0);

/// Sets the value at a path. Missing keys are made; an index at or beyond the end of a list appends; a scalar in the way gives way.
///
/// # Errors
/// See [`EditError`].
pub fn set(document: &Document, steps: &[Step], value: &Node) -> Result<Vec<Splice>, EditError> {
    refuse_reserved(steps, METADATA_KEY)?;
    let mut at = ROOT;
    for (index, step) in steps.iter().enumerate() {
        let rest = &steps[index + 1..];
        match find(document, at, steps, index) {
            Ok(Some(entry)) => at = entry,
            Ok(None) => {
                let key = match step {
                    Step::Key(key) => Some(key.as_str()),
                    Step::Index(_) => None,
                };
                if at == ROOT && key.is_some_and(|key| !is_name(key)) {
                    return Err(EditError::at(EditError::KeyForm, steps, index));
                }
                return add(document, at, key, &nest(rest, value));
            }
            Err(EditError::NotAContainer(_)) => return replace(document, at, &nest(&steps[index..], value)),
            Err(error) => return Err(error),
        }
    }
    replace(document, at, value)
}

/// Removes the entry at a path, with its line or its comma.
///
/// # Errors
/// See [`EditError`].
pub fn unset(document: &Document, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
    refuse_reserved(steps, METADATA_KEY)?;
    let at = entry_at(steps, ROOT, |at, index| find(document, at, steps, index))?;
    Ok(vec![cut(document, at)])
}

fn replace(document: &Document, entry: PathId, value: &Node) -> Result<Vec<Splice>, EditError> {
    let node = document.paths.node(entry);
    if let Segment::Key(name) = node.segment
        && node.parent == ROOT
        && !document.text[name.end as usize..node.value.start as usize].contains('=')
    {
        let message = "a block is no value: only `name = value` can be set";
        return Err(ParseError::at(document.text.as_bytes(), node.entry.start as usize, message).into());
    }
    let text = value_text(document, value, indent_of(document, node.entry.start as usize))?;
    Ok(vec![Splice { span: node.value, text }])
}

fn value_text(document: &Document, value: &Node, indent: &str) -> Result<String, EditError> {
    let mut text = String::new();
    write_value(value, newline(&document.text), indent, &mut text)
        .map_err(|_| EditError::Unspellable(String::from("that path")))?;
    Ok(text)
}

/// The blanks at the beginning of a line.
fn indent_of(document: &Document, at: usize) -> &str {
    let start = line_start(&document.text, at);
    &document.text[start..blanks_end(document.text.as_bytes(), start)]
}

/// Whether only blanks stand before a place on its line.
fn begins_line(document: &Document, at: usize) -> bool {
    blanks_end(document.text.as_bytes(), line_start(&document.text, at)) == at
}

/// The end of the line of an entry, its comma and comments included; `None` if something else follows on it.
fn rest_of_line(document: &Document, mut at: usize) -> Option<usize> {
    let bytes = document.text.as_bytes();
    let mut comma = false;
    loop {
        at = blanks_end(bytes, at);
        if at == bytes.len() || newline_len(bytes, at) > 0 {
            return Some(at);
        }
        match bytes[at] {
            b',' if !comma => {
                comma = true;
                at += 1;
            }
            _ => {
                let end = comment_end(bytes, at).ok()??;
                if memchr::memchr(b'\n', &bytes[at..end]).is_some() {
                    return None;
                }
                at = end;
            }
        }
    }
}

/// Adds an entry at the end of a container; at the top level before the metadata if that is last.
fn add(document: &Document, container: PathId, key: Option<&str>, value: &Node) -> Result<Vec<Splice>, EditError> {
    let newline = newline(&document.text);
    let last = document.children(container).filter(|id| !document.metadata.contains(id)).last();
    let key = key.map(key_text);
    let entry = |indent: &str| -> Result<String, EditError> {
        let value = value_text(document, value, indent)?;
        Ok(key.as_ref().map_or(value.clone(), |key| format!("{key} = {value}")))
    };
    let is_list = document.paths.node(container).kind == NodeKind::FlowSeq;
    let Some(last) = last else {
        return Ok(vec![match document.paths.node(container).value.range() {
            _ if container == ROOT => {
                let at = document.metadata.first().map_or(document.text.len(), |&id| document.paths.node(id).entry.start as usize);
                let text = entry("")?;
                let needs_break = at > line_start(&document.text, at);
                let before = if needs_break { newline } else { "" };
                let after = if document.metadata.is_empty() { newline.to_owned() } else { newline.repeat(2) };
                Splice::insert(at, format!("{before}{text}{after}"))
            }
            span => {
                let indent = indent_of(document, span.start);
                let inner = format!("{indent}  ");
                let text = entry(&inner)?;
                let has_comment = document.text[span.start + 1..span.end - 1].contains(|c: char| !c.is_whitespace());
                let comma = if is_list { "," } else { "" };
                match has_comment {
                    // Behind the comments: the bracket stands on its own line or follows a closed comment.
                    true => Splice::insert(span.end - 1, format!("{newline}{inner}{text}{comma}{newline}{indent}")),
                    false => Splice::new(span.start + 1, span.end - 1, format!("{newline}{inner}{text}{comma}{newline}{indent}")),
                }
            }
        }]);
    };
    let span = document.paths.node(last).entry.range();
    let own_line = begins_line(document, span.start);
    let line_end = rest_of_line(document, span.end).filter(|_| own_line);
    let indent = indent_of(document, span.start);
    match line_end {
        Some(end) => {
            let has_comma = comma_end(document, span.end).is_some();
            let text = entry(indent)?;
            let mut splices = Vec::new();
            if is_list && !has_comma {
                splices.push(Splice::insert(span.end, ","));
            }
            let comma = if is_list || has_comma { "," } else { "" };
            splices.push(Splice::insert(end, format!("{newline}{indent}{text}{comma}")));
            Ok(splices)
        }
        None => {
            let after = comma_end(document, span.end);
            let at = after.unwrap_or(span.end);
            let text = entry(indent)?;
            let (before, behind) = if after.is_some() { (" ", ",") } else { (", ", "") };
            Ok(vec![Splice::insert(at, format!("{before}{text}{behind}"))])
        }
    }
}

/// The end of the comma that follows a place, after blanks, line breaks and comments.
fn comma_end(document: &Document, mut at: usize) -> Option<usize> {
    let bytes = document.text.as_bytes();
    loop {
        at = blanks_end(bytes, at);
        match newline_len(bytes, at) {
            0 => match comment_end(bytes, at).ok()? {
                Some(end) => at = end,
                None => return (bytes.get(at) == Some(&b',')).then_some(at + 1),
            },
            len => at += len,
        }
    }
}

/// The splice that removes an entry: its lines, or back to the entry before, or on to the one after.
fn cut(document: &Document, entry: PathId) -> Splice {
    let bytes = document.text.as_bytes();
    let span = document.paths.node(entry).entry.range();
    if begins_line(document, span.start)
        && let Some(end) = rest_of_line(document, span.end)
    {
        return Splice::new(line_start(&document.text, span.start), end + newline_len(bytes, end), "");
    }
    let parent = document.paths.node(entry).parent;
    let all: Vec<PathId> = document.children(parent).collect();
    let at = all.iter().position(|&id| id == entry).unwrap_or_default();
    let of = |id: PathId| document.paths.node(id).entry.range();
    let between = |from: usize, to: usize| !document.text[from..to].contains(['#', '/', '\n']);
    match (at.checked_sub(1).map(|n| of(all[n])), all.get(at + 1).map(|&id| of(id))) {
        (_, Some(next)) if between(span.end, next.start) => Splice::new(span.start, next.start, ""),
        (Some(before), _) if between(before.end, span.start) => Splice::new(before.end, span.end, ""),
        // Comments around it stay.
        _ => Splice::new(span.start, comma_end(document, span.end).filter(|&end| between(span.end, end)).unwrap_or(span.end), ""),
    }
}
