//! Owns how YAML scalars get their type: go-yaml's resolution, exactly.
//!
//! May use `value`. The tests at the foot are the tables.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::super::{Style, Tag};
use crate::value::number::{is_decimal_float, is_plain_int, parse_bool, parse_float, parse_int};
use crate::value::time::{YamlTime, rfc3339, yaml as yaml_time};
use crate::value::{Value, ValueType};

/// Why a scalar has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// `!!int abc`
    #[error("the value is not what its tag says")]
    Tag,
    /// `!!binary` without base64.
    #[error("the value is tagged !!binary and is not base64")]
    Base64,
    /// `2024-01-02T00:00:00+24:00`
    #[error("the timestamp has an offset of 24 hours or more")]
    Offset,
}

/// The value of a scalar from its decoded text.
///
/// The exact text is set where sops' reader of sealed values and YAML's agree that it is another spelling of the same value (`1.10`,
/// `TRUE`, `+5`). An integer beyond `i64` is a float that carries its decimal digits; see [`is_uint64`].
///
/// # Errors
///
/// Where go-yaml refuses the explicit tag, or sops the timestamp.
pub fn resolve<'a>(text: Cow<'a, str>, style: Style, tag: Tag) -> Result<Value<'a>, ResolveError> {
    let wanted = match tag {
        Tag::None if style == Style::Plain => None,
        Tag::None | Tag::Str => return Ok(string(text)),
        Tag::Binary => return binary(&text),
        Tag::Int => Some(ValueType::Int),
        Tag::Float => Some(ValueType::Float),
        Tag::Bool => Some(ValueType::Bool),
        Tag::Null => Some(ValueType::Null),
        Tag::Time => Some(ValueType::Time),
    };
    match (wanted, classify(&text, matches!(tag, Tag::None | Tag::Time))) {
        (None, class) => value(text, class),
        (Some(ValueType::Int), class @ (Class::Int(_) | Class::Uint(_)))
        | (Some(ValueType::Float), class @ Class::Float(_))
        | (Some(ValueType::Bool), class @ Class::Bool(_))
        | (Some(ValueType::Null), class @ Class::Null)
        | (Some(ValueType::Time), class @ Class::Time(_)) => value(text, class),
        // The text alone would be read as an integer: it is no spelling of this float.
        (Some(ValueType::Float), Class::Int(number)) => Ok(Value::float(number as f64)),
        _ => Err(ResolveError::Tag),
    }
}

/// The value of a plain scalar whose first byte says most of it: as [`resolve`] gives it, and sooner. `None` where more has to be looked at.
#[inline]
pub(super) fn at_sight(text: &str) -> Option<Value<'_>> {
    let bytes = text.as_bytes();
    match *bytes.first()? {
        // A line break would be folded.
        first if starts_text(first) && is_printable_ascii(bytes) => Some(Value::str(bytes)),
        b'1'..=b'9' if is_plain_int(bytes) => Some(Value::new(ValueType::Int, bytes)),
        _ => None,
    }
}

/// Whether a plain scalar is a string by its first byte alone: a letter or `_` with which no number, word or date of YAML starts.
#[inline]
pub(super) fn starts_text(first: u8) -> bool {
    (first.is_ascii_alphabetic() || first == b'_') && !matches!(first, b'f' | b'n' | b't' | b'F' | b'N' | b'T')
}

/// Whether the scalar is an integer between `i64::MAX` and `u64::MAX`: go-yaml reads it as an unsigned integer, and sops refuses a
/// document that holds one in clear. [`resolve`] gives a float that carries its digits.
pub fn is_uint64(text: &str, style: Style, tag: Tag) -> bool {
    let read = match tag {
        Tag::None => style == Style::Plain,
        tag => tag == Tag::Int,
    };
    read && matches!(classify(text, true), Class::Uint(_))
}

/// Whether a plain scalar of this text is read as this value, which is no string.
pub(super) fn reads_as(text: &str, value: &Value<'_>) -> bool {
    let is_float = |number: f64| {
        value.as_float().is_some_and(|meant| meant == number && meant.is_sign_negative() == number.is_sign_negative())
    };
    match classify(text, true) {
        Class::Str => false,
        Class::Null => value.kind() == ValueType::Null,
        Class::Bool(truth) => value.as_bool() == Some(truth),
        Class::Int(number) => value.as_int() == Some(number),
        Class::Uint(number) => is_float(number as f64),
        Class::Float(number) => is_float(number),
        Class::Time(YamlTime::Time(canonical)) => value.kind() == ValueType::Time && value.canonical() == canonical.as_bytes(),
        Class::Time(_) => false,
    }
}

/// Whether a plain scalar of this text is a string.
pub(super) fn is_plain_string(text: &str) -> bool {
    matches!(classify(text, true), Class::Str)
}

/// What go-yaml makes of a plain text.
enum Class {
    Str,
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Time(YamlTime),
}

enum Integer {
    Signed(i64),
    Unsigned(u64),
}

fn string(text: Cow<'_, str>) -> Value<'_> {
    Value::str(bytes(text))
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Go's decoder skips line breaks anywhere and does not look at unused bits; padding must be right.
fn binary(text: &str) -> Result<Value<'static>, ResolveError> {
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
    let packed: Vec<u8> = text.bytes().filter(|c| !matches!(c, b'\r' | b'\n')).collect();
    LENIENT.decode(packed).map(Value::str).map_err(|_| ResolveError::Base64)
}

fn value(text: Cow<'_, str>, class: Class) -> Result<Value<'_>, ResolveError> {
    Ok(match class {
        Class::Str => string(text),
        Class::Null => Value::NULL,
        Class::Bool(truth) => {
            let value = Value::bool(truth);
            // `true` and `True` are sealed as sops does; only a third spelling needs its own text.
            let kept = !text.starts_with(['t', 'f']) && parse_bool(text.as_bytes()) == Some(truth);
            if kept { value.with_exact(bytes(text)) } else { value }
        }
        Class::Int(_) if is_plain_int(text.as_bytes()) => Value::new(ValueType::Int, bytes(text)),
        Class::Int(number) => {
            let value = Value::int(number);
            if parse_int(text.as_bytes()) == Some(number) { value.with_exact(bytes(text)) } else { value }
        }
        Class::Uint(number) => Value::float(number as f64).with_exact(number.to_string().into_bytes()),
        Class::Float(number) => {
            let value = Value::float(number);
            // sops reads the text as it stands, but for the words of YAML and some underscores.
            let same = match text.contains('_') {
                true => parse_float(text.as_bytes()).is_some_and(|read| read.to_bits() == number.to_bits()),
                false => number.is_finite(),
            };
            if same { value.with_exact(bytes(text)) } else { value }
        }
        Class::Time(YamlTime::Time(canonical)) => {
            let kept = rfc3339(text.as_bytes()).as_ref() == Some(&canonical);
            let value = Value::new(ValueType::Time, canonical.into_bytes());
            if kept { value.with_exact(bytes(text)) } else { value }
        }
        Class::Time(_) => return Err(ResolveError::Offset),
    })
}

/// Without branches: the compiler makes vector code of it.
fn is_printable_ascii(text: &[u8]) -> bool {
    text.iter().fold(0, |other, &b| other | u8::from(b < b' ') | u8::from(b > b'~')) == 0
}

fn classify(text: &str, times: bool) -> Class {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else {
        return Class::Null;
    };
    match first {
        b'0'..=b'9' | b'+' | b'-' => {
            if let Some(class) = named(bytes) {
                return class;
            }
            if times && first.is_ascii_digit() {
                match yaml_time(bytes) {
                    YamlTime::No => {}
                    time => return Class::Time(time),
                }
            }
            number(bytes)
        }
        b'.' => named(bytes).or_else(|| parse_float(bytes).map(Class::Float)).unwrap_or(Class::Str),
        b't' | b'T' | b'f' | b'F' | b'n' | b'N' | b'~' => named(bytes).unwrap_or(Class::Str),
        _ => Class::Str,
    }
}

/// The words of go-yaml's table.
fn named(text: &[u8]) -> Option<Class> {
    // The longest is `false`.
    if text.len() > 5 {
        return None;
    }
    Some(match text {
        b"true" | b"True" | b"TRUE" => Class::Bool(true),
        b"false" | b"False" | b"FALSE" => Class::Bool(false),
        b"~" | b"null" | b"Null" | b"NULL" => Class::Null,
        b".nan" | b".NaN" | b".NAN" => Class::Float(f64::NAN),
        b".inf" | b".Inf" | b".INF" | b"+.inf" | b"+.Inf" | b"+.INF" => Class::Float(f64::INFINITY),
        b"-.inf" | b"-.Inf" | b"-.INF" => Class::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Numbers: underscores are dropped wherever they are.
fn number(text: &[u8]) -> Class {
    // Most other texts that start with a digit (versions, addresses, digests) leave here.
    let mut underscores = false;
    for &c in text {
        match c {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'+' | b'-' | b'.' | b'x' | b'X' | b'o' | b'O' => {}
            b'_' => underscores = true,
            _ => return Class::Str,
        }
    }
    let packed: Cow<'_, [u8]> =
        if underscores { text.iter().copied().filter(|&c| c != b'_').collect::<Vec<u8>>().into() } else { text.into() };
    match integer(&packed) {
        Some(Integer::Signed(number)) => return Class::Int(number),
        Some(Integer::Unsigned(number)) => return Class::Uint(number),
        None => {}
    }
    let unsigned = packed.strip_prefix(b"-").or_else(|| packed.strip_prefix(b"+")).unwrap_or(&packed);
    if is_decimal_float(unsigned)
        && let Some(number) = parse_float(&packed)
    {
        return Class::Float(number);
    }
    match prefixed(&packed) {
        Some(Integer::Signed(number)) => Class::Int(number),
        Some(Integer::Unsigned(number)) => Class::Uint(number),
        None => Class::Str,
    }
}

/// Go's `ParseInt`, else `ParseUint`, with base 0: prefixes `0x`, `0o`, `0b`, `0` in any case; only the former takes a sign.
fn integer(text: &[u8]) -> Option<Integer> {
    let (sign, body) = match text {
        [sign @ (b'+' | b'-'), body @ ..] => (Some(*sign), body),
        _ => (None, text),
    };
    let (base, digits) = match body {
        [b'0', b'x' | b'X', digits @ ..] if !digits.is_empty() => (16, digits),
        [b'0', b'o' | b'O', digits @ ..] if !digits.is_empty() => (8, digits),
        [b'0', b'b' | b'B', digits @ ..] if !digits.is_empty() => (2, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        _ => (10, body),
    };
    let size = magnitude(digits, base)?;
    match sign {
        Some(b'-') => negated(size).map(Integer::Signed),
        _ => match i64::try_from(size) {
            Ok(number) => Some(Integer::Signed(number)),
            Err(_) => sign.is_none().then_some(Integer::Unsigned(size)),
        },
    }
}

/// What go-yaml tries last: a sign between prefix and digits (`0b-1`).
fn prefixed(text: &[u8]) -> Option<Integer> {
    let (base, digits) = match text {
        [b'0', b'b', digits @ ..] => (2, digits),
        [b'0', b'o', digits @ ..] => (8, digits),
        _ => return None,
    };
    match digits {
        [b'+', digits @ ..] => i64::try_from(magnitude(digits, base)?).ok().map(Integer::Signed),
        [b'-', digits @ ..] => negated(magnitude(digits, base)?).map(Integer::Signed),
        _ => None,
    }
}

fn magnitude(digits: &[u8], base: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut sum = 0u64;
    for &c in digits {
        let digit = (c as char).to_digit(base)?;
        sum = sum.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
    }
    Some(sum)
}

fn negated(size: u64) -> Option<i64> {
    0i64.checked_sub_unsigned(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Value<'_>, ResolveError> {
        resolve(text.into(), Style::Plain, Tag::None)
    }

    /// Type, canonical text, and exact text where there is one.
    fn check(text: &str, kind: ValueType, canonical: &str, exact: Option<&str>) {
        let value = plain(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let seen = at_sight(text).map(|seen| (seen.kind(), seen.canonical().to_vec(), seen.exact().map(<[u8]>::to_vec)));
        assert!(seen.is_none_or(|seen| seen == (kind, canonical.into(), exact.map(Into::into))), "{text}: at sight");
        assert_eq!(value.kind(), kind, "{text}");
        assert_eq!(value.canonical(), canonical.as_bytes(), "{text}");
        assert_eq!(value.exact(), exact.map(str::as_bytes), "{text}");
        assert_eq!(Value::open(kind, value.plaintext().to_vec()), Some(value), "{text}: sealed and opened");
    }

    #[test]
    fn at_sight_a_text_is_what_it_is_by_all_rules() {
        let parts =
            ["a", "E", "ye", "t", "n", "1", "9", "0", "-", ":", "T", "_", ".", " ", "\n", "\t", "\u{85}", "e5", "8888888888888888"];
        let mut at_once = 0;
        for n in 0..parts.len().pow(4) {
            let text: String = (0..4).map(|place| parts[n / parts.len().pow(place) % parts.len()]).collect();
            if let Some(seen) = at_sight(&text) {
                let all_rules = plain(&text).unwrap();
                assert_eq!(
                    (seen.kind(), seen.canonical(), seen.exact()),
                    (all_rules.kind(), all_rules.canonical(), all_rules.exact()),
                    "{text:?}"
                );
                assert!(!text.contains(['\n', '\u{85}']), "{text:?} may be folded");
                at_once += 1;
            }
        }
        assert!(at_once > 10_000, "{at_once}");
    }

    #[test]
    fn integers() {
        for (text, canonical, exact) in [
            ("0", "0", None),
            ("-1", "-1", None),
            ("+1", "1", Some("+1")),
            ("-0", "0", Some("-0")),
            ("+0", "0", Some("+0")),
            ("00", "0", Some("00")),
            ("007", "7", Some("007")),
            // Atoi would read ten.
            ("010", "8", None),
            ("0o7", "7", None),
            ("-0O7", "-7", None),
            ("0x1F", "31", None),
            ("+0X1f", "31", None),
            ("0b101", "5", None),
            ("0b-101", "-5", None),
            ("0o+7", "7", None),
            ("1_000", "1000", None),
            ("1__0_", "10", None),
            ("0_7", "7", None),
            ("9223372036854775807", "9223372036854775807", None),
            ("-9223372036854775808", "-9223372036854775808", None),
            ("-0x8000000000000000", "-9223372036854775808", None),
        ] {
            check(text, ValueType::Int, canonical, exact);
        }
    }

    #[test]
    fn integers_beyond_i64_are_floats_that_keep_their_digits() {
        for (text, exact) in [
            ("9223372036854775808", "9223372036854775808"),
            ("0xFFFFFFFFFFFFFFFF", "18446744073709551615"),
            ("18446744073709551_615", "18446744073709551615"),
        ] {
            let value = plain(text).unwrap();
            assert_eq!((value.kind(), value.plaintext()), (ValueType::Float, exact.as_bytes()));
            assert!(is_uint64(text, Style::Plain, Tag::None), "{text}");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "+9223372036854775808", "123456789012345678901234567890"] {
            let value = plain(text).unwrap();
            assert_eq!((value.kind(), value.plaintext()), (ValueType::Float, text.as_bytes()));
            assert!(!is_uint64(text, Style::Plain, Tag::None), "{text}");
        }
        assert!(!is_uint64("9223372036854775808", Style::Double, Tag::None));
    }

    #[test]
    fn floats() {
        for (text, canonical, exact) in [
            ("1.0", "1", Some("1.0")),
            ("1.", "1", Some("1.")),
            ("1.10", "1.1", Some("1.10")),
            ("1e3", "1000", Some("1e3")),
            ("12e03", "12000", Some("12e03")),
            (".5", "0.5", Some(".5")),
            ("+.5", "0.5", Some("+.5")),
            ("1.5", "1.5", None),
            ("-0.0", "-0", Some("-0.0")),
            ("08", "8", Some("08")),
            ("1e-400", "0", Some("1e-400")),
            ("1_000.5", "1000.5", Some("1_000.5")),
            ("1__000.5", "1000.5", None),
            (".inf", "+Inf", None),
            ("+.INF", "+Inf", None),
            ("-.Inf", "-Inf", None),
            (".NaN", "NaN", None),
            ("1e21", "1000000000000000000000", Some("1e21")),
        ] {
            check(text, ValueType::Float, canonical, exact);
        }
    }

    #[test]
    fn booleans_and_null() {
        for (text, canonical, exact) in [
            ("true", "True", None),
            ("True", "True", None),
            ("TRUE", "True", Some("TRUE")),
            ("false", "False", None),
            ("False", "False", None),
            ("FALSE", "False", Some("FALSE")),
        ] {
            check(text, ValueType::Bool, canonical, exact);
        }
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(plain(text), Ok(Value::NULL));
        }
    }

    #[test]
    fn timestamps() {
        for (text, canonical, exact) in [
            ("2024-01-02", "2024-01-02T00:00:00Z", None),
            ("2024-01-02T03:04:05.50Z", "2024-01-02T03:04:05.5Z", Some("2024-01-02T03:04:05.50Z")),
            ("2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05+02:00", None),
            ("2024-1-2 3:4:5", "2024-01-02T03:04:05Z", None),
        ] {
            check(text, ValueType::Time, canonical, exact);
        }
        assert_eq!(plain("2024-01-02T03:04:05+24:00"), Err(ResolveError::Offset));
    }

    #[test]
    fn everything_else_is_a_string() {
        for text in [
            "yes",
            "no",
            "on",
            "OFF",
            "y",
            "n",
            "tRue",
            "nUll",
            "inf",
            "nan",
            "Infinity",
            "_1",
            "1:30",
            "190:20:30.15",
            "0o78",
            "0b102",
            "0xG",
            "0x",
            "1e400",
            ".",
            "-",
            "+",
            "..",
            "1.2.3",
            "10.0.0.1",
            "2024-13-01",
            "2024-01",
            "<<",
            "=",
            " 1",
            "1 ",
            "0x1p4",
            "0xFFFFFFFFFFFFFFFFFF",
            "é",
            "+nan",
            "-.nan",
            "1e",
            "e5",
            "1-2",
        ] {
            check(text, ValueType::Str, text, None);
        }
    }

    #[test]
    fn quotes_make_strings() {
        for style in [Style::Single, Style::Double, Style::Literal, Style::Folded] {
            assert_eq!(resolve("1".into(), style, Tag::None), Ok(Value::str(&b"1"[..])));
            assert_eq!(resolve("".into(), style, Tag::None), Ok(Value::str(&b""[..])));
        }
        assert_eq!(resolve("1".into(), Style::Plain, Tag::Str), Ok(Value::str(&b"1"[..])));
    }

    #[test]
    fn explicit_tags_decide_whatever_the_quotes() {
        let tagged = |text: &'static str, tag| resolve(text.into(), Style::Double, tag);
        assert_eq!(tagged("12", Tag::Int), Ok(Value::int(12)));
        assert_eq!(tagged("0x10", Tag::Int), Ok(Value::int(16)));
        assert_eq!(tagged("1", Tag::Float), Ok(Value::float(1.0)));
        assert_eq!(tagged("1.5", Tag::Float), Ok(Value::float(1.5)));
        assert_eq!(tagged("true", Tag::Bool), Ok(Value::bool(true)));
        assert_eq!(tagged("", Tag::Null), Ok(Value::NULL));
        assert_eq!(tagged("2024-01-02", Tag::Time), Ok(Value::new(ValueType::Time, &b"2024-01-02T00:00:00Z"[..])));
        assert_eq!(tagged("aGVs\nbG8=", Tag::Binary), Ok(Value::str(&b"hello"[..])));
        assert_eq!(tagged("gIGC", Tag::Binary), Ok(Value::str(&b"\x80\x81\x82"[..])));
        for (text, tag) in [
            ("1.0", Tag::Int),
            ("abc", Tag::Int),
            ("2024-01-02", Tag::Int),
            ("abc", Tag::Float),
            ("9223372036854775808", Tag::Float),
            ("yes", Tag::Bool),
            ("foo", Tag::Null),
            ("5", Tag::Time),
            ("", Tag::Int),
        ] {
            assert_eq!(tagged(text, tag), Err(ResolveError::Tag), "{text}");
        }
        for text in ["a", "aGVsbG8", "aGVs bG8=", "aGVsbG8=="] {
            assert_eq!(tagged(text, Tag::Binary), Err(ResolveError::Base64), "{text}");
        }
    }
}
