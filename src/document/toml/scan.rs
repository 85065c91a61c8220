//! Owns [`scan`]: from text to [`Document`]. The leaves are in the order of the tree: a table that is continued elsewhere in the text
//! is one table.

use toml_parser::Source;
use toml_parser::lexer::{Lexer, Token, TokenKind};
use toml_parser::parser::{Event, RecursionGuard, ValidateWhitespace, parse_document};

use super::super::segments::Part;
use super::super::{Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Span, Style, Tag};
use super::build::{Builder, of_problem};
use super::entry_lines;
use super::outline::Line;
use super::tables::{Fault, Id, Kind, NONE, Origin};

/// Tables and arrays may be nested this deep.
pub const MAX_DEPTH: usize = 128;

/// The key of the metadata entry at the top level.
pub(super) const METADATA_KEY: &str = "sops";

/// Reads a text. The table named `sops` of the top level is in [`Document::metadata`].
///
/// # Errors
/// What is no TOML 1.1, with its position; more than [`MAX_DEPTH`] levels; 4 GiB or more.
pub fn scan(text: String) -> Result<Document, ParseError> {
    let Finished { paths, leaves, metadata, .. } = finished(&text, false)?;
    Ok(Part { paths, leaves, metadata }.into_document(text, Format::Toml))
}

/// The headers and entries of a text.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, ParseError> {
    Ok(finished(text, true)?.lines)
}

fn finished(text: &str, with_lines: bool) -> Result<Finished, ParseError> {
    let bytes = text.as_bytes();
    if u32::try_from(bytes.len()).is_err() {
        return Err(ParseError::at(bytes, 0, "the file is 4 GiB or larger: seal it with `--input-type binary`"));
    }
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(ParseError::at(bytes, at, "a NUL byte: the file is no text, seal it as a whole with `--input-type binary`"));
    }
    // What is wrong, and where, the library says best of the whole.
    let read = read(text, with_lines, true).or_else(|_| read(text, with_lines, false));
    read.map_err(|fault| ParseError::at(bytes, fault.at, fault.message.into_owned()))
}

/// Reads a text; without `by_lines` every line goes through lexer and parser, which gives the same.
fn read(text: &str, with_lines: bool, by_lines: bool) -> Result<Finished, Fault> {
    let bytes = text.as_bytes();
    let mut builder = Builder::new(text, with_lines);
    let mut problem = None;
    let mut at = 0;
    while at < bytes.len() && problem.is_none() && builder.fault.is_none() {
        while by_lines && let Some(line) = entry_lines::line(bytes, at) {
            at = builder.line(line)?;
        }
        let source = Source::new(&text[at..]);
        // At its start a byte order mark would be passed over.
        if at > 0 && source.input().starts_with('\u{feff}') {
            return Fault::new(at, "a byte order mark inside the text");
        }
        builder.offset = at;
        let mut tokens = source.lex();
        let mut take = |event: Event| builder.event(&event);
        let mut checked = ValidateWhitespace::new(&mut take, source);
        let mut guarded = RecursionGuard::new(&mut checked, MAX_DEPTH as u32);
        let mut chunk = Vec::with_capacity(64);
        let start = at;
        while problem.is_none() {
            let more = next_chunk(&mut tokens, &mut chunk, |end| by_lines && entry_lines::line(bytes, start + end).is_some());
            at = chunk.last().map_or(bytes.len(), |token| start + token.span().end());
            parse_document(&chunk, &mut guarded, &mut problem);
            if more != More::Tokens {
                break;
            }
        }
    }
    builder.finish();
    let problem = problem.map(|problem| of_problem(&problem, bytes.len()));
    // The first in the text is what is wrong; others follow from it.
    let faults = [problem, builder.fault.take(), builder.tables.duplicate()];
    match faults.into_iter().flatten().min_by_key(|fault| fault.at) {
        Some(fault) => Err(fault),
        None => Ok(Finished::new(text, builder)),
    }
}

/// Tokens are taken by about so many: all of them at once would be many times the size of the text.
const CHUNK: usize = 4096;

/// What comes behind a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Nothing,
    Tokens,
    /// A line that is read without them.
    Line,
}

/// Tokens up to the end of a line outside of all brackets, which is where one statement ends and another begins.
fn next_chunk(tokens: &mut Lexer<'_>, chunk: &mut Vec<Token>, is_line: impl Fn(usize) -> bool) -> More {
    chunk.clear();
    let mut depth = 0_usize;
    for token in tokens {
        chunk.push(token);
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
            TokenKind::Newline if depth == 0 && is_line(token.span().end()) => return More::Line,
            TokenKind::Newline if depth == 0 && chunk.len() >= CHUNK => return More::Tokens,
            _ => {}
        }
    }
    More::Nothing
}

/// The tree in the form of a document.
struct Finished {
    paths: Paths,
    leaves: Vec<Leaf>,
    metadata: Vec<PathId>,
    lines: Vec<Line>,
}

impl Finished {
    fn new(text: &str, builder: Builder<'_>) -> Self {
        let nodes = &builder.tables.nodes;
        let mut all = Self {
            paths: Paths::with_capacity(nodes.len()),
            leaves: Vec::with_capacity(nodes.len()),
            metadata: Vec::new(),
            lines: Vec::new(),
        };
        for key in &builder.tables.decoded {
            // In the same order: the indexes stay.
            let _index = all.paths.push_decoded(key);
        }
        let mut places = builder.statements.is_some().then(|| vec![PathId(0); nodes.len()]);
        // Each node with the path of its container; children are taken before what follows.
        let mut open: Vec<(Id, PathId, u8)> = vec![(0, PathId(0), Leaf::IN_FLOW)];
        while let Some((id, parent, flags)) = open.pop() {
            let node = &nodes[id as usize];
            if node.next != NONE {
                open.push((node.next, parent, flags));
            }
            if node.kind == Kind::Comment {
                all.leaf(parent, node.value, LeafKind::Comment, Style::Plain, flags);
                continue;
            }
            let kind = match node.kind {
                Kind::Table(Origin::Inline) => NodeKind::FlowMap,
                Kind::Table(_) => NodeKind::BlockMap,
                Kind::Tables => NodeKind::BlockSeq,
                Kind::Array => NodeKind::FlowSeq,
                Kind::Scalar(_) | Kind::Comment => NodeKind::Scalar,
            };
            if let Some(comment) = builder.tables.behind(id) {
                let inline = if kind == NodeKind::Scalar { Leaf::INLINE } else { 0 };
                all.leaf(parent, comment, LeafKind::Comment, Style::Plain, flags | inline);
            }
            let path = all.paths.push(PathNode {
                parent,
                segment: node.segment,
                kind,
                copy: false,
                entry: node.entry(),
                value: node.value,
            });
            if let Some(places) = &mut places {
                places[id as usize] = path;
            }
            let is_metadata = node.parent == 0 && all.paths.segment_key(node.segment, text) == Some(METADATA_KEY);
            if is_metadata {
                all.metadata.push(path);
            }
            let flags = if is_metadata { flags | Leaf::METADATA } else { flags };
            let first = builder.tables.first(id);
            match node.kind {
                Kind::Scalar(style) => all.leaf(path, node.value, LeafKind::Scalar, style, flags),
                Kind::Array if builder.tables.items(id) == 0 => all.leaf(path, node.value, LeafKind::EmptySeq, Style::Plain, flags),
                Kind::Table(_) if first == NONE && id != 0 => {
                    all.leaf(path, node.value, LeafKind::EmptyMap, Style::Plain, flags);
                }
                _ => {}
            }
            if first != NONE {
                open.push((first, path, flags));
            }
        }
        if let (Some(places), Some(statements)) = (places, &builder.statements) {
            let of = |id: Id| places[id as usize];
            let line = |s: &super::outline::Statement| Line { what: s.what, path: of(s.node), span: s.span, table: of(s.table) };
            all.lines = statements.iter().map(line).collect();
        }
        all
    }

    fn leaf(&mut self, path: PathId, span: Span, kind: LeafKind, style: Style, flags: u8) {
        self.leaves.push(Leaf { path, span, props: span.start, indent: 0, kind, style, tag: Tag::None, flags });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Finished {
        /// All of it, to be compared.
        fn shown(&self) -> String {
            let nodes: Vec<String> = self.paths.iter().map(|(id, node)| format!("{id:?} {node:?}")).collect();
            format!("{nodes:#?}\n{:#?}\n{:?}\n{:?}", self.leaves, self.metadata, self.lines)
        }
    }

    /// Compares a text that is read by lines with what is read without that; whether it is TOML.
    fn compare(text: &str) -> bool {
        let read = |by_lines| read(text, true, by_lines).map(|finished| finished.shown());
        match (read(true), read(false)) {
            (Ok(by_lines), Ok(whole)) => {
                assert_eq!(by_lines, whole, "{text:?}");
                true
            }
            (Err(_), Err(_)) => false,
            (by_lines, _) => panic!("{text:?} is TOML only {}", if by_lines.is_ok() { "by lines" } else { "without" }),
        }
    }

    #[test]
    fn lines_that_are_one_entry_are_read_as_by_the_parser() {
        for text in [
            "a = 1\nb = \"x\"\n",
            "# c\na = 1\n# d\n\n# e\n[t]\nb = 2\n# f\n",
            "a = [\n  1,\n  2,\n]\nb = 1\nc = \"\"\"\nd = 1\n\"\"\"\ne = 1\n",
            "[a]\nb = 1\n[a.c]\nd = 1 # e\nf = 1\n[[g]]\nh = 1\n[[g]]\nh = 2\n",
            "\u{feff}a = 1\nb = 2\n",
            "a.b = 1\na.c = 2\nd = 3\n",
            "a = {b = 1}\nc = 1",
            "a = '''\nb = 1\n'''\nc = 1\n[sops]\nmac = \"x\"\n",
        ] {
            assert!(compare(text), "{text:?}");
        }
        for text in [
            "a = 1\na = 1\n",
            "a = [\nb = 1\n]\n",
            "a = 1\n\u{feff}b = 2\n",
            "a = 1\n\u{feff}\nb = 2\n",
            "[a]\nb = 1\n[a.b]\n",
            "[a\nb = 1\n",
        ] {
            assert!(!compare(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_are_read_as_by_the_parser(
            lines in prop::collection::vec(prop::sample::select(vec![
                "a = 1", "b = \"x\"", "c = \"\"", "d = 'y'", "e = [", "]", "  1,", "f = \"\"\"", "\"\"\"", "g = '''", "'''", "# c", "", "  # d",
                "[t]", "[t.u]", "[[v]]", "h.i = 1", "j = {k = 1}", "l = 1 # m", "\"n\" = 1", "o = \"p\\n\"", "q =", "r = 1.5", "\u{feff}",
                "s = \"é\"", "t = 1\r", "sops = 1", "{", "}",
            ]), 0..12),
            ends: bool,
        ) {
            compare(&(lines.join("\n") + if ends { "\n" } else { "" }));
        }
    }
}
