//! Owns [`emit`]: a tree laid out as `terraform fmt` lays out variables.

use super::super::convert::ConvertError;
use super::super::node::{Comment, Entry, Item, Node, Tree};
use super::spell::spell;
use super::{string, tokens};
use crate::value::{Value, ValueType};

/// The word that closes the heredocs we write.
const MARKER: &str = "EOT";

/// The text of a file: one attribute for each entry, comments with `#`, a line break at the end.
///
/// # Errors
/// A key that is no name, a number that HCL has not; the key path.
pub fn emit(node: &Node) -> Result<String, ConvertError> {
    let mut emitter = Emitter::new("\n");
    emitter.body(node)?;
    Ok(emitter.out)
}

/// The text of one value, as `--extract` prints it.
///
/// # Errors
/// A number that HCL has not.
pub fn emit_value(node: &Node) -> Result<String, ConvertError> {
    let mut out = String::new();
    write_value(node, "\n", "", &mut out)?;
    Ok(out)
}

/// Appends a value; its closing bracket stands after `indent` on its line.
pub(super) fn write_value(node: &Node, newline: &str, indent: &str, out: &mut String) -> Result<(), ConvertError> {
    let mut emitter = Emitter::new(newline);
    emitter.indent = indent.to_owned();
    emitter.value(node)?;
    out.push_str(&emitter.out);
    Ok(())
}

/// A key of an object as it is written.
pub(super) fn key_text(key: &str) -> String {
    if tokens::is_name(key) && key != "for" {
        return key.to_owned();
    }
    let mut out = String::new();
    string::encode(key, &mut out);
    out
}

/// An open container.
struct Open<'n> {
    rest: Rest<'n>,
    /// For each entry of a mapping that is left, how wide its key is written.
    widths: std::vec::IntoIter<usize>,
    /// Comments for the line of the next entry.
    inline: Vec<&'n Comment>,
    /// The key of the current entry, `[]` in a list.
    step: &'n str,
    /// What closes it; nothing for the body of a file.
    close: &'static str,
}

enum Rest<'n> {
    Map(std::slice::Iter<'n, Entry>),
    Seq(std::slice::Iter<'n, Item>),
}

enum Part<'n> {
    Comment(&'n Comment),
    Pair(&'n str, &'n Node),
    Item(&'n Node),
}

struct Emitter<'n> {
    newline: String,
    /// Of the outermost closing bracket.
    indent: String,
    out: String,
    stack: Vec<Open<'n>>,
}

impl<'n> Emitter<'n> {
    fn new(newline: &str) -> Self {
        Self { newline: newline.to_owned(), indent: String::new(), out: String::new(), stack: Vec::new() }
    }

    fn body(&mut self, node: &'n Node) -> Result<(), ConvertError> {
        for (key, _, _) in node.pairs() {
            if !tokens::is_name(key) {
                return Err(ConvertError::KeyForm(key.to_owned()));
            }
        }
        self.stack.extend(Self::opened(node, ""));
        self.run()
    }

    fn value(&mut self, node: &'n Node) -> Result<(), ConvertError> {
        self.one(node, false)?;
        self.run()
    }

    fn opened(node: &'n Node, close: &'static str) -> Option<Open<'n>> {
        let (rest, widths) = match &node.kind {
            Tree::Map(entries) => (Rest::Map(entries.iter()), Self::widths(entries)),
            Tree::Seq(items) => (Rest::Seq(items.iter()), Vec::new()),
            Tree::Scalar(_) => return None,
        };
        Some(Open { rest, widths: widths.into_iter(), inline: Vec::new(), step: "[]", close })
    }

    /// How wide the keys of neighbouring entries of one line each are written.
    fn widths(entries: &[Entry]) -> Vec<usize> {
        let mut widths = Vec::new();
        let mut run = 0;
        let mut widest = 0;
        for entry in entries {
            let line = match entry {
                Entry::Comment(comment) if comment.inline => continue,
                Entry::Comment(_) => None,
                Entry::Pair(key, _, node) => {
                    widths.push(0);
                    Some((key_text(key).chars().count(), is_one_line(node)))
                }
            };
            match line {
                Some((width, true)) => {
                    run += 1;
                    widest = widest.max(width);
                }
                other => {
                    let end = widths.len() - usize::from(other.is_some());
                    widths[end - run..end].fill(widest);
                    (run, widest) = (0, 0);
                }
            }
        }
        let end = widths.len();
        widths[end - run..].fill(widest);
        widths
    }

    fn run(&mut self) -> Result<(), ConvertError> {
        while let Some(open) = self.stack.last_mut() {
            let part = match &mut open.rest {
                Rest::Map(entries) => entries.next().map(|entry| match entry {
                    Entry::Comment(comment) => Part::Comment(comment),
                    Entry::Pair(key, _, node) => Part::Pair(key, node),
                }),
                Rest::Seq(items) => items.next().map(|item| match item {
                    Item::Comment(comment) => Part::Comment(comment),
                    Item::Node(node) => Part::Item(node),
                }),
            };
            match part {
                None => self.end()?,
                Some(Part::Comment(comment)) if comment.inline => open.inline.push(comment),
                Some(Part::Comment(comment)) => {
                    for text in comment.text.split('\n') {
                        self.line();
                        self.out.push('#');
                        self.out.push_str(text.trim_end_matches('\r'));
                        self.finish_line();
                    }
                }
                Some(Part::Pair(key, node)) => {
                    open.step = key;
                    let width = open.widths.next().unwrap_or(0);
                    self.line();
                    let key = key_text(key);
                    let pad = width.saturating_sub(key.chars().count());
                    self.out.push_str(&key);
                    self.out.push_str(&" ".repeat(pad));
                    self.out.push_str(" = ");
                    self.one(node, true)?;
                }
                Some(Part::Item(node)) => {
                    self.line();
                    self.one(node, false)?;
                }
            }
        }
        Ok(())
    }

    /// The end of the innermost container.
    fn end(&mut self) -> Result<(), ConvertError> {
        let Some(done) = self.stack.pop() else { return Ok(()) };
        for comment in &done.inline {
            // Of an entry that has gone.
            self.out.push_str(&format!("{}#{}{}", self.deep(), comment.text, self.newline));
        }
        if done.close.is_empty() {
            return Ok(());
        }
        self.line();
        self.out.push_str(done.close);
        self.after();
        Ok(())
    }

    /// Begins a line at the indentation of the innermost container.
    fn line(&mut self) {
        let deep = self.deep();
        self.out.push_str(&deep);
    }

    fn deep(&self) -> String {
        let body = self.stack.first().is_some_and(|open| open.close.is_empty());
        self.indent.clone() + &"  ".repeat(self.stack.len() - usize::from(body))
    }

    fn finish_line(&mut self) {
        self.out.push_str(&self.newline);
    }

    /// A value, to its end or to the opening bracket of its entries.
    fn one(&mut self, node: &'n Node, may_be_heredoc: bool) -> Result<(), ConvertError> {
        match &node.kind {
            Tree::Scalar(value) => {
                if value.as_float().is_some_and(|float| !float.is_finite()) {
                    return Err(ConvertError::Unspellable(self.path()));
                }
                match self.heredoc(value).filter(|_| may_be_heredoc) {
                    Some(text) => self.out.push_str(&text),
                    None => spell(value, &mut self.out),
                }
                self.after();
            }
            Tree::Map(entries) if entries.is_empty() => {
                self.out.push_str("{}");
                self.after();
            }
            Tree::Seq(items) if items.is_empty() => {
                self.out.push_str("[]");
                self.after();
            }
            _ => {
                let close = if matches!(node.kind, Tree::Map(_)) { "}" } else { "]" };
                self.out.push_str(if close == "}" { "{" } else { "[" });
                self.finish_line();
                self.stack.extend(Self::opened(node, close));
            }
        }
        Ok(())
    }

    /// After a value: the comma of a list, comments of the line, the line break.
    fn after(&mut self) {
        let Some(open) = self.stack.last_mut() else { return };
        if matches!(open.rest, Rest::Seq(_)) {
            self.out.push(',');
        }
        let ends_with_marker = self.out.lines().next_back() == Some(MARKER);
        let comments = std::mem::take(&mut open.inline);
        if ends_with_marker {
            // Nothing may follow the marker on its line.
            self.finish_line();
            for comment in comments {
                self.line();
                self.out.push_str(&format!("#{}{}", comment.text, self.newline));
            }
            return;
        }
        match comments.as_slice() {
            [] => {}
            // Several comments on one line can only be one comment.
            all => self.out.push_str(&format!(" #{}", all.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(" #"))),
        }
        self.finish_line();
    }

    /// The heredoc of a text of whole lines that can be one.
    fn heredoc(&self, value: &Value<'_>) -> Option<String> {
        let text = value.as_str().filter(|_| value.kind() == ValueType::Str && self.newline == "\n")?;
        let is_plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
        if !text.ends_with('\n') || text.lines().any(|line| line.trim() == MARKER) || !text.chars().all(is_plain) {
            return None;
        }
        let text = text.replace("${", "$${").replace("%{", "%%{");
        Some(format!("<<{MARKER}\n{text}{MARKER}"))
    }

    /// The key path of the current entry.
    fn path(&self) -> String {
        let steps: Vec<&str> = self.stack.iter().map(|open| open.step).collect();
        steps.join(".").replace(".[]", "[]")
    }
}

fn is_one_line(node: &Node) -> bool {
    match &node.kind {
        // `terraform fmt` takes the first line of a heredoc for one of them.
        Tree::Scalar(_) => true,
        Tree::Map(entries) => entries.is_empty(),
        Tree::Seq(items) => items.is_empty(),
    }
}
