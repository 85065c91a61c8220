//! Owns the productions of block collections: sequences by `-`, mappings by indentation.

use super::super::Span;
use super::event::{Event, EventKind};
use super::parser::{Parser, State};
use super::scanner::{Fault, Step};
use super::token::{Token, TokenKind};

impl Parser<'_> {
    /// An item of a block sequence, or its end.
    pub(super) fn block_sequence(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::BlockEntry => {
                let next = self.pass_entry(token)?;
                if matches!(next.kind, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    self.state = State::BlockSequence;
                    return Ok(self.omitted(Some(token.start)));
                }
                self.states.push(State::BlockSequence);
                self.node(true, false, Some(token.start))
            }
            TokenKind::BlockEnd => Ok(self.block_end(token, EventKind::SequenceEnd)),
            _ => Err(Fault { at: token.start as usize, message: "a `-` was expected here, at the column of the list" }),
        }
    }

    /// An item of a sequence at the column of the mapping around it, or its end.
    pub(super) fn indentless_sequence(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        if token.kind != TokenKind::BlockEntry {
            self.pop_state();
            return Ok(self.empty_event(EventKind::SequenceEnd));
        }
        let next = self.pass_entry(token)?;
        if matches!(next.kind, TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
            self.state = State::IndentlessSequence;
            return Ok(self.omitted(Some(token.start)));
        }
        self.states.push(State::IndentlessSequence);
        self.node(true, false, Some(token.start))
    }

    /// Takes a `-`. Comments above it belong to the block collection that starts right behind it, as a whole.
    fn pass_entry(&mut self, dash: Token) -> Step<Token> {
        let above = self.scanner.remarks.held.head.len();
        self.take(dash);
        let next = self.scanner.peek()?;
        if above > 0 && matches!(next.kind, TokenKind::BlockSequenceStart | TokenKind::BlockMappingStart) {
            let remarks = &mut self.scanner.remarks;
            remarks.stem.extend(remarks.held.head.drain(..above));
        }
        Ok(next)
    }

    /// A key of a block mapping, or its end.
    pub(super) fn block_mapping_key(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::Key => {
                self.take(token);
                let next = self.scanner.peek()?;
                if matches!(next.kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
                    self.state = State::BlockMappingValue;
                    return Ok(self.omitted(Some(token.start)));
                }
                self.states.push(State::BlockMappingValue);
                self.node(true, true, Some(token.start))
            }
            TokenKind::BlockEnd => {
                self.claim();
                Ok(self.block_end(token, EventKind::MappingEnd))
            }
            _ => Err(Fault { at: token.start as usize, message: "a key was expected here, at the column of the mapping" }),
        }
    }

    /// A value of a block mapping.
    pub(super) fn block_mapping_value(&mut self) -> Step<Event> {
        let token = self.scanner.peek()?;
        if token.kind == TokenKind::Value {
            self.take(token);
            let next = self.scanner.peek()?;
            if !matches!(next.kind, TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd) {
                self.states.push(State::BlockMappingKey);
                return self.node(true, true, None);
            }
        }
        self.state = State::BlockMappingKey;
        Ok(self.omitted(None))
    }

    fn block_end(&mut self, token: Token, kind: EventKind) -> Event {
        self.pop_state();
        self.take(token);
        Event::bare(kind, Span { start: self.last_end, end: self.last_end })
    }
}
