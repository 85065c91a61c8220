//! Scanning YAML: no panic, sound spans, every value readable or refused; each value spelled again in the style of its place
//! reads as itself.
#![no_main]

use leafseal::document::splice::{Splice, splice};
use leafseal::document::{Document, Duplicates, Format, Leaf, LeafKind, Style, yaml};
use leafseal::value::Value;
use leafseal_fuzz::{check_document, check_spans};
use libfuzzer_sys::fuzz_target;

/// So many leaves of a document are spelled again: each costs a scan.
const RESPELLED: usize = 4;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = yaml::text_of(data) else { return };
    let lenient = Document::scan(text.to_owned(), Format::Yaml, Duplicates::Keep);
    let Ok(doc) = Document::scan(text.to_owned(), Format::Yaml, Duplicates::Refuse) else {
        if let Ok(doc) = lenient {
            check_document(&doc);
        }
        return;
    };
    assert!(lenient.is_ok(), "a plain file is read that would not be read when it is encrypted");
    assert_eq!(doc.text, text, "the text is not the input");
    check_document(&doc);
    let places = doc.leaves.iter().enumerate().filter(|(_, leaf)| leaf.kind == LeafKind::Scalar && !leaf.has(Leaf::COPY));
    for (index, leaf) in places.take(RESPELLED) {
        let Ok(value) = doc.value(leaf) else { continue };
        // Nothing else can take the place of a block scalar that begins a line or has blanks only, or of a plain one above a line of
        // blanks with a tab. A value that is opened has its own spelling there: see the target `roundtrip`.
        let begins_line = text[..leaf.props as usize].ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        let is_blank = matches!(leaf.style, Style::Literal | Style::Folded) && leaf.indent == 0;
        let blanks = text[leaf.span.end as usize..].trim_start_matches([' ', '\t', '\r', '\n', '\u{85}', '\u{2028}', '\u{2029}']);
        let above_tab = text[leaf.span.end as usize..text.len() - blanks.len()].contains('\t');
        if value.is_never_sealed() || begins_line || is_blank || above_tab {
            continue;
        }
        let context = doc.context(leaf);
        let mut spelled = String::new();
        doc.spell(&value, &context, &mut spelled);
        put(&doc, index, &doc.place_for(leaf, &context, &value).splices(spelled), &value);
    }
});

/// Makes edits to a leaf, and reads its value.
fn put(doc: &Document, index: usize, edits: &[Splice], value: &Value<'_>) {
    let text = splice(&doc.text, edits).expect("edits of a place are apart");
    let again = Document::scan(text, doc.format, Duplicates::Refuse).expect("a value spelled in its place is read");
    check_spans(&again);
    assert_eq!(again.leaves.len(), doc.leaves.len(), "leaves came or went by spelling one");
    assert!(again.value(&again.leaves[index]).is_ok_and(|read| read == *value), "a value changed by spelling");
}
