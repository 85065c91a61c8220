//! Putting an edited plaintext back: same data key, same recipients, and unchanged values keep their ciphertext.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::encrypt::Plain;
use super::seal::AdditionalData;
use super::spelling::place_name;
use super::verify::is_comment;
use super::{Context, EncryptError, Encrypted, PlainFile};
use crate::crypto::sealer::Sealer;
use crate::document::dotenv::Dialect;
use crate::document::{Document, Format, Layout, Leaf, LeafKind};
use crate::selection::Selection;
use crate::value::Value;

impl PlainFile {
    /// Encrypts an edited plaintext of this file under the same data key. A sealed text is reused where additional data and
    /// value are unchanged: first at the same place, then in order; never twice, so that equal list elements do not come to
    /// share a nonce. `None`: nothing changed.
    ///
    /// # Errors
    /// `Parse` when the edited text is no document (the caller offers the editor again), and what [`super::encrypt()`] gives.
    pub fn merge(&self, edited: &[u8], cx: &Context<'_>) -> Result<Option<Encrypted>, EncryptError> {
        if self.text()? == edited {
            return Ok(None);
        }
        let selection = Selection::compile(&self.metadata.selection)?;
        let sealer = Sealer::new(&self.data_key);
        let mut metadata = self.metadata.clone();
        if version_below(&metadata.version, super::FORMAT_VERSION) {
            metadata.version = super::FORMAT_VERSION.to_owned();
        }
        let mut layout = self.metadata_layout(cx.layout);
        if self.posix_text().is_some() {
            layout.dotenv = Dialect::Posix;
        }
        let plain = Plain::read(edited.to_vec(), self.format, self.format, &Context { layout: &layout, ..*cx })?;
        let cx = Context { layout: &layout, ..*cx };
        plain.seal(&selection, metadata, &sealer, Some(self), &cx).map(Some)
    }

    /// The layout with which the metadata of the file was written, so that it stays as it is.
    fn metadata_layout(&self, given: &Layout) -> Layout {
        let doc = &self.document;
        let column = |at: u32| {
            let start = doc.text[..at as usize].rfind('\n').map_or(0, |i| i + 1);
            at as usize - start
        };
        let indent = doc.metadata.first().and_then(|&entry| {
            let first = doc.children(entry).next()?;
            column(doc.paths.node(first).entry.start).checked_sub(column(doc.paths.node(entry).entry.start))
        });
        match indent {
            Some(indent @ 2..=9) if self.format == Format::Yaml => Layout { yaml_indent: indent, ..*given },
            _ => *given,
        }
    }
}

/// Whether a version is older than another, by their leading numbers; what is no version is not.
fn version_below(version: &str, than: &str) -> bool {
    let numbers = |v: &str| -> Option<Vec<u64>> {
        v.trim_start_matches('v').split(['.', '-', '+']).take(3).map(|n| n.parse().ok()).collect()
    };
    matches!((numbers(version), numbers(than)), (Some(a), Some(b)) if a < b)
}

/// For each leaf of an edited document the sealed text that it may keep.
pub(crate) struct Reuse<'a> {
    old: &'a Document,
    /// Per leaf of the edited document (in its order, comments included): index of the old leaf plus one, or 0.
    from: Vec<u32>,
}

impl<'a> Reuse<'a> {
    /// Matches the leaves of an edited document with those of the file.
    pub(crate) fn new(file: &'a PlainFile, doc: &Document, selected: &[bool]) -> Result<Self, EncryptError> {
        let mut matcher = Matcher::new(file);
        let mut from = vec![0u32; doc.leaves.len()];
        // The same place first, so that a value that stayed is not robbed by an equal one that moved.
        for exact in [true, false] {
            let mut aad = AdditionalData::new(doc);
            for (i, leaf) in doc.leaves.iter().enumerate() {
                if !selected[i] || from[i] != 0 || leaf.has(Leaf::COPY) {
                    continue;
                }
                let Some(value) = sealable(doc, leaf)? else { continue };
                let aad = aad.at(leaf.path);
                let key = if exact && !is_comment(leaf) { hash(&place_name(doc, leaf.path)) } else { content_hash(aad, &value) };
                let found = if exact && !is_comment(leaf) {
                    matcher.take_at(key, aad, &value)
                } else if exact {
                    None
                } else {
                    matcher.take_equal(key, aad, &value)
                };
                if let Some(old) = found {
                    from[i] = old + 1;
                }
            }
        }
        Ok(Self { old: &file.document, from })
    }

    /// The sealed text for a leaf.
    pub(crate) fn sealed_text(&self, index: usize) -> Option<&'a str> {
        let old = self.from.get(index)?.checked_sub(1)?;
        let leaf = &self.old.leaves[old as usize];
        self.old.sealed_text(leaf)
    }
}

fn sealable<'a>(doc: &'a Document, leaf: &Leaf) -> Result<Option<Value<'a>>, EncryptError> {
    let value = match leaf.kind {
        LeafKind::Scalar | LeafKind::Comment | LeafKind::CommentItem => doc.value(leaf).map_err(EncryptError::Parse)?,
        LeafKind::EmptyMap | LeafKind::EmptySeq => return Ok(None),
    };
    Ok((!value.is_never_sealed()).then_some(value))
}

fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn content_hash(aad: &[u8], value: &Value<'_>) -> u64 {
    hash(&(aad, value.kind(), value.plaintext()))
}

/// The sealed leaves of the old file, each to be used once.
struct Matcher<'a> {
    file: &'a PlainFile,
    by_place: HashMap<u64, Vec<u32>>,
    /// In document order, to be taken from the front: reversed.
    by_content: HashMap<u64, Vec<u32>>,
    used: Vec<bool>,
}

impl<'a> Matcher<'a> {
    fn new(file: &'a PlainFile) -> Self {
        let doc = &file.document;
        let mut aad = AdditionalData::new(doc);
        let (mut by_place, mut by_content): (HashMap<u64, Vec<u32>>, HashMap<u64, Vec<u32>>) = (HashMap::new(), HashMap::new());
        for i in (0..doc.leaves.len()).rev() {
            let leaf = &doc.leaves[i];
            let Some(value) = file.opened().value(i) else { continue };
            if leaf.has(Leaf::COPY) || doc.sealed_text(leaf).is_none() {
                continue;
            }
            by_content.entry(content_hash(aad.at(leaf.path), &value)).or_default().push(i as u32);
            if !is_comment(leaf) {
                by_place.entry(hash(&place_name(doc, leaf.path))).or_default().push(i as u32);
            }
        }
        Self { file, by_place, by_content, used: vec![false; doc.leaves.len()] }
    }

    fn take_at(&mut self, place: u64, aad: &[u8], value: &Value<'_>) -> Option<u32> {
        let all = self.by_place.get(&place)?;
        let found = all.iter().rev().copied().find(|&i| !self.used[i as usize] && self.is(i, aad, value))?;
        self.used[found as usize] = true;
        Some(found)
    }

    fn take_equal(&mut self, content: u64, aad: &[u8], value: &Value<'_>) -> Option<u32> {
        loop {
            let found = self.by_content.get_mut(&content)?.pop()?;
            if !self.used[found as usize] && self.is(found, aad, value) {
                self.used[found as usize] = true;
                return Some(found);
            }
        }
    }

    /// Whether an old leaf has this additional data and this very plaintext (hashes only find candidates).
    fn is(&self, old: u32, aad: &[u8], value: &Value<'_>) -> bool {
        let doc = &self.file.document;
        let mut other = Vec::new();
        doc.paths.additional_data(doc.leaves[old as usize].path, &doc.text, &mut other);
        let same = self.file.opened().value(old as usize);
        other == aad && same.is_some_and(|v| v.kind() == value.kind() && v.plaintext() == value.plaintext())
    }
}
