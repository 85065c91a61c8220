//! Owns the flattened form of metadata in formats without nesting (dotenv, INI): `age__list_0__map_enc`, and the text forms of
//! values there.
//!
//! Rules: `docs/format.md`, "dotenv and INI". May use `value`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::node::{Entry, Node, Tree};
use super::{Document, Format, ParseError, PathId};
use crate::value::number::flat_float_text;
use crate::value::{Value, ValueType, time};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// More steps than any field of metadata has; deeper names are refused.
const MAX_STEPS: usize = 16;

/// The bytes of a scalar where every value is text: `true`, `5`, `1.0`, times in seconds, null as nothing, strings as they are.
pub fn bytes_of<'v>(value: &'v Value<'_>) -> Cow<'v, [u8]> {
    match value.kind() {
        ValueType::Bool => Cow::Borrowed(if value.as_bool() == Some(true) { b"true" } else { b"false" }),
        ValueType::Float => Cow::Owned(value.as_float().map(flat_float_text).unwrap_or_default().into_bytes()),
        ValueType::Time => Cow::Owned(time::without_fraction(&String::from_utf8_lossy(value.canonical())).into_bytes()),
        ValueType::Null => Cow::Borrowed(b""),
        ValueType::Str | ValueType::Int | ValueType::Comment => Cow::Borrowed(value.canonical()),
    }
}

/// The same as text.
pub fn text_of<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match bytes_of(value) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The scalars of a tree under their flattened names, in order. Empty lists and mappings vanish.
pub fn flatten(node: &Node) -> Vec<(String, String)> {
    let key = |name: &String, key: &str| format!("{name}{}{key}", if name.is_empty() { "" } else { MAP });
    let item = |name: &String, index| format!("{name}{LIST}{index}");
    node.scalars(String::new(), key, item).into_iter().map(|(name, value)| (name, text_of(value).into_owned())).collect()
}

/// What a name leads to.
#[derive(Default)]
struct Branch {
    value: Option<String>,
    keys: BTreeMap<String, Branch>,
    items: BTreeMap<usize, Branch>,
}

/// Why flattened names make no tree.
enum Fault {
    TooDeep,
    Index,
    Twice,
}

impl Branch {
    fn place(&mut self, name: &str, value: String) -> Result<(), Fault> {
        let mut at = self;
        let mut is_item = false;
        let mut rest = name;
        for _ in 0..MAX_STEPS {
            let (step, next) = split_step(rest);
            at = match is_item {
                false => at.keys.entry(step.to_owned()).or_default(),
                true => at.items.entry(step.parse().map_err(|_| Fault::Index)?).or_default(),
            };
            match next {
                None if at.value.is_some() => return Err(Fault::Twice),
                None => {
                    at.value = Some(value);
                    return Ok(());
                }
                Some((item, after)) => (is_item, rest) = (item, after),
            }
        }
        Err(Fault::TooDeep)
    }

    /// The tree; not deeper than [`MAX_STEPS`], so the recursion is bounded.
    fn node(self) -> Result<Node, &'static str> {
        match (self.value, self.keys.is_empty(), self.items.is_empty()) {
            (Some(text), true, true) => Ok(Node::str(text)),
            (None, true, false) => {
                if !self.items.keys().copied().eq(0..self.items.len()) {
                    return Err("a list in it has gaps");
                }
                Ok(Node::seq(self.items.into_values().map(Self::node).collect::<Result<Vec<_>, _>>()?))
            }
            (None, _, true) => {
                let pairs = self.keys.into_iter().map(|(key, branch)| Ok((key, branch.node()?)));
                Ok(Node::map(pairs.collect::<Result<Vec<_>, &'static str>>()?))
            }
            _ => Err("a name in it is both a value and something that holds values"),
        }
    }
}

/// The first step of a name, and whether an item follows, with the rest.
fn split_step(name: &str) -> (&str, Option<(bool, &str)>) {
    let (map, list) = (name.find(MAP), name.find(LIST));
    match (map, list) {
        (Some(at), list) if list.is_none_or(|other| at < other) => (&name[..at], Some((false, &name[at + MAP.len()..]))),
        (_, Some(at)) => (&name[..at], Some((true, &name[at + LIST.len()..]))),
        _ => (name, None),
    }
}

impl Document {
    /// The value of the metadata entry as a tree: in formats without nesting it is put together from flattened names.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or the names contradict each other.
    pub fn metadata_node(&self, entry: PathId) -> Result<Node, ParseError> {
        let mut node = self.node(entry)?;
        if !matches!(self.format, Format::Dotenv | Format::Ini) {
            if let Tree::Map(entries) = &mut node.kind
                && self.format == Format::Toml
                && !entries.iter().any(|entry| matches!(entry, Entry::Pair(key, ..) if key.eq_ignore_ascii_case("version")))
            {
                // rops writes none. This is the sops whose rules it follows.
                entries.push(Entry::Pair(String::from("version"), node.at, Node::str("3.8.1")));
            }
            return Ok(node);
        }
        let mut root = Branch::default();
        for (key, at, child) in node.pairs() {
            let Tree::Scalar(value) = &child.kind else { continue };
            let text = text_of(value).replace("\\n", "\n");
            root.place(key, text).map_err(|fault| {
                let message = match fault {
                    Fault::TooDeep => "a name of the metadata has too many parts",
                    Fault::Index => "a list index in a name of the metadata is no number",
                    Fault::Twice => "a name of the metadata is there twice",
                };
                ParseError::at(self.text.as_bytes(), at as usize, message)
            })?;
        }
        let start = self.paths.node(entry).entry.start as usize;
        root.node().map_err(|why| ParseError::at(self.text.as_bytes(), start, format!("the metadata is damaged: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_through_lists_and_mappings_there_and_back() {
        let key = |text: &str| Node::map([("enc".to_owned(), Node::str(text)), ("empty".to_owned(), Node::seq([]))]);
        let tree = Node::map([
            ("age".to_owned(), Node::seq([key("a"), key("b")])),
            ("threshold".to_owned(), Node::scalar(Value::int(2))),
            ("only".to_owned(), Node::scalar(Value::bool(true))),
        ]);
        let flat = flatten(&tree);
        let expected = [("age__list_0__map_enc", "a"), ("age__list_1__map_enc", "b"), ("threshold", "2"), ("only", "true")];
        assert_eq!(flat.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
        let mut root = Branch::default();
        for (name, value) in flat {
            assert!(root.place(&name, value).is_ok());
        }
        let back = root.node().unwrap();
        let second = back.get("age").unwrap().items().nth(1).unwrap();
        assert_eq!(
            text_of(match &second.get("enc").unwrap().kind {
                Tree::Scalar(value) => value,
                _ => panic!("no scalar"),
            }),
            "b"
        );
    }

    #[test]
    fn names_that_contradict_each_other_are_errors() {
        let read = |names: &[&str]| {
            let mut root = Branch::default();
            names.iter().all(|name| root.place(name, String::new()).is_ok()) && root.node().is_ok()
        };
        assert!(read(&["a__list_0", "a__list_1"]));
        assert!(!read(&["a__list_0", "a__list_2"]));
        assert!(!read(&["a", "a__map_b"]));
        assert!(!read(&["a", "a"]));
        assert!(!read(&["a__list_x"]));
        assert!(!read(&["a__map_"; 1].map(
            |_| "a__map_b__map_c__map_d__map_e__map_f__map_g__map_h__map_i__map_j__map_k__map_l__map_m__map_n__map_o__map_p__map_q"
        )));
    }
}
