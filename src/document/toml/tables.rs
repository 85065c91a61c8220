//! Owns the tree of a TOML text while it is read: which table a header or a dotted key leads to, and that nothing is defined twice.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::key_sets::KeySets;
use super::super::{PathId, Segment, Span, Style};
use super::scan::MAX_DEPTH;

/// Index of a node.
pub(super) type Id = u32;

/// No node.
pub(super) const NONE: Id = u32::MAX;

/// How a table came to be: what may be added to it depends on that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The top level, an element of an array of tables, or `[name]`.
    Header,
    /// On the way to a header: may still get its own.
    Implicit,
    /// On the way of a dotted key: takes further dotted keys.
    Dotted,
    /// `{ ... }`: complete.
    Inline,
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table(Origin),
    /// `[[name]]`
    Tables,
    /// `[ ... ]`
    Array,
    Scalar(Style),
    Comment,
}

/// One place of the tree.
pub(super) struct Built {
    pub(super) kind: Kind,
    pub(super) segment: Segment,
    /// First byte of the header or key (or the value, in an array); the entry ends with the value.
    pub(super) start: u32,
    pub(super) value: Span,
    /// Index of the comment behind it on its line.
    behind: u32,
    pub(super) parent: Id,
    pub(super) next: Id,
    /// Index of what only containers have.
    container: u32,
}

impl Built {
    /// Header or key to the end of the value.
    pub(super) fn entry(&self) -> Span {
        Span { start: self.start, end: self.value.end }
    }
}

/// What only containers have.
struct Container {
    first: Id,
    last: Id,
    depth: u32,
    /// How many items an array has.
    items: u32,
    /// The last item of an array.
    item: Id,
}

/// A key on the way.
pub(super) struct Part<'t> {
    pub(super) segment: Segment,
    pub(super) key: Cow<'t, str>,
    pub(super) at: usize,
}

/// A rule of the format that a text breaks.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new<T>(at: usize, message: &'static str) -> Result<T, Self> {
        Err(Self { at, message: Cow::Borrowed(message) })
    }
}

/// The tree.
pub(super) struct Tables<'t> {
    text: &'t str,
    pub(super) nodes: Vec<Built>,
    containers: Vec<Container>,
    comments: Vec<Span>,
    /// Decoded keys that are not in the text, for [`Segment::DecodedKey`].
    pub(super) decoded: Vec<String>,
    /// The tables and arrays of tables that headers and dotted keys may lead to.
    known: HashMap<(Id, Cow<'t, str>), Id>,
    /// Every key, compared at the end: what is there twice was no table that may be added to.
    keys: KeySets,
}

impl<'t> Tables<'t> {
    /// With the top level alone; room for so many nodes.
    pub(super) fn new(text: &'t str, whole: Span, guess: usize) -> Self {
        let mut nodes = Vec::with_capacity(guess);
        nodes.push(Built {
            kind: Kind::Table(Origin::Header),
            segment: Segment::Document(0),
            start: whole.start,
            value: whole,
            behind: NONE,
            parent: NONE,
            next: NONE,
            container: 0,
        });
        let containers = vec![Container { first: NONE, last: NONE, depth: 0, items: 0, item: NONE }];
        let (comments, decoded) = (Vec::new(), Vec::new());
        Self { text, nodes, containers, comments, decoded, known: HashMap::new(), keys: KeySets::new() }
    }

    pub(super) fn node(&self, id: Id) -> &Built {
        &self.nodes[id as usize]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Built {
        &mut self.nodes[id as usize]
    }

    /// The first child of a container.
    pub(super) fn first(&self, id: Id) -> Id {
        self.containers.get(self.node(id).container as usize).map_or(NONE, |container| container.first)
    }

    /// How many items an array has.
    pub(super) fn items(&self, id: Id) -> u32 {
        self.containers.get(self.node(id).container as usize).map_or(0, |container| container.items)
    }

    /// The last item of an array of tables.
    fn item(&self, id: Id) -> Id {
        self.containers[self.node(id).container as usize].item
    }

    /// The comment behind a node on its line.
    pub(super) fn behind(&self, id: Id) -> Option<Span> {
        self.comments.get(self.node(id).behind as usize).copied()
    }

    /// Notes the comment behind a node; `false` where there is one already.
    pub(super) fn set_behind(&mut self, id: Id, comment: Span) -> bool {
        let is_new = self.node(id).behind == NONE;
        if is_new {
            self.node_mut(id).behind = self.comments.len() as u32;
            self.comments.push(comment);
        }
        is_new
    }

    /// Adds a node as last child; its entry begins at `start`.
    pub(super) fn add(&mut self, parent: Id, kind: Kind, segment: Segment, start: u32, value: Span) -> Result<Id, Fault> {
        let id = self.nodes.len() as Id;
        let own = self.containers.len() as u32;
        let holder = &mut self.containers[self.nodes[parent as usize].container as usize];
        let depth = holder.depth + 1;
        if depth as usize > MAX_DEPTH {
            return Fault::new(start as usize, "nested too deep");
        }
        match std::mem::replace(&mut holder.last, id) {
            NONE => holder.first = id,
            last => self.nodes[last as usize].next = id,
        }
        let is_container = !matches!(kind, Kind::Scalar(_) | Kind::Comment);
        if is_container {
            self.containers.push(Container { first: NONE, last: NONE, depth, items: 0, item: NONE });
        }
        let container = if is_container { own } else { NONE };
        self.nodes.push(Built { kind, segment, start, value, behind: NONE, parent, next: NONE, container });
        Ok(id)
    }

    /// Adds the next item of an array.
    pub(super) fn add_item(&mut self, array: Id, kind: Kind, span: Span) -> Result<Id, Fault> {
        let item = self.add(array, kind, Segment::Index(self.items(array)), span.start, span)?;
        let container = &mut self.containers[self.nodes[array as usize].container as usize];
        container.items += 1;
        container.item = item;
        Ok(item)
    }

    /// Adds an entry that must be new.
    pub(super) fn add_entry(&mut self, table: Id, part: Part<'t>, kind: Kind, start: u32, value: Span) -> Result<Id, Fault> {
        let id = self.nodes.len() as Id;
        self.keys.add_of(table, &part.key, PathId(id));
        // A key that is here already is found at the end: the first of equal keys leads on.
        if matches!(kind, Kind::Tables | Kind::Table(Origin::Header | Origin::Implicit | Origin::Dotted)) {
            self.known.entry((table, part.key)).or_insert(id);
        }
        self.add(table, kind, part.segment, start, value)
    }

    /// The first key that is in its table a second time.
    pub(super) fn duplicate(&mut self) -> Option<Fault> {
        let mut keys = std::mem::replace(&mut self.keys, KeySets::new());
        let same = |a: PathId, b: PathId| {
            let (a, b) = (self.node(a.0), self.node(b.0));
            a.parent == b.parent && self.key(a.segment) == self.key(b.segment)
        };
        let (_, again) = keys.close(0, same)?;
        let node = self.node(again.0);
        Some(twice(self.at(node), self.key(node.segment)))
    }

    fn key(&self, segment: Segment) -> &str {
        match segment {
            Segment::Key(span) => &self.text[span.range()],
            Segment::DecodedKey(index) => &self.decoded[index as usize],
            Segment::Document(_) | Segment::Index(_) => "",
        }
    }

    /// Where the key of a node stands, or, where that is decoded, its header or dotted key.
    fn at(&self, node: &Built) -> usize {
        match node.segment {
            Segment::Key(span) if matches!(self.text.as_bytes().get((span.start as usize).wrapping_sub(1)), Some(b'"' | b'\'')) => {
                span.start as usize - 1
            }
            Segment::Key(span) => span.start as usize,
            _ => node.start as usize,
        }
    }

    /// The table in which the last part of a dotted key stands. The parts are left without it.
    pub(super) fn dotted(
        &mut self,
        mut table: Id,
        parts: &mut Vec<Part<'t>>,
        start: u32,
        value: Span,
    ) -> Result<(Id, Part<'t>), Fault> {
        let Some(last) = parts.pop() else { return Fault::new(start as usize, "expected a key") };
        for part in parts.drain(..) {
            table = match self.find(table, &part) {
                None => self.add_entry(table, part, Kind::Table(Origin::Dotted), start, value)?,
                Some(id) if self.node(id).kind == Kind::Table(Origin::Dotted) => id,
                Some(_) => return Err(twice(part.at, &part.key)),
            };
        }
        Ok((table, last))
    }

    fn find(&self, table: Id, part: &Part<'t>) -> Option<Id> {
        self.known.get(&(table, part.key.clone())).copied()
    }

    /// What of the containers on the way to a header is there already: the innermost.
    pub(super) fn holder(&self, parts: &[Part<'t>], is_array: bool) -> Id {
        let mut table = 0;
        for (n, part) in parts.iter().enumerate() {
            let found = self.find(table, part).map(|id| (id, self.node(id).kind));
            table = match found {
                Some((id, Kind::Tables)) if n + 1 == parts.len() && is_array => id,
                Some((id, Kind::Tables)) => self.item(id),
                Some((id, Kind::Table(_))) => id,
                _ => break,
            };
        }
        table
    }

    /// The table that a header names, new or so far only implied.
    pub(super) fn header(&mut self, parts: &mut Vec<Part<'t>>, is_array: bool, span: Span) -> Result<Id, Fault> {
        let mut table = 0;
        let last = parts.len().saturating_sub(1);
        for (n, part) in parts.drain(..).enumerate() {
            let found = self.find(table, &part);
            let is_last = n == last;
            table = match (found, found.map(|id| self.node(id).kind)) {
                (None, _) if !is_last => self.add_entry(table, part, Kind::Table(Origin::Implicit), span.start, span)?,
                (None, _) if is_array => {
                    let array = self.add_entry(table, part, Kind::Tables, span.start, span)?;
                    self.add_item(array, Kind::Table(Origin::Header), span)?
                }
                (None, _) => self.add_entry(table, part, Kind::Table(Origin::Header), span.start, span)?,
                (Some(id), Some(Kind::Tables)) if is_last && is_array => self.add_item(id, Kind::Table(Origin::Header), span)?,
                (Some(id), Some(Kind::Tables)) if !is_last => self.item(id),
                (Some(id), Some(Kind::Table(_))) if !is_last => id,
                (Some(id), Some(Kind::Table(Origin::Implicit))) if is_last && !is_array => {
                    let node = self.node_mut(id);
                    node.kind = Kind::Table(Origin::Header);
                    (node.start, node.value) = (span.start, span);
                    id
                }
                _ => return Err(twice(part.at, &part.key)),
            };
        }
        Ok(table)
    }
}

fn twice(at: usize, key: &str) -> Fault {
    Fault { at, message: Cow::Owned(format!("the key {key:?} is there already, and cannot be defined again or added to")) }
}
