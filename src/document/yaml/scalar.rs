//! Owns where scalars end: plain, quoted and block scalars. Their text is decoded elsewhere, when it is asked for.

use super::super::Style;
use super::input::{BLANK, BREAK, CLASS, COLON, DOUBLE, FLOW, break_len};
use super::property::hex;
use super::scanner::{Fault, Scanner, Step};
use super::token::{Token, TokenKind};

impl Scanner<'_> {
    /// A plain scalar: ends before `: `, ` #`, a flow indicator in flow context, a line with less indentation, a marker.
    pub(super) fn plain(&mut self) -> Step<()> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        let mut end = start;
        let mut on_new_line = false;
        let stops = if self.flow > 0 { BLANK | BREAK | COLON | FLOW } else { BLANK | BREAK | COLON };
        loop {
            if on_new_line && self.at_marker() || self.byte() == b'#' {
                break;
            }
            let word = self.at;
            self.plain_word(stops);
            if self.at > word {
                end = self.at;
                self.newlines = 0;
                on_new_line = false;
                self.pass_wide(word);
            }
            match self.text.get(self.at) {
                Some(&b) if CLASS[b as usize] & (BLANK | BREAK) != 0 => self.plain_gap(&mut on_new_line, start)?,
                _ => break,
            }
            if self.flow == 0 && (self.column() as isize) <= self.indent {
                break;
            }
        }
        if on_new_line {
            self.key_allowed = true;
        }
        self.queue.push(Token::new(TokenKind::Scalar(Style::Plain), start, end));
        Ok(())
    }

    /// Characters of a plain scalar up to a blank, a line break or what ends the scalar.
    #[inline]
    fn plain_word(&mut self, stops: u8) {
        let mut at = self.at;
        if stops & FLOW == 0 {
            at += sealed_len(&self.text[at..]);
        }
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += rest.iter().position(|&b| CLASS[b as usize] & stops != 0).unwrap_or(rest.len());
            match self.byte_at(at) {
                b':' if !self.blank_or_end(at + 1) => at += 1,
                0xC2 | 0xE2 if break_len(self.text, at) == 0 => at += 1,
                _ => break,
            }
        }
        self.at = at;
    }

    /// Blanks and line breaks in or after a plain scalar.
    fn plain_gap(&mut self, on_new_line: &mut bool, start: usize) -> Step<()> {
        loop {
            match self.byte() {
                b' ' => self.at += 1,
                b'\t' if *on_new_line && (self.column() as isize) <= self.indent => {
                    return Err(Fault { at: start, message: "a tab is not allowed as indentation in this value" });
                }
                b'\t' => self.at += 1,
                _ => match self.at_break() {
                    0 => return Ok(()),
                    len => {
                        self.pass_break(len);
                        *on_new_line = true;
                    }
                },
            }
        }
    }

    /// A scalar in single or double quotes.
    pub(super) fn quoted(&mut self, style: Style) -> Step<()> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        self.at += 1;
        let (quote, stops) = if style == Style::Single { (b'\'', BREAK) } else { (b'"', BREAK | DOUBLE) };
        let mut line_from = start;
        loop {
            while let Some(&byte) = self.text.get(self.at)
                && CLASS[byte as usize] & stops == 0
                && byte != quote
            {
                self.at += 1;
            }
            match self.text.get(self.at) {
                None => return Err(Fault { at: start, message: "this quoted value has no end" }),
                Some(&b) if b == quote => {
                    if style == Style::Double || self.byte_at(self.at + 1) != quote {
                        break;
                    }
                    self.at += 2;
                }
                Some(b'\\') if style == Style::Double => {
                    if break_len(self.text, self.at + 1) > 0 {
                        self.at += 1
                    } else {
                        self.escape()?
                    }
                }
                Some(_) => match self.at_break() {
                    0 => self.at += 1,
                    len => {
                        self.pass_break(len);
                        line_from = self.at;
                        if self.at_marker() {
                            return Err(Fault { at: start, message: "this quoted value has a document marker in it" });
                        }
                    }
                },
            }
        }
        self.at += 1;
        self.newlines = 0;
        self.pass_wide(line_from);
        self.queue.push(Token::new(TokenKind::Scalar(style), start, self.at));
        Ok(())
    }

    /// Goes past an escape in double quotes.
    fn escape(&mut self) -> Step<()> {
        let digits = match self.byte_at(self.at + 1) {
            b'0' | b'a' | b'b' | b't' | b'\t' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"' | b'\'' | b'\\' | b'N' | b'_'
            | b'L' | b'P' => 0,
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => return Err(self.fault("an unknown escape in double quotes: write `\\\\` for a backslash")),
        };
        if digits > 0 {
            let wrong = self.fault("an invalid character number in this escape");
            let code = self.text.get(self.at + 2..self.at + 2 + digits).ok_or(wrong)?;
            let number = code.iter().try_fold(0u32, |n, &b| Some((n << 4) | u32::from(hex(b)?))).ok_or(wrong)?;
            char::from_u32(number).ok_or(wrong)?;
        }
        self.at += 2 + digits;
        Ok(())
    }

    /// A `|` or `>` block scalar.
    pub(super) fn block_scalar(&mut self, style: Style) -> Step<()> {
        self.drop_key()?;
        self.key_allowed = true;
        let start = self.at;
        let header = header(&self.text[start..]);
        if header.zero {
            return Err(Fault { at: start, message: "the indentation of this block scalar must not be 0" });
        }
        self.at += header.len;
        self.newlines = 0;
        let header_end = self.at;
        while CLASS[self.byte() as usize] == BLANK {
            self.at += 1;
        }
        if self.byte() == b'#' {
            self.line_comment(start);
        }
        match self.at_break() {
            0 if self.at < self.text.len() => {
                return Err(Fault {
                    at: start,
                    message: "a comment or line break was expected after the header of this block scalar",
                });
            }
            0 => {}
            len => self.pass_break(len),
        }
        let mut indent = match header.indent {
            0 => 0,
            digit => digit + self.indent.max(0) as usize,
        };
        // Ends: of the content, of the lines break before the last one passed, as the chomping asks.
        let mut content_end = header_end;
        let mut kept_end = header_end;
        self.block_gap(&mut indent, start, &mut kept_end)?;
        while self.column() == indent && self.at < self.text.len() {
            let end = self.line_end(self.at);
            if self.text[self.at..end].iter().any(|&b| CLASS[b as usize] != BLANK) {
                self.newlines = 0;
            }
            self.at = end;
            content_end = end;
            kept_end = end;
            self.pass_break_if_any();
            self.block_gap(&mut indent, start, &mut kept_end)?;
        }
        let end = if header.keep { kept_end } else { content_end };
        let token = Token { indent: indent as u32, ..Token::new(TokenKind::Scalar(style), start, end) };
        self.queue.push(token);
        Ok(())
    }

    fn pass_break_if_any(&mut self) {
        let len = self.at_break();
        if len > 0 {
            self.pass_break(len);
        }
    }

    /// Indentation and blank lines in a block scalar. Finds the indentation if it is not known (0): that of the first line that is not
    /// blank, or of a deeper blank line above it, but deeper than the collection around.
    fn block_gap(&mut self, indent: &mut usize, start: usize, kept_end: &mut usize) -> Step<()> {
        let mut deepest = 0;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let most = if *indent == 0 { usize::MAX } else { indent.saturating_sub(self.column()) };
            self.at += rest.iter().take(most).take_while(|&&b| b == b' ').count();
            deepest = deepest.max(self.column());
            if (*indent == 0 || self.column() < *indent) && self.byte() == b'\t' {
                return Err(Fault { at: start, message: "a tab is not allowed as indentation in this block scalar" });
            }
            match self.at_break() {
                0 => break,
                len => {
                    *kept_end = self.at;
                    self.pass_break(len);
                }
            }
        }
        if *indent == 0 {
            *indent = deepest.max((self.indent + 1) as usize).max(1);
        }
        Ok(())
    }
}

/// The header of a block scalar.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header {
    /// `|`, `>` and the indicators.
    pub(super) len: usize,
    /// `+`
    pub(super) keep: bool,
    /// `-`
    pub(super) strip: bool,
    /// The digit, 0 if there is none.
    pub(super) indent: usize,
    /// The digit is 0, which is not allowed.
    pub(super) zero: bool,
}

/// Reads the header at the start of a block scalar: at most one chomping indicator and one digit, in any order.
pub(super) fn header(text: &[u8]) -> Header {
    let mut header = Header { len: 1, ..Header::default() };
    let mut digit = false;
    while let Some(&byte) = text.get(header.len) {
        match byte {
            b'+' if !header.keep && !header.strip => header.keep = true,
            b'-' if !header.keep && !header.strip => header.strip = true,
            b'0'..=b'9' if !digit => {
                digit = true;
                header.indent = usize::from(byte - b'0');
                header.zero = byte == b'0';
            }
            _ => break,
        }
        header.len += 1;
    }
    header
}

/// The length of a sealed value (`ENC[...]`) at the start of a text, 0 if there is none: it is most of an encrypted file, has
/// nothing that ends a plain scalar in block context, and is passed faster than byte by byte.
fn sealed_len(text: &[u8]) -> usize {
    if !text.starts_with(b"ENC[") {
        return 0;
    }
    // What comes first, so that a text of many openings without an end is not searched again and again.
    let end = memchr::memchr3(b']', b' ', b'\n', text).unwrap_or(0);
    let sealed = &text[..end];
    let ends = memchr::memchr3(b'\t', b'\r', 0xC2, sealed).or_else(|| memchr::memchr(0xE2, sealed));
    if text[end] == b']' && ends.is_none() { end } else { 0 }
}
