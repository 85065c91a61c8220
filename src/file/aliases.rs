//! Aliases into sealed values: the copy has another path, so its ciphertext must be its own, and the alias is expanded in the
//! encrypted file as a flow node (`docs/format.md`, "Aliases"). Aliases whose copies and originals stay in clear stay.

use std::collections::HashSet;

use super::EncryptError;
use super::seal::AdditionalData;
use crate::crypto::nonces::Nonces;
use crate::crypto::sealed::SealedType;
use crate::crypto::sealer::Sealer;
use crate::document::{Alias, Document, Leaf, LeafKind, PathId, Span};
use crate::value::Value;

/// The text that takes the place of an alias.
pub(crate) struct Expansion {
    /// The bytes of the alias.
    pub(crate) span: Span,
    /// The node that the alias stands for.
    pub(crate) path: PathId,
    /// A flow node.
    pub(crate) text: String,
    /// The sealed texts in it, with the index of the copied leaf.
    pub(crate) sealed: Vec<(u32, String)>,
}

/// Expands every alias that cannot stay.
pub(crate) fn expand(doc: &Document, selected: &[bool], sealer: &Sealer) -> Result<Vec<Expansion>, EncryptError> {
    if doc.aliases.is_empty() {
        return Ok(Vec::new());
    }
    let sealed_here: HashSet<u32> = sealed_originals(doc, selected)?;
    let mut nonces = Nonces::new()?;
    let mut aad = AdditionalData::new(doc);
    let mut expansions = Vec::new();
    for alias in &doc.aliases {
        if alias.nested || !must_expand(doc, selected, alias, &sealed_here)? {
            continue;
        }
        let mut sealed = Vec::new();
        let node = doc.node_with(alias.path, &mut |index, leaf| {
            let value = doc.value(leaf)?;
            let kind = SealedType::of(value.kind()).filter(|_| leaf.kind == LeafKind::Scalar);
            let Some(kind) = kind.filter(|_| selected[index as usize] && !value.is_never_sealed()) else {
                return Ok(value.into_owned());
            };
            let mut out = Vec::new();
            sealer.seal(&nonces.next_nonce(), aad.at(leaf.path), kind, value.plaintext(), &mut out);
            let text = String::from_utf8_lossy(&out).into_owned();
            sealed.push((index, text.clone()));
            Ok(Value::str(text.into_bytes()))
        });
        let node = node.map_err(EncryptError::Parse)?;
        let text = doc.flow_text(&node);
        expansions.push(Expansion { span: alias.span, path: alias.path, text, sealed });
    }
    Ok(expansions)
}

/// The scalar copies of an alias in tree order.
fn copies<'a>(doc: &'a Document, alias: &Alias) -> impl Iterator<Item = usize> + 'a {
    (alias.leaves.start as usize..alias.leaves.end as usize).filter(|&i| doc.leaves[i].kind == LeafKind::Scalar)
}

fn sealed_originals(doc: &Document, selected: &[bool]) -> Result<HashSet<u32>, EncryptError> {
    let mut all = HashSet::new();
    for (i, leaf) in doc.leaves.iter().enumerate() {
        let original = leaf.kind == LeafKind::Scalar && !leaf.has(Leaf::COPY) && selected[i];
        if original && !doc.value(leaf).map_err(EncryptError::Parse)?.is_never_sealed() {
            all.insert(leaf.span.start);
        }
    }
    Ok(all)
}

fn must_expand(doc: &Document, selected: &[bool], alias: &Alias, sealed_here: &HashSet<u32>) -> Result<bool, EncryptError> {
    for i in copies(doc, alias) {
        let leaf = &doc.leaves[i];
        if sealed_here.contains(&leaf.span.start) {
            return Ok(true);
        }
        if selected[i] && !doc.value(leaf).map_err(EncryptError::Parse)?.is_never_sealed() {
            return Ok(true);
        }
    }
    Ok(false)
}
