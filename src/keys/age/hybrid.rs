//! Owns post-quantum hybrid recipients and identities (`age1pq1…`, `AGE-SECRET-KEY-PQ-1…`): stanzas `mlkem768x25519` of C2SP's
//! age specification, that is HPKE (RFC 9180) with MLKEM768-X25519 (X-Wing), HKDF-SHA256 and ChaCha20-Poly1305.

use super::x_wing::{EncappedKey, PrivateKey, PublicKey, SEED, XWing};
use crate::secret::Secret;
use age::secrecy::ExposeSecret as _;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bech32::Hrp;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::{Deserializable as _, HpkeError, Kem as _, OpModeR, OpModeS, Serializable as _};
use rand_core_for_hpke::OsRng;
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The type of the stanzas.
pub(super) const STANZA: &str = "mlkem768x25519";

const RECIPIENT_PREFIX: &str = "age1pq";
const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-PQ-";
/// HPKE's `info`.
const LABEL: &[u8] = b"age-encryption.org/mlkem768x25519";
/// The label that keeps other kinds of recipients out of a file, so that they do not undo what this one is for.
const POST_QUANTUM: &str = "postquantum";
/// Bytes of the tag of ChaCha20-Poly1305.
const TAG: usize = 16;

/// Whom a file key is wrapped for.
#[derive(Clone)]
pub(super) struct Recipient(PublicKey);

/// What unwraps it. Wiped by its own library when dropped.
#[derive(Clone)]
pub(super) struct Identity(PrivateKey);

/// What was read is not one; it is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Identity {
    /// Makes a new one.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0; SEED]);
        getrandom::fill(&mut *seed)?;
        Ok(Self(XWing::derive_keypair(&*seed).0))
    }

    /// Its public half.
    pub(super) fn recipient(&self) -> Recipient {
        Recipient(XWing::sk_to_pk(&self.0))
    }

    /// Its text, `AGE-SECRET-KEY-PQ-1…`.
    pub(super) fn text(&self) -> Secret<String> {
        let lower = Zeroizing::new(bech32_encode(Hrp::parse_unchecked(IDENTITY_PREFIX), self.0.seed()));
        Secret::new(lower.to_uppercase())
    }
}

impl FromStr for Identity {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let seed = decode(text, IDENTITY_PREFIX, SEED)?;
        let identity = Self(PrivateKey::from_bytes(&seed).map_err(|_| Malformed)?);
        // Bits beyond the last byte must be zero.
        if identity.text().expose() == text { Ok(identity) } else { Err(Malformed) }
    }
}

impl FromStr for Recipient {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = decode(text, RECIPIENT_PREFIX, PublicKey::size())?;
        let recipient = Self(PublicKey::from_bytes(&bytes).map_err(|_| Malformed)?);
        if recipient.to_string() == text { Ok(recipient) } else { Err(Malformed) }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32_encode(Hrp::parse_unchecked(RECIPIENT_PREFIX), &self.0.to_bytes()))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (encapped, body) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing, _>(
            &OpModeS::Base,
            &self.0,
            LABEL,
            file_key.expose_secret(),
            &[],
            &mut OsRng,
        )
        .map_err(|_| std::io::Error::other("HPKE"))?;
        let args = vec![BASE64_STANDARD_NO_PAD.encode(encapped.to_bytes())];
        Ok((vec![Stanza { tag: STANZA.to_owned(), args, body }], HashSet::from([POST_QUANTUM.to_owned()])))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let Some(encapped) = encapped_key(stanza) else { return Some(Err(DecryptError::InvalidHeader)) };
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &encapped,
            LABEL,
            &stanza.body,
            &[],
        );
        let bytes = match opened {
            Ok(bytes) => Zeroizing::new(bytes),
            // ML-KEM rejects implicitly: another's stanza shows itself here, as one that does not open.
            Err(HpkeError::OpenError) => return None,
            Err(_) => return Some(Err(DecryptError::InvalidHeader)),
        };
        Some(FileKey::try_init_with_mut(|file_key| {
            if bytes.len() != file_key.len() {
                return Err(DecryptError::InvalidHeader);
            }
            file_key.copy_from_slice(&bytes);
            Ok(())
        }))
    }
}

/// The encapsulated key of a well-formed stanza.
fn encapped_key(stanza: &Stanza) -> Option<EncappedKey> {
    let [encoded] = stanza.args.as_slice() else { return None };
    if stanza.body.len() != FILE_KEY_BYTES + TAG {
        return None;
    }
    EncappedKey::from_bytes(&BASE64_STANDARD_NO_PAD.decode(encoded).ok()?).ok()
}

/// The bytes of a Bech32 text with this prefix, in this case, if they are as many as they must be.
fn decode(text: &str, prefix: &str, length: usize) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    bech32_decode(
        text,
        |_| Malformed,
        |hrp| if hrp.as_str() == prefix { Ok(()) } else { Err(Malformed) },
        |_, bytes| {
            let mut decoded = Zeroizing::new(Vec::with_capacity(length));
            decoded.extend(bytes.take(length));
            if decoded.len() == length { Ok(decoded) } else { Err(Malformed) }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::age::identity::{self, Key, Parsed};
    use age::{Decryptor, Encryptor};
    use sha2::{Digest as _, Sha256};
    use std::io::{Read as _, Write as _};

    /// What opening an age file gave: the payload, or the kind of failure in the words of the vectors.
    fn open<K: age::Identity>(file: &[u8], identities: &[K]) -> Result<Vec<u8>, &'static str> {
        let words = |error| match error {
            DecryptError::NoMatchingKeys => "no match",
            DecryptError::InvalidMac => "HMAC failure",
            _ => "header failure",
        };
        let decryptor = Decryptor::new_buffered(age::armor::ArmoredReader::new(file)).map_err(words)?;
        let mut reader = decryptor.decrypt(identities.iter().map(|key| key as &dyn age::Identity)).map_err(words)?;
        let mut payload = Vec::new();
        reader.read_to_end(&mut payload).map_err(|_| "payload failure")?;
        Ok(payload)
    }

    fn split_at_empty_line(vector: &[u8]) -> (&str, &[u8]) {
        let end = vector.windows(2).position(|pair| pair == b"\n\n").expect("a head");
        (std::str::from_utf8(&vector[..end]).expect("text"), &vector[end + 2..])
    }

    #[test]
    fn the_vectors_of_c2sp_open_or_fail_as_they_say() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/age-hybrid");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("vectors") {
            let path = entry.expect("a vector").path();
            let vector = std::fs::read(&path).expect("a vector");
            let (head, file) = split_at_empty_line(&vector);
            let values = |name: &str| {
                let lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.filter(|(key, _)| *key == name).map(|(_, value)| value).collect::<Vec<_>>()
            };
            let identities: Vec<Key> = values("identity")
                .iter()
                .map(|text| match identity::parse_one(text) {
                    Ok(Parsed::Key(key)) => key,
                    _ => panic!("{}: an identity is malformed", path.display()),
                })
                .collect();
            let expected = values("expect");
            match open(file, &identities) {
                Ok(payload) => {
                    let digest: String = Sha256::digest(&payload).iter().map(|byte| format!("{byte:02x}")).collect();
                    assert_eq!((expected, values("payload")), (vec!["success"], vec![digest.as_str()]), "{}", path.display());
                }
                Err(failure) => assert_eq!(expected, [failure], "{}", path.display()),
            }
            seen += 1;
        }
        assert_eq!(seen, 19);
    }

    #[test]
    fn what_is_made_for_a_new_identity_opens_with_it_alone() {
        let (mine, other) = (Identity::generate().expect("random"), Identity::generate().expect("random"));
        let recipient = mine.recipient();
        let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).expect("one recipient");
        let mut file = Vec::new();
        let mut writer = encryptor.wrap_output(&mut file).expect("written");
        writer.write_all(b"data key").expect("written");
        writer.finish().expect("written");
        assert_eq!(open(&file, &[other, mine]).expect("opened"), b"data key");
        assert_eq!(open(&file, &[Identity::generate().expect("random")]), Err("no match"));
    }

    #[test]
    fn a_post_quantum_recipient_never_shares_a_file_with_a_weaker_one() {
        let weak = age::x25519::Identity::generate().to_public();
        let strong = Identity::generate().expect("random").recipient();
        let both: [&dyn age::Recipient; 2] = [&weak, &strong];
        let refused = Encryptor::with_recipients(both.into_iter()).err();
        assert!(matches!(refused, Some(EncryptError::IncompatibleRecipients { .. })));
    }

    #[test]
    fn texts_lead_back_to_keys_and_only_canonical_ones_are_read() {
        let identity = Identity::generate().expect("random");
        let text = identity.text();
        let recipient = identity.recipient().to_string();
        assert_eq!(recipient.len(), 1959);
        assert_eq!(text.expose().parse::<Identity>().map(|key| key.recipient().to_string()), Ok(recipient.clone()));
        assert_eq!(recipient.parse::<Recipient>().map(|key| key.to_string()), Ok(recipient.clone()));
        for bad in [&text.expose().to_lowercase(), &text.expose()[..70], &recipient, "AGE-SECRET-KEY-PQ-1", ""] {
            assert!(bad.parse::<Identity>().is_err(), "{bad}");
        }
        for bad in [&recipient.to_uppercase(), &recipient[..1000], text.expose(), "age1pq1", ""] {
            assert!(bad.parse::<Recipient>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_recipient_with_a_point_of_low_order_or_numbers_that_are_too_large_wraps_nothing() {
        let good = Identity::generate().expect("random").recipient().0.to_bytes();
        let text = |bytes: &[u8]| bech32_encode(Hrp::parse_unchecked(RECIPIENT_PREFIX), bytes);
        let mut low = good;
        let last = low.len() - 32;
        low[last..].fill(0);
        let recipient: Recipient = text(&low).parse().expect("well-formed");
        assert!(age::Recipient::wrap_file_key(&recipient, &FileKey::new(Box::new([7; 16]))).is_err());
        let mut large = good;
        large[..3].fill(0xff);
        assert!(text(&large).parse::<Recipient>().is_err());
    }
}
