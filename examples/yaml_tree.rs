//! Writes where the comments of YAML files land in sops's tree, to compare with a program that prints the tree of sops itself
//! (`docs/contributing.md`). Also shows how a consumer of events keeps [`Comment`]s in order.
//!
//! Reads lines `INPUT<TAB>OUTPUT` on stdin. OUTPUT gets one line a mapping, list, entry, leaf and comment, or a line that starts with `ERROR`.
//! Comments that sops loses are left out.

use std::io::{self, BufRead};

use leafseal::document::ParseError;
use leafseal::document::yaml::event::{Comment, EventKind, Slot};
use leafseal::document::yaml::{Parser, text_of};

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (input, output) = line.split_once('\t').unwrap_or((line.as_str(), "/dev/stdout"));
        let bytes = std::fs::read(input)?;
        std::fs::write(output, tree(&bytes).unwrap_or_else(|error| format!("ERROR {error}\n")))?;
    }
    Ok(())
}

#[derive(PartialEq)]
enum Kind {
    Document,
    Mapping,
    Sequence,
}

/// An open container with the lines it has so far.
struct Frame {
    kind: Kind,
    /// A mapping: the next node is a key.
    at_key: bool,
    /// It is itself a key: sops does not look into it.
    is_key: bool,
    lines: Vec<String>,
    /// Where comments that come with its end go.
    first: usize,
}

impl Frame {
    fn new(kind: Kind, is_key: bool) -> Self {
        Self { kind, at_key: true, is_key, lines: Vec::new(), first: 0 }
    }

    /// The value of an entry comes.
    fn entry(&mut self) {
        if self.kind == Kind::Mapping {
            self.lines.push("key".into());
        }
    }
}

fn tree(bytes: &[u8]) -> Result<String, ParseError> {
    let text = text_of(bytes)?;
    let mut parser = Parser::new(text)?;
    let mut out = String::new();
    let mut stack: Vec<Frame> = Vec::new();
    let mut seen = Vec::new();
    loop {
        let event = parser.next_event()?;
        let show = |comment: &Comment| format!("#{} {}", comment.inline, escape(&text[comment.span.range()][1..]));
        seen.extend(parser.comments().iter().map(|c| c.span.start));
        let kept = |slot: Slot| parser.comments().iter().filter(move |c| c.slot == slot && !c.lost).map(show).collect::<Vec<_>>();
        if let Some(top) = stack.last_mut() {
            top.lines.extend(kept(Slot::Before));
        }
        match event.kind {
            EventKind::DocumentStart { .. } => {
                stack.push(Frame::new(Kind::Document, false));
                open(&mut stack, kept(Slot::First));
            }
            EventKind::DocumentEnd { .. } => {
                if let Some(document) = stack.pop() {
                    out.push_str("DOC\n");
                    document.lines.iter().for_each(|line| out.push_str(&format!("{line}\n")));
                }
            }
            EventKind::MappingStart { .. } | EventKind::SequenceStart { .. } => {
                let is_key = stack.last().is_some_and(|top| top.kind == Kind::Mapping && top.at_key);
                let kind = if matches!(event.kind, EventKind::MappingStart { .. }) { Kind::Mapping } else { Kind::Sequence };
                if kind == Kind::Sequence && stack.last().is_some_and(|top| top.kind == Kind::Document) {
                    return Err(ParseError::at(bytes, 0, "a list at the top"));
                }
                stack.push(Frame::new(kind, is_key));
                open(&mut stack, kept(Slot::First));
            }
            EventKind::MappingEnd | EventKind::SequenceEnd => {
                let Some(mut closed) = stack.pop() else { continue };
                closed.lines.splice(closed.first..closed.first, kept(Slot::BackFirst));
                let Some(parent) = stack.last_mut() else { continue };
                parent.lines.extend(kept(Slot::BackBefore));
                match closed.kind {
                    // The root mapping is the document.
                    _ if parent.kind == Kind::Document => parent.lines.extend(closed.lines),
                    _ if closed.is_key => {}
                    Kind::Mapping | Kind::Document => {
                        parent.entry();
                        parent.lines.push("+MAP".into());
                        parent.lines.extend(closed.lines);
                        parent.lines.push("-MAP".into());
                    }
                    Kind::Sequence => {
                        parent.entry();
                        parent.lines.push("+SEQ".into());
                        parent.lines.extend(closed.lines);
                        parent.lines.push("-SEQ".into());
                    }
                }
                parent.at_key = !parent.at_key;
            }
            EventKind::Scalar { .. } | EventKind::Alias => {
                if let Some(top) = stack.last_mut() {
                    if top.kind == Kind::Sequence || top.kind == Kind::Mapping && !top.at_key {
                        top.entry();
                        top.lines.push("=".into());
                    }
                    top.at_key = !top.at_key;
                }
            }
            EventKind::StreamStart => {}
            EventKind::StreamEnd => break,
        }
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() != count {
        out.push_str("a comment came twice\n");
    }
    Ok(out)
}

fn open(stack: &mut [Frame], comments: Vec<String>) {
    if let Some(top) = stack.last_mut() {
        top.lines.extend(comments);
        top.first = top.lines.len();
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r").replace('\0', "\\0")
}
