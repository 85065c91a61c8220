//! Owns [`emit`]: a tree laid out as sops lays out JSON, and the same in the layout of a file at hand.

use super::super::node::{Entry, Item, Node, Tree};
use super::layout::Layout;
use super::{number, string};
use crate::value::{Value, ValueType};

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
    let mut out = String::new();
    write(node, &Layout::new(indent), 0, &mut out)?;
    Ok(out)
}

/// An open container: what is left of it.
enum Rest<'n> {
    Map(std::slice::Iter<'n, Entry>),
    Seq(std::slice::Iter<'n, Item>),
}

/// Appends a tree; the lines of its own entries stand at `level + 1`, its closing bracket at `level`.
pub(super) fn write(node: &Node, layout: &Layout, level: usize, out: &mut String) -> Result<(), EmitError> {
    // The containers around the next value, and whether each had an entry yet.
    let mut stack: Vec<(Rest<'_>, bool)> = Vec::new();
    let mut steps: Vec<&str> = Vec::new();
    let mut next = Some(node);
    loop {
        if let Some(node) = next.take() {
            match &node.kind {
                Tree::Scalar(value) => scalar(value, out).ok_or_else(|| EmitError::NotFinite(describe(&steps)))?,
                Tree::Map(entries) => {
                    out.push('{');
                    stack.push((Rest::Map(entries.iter()), false));
                    steps.push("");
                }
                Tree::Seq(items) => {
                    out.push('[');
                    stack.push((Rest::Seq(items.iter()), false));
                    steps.push("[]");
                }
            }
        }
        let inner = level + stack.len();
        let Some((rest, started)) = stack.last_mut() else { return Ok(()) };
        let (key, child, close) = match rest {
            Rest::Map(entries) => match next_pair(entries) {
                Some((key, child)) => (Some(key), Some(child), '}'),
                None => (None, None, '}'),
            },
            Rest::Seq(items) => (None, next_item(items), ']'),
        };
        match child {
            None => {
                if *started {
                    layout.push_line(inner - 1, out);
                }
                out.push(close);
                stack.pop();
                steps.pop();
            }
            Some(child) => {
                match *started {
                    true => layout.push_separator(inner, out),
                    false => layout.push_line(inner, out),
                }
                *started = true;
                if let Some(key) = key {
                    if let Some(step) = steps.last_mut() {
                        *step = key;
                    }
                    string::encode(key, out);
                    out.push_str(&layout.colon);
                }
                next = Some(child);
            }
        }
    }
}

fn next_pair<'n>(entries: &mut std::slice::Iter<'n, Entry>) -> Option<(&'n str, &'n Node)> {
    entries.find_map(|entry| match entry {
        Entry::Pair(key, _, node) => Some((key.as_str(), node)),
        Entry::Comment(_) => None,
    })
}

fn next_item<'n>(items: &mut std::slice::Iter<'n, Item>) -> Option<&'n Node> {
    items.find_map(|item| match item {
        Item::Node(node) => Some(node),
        Item::Comment(_) => None,
    })
}

/// Appends a scalar; `None` for what JSON has no number for.
pub(super) fn scalar(value: &Value<'_>, out: &mut String) -> Option<()> {
    match value.kind() {
        ValueType::Null => out.push_str("null"),
        ValueType::Bool => out.push_str(if value.canonical() == b"True" { "true" } else { "false" }),
        ValueType::Int | ValueType::Float => out.push_str(&number_text(value)?),
        ValueType::Str | ValueType::Time | ValueType::Comment => string::encode_bytes(value.canonical(), out),
    }
    Some(())
}

/// The exact text where it is a JSON number, else the text of Go's `encoding/json`.
fn number_text(value: &Value<'_>) -> Option<String> {
    if let Some(exact) = value.exact().filter(|exact| number::is_number(exact)) {
        return Some(String::from_utf8_lossy(exact).into_owned());
    }
    let canonical = String::from_utf8_lossy(value.canonical());
    match value.kind() {
        ValueType::Float => number::float_text(&canonical),
        _ => Some(canonical.into_owned()),
    }
}

/// A key path for a message: `a.b[].c`.
fn describe(steps: &[&str]) -> String {
    steps.join(".").replace(".[]", "[]")
}

#[cfg(test)]
mod tests {
    use super::super::super::node::Comment;
    use super::*;

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
