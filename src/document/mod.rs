//! Owns [`Document`]: source text plus leaves with byte spans (invariant I1). Edits are spliced; nothing is re-emitted that
//! was not edited.
//!
//! Each format is one module below: `scan(text)` gives the leaves with spans, `spell(value, place)` gives text.
//! May use `value` and `secret`; no I/O, no clock, no environment.

pub mod binary;
pub mod changes;
pub mod convert;
mod dispatch;
pub mod dotenv;
pub mod edit;
pub mod find;
pub mod flat;
pub mod flatten;
pub mod ini;
pub mod json;
mod key_sets;
pub mod layout;
mod lines;
pub mod node;
pub mod path;
mod places;
mod segments;
pub mod splice;
pub mod steps;
pub mod tfvars;
pub mod toml;
mod tree;
pub mod variables;
pub mod yaml;

pub use layout::Layout;
pub use path::{NodeKind, PathId, PathNode, Paths, Segment};
pub use splice::{Splice, splice};

use std::ops::Range;

use crate::value::Value;

/// A range of bytes in a document's text. Files are below 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from two offsets; `scan` has checked that the text is below 4 GiB.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The same as a range of `usize`.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// How many bytes it covers.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it covers none.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// The formats whose leaves are sealed one by one, and binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.env`
    Dotenv,
    /// `.ini`
    Ini,
    /// `.tfvars`, `.hcl`: HCL with attributes only
    Tfvars,
    /// `.toml`
    Toml,
    /// Everything else: the whole file is one value.
    Binary,
}

/// How a leaf is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes (JSON: numbers, `true`, `false`, `null`).
    Plain,
    /// `'single'`
    Single,
    /// `"double"` (JSON: every string).
    Double,
    /// `|` block scalar; INI: in backquotes; TOML: `'''`.
    Literal,
    /// `>` block scalar; INI and TOML: in three double quotes.
    Folded,
}

/// What a leaf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A scalar: may be sealed, takes part in the MAC.
    Scalar,
    /// A comment line: may be sealed, never in the MAC. Its path is its container.
    Comment,
    /// A comment that sops wrote as a list item (`- ENC[...,type:comment]`). Its path is the list.
    CommentItem,
    /// An empty mapping: `{}`.
    EmptyMap,
    /// An empty list: `[]`.
    EmptySeq,
}

/// An explicit tag that decides how a scalar is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// None, or `!` or a tag of no meaning to us (`!Ref`): it stays in the text and the scalar is read as if untagged
    /// (`None`, `!`) or as a string (others).
    None,
    /// `!!str` or an application's own tag (`!Ref`): always a string; it stays in the text around a sealed value.
    Str,
    /// `!!int`, `!!float`, `!!bool`, `!!null`, `!!timestamp`, `!!binary`: would not hold for a sealed value, so it is cut
    /// from the encrypted text and kept with the spelling.
    Int,
    /// See [`Tag::Int`].
    Float,
    /// See [`Tag::Int`].
    Bool,
    /// See [`Tag::Int`].
    Null,
    /// See [`Tag::Int`].
    Time,
    /// See [`Tag::Int`].
    Binary,
}

/// A scalar, comment or empty container, in the order in which sops walks the tree (the order of the MAC).
#[derive(Clone, Copy, Debug)]
pub struct Leaf {
    /// Where it is in the tree: for a comment, its container.
    pub path: PathId,
    /// The bytes of the scalar with its quotes (block scalar: from `|` or `>` to the last byte of its content, without the
    /// final line break; plain multi-line: to its last non-blank byte), or of a comment from its `#` to the end of the line without
    /// the line break. Empty at its place for an omitted null. For a copy: the span of the anchored original.
    pub span: Span,
    /// First byte of the properties (anchor, tag) before the scalar; `span.start` if there are none.
    /// INI: of a value, where it starts behind its opening quote; of a comment, the index of the path node that it belongs to.
    pub props: u32,
    /// Block scalars: how many columns of indentation their content lines have. INI comments: where the part on the line of their key or
    /// header starts, if there are lines before that. 0 for all others.
    pub indent: u32,
    /// What it is.
    pub kind: LeafKind,
    /// How it is written.
    pub style: Style,
    /// The explicit tag, as far as it decides how the scalar is read.
    pub tag: Tag,
    /// Bits: see the constants.
    pub flags: u8,
}

impl Leaf {
    /// Inside a flow collection (always set for JSON).
    pub const IN_FLOW: u8 = 1;
    /// A copy made for an alias: has no place of its own in the text.
    pub const COPY: u8 = 2;
    /// A comment on the line of a value.
    pub const INLINE: u8 = 4;
    /// Belongs to the `sops` entry of the top level.
    pub const METADATA: u8 = 8;
    /// INI: not seen by sops (a key that comes again later in its section; comments that it drops). Sealed, but no part of the tree
    /// and not in the MAC.
    pub const SHADOWED: u8 = 16;
    /// INI: a value over several lines that end with backslashes.
    pub const CONTINUED: u8 = 32;
    /// INI: what follows a closing quote or bracket and is no comment to sops.
    pub const REST: u8 = 64;

    /// Whether a flag is set.
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// An alias and the copies of leaves that stand for it.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The bytes of `*name`.
    pub span: Span,
    /// The path node at which the copy hangs.
    pub path: PathId,
    /// The copies in [`Document::leaves`] (those of nested aliases included).
    pub leaves: Range<u32>,
    /// Whether the alias stands inside the copy of another one (then only the outer one has a place in the text).
    pub nested: bool,
    /// Whether it stands in flow context.
    pub in_flow: bool,
}

/// A lossless document: its text plus its leaves.
pub struct Document {
    /// The whole source.
    pub text: String,
    /// Its format.
    pub format: Format,
    /// The tree's places.
    pub paths: Paths,
    /// Leaves in the order in which sops walks the tree.
    pub leaves: Vec<Leaf>,
    /// Aliases in document order (YAML).
    pub aliases: Vec<Alias>,
    /// Root of each document of the file, in order.
    pub roots: Vec<PathId>,
    /// The `sops` entry of the top level of each document that has one, in order.
    pub metadata: Vec<PathId>,
}

impl Document {
    /// Reads a text of a format; a binary file is JSON once it is sealed.
    ///
    /// # Errors
    ///
    /// Where the text is no document, with a position.
    pub fn scan(text: String, format: Format, duplicates: Duplicates) -> Result<Self, ParseError> {
        match format {
            Format::Yaml => yaml::scan(text, duplicates),
            Format::Json | Format::Binary => json::scan(text).map(|document| Self { format, ..document }),
            Format::Dotenv => dotenv::scan(text),
            Format::Ini => ini::scan(text),
            Format::Tfvars => tfvars::scan(text),
            Format::Toml => toml::scan(text),
        }
    }

    /// As [`Document::scan`], from the bytes of a file.
    ///
    /// # Errors
    ///
    /// Also where they are not UTF-8.
    pub fn scan_bytes(bytes: &[u8], format: Format, duplicates: Duplicates) -> Result<Self, ParseError> {
        match format {
            Format::Yaml => Self::scan(yaml::text_of(bytes)?.to_owned(), format, duplicates),
            Format::Json | Format::Binary => json::scan_bytes(bytes).map(|document| Self { format, ..document }),
            Format::Dotenv | Format::Ini | Format::Tfvars | Format::Toml => {
                let text = std::str::from_utf8(bytes);
                let text = text.map_err(|error| ParseError::at(bytes, error.valid_up_to(), not_utf8(bytes)))?;
                Self::scan(text.to_owned(), format, duplicates)
            }
        }
    }

    /// As [`Document::scan_bytes`], without a copy of the bytes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn scan_owned(bytes: Vec<u8>, format: Format, duplicates: Duplicates) -> Result<Self, ParseError> {
        if format == Format::Yaml {
            yaml::refuse_other_encodings(&bytes)?;
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Self::scan_bytes(error.as_bytes(), format, duplicates),
        };
        Self::scan(text, format, duplicates)
    }

    /// The value of a leaf: typed for a scalar, null for an empty container, the text after `#` for a comment. A sealed scalar is
    /// a string.
    ///
    /// # Errors
    ///
    /// Where go-yaml refuses the scalar's tag or sops its value.
    pub fn value(&self, leaf: &Leaf) -> Result<Value<'_>, ParseError> {
        match self.format {
            Format::Yaml => yaml::value(&self.text, leaf),
            Format::Json | Format::Binary => json::value(&self.text, leaf),
            Format::Dotenv => Ok(dotenv::value(&self.text, leaf)),
            Format::Ini => Ok(ini::value(&self.text, leaf)),
            Format::Tfvars => tfvars::value(&self.text, leaf),
            Format::Toml => toml::value(&self.text, leaf),
        }
    }
}

/// Why a text that is not UTF-8 is not read, and what to do.
fn not_utf8(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            "the file is UTF-16: convert it to UTF-8 first, or seal it as a whole with `--input-type binary`"
        }
        _ => "the text is not valid UTF-8 here: convert the file, or seal it as a whole with `--input-type binary`",
    }
}

/// What a scan does with what sops itself writes or reads but a new file must not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// A plain file: duplicate keys and merge keys without mappings are refused in every document.
    Refuse,
    /// An encrypted file: as go-yaml does for sops, only the first document is checked; list items that are comments as sops
    /// writes them (`- ENC[...,type:comment]`) are comments.
    Keep,
}

/// Line and column (1-based; the column counts characters) for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// 1-based line.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The position of a byte offset.
pub fn position(text: &[u8], offset: usize) -> Position {
    let before = &text[..offset.min(text.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
    Position {
        line: memchr::memchr_iter(b'\n', before).count() as u32 + 1,
        column: String::from_utf8_lossy(&before[line_start..]).chars().count() as u32 + 1,
    }
}

/// Why a text could not be read as a document: a position and our own words, never source text.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("{position}: {message}")]
#[non_exhaustive]
pub struct ParseError {
    /// Where.
    pub position: Position,
    /// What, in our own words; may name a key path, never a value.
    pub message: String,
}

impl ParseError {
    /// An error at a byte offset of a text.
    pub fn at(text: &[u8], offset: usize, message: impl Into<String>) -> Self {
        Self { position: position(text, offset), message: message.into() }
    }
}
