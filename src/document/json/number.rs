//! Owns JSON numbers: their grammar, values and texts.

use crate::value::number::is_plain_int;
use crate::value::{Value, ValueType};

/// The end of the number that starts at `start`; the place of the first byte that does not fit as error.
pub(super) fn end(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let peek = |at: usize| bytes.get(at).copied();
    let digits = |from: usize| {
        let mut at = from;
        while matches!(peek(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        if at > from { Ok(at) } else { Err(at) }
    };
    let mut at = start + usize::from(peek(start) == Some(b'-'));
    at = match (peek(at), peek(at + 1)) {
        (Some(b'0'), Some(b'0'..=b'9')) => return Err(at + 1),
        _ => digits(at)?,
    };
    if peek(at) == Some(b'.') {
        at = digits(at + 1)?;
    }
    if matches!(peek(at), Some(b'e' | b'E')) {
        at = digits(at + 1 + usize::from(matches!(peek(at + 1), Some(b'+' | b'-'))))?;
    }
    Ok(at)
}

/// Whether a text is a JSON number, and nothing else.
pub(super) fn is_number(text: &[u8]) -> bool {
    end(text, 0) == Ok(text.len())
}

/// The value of a JSON number, with its exact text: `Int` within i64, else `Float`; `None` when it is too large for a float.
pub(super) fn read(text: &str) -> Option<Value<'_>> {
    if is_plain_int(text.as_bytes()) {
        return Some(Value::new(ValueType::Int, text.as_bytes()));
    }
    if text.parse::<i64>().is_ok() {
        // Only the zero has two spellings as a JSON integer.
        let canonical = if text == "-0" { "0" } else { text };
        return Some(Value::new(ValueType::Int, canonical.as_bytes()).with_exact(text.as_bytes()));
    }
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite())?;
    Some(Value::float(float).with_exact(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::number::json_float_text;

    #[test]
    fn only_json_numbers_are_numbers() {
        for good in ["0", "-0", "12", "-1.50", "1e5", "1E+05", "0.0e-0", "123456789012345678901234567890"] {
            assert!(is_number(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1F", "1_000", "1 ", "Inf", "NaN", "1.5.5"] {
            assert!(!is_number(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn numbers_have_the_types_and_canonical_texts_of_sops() {
        use ValueType::{Float, Int};
        let cases = [
            ("1", Int, "1"),
            ("-0", Int, "0"),
            ("9223372036854775807", Int, "9223372036854775807"),
            ("-9223372036854775808", Int, "-9223372036854775808"),
            ("9223372036854775808", Float, "9223372036854776000"),
            ("1.0", Float, "1"),
            ("-0.0", Float, "-0"),
            ("1.10", Float, "1.1"),
            ("1e5", Float, "100000"),
            ("1E-7", Float, "0.0000001"),
            ("1e21", Float, "1000000000000000000000"),
            ("1e-400", Float, "0"),
            ("0.1234567890123456789", Float, "0.12345678901234568"),
        ];
        for (text, kind, canonical) in cases {
            let value = read(text).unwrap();
            assert_eq!((value.kind(), value.canonical()), (kind, canonical.as_bytes()), "{text}");
            assert_eq!(value.plaintext(), text.as_bytes());
        }
        assert!(read("1E400").is_none() && read("-1e309").is_none());
    }

    proptest! {
        #[test]
        fn any_float_is_read_back(float in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            let text = json_float_text(float).unwrap();
            prop_assert!(is_number(text.as_bytes()));
            let value = read(&text).unwrap();
            let bits = value.as_float().map_or_else(|| (value.as_int().unwrap() as f64).to_bits(), f64::to_bits);
            // `-0` is an integer to sops.
            prop_assert!(bits == float.to_bits() || text == "-0");
        }
    }
}
