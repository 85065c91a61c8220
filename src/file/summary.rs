//! What can be told of an encrypted file without its data key.

use super::EncryptedFile;
use super::verify::is_comment;
use crate::crypto::sealed::SealedText;
use crate::document::{Leaf, LeafKind};

/// How much of a file is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sealed values.
    pub sealed: usize,
    /// Values in clear.
    pub clear: usize,
    /// Values that are never sealed: nulls and empty strings.
    pub empty: usize,
    /// Sealed comments.
    pub comments_sealed: usize,
    /// Comments in clear.
    pub comments_clear: usize,
}

impl EncryptedFile {
    /// Counts values and comments by how they look, over all documents of the file.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for leaf in self.document.leaves.iter().filter(|leaf| !leaf.has(Leaf::METADATA)) {
            if is_comment(leaf) {
                let text = self.document.comment_text(leaf);
                let sealed = SealedText::parse(text.trim_start().as_bytes()).is_some();
                *(if sealed { &mut counts.comments_sealed } else { &mut counts.comments_clear }) += usize::from(!text.is_empty());
            } else if leaf.kind == LeafKind::Scalar {
                let Ok(value) = self.document.value(leaf) else { continue };
                let count = match () {
                    () if value.is_never_sealed() => &mut counts.empty,
                    () if SealedText::parse(value.canonical()).is_some() => &mut counts.sealed,
                    () => &mut counts.clear,
                };
                *count += 1;
            }
        }
        counts
    }
}
