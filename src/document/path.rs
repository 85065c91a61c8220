//! Owns [`Paths`]: the interned key paths of a document (a parent index, not cloned per leaf).
//!
//! A path node is one place in the tree: a document, a mapping entry or a list item, with the spans that edits need.
//! The additional data of a leaf is its mapping keys joined and ended by `:`; list indexes take no part
//! (`docs/format.md`, "Additional data").

use std::collections::HashMap;

use super::Span;

/// Index of a path node in [`Paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(pub u32);

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The n-th document of the file (0-based): the root of a path.
    Document(u32),
    /// A mapping key whose decoded text is the source text at this span.
    Key(Span),
    /// A mapping key whose decoded text differs from the source: index into the side table.
    DecodedKey(u32),
    /// An item of a list (0-based; comments do not count).
    Index(u32),
}

/// What stands at a path node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A scalar (null included).
    Scalar,
    /// A block mapping; a JSON object is a `FlowMap`.
    BlockMap,
    /// A flow mapping or JSON object.
    FlowMap,
    /// A block sequence.
    BlockSeq,
    /// A flow sequence or JSON array.
    FlowSeq,
}

/// One place in the tree.
#[derive(Clone, Copy, Debug)]
pub struct PathNode {
    /// Its container; a document root has itself as parent.
    pub parent: PathId,
    /// The step from the container to here.
    pub segment: Segment,
    /// What stands here.
    pub kind: NodeKind,
    /// Whether it is a copy made for an alias: its spans are those of the anchored original.
    pub copy: bool,
    /// The entry: from the first byte of the key (or `? `, or the item's `-`, or the item in flow context) to the end of the
    /// value. For a document: its content without markers.
    pub entry: Span,
    /// The value without key, properties (anchor, tag) and comments; empty (at its place) for an omitted null.
    pub value: Span,
}

/// All path nodes of a document, parents before children, in document order.
#[derive(Default)]
pub struct Paths {
    nodes: Vec<PathNode>,
    decoded: Vec<Box<str>>,
    /// Entries of which others with the same name come before: how many. Not kept for all formats.
    twins: HashMap<PathId, u32>,
}

impl Paths {
    /// None yet, with room for some.
    pub fn with_capacity(nodes: usize) -> Self {
        Self { nodes: Vec::with_capacity(nodes), ..Self::default() }
    }

    /// Gives back memory reserved while scanning.
    pub(super) fn give_back(&mut self) {
        give_back(&mut self.nodes);
        self.decoded.shrink_to_fit();
    }

    /// Adds a node and gives its index.
    pub fn push(&mut self, node: PathNode) -> PathId {
        let id = PathId(self.nodes.len() as u32);
        self.nodes.push(node);
        id
    }

    /// Takes in the nodes of a text that continues this one's only document and starts at byte `start` of it: what is at its top
    /// level comes to be at ours. Gives the numbers that its nodes have here.
    pub(crate) fn continue_with(&mut self, more: Self, start: u32) -> impl Fn(PathId) -> PathId + use<> {
        let (nodes, keys) = (self.nodes.len() as u32, self.decoded.len() as u32);
        let moved = move |id: PathId| if id.0 == 0 { id } else { PathId(id.0 - 1 + nodes) };
        let shift = |span: Span| Span { start: span.start + start, end: span.end + start };
        self.nodes.extend(more.nodes.into_iter().skip(1).map(|node| PathNode {
            parent: moved(node.parent),
            segment: match node.segment {
                Segment::Key(span) => Segment::Key(shift(span)),
                Segment::DecodedKey(key) => Segment::DecodedKey(key + keys),
                other => other,
            },
            entry: shift(node.entry),
            value: shift(node.value),
            ..node
        }));
        self.decoded.extend(more.decoded);
        moved
    }

    /// Keeps a decoded key that is not the source text.
    pub fn push_decoded(&mut self, key: &str) -> Segment {
        self.decoded.push(key.into());
        Segment::DecodedKey(self.decoded.len() as u32 - 1)
    }

    /// Notes how many entries of the same name come before one.
    pub fn set_twin(&mut self, id: PathId, before: u32) {
        if before > 0 {
            self.twins.insert(id, before);
        }
    }

    /// How many entries of the same name come before one, as far as that was noted (sections of INI).
    pub fn twin(&self, id: PathId) -> u32 {
        self.twins.get(&id).copied().unwrap_or_default()
    }

    /// The node at an index.
    pub fn node(&self, id: PathId) -> &PathNode {
        &self.nodes[id.0 as usize]
    }

    /// The node at an index, to complete it while scanning.
    pub fn node_mut(&mut self, id: PathId) -> &mut PathNode {
        &mut self.nodes[id.0 as usize]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All nodes with their indexes, parents first.
    pub fn iter(&self) -> impl Iterator<Item = (PathId, &PathNode)> {
        self.nodes.iter().enumerate().map(|(i, n)| (PathId(i as u32), n))
    }

    /// The decoded key of a node, `None` for documents and list items.
    pub fn key<'a>(&'a self, id: PathId, text: &'a str) -> Option<&'a str> {
        self.segment_key(self.node(id).segment, text)
    }

    /// The decoded key of a step, `None` for documents and list items.
    pub fn segment_key<'a>(&'a self, segment: Segment, text: &'a str) -> Option<&'a str> {
        match segment {
            Segment::Key(span) => Some(&text[span.range()]),
            Segment::DecodedKey(i) => Some(&self.decoded[i as usize]),
            Segment::Document(_) | Segment::Index(_) => None,
        }
    }

    /// Whether the node is a document root.
    pub fn is_root(&self, id: PathId) -> bool {
        matches!(self.node(id).segment, Segment::Document(_))
    }

    /// The document a node is in (0-based).
    pub fn document(&self, mut id: PathId) -> u32 {
        loop {
            match self.node(id).segment {
                Segment::Document(n) => return n,
                _ => id = self.node(id).parent,
            }
        }
    }

    /// Appends the additional data of a leaf at `id` to `out`: its mapping keys, each followed by `:`; `:` alone at a root.
    pub fn additional_data(&self, id: PathId, text: &str, out: &mut Vec<u8>) {
        let start = out.len();
        self.append_keys(id, text, out);
        if out.len() == start {
            out.push(b':');
        }
    }

    /// The nodes from the first step below the root to `id`; none for a root. Collected: a deep document must not overflow the stack.
    pub(crate) fn chain(&self, id: PathId) -> impl Iterator<Item = PathId> + use<> {
        let mut chain = Vec::with_capacity(8);
        let mut at = id;
        while !self.is_root(at) {
            chain.push(at);
            at = self.node(at).parent;
        }
        chain.into_iter().rev()
    }

    fn append_keys(&self, id: PathId, text: &str, out: &mut Vec<u8>) {
        for step in self.chain(id) {
            if let Some(key) = self.key(step, text) {
                out.extend_from_slice(key.as_bytes());
                out.push(b':');
            }
        }
    }

    /// The path for people: `spec.env[0].value`; keys with odd characters are quoted. Keys are names, not secrets.
    pub fn display(&self, id: PathId, text: &str) -> String {
        let mut out = String::new();
        for step in self.chain(id) {
            match self.node(step).segment {
                Segment::Index(n) => out.push_str(&format!("[{n}]")),
                _ => {
                    let key = self.key(step, text).unwrap_or_default();
                    push_shown_key(&mut out, key);
                }
            }
        }
        if out.is_empty() { String::from("(top level)") } else { out }
    }
}

/// Appends a key to a path for people: `.name`, in quotes where it has other characters than names have.
pub(super) fn push_shown_key(out: &mut String, key: &str) {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-/".contains(c));
    if !out.is_empty() {
        out.push('.');
    }
    if plain {
        out.push_str(key);
    } else {
        out.push_str(&format!("{key:?}"));
    }
}

/// Gives back memory that was reserved and is not used, if that is much: doing so copies the rest.
pub(super) fn give_back<T>(list: &mut Vec<T>) {
    if list.capacity() / 3 * 2 > list.len() {
        list.shrink_to_fit();
    }
}
