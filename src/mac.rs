//! Owns the MAC of a file: the running digest over its leaves, and [`MacChecked`], the proof that it holds (invariant I3).
//!
//! Rules: `docs/format.md`, "MAC". May use `crypto` and `value`.

use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{SealedText, SealedType, Sealer};
use crate::value::{Value, ValueType};

/// What the digest starts from when it covers sealed values only (SHA-256 of `sops`), so that the two kinds never meet.
const SEALED_ONLY_SEED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4,
    0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

const HEX: [u8; 16] = *b"0123456789ABCDEF";

/// The running digest over the leaves of a file, in the order in which sops walks it.
pub struct MacState {
    hash: Sha512,
    sealed_only: bool,
}

impl MacState {
    /// Starts a digest; `sealed_only` is the file's `mac_only_encrypted`.
    pub fn new(sealed_only: bool) -> Self {
        let mut hash = Sha512::new();
        if sealed_only {
            hash.update(SEALED_ONLY_SEED);
        }
        Self { hash, sealed_only }
    }

    /// Takes in the plain value of the next leaf. Comments and nulls do not count, nor, when only sealed values do, leaves
    /// that are not `selected`.
    pub fn update(&mut self, value: &Value<'_>, selected: bool) {
        let counts = !matches!(value.kind(), ValueType::Comment | ValueType::Null);
        if counts && (selected || !self.sealed_only) {
            self.hash.update(value.canonical());
        }
    }

    /// The digest over all leaves so far.
    pub fn finish(self) -> MacDigest {
        let digest = Zeroizing::new(<[u8; 64]>::from(self.hash.finalize()));
        let mut text = Zeroizing::new([0; 128]);
        for (pair, byte) in text.chunks_exact_mut(2).zip(digest.iter()) {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        MacDigest(text)
    }
}

impl std::fmt::Debug for MacState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacState([redacted])")
    }
}

/// A finished digest. It is as secret as the values (a short one could be guessed from it): never shown, compared in
/// constant time, wiped when dropped.
pub struct MacDigest(Zeroizing<[u8; 128]>);

impl MacDigest {
    /// The text of the file's `mac` field. `last_modified` is the time as the reference formats it, which is the
    /// additional data.
    pub fn seal(&self, sealer: &Sealer, nonce: &[u8; 32], last_modified: &str) -> String {
        let mut out = Vec::new();
        sealer.seal(nonce, last_modified.as_bytes(), SealedType::Str, &*self.0, &mut out);
        String::from_utf8(out).expect("a sealed value is ASCII")
    }
}

impl std::fmt::Debug for MacDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacDigest([redacted])")
    }
}

/// The proof that a file's MAC was checked: nothing decrypted leaves the library without one.
#[derive(Debug)]
pub struct MacChecked(());

impl MacChecked {
    /// The one door around the check, for `--ignore-mac`: the caller has been told that the file may have been changed.
    pub fn ignored() -> Self {
        Self(())
    }
}

/// Why a MAC does not hold. Says nothing of either digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MacError {
    /// The `mac` field is missing or empty.
    #[error("the file has no MAC")]
    Missing,
    /// The `mac` field is not a sealed value, or was not sealed under this data key at this `lastmodified`.
    #[error("the file's MAC cannot be decrypted: `mac` or `lastmodified` was changed")]
    Undecryptable,
    /// The values are not those that were written.
    #[error("the file's MAC does not match its values: some were changed, added, moved or removed")]
    Mismatch,
}

/// Compares the digest over a file's decrypted leaves with its sealed one.
///
/// `mac` is the text of the `mac` field, `last_modified` the time as the reference formats it.
///
/// # Errors
/// [`MacError`].
pub fn verify(digest: &MacDigest, mac: &str, sealer: &Sealer, last_modified: &str) -> Result<MacChecked, MacError> {
    if mac.is_empty() {
        return Err(MacError::Missing);
    }
    let sealed = SealedText::parse(mac.as_bytes()).ok_or(MacError::Undecryptable)?;
    let (kind, text) = sealer.open_bytes(last_modified.as_bytes(), &sealed).map_err(|_| MacError::Undecryptable)?;
    let text = Zeroizing::new(text);
    let same = kind == SealedType::Str && bool::from(digest.0.as_slice().ct_eq(&text));
    same.then_some(MacChecked(())).ok_or(MacError::Mismatch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DataKey;

    const WHEN: &str = "2026-11-22T06:41:01Z";

    fn digest(sealed_only: bool, leaves: &[(Value<'_>, bool)]) -> String {
        let mut state = MacState::new(sealed_only);
        leaves.iter().for_each(|(value, selected)| state.update(value, *selected));
        String::from_utf8(state.finish().0.to_vec()).unwrap()
    }

    fn str(text: &'static str) -> Value<'static> {
        Value::str(text.as_bytes())
    }

    #[test]
    fn an_empty_file_has_the_digest_of_nothing() {
        let nothing = "CF83E1357EEFB8BDF1542850D66D8007D620E4050B5715DC83F4A921D36CE9CE\
                       47D0D13C5D85F2B0FF8318D2877EEC2F63B931BD47417A81A538327AF927DA3E";
        assert_eq!(digest(false, &[]), nothing);
        assert_eq!(digest(false, &[(Value::NULL, true), (Value::new(ValueType::Comment, &b" c"[..]), true)]), nothing);
    }

    #[test]
    fn values_are_joined_as_their_canonical_text() {
        // SHA-512 of "abc".
        let abc = "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A\
                   2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F";
        assert_eq!(digest(false, &[(str("a"), true), (str("b").with_exact(&b"other spelling"[..]), false), (str("c"), true)]), abc);
    }

    #[test]
    fn sealed_only_skips_the_rest_and_starts_elsewhere() {
        let with_clear = [(str("a"), false), (str("b"), true), (Value::new(ValueType::Comment, &b"c"[..]), true)];
        assert_eq!(digest(true, &with_clear), digest(true, &[(str("b"), true)]));
        assert_ne!(digest(true, &with_clear), digest(false, &[(str("b"), true)]));
        let seeded = "41BDD34252E6F8C52569A8B63DA54DF5EBD9E769D0CB59761893C642EE3C2AB1\
                      DAE7629280772B2EECE3BFA422FD2B655F6498D4225278DC98AA2B7B4879358B";
        assert_eq!(digest(true, &with_clear), seeded);
        assert_eq!(<[u8; 32]>::from(sha2::Sha256::digest(b"sops")), SEALED_ONLY_SEED);
    }

    fn finished(text: &'static str) -> MacDigest {
        let mut state = MacState::new(false);
        state.update(&str(text), true);
        state.finish()
    }

    #[test]
    fn a_mac_holds_for_its_values_its_key_and_its_time() {
        let sealer = Sealer::new(&DataKey::generate().unwrap());
        let mac = finished("value").seal(&sealer, &[1; 32], WHEN);
        let check = |digest: &MacDigest, mac: &str, sealer: &Sealer, when: &str| verify(digest, mac, sealer, when).map(drop);
        assert_eq!(check(&finished("value"), &mac, &sealer, WHEN), Ok(()));
        assert_eq!(check(&finished("other"), &mac, &sealer, WHEN), Err(MacError::Mismatch));
        assert_eq!(check(&finished("value"), &mac, &sealer, "2026-11-22T06:41:02Z"), Err(MacError::Undecryptable));
        let other = Sealer::new(&DataKey::generate().unwrap());
        assert_eq!(check(&finished("value"), &mac, &other, WHEN), Err(MacError::Undecryptable));
        assert_eq!(check(&finished("value"), "", &sealer, WHEN), Err(MacError::Missing));
        assert_eq!(check(&finished("value"), "CF83", &sealer, WHEN), Err(MacError::Undecryptable));
    }

    #[test]
    fn a_sealed_text_that_is_no_digest_is_a_mismatch() {
        let sealer = Sealer::new(&DataKey::generate().unwrap());
        let mut short = Vec::new();
        sealer.seal(&[1; 32], WHEN.as_bytes(), SealedType::Str, b"CF83", &mut short);
        let short = String::from_utf8(short).unwrap();
        assert_eq!(verify(&finished("value"), &short, &sealer, WHEN).map(drop), Err(MacError::Mismatch));
        let mac = finished("value").seal(&sealer, &[1; 32], WHEN).replace("type:str", "type:int");
        assert_eq!(verify(&finished("value"), &mac, &sealer, WHEN).map(drop), Err(MacError::Mismatch));
    }

    #[test]
    fn nothing_shows_a_digest() {
        let shown = format!("{:?} {:?}", MacState::new(true), finished("value"));
        assert_eq!(shown, "MacState([redacted]) MacDigest([redacted])");
    }
}
