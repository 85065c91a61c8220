//! Owns [`Event`]: what the parser says, one structural step at a time.

use super::super::{Span, Style};

/// Lines of comments: a range of indexes into the parser's list of comment lines (each a span from `#` to the end of the
/// line, line break excluded).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommentLines {
    /// First index.
    pub start: u32,
    /// One past the last index.
    pub end: u32,
}

/// The comments that go-yaml hangs on the node of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comments {
    /// Above the node.
    pub head: CommentLines,
    /// On its line.
    pub line: CommentLines,
    /// Below it.
    pub foot: CommentLines,
}

/// One structural step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// First event.
    StreamStart,
    /// Last event.
    StreamEnd,
    /// A document starts; whether with `---` (then the span is that of the marker).
    DocumentStart {
        /// With `---`.
        explicit: bool,
    },
    /// A document ends; whether with `...` (then the span is that of the marker).
    DocumentEnd {
        /// With `...`.
        explicit: bool,
    },
    /// A mapping starts.
    MappingStart {
        /// `{`
        flow: bool,
    },
    /// A mapping ends.
    MappingEnd,
    /// A sequence starts.
    SequenceStart {
        /// `[`
        flow: bool,
    },
    /// A sequence ends.
    SequenceEnd,
    /// A scalar.
    Scalar {
        /// How it is written.
        style: Style,
    },
    /// `*name`; the span covers it.
    Alias,
}

/// One structural step with its place.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Scalars: quotes included; block scalars from their header to the end of their content (final line break
    /// excluded); an omitted scalar is empty at its place. Mappings and sequences start: the `{` or `[`, or empty at the first key or `-`; end: the `}` or `]`,
    /// or empty at the end of the last content.
    pub span: Span,
    /// The anchor with its `&`, empty if there is none.
    pub anchor: Span,
    /// The tag as written, empty if there is none.
    pub tag: Span,
    /// Where the entry starts: for a key `?` or the key's first byte (its properties included); for a block sequence item
    /// its `-`; else the first byte of properties or node.
    pub entry: u32,
    /// Comments (see go-yaml's head, line and foot comments).
    pub comments: Comments,
}
