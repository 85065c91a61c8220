//! Writes the events of YAML files as a Go oracle over go-yaml does, to compare the two (`docs/contributing.md`).
//!
//! Reads lines `INPUT<TAB>OUTPUT` on stdin. OUTPUT gets one event a line, or a line that starts with `ERROR`. As go-yaml
//! does when it builds nodes, an alias to an unknown anchor is an error, and anchors are known in later documents too.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, BufRead};

use leafseal::document::yaml::decode::decode;
use leafseal::document::yaml::event::{Event, EventKind};
use leafseal::document::yaml::{Parser, text_of};
use leafseal::document::{ParseError, Style};

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (input, output) = line.split_once('\t').unwrap_or((line.as_str(), "/dev/stdout"));
        let bytes = std::fs::read(input)?;
        let answer = events(&bytes).unwrap_or_else(|error| format!("ERROR {error}\n"));
        std::fs::write(output, answer)?;
    }
    Ok(())
}

/// Anchors by name: their numbers in the document that defined them last.
#[derive(Default)]
struct Anchors<'a> {
    known: HashMap<&'a str, (usize, usize)>,
    count: usize,
    document: usize,
}

pub(crate) fn events(bytes: &[u8]) -> Result<String, ParseError> {
    let text = text_of(bytes)?;
    let mut parser = Parser::new(text)?;
    let mut anchors = Anchors::default();
    let mut out = String::new();
    loop {
        let event = parser.next_event()?;
        match event.kind {
            EventKind::StreamStart => out.push_str("+STR"),
            EventKind::StreamEnd => {
                out.push_str("-STR\n");
                return Ok(out);
            }
            EventKind::DocumentStart { .. } => {
                anchors.document += 1;
                anchors.count = 0;
                out.push_str("+DOC");
            }
            EventKind::DocumentEnd { .. } => out.push_str("-DOC"),
            EventKind::MappingStart { .. } => {
                out.push_str("+MAP");
                properties(&parser, text, &event, &mut anchors, &mut out);
            }
            EventKind::MappingEnd => out.push_str("-MAP"),
            EventKind::SequenceStart { .. } => {
                out.push_str("+SEQ");
                properties(&parser, text, &event, &mut anchors, &mut out);
            }
            EventKind::SequenceEnd => out.push_str("-SEQ"),
            EventKind::Scalar { style } => {
                out.push_str("=VAL");
                properties(&parser, text, &event, &mut anchors, &mut out);
                let mark = match style {
                    Style::Plain => ':',
                    Style::Single => '\'',
                    Style::Double => '"',
                    Style::Literal => '|',
                    Style::Folded => '>',
                };
                let value = decode(text, event.span, style, event.indent);
                let _ = write!(out, " {mark}{}", escape(&value));
            }
            EventKind::Alias => {
                let name = &text[event.span.range()][1..];
                let Some(&(document, number)) = anchors.known.get(name) else {
                    return Err(ParseError::at(bytes, event.span.start as usize, "an unknown anchor"));
                };
                let _ = write!(out, "=ALI *{}", if document == anchors.document { number } else { 0 });
            }
        }
        out.push('\n');
    }
}

fn properties<'a>(parser: &Parser<'a>, text: &'a str, event: &Event, anchors: &mut Anchors<'a>, out: &mut String) {
    if !event.anchor.is_empty() {
        anchors.count += 1;
        anchors.known.insert(&text[event.anchor.range()][1..], (anchors.document, anchors.count));
        let _ = write!(out, " &{}", anchors.count);
    }
    let tag = parser.tag(event.tag);
    if !tag.is_empty() && tag != "!" {
        // The oracle shortens and lengthens tags: `!<!!str>` becomes the long one too.
        match tag.strip_prefix("!!") {
            Some(short) => {
                let _ = write!(out, " <tag:yaml.org,2002:{short}>");
            }
            None => {
                let _ = write!(out, " <{tag}>");
            }
        }
    }
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x08' => out.push_str("\\b"),
            '\0' => out.push_str("\\0"),
            other => out.push(other),
        }
    }
    out
}
