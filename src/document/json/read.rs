//! Owns [`value`]: what a scanned scalar means, with sops's types.

use super::super::{Leaf, ParseError, Style};
use super::{number, string};
use crate::value::{Value, ValueType};

/// The value of a scalar leaf of a scanned text. Strings without escapes borrow it; numbers keep their exact text.
///
/// Integers of 64 bits are `Int`, other numbers `Float`; one that is too large even for a float is an error, as it is to sops.
/// Of an empty container: null.
pub fn value<'t>(text: &'t str, leaf: &Leaf) -> Result<Value<'t>, ParseError> {
    let raw = &text[leaf.span.range()];
    if leaf.style == Style::Double {
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        return Ok(Value::str(string::decode_bytes(inner)));
    }
    match raw {
        "true" => Ok(Value::new(ValueType::Bool, &b"True"[..])),
        "false" => Ok(Value::new(ValueType::Bool, &b"False"[..])),
        _ if raw.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => number::read(raw).ok_or_else(|| {
            let at = leaf.span.range().start;
            ParseError::at(text.as_bytes(), at, "a number too large for 64-bit floating point: write it as a string")
        }),
        _ => Ok(Value::NULL),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::*;

    #[test]
    fn scalars_have_the_types_of_sops() {
        let doc = scan(String::from(r#"{"a": ["x\u00e9", "é", "", true, false, null, 12, 1.50, {}, [], "\ud800"]}"#)).unwrap();
        let values: Vec<_> = doc.leaves.iter().map(|leaf| value(&doc.text, leaf).unwrap()).collect();
        let expected = [
            Value::str("xé".as_bytes()),
            Value::str("é".as_bytes()),
            Value::str(&b""[..]),
            Value::new(ValueType::Bool, &b"True"[..]),
            Value::new(ValueType::Bool, &b"False"[..]),
            Value::NULL,
            Value::new(ValueType::Int, &b"12"[..]),
            Value::new(ValueType::Float, &b"1.5"[..]),
            Value::NULL,
            Value::NULL,
            Value::str("\u{fffd}".as_bytes()),
        ];
        assert_eq!(values, expected);
        assert_eq!(values[7].plaintext(), b"1.50");
    }

    #[test]
    fn a_number_beyond_floats_is_refused_with_its_position() {
        let doc = scan(String::from("{\n \"a\": 1E400}")).unwrap();
        let error = value(&doc.text, &doc.leaves[0]).unwrap_err();
        assert_eq!((error.position.line, error.position.column), (2, 7));
        assert!(!error.to_string().contains("1E400"));
    }
}
