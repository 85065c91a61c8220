//! Metadata: arbitrary text as an encrypted file. What is read is written and read again as the same; opening it, MAC or not,
//! ends without a panic.
#![no_main]

use leafseal::document::Format;
use leafseal::file::{EncryptedFile, MacPolicy};
use leafseal::metadata::Metadata;
use leafseal_fuzz::open;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // JSON is YAML, nearly: each input is tried as both.
    for format in [Format::Yaml, Format::Json, Format::Binary] {
        let _ = EncryptedFile::status(data, format);
        let Ok(file) = EncryptedFile::parse(data, format) else { continue };
        let node = file.metadata().to_node();
        let again = Metadata::read(&node).expect("what is written is read");
        assert!(again == *file.metadata(), "the metadata changed by writing it");
        for mac in [MacPolicy::Verify, MacPolicy::Ignore] {
            let _ = open(data, format, mac);
        }
    }
});
