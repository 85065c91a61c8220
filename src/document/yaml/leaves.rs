//! Builds a [`Document`] from the parser's events: leaves in the order in which sops walks its tree, places with spans,
//! aliases expanded.
//!
//! What go-yaml's composer and decoder refuse is refused here: unknown anchors, anchors that contain themselves, merge keys
//! without mappings, duplicate keys; and what sops refuses: top levels and keys that it cannot hold.

use std::borrow::Cow;

use super::super::key_sets::KeySets;
use super::super::lines::expected_leaves;
use super::Parser;
use super::anchors::{Anchors, Container, Target};
use super::entry_lines::{EntryLine, Line};
use super::event::{Comment, Event, EventKind, Slot};
use super::late::Late;
use super::resolve::starts_text;
use super::{segments, tags};
use crate::document::segments::SEGMENT;
use crate::document::{
    Alias, Document, Duplicates, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Segment, Span, Style, Tag,
};

/// Each document of an encrypted file has its own copy of the metadata: more of them than this are no use to anyone.
const MAX_DOCUMENTS: usize = 10_000;

/// Reads a YAML text.
///
/// Fails where go-yaml or sops would, with a position; see [`Duplicates`] for the difference between plain and encrypted files.
pub fn scan(text: String, duplicates: Duplicates) -> Result<Document, ParseError> {
    if u32::try_from(text.len()).is_err() {
        return Err(ParseError::at(b"", 0, "the file is larger than 4 GiB"));
    }
    let whole = match segments::compose(&text, duplicates, SEGMENT) {
        Some(joined) => joined,
        None => {
            let mut composer = Composer::new(&text, duplicates, KeySets::new());
            composer.run()?;
            composer.finish()
        }
    };
    let Composed { paths, leaves, aliases, roots, metadata } = whole;
    Ok(Document { text, format: Format::Yaml, paths, leaves, aliases, roots, metadata })
}

/// What the events of a text make: the parts of a [`Document`] without its text.
pub(super) struct Composed {
    pub(super) paths: Paths,
    pub(super) leaves: Vec<Leaf>,
    pub(super) aliases: Vec<Alias>,
    pub(super) roots: Vec<PathId>,
    pub(super) metadata: Vec<PathId>,
}

#[cfg(test)]
impl Composed {
    /// All of it, to be compared.
    pub(super) fn shown(&self) -> String {
        let Self { paths, leaves, aliases, roots, metadata } = self;
        let nodes: Vec<String> = paths.iter().map(|(id, node)| format!("{id:?} {node:?}")).collect();
        format!("{nodes:#?}\n{leaves:#?}\n{aliases:?}\n{roots:?}\n{metadata:?}")
    }
}

/// A container that is open.
pub(super) struct Frame {
    pub(super) path: PathId,
    pub(super) kind: NodeKind,
    /// Leaves before it.
    pub(super) first: u32,
    /// Leaves before its content: `first` and the comments that come first in it.
    pub(super) body: u32,
    /// Late comments before it.
    pub(super) late: u32,
    /// Aliases before it.
    pub(super) aliases: u32,
    pub(super) anchor: Option<u32>,
    /// Items or entries so far.
    pub(super) count: u32,
    /// Whether it is a list of mappings to merge.
    pub(super) merges: bool,
    /// List items that are comments.
    pub(super) has_comment_items: bool,
    /// Mappings: the entry whose value comes next, and whether its key is a merge key.
    pub(super) entry: Option<(PathId, bool)>,
    /// Where its keys start in the key sets.
    pub(super) keys: u32,
}

impl Frame {
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.kind, NodeKind::FlowMap | NodeKind::FlowSeq)
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.kind, NodeKind::BlockMap | NodeKind::FlowMap)
    }
}

/// Takes events and makes a document.
pub(super) struct Composer<'t> {
    pub(super) text: &'t str,
    pub(super) duplicates: Duplicates,
    pub(super) paths: Paths,
    pub(super) leaves: Vec<Leaf>,
    pub(super) aliases: Vec<Alias>,
    pub(super) late: Late,
    pub(super) roots: Vec<PathId>,
    pub(super) metadata: Vec<PathId>,
    pub(super) anchors: Anchors<'t>,
    pub(super) keys: KeySets,
    /// For a segment of a text: whether other lines come before its first.
    pub(super) follows: bool,
    /// For a segment of a text: the keys of its top level, to be compared with those of the others.
    pub(super) top_keys: Option<Vec<u64>>,
    pub(super) frames: Vec<Frame>,
    /// Nodes made for aliases.
    pub(super) copies: usize,
    /// [`Leaf::METADATA`] inside the `sops` entry of the top level.
    pub(super) flags: u8,
}

impl<'t> Composer<'t> {
    pub(super) fn new(text: &'t str, duplicates: Duplicates, keys: KeySets) -> Self {
        Self::with_room(text, duplicates, keys, 1)
    }

    /// With room for what so many texts of this kind hold.
    pub(super) fn with_room(text: &'t str, duplicates: Duplicates, keys: KeySets, texts: usize) -> Self {
        let expected = expected_leaves(text) * texts;
        Self {
            text,
            duplicates,
            paths: Paths::with_capacity(expected + expected / 4),
            leaves: Vec::with_capacity(expected),
            aliases: Vec::new(),
            late: Late::default(),
            roots: Vec::new(),
            metadata: Vec::new(),
            anchors: Anchors::default(),
            keys,
            follows: false,
            top_keys: None,
            frames: Vec::new(),
            copies: 0,
            flags: 0,
        }
    }

    /// What was read, with the late comments in their places.
    pub(super) fn finish(self) -> Composed {
        let Composer { paths, mut leaves, mut aliases, late, roots, metadata, .. } = self;
        late.settle(&mut leaves, &mut aliases);
        Composed { paths, leaves, aliases, roots, metadata }
    }

    pub(super) fn run(&mut self) -> Result<(), ParseError> {
        self.read(true)
    }

    /// Reads the text; without `by_lines` every line goes through tokens and events, which gives the same.
    pub(super) fn read(&mut self, by_lines: bool) -> Result<(), ParseError> {
        let mut parser = Parser::new(self.text)?;
        // go-yaml decides otherwise about comments below the first line of a file.
        parser.scanner.line = u32::from(self.follows);
        loop {
            let event = parser.next_event()?;
            match event.kind {
                EventKind::StreamStart => {}
                EventKind::DocumentStart { .. } => {
                    if self.roots.len() == MAX_DOCUMENTS {
                        return Err(self.error(event.span.start, "the file has more than 10,000 documents"));
                    }
                    self.start_document(event.span.end as usize);
                    self.comments(parser.comments());
                }
                EventKind::DocumentEnd { .. } => self.comments(parser.comments()),
                EventKind::StreamEnd => {
                    if self.roots.is_empty() {
                        self.start_document(self.text.len());
                    }
                    self.comments(parser.comments());
                    return Ok(());
                }
                EventKind::MappingStart { .. } | EventKind::SequenceStart { .. } => {
                    self.before(parser.comments());
                    self.start_container(&event, parser.comments())?;
                }
                EventKind::MappingEnd | EventKind::SequenceEnd => self.end_container(&event, parser.comments())?,
                EventKind::Scalar { style } => {
                    self.before(parser.comments());
                    let tag = if event.tag.is_empty() { Cow::Borrowed("") } else { parser.tag(event.tag) };
                    self.scalar(&event, style, &tag)?;
                    if by_lines {
                        self.entry_lines(&mut parser)?;
                    }
                }
                EventKind::Alias => {
                    self.before(parser.comments());
                    self.alias(&event)?;
                }
            }
        }
    }

    /// Lines that are one entry each, if such come next.
    fn entry_lines(&mut self, parser: &mut Parser<'_>) -> Result<(), ParseError> {
        let Some(lines) = parser.entry_lines() else { return Ok(()) };
        for line in lines {
            match line {
                Line::Entry(line) if self.usual_entry(line) => {}
                Line::Entry(line) => {
                    self.plain(line.key)?;
                    self.plain(line.value)?;
                }
                Line::Open { key, start } => {
                    self.plain(key)?;
                    let start = Event::bare(EventKind::MappingStart { flow: false }, Span { start, end: start });
                    self.start_container(&start, &[])?;
                }
                Line::Close { end } => self.end_container(&Event::bare(EventKind::MappingEnd, Span { start: end, end }), &[])?,
            }
        }
        Ok(())
    }

    /// A plain scalar without properties.
    fn plain(&mut self, span: Span) -> Result<(), ParseError> {
        let style = Style::Plain;
        self.scalar(&Event::bare(EventKind::Scalar { style }, span), style, "")
    }

    /// Adds an entry of which nothing but its place has to be looked at; `false` for others.
    #[inline]
    fn usual_entry(&mut self, line: EntryLine) -> bool {
        let (checked, key) = (self.is_checked(), &self.text[line.key.range()]);
        let Some(frame) = self.frames.last_mut() else { return false };
        // The metadata is looked at.
        if !starts_text(key.as_bytes()[0]) || key == "sops" || frame.entry.is_some() || frame.merges {
            return false;
        }
        let entry = Span { start: line.key.start, end: line.value.end };
        let (segment, kind) = (Segment::Key(line.key), NodeKind::Scalar);
        let path = self.paths.push(PathNode { parent: frame.path, segment, kind, copy: false, entry, value: line.value });
        frame.count += 1;
        if checked {
            self.keys.add(key, path);
        }
        let (span, flags) = (line.value, self.flags);
        let (kind, style, tag) = (LeafKind::Scalar, Style::Plain, Tag::None);
        self.leaves.push(Leaf { path, span, props: span.start, indent: 0, kind, style, tag, flags });
        true
    }

    pub(super) fn error(&self, offset: u32, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text.as_bytes(), offset as usize, message)
    }

    /// Whether go-yaml's decoder checks what stands here for sops, or we do for a plain file.
    pub(super) fn is_checked(&self) -> bool {
        self.roots.len() == 1 || self.duplicates == Duplicates::Refuse
    }

    fn start_document(&mut self, offset: usize) {
        let id = PathId(self.paths.len() as u32);
        let place = Span::new(offset, offset);
        let segment = Segment::Document(self.roots.len() as u32);
        self.paths.push(PathNode { parent: id, segment, kind: NodeKind::Scalar, copy: false, entry: place, value: place });
        self.roots.push(id);
    }

    /// The root of the current document.
    fn root(&self) -> PathId {
        self.roots.last().copied().unwrap_or(PathId(0))
    }

    /// The innermost open container.
    pub(super) fn container(&self) -> PathId {
        self.frames.last().map_or_else(|| self.root(), |frame| frame.path)
    }

    /// Whether a node that comes now is a key.
    pub(super) fn expects_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_map() && frame.entry.is_none())
    }

    /// Makes the path node of a value: the entry whose key was read, a list item, or the root.
    pub(super) fn place(&mut self, event: &Event, kind: NodeKind) -> PathId {
        let place = Span { start: event.span.start, end: event.span.end };
        match self.frames.last_mut() {
            None => {
                let root = self.root();
                let node = self.paths.node_mut(root);
                node.kind = kind;
                node.entry = Span { start: event.entry, end: place.end };
                node.value = place;
                root
            }
            Some(Frame { entry: Some((path, _)), .. }) => {
                let node = self.paths.node_mut(*path);
                node.kind = kind;
                node.entry.end = place.end;
                node.value = place;
                *path
            }
            Some(frame) => {
                let segment = Segment::Index(frame.count);
                let entry = Span { start: event.entry, end: place.end };
                self.paths.push(PathNode { parent: frame.path, segment, kind, copy: false, entry, value: place })
            }
        }
    }

    /// A value is complete: the next node in its mapping is a key, its list is longer.
    pub(super) fn complete(&mut self) {
        let top = self.frames.len() == 1;
        if let Some(frame) = self.frames.last_mut() {
            frame.count += 1;
            frame.entry = None;
            if top {
                self.flags = 0;
            }
        }
    }

    fn start_container(&mut self, event: &Event, comments: &[Comment]) -> Result<(), ParseError> {
        if self.expects_key() {
            return Err(self.error(event.entry, "a mapping key is a list or a mapping; sops files have strings as keys"));
        }
        let kind = match event.kind {
            EventKind::MappingStart { flow: false } => NodeKind::BlockMap,
            EventKind::MappingStart { flow: true } => NodeKind::FlowMap,
            EventKind::SequenceStart { flow: true } => NodeKind::FlowSeq,
            _ => NodeKind::BlockSeq,
        };
        let is_map = matches!(kind, NodeKind::BlockMap | NodeKind::FlowMap);
        if self.frames.is_empty() && !is_map {
            return Err(self.top_level(event.span.start, "a list"));
        }
        let merges = self.frames.last().is_some_and(|frame| matches!(frame.entry, Some((_, true))));
        if !is_map && self.is_checked() && self.frames.last().is_some_and(|frame| frame.merges) {
            return Err(self.wants_maps(event.span.start));
        }
        let anchor = (!event.anchor.is_empty()).then(|| self.anchors.add(name(self.text, event.anchor), Target::Open));
        let path = self.place(event, kind);
        let first = self.leaves.len() as u32;
        for comment in comments.iter().filter(|c| c.slot == Slot::First) {
            let leaf = self.comment(comment, path);
            self.leaves.push(leaf);
        }
        self.frames.push(Frame {
            path,
            kind,
            first,
            body: self.leaves.len() as u32,
            late: self.late.len(),
            aliases: self.aliases.len() as u32,
            anchor,
            count: 0,
            merges: merges && !is_map,
            has_comment_items: false,
            entry: None,
            keys: self.keys.open(),
        });
        Ok(())
    }

    fn end_container(&mut self, event: &Event, comments: &[Comment]) -> Result<(), ParseError> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        match &mut self.top_keys {
            Some(keys) if self.frames.is_empty() => *keys = self.keys.take(frame.keys),
            _ => self.unique(frame.keys)?,
        }
        let node = self.paths.node_mut(frame.path);
        node.value.end = event.span.end;
        node.entry.end = event.span.end;
        let value = node.value;
        if frame.count == 0 && !frame.has_comment_items && !self.frames.is_empty() {
            let in_flow = if self.frames.last().is_some_and(Frame::is_flow) { Leaf::IN_FLOW } else { 0 };
            self.leaves.push(Leaf {
                path: frame.path,
                span: value,
                props: value.start,
                indent: 0,
                kind: if frame.is_map() { LeafKind::EmptyMap } else { LeafKind::EmptySeq },
                style: Style::Plain,
                tag: Tag::None,
                flags: self.flags | in_flow,
            });
        }
        let at = |slot| comments.iter().filter(move |c: &&Comment| c.slot == slot);
        for comment in at(Slot::Before).chain(at(Slot::First)) {
            let leaf = self.comment(comment, frame.path);
            self.leaves.push(leaf);
        }
        self.add_late(frame.body, frame.path, at(Slot::BackFirst));
        if let Some(anchor) = frame.anchor {
            let container = Container {
                paths: frame.path.0..self.paths.len() as u32,
                leaves: frame.first..self.leaves.len() as u32,
                late: frame.late..self.late.len(),
                aliases: frame.aliases..self.aliases.len() as u32,
            };
            self.anchors.complete(anchor, container);
        }
        self.add_late(frame.first, self.container(), at(Slot::BackBefore));
        self.complete();
        Ok(())
    }

    fn scalar(&mut self, event: &Event, style: Style, tag: &str) -> Result<(), ParseError> {
        let leaf = Leaf {
            path: PathId(0),
            span: event.span,
            props: properties(event),
            indent: event.indent,
            kind: LeafKind::Scalar,
            style,
            tag: tags::tag(tag),
            flags: self.flags | if self.frames.last().is_some_and(Frame::is_flow) { Leaf::IN_FLOW } else { 0 },
        };
        if !event.anchor.is_empty() {
            self.anchors.add(name(self.text, event.anchor), Target::Scalar(leaf));
        }
        if self.expects_key() {
            return self.key(event.entry, &leaf, tag);
        }
        if self.duplicates == Duplicates::Refuse && is_joined(event) {
            return Err(self.error(event.span.start, "the value follows its anchor directly: put a blank between them"));
        }
        let Some(frame) = self.frames.last_mut() else {
            return self.scalar_root(event, &leaf);
        };
        if frame.merges || matches!(frame.entry, Some((_, true))) {
            if self.is_checked() {
                return Err(self.wants_maps(event.span.start));
            }
        } else if self.duplicates == Duplicates::Keep && !frame.is_map() && is_comment_item(self.text, &leaf) {
            frame.has_comment_items = true;
            self.leaves.push(Leaf { path: frame.path, kind: LeafKind::CommentItem, ..leaf });
            return Ok(());
        }
        let path = self.place(event, NodeKind::Scalar);
        self.leaves.push(Leaf { path, ..leaf });
        self.complete();
        Ok(())
    }

    /// Only an omitted or explicit null can stand for the top level: an empty document.
    fn scalar_root(&mut self, event: &Event, leaf: &Leaf) -> Result<(), ParseError> {
        let is_null = match leaf.tag {
            Tag::Null => true,
            Tag::None => leaf.style == Style::Plain && matches!(&self.text[leaf.span.range()], "" | "~" | "null" | "Null" | "NULL"),
            _ => false,
        };
        if !is_null {
            return Err(self.top_level(event.span.start, "a single value"));
        }
        self.place(event, NodeKind::Scalar);
        Ok(())
    }

    pub(super) fn top_level(&self, offset: u32, what: &str) -> ParseError {
        self.error(
            offset,
            format!("the top level is {what}, not a mapping; to seal the whole file as one value use `--input-type binary`"),
        )
    }

    pub(super) fn wants_maps(&self, offset: u32) -> ParseError {
        self.error(offset, "the value of a merge key `<<` is neither a mapping nor a list of mappings")
    }
}

/// The name of an anchor or alias, without its `&` or `*`.
pub(super) fn name(text: &str, span: Span) -> &str {
    text.get(span.start as usize + 1..span.end as usize).unwrap_or_default()
}

/// Whether a scalar has no blank between its anchor and itself (`&a:b` is an anchor and the scalar `:b`): no other text fits there.
fn is_joined(event: &Event) -> bool {
    !event.span.is_empty() && event.anchor.end == event.span.start && !event.anchor.is_empty()
}

/// The first byte of anchor and tag, or of the scalar itself.
fn properties(event: &Event) -> u32 {
    let start = |span: Span| if span.is_empty() { event.span.start } else { span.start };
    start(event.anchor).min(start(event.tag))
}

/// Whether a list item is a comment as sops writes it.
fn is_comment_item(text: &str, leaf: &Leaf) -> bool {
    let raw = &text[leaf.span.range()];
    let raw = match leaf.style {
        Style::Plain => raw,
        Style::Single | Style::Double => raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default(),
        Style::Literal | Style::Folded => return false,
    };
    raw.ends_with(",type:comment]") && raw.starts_with("ENC[AES256_GCM,data:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Document {
        scan(text.to_owned(), Duplicates::Refuse).unwrap()
    }

    /// One line a leaf: kind, path, text; then its flags.
    fn leaves(document: &Document) -> Vec<String> {
        let show = |leaf: &Leaf| {
            let kind = match leaf.kind {
                LeafKind::Scalar => "=",
                LeafKind::Comment => "#",
                LeafKind::CommentItem => "-#",
                LeafKind::EmptyMap => "{}",
                LeafKind::EmptySeq => "[]",
            };
            let flags = [(Leaf::IN_FLOW, "flow"), (Leaf::COPY, "copy"), (Leaf::INLINE, "inline"), (Leaf::METADATA, "metadata")];
            let flags: Vec<&str> = flags.iter().filter(|(flag, _)| leaf.has(*flag)).map(|(_, name)| *name).collect();
            let path = document.paths.display(leaf.path, &document.text);
            format!("{kind} {path} {} {}", &document.text[leaf.span.range()], flags.join(" ")).trim_end().to_owned()
        };
        document.leaves.iter().map(show).collect()
    }

    fn error(text: &str) -> String {
        match scan(text.to_owned(), Duplicates::Refuse) {
            Ok(_) => panic!("accepted: {text:?}"),
            Err(error) => error.to_string(),
        }
    }

    /// The texts of entry and value of every path node but the roots.
    fn places(document: &Document) -> Vec<(String, &str, &str)> {
        let places = document.paths.iter().filter(|(id, _)| !document.paths.is_root(*id)).map(|(id, node)| {
            let text = |span: Span| &document.text[span.range()];
            (document.paths.display(id, &document.text), text(node.entry), text(node.value))
        });
        places.collect()
    }

    #[test]
    fn a_value_that_joins_its_anchor_has_no_place_for_another_one() {
        assert_eq!(error("a: &x:e\n"), "line 1, column 6: the value follows its anchor directly: put a blank between them");
        assert_eq!(leaves(&scan("a: &x:e\n".into(), Duplicates::Keep).unwrap()), ["= a :e"]);
        assert_eq!(leaves(&read("a: &x :e\nb: [&y , &z]\n")), ["= a :e", "= b[0]  flow", "= b[1]  flow"]);
    }

    /// Found by fuzzing: its text is none of the source.
    #[test]
    fn a_key_may_be_an_empty_block_scalar() {
        let document = read("? >2-\n\n: v\n");
        assert_eq!(document.paths.key(document.leaves[0].path, &document.text), Some(""));
    }

    #[test]
    fn leaves_come_in_the_order_of_the_tree() {
        let text = "# head\na: 1 # line\nb:\n  - x\n  # in the list\n  - y: {z: 'q', e: {}}\n  - []\nc:\n";
        let expected = [
            "# (top level) # head",
            "# (top level) # line inline",
            "= a 1",
            "= b[0] x",
            "# b # in the list",
            "= b[1].y.z 'q' flow",
            "{} b[1].y.e {} flow",
            "[] b[2] []",
            "= c",
        ];
        assert_eq!(leaves(&read(text)), expected);
    }

    #[test]
    fn places_have_the_spans_of_their_entries() {
        let text = "a: &x 1\n? b\n: - !t q\n  -\n    k: |\n      v\nf: {g: h, i: [j, k: l]}\n\"q\\t\":\n";
        let document = read(text);
        let expected = [
            ("a", "a: &x 1", "1"),
            ("b", "? b\n: - !t q\n  -\n    k: |\n      v", "- !t q\n  -\n    k: |\n      v"),
            ("b[0]", "- !t q", "q"),
            ("b[1]", "-\n    k: |\n      v", "k: |\n      v"),
            ("b[1].k", "k: |\n      v", "|\n      v"),
            ("f", "f: {g: h, i: [j, k: l]}", "{g: h, i: [j, k: l]}"),
            ("f.g", "g: h", "h"),
            ("f.i", "i: [j, k: l]", "[j, k: l]"),
            ("f.i[0]", "j", "j"),
            ("f.i[1]", "k: l", "k: l"),
            ("f.i[1].k", "k: l", "l"),
            ("\"q\\t\"", "\"q\\t\":", ""),
        ];
        let places = places(&document);
        let places: Vec<_> = places.iter().map(|(path, entry, value)| (path.as_str(), *entry, *value)).collect();
        assert_eq!(places, expected);
        assert_eq!(document.leaves[0].props, 3);
    }

    #[test]
    fn the_metadata_is_marked_in_every_document() {
        let text = "a: 1\nsops: {mac: x}\n---\nb: {sops: 2}\nsops:\n  age: []\n  mac: y\nc: 3\n";
        let document = read(text);
        assert_eq!(document.metadata.len(), 2);
        let marked: Vec<String> = leaves(&document).into_iter().filter(|leaf| leaf.ends_with("metadata")).collect();
        assert_eq!(marked, ["= sops.mac x flow metadata", "[] sops.age [] metadata", "= sops.mac y metadata"]);
    }

    #[test]
    fn an_alias_stands_for_copies_of_what_its_anchor_names() {
        let text = "base: &b\n  x: 1 # one\n  l: &l [p, {q: r}]\nd:\n  <<: *b\n  m: *l\n&k key: *k\ns: &s text\nt: *s\n";
        let document = read(text);
        let copies: Vec<String> = leaves(&document).into_iter().filter(|leaf| leaf.contains("copy")).collect();
        let expected = [
            "# d.\"<<\" # one copy inline",
            "= d.\"<<\".x 1 copy",
            "= d.\"<<\".l[0] p flow copy",
            "= d.\"<<\".l[1].q r flow copy",
            "= d.m[0] p flow copy",
            "= d.m[1].q r flow copy",
            "= key key copy",
            "= t text copy",
        ];
        assert_eq!(copies, expected);
        let aliases: Vec<_> = document.aliases.iter().map(|a| (&text[a.span.range()], a.leaves.len(), a.nested)).collect();
        assert_eq!(aliases, [("*b", 4, false), ("*l", 2, false), ("*k", 1, false), ("*s", 1, false)]);
        let mut data = Vec::new();
        let leaf = document.leaves.iter().find(|l| l.has(Leaf::COPY) && l.kind == LeafKind::Scalar).unwrap();
        document.paths.additional_data(leaf.path, text, &mut data);
        assert_eq!(data, b"d:<<:x:");
    }

    #[test]
    fn aliases_in_copies_are_copied_too() {
        let text = "a: &a [1]\nb: &b {c: *a}\nd: *b\n";
        let document = read(text);
        assert_eq!(leaves(&document), ["= a[0] 1 flow", "= b.c[0] 1 flow copy", "= d.c[0] 1 flow copy"]);
        let nested: Vec<bool> = document.aliases.iter().map(|alias| alias.nested).collect();
        assert_eq!(nested, [false, false, true]);
        assert_eq!(document.aliases[2].leaves, 2..3);
        assert_eq!(document.paths.display(document.aliases[2].path, text), "d.c");
    }

    #[test]
    fn comments_behind_a_container_come_first_in_it() {
        let text = "h: # key\n  i: &x {a: 1, b: [2]} # behind\n  j:\n    - [3, [4]] # item\n    - *x\n";
        let expected = [
            "# (top level) # key",
            "# h.i # behind",
            "= h.i.a 1 flow",
            "= h.i.b[0] 2 flow",
            "# h.j # item inline",
            "= h.j[0][0] 3 flow",
            "= h.j[0][1][0] 4 flow",
            "# h.j[1] # behind copy",
            "= h.j[1].a 1 flow copy",
            "= h.j[1].b[0] 2 flow copy",
        ];
        let document = read(text);
        assert_eq!(leaves(&document), expected);
        assert_eq!(document.aliases[0].leaves, 7..10);
    }

    #[test]
    fn list_items_that_sops_made_of_comments_take_no_index() {
        let item = "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:comment]";
        let text = format!("l:\n  - {item}\n  - x\n  - \"{item}\"\n  - y\nm:\n  - {item}\n");
        let document = scan(text.clone(), Duplicates::Keep).unwrap();
        let expected =
            [format!("-# l {item}"), "= l[0] x".into(), format!("-# l \"{item}\""), "= l[1] y".into(), format!("-# m {item}")];
        assert_eq!(leaves(&document), expected);
        // In a plain file it is a string like any other.
        assert_eq!(read(&text).leaves.iter().filter(|leaf| leaf.kind == LeafKind::CommentItem).count(), 0);
    }

    #[test]
    fn keys_that_are_not_strings_are_refused_with_their_position() {
        for key in ["1", "true", "null", "~", "2020-01-01", "1.5", "0x1F", ".inf", "!!int \"1\"", "[a]", "{a: b}", "? - a\n"] {
            let message = error(&format!("ok: 1\n{key}: v\n"));
            assert!(message.starts_with("line 2, column 1: a mapping key"), "{key}: {message}");
        }
        assert!(error("a: &n 1\n*n : v\n").contains("not a string"));
        for key in ["\"1\"", "'true'", "yes", "!!str 1", "\"<<\"", "no", "n", "1 a", "!x 1"] {
            assert_eq!(read(&format!("{key}: v\n")).leaves.last().unwrap().kind, LeafKind::Scalar, "{key}");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_with_both_positions() {
        assert_eq!(
            error("a:\n  b: 1\n  c: 2\n  \"b\": 3\n"),
            "line 4, column 3: the key a.b is there twice (first at line 2, column 3)"
        );
        let second = "a: 1\n---\nb: 1\nb: 2\n";
        assert_eq!(error(second), "line 4, column 1: the key b is there twice (first at line 3, column 1)");
        assert_eq!(scan(second.into(), Duplicates::Keep).unwrap().leaves.len(), 3);
        assert!(scan("b: 1\nb: 2\n".into(), Duplicates::Keep).is_err());
        assert!(error("&k k: 1\n*k : 2\n").contains("twice"));
    }

    #[test]
    fn merge_keys_want_mappings() {
        for value in ["1", "[1]", "[[{}]]", "*s", "[*s]", "*l", ""] {
            let message = error(&format!("s: &s x\nl: &l [{{}}]\nd:\n  <<: {value}\n"));
            assert!(message.contains("merge key"), "{value}: {message}");
        }
        for value in ["{}", "[{}, {}]", "*m", "[*m, {}]"] {
            read(&format!("m: &m {{a: 1}}\nd:\n  <<: {value}\n"));
        }
        read("d: {\"<<\": 1}\n");
    }

    #[test]
    fn only_mappings_and_nothing_can_be_the_top_level() {
        for (text, what) in [("- a\n", "a list"), ("[a]", "a list"), ("text", "a single value"), ("--- 5", "a single value")] {
            let message = error(text);
            assert!(message.contains(what) && message.contains("--input-type binary"), "{message}");
        }
        assert!(error("a: &x {}\n--- *x\n").contains("an alias"));
        for text in ["", "\n", "# c\n", "---", "--- null", "~", "--- !!null ''", "---\n...\n", "{}"] {
            let document = read(text);
            assert_eq!((document.roots.len(), document.paths.len()), (1, 1), "{text:?}");
            assert!(document.leaves.iter().all(|leaf| leaf.kind == LeafKind::Comment), "{text:?}");
        }
    }

    #[test]
    fn aliases_without_or_inside_their_anchor_are_refused() {
        assert!(error("a: *x\n").contains("not defined"));
        assert!(error("a: &x [*x]\n").contains("never end"));
        assert_eq!(read("a: &x 1\nb: &x 2\nc: *x\n---\nd: *x\n").leaves.len(), 4);
    }

    #[test]
    fn alias_bombs_end_with_an_error() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let items = vec![format!("*a{}", i - 1); 10].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{items}]\n"));
        }
        assert!(error(&text).contains("repeat too much"));
    }
}
