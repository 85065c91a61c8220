//! Putting a plaintext into an encrypted file that is there already, and back: data key, recipients, and the ciphertext of what did not
//! change stay; so do layout and comments where the formats differ.

use std::collections::HashSet;

use super::encrypt::Plain;
use super::{Context, EncryptError, Encrypted, OpenError, PlainError, PlainFile};
use crate::document::changes::{carry, changes, comments};
use crate::document::convert;
use crate::document::dotenv::Dialect;
use crate::document::node::Node;
use crate::document::{Document, Duplicates, Format, Layout, ParseError, dotenv};

impl PlainFile {
    /// Encrypts a plaintext of any format into this file, as [`PlainFile::merge`] does with an edited one. In the file's own format the
    /// plaintext is taken as it is. From another one its values are taken over; layout and comments of the file stay, unless the file
    /// is laid out as one that was just converted and has no comment that the plaintext lacks: then those of the plaintext come along.
    /// `None`: nothing changed. Binary goes with binary only.
    ///
    /// # Errors
    /// `Parse` when the text is no document of its format, `Convert` when the file's format cannot hold it, and what
    /// [`super::encrypt()`] gives.
    pub fn replace(&self, text: Vec<u8>, from: Format, cx: &Context<'_>) -> Result<Option<Encrypted>, EncryptError> {
        // A binary file is one value, whatever is in it.
        if from == self.format || self.format == Format::Binary {
            return self.merge(&text, cx);
        }
        let new = Plain::read(text, from, self.format, cx)?.into_document();
        if let Some(text) = self.posix_text() {
            let values = first(&new).map_err(EncryptError::Parse)?;
            let layout = Layout { dotenv: Dialect::Posix, ..*cx.layout };
            let text = match dotenv::posix::restore(&text, &values) {
                Ok(text) => text.into_bytes(),
                Err(_) => convert::file(&values, self.format, &layout)?,
            };
            return self.merge(&text, cx);
        }
        let plain = self.plain_document()?;
        let text = brought(&plain, new, from, cx.layout).map_err(EncryptError::Parse)?;
        self.merge(text.as_bytes(), cx)
    }

    /// Where a plaintext of any format has other values than this file, for people: `db.hosts[0]`. Empty when they differ in nothing but
    /// layout, comments and order.
    ///
    /// # Errors
    /// As [`PlainFile::replace`].
    pub fn differences(&self, text: &[u8], from: Format, cx: &Context<'_>) -> Result<Vec<String>, EncryptError> {
        let whole = || String::from("the content");
        if self.format == Format::Binary {
            return Ok(if self.text()? == text { Vec::new() } else { vec![whole()] });
        }
        let new = Plain::read(text.to_vec(), from, self.format, cx)?.into_document();
        let (old, new) = (first(&self.plain_document()?).map_err(EncryptError::Parse)?, first(&new).map_err(EncryptError::Parse)?);
        let paths = changes(&old, &new, from)
            .into_iter()
            .map(|change| change.path())
            .map(|path| if path.is_empty() { whole() } else { path });
        Ok(paths.collect())
    }

    /// The plaintext for a file that is there already in a format: where that is another one, layout and comments of that file stay, as
    /// [`PlainFile::replace`] keeps those of the encrypted one.
    ///
    /// # Errors
    /// `Convert` when that format cannot hold it.
    pub fn text_for(&self, there: &[u8], to: Format, cx: &Context<'_>) -> Result<Vec<u8>, PlainError> {
        let text = self.convert(to, cx.layout)?;
        let is_posix = to == Format::Dotenv && cx.layout.dotenv == Dialect::Posix;
        if to == self.format || to == Format::Binary || self.format == Format::Binary || is_posix {
            return Ok(text);
        }
        let scan = |bytes: &[u8]| Document::scan_bytes(bytes, to, Duplicates::Refuse);
        let Ok(there) = scan(there) else { return Ok(text) };
        let new = scan(&text).map_err(OpenError::Parse)?;
        Ok(brought(&there, new, self.format, cx.layout).map_err(OpenError::Parse)?.into_bytes())
    }

    /// This file with another encrypted text, which has the same data key.
    ///
    /// # Errors
    /// As [`super::EncryptedFile::open`].
    pub fn reopen(self, encrypted: Vec<u8>) -> Result<Self, OpenError> {
        let file = super::EncryptedFile::parse_owned(encrypted, self.format)?;
        let selection = crate::selection::Selection::compile(&file.metadata.selection)?;
        file.open_with(self.data_key, &selection, super::MacPolicy::Verify)
    }
}

/// The text of a document that takes over the values of another one of its format, which was written in the format `by`.
fn brought(there: &Document, new: Document, by: Format, layout: &Layout) -> Result<String, ParseError> {
    let (old_tree, new_tree) = (first(there)?, first(&new)?);
    let known: HashSet<&str> = comments(&new_tree).into_iter().collect();
    let loses_none = comments(&old_tree).iter().all(|comment| known.contains(comment));
    let is_as_converted = there.roots.len() == 1
        && convert::file(&old_tree, there.format, layout).is_ok_and(|laid_out| laid_out == there.text.as_bytes());
    if loses_none && is_as_converted {
        return Ok(new.text);
    }
    // What cannot be edited in place is laid out anew.
    Ok(carry(there, &new_tree, by, layout).ok().flatten().unwrap_or(new.text))
}

/// The tree of the first document.
fn first(document: &Document) -> Result<Node, ParseError> {
    document.roots.first().map_or_else(|| Ok(Node::map([])), |&root| document.node(root))
}
