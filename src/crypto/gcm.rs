//! Owns [`Gcm`]: AES-GCM under one data key with a nonce of any length.
//!
//! sops writes nonces of 32 bytes and reads any length (Go's `NewGCMWithNonceSize`). The `aes-gcm` crate fixes the length at
//! compile time: long texts with 12, 16 and 32 go through it. For other lengths, and for short texts with 32 (nearly all values), the mode is
//! composed here from the crate's own parts (NIST SP 800-38D, section 7). Measured: a value of 15 bytes takes 120 ns so, and 210 by the
//! crate, which encrypts and hashes block by block what fits into one go.

use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, KeyInit, consts};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc, Block};
use aes_gcm::AesGcm;
use aes_gcm::aead::{AeadInOut, array::ArraySize};
use ghash::{GHash, universal_hash::UniversalHash};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Length of a tag in bytes.
pub(super) const TAG: usize = 16;

/// How many blocks of key stream are made at a time: that takes as long as one. The first is the mask of the tag.
const STREAM: usize = 8;

/// How many blocks are hashed at a time at most: additional data, text and their lengths.
const HASHED: usize = 16;

/// How many blocks the hash works on side by side: blocks of zeroes before the others make their number a multiple of it, and change nothing.
const SIDE_BY_SIDE: usize = 4;

/// The ciphertext, nonce, additional data, tag and key do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rejected;

/// AES-GCM under one key. The key schedule and the tables of the hash are made once; all are wiped when dropped.
pub(super) enum Gcm {
    Aes128(Box<Keyed<Aes128Enc>>),
    Aes192(Box<Keyed<Aes192Enc>>),
    Aes256(Box<Keyed<Aes256Enc>>),
}

impl Gcm {
    /// The mode under a key of 16, 24 or 32 bytes; `None` for other lengths.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Some(Self::Aes128(Box::new(Keyed::new(Aes128Enc::new_from_slice(key).ok()?)))),
            24 => Some(Self::Aes192(Box::new(Keyed::new(Aes192Enc::new_from_slice(key).ok()?)))),
            32 => Some(Self::Aes256(Box::new(Keyed::new(Aes256Enc::new_from_slice(key).ok()?)))),
            _ => None,
        }
    }

    /// Encrypts in place and gives the tag.
    pub(super) fn seal(&self, nonce: &[u8; 32], aad: &[u8], text: &mut [u8]) -> [u8; TAG] {
        match self {
            Self::Aes128(keyed) => keyed.seal(nonce, aad, text),
            Self::Aes192(keyed) => keyed.seal(nonce, aad, text),
            Self::Aes256(keyed) => keyed.seal(nonce, aad, text),
        }
    }

    /// Checks the tag and decrypts in place; the text is untouched when it is rejected.
    pub(super) fn open(&self, nonce: &[u8], aad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Rejected> {
        match self {
            Self::Aes128(keyed) => keyed.open(nonce, aad, text, tag),
            Self::Aes192(keyed) => keyed.open(nonce, aad, text, tag),
            Self::Aes256(keyed) => keyed.open(nonce, aad, text, tag),
        }
    }
}

/// One AES variant under one key.
pub(super) struct Keyed<A> {
    gcm: AesGcm<A, consts::U32>,
    aes: A,
    hash: GHash,
}

impl<A: BlockCipherEncrypt + BlockSizeUser<BlockSize = consts::U16> + Clone> Keyed<A> {
    fn new(aes: A) -> Self {
        // The hash's point is the encryption of the zero block.
        let mut point = Block::default();
        aes.encrypt_block(&mut point);
        let hash = GHash::new(&point);
        point.as_mut_slice().zeroize();
        Self { gcm: AesGcm::from(aes.clone()), aes, hash }
    }

    fn seal(&self, nonce: &[u8; 32], aad: &[u8], text: &mut [u8]) -> [u8; TAG] {
        if is_short(aad, text) {
            let [mask, stream @ ..] = self.key_stream(nonce);
            apply(&stream, text);
            return self.short_tag(mask, aad, text);
        }
        self.gcm
            .encrypt_inout_detached(&(*nonce).into(), aad, text.into())
            .expect("a document is below 4 GiB, the mode's limit is 64 GiB")
            .into()
    }

    fn open(&self, nonce: &[u8], aad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Rejected> {
        if let Ok(nonce) = nonce.try_into()
            && is_short(aad, text)
        {
            let [mask, stream @ ..] = self.key_stream(nonce);
            if !bool::from(self.short_tag(mask, aad, text).ct_eq(tag)) {
                return Err(Rejected);
            }
            apply(&stream, text);
            return Ok(());
        }
        match nonce.len() {
            32 => open_with(&self.gcm, nonce, aad, text, tag),
            16 => open_with::<A, consts::U16>(&AesGcm::from(self.aes.clone()), nonce, aad, text, tag),
            12 => open_with::<A, consts::U12>(&AesGcm::from(self.aes.clone()), nonce, aad, text, tag),
            _ => self.open_composed(nonce, aad, text, tag),
        }
    }

    /// The mask of the tag and the key stream of a short text.
    fn key_stream(&self, nonce: &[u8; 32]) -> [Block; STREAM] {
        let mut hashed = [Block::default(); SIDE_BY_SIDE];
        let bytes = Block::slice_as_flattened_mut(&mut hashed);
        bytes[16..48].copy_from_slice(nonce);
        bytes[56..].copy_from_slice(&bits(nonce));
        let mut hash = self.hash.clone();
        hash.update(&hashed);
        let mut stream = counters(hash.finalize(), 0);
        self.aes.encrypt_blocks(&mut stream);
        stream
    }

    /// The tag of a short text, which is encrypted, from its mask.
    fn short_tag(&self, mut mask: Block, aad: &[u8], text: &[u8]) -> [u8; TAG] {
        let (aad_blocks, text_blocks) = (aad.len().div_ceil(16), text.len().div_ceil(16));
        let blocks = (aad_blocks + text_blocks + 1).next_multiple_of(SIDE_BY_SIDE);
        let mut hashed = [Block::default(); HASHED];
        let bytes = &mut Block::slice_as_flattened_mut(&mut hashed)[..blocks * 16];
        let lengths = bytes.len() - 16;
        let from = lengths - text_blocks * 16;
        bytes[from..from + text.len()].copy_from_slice(text);
        let from = from - aad_blocks * 16;
        bytes[from..from + aad.len()].copy_from_slice(aad);
        bytes[lengths..lengths + 8].copy_from_slice(&bits(aad));
        bytes[lengths + 8..].copy_from_slice(&bits(text));
        let mut hash = self.hash.clone();
        hash.update(&hashed[..blocks]);
        mask.iter_mut().zip(&hash.finalize()).for_each(|(byte, hashed)| *byte ^= hashed);
        mask.into()
    }

    /// Opens with a nonce of any length.
    fn open_composed(&self, nonce: &[u8], aad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Rejected> {
        let start = first_counter(&self.hash, nonce);
        let mut expected = authenticate(self.hash.clone(), aad, text);
        let mut mask = start;
        self.aes.encrypt_block(&mut mask);
        expected.iter_mut().zip(&mask).for_each(|(byte, mask)| *byte ^= mask);
        if !bool::from(expected.as_slice().ct_eq(tag)) {
            return Err(Rejected);
        }
        self.apply_counter(start, text);
        Ok(())
    }

    /// Adds the key stream that follows the first counter block.
    fn apply_counter(&self, start: Block, text: &mut [u8]) {
        let mut further = 1_u32;
        for chunk in text.chunks_mut(STREAM * 16) {
            let mut stream = counters(start, further);
            self.aes.encrypt_blocks(&mut stream);
            apply(&stream, chunk);
            Block::slice_as_flattened_mut(&mut stream).zeroize();
            further = further.wrapping_add(STREAM as u32);
        }
    }
}

/// Whether one go is enough for a text with its additional data.
fn is_short(aad: &[u8], text: &[u8]) -> bool {
    let (aad, text) = (aad.len().div_ceil(16), text.len().div_ceil(16));
    text < STREAM && aad.saturating_add(text) < HASHED
}

/// The counter block that comes so many further than the first, and those after it: the last 32 bits count and wrap.
fn counters(first: Block, further: u32) -> [Block; STREAM] {
    let count = u32::from_be_bytes([first[12], first[13], first[14], first[15]]).wrapping_add(further);
    let mut blocks = [first; STREAM];
    for (block, n) in blocks.iter_mut().zip(0..) {
        block[12..].copy_from_slice(&count.wrapping_add(n).to_be_bytes());
    }
    blocks
}

/// Adds key stream to a text that is not longer.
fn apply(stream: &[Block], text: &mut [u8]) {
    text.iter_mut().zip(Block::slice_as_flattened(stream)).for_each(|(byte, key)| *byte ^= key);
}

/// Opens with a nonce length that was compiled in; `nonce` has that length.
fn open_with<A, N>(gcm: &AesGcm<A, N>, nonce: &[u8], aad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Rejected>
where
    A: BlockCipherEncrypt + BlockSizeUser<BlockSize = consts::U16>,
    N: ArraySize,
{
    let nonce = nonce.try_into().map_err(|_| Rejected)?;
    gcm.decrypt_inout_detached(&nonce, aad, text.into(), &(*tag).into()).map_err(|_| Rejected)
}

/// The counter block that a nonce gives: itself and a one if it has 96 bits, else its hash.
fn first_counter(hash: &GHash, nonce: &[u8]) -> Block {
    let mut block = Block::default();
    if nonce.len() == 12 {
        block[..12].copy_from_slice(nonce);
        block[15] = 1;
        return block;
    }
    let mut hash = hash.clone();
    hash.update_padded(nonce);
    block[8..].copy_from_slice(&bits(nonce));
    hash.update(&[block]);
    hash.finalize()
}

/// The hash over additional data, ciphertext and their lengths.
fn authenticate(mut hash: GHash, aad: &[u8], text: &[u8]) -> Block {
    hash.update_padded(aad);
    hash.update_padded(text);
    let mut lengths = Block::default();
    lengths[..8].copy_from_slice(&bits(aad));
    lengths[8..].copy_from_slice(&bits(text));
    hash.update(&[lengths]);
    hash.finalize()
}

fn bits(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64 * 8).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const TEXT: &str =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    const LONG_NONCE: &str =
        "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b";

    /// Test cases of the mode's specification (McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B): key
    /// length, nonce, text, additional data, ciphertext, tag.
    const VECTORS: [[&str; 5]; 6] = [
        [
            "16",
            "cafebabefacedbad",
            AAD,
            "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598",
            "3612d2e79e3b0785561be14aaca2fccb",
        ],
        [
            "24",
            "cafebabefacedbad",
            AAD,
            "0f10f599ae14a154ed24b36e25324db8c566632ef2bbb34f8347280fc4507057fddc29df9a471f75c66541d4d4dad1c9e93a19a58e8b473fa0f062f7",
            "65dcc57fcf623a24094fcca40d3533f8",
        ],
        [
            "32",
            "cafebabefacedbaddecaf888",
            AAD,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ],
        [
            "32",
            "cafebabefacedbad",
            AAD,
            "c3762df1ca787d32ae47c13bf19844cbaf1ae14d0b976afac52ff7d79bba9de0feb582d33934a4f0954cc2363bc73f7862ac430e64abe499f47c9b1f",
            "3a337dbf46a792c45e454913fe2ea8f2",
        ],
        [
            "32",
            LONG_NONCE,
            AAD,
            "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf40fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3f",
            "a44a8266ee1c8eb0c8b5d4cf5ae9f19a",
        ],
        [
            "16",
            LONG_NONCE,
            AAD,
            "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5",
            "619cc5aefffe0bfa462af43c1699d050",
        ],
    ];

    #[test]
    fn it_is_the_published_mode_for_every_key_length() {
        for [key_len, nonce, aad, sealed, tag] in VECTORS {
            let gcm = Gcm::new(&hex(KEY)[..key_len.parse().unwrap()]).unwrap();
            let (nonce, mut text, tag) = (hex(nonce), hex(sealed), hex(tag).try_into().unwrap());
            assert_eq!(gcm.open(&nonce, &hex(aad), &mut text, &tag), Ok(()), "{key_len}, nonce of {}", nonce.len());
            assert_eq!(text, hex(TEXT));
        }
    }

    fn keyed() -> Keyed<Aes256Enc> {
        Keyed::new(Aes256Enc::new_from_slice(&hex(KEY)).unwrap())
    }

    fn composed_opens_what_the_crate_seals<N: ArraySize>(text_len: usize) {
        let keyed = keyed();
        let gcm = AesGcm::<_, N>::from(keyed.aes.clone());
        let nonce: Vec<u8> = (0..N::to_usize()).map(|i| i as u8 ^ 0x5a).collect();
        let text: Vec<u8> = (0..text_len).map(|i| (i * 3) as u8).collect();
        let mut sealed = text.clone();
        let tag = gcm.encrypt_inout_detached(nonce.as_slice().try_into().unwrap(), b"a:b:", sealed.as_mut_slice().into()).unwrap();
        let mut opened = sealed.clone();
        assert_eq!(keyed.open_composed(&nonce, b"a:b:", &mut opened, &tag.into()), Ok(()));
        assert_eq!(opened, text);
        let mut opened = sealed.clone();
        assert_eq!(keyed.open_composed(&nonce, b"a:c:", &mut opened, &tag.into()), Err(Rejected));
        assert_eq!(opened, sealed, "rejected text stays as it was");
        assert_eq!(keyed.open(&nonce, b"a:b:", &mut opened, &tag.into()), Ok(()));
        assert_eq!(opened, text);
    }

    #[test]
    fn the_composed_mode_is_the_crates_mode_at_every_nonce_length() {
        for text_len in [0, 1, 15, 16, 17, 100, 4099] {
            composed_opens_what_the_crate_seals::<consts::U1>(text_len);
            composed_opens_what_the_crate_seals::<consts::U8>(text_len);
            composed_opens_what_the_crate_seals::<consts::U12>(text_len);
            composed_opens_what_the_crate_seals::<consts::U13>(text_len);
            composed_opens_what_the_crate_seals::<consts::U16>(text_len);
            composed_opens_what_the_crate_seals::<consts::U24>(text_len);
            composed_opens_what_the_crate_seals::<consts::U32>(text_len);
            composed_opens_what_the_crate_seals::<consts::U33>(text_len);
            composed_opens_what_the_crate_seals::<consts::U128>(text_len);
        }
    }

    #[test]
    fn short_texts_are_sealed_and_opened_as_the_crate_does() {
        let keyed = keyed();
        for (aad_len, text_len) in (0..260).flat_map(|aad| [0, 1, 15, 16, 17, 31, 64, 100, 111, 112, 113].map(|text| (aad, text))) {
            let nonce = [(aad_len + text_len) as u8; 32];
            let aad: Vec<u8> = (0..aad_len).map(|i| i as u8).collect();
            let text: Vec<u8> = (0..text_len).map(|i| (i * 3) as u8).collect();
            let (mut ours, mut theirs) = (text.clone(), text.clone());
            let tag = keyed.gcm.encrypt_inout_detached(&nonce.into(), &aad, theirs.as_mut_slice().into()).unwrap();
            assert_eq!((keyed.seal(&nonce, &aad, &mut ours), &ours), (tag.into(), &theirs), "{aad_len}, {text_len}");
            let mut wrong: [u8; TAG] = tag.into();
            wrong[15] ^= 1;
            assert_eq!(keyed.open(&nonce, &aad, &mut ours, &wrong), Err(Rejected));
            assert_eq!(ours, theirs, "rejected text stays as it was");
            assert_eq!(keyed.open(&nonce, &aad, &mut ours, &tag.into()), Ok(()));
            assert_eq!(ours, text);
        }
        assert!(is_short(&[0; 128], &[0; 112]) && !is_short(&[0; 129], &[0; 112]) && !is_short(&[], &[0; 113]));
    }

    /// The counter is 32 bits and wraps without carrying into the rest of the block. This nonce was searched for: its first
    /// counter block ends in `ffffff9d`, so that the wrap comes within 100 blocks.
    #[test]
    fn the_counter_wraps_as_the_crates_does() {
        let keyed = keyed();
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&5_809_925_u64.to_be_bytes());
        assert_eq!(first_counter(&keyed.hash, &nonce)[12..], [0xff, 0xff, 0xff, 0x9d]);
        let mut text = vec![0; 4000];
        let tag = keyed.seal(&nonce, b"", &mut text);
        assert_eq!(keyed.open_composed(&nonce, b"", &mut text, &tag), Ok(()));
        assert_eq!(text, [0; 4000]);
    }

    #[test]
    fn the_counter_of_short_texts_wraps_too() {
        let mut first = Block::default();
        first[11..].copy_from_slice(&[7, 0xff, 0xff, 0xff, 0xfe]);
        let counted: Vec<[u8; 5]> = counters(first, 0).iter().map(|block| block[11..].try_into().unwrap()).collect();
        assert_eq!(counted[..3], [[7, 0xff, 0xff, 0xff, 0xfe], [7, 0xff, 0xff, 0xff, 0xff], [7, 0, 0, 0, 0]]);
    }

    #[test]
    fn keys_of_other_lengths_are_none() {
        for len in (0..40).filter(|len| ![16, 24, 32].contains(len)) {
            assert!(Gcm::new(&vec![0; len]).is_none(), "{len}");
        }
    }
}
