//! Owns lines that are one entry of a block mapping each (`key: value`, both plain), and those that open a mapping of such lines (`key:`):
//! most lines of most files. They are read as they stand, past tokens and events, and give what those would give.
//!
//! A line is taken only where nothing around it could matter: no comment on it or right below, no other line that its value goes
//! on in. Everything else is left to the scanner.

use super::super::Span;
use super::comments::Sides;
use super::event::EventKind;
use super::input::{BLANK, BREAK, CLASS, INDICATOR, WORD};
use super::parser::{Parser, State};
use super::scanner::Scanner;
use super::token::TokenKind;
use crate::document::Style;

/// Longer keys are left to the scanner, which counts the characters that go-yaml allows.
const MAX_KEY: usize = 512;

/// How much deeper a mapping may stand than the one around it.
const MAX_STEP: usize = 64;

/// Deeper nesting is left to the scanner, which knows its limit.
const MAX_DEPTH: usize = 1_000;

/// A line that is one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryLine {
    pub(super) key: Span,
    pub(super) value: Span,
}

/// What lines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Entry(EntryLine),
    /// An entry whose value is a block mapping, which starts at `start`.
    Open {
        key: Span,
        start: u32,
    },
    /// The end of the innermost mapping: that of its last value.
    Close {
        end: u32,
    },
}

/// Such lines, one below the other.
pub(super) struct EntryLines<'p, 'a> {
    parser: &'p mut Parser<'a>,
    /// The column of the innermost mapping.
    column: usize,
    /// How far the line at the parser's place is indented.
    indent: usize,
    /// What was found there: an entry, or what opens a mapping.
    found: Option<(Line, NextLine)>,
    /// No entry of the innermost mapping was read yet.
    is_new: bool,
}

impl<'a> Parser<'a> {
    /// The lines from here on that are one entry each; most often none. To be asked for where the key of a block mapping may come, and
    /// read to their end.
    #[inline]
    pub(super) fn entry_lines(&mut self) -> Option<EntryLines<'_, 'a>> {
        if self.state != State::BlockMappingKey || self.placement.waits() {
            return None;
        }
        let key = self.scanner.key_ahead()?;
        // Its tokens open no block: it stands at the column of the innermost one.
        let column = usize::try_from(self.scanner.indent).ok()?;
        let found = line(self.scanner.text, key, column)?;
        self.scanner.back_to_key(key);
        Some(EntryLines { parser: self, column, indent: column, found: Some(found), is_new: false })
    }

    /// Tells the placement of comments of an event that has none.
    fn passed(&mut self, kind: EventKind) {
        self.placement.event(kind, &mut Sides::default(), &mut Vec::new());
    }
}

const SCALAR: EventKind = EventKind::Scalar { style: Style::Plain };

impl EntryLines<'_, '_> {
    /// The line at the parser's place is looked at, if it belongs to the innermost mapping.
    #[inline]
    fn look(&mut self) {
        if self.indent == self.column && self.parser.states.len() < MAX_DEPTH {
            let scanner = &self.parser.scanner;
            self.found = line(scanner.text, scanner.at, self.column);
        }
    }

    /// The line that was read opens a mapping at this column: goes on in that.
    fn open(&mut self, column: usize) {
        self.parser.scanner.enter_block(column);
        self.parser.states.push(State::BlockMappingKey);
        self.parser.passed(SCALAR);
        self.parser.passed(EventKind::MappingStart { flow: false });
        self.column = column;
        self.is_new = true;
    }

    /// The innermost mapping is the value of an entry of another block mapping: goes on with that.
    fn close(&mut self) -> Option<Line> {
        if self.parser.states.last() != Some(&State::BlockMappingKey) {
            return None;
        }
        self.column = self.parser.scanner.leave_block()?;
        self.parser.pop_state();
        self.parser.passed(EventKind::MappingEnd);
        self.is_new = false;
        self.look();
        Some(Line::Close { end: self.parser.last_end })
    }
}

impl Iterator for EntryLines<'_, '_> {
    type Item = Line;

    #[inline]
    fn next(&mut self) -> Option<Line> {
        let Some((line, next)) = self.found.take() else {
            return if self.indent < self.column { self.close() } else { None };
        };
        self.parser.scanner.go_to(next);
        self.indent = next.column;
        if let Line::Entry(entry) = line {
            self.parser.last_end = entry.value.end;
            if std::mem::take(&mut self.is_new) {
                self.parser.passed(SCALAR);
                self.parser.passed(SCALAR);
            }
        } else {
            self.open(next.column);
        }
        self.look();
        Some(line)
    }
}

/// Where the line below starts, and how far its first character is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NextLine {
    start: usize,
    column: usize,
}

impl Scanner<'_> {
    /// The offset of the key that comes next, if the tokens that are known are its marker, itself and its `:` alone.
    #[inline]
    fn key_ahead(&self) -> Option<usize> {
        match self.queue.waiting_tokens() {
            [marker, key, colon]
                if marker.kind == TokenKind::Key
                    && matches!(key.kind, TokenKind::Scalar(_))
                    && colon.kind == TokenKind::Value
                    && marker.start == key.start
                    && self.flow == 0
                    && !self.remarks.any() =>
            {
                Some(key.start as usize)
            }
            _ => None,
        }
    }

    /// Forgets these tokens: the scanner stands at the key.
    fn back_to_key(&mut self, key: usize) {
        self.queue.forget_waiting();
        self.ready = false;
        self.place_at(key);
    }

    /// Goes to the first character of the line below.
    #[inline]
    fn go_to(&mut self, next: NextLine) {
        self.line += 1;
        self.line_start = next.start;
        self.place_at(next.start + next.column);
    }

    fn place_at(&mut self, at: usize) {
        self.at = at;
        self.newlines = 1;
        self.key_allowed = true;
    }
}

/// Reads the line whose key would start at `at`, in a mapping of this column.
fn line(text: &[u8], at: usize, column: usize) -> Option<(Line, NextLine)> {
    let rest = &text[at..];
    let key = key_len(rest)?;
    if rest[key + 1] == b'\n' {
        let start = key + 2;
        let indent = rest[start..].iter().take(column + MAX_STEP).position(|&b| b != b' ')?;
        // The line below starts a mapping if it has a key and is deeper.
        let _key = key_len(&rest[start + indent..]).filter(|_| indent > column)?;
        let line = Line::Open { key: Span::new(at, at + key), start: (at + start + indent) as u32 };
        return Some((line, NextLine { start: at + start, column: indent }));
    }
    let value = key + 2 + rest[key + 2..].iter().position(|&b| b != b' ')?;
    if CLASS[rest[value] as usize] & (INDICATOR | BLANK | BREAK) != 0 {
        return None;
    }
    let end = value + memchr::memchr(b'\n', &rest[value..])?;
    if !is_one_scalar(&rest[value..end]) {
        return None;
    }
    let below = &rest[end + 1..];
    let indent = below.iter().take(column + 1).position(|&b| b != b' ')?;
    if matches!(below[indent], b'#' | b'\t') || CLASS[below[indent] as usize] & BREAK != 0 {
        return None;
    }
    let line = Line::Entry(EntryLine { key: Span::new(at, at + key), value: Span::new(at + value, at + end) });
    Some((line, NextLine { start: at + end + 1, column: indent }))
}

/// The length of a key at the start of a text, if a blank or a line break follows its `:`.
fn key_len(text: &[u8]) -> Option<usize> {
    let key = text.iter().take(MAX_KEY).position(|&b| CLASS[b as usize] & WORD == 0 && b != b'.')?;
    let is_key = key > 0 && text[0] != b'-' && text[key] == b':' && matches!(text.get(key + 1), Some(b' ' | b'\n'));
    is_key.then_some(key)
}

/// Whether the rest of a line, which starts as a plain scalar does, is that scalar and nothing else. Only printable ASCII is looked at
/// closely enough to say so.
fn is_one_scalar(value: &[u8]) -> bool {
    // Without branches: the compiler makes vector code of it.
    let other = value.iter().fold(0u8, |found, &b| found | u8::from(b < b' ') | u8::from(b > b'~') | u8::from(b == b'#'));
    let ends = value
        .iter()
        .zip(value.iter().skip(1))
        .fold(0u8, |found, (&b, &next)| found | (u8::from(b == b':') & u8::from(next == b' ')));
    other == 0 && ends == 0 && !matches!(value.last(), Some(b' ' | b':') | None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::key_sets::KeySets;
    use super::super::leaves::Composer;
    use super::*;
    use crate::document::Duplicates;

    fn shown(text: &str, column: usize) -> Option<(&str, &str, usize)> {
        let (Line::Entry(line), next) = line(text.as_bytes(), column, column)? else { return None };
        Some((&text[line.key.range()], &text[line.value.range()], next.column))
    }

    #[test]
    fn a_plain_key_and_a_plain_value_are_one_entry() {
        assert_eq!(shown("a: b\nc: d\n", 0), Some(("a", "b", 0)));
        assert_eq!(shown("  a.b-c_1:   x y:z, [q] it's\n  c:\n", 2), Some(("a.b-c_1", "x y:z, [q] it's", 2)));
        assert_eq!(shown("  a: ENC[AES256_GCM,data:x=,iv:y=,tag:z=,type:str]\nb: 1\n", 2).map(|found| found.2), Some(0));
        assert_eq!(shown("a: b\n--- x\n", 0), Some(("a", "b", 0)));
    }

    #[test]
    fn what_is_or_may_be_more_is_left_to_the_scanner() {
        for text in [
            "a: b\n",
            "a: b",
            "a: b\n\nc: d\n",
            "a: b\n# c\n",
            "a: b\n  c\n",
            "a: b\n\tc\n",
            "a: b # c\nd: e\n",
            "a: b \nd: e\n",
            "a: b: c\nd: e\n",
            "a: b:\nd: e\n",
            "a: é\nd: e\n",
            "a: b\r\nd: e\r\n",
            "a: 'b'\nd: e\n",
            "a: \"b\"\nd: e\n",
            "a: [b]\nd: e\n",
            "a: |\nd: e\n",
            "a: &b c\nd: e\n",
            "a: !t c\nd: e\n",
            "a: *b\nd: e\n",
            "a:\nd: e\n",
            "a: \nd: e\n",
            "a:b\nd: e\n",
            "a b: c\nd: e\n",
            "'a': b\nd: e\n",
            "<<: b\nd: e\n",
            "- b\nd: e\n",
            "-a: b\nd: e\n",
            "a: - b\nd: e\n",
            "a: -b\nd: e\n",
            "a: b\n\u{85}c\n",
            "a:\tb\nd: e\n",
            "a: \tb\nd: e\n",
            "a: b\tc\nd: e\n",
            "a: b\n \nd: e\n",
        ] {
            assert_eq!(shown(text, 0), None, "{text:?}");
        }
        assert_eq!(shown(&format!("{}: b\nc: d\n", "a".repeat(MAX_KEY)), 0), None);
        assert!(shown(&format!("{}: b\nc: d\n", "a".repeat(MAX_KEY - 1)), 0).is_some());
    }

    /// How many lines of a text are taken as they stand, after a comparison with what is read without that.
    fn taken(text: &str) -> usize {
        for duplicates in [Duplicates::Refuse, Duplicates::Keep] {
            let read = |by_lines| {
                let mut composer = Composer::new(text, duplicates, KeySets::new());
                composer.read(by_lines).map(|()| composer.finish().shown())
            };
            match (read(true), read(false)) {
                // Of several errors it may be another one that comes first.
                (Err(_), Err(_)) => {}
                (by_lines, whole) => assert_eq!(by_lines, whole, "{text:?}"),
            }
        }
        let Ok(mut parser) = Parser::new(text) else { return 0 };
        let mut taken = 0;
        while let Ok(event) = parser.next_event()
            && event.kind != EventKind::StreamEnd
        {
            if matches!(event.kind, EventKind::Scalar { .. }) {
                taken += parser.entry_lines().map_or(0, |lines| lines.filter(|line| !matches!(line, Line::Close { .. })).count());
            }
        }
        taken
    }

    #[test]
    fn lines_between_the_first_and_the_last_are_taken() {
        for (text, lines) in [
            ("a: 1\nb: 2\nc: 3\n", 1),
            ("a:\n  b: 1\n  c: 2\n  d: 3\ne:\n  f: 4\n  g: 5\nh: 6\n", 5),
            ("a: 0\nb: 1\nc:\n  d:\n    e: 2\n  f: 3\ng:\n    h: 4\n    i: 5\nj: 6\n", 8),
            ("a: 0\nb: 1\nc:\n  - d\ne: 2\nf: 3\n", 1),
            ("a: 0\nb:\nc: 1\nd: 2\n", 1),
            ("a: 0\nb:\n  c: 1\n d: 2\n", 2),
            ("a:\n    - b: 1\n      c: 2\n    - d: 3\n      e: 4\nf: 5\ng: 6\n", 2),
            ("é: 1\nb: 2\né: 3\nc: 4\nd: 5\n", 2),
            ("a: 1\nb: 2\n---\nc: 3\nd: 4\n...\n", 2),
            ("a: 1\nb: 2\n- c\n", 1),
            ("a: 1\nb: 2\n  c: 3\n", 0),
            ("a: 1\nnull: 2\nc: 3\n", 1),
            ("a: 1\nb: 2\na: 3\nc: 4\n", 2),
            ("a: 1\nsops: 2\nb: 3\n", 1),
            ("{a: 1,\nb: 2,\nc: 3}\n", 0),
            // The comment waits for the next key.
            ("# c\n---\n# d\n\n# e\n\na: 1\nb: 2\nc: 3\nd: 4\n", 1),
            ("# c\na: 1\nb: 2 # d\nc: 3\nd: 4\n# e\ne: 5\nf: 6\n", 1),
        ] {
            assert_eq!(taken(text), lines, "{text:?}");
        }
    }

    /// Real files and those of the public test suite, as they are and with a line left out, or one put in.
    #[test]
    fn every_file_is_read_as_without() {
        let shared = std::env::var("LEAFSEAL_SHARED").unwrap_or_else(|_| "../shared".into());
        let files: Vec<_> = ["corpus/yaml", "yaml-suite"]
            .iter()
            .filter_map(|folder| std::fs::read_dir(format!("{shared}/{folder}")).ok())
            .flatten()
            .collect();
        if files.is_empty() {
            eprintln!("skipped: no files beside the repository");
            return;
        }
        let (mut texts, mut lines_taken) = (0, 0);
        for file in files {
            let Ok(text) = std::fs::read_to_string(file.expect("an entry").path()) else { continue };
            lines_taken += taken(&text);
            texts += 1;
            let lines: Vec<&str> = text.split_inclusive('\n').take(400).collect();
            for at in (0..lines.len()).step_by(lines.len().div_ceil(10).max(1)) {
                taken(&[&lines[..at], &lines[at + 1..]].concat().concat());
                for more in [lines[at], "\n", "# c\n", "    # c\n", "x: y # c\n"] {
                    taken(&[&lines[..=at], &[more], &lines[at + 1..]].concat().concat());
                }
            }
        }
        assert!(texts > 800 && lines_taken > 3_000, "{texts} files, {lines_taken} lines");
    }

    proptest! {
        #[test]
        fn any_lines_are_read_as_without(
            lines in prop::collection::vec((0..4_usize, prop::sample::select(vec![
                "a: 1", "b: x y", "c: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]", "d: a:b", "e: v", "f: -1", "g: k", "h: v", "i: w", "j: u", "k: t",
                "a:", "b: 1", "c: x # c", "# comment", "", "- e", "- f: 1", "- g: 2", "l: |", "text", "m: 'q", "n: \"r\"", "s'", "o: [1,", "2]",
                "p: {l: 1}", "q: &n o", "? r", ": q", "---", "...", "t: >-", "\tv", "w: !!int 5", "sops:", "mac: x", "<<: *n", "true: 1", "x: \u{e9}",
                "\u{e9}: y", "y: z:", "z: a: b", "aa: *n", "- - b: c", "bb: 'it''s'", "cc : d", "dd:  e", "ee: f ",
            ])), 0..16),
            width in 1..3_usize,
            crlf: bool,
        ) {
            let lines: Vec<String> = lines.iter().map(|(depth, line)| format!("{:1$}{line}", "", depth * width)).collect();
            taken(&(lines.join(if crlf { "\r\n" } else { "\n" }) + "\n"));
            taken(&lines.join("\n"));
        }

        #[test]
        fn any_indented_entries_are_read_as_without(
            entries in prop::collection::vec((-1..2_i32, "[a-c]", prop::option::of("[a-z1-9:#'-][a-z :#,\\[\\]]{0,6}")), 1..20),
        ) {
            let mut depth = 0_i32;
            let mut text = String::new();
            for (step, key, value) in entries {
                depth = (depth + step).max(0);
                text += &format!("{:1$}{key}:", "", depth as usize * 2);
                text += &value.map_or(String::from("\n"), |value| format!(" {value}\n"));
            }
            taken(&text);
        }
    }
}
