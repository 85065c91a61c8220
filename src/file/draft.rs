//! The draft of a file: its plaintext with the metadata at its end, so that its keys can be edited by hand (`edit -s`).

use super::encrypt::Plain;
use super::open::read_draft;
use super::{Context, EncryptError, Encrypted, OpenError, PlainFile};
use crate::crypto::sealer::Sealer;
use crate::document::splice::splice;
use crate::document::{Document, Duplicates, Format};
use crate::keys::{KeyGroup, WrappedGroup, wrap};
use crate::metadata::Metadata;
use crate::selection::Selection;

impl PlainFile {
    /// The plaintext with the metadata at the end of the first document. `None` for a binary file, which has no place for it.
    ///
    /// # Errors
    /// As [`PlainFile::text`].
    pub fn draft(&self, cx: &Context<'_>) -> Result<Option<Vec<u8>>, OpenError> {
        if self.format == Format::Binary {
            return Ok(None);
        }
        let shown = Metadata { spelling: None, ..self.metadata.clone() };
        let plain = self.plain_document()?;
        let splices = plain.metadata_splices(&shown.to_node(), cx.layout);
        let first = splices.get(..1).unwrap_or_default();
        Ok(splice(&plain.text, first).map(String::into_bytes))
    }

    /// Encrypts an edited draft: values as [`PlainFile::merge`] does, keys, threshold and selection as its metadata says. The data key
    /// stays, and what wraps it for a key that stays too is kept where there is one key group. `None`: nothing was changed.
    ///
    /// # Errors
    /// `Parse` or `Open` when the draft has no document or no metadata (the caller offers the editor again), `Wrap` when a new key does
    /// not wrap, and what [`super::encrypt()`] gives.
    pub fn merge_draft(&self, edited: &[u8], cx: &Context<'_>) -> Result<Option<Encrypted>, EncryptError> {
        let document = Document::scan_bytes(edited, self.format, Duplicates::Refuse).map_err(EncryptError::Parse)?;
        let wanted = read_draft(&document)?;
        let text = splice(&document.text, &document.cut_metadata()).ok_or(EncryptError::NotReadBack)?;
        let groups: Vec<KeyGroup> = wanted.groups.iter().map(WrappedGroup::group).collect();
        let same_keys = self.metadata.groups.iter().map(WrappedGroup::group).eq(groups.iter().cloned())
            && self.metadata.shamir_threshold == wanted.shamir_threshold;
        if same_keys && self.metadata.selection == wanted.selection && self.metadata.mac_only_encrypted == wanted.mac_only_encrypted
        {
            return self.merge(text.as_bytes(), cx);
        }
        let mut metadata = self.metadata.clone();
        if !same_keys {
            let held = &self.metadata.groups;
            let wrapped = wrap::rewrap(&self.data_key, held, &groups, wanted.shamir_threshold, cx.services, cx.now)?;
            metadata.groups = wrapped.groups;
            metadata.shamir_threshold = wrapped.threshold;
        }
        metadata.selection = wanted.selection;
        metadata.mac_only_encrypted = wanted.mac_only_encrypted;
        let selection = Selection::compile(&metadata.selection)?;
        let plain = Plain::read(text.into_bytes(), self.format, self.format, cx)?;
        plain.seal(&selection, metadata, &Sealer::new(&self.data_key), Some(self), cx).map(Some)
    }
}
