//! Owns [`read_value`]: a JSON value of any kind, alone in a text, as a tree (the values of `set`).

use crate::document::node::Node;
use crate::document::{Document, Duplicates, Format, ParseError, Position, Segment};

/// What stands before the value so that it is the only entry of a document.
const BEFORE: &str = "{\"\":\n";

/// Reads one JSON value. Positions are those of the text.
///
/// # Errors
/// When the text is not exactly one value.
pub fn read_value(text: &str) -> Result<Node, ParseError> {
    let document =
        Document::scan(format!("{BEFORE}{text}\n}}"), Format::Json, Duplicates::Refuse).map_err(|error| moved(error, text))?;
    let entries =
        document.paths.iter().filter(|(_, node)| node.parent == document.roots[0] && !matches!(node.segment, Segment::Document(_)));
    match entries.map(|(id, _)| id).collect::<Vec<_>>().as_slice() {
        [only] => document.node(*only).map_err(|error| moved(error, text)),
        _ => Err(ParseError::at(text.as_bytes(), 0, "there is more than one value")),
    }
}

/// The error with the position in the value's own text.
fn moved(error: ParseError, text: &str) -> ParseError {
    let end = crate::document::position(text.as_bytes(), text.len());
    let line = error.position.line.saturating_sub(1).max(1);
    let position = if line > end.line { end } else { Position { line, ..error.position } };
    ParseError { position, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::node::Tree;
    use crate::value::ValueType;

    fn kind(text: &str) -> ValueType {
        match read_value(text).expect("a value").kind {
            Tree::Scalar(value) => value.kind(),
            _ => panic!("no scalar"),
        }
    }

    #[test]
    fn every_kind_of_value_is_read_with_its_type() {
        assert_eq!(kind("5"), ValueType::Int);
        assert_eq!(kind(" 5.5 "), ValueType::Float);
        assert_eq!(kind("\"x\""), ValueType::Str);
        assert_eq!(kind("true"), ValueType::Bool);
        assert_eq!(kind("null"), ValueType::Null);
        assert_eq!(read_value("[1, {\"a\": 2}]").expect("a list").items().count(), 2);
        assert_eq!(read_value("{\"a\": 1, \"b\": []}").expect("a mapping").pairs().count(), 2);
    }

    #[test]
    fn anything_but_one_value_is_refused_where_it_is() {
        for text in ["", " ", "1, \"b\": 2", "1 2", "}", "1}{", "{\"a\"", "hello", "1\n}\n{", "\"a", "1 //"] {
            assert!(read_value(text).is_err(), "{text}");
        }
        assert_eq!(read_value("[1,\n x]").expect_err("no value").position, Position { line: 2, column: 2 });
        assert_eq!(read_value("[1").expect_err("cut").position, Position { line: 1, column: 3 });
    }
}
