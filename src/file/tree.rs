//! The opened values as a tree: what goes into an environment, or is written flat.

use super::{PlainError, PlainFile};
use crate::document::convert::{self, ConvertError, ExtractError};
use crate::document::flatten::flatten;
use crate::document::node::Node;
use crate::document::steps::Step;
use crate::document::{Format, Layout, ParseError, PathId, dotenv};
use crate::value::Value;

impl PlainFile {
    /// The values at a place of the first document; no steps is all of it. Comments are in it, metadata is not.
    ///
    /// # Errors
    /// `Extract` when the steps lead nowhere.
    pub fn tree(&self, steps: &[Step]) -> Result<Node, PlainError> {
        let place = self.document.locate(steps).map_err(ExtractError::from)?;
        Ok(self.opened_node(place).map_err(ConvertError::from)?)
    }

    /// The values at a place as one flat mapping: the name of each is the keys and indexes that lead to it, joined by `separator`.
    ///
    /// # Errors
    /// `Extract` when the steps lead nowhere, `Flatten` when two values would have one name, `Convert` when the format cannot hold them.
    pub fn flat(&self, steps: &[Step], separator: &str, to: Format, layout: &Layout) -> Result<Vec<u8>, PlainError> {
        Ok(convert::file(&self.flat_node(steps, separator)?, to, layout)?)
    }

    /// The same as lines for a shell (`export NAME='value'`).
    ///
    /// # Errors
    /// As there; also for names that no shell variable can have.
    pub fn flat_shell(&self, steps: &[Step], separator: &str) -> Result<Vec<u8>, PlainError> {
        Ok(dotenv::posix::emit_exports(&self.flat_node(steps, separator)?)?.into_bytes())
    }

    fn flat_node(&self, steps: &[Step], separator: &str) -> Result<Node, PlainError> {
        let tree = self.tree(steps)?;
        let flat = flatten(&tree, separator)?;
        Ok(Node::map(flat.into_iter().map(|value| (value.name, Node::scalar(value.value.clone())))))
    }

    /// The opened tree at a path node.
    pub(super) fn opened_node(&self, at: PathId) -> Result<Node, ParseError> {
        let doc = &self.document;
        doc.node_with(at, &mut |index, leaf| match self.opened().value(index as usize) {
            Some(value) => Ok(value.into_owned()),
            None => doc.value(leaf).map(Value::into_owned),
        })
    }
}
