//! Owns HCL's numbers: their grammar and values.

use crate::value::{Value, ValueType};

/// The end of the number that starts at `at`, its sign included; `None` if there is none.
pub(super) fn end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |from: usize| from + bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let start = match bytes.get(at) {
        Some(b'-') => super::tokens::blanks_end(bytes, at + 1),
        _ => at,
    };
    let mut end = digits(start);
    if end == start {
        return None;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digits(end + 1 + sign) > end + 1 + sign {
            end = digits(end + 1 + sign);
        }
    }
    Some(end)
}

/// Whether a text is a number, and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    end(text.as_bytes(), 0) == Some(text.len())
}

/// The value of a number, with its exact text: `Int` within i64, else `Float`; `None` when it is too large for a float.
pub(super) fn read(raw: &str) -> Option<Value<'static>> {
    let text: String = raw.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
    if let Ok(int) = text.parse::<i64>() {
        return Some(exact(Value::int(int), text));
    }
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite())?;
    Some(exact(Value::float(float), text))
}

/// With its text, where sops's reader takes that for the same value.
fn exact(value: Value<'static>, text: String) -> Value<'static> {
    match Value::open(value.kind(), text.clone().into_bytes()) {
        Some(read) if read == value && matches!(value.kind(), ValueType::Int | ValueType::Float) => {
            value.with_exact(text.into_bytes())
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_hcl() {
        for good in ["0", "12", "007", "1.50", "1e5", "1E+05", "-5", "- 5"] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "-", "1.", ".5", "1e", "0x1F", "1_000", "+1", "1.5.5", "--1", "1a"] {
            assert!(!is_number(bad), "{bad}");
        }
    }

    #[test]
    fn values_have_the_types_of_sops_and_their_exact_text() {
        use ValueType::{Float, Int};
        for (raw, kind, canonical, plain) in [
            ("1", Int, "1", "1"),
            ("- 5", Int, "-5", "-5"),
            ("123456789012", Int, "123456789012", "123456789012"),
            ("1.10", Float, "1.1", "1.10"),
            ("1e5", Float, "100000", "1e5"),
            ("9223372036854775808", Float, "9223372036854776000", "9223372036854775808"),
        ] {
            let value = read(raw).unwrap();
            assert_eq!(
                (value.kind(), value.canonical(), value.plaintext()),
                (kind, canonical.as_bytes(), plain.as_bytes()),
                "{raw}"
            );
        }
        assert!(read("1e400").is_none());
    }
}
