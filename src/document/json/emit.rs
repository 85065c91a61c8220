//! Owns [`emit`]: a tree laid out as sops lays out JSON, and the same in the layout of a file at hand.

use super::super::node::{Entry, Item, Node, Tree};
use super::layout::Layout;
use super::spell::spell;
use super::string;

/// How sops indents JSON (`stores.json.indent` in `.sops.yaml`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonIndent {
    /// A tab a level: the default.
    #[default]
    Tab,
    /// This many blanks a level.
    Spaces(usize),
}

/// Why a tree cannot be JSON.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// Infinity or not a number; the key path.
    #[error("JSON has no infinity and no NaN: {0} holds one")]
    NotFinite(String),
}

/// The text of a document: one entry a line, `"key": value`, empty containers as `{}` and `[]`, a line break at the end.
/// Comments are dropped, times become strings.
pub fn emit(node: &Node, indent: JsonIndent) -> Result<String, EmitError> {
    let mut out = emit_value(node, indent)?;
    out.push('\n');
    Ok(out)
}

/// The same without the last line break, as `--extract` prints a value.
pub fn emit_value(node: &Node, indent: JsonIndent) -> Result<String, EmitError> {
    check_finite(node)?;
    let mut out = String::new();
    write(node, &Layout::new(indent), 0, &mut out);
    Ok(out)
}

/// Refuses a tree that holds a number which JSON has not.
pub(super) fn check_finite(node: &Node) -> Result<(), EmitError> {
    let mut walk = Walk::default();
    let mut next = Some(node);
    while let Some(node) = next {
        match &node.kind {
            Tree::Scalar(value) if value.as_float().is_some_and(|float| !float.is_finite()) => {
                return Err(EmitError::NotFinite(walk.describe()));
            }
            _ => walk.enter(node),
        }
        next = loop {
            match walk.next() {
                Some(Step::Entry { node, .. }) => break Some(node),
                Some(Step::Close { .. }) => {}
                None => break None,
            }
        };
    }
    Ok(())
}

/// Appends a tree; the lines of its own entries stand at `level + 1`, its closing bracket at `level`. A number that JSON has not
/// becomes a string: [`check_finite`] comes first where there may be one.
pub(super) fn write(node: &Node, layout: &Layout, level: usize, out: &mut String) {
    let mut walk = Walk::default();
    let mut next = Some(node);
    while let Some(node) = next.take() {
        match &node.kind {
            Tree::Scalar(value) => spell(value, out),
            Tree::Map(_) => out.push('{'),
            Tree::Seq(_) => out.push('['),
        }
        walk.enter(node);
        while let Some(step) = walk.next() {
            match step {
                Step::Close { started, bracket } => {
                    if started {
                        layout.push_line(level + walk.depth(), out);
                    }
                    out.push(bracket);
                }
                Step::Entry { first, key, node } => {
                    match first {
                        true => layout.push_line(level + walk.depth(), out),
                        false => layout.push_separator(level + walk.depth(), out),
                    }
                    if let Some(key) = key {
                        string::encode(key, out);
                        out.push_str(&layout.colon);
                    }
                    next = Some(node);
                    break;
                }
            }
        }
    }
}

/// A walk over a tree without recursion and without comments.
#[derive(Default)]
struct Walk<'n> {
    open: Vec<Open<'n>>,
}

struct Open<'n> {
    rest: Rest<'n>,
    started: bool,
    /// The key of the current entry, `[]` in a list.
    step: &'n str,
}

enum Rest<'n> {
    Map(std::slice::Iter<'n, Entry>),
    Seq(std::slice::Iter<'n, Item>),
}

/// What comes next in a walk.
enum Step<'n> {
    /// An entry of the innermost container.
    Entry { first: bool, key: Option<&'n str>, node: &'n Node },
    /// The end of the innermost container, which is left; whether it had an entry.
    Close { started: bool, bracket: char },
}

impl<'n> Walk<'n> {
    /// How many containers are open.
    fn depth(&self) -> usize {
        self.open.len()
    }

    /// Opens a container; nothing for a scalar.
    fn enter(&mut self, node: &'n Node) {
        let rest = match &node.kind {
            Tree::Map(entries) => Rest::Map(entries.iter()),
            Tree::Seq(items) => Rest::Seq(items.iter()),
            Tree::Scalar(_) => return,
        };
        self.open.push(Open { rest, started: false, step: "[]" });
    }

    /// The next entry or end; `None` when all is done.
    fn next(&mut self) -> Option<Step<'n>> {
        let open = self.open.last_mut()?;
        let (entry, bracket) = match &mut open.rest {
            Rest::Map(entries) => (entries.find_map(pair), '}'),
            Rest::Seq(items) => (items.find_map(item), ']'),
        };
        let Some((key, node)) = entry else {
            let started = open.started;
            self.open.pop();
            return Some(Step::Close { started, bracket });
        };
        open.step = key.unwrap_or("[]");
        let first = !std::mem::replace(&mut open.started, true);
        Some(Step::Entry { first, key, node })
    }

    /// The key path of the current entry for a message: `a.b[].c`.
    fn describe(&self) -> String {
        let steps: Vec<&str> = self.open.iter().map(|open| open.step).collect();
        steps.join(".").replace(".[]", "[]")
    }
}

fn pair(entry: &Entry) -> Option<(Option<&str>, &Node)> {
    match entry {
        Entry::Pair(key, _, node) => Some((Some(key), node)),
        Entry::Comment(_) => None,
    }
}

fn item(item: &Item) -> Option<(Option<&str>, &Node)> {
    match item {
        Item::Node(node) => Some((None, node)),
        Item::Comment(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::node::Comment;
    use super::*;
    use crate::value::{Value, ValueType};

    fn float(text: &str) -> Node {
        Node::scalar(Value::new(ValueType::Float, text.as_bytes().to_vec()))
    }

    fn map(entries: Vec<(&str, Node)>) -> Node {
        Node::map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)))
    }

    #[test]
    fn lays_out_as_sops_does() {
        let note = || Comment { text: String::from(" note"), inline: false };
        let commented = Node { kind: Tree::Map(vec![Entry::Comment(note())]), at: 0 };
        let list =
            Node { kind: Tree::Seq(vec![Item::Comment(note()), Item::Node(Node::str("x")), Item::Node(Node::seq([]))]), at: 0 };
        let node = map(vec![
            ("a<b", Node::str("l1\n\"é\"")),
            ("list", list),
            ("empty", commented),
            ("n", Node::scalar(Value::NULL)),
            ("b", Node::scalar(Value::new(ValueType::Bool, &b"False"[..]))),
            ("t", Node::scalar(Value::new(ValueType::Time, &b"2024-01-02T00:00:00Z"[..]))),
        ]);
        let text = "{\n\t\"a<b\": \"l1\\n\\\"é\\\"\",\n\t\"list\": [\n\t\t\"x\",\n\t\t[]\n\t],\n\t\"empty\": {},\n\t\"n\": null,\n\t\"b\": false,\n\
            \t\"t\": \"2024-01-02T00:00:00Z\"\n}\n";
        assert_eq!(emit(&node, JsonIndent::Tab).unwrap(), text);
        assert_eq!(emit(&node, JsonIndent::Spaces(2)).unwrap(), text.replace('\t', "  "));
        assert_eq!(emit_value(&Node::str("x"), JsonIndent::Tab).unwrap(), "\"x\"");
    }

    #[test]
    fn numbers_keep_their_exact_text_where_json_has_it() {
        let exact = |kind, canonical: &'static str, exact: &'static str| {
            emit_value(&Node::scalar(Value::new(kind, canonical.as_bytes()).with_exact(exact.as_bytes())), JsonIndent::Tab).unwrap()
        };
        assert_eq!(exact(ValueType::Float, "1.1", "1.10"), "1.10");
        assert_eq!(exact(ValueType::Int, "31", "0x1F"), "31");
        assert_eq!(exact(ValueType::Float, "0.5", ".5"), "0.5");
        assert_eq!(emit_value(&float("1000000000000000000000"), JsonIndent::Tab).unwrap(), "1e+21");
    }

    #[test]
    fn infinity_is_refused_by_its_path() {
        let node = map(vec![("ok", float("1")), ("a", Node::seq([map(vec![("b", float("-Inf"))])]))]);
        let error = emit(&node, JsonIndent::Tab).unwrap_err();
        assert_eq!(error.to_string(), "JSON has no infinity and no NaN: a[].b holds one");
        assert!(emit(&map(vec![("a", float("NaN"))]), JsonIndent::Tab).is_err());
    }
}
