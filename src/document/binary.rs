//! Owns the binary format: any bytes as the one value `data` of a document, sops's form of files that are neither YAML nor JSON.

use super::convert::ConvertError;
use super::json::JsonIndent;
use super::node::{Node, Tree};
use super::{Document, Duplicates, Format, Layout};
use crate::value::ValueType;

/// The key of the value.
pub const DATA_KEY: &str = "data";

/// A document with an empty string under `data`, in whose place the content is sealed: sops's JSON form, or YAML.
pub fn frame(target: Format, layout: &Layout) -> Document {
    let text = match (target, layout.binary_indent) {
        (Format::Dotenv, _) => format!("{DATA_KEY}=\n"),
        (Format::Ini, _) => String::new(),
        (Format::Tfvars | Format::Toml, _) => format!("{DATA_KEY} = \"\"\n"),
        (Format::Yaml, _) => format!("{DATA_KEY}: \"\"\n"),
        (Format::Json | Format::Binary, JsonIndent::Tab) => format!("{{\n\t\"{DATA_KEY}\": \"\"\n}}\n"),
        (Format::Json | Format::Binary, JsonIndent::Spaces(n)) => format!("{{\n{:n$}\"{DATA_KEY}\": \"\"\n}}\n", ""),
    };
    Document::scan(text, target, Duplicates::Keep).expect("one key with an empty string is a document of either format")
}

/// The content: the string under `data` at the top level.
///
/// # Errors
///
/// `NotBinary` where there is none, or it is not a string.
pub fn content(node: &Node) -> Result<&[u8], ConvertError> {
    match node.get(DATA_KEY).map(|node| &node.kind) {
        Some(Tree::Scalar(value)) if value.kind() == ValueType::Str => Ok(value.canonical()),
        _ => Err(ConvertError::NotBinary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn the_frame_has_one_empty_value() {
        for target in [Format::Json, Format::Yaml] {
            let doc = frame(target, &Layout::default());
            assert_eq!(doc.leaves.len(), 1);
            assert_eq!(doc.paths.key(doc.leaves[0].path, &doc.text), Some("data"));
            assert_eq!(doc.value(&doc.leaves[0]).unwrap(), Value::str(&b""[..]));
        }
        assert_eq!(frame(Format::Json, &Layout::default()).text, "{\n\t\"data\": \"\"\n}\n");
        let spaced = Layout { binary_indent: JsonIndent::Spaces(2), ..Layout::default() };
        assert_eq!(frame(Format::Json, &spaced).text, "{\n  \"data\": \"\"\n}\n");
    }

    #[test]
    fn the_content_is_a_string_under_data() {
        let with =
            |value: Value<'static>| Node::map([(String::from("x"), Node::str("1")), (String::from("data"), Node::scalar(value))]);
        assert_eq!(content(&with(Value::str(&b"\xff\0"[..]))), Ok(&b"\xff\0"[..]));
        assert_eq!(content(&with(Value::int(1))), Err(ConvertError::NotBinary));
        assert_eq!(content(&Node::map([])), Err(ConvertError::NotBinary));
    }
}
