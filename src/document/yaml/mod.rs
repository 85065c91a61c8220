//! YAML as go-yaml v3 reads it: the law for values, types and comments in SOPS files.

pub mod event;
pub mod resolve;
