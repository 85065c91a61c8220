//! The end of everything that writes an encrypted text: MAC and spellings are sealed into the metadata, the metadata goes into its
//! holes, and the text is read again and compared with what it was meant to say.

use std::borrow::Cow;

use super::aliases::Expansion;
use super::plain::open_spelling;
use super::seal::{Body, Region};
use super::spelling::SPELLING_AAD;
use super::verify::{self, is_comment};
use super::{Context, EncryptError};
use crate::crypto::nonces::Nonces;
use crate::crypto::sealed::SealedType;
use crate::crypto::sealer::Sealer;
use crate::document::{Document, Duplicates, LeafKind, Style};
use crate::mac::MacState;
use crate::metadata::{LastModified, Metadata};
use crate::selection::Selection;
use crate::value::ValueType;

/// A sealed body that lacks its metadata, with what it was made from.
pub(crate) struct Written<'a> {
    /// The document whose leaves were sealed.
    pub(crate) doc: &'a Document,
    /// Which of its leaves are sealed.
    pub(crate) selected: &'a [bool],
    /// By which rule.
    pub(crate) selection: &'a Selection,
    /// Under which data key.
    pub(crate) sealer: &'a Sealer,
    /// What the pass wrote.
    pub(crate) body: Body,
    /// The aliases that were written out.
    pub(crate) expansions: &'a [Expansion],
}

impl Written<'_> {
    /// The whole text, read again and found to say what was meant. `metadata` gets its date, MAC and spellings here.
    pub(crate) fn complete(
        self,
        mut metadata: Metadata,
        mac: MacState,
        spellings: Option<&[u8]>,
        cx: &Context<'_>,
    ) -> Result<Vec<u8>, EncryptError> {
        seal_metadata(&mut metadata, self.sealer, mac, spellings, cx)?;
        let output = Output::finish(self.doc, self.body, &metadata, cx)?;
        output.verify(self.doc, self.selected, self.selection, self.expansions)?;
        Ok(output.doc.text.into_bytes())
    }
}

/// The time of a context, as the metadata has it.
pub(super) fn now(cx: &Context<'_>) -> Result<LastModified, EncryptError> {
    LastModified::parse(cx.now).ok_or(EncryptError::Clock)
}

/// Dates the metadata and seals the MAC and the spellings into it.
fn seal_metadata(
    metadata: &mut Metadata,
    sealer: &Sealer,
    mac: MacState,
    spelling: Option<&[u8]>,
    cx: &Context<'_>,
) -> Result<(), EncryptError> {
    let mut nonces = Nonces::new()?;
    metadata.last_modified = now(cx)?;
    metadata.mac = mac.finish().seal(sealer, &nonces.next_nonce(), metadata.last_modified.canonical());
    if spelling.is_some() && open_spelling(metadata, sealer).as_ref().map(|s| s.as_slice()) == spelling {
        // As with values: what did not change keeps its ciphertext.
        return Ok(());
    }
    metadata.spelling = match spelling {
        Some(plaintext) => {
            let mut out = Vec::new();
            sealer.seal(&nonces.next_nonce(), SPELLING_AAD, SealedType::Str, plaintext, &mut out);
            Some(String::from_utf8(out).map_err(|_| EncryptError::NotReadBack)?)
        }
        None => None,
    };
    Ok(())
}

/// An encrypted text that was read again.
struct Output {
    /// The text, read.
    doc: Document,
    /// Where the sealed texts are.
    regions: Vec<Region>,
}

impl Output {
    /// Puts the metadata into the holes of a body and reads the result.
    fn finish(base: &Document, body: Body, metadata: &Metadata, cx: &Context<'_>) -> Result<Self, EncryptError> {
        let splices = base.metadata_splices(&metadata.to_node(), cx.layout);
        let texts: Vec<&str> = splices.iter().map(|s| s.text.as_str()).collect();
        let (text, regions) = body.fill(&texts);
        if text.len() >= u32::MAX as usize {
            return Err(EncryptError::TooLarge);
        }
        let text = String::from_utf8(text).map_err(|_| EncryptError::NotReadBack)?;
        let doc = Document::scan(text, base.format, Duplicates::Keep).map_err(|_| EncryptError::NotReadBack)?;
        Ok(Self { doc, regions })
    }

    /// Checks that the text says what was meant: the same places, sealed texts where they were put, everything else as in `base`.
    fn verify(
        &self,
        base: &Document,
        selected: &[bool],
        selection: &Selection,
        expansions: &[Expansion],
    ) -> Result<(), EncryptError> {
        let ours = Intended::new(base, self, expansions);
        let again = selection.depends_on_comments().then(|| selection.select(&self.doc));
        if self.doc.metadata.len() != self.doc.roots.len() {
            return Err(EncryptError::NotReadBack);
        }
        let pairs = verify::pair(base, &self.doc, true).ok_or(EncryptError::NotReadBack)?;
        let holds = verify::all(&pairs, |i, j| {
            let same_choice = again.as_ref().is_none_or(|again| again[j] == selected[i]);
            Ok::<bool, EncryptError>(same_choice && ours.holds(i, j)?)
        })?;
        if holds { Ok(()) } else { Err(EncryptError::NotReadBack) }
    }
}

/// What each leaf of the base document should be in the output.
struct Intended<'a> {
    base: &'a Document,
    output: &'a Output,
    /// For each leaf of the base the region of its sealed text plus one, or 0.
    region: Vec<u32>,
    /// Sealed copies of expanded aliases.
    copies: std::collections::HashMap<u32, &'a str>,
}

impl<'a> Intended<'a> {
    fn new(base: &'a Document, output: &'a Output, expansions: &'a [Expansion]) -> Self {
        let mut region = vec![0; base.leaves.len()];
        for (n, r) in output.regions.iter().enumerate() {
            region[r.leaf as usize] = n as u32 + 1;
        }
        let copies = expansions.iter().flat_map(|e| &e.sealed).map(|(leaf, text)| (*leaf, text.as_str())).collect();
        Self { base, output, region, copies }
    }

    fn holds(&self, i: usize, j: usize) -> Result<bool, EncryptError> {
        let (leaf, read) = (&self.base.leaves[i], &self.output.doc.leaves[j]);
        let region = self.region[i].checked_sub(1).map(|n| self.output.regions[n as usize].span);
        let sealed = match region {
            // The very bytes that were written must be those that are read: equal text elsewhere would not do.
            Some(span) if span.start < read.span.start || span.end > read.span.end => return Ok(false),
            Some(span) => Some(&self.output.doc.text[span.range()]),
            None => self.copies.get(&(i as u32)).copied(),
        };
        if is_comment(leaf) {
            let expected = sealed.map_or_else(|| self.base.comment_text(leaf), Cow::Borrowed);
            return Ok(self.output.doc.comment_text(read) == expected);
        }
        if leaf.kind != LeafKind::Scalar {
            return Ok(true);
        }
        // The value of a block scalar depends on what follows it.
        if sealed.is_none()
            && !matches!(leaf.style, Style::Literal | Style::Folded)
            && leaf.style == read.style
            && leaf.tag == read.tag
            && self.base.text[leaf.span.range()] == self.output.doc.text[read.span.range()]
        {
            return Ok(true);
        }
        let found = self.output.doc.value(read).map_err(|_| EncryptError::NotReadBack)?;
        match sealed {
            Some(text) => Ok(found.kind() == ValueType::Str && found.canonical() == text.as_bytes()),
            None => Ok(found == self.base.value(leaf).map_err(EncryptError::Parse)?),
        }
    }
}
