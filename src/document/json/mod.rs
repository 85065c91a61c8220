//! JSON documents: scanned strictly, edited in place, laid out as sops does where there is no layout to keep.

mod emit;
mod number;
mod read;
mod scan;
mod string;

pub use emit::{EmitError, JsonIndent, emit, emit_value};
pub use read::value;
pub use scan::{MAX_DEPTH, scan};
