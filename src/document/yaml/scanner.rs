//! Owns [`Scanner`]: text to tokens. Indentation and the choice of the token that starts at a character.
//!
//! Decides as go-yaml v3 decides: a key needs no `?` if its `:` is found on the same line within 1024 characters; block
//! collections start and end with the column of their entries; at most 10,000 levels of each kind of nesting.

use super::super::Style;
use super::comments::Remarks;
use super::input::{self, BLANK, BREAK, CLASS, INDICATOR};
use super::possible_key::PossibleKey;
use super::token::{Queue, Token, TokenKind};

/// Why a text is not YAML: an offset and our own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: &'static str,
}

/// What the scanner's and parser's steps give.
pub(super) type Step<T> = Result<T, Fault>;

/// Levels of block nesting, and of flow nesting, that go-yaml allows.
const MAX_DEPTH: usize = 10_000;

/// A place in the text with its line (from 0) and column (characters from 0).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) at: usize,
    pub(super) line: u32,
    pub(super) column: usize,
}

/// The scanner's state.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a [u8],
    /// Whether a byte is a character.
    pub(super) ascii: bool,
    pub(super) at: usize,
    pub(super) line: u32,
    /// `at - line_start` is the column: the offset of the line, moved by the bytes by which its characters are longer.
    pub(super) line_start: usize,
    /// Line breaks since the last character that is not blank.
    pub(super) newlines: u32,
    /// How many flow collections are open.
    pub(super) flow: usize,
    /// Column of the innermost block collection, -1 outside.
    pub(super) indent: isize,
    indents: Vec<isize>,
    /// One for the block context and one for each open flow collection.
    pub(super) keys: Vec<PossibleKey>,
    /// No possible key below this index has a token that still waits.
    pub(super) first_key: usize,
    pub(super) key_allowed: bool,
    pub(super) queue: Queue,
    /// The head of the queue is complete: no key marker can come before it.
    pub(super) ready: bool,
    pub(super) remarks: Remarks,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let start = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
        let mut queue = Queue::new();
        queue.push(Token::new(TokenKind::StreamStart, start, start));
        Self {
            text: text.as_bytes(),
            ascii: text[start..].is_ascii(),
            at: start,
            line: 0,
            line_start: start,
            newlines: 0,
            flow: 0,
            indent: -1,
            indents: Vec::new(),
            keys: vec![PossibleKey::default()],
            first_key: 0,
            key_allowed: true,
            queue,
            ready: false,
            remarks: Remarks::default(),
        }
    }

    /// The next token, which stays in the queue.
    #[inline]
    pub(super) fn peek(&mut self) -> Step<Token> {
        if !self.ready {
            self.fill()?;
            self.ready = true;
            if let Some(head) = self.queue.head()
                && self.remarks.pending()
            {
                self.remarks.unfold(head);
            }
        }
        self.queue.head().ok_or(Fault { at: self.text.len(), message: "the text goes on after its end" })
    }

    /// Takes the token that [`Scanner::peek`] gave.
    #[inline]
    pub(super) fn take(&mut self) {
        self.ready = false;
        self.queue.take();
    }

    /// Scans until no key marker can come before the head token, and two more tokens are known (comments need them).
    fn fill(&mut self) -> Step<()> {
        loop {
            if self.queue.waiting() > 2 && !self.head_may_be_key()? {
                return Ok(());
            }
            if self.queue.last().is_some_and(|t| t.kind == TokenKind::StreamEnd) {
                return Ok(());
            }
            self.scan()?;
        }
    }

    /// The byte at the scanner's place, 0 at the end (a NUL is no part of any text).
    #[inline]
    pub(super) fn byte(&self) -> u8 {
        self.byte_at(self.at)
    }

    #[inline]
    pub(super) fn byte_at(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn column(&self) -> usize {
        self.at - self.line_start
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { at: self.at, line: self.line, column: self.column() }
    }

    /// Whether a byte ends a line or the text, or is blank.
    #[inline]
    pub(super) fn blank_or_end(&self, at: usize) -> bool {
        input::is_blank_or_end(self.text, at)
    }

    /// The length of the line break at the scanner's place.
    #[inline]
    pub(super) fn at_break(&self) -> usize {
        if CLASS[self.byte() as usize] & BREAK == 0 { 0 } else { input::break_len(self.text, self.at) }
    }

    /// Goes past a line break.
    #[inline]
    pub(super) fn pass_break(&mut self, len: usize) {
        self.at += len;
        self.line += 1;
        self.line_start = self.at;
        self.newlines += 1;
    }

    /// Keeps the column right after characters of several bytes in `from..self.at`, on the current line.
    #[inline]
    pub(super) fn pass_wide(&mut self, from: usize) {
        if !self.ascii {
            self.line_start += continuation_bytes(&self.text[from..self.at]);
        }
    }

    /// Whether `---` or `...` stands here at the start of a line.
    pub(super) fn at_marker(&self) -> bool {
        self.at == self.line_start
            && matches!(self.text.get(self.at..self.at + 3), Some(b"---" | b"..."))
            && self.blank_or_end(self.at + 3)
    }

    /// Scans one token (and what must come before it).
    fn scan(&mut self) -> Step<()> {
        let before = self.mark();
        self.skip_to_token(before)?;
        let column = self.column();
        if self.indent > column as isize {
            self.close_blocks(column as isize, before);
        }
        let Some(&byte) = self.text.get(self.at) else { return self.stream_end() };
        if column == 0 {
            match byte {
                b'%' => {
                    self.close_all()?;
                    return self.directive();
                }
                b'-' if self.at_marker() => return self.document_marker(TokenKind::DocumentStart),
                b'.' if self.at_marker() => return self.document_marker(TokenKind::DocumentEnd),
                _ => {}
            }
        }
        let mut owner = self.at;
        if ((byte == b':' && self.flow == 0) || (byte == b',' && self.flow > 0))
            && let Some(last) = self.queue.last()
        {
            owner = last.start as usize;
        }
        self.token(byte)?;
        if self.newlines == 0
            && matches!(self.byte(), b' ' | b'\t' | b'#')
            && self.queue.last().is_none_or(|t| t.kind != TokenKind::BlockEntry)
        {
            self.line_comment(owner);
        }
        Ok(())
    }

    /// The token that starts with this byte.
    #[inline]
    fn token(&mut self, byte: u8) -> Step<()> {
        if CLASS[byte as usize] & (INDICATOR | BLANK | BREAK) == 0 {
            return self.plain();
        }
        match byte {
            b'[' => self.flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.flow_start(TokenKind::FlowMappingStart),
            b']' => self.flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.drop_key()?;
                self.key_allowed = true;
                self.indicator(TokenKind::FlowEntry);
                Ok(())
            }
            b'-' if self.blank_or_end(self.at + 1) => self.block_entry(),
            b'?' if self.flow > 0 || self.blank_or_end(self.at + 1) => self.explicit_key(),
            b':' if self.flow > 0 || self.blank_or_end(self.at + 1) => self.value(),
            b'*' => self.name(TokenKind::Alias),
            b'&' => self.name(TokenKind::Anchor),
            b'!' => self.tag(),
            b'|' if self.flow == 0 => self.block_scalar(Style::Literal),
            b'>' if self.flow == 0 => self.block_scalar(Style::Folded),
            b'\'' => self.quoted(Style::Single),
            b'"' => self.quoted(Style::Double),
            b'-' => self.plain(),
            b'?' | b':' if self.flow == 0 => self.plain(),
            0xC2 | 0xE2 => self.plain(),
            b'\t' => Err(self.fault("a tab is not allowed as indentation here")),
            b'@' | b'`' => Err(self.fault("this character is reserved and cannot start a value: put it in quotes")),
            _ => Err(self.fault("this character cannot start a value: put it in quotes")),
        }
    }

    pub(super) fn fault(&self, message: &'static str) -> Fault {
        Fault { at: self.at, message }
    }

    /// A token of one byte.
    fn indicator(&mut self, kind: TokenKind) {
        self.queue.push(Token::new(kind, self.at, self.at + 1));
        self.at += 1;
        self.newlines = 0;
    }

    /// Goes past blanks, line breaks and comments.
    fn skip_to_token(&mut self, before: Mark) -> Step<()> {
        loop {
            let tabs = self.flow > 0 || !self.key_allowed;
            while self.byte() == b' ' || (tabs && self.byte() == b'\t') {
                self.at += 1;
            }
            if self.remarks.pending() {
                self.raise_line_comment();
            }
            if self.byte() == b'#' {
                self.comment_run(before);
            }
            match self.at_break() {
                0 => return Ok(()),
                len => {
                    self.pass_break(len);
                    if self.flow == 0 {
                        self.key_allowed = true;
                    }
                }
            }
        }
    }

    /// Opens a block collection if the column is deeper than that of the innermost one.
    fn open_block(&mut self, column: usize, number: usize, kind: TokenKind, at: usize) -> Step<()> {
        if self.flow == 0 && self.indent < column as isize {
            self.enter_block(column);
            if self.indents.len() > MAX_DEPTH {
                return Err(Fault { at, message: "too many levels: at most 10,000 block collections in each other" });
            }
            self.queue.insert(number, Token::new(kind, at, at));
        }
        Ok(())
    }

    /// The innermost block collection is one that starts at this column.
    pub(super) fn enter_block(&mut self, column: usize) {
        self.indents.push(self.indent);
        self.indent = column as isize;
    }

    /// Ends the innermost block collection past tokens; the column of the one around it, which stays open.
    pub(super) fn leave_block(&mut self) -> Option<usize> {
        let column = usize::try_from(*self.indents.last()?).ok()?;
        self.indent = self.indents.pop()?;
        Some(column)
    }

    /// Closes the block collections deeper than a column. `before` is where the blanks before the next token start.
    fn close_blocks(&mut self, column: isize, before: Mark) {
        if self.flow > 0 {
            return;
        }
        // The end stands before comments that are no longer in the collection.
        let mut end = self.char_before(before.at);
        while self.indent > column {
            if self.remarks.pending() {
                end = self.remarks.block_end(end, self.indent);
            }
            self.queue.push(Token::new(TokenKind::BlockEnd, end, end));
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn char_before(&self, at: usize) -> usize {
        let mut start = at.saturating_sub(1);
        while start > 0 && self.byte_at(start) & 0xC0 == 0x80 {
            start -= 1;
        }
        start
    }

    fn close_all(&mut self) -> Step<()> {
        self.close_blocks(-1, self.mark());
        self.drop_key()?;
        self.key_allowed = false;
        Ok(())
    }

    fn stream_end(&mut self) -> Step<()> {
        if self.at != self.line_start {
            self.line_start = self.at;
            self.line += 1;
        }
        self.close_all()?;
        self.queue.push(Token::new(TokenKind::StreamEnd, self.at, self.at));
        Ok(())
    }

    fn document_marker(&mut self, kind: TokenKind) -> Step<()> {
        self.close_all()?;
        self.queue.push(Token::new(kind, self.at, self.at + 3));
        self.at += 3;
        self.newlines = 0;
        Ok(())
    }

    fn flow_start(&mut self, kind: TokenKind) -> Step<()> {
        self.save_key()?;
        self.keys.push(PossibleKey::default());
        self.flow += 1;
        if self.flow > MAX_DEPTH {
            return Err(self.fault("too many levels: at most 10,000 flow collections in each other"));
        }
        self.key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: TokenKind) -> Step<()> {
        self.drop_key()?;
        if self.flow > 0 {
            self.flow -= 1;
            self.keys.pop();
        }
        self.key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn block_entry(&mut self) -> Step<()> {
        // In flow context the parser refuses it.
        if self.flow == 0 {
            if !self.key_allowed {
                return Err(self.fault("a list item cannot start here"));
            }
            self.open_block(self.column(), self.queue.next_number(), TokenKind::BlockSequenceStart, self.at)?;
        }
        self.drop_key()?;
        self.key_allowed = true;
        self.indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn explicit_key(&mut self) -> Step<()> {
        if self.flow == 0 {
            if !self.key_allowed {
                return Err(self.fault("a mapping key cannot start here"));
            }
            self.open_block(self.column(), self.queue.next_number(), TokenKind::BlockMappingStart, self.at)?;
        }
        self.drop_key()?;
        self.key_allowed = self.flow == 0;
        self.indicator(TokenKind::Key);
        Ok(())
    }

    fn value(&mut self) -> Step<()> {
        let level = self.keys.len() - 1;
        if self.key_holds(level)? {
            let key = self.keys[level];
            self.keys[level].possible = false;
            self.queue.insert(key.number, Token::new(TokenKind::Key, key.at, key.at));
            self.open_block(key.column, key.number, TokenKind::BlockMappingStart, key.at)?;
            self.key_allowed = false;
        } else {
            if self.flow == 0 {
                if !self.key_allowed {
                    return Err(self.fault("a mapping value cannot start here: a value with `: ` in it needs quotes"));
                }
                self.open_block(self.column(), self.queue.next_number(), TokenKind::BlockMappingStart, self.at)?;
            }
            self.key_allowed = self.flow == 0;
        }
        self.indicator(TokenKind::Value);
        Ok(())
    }
}

/// How many bytes continue a character.
pub(super) fn continuation_bytes(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b & 0xC0 == 0x80).count()
}
