//! Owns the cryptographic words of the format: data keys, sealed values, Shamir shares. No I/O, no formats.

pub mod data_key;
