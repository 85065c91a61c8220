//! Owns the structural edits of INI: `set` and `unset`, as splices in the file's own layout.

use super::super::edit::EditError;
use super::super::flat::text_of;
use super::super::node::{Node, Tree};
use super::super::splice::Splice;
use super::super::steps::Step;
use super::super::{Document, Leaf, LeafKind, PathId, PathNode, Style};
use super::emit::key_text;
use super::read::{line_end, line_start};
use super::spell::spelled;
use super::{DEFAULT, METADATA};
use crate::document::lines::newline;

const ROOT: PathId = PathId(0);

/// Sets the value of a key of a section. A new key becomes the last of its section, a new section the last before the metadata.
pub fn set(document: &Document, steps: &[Step], value: &Node) -> Result<Vec<Splice>, EditError> {
    let (section, key) = names(steps)?;
    let Some(key) = key else { return Err(EditError::Nested(section.to_owned())) };
    let path = || format!("{section}.{key}");
    let Tree::Scalar(value) = &value.kind else { return Err(EditError::Nested(path())) };
    let text = text_of(value);
    let found = document.locate(steps).ok();
    let style = found.and_then(|id| leaf_of(document, id)).map_or(Style::Plain, |leaf| leaf.style);
    let value = spelled(&text, style).ok_or_else(|| EditError::Unspellable(path()))?;
    if let Some(id) = found {
        return Ok(vec![Splice { span: document.paths.node(id).value, text: value.into_owned() }]);
    }
    let name = key_text(key).ok_or_else(|| EditError::KeyForm(path()))?;
    if section.is_empty() || section.contains('\n') {
        return Err(EditError::KeyForm(section.to_owned()));
    }
    let line = format!("{name} = {value}");
    Ok(vec![match document.locate(&steps[..1]) {
        Ok(section) => in_section(document, section, &name, &value, line),
        Err(_) => new_section(document, section, &line),
    }])
}

/// Removes a key with the comment lines right above it, or a section with what is in it.
pub fn unset(document: &Document, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
    let (_, key) = names(steps)?;
    let at = usize::from(key.is_some());
    let id = document.locate(steps).map_err(|_| EditError::at(EditError::KeyNotFound, steps, at))?;
    let node = document.paths.node(id);
    let text = &document.text;
    if key.is_some() {
        // An older value of the same key would come into force.
        let parent = node.parent;
        let same = document.children(parent).filter(|&other| document.paths.key(other, text) == document.paths.key(id, text));
        let mut cuts: Vec<Splice> = same.map(|id| cut_key(document, id)).collect();
        cuts.sort_by_key(|cut| cut.span.start);
        return Ok(cuts);
    }
    let start = line_above(text, node.entry.start as usize);
    Ok(vec![Splice::new(start, node.entry.end as usize, "")])
}

/// Section and key; a section alone.
fn names(steps: &[Step]) -> Result<(&str, Option<&str>), EditError> {
    for (index, step) in steps.iter().enumerate().take(2) {
        if matches!(step, Step::Index(_)) {
            return Err(EditError::at(EditError::IndexOnMapping, steps, index));
        }
    }
    match steps {
        [] => Err(EditError::EmptyPath),
        [Step::Key(section), ..] if section == METADATA => Err(EditError::ReservedKey),
        [Step::Key(section)] => Ok((section, None)),
        [Step::Key(section), Step::Key(key)] => Ok((section, Some(key))),
        _ => Err(EditError::at(EditError::NotAContainer, steps, 2)),
    }
}

fn leaf_of(document: &Document, id: PathId) -> Option<&Leaf> {
    document.leaves.iter().find(|leaf| leaf.path == id && leaf.kind == LeafKind::Scalar)
}

/// Behind the last key of a section, its delimiter in the column of the others.
fn in_section(document: &Document, section: PathId, name: &str, value: &str, line: String) -> Splice {
    let text = &document.text;
    let node = document.paths.node(section);
    let newline = newline(text);
    let keys: Vec<PathId> = document.children(section).collect();
    let Some(last) = keys.iter().copied().max_by_key(|&id| document.paths.node(id).entry.end) else {
        let start = node.value.start as usize;
        if is_default(document, section) && start == node.entry.start as usize {
            return Splice::insert(start, format!("{line}{newline}"));
        }
        let end = line_end(text, start);
        return after_line(text, end, &line, newline);
    };
    let last = document.paths.node(last);
    let start = last.entry.start as usize;
    let line_start = line_start(text, start);
    let indent = text[line_start..start].trim_start_matches('\u{feff}');
    let before_value = &text[start..last.value.start as usize];
    let key_end = before_value.trim_end().trim_end_matches(['=', ':']).trim_end().len();
    let delimiter = before_value[key_end..].trim_start();
    let delimiter = if delimiter.is_empty() { "= " } else { delimiter };
    let column = column_of(document, *last);
    let aligned = keys.len() > 1 && keys.iter().all(|&id| column_of(document, *document.paths.node(id)) == column);
    let padding = match column - key_end {
        0 => 0,
        _ if aligned => column.saturating_sub(name.chars().count()).max(1),
        _ => 1,
    };
    let line = format!("{indent}{name}{:padding$}{delimiter}{value}", "");
    after_line(text, line_end(text, last.entry.end as usize), &line, newline)
}

/// How far the delimiter of a key is from the start of the key.
fn column_of(document: &Document, key: PathNode) -> usize {
    let before_value = &document.text[key.entry.start as usize..key.value.start as usize];
    let key_end = before_value.trim_end().trim_end_matches(['=', ':']).trim_end().len();
    before_value.len() - before_value[key_end..].trim_start().len()
}

/// A line behind one that ends at `end`, which may have no line break.
fn after_line(text: &str, end: usize, line: &str, newline: &str) -> Splice {
    let open = end == text.len() && !text.ends_with('\n');
    Splice::insert(end, if open { format!("{newline}{line}") } else { format!("{line}{newline}") })
}

fn new_section(document: &Document, name: &str, line: &str) -> Splice {
    let text = &document.text;
    let newline = newline(text);
    let mut at = document.metadata.first().map_or(text.len(), |&section| document.paths.node(section).entry.start as usize);
    let lines = format!("[{name}]{newline}{line}{newline}");
    if at == text.len() && !text.is_empty() && !text.ends_with('\n') {
        return Splice::insert(at, format!("{newline}{newline}{}", lines.trim_end()));
    }
    // Before what belongs to no section: comments at the end, and the line break before the metadata.
    while at > 0 {
        let above = line_start(text, at - 1);
        let line = text[above..at].trim();
        if !line.is_empty() && !line.starts_with(['#', ';']) {
            break;
        }
        at = above;
    }
    match at {
        0 => Splice::insert(0, lines),
        _ => Splice::insert(at, format!("{newline}{lines}")),
    }
}

/// The lines of a key, with its comment lines right above them.
fn cut_key(document: &Document, id: PathId) -> Splice {
    let text = &document.text;
    let node = document.paths.node(id);
    let start = line_above(text, node.entry.start as usize);
    let end = line_end(text, node.entry.end as usize);
    if end == text.len() && !text.ends_with('\n') && start > 0 {
        return Splice::new(text[..start].trim_end_matches(['\n', '\r']).len(), end, "");
    }
    Splice::new(start, end, "")
}

/// Where the comment lines start that stand right above the line of a byte, or that line.
fn line_above(text: &str, at: usize) -> usize {
    let mut start = line_start(text, at);
    while start > 0 {
        let above = line_start(text, start - 1);
        if !text[above..start].trim_start().starts_with(['#', ';']) {
            break;
        }
        start = above;
    }
    start
}

/// Whether a section is that of what stands before the first header.
fn is_default(document: &Document, section: PathId) -> bool {
    document.paths.key(section, &document.text) == Some(DEFAULT) && document.children(ROOT).next() == Some(section)
}
