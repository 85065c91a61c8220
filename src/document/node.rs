//! Owns [`Node`]: a plain tree of values, for what is not spliced in place: the metadata block, `.sops.yaml`, conversion
//! between formats, `--extract`, values of `set`.

use crate::value::Value;

/// A tree of values. `Debug` shows no text.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Tree,
    /// Byte offset of its first byte in the text it was read from; 0 when made by us.
    pub at: u32,
}

/// The three shapes of a tree.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A mapping, in order; keys are not necessarily unique (JSON).
    Map(Vec<Entry>),
    /// A list, in order.
    Seq(Vec<Item>),
    /// A leaf.
    Scalar(Value<'static>),
}

/// Part of a mapping.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A comment line.
    Comment(Comment),
    /// A key, the byte offset of the key in its text, and the value.
    Pair(String, u32, Node),
}

/// Part of a list.
#[derive(Clone, Debug)]
pub enum Item {
    /// A comment line.
    Comment(Comment),
    /// An item.
    Node(Node),
}

/// A comment: the text after `#`, and whether it stood at the end of its entry's line.
#[derive(Clone)]
pub struct Comment {
    /// Text after the `#`.
    pub text: String,
    /// Whether it follows a value on the same line; it precedes that value's entry in the tree.
    pub inline: bool,
}

impl std::fmt::Debug for Comment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Comment([redacted])")
    }
}

impl Node {
    /// The scalars of the tree in order, each with what `key` and `item` make of the way that leads to it from `here` on.
    pub fn scalars<W>(&self, here: W, key: impl Fn(&W, &str) -> W, item: impl Fn(&W, usize) -> W) -> Vec<(W, &Value<'static>)> {
        let mut out = Vec::new();
        // The last is taken first: children are put in reverse.
        let mut open = vec![(here, self)];
        while let Some((way, node)) = open.pop() {
            let mut children: Vec<(W, &Self)> = match &node.kind {
                Tree::Scalar(value) => {
                    out.push((way, value));
                    continue;
                }
                Tree::Map(_) => node.pairs().map(|(name, _, child)| (key(&way, name), child)).collect(),
                Tree::Seq(_) => node.items().enumerate().map(|(index, child)| (item(&way, index), child)).collect(),
            };
            children.reverse();
            open.append(&mut children);
        }
        out
    }

    /// A leaf made by us.
    pub fn scalar(value: Value<'static>) -> Self {
        Self { kind: Tree::Scalar(value), at: 0 }
    }

    /// A string leaf made by us.
    pub fn str(text: impl Into<String>) -> Self {
        Self::scalar(Value::str(text.into().into_bytes()))
    }

    /// A mapping made by us.
    pub fn map(entries: impl IntoIterator<Item = (String, Node)>) -> Self {
        Self { kind: Tree::Map(entries.into_iter().map(|(k, v)| Entry::Pair(k, 0, v)).collect()), at: 0 }
    }

    /// A list made by us.
    pub fn seq(items: impl IntoIterator<Item = Node>) -> Self {
        Self { kind: Tree::Seq(items.into_iter().map(Item::Node).collect()), at: 0 }
    }

    /// The pairs of a mapping without comments; none for other shapes.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, u32, &Node)> {
        let entries = match &self.kind {
            Tree::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|e| match e {
            Entry::Pair(key, at, node) => Some((key.as_str(), *at, node)),
            Entry::Comment(_) => None,
        })
    }

    /// The items of a list without comments; none for other shapes.
    pub fn items(&self) -> impl Iterator<Item = &Node> {
        let items = match &self.kind {
            Tree::Seq(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|i| match i {
            Item::Node(node) => Some(node),
            Item::Comment(_) => None,
        })
    }

    /// The value of a key of a mapping: the first of that name.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().find(|(k, _, _)| *k == key).map(|(_, _, node)| node)
    }
}
