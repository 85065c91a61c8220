//! Owns [`scan`]: a scanner of HCL attributes from text to [`Document`], linear, with its own stack.
//!
//! Accepts what terraform accepts in a variable file; refuses keys that are there twice, which terraform takes in objects (the last
//! one wins), keys in parentheses and NUL bytes. Expressions and blocks become leaves that cannot be sealed.

use super::super::key_sets::KeySets;
use super::super::lines::{expected_leaves, newline_len};
use super::super::segments::Part;
use super::super::{Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Segment, Span, Style, Tag};
use super::lex::{self, Ends};
use super::number;
use super::tokens::{Fault, blanks_end, comment_end, name_end};

/// Lists and objects may be nested this deep.
pub const MAX_DEPTH: usize = 500;

/// The key of the metadata entry at the top level.
pub(super) const METADATA_KEY: &str = "sops";

const BOM: &str = "\u{feff}";

const ROOT: PathId = PathId(0);

/// Reads a text. The attribute named `sops` is in [`Document::metadata`].
///
/// # Errors
/// What is no HCL body of attributes (and blocks), with its position.
pub fn scan(text: String) -> Result<Document, ParseError> {
    let mut scanner = Scanner::new(&text)?;
    scanner.run().map_err(|fault| fault.into_error(text.as_bytes()))?;
    if let Some((again, first)) = scanner.duplicate {
        let shown = scanner.paths.display(again, &text);
        let position = |id: PathId| scanner.paths.node(id).entry.start as usize;
        let first = super::super::position(text.as_bytes(), position(first));
        return Err(ParseError::at(text.as_bytes(), position(again), format!("the key {shown} is there twice (first at {first})")));
    }
    let Scanner { paths, leaves, metadata, .. } = scanner;
    Ok(Part { paths, leaves, metadata }.into_document(text, Format::Tfvars))
}

/// An open list or object.
pub(super) struct Frame {
    path: PathId,
    /// Index of the next item of a list.
    next: u32,
    is_object: bool,
    /// Where the keys of an object begin in the sets.
    keys: u32,
}

/// What comes before a value: its step and the first byte of its entry.
pub(super) struct Place {
    pub(super) segment: Segment,
    pub(super) start: usize,
}

pub(super) struct Scanner<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
    pub(super) stack: Vec<Frame>,
    pub(super) keys: KeySets,
    /// Flags of the leaves of the current top-level entry.
    pub(super) flags: u8,
    /// The scalar that ended last, for comments behind it on its line.
    pub(super) last: Option<usize>,
    pub(super) paths: Paths,
    pub(super) leaves: Vec<Leaf>,
    pub(super) metadata: Vec<PathId>,
    /// The first key that is there twice, and the one it repeats.
    pub(super) duplicate: Option<(PathId, PathId)>,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Result<Self, ParseError> {
        let bytes = text.as_bytes();
        if u32::try_from(bytes.len()).is_err() {
            return Err(ParseError::at(bytes, 0, "the file is 4 GiB or larger: seal it with `--input-type binary`"));
        }
        let guess = expected_leaves(text);
        let mut paths = Paths::with_capacity(guess);
        let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
        let whole = Span::new(start, text.len());
        let segment = Segment::Document(0);
        paths.push(PathNode { parent: ROOT, segment, kind: NodeKind::BlockMap, copy: false, entry: whole, value: whole });
        Ok(Self {
            text,
            bytes,
            at: start,
            stack: Vec::new(),
            keys: KeySets::new(),
            flags: Leaf::IN_FLOW,
            last: None,
            paths,
            leaves: Vec::with_capacity(guess),
            metadata: Vec::new(),
            duplicate: None,
        })
    }

    fn run(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_between()?;
            let Some(frame) = self.stack.last() else {
                if self.at == self.bytes.len() {
                    self.close_keys(0);
                    return Ok(());
                }
                self.attribute()?;
                continue;
            };
            let is_object = frame.is_object;
            match (self.peek(), is_object) {
                (None, _) => return self.ended(),
                (Some(b'}'), true) | (Some(b']'), false) => self.close()?,
                (Some(_), true) => {
                    let place = self.object_key()?;
                    self.value(place)?;
                }
                (Some(_), false) => {
                    let place = self.item();
                    self.value(place)?;
                }
            }
        }
    }

    /// Blanks, line breaks and comments before an entry.
    pub(super) fn skip_between(&mut self) -> Result<(), Fault> {
        loop {
            self.at = blanks_end(self.bytes, self.at);
            match newline_len(self.bytes, self.at) {
                0 => match comment_end(self.bytes, self.at)? {
                    Some(end) => self.comment(end),
                    None => return Ok(()),
                },
                len => {
                    self.at += len;
                    self.last = None;
                }
            }
        }
    }

    /// Takes the comment that ends at `end`. One behind a scalar on its line comes before it in the tree, as in YAML.
    fn comment(&mut self, end: usize) {
        let span = Span::new(self.at, end);
        let path = self.stack.last().map_or(ROOT, |frame| frame.path);
        let is_inline = self.last.is_some() && memchr::memchr(b'\n', &self.bytes[self.at..end]).is_none();
        let flags = self.flags | if is_inline { Leaf::INLINE } else { 0 };
        let leaf =
            Leaf { path, span, props: span.start, indent: 0, kind: LeafKind::Comment, style: Style::Plain, tag: Tag::None, flags };
        match self.last.as_mut().filter(|_| is_inline) {
            Some(last) => {
                self.leaves.insert(*last, leaf);
                *last += 1;
            }
            None => self.leaves.push(leaf),
        }
        self.at = end;
    }

    fn item(&mut self) -> Place {
        let index = self.stack.last_mut().map_or(0, |frame| {
            frame.next += 1;
            frame.next - 1
        });
        Place { segment: Segment::Index(index), start: self.at }
    }

    /// Blanks and comments in braces on one line.
    pub(super) fn skip_comments(&mut self) -> Result<(), Fault> {
        loop {
            self.at = blanks_end(self.bytes, self.at);
            match comment_end(self.bytes, self.at)? {
                Some(end) if self.bytes[self.at] == b'/' && self.bytes[self.at + 1] == b'*' => self.comment(end),
                Some(_) => return self.fail("a comment to the end of the line where something must follow"),
                None => return Ok(()),
            }
        }
    }

    /// Where an expression of the innermost container ends.
    fn ends(&self) -> Ends {
        match self.stack.last() {
            None => Ends::Line,
            Some(frame) if frame.is_object => Ends::Item,
            Some(_) => Ends::ListItem,
        }
    }

    /// Reads a value and what separates it from the next entry, or opens a container with entries.
    pub(super) fn value(&mut self, place: Place) -> Result<(), Fault> {
        let start = self.at;
        let mut style = Style::Plain;
        match self.peek() {
            Some(b'"') => {
                self.at = lex::string_end(self.text, start)?;
                style = Style::Double;
            }
            Some(b'<') if self.bytes.get(start + 1) == Some(&b'<') => {
                self.at = lex::heredoc_end(self.text, start)?;
                style = Style::Double;
            }
            Some(b'{') => return self.open(place, true),
            Some(b'[') => return self.open(place, false),
            Some(b'-' | b'0'..=b'9') => match number::end(self.bytes, start) {
                Some(end) => self.at = end,
                None => self.at = lex::expression_end(self.text, start, self.ends())?,
            },
            Some(b'\n' | b'\r') => return self.fail("expected a value on the line of its key"),
            Some(b',' | b']' | b'}') => return self.fail("expected a value"),
            Some(b'\'') => return self.fail("expected a value: strings stand in double quotes"),
            Some(0) => return self.fail("a NUL byte: the file is no text, seal it as a whole with `--input-type binary`"),
            Some(_) => {
                let end = name_end(self.text, start);
                if matches!(&self.text[start..end], "true" | "false" | "null") {
                    self.at = end;
                } else {
                    self.at = lex::expression_end(self.text, start, self.ends())?;
                }
            }
            None => return self.ended(),
        }
        if !self.is_value_end() {
            style = Style::Plain;
            self.at = lex::expression_end(self.text, start, self.ends())?;
        }
        if self.at == start {
            return self.fail("expected a value");
        }
        self.leaf(&place, start, NodeKind::Scalar, LeafKind::Scalar, style);
        self.last = Some(self.leaves.len() - 1);
        if self.stack.is_empty() {
            return self.after_value();
        }
        self.after_entry()
    }

    /// Whether a literal that ends here is all of the value.
    fn is_value_end(&self) -> bool {
        let at = blanks_end(self.bytes, self.at);
        match self.bytes.get(at) {
            None | Some(b'\n' | b'#') => true,
            Some(b'\r') => newline_len(self.bytes, at) > 0,
            Some(b'/') => matches!(self.bytes.get(at + 1), Some(b'/' | b'*')),
            _ => matches!(self.bytes[at], b',' | b']' | b'}'),
        }
    }

    /// Enters the container at `{` or `[`; an empty one is a leaf.
    fn open(&mut self, place: Place, is_object: bool) -> Result<(), Fault> {
        let start = self.at;
        if self.stack.len() == MAX_DEPTH {
            return self.fail("nested more than 500 levels deep");
        }
        self.last = None;
        if self.starts_with_for(start + 1) {
            self.at = lex::expression_end(self.text, start, self.ends())?;
            self.leaf(&place, start, NodeKind::Scalar, LeafKind::Scalar, Style::Plain);
            return if self.stack.is_empty() { self.after_value() } else { self.after_entry() };
        }
        self.at += 1;
        let kind = if is_object { NodeKind::FlowMap } else { NodeKind::FlowSeq };
        self.add_key(place.segment);
        let path = self.node(&place, start, kind);
        self.stack.push(Frame { path, next: 0, is_object, keys: self.keys.open() });
        Ok(())
    }

    /// Whether a container begins with the word `for`, which makes it an expression.
    fn starts_with_for(&self, mut at: usize) -> bool {
        loop {
            at = blanks_end(self.bytes, at);
            match newline_len(self.bytes, at) {
                0 => break,
                len => at += len,
            }
        }
        let end = name_end(self.text, at);
        self.text[at..end] == *"for" && matches!(self.bytes.get(end), Some(b' ' | b'\t')) && {
            let next = blanks_end(self.bytes, end);
            name_end(self.text, next) > next
        }
    }

    /// Leaves the innermost container at its closing bracket.
    fn close(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.last = None;
        let Some(frame) = self.stack.pop() else { return self.fail("a closing bracket that does not belong here") };
        self.close_keys(frame.keys);
        let node = self.paths.node_mut(frame.path);
        node.entry.end = self.at as u32;
        node.value.end = self.at as u32;
        let (span, is_list) = (node.value, node.kind == NodeKind::FlowSeq);
        let is_empty = frame.next == 0 && frame.path.0 as usize + 1 == self.paths.len();
        if is_empty {
            let kind = if is_list { LeafKind::EmptySeq } else { LeafKind::EmptyMap };
            self.push_leaf(frame.path, span, kind, Style::Plain);
        }
        if self.stack.is_empty() { self.after_value() } else { self.after_entry() }
    }

    /// After an attribute: the end of its line.
    pub(super) fn after_value(&mut self) -> Result<(), Fault> {
        self.flags = Leaf::IN_FLOW;
        loop {
            self.at = blanks_end(self.bytes, self.at);
            if self.at == self.bytes.len() || newline_len(self.bytes, self.at) > 0 {
                return Ok(());
            }
            match comment_end(self.bytes, self.at)? {
                Some(end) => self.comment(end),
                None => return self.after_value_fault(),
            }
        }
    }

    fn after_value_fault<T>(&self) -> Result<T, Fault> {
        match self.peek() {
            Some(b',') => self.fail("expected the end of the line: variables are not separated by commas"),
            _ => self.fail("expected the end of the line: the value is no literal, or something is missing before this"),
        }
    }

    /// After an entry of a container: a comma or, in an object, a line break; or the end of the container.
    fn after_entry(&mut self) -> Result<(), Fault> {
        let is_object = self.stack.last().is_some_and(|frame| frame.is_object);
        let mut broken = false;
        loop {
            self.at = blanks_end(self.bytes, self.at);
            match (self.peek(), newline_len(self.bytes, self.at)) {
                (_, 1..) if is_object => return Ok(()),
                (_, len @ 1..) => {
                    self.at += len;
                    self.last = None;
                    broken = true;
                }
                (Some(b','), _) => {
                    self.at += 1;
                    return Ok(());
                }
                (Some(b'}'), _) if is_object => return Ok(()),
                (Some(b']'), _) if !is_object => return Ok(()),
                (None, _) => return self.ended(),
                _ => match comment_end(self.bytes, self.at)? {
                    Some(end) => self.comment(end),
                    None if is_object => return self.fail("expected a comma, a line break or `}` after the value"),
                    None if broken => return self.fail("expected a comma between the items of a list"),
                    None => return self.fail("expected a comma or `]` after the value"),
                },
            }
        }
    }

    /// Remembers the key of the node about to be added to an object.
    fn add_key(&mut self, segment: Segment) {
        if !self.stack.is_empty()
            && let Some(key) = self.paths.segment_key(segment, self.text)
        {
            self.keys.add(key, PathId(self.paths.len() as u32));
        }
    }

    /// Compares the keys of the container that ends.
    fn close_keys(&mut self, start: u32) {
        let key = |id| self.paths.key(id, self.text);
        let found = self.keys.close(start, |a, b| key(a) == key(b));
        if let Some((first, again)) = found
            && self.duplicate.is_none_or(|(known, _)| again < known)
        {
            self.duplicate = Some((again, first));
        }
    }

    /// Adds the node of a value from `start` to here.
    fn node(&mut self, place: &Place, start: usize, kind: NodeKind) -> PathId {
        self.paths.push(PathNode {
            parent: self.stack.last().map_or(ROOT, |frame| frame.path),
            segment: place.segment,
            kind,
            copy: false,
            entry: Span::new(place.start, self.at),
            value: Span::new(start, self.at),
        })
    }

    /// Adds the node and the leaf of a value from `start` to here.
    pub(super) fn leaf(&mut self, place: &Place, start: usize, node: NodeKind, kind: LeafKind, style: Style) {
        self.add_key(place.segment);
        let path = self.node(place, start, node);
        self.push_leaf(path, Span::new(start, self.at), kind, style);
    }

    fn push_leaf(&mut self, path: PathId, span: Span, kind: LeafKind, style: Style) {
        self.leaves.push(Leaf { path, span, props: span.start, indent: 0, kind, style, tag: Tag::None, flags: self.flags });
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    pub(super) fn fail<T>(&self, message: &'static str) -> Result<T, Fault> {
        Fault::new(self.at, message)
    }

    #[cold]
    pub(super) fn ended<T>(&self) -> Result<T, Fault> {
        let opened = self.stack.last().map_or(0, |frame| self.paths.node(frame.path).value.start as usize);
        Fault::ended(self.bytes, "a list or an object is not closed: the text may have been cut off", opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every leaf: `path=text`, comments as `path#text`, inline ones with `##`.
    fn leaves(text: &str) -> Vec<String> {
        let doc = scan(text.to_owned()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let show = |leaf: &Leaf| {
            let mark = match leaf.kind {
                LeafKind::Comment if leaf.has(Leaf::INLINE) => "##",
                LeafKind::Comment => "#",
                _ => "=",
            };
            let text = match leaf.kind {
                LeafKind::EmptyMap => "{}".into(),
                LeafKind::EmptySeq => "[]".into(),
                _ => String::from_utf8_lossy(doc.value(leaf).unwrap().canonical()).into_owned(),
            };
            format!("{}{mark}{text}", doc.paths.display(leaf.path, &doc.text))
        };
        doc.leaves.iter().map(show).collect()
    }

    #[test]
    fn every_kind_of_value_is_a_leaf_at_its_place() {
        for (text, expected) in [
            ("a = 1\nb=\"x\"\n", vec!["a=1", "b=x"]),
            ("a = [1, \"x\",\n  true, null,]", vec!["a[0]=1", "a[1]=x", "a[2]=True", "a[3]="]),
            ("a = { b = 1, \"c d\" : 2\n 3 = 4, }", vec!["a.b=1", "a.\"c d\"=2", "a.3=4"]),
            ("a = { b = { c = [{}, []] } }", vec!["a.b.c[0]={}", "a.b.c[1]=[]"]),
            ("a = <<EOT\n  x \\n $${y}\nEOT\nb = 2", vec!["a=  x \\n ${y}\n", "b=2"]),
            ("a = [<<-E\n  x\n    y\n  E\n, 2]", vec!["a[0]=x\n  y\n", "a[1]=2"]),
            ("\u{feff}é-1_b = -5\r\nc = - 5\r\n", vec!["é-1_b=-5", "c=-5"]),
            ("", vec![]),
            ("a = \"${b[\"x\"]} %{ if true }}%{ endif }\"", vec!["a=${b[\"x\"]} %{ if true }}%{ endif }"]),
        ] {
            assert_eq!(leaves(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_belong_to_their_container_and_those_behind_a_value_come_before_it() {
        let text = "# top\na = 1 // one\n/* two\nlines */\nb = [ # open\n  1, # first\n  # own\n  2 /* x */, # second\n] # closed\nc /* k */ = 1\n";
        let expected = [
            "(top level)# top",
            "(top level)## one",
            "a=1",
            "(top level)# two\nlines ",
            "b# open",
            "b## first",
            "b[0]=1",
            "b# own",
            "b## x ",
            "b## second",
            "b[1]=2",
            "(top level)# closed",
            "(top level)# k ",
            "c=1",
        ];
        assert_eq!(leaves(text), expected);
    }

    #[test]
    fn what_is_no_literal_is_one_leaf_of_its_own() {
        for (text, raw) in [
            ("a = var.x\n", "var.x"),
            ("a = max(1,\n 2) # c\n", "max(1,\n 2)"),
            ("a = 1 + 2\n", "1 + 2"),
            ("a = \"x\" == \"y\"\n", "\"x\" == \"y\""),
            ("a = [for x in y : x]\n", "[for x in y : x]"),
            ("a = {\n for k, v in y : k => v\n}\n", "{\n for k, v in y : k => v\n}"),
            ("a = { b = var.x, c = f(\"}\") }\n", "var.x"),
            ("a \"l\" {\n  b = 1 # }\n}\n", "\"l\" {\n  b = 1 # }\n}"),
            ("a = 10.0.0.1\n", "10.0.0.1"),
        ] {
            let doc = scan(text.to_owned()).unwrap();
            let leaf = doc.leaves.iter().find(|leaf| leaf.kind == LeafKind::Scalar).unwrap();
            assert_eq!(&doc.text[leaf.span.range()], raw);
            assert!(super::super::is_expression(&doc.text, leaf), "{text}");
        }
    }

    #[test]
    fn what_is_no_hcl_is_refused_at_its_position() {
        for (text, position, message) in [
            ("a = 1 b = 2\n", (1, 9), "is missing before"),
            ("a = 1,\nb = 2", (1, 6), "not separated by commas"),
            ("a =\n1", (1, 4), "on the line of its key"),
            ("a\n", (1, 2), "expected `=`"),
            ("\"a\" = 1\n", (1, 1), "without quotes"),
            ("{\"a\": 1}\n", (1, 1), "JSON"),
            ("a = \"x\ny\"\n", (1, 7), "end on its line"),
            ("a = <<E\nx\n", (3, 1), "no line with its marker"),
            ("a = [1\n2]\n", (2, 1), "comma between"),
            ("a = [1,, 2]\n", (1, 8), "expected a value"),
            ("a = { b = 1 c = 2 }\n", (1, 15), "is missing before"),
            ("a = { (b) = 1 }\n", (1, 7), "parentheses"),
            ("a = { \"${b}\" = 1 }\n", (1, 7), "template"),
            ("a = { b }\n", (1, 9), "expected `=` or `:`"),
            ("a = [1,\n", (2, 1), "not closed"),
            ("a = \"${b\n", (2, 1), "template is not closed"),
            ("a = 1\nb = 2\na = 3\n", (3, 1), "key a is there twice (first at line 1, column 1)"),
            ("a = { x = 1, \"\\u0078\" = 2 }\n", (1, 14), "key a.x is there twice"),
            ("a = 'x'\n", (1, 5), "double quotes"),
            ("a = \"x\0\"\n", (1, 7), "NUL"),
            ("a = 1 /* x", (1, 11), "comment is not closed"),
            ("a = # x\n", (1, 5), "something must follow"),
            ("}\n", (1, 1), "expected a name"),
        ] {
            let error = scan(text.to_owned()).err().unwrap_or_else(|| panic!("{text:?} is read"));
            assert!(error.message.contains(message), "{text:?}: {error}");
            let found = (error.position.line, error.position.column);
            assert_eq!(found, position, "{text:?}: {error}");
        }
    }

    #[test]
    fn hostile_texts_cost_no_more_than_their_length() {
        let started = std::time::Instant::now();
        let many = |part: &str| part.repeat(100_000);
        for text in [
            format!("a = {}", many("[")),
            format!("a = {}", many("{a=")),
            format!("a = {}", many("(")),
            format!("a = \"{}", many("${\"")),
            format!("a = {}", many("<<E\n${")),
            format!("a = f({}", many("{")),
            format!("a {}", many("{")),
            many("a = <<E\n"),
        ] {
            assert!(scan(text).is_err());
        }
        let keys: String = (0..100_000).map(|n| format!("k{n} = {n}\n")).collect();
        assert_eq!(scan(keys.clone()).unwrap().leaves.len(), 100_000);
        assert_eq!(scan(format!("a = {{\n{keys}}}\n")).unwrap().leaves.len(), 100_000);
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }
}
