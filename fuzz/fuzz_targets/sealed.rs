//! Sealed values: arbitrary text is taken for one or not, and never opens unless it was sealed; what is sealed opens.
#![no_main]

use std::sync::LazyLock;

use leafseal::crypto::sealed::{SealedText, SealedType};
use leafseal::crypto::sealer::Sealer;
use leafseal_fuzz::data_key;
use libfuzzer_sys::fuzz_target;

static SEALER: LazyLock<Sealer> = LazyLock::new(|| Sealer::new(&data_key()));

fuzz_target!(|data: &[u8]| {
    if let Some(sealed) = SealedText::parse(data) {
        // Nothing here was sealed under the key.
        assert!(SEALER.open(b"path:", &sealed).is_err(), "something opened that was never sealed");
    }
    let (aad, plaintext) = data.split_at(data.len() / 4);
    let mut text = Vec::new();
    SEALER.seal(&[9; 32], aad, SealedType::Str, plaintext, &mut text);
    if plaintext.is_empty() {
        assert!(text.is_empty());
        return;
    }
    let sealed = SealedText::parse(&text).expect("what was sealed is a sealed value");
    assert!(SEALER.open_bytes(aad, &sealed).is_ok_and(|(kind, opened)| kind == SealedType::Str && opened == plaintext));
    // A change anywhere is found; the input says where.
    let at = data.iter().fold(0, |sum: usize, &byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % text.len();
    text[at] ^= 1 << (data[0] % 7);
    if let Some(sealed) = SealedText::parse(&text) {
        assert!(SEALER.open_bytes(aad, &sealed).is_err(), "a changed value opened");
    }
});
