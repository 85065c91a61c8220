//! Owns [`Decoder`]: reads the fields of a tree by the type rules of go-yaml's typed decoding, and keeps the path of the field
//! that is read, for messages.

use super::model::{ConfigWarning, Problem, WarningKind};
use super::names::{self, suggest};
use crate::document::node::{Node, Tree};
use crate::document::{Position, position};
use crate::value::ValueType;
use std::collections::HashMap;

/// So many unknown fields are listed.
pub(super) const MAX_WARNINGS: usize = 50;

/// Reads fields of a tree and collects what is wrong with them.
pub(super) struct Decoder<'t> {
    text: &'t str,
    lines: Vec<usize>,
    /// The path of the field that is decoded.
    pub(super) path: String,
    /// Lengths of `path` to go back to.
    steps: Vec<usize>,
    pub(super) merge_depth: usize,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<ConfigWarning>,
    first_unlisted: Option<(Position, String)>,
    unlisted: usize,
}

impl<'t> Decoder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i + 1)).collect();
        Self {
            text,
            lines,
            path: String::new(),
            steps: Vec::new(),
            merge_depth: 0,
            problems: Vec::new(),
            warnings: Vec::new(),
            first_unlisted: None,
            unlisted: 0,
        }
    }

    pub(super) fn position(&self, at: u32) -> Position {
        let at = (at as usize).min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let within = position(&self.text.as_bytes()[start..], at - start);
        Position { line: line as u32 + 1, column: within.column }
    }

    /// The warnings in the order of their places; the unlisted ones as a count.
    pub(super) fn into_warnings(mut self) -> Vec<ConfigWarning> {
        self.warnings.sort_by_key(|w| (w.position.line, w.position.column));
        if let Some((position, field)) = self.first_unlisted {
            self.warnings.push(ConfigWarning { position, field, kind: WarningKind::More(self.unlisted) });
        }
        self.warnings
    }

    pub(super) fn enter(&mut self, field: &str) {
        self.steps.push(self.path.len());
        if !self.path.is_empty() && !field.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(field);
    }

    pub(super) fn leave(&mut self) {
        if let Some(length) = self.steps.pop() {
            self.path.truncate(length);
        }
    }

    pub(super) fn problem(&mut self, at: u32, message: String) {
        let position = self.position(at);
        self.problems.push(Problem { position, field: self.path.clone(), message });
    }

    pub(super) fn wrong_type(&mut self, node: &Node, wanted: &str) {
        self.problem(node.at, format!("expected {wanted}, found {}", kind_name(node)));
    }

    /// The known fields of a mapping, in order; complains about the others.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, known: &'static [&'static str]) -> Vec<(&'static str, &'n Node)> {
        if !matches!(node.kind, Tree::Map(_)) {
            if !is_null(node) {
                self.wrong_type(node, "a mapping");
            }
            return Vec::new();
        }
        let mut seen: HashMap<&str, u32> = HashMap::new();
        let mut fields = Vec::new();
        for (name, at, value) in node.pairs() {
            if let Some(first) = seen.insert(name, at) {
                let line = self.position(first).line;
                self.enter(name);
                self.problem(at, format!("this key stands already in line {line}"));
                self.leave();
            } else if let Some(&field) = known.iter().find(|&&field| field == name) {
                fields.push((field, value));
            } else if name == "<<" {
                self.problem(at, "a merge takes a mapping or a list of mappings".into());
            } else if !self.is_on_purpose((known == names::TOP).then_some(node), name, at) {
                self.unknown(name, at, known);
            }
        }
        fields
    }

    /// Whether an unknown field is there on purpose: `.name` and `x-name` as elsewhere, and entries of the top level with anchors
    /// that rules refer to.
    fn is_on_purpose(&self, top: Option<&Node>, name: &str, at: u32) -> bool {
        if name.starts_with('.') || name.starts_with("x-") {
            return true;
        }
        let Some(top) = top else { return false };
        let end = top.pairs().map(|(_, next, _)| next).filter(|&next| next > at).min().unwrap_or(u32::MAX);
        let end = (end as usize).min(self.text.len());
        let entry = self.text.as_bytes().get(at as usize..end).unwrap_or_default();
        memchr::memchr_iter(b'&', entry).any(|i| {
            let before = i == 0 || b" \t\n[{,".contains(&entry[i - 1]);
            before && entry.get(i + 1).is_some_and(|next| !next.is_ascii_whitespace())
        })
    }

    fn unknown(&mut self, name: &str, at: u32, known: &'static [&'static str]) {
        let position = self.position(at);
        self.enter(name);
        let field = self.path.clone();
        self.leave();
        if self.warnings.len() < MAX_WARNINGS {
            let kind = WarningKind::UnknownField(suggest(name, known));
            self.warnings.push(ConfigWarning { position, field, kind });
        } else {
            self.unlisted += 1;
            self.first_unlisted.get_or_insert((position, field));
        }
    }

    /// The items of a list; null is the empty list, null items are dropped.
    pub(super) fn list<T>(&mut self, node: &Node, wanted: &str, mut item: impl FnMut(&mut Self, &Node) -> T) -> Vec<T> {
        if !matches!(node.kind, Tree::Seq(_)) {
            if !is_null(node) {
                self.wrong_type(node, wanted);
            }
            return Vec::new();
        }
        let mut items = Vec::new();
        for (index, value) in node.items().enumerate() {
            if !is_null(value) {
                self.enter(&format!("[{index}]"));
                items.push(item(self, value));
                self.leave();
            }
        }
        items
    }

    pub(super) fn strings(&mut self, node: &Node) -> Vec<String> {
        self.list(node, "a list of strings", Self::string)
    }

    pub(super) fn string(&mut self, node: &Node) -> String {
        match &node.kind {
            Tree::Scalar(value) => match value.kind() {
                ValueType::Null => String::new(),
                ValueType::Str | ValueType::Comment => String::from_utf8_lossy(value.canonical()).into_owned(),
                _ => spelling(self.text, node.at)
                    .map_or_else(|| String::from_utf8_lossy(value.plaintext()).into_owned(), str::to_owned),
            },
            _ => {
                self.wrong_type(node, "a string");
                String::new()
            }
        }
    }

    pub(super) fn integer(&mut self, node: &Node, default: i64) -> i64 {
        let wanted = "an integer";
        if let Tree::Scalar(value) = &node.kind {
            let text = std::str::from_utf8(value.canonical()).unwrap_or_default();
            match value.kind() {
                ValueType::Null => return default,
                ValueType::Int => match text.parse() {
                    Ok(number) => return number,
                    Err(_) => self.problem(node.at, "this integer is too large".into()),
                },
                // `2.0` is canonical as `2`.
                ValueType::Float => match text.parse() {
                    Ok(number) => return number,
                    Err(_) => self.problem(node.at, format!("expected {wanted}, found a number with a fraction or too large")),
                },
                _ => self.wrong_type(node, wanted),
            }
        } else {
            self.wrong_type(node, wanted);
        }
        default
    }

    pub(super) fn boolean(&mut self, node: &Node) -> bool {
        if let Tree::Scalar(value) = &node.kind {
            match (value.kind(), value.canonical()) {
                (ValueType::Null, _) => return false,
                (ValueType::Bool, text) => return text.eq_ignore_ascii_case(b"true"),
                (ValueType::Str, b"y" | b"Y" | b"yes" | b"Yes" | b"YES" | b"on" | b"On" | b"ON") => return true,
                (ValueType::Str, b"n" | b"N" | b"no" | b"No" | b"NO" | b"off" | b"Off" | b"OFF") => return false,
                _ => {}
            }
        }
        self.wrong_type(node, "a boolean (`true` or `false`)");
        false
    }
}

/// Whether it is null: as if it were absent.
pub(super) fn is_null(node: &Node) -> bool {
    matches!(&node.kind, Tree::Scalar(value) if value.kind() == ValueType::Null)
}

/// What a node is, for messages.
pub(super) fn kind_name(node: &Node) -> &'static str {
    match &node.kind {
        Tree::Map(_) => "a mapping",
        Tree::Seq(_) => "a list",
        Tree::Scalar(value) => match value.kind() {
            ValueType::Null => "null",
            ValueType::Str | ValueType::Comment => "a string",
            ValueType::Int => "an integer",
            ValueType::Float => "a number",
            ValueType::Bool => "a boolean",
            ValueType::Time => "a date",
        },
    }
}

/// How a number, boolean or date is written at a place: such scalars have one line and none of the characters that may follow
/// them. `None` if nothing is written there.
pub(super) fn spelling(text: &str, at: u32) -> Option<&str> {
    let line = text.get(at as usize..)?.lines().next()?;
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return line[1..].split(quote).next();
    }
    let end = line.find([',', ']', '}', '#']).unwrap_or(line.len());
    Some(line[..end].trim_end()).filter(|text| !text.is_empty())
}
