//! Owns where the metadata of an INI file stands: the section `sops` at its end, or where it is.

use super::super::flat::flatten;
use super::super::node::Node;
use super::super::splice::Splice;
use super::super::{Document, Span};
use super::METADATA;
use super::spell::spelled;
use crate::document::Style;
use crate::document::lines::newline;

/// Writes the metadata: as last section, one line break before it, or in the place of the one that is there.
pub fn metadata_splices(document: &Document, metadata: &Node) -> Vec<Splice> {
    let text = &document.text;
    if let Some(&section) = document.metadata.first() {
        let span = document.paths.node(section).entry;
        let newline = newline(&text[span.range()]);
        let mut lines = section_text(metadata, newline);
        let raw = &text[span.range()];
        let rest = &raw[raw.trim_end().len()..];
        lines.truncate(lines.trim_end().len());
        return vec![Splice { span, text: lines + rest }];
    }
    let newline = newline(text);
    let before = if text.trim_start_matches('\u{feff}').is_empty() { "" } else { newline };
    vec![Splice::insert(text.len(), format!("{before}{}", section_text(metadata, newline)))]
}

/// Removes the metadata with the line break before it.
pub fn cut_metadata(document: &Document) -> Vec<Splice> {
    let Some(&section) = document.metadata.first() else { return Vec::new() };
    let Span { start, end } = document.paths.node(section).entry;
    let text = &document.text;
    let (before, own) = (&text[..start as usize], &text[start as usize..end as usize]);
    let end = if end as usize == text.len() { end } else { start + own.trim_end().len() as u32 };
    let start = match (newline(own), before) {
        ("\r\n", before) if before.ends_with("\r\n") => start - 2,
        (_, before) if before.ends_with('\n') => start - 1,
        _ => start,
    };
    // Behind a section in the middle a line break is left, which is that of the line before it.
    vec![Splice { span: Span { start, end }, text: String::new() }]
}

fn section_text(metadata: &Node, newline: &str) -> String {
    let fields = flatten(metadata);
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut out = format!("[{METADATA}]{newline}");
    for (name, value) in fields {
        let value = value.replace('\n', "\\n");
        let value = spelled(&value, Style::Plain).unwrap_or(std::borrow::Cow::Borrowed(&value)).into_owned();
        out.push_str(&format!("{name:width$} = {value}{newline}"));
    }
    out
}
