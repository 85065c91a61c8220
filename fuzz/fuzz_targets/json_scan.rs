//! Scanning JSON: no panic, sound spans, every value readable or refused, and each value spelled again reads as itself.
#![no_main]

use leafseal::document::{LeafKind, json};
use leafseal_fuzz::check_document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(doc) = json::scan_bytes(data) else { return };
    assert!(data.ends_with(doc.text.as_bytes()), "the text is not the input");
    check_document(&doc);
    for leaf in &doc.leaves {
        if leaf.kind != LeafKind::Scalar {
            continue;
        }
        let Ok(value) = json::value(&doc.text, leaf) else { continue };
        let mut spelled = String::from("[");
        json::spell(&value, &mut spelled);
        let again = json::scan(format!("{{\"v\":{spelled}]}}")).expect("what is spelled is JSON");
        assert!(json::value(&again.text, &again.leaves[0]).is_ok_and(|v| v == value), "a value changed by spelling");
    }
});
