//! Owns [`scan`]: a strict RFC 8259 scanner from text to [`Document`], linear, with its own stack.
//!
//! Stricter than sops where sops loses data (truncated input, text after the closing brace), as lenient elsewhere: duplicate keys
//! are kept, lone surrogates are read as U+FFFD, a byte order mark is kept. The top level must be an object.

use super::super::lines::expected_leaves;
use super::super::segments::{Part, SEGMENT};
use super::super::{
    Document, Format, Leaf, LeafKind, NodeKind, ParseError, PathId, PathNode, Paths, Segment, Span, Style, Tag, position,
};
use super::{number, segments, string};

/// Containers may be nested this deep: what Go's encoder, and so sops, can write.
pub const MAX_DEPTH: usize = 10_000;

/// The key of the metadata entry at the top level.
pub(super) const METADATA_KEY: &str = "sops";

const BOM: &str = "\u{feff}";

/// Reads a JSON text. The entry named `sops` of the top level is in [`Document::metadata`].
///
/// Errors: anything RFC 8259 does not allow, a top level that is not an object, two `sops` entries, more than [`MAX_DEPTH`]
/// levels, 4 GiB or more.
pub fn scan(text: String) -> Result<Document, ParseError> {
    let scanned = match segments::scan(&text, SEGMENT) {
        Some(joined) => joined,
        None => {
            let mut scanner = Scanner::new(&text)?;
            scanner.document().map_err(|fault| fault.into_error(text.as_bytes()))?;
            scanner.part()
        }
    };
    Ok(scanned.into_document(text, Format::Json))
}

/// Reads the bytes of a JSON file: they must be UTF-8.
pub fn scan_bytes(bytes: &[u8]) -> Result<Document, ParseError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => scan(text.to_owned()),
        Err(error) => Err(match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                ParseError::at(bytes, 0, "the file is UTF-16: JSON files are UTF-8, convert it first")
            }
            _ => ParseError::at(bytes, error.valid_up_to(), "a byte here is not UTF-8"),
        }),
    }
}

/// A [`ParseError`] before its positions are counted out.
struct Fault {
    at: usize,
    message: &'static str,
    /// Where the innermost open container starts, for a text that ends too early.
    opened: Option<u32>,
}

impl Fault {
    fn into_error(self, text: &[u8]) -> ParseError {
        match self.opened {
            None => ParseError::at(text, self.at, self.message),
            Some(start) => {
                let opened = position(text, start as usize);
                ParseError::at(text, self.at, format!("{} (the innermost open bracket is at {opened})", self.message))
            }
        }
    }
}

/// An open container.
#[derive(Clone, Copy)]
struct Frame {
    path: PathId,
    /// Index of the next item of a list.
    next: u32,
    is_object: bool,
}

/// What comes before a value: its step and the first byte of its entry.
struct Place {
    segment: Segment,
    start: usize,
}

/// Reads one text from its start to its end.
pub(super) struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    stack: Vec<Frame>,
    /// Flags of the leaves of the current top-level entry.
    flags: u8,
    paths: Paths,
    leaves: Vec<Leaf>,
    metadata: Vec<PathId>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, ParseError> {
        Self::with_room(text, 1)
    }

    /// With room for what so many texts of this kind hold.
    pub(super) fn with_room(text: &'t str, texts: usize) -> Result<Self, ParseError> {
        let bytes = text.as_bytes();
        if u32::try_from(bytes.len()).is_err() {
            return Err(ParseError::at(bytes, 0, "the file is 4 GiB or larger: seal it with `--input-type binary`"));
        }
        let guess = expected_leaves(text) * texts;
        Ok(Self {
            text,
            bytes,
            at: if text.starts_with(BOM) { BOM.len() } else { 0 },
            stack: Vec::new(),
            flags: Leaf::IN_FLOW,
            paths: Paths::with_capacity(guess),
            leaves: Vec::with_capacity(guess),
            metadata: Vec::new(),
        })
    }

    fn document(&mut self) -> Result<(), Fault> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => {}
            None => return self.fail("the file is empty: a JSON document is an object, at least `{}`"),
            Some(b'[') => {
                return self.fail(
                    "the top level is a list but must be an object: wrap it as `{\"data\": [...]}`, or seal the file as a whole with \
                     `--input-type binary`",
                );
            }
            Some(_) => {
                return self.fail(
                    "the top level must be an object (starting with `{`): seal any other file as a whole with `--input-type binary`",
                );
            }
        }
        let place = Place { segment: Segment::Document(0), start: self.at };
        self.entries(place, false)?;
        self.skip_blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("there is text after the end of the object"),
        }
    }

    /// Reads values from that at `place` on: to the end of the top level or, of a text that `stops` there, to its end between two
    /// entries.
    fn entries(&mut self, mut place: Place, stops: bool) -> Result<(), Fault> {
        loop {
            let opened = self.value(&place)?;
            if !opened && !self.has_next()? {
                return Ok(());
            }
            if stops && self.at == self.bytes.len() && self.stack.len() == 1 {
                return Ok(());
            }
            place = self.place()?;
        }
    }

    /// Reads a part of a text whose other parts are before (unless it is the first) and behind it (unless it is the last): whole
    /// entries of the top level. `None` where it is anything else.
    pub(super) fn segment(mut self, is_first: bool, is_last: bool) -> Option<Part> {
        self.skip_blanks();
        let place = if is_first {
            Place { segment: Segment::Document(0), start: self.at }
        } else {
            let root = Place { segment: Segment::Document(0), start: 0 };
            let path = self.node(&root, 0, NodeKind::FlowMap);
            self.stack.push(Frame { path, next: 0, is_object: true });
            self.place().ok()?
        };
        if is_first && self.peek() != Some(b'{') {
            return None;
        }
        self.entries(place, !is_last).ok()?;
        self.skip_blanks();
        (self.at == self.bytes.len() && self.stack.is_empty() == is_last).then_some(self.part())
    }

    fn part(self) -> Part {
        let Self { paths, leaves, metadata, .. } = self;
        Part { paths, leaves, metadata }
    }

    /// Reads a scalar or empty container, or opens a container with an entry (then `true`).
    fn value(&mut self, place: &Place) -> Result<bool, Fault> {
        let start = self.at;
        let style = match self.peek() {
            Some(b'"') => {
                self.string()?;
                Style::Double
            }
            Some(b'{') => return self.open(place, true),
            Some(b'[') => return self.open(place, false),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Style::Plain
            }
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            Some(b'}' | b']') => return self.fail("expected a value: there is none between comma or colon and closing bracket"),
            Some(b'\'') => return self.fail("expected a value: strings stand in double quotes"),
            Some(b'/' | b'#') => return self.fail("expected a value: JSON has no comments"),
            Some(_) => return self.fail("expected a value"),
            None => return self.ended(),
        };
        self.leaf(place, start, NodeKind::Scalar, LeafKind::Scalar, style);
        Ok(false)
    }

    /// Enters the container at `{` or `[` (then `true`); an empty one is a leaf and ends at once.
    fn open(&mut self, place: &Place, is_object: bool) -> Result<bool, Fault> {
        let start = self.at;
        if self.stack.len() == MAX_DEPTH {
            return self.fail("nested more than 10,000 levels deep");
        }
        let (kind, empty, close) = match is_object {
            true => (NodeKind::FlowMap, LeafKind::EmptyMap, b'}'),
            false => (NodeKind::FlowSeq, LeafKind::EmptySeq, b']'),
        };
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(close) {
            self.at += 1;
            self.leaf(place, start, kind, empty, Style::Plain);
            return Ok(false);
        }
        let path = self.node(place, start, kind);
        self.stack.push(Frame { path, next: 0, is_object });
        Ok(true)
    }

    /// After a value: closes what ends here. Whether another entry follows; none after the last closing brace.
    fn has_next(&mut self) -> Result<bool, Fault> {
        while let Some(&frame) = self.stack.last() {
            self.skip_blanks();
            match (self.peek(), frame.is_object) {
                (Some(b','), _) => {
                    self.at += 1;
                    self.skip_blanks();
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    let node = self.paths.node_mut(frame.path);
                    node.entry.end = self.at as u32;
                    node.value.end = self.at as u32;
                    self.stack.pop();
                }
                (None, _) => return self.ended(),
                (_, true) => return self.fail("expected `,` or `}` after a value"),
                (_, false) => return self.fail("expected `,` or `]` after a value"),
            }
        }
        Ok(false)
    }

    /// What comes before the next value of the innermost container: key and colon, or nothing.
    fn place(&mut self) -> Result<Place, Fault> {
        let start = self.at;
        let top_level = self.stack.len() == 1;
        let Some(frame) = self.stack.last_mut() else {
            return self.fail("expected the end of the text");
        };
        if !frame.is_object {
            let segment = Segment::Index(frame.next);
            frame.next += 1;
            return Ok(Place { segment, start });
        }
        match self.peek() {
            Some(b'"') => {}
            Some(b'}') => return self.fail("expected a key: a comma before the closing brace is not allowed"),
            Some(b'/' | b'#') => return self.fail("expected a key: JSON has no comments"),
            Some(_) => return self.fail("expected a key in double quotes"),
            None => return self.ended(),
        }
        let escaped = self.string()?;
        let raw = Span::new(start + 1, self.at - 1);
        let segment = match escaped {
            false => Segment::Key(raw),
            true => self.paths.push_decoded(&string::decode(&self.text[raw.range()])),
        };
        if top_level {
            self.note_metadata(segment, start)?;
        }
        self.skip_blanks();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return self.fail("expected `:` after the key"),
            None => return self.ended(),
        }
        self.skip_blanks();
        Ok(Place { segment, start })
    }

    /// Notes whether the top-level entry about to be read is the metadata.
    fn note_metadata(&mut self, segment: Segment, start: usize) -> Result<(), Fault> {
        self.flags = Leaf::IN_FLOW;
        if self.paths.segment_key(segment, self.text) == Some(METADATA_KEY) {
            if !self.metadata.is_empty() {
                return Err(Fault { at: start, message: "the top level has two `sops` entries", opened: None });
            }
            self.flags |= Leaf::METADATA;
            self.metadata.push(PathId(self.paths.len() as u32));
        }
        Ok(())
    }

    /// Adds the node of a value from `start` to here.
    fn node(&mut self, place: &Place, start: usize, kind: NodeKind) -> PathId {
        self.paths.push(PathNode {
            parent: self.stack.last().map_or(PathId(0), |frame| frame.path),
            segment: place.segment,
            kind,
            copy: false,
            entry: Span::new(place.start, self.at),
            value: Span::new(start, self.at),
        })
    }

    /// Adds the node and the leaf of a value from `start` to here.
    fn leaf(&mut self, place: &Place, start: usize, node: NodeKind, kind: LeafKind, style: Style) {
        let path = self.node(place, start, node);
        let span = Span::new(start, self.at);
        self.leaves.push(Leaf { path, span, props: span.start, indent: 0, kind, style, tag: Tag::None, flags: self.flags });
    }

    /// Reads the string at the opening quote. Whether it has escapes.
    fn string(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.skip_text();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..0x20) => return self.fail("a control character (a line break, for instance) must be escaped in a string"),
                Some(_) => self.at += 1,
                None => return self.ended(),
            }
        }
    }

    /// Steps over text that holds neither quote, backslash nor control character, eight bytes at a time.
    fn skip_text(&mut self) {
        while let Some(chunk) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let marks = special_bytes(u64::from_le_bytes(*chunk));
            if marks != 0 {
                // The lowest mark is exact: borrows spread upwards only.
                self.at += marks.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        // The last bytes of the text: one by one in `string`.
    }

    /// Reads an escape at its backslash.
    fn escape(&mut self) -> Result<(), Fault> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                for offset in 2..6 {
                    match self.bytes.get(self.at + offset) {
                        Some(digit) if digit.is_ascii_hexdigit() => {}
                        Some(_) => return self.fail("expected four hexadecimal digits after `\\u`"),
                        None => return self.ended(),
                    }
                }
                self.at += 6;
            }
            Some(_) => return self.fail("an escape that JSON does not have: write `\\\\` for a backslash"),
            None => return self.ended(),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        match number::end(self.bytes, self.at) {
            Ok(end) => {
                self.at = end;
                Ok(())
            }
            Err(at) if at == self.bytes.len() => self.ended(),
            Err(at) => Err(Fault { at, message: "a number is not written like this: see https://json.org", opened: None }),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<Style, Fault> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.fail("expected a value: the words of JSON are `true`, `false` and `null`");
        }
        self.at += word.len();
        Ok(Style::Plain)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn fail<T>(&self, message: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, message, opened: None })
    }

    #[cold]
    fn ended<T>(&self) -> Result<T, Fault> {
        let opened = self.stack.last().map(|frame| self.paths.node(frame.path).value.start);
        Err(Fault { at: self.bytes.len(), message: "the text ends too early: it may have been cut off", opened })
    }
}

/// The high bit of each byte of a word that is a quote, a backslash or below 0x20; bits above the lowest mark may be false.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |limit: u8, word: u64| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    (below(1, quote) | below(1, backslash) | below(0x20, word)) & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each leaf as `path kind text`.
    fn leaves(text: &str) -> Vec<String> {
        let doc = scan(text.to_owned()).unwrap();
        let line =
            |leaf: &Leaf| format!("{} {:?} {}", doc.paths.display(leaf.path, &doc.text), leaf.kind, &doc.text[leaf.span.range()]);
        doc.leaves.iter().map(line).collect()
    }

    fn refusal(text: &str) -> String {
        match scan(text.to_owned()) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn leaves_come_in_order_with_their_paths() {
        let text = "{\"a\": 1.50, \"b\" : [true, {\"c\":\"x\\ny\"}, [null], [ ], -0],\r\n\t\"d\": { }, \"a\": \"again\"}\n";
        assert_eq!(
            leaves(text),
            [
                "a Scalar 1.50",
                "b[0] Scalar true",
                "b[1].c Scalar \"x\\ny\"",
                "b[2][0] Scalar null",
                "b[3] EmptySeq [ ]",
                "b[4] Scalar -0",
                "d EmptyMap { }",
                "a Scalar \"again\"",
            ]
        );
        assert_eq!(leaves("\u{feff} {}\n"), ["(top level) EmptyMap {}"]);
    }

    #[test]
    fn entries_and_values_have_spans() {
        let doc = scan(String::from(" {\"a\" : [1, {\"\\u0062\":2} ] } ")).unwrap();
        let spans: Vec<_> = doc.paths.iter().map(|(_, n)| (&doc.text[n.entry.range()], &doc.text[n.value.range()])).collect();
        assert_eq!(
            spans,
            [
                ("{\"a\" : [1, {\"\\u0062\":2} ] }", "{\"a\" : [1, {\"\\u0062\":2} ] }"),
                ("\"a\" : [1, {\"\\u0062\":2} ]", "[1, {\"\\u0062\":2} ]"),
                ("1", "1"),
                ("{\"\\u0062\":2}", "{\"\\u0062\":2}"),
                ("\"\\u0062\":2", "2"),
            ]
        );
        let mut data = Vec::new();
        doc.paths.additional_data(PathId(4), &doc.text, &mut data);
        assert_eq!(data, b"a:b:");
    }

    #[test]
    fn metadata_is_the_top_level_sops_entry() {
        let doc = scan(String::from(r#"{"x": {"sops": 1}, "\u0073ops": {"mac": "m", "age": [{"enc": "e"}]}, "y": 2}"#)).unwrap();
        let flagged: Vec<bool> = doc.leaves.iter().map(|l| l.has(Leaf::METADATA)).collect();
        assert_eq!(flagged, [false, true, true, false]);
        assert_eq!(doc.metadata.iter().map(|&id| doc.paths.display(id, &doc.text)).collect::<Vec<_>>(), ["sops"]);
        assert_eq!(refusal(r#"{"sops": 1, "\u0073ops": 2}"#), "line 1, column 13: the top level has two `sops` entries");
    }

    #[test]
    fn refusals_say_where_and_why() {
        assert_eq!(refusal(""), "line 1, column 1: the file is empty: a JSON document is an object, at least `{}`");
        assert_eq!(refusal(" \n "), "line 2, column 2: the file is empty: a JSON document is an object, at least `{}`");
        assert!(refusal("[1]").contains("--input-type binary"));
        assert!(refusal("12").contains("--input-type binary"));
        assert_eq!(refusal("{\"a\":1} x"), "line 1, column 9: there is text after the end of the object");
        assert_eq!(
            refusal("{\"a\":\n [1,2"),
            "line 2, column 6: the text ends too early: it may have been cut off (the innermost open bracket is at line 2, column 2)"
        );
        assert_eq!(refusal("{\"é\" 1}"), "line 1, column 6: expected `:` after the key");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_where_they_stand() {
        let error = |bytes: &[u8]| scan_bytes(bytes).err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(error(b"{\n\"\xc3\xa9\xff\": 1}"), "line 2, column 3: a byte here is not UTF-8");
        assert_eq!(error(b"\xff\xfe{\0}\0"), "line 1, column 1: the file is UTF-16: JSON files are UTF-8, convert it first");
        assert_eq!(error(b"{}\0"), "line 1, column 3: there is text after the end of the object");
        assert!(scan_bytes("{\"é\": 1}".as_bytes()).is_ok());
    }

    #[test]
    fn every_prefix_of_a_document_is_refused() {
        let text = r#"{"a": [1, -2.5e+3, {"b\u00e9": "x\n"}], "c": null, "d": true, "e": {}}"#;
        for end in 0..text.len() {
            assert!(scan(text[..end].to_owned()).is_err(), "{}", &text[..end]);
        }
        assert!(scan(text.to_owned()).is_ok());
    }

    #[test]
    fn malformed_values_are_refused() {
        let values = "01 -01 - -x .5 1. 1.e1 1e 1e+ +1 0x1 1_0 Inf NaN tru nul True 'a' \"a \"\\x\" \"\\u12g4\" \"\\u12\" \"\t\" \"\u{0}\" \
            [1,] [,1] [1 2] [1} {,} {\"a\":1,} {\"a\"} {\"a\":} {a:1} {1:1} {\"a\":1]} // /*c*/1 #c \u{a0}1 1;2";
        for value in values.split(' ') {
            let text = format!("{{\"v\": {value}}}");
            assert!(scan(text.clone()).is_err(), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_limited_not_the_stack() {
        let nested = |n: usize| format!("{}{}{}", "{\"a\":".repeat(n), 1, "}".repeat(n));
        assert!(scan(nested(MAX_DEPTH)).is_ok());
        assert!(refusal(&nested(MAX_DEPTH + 1)).contains("10,000 levels"));
        assert!(refusal(&format!("{{\"a\":{}", "[".repeat(1_000_000))).contains("10,000 levels"));
    }

    #[test]
    fn special_bytes_are_found_wherever_they_stand() {
        for special in 0..=255u8 {
            for place in 0..8 {
                let mut chunk = *b"abcdefgh";
                chunk[place] = special;
                let marks = special_bytes(u64::from_le_bytes(chunk));
                let is_special = special < 0x20 || special == b'"' || special == b'\\';
                let found = (marks != 0).then(|| marks.trailing_zeros() as usize / 8);
                assert_eq!(found, is_special.then_some(place), "{special} at {place}");
            }
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_an_encoder_writes_is_read(value in json(), pretty: bool) {
            let object = serde_json::json!({ "v": value });
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            prop_assert!(scan(text).is_ok());
        }

        #[test]
        fn accepts_and_refuses_like_another_parser(text in "\\{(\"[ab]\"|[:,\\[\\]{}]|[ \n]|-?[01]|\\.|e|true|null|\"\\\\?[nu]\"){0,12}\\}") {
            prop_assert_eq!(scan(text.clone()).is_ok(), serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn never_panics(text in any::<String>(), cut in any::<prop::sample::Index>()) {
            let _ = scan(text.clone());
            let nested = format!("{{\"k\": [\"{text}\", {text}]}}");
            let end = (0..=cut.index(nested.len() + 1)).rev().find(|&i| nested.is_char_boundary(i)).unwrap_or(0);
            let _ = scan(nested[..end].to_owned());
        }
    }
}
