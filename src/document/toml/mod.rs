//! TOML documents: scanned on the events of `toml_parser`, edited in place, laid out as rops does.
//!
//! The crate gives tokens and grammar; which tables and keys may be there twice, dates, and where comments belong is decided here.
//! Rules: `docs/format.md`, "TOML". May use `value`.

mod build;
mod edit;
mod emit;
mod entry_lines;
mod metadata;
mod outline;
mod read;
mod scan;
mod spell;
mod tables;

pub use edit::{set, unset};
pub use emit::{emit, emit_value};
pub use metadata::{cut_metadata, metadata_splices};
pub use read::value;
pub use scan::{MAX_DEPTH, scan};
pub use spell::{place, spell};
