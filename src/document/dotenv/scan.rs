//! Owns [`scan`]: from text to [`Document`], one pass over the lines.

use super::super::lines::expected_leaves;
use super::super::segments::Part;
use super::super::{Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Segment, Span, Style, Tag};
use super::PREFIX;
use super::blanks::is_blank;

const ROOT: PathId = PathId(0);

/// Reads a dotenv text. Lines whose names start with `sops_` hang below a node of their own, which is in
/// [`Document::metadata`].
///
/// # Errors
///
/// A line that is no comment and has no `=`; 4 GiB or more.
pub fn scan(text: String) -> Result<Document, ParseError> {
    let bytes = text.as_bytes();
    if u32::try_from(bytes.len()).is_err() {
        return Err(ParseError::at(bytes, 0, "the file is 4 GiB or larger: seal it with `--input-type binary`"));
    }
    let whole = Span::new(0, bytes.len());
    let room = expected_leaves(&text);
    let mut paths = Paths::with_capacity(room);
    let root =
        PathNode { parent: ROOT, segment: Segment::Document(0), kind: NodeKind::BlockMap, copy: false, entry: whole, value: whole };
    paths.push(root);
    let mut leaves = Vec::with_capacity(room);
    let mut sealed_lines: Vec<Line> = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at);
        match Line::read(bytes, start, end) {
            Ok(None) => {}
            Ok(Some(line)) if text[line.start..line.equals].starts_with(PREFIX) => sealed_lines.push(line),
            Ok(Some(line)) => line.add(ROOT, line.start, 0, &mut paths, &mut leaves),
            Err(()) if bytes[start] == b'#' => leaves.push(leaf(ROOT, LeafKind::Comment, Span::new(start, end), 0)),
            Err(()) if is_blank(&bytes[start..end]) => {}
            Err(()) => return Err(no_equals(bytes, start)),
        }
        start = end + 1;
    }
    if leaves.is_empty() {
        leaves.push(leaf(ROOT, LeafKind::EmptyMap, Span::new(0, 0), 0));
    }
    let mut metadata = Vec::new();
    if let (Some(first), Some(last)) = (sealed_lines.first(), sealed_lines.last()) {
        let segment = paths.push_decoded("sops");
        let span = Span::new(first.start, last.end);
        let node = PathNode { parent: ROOT, segment, kind: NodeKind::BlockMap, copy: false, entry: span, value: span };
        let block = paths.push(node);
        metadata.push(block);
        for line in &sealed_lines {
            line.add(block, line.start + PREFIX.len(), Leaf::METADATA, &mut paths, &mut leaves);
        }
    }
    Ok(Part { paths, leaves, metadata }.into_document(text, Format::Dotenv))
}

/// A line with a key and a value.
struct Line {
    start: usize,
    equals: usize,
    end: usize,
}

impl Line {
    /// The line from `start` to `end`; `None` if it is empty. An error for comments and lines without `=`.
    fn read(bytes: &[u8], start: usize, end: usize) -> Result<Option<Self>, ()> {
        if start == end {
            return Ok(None);
        }
        if bytes[start] == b'#' {
            return Err(());
        }
        let equals = memchr::memchr(b'=', &bytes[start..end]).ok_or(())?;
        Ok(Some(Self { start, equals: start + equals, end }))
    }

    /// Adds the node and the leaf; the key starts at `key`.
    fn add(&self, parent: PathId, key: usize, flags: u8, paths: &mut Paths, leaves: &mut Vec<Leaf>) {
        let value = Span::new(self.equals + 1, self.end);
        let path = paths.push(PathNode {
            parent,
            segment: Segment::Key(Span::new(key, self.equals)),
            kind: NodeKind::Scalar,
            copy: false,
            entry: Span::new(self.start, self.end),
            value,
        });
        leaves.push(leaf(path, LeafKind::Scalar, value, flags));
    }
}

fn leaf(path: PathId, kind: LeafKind, span: Span, flags: u8) -> Leaf {
    Leaf { path, span, props: span.start, indent: 0, kind, style: Style::Plain, tag: Tag::None, flags }
}

fn no_equals(bytes: &[u8], start: usize) -> ParseError {
    ParseError::at(
        bytes,
        start,
        "the line has no `=`: a value may not go on over several lines (write a line break in it as `\\n`, or read the file as shells do \
         with --dotenv-dialect posix), and a comment must start with `#` in the first column",
    )
}
