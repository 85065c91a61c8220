//! Owns [`Builder`]: takes the events of `toml_parser` and builds the tree.

use std::borrow::Cow;

use toml_parser::decoder::Encoding;
use toml_parser::parser::{Event, EventKind};
use toml_parser::{ParseError as Problem, Raw};

use super::super::lines::expected_leaves;
use super::super::{Segment, Span, Style};
use super::entry_lines::{EntryLine, HeaderLine, Line, is_bare};
use super::outline::{Statement, What};
use super::read::check_plain;
use super::tables::{Fault, Id, Kind, Origin, Part, Tables};
use crate::value::number::is_plain_int;

/// Takes events; stops at the first fault.
pub(super) struct Builder<'t> {
    text: &'t str,
    /// Where the part of the text starts whose events come.
    pub(super) offset: usize,
    pub(super) tables: Tables<'t>,
    pub(super) fault: Option<Fault>,
    /// Headers and entries outside of values, where they are asked for.
    pub(super) statements: Option<Vec<Statement>>,
    /// The table of the current section.
    table: Id,
    /// The header that is open: its first byte, and whether it is `[[`.
    header: Option<(usize, bool)>,
    parts: Vec<Part<'t>>,
    /// Where the value comes to stand whose key was read.
    place: Option<(Id, Part<'t>, usize)>,
    /// Arrays and inline tables that are open.
    flow: Vec<Id>,
    /// The value that ended last on this line.
    last: Option<Id>,
    /// Comments on lines of their own that may belong to a header.
    pending: Vec<Span>,
    line_is_empty: bool,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str, with_statements: bool) -> Self {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self {
            text,
            offset: 0,
            tables: Tables::new(text, Span::new(start, text.len()), expected_leaves(text)),
            fault: None,
            statements: with_statements.then(Vec::new),
            table: 0,
            header: None,
            parts: Vec::new(),
            place: None,
            flow: Vec::new(),
            last: None,
            pending: Vec::new(),
            line_is_empty: true,
        }
    }

    /// The next event.
    pub(super) fn event(&mut self, event: &Event) {
        if self.fault.is_none()
            && let Err(fault) = self.take(event)
        {
            self.fault = Some(fault);
        }
    }

    /// A line that stands by itself, in place of its events. Gives the first byte of the line below.
    pub(super) fn line(&mut self, line: Line) -> Result<usize, Fault> {
        match line {
            Line::Entry(entry) => self.entry_line(entry).map(|()| entry.next),
            Line::Header(header) => self.header_line(header).map(|()| header.next),
        }
    }

    fn header_line(&mut self, line: HeaderLine) -> Result<(), Fault> {
        let (text, start) = (self.text, line.span.range().start);
        let mut at = start + 1;
        for key in text[at..line.span.range().end - 1].split('.') {
            let segment = Segment::Key(Span::new(at, at + key.len()));
            self.parts.push(Part { segment, key: Cow::Borrowed(key), at });
            at += key.len() + 1;
        }
        self.header = Some((start, false));
        self.close_header(line.span.range().end)
    }

    fn entry_line(&mut self, line: EntryLine) -> Result<(), Fault> {
        self.flush(self.table)?;
        let key = &self.text[line.key.range()];
        let part = Part { segment: Segment::Key(line.key), key: Cow::Borrowed(key), at: line.key.start as usize };
        let id = self.tables.add_entry(self.table, part, Kind::Scalar(line.style), line.key.start, line.value)?;
        self.ended(id, line.value.end);
        self.last = None;
        Ok(())
    }

    /// The end of the text.
    pub(super) fn finish(&mut self) {
        if self.fault.is_none()
            && let Err(fault) = self.flush(self.table)
        {
            self.fault = Some(fault);
        }
    }

    fn take(&mut self, event: &Event) -> Result<(), Fault> {
        let span = Span::new(event.span().start() + self.offset, event.span().end() + self.offset);
        match event.kind() {
            EventKind::Whitespace | EventKind::KeySep | EventKind::Error => return Ok(()),
            EventKind::Newline => {
                if std::mem::replace(&mut self.line_is_empty, true) && self.flow.is_empty() {
                    self.flush(self.table)?;
                }
                self.last = None;
                return Ok(());
            }
            EventKind::Comment => self.comment(span)?,
            EventKind::StdTableOpen => self.header = Some((span.start as usize, false)),
            EventKind::ArrayTableOpen => self.header = Some((span.start as usize, true)),
            EventKind::StdTableClose | EventKind::ArrayTableClose => self.close_header(span.end as usize)?,
            EventKind::SimpleKey => {
                let part = self.key(span, event.encoding())?;
                self.parts.push(part);
            }
            EventKind::KeyValSep => self.open_entry(span)?,
            EventKind::Scalar => {
                let style = match event.encoding() {
                    None => Style::Plain,
                    Some(Encoding::BasicString) => Style::Double,
                    Some(Encoding::LiteralString) => Style::Single,
                    Some(Encoding::MlBasicString) => Style::Folded,
                    Some(Encoding::MlLiteralString) => Style::Literal,
                };
                self.check_scalar(span, event.encoding(), style)?;
                let id = self.value(Kind::Scalar(style), span)?;
                self.ended(id, span.end);
            }
            EventKind::ArrayOpen => {
                let id = self.value(Kind::Array, span)?;
                self.flow.push(id);
                self.last = None;
            }
            EventKind::InlineTableOpen => {
                let id = self.value(Kind::Table(Origin::Inline), span)?;
                self.flow.push(id);
                self.last = None;
            }
            EventKind::ArrayClose | EventKind::InlineTableClose => {
                let Some(id) = self.flow.pop() else { return Fault::new(span.start as usize, "a closing bracket too many") };
                self.tables.node_mut(id).value.end = span.end;
                self.ended(id, span.end);
            }
            EventKind::ValueSep => {}
        }
        self.line_is_empty = false;
        Ok(())
    }

    /// A value is complete.
    fn ended(&mut self, id: Id, end: u32) {
        self.last = Some(id);
        if self.flow.is_empty()
            && let Some(statements) = &mut self.statements
        {
            let entry = Span { start: self.tables.node(id).start, end };
            statements.push(Statement { what: What::Entry, node: id, span: entry, table: self.table });
        }
    }

    fn key(&mut self, span: Span, encoding: Option<Encoding>) -> Result<Part<'t>, Fault> {
        let at = span.start as usize;
        let raw: &'t str = &self.text[span.range()];
        if encoding.is_none() {
            if raw.is_empty() || !raw.bytes().all(is_bare) {
                return Fault::new(at, "a key that must be in quotes: bare keys have letters, digits, `_` and `-`");
            }
            return Ok(Part { segment: Segment::Key(span), key: Cow::Borrowed(raw), at });
        }
        let mut key = Cow::Borrowed("");
        let mut problem = None;
        let whole = toml_parser::Span::new_unchecked(span.range().start, span.range().end);
        Raw::new_unchecked(raw, encoding, whole).decode_key(&mut key, &mut problem);
        if let Some(problem) = problem {
            return Err(of_problem(&problem, at));
        }
        let inside = Span { start: span.start + 1, end: span.end - 1 };
        let segment = if self.text[inside.range()] == *key {
            Segment::Key(inside)
        } else {
            self.tables.decoded.push(key.clone().into_owned());
            Segment::DecodedKey(self.tables.decoded.len() as u32 - 1)
        };
        Ok(Part { segment, key, at })
    }

    fn close_header(&mut self, end: usize) -> Result<(), Fault> {
        let Some((start, is_array)) = self.header.take() else { return Ok(()) };
        let span = Span::new(start, end);
        // Comments directly above it come before it in the table that holds it.
        let above = std::mem::take(&mut self.pending);
        if !above.is_empty() {
            let holder = self.tables.holder(&self.parts, is_array);
            above.iter().try_for_each(|&span| self.add_comment(holder, span).map(|_| ()))?;
        }
        let table = self.tables.header(&mut self.parts, is_array, span)?;
        if let Some(statements) = &mut self.statements {
            let span = Span { start: above.first().map_or(span.start, |first| first.start), ..span };
            statements.push(Statement { what: What::Header { at: start as u32 }, node: table, span, table });
        }
        self.table = table;
        self.last = None;
        Ok(())
    }

    fn open_entry(&mut self, separator: Span) -> Result<(), Fault> {
        let start = self.parts.first().map_or(separator.start as usize, |part| part.at);
        let table = match self.flow.last() {
            Some(&table) => table,
            None => {
                self.flush(self.table)?;
                self.table
            }
        };
        let entry = Span::new(start, separator.end as usize);
        let (table, part) = self.tables.dotted(table, &mut self.parts, entry.start, entry)?;
        self.place = Some((table, part, start));
        Ok(())
    }

    /// Adds a value at its key, or as the next item.
    fn value(&mut self, kind: Kind, span: Span) -> Result<Id, Fault> {
        if let Some((table, part, start)) = self.place.take() {
            return self.tables.add_entry(table, part, kind, start as u32, span);
        }
        match self.flow.last() {
            Some(&array) if self.tables.node(array).kind == Kind::Array => self.tables.add_item(array, kind, span),
            _ => Fault::new(span.start as usize, "a value without a key"),
        }
    }

    fn check_scalar(&mut self, span: Span, encoding: Option<Encoding>, style: Style) -> Result<(), Fault> {
        let mut problem = None;
        let raw: &'t str = &self.text[span.range()];
        let at = span.range().start;
        // A string on one line without escapes: the lexer has seen its end, and only control characters are wrong in it.
        if style == Style::Plain && is_plain_int(raw.as_bytes()) {
            return Ok(());
        }
        let is_simple = style == Style::Double && !raw.bytes().any(|byte| byte == b'\\' || byte < 0x20 || byte == 0x7f);
        if !is_simple {
            let raw = Raw::new_unchecked(raw, encoding, toml_parser::Span::new_unchecked(at, span.range().end));
            // The kind is found out again when the value is read.
            let _kind = raw.decode_scalar(&mut (), &mut problem);
        } else if raw.len() < 2 || !raw.ends_with('"') {
            return Fault::new(at, "a string is not closed");
        }
        match problem {
            Some(problem) => Err(of_problem(&problem, at)),
            None if style == Style::Plain => check_plain(raw).map_or(Ok(()), |message| Fault::new(at, message)),
            None => Ok(()),
        }
    }

    fn comment(&mut self, span: Span) -> Result<(), Fault> {
        let mut problem: Option<Problem> = None;
        let raw: &'t str = &self.text[span.range()];
        let whole = toml_parser::Span::new_unchecked(span.range().start, span.range().end);
        Raw::new_unchecked(raw, None, whole).decode_comment(&mut problem);
        if let Some(problem) = problem {
            return Err(of_problem(&problem, span.start as usize));
        }
        if let Some(last) = self.last
            && self.tables.set_behind(last, span)
        {
            return Ok(());
        }
        match self.flow.last() {
            Some(&container) => self.add_comment(container, span).map(|_| ()),
            None if self.line_is_empty => {
                self.pending.push(span);
                Ok(())
            }
            // Behind a header.
            None => self.add_comment(self.table, span).map(|_| ()),
        }
    }

    fn add_comment(&mut self, container: Id, span: Span) -> Result<Id, Fault> {
        self.tables.add(container, Kind::Comment, Segment::Document(0), span.start, span)
    }

    /// Comments that belong to no header.
    fn flush(&mut self, container: Id) -> Result<(), Fault> {
        for span in std::mem::take(&mut self.pending) {
            self.add_comment(container, span)?;
        }
        Ok(())
    }
}

/// A problem of the parser in our own words: it names what is wrong, never what is there.
pub(super) fn of_problem(problem: &Problem, otherwise: usize) -> Fault {
    use std::fmt::Write as _;
    let at = problem.unexpected().or(problem.context()).map_or(otherwise, |span| span.start());
    let mut message = format!("not TOML: {}", problem.description());
    for (n, expected) in problem.expected().into_iter().flatten().enumerate() {
        message.push_str(if n == 0 { ", expected " } else { " or " });
        // Writing to a `String` cannot fail.
        let _ = match expected {
            toml_parser::Expected::Literal("\n") => write!(message, "a line break"),
            toml_parser::Expected::Literal(text) => write!(message, "`{text}`"),
            toml_parser::Expected::Description(text) => write!(message, "{text}"),
            _ => write!(message, "something else"),
        };
    }
    Fault { at, message: Cow::Owned(message) }
}
