//! Rebuilds a [`Node`] tree from the leaves of a [`Document`], for what is not spliced in place: the metadata block,
//! `.sops.yaml`, conversion, `--extract`.

use super::node::{Comment, Entry, Item, Node, Tree};
use super::{Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, ini};
use crate::value::Value;

/// Deeper trees are not built: they would have to be dropped with recursion.
const MAX_DEPTH: usize = 1_000;

impl Document {
    /// The tree below a place, comments included, the `sops` entry of the top level left out unless `id` is inside it.
    ///
    /// Aliases are expanded as the leaves are; merge keys stay mappings under `<<`. Fails on a scalar whose value cannot be
    /// read and on trees deeper than 1,000.
    pub fn node(&self, id: PathId) -> Result<Node, ParseError> {
        self.node_with(id, &mut |_, leaf| self.value(leaf).map(Value::into_owned))
    }

    /// As [`Document::node`], with values of the caller's choice: it gets the index and the leaf of each scalar and each comment
    /// (for example to put opened values in place of sealed ones). A scalar must stay a scalar; a comment's text is its
    /// canonical text.
    pub fn node_with(
        &self,
        id: PathId,
        value: &mut dyn FnMut(u32, &Leaf) -> Result<Value<'static>, ParseError>,
    ) -> Result<Node, ParseError> {
        let end = self.subtree_end(id);
        let inside_metadata = self.metadata.iter().any(|&m| self.is_below(id, m));
        let mut builder = Builder { document: self, open: vec![Open::new(self, id)], chain: Vec::new() };
        let first = self.first_leaf(id, end);
        for (index, leaf) in self.leaves.iter().enumerate().skip(first) {
            if leaf.path < id || leaf.path.0 >= end {
                break;
            }
            if (leaf.has(Leaf::METADATA) && !inside_metadata) || leaf.has(Leaf::SHADOWED) {
                continue;
            }
            match leaf.kind {
                LeafKind::Scalar => {
                    let value = value(index as u32, leaf)?;
                    let node = Node { kind: Tree::Scalar(value), at: leaf.span.start };
                    if leaf.path == id {
                        return Ok(node);
                    }
                    builder.open_to(self.paths.node(leaf.path).parent)?;
                    builder.add(leaf.path, node);
                }
                LeafKind::EmptyMap | LeafKind::EmptySeq => builder.open_to(leaf.path)?,
                LeafKind::Comment | LeafKind::CommentItem => {
                    let value = value(index as u32, leaf)?;
                    builder.open_to(leaf.path)?;
                    let text = String::from_utf8_lossy(value.canonical()).into_owned();
                    // sops has the comment of an INI key behind the key; it belongs before it.
                    let of_key = self.format == Format::Ini && ini::is_of_key(self, leaf);
                    builder.comment(Comment { text, inline: leaf.has(Leaf::INLINE) && !of_key }, of_key);
                }
            }
        }
        Ok(builder.finish())
    }

    /// One past the last path node below a place. Path nodes of a subtree are consecutive.
    pub(crate) fn subtree_end(&self, id: PathId) -> u32 {
        if self.paths.is_root(id) {
            let next = self.roots.partition_point(|&root| root <= id);
            return self.roots.get(next).map_or(self.paths.len() as u32, |root| root.0);
        }
        (id.0 + 1..self.paths.len() as u32)
            .find(|&n| self.paths.is_root(PathId(n)) || self.paths.node(PathId(n)).parent < id)
            .unwrap_or(self.paths.len() as u32)
    }

    /// Whether a place is another one or below it.
    fn is_below(&self, mut id: PathId, above: PathId) -> bool {
        while id > above && !self.paths.is_root(id) {
            id = self.paths.node(id).parent;
        }
        id == above
    }

    /// Index of the first leaf at or below a place; those that follow it up to the last one are consecutive.
    fn first_leaf(&self, id: PathId, end: u32) -> usize {
        let below = |leaf: &Leaf| leaf.path >= id && leaf.path.0 < end;
        self.leaves.iter().position(below).unwrap_or(self.leaves.len())
    }
}

/// A container that is still being filled.
struct Open {
    id: PathId,
    node: Node,
}

impl Open {
    fn new(document: &Document, id: PathId) -> Self {
        let node = document.paths.node(id);
        let kind = match node.kind {
            NodeKind::BlockSeq | NodeKind::FlowSeq => Tree::Seq(Vec::new()),
            NodeKind::BlockMap | NodeKind::FlowMap => Tree::Map(Vec::new()),
            // An empty document; other scalars are met as leaves.
            NodeKind::Scalar if document.paths.is_root(id) => Tree::Map(Vec::new()),
            NodeKind::Scalar => Tree::Scalar(Value::NULL),
        };
        Self { id, node: Node { kind, at: node.value.start } }
    }
}

/// The containers from the wanted place down to the last leaf.
struct Builder<'d> {
    document: &'d Document,
    open: Vec<Open>,
    chain: Vec<PathId>,
}

impl Builder<'_> {
    /// Makes a container the innermost open one: closes those it is not in, opens those between.
    fn open_to(&mut self, id: PathId) -> Result<(), ParseError> {
        let mut at = id;
        self.chain.clear();
        // The first container is above every leaf of the subtree, so the loop ends there at the latest.
        while let Some(top) = self.open.last() {
            if top.id == at || self.open.len() == 1 && top.id > at {
                break;
            }
            if top.id > at {
                self.close();
            } else {
                self.chain.push(at);
                at = self.document.paths.node(at).parent;
            }
        }
        if self.open.len() + self.chain.len() > MAX_DEPTH {
            let place = self.document.paths.node(id).value.start as usize;
            return Err(ParseError::at(self.document.text.as_bytes(), place, "nested too deep"));
        }
        while let Some(next) = self.chain.pop() {
            self.open.push(Open::new(self.document, next));
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(done) = self.open.pop() {
            self.add(done.id, done.node);
        }
    }

    /// Adds a finished node to the innermost open container.
    fn add(&mut self, id: PathId, node: Node) {
        let paths = &self.document.paths;
        let Some(top) = self.open.last_mut() else { return };
        match &mut top.node.kind {
            Tree::Map(entries) => {
                let key = paths.key(id, &self.document.text).unwrap_or_default();
                entries.push(Entry::Pair(key.into(), paths.node(id).entry.start, node));
            }
            Tree::Seq(items) => items.push(Item::Node(node)),
            Tree::Scalar(_) => {}
        }
    }

    fn comment(&mut self, comment: Comment, before_last: bool) {
        let Some(top) = self.open.last_mut() else { return };
        match &mut top.node.kind {
            Tree::Map(entries) => {
                entries.insert(entries.len() - usize::from(before_last && !entries.is_empty()), Entry::Comment(comment))
            }
            Tree::Seq(items) => items.push(Item::Comment(comment)),
            Tree::Scalar(_) => {}
        }
    }

    fn finish(mut self) -> Node {
        while self.open.len() > 1 {
            self.close();
        }
        self.open.pop().map_or_else(|| Node::scalar(Value::NULL), |open| open.node)
    }
}

impl Node {
    /// The same tree with merge keys applied: the entries of the mappings under `<<` become entries of the mapping itself
    /// unless it has the key. An earlier mapping of a list wins, as in go-yaml.
    #[must_use]
    pub fn merged(self) -> Self {
        // Depth is bounded where nodes are built.
        let at = self.at;
        let kind = match self.kind {
            Tree::Scalar(value) => Tree::Scalar(value),
            Tree::Seq(items) => Tree::Seq(
                items
                    .into_iter()
                    .map(|item| match item {
                        Item::Node(node) => Item::Node(node.merged()),
                        comment @ Item::Comment(_) => comment,
                    })
                    .collect(),
            ),
            Tree::Map(entries) => Tree::Map(merge_entries(entries)),
        };
        Self { kind, at }
    }
}

fn merge_entries(entries: Vec<Entry>) -> Vec<Entry> {
    let mut out = Vec::with_capacity(entries.len());
    let mut sources = Vec::new();
    for entry in entries {
        match entry {
            Entry::Pair(key, _, node) if key == "<<" && is_merge_source(&node) => sources.push(node.merged()),
            Entry::Pair(key, at, node) => out.push(Entry::Pair(key, at, node.merged())),
            comment @ Entry::Comment(_) => out.push(comment),
        }
    }
    if sources.is_empty() {
        return out;
    }
    let mut known: std::collections::HashSet<String> = out.iter().filter_map(pair_key).map(str::to_owned).collect();
    let maps = sources.into_iter().flat_map(|source| match source.kind {
        Tree::Seq(items) => items
            .into_iter()
            .filter_map(|item| match item {
                Item::Node(node) => Some(node),
                Item::Comment(_) => None,
            })
            .collect(),
        _ => vec![source],
    });
    for map in maps {
        let Tree::Map(entries) = map.kind else { continue };
        for entry in entries {
            if let Entry::Pair(key, ..) = &entry
                && known.insert(key.clone())
            {
                out.push(entry);
            }
        }
    }
    out
}

fn pair_key(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Pair(key, ..) => Some(key),
        Entry::Comment(_) => None,
    }
}

fn is_merge_source(node: &Node) -> bool {
    match &node.kind {
        Tree::Map(_) => true,
        Tree::Seq(_) => node.items().all(|item| matches!(item.kind, Tree::Map(_))),
        Tree::Scalar(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Duplicates, Format};
    use super::*;

    fn read(text: &str) -> Document {
        Document::scan(text.to_owned(), Format::Yaml, Duplicates::Refuse).unwrap()
    }

    /// The tree in one line; comments as `#text`, inline ones as `##text`.
    fn show(node: &Node, out: &mut String) {
        let comment = |comment: &Comment| format!("{}{}", if comment.inline { "##" } else { "#" }, comment.text);
        match &node.kind {
            Tree::Scalar(value) => out.push_str(std::str::from_utf8(value.canonical()).unwrap()),
            Tree::Map(entries) => {
                out.push('{');
                for entry in entries {
                    match entry {
                        Entry::Comment(text) => out.push_str(&comment(text)),
                        Entry::Pair(key, _, node) => {
                            out.push_str(key);
                            out.push(':');
                            show(node, out);
                        }
                    }
                    out.push(',');
                }
                out.push('}');
            }
            Tree::Seq(items) => {
                out.push('[');
                for item in items {
                    match item {
                        Item::Comment(text) => out.push_str(&comment(text)),
                        Item::Node(node) => show(node, out),
                    }
                    out.push(',');
                }
                out.push(']');
            }
        }
    }

    fn shown(node: &Node) -> String {
        let mut out = String::new();
        show(node, &mut out);
        out
    }

    fn root(text: &str) -> String {
        let document = read(text);
        shown(&document.node(document.roots[0]).unwrap())
    }

    fn place(document: &Document, path: &str) -> PathId {
        document.paths.iter().find(|(id, _)| document.paths.display(*id, &document.text) == path).unwrap().0
    }

    #[test]
    fn a_tree_has_what_the_text_has_without_the_metadata() {
        let text = "# h\na: 1 # l\nb:\n  - x\n  # c\n  - {y: [], z: {}}\n  - - - q\nsops: {mac: m}\nlast:\n";
        assert_eq!(root(text), "{# h,## l,a:1,b:[x,# c,{y:[],z:{},},[[q,],],],last:,}");
        let document = read(text);
        assert_eq!(shown(&document.node(document.metadata[0]).unwrap()), "{mac:m,}");
        assert_eq!(shown(&document.node(place(&document, "b[1]")).unwrap()), "{y:[],z:{},}");
        assert_eq!(shown(&document.node(place(&document, "b[2][0][0]")).unwrap()), "q");
        assert_eq!(shown(&document.node(place(&document, "last")).unwrap()), "");
    }

    #[test]
    fn every_document_has_its_own_tree() {
        let document = read("a: {b: 1}\n---\nc: {d: 2}\n---\n");
        let trees: Vec<String> = document.roots.iter().map(|root| shown(&document.node(*root).unwrap())).collect();
        assert_eq!(trees, ["{a:{b:1,},}", "{c:{d:2,},}", "{}"]);
        for empty in ["{}", "", "--- ~\n"] {
            assert_eq!(root(empty), "{}");
        }
    }

    #[test]
    fn aliases_are_expanded_and_merge_keys_applied_on_demand() {
        let text = "b: &b {x: 1, y: {z: 2}}\nc: &c {x: 3, w: 4}\nd:\n  <<: [*b, *c]\n  y: own\ne: *b\n";
        assert_eq!(root(text), "{b:{x:1,y:{z:2,},},c:{x:3,w:4,},d:{<<:[{x:1,y:{z:2,},},{x:3,w:4,},],y:own,},e:{x:1,y:{z:2,},},}");
        let document = read(text);
        let merged = document.node(place(&document, "d")).unwrap().merged();
        assert_eq!(shown(&merged), "{y:own,x:1,w:4,}");
    }

    #[test]
    fn values_of_the_callers_choice_take_the_place_of_those_in_the_text() {
        let document = read("a: 1\nb: [2, 3]\n");
        let node = document.node_with(document.roots[0], &mut |index, _| Ok(Value::str(format!("v{index}").into_bytes()))).unwrap();
        assert_eq!(shown(&node), "{a:v0,b:[v1,v2,],}");
    }

    #[test]
    fn trees_that_are_too_deep_are_refused() {
        let deep = |levels: usize| read(&format!("a: {}{}", "[".repeat(levels), "]".repeat(levels)));
        let document = deep(MAX_DEPTH - 1);
        assert!(document.node(document.roots[0]).is_ok());
        let document = deep(MAX_DEPTH + 1);
        assert!(document.node(document.roots[0]).unwrap_err().to_string().contains("too deep"));
    }
}
