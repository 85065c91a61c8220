//! Comments on their way from events to leaves: which container each one is a leaf of.

use super::event::{Comment, Slot};
use super::leaves::Composer;
use crate::document::{Leaf, LeafKind, PathId, Style, Tag};

impl Composer<'_> {
    pub(super) fn comment(&self, comment: &Comment, path: PathId) -> Leaf {
        let inline = if comment.inline { Leaf::INLINE } else { 0 };
        Leaf {
            path,
            span: comment.span,
            props: comment.span.start,
            indent: 0,
            kind: LeafKind::Comment,
            style: Style::Plain,
            tag: Tag::None,
            flags: self.flags | inline,
        }
    }

    /// Adds comments to the innermost open container.
    pub(super) fn comments(&mut self, comments: &[Comment]) {
        let path = self.container();
        for comment in comments {
            let leaf = self.comment(comment, path);
            self.leaves.push(leaf);
        }
    }

    /// Adds those comments that come before what the event adds.
    pub(super) fn before(&mut self, comments: &[Comment]) {
        if comments.is_empty() {
            return;
        }
        let path = self.container();
        for comment in comments.iter().filter(|c| c.slot != Slot::First) {
            let leaf = self.comment(comment, path);
            self.leaves.push(leaf);
        }
    }

    pub(super) fn add_late<'c>(&mut self, before: u32, path: PathId, comments: impl Iterator<Item = &'c Comment>) {
        let mut comments = comments.peekable();
        if comments.peek().is_some() {
            let leaves: Vec<Leaf> = comments.map(|comment| self.comment(comment, path)).collect();
            self.late.add(before, leaves);
        }
    }
}
