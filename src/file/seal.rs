//! The sealing pass: one walk over a document's leaves that seals, keeps or reuses each and splices the result in one go.
//!
//! Leaves are sealed in parallel above [`PARALLEL_FROM`] of them; each chunk writes its own stretch of the output.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use super::aliases::Expansion;
use super::batches::in_batches;
use super::spelling::{Spelling, Spellings, ValueDigest, comment_place, place_name, tail_place};
use super::{EncryptError, LeafReason};
use crate::crypto::nonces::Nonces;
use crate::crypto::sealed::SealedType;
use crate::crypto::sealer::Sealer;
use crate::document::splice::Splice;
use crate::document::{Document, Leaf, LeafKind, PathId, Span, Style, Tag};
use crate::value::{Value, ValueType};

/// From this many leaves on, chunks go to all cores (measured: below it the threads cost more than they bring).
pub(crate) const PARALLEL_FROM: usize = 512;
const CHUNK: usize = 256;

/// What happens to a leaf.
pub(crate) enum Action<'a> {
    /// Its bytes stay.
    Keep,
    /// This value is sealed in its place.
    Seal(Value<'a>),
    /// This sealed text of the same value under the same additional data takes its place.
    Reuse(Cow<'a, str>, Value<'a>),
}

/// Says what happens to each leaf.
pub(crate) trait Source: Sync {
    /// The action for the leaf of this index.
    fn action(&self, index: usize) -> Result<Action<'_>, EncryptError>;

    /// Whether the original spelling of a sealed leaf is compared with the one that opening it would give (when what stands
    /// there now is the plaintext).
    fn keeps_spellings(&self) -> bool;
}

/// Where a sealed text stands in the output.
#[derive(Clone, Copy)]
pub(crate) struct Region {
    /// The leaf.
    pub(crate) leaf: u32,
    /// Its bytes in [`Body::text`], `ENC[` to `]`.
    pub(crate) span: Span,
}

/// The output of the pass, still without metadata.
pub(crate) struct Body {
    /// The text.
    pub(crate) text: Vec<u8>,
    /// Sealed leaves in the order of the text.
    pub(crate) regions: Vec<Region>,
    /// Original spellings to be kept.
    pub(crate) spellings: Spellings,
    /// Where each of the holes is in `text`.
    pub(crate) holes: Vec<usize>,
}

/// One place to change, in the order of the text.
#[derive(Clone, Copy)]
struct Edit {
    at: u32,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Leaf(u32),
    /// The part of a leaf's place that is apart from the rest (a comment may stand between them).
    Head(u32),
    Expansion(u32),
    Hole(u32),
}

/// Additional data of leaves in order, remembering the container that was last asked for.
pub(crate) struct AdditionalData<'a> {
    doc: &'a Document,
    container: Option<PathId>,
    buffer: Vec<u8>,
    prefix: usize,
}

impl<'a> AdditionalData<'a> {
    /// For the leaves of a document.
    pub(crate) fn new(doc: &'a Document) -> Self {
        Self { doc, container: None, buffer: Vec::with_capacity(64), prefix: 0 }
    }

    /// The additional data at a path node.
    pub(crate) fn at(&mut self, path: PathId) -> &[u8] {
        let (paths, text) = (&self.doc.paths, self.doc.text.as_str());
        let Some(key) = paths.key(path, text) else {
            self.container = None;
            self.buffer.clear();
            paths.additional_data(path, text, &mut self.buffer);
            return &self.buffer;
        };
        let parent = paths.node(path).parent;
        if self.container != Some(parent) {
            self.container = Some(parent);
            self.buffer.clear();
            paths.additional_data(parent, text, &mut self.buffer);
            if self.buffer == b":" && !has_key(self.doc, parent) {
                self.buffer.clear();
            }
            self.prefix = self.buffer.len();
        }
        self.buffer.truncate(self.prefix);
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.push(b':');
        &self.buffer
    }
}

/// Whether any step from the root to this node is a key (a key may be empty, and `:` then is its additional data).
fn has_key(doc: &Document, mut id: PathId) -> bool {
    while !doc.paths.is_root(id) {
        if doc.paths.key(id, &doc.text).is_some() {
            return true;
        }
        id = doc.paths.node(id).parent;
    }
    false
}

/// Runs the pass. `selected` says which leaves may be sealed; `holes` are the places (replaced spans) for text that is not
/// known yet, in order.
pub(crate) fn seal(
    doc: &Document,
    selected: &[bool],
    source: &dyn Source,
    expansions: &[Expansion],
    holes: &[Splice],
    sealer: &Sealer,
) -> Result<Body, EncryptError> {
    let mut heads = Vec::new();
    let edits = edits(doc, selected, source, expansions, holes, &mut heads)?;
    let pass = Pass { doc, source, expansions, heads: &heads, holes, sealer };
    let chunks: Vec<&[Edit]> = edits.chunks(CHUNK).collect();
    let bounds = |i: usize| -> (usize, usize) {
        let start = if i == 0 { 0 } else { chunks[i][0].at as usize };
        let end = chunks.get(i + 1).map_or(doc.text.len(), |next| next[0].at as usize);
        (start, end)
    };
    let mut body = Body {
        text: Vec::with_capacity(doc.text.len() + edits.len() * 136),
        regions: Vec::with_capacity(edits.len()),
        spellings: Spellings::default(),
        holes: Vec::new(),
    };
    if chunks.is_empty() {
        body.text.extend_from_slice(doc.text.as_bytes());
        return Ok(body);
    }
    if edits.len() < PARALLEL_FROM {
        let mut nonces = Nonces::new()?;
        for (i, chunk) in chunks.iter().enumerate() {
            let (start, end) = bounds(i);
            body.append(pass.chunk(chunk, start, end, &mut nonces)?);
        }
        return Ok(body);
    }
    // In batches, so that the chunks' own buffers stay small beside the output.
    let seal = |batch: Range<usize>| -> Vec<Result<Body, EncryptError>> {
        batch
            .into_par_iter()
            .map_init(Nonces::new, |nonces, i| {
                let nonces = nonces.as_mut().map_err(|_| EncryptError::Random)?;
                let (start, end) = bounds(i);
                pass.chunk(chunks[i], start, end, nonces)
            })
            .collect()
    };
    in_batches(chunks.len(), seal, |sealed| sealed.into_iter().try_for_each(|chunk| chunk.map(|chunk| body.append(chunk))))?;
    Ok(body)
}

fn edits(
    doc: &Document,
    selected: &[bool],
    source: &dyn Source,
    expansions: &[Expansion],
    holes: &[Splice],
    heads: &mut Vec<Splice>,
) -> Result<Vec<Edit>, EncryptError> {
    let mut edits = Vec::with_capacity(doc.leaves.len() + holes.len());
    for (i, leaf) in doc.leaves.iter().enumerate() {
        let sealable = matches!(leaf.kind, LeafKind::Scalar | LeafKind::Comment | LeafKind::CommentItem);
        if !(selected[i] && sealable) || leaf.has(Leaf::COPY) || leaf.has(Leaf::METADATA) {
            continue;
        }
        let mut at = leaf.span.start;
        if let Some(tail) = doc.comment_tail(leaf)
            && !matches!(source.action(i)?, Action::Keep)
        {
            edits.push(Edit { at: tail.span.start, what: What::Head(heads.len() as u32) });
            heads.push(tail);
        }
        if may_be_split(leaf) && !matches!(source.action(i)?, Action::Keep) {
            let place = doc.place(leaf, &doc.context(leaf));
            at = place.span.start;
            for head in place.head_edits() {
                edits.push(Edit { at: head.span.start, what: What::Head(heads.len() as u32) });
                heads.push(head);
            }
        }
        edits.push(Edit { at, what: What::Leaf(i as u32) });
    }
    for (i, expansion) in expansions.iter().enumerate() {
        edits.push(Edit { at: expansion.span.start, what: What::Expansion(i as u32) });
    }
    for (i, hole) in holes.iter().enumerate() {
        edits.push(Edit { at: hole.span.start, what: What::Hole(i as u32) });
    }
    if !edits.is_sorted_by_key(|e| e.at) {
        edits.sort_by_key(|e| e.at);
    }
    Ok(edits)
}

/// Whether the place of a leaf may be more than one span: block scalars and cut tags.
fn may_be_split(leaf: &Leaf) -> bool {
    leaf.kind == LeafKind::Scalar
        && (matches!(leaf.style, Style::Literal | Style::Folded) || !matches!(leaf.tag, Tag::None | Tag::Str))
}

struct Pass<'a> {
    doc: &'a Document,
    source: &'a dyn Source,
    expansions: &'a [Expansion],
    heads: &'a [Splice],
    holes: &'a [Splice],
    sealer: &'a Sealer,
}

impl Pass<'_> {
    /// Writes the text from `start` to `end` with the edits of one chunk.
    fn chunk(&self, edits: &[Edit], start: usize, end: usize, nonces: &mut Nonces) -> Result<Body, EncryptError> {
        let text = self.doc.text.as_bytes();
        let mut body = Body {
            text: Vec::with_capacity(end - start + edits.len() * 144),
            regions: Vec::with_capacity(edits.len()),
            spellings: Spellings::default(),
            holes: Vec::new(),
        };
        let mut aad = AdditionalData::new(self.doc);
        let mut spelled = String::new();
        let mut cursor = start;
        for edit in edits {
            match edit.what {
                What::Leaf(i) => {
                    let leaf = &self.doc.leaves[i as usize];
                    let action = self.source.action(i as usize)?;
                    let value = match &action {
                        Action::Keep => continue,
                        Action::Seal(value) | Action::Reuse(_, value) => value,
                    };
                    let context = self.doc.context(leaf);
                    let place = self.doc.place(leaf, &context);
                    if leaf.kind == LeafKind::Scalar && self.source.keeps_spellings() {
                        spelled.clear();
                        self.doc.spell(value, &context.sealed(), &mut spelled);
                        let raw = place.original(&self.doc.text);
                        if spelled != raw {
                            body.spellings.push(place_name(self.doc, leaf.path), self.spelling(leaf, value, &raw));
                        }
                    }
                    if leaf.kind == LeafKind::Comment && self.source.keeps_spellings() {
                        self.comment_spelling(leaf, value, &mut body.spellings);
                    }
                    body.copy(text, cursor, place.span.start)?;
                    body.text.extend_from_slice(place.before.as_bytes());
                    let from = body.text.len();
                    match &action {
                        Action::Seal(value) => {
                            if let Some(kind) = SealedType::of(value.kind()) {
                                self.sealer.seal(&nonces.next_nonce(), aad.at(leaf.path), kind, value.plaintext(), &mut body.text);
                            }
                        }
                        Action::Reuse(sealed, _) => body.text.extend_from_slice(sealed.as_bytes()),
                        Action::Keep => {}
                    }
                    body.regions.push(Region { leaf: i, span: Span::new(from, body.text.len()) });
                    body.text.extend_from_slice(place.after.as_bytes());
                    cursor = place.span.end as usize;
                }
                What::Expansion(i) => {
                    let expansion = &self.expansions[i as usize];
                    body.copy(text, cursor, expansion.span.start)?;
                    body.text.extend_from_slice(expansion.text.as_bytes());
                    let raw = self.doc.text[expansion.span.range()].to_owned();
                    body.spellings.push(place_name(self.doc, expansion.path), Spelling::Node { raw });
                    cursor = expansion.span.end as usize;
                }
                What::Head(i) => {
                    let head = &self.heads[i as usize];
                    body.copy(text, cursor, head.span.start)?;
                    body.text.extend_from_slice(head.text.as_bytes());
                    cursor = head.span.end as usize;
                }
                What::Hole(i) => {
                    let hole = &self.holes[i as usize];
                    body.copy(text, cursor, hole.span.start)?;
                    body.holes.push(body.text.len());
                    cursor = hole.span.end as usize;
                }
            }
        }
        body.text.extend_from_slice(text.get(cursor..end).ok_or(EncryptError::NotReadBack)?);
        Ok(body)
    }

    /// Remembers how a comment is written, where opening would write it otherwise.
    fn comment_spelling(&self, leaf: &Leaf, value: &Value<'_>, spellings: &mut Spellings) {
        let comment = String::from_utf8_lossy(value.canonical());
        let Some((raw, tail)) = self.doc.comment_original(leaf, &comment) else { return };
        let place = comment_place(self.doc, leaf);
        let digest = ValueDigest::of(value);
        if let Some(tail) = tail {
            spellings.push(tail_place(&place), Spelling::Scalar { digest, raw: tail.to_owned() });
        }
        spellings.push(place, Spelling::Scalar { digest, raw: raw.to_owned() });
    }

    /// How a spelling that opening would not give by itself is remembered.
    fn spelling(&self, leaf: &Leaf, value: &Value<'_>, raw: &str) -> Spelling {
        let is_plain = leaf.has(Leaf::IN_FLOW) && value.kind() == ValueType::Str && raw.as_bytes() == value.canonical() && {
            // Not every plain scalar of a file is one that we would spell without quotes.
            let mut plain = String::new();
            self.doc.spell(value, &self.doc.context(leaf).plain(), &mut plain);
            plain == raw
        };
        if is_plain { Spelling::Plain } else { Spelling::Scalar { digest: ValueDigest::of(value), raw: raw.to_owned() } }
    }
}

impl Body {
    /// Copies the source from where the pass is to the next place; places that overlap are no edits of one text.
    fn copy(&mut self, text: &[u8], from: usize, to: u32) -> Result<(), EncryptError> {
        self.text.extend_from_slice(text.get(from..to as usize).ok_or(EncryptError::NotReadBack)?);
        Ok(())
    }

    fn append(&mut self, chunk: Self) {
        let by = self.text.len();
        self.text.extend_from_slice(&chunk.text);
        self.regions.extend(
            chunk
                .regions
                .iter()
                .map(|r| Region { leaf: r.leaf, span: Span::new(r.span.start as usize + by, r.span.end as usize + by) }),
        );
        self.spellings.append(chunk.spellings);
        self.holes.extend(chunk.holes.iter().map(|h| h + by));
    }

    /// Fills the holes and gives the text, with the regions moved along. `texts` are in the order of the holes.
    pub(crate) fn fill(mut self, texts: &[&str]) -> (Vec<u8>, Vec<Region>) {
        let added: usize = texts.iter().map(|t| t.len()).sum();
        // The usual file has one hole, at its end: then nothing moves.
        if let ([hole], [text]) = (self.holes.as_slice(), texts) {
            let (hole, moved) = (*hole, text.len());
            let tail = self.text.split_off(hole);
            self.text.reserve_exact(moved + tail.len());
            self.text.extend_from_slice(text.as_bytes());
            self.text.extend_from_slice(&tail);
            let first = self.regions.partition_point(|r| (r.span.start as usize) < hole);
            for region in &mut self.regions[first..] {
                region.span = Span::new(region.span.start as usize + moved, region.span.end as usize + moved);
            }
            return (self.text, self.regions);
        }
        let mut out = Vec::with_capacity(self.text.len() + added);
        let mut cursor = 0;
        let mut moved = 0;
        let mut regions = self.regions.iter_mut().peekable();
        for (hole, text) in self.holes.iter().zip(texts) {
            while let Some(region) = regions.next_if(|r| (r.span.start as usize) < *hole) {
                region.span = Span::new(region.span.start as usize + moved, region.span.end as usize + moved);
            }
            out.extend_from_slice(&self.text[cursor..*hole]);
            out.extend_from_slice(text.as_bytes());
            cursor = *hole;
            moved += text.len();
        }
        for region in regions {
            region.span = Span::new(region.span.start as usize + moved, region.span.end as usize + moved);
        }
        out.extend_from_slice(&self.text[cursor..]);
        (out, self.regions)
    }
}

/// Why a leaf that is not selected cannot stay in clear, if so: sops could not read the file.
pub(crate) fn refuse_unsealable(doc: &Document, leaf: &Leaf) -> Option<LeafReason> {
    doc.is_beyond_i64(leaf).then_some(LeafReason::IntegerInClear)
}
