//! Owns [`spell`]: the canonical text of a value in JSON.

use super::{number, string};
use crate::value::number::json_float_text;
use crate::value::{Value, ValueType};

/// Appends a value: strings in double quotes with only those escapes that must be, numbers with their exact text where that is
/// JSON and with Go's text where not, times as RFC 3339 strings. A float that JSON has not (infinities, NaN) becomes a string.
pub fn spell(value: &Value<'_>, out: &mut String) {
    match value.kind() {
        ValueType::Null => out.push_str("null"),
        ValueType::Bool => out.push_str(if value.canonical() == b"True" { "true" } else { "false" }),
        ValueType::Int | ValueType::Float => match number_text(value) {
            Some(text) => out.push_str(&text),
            None => string::encode_bytes(value.canonical(), out),
        },
        ValueType::Str | ValueType::Time | ValueType::Comment => string::encode_bytes(value.canonical(), out),
    }
}

fn number_text<'v>(value: &'v Value<'_>) -> Option<std::borrow::Cow<'v, str>> {
    if let Some(exact) = value.exact().filter(|exact| number::is_number(exact)) {
        return Some(String::from_utf8_lossy(exact));
    }
    match value.kind() {
        ValueType::Float => value.as_float().and_then(json_float_text).map(Into::into),
        _ => Some(String::from_utf8_lossy(value.canonical())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{scan, value};
    use super::*;

    fn spelled(value: &Value<'_>) -> String {
        let mut out = String::new();
        spell(value, &mut out);
        out
    }

    fn read_back(text: &str) -> Value<'static> {
        let doc = scan(format!("{{\"v\":{text}}}")).unwrap();
        value(&doc.text, &doc.leaves[0]).unwrap().into_owned()
    }

    #[test]
    fn each_type_has_its_text() {
        let number = |kind, canonical: &'static str, exact: &'static str| {
            spelled(&Value::new(kind, canonical.as_bytes()).with_exact(exact.as_bytes()))
        };
        assert_eq!(number(ValueType::Float, "1.1", "1.10"), "1.10");
        assert_eq!(number(ValueType::Float, "100000", "1e5"), "1e5");
        assert_eq!(number(ValueType::Float, "0.5", ".5"), "0.5");
        assert_eq!(number(ValueType::Float, "1000000000000000000000", "+1e21"), "1e+21");
        assert_eq!(number(ValueType::Float, "1", "1"), "1");
        assert_eq!(number(ValueType::Int, "31", "0x1F"), "31");
        assert_eq!(number(ValueType::Int, "0", "-0"), "-0");
        assert_eq!(number(ValueType::Bool, "True", "TRUE"), "true");
        assert_eq!(spelled(&Value::new(ValueType::Time, &b"2024-01-02T00:00:00Z"[..])), "\"2024-01-02T00:00:00Z\"");
        assert_eq!(spelled(&Value::new(ValueType::Float, &b"+Inf"[..])), "\"+Inf\"");
        assert_eq!(spelled(&Value::NULL), "null");
    }

    proptest! {
        #[test]
        fn every_value_comes_back(text in any::<String>(), int in any::<i64>(), float in any::<f64>(), truth: bool) {
            let values = [Value::str(text.as_bytes()), Value::int(int), Value::bool(truth)];
            for value in values {
                prop_assert_eq!(read_back(&spelled(&value)), value);
            }
            if float.is_finite() && float.fract() != 0.0 {
                prop_assert_eq!(read_back(&spelled(&Value::float(float))), Value::float(float));
            }
        }

        #[test]
        fn every_number_text_comes_back(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?") {
            let value = read_back(&text);
            prop_assert_eq!(spelled(&value), text.clone());
            // What was sealed and opened again is spelled the same.
            let opened = Value::open(value.kind(), value.plaintext().to_vec()).unwrap();
            prop_assert_eq!(&opened, &value);
            prop_assert_eq!(spelled(&opened), text);
        }
    }
}
