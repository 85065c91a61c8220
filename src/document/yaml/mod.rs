//! YAML as go-yaml v3 reads it: the law for values, types and comments in SOPS files.

mod block;
pub mod event;
mod header;
pub mod place;
mod quote;
pub mod resolve;
pub mod spell;
