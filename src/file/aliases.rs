//! Aliases into sealed values: the copy has another path, so its ciphertext must be its own, and the alias is expanded in the
//! encrypted file as a flow node (`docs/format.md`, "Aliases"). Aliases whose copies and originals stay in clear stay.

use std::collections::HashSet;

use super::EncryptError;
use super::seal::AdditionalData;
use crate::crypto::nonces::Nonces;
use crate::crypto::sealed::SealedType;
use crate::crypto::sealer::Sealer;
use crate::document::node::{Entry, Item, Node, Tree};
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
    /// Index of the alias in the document.
    pub(crate) alias: u32,
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
    for (i, alias) in doc.aliases.iter().enumerate() {
        if alias.nested || !must_expand(doc, selected, alias, &sealed_here)? {
            continue;
        }
        let mut leaves = copies(doc, alias);
        let mut sealed = Vec::new();
        let mut node = doc.node(alias.path);
        for scalar in scalars_mut(&mut node) {
            let Some(index) = leaves.next() else { break };
            let leaf = &doc.leaves[index];
            let value = doc.value(leaf).map_err(EncryptError::Parse)?;
            if !selected[index] || value.is_never_sealed() {
                continue;
            }
            let mut out = Vec::new();
            let Some(kind) = SealedType::of(value.kind()) else { continue };
            sealer.seal(&nonces.next_nonce(), aad.at(leaf.path), kind, value.plaintext(), &mut out);
            let text = String::from_utf8(out).map_err(|_| EncryptError::NotReadBack)?;
            *scalar = Value::str(text.clone().into_bytes());
            sealed.push((index as u32, text));
        }
        let text = doc.flow_text(&node);
        expansions.push(Expansion { span: alias.span, path: alias.path, text, sealed, alias: i as u32 });
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

/// The scalars of a tree in order, to be changed.
pub(crate) fn scalars_mut(root: &mut Node) -> Vec<&mut Value<'static>> {
    let mut scalars = Vec::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &mut node.kind {
            Tree::Scalar(value) => scalars.push(value),
            Tree::Map(entries) => open.extend(entries.iter_mut().rev().filter_map(|entry| match entry {
                Entry::Pair(_, _, node) => Some(node),
                Entry::Comment(_) => None,
            })),
            Tree::Seq(items) => open.extend(items.iter_mut().rev().filter_map(|item| match item {
                Item::Node(node) => Some(node),
                Item::Comment(_) => None,
            })),
        }
    }
    scalars
}
