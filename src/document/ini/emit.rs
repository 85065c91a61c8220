//! Owns [`emit`]: a tree as INI, with sops's rules; what it would write so that nobody can read it back is refused.

use super::super::convert::ConvertError;
use super::super::flat::text_of;
use super::super::node::{Comment, Entry, Node, Tree};
use super::read;
use super::spell::spelled;
use super::{DEFAULT, METADATA};
use crate::document::Style;

/// Mappings of mappings of scalars as sections of keys. The first section has no header if it is called `DEFAULT`, and nothing is
/// written for it if it is empty; a null becomes an empty value (sops writes `<nil>`, which it cannot read back as null).
///
/// # Errors
///
/// Another shape; names and values that would be read otherwise.
pub fn emit(roots: &[&Node]) -> Result<String, ConvertError> {
    let mut out = String::new();
    let mut is_first = true;
    for root in roots {
        let Tree::Map(entries) = &root.kind else { return Err(ConvertError::NotSections(String::new())) };
        let mut comments = Vec::new();
        for entry in entries {
            let (name, node) = match entry {
                Entry::Comment(comment) => {
                    comments.push(comment);
                    continue;
                }
                Entry::Pair(name, _, node) => (name, node),
            };
            let Tree::Map(keys) = &node.kind else { return Err(ConvertError::NotSections(name.clone())) };
            if name.is_empty() || name.contains('\n') || name == METADATA {
                return Err(ConvertError::KeyForm(name.clone()));
            }
            let without_header = std::mem::take(&mut is_first) && name == DEFAULT;
            if without_header && keys.is_empty() && comments.is_empty() {
                continue;
            }
            if !out.is_empty() {
                out.push('\n');
            }
            for comment in comments.drain(..) {
                push_comment(comment, &mut out);
            }
            if !without_header {
                out.push_str(&format!("[{name}]\n"));
            }
            section(name, keys, &mut out)?;
        }
    }
    Ok(out)
}

fn section(section: &str, entries: &[Entry], out: &mut String) -> Result<(), ConvertError> {
    let path = |key: &str| format!("{section}.{key}");
    let mut keys = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Entry::Pair(key, ..) = entry {
            keys.push(key_text(key).ok_or_else(|| ConvertError::KeyForm(path(key)))?);
        }
    }
    let width = keys.iter().map(|key| key.chars().count()).max().unwrap_or_default();
    let mut seen = std::collections::HashSet::with_capacity(keys.len());
    let mut keys = keys.into_iter();
    for entry in entries {
        match entry {
            Entry::Comment(comment) => push_comment(comment, out),
            Entry::Pair(key, _, node) => {
                let Tree::Scalar(value) = &node.kind else { return Err(ConvertError::NotSections(path(key))) };
                if !seen.insert(key.as_str()) {
                    return Err(ConvertError::DuplicateKey(path(key)));
                }
                let text = text_of(value);
                let value = spelled(&text, Style::Plain).ok_or_else(|| ConvertError::Unspellable(path(key)))?;
                let name = keys.next().unwrap_or_default();
                out.push_str(&format!("{name:width$} = {value}\n"));
            }
        }
    }
    Ok(())
}

/// A key as it is written, in quotes where it must be; `None` if no quotes can hold it.
pub(super) fn key_text(key: &str) -> Option<String> {
    let quoted = |quote: &str| [quote, key, quote].concat();
    let choices = [key.to_owned(), quoted("`"), quoted("\"\"\""), quoted("\"")];
    if key == "-" || key.contains('\n') || key.starts_with('\u{feff}') {
        return None;
    }
    choices.into_iter().find(|choice| {
        let starts_otherwise = choice.starts_with(['#', ';', '[']) || choice.trim().len() != choice.len();
        let line = format!("{choice} = v\n");
        !starts_otherwise && read::key(&line, 0..line.len()).is_ok_and(|(name, at)| &line[name] == key && at == choice.len() + 2)
    })
}

fn push_comment(comment: &Comment, out: &mut String) {
    for line in comment.text.split('\n') {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            out.push_str(line);
        } else {
            out.push_str(&format!("; {line}"));
        }
        out.push('\n');
    }
}
