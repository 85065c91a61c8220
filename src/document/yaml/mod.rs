//! YAML as go-yaml v3 reads it: the law for values, types and comments in SOPS files.
//!
//! Reading: text to tokens (`scanner`, `possible_key`, `scalar`, `property`, `comments`), tokens to events (`parser`, `block_collection`,
//! `flow_collection`; lines that are one entry each past both: `entry_lines`), comments to places (`placement`), events to a document (`leaves`, `comment_leaves`,
//! `mapping_keys`, `keys`, `aliases`, `anchors`, `late`, `tags`; large texts in `segments`), spans to text (`decode`) and values (`resolve`, `read`).
//!
//! Writing: what a sealed value replaces (`place`, `header`), a value in the style of its place (`spell`, `quote`, `block`), a
//! tree as sops lays it out (`emit`, `line`, `flow`).

mod aliases;
mod anchors;
mod block;
mod block_collection;
mod comment_leaves;
mod comments;
pub mod decode;
pub mod edit;
pub mod emit;
mod entry_lines;
pub mod event;
mod expand;
mod flow;
mod flow_collection;
mod flow_entries;
pub(in crate::document) mod glance;
mod header;
mod input;
mod late;
mod leaves;
mod line;
mod mapping_keys;
pub mod metadata;
#[cfg(test)]
mod outline;
mod parser;
pub mod place;
mod placement;
mod possible_key;
mod property;
mod quote;
mod read;
mod replace;
pub mod resolve;
mod scalar;
mod scanner;
mod segments;
mod site;
pub mod spell;
mod tags;
#[cfg(test)]
mod there_and_back;
mod token;

pub(super) use input::refuse_other_encodings;
pub use input::text_of;
pub use leaves::scan;
pub use parser::Parser;
pub use read::value;
