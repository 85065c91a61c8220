//! Scanning dotenv: no panic, sound spans, every value readable, and each value spelled again reads as itself.
#![no_main]

use leafseal::document::{Document, Duplicates, Format, LeafKind, dotenv};
use leafseal_fuzz::check_document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(doc) = Document::scan_bytes(data, Format::Dotenv, Duplicates::Refuse) else { return };
    assert_eq!(doc.text.as_bytes(), data, "the text is not the input");
    check_document(&doc);
    for leaf in doc.leaves.iter().filter(|leaf| leaf.kind == LeafKind::Scalar) {
        let value = dotenv::value(&doc.text, leaf);
        let mut spelled = String::new();
        dotenv::spell(&value, &mut spelled);
        assert_eq!(spelled, doc.text[leaf.span.range()], "a value is spelled otherwise than it stood");
    }
    if let Some((text, blanks)) = dotenv::cut_blanks(&doc.text) {
        assert_eq!(dotenv::put_blanks_back(text, &blanks), doc.text, "blank lines do not come back");
    }
});
