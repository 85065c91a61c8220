//! Scanning INI: no panic, sound spans, every value readable, and each value that can be spelled reads as itself in its place.
#![no_main]

use leafseal::document::splice::splice;
use leafseal::document::{Document, Duplicates, Format, Leaf, LeafKind, ini};
use leafseal_fuzz::check_document;
use libfuzzer_sys::fuzz_target;

/// So many leaves of a document are spelled again: each costs a scan.
const RESPELLED: usize = 4;

fuzz_target!(|data: &[u8]| {
    let Ok(doc) = Document::scan_bytes(data, Format::Ini, Duplicates::Refuse) else { return };
    assert_eq!(doc.text.as_bytes(), data, "the text is not the input");
    check_document(&doc);
    let places = doc.leaves.iter().enumerate().filter(|(_, leaf)| leaf.kind == LeafKind::Scalar && !leaf.has(Leaf::SHADOWED));
    for (index, leaf) in places.take(RESPELLED) {
        let value = ini::value(&doc.text, leaf);
        if value.is_never_sealed() || leaf.has(Leaf::CONTINUED) {
            continue;
        }
        let context = doc.context(leaf);
        let mut spelled = String::new();
        doc.spell(&value, &context, &mut spelled);
        let text = splice(&doc.text, &doc.place_for(leaf, &context, &value).splices(spelled)).expect("edits of a place are apart");
        // What no quotes can hold beside a comment is found out when it is read again.
        let Ok(again) = Document::scan(text, Format::Ini, Duplicates::Refuse) else { continue };
        if again.leaves.len() == doc.leaves.len() {
            check_document(&again);
            assert!(ini::value(&again.text, &again.leaves[index]) == value, "a value changed by spelling");
        }
    }
    if let Some((text, record)) = ini::bare_headers(&doc) {
        let bare = Document::scan(text, Format::Ini, Duplicates::Refuse).expect("bare headers are headers");
        assert_eq!(ini::put_headers_back(&bare, &record).as_deref(), Some(doc.text.as_str()), "headers do not come back");
    }
});
