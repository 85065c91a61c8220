//! Owns what stands before a node or a document: anchors and aliases, tags, directives.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::Span;
use super::input::{BLANK, CLASS, URI, WORD};
use super::scanner::{Fault, Scanner, Step};
use super::token::{Token, TokenKind};

impl Scanner<'_> {
    /// `&name` or `*name`.
    pub(super) fn name(&mut self, kind: TokenKind) -> Step<()> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        self.at += 1;
        self.skip_class(WORD);
        let ended = self.blank_or_end(self.at) || matches!(self.byte(), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if self.at == start + 1 || !ended {
            return Err(Fault { at: start, message: "a name of letters, digits, `-` and `_` was expected here" });
        }
        self.newlines = 0;
        self.queue.push(Token::new(kind, start, self.at));
        Ok(())
    }

    /// `!`, `!suffix`, `!handle!suffix` or `!<uri>`.
    pub(super) fn tag(&mut self) -> Step<()> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        self.at += 1;
        if self.byte() == b'<' {
            self.at += 1;
            self.uri(start, true)?;
            if self.byte() != b'>' {
                return Err(Fault { at: start, message: "`>` was expected at the end of this tag" });
            }
            self.at += 1;
        } else {
            self.skip_class(WORD);
            let handle = self.byte() == b'!';
            self.at += usize::from(handle);
            self.uri(start, handle)?;
        }
        if !self.blank_or_end(self.at) {
            return Err(Fault { at: start, message: "a blank was expected after this tag" });
        }
        self.newlines = 0;
        self.queue.push(Token::new(TokenKind::Tag, start, self.at));
        Ok(())
    }

    /// `%YAML 1.1` or `%TAG !handle! prefix`.
    pub(super) fn directive(&mut self) -> Step<()> {
        let start = self.at;
        self.at += 1;
        self.skip_class(WORD);
        let kind = match &self.text[start + 1..self.at] {
            b"YAML" => TokenKind::VersionDirective,
            b"TAG" => TokenKind::TagDirective,
            _ => return Err(Fault { at: start, message: "an unknown directive" }),
        };
        if !self.blank_or_end(self.at) {
            return Err(Fault { at: start, message: "an unknown directive" });
        }
        self.skip_class(BLANK);
        match kind {
            TokenKind::VersionDirective => self.version(start)?,
            _ => self.tag_prefix(start)?,
        }
        self.newlines = 0;
        let end = self.at;
        self.skip_class(BLANK);
        if self.byte() == b'#' {
            self.drop_comment();
        }
        match self.at_break() {
            0 if self.at < self.text.len() => {
                return Err(Fault { at: start, message: "a comment or line break was expected after this directive" });
            }
            0 => {}
            len => self.pass_break(len),
        }
        self.queue.push(Token::new(kind, start, end));
        Ok(())
    }

    fn version(&mut self, start: usize) -> Step<()> {
        let wrong = Fault { at: start, message: "a version with `.` was expected in this directive" };
        for part in 0..2 {
            let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
            self.at += digits;
            if digits == 0 || digits > 2 {
                return Err(wrong);
            }
            if part == 0 {
                if self.byte() != b'.' {
                    return Err(wrong);
                }
                self.at += 1;
            }
        }
        Ok(())
    }

    fn tag_prefix(&mut self, start: usize) -> Step<()> {
        let handle = self.at;
        if self.byte() == b'!' {
            self.at += 1;
            self.skip_class(WORD);
            if self.byte() == b'!' {
                self.at += 1;
            } else if self.at > handle + 1 {
                return Err(Fault { at: start, message: "the handle of this directive must end in `!`" });
            }
        }
        if self.at == handle || CLASS[self.byte() as usize] != BLANK {
            return Err(Fault { at: start, message: "a handle and a prefix were expected in this directive" });
        }
        self.skip_class(BLANK);
        self.uri(start, true)?;
        if !self.blank_or_end(self.at) {
            return Err(Fault { at: start, message: "a line break was expected after this directive" });
        }
        Ok(())
    }

    /// The characters of a tag, `%` escapes checked.
    fn uri(&mut self, start: usize, required: bool) -> Step<()> {
        let from = self.at;
        loop {
            self.skip_class(WORD | URI);
            if self.byte() != b'%' {
                break;
            }
            self.escaped_character(start)?;
        }
        if required && self.at == from {
            return Err(Fault { at: start, message: "this tag is incomplete" });
        }
        Ok(())
    }

    /// One character written as `%` escapes of its UTF-8 bytes. Any leading byte with the right count of continuing bytes passes.
    fn escaped_character(&mut self, start: usize) -> Step<()> {
        let wrong = Fault { at: start, message: "this tag has an invalid `%` escape" };
        let mut left = None;
        while left != Some(0) {
            let byte = escaped_byte(&self.text[self.at..]).ok_or(wrong)?;
            left = match left {
                Some(left) if byte & 0xC0 == 0x80 => Some(left - 1),
                Some(_) => return Err(wrong),
                None => Some(match byte {
                    0..0x80 => 0,
                    0xC0..0xE0 => 1,
                    0xE0..0xF0 => 2,
                    0xF0..0xF8 => 3,
                    _ => return Err(wrong),
                }),
            };
            self.at += 3;
        }
        Ok(())
    }

    fn skip_class(&mut self, class: u8) {
        // `%` starts an escape and is looked at by itself.
        while let Some(&byte) = self.text.get(self.at)
            && CLASS[byte as usize] & class != 0
            && byte != b'%'
        {
            self.at += 1;
        }
    }
}

fn escaped_byte(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', a, b, ..] => Some((hex(*a)? << 4) | hex(*b)?),
        _ => None,
    }
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|d| d as u8)
}

/// What the handles of `%TAG` directives stand for in this document: spans of prefixes as written.
pub(super) type Handles<'a> = HashMap<&'a str, Span>;

/// The handle and the prefix of a `%TAG` directive that was scanned.
pub(super) fn handle(text: &str, directive: Span) -> (&str, Span) {
    let source = &text[directive.range()];
    let handle = source.find('!').unwrap_or(source.len());
    let handle_end = source[handle..].find([' ', '\t']).map_or(source.len(), |i| handle + i);
    let prefix = source.rfind([' ', '\t']).map_or(source.len(), |i| i + 1);
    (&source[handle..handle_end], Span::new(directive.start as usize + prefix, directive.end as usize))
}

/// Whether the handle of a tag means anything in this document.
pub(super) fn is_defined(text: &str, tag: Span, handles: &Handles<'_>) -> bool {
    match split(&text[tag.range()]) {
        None | Some(("!" | "!!", _)) => true,
        Some((handle, _)) => handles.contains_key(handle),
    }
}

/// The full name of a tag. `!` alone stays `!`, a handle that is not defined stays as it is.
pub(super) fn resolve<'a>(text: &'a str, tag: Span, handles: &Handles<'_>) -> Cow<'a, str> {
    let tag = &text[tag.range()];
    let Some((handle, suffix)) = split(tag) else {
        return match tag.strip_prefix("!<") {
            Some(uri) => unescape(uri.strip_suffix('>').unwrap_or(uri)),
            None => Cow::Borrowed(tag),
        };
    };
    let prefix = match handles.get(handle) {
        Some(prefix) => unescape(&text[prefix.range()]),
        None if handle == "!!" => Cow::Borrowed("tag:yaml.org,2002:"),
        None if handle == "!" && !suffix.contains('%') => return Cow::Borrowed(tag),
        None => Cow::Borrowed(handle),
    };
    prefix + unescape(suffix)
}

/// Handle and suffix of a tag; `None` for `!` alone and for `!<uri>`.
fn split(tag: &str) -> Option<(&str, &str)> {
    if tag == "!" || tag.starts_with("!<") || tag.is_empty() {
        return None;
    }
    let word = 1 + tag[1..].bytes().take_while(|b| CLASS[*b as usize] & WORD != 0).count();
    Some(if tag[word..].starts_with('!') { tag.split_at(word + 1) } else { tag.split_at(1) })
}

/// The text with its `%` escapes decoded; what is no UTF-8 then becomes U+FFFD.
fn unescape(uri: &str) -> Cow<'_, str> {
    if !uri.contains('%') {
        return Cow::Borrowed(uri);
    }
    let mut out = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some(&first) = rest.first() {
        let (byte, len) = escaped_byte(rest).map_or((first, 1), |b| (b, 3));
        out.push(byte);
        rest = &rest[len..];
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
