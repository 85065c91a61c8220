//! The main promise: whatever text is accepted for encryption comes back byte for byte, from a rotated file,
//! too. The first byte chooses format and selection.
#![no_main]

use leafseal::document::Format;
use leafseal::file::{EncryptError, EncryptedFile, KeyChanges, MacPolicy, encrypt};
use leafseal::selection::SelectionRule;
use leafseal_fuzz::{open, policy, with_context};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, plain)) = data.split_first() else { return };
    let format = match (choice & 1, choice & 16) {
        (0, 0) => Format::Yaml,
        (_, 0) => Format::Json,
        (0, _) => Format::Dotenv,
        _ => Format::Ini,
    };
    let rule = match choice >> 1 & 3 {
        0 => SelectionRule::Implicit,
        1 => SelectionRule::EncryptedRegex("^[a-m]".to_owned()),
        2 => SelectionRule::UnencryptedRegex("^[a-m]".to_owned()),
        _ => SelectionRule::EncryptedSuffix("e".to_owned()),
    };
    with_context(|context| {
        let encrypted = match encrypt(plain, format, format, &policy(rule), context) {
            Ok(encrypted) => encrypted,
            // Blanks at the end of a text may be part of a clear value, which then is refused.
            Err(EncryptError::NotReadBack) if plain.ends_with(b"\n") => panic!("a document that is not read back"),
            Err(_) => return,
        };
        let file = EncryptedFile::parse(&encrypted.text, format).expect("what was encrypted is read");
        let opened = file.open(MacPolicy::Verify, context).expect("what was encrypted is opened");
        let back = opened.text().expect("what was opened is spelled");
        if back != plain {
            let at = back.iter().zip(plain).take_while(|(a, b)| a == b).count();
            panic!("{at} bytes came back, then not; {} of {} in all\n{}", back.len(), plain.len(), encrypted.text.escape_ascii());
        }
        if choice & 8 != 0 {
            let rotated = opened.rotate(&KeyChanges::default(), context).expect("what was opened is sealed anew");
            let again = open(&rotated.text, format, MacPolicy::Verify).expect("what was rotated is opened");
            assert!(again == plain, "a rotation changed the plaintext");
        }
    });
});
