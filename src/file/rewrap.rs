//! Other key groups for a file under the same data key: nothing but its `sops` block changes.

use super::open::read_metadata;
use super::output::now;
use super::verify;
use super::{Context, EncryptError, EncryptedFile, OpenError, PlainFile};
use crate::crypto::data_key::DataKey;
use crate::crypto::sealed::SealedText;
use crate::crypto::sealer::Sealer;
use crate::document::{Document, Duplicates, splice};
use crate::file::opened::Opened;
use crate::keys::{KeyGroup, KeyType, recover, wrap};
use crate::metadata::Metadata;
use crate::selection::Selection;

impl EncryptedFile {
    /// The file for these key groups. Its data key is recovered and found to be the right one, but its values stay sealed, and its MAC is
    /// neither checked nor changed: a file that was tampered with stays one.
    ///
    /// # Errors
    /// `Open` when the data key is not to be had, `Wrap` when a master key does not wrap it.
    pub fn update_keys(&self, groups: &[KeyGroup], threshold: usize, cx: &Context<'_>) -> Result<Vec<u8>, EncryptError> {
        let held = &self.metadata;
        let data_key = recover::recover(&held.groups, held.shamir_threshold, cx.order, cx.services).map_err(OpenError::from)?;
        self.check(&data_key)?;
        rewrapped(&self.document, held, &data_key, groups, threshold, cx)
    }

    /// Refuses a data key that is not that of the file: shares that do not belong together give one, and wrapping it would make the
    /// file unreadable for good.
    fn check(&self, data_key: &DataKey) -> Result<(), EncryptError> {
        let (sealer, held) = (Sealer::new(data_key), &self.metadata);
        let mac = SealedText::parse(held.mac.as_bytes());
        if mac.is_some_and(|mac| sealer.open_bytes(held.last_modified.canonical().as_bytes(), &mac).is_ok()) {
            return Ok(());
        }
        let selected = Selection::compile(&held.selection)?.select(&self.document);
        Opened::open(&self.document, &selected, &sealer, None)?;
        Ok(())
    }
}

impl PlainFile {
    /// The file for these key groups, as it stood before it was opened.
    ///
    /// # Errors
    /// `Wrap` when a master key does not wrap the data key.
    pub fn with_groups(&self, groups: &[KeyGroup], threshold: usize, cx: &Context<'_>) -> Result<Vec<u8>, EncryptError> {
        rewrapped(&self.document, &self.metadata, &self.data_key, groups, threshold, cx)
    }
}

fn rewrapped(
    document: &Document,
    held: &Metadata,
    data_key: &DataKey,
    groups: &[KeyGroup],
    threshold: usize,
    cx: &Context<'_>,
) -> Result<Vec<u8>, EncryptError> {
    now(cx)?;
    let wrapped = wrap::rewrap(data_key, &held.groups, groups, threshold, cx.services, cx.now)?;
    let mut metadata = Metadata { groups: wrapped.groups, shamir_threshold: wrapped.threshold, ..held.clone() };
    for group in &mut metadata.groups {
        // As they are stored.
        group.keys.sort_by_key(|wrapped| KeyType::ALL.iter().position(|key_type| *key_type == wrapped.key.key_type()));
    }
    let splices = document.metadata_splices(&metadata.to_node(), cx.layout);
    let text = splice(&document.text, &splices).ok_or(EncryptError::NotReadBack)?;
    if text.len() >= u32::MAX as usize {
        return Err(EncryptError::TooLarge);
    }
    let read = Document::scan(text, document.format, Duplicates::Keep).map_err(|_| EncryptError::NotReadBack)?;
    verify_metadata(&read, &metadata)?;
    verify_values(document, &read)?;
    Ok(read.text.into_bytes())
}

/// Checks that the metadata of a text is what was meant.
fn verify_metadata(read: &Document, meant: &Metadata) -> Result<(), EncryptError> {
    let holds = read_metadata(read).is_ok_and(|found| found == *meant);
    if holds { Ok(()) } else { Err(EncryptError::NotReadBack) }
}

/// Checks that the values of a text are those of another.
fn verify_values(before: &Document, after: &Document) -> Result<(), EncryptError> {
    let pairs = verify::pair(before, after, true).ok_or(EncryptError::NotReadBack)?;
    let holds = verify::all(&pairs, |i, j| {
        let (old, new) = (&before.leaves[i], &after.leaves[j]);
        let same_text = old.style == new.style && before.text[old.span.range()] == after.text[new.span.range()];
        Ok::<bool, EncryptError>(same_text && (before.value(old).ok() == after.value(new).ok()))
    })?;
    if holds { Ok(()) } else { Err(EncryptError::NotReadBack) }
}
