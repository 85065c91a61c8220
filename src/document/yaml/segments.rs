//! Reads a large text in segments, side by side: a block mapping at the left margin may be cut before any of its keys, because
//! nothing that came before reaches past such a place but anchors, directives and comments.
//!
//! [`compose`] gives what one reading of the whole text gives, or `None` where it is not certain of that; then the text is
//! read in one go, which also finds the errors.

use rayon::prelude::*;

use super::super::key_sets::KeySets;
use super::super::segments::{Part, SEARCH, count, cuts, room, spans};
use super::super::{Duplicates, NodeKind, PathId};
use super::leaves::{Composed, Composer};

/// Reads a text in segments of at least `least` bytes, one a thread.
pub(super) fn compose(text: &str, duplicates: Duplicates, least: usize) -> Option<Composed> {
    let count = count(text.len(), least)?;
    compose_at(text, duplicates, &cuts(text.len(), count, |from| cut_after(text.as_bytes(), from, SEARCH))?)
}

/// Reads a text that is cut at these places.
fn compose_at(text: &str, duplicates: Duplicates, cuts: &[usize]) -> Option<Composed> {
    let keys = KeySets::new();
    let spans = spans(text.len(), cuts);
    let segments: Option<Vec<Segment>> = spans
        .par_iter()
        .map(|&(start, end)| {
            let room = room(start, spans.len());
            Segment::read(&text[start..end], start, Composer::with_room(&text[start..end], duplicates, keys.like(), room))
        })
        .collect();
    join(text, segments?, keys)
}

/// The first place for a cut from `from` on: the start of a line that has a plain key at the left margin, below a line that has
/// something else than a comment. A comment near it might belong to either side, so there must be none.
fn cut_after(text: &[u8], from: usize, search: usize) -> Option<usize> {
    let window = &text[from..text.len().min(from + search)];
    memchr::memchr_iter(b'\n', window).map(|at| from + at).find_map(|end| {
        let key = text.get(end + 1)?;
        if !(key.is_ascii_alphanumeric() || *key == b'_') {
            return None;
        }
        let line = &text[memchr::memrchr(b'\n', &text[..end]).map_or(0, |at| at + 1)..end];
        let is_bare = line.iter().all(u8::is_ascii_whitespace) || line.contains(&b'#') || line.starts_with(b"...");
        (!is_bare && is_key_line(&text[end + 1..])).then_some(end + 1)
    })
}

/// Whether a line starts with a plain word and a `:` that ends it.
fn is_key_line(line: &[u8]) -> bool {
    let word = line.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/')).count();
    line.get(word) == Some(&b':') && matches!(line.get(word + 1), Some(b' ' | b'\n' | b'\r') | None)
}

/// A segment that was read, with places relative to its start.
struct Segment {
    start: u32,
    part: Part,
    keys: Vec<u64>,
}

impl Segment {
    /// Reads the segment that starts at `start`. `None` where it is in error, or more or less than entries of one block mapping
    /// at the left margin.
    fn read(text: &str, start: usize, mut composer: Composer<'_>) -> Option<Self> {
        composer.top_keys = Some(Vec::new());
        composer.follows = start > 0;
        composer.run().ok()?;
        let keys = composer.top_keys.take()?;
        let Composed { paths, leaves, aliases, roots, metadata } = composer.finish();
        let [root] = roots[..] else { return None };
        let root = paths.node(root);
        let first = root.value.start as usize;
        let before = &text[..first];
        let is_first = start == 0;
        let at_margin = if is_first { before.is_empty() || before.ends_with('\n') } else { before.is_empty() };
        // A directive may change what a tag means in the whole document.
        let certain = root.kind == NodeKind::BlockMap && at_margin && !before.contains('%') && aliases.is_empty();
        certain.then_some(Self { start: start as u32, part: Part { paths, leaves, metadata }, keys })
    }
}

/// Puts segments together. `None` where a key of the top level is there twice.
fn join(text: &str, segments: Vec<Segment>, mut keys: KeySets) -> Option<Composed> {
    let mut segments = segments.into_iter();
    let Segment { part: mut whole, keys: first, .. } = segments.next()?;
    let set = keys.open();
    keys.adopt(&first, |id| id);
    for Segment { start, part, keys: more } in segments {
        let moved = whole.append(part, start);
        keys.adopt(&more, moved);
    }
    let Part { paths, leaves, metadata } = whole;
    let again = keys.close(set, |a, b| paths.key(a, text) == paths.key(b, text));
    again.is_none().then_some(Composed { paths, leaves, aliases: Vec::new(), roots: vec![PathId(0)], metadata })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything of a document but its text.
    /// Every single place where this text may be cut, and all of them at once.
    fn all_cuts(text: &str) -> Vec<Vec<usize>> {
        let mut cuts = Vec::new();
        let mut from = 0;
        while let Some(cut) = cut_after(text.as_bytes(), from, text.len()) {
            cuts.push(cut);
            from = cut;
        }
        let mut sets: Vec<Vec<usize>> = cuts.iter().map(|&cut| vec![cut]).collect();
        if cuts.len() > 1 {
            sets.push(cuts);
        }
        sets
    }

    /// Compares readings in segments with that of the whole; gives how many were certain.
    fn compare(text: &str) -> usize {
        let mut certain = 0;
        for duplicates in [Duplicates::Refuse, Duplicates::Keep] {
            let mut composer = Composer::new(text, duplicates, KeySets::new());
            let whole = composer.run().map(|()| composer.finish().shown());
            for cuts in all_cuts(text) {
                if let Some(joined) = compose_at(text, duplicates, &cuts) {
                    assert_eq!(Ok(joined.shown()), whole, "cut at {cuts:?}: {text:?}");
                    certain += 1;
                }
            }
        }
        certain
    }

    #[test]
    fn a_text_in_segments_is_read_as_in_one_go() {
        for text in [
            "a: 1\nb: 2\nc: 3\n",
            "# head\n\na:\n  x: 1 # line\n  # more\n  y: [1, {z: q}] # late\nb:\n- x\n- y\nc: |\n  text\nd: >+\n  folded\n  more\ne: 'q'\n",
            "\"k\\t\": 1\nb: \"x\\ty\"\n\"l\\t\": 3\nd:\ne: {}\n",
            "a: 1\nsops:\n    mac: x\n    age: []\n",
            "a: 'two\n  lines'\nb: plain\n  more\nc: &x y\nd: !!str z\n? e\n: f\ng: 1\n",
            "a: 1\r\nb: 2\r\nc: 3",
        ] {
            assert!(compare(text) > 0, "{text:?}");
        }
    }

    #[test]
    fn what_reaches_past_a_cut_is_read_in_one_go() {
        for text in [
            "a: 'open\nb: 1\n'\n",
            "a: {x: 1,\nb: 2}\n",
            "a: &x 1\nb: *x\n",
            "%TAG !e! tag:e,2000:\n---\na: !e!x 1\nb: !e!x 1\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\n...\nb: 2\n",
            "a: 1\nb: 2\na: 3\n",
            "  a: 1\nb: 2\n",
            "- a\nb: 2\n",
            "{a: 1,\nb: 2}\n",
        ] {
            assert_eq!(compare(text), 0, "{text:?}");
        }
    }

    #[test]
    fn places_beside_comments_and_blank_lines_are_no_cuts() {
        assert_eq!(cut_after(b"a: 1\n# c\nb: 2\n\nc: 3 # d\nd: 4\n", 0, 100), None);
        assert_eq!(cut_after(b"a: 1\n- b\n?c: 2\n'd': 3\ne f: 4\ng:h\n", 0, 100), None);
        assert_eq!(cut_after(b"a: 1\nb:\n  c: 1\nd:\n", 5, 100), Some(15));
        assert_eq!(cut_after(b"a: 1\nb:\n  c: 1\nd:\n", 5, 9), None);
    }

    proptest! {
        #[test]
        fn any_lines_in_segments_are_read_as_in_one_go(
            lines in prop::collection::vec(prop::sample::select(vec![
                "a:", "b: 1", "c: x # c", "# comment", "", "  d: 2", "  - e", "- f", "  # inner", "g: |", "  text", "h: 'q", "i: \"r\"", "  s'",
                "j: [1,", "  2]", "k: {l: 1}", "m: &n o", "? p", ": q", "---", "...", "  ? r", "    s: t", "u: >-", "\tv", "w: !!int 5", "sops:", "  mac: x",
                "x: # c", "  - # c", "    - y", "z: [] # e", "\"k\\n\": 1", "  #", "aa: |+", "bb: ~",
            ]), 0..14),
            crlf: bool,
        ) {
            compare(&lines.join(if crlf { "\r\n" } else { "\n" }));
            compare(&(lines.join("\n") + "\n"));
        }
    }
}
