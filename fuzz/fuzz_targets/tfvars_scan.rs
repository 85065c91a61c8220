//! Scanning tfvars: no panic, sound spans, every value readable or refused, each value spelled again reads as itself, and metadata goes
//! in and out without a trace.
#![no_main]

use leafseal::document::{Document, Duplicates, Format, tfvars};
use leafseal_fuzz::{check_document, check_metadata, check_spelling};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(doc) = Document::scan_bytes(data, Format::Tfvars, Duplicates::Refuse) else { return };
    assert_eq!(doc.text.as_bytes(), data, "the text is not the input");
    check_document(&doc);
    // Expressions and blocks are never sealed.
    check_spelling(&doc, |leaf| !tfvars::is_expression(&doc.text, leaf));
    check_metadata(&doc, tfvars::metadata_splices, tfvars::cut_metadata);
});
