//! Owns [`Sealer`]: seals and opens leaf values under one data key.
//!
//! Rules: `docs/format.md`, "Sealed values". The text around the ciphertext is [`super::sealed`]'s.

use std::borrow::Cow;

use base64_simd::{Out, STANDARD};

use super::data_key::DataKey;
use super::gcm::{Gcm, TAG};
use super::sealed::{self, SealedText, SealedType};
use crate::value::{Value, ValueType};

/// Seals and opens values under one data key: made once a file, shared by all threads.
pub struct Sealer(Gcm);

/// Why a sealed value could not be opened. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A field is not canonical base64: damaged, or not written by any sops.
    #[error("its {0} is not valid base64")]
    Base64(&'static str),
    /// The tag has not 16 bytes.
    #[error("its tag has the wrong length")]
    TagLength,
    /// The tag does not belong to this ciphertext, nonce, path and data key: changed, moved from another key, or another
    /// file's.
    #[error("it was changed, moved from another key, or sealed with another data key")]
    Rejected,
    /// The type is not one of the format's.
    #[error("its type is unknown")]
    UnknownType,
    /// What was sealed is not a value of its type.
    #[error("what it holds is not a valid {0}")]
    NotOfType(&'static str),
}

impl Sealer {
    /// Prepares a data key.
    pub fn new(key: &DataKey) -> Self {
        Self(Gcm::new(key.expose()).expect("a data key has 16, 24 or 32 bytes"))
    }

    /// Seals a plaintext with its path as additional data and appends the text to `out`.
    ///
    /// Appends nothing for an empty plaintext: the format has no sealed form for it.
    pub fn seal(&self, nonce: &[u8; 32], aad: &[u8], kind: SealedType, plaintext: &[u8], out: &mut Vec<u8>) {
        if plaintext.is_empty() {
            return;
        }
        // Reserved at once: growing later would leave copies behind, and the plaintext becomes ciphertext where it lies.
        out.reserve(sealed::printed_len(plaintext.len(), kind));
        out.extend_from_slice(sealed::PREFIX);
        let start = out.len();
        let field = sealed::base64_len(plaintext.len());
        out.resize(start + field - plaintext.len(), 0);
        let text_start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.0.seal(nonce, aad, &mut out[text_start..]);
        sealed::encode_in_place(&mut out[start..], plaintext.len());
        sealed::print_rest(nonce, &tag, kind, out);
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, aad: &[u8], sealed: &SealedText<'_>) -> Result<Value<'static>, OpenError> {
        let (kind, plaintext) = self.open_bytes(aad, sealed)?;
        value_of(kind, plaintext)
    }

    /// As [`Sealer::open`], with the bytes that were sealed appended to `out`, which is as it was after an error. Gives the value's type.
    ///
    /// # Errors
    /// As there.
    pub fn open_into(&self, aad: &[u8], sealed: &SealedText<'_>, out: &mut Vec<u8>) -> Result<ValueType, OpenError> {
        let start = out.len();
        let kind = self.append_opened(aad, sealed, out)?;
        let opened = value_of(kind, &out[start..]).map(|value| value.kind());
        opened.inspect_err(|_| out.truncate(start))
    }

    /// Opens a sealed value: its type, and the bytes that were sealed.
    ///
    /// # Errors
    /// [`OpenError`], except [`OpenError::NotOfType`].
    pub fn open_bytes(&self, aad: &[u8], sealed: &SealedText<'_>) -> Result<(SealedType, Vec<u8>), OpenError> {
        let mut plaintext = Vec::new();
        let kind = self.append_opened(aad, sealed, &mut plaintext)?;
        Ok((kind, plaintext))
    }

    /// Appends the bytes that were sealed to `out`, which is as it was after an error.
    fn append_opened(&self, aad: &[u8], sealed: &SealedText<'_>, out: &mut Vec<u8>) -> Result<SealedType, OpenError> {
        let kind = sealed.sealed_type();
        let mut tag = [0; TAG];
        let mut small_nonce = [0; 48];
        let large_nonce;
        let nonce = if sealed.iv.len() <= 64 {
            &*STANDARD.decode(sealed.iv, Out::from_slice(&mut small_nonce)).map_err(|_| OpenError::Base64("nonce"))?
        } else {
            large_nonce = STANDARD.decode_to_vec(sealed.iv).map_err(|_| OpenError::Base64("nonce"))?;
            large_nonce.as_slice()
        };
        match STANDARD.decoded_length(sealed.tag) {
            Ok(TAG) => STANDARD.decode(sealed.tag, Out::from_slice(&mut tag)).map_err(|_| OpenError::Base64("tag"))?,
            Ok(_) if STANDARD.check(sealed.tag).is_ok() => return Err(OpenError::TagLength),
            _ => return Err(OpenError::Base64("tag")),
        };
        // The ciphertext becomes plaintext where it lies: no copy of that is left behind.
        let start = out.len();
        STANDARD.decode_append(sealed.data, out).map_err(|_| OpenError::Base64("ciphertext"))?;
        let opened = self.0.open(nonce, aad, &mut out[start..], &tag).map_err(|_| OpenError::Rejected);
        opened.and(kind.ok_or(OpenError::UnknownType)).inspect_err(|_| out.truncate(start))
    }
}

/// What was sealed as this type.
fn value_of<'a>(kind: SealedType, plaintext: impl Into<Cow<'a, [u8]>>) -> Result<Value<'a>, OpenError> {
    Value::open(kind.value_type(), plaintext).ok_or(OpenError::NotOfType(kind.name()))
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn sealer() -> Sealer {
        Sealer::new(&DataKey::from_bytes(Zeroizing::new((0..32).collect())).unwrap())
    }

    fn seal(kind: SealedType, aad: &str, plaintext: &[u8]) -> String {
        let mut out = Vec::new();
        sealer().seal(&[7; 32], aad.as_bytes(), kind, plaintext, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn open(aad: &str, text: &str) -> Result<(SealedType, Vec<u8>), OpenError> {
        sealer().open_bytes(aad.as_bytes(), &SealedText::parse(text.as_bytes()).expect("a sealed value"))
    }

    #[test]
    fn what_is_sealed_is_opened_at_any_length() {
        for len in (1..300).chain([1000, 70_000]) {
            let plaintext: Vec<u8> = (0..len).map(|i| (i * 5) as u8).collect();
            assert_eq!(open("a:", &seal(SealedType::Str, "a:", &plaintext)), Ok((SealedType::Str, plaintext)), "{len} bytes");
        }
    }

    #[test]
    fn sealing_appends_and_an_empty_plaintext_appends_nothing() {
        let mut out = b"key: ".to_vec();
        sealer().seal(&[7; 32], b"a:", SealedType::Str, b"", &mut out);
        assert_eq!(out, b"key: ");
        sealer().seal(&[7; 32], b"a:", SealedType::Int, b"5", &mut out);
        assert_eq!(out[5..], *seal(SealedType::Int, "a:", b"5").as_bytes());
        assert_eq!(out.len() - 5, sealed::printed_len(1, SealedType::Int));
    }

    #[test]
    fn another_path_or_key_is_rejected() {
        let text = seal(SealedType::Str, "a:", b"x");
        assert_eq!(open("b:", &text), Err(OpenError::Rejected));
        let other = Sealer::new(&DataKey::generate().unwrap());
        assert_eq!(other.open_bytes(b"a:", &SealedText::parse(text.as_bytes()).unwrap()), Err(OpenError::Rejected));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let good = seal(SealedType::Str, "a:", b"three digits");
        for at in 0..good.len() {
            for bit in 0..7 {
                let mut bad = good.clone().into_bytes();
                bad[at] ^= 1 << bit;
                let opened = SealedText::parse(&bad).map(|sealed| sealer().open_bytes(b"a:", &sealed));
                assert!(!matches!(opened, Some(Ok(_))), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn every_cut_is_found() {
        let good = seal(SealedType::Str, "a:", b"three digits");
        for len in 0..good.len() {
            assert!(SealedText::parse(&good.as_bytes()[..len]).is_none(), "{len} bytes");
        }
    }

    #[test]
    fn damage_is_named() {
        let good = seal(SealedType::Str, "a:", b"x");
        let swap = |from: &str, to: &str| open("a:", &good.replacen(from, to, 1));
        assert_eq!(swap("data:", "data:!"), Err(OpenError::Base64("ciphertext")));
        assert_eq!(swap("iv:", "iv:!"), Err(OpenError::Base64("nonce")));
        assert_eq!(swap("=,type", "!,type"), Err(OpenError::Base64("tag")));
        assert_eq!(swap("tag:", "tag:AAAA"), Err(OpenError::TagLength));
        assert_eq!(swap("type:str", "type:strs"), Err(OpenError::UnknownType));
        let tag = good.find(",tag:").unwrap() + 5;
        assert_eq!(open("a:", &format!("{}AAAA,type:str]", &good[..tag])), Err(OpenError::TagLength));
    }

    #[test]
    fn every_type_comes_back() {
        for (kind, plaintext, value) in [
            (SealedType::Str, &b"a\xff"[..], Value::str(&b"a\xff"[..])),
            (SealedType::Bytes, b"a\xff", Value::str(&b"a\xff"[..])),
            (SealedType::Int, b"-5", Value::int(-5)),
            (SealedType::Float, b"1.50", Value::float(1.5)),
            (SealedType::Bool, b"TRUE", Value::bool(true)),
            (SealedType::Time, b"2024-01-02T03:04:05Z", Value::new(ValueType::Time, &b"2024-01-02T03:04:05Z"[..])),
            (SealedType::Comment, b" note", Value::new(ValueType::Comment, &b" note"[..])),
        ] {
            let text = seal(kind, "a:", plaintext);
            let opened = sealer().open(b"a:", &SealedText::parse(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(opened, value);
            assert_eq!(opened.plaintext(), plaintext, "the spelling is kept");
        }
    }

    #[test]
    fn what_sops_would_not_read_is_not_of_its_type() {
        for (kind, plaintext) in [(SealedType::Int, &b"0x10"[..]), (SealedType::Bool, b"yes"), (SealedType::Time, b"2024-01-02")] {
            let text = seal(kind, "a:", plaintext);
            let opened = sealer().open(b"a:", &SealedText::parse(text.as_bytes()).unwrap());
            assert_eq!(opened, Err(OpenError::NotOfType(kind.name())));
        }
    }

    /// Written by another implementation (Go's crypto/cipher) under the key of these tests, with nonces of 12 and 32 bytes.
    #[test]
    fn values_of_another_implementation_are_opened() {
        for (text, value) in [
            ("ENC[AES256_GCM,data:eR0Nt+k=,iv:yMnKy8zNzs/Q0dLT,tag:xPnj4fBeT7R3qUOkU44tSg==,type:str]", Value::str(&b"hello"[..])),
            (
                "ENC[AES256_GCM,data:ph8=,iv:yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5uc=,tag:preL7PPbqQf24BfNvkgbZA==,type:int]",
                Value::int(42),
            ),
        ] {
            assert_eq!(sealer().open(b"a:b:", &SealedText::parse(text.as_bytes()).unwrap()), Ok(value));
        }
    }

    /// Two texts for the same bytes would hide a change. The other crate is the law: it reads strictly as well.
    #[test]
    fn base64_is_read_strictly() {
        use base64::Engine;
        let law = base64::engine::general_purpose::STANDARD;
        let good = STANDARD.encode_to_string((0..50).collect::<Vec<u8>>());
        for len in 0..=good.len() {
            for (at, byte) in
                (0..len).flat_map(|at| [0, b'\n', b' ', b'=', b'-', b'_', b'A', b'B', 0x80, 0xff].map(|byte| (at, byte)))
            {
                for pad in ["", "=", "=="] {
                    let mut text = good.as_bytes()[..len].to_vec();
                    text[at] = byte;
                    text.extend_from_slice(pad.as_bytes());
                    assert_eq!(STANDARD.decode_to_vec(&text).ok(), law.decode(&text).ok(), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_nonce_may_be_long() {
        let nonce = STANDARD.encode_to_string([1; 100_000]);
        let text = format!("ENC[AES256_GCM,data:AA==,iv:{nonce},tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]");
        assert_eq!(open("a:", &text), Err(OpenError::Rejected));
    }
}
