//! Owns [`Value`]: a typed leaf value, with its exact text where that matters.
//!
//! Rules: `docs/format.md`, "Types". A value is its type and its *canonical text*: the bytes that sops feeds to the
//! MAC (`True`, decimal i64, `strconv.FormatFloat(v, 'f', -1, 64)`, RFC 3339 with nanoseconds, raw string bytes).
//! The *exact text* is another spelling of the same value that sops' own reader accepts (`1.10`, `TRUE`, `+5`): it is
//! what goes into the ciphertext, so that the spelling comes back.

pub mod number;
pub mod time;

use std::borrow::Cow;

/// The type tag of a value. `Null` and comments are not sealed as values are: see `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Never sealed, never in the MAC.
    Null,
    /// `type:str`
    Str,
    /// `type:int`
    Int,
    /// `type:float`
    Float,
    /// `type:bool`
    Bool,
    /// `type:time`
    Time,
    /// `type:comment`; never in the MAC.
    Comment,
}

/// A typed leaf value. Two values are equal when type and canonical text are; the exact text does not take part.
///
/// Has no `Debug` that shows text: it may hold a secret.
#[derive(Clone)]
pub struct Value<'a> {
    kind: ValueType,
    canonical: Cow<'a, [u8]>,
    exact: Option<Cow<'a, [u8]>>,
}

impl<'a> Value<'a> {
    /// The null value.
    pub const NULL: Value<'static> = Value { kind: ValueType::Null, canonical: Cow::Borrowed(b""), exact: None };

    /// A value from its type and canonical text. The caller guarantees that the text is canonical for the type.
    pub fn new(kind: ValueType, canonical: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { kind, canonical: canonical.into(), exact: None }
    }

    /// A string.
    pub fn str(text: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::new(ValueType::Str, text)
    }

    /// The same value with an exact text that sops' reader takes for the same value; equal to the canonical one is none.
    #[must_use]
    pub fn with_exact(mut self, exact: impl Into<Cow<'a, [u8]>>) -> Self {
        let exact = exact.into();
        self.exact = (exact != self.canonical).then_some(exact);
        self
    }

    /// An integer.
    pub fn int(value: i64) -> Self {
        Self::new(ValueType::Int, value.to_string().into_bytes())
    }

    /// A float.
    pub fn float(value: f64) -> Self {
        Self::new(ValueType::Float, number::float_text(value).into_bytes())
    }

    /// A boolean.
    pub fn bool(value: bool) -> Self {
        Self::new(ValueType::Bool, if value { &b"True"[..] } else { b"False" })
    }

    /// What sops makes of a type tag and the plaintext behind it; the plaintext is kept as exact text if it is not canonical.
    /// `None` if sops refuses it, and for [`ValueType::Null`], which has no tag.
    pub fn open(kind: ValueType, plaintext: impl Into<Cow<'a, [u8]>>) -> Option<Self> {
        let plaintext = plaintext.into();
        let value = match kind {
            ValueType::Null => return None,
            ValueType::Str | ValueType::Comment => return Some(Self::new(kind, plaintext)),
            ValueType::Int if number::is_plain_int(&plaintext) => return Some(Self::new(kind, plaintext)),
            ValueType::Int => Self::int(number::parse_int(&plaintext)?),
            ValueType::Float => Self::float(number::parse_float(&plaintext)?),
            ValueType::Bool => Self::bool(number::parse_bool(&plaintext)?),
            ValueType::Time => Self::new(kind, time::rfc3339(&plaintext)?.into_bytes()),
        };
        Some(value.with_exact(plaintext))
    }

    /// The number of a float.
    pub fn as_float(&self) -> Option<f64> {
        (self.kind == ValueType::Float).then(|| number::parse_float(&self.canonical)).flatten()
    }

    /// The number of an integer.
    pub fn as_int(&self) -> Option<i64> {
        (self.kind == ValueType::Int).then(|| number::parse_int(&self.canonical)).flatten()
    }

    /// The truth of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind == ValueType::Bool).then(|| self.canonical.as_ref() == b"True")
    }

    /// The text of a string or comment, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self.kind {
            ValueType::Str | ValueType::Comment => std::str::from_utf8(&self.canonical).ok(),
            _ => None,
        }
    }

    /// Its type.
    pub fn kind(&self) -> ValueType {
        self.kind
    }

    /// The bytes fed to the MAC.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The exact spelling, if it differs from the canonical text.
    pub fn exact(&self) -> Option<&[u8]> {
        self.exact.as_deref()
    }

    /// The bytes that are sealed: the exact text if there is one, else the canonical text.
    pub fn plaintext(&self) -> &[u8] {
        self.exact.as_deref().unwrap_or(&self.canonical)
    }

    /// Whether sops leaves it in clear even when selected: null and the empty string (and the empty comment).
    pub fn is_never_sealed(&self) -> bool {
        self.kind == ValueType::Null || (matches!(self.kind, ValueType::Str | ValueType::Comment) && self.canonical.is_empty())
    }

    /// Detaches the value from the text it borrows.
    pub fn into_owned(self) -> Value<'static> {
        Value {
            kind: self.kind,
            canonical: Cow::Owned(self.canonical.into_owned()),
            exact: self.exact.map(|e| Cow::Owned(e.into_owned())),
        }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.canonical == other.canonical
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({:?}, [redacted])", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_keeps_another_spelling_of_the_same_value() {
        for (kind, plaintext, canonical) in [
            (ValueType::Str, "text", "text"),
            (ValueType::Int, "+5", "5"),
            (ValueType::Int, "5", "5"),
            (ValueType::Int, "-0", "0"),
            (ValueType::Int, "05", "5"),
            (ValueType::Int, "-999999999999999999", "-999999999999999999"),
            (ValueType::Int, "9223372036854775807", "9223372036854775807"),
            (ValueType::Float, "1.10", "1.1"),
            (ValueType::Float, "1e3", "1000"),
            (ValueType::Float, "18446744073709551615", "18446744073709552000"),
            (ValueType::Float, "inf", "+Inf"),
            (ValueType::Bool, "TRUE", "True"),
            (ValueType::Bool, "0", "False"),
            (ValueType::Time, "2024-01-02T03:04:05.50Z", "2024-01-02T03:04:05.5Z"),
            (ValueType::Comment, " note", " note"),
        ] {
            let value = Value::open(kind, plaintext.as_bytes()).expect(plaintext);
            assert_eq!(value.canonical(), canonical.as_bytes());
            assert_eq!(value.plaintext(), plaintext.as_bytes());
            assert_eq!(value.exact().is_some(), plaintext != canonical);
            assert_eq!(value, Value::new(kind, canonical.as_bytes()), "the exact text takes no part in equality");
        }
    }

    #[test]
    fn opening_refuses_what_sops_refuses() {
        for (kind, plaintext) in [
            (ValueType::Int, "0x10"),
            (ValueType::Int, "9223372036854775808"),
            (ValueType::Float, ".inf"),
            (ValueType::Float, "1e400"),
            (ValueType::Bool, "yes"),
            (ValueType::Time, "2024-01-02"),
            (ValueType::Null, ""),
        ] {
            assert!(Value::open(kind, plaintext.as_bytes()).is_none(), "{plaintext}");
        }
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(format!("{:?}", Value::str(&b"hunter2"[..])), "Value(Str, [redacted])");
    }
}
