//! Owns [`Layout`]: how what must be newly laid out looks (conversion, new files, the metadata block). A file's own layout
//! always wins otherwise.

use super::dotenv::Dialect;
use super::json::JsonIndent;

/// Indentation of newly laid out text: from `stores` in `.sops.yaml`, or `--indent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Columns a level in YAML.
    pub yaml_indent: usize,
    /// Indentation of JSON.
    pub json_indent: JsonIndent,
    /// Indentation of the JSON form of binary files.
    pub binary_indent: JsonIndent,
    /// How plaintext dotenv is read and written.
    pub dotenv: Dialect,
}

impl Default for Layout {
    /// sops's: four columns, tabs.
    fn default() -> Self {
        Self { yaml_indent: 4, json_indent: JsonIndent::Tab, binary_indent: JsonIndent::Tab, dotenv: Dialect::Sops }
    }
}
