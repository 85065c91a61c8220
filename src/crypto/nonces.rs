//! Owns [`Nonces`]: the 32 random bytes that each sealed value gets.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

/// Makes nonces: ChaCha20 seeded once from the operating system, so that a file of many leaves costs one system call.
///
/// Work done in parallel takes one generator a chunk; each has its own seed, so no two of them share a stream.
pub struct Nonces(ChaCha20Rng);

impl Nonces {
    /// A generator with a fresh seed.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *seed)?;
        Ok(Self(ChaCha20Rng::from_seed(*seed)))
    }

    /// The next nonce.
    pub fn next_nonce(&mut self) -> [u8; 32] {
        let mut nonce = [0; 32];
        self.0.fill_bytes(&mut nonce);
        nonce
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces_of_two_generators_never_repeat() {
        let (mut a, mut b) = (Nonces::new().unwrap(), Nonces::new().unwrap());
        let made: HashSet<_> = (0..1000).flat_map(|_| [a.next_nonce(), b.next_nonce()]).collect();
        assert_eq!(made.len(), 2000);
    }
}
