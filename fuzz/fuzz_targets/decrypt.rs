//! Tampering: a valid encrypted file is changed as the input says, under a data key that opens it all the same. It never
//! panics, and where plaintext comes out, its values are those that the MAC was taken over.
//!
//! `fixtures/` holds the files, sealed by leafseal for the key service [`leafseal_fuzz::Hex`].
#![no_main]

use leafseal::document::{Document, Duplicates, Format, LeafKind};
use leafseal::file::MacPolicy;
use leafseal_fuzz::open;
use libfuzzer_sys::fuzz_target;

const FILES: [(Format, &str); 2] =
    [(Format::Yaml, include_str!("../fixtures/sealed.yaml")), (Format::Json, include_str!("../fixtures/sealed.json"))];

fuzz_target!(|data: &[u8]| {
    let Some((&choice, program)) = data.split_first() else { return };
    let (format, sealed) = FILES[usize::from(choice) % FILES.len()];
    let mut text = sealed.as_bytes().to_vec();
    for change in program.split(|&byte| byte == 0xff) {
        apply(change, &mut text);
    }
    let _ = open(&text, format, MacPolicy::Ignore);
    let Some(plain) = open(&text, format, MacPolicy::Verify) else { return };
    let meant = open(sealed.as_bytes(), format, MacPolicy::Verify).expect("the fixture opens");
    assert!(under_mac(&plain, format) == under_mac(&meant, format), "other values came out: {}", text.escape_ascii());
});

/// One change: what kind, where (2 bytes), how many bytes go (or are taken from elsewhere), and what comes.
fn apply(change: &[u8], text: &mut Vec<u8>) {
    let [kind, high, low, len, new @ ..] = change else { return };
    let at = (usize::from(*high) << 8 | usize::from(*low)) % (text.len() + 1);
    let end = (at + usize::from(*len)).min(text.len());
    match kind % 4 {
        0 => drop(text.splice(at..end, new.iter().copied())),
        1 => {
            // A piece is copied or moved to another place: sealed values trade places.
            let piece: Vec<u8> = if new.len() % 2 == 0 { text[at..end].to_vec() } else { text.drain(at..end).collect() };
            let to = new.iter().fold(0, |sum: usize, &byte| sum << 5 ^ usize::from(byte)) % (text.len() + 1);
            text.splice(to..to, piece);
        }
        2 => {
            // Whole lines go.
            let start = text[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |i| i + 1);
            let stop = text[at..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |i| at + i + 1);
            text.splice(start..stop, new.iter().copied());
        }
        _ => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << (len % 8);
            }
        }
    }
}

/// What the MAC covers: the canonical texts of all values in order.
fn under_mac(plain: &[u8], format: Format) -> Vec<u8> {
    let doc = Document::scan_bytes(plain, format, Duplicates::Keep).expect("plaintext is a document");
    let scalars = doc.leaves.iter().filter(|leaf| leaf.kind == LeafKind::Scalar);
    scalars.flat_map(|leaf| doc.value(leaf).expect("plaintext has values").canonical().to_vec()).collect()
}
