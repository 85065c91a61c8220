//! Owns [`spell`]: a value as INI, in the quotes it had if they can hold it, else in those that sops would take or any others that
//! read back.

use std::borrow::Cow;

use super::super::flat::text_of;
use super::super::yaml::place::Place;
use super::super::{Leaf, LeafKind, Style};
use super::read;
use crate::value::Value;

/// Appends a value. What no quotes can hold is written without: whoever reads it again finds that out.
pub fn spell(value: &Value<'_>, style: Style, out: &mut String) {
    let text = text_of(value);
    match spelled(&text, style) {
        Some(spelled) => out.push_str(&spelled),
        None => out.push_str(&text),
    }
}

/// The quotes of a style.
fn quote(style: Style) -> &'static str {
    match style {
        Style::Plain => "",
        Style::Single => "'",
        Style::Double => "\"",
        Style::Literal => "`",
        Style::Folded => "\"\"\"",
    }
}

/// Where the sealed text of a leaf goes: between the quotes that are there.
pub fn place(leaf: &Leaf) -> Place {
    Place::quoted(leaf.span, if leaf.kind == LeafKind::Scalar { quote(leaf.style) } else { "" })
}

/// The first of several ways to write a text that reads back; `None` if there is none.
pub(super) fn spelled(text: &str, style: Style) -> Option<Cow<'_, str>> {
    if text.is_empty() && style == Style::Plain {
        return Some(Cow::Borrowed(""));
    }
    let own = quote(style);
    let choice = if text.contains(['\n', '`']) {
        "\"\"\""
    } else if text.contains(['#', ';']) {
        "`"
    } else if text.trim().len() != text.len() {
        "\""
    } else {
        ""
    };
    [own, choice, "", "\"", "`", "\"\"\"", "'"].into_iter().find_map(|quote| {
        let spelled = if quote.is_empty() { Cow::Borrowed(text) } else { Cow::Owned([quote, text, quote].concat()) };
        reads_as(&spelled, text).then_some(spelled)
    })
}

/// Whether what is written in the place of a value means a text and does not reach beyond its line.
pub(super) fn reads_as(spelled: &str, text: &str) -> bool {
    let line = format!("={spelled}\nk=v\n");
    read::value(&line, 1).is_ok_and(|found| {
        found.span == (1..1 + spelled.len())
            && found.next == spelled.len() + 2
            && found.comment.is_none()
            && found.rest.is_none()
            && found.meaning(&line) == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_written_as_by_sops_where_that_reads_back() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("a#b", "`a#b`"),
            (" a ", "\" a \""),
            ("a\nb", "\"\"\"a\nb\"\"\""),
            ("`a", "\"\"\"`a\"\"\""),
            ("\"quoted\"", "`\"quoted\"`"),
            ("ends with \\", "\"ends with \\\""),
        ] {
            assert_eq!(spelled(text, Style::Plain).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(spelled("x", Style::Double).as_deref(), Some("\"x\""));
        assert_eq!(spelled("x\"y", Style::Double).as_deref(), Some("x\"y"));
        assert_eq!(spelled("it's", Style::Single).as_deref(), Some("it's"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[a\"'`#;=\\\\ \n\r]{0,12}") {
            for style in [Style::Plain, Style::Single, Style::Double] {
                if let Some(spelled) = spelled(&text, style) {
                    prop_assert!(reads_as(&spelled, &text));
                }
            }
        }
    }
}
