//! The only place that meets the operating system: files, environment, terminal, editor, child processes, signals.
//!
//! Everything below this layer gets what it needs as arguments; everything above goes through it.

pub mod audit;
#[cfg(feature = "aws-kms")]
pub mod aws;
#[cfg(feature = "azure-kv")]
pub mod azure;
pub mod child;
pub mod clock;
pub mod config_file;
pub mod editor;
pub mod env;
pub mod exit;
pub mod failure;
pub mod files;
#[cfg(feature = "gcp-kms")]
pub mod gcp;
#[cfg(feature = "pgp")]
pub mod gpg;
#[cfg(feature = "huawei-kms")]
pub mod huawei;
pub mod identities;
#[cfg(feature = "keyservice")]
pub mod keyservice;
#[cfg(feature = "key-http")]
pub mod network;
pub mod pipe;
pub mod plugins;
pub mod private;
pub mod run;
pub mod signals;
pub mod sync_record;
pub mod ui;
pub mod user;
#[cfg(feature = "vault")]
pub mod vault;
