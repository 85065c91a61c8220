//! Owns [`emit`]: a tree as dotenv, with sops's rules; what it would write so that nobody can read it back is refused.

use super::super::convert::ConvertError;
use super::super::node::{Entry, Node, Tree};
use super::{PREFIX, spell};

/// A mapping of scalars as lines. A null becomes an empty value (sops writes `<nil>`, which it cannot read back as null).
///
/// # Errors
///
/// A value that is a list or a mapping; a key that would be read otherwise.
pub fn emit(node: &Node) -> Result<String, ConvertError> {
    let Tree::Map(entries) = &node.kind else { return Err(ConvertError::NotFlat(String::new())) };
    let mut out = String::new();
    for entry in entries {
        match entry {
            Entry::Comment(comment) => {
                for line in comment.text.split('\n') {
                    out.push_str(&format!("#{line}\n"));
                }
            }
            Entry::Pair(key, _, child) => {
                let Tree::Scalar(value) = &child.kind else { return Err(ConvertError::NotFlat(key.clone())) };
                if key.contains(['=', '\n']) || key.starts_with('#') || key.starts_with(PREFIX) {
                    return Err(ConvertError::KeyForm(key.clone()));
                }
                out.push_str(key);
                out.push('=');
                spell(value, &mut out);
                out.push('\n');
            }
        }
    }
    Ok(out)
}
