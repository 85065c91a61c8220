//! Owns [`Layout`]: line breaks, indentation and blanks between the tokens of JSON, as sops sets them or as a file has them.

use super::super::{Document, NodeKind, PathId};
use super::emit::JsonIndent;

/// The layout of containers in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The line break before an entry with the indentation of the outermost level; `None`: all on one line.
    pub(super) line: Option<String>,
    /// What each further level is indented by.
    pub(super) unit: String,
    /// Between key and value.
    pub(super) colon: String,
    /// Between entries on one line.
    pub(super) comma: String,
}

impl Layout {
    /// The layout of sops.
    pub(super) fn new(indent: JsonIndent) -> Self {
        let unit = match indent {
            JsonIndent::Tab => String::from("\t"),
            JsonIndent::Spaces(count) => " ".repeat(count),
        };
        Self { line: Some(String::from("\n")), unit, colon: String::from(": "), comma: String::from(", ") }
    }

    /// Appends the line break and the indentation of a level; nothing when all is on one line.
    pub(super) fn push_line(&self, level: usize, out: &mut String) {
        if let Some(line) = &self.line {
            out.push_str(line);
            for _ in 0..level {
                out.push_str(&self.unit);
            }
        }
    }

    /// Appends what stands between two entries of a container at a level.
    pub(super) fn push_separator(&self, level: usize, out: &mut String) {
        match &self.line {
            None => out.push_str(&self.comma),
            Some(_) => {
                out.push(',');
                self.push_line(level, out);
            }
        }
    }
}

/// How a container of a file is laid out.
pub(super) struct Surroundings {
    /// The layout of its entries: level 0 is theirs.
    pub(super) entries: Layout,
    /// The line break and indentation before its closing bracket, if that stands on its own line; of an empty container: where
    /// it would stand.
    pub(super) close: Option<String>,
}

impl Surroundings {
    /// The layout of a container, from its last entries. That of an empty one follows its container; at the top it is sops's.
    pub(super) fn of(document: &Document, container: PathId, indent: JsonIndent) -> Self {
        let entries = entries(document, container);
        let Some((&last, before)) = entries.split_last() else { return Self::of_empty(document, container, indent) };
        let text = document.text.as_str();
        let value = document.paths.node(container).value.range();
        let node = document.paths.node(last);
        let gap_start = before.last().map_or(value.start + 1, |&id| document.paths.node(id).entry.range().end);
        let gap = &text[gap_start..node.entry.range().start];
        let close = line_of(&text[node.entry.range().end..value.end - 1]);
        let line = line_of(gap.split_once(',').map_or(gap, |(_, after)| after));
        let colon = match document.paths.node(container).kind {
            NodeKind::FlowMap => colon(document, last),
            _ => first_colon(document),
        };
        let comma = match before.is_empty() {
            true if colon.ends_with(' ') => String::from(", "),
            true => String::from(","),
            // A line break before the comma is not repeated: the blanks behind it are.
            false => gap[gap.find(',').unwrap_or_default()..].to_owned(),
        };
        let unit = match (&line, &close) {
            (Some(line), Some(close)) => line.strip_prefix(close.as_str()).map(str::to_owned),
            _ => None,
        };
        let unit = unit.unwrap_or_else(|| top_unit(document));
        Self { entries: Layout { line, unit, colon, comma }, close }
    }

    fn of_empty(document: &Document, container: PathId, indent: JsonIndent) -> Self {
        if document.paths.is_root(container) {
            let close = if document.text.contains("\r\n") { "\r\n" } else { "\n" };
            let sops = Layout::new(indent);
            let entries = Layout { line: Some(format!("{close}{}", sops.unit)), ..sops };
            return Self { entries, close: Some(close.to_owned()) };
        }
        let Self { mut entries, .. } = Self::of(document, document.paths.node(container).parent, indent);
        let close = entries.line.clone();
        if let Some(line) = &mut entries.line {
            line.push_str(&entries.unit);
        }
        Self { entries, close }
    }
}

/// The places directly in a container, in order.
pub(super) fn entries(document: &Document, container: PathId) -> Vec<PathId> {
    let end = document.paths.node(container).value.end;
    document
        .paths
        .iter()
        .skip(container.0 as usize + 1)
        .take_while(|(_, node)| node.entry.start < end)
        .filter(|(_, node)| node.parent == container)
        .map(|(id, _)| id)
        .collect()
}

/// The last line break of blanks with the indentation after it.
fn line_of(gap: &str) -> Option<String> {
    let at = gap.rfind('\n')?;
    let start = if gap[..at].ends_with('\r') { at - 1 } else { at };
    Some(gap[start..].to_owned())
}

/// What stands between key and value of an entry, when that is on one line.
fn colon(document: &Document, entry: PathId) -> String {
    let node = document.paths.node(entry);
    let before = &document.text[node.entry.range().start..node.value.range().start];
    let key = before.trim_end().trim_end_matches(':').trim_end();
    let colon = &before[key.len()..];
    if colon.contains(['\n', '\r']) { String::from(": ") } else { colon.to_owned() }
}

/// The colon of the first entry of the top level; that of sops if there is none.
fn first_colon(document: &Document) -> String {
    match document.paths.iter().nth(1) {
        Some((first, _)) => colon(document, first),
        None => String::from(": "),
    }
}

/// What the entries of the top level are indented by; a tab if they do not stand on their own lines.
fn top_unit(document: &Document) -> String {
    let first = document.paths.iter().nth(1).map(|(_, node)| node.entry.range().start);
    let root = document.paths.iter().next().map(|(_, node)| node.value.range().start + 1);
    let line = match (root, first) {
        (Some(root), Some(first)) => line_of(&document.text[root..first]),
        _ => None,
    };
    line.map(|line| line.trim_start_matches(['\r', '\n']).to_owned())
        .filter(|unit| !unit.is_empty())
        .unwrap_or_else(|| String::from("\t"))
}
