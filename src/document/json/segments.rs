//! Reads a large text in segments, side by side: a line break is never inside a string, so that a text may be cut behind a `,` that
//! ends a line. Whether the cut is between entries of the top level shows when the segment before it has been read.

use rayon::prelude::*;

use super::super::segments::{Part, SEARCH, count, cuts, room, spans};
use super::scan::Scanner;

/// Reads a text in segments of at least `least` bytes, one a thread. `None` where it cannot be cut or is in error: then it is read in
/// one go.
pub(super) fn scan(text: &str, least: usize) -> Option<Part> {
    let count = count(text.len(), least)?;
    let indent = indent(text.as_bytes())?;
    scan_at(text, &cuts(text.len(), count, |from| cut_after(text.as_bytes(), from, indent))?)
}

/// Reads a text that is cut at these places.
fn scan_at(text: &str, cuts: &[usize]) -> Option<Part> {
    let spans = spans(text.len(), cuts);
    let segments: Option<Vec<Part>> = spans
        .par_iter()
        .map(|&(start, end)| {
            let room = room(start, spans.len());
            Scanner::with_room(&text[start..end], room).ok()?.segment(start == 0, end == text.len())
        })
        .collect();
    let mut segments = spans.iter().map(|(start, _)| *start as u32).zip(segments?);
    let (_, mut whole) = segments.next()?;
    segments.for_each(|(start, segment)| drop(whole.append(segment, start)));
    // Two of them are an error, whose place the whole text tells.
    (whole.metadata.len() <= 1).then_some(whole)
}

/// What stands before the first key, from the line break to its quote.
fn indent(text: &[u8]) -> Option<&[u8]> {
    let open = memchr::memchr(b'{', text)?;
    let first = text[open + 1..].iter().position(|b| !b.is_ascii_whitespace())? + open + 1;
    let line = memchr::memrchr(b'\n', &text[open..first])? + open;
    (text[first] == b'"').then(|| &text[line..=first])
}

/// The first place for a cut from `from` on: a line that starts as the first key does, below one that ends in a comma.
fn cut_after(text: &[u8], from: usize, indent: &[u8]) -> Option<usize> {
    let window = &text[from..text.len().min(from + SEARCH)];
    memchr::memchr_iter(b'\n', window).map(|at| from + at).find(|&end| {
        let above = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
        above.ends_with(b",") && text[end..].starts_with(indent)
    })
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan as scan_whole;
    use super::*;
    use proptest::prelude::*;

    /// Reads a text cut at every place that looks like one, and compares with the reading of the whole.
    fn compare(text: &str) -> usize {
        let whole = scan_whole(text.to_owned());
        let Some(indent) = indent(text.as_bytes()) else { return 0 };
        let (mut cuts, mut certain) = (Vec::new(), 0);
        while let Some(cut) = cut_after(text.as_bytes(), cuts.last().map_or(0, |cut| cut + 1), indent) {
            cuts.push(cut);
        }
        let single = cuts.iter().map(|&cut| vec![cut]).collect::<Vec<_>>();
        for cuts in single.into_iter().chain([cuts]).filter(|cuts| !cuts.is_empty()) {
            if let Some(joined) = scan_at(text, &cuts) {
                let whole = whole.as_ref().expect("accepted in segments, so accepted in one go");
                let nodes = |paths: &crate::document::Paths| format!("{:?}", paths.iter().collect::<Vec<_>>());
                assert_eq!(nodes(&joined.paths), nodes(&whole.paths), "cut at {cuts:?}: {text:?}");
                assert_eq!(format!("{:?}", joined.leaves), format!("{:?}", whole.leaves));
                assert_eq!(joined.metadata, whole.metadata);
                certain += 1;
            }
        }
        certain
    }

    #[test]
    fn a_text_in_segments_is_read_as_in_one_go() {
        assert_eq!(
            compare("{\n  \"a\": 1,\n  \"b\": [1,\n2],\n  \"c\\n\": {\n    \"d\": null\n  },\n  \"sops\": {},\n  \"e\": 2\n}\n"),
            5
        );
        assert_eq!(compare("{\r\n\t\"a\": 1,\r\n\t\"b\": {},\r\n\t\"b\": 2}"), 3);
    }

    #[test]
    fn a_cut_inside_an_entry_and_what_is_in_error_are_read_in_one_go() {
        for text in [
            "{\n\"a\": {\n\"b\": 1,\n\"c\": 2\n}\n}",
            "{\n\"a\": 1,\n\"b\": 2,\n}",
            "{\n\"a\": 1,\n\"b\": 2",
            "{\n\"a\": 1},\n\"b\": 2}",
            "{\n\"sops\": 1,\n\"sops\": 2}",
            "{\n\"a\": 1,\n\"b\": 2}}",
        ] {
            assert_eq!(compare(text), 0, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_in_segments_are_read_as_in_one_go(lines in prop::collection::vec(prop::sample::select(vec![
            " \"a\": 1,", " \"b\": {", " \"c\": [", " \"d\\n\": true,", " },", " ],", " }", " ]", "1,", " \"sops\": null,", " \"e\": {},", "", " \"f\": \"x\"", "}",
        ]), 0..12)) {
            compare(&format!("{{\n \"first\": 0,\n{}\n \"last\": 1\n}}", lines.join("\n")));
            compare(&format!("{{\n{}", lines.join("\n")));
        }
    }
}
