//! Owns the comments of INI: what sops takes for their text, and how a text is put back.
//!
//! sops knows one comment a key or header: all comment lines before it and the rest of its line, joined. It takes the marks of the
//! first line off. Sealed, all of it is one text in the place of the first line (its mark stays), or on the line if it is all there.

use std::borrow::Cow;

use super::super::splice::Splice;
use super::super::{Document, Leaf, LeafKind, NodeKind, PathId, Span};
use super::read::{line_end, line_start, trimmed};

/// The text of a comment as sops has it.
pub(super) fn text<'t>(text: &'t str, leaf: &Leaf) -> Cow<'t, str> {
    let span = leaf.span.range();
    let raw = &text[span.clone()];
    let tail = tail(text, leaf);
    if leaf.has(Leaf::REST) || (tail.is_none() && !raw.contains('\n')) {
        return Cow::Borrowed(raw);
    }
    let mut whole = String::with_capacity(raw.len());
    let end = if tail.is_some() { line_end(text, span.end) } else { span.end };
    for (index, line) in text[span.start..end].split_inclusive('\n').enumerate() {
        whole.push_str(if index == 0 { line } else { line.trim_start() });
    }
    whole.push_str(tail.map_or("", |tail| &text[tail.range()]));
    // A first line of marks alone: sops would not survive writing what it makes of it.
    let starts_with_line = whole.trim_start_matches(['\r', ' ', '\t']).starts_with('\n');
    Cow::Owned(if starts_with_line { whole.trim().to_owned() } else { whole.trim_end().to_owned() })
}

/// The part of a comment that is on the line of its key or header, if there are lines before that.
fn tail(text: &str, leaf: &Leaf) -> Option<Span> {
    if leaf.indent == 0 {
        return None;
    }
    let start = leaf.indent as usize;
    let range = trimmed(text, start..line_end(text, start));
    Some(Span::new(range.start, range.end))
}

/// That part with the blanks before it: it gives way when the comment is sealed.
fn tail_with_blanks(text: &str, leaf: &Leaf) -> Option<Span> {
    let tail = tail(text, leaf)?;
    let before = &text[..tail.start as usize];
    Some(Span { start: before.trim_end_matches([' ', '\t']).len() as u32, end: tail.end })
}

/// The edit that takes away the part on the line of a key or header.
pub fn cut_tail(text: &str, leaf: &Leaf) -> Option<Splice> {
    tail_with_blanks(text, leaf).map(|span| Splice { span, text: String::new() })
}

/// The text of that part with the blanks before it.
pub fn tail_text<'t>(text: &'t str, leaf: &Leaf) -> Option<&'t str> {
    tail_with_blanks(text, leaf).map(|span| &text[span.range()])
}

/// A comment as it is written behind the mark that stands in the place of a leaf: further lines get the indentation of the first, and
/// a mark where they have none.
pub fn spelled(text: &str, leaf: &Leaf, comment: &str) -> String {
    if leaf.has(Leaf::REST) || !comment.contains('\n') && !comment.starts_with(['#', ';']) {
        return comment.to_owned();
    }
    let start = leaf.span.start as usize;
    let line = &text[line_start(text, start)..start];
    let mark = line.trim_end().chars().next_back().unwrap_or(';');
    let indent = &line[..line.len() - line.trim_start().len()];
    let mut out = String::with_capacity(comment.len());
    if comment.starts_with(mark) {
        // Behind the mark of this line it would become a part of that.
        out.push('\n');
        out.push_str(indent);
    }
    for (index, line) in comment.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
            out.push_str(indent);
            if !line.starts_with(['#', ';']) {
                out.push_str("; ");
            }
        }
        out.push_str(line);
    }
    out
}

/// The edits that put a comment back: `original` is how it was written, the part on its line apart.
pub fn comment_splices(document: &Document, leaf: &Leaf, comment: &str, original: Option<(String, Option<String>)>) -> Vec<Splice> {
    let Some((lines, tail)) = original else {
        return vec![Splice { span: leaf.span, text: spelled(&document.text, leaf, comment) }];
    };
    let mut splices = vec![Splice { span: leaf.span, text: lines }];
    if let Some(tail) = tail {
        let at = document.paths.node(PathId(leaf.props)).value.end as usize;
        splices.push(Splice::insert(at, tail));
    }
    splices
}

/// Whether two documents have the same words in their comments: marks, blanks, order and where lines end do not count, for what
/// stands behind a header moves when it is sealed.
pub fn same_comments<'a>(left: impl Iterator<Item = Cow<'a, str>>, right: impl Iterator<Item = Cow<'a, str>>) -> bool {
    fn words<'a>(texts: impl Iterator<Item = Cow<'a, str>>) -> Vec<String> {
        let mut words = Vec::new();
        for text in texts {
            let all = text.split(|c: char| c.is_whitespace() || matches!(c, '#' | ';'));
            words.extend(all.filter(|word| !word.is_empty()).map(str::to_owned));
        }
        words.sort_unstable();
        words
    }
    words(left) == words(right)
}

/// Whether a leaf is a comment that belongs to a key, whose entry comes before it in the tree.
pub(in super::super) fn is_of_key(document: &Document, leaf: &Leaf) -> bool {
    leaf.kind == LeafKind::Comment && !leaf.has(Leaf::REST) && document.paths.node(PathId(leaf.props)).kind == NodeKind::Scalar
}
