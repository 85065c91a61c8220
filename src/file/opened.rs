//! Owns [`Opened`]: the plaintext of a file's sealed leaves, in a few wiped buffers instead of one allocation a leaf.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::batches::in_batches;
use super::seal::{AdditionalData, PARALLEL_FROM};
use super::{LeafReason, OpenError};
use crate::crypto::sealed::SealedText;
use crate::crypto::sealer::{OpenError as SealError, Sealer};
use crate::document::{Document, Format, Leaf, LeafKind};
use crate::mac::MacState;
use crate::value::{Value, ValueType};

const CHUNK: usize = 512;

/// The plaintext of the sealed leaves of a document.
pub(crate) struct Opened {
    chunks: Vec<Chunk>,
}

struct Chunk {
    bytes: Zeroizing<Vec<u8>>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    start: u32,
    len: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Not selected, or never sealed (null, empty).
    Clear,
    /// Selected but not sealed: a comment that someone added.
    PlainComment,
    /// Opened, of this type.
    Opened(ValueType),
}

impl Opened {
    /// Opens every selected leaf, and feeds the MAC with the values of all, if it is given one.
    ///
    /// # Errors
    /// The first leaf (in document order) that is not what it must be.
    pub(crate) fn open(
        doc: &Document,
        selected: &[bool],
        sealer: &Sealer,
        mut mac: Option<&mut MacState>,
    ) -> Result<Self, OpenError> {
        let total = doc.leaves.len();
        let open = |chunk: usize| Chunk::open(doc, selected, sealer, chunk * CHUNK, ((chunk + 1) * CHUNK).min(total));
        let mut opened = Self { chunks: Vec::with_capacity(total.div_ceil(CHUNK)) };
        // Collected before the first error is looked for, so that it is that of the first leaf and not of the fastest thread.
        let mut take = |chunks: Vec<Result<Chunk, OpenError>>| {
            let start = opened.chunks.len() * CHUNK;
            for chunk in chunks {
                opened.chunks.push(chunk?);
            }
            let end = (opened.chunks.len() * CHUNK).min(total);
            match &mut mac {
                Some(mac) => feed_mac(doc, selected, start..end, mac, |index| opened.value_or_clear(doc, index)),
                None => Ok(()),
            }
        };
        let chunks = total.div_ceil(CHUNK);
        if total < PARALLEL_FROM {
            take((0..chunks).map(open).collect())?;
        } else {
            in_batches(chunks, |batch| batch.into_par_iter().map(open).collect(), take)?;
        }
        Ok(opened)
    }

    fn slot(&self, index: usize) -> (&Chunk, Slot) {
        let chunk = &self.chunks[index / CHUNK];
        (chunk, chunk.slots[index % CHUNK])
    }

    /// The value of a leaf that was sealed.
    pub(crate) fn value(&self, index: usize) -> Option<Value<'_>> {
        let (chunk, slot) = self.slot(index);
        let State::Opened(kind) = slot.state else { return None };
        let bytes = &chunk.bytes[slot.start as usize..(slot.start + slot.len) as usize];
        Value::open(kind, Cow::Borrowed(bytes))
    }

    /// Whether a leaf was sealed.
    pub(crate) fn is_sealed(&self, index: usize) -> bool {
        matches!(self.slot(index).1.state, State::Opened(_))
    }

    /// How many comments stood in clear where sealed ones are expected.
    pub(crate) fn plain_comments(&self) -> usize {
        self.chunks.iter().flat_map(|c| &c.slots).filter(|s| s.state == State::PlainComment).count()
    }

    /// The value of any leaf: opened if it was sealed, else as it stands.
    pub(crate) fn value_or_clear<'a>(&'a self, doc: &'a Document, index: usize) -> Result<Value<'a>, OpenError> {
        match self.value(index) {
            Some(value) => Ok(value),
            None => doc.value(&doc.leaves[index]).map_err(OpenError::Parse),
        }
    }
}

impl Chunk {
    fn open(doc: &Document, selected: &[bool], sealer: &Sealer, start: usize, end: usize) -> Result<Self, OpenError> {
        // A close upper bound, so that no plaintext is left behind by growing.
        let mut bytes =
            Vec::with_capacity(doc.leaves[start..end].iter().map(|l| l.span.len().saturating_sub(84) * 3 / 4 + 8).sum());
        let mut slots = Vec::with_capacity(end - start);
        let mut aad = AdditionalData::new(doc);
        for (leaf, &selected) in doc.leaves[start..end].iter().zip(&selected[start..end]) {
            let clear = Slot { start: 0, len: 0, state: State::Clear };
            if !selected || leaf.has(Leaf::METADATA) {
                slots.push(clear);
                continue;
            }
            let fail = |reason| OpenError::leaf(doc, leaf, reason);
            match leaf.kind {
                LeafKind::EmptyMap | LeafKind::EmptySeq => slots.push(clear),
                LeafKind::Comment => {
                    let text = doc.comment_text(leaf);
                    let sealed = SealedText::parse(text.as_bytes());
                    let opened = sealed.and_then(|sealed| open_leaf(sealer, aad.at(leaf.path), &sealed, &mut bytes).ok());
                    let opened = opened.map(|slot| Slot { state: State::Opened(ValueType::Comment), ..slot });
                    let unsealed = if text.is_empty() { State::Clear } else { State::PlainComment };
                    slots.push(opened.unwrap_or(Slot { state: unsealed, ..clear }));
                }
                LeafKind::Scalar | LeafKind::CommentItem => {
                    let value = doc.value(leaf).map_err(OpenError::Parse)?;
                    if value.is_never_sealed() {
                        slots.push(clear);
                        continue;
                    }
                    if leaf.has(Leaf::SHADOWED) {
                        // sops never looks at it: it may be anything.
                        let sealed = SealedText::parse(value.canonical());
                        let opened = sealed.and_then(|sealed| open_leaf(sealer, aad.at(leaf.path), &sealed, &mut bytes).ok());
                        slots.push(opened.unwrap_or(clear));
                        continue;
                    }
                    if leaf.kind == LeafKind::Scalar && value.kind() != ValueType::Str {
                        return Err(fail(LeafReason::NotAString));
                    }
                    let sealed = match doc.format {
                        Format::Toml => SealedText::parse_any(value.canonical()),
                        _ => SealedText::parse(value.canonical()),
                    };
                    let sealed = sealed.ok_or_else(|| fail(LeafReason::NotSealed))?;
                    let slot = open_leaf(sealer, aad.at(leaf.path), &sealed, &mut bytes).map_err(|e| fail(LeafReason::Seal(e)))?;
                    if (leaf.kind == LeafKind::Scalar) == (slot.state == State::Opened(ValueType::Comment)) {
                        return Err(fail(LeafReason::CommentAsValue));
                    }
                    slots.push(slot);
                }
            }
        }
        Ok(Self { bytes: Zeroizing::new(bytes), slots })
    }
}

/// Opens a sealed text to the end of `bytes`, which is as it was after an error.
fn open_leaf(sealer: &Sealer, aad: &[u8], sealed: &SealedText<'_>, bytes: &mut Vec<u8>) -> Result<Slot, SealError> {
    let start = bytes.len();
    let kind = sealer.open_into(aad, sealed, bytes)?;
    Ok(Slot { start: start as u32, len: (bytes.len() - start) as u32, state: State::Opened(kind) })
}

/// The MAC over all leaves of a document, see [`feed_mac`].
pub(crate) fn mac_over<'a, E>(
    doc: &Document,
    selected: &[bool],
    mut mac: MacState,
    value: impl Fn(usize) -> Result<Value<'a>, E>,
) -> Result<MacState, E> {
    feed_mac(doc, selected, 0..doc.leaves.len(), &mut mac, value)?;
    Ok(mac)
}

/// Feeds leaves of a document to the MAC in tree order: no comments, no nulls, and (the state knows) only selected
/// ones where the file says so.
fn feed_mac<'a, E>(
    doc: &Document,
    selected: &[bool],
    leaves: Range<usize>,
    mac: &mut MacState,
    value: impl Fn(usize) -> Result<Value<'a>, E>,
) -> Result<(), E> {
    for index in leaves {
        let leaf = &doc.leaves[index];
        if leaf.kind == LeafKind::Scalar && !leaf.has(Leaf::METADATA | Leaf::SHADOWED) {
            mac.update(&value(index)?, selected[index]);
        }
    }
    Ok(())
}
