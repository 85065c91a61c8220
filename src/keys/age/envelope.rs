//! Owns age files in memory: makes an armored one for a recipient, opens one with bounds on what a hostile file may cost.

use super::AgeError;
use crate::secret::Secret;
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor};
use std::io::{Read as _, Write as _};

/// The largest `enc` that is looked at. A single-recipient file is below 4 KiB, post-quantum ones included.
pub(super) const ENC_LIMIT: usize = 1 << 20;
/// The largest passphrase-encrypted identity file.
pub(super) const IDENTITY_FILE_LIMIT: usize = 16 << 20;
/// The most bytes and lines of a header: the parser of the `age` crate reads it again from the start for every line.
const HEADER_LIMIT: usize = 64 << 10;
const HEADER_LINES: usize = 512;
/// A data key has at most 32 bytes, a Shamir share one more.
const DATA_KEY_LIMIT: u64 = 256;

/// Makes an armored age file for one recipient; ends with a newline.
pub(super) fn seal(recipient: &dyn age::Recipient, plaintext: &[u8]) -> Result<String, AgeError> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).map_err(|_| AgeError::Write)?;
    let write = || -> std::io::Result<Vec<u8>> {
        let armor = ArmoredWriter::wrap_output(Vec::with_capacity(1024), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(plaintext)?;
        writer.finish()?.finish()
    };
    let text = String::from_utf8(write().map_err(|_| AgeError::Write)?).map_err(|_| AgeError::Write)?;
    // The armor of the `age` crate has CRLF on Windows; files are the same everywhere.
    Ok(if text.contains('\r') { text.replace("\r\n", "\n") } else { text })
}

/// Opens an armored age file with `identity`, which sees all the stanzas at once.
pub(super) fn open(enc: &str, identity: &dyn age::Identity) -> Result<Secret<Vec<u8>>, OpenError> {
    if enc.len() > ENC_LIMIT {
        return Err(AgeError::TooLarge { size: enc.len(), limit: ENC_LIMIT }.into());
    }
    let enc = enc.trim_ascii();
    if !enc.starts_with(ARMOR_START) {
        return Err(AgeError::Armor.into());
    }
    open_bytes(&dearmor(enc.as_bytes())?, identity, DATA_KEY_LIMIT)
}

/// Opens an identity file, armored or binary.
pub(super) fn open_identity_file(content: &[u8], identity: &dyn age::Identity) -> Result<Secret<Vec<u8>>, OpenError> {
    if content.len() > IDENTITY_FILE_LIMIT {
        return Err(AgeError::TooLarge { size: content.len(), limit: IDENTITY_FILE_LIMIT }.into());
    }
    let limit = u64::try_from(IDENTITY_FILE_LIMIT).unwrap_or(u64::MAX);
    if content.starts_with(ARMOR_START.as_bytes()) {
        open_bytes(&dearmor(content)?, identity, limit)
    } else {
        open_bytes(content, identity, limit)
    }
}

/// Whether a source is an age file: then it is a passphrase-encrypted identity file (the reference's test).
pub(super) fn is_age_file(content: &[u8]) -> bool {
    content.starts_with(b"age-encryption") || content.starts_with(ARMOR_START.as_bytes())
}

const ARMOR_START: &str = "-----BEGIN AGE";

/// Why a file was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OpenError {
    /// The identity is not the one.
    NoMatch,
    /// The passphrase is wrong, or the stanza damaged.
    Stanza,
    /// A passphrase-encrypted file that asks for too much work.
    Work,
    Age(AgeError),
}

impl From<AgeError> for OpenError {
    fn from(error: AgeError) -> Self {
        Self::Age(error)
    }
}

impl From<DecryptError> for OpenError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::NoMatchingKeys => Self::NoMatch,
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => Self::Stanza,
            DecryptError::ExcessiveWork { .. } => Self::Work,
            DecryptError::InvalidMac => Self::Age(AgeError::HeaderMac),
            DecryptError::UnknownFormat => Self::Age(AgeError::UnknownFormat),
            _ => Self::Age(AgeError::Header),
        }
    }
}

fn dearmor(armored: &[u8]) -> Result<Vec<u8>, AgeError> {
    let mut bytes = Vec::with_capacity(armored.len() / 4 * 3);
    ArmoredReader::new(armored).read_to_end(&mut bytes).map_err(|_| AgeError::Armor)?;
    Ok(bytes)
}

fn open_bytes(bytes: &[u8], identity: &dyn age::Identity, limit: u64) -> Result<Secret<Vec<u8>>, OpenError> {
    check_header(bytes)?;
    let decryptor = Decryptor::new_buffered(bytes)?;
    let reader = decryptor.decrypt(std::iter::once(identity))?;
    // One allocation, so that no copy of the plaintext is left behind by growing.
    let capacity = usize::try_from(limit).unwrap_or(usize::MAX).min(bytes.len());
    let mut plaintext = zeroize::Zeroizing::new(Vec::with_capacity(capacity));
    reader.take(limit + 1).read_to_end(&mut plaintext).map_err(|_| AgeError::Payload)?;
    if plaintext.is_empty() || plaintext.len() as u64 > limit {
        return Err(AgeError::Payload.into());
    }
    Ok(Secret::new(std::mem::take(&mut *plaintext)))
}

/// Finds the header's end within the limits.
fn check_header(bytes: &[u8]) -> Result<(), AgeError> {
    let head = &bytes[..bytes.len().min(HEADER_LIMIT)];
    let ends = memchr::memchr_iter(b'\n', head).take(HEADER_LINES).any(|newline| head[newline + 1..].starts_with(b"--- "));
    if ends { Ok(()) } else { Err(AgeError::Header) }
}
