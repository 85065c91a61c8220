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
    placement: Placement,
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
                Ok(self.event(EventKind::StreamStart, Span::default()))
            }
            State::FirstDocument => self.document_start(true),
            State::Document => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::End => Ok(self.event(EventKind::StreamEnd, Span::new(self.text.len(), self.text.len()))),
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

    /// An event without properties.
    #[inline]
    pub(super) fn event(&self, kind: EventKind, span: Span) -> Event {
        Event { kind, span, anchor: Span::default(), tag: Span::default(), entry: span.start, indent: 0 }
    }

    /// An event without properties, without extent, after what was read.
    pub(super) fn empty_event(&self, kind: EventKind) -> Event {
        self.event(kind, Span { start: self.last_end, end: self.last_end })
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
            return Ok(self.event(EventKind::DocumentStart { explicit: false }, at));
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
        Ok(self.event(EventKind::DocumentStart { explicit: true }, Span { start: token.start, end: token.end }))
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
        let mut event = self.event(EventKind::Alias, Span { start: token.start, end: token.end });
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
