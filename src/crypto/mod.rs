//! Owns the cryptographic words of the format: data keys, sealed values, Shamir shares. No I/O, no formats.

pub mod data_key;
mod gcm;
pub mod nonces;
pub mod sealed;
pub mod sealer;
pub mod shamir;

pub use data_key::DataKey;
pub use nonces::Nonces;
pub use sealed::{SealedText, SealedType};
pub use sealer::{OpenError, Sealer};
