//! Owns [`Parser`]: tokens to events, by YAML's grammar. Documents and nodes are here, collections in `block_collection` and `flow_collection`.

use std::borrow::Cow;

use super::super::Style;
use super::super::{ParseError, Span};
use super::comments::Sides;
use super::event::{Comment, Event, EventKind};
use super::input;
use super::placement::Placement;
use super::property::{self, Handles};
use super::scanner::{Fault, Scanner, Step};
use super::token::{Token, TokenKind};

/// What the parser expects next; those of the collections around wait on a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    StreamStart,
    FirstDocument,
    Document,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirst,
    BlockSequence,
    IndentlessSequence,
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequence,
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingNoValue,
    End,
}

/// Reads YAML as go-yaml v3 does and gives its events one by one.
///
/// Copies no text: events are spans. Memory grows with the depth of the document only. Anchors are not resolved here, and keys
/// are not compared.
pub struct Parser<'a> {
    text: &'a str,
    pub(super) scanner: Scanner<'a>,
    pub(super) state: State,
    pub(super) states: Vec<State>,
    handles: Handles<'a>,
    /// The end of the last token that has a place in the text.
    pub(super) last_end: u32,
    /// The comments of the node whose event is being made.
    pub(super) sides: Sides,
    pub(super) placement: Placement,
    fault: Option<Fault>,
}

impl<'a> Parser<'a> {
    /// A parser of a text, which is checked for size and unprintable characters. A byte order mark at its start is passed over.
    /// For bytes see [`text_of`](super::text_of).
    pub fn new(text: &'a str) -> Result<Self, ParseError> {
        input::check(text)?;
        Ok(Self {
            text,
            scanner: Scanner::new(text),
            state: State::StreamStart,
            states: Vec::new(),
            handles: Handles::new(),
            last_end: 0,
            sides: Sides::default(),
            placement: Placement::default(),
            fault: None,
        })
    }

    /// The next event; after the last one again `StreamEnd`, after an error again that error.
    pub fn next_event(&mut self) -> Result<Event, ParseError> {
        self.placement.clear();
        let step = match self.fault {
            Some(fault) => Err(fault),
            None => self.step(),
        };
        match step {
            Ok(event) => {
                self.place(event.kind);
                Ok(event)
            }
            Err(fault) => {
                self.fault = Some(fault);
                Err(ParseError::at(self.text.as_bytes(), fault.at, fault.message))
            }
        }
    }

    /// The comment lines that come with the last event, in sops's order. Every comment of the text comes once.
    pub fn comments(&self) -> &[Comment] {
        self.placement.comments()
    }

    /// The full name of a tag of the current document (`tag:yaml.org,2002:str` for `!!str`), `%TAG` directives applied.
    /// `!` alone stays.
    pub fn tag(&self, tag: Span) -> Cow<'a, str> {
        property::resolve(self.text, tag, &self.handles)
    }

    fn place(&mut self, kind: EventKind) {
        let remarks = &mut self.scanner.remarks;
        if kind == EventKind::StreamEnd {
            remarks.drain(&mut self.sides.foot);
        }
        self.placement.event(kind, &mut self.sides, &mut remarks.dropped);
    }

    fn step(&mut self) -> Step<Event> {
        match self.state {
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::BlockMappingFirst => {
                self.advance()?;
                self.block_mapping_key()
            }
            State::BlockSequence => self.block_sequence(),
            State::BlockSequenceFirst => {
                self.advance()?;
                self.block_sequence()
            }
            State::IndentlessSequence => self.indentless_sequence(),
            State::FlowSequenceFirst => self.flow_sequence(true),
            State::FlowSequence => self.flow_sequence(false),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => self.pair_end(),
            State::FlowMappingFirst => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingNoValue => self.flow_mapping_no_value(),
            State::BlockNode => self.node(true, false, None),
            State::StreamStart => {
                self.advance()?;
                self.state = State::FirstDocument;
                Ok(Event::bare(EventKind::StreamStart, Span::default()))
            }
            State::FirstDocument => self.document_start(true),
            State::Document => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::End => Ok(Event::bare(EventKind::StreamEnd, Span::new(self.text.len(), self.text.len()))),
        }
    }

    /// Takes the next token, whatever it is.
    pub(super) fn advance(&mut self) -> Step<Token> {
        let token = self.scanner.peek()?;
        self.take(token);
        Ok(token)
    }

    /// Takes the token that was peeked at.
    #[inline]
    pub(super) fn take(&mut self, token: Token) {
        if token.end > token.start {
            self.last_end = token.end;
        }
        self.scanner.take();
    }

    #[inline]
    pub(super) fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// An event without properties, without extent, after what was read.
    pub(super) fn empty_event(&self, kind: EventKind) -> Event {
        Event::bare(kind, Span { start: self.last_end, end: self.last_end })
    }

    /// A scalar that is left out. `entry` is where its entry starts, if it has more than the scalar.
    pub(super) fn omitted(&self, entry: Option<u32>) -> Event {
        let event = self.empty_event(EventKind::Scalar { style: Style::Plain });
        Event { entry: entry.unwrap_or(event.entry), ..event }
    }

    /// The comments that wait for a node go with the current event.
    #[inline]
    pub(super) fn claim(&mut self) {
        if !self.scanner.remarks.held.is_empty() {
            std::mem::swap(&mut self.scanner.remarks.held, &mut self.sides);
        }
    }

    fn document_start(&mut self, first: bool) -> Step<Event> {
        let mut token = self.scanner.peek()?;
        while !first && token.kind == TokenKind::DocumentEnd {
            self.take(token);
            token = self.scanner.peek()?;
        }
        if token.kind == TokenKind::StreamEnd {
            self.take(token);
            self.state = State::End;
            return self.step();
        }
        let bare = !matches!(token.kind, TokenKind::VersionDirective | TokenKind::TagDirective | TokenKind::DocumentStart);
        if first && bare {
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            self.split_document_head();
            let at = Span { start: token.start, end: token.start };
            return Ok(Event::bare(EventKind::DocumentStart { explicit: false }, at));
        }
        let mut version = false;
        while matches!(token.kind, TokenKind::VersionDirective | TokenKind::TagDirective) {
            self.directive(token, &mut version)?;
            self.take(token);
            token = self.scanner.peek()?;
        }
        if token.kind != TokenKind::DocumentStart {
            return Err(Fault { at: token.start as usize, message: "`---` was expected here, at the start of a document" });
        }
        self.take(token);
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Event::bare(EventKind::DocumentStart { explicit: true }, Span { start: token.start, end: token.end }))
    }

    fn directive(&mut self, token: Token, version: &mut bool) -> Step<()> {
        let at = token.start as usize;
        let span = Span { start: token.start, end: token.end };
        if token.kind == TokenKind::VersionDirective {
            if *version {
                return Err(Fault { at, message: "a second %YAML directive" });
            }
            *version = true;
            let number = self.text[span.range()].trim_start_matches("%YAML").trim_start_matches([' ', '\t']);
            let mut parts = number.split('.').map(|part| part.trim_start_matches('0'));
            if parts.next() != Some("1") || parts.next() != Some("1") {
                return Err(Fault { at, message: "a %YAML version other than 1.1: remove the directive" });
            }
            return Ok(());
        }
        let (handle, prefix) = property::handle(self.text, span);
        if self.handles.insert(handle, prefix).is_some() {
            return Err(Fault { at, message: "a second %TAG directive for the same handle" });
        }
        Ok(())
    }

    /// Comments above the first document belong to the document up to the last blank line, then to its first node.
    fn split_document_head(&mut self) {
        let head = &mut self.scanner.remarks.held.head;
        if let Some(last) = head.iter().rposition(|line| line.gap) {
            self.sides.head.extend(head.drain(..=last));
        }
    }

    fn document_content(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::VersionDirective
            | TokenKind::TagDirective
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => {
                self.pop_state();
                Ok(self.omitted(None))
            }
            _ => self.node(true, false, None),
        }
    }

    fn document_end(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        let explicit = token.kind == TokenKind::DocumentEnd;
        let mut event = self.empty_event(EventKind::DocumentEnd { explicit });
        if explicit {
            event.span = Span { start: token.start, end: token.end };
            event.entry = token.start;
            self.take(token);
        }
        self.handles.clear();
        self.state = State::Document;
        self.claim();
        if self.sides.foot.is_empty() {
            std::mem::swap(&mut self.sides.foot, &mut self.sides.head);
        }
        Ok(event)
    }

    /// A node: properties and content. `indentless` allows a sequence whose `-` is at the column of the mapping around; `entry`
    /// is where the entry starts whose node this is, if not here.
    pub(super) fn node(&mut self, block: bool, indentless: bool, entry: Option<u32>) -> Step<Event> {
        let mut token = self.scanner.peek()?;
        let mut event = Event::bare(EventKind::Alias, Span { start: token.start, end: token.end });
        event.entry = entry.unwrap_or(token.start);
        if token.kind == TokenKind::Alias {
            self.pop_state();
            self.claim();
            self.take(token);
            return Ok(event);
        }
        if matches!(token.kind, TokenKind::Anchor | TokenKind::Tag) {
            token = self.properties(token, &mut event)?;
        }
        event.span = Span { start: token.start, end: token.end };
        match token.kind {
            TokenKind::BlockEntry if indentless => {
                self.state = State::IndentlessSequence;
                event.kind = EventKind::SequenceStart { flow: false };
                event.span.end = token.start;
            }
            TokenKind::Scalar(style) => {
                self.pop_state();
                event.kind = EventKind::Scalar { style };
                event.indent = token.indent;
                self.claim();
                self.take(token);
            }
            TokenKind::FlowSequenceStart => {
                self.state = State::FlowSequenceFirst;
                event.kind = EventKind::SequenceStart { flow: true };
                self.claim();
            }
            TokenKind::FlowMappingStart => {
                self.state = State::FlowMappingFirst;
                event.kind = EventKind::MappingStart { flow: true };
                self.claim();
            }
            TokenKind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceFirst;
                event.kind = EventKind::SequenceStart { flow: false };
                self.sides.head.append(&mut self.scanner.remarks.stem);
            }
            TokenKind::BlockMappingStart if block => {
                self.state = State::BlockMappingFirst;
                event.kind = EventKind::MappingStart { flow: false };
                self.sides.head.append(&mut self.scanner.remarks.stem);
            }
            _ if !event.anchor.is_empty() || !event.tag.is_empty() => {
                self.pop_state();
                event.kind = EventKind::Scalar { style: Style::Plain };
                event.span = Span { start: self.last_end, end: self.last_end };
            }
            _ => return Err(Fault { at: token.start as usize, message: "a value was expected here" }),
        }
        Ok(event)
    }

    /// Anchor and tag, in any order; gives the token after them.
    fn properties(&mut self, mut token: Token, event: &mut Event) -> Step<Token> {
        for _ in 0..2 {
            let span = Span { start: token.start, end: token.end };
            match token.kind {
                TokenKind::Anchor if event.anchor.is_empty() => event.anchor = span,
                TokenKind::Tag if event.tag.is_empty() => event.tag = span,
                _ => break,
            }
            self.take(token);
            token = self.scanner.peek()?;
        }
        if !event.tag.is_empty() && !property::is_defined(self.text, event.tag, &self.handles) {
            return Err(Fault { at: event.tag.start as usize, message: "the handle of this tag is not defined" });
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode::block_indent;
    use super::super::outline::outline;
    use super::*;

    fn reads(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(outline(text).as_deref(), Ok(*expected), "{text:?}");
        }
    }

    /// Each text is refused at this line and column, for a reason that has these words.
    fn refuses(cases: &[(&str, (u32, u32), &str)]) {
        for (text, at, words) in cases {
            let error = outline(text).expect_err(text);
            assert_eq!((error.position.line, error.position.column), *at, "{text:?}: {error}");
            assert!(error.message.contains(words), "{text:?}: {error}");
        }
    }

    fn events(text: &str) -> Vec<Event> {
        let mut parser = Parser::new(text).unwrap();
        let mut events = vec![parser.next_event().unwrap()];
        while events[events.len() - 1].kind != EventKind::StreamEnd {
            events.push(parser.next_event().unwrap());
        }
        events
    }

    #[test]
    fn nothing_is_no_document() {
        reads(&[("", ""), ("\n \n", ""), ("# c\n", "lost#c"), ("---", "--- ~ )"), ("---\n...\n", "--- ~ ...")]);
    }

    #[test]
    fn block_collections_nest_by_indentation() {
        reads(&[
            ("a: 1\nb:\n  c: 2\n  d:\n    e: 3\nf: 4\n", "( { a 1 b { c 2 d { e 3 } } f 4 } )"),
            ("- a\n- b: 1\n  c: 2\n-\n  - d\n- - e\n  - f\n", "( [ a { b 1 c 2 } [ d ] [ e f ] ] )"),
            ("a:\n- 1\n- 2\nb: 3\n", "( { a [ 1 2 ] b 3 } )"),
            ("a:\n  - 1\n  -\n", "( { a [ 1 ~ ] } )"),
            ("a:\nb: \nc:", "( { a ~ b ~ c ~ } )"),
        ]);
    }

    #[test]
    fn keys_may_be_written_with_a_question_mark() {
        reads(&[
            ("? a\n: b\n? c\n", "( { a b c ~ } )"),
            ("? - a\n  - b\n: - c\n", "( { [ a b ] [ c ] } )"),
            ("? |\n  a\n: b\n", "( { |a\\n b } )"),
            ("{? a : b, ? c}", "( <{ a b c ~ } )"),
        ]);
    }

    #[test]
    fn flow_collections_nest_and_hold_single_pairs() {
        reads(&[
            ("[a, [b], {c: d}, ]", "( <[ a <[ b ] <{ c d } ] )"),
            ("[a: b, c: , ? d]", "( <[ <{ a b } <{ c ~ } <{ d ~ } ] )"),
            ("{a: [1,\n 2], b, \"c\":d}", "( <{ a <[ 1 2 ] b ~ \"c d } )"),
            ("{a, c: }", "( <{ a ~ c ~ } )"),
            ("[]: a\n{}: b\n", "( { <[ ] a <{ } b } )"),
            ("[http://a:80/b, a:b]", "( <[ http://a:80/b a:b ] )"),
        ]);
    }

    #[test]
    fn documents_follow_each_other() {
        reads(&[
            ("--- a\n--- b\n...\n--- c\n", "--- a ) --- b ... --- c )"),
            ("a\n...\n...\n---\nb: 1\n", "( a ... --- { b 1 } )"),
            ("%YAML 1.1\n%TAG !e! tag:e,1:\n---\n!e!x a\n", "--- !e!x a )"),
            ("\u{FEFF}a: b\n", "( { a b } )"),
        ]);
    }

    #[test]
    fn properties_come_in_any_order_and_without_a_value() {
        reads(&[
            ("&a !!str b: *a\n", "( { &a !!str b *a } )"),
            ("a: !t &b\nc: &d\n", "( { a &b !t ~ c &d ~ } )"),
            ("a: &b\n  - c\n", "( { a &b [ c ] } )"),
            ("&a {b: !!int \"1\"}", "( &a <{ b !!int \"1 } )"),
        ]);
    }

    #[test]
    fn texts_that_are_not_yaml_are_refused_with_a_position() {
        refuses(&[
            ("a: b: c", (1, 5), "mapping value"),
            ("a:\n\tb: c\n", (2, 1), "tab"),
            ("a: 'b\n", (1, 4), "no end"),
            ("a: \"\\q\"\n", (1, 5), "escape"),
            ("a: \"\\ud800\"\n", (1, 5), "character number"),
            ("a: 1\n b: 2\n", (2, 3), "mapping value"),
            ("  a: 1\n b: 2\n", (2, 2), "`---`"),
            ("a\nb: c\n", (2, 2), "mapping value"),
            ("a: 1\n- b\n", (2, 1), "a key"),
            ("- a\nb: 1\n", (2, 1), "`-`"),
            ("a: 1\nb\nc: 2\n", (2, 1), "`:`"),
            ("[a, b", (1, 6), "`,` or `]`"),
            ("{a: b]", (1, 6), "`,` or `}`"),
            ("{a, : b}", (1, 5), "a value"),
            ("[a]]", (1, 4), "`---`"),
            ("a: @b", (1, 4), "reserved"),
            ("a: %b", (1, 4), "quotes"),
            ("a: |x\n  b\n", (1, 4), "header"),
            ("a: |0\n  b\n", (1, 4), "indentation"),
            ("a: |\n\tb\n", (1, 4), "tab"),
            ("a: & b", (1, 4), "name"),
            ("a: !u!b c", (1, 4), "not defined"),
            ("a: !<b c", (1, 4), "`>`"),
            ("a: !!str%zz c", (1, 4), "`%`"),
            ("%FOO\n---\n", (1, 1), "directive"),
            ("%YAML 1.2\n---\n", (1, 1), "1.1"),
            ("%YAML 1.1\n%YAML 1.1\n---\n", (2, 1), "second"),
            ("%TAG !a! b\n%TAG !a! c\n---\n", (2, 1), "second"),
            ("%YAML 1.1\na\n", (2, 1), "`---`"),
            ("a: 1\n...\nb: 2\n", (3, 1), "`---`"),
            ("a: \"b\n---\nc\"\n", (1, 4), "marker"),
            (": a\n", (1, 1), "a key"),
            ("a: b\u{1}\n", (1, 5), "control"),
        ]);
    }

    #[test]
    fn an_error_is_given_again() {
        let mut parser = Parser::new("a: b: c").unwrap();
        let error = loop {
            if let Err(error) = parser.next_event() {
                break error;
            }
        };
        assert_eq!(parser.next_event().unwrap_err(), error);
    }

    #[test]
    fn a_key_has_at_most_1024_characters_on_one_line() {
        for letter in ["k", "\u{E9}"] {
            let longest = letter.repeat(1024);
            assert!(outline(&format!("{longest}: v")).is_ok());
            assert!(outline(&format!("{longest}{letter}: v")).is_err());
            assert!(outline(&format!("? {longest}{letter}\n: v")).is_ok());
        }
        assert!(outline("\"a\n b\": c").is_err());
    }

    #[test]
    fn ten_thousand_levels_are_allowed() {
        let nested = |levels: usize| {
            let block = format!("{}x", "- ".repeat(levels));
            let flow = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            [block, flow].map(|text| outline(&text).is_ok())
        };
        assert_eq!(nested(10_000), [true, true]);
        assert_eq!(nested(10_001), [false, false]);
    }

    #[test]
    fn spans_are_exact() {
        let text = "k: &a !!str \"v\"\n\u{E9}:\n  - |+ # c\n    x\n\n  - p q  \n? {m: }\n";
        let first = |at: u32| text[at as usize..].chars().next().unwrap_or(' ');
        let shown: Vec<(&str, &str, char)> = events(text)
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Scalar { .. } | EventKind::SequenceStart { .. }))
            .map(|event| (&text[event.span.range()], &text[event.anchor.range()], first(event.entry)))
            .collect();
        let expected = [
            ("k", "", 'k'),
            ("\"v\"", "&a", '&'),
            ("\u{E9}", "", '\u{E9}'),
            ("", "", '-'),
            ("|+ # c\n    x\n", "", '-'),
            ("p q", "", '-'),
            ("m", "", 'm'),
            ("", "", ' '),
            ("", "", '\n'),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn tags_are_resolved_with_the_directives_of_their_document() {
        let text = "%TAG !e! tag:e,1:\n%TAG !! tag:two:\n---\n[!e!a x, !!b x, !c%20d x, !<tag:f> x, ! x]\n---\n!!b x\n";
        let mut parser = Parser::new(text).unwrap();
        let mut tags = Vec::new();
        loop {
            let event = parser.next_event().unwrap();
            match event.kind {
                EventKind::StreamEnd => break,
                EventKind::Scalar { .. } => tags.push(parser.tag(event.tag).into_owned()),
                _ => {}
            }
        }
        assert_eq!(tags, ["tag:e,1:a", "tag:two:b", "!c d", "tag:f", "!", "tag:yaml.org,2002:b"]);
    }

    proptest! {
        /// Whatever the text: no panic; spans in order and on characters; every `#` outside of scalars, tags and directives
        /// is in a comment, which comes once; the indentation of a block scalar is found again from the text.
        #[test]
        fn spans_and_comments_cover_the_text(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
            let text = words.concat();
            let Ok(mut parser) = Parser::new(&text) else { return Ok(()) };
            let mut covered = vec![0u8; text.len()];
            let mut columns = vec![None];
            let mut comments = Vec::new();
            let mut last = 0;
            loop {
                let Ok(event) = parser.next_event() else { return Ok(()) };
                comments.extend(parser.comments().iter().map(|comment| comment.span));
                for span in [event.span, event.anchor, event.tag] {
                    covered[span.range()].fill(1);
                    prop_assert!(text.get(span.range()).is_some());
                }
                let column = text[..event.span.start as usize].chars().rev().take_while(|c| !"\n\r".contains(*c)).count();
                match event.kind {
                    EventKind::Scalar { style } => {
                        prop_assert!(event.span.start >= last, "{text:?}");
                        last = event.span.end;
                        if matches!(style, Style::Literal | Style::Folded) {
                            let parent = columns[columns.len() - 1];
                            prop_assert_eq!(block_indent(&text, event.span, parent), event.indent, "{:?}", text);
                        }
                    }
                    EventKind::MappingStart { .. } | EventKind::SequenceStart { .. } => columns.push(Some(column)),
                    EventKind::MappingEnd | EventKind::SequenceEnd => {
                        columns.pop();
                    }
                    EventKind::StreamEnd => break,
                    _ => {}
                }
            }
            comments.sort_by_key(|span| span.start);
            for pair in comments.windows(2) {
                prop_assert!(pair[0].end < pair[1].start, "{text:?}: {pair:?}");
            }
            comments.iter().for_each(|span| covered[span.range()].fill(1));
            for (at, _) in text.match_indices('#') {
                prop_assert!(covered[at] == 1, "{text:?}: {at}");
            }
        }
    }

    const WORDS: &[&str] = &[
        "a",
        "b: ",
        "c",
        ": ",
        "- ",
        "? ",
        "\n",
        "\n",
        "\n",
        "\n  ",
        "\n  ",
        "\n    ",
        " ",
        "  ",
        "# c",
        " # d\n",
        "\n# e\n",
        "\n  # f\n",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        "\"",
        "|\n",
        "|2\n",
        ">+ # g\n",
        "|-\n  ",
        "&x ",
        "*x",
        "!!str ",
        "---\n",
        "...\n",
        "\r\n",
        "\t",
        "\u{E9}",
        "~",
        "\n\n",
    ];
}
