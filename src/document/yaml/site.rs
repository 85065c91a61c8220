//! Where things stand in a YAML text: lines and columns, where the value of an entry begins, what follows an entry. For edits.

use super::input::{break_len, is_blank_or_end};
use crate::document::{Document, NodeKind, PathId, Segment};

const BOM: &str = "\u{feff}";

/// The start of the line of a byte; a byte order mark is before the first line.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let first = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let mut start = at;
    while start > first && !is_after_break(bytes, start) {
        start -= 1;
    }
    start.max(first.min(at))
}

fn is_after_break(bytes: &[u8], at: usize) -> bool {
    match bytes[..at] {
        [.., b'\n'] | [.., 0xC2, 0x85] | [.., 0xE2, 0x80, 0xA8 | 0xA9] => true,
        [.., b'\r'] => bytes.get(at) != Some(&b'\n'),
        _ => false,
    }
}

/// The line break that ends the line of a byte, or the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    (at..bytes.len()).find(|&i| break_len(bytes, i) > 0).unwrap_or(bytes.len())
}

/// The start of the line after that of a byte, or the end of the text.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let end = line_end(text, at);
    end + break_len(text.as_bytes(), end)
}

/// Where the line break that ends before a byte starts: the byte itself if there is none.
pub(super) fn break_before(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    (at.saturating_sub(3)..at).find(|&i| i + break_len(bytes, i) == at).unwrap_or(at)
}

/// How many characters stand before a byte on its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

/// The first byte at or after `at` that is no blank.
pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..].iter().take_while(|&&c| matches!(c, b' ' | b'\t')).count()
}

/// The first byte at or after `at` that is no blank, line break or part of a comment.
pub(super) fn skip_space(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        at = skip_blanks(text, at);
        match bytes.get(at) {
            Some(b'#') => at = line_end(text, at),
            _ if break_len(bytes, at) > 0 => at += break_len(bytes, at),
            _ => return at,
        }
    }
}

/// The end of what stands before `at` without the blanks and line breaks there; comments are not recognised.
pub(super) fn trim_space_before(text: &str, at: usize) -> usize {
    text[..at].trim_end_matches([' ', '\t', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).len()
}

/// The end of what stands before `at` without the blanks there.
pub(super) fn trim_blanks_before(text: &str, at: usize) -> usize {
    text[..at].trim_end_matches([' ', '\t']).len()
}

/// The end of a document with its trailing comments and blank lines: the start of the line of the next marker or
/// directive, or the end of the text.
pub(super) fn document_end(document: &Document, root: PathId) -> usize {
    let text = document.text.as_str();
    let mut at = document.paths.node(root).entry.end as usize;
    if line_start(text, at) != at {
        at = next_line(text, at);
    }
    while at < text.len() && !is_marker(text.as_bytes(), at) && text.as_bytes()[at] != b'%' {
        at = next_line(text, at);
    }
    at
}

/// Whether `---` or `...` stands at the start of a line.
fn is_marker(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..at + 3), Some(b"---" | b"...")) && is_blank_or_end(bytes, at + 3)
}

/// Whether a place is inside a flow collection.
pub(super) fn is_in_flow(document: &Document, id: PathId) -> bool {
    !document.paths.is_root(id) && is_flow(document.paths.node(document.paths.node(id).parent).kind)
}

/// Whether it is a flow collection.
pub(super) fn is_flow(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::FlowMap | NodeKind::FlowSeq)
}

/// The part of an entry before its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Behind the `:` or `-`. At the start of an item in flow context and of a document's root.
    pub(super) end: usize,
    /// Whether the entry has a key without a `:`.
    pub(super) wants_colon: bool,
}

/// The part of an entry before its value. Not for places inside copies.
pub(super) fn head(document: &Document, id: PathId) -> Head {
    let text = document.text.as_str();
    let node = document.paths.node(id);
    let start = node.entry.start as usize;
    match node.segment {
        Segment::Document(_) => Head { end: start, wants_colon: false },
        Segment::Index(_) if is_in_flow(document, id) => Head { end: start, wants_colon: false },
        Segment::Index(_) => Head { end: start + 1, wants_colon: false },
        Segment::Key(_) | Segment::DecodedKey(_) => {
            let limit = node.value.start as usize;
            match colon(text, start, limit, is_in_flow(document, id)) {
                Some(colon) => Head { end: colon + 1, wants_colon: false },
                None => Head { end: limit, wants_colon: true },
            }
        }
    }
}

/// The `:` of an entry that starts at `start` and whose value starts at `limit`.
fn colon(text: &str, start: usize, limit: usize, in_flow: bool) -> Option<usize> {
    let bytes = &text.as_bytes()[..limit];
    let ends = |at: usize| {
        is_blank_or_end(text.as_bytes(), at) || in_flow && matches!(text.as_bytes().get(at), Some(b',' | b'[' | b']' | b'{' | b'}'))
    };
    let mut at = start;
    if bytes.get(at) == Some(&b'?') && is_blank_or_end(text.as_bytes(), at + 1) {
        if !in_flow {
            // The `:` of an explicit key has a line of its own, at the column of the `?`.
            let column = column(text, start);
            let mut line = next_line(text, start);
            while line < limit {
                let colon = skip_blanks(text, line);
                if colon == line + column && bytes.get(colon) == Some(&b':') {
                    return Some(colon);
                }
                line = next_line(text, line);
            }
            return None;
        }
        at = skip_space(text, at + 1);
    }
    while let Some(b'&' | b'!') = bytes.get(at) {
        while at < limit && !is_blank_or_end(bytes, at) {
            at += 1;
        }
        at = skip_space(text, at);
    }
    match bytes.get(at) {
        Some(b'"') => {
            at += 1;
            while at < limit && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at = skip_space(text, (at + 1).min(limit));
            (bytes.get(at) == Some(&b':')).then_some(at)
        }
        Some(b'\'') => {
            at += 1;
            while at < limit && (bytes[at] != b'\'' || bytes.get(at + 1) == Some(&b'\'')) {
                at += if bytes[at] == b'\'' { 2 } else { 1 };
            }
            at = skip_space(text, (at + 1).min(limit));
            (bytes.get(at) == Some(&b':')).then_some(at)
        }
        _ => (at..limit).find(|&i| bytes[i] == b':' && ends(i + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::*;
    use crate::document::Duplicates;

    fn read(text: &str) -> Document {
        scan(text.to_owned(), Duplicates::Refuse).unwrap()
    }

    #[test]
    fn lines_end_with_any_break_of_yaml() {
        let text = "\u{feff}a\r\nb\rc\u{85}d\u{2028}e\nf";
        let starts: Vec<usize> = "abcdef".chars().map(|c| text.find(c).unwrap()).collect();
        let mut at = starts[0];
        for (i, start) in starts.iter().enumerate() {
            assert_eq!((at, line_start(text, at + 1)), (*start, *start));
            assert_eq!(line_end(text, at), at + 1);
            if i > 0 {
                assert_eq!(break_before(text, at), starts[i - 1] + 1);
            }
            at = next_line(text, at);
        }
        assert_eq!(at, text.len());
        assert_eq!(column("x\n  \u{e9}: 1", 6), 3);
    }

    #[test]
    fn the_value_begins_behind_the_colon_of_its_key() {
        let text = "a: 1\n\"b: c\\\"\" : 2\n'd'': e': 3\n? f\n: 4\n&x !!str g:h: 5\ni: {j, k: l, \"m\":n, ? o : p, q: }\nt: &y z\n*y : 6\n? u\n";
        let document = read(text);
        let heads: Vec<(&str, bool)> = document
            .paths
            .iter()
            .filter(|(id, _)| !document.paths.is_root(*id))
            .map(|(id, node)| (&text[node.entry.start as usize..head(&document, id).end], head(&document, id).wants_colon))
            .collect();
        let expected = [
            ("a:", false),
            ("\"b: c\\\"\" :", false),
            ("'d'': e':", false),
            ("? f\n:", false),
            ("&x !!str g:h:", false),
            ("i:", false),
            ("j", true),
            ("k:", false),
            ("\"m\":", false),
            ("? o :", false),
            ("q:", false),
            ("t:", false),
            ("*y :", false),
            ("? u", true),
        ];
        assert_eq!(heads, expected);
    }

    #[test]
    fn a_document_ends_before_the_next_marker() {
        let text = "# c\n---\na: |+\n  x\n\n# d\n\n--- # e\n---x: 1\n...\n# lost\n---\n";
        let document = read(text);
        let ends: Vec<&str> = document.roots.iter().map(|root| &text[document_end(&document, *root)..]).collect();
        assert_eq!(ends, [&text[text.find("--- # e").unwrap()..], "...\n# lost\n---\n", ""]);
    }
}
