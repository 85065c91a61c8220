//! Owns [`flatten`]: a tree as a flat list of named values, for environments and for stores that know no nesting.

use std::collections::HashMap;

use super::node::{Node, Tree};
use super::path::push_shown_key;
use crate::value::Value;

/// A value under the name that it has in a flat list.
#[derive(Clone, Debug)]
pub struct FlatValue<'n> {
    /// Keys and indexes, joined.
    pub name: String,
    /// The path for people: `db.hosts[0]`.
    pub path: String,
    /// The value.
    pub value: &'n Value<'static>,
}

/// Why a tree has no flat form. Paths only.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlattenError {
    /// Two values would have the same name.
    #[error("{first} and {second} would both be called {name}: choose another separator")]
    SameName {
        /// The name.
        name: String,
        /// Path of one.
        first: String,
        /// Path of the other.
        second: String,
    },
    /// A list or a scalar has no keys.
    #[error("only a mapping can be written flat: there is another kind of value")]
    NotAMapping,
}

/// Every value of a mapping in document order, named by the keys and indexes (from 0) that lead to it, joined by `separator`. The separator
/// `/` stands in front, too: names are then paths (`/db/host`). Case and characters of keys stay. Comments and empty
/// lists and mappings have no place in it.
///
/// # Errors
///
/// See [`FlattenError`].
pub fn flatten<'n>(root: &'n Node, separator: &str) -> Result<Vec<FlatValue<'n>>, FlattenError> {
    if !matches!(root.kind, Tree::Map(_)) {
        return Err(FlattenError::NotAMapping);
    }
    let front = if separator == "/" { separator } else { "" };
    let between = |path: &str| if path.is_empty() { front } else { separator };
    let key = |(name, path): &(String, String), key: &str| (format!("{name}{}{key}", between(path)), below(path, key));
    let item = |(name, path): &(String, String), index| (format!("{name}{}{index}", between(path)), format!("{path}[{index}]"));
    let mut out: Vec<FlatValue<'n>> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for ((name, path), value) in root.scalars(Default::default(), key, item) {
        if let Some(&other) = seen.get(&name) {
            return Err(FlattenError::SameName { name, first: out[other].path.clone(), second: path });
        }
        seen.insert(name.clone(), out.len());
        out.push(FlatValue { name, path, value });
    }
    Ok(out)
}

/// The path for people of a key below another one.
pub(super) fn below(path: &str, key: &str) -> String {
    let mut out = path.to_owned();
    push_shown_key(&mut out, key);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Duplicates, Format};

    fn flat(text: &str, separator: &str) -> Result<Vec<String>, FlattenError> {
        let document = Document::scan(text.to_owned(), Format::Yaml, Duplicates::Keep).unwrap();
        let tree = document.node(document.roots[0]).unwrap();
        let line = |value: FlatValue<'_>| format!("{}={}", value.name, String::from_utf8_lossy(value.value.canonical()));
        Ok(flatten(&tree, separator)?.into_iter().map(line).collect())
    }

    const TEXT: &str = "top: 1\n# note\ndb:\n  host: h\n  ports: [1, 2]\n  none: {}\n  deep: [{Key-x: v}]\nlast: ''\n";

    #[test]
    fn keys_and_indexes_are_joined_in_the_order_of_the_document() {
        let expected = ["top=1", "db_host=h", "db_ports_0=1", "db_ports_1=2", "db_deep_0_Key-x=v", "last="];
        assert_eq!(flat(TEXT, "_").unwrap(), expected);
        assert_eq!(flat(TEXT, "__").unwrap()[1], "db__host=h");
    }

    #[test]
    fn a_slash_makes_paths() {
        assert_eq!(flat(TEXT, "/").unwrap()[..3], ["/top=1", "/db/host=h", "/db/ports/0=1"]);
    }

    #[test]
    fn two_values_never_share_a_name() {
        let error = flat("a_b: 1\na:\n  b: 2\n", "_").unwrap_err();
        assert_eq!(error.to_string(), "a_b and a.b would both be called a_b: choose another separator");
        assert_eq!(flat("a_b: 1\na:\n  b: 2\n", ".").unwrap(), ["a_b=1", "a.b=2"]);
    }

    #[test]
    fn only_a_mapping_has_names() {
        assert_eq!(flatten(&Node::str("x"), "_").unwrap_err(), FlattenError::NotAMapping);
        assert!(flatten(&Node::map([]), "_").unwrap().is_empty());
    }
}
