//! Owns what encrypting and opening ask of a document of any format: bytes to document, comments, metadata, structural edits.

use super::edit::EditError;
use super::node::Node;
use super::splice::Splice;
use super::steps::Step;
use super::{Document, Format, Layout, Leaf, LeafKind, PathId, Span, Style, dotenv, ini, json, tfvars, toml, yaml};

impl Document {
    /// A tree on one line, for the place of an alias.
    pub(crate) fn flow_text(&self, node: &Node) -> String {
        yaml::emit::emit_flow(node)
    }

    /// A short text that has the metadata of a long one, where that can be told at a glance: whether the long one can be read at all is
    /// not looked at.
    pub(crate) fn glance(text: &str, format: Format) -> Option<String> {
        match format {
            Format::Yaml => yaml::glance::glance(text).map(str::to_owned),
            Format::Json | Format::Binary => json::glance::glance(text),
            Format::Dotenv | Format::Ini | Format::Tfvars | Format::Toml => None,
        }
    }

    /// The text of a comment leaf.
    pub(crate) fn comment_text(&self, leaf: &Leaf) -> std::borrow::Cow<'_, str> {
        match leaf.kind {
            LeafKind::Comment if !matches!(self.format, Format::Ini | Format::Tfvars) => {
                std::borrow::Cow::Borrowed(self.text[leaf.span.range()].strip_prefix('#').unwrap_or_default())
            }
            _ => match self.value(leaf) {
                Ok(value) => std::borrow::Cow::Owned(String::from_utf8_lossy(value.canonical()).into_owned()),
                Err(_) => std::borrow::Cow::Borrowed(""),
            },
        }
    }

    /// The sealed text that stands at a leaf, if it is one line of the source as it is.
    pub(crate) fn sealed_text(&self, leaf: &Leaf) -> Option<&str> {
        let raw = &self.text[leaf.span.range()];
        // The last one: the header of a block scalar may have a sealed comment.
        let start = raw.rfind("ENC[")?;
        let end = raw.rfind(']')?;
        raw.get(start..=end).filter(|text| !text.contains(['\n', '\\']))
    }

    /// Whether a scalar is null or the empty string: never sealed.
    pub(crate) fn is_empty_scalar(&self, leaf: &Leaf) -> bool {
        let quoted = matches!(leaf.style, Style::Single | Style::Double) && leaf.span.len() == 2;
        leaf.span.is_empty() || quoted || (leaf.span.len() <= 6 && self.value(leaf).is_ok_and(|v| v.is_never_sealed()))
    }

    /// Whether a leaf is an integer above the signed 64-bit range that sops cannot walk (YAML's `uint64`).
    pub(crate) fn is_beyond_i64(&self, leaf: &Leaf) -> bool {
        let long_enough = leaf.style == Style::Plain && leaf.span.len() >= 16;
        self.format == Format::Yaml
            && (long_enough || leaf.tag != super::Tag::None)
            && yaml::resolve::is_uint64(&yaml::decode::decode(&self.text, leaf.span, leaf.style, leaf.indent), leaf.style, leaf.tag)
    }

    /// Whether a leaf is an expression or a block of HCL: it is never sealed.
    pub(crate) fn is_expression(&self, leaf: &Leaf) -> bool {
        self.format == Format::Tfvars && tfvars::is_expression(&self.text, leaf)
    }

    /// The bytes of a comment that sops wrote as a list item, its `-` included.
    pub(crate) fn comment_item_span(&self, leaf: &Leaf) -> Span {
        let text = self.text.as_bytes();
        let mut start = leaf.props.min(leaf.span.start) as usize;
        while start > 0 && matches!(text[start - 1], b' ' | b'\t') {
            start -= 1;
        }
        let dash = start.checked_sub(1).filter(|&i| text[i] == b'-').unwrap_or(leaf.span.start as usize);
        Span { start: dash as u32, end: leaf.span.end }
    }

    /// The place behind the key of a block list, where `[]` goes when all its items are comments.
    pub(crate) fn empty_list_place(&self, list: PathId) -> u32 {
        let text = self.text.as_bytes();
        let mut at = self.paths.node(list).value.start as usize;
        while at > 0 && matches!(text[at - 1], b' ' | b'\t' | b'\n' | b'\r') {
            at -= 1;
        }
        at as u32
    }

    /// Edits that put a metadata entry last into every document, or a new value into the entries that are there. One each
    /// document, in order (dotenv: one for each group of lines); their places do not depend on the metadata.
    pub(crate) fn metadata_splices(&self, metadata: &Node, layout: &Layout) -> Vec<Splice> {
        match self.format {
            Format::Yaml => yaml::metadata::metadata_splices(self, metadata, layout.yaml_indent),
            Format::Json | Format::Binary => json::metadata_splices(self, metadata, layout.json_indent),
            Format::Dotenv => dotenv::metadata_splices(self, metadata),
            Format::Ini => ini::metadata_splices(self, metadata),
            Format::Tfvars => tfvars::metadata_splices(self, metadata),
            Format::Toml => toml::metadata_splices(self, metadata),
        }
    }

    /// Edits that take the metadata out again, one for each entry (dotenv: one for each group of lines).
    pub(crate) fn cut_metadata(&self) -> Vec<Splice> {
        match self.format {
            Format::Yaml => yaml::metadata::cut_metadata(self),
            Format::Json | Format::Binary => json::cut_metadata(self),
            Format::Dotenv => dotenv::cut_metadata(self),
            Format::Ini => ini::cut_metadata(self),
            Format::Tfvars => tfvars::cut_metadata(self),
            Format::Toml => toml::cut_metadata(self),
        }
    }

    /// Edits that set a value of the first document.
    pub(crate) fn set(&self, steps: &[Step], value: &Node, layout: &Layout) -> Result<Vec<Splice>, EditError> {
        match self.format {
            Format::Yaml => yaml::edit::set(self, steps, value, layout.yaml_indent),
            Format::Json | Format::Binary => json::set(self, steps, value, layout.json_indent),
            Format::Dotenv => dotenv::set(self, steps, value),
            Format::Ini => ini::set(self, steps, value),
            Format::Tfvars => tfvars::set(self, steps, value),
            Format::Toml => toml::set(self, steps, value),
        }
    }

    /// Edits that remove a value of the first document.
    pub(crate) fn unset(&self, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
        match self.format {
            Format::Yaml => yaml::edit::unset(self, steps),
            Format::Json | Format::Binary => json::unset(self, steps),
            Format::Dotenv => dotenv::unset(self, steps),
            Format::Ini => ini::unset(self, steps),
            Format::Tfvars => tfvars::unset(self, steps),
            Format::Toml => toml::unset(self, steps),
        }
    }
}
