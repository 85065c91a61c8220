//! What the fuzz targets share: the rules that every scanned document obeys, and a key service without cryptography.

use leafseal::config::{Policy, Source, Sources};
use leafseal::crypto::DataKey;
use leafseal::document::node::Node;
use leafseal::document::splice::{Splice, splice};
use leafseal::document::{Document, Duplicates, Format, Layout, Leaf, LeafKind};
use leafseal::file::{Context, EncryptedFile, MacPolicy};
use leafseal::keys::recover::DecryptionOrder;
use leafseal::keys::service::{KeyError, KeyService, Reason, Unwrapped};
use leafseal::keys::{KeyGroup, MasterKey, WrappedKey, parse};
use leafseal::secret::Secret;
use leafseal::selection::SelectionRule;
use zeroize::Zeroizing;

/// Checks the spans of a document: within the text, on character boundaries; no two scalars that have a place of their own
/// overlap, nor do two comments. (A comment behind the header of a block scalar lies within the scalar.)
///
/// # Panics
/// When they are not so.
pub fn check_spans(doc: &Document) {
    let (mut scalars, mut comments) = (Vec::new(), Vec::new());
    for leaf in &doc.leaves {
        let span = leaf.span.range();
        assert!(doc.text.get(span.clone()).is_some(), "a span outside the text or within a character: {span:?}");
        let ini = doc.format == Format::Ini;
        if leaf.kind == LeafKind::Comment && ini {
            assert!((leaf.props as usize) < doc.paths.len(), "a comment of nothing");
            comments.push((span.start, span.end));
            continue;
        }
        assert!(doc.text.get(leaf.props as usize..span.end).is_some(), "properties outside the text: {} {span:?}", leaf.props);
        if leaf.kind == LeafKind::Comment && !leaf.has(Leaf::COPY) {
            let marks: &[&str] = if doc.format == Format::Tfvars { &["#", "//", "/*"] } else { &["#"] };
            let is_marked = marks.iter().any(|mark| doc.text[span.clone()].starts_with(mark));
            assert!(is_marked, "a comment that is none: {span:?}");
            comments.push((span.start, span.end));
        } else if !leaf.has(Leaf::COPY) {
            scalars.push((leaf.props as usize, span.end));
        }
    }
    for mut spans in [scalars, comments] {
        spans.sort_unstable();
        for pair in spans.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "leaves overlap: {pair:?}");
        }
    }
    for (id, node) in doc.paths.iter() {
        assert!(doc.paths.is_root(id) || node.parent < id, "a parent behind its child");
        assert!(doc.text.get(node.entry.range()).is_some(), "an entry outside the text");
        assert!(doc.text.get(node.value.range()).is_some(), "a value outside the text");
        if !node.copy {
            assert!(node.entry.start <= node.value.start && node.value.end <= node.entry.end, "a value outside its entry");
        }
    }
}

/// Checks a document: its spans, and that reading values, paths and trees ends without a panic.
///
/// # Panics
/// When it is not sound.
pub fn check_document(doc: &Document) {
    check_spans(doc);
    let mut path = Vec::new();
    for leaf in &doc.leaves {
        path.clear();
        doc.paths.additional_data(leaf.path, &doc.text, &mut path);
        assert!(path.ends_with(b":"), "additional data without its end");
        // A value that cannot be read is refused with a position, which is fine.
        let _ = doc.value(leaf);
    }
    for &root in &doc.roots {
        let _ = doc.node(root);
    }
}

/// A fixed data key.
pub fn data_key() -> DataKey {
    DataKey::from_bytes(Zeroizing::new((0..32).collect())).expect("32 bytes are a data key")
}

/// Wraps a data key by spelling it in hexadecimal: no cryptography, the same result each time.
pub struct Hex;

impl KeyService for Hex {
    fn wrap(&self, _: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
        Ok(data_key.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
        let digits: Option<Vec<u8>> = key.enc.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
        Ok(match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                Unwrapped::Opened(Secret::new(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
            }
            _ => Unwrapped::NothingHere(Reason::default()),
        })
    }
}

/// Calls with a context whose only key service is [`Hex`].
pub fn with_context<T>(call: impl FnOnce(&Context<'_>) -> T) -> T {
    let (order, layout) = (DecryptionOrder::stored(), Layout::default());
    call(&Context { services: &[&Hex], order: &order, now: "2026-11-22T07:14:39Z", layout: &layout })
}

/// A policy of one master key with a selection.
pub fn policy(selection: SelectionRule) -> Policy {
    let given = || Source::Default;
    let sources = Sources { rule: None, keys: Vec::new(), threshold: given(), selection: given(), mac_only_encrypted: given() };
    let groups = vec![KeyGroup { keys: vec![parse::pgp("FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4")] }];
    Policy { groups, threshold: 0, selection, mac_only_encrypted: false, sources, warnings: Vec::new() }
}

/// Opens an encrypted file and gives its plaintext, if it has one.
pub fn open(text: &[u8], format: Format, mac: MacPolicy) -> Option<Vec<u8>> {
    let file = EncryptedFile::parse(text, format).ok()?;
    with_context(|context| file.open(mac, context)).ok()?.text().ok()
}

/// So many leaves of a document are spelled again: each costs a scan.
const RESPELLED: usize = 4;

/// Checks that values which are spelled again read as themselves, those of the first leaves that `chosen` takes.
///
/// # Panics
/// When one does not.
pub fn check_spelling(doc: &Document, chosen: impl Fn(&Leaf) -> bool) {
    let scalars = doc.leaves.iter().enumerate().filter(|(_, leaf)| leaf.kind == LeafKind::Scalar && chosen(leaf));
    for (index, leaf) in scalars.take(RESPELLED) {
        let Ok(value) = doc.value(leaf) else { continue };
        let context = doc.context(leaf);
        let mut spelled = String::new();
        doc.spell(&value, &context, &mut spelled);
        let text = splice(&doc.text, &doc.place_for(leaf, &context, &value).splices(spelled)).expect("edits of a place are apart");
        let again = Document::scan(text, doc.format, Duplicates::Refuse).expect("a value is spelled so that it is read");
        assert!(again.value(&again.leaves[index]).is_ok_and(|v| v == value), "a value changed by spelling");
    }
}

/// Checks that metadata goes into a document that has none, and out again, without a trace.
///
/// # Panics
/// When it does not.
pub fn check_metadata(doc: &Document, add: impl Fn(&Document, &Node) -> Vec<Splice>, cut: impl Fn(&Document) -> Vec<Splice>) {
    if !doc.metadata.is_empty() {
        return;
    }
    let metadata = Node::map([(String::from("mac"), Node::str("m"))]);
    let sealed = splice(&doc.text, &add(doc, &metadata)).expect("one edit");
    let sealed = Document::scan(sealed, doc.format, Duplicates::Keep).expect("metadata can be added");
    assert_eq!(sealed.metadata.len(), 1, "the metadata is not found");
    let cut = splice(&sealed.text, &cut(&sealed)).expect("one edit");
    assert_eq!(cut, doc.text, "metadata leaves a trace");
}
