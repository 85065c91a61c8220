//! Owns [`emit_flow`]: a tree on one line.

use super::super::node::{Entry, Item, Node, Tree};
use super::quote;
use super::spell::{binary, typed};
use crate::value::{Value, ValueType};

/// The text of a tree on one line, in flow style with double quotes, valid wherever a value may stand. Comments are dropped.
pub fn emit_flow(node: &Node) -> String {
    let mut out = String::new();
    // Open containers, and whether each had an entry.
    let mut stack: Vec<(Rest<'_>, bool)> = Vec::new();
    let mut next = Some(node);
    loop {
        if let Some(node) = next.take() {
            match &node.kind {
                Tree::Scalar(value) => flow_scalar(value, &mut out),
                Tree::Map(entries) => {
                    out.push('{');
                    stack.push((Rest::Map(entries.iter()), false));
                }
                Tree::Seq(items) => {
                    out.push('[');
                    stack.push((Rest::Seq(items.iter()), false));
                }
            }
        }
        let Some((rest, started)) = stack.last_mut() else { return out };
        let (key, child, close) = match rest {
            Rest::Map(entries) => match entries.find_map(pair) {
                Some((key, child)) => (Some(key), Some(child), '}'),
                None => (None, None, '}'),
            },
            Rest::Seq(items) => (None, items.find_map(item), ']'),
        };
        let Some(child) = child else {
            out.push(close);
            stack.pop();
            continue;
        };
        if std::mem::replace(started, true) {
            out.push_str(", ");
        }
        if let Some(key) = key {
            flow_key(key, &mut out);
        }
        next = Some(child);
    }
}

/// Readers look for the `:` of a key without `? ` within 1024 characters.
const LONGEST_FLOW_KEY: usize = 1000;
/// What is left of an open container.
enum Rest<'n> {
    Map(std::slice::Iter<'n, Entry>),
    Seq(std::slice::Iter<'n, Item>),
}

fn pair(entry: &Entry) -> Option<(&str, &Node)> {
    match entry {
        Entry::Pair(key, _, node) => Some((key, node)),
        Entry::Comment(_) => None,
    }
}

fn item(item: &Item) -> Option<&Node> {
    match item {
        Item::Node(node) => Some(node),
        Item::Comment(_) => None,
    }
}

fn flow_scalar(value: &Value<'_>, out: &mut String) {
    match value.kind() {
        ValueType::Str | ValueType::Comment => match std::str::from_utf8(value.canonical()) {
            Ok(text) => quote::double(text, out),
            Err(_) => binary(value.canonical(), out),
        },
        _ => typed(value, true, out),
    }
}

fn flow_key(key: &str, out: &mut String) {
    let start = out.len();
    quote::double(key, out);
    if out.len() - start > LONGEST_FLOW_KEY {
        out.insert_str(start, "? ");
    }
    out.push_str(": ");
}

#[cfg(test)]
mod tests {
    use super::super::super::node::Comment;
    use super::*;

    fn map(entries: Vec<(&str, Node)>) -> Node {
        Node::map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)))
    }

    #[test]
    fn flow_is_one_line() {
        let dropped = Entry::Comment(Comment { text: String::from(" dropped"), inline: false });
        let entry = |key: &str, node| Entry::Pair(key.to_owned(), 0, node);
        let entries = vec![
            dropped,
            entry("a", Node::seq([Node::str("x\ny, \"z\""), Node::scalar(Value::float(1.5)), Node::scalar(Value::NULL)])),
            entry("b", map(vec![])),
            entry("c", Node::scalar(Value::str(&b"\xff"[..]))),
        ];
        let node = Node { kind: Tree::Map(entries), at: 0 };
        assert_eq!(emit_flow(&node), r#"{"a": ["x\ny, \"z\"", 1.5, null], "b": {}, "c": !!binary /w==}"#);
        let long = "k".repeat(1001);
        assert_eq!(emit_flow(&map(vec![(&long, Node::str("v"))])), format!("{{? \"{long}\": \"v\"}}"));
    }
}
