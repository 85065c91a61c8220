//! Owns the text of a sealed value, `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`: parsing and printing.
//!
//! Rules: `docs/format.md`, "Sealed values". The cipher is [`super::sealer`]'s.

use base64_simd::{Out, STANDARD};
use memchr::{memchr, memrchr};

use crate::value::ValueType;

/// What every sealed value starts with.
pub(super) const PREFIX: &[u8] = b"ENC[AES256_GCM,data:";
const IV: &[u8] = b",iv:";
const TAG: &[u8] = b",tag:";
const TYPE: &[u8] = b",type:";

/// A sealed value, taken apart but not yet decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedText<'a> {
    /// The ciphertext in base64.
    pub(super) data: &'a [u8],
    /// The nonce in base64.
    pub(super) iv: &'a [u8],
    /// The tag in base64.
    pub(super) tag: &'a [u8],
    /// The name of the type.
    kind: &'a [u8],
}

/// The types of sealed values. Nulls are never sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SealedType {
    /// `str`: any bytes.
    Str,
    /// `int`: a decimal that fits 64 bits.
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `time`: RFC 3339.
    Time,
    /// `comment`
    Comment,
    /// `bytes`: any bytes. Never written; read as a string.
    Bytes,
}

impl SealedType {
    /// The type a value is sealed with; `None` for null.
    pub fn of(kind: ValueType) -> Option<Self> {
        match kind {
            ValueType::Null => None,
            ValueType::Str => Some(Self::Str),
            ValueType::Int => Some(Self::Int),
            ValueType::Float => Some(Self::Float),
            ValueType::Bool => Some(Self::Bool),
            ValueType::Time => Some(Self::Time),
            ValueType::Comment => Some(Self::Comment),
        }
    }

    /// The type of the opened value.
    pub fn value_type(self) -> ValueType {
        match self {
            Self::Str | Self::Bytes => ValueType::Str,
            Self::Int => ValueType::Int,
            Self::Float => ValueType::Float,
            Self::Bool => ValueType::Bool,
            Self::Time => ValueType::Time,
            Self::Comment => ValueType::Comment,
        }
    }

    /// Its name in the text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
            Self::Bytes => "bytes",
        }
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"str" => Self::Str,
            b"int" => Self::Int,
            b"float" => Self::Float,
            b"bool" => Self::Bool,
            b"time" => Self::Time,
            b"comment" => Self::Comment,
            b"bytes" => Self::Bytes,
            _ => return None,
        })
    }
}

impl<'a> SealedText<'a> {
    /// Takes a text apart as sops does; `None` if it is not a sealed value.
    ///
    /// sops matches `^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]`: at the start only, within one line, no field
    /// empty, each field as long as the ones before it allow. What follows the last `]` of the line is ignored.
    /// Whether the fields are base64 and the type is known shows when it is opened.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        Self::parse_any(text).filter(|sealed| !sealed.data.is_empty())
    }

    /// As [`SealedText::parse`], but the data may be empty: rops seals empty strings.
    pub fn parse_any(text: &'a [u8]) -> Option<Self> {
        let text = text.strip_prefix(PREFIX)?;
        let line = memchr(b'\n', text).map_or(text, |end| &text[..end]);
        // Longest fields first is the same as the last marker of each kind, taken from the right: a marker further to the
        // right leaves more room for those before it.
        let rest = &line[..memrchr(b']', line)?];
        let (rest, kind) = split_at_last(rest, TYPE)?;
        let (rest, tag) = split_at_last(rest, TAG)?;
        let (data, iv) = split_at_last(rest, IV)?;
        Some(Self { data, iv, tag, kind })
    }

    /// Its type; `None` if the name is not one of the format's.
    pub fn sealed_type(&self) -> Option<SealedType> {
        SealedType::from_name(self.kind)
    }

    /// Whether it is a sealed comment.
    pub fn is_comment(&self) -> bool {
        self.sealed_type() == Some(SealedType::Comment)
    }
}

impl std::fmt::Debug for SealedText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedText({:?}, [redacted])", self.sealed_type())
    }
}

/// Splits at the last marker that leaves a field on its right that is not empty.
fn split_at_last<'a>(text: &'a [u8], marker: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut end = text.len().checked_sub(marker.len())?;
    loop {
        let at = memrchr(b',', &text[..end])?;
        if text[at..].starts_with(marker) {
            return Some((&text[..at], &text[at + marker.len()..]));
        }
        end = at;
    }
}

/// How many bytes of base64 a ciphertext takes.
pub(super) fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// How many bytes the whole text of a sealed value takes, with a nonce as sops writes them.
pub(super) fn printed_len(plaintext: usize, kind: SealedType) -> usize {
    PREFIX.len() + base64_len(plaintext) + IV.len() + 44 + TAG.len() + 24 + TYPE.len() + kind.name().len() + 1
}

/// Appends what follows the ciphertext.
pub(super) fn print_rest(nonce: &[u8; 32], tag: &[u8; 16], kind: SealedType, out: &mut Vec<u8>) {
    let mut buffer = *b",iv:============================================,tag:========================,type:";
    encode(nonce, &mut buffer[4..48]);
    encode(tag, &mut buffer[53..77]);
    out.extend_from_slice(&buffer);
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b']');
}

/// Turns the ciphertext in the last `len` bytes of `field` into base64 that fills the field, which is [`base64_len`] long.
pub(super) fn encode_in_place(field: &mut [u8], len: usize) {
    // Going forward never meets bytes that are still to be read: the text grows by a third, and the ciphertext starts that
    // third further on.
    const CHUNK: usize = 96;
    let (mut read, mut written) = (field.len() - len, 0);
    while read < field.len() {
        let size = CHUNK.min(field.len() - read);
        let mut chunk = [0; CHUNK];
        chunk[..size].copy_from_slice(&field[read..read + size]);
        encode(&chunk[..size], &mut field[written..written + base64_len(size)]);
        read += size;
        written += base64_len(size);
    }
}

fn encode(bytes: &[u8], out: &mut [u8]) {
    // Panics if the field is too short, which its callers rule out.
    let _ = STANDARD.encode(bytes, Out::from_slice(out));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Option<[&str; 4]> {
        let sealed = SealedText::parse(text.as_bytes())?;
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some([text(sealed.data), text(sealed.iv), text(sealed.tag), text(sealed.kind)])
    }

    #[test]
    fn a_sealed_value_has_four_fields() {
        assert_eq!(fields("ENC[AES256_GCM,data:YQ==,iv:Yg==,tag:Yw==,type:str]"), Some(["YQ==", "Yg==", "Yw==", "str"]));
    }

    #[test]
    fn it_starts_the_text_and_what_follows_on_the_line_is_ignored() {
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c,type:str] and more"), Some(["a", "b", "c", "str"]));
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\nmore]"), Some(["a", "b", "c", "str"]));
        assert_eq!(fields(" ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]"), None);
        assert_eq!(fields("\nENC[AES256_GCM,data:a,iv:b,tag:c,type:str]"), None);
        assert_eq!(fields("enc[AES256_GCM,data:a,iv:b,tag:c,type:str]"), None);
        assert_eq!(fields("ENC[AES128_GCM,data:a,iv:b,tag:c,type:str]"), None);
    }

    #[test]
    fn fields_are_as_long_as_can_be_and_never_empty() {
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,iv:c,tag:d,type:e]"), Some(["a,iv:b", "c", "d", "e"]));
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c,tag:d,type:e]"), Some(["a", "b,tag:c", "d", "e"]));
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c,type:d]]"), Some(["a", "b", "c", "d]"]));
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c,type:d,type:]"), Some(["a", "b", "c", "d,type:"]));
        for empty in ["data:,iv:b,tag:c,type:d", "data:a,iv:,tag:c,type:d", "data:a,iv:b,tag:,type:d", "data:a,iv:b,tag:c,type:"] {
            assert_eq!(fields(&format!("ENC[AES256_GCM,{empty}]")), None, "{empty}");
        }
        assert_eq!(fields("ENC[AES256_GCM,data:,iv:,iv:b,tag:c,type:d]"), Some([",iv:", "b", "c", "d"]));
    }

    #[test]
    fn it_does_not_cross_lines() {
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c\n,type:str]"), None);
        assert_eq!(fields("ENC[AES256_GCM,data:a,iv:b,tag:c,type:str\n]"), None);
    }

    /// The scan from the right must choose what the reference's regular expression chooses.
    #[test]
    fn it_agrees_with_the_regular_expression_on_every_arrangement_of_markers() {
        let law = regex::bytes::Regex::new(r"(?-u)^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]").unwrap();
        let parts = ["a", ",iv:", ",tag:", ",type:", "]", "\n"];
        for n in 0..parts.len().pow(7) {
            let mut text = String::from("ENC[AES256_GCM,data:");
            let mut rest = n;
            for _ in 0..7 {
                text.push_str(parts[rest % parts.len()]);
                rest /= parts.len();
            }
            text.push(']');
            let expected = law.captures(text.as_bytes()).map(|c| [1, 2, 3, 4].map(|i| c.get(i).unwrap().as_bytes()));
            let found = SealedText::parse(text.as_bytes()).map(|s| [s.data, s.iv, s.tag, s.kind]);
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn base64_in_place_is_base64() {
        for len in (0..400).chain([1000, 4096, 10_001]) {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 256) as u8).collect();
            let mut field = vec![0; base64_len(len)];
            let start = field.len() - len;
            field[start..].copy_from_slice(&bytes);
            encode_in_place(&mut field, len);
            assert_eq!(field, STANDARD.encode_type::<Vec<u8>>(&bytes), "{len} bytes");
        }
    }
}
