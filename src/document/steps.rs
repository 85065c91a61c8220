//! Owns [`Step`] and [`parse_steps`]: the index syntax of `--extract`, `set` and `unset`, `["a"]["b"][0]`.
//!
//! Reads what sops reads (its splitting at `[`, quotes of either kind, keys with `]` inside, a missing first bracket), and keys
//! with `[` inside, which sops cannot name. Where sops would panic or cut a letter from a key it refuses.

/// One step from a container to what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An entry of a mapping.
    Key(String),
    /// An item of a list, 0-based.
    Index(usize),
}

/// Why a text is not a path of steps. Steps are counted from 1.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepsError {
    /// A step does not end with `]`.
    #[error("step {0} of the path does not end with `]`: write it as `[\"key\"]` or `[0]`")]
    NotClosed(usize),
    /// A key starts with a quote and does not end with one.
    #[error("the quoted key in step {0} of the path does not end with a quote")]
    QuoteNotClosed(usize),
    /// Nothing between the brackets.
    #[error("step {0} of the path is empty")]
    Empty(usize),
    /// Neither a quoted key nor an index.
    #[error("step {0} of the path is neither a quoted key nor an index: write keys as `[\"key\"]`")]
    NotAnIndex(usize),
    /// An index below zero or beyond any list.
    #[error("the index in step {0} of the path is out of range")]
    IndexOutOfRange(usize),
}

/// Reads a path such as `["a"]["b"][0]`. The empty text is the whole document: no steps.
pub fn parse_steps(text: &str) -> Result<Vec<Step>, StepsError> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = steps.len() + 1;
        let (piece, after) = rest.split_once('[').unwrap_or((rest, ""));
        if piece.is_empty() {
            rest = after;
            continue;
        }
        let (piece, after) = if piece.starts_with(['"', '\'']) && !piece.ends_with(']') {
            // A `[` inside a key: the key goes on to the next closing quote with its bracket.
            quoted_across_brackets(rest).ok_or(StepsError::NotClosed(number))?
        } else {
            (piece, after)
        };
        let inner = piece.strip_suffix(']').ok_or(StepsError::NotClosed(number))?;
        steps.push(parse_step(inner, number)?);
        rest = after;
    }
    Ok(steps)
}

/// Writes steps as [`parse_steps`] reads them, for messages.
pub fn format_steps(steps: &[Step]) -> String {
    use std::fmt::Write as _;

    let mut out = String::new();
    for step in steps {
        // Writing to a `String` cannot fail.
        let _ = match step {
            Step::Key(key) => write!(out, "[\"{key}\"]"),
            Step::Index(index) => write!(out, "[{index}]"),
        };
    }
    out
}

/// Splits `"a[b"][0]` after its first `"]` (same quote as the first byte), which must end the text or stand before a `[`.
fn quoted_across_brackets(text: &str) -> Option<(&str, &str)> {
    let close = if text.starts_with('"') { "\"]" } else { "']" };
    let end = 1 + text[1..].find(close)? + close.len();
    let (piece, after) = text.split_at(end);
    if after.is_empty() { Some((piece, after)) } else { Some((piece, after.strip_prefix('[')?)) }
}

fn parse_step(inner: &str, number: usize) -> Result<Step, StepsError> {
    if let Some(rest) = inner.strip_prefix(['"', '\'']) {
        let key = rest.strip_suffix(['"', '\'']).ok_or(StepsError::QuoteNotClosed(number))?;
        return Ok(Step::Key(key.to_owned()));
    }
    let digits = inner.strip_prefix(['+', '-']).unwrap_or(inner);
    if inner.is_empty() {
        return Err(StepsError::Empty(number));
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(StepsError::NotAnIndex(number));
    }
    let index = inner.parse::<i64>().ok().and_then(|n| usize::try_from(n).ok());
    index.map(Step::Index).ok_or(StepsError::IndexOutOfRange(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    #[test]
    fn reads_what_sops_reads() {
        let cases: &[(&str, &[Step])] = &[
            ("", &[]),
            (r#"["a"]["b"][0]"#, &[key("a"), key("b"), Step::Index(0)]),
            ("['a']", &[key("a")]),
            (r#"["a']"#, &[key("a")]),
            (r#""a"]"#, &[key("a")]),
            (r#"["k]ey"]"#, &[key("k]ey")]),
            (r#"[""]"#, &[key("")]),
            (r#"["a"b"]"#, &[key("a\"b")]),
            (r#"["a\nb"]"#, &[key("a\\nb")]),
            ("[+5][-0][007]", &[Step::Index(5), Step::Index(0), Step::Index(7)]),
            ("[[0]", &[Step::Index(0)]),
            (r#"["é 😀"]"#, &[key("é 😀")]),
        ];
        for (text, steps) in cases {
            assert_eq!(parse_steps(text).as_deref(), Ok(*steps), "{text}");
        }
    }

    #[test]
    fn keys_may_hold_an_opening_bracket() {
        assert_eq!(parse_steps(r#"["a[0]"]["b[x"][1]"#), Ok(vec![key("a[0]"), key("b[x"), Step::Index(1)]));
        assert_eq!(parse_steps(r#"["a["]"#), Ok(vec![key("a[")]));
        assert_eq!(parse_steps("['[']"), Ok(vec![key("[")]));
    }

    #[test]
    fn refuses_what_sops_refuses_or_trips_over() {
        use StepsError::*;
        let cases = [
            ("a", NotClosed(1)),
            ("[a]", NotAnIndex(1)),
            (r#"["a""#, NotClosed(1)),
            (r#"["a"] "#, NotClosed(1)),
            (r#"["a"]x["b"]"#, NotClosed(1)),
            (r#"[0]["a[b]"#, NotClosed(2)),
            ("[]", Empty(1)),
            ("[\"]", QuoteNotClosed(1)),
            (r#"["ab]"#, QuoteNotClosed(1)),
            ("[0][-1]", IndexOutOfRange(2)),
            ("[99999999999999999999]", IndexOutOfRange(1)),
            ("[0x10]", NotAnIndex(1)),
            ("[+]", NotAnIndex(1)),
            ("[1.0]", NotAnIndex(1)),
        ];
        for (text, error) in cases {
            assert_eq!(parse_steps(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_path_of_keys_and_indexes_comes_back(
            steps in prop::collection::vec(
                prop_oneof!["[a-z\\]é ]{0,5}".prop_map(Step::Key), (0usize..1000).prop_map(Step::Index)],
                0..5,
            )
        ) {
            prop_assert_eq!(parse_steps(&format_steps(&steps)), Ok(steps));
        }

        #[test]
        fn never_panics(text in "[\\[\\]\"'a0-9+\\- é]{0,20}") {
            let _ = parse_steps(&text);
        }
    }
}
