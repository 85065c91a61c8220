//! Terraform's variable files (HCL with attributes only): scanned leaf by leaf, edited in place, laid out as `terraform fmt` does.
//!
//! Literal values are leaves; an expression or a block is a leaf of its own kind that is never sealed ([`is_expression`]).
//! Rules: `docs/format.md`, "tfvars". May use `value`.

mod edit;
mod emit;
mod entry;
mod heredoc;
mod lex;
mod metadata;
mod number;
mod read;
mod scan;
mod spell;
mod string;
mod tokens;

pub use edit::{set, unset};
pub use emit::{emit, emit_value};
pub use metadata::{cut_metadata, metadata_splices};
pub use read::{comment_parts, is_expression, is_template, value};
pub use scan::{MAX_DEPTH, scan};
pub use spell::spell;
