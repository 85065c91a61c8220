//! Explicit tags, as far as they decide how a scalar is read.

use super::super::Tag;

/// The tag for its full name (`tag:yaml.org,2002:int`, `!Ref`; empty for none).
pub(super) fn tag(name: &str) -> Tag {
    if matches!(name, "" | "!") {
        return Tag::None;
    }
    match name.strip_prefix("tag:yaml.org,2002:").or_else(|| name.strip_prefix("!!")) {
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some("timestamp") => Tag::Time,
        Some("binary") => Tag::Binary,
        _ => Tag::Str,
    }
}

/// Whether the tag makes a scalar `<<` a merge key.
pub(super) fn is_merge(name: &str) -> bool {
    matches!(name, "" | "!" | "!!merge" | "tag:yaml.org,2002:merge")
}
