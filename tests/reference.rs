//! Invariant I2, from the files of the reference in `testdata/reference`: what it wrote, we read, to the same values and comments.

use std::path::PathBuf;

use leafseal::document::Format;
use leafseal::file::{EncryptedFile, MacPolicy, PlainFile};

use super::support::{
    comments, decrypt, encrypt, files_in, first_difference, name_of, policy, same_but_for_numbers, testdata, values,
    with_identities,
};

/// Cases that nothing here can open, or that the reference refused to write.
fn is_out_of_reach(case: &str) -> bool {
    let only_pgp = case.ends_with("__pgp");
    let refused = case == "scalar_uint64";
    only_pgp || refused
}

struct Case {
    name: String,
    folder: PathBuf,
    format: Format,
    extension: &'static str,
}

impl Case {
    fn read(&self, what: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(format!("{what}.{}", self.extension))).unwrap()
    }

    fn open(&self) -> PlainFile {
        let file = EncryptedFile::parse(&self.read("enc"), self.format).unwrap();
        let opened = with_identities(|cx| file.open(MacPolicy::Verify, cx));
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn cases() -> Vec<Case> {
    let in_folder = |folder: &'static str, format, extension| {
        let all = files_in(&testdata("reference").join(folder)).into_iter();
        let cases = all.map(move |folder: PathBuf| Case { name: name_of(&folder), folder, format, extension });
        cases.filter(|case| !is_out_of_reach(&case.name))
    };
    let cases: Vec<Case> = in_folder("yaml", Format::Yaml, "yaml")
        .chain(in_folder("json", Format::Json, "json"))
        .chain(in_folder("dotenv", Format::Dotenv, "env"))
        .chain(in_folder("ini", Format::Ini, "ini"))
        .chain(in_folder("binary", Format::Binary, "bin"))
        .collect();
    assert_eq!(cases.len(), 69, "cases are missing, or new ones were added");
    cases
}

#[test]
fn the_values_are_those_that_were_encrypted() {
    for case in cases().iter().filter(|case| case.format != Format::Binary) {
        let text = case.open().text().unwrap();
        let (ours, plain) = (values(&text, case.format), values(&case.read("plain"), case.format));
        // JSON has one type of number: `1.0` comes back as `1`.
        let same = ours == plain || case.format == Format::Json && same_but_for_numbers(&ours, &plain);
        assert!(same, "{}: {}", case.name, first_difference(&ours, &plain).unwrap());
    }
}

#[test]
fn the_values_are_those_the_reference_decrypts_to() {
    for case in cases().iter().filter(|case| case.format != Format::Binary) {
        let text = case.open().text().unwrap();
        // It writes the float 1 as `1`, which reads as an integer.
        let (ours, theirs) = (values(&text, case.format), values(&case.read("dec"), case.format));
        assert!(same_but_for_numbers(&ours, &theirs), "{}: {}", case.name, first_difference(&ours, &theirs).unwrap());
    }
}

#[test]
fn binary_files_are_the_very_bytes() {
    for case in cases().iter().filter(|case| case.format == Format::Binary) {
        assert_eq!(case.open().text().unwrap(), case.read("plain"), "{}", case.name);
    }
}

#[test]
fn the_comments_are_those_the_reference_decrypts_to() {
    for case in cases().iter().filter(|case| case.format == Format::Yaml) {
        let (ours, theirs) = (comments(&case.open().text().unwrap(), case.format), comments(&case.read("dec"), case.format));
        assert_eq!(ours, theirs, "{}", case.name);
    }
}

#[test]
fn what_was_decrypted_can_be_encrypted_anew_and_merged_back() {
    for case in cases() {
        let file = case.open();
        let text = file.text().unwrap();
        let encrypted = encrypt(&text, case.format, &policy()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(decrypt(&encrypted.text, case.format).unwrap(), text, "{}", case.name);
        let merged = with_identities(|cx| file.merge(&text, cx)).unwrap();
        assert!(merged.is_none(), "{}: nothing was changed", case.name);
    }
}

#[test]
fn a_file_of_the_reference_is_rotated_for_the_same_recipients() {
    // All but those with a group that only PGP could wrap.
    let is_age = |case: &&Case| !["shamir", "pgp"].iter().any(|word| case.name.contains(word));
    for case in cases().iter().filter(is_age) {
        let file = case.open();
        let rotated =
            with_identities(|cx| file.rotate(&Default::default(), cx)).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let again = EncryptedFile::parse(&rotated.text, case.format).unwrap();
        let recipients = |file: &leafseal::metadata::Metadata| file.groups.iter().map(|g| g.group()).collect::<Vec<_>>();
        assert_eq!(recipients(again.metadata()), recipients(file.metadata()), "{}", case.name);
        let again = with_identities(|cx| again.open(MacPolicy::Verify, cx)).unwrap();
        assert_eq!(again.text().unwrap(), file.text().unwrap(), "{}", case.name);
    }
}

#[test]
fn each_of_two_identities_opens_a_file_for_two_recipients() {
    for (folder, case) in [("yaml", "nested__two_recipients"), ("json", "nested__two_recipients")] {
        let path = testdata("reference").join(folder).join(case).join(format!("enc.{folder}"));
        let text = std::fs::read_to_string(path).unwrap();
        let format = if folder == "yaml" { Format::Yaml } else { Format::Json };
        let file = EncryptedFile::parse(text.as_bytes(), format).unwrap();
        for at in 0..2 {
            let mut metadata = file.metadata().clone();
            metadata.groups[0].keys.swap(0, at);
            metadata.groups[0].keys.truncate(1);
            let key = with_identities(|cx| {
                leafseal::keys::recover::recover(&metadata.groups, metadata.shamir_threshold, cx.order, cx.services)
            });
            assert!(key.is_ok(), "recipient {at}");
        }
    }
}
