//! Owns [`Token`] and [`Queue`]: what the scanner hands to the parser.
//!
//! The queue exists because a key is known only at its `:`: the key marker is then put in before tokens already queued.

use super::super::Style;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    StreamStart,
    StreamEnd,
    /// `%YAML`
    VersionDirective,
    /// `%TAG`
    TagDirective,
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    /// A block mapping or sequence ends: the indentation went back.
    BlockEnd,
    /// `[`
    FlowSequenceStart,
    /// `]`
    FlowSequenceEnd,
    /// `{`
    FlowMappingStart,
    /// `}`
    FlowMappingEnd,
    /// `- `
    BlockEntry,
    /// `,`
    FlowEntry,
    /// `?`, or a key whose `:` was found.
    Key,
    /// `:`
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar(Style),
}

/// One token: what and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Block scalars: the indentation of their content.
    pub(super) indent: u32,
}

impl Token {
    pub(super) fn new(kind: TokenKind, start: usize, end: usize) -> Self {
        Self { kind, start: start as u32, end: end as u32, indent: 0 }
    }
}

/// Tokens that were scanned and not yet taken. Keeps the two last ones for the scanner to look back at, taken or not.
pub(super) struct Queue {
    tokens: Vec<Token>,
    head: usize,
    /// How many tokens were ever taken: the number of the head token.
    taken: usize,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { tokens: Vec::with_capacity(64), head: 0, taken: 0 }
    }

    /// How many tokens wait.
    pub(super) fn waiting(&self) -> usize {
        self.tokens.len() - self.head
    }

    /// The tokens that wait.
    #[inline]
    pub(super) fn waiting_tokens(&self) -> &[Token] {
        self.tokens.get(self.head..).unwrap_or_default()
    }

    /// Forgets the tokens that wait.
    pub(super) fn forget_waiting(&mut self) {
        self.tokens.truncate(self.head);
    }

    /// The number of the head token, counted from the start of the stream.
    pub(super) fn head_number(&self) -> usize {
        self.taken
    }

    /// The number that the next pushed token gets.
    pub(super) fn next_number(&self) -> usize {
        self.taken + self.waiting()
    }

    /// The token to be taken next.
    pub(super) fn head(&self) -> Option<Token> {
        self.tokens.get(self.head).copied()
    }

    /// The last token that was pushed.
    pub(super) fn last(&self) -> Option<Token> {
        self.tokens.last().copied()
    }

    /// The token before the last one that was pushed.
    pub(super) fn before_last(&self) -> Option<Token> {
        self.tokens.len().checked_sub(2).map(|i| self.tokens[i])
    }

    /// Appends a token.
    pub(super) fn push(&mut self, token: Token) {
        if self.tokens.len() == self.tokens.capacity() && self.head > 2 {
            let keep = self.head.min(self.tokens.len().saturating_sub(2));
            self.tokens.drain(..keep);
            self.head -= keep;
        }
        self.tokens.push(token);
    }

    /// Puts a token in so that it gets this number: that of a token that still waits, or the next one.
    pub(super) fn insert(&mut self, number: usize, token: Token) {
        self.push(token);
        let at = self.head + number.saturating_sub(self.taken);
        let last = self.tokens.len() - 1;
        if at < last {
            self.tokens.copy_within(at..last, at + 1);
            self.tokens[at] = token;
        }
    }

    /// Takes the head token.
    pub(super) fn take(&mut self) {
        self.head += 1;
        self.taken += 1;
    }
}
