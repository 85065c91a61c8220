//! What reading a large text in segments has in common, whatever its format: how many there are, where cuts are looked for, and how
//! the parts that were read become one document. Where a text may be cut is the format's own matter.

use super::path::give_back;
use super::{Document, Format, Leaf, PathId, Paths, Span};

/// Texts are cut into segments of at least this many bytes (measured: smaller ones do not pay for joining them).
pub(super) const SEGMENT: usize = 1 << 17;

/// How far from where a cut would be best a place for it is looked for, in bytes.
pub(super) const SEARCH: usize = 1 << 16;

/// How many segments of at least `least` bytes a text of this length is read in: as many as there are threads. `None`: it is not cut.
pub(super) fn count(length: usize, least: usize) -> Option<usize> {
    let most = length / least;
    // Asking how many threads there are starts them: a small file must not pay for that.
    let wanted = if most < 2 { most } else { most.min(rayon::current_num_threads()) };
    (wanted >= 2).then_some(wanted)
}

/// Where to cut a text of this length into `count` segments of about the same length. `place` finds the first place for a cut from a
/// byte on. `None`: there is none.
pub(super) fn cuts(length: usize, count: usize, place: impl Fn(usize) -> Option<usize>) -> Option<Vec<usize>> {
    let mut cuts: Vec<usize> = (1..count).filter_map(|n| place(length / count * n)).collect();
    cuts.dedup();
    (!cuts.is_empty()).then_some(cuts)
}

/// The first and one past the last byte of each segment.
pub(super) fn spans(length: usize, cuts: &[usize]) -> Vec<(usize, usize)> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    starts.zip(cuts.iter().copied().chain([length])).collect()
}

/// For how many segments' leaves the one that starts at this byte asks for room: the others are appended to the first (measured: 4 % of the
/// time of a large file, up to a tenth of its memory).
pub(super) fn room(start: usize, segments: usize) -> usize {
    if start == 0 { segments } else { 1 }
}

/// What was read of a text, or of a segment of one, with places relative to its start: entries of one top level, whose node is 0.
pub(super) struct Part {
    pub(super) paths: Paths,
    pub(super) leaves: Vec<Leaf>,
    pub(super) metadata: Vec<PathId>,
}

impl Part {
    /// The document of one top level, once its whole text was read. Room that the scanner asked for in vain is given back.
    pub(super) fn into_document(mut self, text: String, format: Format) -> Document {
        self.paths.give_back();
        give_back(&mut self.leaves);
        let Self { paths, leaves, metadata } = self;
        Document { text, format, paths, leaves, aliases: Vec::new(), roots: vec![PathId(0)], metadata }
    }

    /// Takes in the next segment, which starts at byte `start`. Gives the numbers that its nodes have here.
    pub(super) fn append(&mut self, next: Self, start: u32) -> impl Fn(PathId) -> PathId + use<> {
        let end = next.paths.node(PathId(0)).value.end + start;
        let moved = self.paths.continue_with(next.paths, start);
        self.leaves.extend(next.leaves.into_iter().map(|leaf| Leaf {
            path: moved(leaf.path),
            span: Span { start: leaf.span.start + start, end: leaf.span.end + start },
            props: leaf.props + start,
            ..leaf
        }));
        self.metadata.extend(next.metadata.into_iter().map(&moved));
        let root = self.paths.node_mut(PathId(0));
        root.value.end = end;
        root.entry.end = end;
        moved
    }
}
