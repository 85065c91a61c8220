//! Owns [`Event`]: what the parser says, one structural step at a time, and [`Comment`]: a comment line with the place
//! that sops gives it.

use super::super::{Span, Style};

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
        /// `{`, or a single pair in a flow sequence (`[a: b]`, then the span is empty).
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
    /// Scalars: quotes included; an omitted scalar is empty at its place. Block scalars: from `|` or `>` to the last byte of
    /// their content, the final line break excluded (blank lines below belong to it only with `+`); a comment after the header lies inside the span.
    /// Mappings and sequences: start: the `{` or `[`, or empty at the first key or `-`; end: the `}` or `]`, or empty at the
    /// end of the last content.
    pub span: Span,
    /// The anchor with its `&`, empty if there is none.
    pub anchor: Span,
    /// The tag as written, empty if there is none; [`Parser::tag`](super::Parser::tag) resolves it.
    pub tag: Span,
    /// Where the entry starts: for a key `?` or the key's first byte (its properties included); for a block sequence item
    /// its `-`; else the first byte of properties or node.
    pub entry: u32,
    /// Block scalars: how many columns of indentation their content lines have (what [`decode`](super::decode::decode)
    /// asks for). 0 for all others.
    pub indent: u32,
}

impl Event {
    /// One without properties.
    #[inline]
    pub(super) fn bare(kind: EventKind, span: Span) -> Self {
        Self { kind, span, anchor: Span::default(), tag: Span::default(), entry: span.start, indent: 0 }
    }
}

/// Where sops puts a comment, seen from the event that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In the container that is open when the event arrives, before what the event adds. With an end event: last in the
    /// container that it closes. With a value: before the entry (key and value) it completes.
    Before,
    /// First in the container (or document) that this start event opens.
    First,
    /// With an end event: in the container that it closes, behind the [`Slot::First`] comments of its start and before its first
    /// entry (sops knows it only at the end: `a: {b: c} # comment`).
    BackFirst,
    /// With an end event: in the parent of the container that it closes, right before that container (a list item:
    /// `- {b: c} # comment`).
    BackBefore,
}

/// A comment line and where sops keeps it in its tree. [`Parser::comments`](super::Parser::comments) gives those of the last event.
///
/// A consumer keeps a stack of open containers. For each event, before acting on it, it takes the comments in order:
/// `Before` goes to the innermost open container; `First` goes to the container that the event opens; `BackFirst` and
/// `BackBefore` are inserted at the places remembered at the start of the container that the event closes. A document
/// counts as a container, and its root mapping is the same container in sops's tree. At `StreamEnd` nothing is open: what
/// comes then belongs to the last document, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From `#` to the end of the line, line break excluded.
    pub span: Span,
    /// Where it goes.
    pub slot: Slot,
    /// sops's inline flag: it stands on the line of the value that follows it in the tree.
    pub inline: bool,
    /// sops loses it: it has no place in its tree. `slot` then names the container around it in the text.
    pub lost: bool,
}
