//! Makes the [`Layout`] of new text from `stores` and `--indent`.
//!
//! | | default | as written | else |
//! |---|---|---|---|
//! | YAML | 4 columns | 2 to 9 | 1 and 10 or more mean 2; below 0 is an error |
//! | JSON, binary | a tab | 0 to 255 blanks | -1 means a tab; others are an error |

use super::model::Indents;
use crate::document::Layout;
use crate::document::json::JsonIndent;

/// An indentation that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// YAML has no tabs to indent with, and -1 means one.
    #[error("{0}: YAML Negative indentation not accepted")]
    Yaml(&'static str),
    /// Neither -1 nor a number of blanks.
    #[error("{0}: JSON Indentation parameter smaller than -1 or larger than 255 is not accepted")]
    Json(&'static str),
}

impl Layout {
    /// The layout that a config's `stores` ask for, or `--indent`, which counts for every format.
    ///
    /// # Errors
    /// [`LayoutError`] with the name of the setting.
    pub fn new(indents: Option<&Indents>, flag: Option<i64>) -> Result<Self, LayoutError> {
        let indents = match flag {
            Some(indent) => Indents { yaml: indent, json: indent, json_binary: indent, ..indents.copied().unwrap_or_default() },
            None => indents.copied().unwrap_or_default(),
        };
        let name = |setting: &'static str| if flag.is_some() { "--indent" } else { setting };
        Ok(Self {
            yaml_indent: match indents.yaml {
                ..0 => return Err(LayoutError::Yaml(name("stores.yaml.indent"))),
                0 => 4,
                indent @ 2..=9 => indent as usize,
                _ => 2,
            },
            json_indent: json(indents.json, name("stores.json.indent"))?,
            binary_indent: json(indents.json_binary, name("stores.json_binary.indent"))?,
            dotenv: indents.dotenv,
        })
    }
}

fn json(indent: i64, setting: &'static str) -> Result<JsonIndent, LayoutError> {
    match indent {
        -1 => Ok(JsonIndent::Tab),
        0..=255 => Ok(JsonIndent::Spaces(indent as usize)),
        _ => Err(LayoutError::Json(setting)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_indents_out_of_range_fall_to_two_columns() {
        for (written, columns) in [(0, 4), (1, 2), (2, 2), (3, 3), (9, 9), (10, 2), (i64::MAX, 2)] {
            let indents = Indents { yaml: written, ..Indents::default() };
            assert_eq!(Layout::new(Some(&indents), None).expect("a layout").yaml_indent, columns, "{written}");
        }
        let indents = Indents { yaml: -1, ..Indents::default() };
        let error = Layout::new(Some(&indents), None).expect_err("negative");
        assert_eq!(error.to_string(), "stores.yaml.indent: YAML Negative indentation not accepted");
    }

    #[test]
    fn json_indents_are_blanks_or_a_tab() {
        for (written, indent) in [
            (-1, Some(JsonIndent::Tab)),
            (0, Some(JsonIndent::Spaces(0))),
            (8, Some(JsonIndent::Spaces(8))),
            (-2, None),
            (i64::MAX, None),
        ] {
            let indents = Indents { json: written, ..Indents::default() };
            assert_eq!(Layout::new(Some(&indents), None).ok().map(|l| l.json_indent), indent, "{written}");
            let indents = Indents { json_binary: written, ..Indents::default() };
            assert_eq!(Layout::new(Some(&indents), None).ok().map(|l| l.binary_indent), indent, "{written}");
        }
    }

    #[test]
    fn the_flag_counts_for_every_format() {
        let indents = Indents { yaml: 8, json: 8, json_binary: 8, ..Indents::default() };
        let layout = Layout::new(Some(&indents), Some(3)).expect("a layout");
        let expected = Layout {
            yaml_indent: 3,
            json_indent: JsonIndent::Spaces(3),
            binary_indent: JsonIndent::Spaces(3),
            ..Layout::default()
        };
        assert_eq!(layout, expected);
        assert_eq!(Layout::new(None, None).expect("a layout"), Layout::default());
        assert_eq!(
            Layout::new(None, Some(-1)).expect_err("no tabs").to_string(),
            "--indent: YAML Negative indentation not accepted"
        );
    }
}
