//! How a value takes the place of another in a YAML text: on one line or in lines, each for the other.

use super::edit::Edit;
use super::emit::{EmitLayout, emit, emit_flow};
use super::header::{Header, Properties};
use super::place::place_for;
use super::site::{column, head, is_flow, is_in_flow, line_end, next_line, skip_blanks, trim_blanks_before};
use super::spell::{context, spell};
use crate::document::edit::EditError;
use crate::document::node::{Node, Tree};
use crate::document::{Leaf, LeafKind, NodeKind, PathId, Splice};

/// The value that gives way.
pub(super) struct Old {
    /// The end of what stays before it: key and `:`, or `-`, and the anchor.
    pub(super) base: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    /// What its key lacks.
    pub(super) colon: String,
}

impl Edit<'_> {
    /// Puts a value in the place of another.
    pub(super) fn replace(&self, id: PathId, value: &Node) -> Result<Vec<Splice>, EditError> {
        self.keeps_anchors(id, true)?;
        let node = self.document.paths.node(id);
        let leaf = self.document.leaves.iter().find(|l| l.path == id && l.kind == LeafKind::Scalar && !l.has(Leaf::COPY));
        if let (Some(leaf), Tree::Scalar(value)) = (leaf, &value.kind)
            && !leaf.span.is_empty()
        {
            let context = context(self.text, &self.document.paths, leaf);
            let mut spelling = String::new();
            spell(value, &context, &mut spelling);
            return Ok(place_for(self.text, leaf, &context, value).splices(spelling));
        }
        let (start, end) = (node.value.start as usize, node.value.end as usize);
        let head = head(self.document, id);
        let properties = Properties::read(self.text, head.end, start);
        let same_kind = match &value.kind {
            Tree::Scalar(_) => false,
            Tree::Map(_) => matches!(node.kind, NodeKind::BlockMap | NodeKind::FlowMap),
            Tree::Seq(_) => matches!(node.kind, NodeKind::BlockSeq | NodeKind::FlowSeq),
        };
        let mut edits = Vec::new();
        let mut base = properties.anchor.map_or(head.end, |anchor| anchor.end);
        if let Some(tag) = properties.tag {
            base = base.max(tag.end);
            if !same_kind {
                // With the blanks before it, or those after it for the first thing in a flow collection.
                let before = trim_blanks_before(self.text, tag.start);
                let after = if before == tag.start { skip_blanks(self.text, tag.end).min(start) } else { tag.end };
                edits.push(Splice::new(before, after, ""));
            }
        }
        let is_lines = matches!(node.kind, NodeKind::BlockMap | NodeKind::BlockSeq) && !node.copy;
        // The comment behind the last entry of a block collection is inside it.
        let end = if is_lines { line_end(self.text, end) } else { end };
        let in_flow = is_in_flow(self.document, id);
        let colon = match head.wants_colon {
            false => String::new(),
            true if in_flow => ":".to_owned(),
            // An explicit key (`? key`) has its `:` on a line of its own.
            true => format!("{}{}:", self.newline, " ".repeat(self.entry_column(id))),
        };
        let old = Old { base, start, end, colon };
        let stays_flow = is_flow(node.kind) && !self.is_empty(id);
        let is_block = !is_empty(value) && !matches!(value.kind, Tree::Scalar(_)) && !in_flow && !stays_flow;
        let block_scalar = leaf.and_then(|leaf| Header::read(self.text, leaf));
        match (is_block, is_lines, block_scalar) {
            (true, true, _) => edits.extend(self.block_for_block(id, &old, value)),
            (true, _, Some(header)) => edits.extend(self.block_for_lines(id, &old, &header, value)),
            (true, _, None) => edits.extend(self.block_for_inline(id, &old, value)),
            (false, true, _) => edits.extend(self.inline_for_block(id, &old, value)),
            (false, _, Some(header)) => {
                edits.push(Splice::new(start, header.indicators, emit_flow(value)));
                edits.push(Splice::new(header.line, end, ""));
            }
            (false, _, None) => edits.push(self.inline_for_inline(id, &old, value, in_flow)),
        }
        if is_lines {
            self.remove_comments_below(id, &mut edits);
        }
        Ok(edits)
    }

    /// A value on one line in the place of another.
    fn inline_for_inline(&self, id: PathId, old: &Old, value: &Node, in_flow: bool) -> Splice {
        let text = if in_flow || !self.can_have_lines(id, old.end) { emit_flow(value) } else { self.beside_key(id, value) };
        let colon = &old.colon;
        let is_item = old.start == self.document.paths.node(id).entry.start as usize;
        let needs_blank = !colon.is_empty() || !is_item && !self.text[..old.start].ends_with([' ', '\t', '\n', '\r']);
        let blank = if needs_blank { " " } else { "" };
        Splice::new(old.start, old.end, format!("{colon}{blank}{text}"))
    }

    /// A value that stands beside its key in the place of a block collection.
    fn inline_for_block(&self, id: PathId, old: &Old, value: &Node) -> Vec<Splice> {
        if self.is_on_line(old) {
            return vec![Splice::new(old.start, old.end, emit_flow(value))];
        }
        let line = line_end(self.text, old.base);
        let has_rest = line != skip_blanks(self.text, old.base);
        let text = if has_rest || !self.can_have_lines(id, old.end) { emit_flow(value) } else { self.beside_key(id, value) };
        vec![Splice::insert(old.base, format!(" {text}")), Splice::new(line, old.end, "")]
    }

    /// A block collection in the place of another.
    fn block_for_block(&self, id: PathId, old: &Old, value: &Node) -> Vec<Splice> {
        if self.is_on_line(old) {
            return vec![Splice::new(old.start, old.end, self.block(id, value, column(self.text, old.start)))];
        }
        let entry = self.entry_column(id);
        let column = match column(self.text, old.start) {
            column if column > entry || column == entry && matches!(value.kind, Tree::Seq(_)) => column,
            _ => entry + self.indent_near(id),
        };
        vec![Splice::new(line_end(self.text, old.base), old.end, self.block_below(id, value, column))]
    }

    /// A block collection in the place of a block scalar.
    fn block_for_lines(&self, id: PathId, old: &Old, header: &Header, value: &Node) -> Vec<Splice> {
        let below = self.block_below(id, value, self.entry_column(id) + self.indent_near(id));
        let start = trim_blanks_before(self.text, old.start).max(old.base);
        let at = self.below_deep_comments(id, old.end);
        let gone = Splice::new(header.line, old.end, "");
        vec![Splice::new(start, header.indicators, ""), gone, Splice::insert(at, below)]
    }

    /// A block collection in the place of a value on one line.
    fn block_for_inline(&self, id: PathId, old: &Old, value: &Node) -> Vec<Splice> {
        let is_item = !self.has_key(id);
        let start = trim_blanks_before(self.text, old.start).max(old.base);
        let entry = self.entry_column(id);
        if is_item
            && self.can_have_lines(id, old.end)
            && self.is_on_line(old)
            && old.base == self.document.paths.node(id).entry.start as usize + 1
        {
            return vec![Splice::new(start, old.end, format!(" {}", self.block(id, value, entry + 2)))];
        }
        let step = if is_item { 2 } else { self.indent_near(id) };
        let below = self.block_below(id, value, entry + step);
        vec![Splice::new(start, old.end, old.colon.as_str()), Splice::insert(self.below_deep_comments(id, old.end), below)]
    }

    /// Whether a block scalar may end where an inline value ended: nothing follows on the line, and no comment below that would
    /// become part of it.
    fn can_have_lines(&self, id: PathId, end: usize) -> bool {
        let line = line_end(self.text, end);
        skip_blanks(self.text, end) == line && self.below_deep_comments(id, end) == line
    }

    /// The end of the line of `end` and of the comment lines below it that are indented deeper than the entry: they would become
    /// part of a block scalar that is put before them.
    fn below_deep_comments(&self, id: PathId, end: usize) -> usize {
        self.below_comments_beyond(self.entry_column(id), end)
    }

    pub(super) fn below_comments_beyond(&self, deepest: usize, end: usize) -> usize {
        let mut at = line_end(self.text, end);
        let mut next = at;
        while next < self.text.len() {
            next = next_line(self.text, next);
            let start = skip_blanks(self.text, next);
            let is_comment = self.text.as_bytes().get(start) == Some(&b'#');
            let line = line_end(self.text, next);
            if is_comment && start - next > deepest {
                at = line;
            } else if is_comment || start != line || line == self.text.len() {
                break;
            }
            next = line;
        }
        at
    }

    /// What follows a key or a `-` on its line.
    fn beside_key(&self, id: PathId, value: &Node) -> String {
        if !matches!(value.kind, Tree::Scalar(_)) {
            return emit_flow(value);
        }
        let layout = EmitLayout { indent: self.indent_near(id), start_column: self.entry_column(id), newline: self.newline };
        self.without_break(emit(value, &layout))
    }

    /// Lines of a collection, the first one without its indentation.
    pub(super) fn block(&self, near: PathId, value: &Node, column: usize) -> String {
        let layout = EmitLayout { indent: self.indent_near(near), start_column: column, newline: self.newline };
        self.without_break(emit(value, &layout))
    }

    /// Lines of a collection that follow another line.
    fn block_below(&self, near: PathId, value: &Node, column: usize) -> String {
        format!("{}{}{}", self.newline, " ".repeat(column), self.block(near, value, column))
    }

    fn without_break(&self, mut text: String) -> String {
        text.truncate(text.len() - self.newline.len());
        text
    }
}

fn is_empty(value: &Node) -> bool {
    match &value.kind {
        Tree::Scalar(_) => false,
        Tree::Map(entries) => entries.is_empty(),
        Tree::Seq(items) => items.is_empty(),
    }
}
