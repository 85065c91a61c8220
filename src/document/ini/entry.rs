//! Owns [`Section`]: what one section holds, as it is read, before it is put into the tree.

use std::collections::HashMap;
use std::ops::Range;

use super::super::{Leaf, LeafKind, NodeKind, PathId, PathNode, Paths, Segment, Span, Style, Tag};
use super::METADATA;
use super::read::Found;

/// The comment of a key or header: lines before it, and the rest of its line.
#[derive(Default)]
pub(super) struct Group {
    /// From the mark of the first line to the end of the last one. A sealed comment is a part of its own: where several stand
    /// together (a merge brought them there), sops reads the first and drops the others.
    parts: Vec<Range<usize>>,
    /// The comment on the line itself, from its mark.
    tail: Option<Range<usize>>,
}

impl Group {
    /// The same with a comment on the line itself.
    pub(super) fn with_tail(self, tail: Option<Range<usize>>) -> Self {
        Self { tail, ..self }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, text: &str, line: Range<usize>) {
        match self.parts.last_mut() {
            Some(part) if !is_sealed(&text[part.clone()]) && !is_sealed(&text[line.clone()]) => part.end = line.end,
            _ => self.parts.push(line),
        }
    }

    /// Where it starts.
    pub(super) fn start(&self) -> Option<usize> {
        self.parts.first().map(|part| part.start)
    }

    /// Takes the lines out.
    pub(super) fn take_lines(&mut self) -> Self {
        Self { parts: std::mem::take(&mut self.parts), tail: None }
    }

    /// Adds its leaves. Only the first is seen by sops.
    fn leaves(&self, text: &str, container: PathId, owner: PathId, flags: u8, out: &mut Vec<Leaf>) {
        let mut add = |whole: &Range<usize>, tail: u32, flags: u8| {
            let start = whole.start + marks(&text[whole.clone()]);
            let leaf = leaf(container, LeafKind::Comment, Span::new(start, whole.end), flags);
            out.push(Leaf { props: owner.0, indent: tail, ..leaf });
        };
        let joined_tail = self.tail.as_ref().filter(|tail| !self.parts.is_empty() && !is_sealed(&text[(*tail).clone()]));
        for (index, part) in self.parts.iter().enumerate() {
            match index {
                0 => add(part, joined_tail.map_or(0, |tail| tail.start as u32), flags),
                _ => add(part, 0, flags | Leaf::SHADOWED),
            }
        }
        if let (Some(tail), None) = (&self.tail, joined_tail) {
            let shadowed = if self.parts.is_empty() { 0 } else { Leaf::SHADOWED };
            add(tail, 0, flags | Leaf::INLINE | shadowed);
        }
    }
}

/// Whether a comment, its mark included, is a sealed one.
fn is_sealed(comment: &str) -> bool {
    comment[marks(comment)..].starts_with("ENC[AES256_GCM,")
}

/// How many bytes of a comment are its mark, repeated, with blanks.
pub(super) fn marks(comment: &str) -> usize {
    let rest = match comment.as_bytes().first() {
        Some(b'#') => comment.trim_start_matches(['#', ' ']),
        _ => comment.trim_start_matches([';', ' ']),
    };
    comment.len() - rest.len()
}

/// A key with its value.
pub(super) struct KeyLine {
    /// Where its line starts.
    pub(super) start: usize,
    /// The key, as it stands or (numbered by us) as it is called.
    pub(super) name: Name,
    /// The value.
    pub(super) value: Found,
    /// Its comment.
    pub(super) comment: Group,
}

/// How a key is called.
pub(super) enum Name {
    /// As it stands in the text.
    Source(Range<usize>),
    /// A key `-`: `#1`, `#2` and so on.
    Numbered(String),
}

impl Name {
    fn text<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::Source(range) => &text[range.clone()],
            Self::Numbered(name) => name,
        }
    }
}

/// A section as it is read.
pub(super) struct Section {
    /// Its name; `None` for the section of what stands before the first header.
    pub(super) name: Option<Range<usize>>,
    /// Where it starts.
    pub(super) start: usize,
    /// Where its header ends, behind the bracket.
    pub(super) header_end: usize,
    /// The comment of its header.
    pub(super) comment: Group,
    /// What stands behind the bracket and is no comment.
    pub(super) rest: Option<Range<usize>>,
    /// Its keys.
    pub(super) keys: Vec<KeyLine>,
}

/// Where sections go.
pub(super) struct Tree<'t> {
    pub(super) text: &'t str,
    pub(super) paths: Paths,
    pub(super) leaves: Vec<Leaf>,
    pub(super) metadata: Vec<PathId>,
    /// How many sections of a name there were.
    pub(super) named: HashMap<&'t str, u32>,
}

impl<'t> Tree<'t> {
    /// Adds a section in sops's order: its comment, each key with its comment behind it; then what sops does not see. `trailing` are
    /// the comments that follow its last key at the end of the text, or before the metadata.
    pub(super) fn add(&mut self, section: &Section, trailing: &Group, end: usize) {
        let text: &'t str = self.text;
        let name = section.name.as_ref().map_or(super::DEFAULT, |name| &text[name.clone()]);
        let is_metadata = name == METADATA;
        let flags = if is_metadata { Leaf::METADATA } else { 0 };
        let segment = match &section.name {
            Some(name) => Segment::Key(Span::new(name.start, name.end)),
            None => self.paths.push_decoded(name),
        };
        let span = Span::new(section.start, end);
        let body = Span::new(section.header_end, end);
        let kind = NodeKind::BlockMap;
        let path = self.paths.push(PathNode { parent: PathId(0), segment, kind, copy: false, entry: span, value: body });
        let named = self.named.entry(name).or_default();
        self.paths.set_twin(path, *named);
        *named += 1;
        if is_metadata {
            self.metadata.push(path);
        }
        let first = self.leaves.len();
        section.comment.leaves(text, path, path, flags, &mut self.leaves);
        let mut last: HashMap<&str, usize> = HashMap::with_capacity(section.keys.len());
        for (index, key) in section.keys.iter().enumerate() {
            last.insert(key.name.text(text), index);
        }
        let mut shadowed = Vec::new();
        let mut placed: Vec<bool> = vec![false; section.keys.len()];
        for (index, key) in section.keys.iter().enumerate() {
            let counts = last[key.name.text(text)];
            if !std::mem::replace(&mut placed[counts], true) {
                self.key(&section.keys[counts], path, flags);
            }
            if counts != index {
                shadowed.push(key);
            }
        }
        if self.leaves.len() == first {
            self.leaves.push(leaf(path, LeafKind::EmptyMap, Span::new(section.header_end, section.header_end), flags));
        }
        for (number, key) in shadowed.into_iter().enumerate() {
            self.shadowed_key(key, path, number, flags);
        }
        for rest in section.rest.iter().chain(section.keys.iter().filter_map(|key| key.value.rest.as_ref())) {
            let flags = flags | Leaf::SHADOWED | Leaf::REST;
            let leaf = leaf(path, LeafKind::Comment, Span::new(rest.start, rest.end), flags);
            self.leaves.push(Leaf { props: path.0, ..leaf });
        }
        let root = PathId(0);
        trailing.leaves(text, root, root, flags | Leaf::SHADOWED, &mut self.leaves);
    }

    fn key(&mut self, key: &KeyLine, section: PathId, flags: u8) {
        let path = self.node(key, section, NodeKind::Scalar);
        self.leaves.push(value_leaf(key, path, flags));
        key.comment.leaves(self.text, section, path, flags, &mut self.leaves);
    }

    /// An item of a list of its own below its key, so that it has a place.
    fn shadowed_key(&mut self, key: &KeyLine, section: PathId, number: usize, flags: u8) {
        let list = self.node(key, section, NodeKind::BlockSeq);
        let node = *self.paths.node(list);
        let segment = Segment::Index(number as u32);
        let path = self.paths.push(PathNode { parent: list, segment, kind: NodeKind::Scalar, ..node });
        let flags = flags | Leaf::SHADOWED;
        self.leaves.push(value_leaf(key, path, flags));
        key.comment.leaves(self.text, section, path, flags, &mut self.leaves);
    }

    fn node(&mut self, key: &KeyLine, parent: PathId, kind: NodeKind) -> PathId {
        let segment = match &key.name {
            Name::Source(name) => Segment::Key(Span::new(name.start, name.end)),
            Name::Numbered(name) => self.paths.push_decoded(name),
        };
        let value = Span::new(key.value.span.start, key.value.span.end);
        let entry = Span::new(key.start, key.value.span.end);
        self.paths.push(PathNode { parent, segment, kind, copy: false, entry, value })
    }
}

fn value_leaf(key: &KeyLine, path: PathId, flags: u8) -> Leaf {
    let Found { span, quote, continued, .. } = &key.value;
    let flags = if *continued { flags | Leaf::CONTINUED } else { flags };
    let mut leaf = leaf(path, LeafKind::Scalar, Span::new(span.start, span.end), flags);
    leaf.props = (span.start + quote) as u32;
    leaf
}

fn leaf(path: PathId, kind: LeafKind, span: Span, flags: u8) -> Leaf {
    Leaf { path, span, props: span.start, indent: 0, kind, style: Style::Plain, tag: Tag::None, flags }
}
