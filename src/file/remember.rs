//! The record of a plaintext and an encrypted file that were the same: two digests, sealed under the data key, so that it reveals nothing
//! to those who cannot open the file.

use sha2::{Digest, Sha256};

use super::{EncryptError, OpenError, PlainFile};
use crate::crypto::nonces::Nonces;
use crate::crypto::sealed::{SealedText, SealedType};
use crate::crypto::sealer::Sealer;

/// The additional data of a record.
const AAD: &[u8] = b"leafseal:sync:";

/// What a record says about the two files as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The plaintext is another one than it was then.
    pub plain_changed: bool,
    /// The encrypted file has another plaintext than it had then.
    pub encrypted_changed: bool,
}

impl PlainFile {
    /// The record that this plaintext and this file are the same now.
    ///
    /// # Errors
    /// `Open` as [`PlainFile::text`], `Random`.
    pub fn record(&self, plain: &[u8]) -> Result<String, EncryptError> {
        let mut sealed = Vec::new();
        Sealer::new(&self.data_key).seal(&Nonces::new()?.next_nonce(), AAD, SealedType::Str, &self.digests(plain)?, &mut sealed);
        String::from_utf8(sealed).map_err(|_| EncryptError::NotReadBack)
    }

    /// What a record says; `None` when it was made with another data key or is none.
    ///
    /// # Errors
    /// `Open` as [`PlainFile::text`].
    pub fn since(&self, record: &str, plain: &[u8]) -> Result<Option<Since>, OpenError> {
        let opened = SealedText::parse(record.trim().as_bytes())
            .and_then(|sealed| Sealer::new(&self.data_key).open_bytes(AAD, &sealed).ok());
        let now = self.digests(plain)?;
        Ok(opened.filter(|(_, then)| then.len() == now.len()).map(|(_, then)| {
            let half = now.len() / 2;
            Since { plain_changed: then[..half] != now[..half], encrypted_changed: then[half..] != now[half..] }
        }))
    }

    fn digests(&self, plain: &[u8]) -> Result<Vec<u8>, OpenError> {
        Ok([Sha256::digest(plain), Sha256::digest(self.text()?)].concat())
    }
}
