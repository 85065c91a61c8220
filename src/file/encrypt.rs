//! Encrypting: a plaintext document becomes an encrypted one, everything that is not a sealed value or the metadata unchanged.

use std::borrow::Cow;

use super::aliases::{self, Expansion};
use super::batches::side_by_side;
use super::merge::Reuse;
use super::opened::mac_over;
use super::output::{Written, now};
use super::seal::{self, Action, Body, Source, refuse_unsealable};
use super::spelling::{Spelling, Spellings, place_name};
use super::verify::is_comment;
use super::{Context, EncryptError, Encrypted, FORMAT_VERSION, LeafReason, Note, PlainFile, SealReport};
use crate::config::Policy;
use crate::crypto::data_key::DataKey;
use crate::crypto::sealer::Sealer;
use crate::document::Layout;
use crate::document::convert::ConvertError;
use crate::document::dotenv::Dialect;
use crate::document::node::Node;
use crate::document::splice::{Splice, splice};
use crate::document::{
    Document, Duplicates, Format, Leaf, LeafKind, ParseError, Style, binary, convert, dotenv, flat, ini, position,
};
use crate::keys::wrap;
use crate::mac::MacState;
use crate::metadata::Metadata;
use crate::selection::{Selection, SelectionRule};
use crate::value::Value;

/// Encrypts a plaintext file under a fresh data key.
///
/// `from` is the format of `input`, `to` that of the result (`Format::Binary` gives sops's JSON form of binary files).
///
/// # Errors
/// See [`EncryptError`]; nothing partial is ever given out.
pub fn encrypt(
    input: impl Into<Vec<u8>>,
    from: Format,
    to: Format,
    policy: &Policy,
    cx: &Context<'_>,
) -> Result<Encrypted, EncryptError> {
    let plain = Plain::read(input.into(), from, to, cx)?;
    // A binary file is one value: there is nothing to select.
    let rule = if from == Format::Binary { SelectionRule::Implicit } else { policy.selection.clone() };
    let selection = Selection::compile(&rule)?;
    let data_key = DataKey::generate()?;
    let wrapped = wrap::wrap(&data_key, &policy.groups, policy.threshold as usize, cx.services, cx.now)?;
    let metadata = Metadata {
        groups: wrapped.groups,
        shamir_threshold: wrapped.threshold,
        selection: rule,
        last_modified: now(cx)?,
        mac: String::new(),
        mac_only_encrypted: policy.mac_only_encrypted && from != Format::Binary,
        version: FORMAT_VERSION.to_owned(),
        spelling: None,
    };
    plain.seal(&selection, metadata, &Sealer::new(&data_key), None, cx)
}

/// The farthest column at which the top level of a YAML file may start.
const FARTHEST: usize = 1_000;

/// A plaintext ready to be sealed.
pub(crate) struct Plain {
    doc: Document,
    /// The whole content of a binary file: the value of `data`.
    binary: Option<Vec<u8>>,
    /// A JSON file had a byte order mark. sops does not read it: it is left out and comes back with the plaintext.
    byte_order_mark: bool,
    /// Lines that must be others in the encrypted file and come back with the plaintext: dotenv lines of nothing but blanks, which
    /// sops refuses; INI headers with something behind the bracket, where nothing can be sealed.
    lines: Option<String>,
    /// A whole dotenv text in the dialect of shells, which is encrypted in that of sops.
    posix: Option<Posix>,
}

/// A dotenv text in the dialect of shells.
struct Posix {
    text: String,
    /// The values in order: sops's dialect cannot write each of them in clear.
    values: Vec<String>,
}

impl Posix {
    /// The value of each leaf of the document that the text became; empty for those that are none.
    fn by_leaf(&self, doc: &Document) -> Vec<&str> {
        let mut values = self.values.iter();
        let mut value = |leaf: &Leaf| if leaf.kind == LeafKind::Scalar { values.next() } else { None };
        doc.leaves.iter().map(|leaf| value(leaf).map_or("", String::as_str)).collect()
    }
}

impl Plain {
    /// Reads a plaintext and, where the formats differ, converts it.
    pub(crate) fn read(mut input: Vec<u8>, from: Format, to: Format, cx: &Context<'_>) -> Result<Self, EncryptError> {
        if from == Format::Binary {
            let target = match to {
                Format::Binary => Format::Json,
                Format::Ini => return Err(ConvertError::NotSections(String::from(binary::DATA_KEY)).into()),
                _ => to,
            };
            let doc = binary::frame(target, cx.layout);
            return Ok(Self { doc, binary: Some(input), byte_order_mark: false, lines: None, posix: None });
        }
        if from == Format::Yaml && input.is_empty() {
            return Err(EncryptError::Empty);
        }
        if from == Format::Yaml && input.starts_with("\u{FEFF}\u{FEFF}".as_bytes()) {
            let twice = "there are two byte order marks: sops could not read the encrypted file, remove one";
            return Err(EncryptError::Parse(ParseError::at(&input, 0, twice)));
        }
        let marked = from == Format::Json && input.starts_with("\u{FEFF}".as_bytes());
        if marked {
            input.drain(.."\u{FEFF}".len());
        }
        let byte_order_mark = marked && to == Format::Json;
        if from == Format::Dotenv && cx.layout.dotenv == Dialect::Posix {
            return Self::read_posix(&input, to, cx);
        }
        let (input, lines) = without_blank_lines(input, from);
        let doc = Document::scan_owned(input, from, Duplicates::Refuse).map_err(EncryptError::Parse)?;
        refuse_far_right(&doc)?;
        if let Some(&entry) = doc.metadata.first() {
            let start = doc.paths.node(entry).entry.start as usize;
            return Err(EncryptError::AlreadyEncrypted { position: position(doc.text.as_bytes(), start) });
        }
        if from == to {
            let (doc, headers) = with_bare_headers(doc)?;
            return Ok(Self { doc, binary: None, byte_order_mark, lines: lines.or(headers), posix: None });
        }
        let converted = convert::convert(&doc, to, cx.layout)?;
        if to == Format::Binary {
            return Self::read(converted, Format::Binary, Format::Binary, cx);
        }
        let converted = Document::scan_owned(converted, to, Duplicates::Refuse).map_err(EncryptError::Parse)?;
        convert::check_converted(&doc, &converted)?;
        Ok(Self { doc: converted, binary: None, byte_order_mark, lines: None, posix: None })
    }

    /// Reads dotenv in the dialect of shells.
    fn read_posix(input: &[u8], to: Format, cx: &Context<'_>) -> Result<Self, EncryptError> {
        let text = std::str::from_utf8(input)
            .map_err(|e| EncryptError::Parse(ParseError::at(input, e.valid_up_to(), "the text is not valid UTF-8 here")))?;
        let node = dotenv::posix::read(text).map_err(EncryptError::Parse)?;
        let layout = Layout { dotenv: Dialect::Sops, ..*cx.layout };
        let converted = convert::file(&node, to, &layout)?;
        if to == Format::Binary {
            return Self::read(converted, Format::Binary, Format::Binary, cx);
        }
        let doc = Document::scan_owned(converted, to, Duplicates::Refuse).map_err(EncryptError::Parse)?;
        let posix = if to == Format::Dotenv {
            Some(Posix { text: text.to_owned(), values: flat::flatten(&node).into_iter().map(|(_, value)| value).collect() })
        } else {
            convert::check_same(&node, &doc)?;
            None
        };
        Ok(Self { doc, binary: None, byte_order_mark: false, lines: None, posix })
    }

    /// The document.
    pub(super) fn into_document(self) -> Document {
        self.doc
    }

    /// Seals it under a data key. `metadata` has everything but MAC and spellings; `file` is the file
    /// it was decrypted from, whose sealed texts are reused for unchanged values.
    pub(crate) fn seal(
        self,
        selection: &Selection,
        metadata: Metadata,
        sealer: &Sealer,
        file: Option<&PlainFile>,
        cx: &Context<'_>,
    ) -> Result<Encrypted, EncryptError> {
        let (doc, last_block) = with_stripped_end(self.doc)?;
        let doc = with_place_for_metadata(doc, cx)?;
        let selected = selection.select(&doc);
        let expansions = aliases::expand(&doc, &selected, sealer)?;
        let holes = doc.metadata_splices(&Node::map([]), cx.layout);
        let reuse = match file {
            Some(file) if self.binary.is_none() => Some(Reuse::new(file, &doc, &selected)?),
            _ => None,
        };
        let values = self.posix.as_ref().map(|posix| posix.by_leaf(&doc));
        let source = PlainSource { doc: &doc, binary: self.binary.as_deref(), values, reuse: reuse.as_ref() };
        source.check_clear(&selected)?;
        let mac_only = metadata.mac_only_encrypted;
        let ((report, mac), body) = side_by_side(
            doc.leaves.len(),
            || {
                let report = report(&doc, &selected, self.binary.as_deref(), &expansions);
                (report, mac_over(&doc, &selected, MacState::new(mac_only), |i| source.value(i)))
            },
            || seal::seal(&doc, &selected, &source, &expansions, &holes, sealer),
        );
        let (report, mut body) = (report?, body?);
        refuse_matching_comments(&doc, &body, selection)?;
        keep_replaced_roots(&doc, &holes, &mut body.spellings);
        let mut spellings = std::mem::take(&mut body.spellings);
        if let Some(LastBlock { place, raw }) = last_block {
            spellings.push_first(place, Spelling::Node { raw });
        }
        if self.byte_order_mark {
            spellings.push(Spelling::START.to_vec(), Spelling::ByteOrderMark);
        }
        if let Some(raw) = self.lines {
            spellings.push(Spelling::LINES.to_vec(), Spelling::Node { raw });
        }
        if let Some(Posix { text: raw, .. }) = self.posix {
            spellings.push(Spelling::POSIX.to_vec(), Spelling::Node { raw });
        }
        let written = Written { doc: &doc, selected: &selected, selection, sealer, body, expansions: &expansions };
        let text = written.complete(metadata, mac?, spellings.plaintext().as_deref(), cx)?;
        Ok(Encrypted { text, report })
    }
}

/// The metadata stands at the column of the top level: where that is absurdly far right, every line of it would be megabytes long.
fn refuse_far_right(doc: &Document) -> Result<(), EncryptError> {
    let text = doc.text.as_bytes();
    for &root in &doc.roots {
        let at = doc.paths.node(root).value.start as usize;
        let line = memchr::memrchr(b'\n', &text[..at]).map_or(0, |i| i + 1);
        if doc.format == Format::Yaml && at - line > FARTHEST && text[line..at].iter().all(|b| *b == b' ') {
            let message = format!("the top level is indented by more than {FARTHEST} columns");
            return Err(EncryptError::Parse(ParseError::at(text, at, message)));
        }
    }
    Ok(())
}

/// A dotenv text without lines of only blanks, and what they were.
fn without_blank_lines(input: Vec<u8>, from: Format) -> (Vec<u8>, Option<String>) {
    let text = if from == Format::Dotenv { std::str::from_utf8(&input).ok() } else { None };
    match text.and_then(dotenv::cut_blanks) {
        Some((kept, blanks)) => (kept.into_bytes(), Some(blanks)),
        None => (input, None),
    }
}

/// An INI document with nothing behind its headers, and what they were.
fn with_bare_headers(doc: Document) -> Result<(Document, Option<String>), EncryptError> {
    match (doc.format == Format::Ini).then(|| ini::bare_headers(&doc)).flatten() {
        Some((text, headers)) => {
            let doc = Document::scan(text, doc.format, Duplicates::Refuse).map_err(|_| EncryptError::NotReadBack)?;
            Ok((doc, Some(headers)))
        }
        None => Ok((doc, None)),
    }
}

/// The original text of a block scalar that was changed so as to keep its value.
struct LastBlock {
    place: Vec<u8>,
    raw: String,
}

/// A block scalar that ends a text without a final line break would come to have one by the metadata that follows: it
/// gets the `-` that says it has none, and its original text is given back to be kept as a spelling.
fn with_stripped_end(doc: Document) -> Result<(Document, Option<LastBlock>), EncryptError> {
    let at_end = |leaf: &&Leaf| {
        let block =
            doc.format == Format::Yaml && leaf.kind == LeafKind::Scalar && matches!(leaf.style, Style::Literal | Style::Folded);
        block && !leaf.has(Leaf::COPY) && leaf.span.end as usize == doc.text.len()
    };
    let Some(index) = doc.leaves.iter().position(|leaf| at_end(&leaf)) else { return Ok((doc, None)) };
    let leaf = doc.leaves[index];
    let raw = doc.text[leaf.span.range()].to_owned();
    let indicators = raw[1..].bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-')).count();
    let header = &raw[1..1 + indicators];
    if header.contains('-') {
        return Ok((doc, None));
    }
    let place = place_name(&doc, leaf.path);
    let start = leaf.span.start as usize;
    let stripped = format!("{}{}-", &raw[..1], header.replace('+', ""));
    let text = splice(&doc.text, &[Splice::new(start, start + 1 + indicators, stripped)]).ok_or(EncryptError::NotReadBack)?;
    let doc = Document::scan(text, doc.format, Duplicates::Keep).map_err(EncryptError::Parse)?;
    Ok((doc, Some(LastBlock { place, raw })))
}

/// The document in whose layout comments are sealed. sops decides by what follows a comment which container it belongs to, and
/// what follows the last comments will be the metadata: where comments come last, it is put there first.
fn with_place_for_metadata(doc: Document, cx: &Context<'_>) -> Result<Document, EncryptError> {
    if doc.format != Format::Yaml {
        return Ok(doc);
    }
    let last = |comments: bool| {
        let leaves = doc.leaves.iter().filter(|l| is_comment(l) == comments && !l.has(Leaf::COPY));
        leaves.map(|l| l.span.start).max()
    };
    let trailing = match (last(true), doc.roots.len()) {
        (None, _) => false,
        (Some(comment), 1) => comment > last(false).unwrap_or(0),
        // Several documents with comments: not worth counting.
        (Some(_), _) => true,
    };
    if !trailing {
        return Ok(doc);
    }
    let placeholder = Node::map([("version".to_owned(), Node::str("0"))]);
    let splices = doc.metadata_splices(&placeholder, cx.layout);
    if splices.iter().any(|s| !s.span.is_empty()) {
        return Ok(doc);
    }
    let text = splice(&doc.text, &splices).ok_or(EncryptError::NotReadBack)?;
    Document::scan(text, doc.format, Duplicates::Keep).map_err(EncryptError::Parse)
}

/// An explicit null root had to give way to the metadata: its text is kept.
fn keep_replaced_roots(doc: &Document, holes: &[Splice], spellings: &mut Spellings) {
    if !doc.metadata.is_empty() {
        return;
    }
    for (hole, &root) in holes.iter().zip(&doc.roots) {
        if !hole.span.is_empty() {
            let raw = doc.text[hole.span.range()].to_owned();
            spellings.push(place_name(doc, root), Spelling::Node { raw });
        }
    }
}

fn report(doc: &Document, selected: &[bool], binary: Option<&[u8]>, expansions: &[Expansion]) -> Result<SealReport, EncryptError> {
    let mut report = SealReport::default();
    for (i, leaf) in doc.leaves.iter().enumerate() {
        if leaf.has(Leaf::METADATA) || leaf.has(Leaf::COPY) {
            continue;
        }
        if is_comment(leaf) {
            if !doc.comment_text(leaf).is_empty() {
                report.comments += 1;
                report.comments_sealed += usize::from(selected[i]);
            }
        } else if leaf.kind == LeafKind::Scalar {
            let empty = match binary {
                Some(content) => content.is_empty(),
                None => doc.is_empty_scalar(leaf),
            };
            if !empty {
                report.values += 1;
                report.sealed += usize::from(selected[i]);
            }
            if doc.is_expression(leaf) {
                if selected[i] {
                    return Err(EncryptError::leaf(doc, leaf, LeafReason::NotLiteral));
                }
                report.notes.push(Note::ExpressionInClear {
                    path: doc.paths.display(leaf.path, &doc.text),
                    position: position(doc.text.as_bytes(), leaf.span.start as usize),
                });
            }
            if !selected[i]
                && let Some(reason) = refuse_unsealable(doc, leaf)
            {
                return Err(EncryptError::leaf(doc, leaf, reason));
            }
        }
    }
    if report.values > 0 && report.sealed == 0 {
        report.notes.push(Note::NothingSealed);
    }
    for expansion in expansions {
        report.notes.push(Note::AliasExpanded {
            path: doc.paths.display(expansion.path, &doc.text),
            position: position(doc.text.as_bytes(), expansion.span.start as usize),
        });
    }
    Ok(report)
}

/// Seals the values of a plaintext document, or reuses sealed texts of the file it came from.
struct PlainSource<'a> {
    doc: &'a Document,
    binary: Option<&'a [u8]>,
    /// The values of a text in another dialect.
    values: Option<Vec<&'a str>>,
    reuse: Option<&'a Reuse<'a>>,
}

impl<'a> PlainSource<'a> {
    fn value(&self, index: usize) -> Result<Value<'a>, EncryptError> {
        let leaf = &self.doc.leaves[index];
        match (self.binary, &self.values) {
            (Some(content), _) => Ok(Value::str(content)),
            (None, Some(values)) if leaf.kind == LeafKind::Scalar => Ok(Value::str(values[index].as_bytes())),
            _ => self.doc.value(leaf).map_err(EncryptError::Parse),
        }
    }
}

impl PlainSource<'_> {
    /// Refuses values that stay in clear where the dialect of the file cannot write them.
    fn check_clear(&self, selected: &[bool]) -> Result<(), EncryptError> {
        if self.values.is_none() {
            return Ok(());
        }
        for (index, leaf) in self.doc.leaves.iter().enumerate().filter(|(index, _)| !selected[*index]) {
            if leaf.kind == LeafKind::Scalar && self.value(index)? != self.doc.value(leaf).map_err(EncryptError::Parse)? {
                return Err(ConvertError::Unspellable(self.doc.paths.display(leaf.path, &self.doc.text)).into());
            }
        }
        Ok(())
    }
}

impl Source for PlainSource<'_> {
    fn action(&self, index: usize) -> Result<Action<'_>, EncryptError> {
        let value = self.value(index)?;
        if value.is_never_sealed() {
            return Ok(Action::Keep);
        }
        match self.reuse.and_then(|reuse| reuse.sealed_text(index)) {
            Some(text) => Ok(Action::Reuse(Cow::Borrowed(text), value)),
            None => Ok(Action::Seal(value)),
        }
    }

    fn keeps_spellings(&self) -> bool {
        self.binary.is_none()
    }
}

/// Refuses sealed comments that the comment selector of the file would match (sops: exit 23).
fn refuse_matching_comments(doc: &Document, body: &Body, selection: &Selection) -> Result<(), EncryptError> {
    if !selection.depends_on_comments() {
        return Ok(());
    }
    for region in &body.regions {
        let leaf = &doc.leaves[region.leaf as usize];
        let sealed = std::str::from_utf8(&body.text[region.span.range()]).unwrap_or_default();
        if is_comment(leaf) && selection.check_sealed_comment(sealed).is_err() {
            return Err(EncryptError::leaf(doc, leaf, LeafReason::CommentMatches));
        }
    }
    Ok(())
}
