//! Changing an encrypted file without going through its plaintext: `set`, `unset`, `rotate`. Sealed values that are not
//! touched stay as they are.

use std::collections::HashMap;

use super::batches::side_by_side;
use super::opened::mac_over;
use super::output::Written;
use super::seal::{self, Action, Source, refuse_unsealable};
use super::spelling::{Spellings, place_name};
use super::verify::is_comment;
use super::{Context, EncryptError, Encrypted, ModifyError, PlainFile, SealReport};
use crate::crypto::data_key::DataKey;
use crate::crypto::sealer::Sealer;
use crate::document::node::{Node, Tree};
use crate::document::splice::{Splice, splice};
use crate::document::steps::Step;
use crate::document::{Document, Duplicates, Format, Leaf, LeafKind, PathId, Segment, flat};
use crate::keys::{MasterKey, pin, wrap};
use crate::mac::MacState;
use crate::selection::Selection;
use crate::value::Value;

/// Recipients changed by a rotation.
#[derive(Clone, Debug, Default)]
pub struct KeyChanges {
    /// Added to the first group.
    pub add: Vec<MasterKey>,
    /// Removed from every group: master keys whose string form is this; of Azure keys without their version, every version.
    pub remove: Vec<String>,
}

impl PlainFile {
    /// Sets a value of the first document; missing mappings on the way are made, an index past the end appends. `None`: the
    /// value is there already, nothing to write.
    ///
    /// # Errors
    /// `Edit` when the path cannot be taken, `Encrypt` when sealing fails.
    pub fn set(&self, steps: &[Step], value: &Node, cx: &Context<'_>) -> Result<Option<Encrypted>, ModifyError> {
        let selection = Selection::compile(&self.metadata.selection).map_err(EncryptError::from)?;
        let doc = &self.document;
        let text = as_text(doc.format, value);
        let value = text.as_ref().unwrap_or(value);
        if text.is_some() {
            // Whether the format can hold it there.
            doc.set(steps, value, cx.layout)?;
        }
        let place = doc.find(steps);
        if let (Some(at), Tree::Scalar(scalar)) = (place, &value.kind)
            && let Some(index) = doc.leaves.iter().position(|l| l.path == at && l.kind == LeafKind::Scalar && !l.has(Leaf::COPY))
        {
            let old = self.opened().value_or_clear(doc, index)?;
            if old == *scalar && old.plaintext() == scalar.plaintext() {
                return Ok(None);
            }
            if self.opened().is_sealed(index) && !scalar.is_never_sealed() {
                return Ok(Some(self.set_sealed(index, scalar, &selection, cx)?));
            }
        }
        if place.is_some_and(|at| self.opened_node(at).is_ok_and(|old| same_node(&old, value))) {
            return Ok(None);
        }
        let splices = doc.set(steps, value, cx.layout)?;
        Ok(Some(self.apply(&splices, None, &selection, cx)?))
    }

    /// Removes a value of the first document with its key, or an item of a list.
    ///
    /// # Errors
    /// `Edit` when there is no such value.
    pub fn unset(&self, steps: &[Step], cx: &Context<'_>) -> Result<Encrypted, ModifyError> {
        let selection = Selection::compile(&self.metadata.selection).map_err(EncryptError::from)?;
        let doc = &self.document;
        let removed = doc.find(steps);
        let splices = doc.unset(steps)?;
        Ok(self.apply(&splices, removed, &selection, cx)?)
    }

    /// Seals everything anew under a fresh data key, for the changed recipients.
    ///
    /// # Errors
    /// `Wrap` when a master key does not wrap or a group would be empty.
    pub fn rotate(&self, changes: &KeyChanges, cx: &Context<'_>) -> Result<Encrypted, EncryptError> {
        let mut groups: Vec<_> = self.metadata.groups.iter().map(|g| g.group()).collect();
        if let Some(first) = groups.first_mut() {
            first.keys.extend(changes.add.iter().cloned());
        }
        for group in &mut groups {
            group.keys.retain(|key| !changes.remove.iter().any(|text| pin::is_version_of(key, text)));
        }
        let data_key = DataKey::generate()?;
        let mut metadata = self.metadata.clone();
        let wrapped = wrap::wrap(&data_key, &groups, metadata.shamir_threshold, cx.services, cx.now)?;
        metadata.groups = wrapped.groups;
        let old_sealer = Sealer::new(&self.data_key);
        let sealer = Sealer::new(&data_key);
        let doc = &self.document;
        let holes = doc.metadata_splices(&Node::map([]), cx.layout);
        let source = Rotated { file: self };
        let value = |i| self.opened().value_or_clear(doc, i).map_err(EncryptError::from);
        let (mac, body) = side_by_side(
            doc.leaves.len(),
            || self.mac_over(doc, &self.selected, value),
            || seal::seal(doc, &self.selected, &source, &[], &holes, &sealer),
        );
        let (mac, body) = (mac?, body?);
        let spelling = super::plain::open_spelling(&self.metadata, &old_sealer);
        let selection = Selection::compile(&metadata.selection)?;
        let written = Written { doc, selected: &self.selected, selection: &selection, sealer: &sealer, body, expansions: &[] };
        let text = written.complete(metadata, mac, spelling.as_ref().map(|s| s.as_slice()), cx)?;
        let report = SealReport { sealed: self.sealed_values(), ..SealReport::default() };
        Ok(Encrypted { text, report })
    }

    fn mac_over<'a>(
        &self,
        doc: &Document,
        selected: &[bool],
        value: impl Fn(usize) -> Result<Value<'a>, EncryptError>,
    ) -> Result<MacState, EncryptError> {
        mac_over(doc, selected, MacState::new(self.metadata.mac_only_encrypted), value)
    }

    /// Another value in the place of one sealed scalar.
    fn set_sealed(
        &self,
        index: usize,
        value: &Value<'static>,
        selection: &Selection,
        cx: &Context<'_>,
    ) -> Result<Encrypted, EncryptError> {
        let doc = &self.document;
        let sealer = Sealer::new(&self.data_key);
        let source = OneValue { index, value };
        let mut only = vec![false; doc.leaves.len()];
        only[index] = true;
        let holes = doc.metadata_splices(&Node::map([]), cx.layout);
        let value_at = |i| {
            if i == index { Ok(value.clone()) } else { self.opened().value_or_clear(doc, i).map_err(EncryptError::from) }
        };
        let (body, mac) = side_by_side(
            doc.leaves.len(),
            || seal::seal(doc, &only, &source, &[], &holes, &sealer),
            || self.mac_over(doc, &self.selected, value_at),
        );
        let (body, mac) = (body?, mac?);
        let spelling = super::plain::open_spelling(&self.metadata, &sealer);
        let written = Written { doc, selected: &self.selected, selection, sealer: &sealer, body, expansions: &[] };
        let text = written.complete(self.metadata.clone(), mac, spelling.as_ref().map(|s| s.as_slice()), cx)?;
        Ok(Encrypted { text, report: SealReport { values: 1, sealed: 1, ..SealReport::default() } })
    }

    /// Applies structural splices to the encrypted text, then seals what they brought in clear and is selected.
    fn apply(
        &self,
        splices: &[Splice],
        removed: Option<PathId>,
        selection: &Selection,
        cx: &Context<'_>,
    ) -> Result<Encrypted, EncryptError> {
        let old = &self.document;
        let text = splice(&old.text, splices).ok_or(EncryptError::NotReadBack)?;
        let doc = Document::scan(text, old.format, Duplicates::Keep).map_err(EncryptError::Parse)?;
        let selected = selection.select(&doc);
        let kept = Kept::new(self, &doc, splices);
        for (i, leaf) in doc.leaves.iter().enumerate() {
            if kept.old[i] == 0
                && !selected[i]
                && leaf.kind == LeafKind::Scalar
                && let Some(reason) = refuse_unsealable(&doc, leaf)
            {
                return Err(EncryptError::leaf(&doc, leaf, reason));
            }
        }
        let sealer = Sealer::new(&self.data_key);
        let source = Changed { file: self, doc: &doc, kept: &kept };
        let holes = doc.metadata_splices(&Node::map([]), cx.layout);
        let mut body = seal::seal(&doc, &selected, &source, &[], &holes, &sealer)?;
        let mac = self.mac_over(&doc, &selected, |i| match kept.old[i].checked_sub(1) {
            Some(old_index) => self.opened().value_or_clear(old, old_index as usize).map_err(EncryptError::from),
            None => doc.value(&doc.leaves[i]).map_err(EncryptError::Parse),
        })?;
        let mut spellings = match super::plain::open_spelling(&self.metadata, &sealer) {
            Some(text) => Spellings::read(&text),
            None => Spellings::default(),
        };
        if let Some(Segment::Index(n)) = removed.map(|id| old.paths.node(id).segment) {
            let list = removed.map(|id| place_name(old, old.paths.node(id).parent)).unwrap_or_default();
            spellings.close_gap(&list, n);
        }
        spellings.append(std::mem::take(&mut body.spellings));
        let written = Written { doc: &doc, selected: &selected, selection, sealer: &sealer, body, expansions: &[] };
        let text = written.complete(self.metadata.clone(), mac, spellings.plaintext().as_deref(), cx)?;
        let new = kept.old.iter().zip(&doc.leaves).filter(|(old, leaf)| **old == 0 && leaf.kind == LeafKind::Scalar).count();
        Ok(Encrypted { text, report: SealReport { values: new, ..SealReport::default() } })
    }
}

/// A scalar as the text that it is in formats which know no other values.
fn as_text(format: Format, value: &Node) -> Option<Node> {
    match &value.kind {
        Tree::Scalar(scalar) if matches!(format, Format::Dotenv | Format::Ini) => Some(Node::str(flat::text_of(scalar))),
        _ => None,
    }
}

/// Whether two trees hold the same values with the same spelling; comments do not count.
fn same_node(left: &Node, right: &Node) -> bool {
    let mut open = vec![(left, right)];
    while let Some((l, r)) = open.pop() {
        match (&l.kind, &r.kind) {
            (Tree::Scalar(a), Tree::Scalar(b)) => {
                if a != b || a.plaintext() != b.plaintext() {
                    return false;
                }
            }
            (Tree::Map(_), Tree::Map(_)) => {
                let (a, b): (Vec<_>, Vec<_>) = (l.pairs().collect(), r.pairs().collect());
                if a.len() != b.len() || a.iter().zip(&b).any(|(x, y)| x.0 != y.0) {
                    return false;
                }
                open.extend(a.iter().zip(&b).map(|(x, y)| (x.2, y.2)));
            }
            (Tree::Seq(_), Tree::Seq(_)) => {
                let (a, b): (Vec<_>, Vec<_>) = (l.items().collect(), r.items().collect());
                if a.len() != b.len() {
                    return false;
                }
                open.extend(a.into_iter().zip(b));
            }
            _ => return false,
        }
    }
    true
}

/// Everything sealed anew.
struct Rotated<'a> {
    file: &'a PlainFile,
}

impl Source for Rotated<'_> {
    fn action(&self, index: usize) -> Result<Action<'_>, EncryptError> {
        Ok(self.file.opened().value(index).map_or(Action::Keep, Action::Seal))
    }

    fn keeps_spellings(&self) -> bool {
        false
    }
}

/// One value changed.
struct OneValue<'a> {
    index: usize,
    value: &'a Value<'static>,
}

impl Source for OneValue<'_> {
    fn action(&self, index: usize) -> Result<Action<'_>, EncryptError> {
        Ok(if index == self.index { Action::Seal(self.value.clone()) } else { Action::Keep })
    }

    fn keeps_spellings(&self) -> bool {
        false
    }
}

/// What came in is sealed, what was there stays.
struct Changed<'a> {
    file: &'a PlainFile,
    doc: &'a Document,
    kept: &'a Kept,
}

impl Changed<'_> {
    fn same_additional_data(&self, old: u32, path: PathId) -> bool {
        let before = &self.file.document;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        before.paths.additional_data(before.leaves[old as usize].path, &before.text, &mut left);
        self.doc.paths.additional_data(path, &self.doc.text, &mut right);
        left == right
    }
}

impl Source for Changed<'_> {
    fn action(&self, index: usize) -> Result<Action<'_>, EncryptError> {
        let leaf = &self.doc.leaves[index];
        if let Some(old) = self.kept.old[index].checked_sub(1) {
            let is_moved = is_comment(leaf) && !self.same_additional_data(old, leaf.path);
            // A comment that has come to another container would not open there.
            return Ok(self.file.opened().value(old as usize).filter(|_| is_moved).map_or(Action::Keep, Action::Seal));
        }
        let value = self.doc.value(leaf).map_err(EncryptError::Parse)?;
        Ok(if value.is_never_sealed() { Action::Keep } else { Action::Seal(value) })
    }

    fn keeps_spellings(&self) -> bool {
        true
    }
}

/// Which leaves of a changed document were there before.
struct Kept {
    /// Per leaf of the changed document: index of the old leaf plus one, or 0 if it is new.
    old: Vec<u32>,
}

impl Kept {
    fn new(file: &PlainFile, doc: &Document, splices: &[Splice]) -> Self {
        let old = &file.document;
        let by_start: HashMap<(u32, bool), u32> = old
            .leaves
            .iter()
            .enumerate()
            .filter(|(_, l)| !l.has(Leaf::COPY))
            .map(|(i, l)| ((l.span.start, is_comment(l)), i as u32))
            .collect();
        let mut kept = Vec::with_capacity(doc.leaves.len());
        for leaf in &doc.leaves {
            let same =
                old_offset(splices, leaf.span.start).and_then(|start| by_start.get(&(start, is_comment(leaf)))).filter(|&&i| {
                    let before = &old.leaves[i as usize];
                    before.kind == leaf.kind && old.text[before.span.range()] == doc.text[leaf.span.range()]
                });
            kept.push(same.map_or(0, |i| i + 1));
        }
        Self { old: kept }
    }
}

/// Where a byte of the spliced text stood before; `None` for bytes that a splice brought.
fn old_offset(splices: &[Splice], offset: u32) -> Option<u32> {
    let mut moved = 0i64;
    for splice in splices {
        let start = i64::from(splice.span.start) + moved;
        if i64::from(offset) < start {
            break;
        }
        if i64::from(offset) < start + splice.text.len() as i64 {
            return None;
        }
        moved += splice.text.len() as i64 - splice.span.len() as i64;
    }
    u32::try_from(i64::from(offset) - moved).ok()
}
