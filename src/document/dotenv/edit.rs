//! Owns the structural edits of dotenv: `set` and `unset`, as splices.

use super::super::edit::EditError;
use super::super::flat::text_of;
use super::super::node::{Node, Tree};
use super::super::splice::Splice;
use super::super::steps::Step;
use super::super::{Document, PathId};
use super::{PREFIX, metadata, spell};

/// Sets the value of a key; of equal keys the first is meant. A new key becomes the last line before the metadata.
pub fn set(document: &Document, steps: &[Step], value: &Node) -> Result<Vec<Splice>, EditError> {
    let key = only_key(steps)?;
    let Tree::Scalar(value) = &value.kind else { return Err(EditError::Nested(key.to_owned())) };
    let mut spelled = String::new();
    spell(value, &mut spelled);
    if super::unescaped(&spelled) != text_of(value) {
        return Err(EditError::Unspellable(key.to_owned()));
    }
    if let Some(id) = find(document, key) {
        return Ok(vec![Splice { span: document.paths.node(id).value, text: spelled }]);
    }
    if key.contains(['=', '\n']) || key.starts_with('#') {
        return Err(EditError::KeyForm(key.to_owned()));
    }
    let text = &document.text;
    let last_run = document.metadata.first().and_then(|&block| metadata::runs(document, block).pop());
    Ok(vec![match last_run {
        Some(run) if run.end as usize == text.len() => Splice::insert(run.start as usize, format!("{key}={spelled}\n")),
        _ if text.is_empty() || text.ends_with('\n') => Splice::insert(text.len(), format!("{key}={spelled}\n")),
        _ => Splice::insert(text.len(), format!("\n{key}={spelled}")),
    }])
}

/// Removes the line of a key; of equal keys the first is meant.
pub fn unset(document: &Document, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
    let key = only_key(steps)?;
    let id = find(document, key).ok_or_else(|| EditError::at(EditError::KeyNotFound, steps, 0))?;
    let line = document.paths.node(id).entry.range();
    let text = &document.text;
    Ok(vec![match text[line.end..].starts_with('\n') {
        true => Splice::new(line.start, line.end + 1, ""),
        false => Splice::new(line.start.saturating_sub(1), line.end, ""),
    }])
}

/// The key that steps name: there is only one level.
fn only_key(steps: &[Step]) -> Result<&str, EditError> {
    match steps {
        [] => Err(EditError::EmptyPath),
        [Step::Index(_), ..] => Err(EditError::at(EditError::IndexOnMapping, steps, 0)),
        [Step::Key(key), ..] if key.starts_with(PREFIX) => Err(EditError::ReservedPrefix),
        [Step::Key(key)] => Ok(key),
        [Step::Key(_), ..] => Err(EditError::at(EditError::NotAContainer, steps, 1)),
    }
}

fn find(document: &Document, key: &str) -> Option<PathId> {
    let root = PathId(0);
    document.children(root).find(|&id| !document.metadata.contains(&id) && document.paths.key(id, &document.text) == Some(key))
}
