//! Changes in a tree that is not text yet: what an alias stands for, before it takes the alias's place.

use crate::document::edit::{EditError, nest};
use crate::document::node::{Entry, Item, Node, Tree};
use crate::document::steps::Step;

/// Sets the value at `steps[from..]`; see [`set`](super::edit::set).
pub(super) fn set_in(tree: &mut Node, steps: &[Step], from: usize, value: &Node) -> Result<(), EditError> {
    let mut at = tree;
    for index in from..steps.len() {
        let found = match find(at, steps, index) {
            Err(EditError::NotAContainer(_)) => {
                *at = nest(&steps[index..], value);
                return Ok(());
            }
            found => found?,
        };
        let Some(found) = found else {
            let new = nest(&steps[index + 1..], value);
            match (&mut at.kind, &steps[index]) {
                (Tree::Map(entries), Step::Key(key)) => entries.push(Entry::Pair(key.clone(), 0, new)),
                (Tree::Seq(items), _) => items.push(Item::Node(new)),
                _ => {}
            }
            return Ok(());
        };
        let Some(next) = child(at, found) else { return Ok(()) };
        at = next;
    }
    *at = value.clone();
    Ok(())
}

/// Removes the entry at `steps[from..]`; see [`unset`](super::edit::unset).
pub(super) fn unset_in(tree: &mut Node, steps: &[Step], from: usize) -> Result<(), EditError> {
    let mut at = tree;
    for index in from..steps.len() {
        let found = find(at, steps, index)?.ok_or_else(|| match steps[index] {
            Step::Key(_) => EditError::at(EditError::KeyNotFound, steps, index),
            Step::Index(_) => EditError::at(EditError::OutOfBounds, steps, index),
        })?;
        if index + 1 == steps.len() {
            match &mut at.kind {
                Tree::Map(entries) => drop(entries.remove(found)),
                Tree::Seq(items) => drop(items.remove(found)),
                Tree::Scalar(_) => {}
            }
            return Ok(());
        }
        let Some(next) = child(at, found) else { return Ok(()) };
        at = next;
    }
    Ok(())
}

/// Which entry or item of a node a step leads to; comments count.
fn find(node: &Node, steps: &[Step], index: usize) -> Result<Option<usize>, EditError> {
    match (&node.kind, &steps[index]) {
        (Tree::Scalar(_), _) => Err(EditError::at(EditError::NotAContainer, steps, index)),
        (Tree::Map(entries), Step::Key(key)) => Ok(entries.iter().position(|e| matches!(e, Entry::Pair(k, ..) if k == key))),
        (Tree::Seq(items), Step::Index(n)) => {
            Ok(items.iter().enumerate().filter(|(_, item)| matches!(item, Item::Node(_))).nth(*n).map(|(at, _)| at))
        }
        (Tree::Map(_), Step::Index(_)) => Err(EditError::at(EditError::IndexOnMapping, steps, index)),
        (Tree::Seq(_), Step::Key(_)) => Err(EditError::at(EditError::KeyOnList, steps, index)),
    }
}

fn child(node: &mut Node, at: usize) -> Option<&mut Node> {
    match &mut node.kind {
        Tree::Map(entries) => match entries.get_mut(at) {
            Some(Entry::Pair(_, _, node)) => Some(node),
            _ => None,
        },
        Tree::Seq(items) => match items.get_mut(at) {
            Some(Item::Node(node)) => Some(node),
            _ => None,
        },
        Tree::Scalar(_) => None,
    }
}
