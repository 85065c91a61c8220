//! Reads the bytes of a `.sops.yaml` into its tree.

use super::model::{Config, ConfigError, ConfigWarning, Origin, WarningKind};
use crate::document::node::Node;
use crate::document::yaml::event::EventKind;
use crate::document::{Document, Duplicates, Format, ParseError, position, yaml};
use crate::value::Value;

impl Config {
    /// Reads a config. An empty file is one without any setting; a second YAML document is ignored with a warning.
    ///
    /// # Errors
    /// [`ConfigError::Yaml`] if the bytes are no YAML, else as [`Config::decode`].
    pub fn parse(bytes: &[u8], origin: Origin) -> Result<Self, ConfigError> {
        let (document, root) = match tree(bytes) {
            Ok(tree) => tree,
            Err(error) => return Err(ConfigError::Yaml { path: origin.path, error }),
        };
        let mut config = Self::decode(&document.text, &root, origin)?;
        if let Some(&second) = document.roots.get(1) {
            let place = document.paths.node(second).entry;
            if !place.is_empty() {
                config.warnings.push(ConfigWarning {
                    position: position(document.text.as_bytes(), place.start as usize),
                    field: String::new(),
                    kind: WarningKind::SecondDocument,
                });
            }
        }
        Ok(config)
    }
}

fn tree(bytes: &[u8]) -> Result<(Document, Node), ParseError> {
    let text = yaml::text_of(bytes)?;
    check_top(text)?;
    let document = Document::scan(text.to_owned(), Format::Yaml, Duplicates::Keep)?;
    let root = match document.roots.first() {
        Some(&root) => document.node(root)?.merged(),
        None => Node::scalar(Value::NULL),
    };
    Ok((document, root))
}

/// Whether the top level is a mapping, or nothing: in words for a config, before the scan says it in words for a sealed file.
fn check_top(text: &str) -> Result<(), ParseError> {
    let mut parser = yaml::Parser::new(text)?;
    loop {
        let event = parser.next_event()?;
        let found = match event.kind {
            EventKind::StreamStart | EventKind::DocumentStart { .. } => continue,
            EventKind::SequenceStart { .. } => "a list",
            EventKind::Scalar { .. } if !matches!(&text[event.span.range()], "" | "~" | "null" | "Null" | "NULL") => "a scalar",
            _ => return Ok(()),
        };
        let message = format!("expected a mapping, found {found}: `creation_rules:` stands at the top level of a config");
        return Err(ParseError::at(text.as_bytes(), event.span.start as usize, message));
    }
}
