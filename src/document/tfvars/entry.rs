//! Owns what stands before a value: names of attributes, labels of blocks, keys of objects.

use std::borrow::Cow;

use super::super::{Leaf, LeafKind, NodeKind, PathId, Segment, Span, Style};
use super::lex::{self, Ends};
use super::scan::{METADATA_KEY, Place, Scanner};
use super::tokens::{Fault, blanks_end, name_end};
use super::{number, string};

impl Scanner<'_> {
    /// An attribute or a block of the top level.
    pub(super) fn attribute(&mut self) -> Result<(), Fault> {
        self.flags = Leaf::IN_FLOW;
        self.last = None;
        let start = self.at;
        let end = name_end(self.text, start);
        if end == start {
            return match self.peek() {
                Some(b'"') => self.fail("expected a name: names of variables stand without quotes"),
                Some(b'{' | b'[') => self.fail("expected a name: is this JSON? then its name should end with `.json`"),
                Some(0) => self.fail("a NUL byte: the file is no text, seal it as a whole with `--input-type binary`"),
                _ => self.fail("expected a name (`name = value`)"),
            };
        }
        self.at = end;
        self.skip_comments()?;
        let segment = Segment::Key(Span::new(start, end));
        match self.peek() {
            Some(b'=') if self.bytes.get(self.at + 1) != Some(&b'=') => {
                let name = &self.text[start..end];
                self.keys.add(name, PathId(self.paths.len() as u32));
                if name == METADATA_KEY {
                    self.flags |= Leaf::METADATA;
                    self.metadata.push(PathId(self.paths.len() as u32));
                }
                self.at += 1;
                self.skip_comments()?;
                self.value(Place { segment, start })
            }
            Some(b'{' | b'"' | b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.block(segment, start),
            None => Fault::ended(self.bytes, "expected `=` after the name", start),
            Some(_) => self.fail("expected `=` after the name"),
        }
    }

    /// A block (`name "label" { ... }`): one leaf from its labels to its end.
    fn block(&mut self, segment: Segment, start: usize) -> Result<(), Fault> {
        let from = self.at;
        let end = lex::expression_end(self.text, from, Ends::Line)?;
        if !self.text[from..end].ends_with('}') {
            return self.fail("expected `=` after the name, or the braces of a block on its line");
        }
        self.at = end;
        self.leaf(&Place { segment, start }, from, NodeKind::Scalar, LeafKind::Scalar, Style::Plain);
        self.after_value()
    }

    /// The key of an entry of an object, with what stands between it and its value.
    pub(super) fn object_key(&mut self) -> Result<Place, Fault> {
        let start = self.at;
        let segment = match self.peek() {
            Some(b'"') => {
                self.at = lex::string_end(self.text, start)?;
                let raw = Span::new(start + 1, self.at - 1);
                let key = &self.text[raw.range()];
                if string::has_template(key) {
                    return Fault::new(start, "a key with a template: only names and plain strings are keys");
                }
                match string::decode(key, true) {
                    Cow::Borrowed(_) => Segment::Key(raw),
                    Cow::Owned(decoded) if decoded == key => Segment::Key(raw),
                    Cow::Owned(decoded) => self.paths.push_decoded(&decoded),
                }
            }
            Some(b'(') => return self.fail("a key in parentheses is computed: only names and plain strings are keys"),
            Some(b'0'..=b'9') => {
                self.at = number::end(self.bytes, start).unwrap_or(start + 1);
                let raw = Span::new(start, self.at);
                if !is_plain_number(&self.text[raw.range()]) {
                    return Fault::new(start, "a number as key that terraform would write otherwise: put it in quotes");
                }
                Segment::Key(raw)
            }
            Some(b',') => return self.fail("expected a key: there is a comma too many"),
            _ => {
                self.at = name_end(self.text, start);
                if self.at == start {
                    return self.fail("expected a key: a name or a string in double quotes");
                }
                if self.text[start..self.at] == *"for" && !self.is_key_end() {
                    return Fault::new(start, "a `for` expression: only literal values can be sealed");
                }
                Segment::Key(Span::new(start, self.at))
            }
        };
        self.skip_comments()?;
        match self.peek() {
            Some(b':') => {}
            Some(b'=') if !matches!(self.bytes.get(self.at + 1), Some(b'=' | b'>')) => {}
            None => return self.ended(),
            Some(_) => return self.fail("expected `=` or `:` after the key"),
        }
        self.at += 1;
        self.skip_comments()?;
        Ok(Place { segment, start })
    }

    /// Whether only blanks stand before a `=` or `:`.
    fn is_key_end(&self) -> bool {
        matches!(self.bytes.get(blanks_end(self.bytes, self.at)), Some(b'=' | b':'))
    }
}

/// Whether a number is written as terraform writes it, so that its text is the key.
fn is_plain_number(text: &str) -> bool {
    text.len() < 16 && (text == "0" || !text.starts_with('0')) && text.bytes().all(|byte| byte.is_ascii_digit())
}
