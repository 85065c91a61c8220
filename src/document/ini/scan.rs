//! Owns [`scan`]: from text to [`Document`], one pass over the lines.

use super::super::lines::expected_leaves;
use super::super::segments::Part;
use super::super::{Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Segment, Span, Style};
use super::METADATA;
use super::entry::{Group, KeyLine, Name, Section, Tree};
use super::read::{self, Fault, line_end, trimmed};

const BOM: &str = "\u{feff}";

/// Reads an INI text. The section named `sops` is in [`Document::metadata`].
///
/// # Errors
///
/// A line that is neither a comment, a header nor a key with a value; a quote that is not closed; two `sops` sections; 4 GiB or
/// more.
pub fn scan(text: String) -> Result<Document, ParseError> {
    if u32::try_from(text.len()).is_err() {
        return Err(ParseError::at(text.as_bytes(), 0, "the file is 4 GiB or larger: seal it with `--input-type binary`"));
    }
    let whole = Span::new(0, text.len());
    let room = expected_leaves(&text);
    let mut paths = Paths::with_capacity(room);
    let (parent, segment) = (PathId(0), Segment::Document(0));
    paths.push(PathNode { parent, segment, kind: NodeKind::BlockMap, copy: false, entry: whole, value: whole });
    let mut tree = Tree { text: &text, paths, leaves: Vec::with_capacity(room), metadata: Vec::new(), named: Default::default() };
    sections(&text, &mut tree).map_err(|(at, message)| ParseError::at(text.as_bytes(), at, message))?;
    let Tree { paths, mut leaves, metadata, .. } = tree;
    for leaf in leaves.iter_mut().filter(|leaf| leaf.kind == LeafKind::Scalar) {
        leaf.style = style(&text, leaf);
    }
    Ok(Part { paths, leaves, metadata }.into_document(text, Format::Ini))
}

/// The quotes that a value keeps when it is sealed.
fn style(text: &str, leaf: &Leaf) -> Style {
    match (leaf.props - leaf.span.start, text.as_bytes().get(leaf.span.start as usize)) {
        (1, Some(b'\'')) => Style::Single,
        (1, Some(b'"')) => Style::Double,
        (1, _) => Style::Literal,
        (3, _) => Style::Folded,
        _ => Style::Plain,
    }
}

fn sections(text: &str, tree: &mut Tree<'_>) -> Result<(), Fault> {
    let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let mut at = start;
    let mut section = Section { name: None, start, header_end: start, comment: Group::default(), rest: None, keys: Vec::new() };
    let mut pending = Group::default();
    let mut numbered = 1;
    let mut has_metadata = false;
    while at < text.len() {
        let end = line_end(text, at);
        let line = trimmed(text, at..end);
        match text.as_bytes().get(line.start).filter(|_| !line.is_empty()) {
            None => at = end,
            Some(b'#' | b';') => {
                pending.add(text, line);
                at = end;
            }
            Some(b'[') => {
                let next = header(text, line, std::mem::take(&mut pending))?;
                let is_metadata = text[next.name.clone().unwrap_or_default()] == *METADATA;
                if is_metadata && std::mem::replace(&mut has_metadata, true) {
                    return Err((next.start, "the file has two `sops` sections"));
                }
                let done = std::mem::replace(&mut section, next);
                let first_line = section.comment.start().unwrap_or(section.start);
                // Comments before the metadata are none of its own: they stay when it goes.
                let trailing = if is_metadata { section.comment.take_lines() } else { Group::default() };
                tree.add(&done, &trailing, first_line);
                numbered = 1;
                at = end;
            }
            Some(_) => {
                // The line without the blanks before it, its line break included, as sops passes it on.
                let (name, value_at) = read::key(text, line.start..end)?;
                let value = read::value(text, value_at)?;
                let name = if &text[name.clone()] == "-" {
                    numbered += 1;
                    Name::Numbered(format!("#{}", numbered - 1))
                } else {
                    Name::Source(name)
                };
                at = value.next;
                let comment = std::mem::take(&mut pending).with_tail(value.comment.clone());
                section.keys.push(KeyLine { start: line.start, name, value, comment });
            }
        }
    }
    tree.add(&section, &pending, text.len());
    Ok(())
}

/// A header: from `[` to the last `]` of its line.
fn header(text: &str, line: std::ops::Range<usize>, pending: Group) -> Result<Section, Fault> {
    let close = text[line.clone()].rfind(']').ok_or((line.start, "the section header is not closed with `]`"))?;
    let close = line.start + close;
    if close == line.start + 1 {
        return Err((line.start, "the section header has no name"));
    }
    let mark = text[close + 1..line.end].find(['#', ';']).map(|at| close + 1 + at);
    let rest = Some(trimmed(text, close + 1..mark.unwrap_or(line.end))).filter(|rest| !rest.is_empty());
    let comment = pending.with_tail(mark.map(|mark| mark..line.end));
    Ok(Section { name: Some(line.start + 1..close), start: line.start, header_end: close + 1, comment, rest, keys: Vec::new() })
}
