//! Owns how a value is spelled in TOML, in the style of the scalar whose place it takes.

use super::super::yaml::place::Place;
use super::super::{Leaf, Style};
use crate::value::number::json_float_text;
use crate::value::{Value, ValueType};

/// Where the sealed text of a leaf goes: between its own quotes, or new ones.
pub fn place(leaf: &Leaf) -> Place {
    Place::quoted(
        leaf.span,
        match leaf.style {
            Style::Single => "'",
            Style::Literal => "'''",
            Style::Folded => "\"\"\"",
            Style::Double | Style::Plain => "\"",
        },
    )
}

/// Appends a value: a string in its style if that can carry it, else in double quotes; numbers with their exact text where that is
/// TOML's.
pub fn spell(value: &Value<'_>, style: Style, out: &mut String) {
    match value.kind() {
        ValueType::Str | ValueType::Comment => string(&String::from_utf8_lossy(value.canonical()), style, out),
        // TOML has no null; who writes one has been told before.
        ValueType::Null => out.push_str("\"\""),
        ValueType::Bool => out.push_str(if value.as_bool() == Some(true) { "true" } else { "false" }),
        ValueType::Int | ValueType::Float => out.push_str(&number(value)),
        ValueType::Time => out.push_str(&String::from_utf8_lossy(value.canonical())),
    }
}

fn number(value: &Value<'_>) -> String {
    let exact = value.exact().and_then(|exact| std::str::from_utf8(exact).ok());
    if let Some(exact) = exact.filter(|exact| is_number(exact, value.kind())) {
        return exact.to_owned();
    }
    let Some(float) = value.as_float() else { return String::from_utf8_lossy(value.canonical()).into_owned() };
    if float.is_nan() {
        return String::from("nan");
    }
    if float.is_infinite() {
        return String::from(if float < 0.0 { "-inf" } else { "inf" });
    }
    let mut text = json_float_text(float).unwrap_or_default();
    if !text.contains(['.', 'e']) {
        // Without it, it would be an integer.
        text.push_str(".0");
    }
    text
}

/// Whether a text is a number of TOML of this type.
fn is_number(text: &str, kind: ValueType) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = digits.split_at(digits.find(['.', 'e', 'E']).unwrap_or(digits.len()));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return false;
    }
    if kind == ValueType::Int || rest.is_empty() {
        return kind == ValueType::Int && rest.is_empty();
    }
    let (fraction, exponent) = rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len()));
    let fraction = fraction.strip_prefix('.').is_none_or(is_digits);
    let exponent = exponent.strip_prefix(['e', 'E']).is_none_or(|text| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    fraction && exponent
}

fn string(text: &str, style: Style, out: &mut String) {
    let is_plain = |c: char, lines: bool| c == '\t' || (lines && c == '\n') || !(c.is_ascii_control() || c == '\u{7f}');
    match style {
        Style::Single if !text.contains('\'') && text.chars().all(|c| is_plain(c, false)) => {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        }
        Style::Literal if !text.contains("'''") && !text.ends_with('\'') && text.chars().all(|c| is_plain(c, true)) => {
            lines("'''", text, text, out);
        }
        Style::Folded => {
            let mut escaped = String::new();
            escape(text, true, &mut escaped);
            lines("\"\"\"", text, &escaped, out);
        }
        _ => {
            out.push('"');
            escape(text, false, out);
            out.push('"');
        }
    }
}

/// Several lines begin below their quotes, and one that begins with a line break has to.
fn lines(quotes: &str, text: &str, escaped: &str, out: &mut String) {
    out.push_str(quotes);
    if text.contains('\n') {
        out.push('\n');
    }
    out.push_str(escaped);
    out.push_str(quotes);
}

/// Appends a text with those escapes that must be; `lines`: line breaks and lone quotes stay.
pub(super) fn escape(text: &str, lines: bool, out: &mut String) {
    let mut quotes = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        quotes = if c == '"' { quotes + 1 } else { 0 };
        match c {
            '"' if lines && quotes < 3 && chars.peek().is_some() => out.push('"'),
            '"' => {
                quotes = 0;
                out.push_str("\\\"");
            }
            '\\' => out.push_str("\\\\"),
            '\n' if lines => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
}
