//! Owns where the metadata of a dotenv file stands: lines at its end, or where they are.

use super::super::flat::flatten;
use super::super::node::Node;
use super::super::splice::Splice;
use super::super::{Document, PathId, Span};
use super::PREFIX;

/// Writes the metadata: as last lines, or in the place of those that are there (all in that of the first, should they be
/// apart). A file without a final line break gets metadata without one; [`cut_metadata`] goes by that.
pub fn metadata_splices(document: &Document, metadata: &Node) -> Vec<Splice> {
    let text = &document.text;
    let mut lines = String::new();
    for (name, value) in flatten(metadata) {
        lines.push_str(&format!("{PREFIX}{name}={}\n", value.replace('\n', "\\n")));
    }
    let without_break = |lines: &str| lines.strip_suffix('\n').unwrap_or(lines).to_owned();
    let Some(&block) = document.metadata.first() else {
        let at = text.len();
        let open = !text.is_empty() && !text.ends_with('\n');
        let lines = if open { format!("\n{}", without_break(&lines)) } else { lines };
        return vec![Splice::insert(at, lines)];
    };
    let mut lines = Some(lines);
    let runs = runs(document, block).into_iter().map(|run| {
        let lines = lines.take().unwrap_or_default();
        let whole = text[run.range()].ends_with('\n');
        Splice { span: run, text: if whole { lines } else { without_break(&lines) } }
    });
    runs.collect()
}

/// Removes the metadata lines; with the line break before them where they end the text without one.
pub fn cut_metadata(document: &Document) -> Vec<Splice> {
    let Some(&block) = document.metadata.first() else { return Vec::new() };
    let runs = runs(document, block).into_iter().map(|run| {
        let whole = document.text[run.range()].ends_with('\n');
        let start = if whole { run.start } else { run.start.saturating_sub(1) };
        Splice { span: Span { start, end: run.end }, text: String::new() }
    });
    runs.collect()
}

/// The metadata lines with their line breaks, neighbours together.
pub(super) fn runs(document: &Document, block: PathId) -> Vec<Span> {
    let mut runs: Vec<Span> = Vec::new();
    for line in document.children(block) {
        let entry = document.paths.node(line).entry;
        let end = (entry.end + 1).min(document.text.len() as u32);
        match runs.last_mut() {
            Some(run) if run.end == entry.start => run.end = end,
            _ => runs.push(Span { start: entry.start, end }),
        }
    }
    runs
}
