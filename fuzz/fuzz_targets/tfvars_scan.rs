//! Scanning tfvars: no panic, sound spans, every value readable or refused, each value spelled again reads as itself, and metadata goes
//! in and out without a trace.
#![no_main]

use leafseal::document::node::Node;
use leafseal::document::splice::splice;
use leafseal::document::{Document, Duplicates, Format, Leaf, LeafKind, tfvars};
use leafseal_fuzz::check_document;
use libfuzzer_sys::fuzz_target;

/// So many leaves of a document are spelled again: each costs a scan.
const RESPELLED: usize = 4;

fuzz_target!(|data: &[u8]| {
    let Ok(doc) = Document::scan_bytes(data, Format::Tfvars, Duplicates::Refuse) else { return };
    assert_eq!(doc.text.as_bytes(), data, "the text is not the input");
    check_document(&doc);
    // Expressions and blocks are never sealed.
    let is_literal = |leaf: &Leaf| leaf.kind == LeafKind::Scalar && !tfvars::is_expression(&doc.text, leaf);
    let scalars = doc.leaves.iter().enumerate().filter(|(_, leaf)| is_literal(leaf));
    for (index, leaf) in scalars.take(RESPELLED) {
        let Ok(value) = doc.value(leaf) else { continue };
        let context = doc.context(leaf);
        let mut spelled = String::new();
        doc.spell(&value, &context, &mut spelled);
        let text = splice(&doc.text, &doc.place_for(leaf, &context, &value).splices(spelled)).expect("edits of a place are apart");
        let again = Document::scan(text, Format::Tfvars, Duplicates::Refuse).expect("a value is spelled so that it is read");
        assert!(again.value(&again.leaves[index]).is_ok_and(|v| v == value), "a value changed by spelling");
    }
    if doc.metadata.is_empty() {
        let metadata = Node::map([(String::from("mac"), Node::str("m"))]);
        let sealed = splice(&doc.text, &tfvars::metadata_splices(&doc, &metadata)).expect("one edit");
        let sealed = Document::scan(sealed, Format::Tfvars, Duplicates::Keep).expect("metadata can be added");
        assert_eq!(sealed.metadata.len(), 1, "the metadata is not found");
        let cut = splice(&sealed.text, &tfvars::cut_metadata(&sealed)).expect("one edit");
        assert_eq!(cut, doc.text, "metadata leaves a trace");
    }
});
