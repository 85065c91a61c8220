//! Owns [`DataKey`]: the 32 random bytes that seal one file.

use zeroize::Zeroizing;

/// The key that seals one file. Never shown, wiped when dropped.
///
/// Holds 16, 24 or 32 bytes: leafseal makes 32; the reference accepts the other AES lengths on read.
#[derive(Clone)]
pub struct DataKey(Zeroizing<Vec<u8>>);

impl DataKey {
    /// A fresh random key from the operating system's generator.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0u8; 32]);
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A key from unwrapped bytes; `None` if the length is not an AES key's (16, 24, 32).
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        matches!(bytes.len(), 16 | 24 | 32).then_some(Self(bytes))
    }

    /// The bytes; every call site is a place where they could leak.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey([redacted])")
    }
}
