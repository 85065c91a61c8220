//! Owns [`Anchors`]: what each anchor names, for the aliases that follow.

use std::collections::HashMap;
use std::ops::Range;

use super::super::{Leaf, PathId};

/// What an anchor stands before.
#[derive(Clone)]
pub(super) enum Target {
    /// A container that is still open: an alias to it would contain itself.
    Open,
    /// A scalar, also one that is a key: a leaf without a path of its own.
    Scalar(Leaf),
    /// A container.
    Container(Container),
}

/// A container that an alias may repeat.
#[derive(Clone)]
pub(super) struct Container {
    /// Its path nodes.
    pub(super) paths: Range<u32>,
    /// Its leaves.
    pub(super) leaves: Range<u32>,
    /// Comments in it that wait for their place.
    pub(super) late: Range<u32>,
    /// Aliases in it.
    pub(super) aliases: Range<u32>,
}

impl Container {
    /// The path node of the container itself.
    pub(super) fn root(&self) -> PathId {
        PathId(self.paths.start)
    }

    /// How many nodes an alias to it makes.
    pub(super) fn size(&self) -> usize {
        self.paths.len() + self.leaves.len() + self.late.len() + self.aliases.len()
    }
}

/// The anchors of a stream. As in go-yaml they hold for all documents that follow, and a later one of the same name wins.
#[derive(Default)]
pub(super) struct Anchors<'t> {
    names: HashMap<&'t str, u32>,
    targets: Vec<Target>,
}

impl<'t> Anchors<'t> {
    /// Adds an anchor. The index is for [`Anchors::complete`].
    pub(super) fn add(&mut self, name: &'t str, target: Target) -> u32 {
        self.targets.push(target);
        let index = self.targets.len() as u32 - 1;
        self.names.insert(name, index);
        index
    }

    /// Says what an open container has become.
    pub(super) fn complete(&mut self, index: u32, container: Container) {
        self.targets[index as usize] = Target::Container(container);
    }

    /// What a name stands for.
    pub(super) fn get(&self, name: &str) -> Option<&Target> {
        self.names.get(name).map(|index| &self.targets[*index as usize])
    }
}
