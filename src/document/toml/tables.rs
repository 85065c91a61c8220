//! Owns the tree of a TOML text while it is read: which table a header or a dotted key leads to, and that nothing is defined twice.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::{Segment, Span, Style};
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
    /// Header or key (or the value, in an array) to the end of the value.
    pub(super) entry: Span,
    pub(super) value: Span,
    /// The comment behind it on its line.
    pub(super) behind: Option<Span>,
    pub(super) parent: Id,
    pub(super) first: Id,
    pub(super) last: Id,
    pub(super) next: Id,
    /// How many items an array has.
    pub(super) items: u32,
    /// The last item of an array.
    pub(super) item: Id,
    depth: u32,
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
    pub(super) nodes: Vec<Built>,
    known: HashMap<(Id, Cow<'t, str>), Id>,
}

impl<'t> Tables<'t> {
    /// With the top level alone.
    pub(super) fn new(whole: Span, guess: usize) -> Self {
        let mut nodes = Vec::with_capacity(guess);
        nodes.push(Built {
            kind: Kind::Table(Origin::Header),
            segment: Segment::Document(0),
            entry: whole,
            value: whole,
            behind: None,
            parent: NONE,
            first: NONE,
            last: NONE,
            next: NONE,
            items: 0,
            item: NONE,
            depth: 0,
        });
        Self { nodes, known: HashMap::with_capacity(guess) }
    }

    pub(super) fn node(&self, id: Id) -> &Built {
        &self.nodes[id as usize]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Built {
        &mut self.nodes[id as usize]
    }

    /// Adds a node as last child.
    pub(super) fn add(&mut self, parent: Id, kind: Kind, segment: Segment, entry: Span, value: Span) -> Result<Id, Fault> {
        let depth = self.node(parent).depth + 1;
        if depth as usize > MAX_DEPTH {
            return Fault::new(entry.start as usize, "nested too deep");
        }
        let id = self.nodes.len() as Id;
        self.nodes.push(Built {
            kind,
            segment,
            entry,
            value,
            behind: None,
            parent,
            first: NONE,
            last: NONE,
            next: NONE,
            items: 0,
            item: NONE,
            depth,
        });
        let last = std::mem::replace(&mut self.node_mut(parent).last, id);
        match last {
            NONE => self.node_mut(parent).first = id,
            last => self.node_mut(last).next = id,
        }
        Ok(id)
    }

    /// Adds the next item of an array.
    pub(super) fn add_item(&mut self, array: Id, kind: Kind, span: Span) -> Result<Id, Fault> {
        let index = self.node(array).items;
        self.node_mut(array).items += 1;
        let item = self.add(array, kind, Segment::Index(index), span, span)?;
        self.node_mut(array).item = item;
        Ok(item)
    }

    /// Adds an entry that must be new.
    pub(super) fn add_entry(&mut self, table: Id, part: Part<'t>, kind: Kind, entry: Span, value: Span) -> Result<Id, Fault> {
        let id = self.nodes.len() as Id;
        if self.known.insert((table, part.key.clone()), id).is_some() {
            return Err(twice(part.at, &part.key));
        }
        self.add(table, kind, part.segment, entry, value)
    }

    /// The table in which the last part of a dotted key stands.
    pub(super) fn dotted(&mut self, mut table: Id, parts: Vec<Part<'t>>, entry: Span) -> Result<(Id, Part<'t>), Fault> {
        let start = parts.first().map_or(0, |part| part.at);
        let mut parts = parts.into_iter();
        let Some(mut last) = parts.next() else { return Fault::new(start, "expected a key") };
        for next in parts {
            let part = std::mem::replace(&mut last, next);
            table = match self.known.get(&(table, part.key.clone())) {
                None => self.add_entry(table, part, Kind::Table(Origin::Dotted), entry, entry)?,
                Some(&id) if self.node(id).kind == Kind::Table(Origin::Dotted) => id,
                Some(_) => return Err(twice(part.at, &part.key)),
            };
        }
        Ok((table, last))
    }

    /// What of the containers on the way to a header is there already: the innermost.
    pub(super) fn holder(&self, parts: &[Part<'t>], is_array: bool) -> Id {
        let mut table = 0;
        for (n, part) in parts.iter().enumerate() {
            let found = self.known.get(&(table, part.key.clone())).map(|&id| (id, self.node(id).kind));
            table = match found {
                Some((id, Kind::Tables)) if n + 1 == parts.len() && is_array => id,
                Some((id, Kind::Tables)) => self.node(id).item,
                Some((id, Kind::Table(_))) => id,
                _ => break,
            };
        }
        table
    }

    /// The table that a header names, new or so far only implied.
    pub(super) fn header(&mut self, parts: Vec<Part<'t>>, is_array: bool, span: Span) -> Result<Id, Fault> {
        let mut table = 0;
        let last = parts.len().saturating_sub(1);
        for (n, part) in parts.into_iter().enumerate() {
            let found = self.known.get(&(table, part.key.clone())).copied();
            let is_last = n == last;
            table = match (found, found.map(|id| self.node(id).kind)) {
                (None, _) if !is_last => self.add_entry(table, part, Kind::Table(Origin::Implicit), span, span)?,
                (None, _) if is_array => {
                    let array = self.add_entry(table, part, Kind::Tables, span, span)?;
                    self.add_item(array, Kind::Table(Origin::Header), span)?
                }
                (None, _) => self.add_entry(table, part, Kind::Table(Origin::Header), span, span)?,
                (Some(id), Some(Kind::Tables)) if is_last && is_array => self.add_item(id, Kind::Table(Origin::Header), span)?,
                (Some(id), Some(Kind::Tables)) if !is_last => self.node(id).item,
                (Some(id), Some(Kind::Table(origin))) if !is_last && origin != Origin::Inline => id,
                (Some(id), Some(Kind::Table(Origin::Implicit))) if is_last && !is_array => {
                    let node = self.node_mut(id);
                    node.kind = Kind::Table(Origin::Header);
                    (node.entry, node.value) = (span, span);
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
