//! Owns [`spell`]: the canonical text of a value in HCL.

use super::{number, string};
use crate::value::number::json_float_text;
use crate::value::{Value, ValueType};

/// Appends a value: strings in double quotes with only those escapes that must be, numbers with their exact text where that is HCL's,
/// times as RFC 3339 strings. A float that HCL has not (infinities, NaN) becomes a string.
pub fn spell(value: &Value<'_>, out: &mut String) {
    match value.kind() {
        ValueType::Null => out.push_str("null"),
        ValueType::Bool => out.push_str(if value.as_bool() == Some(true) { "true" } else { "false" }),
        ValueType::Int | ValueType::Float => match number_text(value) {
            Some(text) => out.push_str(&text),
            None => string::encode(&String::from_utf8_lossy(value.canonical()), out),
        },
        ValueType::Str | ValueType::Time | ValueType::Comment => string::encode(&String::from_utf8_lossy(value.canonical()), out),
    }
}

fn number_text(value: &Value<'_>) -> Option<String> {
    let exact = value.exact().and_then(|exact| std::str::from_utf8(exact).ok());
    if let Some(exact) = exact.filter(|exact| number::is_number(exact)) {
        return Some(exact.to_owned());
    }
    match value.kind() {
        ValueType::Float => value.as_float().and_then(json_float_text),
        _ => Some(String::from_utf8_lossy(value.canonical()).into_owned()),
    }
}
