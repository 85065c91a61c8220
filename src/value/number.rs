//! Owns the texts of numbers and booleans: what sops (Go) writes and what it reads back.
//!
//! Rules: `docs/format.md`, "Types". Pure; uses nothing of the crate.

use std::borrow::Cow;

/// Reads an integer as sops does (`strconv.Atoi`): an optional sign and decimal digits within `i64`.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    let negative = text[0] == b'-';
    // Summed below zero, where there is room for `i64::MIN`.
    let mut sum = 0i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = sum.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative { Some(sum) } else { sum.checked_neg() }
}

/// Whether a text is an integer as Go writes it, and so its own canonical text, of so few digits that it fits `i64`.
pub(crate) fn is_plain_int(text: &[u8]) -> bool {
    match text {
        b"0" => true,
        [b'-', b'1'..=b'9', rest @ ..] | [b'1'..=b'9', rest @ ..] => rest.len() < 18 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Reads a boolean as sops does (`strconv.ParseBool`).
pub fn parse_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => Some(false),
        _ => None,
    }
}

/// Reads a float as sops does (`strconv.ParseFloat`): decimal, hexadecimal with `p` exponent, `inf`, `infinity` and `nan` in any
/// case, underscores between digits. `None` for everything else and for what overflows.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let body = if body.contains(&b'_') {
        if !underscores_between_digits(body) {
            return None;
        }
        Cow::Owned(body.iter().copied().filter(|&c| c != b'_').collect())
    } else {
        Cow::Borrowed(body)
    };
    let size = match body.as_ref() {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => hexadecimal(rest)?,
        decimal => {
            if !is_decimal_float(decimal) {
                return None;
            }
            std::str::from_utf8(decimal).ok()?.parse::<f64>().ok()?
        }
    };
    size.is_finite().then_some(if negative { -size } else { size })
}

/// The text of a float that is sealed and fed to the MAC (`strconv.FormatFloat(v, 'f', -1, 64)`): shortest digits that
/// read back as the same value, never an exponent; `+Inf`, `-Inf`, `NaN`, `-0`.
pub fn float_text(value: f64) -> String {
    if value.is_nan() {
        String::from("NaN")
    } else if value.is_infinite() {
        String::from(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        Shortest::of(value).positional()
    }
}

/// The text of a float that sops writes into YAML: exponent form from `1e+06` up and below `0.0001`; `.inf`, `-.inf`, `.nan`.
/// May look like an integer (`1`, `-0`).
pub fn yaml_float_text(value: f64) -> String {
    if value.is_nan() {
        return String::from(".nan");
    } else if value.is_infinite() {
        return String::from(if value > 0.0 { ".inf" } else { "-.inf" });
    }
    let shortest = Shortest::of(value);
    if (-4..6).contains(&shortest.exponent) { shortest.positional() } else { shortest.scientific('e') }
}

/// The text of a float that sops writes into JSON: exponent form from `1e+21` up and below `0.000001` (`1e-7`). May look like an
/// integer. `None` for infinities and NaN, which JSON cannot express.
pub fn json_float_text(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let shortest = Shortest::of(value);
    Some(if (-6..21).contains(&shortest.exponent) { shortest.positional() } else { shortest.scientific('e').replace("e-0", "e-") })
}

/// The text of a float that sops writes into dotenv and INI: `1.0`, `100000.0`, `1E+06`, `1E-05`, `+Inf`, `NaN`.
pub fn flat_float_text(value: f64) -> String {
    if !value.is_finite() {
        return float_text(value);
    }
    let shortest = Shortest::of(value);
    if !(-4..6).contains(&shortest.exponent) {
        return shortest.scientific('E');
    }
    let mut text = shortest.positional();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

/// Whether the text is digits with at most one point among, before or after them, and an optional decimal exponent.
pub(crate) fn is_decimal_float(text: &[u8]) -> bool {
    let whole = digits(text);
    let mut at = whole;
    let mut fraction = 0;
    if text.get(at) == Some(&b'.') {
        fraction = digits(&text[at + 1..]);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return false;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let exponent = digits(&text[at..]);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == text.len()
}

/// How many decimal digits the text starts with.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|c| c.is_ascii_digit()).count()
}

/// Go's rule for underscores: each stands between digits, or between a base prefix and a digit.
fn underscores_between_digits(text: &[u8]) -> bool {
    let prefixed = matches!(text, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
    let hexadecimal = matches!(text, [b'0', b'x' | b'X', ..]);
    let mut after_digit = prefixed;
    let mut after_underscore = false;
    for &c in &text[if prefixed { 2 } else { 0 }..] {
        let digit = c.is_ascii_digit() || hexadecimal && c.is_ascii_hexdigit();
        if c == b'_' && !after_digit || after_underscore && !digit {
            return false;
        }
        after_digit = digit;
        after_underscore = c == b'_';
    }
    !after_underscore
}

/// The value of a hexadecimal float after its `0x`: digits with at most one point, then a mandatory `p` and decimal exponent.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let mut mantissa = 0u64;
    let mut lost = false;
    let mut scale = 0i64;
    let mut point = false;
    let mut any = false;
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        if c == b'.' && !point {
            point = true;
        } else if let Some(digit) = (c as char).to_digit(16) {
            any = true;
            if mantissa >> 60 == 0 {
                mantissa = mantissa << 4 | u64::from(digit);
                scale -= if point { 4 } else { 0 };
            } else {
                lost |= digit != 0;
                scale += if point { 0 } else { 4 };
            }
        } else {
            break;
        }
        at += 1;
    }
    if !any || !matches!(text.get(at), Some(b'p' | b'P')) {
        return None;
    }
    at += 1;
    let negative = text.get(at) == Some(&b'-');
    if matches!(text.get(at), Some(b'+' | b'-')) {
        at += 1;
    }
    let exponent = &text[at..];
    if exponent.is_empty() || digits(exponent) != exponent.len() {
        return None;
    }
    // Beyond a hundred thousand the value is zero or infinite all the same.
    let exponent = exponent.iter().fold(0i64, |sum, c| (sum * 10 + i64::from(c - b'0')).min(100_000));
    rounded(mantissa, scale + if negative { -exponent } else { exponent }, lost)
}

/// `mantissa * 2^scale`, rounded to the nearest float, ties to even; `lost` says that lower non-zero bits were dropped. `None`
/// if it overflows.
fn rounded(mantissa: u64, scale: i64, lost: bool) -> Option<f64> {
    const SMALLEST: i64 = -1074;
    if mantissa == 0 {
        return Some(0.0);
    }
    let top = 63 - i64::from(mantissa.leading_zeros()) + scale;
    if top > 1023 {
        return None;
    }
    // The weight of the last bit that is kept.
    let mut unit = (top - 52).max(SMALLEST);
    let shift = unit - scale;
    let mut kept = match shift {
        ..=0 => mantissa << -shift,
        1..=64 => {
            let kept = u128::from(mantissa) >> shift;
            let rest = u128::from(mantissa) - (kept << shift);
            let half = 1u128 << (shift - 1);
            let up = rest > half || rest == half && (lost || kept & 1 == 1);
            kept as u64 + u64::from(up)
        }
        _ => 0,
    };
    if kept == 1 << 53 {
        kept >>= 1;
        unit += 1;
    }
    if unit > 1023 - 52 {
        return None;
    }
    let exponent = if kept < 1 << 52 { 0 } else { (unit - SMALLEST + 1) as u64 };
    Some(f64::from_bits(exponent << 52 | kept & ((1 << 52) - 1)))
}

/// The shortest decimal digits that read back as the same float, the nearest of them, and of two as near the even one.
struct Shortest {
    negative: bool,
    digits: String,
    /// Of the first digit.
    exponent: i32,
}

impl Shortest {
    fn of(value: f64) -> Self {
        let text = format!("{value:e}");
        let mut shortest = Self::parse(&text);
        // Rust takes the upper of two that are as near, Go the even one. The exact value then has one digit more: too few digits
        // cannot stand for a float with such a neighbour.
        if shortest.digits.len() >= 15 {
            let even = format!("{value:.*e}", shortest.digits.len() - 1);
            if even != text && even.parse() == Ok(value) {
                shortest = Self::parse(&even);
            }
        }
        shortest
    }

    fn parse(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        Self {
            negative: mantissa.starts_with('-'),
            digits: mantissa.chars().filter(char::is_ascii_digit).collect(),
            exponent: exponent.parse().unwrap_or(0),
        }
    }

    fn positional(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = self.digits.as_str();
        match usize::try_from(self.exponent) {
            Err(_) => format!("{sign}0.{:0>width$}", digits, width = digits.len() + self.exponent.unsigned_abs() as usize - 1),
            Ok(exponent) if exponent + 1 >= digits.len() => format!("{sign}{digits:0<width$}", width = exponent + 1),
            Ok(exponent) => format!("{sign}{}.{}", &digits[..=exponent], &digits[exponent + 1..]),
        }
    }

    /// With a sign and at least two digits in the exponent.
    fn scientific(&self, letter: char) -> String {
        let (first, rest) = self.digits.split_at(1);
        format!(
            "{}{first}{}{rest}{letter}{}{:02}",
            if self.negative { "-" } else { "" },
            if rest.is_empty() { "" } else { "." },
            if self.exponent < 0 { '-' } else { '+' },
            self.exponent.unsigned_abs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+5", Some(5)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("", None),
            ("-", None),
            ("0x10", None),
            ("1_000", None),
            (" 1", None),
            ("1.0", None),
        ] {
            assert_eq!(parse_int(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        for (text, value) in [
            ("1.10", Some(1.1)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("+1e3", Some(1000.0)),
            ("1E-3", Some(0.001)),
            ("1e-400", Some(0.0)),
            ("1e400", None),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("+Inf", Some(f64::INFINITY)),
            ("infi", None),
            (".inf", None),
            ("+nan", None),
            ("1_000.5", Some(1000.5)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1_.5", None),
            ("0x1p4", Some(16.0)),
            ("0X1.8P1", Some(3.0)),
            ("0x_1_0p-4", Some(1.0)),
            ("0x.8p0", Some(0.5)),
            ("0x1", None),
            ("0xp1", None),
            ("0x1p", None),
            ("0x1p1024", None),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", Some(0.0)),
            ("0x1.8p-1075", Some(5e-324)),
            ("0x1.fffffffffffff8p1023", None),
            ("0x1.fffffffffffff7p1023", Some(f64::MAX)),
            ("0x100000000000000000000p0", Some(1.208_925_819_614_629_2e24)),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1e+", None),
            ("--1", None),
            ("1.2.3", None),
            (" 1", None),
            ("0b1", None),
        ] {
            assert_eq!(parse_float(text.as_bytes()), value, "{text}");
        }
        assert!(parse_float(b"NaN").is_some_and(f64::is_nan));
        assert!(parse_float(b"-0").is_some_and(|v| v == 0.0 && v.is_sign_negative()));
    }

    #[test]
    fn every_format_has_its_own_text_for_a_float() {
        for (value, sealed, yaml, json, flat) in [
            (1.0, "1", "1", "1", "1.0"),
            (-0.0, "-0", "-0", "-0", "-0.0"),
            (1.5, "1.5", "1.5", "1.5", "1.5"),
            (100_000.0, "100000", "100000", "100000", "100000.0"),
            (1e6, "1000000", "1e+06", "1000000", "1E+06"),
            (1_234_567.5, "1234567.5", "1.2345675e+06", "1234567.5", "1.2345675E+06"),
            (0.0001, "0.0001", "0.0001", "0.0001", "0.0001"),
            (0.00001, "0.00001", "1e-05", "0.00001", "1E-05"),
            (1e-7, "0.0000001", "1e-07", "1e-7", "1E-07"),
            (1e21, "1000000000000000000000", "1e+21", "1e+21", "1E+21"),
            (1e-10, "0.0000000001", "1e-10", "1e-10", "1E-10"),
            // As near to .2 as to .3: Go takes the even one.
            (
                f64::from_bits(0x4319_7FF3_5D84_C4D5),
                "1794389410132277.2",
                "1.7943894101322772e+15",
                "1794389410132277.2",
                "1.7943894101322772E+15",
            ),
            // The nearest 16 digits below a power of two are another float.
            (
                5.684341886080802e-14,
                "0.00000000000005684341886080802",
                "5.684341886080802e-14",
                "5.684341886080802e-14",
                "5.684341886080802E-14",
            ),
        ] {
            assert_eq!(float_text(value), sealed);
            assert_eq!(yaml_float_text(value), yaml);
            assert_eq!(json_float_text(value).as_deref(), Some(json));
            assert_eq!(flat_float_text(value), flat);
        }
        assert_eq!(float_text(f64::INFINITY), "+Inf");
        assert_eq!(yaml_float_text(f64::NEG_INFINITY), "-.inf");
        assert_eq!(json_float_text(f64::NAN), None);
        assert_eq!(flat_float_text(f64::NAN), "NaN");
    }
}
