//! leafseal reads and writes SOPS files: YAML, JSON and other documents whose leaf values are sealed one by one.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod commands;
pub mod config;
pub mod crypto;
pub mod document;
pub mod file;
#[cfg(feature = "cli")]
pub mod host;
pub mod keys;
pub mod mac;
pub mod metadata;
pub mod pattern;
pub mod secret;
pub mod selection;
pub mod value;
