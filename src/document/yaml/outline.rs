//! A text's events on one line, for tests: `{` and `[` for block collections, `<{` and `<[` for flow ones, `---` and `...`
//! where documents start and end, scalars with a mark of their style, comments where they come.

use super::decode::decode;
use super::event::{Comment, EventKind, Slot};
use super::parser::Parser;
use crate::document::{ParseError, Style};

/// The events of a text, or the error.
pub(super) fn outline(text: &str) -> Result<String, ParseError> {
    let mut parser = Parser::new(text)?;
    let mut out = Vec::new();
    loop {
        let event = parser.next_event()?;
        out.extend(parser.comments().iter().map(|comment| show(text, comment)));
        let mut word = String::new();
        for property in [event.anchor, event.tag] {
            word.push_str(&text[property.range()]);
            word.push_str(if property.is_empty() { "" } else { " " });
        }
        match event.kind {
            EventKind::StreamStart => continue,
            EventKind::StreamEnd => return Ok(out.join(" ")),
            EventKind::DocumentStart { explicit } => word.push_str(if explicit { "---" } else { "(" }),
            EventKind::DocumentEnd { explicit } => word.push_str(if explicit { "..." } else { ")" }),
            EventKind::MappingStart { flow } => word.push_str(if flow { "<{" } else { "{" }),
            EventKind::MappingEnd => word.push('}'),
            EventKind::SequenceStart { flow } => word.push_str(if flow { "<[" } else { "[" }),
            EventKind::SequenceEnd => word.push(']'),
            EventKind::Alias => word.push_str(&text[event.span.range()]),
            EventKind::Scalar { style } => {
                let mark = match style {
                    Style::Plain if event.span.is_empty() => "~",
                    Style::Plain => "",
                    Style::Single => "'",
                    Style::Double => "\"",
                    Style::Literal => "|",
                    Style::Folded => ">",
                };
                let value = decode(text, event.span, style, event.indent);
                word.push_str(&format!("{mark}{}", value.replace('\n', "\\n")));
            }
        }
        out.push(word);
    }
}

/// A comment with its place: `in` the container that starts, `back` to the start of the one that ends, `up` before that one;
/// `~` on the line of a value, `lost` to sops.
fn show(text: &str, comment: &Comment) -> String {
    let slot = match comment.slot {
        Slot::Before => "",
        Slot::First => "in",
        Slot::BackFirst => "back",
        Slot::BackBefore => "up",
    };
    let lost = if comment.lost { "lost" } else { "" };
    let inline = if comment.inline { "~" } else { "" };
    format!("{slot}{lost}{inline}{}", text[comment.span.range()].replace(' ', ""))
}
