//! Owns [`statements`]: headers and entries of a TOML text in the order of the text, for edits that move whole lines.

use super::super::{Document, PathId, Span};
use super::scan;
use super::tables::Id;

/// A header or an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// `[name]` or `[[name]]`; where its line begins (its span has the comments directly above it, too).
    Header {
        /// Its first bracket.
        at: u32,
    },
    /// `key = value`.
    Entry,
}

/// One of them, by the nodes of the builder.
pub(super) struct Statement {
    pub(super) what: What,
    pub(super) node: Id,
    pub(super) span: Span,
    /// The table of its section.
    pub(super) table: Id,
}

/// One of them, by its place in the document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) what: What,
    /// The table, or the value.
    pub(super) path: PathId,
    /// From its first byte (of a header: of the comments directly above it) to its last.
    pub(super) span: Span,
    /// The table of its section.
    pub(super) table: PathId,
}

/// The headers and entries of a document.
pub(super) fn statements(document: &Document) -> Vec<Line> {
    scan::lines(&document.text).unwrap_or_default()
}
