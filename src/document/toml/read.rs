//! Owns [`value`]: what a scanned TOML scalar means, with sops's types.

use std::borrow::Cow;

use toml_parser::decoder::Encoding;
use toml_parser::{Raw, Span};

use super::super::{Leaf, LeafKind, ParseError, Style};
use crate::value::number::is_plain_int;
use crate::value::{Value, ValueType, time};

/// The value of a leaf of a scanned text. Dates with an offset are times; local dates and times, which sops does not have, are strings
/// whose quotes are missing.
///
/// # Errors
/// None for a text that was scanned.
pub fn value<'t>(text: &'t str, leaf: &Leaf) -> Result<Value<'t>, ParseError> {
    let raw = &text[leaf.span.range()];
    match (leaf.kind, leaf.style) {
        (LeafKind::Comment | LeafKind::CommentItem, _) => {
            Ok(Value::new(ValueType::Comment, raw.strip_prefix('#').unwrap_or(raw).as_bytes()))
        }
        (LeafKind::EmptyMap | LeafKind::EmptySeq, _) => Ok(Value::NULL),
        (LeafKind::Scalar, Style::Plain) => Ok(plain(raw)),
        (LeafKind::Scalar, style) => Ok(Value::str(match string(raw, style) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })),
    }
}

fn string(raw: &str, style: Style) -> Cow<'_, str> {
    let encoding = match style {
        Style::Single => Encoding::LiteralString,
        Style::Literal => Encoding::MlLiteralString,
        Style::Folded => Encoding::MlBasicString,
        Style::Double | Style::Plain => {
            if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
                return Cow::Borrowed(raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default());
            }
            Encoding::BasicString
        }
    };
    let mut text = Cow::Borrowed("");
    let _kind = Raw::new_unchecked(raw, Some(encoding), Span::new_unchecked(0, raw.len())).decode_scalar(&mut text, &mut ());
    text
}

fn plain(raw: &str) -> Value<'_> {
    if is_plain_int(raw.as_bytes()) {
        return Value::new(ValueType::Int, raw.as_bytes());
    }
    match raw {
        "true" => return Value::bool(true),
        "false" => return Value::bool(false),
        _ => {}
    }
    match date(raw) {
        Some(Date { has_offset: true, .. }) => match time::rfc3339(rfc3339(raw).as_bytes()) {
            Some(time) => return Value::new(ValueType::Time, time.into_bytes()),
            None => return Value::str(raw.as_bytes()),
        },
        Some(_) => return Value::str(raw.as_bytes()),
        None => {}
    }
    let digits: Cow<'_, str> = if raw.contains('_') { Cow::Owned(raw.replace('_', "")) } else { Cow::Borrowed(raw) };
    if let Some(int) = integer(&digits) {
        return exact(Value::int(int), raw);
    }
    match float(&digits) {
        Some(float) => exact(Value::float(float), raw),
        None => Value::str(raw.as_bytes()),
    }
}

/// With its text, where sops's reader takes that for the same value.
fn exact<'t>(value: Value<'static>, raw: &'t str) -> Value<'t> {
    match Value::open(value.kind(), raw.as_bytes()) {
        Some(read) if read == value => value.with_exact(raw.as_bytes()),
        _ => value,
    }
}

fn integer(text: &str) -> Option<i64> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    match text.get(..2) {
        Some("0x") => radix(&text[2..], 16),
        Some("0o") => radix(&text[2..], 8),
        Some("0b") => radix(&text[2..], 2),
        _ => text.parse().ok(),
    }
}

fn float(text: &str) -> Option<f64> {
    match text.trim_start_matches(['+', '-']) {
        "inf" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        "nan" => Some(f64::NAN),
        _ => text.parse().ok(),
    }
}

/// Why a scalar without quotes that has the right characters is none, if so.
pub(super) fn check_plain(raw: &str) -> Option<&'static str> {
    if matches!(raw, "true" | "false") {
        return None;
    }
    if is_date_like(raw) {
        return match date(raw) {
            Some(_) => None,
            None => Some("a date or a time that there is not"),
        };
    }
    let digits = raw.replace('_', "");
    if integer(&digits).is_some() {
        return None;
    }
    let is_float = digits.contains(['.', 'e', 'E', 'i', 'n']) && !digits.starts_with("0x");
    match float(&digits).filter(|_| is_float) {
        Some(float) if float.is_infinite() && !digits.contains("inf") => {
            Some("a number too large for 64-bit floating point: write it as a string")
        }
        Some(_) => None,
        None => Some("an integer beyond 64 bits: write it as a string"),
    }
}

fn is_date_like(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_digit) && (bytes.get(4) == Some(&b'-') || bytes.get(2) == Some(&b':'))
}

/// A date, a time, or both.
struct Date {
    has_offset: bool,
}

/// Reads a date or time; `None` for what is none, or is not in the calendar.
fn date(raw: &str) -> Option<Date> {
    if !is_date_like(raw) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = raw.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let mut at = 0;
    let has_date = raw.as_bytes().get(4) == Some(&b'-');
    if has_date {
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=days).contains(&day) || raw.as_bytes().get(7) != Some(&b'-') {
            return None;
        }
        match raw.as_bytes().get(10) {
            None => return Some(Date { has_offset: false }),
            Some(b'T' | b't' | b' ') => at = 11,
            Some(_) => return None,
        }
    }
    let colon = |at: usize| raw.as_bytes().get(at) == Some(&b':');
    let (hour, minute) = (number(at..at + 2)?, number(at + 3..at + 5)?);
    if hour > 23 || minute > 59 || !colon(at + 2) {
        return None;
    }
    at += 5;
    if colon(at) {
        if number(at + 1..at + 3)? > 60 {
            return None;
        }
        at += 3;
        if raw.as_bytes().get(at) == Some(&b'.') {
            let digits = raw[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            at += 1 + digits;
        }
    }
    match raw.get(at..)? {
        "" => Some(Date { has_offset: false }),
        _ if !has_date => None,
        "Z" | "z" => Some(Date { has_offset: true }),
        offset => {
            let (hours, minutes) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
            let is_offset = offset.len() == 6 && offset.starts_with(['+', '-']) && colon(at + 3);
            (is_offset && hours <= 23 && minutes <= 59).then_some(Date { has_offset: true })
        }
    }
}

/// A date with an offset in the spelling of RFC 3339: TOML takes small letters, a blank, and leaves out seconds.
fn rfc3339(raw: &str) -> String {
    let mut text = raw.to_ascii_uppercase().replacen(' ', "T", 1);
    if text.as_bytes().get(16) != Some(&b':') {
        text.insert_str(16, ":00");
    }
    text
}
