//! JSON documents: scanned strictly, edited in place, laid out as sops does where there is no layout to keep.

mod edit;
mod emit;
mod layout;
mod number;
mod read;
mod scan;
mod spell;
mod string;

pub use edit::{cut_metadata, metadata_splices, set, unset};
pub use emit::{EmitError, JsonIndent, emit, emit_value};
pub use read::value;
pub use scan::{MAX_DEPTH, scan};
pub use spell::spell;
