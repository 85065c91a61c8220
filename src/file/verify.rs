//! Compares a text that was just written, read again, with what it was meant to say (design: "scan again: same paths,
//! intended values, else error").

use std::borrow::Cow;

use crate::document::{Document, Leaf, LeafKind, PathId, Segment};
use crate::value::{Value, ValueType};

/// Walks the leaves of two documents side by side and checks that they stand at the same places of the same tree.
///
/// Comments are left out (they are compared by the caller, where they matter: they are no values).
pub(crate) struct SameTree<'a> {
    left: &'a Document,
    right: &'a Document,
    /// For each path node of the left document its counterpart.
    map: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl<'a> SameTree<'a> {
    /// Of two documents.
    pub(crate) fn new(left: &'a Document, right: &'a Document) -> Self {
        Self { left, right, map: vec![UNKNOWN; left.paths.len()] }
    }

    /// Whether two path nodes are the same place: same steps from the same document.
    pub(crate) fn same(&mut self, left: PathId, right: PathId) -> bool {
        let (mut l, mut r) = (left, right);
        loop {
            let known = &mut self.map[l.0 as usize];
            if *known != UNKNOWN {
                return *known == r.0;
            }
            *known = r.0;
            let (a, b) = (self.left.paths.node(l), self.right.paths.node(r));
            let same = match (a.segment, b.segment) {
                (Segment::Document(m), Segment::Document(n)) => return m == n,
                (Segment::Index(m), Segment::Index(n)) => m == n,
                (Segment::Index(_) | Segment::Document(_), _) | (_, Segment::Index(_) | Segment::Document(_)) => false,
                _ => self.left.paths.key(l, &self.left.text) == self.right.paths.key(r, &self.right.text),
            };
            if !same {
                return false;
            }
            (l, r) = (a.parent, b.parent);
        }
    }
}

/// The indexes of the leaves that take part in comparing two documents: no metadata, no comments, and not the emptiness of the
/// top level, which metadata ends.
pub(crate) fn values_of(doc: &Document) -> impl Iterator<Item = usize> + '_ {
    let takes_part = |leaf: &Leaf| {
        let empty_top_level = leaf.kind == LeafKind::EmptyMap && doc.paths.is_root(leaf.path);
        !is_comment(leaf) && !leaf.has(Leaf::METADATA) && !empty_top_level
    };
    doc.leaves.iter().enumerate().filter(move |(_, leaf)| takes_part(leaf)).map(|(i, _)| i)
}

/// The indexes of the comments of a document, in the order of the text, copies and metadata left out.
pub(crate) fn comments_of(doc: &Document) -> Vec<usize> {
    let mut all: Vec<usize> = doc
        .leaves
        .iter()
        .enumerate()
        .filter(|(_, leaf)| is_comment(leaf) && !leaf.has(Leaf::METADATA) && !leaf.has(Leaf::COPY))
        .map(|(i, _)| i)
        .collect();
    all.sort_by_key(|&i| doc.leaves[i].span.start);
    all
}

/// Whether a leaf is a comment of either kind.
pub(crate) fn is_comment(leaf: &Leaf) -> bool {
    matches!(leaf.kind, LeafKind::Comment | LeafKind::CommentItem)
}

/// The text of a comment as a value.
pub(crate) fn comment_value<'a>(doc: &'a Document, leaf: &Leaf) -> Value<'a> {
    match doc.comment_text(leaf) {
        Cow::Borrowed(text) => Value::new(ValueType::Comment, text.as_bytes()),
        Cow::Owned(text) => Value::new(ValueType::Comment, text.into_bytes()),
    }
}
