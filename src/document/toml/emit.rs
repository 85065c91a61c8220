//! Owns [`emit`]: a tree laid out as TOML: values first, then tables and arrays of tables, each under its header.

use super::super::Style;
use super::super::convert::ConvertError;
use super::super::node::{Comment, Entry, Item, Node, Tree};
use super::scan::MAX_DEPTH;
use super::spell::{escape, spell};
use crate::value::{Value, ValueType};

/// The text of a file, with a line break at the end of each line.
///
/// # Errors
/// A null, or a tree too deep; the key path.
pub fn emit(node: &Node) -> Result<String, ConvertError> {
    check(node)?;
    let mut out = String::new();
    Writer { out: &mut out, newline: "\n" }.table("", node);
    Ok(out)
}

/// The text of one value on one line, as `--extract` prints it.
///
/// # Errors
/// As [`emit`].
pub fn emit_value(node: &Node) -> Result<String, ConvertError> {
    check(node)?;
    let mut out = String::new();
    write_value(node, &mut out);
    Ok(out)
}

/// Appends the tables of a node that is to stand at a dotted path.
pub(super) fn write_table(path: &str, node: &Node, newline: &str, out: &mut String) {
    Writer { out, newline }.table(path, node);
}

/// A key as it is written.
pub(super) fn key_text(key: &str) -> String {
    if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return key.to_owned();
    }
    let mut out = String::from("\"");
    escape(key, false, &mut out);
    out.push('"');
    out
}

/// Refuses what TOML cannot say, and what is too deep to be written with recursion.
pub(super) fn check(node: &Node) -> Result<(), ConvertError> {
    let mut open = vec![(node, 0, String::new())];
    while let Some((node, depth, path)) = open.pop() {
        match &node.kind {
            Tree::Scalar(value) if value.kind() == ValueType::Null => return Err(ConvertError::NoNull(path)),
            Tree::Scalar(_) => {}
            _ if depth == MAX_DEPTH => return Err(ConvertError::Unspellable(path)),
            Tree::Map(_) => {
                let dot = if path.is_empty() { "" } else { "." };
                open.extend(node.pairs().map(|(key, _, child)| (child, depth + 1, format!("{path}{dot}{key}"))));
            }
            Tree::Seq(_) => open.extend(node.items().enumerate().map(|(n, child)| (child, depth + 1, format!("{path}[{n}]")))),
        }
    }
    Ok(())
}

/// Appends a value on one line. [`check`] has bounded the depth.
pub(super) fn write_value(node: &Node, out: &mut String) {
    match &node.kind {
        Tree::Scalar(value) => scalar(value, out),
        Tree::Seq(_) => {
            out.push('[');
            for (n, item) in node.items().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                write_value(item, out);
            }
            out.push(']');
        }
        Tree::Map(_) => {
            for (n, (key, _, value)) in node.pairs().enumerate() {
                out.push_str(if n == 0 { "{ " } else { ", " });
                out.push_str(&key_text(key));
                out.push_str(" = ");
                write_value(value, out);
            }
            out.push_str(if node.pairs().next().is_some() { " }" } else { "{}" });
        }
    }
}

fn scalar(value: &Value<'_>, out: &mut String) {
    spell(value, Style::Double, out);
}

struct Writer<'o> {
    out: &'o mut String,
    newline: &'o str,
}

impl Writer<'_> {
    /// The entries of a table and, behind them, its tables.
    fn table(&mut self, path: &str, node: &Node) {
        let Tree::Map(entries) = &node.kind else { return };
        let mut comments: Vec<&Comment> = Vec::new();
        let mut later: Vec<(Vec<&Comment>, &str, &Node)> = Vec::new();
        for entry in entries {
            match entry {
                Entry::Comment(comment) => comments.push(comment),
                Entry::Pair(key, _, child) if is_table(child) || is_tables(child) => {
                    later.push((std::mem::take(&mut comments), key, child));
                }
                Entry::Pair(key, _, child) => self.entry(key, child, &std::mem::take(&mut comments)),
            }
        }
        for comment in comments {
            self.comment(comment);
        }
        for (comments, key, child) in later {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}", key_text(key));
            match &child.kind {
                Tree::Seq(items) => self.tables(&path, items, &comments),
                _ => {
                    self.header(&comments, &path, child);
                    self.table(&path, child);
                }
            }
        }
    }

    fn tables(&mut self, path: &str, items: &[Item], above: &[&Comment]) {
        let mut comments = above.to_vec();
        for item in items {
            match item {
                Item::Comment(comment) => comments.push(comment),
                Item::Node(child) => {
                    self.blank_line();
                    for comment in std::mem::take(&mut comments) {
                        self.comment(comment);
                    }
                    self.line(&format!("[[{path}]]"));
                    self.table(path, child);
                }
            }
        }
        for comment in comments {
            self.comment(comment);
        }
    }

    /// The header of a table, unless it holds nothing but tables.
    fn header(&mut self, comments: &[&Comment], path: &str, child: &Node) {
        let only_tables = child.pairs().next().is_some()
            && comments.is_empty()
            && matches!(&child.kind, Tree::Map(entries) if entries.iter().all(|entry| match entry {
                Entry::Comment(_) => false,
                Entry::Pair(_, _, node) => is_table(node) || is_tables(node),
            }));
        if only_tables {
            return;
        }
        self.blank_line();
        for comment in comments {
            self.comment(comment);
        }
        self.line(&format!("[{path}]"));
    }

    fn entry(&mut self, key: &str, value: &Node, comments: &[&Comment]) {
        let (behind, above): (Vec<&Comment>, Vec<&Comment>) = comments.iter().partition(|comment| comment.inline);
        for comment in above {
            self.comment(comment);
        }
        self.out.push_str(&key_text(key));
        self.out.push_str(" = ");
        self.value(value);
        if !behind.is_empty() {
            let text: Vec<&str> = behind.iter().map(|comment| comment.text.as_str()).collect();
            self.out.push_str(&format!(" #{}", text.join(" #")));
        }
        self.out.push_str(self.newline);
    }

    /// A value of an entry: texts of several lines between `"""`, lists with comments or many items on lines of their own.
    fn value(&mut self, node: &Node) {
        match &node.kind {
            Tree::Scalar(value) if value.kind() == ValueType::Str && value.canonical().contains(&b'\n') && self.newline == "\n" => {
                spell(value, Style::Folded, self.out);
            }
            Tree::Seq(items) => {
                let mut line = String::new();
                write_value(node, &mut line);
                let has_comments = items.iter().any(|item| matches!(item, Item::Comment(_)));
                if !has_comments && line.len() <= 100 {
                    self.out.push_str(&line);
                    return;
                }
                self.lines(items);
            }
            _ => write_value(node, self.out),
        }
    }

    fn lines(&mut self, items: &[Item]) {
        self.out.push('[');
        self.out.push_str(self.newline);
        let mut behind: Vec<&Comment> = Vec::new();
        for item in items {
            match item {
                Item::Comment(comment) if comment.inline => behind.push(comment),
                Item::Comment(comment) => {
                    self.out.push_str("    ");
                    self.comment(comment);
                }
                Item::Node(node) => {
                    self.out.push_str("    ");
                    write_value(node, self.out);
                    self.out.push(',');
                    for comment in behind.drain(..) {
                        self.out.push_str(&format!(" #{}", comment.text));
                    }
                    self.out.push_str(self.newline);
                }
            }
        }
        self.out.push(']');
    }

    fn comment(&mut self, comment: &Comment) {
        // A block comment of HCL may have several lines.
        for line in comment.text.split('\n') {
            self.line(&format!("#{}", line.trim_end_matches('\r')));
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str(self.newline);
    }

    fn blank_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push_str(self.newline);
        }
    }
}

/// Whether a value gets a header of its own.
fn is_table(node: &Node) -> bool {
    node.pairs().next().is_some()
}

fn is_tables(node: &Node) -> bool {
    node.items().next().is_some() && node.items().all(is_table)
}
