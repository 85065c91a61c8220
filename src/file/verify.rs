//! Compares a text that was just written, read again, with what it was meant to say (design: "scan again: same paths,
//! intended values, else error").

use rayon::prelude::*;

use super::seal::PARALLEL_FROM;
use crate::document::{Document, Leaf, LeafKind, PathId, Segment};

/// Walks the leaves of two documents side by side and checks that they stand at the same places of the same tree.
///
/// Comments are left out (they are compared by the caller, where they matter: they are no values).
struct SameTree<'a> {
    left: &'a Document,
    right: &'a Document,
    /// For each path node of the left document its counterpart.
    map: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl<'a> SameTree<'a> {
    /// Of two documents.
    fn new(left: &'a Document, right: &'a Document) -> Self {
        Self { left, right, map: vec![UNKNOWN; left.paths.len()] }
    }

    /// What both know, if they agree: parts of the same documents were compared apart from each other.
    fn joined(mut self, other: &Self) -> Option<Self> {
        for (known, also) in self.map.iter_mut().zip(&other.map) {
            if *known == UNKNOWN {
                *known = *also;
            } else if *also != UNKNOWN && known != also {
                return None;
            }
        }
        Some(self)
    }

    /// Whether two path nodes are the same place: same steps from the same document.
    fn same(&mut self, left: PathId, right: PathId) -> bool {
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

/// Pairs the leaves of two documents that stand at the same places of the same tree, comments in the order of the text; `None`
/// where the trees differ.
pub(crate) fn pair(left: &Document, right: &Document, comments_have_places: bool) -> Option<Vec<(u32, u32)>> {
    let (mut pairs, mut tree) = pair_leaves(left, right)?;
    let (ls, rs) = (comments_of(left), comments_of(right));
    if ls.len() != rs.len() {
        return None;
    }
    for (i, j) in ls.into_iter().zip(rs) {
        let (l, r) = (&left.leaves[i], &right.leaves[j]);
        if comments_have_places && !(l.kind == r.kind && tree.same(l.path, r.path)) {
            return None;
        }
        pairs.push((i as u32, j as u32));
    }
    Some(pairs)
}

/// As [`pair`], without the comments.
pub(crate) fn pair_values(left: &Document, right: &Document) -> Option<Vec<(u32, u32)>> {
    pair_leaves(left, right).map(|(pairs, _)| pairs)
}

fn pair_leaves<'a>(left: &'a Document, right: &'a Document) -> Option<(Vec<(u32, u32)>, SameTree<'a>)> {
    let mut rs = values_of(right);
    let mut pairs = Vec::with_capacity(left.leaves.len());
    for i in values_of(left) {
        pairs.push((i as u32, rs.next()? as u32));
    }
    if rs.next().is_some() {
        return None;
    }
    let same = |pairs: &[(u32, u32)]| {
        let mut tree = SameTree::new(left, right);
        let mut leaves = pairs.iter().map(|&(i, j)| (&left.leaves[i as usize], &right.leaves[j as usize]));
        leaves.all(|(l, r)| l.kind == r.kind && tree.same(l.path, r.path)).then_some(tree)
    };
    let tree = if pairs.len() < PARALLEL_FROM {
        same(&pairs)?
    } else {
        let shares = pairs.par_chunks(pairs.len().div_ceil(rayon::current_num_threads().max(1)));
        let trees: Vec<Option<SameTree<'_>>> = shares.map(same).collect();
        trees.into_iter().reduce(|whole, part| whole?.joined(&part?))??
    };
    Some((pairs, tree))
}

/// Whether a check holds for every pair; on all cores where there are many.
pub(crate) fn all<E: Send>(pairs: &[(u32, u32)], check: impl Fn(usize, usize) -> Result<bool, E> + Sync) -> Result<bool, E> {
    let check_chunk = |chunk: &[(u32, u32)]| -> Result<bool, E> {
        for &(i, j) in chunk {
            if !check(i as usize, j as usize)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    if pairs.len() < PARALLEL_FROM {
        return check_chunk(pairs);
    }
    let results: Vec<Result<bool, E>> = pairs.par_chunks(PARALLEL_FROM).map(check_chunk).collect();
    results.into_iter().try_fold(true, |so_far, result| Ok(so_far && result?))
}

/// The indexes of the leaves that take part in comparing two documents: no metadata, no comments, and not the emptiness of the
/// top level, which metadata ends.
fn values_of(doc: &Document) -> impl Iterator<Item = usize> + '_ {
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
