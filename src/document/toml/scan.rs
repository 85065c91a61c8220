//! Owns [`scan`]: from text to [`Document`]. The leaves are in the order of the tree: a table that is continued elsewhere in the text
//! is one table.

use toml_parser::Source;
use toml_parser::lexer::{Lexer, Token, TokenKind};
use toml_parser::parser::{Event, RecursionGuard, ValidateWhitespace, parse_document};

use super::super::segments::Part;
use super::super::{Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Span, Style, Tag};
use super::build::{Builder, of_problem};
use super::outline::Line;
use super::tables::{Id, Kind, NONE, Origin};

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
    let mut builder = Builder::new(text, with_lines);
    let mut problem = None;
    {
        let source = Source::new(text);
        let mut tokens = source.lex();
        let mut take = |event: Event| builder.event(&event);
        let mut checked = ValidateWhitespace::new(&mut take, source);
        let mut guarded = RecursionGuard::new(&mut checked, MAX_DEPTH as u32);
        let mut chunk = Vec::with_capacity(CHUNK + 64);
        while problem.is_none() && next_chunk(&mut tokens, &mut chunk) {
            parse_document(&chunk, &mut guarded, &mut problem);
        }
    }
    builder.finish();
    let problem = problem.map(|problem| of_problem(&problem, bytes.len()));
    // The first in the text is what is wrong; others follow from it.
    let faults = [problem, builder.fault.take(), builder.tables.duplicate()];
    match faults.into_iter().flatten().min_by_key(|fault| fault.at) {
        Some(fault) => Err(ParseError::at(bytes, fault.at, fault.message.into_owned())),
        None => Ok(Finished::new(text, builder)),
    }
}

/// Tokens are taken by about so many: all of them at once would be many times the size of the text.
const CHUNK: usize = 4096;

/// Tokens up to the end of a line outside of all brackets, which is where one statement ends and another begins; `false` at the end.
fn next_chunk(tokens: &mut Lexer<'_>, chunk: &mut Vec<Token>) -> bool {
    chunk.clear();
    let mut depth = 0_usize;
    for token in tokens {
        chunk.push(token);
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
            TokenKind::Newline if depth == 0 && chunk.len() >= CHUNK => break,
            _ => {}
        }
    }
    !chunk.is_empty()
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
