//! The same file in another format: `--output-type` of the commands that change a file.

use super::encrypt::Plain;
use super::{Context, EncryptError, EncryptedFile, MacPolicy, PlainFile};
use crate::crypto::sealer::Sealer;
use crate::document::Format;
use crate::selection::{Selection, SelectionRule};

impl PlainFile {
    /// The file in another format: same data key, same recipients, newly laid out, every value sealed anew. In its own format it stays
    /// as it is.
    ///
    /// # Errors
    /// `Convert` when that format cannot hold it, and what [`super::encrypt()`] gives.
    pub fn reformat(self, to: Format, cx: &Context<'_>) -> Result<Self, EncryptError> {
        if to == self.format {
            return Ok(self);
        }
        let mut metadata = self.metadata.clone();
        metadata.spelling = None;
        if to == Format::Binary {
            // One value: there is nothing to select.
            metadata.selection = SelectionRule::Implicit;
            metadata.mac_only_encrypted = false;
        }
        let selection = Selection::compile(&metadata.selection)?;
        let sealed =
            Plain::read(self.text()?, self.format, to, cx)?.seal(&selection, metadata, &Sealer::new(&self.data_key), None, cx)?;
        Ok(EncryptedFile::parse_owned(sealed.text, to)?.open_with(self.data_key, &selection, MacPolicy::Verify)?)
    }

    /// The encrypted text it was opened from.
    pub fn encrypted_text(&self) -> &[u8] {
        self.document.text.as_bytes()
    }
}
