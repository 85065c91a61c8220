//! Owns `set` and `unset` of YAML: structural edits as splices in the file's own layout.
//!
//! They touch the first document only. Comments, blank lines and all other entries keep their bytes. An alias on the way is
//! expanded at its place; an anchored value that changes changes for its aliases, too, as the text says.

use super::emit::emit_flow;
use super::expand::{set_in, unset_in};
use super::flow_entries;
use super::header::{Header, Properties};
use super::replace::Old;
use super::site::{break_before, column, document_end, head, is_flow, is_in_flow, line_end, line_start, next_line, skip_blanks};
use crate::document::edit::{EditError, nest, refuse_reserved};
use crate::document::lines::newline;
use crate::document::node::Node;
use crate::document::steps::Step;
use crate::document::{Document, Leaf, LeafKind, NodeKind, PathId, Splice};

/// Sets the value at a path. Missing keys are made; an index at or beyond the end of a list appends; a scalar in the way gives way.
/// New lines are indented as their siblings are, by `indent` columns a level where there are none.
pub fn set(document: &Document, steps: &[Step], value: &Node, indent: usize) -> Result<Vec<Splice>, EditError> {
    let edit = Edit::new(document, indent);
    let mut at = edit.root(steps)?;
    for (index, step) in steps.iter().enumerate() {
        let node = document.paths.node(at);
        if node.copy {
            let mut tree = document.node(at)?;
            set_in(&mut tree, steps, index, value)?;
            return edit.replace(at, &tree);
        }
        let rest = &steps[index + 1..];
        match edit.find(at, steps, index) {
            Ok(Some(child)) => at = child,
            Ok(None) => {
                let key = match step {
                    Step::Key(key) => Some(key.as_str()),
                    Step::Index(_) => None,
                };
                return edit.append(at, key, &nest(rest, value));
            }
            Err(EditError::NotAContainer(_)) => return edit.replace(at, &nest(&steps[index..], value)),
            Err(error) => return Err(error),
        }
    }
    edit.replace(at, value)
}

/// Removes the entry at a path: its own lines with the comment on them. A container that loses its last entry becomes `{}` or `[]`.
pub fn unset(document: &Document, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
    let edit = Edit::new(document, 2);
    let mut at = edit.root(steps)?;
    for (index, step) in steps.iter().enumerate() {
        if document.paths.node(at).copy {
            let mut tree = document.node(at)?;
            unset_in(&mut tree, steps, index)?;
            return edit.replace(at, &tree);
        }
        at = edit.find(at, steps, index)?.ok_or_else(|| match step {
            Step::Key(_) => EditError::at(EditError::KeyNotFound, steps, index),
            Step::Index(_) => EditError::at(EditError::OutOfBounds, steps, index),
        })?;
    }
    edit.remove(at)
}

/// A document that is being edited.
pub(super) struct Edit<'d> {
    pub(super) document: &'d Document,
    pub(super) text: &'d str,
    /// Columns a level where there is nothing to go by.
    indent: usize,
    pub(super) newline: &'static str,
}

impl<'d> Edit<'d> {
    fn new(document: &'d Document, indent: usize) -> Self {
        Self { document, text: &document.text, indent, newline: newline(&document.text) }
    }

    /// The root of the first document. Its `sops` entry is not for edits.
    fn root(&self, steps: &[Step]) -> Result<PathId, EditError> {
        refuse_reserved(steps, "sops")?;
        Ok(self.document.roots[0])
    }

    /// The entry that a step leads to, `None` where there is none yet.
    fn find(&self, container: PathId, steps: &[Step], index: usize) -> Result<Option<PathId>, EditError> {
        let document = self.document;
        let is = |variant| Err(EditError::at(variant, steps, index));
        let kind = match document.paths.node(container).kind {
            NodeKind::Scalar if document.paths.is_root(container) => NodeKind::BlockMap,
            kind => kind,
        };
        match (kind, &steps[index]) {
            (NodeKind::BlockMap | NodeKind::FlowMap, Step::Key(key)) => {
                Ok(document.children(container).find(|id| document.paths.key(*id, self.text) == Some(key.as_str())))
            }
            (NodeKind::BlockSeq | NodeKind::FlowSeq, Step::Index(n)) => Ok(document.children(container).nth(*n)),
            (NodeKind::BlockMap | NodeKind::FlowMap, Step::Index(_)) => is(EditError::IndexOnMapping),
            (NodeKind::BlockSeq | NodeKind::FlowSeq, Step::Key(_)) => is(EditError::KeyOnList),
            (NodeKind::Scalar, _) => is(EditError::NotAContainer),
        }
    }

    /// Adds an entry at the end of a container; at the top level before the metadata if that is last.
    fn append(&self, container: PathId, key: Option<&str>, value: &Node) -> Result<Vec<Splice>, EditError> {
        let node = self.document.paths.node(container);
        let entry = match key {
            Some(key) => Node::map([(key.to_owned(), value.clone())]),
            None => Node::seq([value.clone()]),
        };
        let is_root = self.document.paths.is_root(container);
        match node.kind {
            NodeKind::Scalar if node.value.is_empty() => {
                let at = document_end(self.document, container);
                let text = self.block(container, &entry, 0);
                let has_own_line = line_start(self.text, at) == at;
                let newline = self.newline;
                Ok(vec![Splice::insert(at, if has_own_line { text + newline } else { format!("{newline}{text}") })])
            }
            NodeKind::Scalar => Ok(vec![Splice { span: node.value, text: emit_flow(&entry) }]),
            NodeKind::FlowMap | NodeKind::FlowSeq => {
                let blanks = &self.text[node.value.range()];
                let is_blank = blanks.get(1..blanks.len() - 1).is_some_and(|inside| inside.trim().is_empty());
                if !is_root && is_blank && !is_in_flow(self.document, container) {
                    return self.replace(container, &entry);
                }
                Ok(flow_entries::append(self.document, container, &entry, self.newline))
            }
            NodeKind::BlockMap | NodeKind::BlockSeq => Ok(self.append_lines(container, &entry)),
        }
    }

    fn append_lines(&self, container: PathId, entry: &Node) -> Vec<Splice> {
        let document = self.document;
        let own = column(self.text, document.paths.node(container).value.start as usize);
        let block = self.block(container, entry, own);
        let last = document.children(container).filter(|id| !document.metadata.contains(id)).last();
        let last_item = document.leaves.iter().rfind(|l| l.path == container && l.kind == LeafKind::CommentItem);
        let end = last.map(|id| document.paths.node(id).entry.end).max(last_item.map(|leaf| leaf.span.end));
        let indentation = " ".repeat(own);
        let Some(end) = end else {
            // Only the metadata is there.
            let first = line_start(self.text, document.paths.node(container).value.start as usize);
            return vec![Splice::insert(first, format!("{indentation}{block}{}", self.newline))];
        };
        let at = self.below_comments_beyond(own, end as usize);
        let mut edits = Vec::new();
        if line_end(self.text, end as usize) == self.text.len() {
            edits.extend(self.ends_without_break(end));
        }
        edits.push(Splice::insert(at, format!("{}{indentation}{block}", self.newline)));
        edits
    }

    /// A block scalar at the end of a text without a last line break has none in its value: it has to say so before a line follows.
    fn ends_without_break(&self, end: u32) -> Option<Splice> {
        let leaf = self.document.leaves.iter().rfind(|l| l.span.end == end && !l.has(Leaf::COPY))?;
        let header = Header::read(self.text, leaf)?;
        let indicators = &self.text[leaf.span.start as usize..header.indicators];
        if indicators.ends_with('-') || header.line == self.text.len() {
            return None;
        }
        Some(Splice::new(leaf.span.start as usize, header.indicators, indicators.replace(['+', '-'], "") + "-"))
    }

    /// Removes an entry.
    fn remove(&self, id: PathId) -> Result<Vec<Splice>, EditError> {
        self.keeps_anchors(id, false)?;
        let document = self.document;
        let container = document.paths.node(id).parent;
        let node = document.paths.node(container);
        if is_flow(node.kind) {
            return Ok(vec![flow_entries::remove(document, id)]);
        }
        let is_last = document.children(container).all(|child| child == id);
        let has_comment_items = document.leaves.iter().any(|l| l.path == container && l.kind == LeafKind::CommentItem);
        if !is_last || has_comment_items {
            return Ok(self.remove_lines(id));
        }
        let empty = if node.kind == NodeKind::BlockMap { "{}" } else { "[]" };
        let entry = document.paths.node(id).entry;
        if document.paths.is_root(container) {
            return Ok(vec![Splice { span: entry, text: empty.to_owned() }]);
        }
        let head = head(document, container);
        let start = node.value.start as usize;
        let properties = Properties::read(self.text, head.end, start);
        let base = [properties.anchor, properties.tag].into_iter().flatten().map(|p| p.end).max().unwrap_or(head.end);
        let old = Old { base, start, end: node.value.end as usize, colon: String::new() };
        if self.is_on_line(&old) {
            return Ok(vec![Splice { span: entry, text: empty.to_owned() }]);
        }
        let mut edits = vec![Splice::insert(base, format!(" {empty}"))];
        edits.extend(self.remove_lines(id));
        Ok(edits)
    }

    /// Removes the lines of an entry, and those of the comments that hang below it and belong to it.
    fn remove_lines(&self, id: PathId) -> Vec<Splice> {
        let entry = self.document.paths.node(id).entry;
        let (start, end) = (entry.start as usize, entry.end as usize);
        let line = line_start(self.text, start);
        let mut edits = Vec::new();
        if skip_blanks(self.text, line) == start {
            edits.push(self.line_removal(line, end));
        } else {
            // It shares its line with the `-` of the item it is the first entry of.
            let mut next = next_line(self.text, end);
            while next < self.text.len() && skip_blanks(self.text, next) == line_end(self.text, next) {
                next = next_line(self.text, next);
            }
            edits.push(Splice::new(start, skip_blanks(self.text, next), ""));
        }
        self.remove_comments_below(id, &mut edits);
        edits
    }

    /// Removes the lines of comments that hang below an entry and belong to it.
    pub(super) fn remove_comments_below(&self, id: PathId, edits: &mut Vec<Splice>) {
        let entry = self.document.paths.node(id).entry;
        let last = self.document.subtree_end(id);
        for leaf in &self.document.leaves {
            let hangs_below = leaf.kind == LeafKind::Comment && leaf.span.start > entry.end && !leaf.has(Leaf::COPY);
            if hangs_below && leaf.path >= id && leaf.path.0 < last {
                let line = line_start(self.text, leaf.span.start as usize);
                if edits.last().is_some_and(|edit: &Splice| edit.span.end as usize <= line) {
                    edits.push(self.line_removal(line, leaf.span.end as usize));
                }
            }
        }
    }

    fn line_removal(&self, start: usize, end: usize) -> Splice {
        let last = line_end(self.text, end);
        let next = next_line(self.text, last);
        // A text without a last line break keeps having none, unless a block scalar before would lose its own.
        let before = break_before(self.text, start);
        let ends_lines = |l: &Leaf| l.span.end as usize >= before && (l.span.start as usize) < before && l.indent > 0;
        let start = if next == last && !self.document.leaves.iter().any(ends_lines) { before } else { start };
        Splice::new(start, next, "")
    }

    /// Refuses to take away an anchor that an alias elsewhere names. The anchor of a value that is replaced stays.
    pub(super) fn keeps_anchors(&self, id: PathId, is_replaced: bool) -> Result<(), EditError> {
        let node = self.document.paths.node(id);
        let gone = if is_replaced { node.value } else { node.entry };
        let own = self.origin(id);
        let breaks = self.document.aliases.iter().filter(|alias| !alias.nested).any(|alias| {
            let origin = self.origin(alias.path);
            let is_inside =
                origin <= gone.end && if is_replaced { origin >= gone.start && origin != own } else { origin > gone.start };
            is_inside && !(gone.start <= alias.span.start && alias.span.end <= gone.end)
        });
        if breaks { Err(EditError::Anchored(self.document.paths.display(id, self.text))) } else { Ok(()) }
    }

    /// What tells anchored values apart: the start of their first entry, or of the scalar or empty container itself.
    fn origin(&self, id: PathId) -> u32 {
        let document = self.document;
        if let Some(child) = document.children(id).next() {
            return document.paths.node(child).entry.start;
        }
        let leaf = document.leaves.iter().find(|l| l.path == id && !matches!(l.kind, LeafKind::Comment | LeafKind::CommentItem));
        leaf.map_or(u32::MAX, |leaf| leaf.span.start)
    }

    /// Whether the old value starts on the line where its entry's head ends.
    pub(super) fn is_on_line(&self, old: &Old) -> bool {
        line_end(self.text, old.base) >= old.start
    }

    pub(super) fn is_empty(&self, id: PathId) -> bool {
        self.document.children(id).next().is_none()
    }

    pub(super) fn has_key(&self, id: PathId) -> bool {
        self.document.paths.key(id, self.text).is_some()
    }

    pub(super) fn entry_column(&self, id: PathId) -> usize {
        column(self.text, self.document.paths.node(id).entry.start as usize)
    }

    /// How many columns a level has: as siblings, else as the first nested mapping of the file, else as configured.
    pub(super) fn indent_near(&self, id: PathId) -> usize {
        let document = self.document;
        let step = |child: PathId| {
            let node = document.paths.node(child);
            let has_step = node.kind == NodeKind::BlockMap && !node.copy && !document.paths.is_root(child) && self.has_key(child);
            let step = || column(self.text, node.value.start as usize).checked_sub(self.entry_column(child));
            has_step.then(step).flatten().filter(|step| (2..=9).contains(step))
        };
        let container = document.paths.node(id).parent;
        let siblings = document.children(container).find_map(step);
        let all = || document.paths.iter().filter(|(id, _)| !document.metadata.contains(id)).find_map(|(id, _)| step(id));
        siblings.or_else(all).unwrap_or(self.indent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::expand;
    use super::super::scan;
    use super::*;
    use crate::document::steps::parse_steps;
    use crate::document::{Duplicates, Segment, splice};
    use crate::value::Value;

    fn read(text: &str) -> Document {
        match scan(text.to_owned(), Duplicates::Keep) {
            Ok(document) => document,
            Err(error) => panic!("{text:?}: {error}"),
        }
    }

    fn flat(node: &Node) -> String {
        emit_flow(node)
    }

    fn tree(document: &Document) -> Node {
        document.node(document.roots[0]).unwrap()
    }

    /// Sets a value, checks that the tree is the one that sops's `set` gives, and gives the text.
    #[track_caller]
    fn set_in(text: &str, path: &str, value: &Node) -> String {
        let document = read(text);
        let steps = parse_steps(path).unwrap();
        let edited = splice(text, &set(&document, &steps, value, 4).unwrap()).unwrap();
        let mut expected = tree(&document);
        expand::set_in(&mut expected, &steps, 0, value).unwrap();
        assert_eq!(flat(&tree(&read(&edited))), flat(&expected), "{edited}");
        edited
    }

    #[track_caller]
    fn unset_in(text: &str, path: &str) -> String {
        let document = read(text);
        let steps = parse_steps(path).unwrap();
        let edited = splice(text, &unset(&document, &steps).unwrap()).unwrap();
        let mut expected = tree(&document);
        expand::unset_in(&mut expected, &steps, 0).unwrap();
        assert_eq!(flat(&tree(&read(&edited))), flat(&expected), "{edited}");
        edited
    }

    fn x() -> Node {
        Node::str("x")
    }

    fn map() -> Node {
        Node::map([("k".into(), x()), ("l".into(), Node::seq([x()]))])
    }

    #[test]
    fn a_scalar_takes_the_place_of_a_scalar() {
        for (text, path, edited) in [
            ("a: 1 # c\nb: 2\n", r#"["a"]"#, "a: x # c\nb: 2\n"),
            ("a: 'q'\n", r#"["a"]"#, "a: 'x'\n"),
            ("a: |\n  q\n  r\nb: 2\n", r#"["a"]"#, "a: |-\n  x\nb: 2\n"),
            ("a: | # c\n  q\nb: 2\n", r#"["a"]"#, "a: |- # c\n  x\nb: 2\n"),
            ("a:\nb:   # c\n", r#"["a"]"#, "a: x\nb:   # c\n"),
            ("a:\nb:   # c\n", r#"["b"]"#, "a:\nb: x   # c\n"),
            ("a: {b: 1, c}\n", r#"["a"]["b"]"#, "a: {b: x, c}\n"),
            ("a: {b: 1, c}\n", r#"["a"]["c"]"#, "a: {b: 1, c: \"x\"}\n"),
            ("a: [1, 2]\n", r#"["a"][1]"#, "a: [1, x]\n"),
            ("a:\n- 1\n-\n- 3\n", r#"["a"][1]"#, "a:\n- 1\n- x\n- 3\n"),
            ("a: !!int 5\n", r#"["a"]"#, "a: x\n"),
            ("? a\n: 1\n", r#"["a"]"#, "? a\n: x\n"),
            ("? a\n", r#"["a"]"#, "? a\n: x\n"),
            ("a: 1\r\n", r#"["a"]"#, "a: x\r\n"),
            ("a: 1", r#"["a"]"#, "a: x"),
            ("? a # c\n? b\n", r#"["a"]"#, "? a\n: x # c\n? b\n"),
            ("a: {} # c\n", r#"["a"]"#, "a: x # c\n"),
        ] {
            assert_eq!(set_in(text, path, &x()).replace('"', ""), edited.replace('"', ""), "{text:?}");
        }
    }

    #[test]
    fn a_container_takes_the_place_of_a_scalar() {
        let below = "\n    k: x\n    l:\n        - x\n";
        for (text, edited) in [
            ("a: 1\nb: 2\n", format!("a:{below}b: 2\n")),
            ("a: 1 # c\nb: 2\n", format!("a: # c{below}b: 2\n")),
            ("a: &n 1\n", format!("a: &n{below}")),
            ("a: !t 1\n", format!("a:{below}")),
            ("a:\nb: 2\n", format!("a:{below}b: 2\n")),
            ("? a\n", format!("? a\n:{below}")),
            ("a: |\n  q\n\nb: 2\n", format!("a:{below}\nb: 2\n")),
            ("a: | # c\n  q\nb: 2\n", format!("a: # c{below}b: 2\n")),
            ("a: {}\nb: 2\n", format!("a:{below}b: 2\n")),
            ("a: 1", format!("a:{}", below.trim_end())),
            ("a: 1\r\n", format!("a:{}", below.replace('\n', "\r\n"))),
        ] {
            assert_eq!(set_in(text, r#"["a"]"#, &map()), edited, "{text:?}");
        }
        assert_eq!(set_in("a: [1, 2]\n", r#"["a"][0]"#, &map()).replace('"', ""), "a: [{k: x, l: [x]}, 2]\n");
        assert_eq!(set_in("a: {b: 1} # c\n", r#"["a"]"#, &map()).replace('"', ""), "a: {k: x, l: [x]} # c\n");
        assert_eq!(set_in("a:\n  - 1\n  - 2\n", r#"["a"][0]"#, &map()), "a:\n  - k: x\n    l:\n        - x\n  - 2\n");
        assert_eq!(set_in("a:\n  - 1 # c\n", r#"["a"][0]"#, &map()), "a:\n  - # c\n    k: x\n    l:\n        - x\n");
    }

    #[test]
    fn containers_give_way() {
        let text = "a: # c\n  b: 1\n  # in\n  d: 2\ne: 3\n";
        assert_eq!(set_in(text, r#"["a"]"#, &x()), "a: \"x\" # c\ne: 3\n");
        assert_eq!(set_in(text, r#"["a"]"#, &Node::map([("z".into(), x())])), "a: # c\n  z: x\ne: 3\n");
        assert_eq!(set_in("a:\n- 1\n- 2\nb: 3\n", r#"["a"]"#, &map()), "a:\n    k: x\n    l:\n        - x\nb: 3\n");
        assert_eq!(set_in("a:\n  - b: 1\n    c: 2\n  - 3\n", r#"["a"][0]"#, &x()), "a:\n  - \"x\"\n  - 3\n");
        assert_eq!(set_in("a:\n  - b: 1\n    c: 2\n", r#"["a"][0]"#, &map()), "a:\n  - k: x\n    l:\n        - x\n");
        assert_eq!(set_in("a:\n  b: 1\n", r#"["a"]"#, &Node::seq([])), "a: []\n");
        assert_eq!(set_in("a: {b: 1}\n", r#"["a"]"#, &x()), "a: x\n");
        assert_eq!(set_in("a: &n\n  b: 1\nc: 1\n", r#"["a"]"#, &x()), "a: &n x\nc: 1\n");
    }

    #[test]
    fn what_is_missing_is_made() {
        let text = "a:\n  b: 1 # c\n\n# tail\nd:\n- e\n\n";
        assert_eq!(set_in(text, r#"["a"]["w"]"#, &x()), text.replace("# c\n", "# c\n  w: x\n"));
        assert_eq!(set_in(text, r#"["a"]["w"]["m"]"#, &x()), text.replace("# c\n", "# c\n  w:\n    m: x\n"));
        assert_eq!(set_in(text, r#"["d"][7]"#, &x()), text.replace("- e\n", "- e\n- x\n"));
        assert_eq!(set_in(text, r#"["d"][7]["m"]["o"]"#, &x()), text.replace("- e\n", "- e\n- m:\n    o: x\n"));
        assert_eq!(set_in(text, r#"["w"][0]"#, &x()), text.replace("- e\n", "- e\nw:\n  - x\n"));
        assert_eq!(set_in(text, r#"["a"]["b"]["m"]"#, &x()), text.replace("b: 1 # c\n", "b: # c\n    m: x\n"));
        assert_eq!(set_in("a: 1", r#"["1"]"#, &x()), "a: 1\n\"1\": x");
        assert_eq!(set_in("a: |\n  b", r#"["c"]"#, &x()), "a: |-\n  b\nc: x");
        assert_eq!(set_in("a: |\n  b\n\n", r#"["c"]"#, &x()), "a: |\n  b\nc: x\n\n");
        assert_eq!(set_in("a: |+\n  b\n\n", r#"["c"]"#, &x()), "a: |+\n  b\n\nc: x\n");
        assert_eq!(set_in("", r#"["a"]["b"]"#, &x()), "a:\n    b: x\n");
        assert_eq!(set_in("# c\n---\n...\n", r#"["a"]"#, &x()), "# c\n---\na: x\n...\n");
        assert_eq!(set_in("--- ~\n", r#"["a"]"#, &x()).replace('"', ""), "--- {a: x}\n");
        assert_eq!(set_in("a: {}\nb: []\n", r#"["a"]["k"]"#, &x()), "a:\n    k: x\nb: []\n");
        assert_eq!(set_in("a: {}\nb: []\n", r#"["b"][0]"#, &x()), "a: {}\nb:\n    - x\n");
    }

    #[test]
    fn flow_collections_grow_in_their_layout() {
        for (text, edited) in [
            ("a: {b: 1}\n", "a: {b: 1, w: x}\n"),
            ("a: {b: 1,}\n", "a: {b: 1, w: x,}\n"),
            ("a: {b: [{}]}\n", "a: {b: [{}], w: x}\n"),
            ("a: {\n  b: 1,\n  c: 2\n}\n", "a: {\n  b: 1,\n  c: 2,\n  w: x\n}\n"),
            ("a: {\n  b: 1, # c\n}\n", "a: {\n  b: 1, # c\n  w: x,\n}\n"),
            ("a: {\n  b: 1 # c\n}\n", "a: {\n  b: 1, # c\n  w: x\n}\n"),
            ("a: { # c\n}\n", "a: {w: x # c\n}\n"),
        ] {
            assert_eq!(set_in(text, r#"["a"]["w"]"#, &x()).replace('"', ""), edited);
        }
        assert_eq!(set_in("a: [b: 1]\n", r#"["a"][0]["w"]"#, &x()).replace('"', ""), "a: [{b: 1, w: x}]\n");
        assert_eq!(set_in("a: [1, [2]]\n", r#"["a"][1][9]"#, &x()), "a: [1, [2, \"x\"]]\n");
        assert_eq!(set_in("{}", r#"["a"]"#, &x()).replace('"', ""), "{a: x}");
    }

    #[test]
    fn new_entries_come_before_the_metadata() {
        assert_eq!(set_in("a: 1\nsops:\n  mac: m\n", r#"["b"]"#, &x()), "a: 1\nb: x\nsops:\n  mac: m\n");
        assert_eq!(set_in("sops:\n  mac: m\n", r#"["b"]"#, &x()), "b: x\nsops:\n  mac: m\n");
        assert_eq!(set_in("{a: 1, sops: {mac: m}}", r#"["b"]"#, &x()), "{a: 1, \"b\": \"x\", sops: {mac: m}}");
        assert_eq!(set_in("{sops: {mac: m}}", r#"["b"]"#, &x()), "{\"b\": \"x\", sops: {mac: m}}");
        assert_eq!(unset_in("a: 1\nsops:\n  mac: m\n", r#"["a"]"#), "sops:\n  mac: m\n");
        let document = read("a: 1\nsops: {}\n");
        assert_eq!(set(&document, &parse_steps(r#"["sops"]["mac"]"#).unwrap(), &x(), 4), Err(EditError::ReservedKey));
    }

    #[test]
    fn comment_items_stand_between_the_items() {
        let comment = "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:comment]";
        let text = format!("l:\n    - {comment}\n    - 1\n    - {comment}\n    - 2\n    - {comment}\n");
        let document = read(&text);
        let apply = |edits: Result<Vec<Splice>, EditError>| splice(&text, &edits.unwrap()).unwrap();
        let steps = |path: &str| parse_steps(path).unwrap();
        assert_eq!(apply(set(&document, &steps(r#"["l"][1]"#), &x(), 4)), text.replace("- 2", "- x"));
        assert_eq!(apply(set(&document, &steps(r#"["l"][2]"#), &x(), 4)), format!("{text}    - x\n"));
        assert_eq!(apply(unset(&document, &steps(r#"["l"][0]"#))), text.replace("    - 1\n", ""));
        let only = format!("l:\n  - {comment}\n  - 1\nm: 2\n");
        let edits = unset(&read(&only), &steps(r#"["l"][0]"#)).unwrap();
        assert_eq!(splice(&only, &edits).unwrap(), format!("l:\n  - {comment}\nm: 2\n"));
    }

    #[test]
    fn an_entry_goes_with_its_own_lines() {
        let text = "# one\na: 1 # c\n# two\nb:\n  c: |\n    x\n\n  # of c\n  d: 2\n  # of b\n\ne: 3\n";
        assert_eq!(unset_in(text, r#"["a"]"#), text.replace("a: 1 # c\n", ""));
        assert_eq!(unset_in(text, r#"["b"]["c"]"#), text.replace("  c: |\n    x\n", ""));
        assert_eq!(unset_in(text, r#"["b"]"#), "# one\na: 1 # c\n# two\n\ne: 3\n");
        assert_eq!(unset_in(text, r#"["e"]"#), text.replace("e: 3\n", ""));
        assert_eq!(unset_in("a: 1\nb: 2", r#"["b"]"#), "a: 1");
        assert_eq!(unset_in("a:\n- b: 1\n\n  # of c\n  c: 2\n- d\n", r#"["a"][0]["b"]"#), "a:\n- # of c\n  c: 2\n- d\n");
        assert_eq!(unset_in("a:\n- b\n- - c\n  - d\n", r#"["a"][1][0]"#), "a:\n- b\n- - d\n");
        assert_eq!(unset_in("a:\n- b\n- - c\n  - d\n", r#"["a"][0]"#), "a:\n- - c\n  - d\n");
        assert_eq!(unset_in("? a\n: 1\n? b\n: 2\n", r#"["a"]"#), "? b\n: 2\n");
    }

    #[test]
    fn the_last_entry_leaves_an_empty_container() {
        assert_eq!(unset_in("a: # c\n  b: 1\nd: 2\n", r#"["a"]["b"]"#), "a: {} # c\nd: 2\n");
        assert_eq!(unset_in("a:\n- 1\n", r#"["a"][0]"#), "a: []\n");
        assert_eq!(unset_in("a:\n- b: 1\n", r#"["a"][0]["b"]"#), "a:\n- {}\n");
        assert_eq!(unset_in("a:\n- - 1\n", r#"["a"][0][0]"#), "a:\n- []\n");
        assert_eq!(unset_in("a: 1\n", r#"["a"]"#), "{}\n");
        assert_eq!(unset_in("a: [b: 1]\n", r#"["a"][0]["b"]"#), "a: [{}]\n");
        assert_eq!(unset_in("a: &n\n  b: 1\n", r#"["a"]["b"]"#), "a: &n {}\n");
    }

    #[test]
    fn flow_collections_shrink() {
        for (text, path, edited) in [
            ("a: {b: 1, c: 2, d: 3}", r#"["a"]["b"]"#, "a: {c: 2, d: 3}"),
            ("a: {b: 1, c: 2, d: 3}", r#"["a"]["c"]"#, "a: {b: 1, d: 3}"),
            ("a: {b: 1, c: 2, d: 3}", r#"["a"]["d"]"#, "a: {b: 1, c: 2}"),
            ("a: {b: 1, c: 2,}", r#"["a"]["c"]"#, "a: {b: 1, }"),
            ("a: [1, 2]", r#"["a"][0]"#, "a: [2]"),
            ("a: [1]", r#"["a"][0]"#, "a: []"),
            ("a: [1,]", r#"["a"][0]"#, "a: []"),
            ("a: {\n  b: 1, # of b\n  c: 2\n}", r#"["a"]["b"]"#, "a: {\n  c: 2\n}"),
            ("a: {\n  b: 1,\n  c: 2\n}", r#"["a"]["c"]"#, "a: {\n  b: 1\n}"),
        ] {
            assert_eq!(unset_in(text, path), edited);
        }
    }

    #[test]
    fn aliases_on_the_way_are_expanded_at_their_place() {
        let text = "a: &n {b: 1, c: [2]}\nd: *n\ne: *n # c\n";
        assert_eq!(set_in(text, r#"["d"]"#, &x()), text.replacen("*n", "x", 1));
        assert_eq!(set_in(text, r#"["e"]["b"]"#, &x()), "a: &n {b: 1, c: [2]}\nd: *n\ne: {\"b\": \"x\", \"c\": [2]} # c\n");
        assert_eq!(unset_in(text, r#"["d"]["c"][0]"#), text.replacen("*n", "{\"b\": 1, \"c\": []}", 1));
        assert_eq!(unset_in(text, r#"["d"]"#), text.replace("d: *n\n", ""));
        // The aliases of a value that changes follow it.
        let edits = set(&read("a: &n 1\nb: *n\n"), &parse_steps(r#"["a"]"#).unwrap(), &x(), 4).unwrap();
        assert_eq!(splice("a: &n 1\nb: *n\n", &edits).unwrap(), "a: &n x\nb: *n\n");
    }

    #[test]
    fn anchors_that_are_named_elsewhere_do_not_go() {
        for (text, path) in [
            ("a: &n 1\nb: *n\n", r#"["a"]"#),
            ("a: {x: &n 1}\nb: *n\n", r#"["a"]"#),
            ("a: &n {x: 1}\nb: *n\n", r#"["a"]"#),
            ("l: [&n 1, 2]\nb: *n\n", r#"["l"][0]"#),
            ("&n a: 1\nb: *n\n", r#"["a"]"#),
        ] {
            let document = read(text);
            assert!(matches!(unset(&document, &parse_steps(path).unwrap()), Err(EditError::Anchored(_))), "{text}");
        }
        let inner = read("a: {x: &n 1}\nb: *n\n");
        assert!(matches!(set(&inner, &parse_steps(r#"["a"]"#).unwrap(), &x(), 4), Err(EditError::Anchored(_))));
        // What both ends of go together may go, and so may a part of an anchored value.
        assert_eq!(unset_in("a: {x: &n 1, y: *n}\nb: 2\n", r#"["a"]"#), "b: 2\n");
        let part = "a: &n {x: 1, y: 2}\nb: *n\n";
        let edits = unset(&read(part), &parse_steps(r#"["a"]["x"]"#).unwrap()).unwrap();
        assert_eq!(splice(part, &edits).unwrap(), "a: &n {y: 2}\nb: *n\n");
    }

    #[test]
    fn paths_that_lead_nowhere_say_where_they_end() {
        let document = read("a:\n  l: [1]\n");
        let unset_error = |path: &str| unset(&document, &parse_steps(path).unwrap()).unwrap_err();
        assert_eq!(unset_error(r#"["a"]["x"]["y"]"#).to_string(), r#"key not found: ["a"]["x"]"#);
        assert_eq!(unset_error(r#"["a"]["l"][1]"#).to_string(), r#"index out of bounds: ["a"]["l"][1]"#);
        assert_eq!(unset_error(r#"["a"]["l"][0]["z"]"#), EditError::NotAContainer(String::from(r#"["a"]["l"][0]["z"]"#)));
        assert_eq!(unset_error("[0]"), EditError::IndexOnMapping(String::from("[0]")));
        assert_eq!(unset_error(r#"["a"]["l"]["k"]"#), EditError::KeyOnList(String::from(r#"["a"]["l"]["k"]"#)));
        assert_eq!(unset_error(""), EditError::EmptyPath);
    }

    /// Documents in many layouts, as lines of nested text.
    fn document() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            "[a-c]{1,3}",
            "[0-9]",
            "'[a-c ]{0,3}'",
            "\"[a-c ]{0,3}\"",
            Just(String::new()),
            Just(String::from("{}")),
            Just(String::from("[]")),
            Just(String::from("!!str 1")),
            Just(String::from("[1, {x: y, z}, ]")),
            Just(String::from("{\n      p: 1, # c\n      q: [2]\n    }")),
        ];
        let leaf = (scalar, prop_oneof![Just(""), Just(" # line")]).prop_map(|(text, comment)| Shape::Inline(text, comment));
        let shape = leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec((inner.clone(), 0..6u8), 1..4).prop_map(Shape::Map),
                prop::collection::vec((inner, 0..6u8), 1..4).prop_map(Shape::Seq),
                "[a-c]{1,3}".prop_map(Shape::Literal),
            ]
        });
        (prop::collection::vec((shape, 0..6u8), 1..4), 2..5usize, any::<bool>(), any::<bool>()).prop_map(
            |(entries, step, metadata, ends)| {
                let mut out = String::new();
                write(&Shape::Map(entries), 0, step, &mut out);
                if metadata {
                    out.push_str("sops:\n  mac: m\n");
                }
                if !ends && !out.contains('|') {
                    out.pop();
                }
                out
            },
        )
    }

    #[derive(Clone, Debug)]
    enum Shape {
        Inline(String, &'static str),
        Literal(String),
        Map(Vec<(Shape, u8)>),
        Seq(Vec<(Shape, u8)>),
    }

    /// Writes the entries of a collection from the start of a line.
    fn write(shape: &Shape, column: usize, step: usize, out: &mut String) {
        let (entries, is_map) = match shape {
            Shape::Map(entries) => (entries, true),
            Shape::Seq(entries) => (entries, false),
            Shape::Inline(..) | Shape::Literal(_) => return,
        };
        let blanks = " ".repeat(column);
        for (i, (child, trivia)) in entries.iter().enumerate() {
            match trivia {
                1 => out.push('\n'),
                2 => out.push_str(&format!("{blanks}# above\n")),
                _ => {}
            }
            out.push_str(&blanks);
            out.push_str(&if is_map { format!("k{i}:") } else { "-".into() });
            match child {
                Shape::Inline(text, comment) if text.is_empty() => out.push_str(&format!("{comment}\n")),
                Shape::Inline(text, comment) => out.push_str(&format!(" {text}{comment}\n")),
                Shape::Literal(text) => out.push_str(&format!(" |\n{blanks}      {text}\n\n{blanks}      {text}\n")),
                Shape::Map(_) | Shape::Seq(_) if !is_map && *trivia > 2 => {
                    let mut inner = String::new();
                    write(child, column + 2, step, &mut inner);
                    let inner = inner.trim_start_matches('\n');
                    if inner.trim_start().starts_with('#') {
                        out.push_str(&format!("\n{inner}"));
                    } else {
                        out.push_str(&format!(" {}", &inner[column + 2..]));
                    }
                }
                Shape::Map(_) | Shape::Seq(_) => {
                    out.push_str(if *trivia == 3 { " # line\n" } else { "\n" });
                    let indentless = matches!(child, Shape::Seq(_)) && is_map && *trivia == 4;
                    write(child, if indentless { column } else { column + step }, step, out);
                }
            }
        }
    }

    fn steps_to(document: &Document, mut id: PathId) -> Vec<Step> {
        let mut steps = Vec::new();
        while !document.paths.is_root(id) {
            let node = document.paths.node(id);
            steps.push(match node.segment {
                Segment::Index(n) => Step::Index(n as usize),
                _ => Step::Key(document.paths.key(id, &document.text).unwrap().to_owned()),
            });
            id = node.parent;
        }
        steps.reverse();
        steps
    }

    /// All places that may be edited.
    fn places(document: &Document) -> Vec<PathId> {
        let end = document.metadata.first().map_or(document.paths.len() as u32, |entry| entry.0);
        (1..end).map(PathId).collect()
    }

    /// Whether all of `lines` but those of the edited entry are still there, in order.
    fn keeps_other_lines(before: &str, after: &str, entry: std::ops::Range<usize>) -> bool {
        // An entry may come to share the line of its list item's `-`, and gets a comma before another one.
        let bare = |line: &str| line.trim_start_matches([' ', '-']).trim_end_matches(['\n', ',']).to_owned();
        let mut rest = after.lines();
        let mut offset = 0;
        before.split_inclusive('\n').all(|line| {
            let start = offset;
            offset += line.len();
            let touched = start < entry.end + 1 && entry.start < offset;
            touched || line.trim().is_empty() || rest.any(|other| bare(other) == bare(line))
        })
    }

    fn values() -> Vec<Node> {
        let text = |text: &str| Node::str(text);
        let many = Node::map([
            ("a b".into(), Node::seq([text("x"), Node::map([("y".into(), text("l1\nl2\n"))]), Node::seq([Node::seq([])])])),
            ("1".into(), Node::map([])),
        ]);
        let int = Node::scalar(Value::int(5));
        vec![
            text("x"),
            text("# no: comment"),
            text(""),
            text("l1\nl2"),
            int,
            Node::scalar(Value::NULL),
            many,
            Node::seq([text("z")]),
            Node::map([]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn set_gives_the_tree_and_leaves_other_lines(text in document(), pick in any::<prop::sample::Index>(), value in prop::sample::select(values()), extra in 0..4u8) {
            let document = read(&text);
            let places = places(&document);
            let id = places[pick.index(places.len())];
            let mut steps = steps_to(&document, id);
            match extra {
                1 => steps.push(Step::Key("new".into())),
                2 => steps.push(Step::Index(9)),
                3 => *steps.last_mut().unwrap() = Step::Key("new".into()),
                _ => {}
            }
            let mut expected = tree(&document);
            let Ok(edits) = set(&document, &steps, &value, 4) else {
                prop_assert!(expand::set_in(&mut expected, &steps, 0, &value).is_err());
                return Ok(());
            };
            expand::set_in(&mut expected, &steps, 0, &value).unwrap();
            let edited = splice(&text, &edits).unwrap();
            let after = read(&edited);
            prop_assert_eq!(flat(&tree(&after)), flat(&expected), "{:?}\n{}\nbecame\n{}", steps, text, edited);
            prop_assert_eq!(after.metadata.len(), document.metadata.len());
            let entry = document.paths.node(id).entry.range();
            prop_assert!(keeps_other_lines(&text, &edited, entry), "{:?}\n{}\nbecame\n{}", steps, text, edited);
        }

        #[test]
        fn unset_gives_the_tree_and_leaves_other_lines(text in document(), pick in any::<prop::sample::Index>()) {
            let document = read(&text);
            let places = places(&document);
            let id = places[pick.index(places.len())];
            let steps = steps_to(&document, id);
            let mut expected = tree(&document);
            expand::unset_in(&mut expected, &steps, 0).unwrap();
            let edited = splice(&text, &unset(&document, &steps).unwrap()).unwrap();
            let after = read(&edited);
            prop_assert_eq!(flat(&tree(&after)), flat(&expected), "{:?}\n{}\nbecame\n{}", steps, text, edited);
            let parent = document.paths.node(document.paths.node(id).parent).entry.range();
            let only = document.children(document.paths.node(id).parent).count() == 1;
            let entry = if only { parent } else { document.paths.node(id).entry.range() };
            prop_assert!(keeps_other_lines(&text, &edited, entry), "{:?}\n{}\nbecame\n{}", steps, text, edited);
        }
    }
}
