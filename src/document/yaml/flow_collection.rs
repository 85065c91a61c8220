//! Owns the productions of flow collections: `[a, b]`, `{a: b}` and single pairs in a sequence, `[a: b]`.

use super::super::Span;
use super::event::{Event, EventKind};
use super::parser::{Parser, State};
use super::scanner::{Fault, Step};
use super::token::{Token, TokenKind};

impl Parser<'_> {
    /// An item of a flow sequence, or its end.
    pub(super) fn flow_sequence(&mut self, first: bool) -> Step<Event> {
        let token = self.next_entry(first, TokenKind::FlowSequenceEnd, "`,` or `]` was expected here")?;
        match token.kind {
            TokenKind::FlowSequenceEnd => Ok(self.flow_end(token, EventKind::SequenceEnd)),
            TokenKind::Key => {
                self.take(token);
                self.state = State::PairKey;
                Ok(Event::bare(EventKind::MappingStart { flow: true }, Span { start: token.start, end: token.start }))
            }
            _ => {
                self.states.push(State::FlowSequence);
                self.node(false, false, None)
            }
        }
    }

    /// The key of a single pair.
    pub(super) fn pair_key(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        if matches!(token.kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
            // go-yaml takes the token here, so `[? : x]` and `[?]` are refused or read oddly: as it does.
            let omitted = self.omitted(None);
            self.take(token);
            self.state = State::PairValue;
            return Ok(omitted);
        }
        self.states.push(State::PairValue);
        self.node(false, false, None)
    }

    /// The value of a single pair.
    pub(super) fn pair_value(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.take(token);
            let next = self.scanner.peek()?;
            if !matches!(next.kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
                self.states.push(State::PairEnd);
                return self.node(false, false, None);
            }
        }
        self.state = State::PairEnd;
        Ok(self.omitted(None))
    }

    /// The end of a single pair.
    pub(super) fn pair_end(&mut self) -> Step<Event> {
        self.scanner.peek()?;
        self.state = State::FlowSequence;
        Ok(self.empty_event(EventKind::MappingEnd))
    }

    /// A key of a flow mapping, or its end.
    pub(super) fn flow_mapping_key(&mut self, first: bool) -> Step<Event> {
        let token = self.next_entry(first, TokenKind::FlowMappingEnd, "`,` or `}` was expected here")?;
        match token.kind {
            TokenKind::FlowMappingEnd => Ok(self.flow_end(token, EventKind::MappingEnd)),
            TokenKind::Key => {
                self.take(token);
                let next = self.scanner.peek()?;
                if matches!(next.kind, TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                    self.state = State::FlowMappingValue;
                    return Ok(self.omitted(Some(token.start)));
                }
                self.states.push(State::FlowMappingValue);
                self.node(false, false, Some(token.start))
            }
            _ => {
                self.states.push(State::FlowMappingNoValue);
                self.node(false, false, None)
            }
        }
    }

    /// A value of a flow mapping.
    pub(super) fn flow_mapping_value(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.take(token);
            let next = self.scanner.peek()?;
            if !matches!(next.kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false, None);
            }
        }
        self.state = State::FlowMappingKey;
        Ok(self.omitted(None))
    }

    /// The value of a key that has no `:`.
    pub(super) fn flow_mapping_no_value(&mut self) -> Step<Event> {
        self.scanner.peek()?;
        self.state = State::FlowMappingKey;
        Ok(self.omitted(None))
    }

    /// Goes past the opening bracket or a comma to the token that starts an entry, or to the end of the collection.
    fn next_entry(&mut self, first: bool, end: TokenKind, expected: &'static str) -> Step<Token> {
        let token = self.scanner.peek()?;
        if first {
            self.take(token);
            return self.scanner.peek();
        }
        match token.kind {
            TokenKind::FlowEntry => {
                self.take(token);
                self.scanner.peek()
            }
            kind if kind == end => Ok(token),
            _ => Err(Fault { at: token.start as usize, message: expected }),
        }
    }

    fn flow_end(&mut self, token: Token, kind: EventKind) -> Event {
        self.pop_state();
        self.claim();
        self.take(token);
        Event::bare(kind, Span { start: token.start, end: token.end })
    }
}
