//! Aliases while a document is read: each stands for copies of the leaves that its anchor names, under its own path.

use std::ops::Range;

use super::anchors::{Container, Target};
use super::event::Event;
use super::leaves::{Composer, name};
use crate::document::{Alias, Leaf, NodeKind, ParseError, PathId, Span};

/// Nodes that aliases may add, whatever the size of the file: what go-yaml allows for small files.
const FREE_COPIES: usize = 400_000;

impl Composer<'_> {
    /// A node that repeats another one.
    pub(super) fn alias(&mut self, event: &Event) -> Result<(), ParseError> {
        let target = match self.anchors.get(name(self.text, event.span)) {
            None => return Err(self.error(event.span.start, "an alias names an anchor that is not defined before it")),
            Some(Target::Open) => {
                return Err(self.error(event.span.start, "an alias stands inside the anchor that it names, which would never end"));
            }
            Some(target) => target.clone(),
        };
        if self.expects_key() {
            return self.alias_key(event, &target);
        }
        let Some(frame) = self.frames.last() else {
            return Err(self.top_level(event.span.start, "an alias"));
        };
        let kind = match &target {
            Target::Container(container) => self.paths.node(container.root()).kind,
            _ => NodeKind::Scalar,
        };
        let merges = frame.merges || matches!(frame.entry, Some((_, true)));
        if merges && self.is_checked() && !matches!(kind, NodeKind::BlockMap | NodeKind::FlowMap) {
            return Err(self.wants_maps(event.span.start));
        }
        let in_flow = frame.is_flow();
        let path = self.place(event, kind);
        self.paths.node_mut(path).copy = true;
        let first = self.leaves.len() as u32;
        match target {
            Target::Container(container) => self.copy(&container, path, event.span, in_flow)?,
            Target::Scalar(leaf) => {
                self.count_copies(1, event.span.start)?;
                self.aliases.push(Alias { span: event.span, path, leaves: first..first + 1, nested: false, in_flow });
                self.leaves.push(Leaf { path, flags: leaf.flags & Leaf::IN_FLOW | Leaf::COPY | self.flags, ..leaf });
            }
            Target::Open => {}
        }
        self.complete();
        Ok(())
    }

    /// Copies a container's places and leaves for an alias at `path`.
    fn copy(&mut self, original: &Container, path: PathId, span: Span, in_flow: bool) -> Result<(), ParseError> {
        self.count_copies(original.size(), span.start)?;
        // The place of the copy itself is there already, as the last one.
        let shift = path.0 - original.paths.start;
        let end = self.paths.len() as u32;
        if path.0 + 1 != end {
            return Err(self.error(span.start, "an alias is out of order"));
        }
        for at in original.paths.start + 1..original.paths.end {
            let mut node = *self.paths.node(PathId(at));
            node.parent.0 += shift;
            node.copy = true;
            self.paths.push(node);
        }
        let first = self.leaves.len() as u32;
        let leaf_shift = first - original.leaves.start;
        let metadata = self.flags;
        let change = move |leaf: &mut Leaf| {
            leaf.path.0 += shift;
            leaf.flags = leaf.flags & !Leaf::METADATA | Leaf::COPY | metadata;
        };
        let start = original.leaves.start as usize;
        self.leaves.extend_from_within(start..original.leaves.end as usize);
        self.leaves[first as usize..].iter_mut().for_each(change);
        let index = self.aliases.len() as u32;
        self.late.copy(original.late.clone(), leaf_shift, index, original.aliases.clone(), change);
        self.aliases.push(Alias { span, path, leaves: first..self.leaves.len() as u32, nested: false, in_flow });
        for at in original.aliases.clone() {
            let Alias { span, path, leaves, in_flow, .. } = self.aliases[at as usize].clone();
            self.aliases.push(Alias {
                span,
                path: PathId(path.0 + shift),
                leaves: shifted(leaves, leaf_shift),
                nested: true,
                in_flow,
            });
        }
        Ok(())
    }

    /// Bounds what aliases add: a file cannot make more of itself than go-yaml allows.
    fn count_copies(&mut self, count: usize, offset: u32) -> Result<(), ParseError> {
        self.copies += count;
        let own = (self.paths.len() + self.leaves.len()).saturating_sub(self.copies);
        if self.copies > FREE_COPIES.max(own) {
            return Err(self.error(offset, "the aliases of the file repeat too much of it"));
        }
        Ok(())
    }
}

fn shifted(range: Range<u32>, by: u32) -> Range<u32> {
    range.start + by..range.end + by
}
