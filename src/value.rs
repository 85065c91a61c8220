//! Owns [`Value`]: a typed leaf value, with its exact text where that matters.
//!
//! Rules: `docs/format.md`, "Types". A value is its type and its *canonical text*: the bytes that sops feeds to the
//! MAC (`True`, decimal i64, `strconv.FormatFloat(v, 'f', -1, 64)`, RFC 3339 with nanoseconds, raw string bytes).
//! The *exact text* is another spelling of the same value that sops' own reader accepts (`1.10`, `TRUE`, `+5`): it is
//! what goes into the ciphertext, so that the spelling comes back.

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
