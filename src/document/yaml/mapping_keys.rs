//! Keys of mappings while a document is read: what may be one, and that none is there twice.

use std::borrow::Cow;

use super::anchors::Target;
use super::decode::decode;
use super::event::Event;
use super::leaves::Composer;
use super::resolve::resolve;
use super::tags;
use crate::document::{Leaf, NodeKind, ParseError, PathId, PathNode, Segment, Span, Style, Tag, position};
use crate::value::ValueType;

impl Composer<'_> {
    /// A scalar that is a key: its value comes next.
    pub(super) fn key(&mut self, entry: u32, leaf: &Leaf, tag: &str) -> Result<(), ParseError> {
        let text = self.text;
        // A key without a `?` before it has one line, which says itself.
        let key = match leaf.style == Style::Plain && entry == leaf.span.start {
            true => Cow::Borrowed(&text[leaf.span.range()]),
            false => decode(text, leaf.span, leaf.style, leaf.indent),
        };
        if !is_string(&key, leaf) {
            return Err(self.error(entry, "a mapping key is not a string: put it in quotes"));
        }
        let is_merge = leaf.style == Style::Plain && key == "<<" && tags::is_merge(tag);
        let place = match &key {
            Cow::Borrowed(key) => place_in(text, key),
            Cow::Owned(_) => None,
        };
        let segment = place.map_or_else(|| self.paths.push_decoded(&key), Segment::Key);
        self.entry(entry, leaf.span, &key, segment, is_merge);
        Ok(())
    }

    /// An alias as a key stands for the text of a scalar.
    pub(super) fn alias_key(&mut self, event: &Event, target: &Target) -> Result<(), ParseError> {
        let Target::Scalar(leaf) = target else {
            return Err(self.error(event.span.start, "a mapping key is an alias to a list or a mapping"));
        };
        let key = decode(self.text, leaf.span, leaf.style, leaf.indent);
        if !is_string(&key, leaf) {
            return Err(self.error(event.span.start, "a mapping key is an alias to a value that is not a string"));
        }
        let segment = self.paths.push_decoded(&key);
        self.entry(event.entry, event.span, &key, segment, false);
        Ok(())
    }

    /// Adds the entry of a key, whose value comes next.
    fn entry(&mut self, start: u32, span: Span, key: &str, segment: Segment, is_merge: bool) {
        let is_checked = self.is_checked();
        let is_top = self.frames.len() == 1;
        let Some(frame) = self.frames.last_mut() else { return };
        let place = Span { start, end: span.end };
        let node = PathNode {
            parent: frame.path,
            segment,
            kind: NodeKind::Scalar,
            copy: false,
            entry: place,
            value: Span { start: span.end, end: span.end },
        };
        let path = self.paths.push(node);
        frame.entry = Some((path, is_merge));
        if is_top && key == "sops" {
            self.metadata.push(path);
            self.flags = Leaf::METADATA;
        }
        if is_checked {
            self.keys.add(key, path);
        }
    }

    /// Refuses a mapping with equal keys.
    pub(super) fn unique(&mut self, keys: u32) -> Result<(), ParseError> {
        let (paths, text) = (&self.paths, self.text);
        let Some((first, again)) = self.keys.close(keys, |a, b| paths.key(a, text) == paths.key(b, text)) else { return Ok(()) };
        let at = |id: PathId| paths.node(id).entry.start;
        let (shown, first) = (paths.display(again, text), position(text.as_bytes(), at(first) as usize));
        Err(self.error(at(again), format!("the key {shown} is there twice (first at {first})")))
    }
}

/// Where a slice of a text is in it. An empty block scalar decodes to a text that is no part of the source.
fn place_in(text: &str, slice: &str) -> Option<Span> {
    let start = slice.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let end = start + slice.len();
    (end <= text.len()).then(|| Span::new(start, end))
}

/// Whether a key is a string for go-yaml.
fn is_string(key: &str, leaf: &Leaf) -> bool {
    match leaf.tag {
        Tag::Str => return true,
        Tag::None if leaf.style != Style::Plain => return true,
        Tag::None => match key.as_bytes().first() {
            Some(b'n' | b'N' | b't' | b'T' | b'f' | b'F') => {
                return !matches!(key, "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
            }
            // Only what starts with one of these can be a number, a date or null.
            Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'~') | None => {}
            Some(_) => return true,
        },
        _ => {}
    }
    resolve(Cow::Borrowed(key), leaf.style, leaf.tag).is_ok_and(|value| value.kind() == ValueType::Str && leaf.tag != Tag::Binary)
}
