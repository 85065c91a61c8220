//! leafseal reads and writes SOPS files: YAML, JSON and other documents whose leaf values are sealed one by one.

pub mod config;
pub mod crypto;
pub mod document;
pub mod keys;
pub mod mac;
pub mod metadata;
pub mod pattern;
pub mod secret;
pub mod selection;
pub mod value;
