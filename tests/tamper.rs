//! What a change of an encrypted file does: it is found, by the layer that must find it, or it changes no value.
//!
//! The format leaves some bytes unprotected, and these tests say which: names of keys whose values stay in clear (the MAC covers
//! values alone), comments, layout, the recipients' names and unknown fields of the metadata, the version, and the types of values
//! that stay in clear.

use leafseal::document::{Document, Duplicates, Format};
use leafseal::file::{EncryptedFile, LeafReason, MacPolicy, OpenError};
use leafseal::mac::MacError;

use super::support::{HONEST, decrypt, encrypt, open, policy, values, with};

const YAML: &str = "\
# in front
name: first value # behind
list:
    - one
    - two
    - one
number: 42
nested:
    flag: true
    text: |
        several
        lines
clear_unencrypted: seen by all
";

const JSON: &str = "{\n\t\"name\": \"first value\",\n\t\"list\": [\n\t\t\"one\",\n\t\t\"two\"\n\t],\n\t\"number\": 4.5,\n\t\"clear_unencrypted\": \"seen\"\n}\n";

const FILES: [(Format, &str); 2] = [(Format::Yaml, YAML), (Format::Json, JSON)];

fn sealed(format: Format, text: &str) -> String {
    String::from_utf8(encrypt(text, format, &policy()).unwrap().text).unwrap()
}

/// The values in order, without their places.
fn values_alone(text: &[u8], format: Format) -> Vec<String> {
    values(text, format).iter().filter_map(|line| line.rsplit_once(" = ")).map(|(_, value)| value.to_owned()).collect()
}

/// Which part of an encrypted file a byte is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A sealed value.
    Value,
    /// A sealed comment: never part of the MAC, and one that does not open counts as a comment in clear.
    Comment,
    /// `mac` or `lastmodified`.
    Mac,
    /// The rest of the metadata.
    Metadata,
    /// Keys, clear values and layout of the body.
    Body,
}

fn parts(text: &str) -> Vec<Part> {
    let metadata = text.find("\nsops:").or_else(|| text.find("\"sops\"")).unwrap();
    let mut parts: Vec<Part> = (0..text.len()).map(|at| if at < metadata { Part::Body } else { Part::Metadata }).collect();
    for (at, _) in text.match_indices("ENC[") {
        let end = at + text[at..].find(']').unwrap() + 1;
        let part = match text[at..end].ends_with("type:comment]") {
            _ if at > metadata => Part::Mac,
            true => Part::Comment,
            false => Part::Value,
        };
        parts[at..end].fill(part);
    }
    let at = text.find("lastmodified").unwrap();
    let value = at + text[at..].find("20").unwrap();
    parts[value..value + "2026-11-24T07:00:00Z".len()].fill(Part::Mac);
    parts
}

/// Checks one changed file.
fn check(format: Format, plain: &str, changed: &[u8], part: Part, told: &str) {
    let Ok(text) = decrypt(changed, format) else { return };
    let same = text == plain.as_bytes();
    match part {
        Part::Value | Part::Mac => assert!(same, "{told}: not found"),
        Part::Comment | Part::Metadata | Part::Body => {
            assert_eq!(
                values_alone(&text, format),
                values_alone(plain.as_bytes(), format),
                "{told}: values changed and nothing was said"
            );
        }
    }
}

#[test]
fn a_flipped_bit_is_found_or_changes_no_value() {
    for (format, plain) in FILES {
        let file = sealed(format, plain);
        let parts = parts(&file);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone().into_bytes();
                changed[at] ^= 1 << bit;
                check(format, plain, &changed, parts[at], &format!("{format:?}, bit {bit} of byte {at}"));
            }
        }
    }
}

#[test]
fn a_lost_or_doubled_byte_is_found_or_changes_no_value() {
    for (format, plain) in FILES {
        let file = sealed(format, plain);
        let parts = parts(&file);
        for at in 0..file.len() {
            let mut changed = file.clone().into_bytes();
            changed.remove(at);
            check(format, plain, &changed, parts[at], &format!("{format:?}, without byte {at}"));
            let mut changed = file.clone().into_bytes();
            changed.insert(at, changed[at]);
            check(format, plain, &changed, parts[at], &format!("{format:?}, byte {at} twice"));
        }
    }
}

#[test]
fn a_truncated_file_is_found() {
    for (format, plain) in FILES {
        let file = sealed(format, plain);
        for end in 0..file.trim_end().len() {
            if let Ok(text) = decrypt(&file[..end], format) {
                // The last characters of the version may go: it is a field without a meaning for what was sealed.
                assert!(file[end..].trim_end().len() <= ".13.3\"\n\t}\n}".len(), "{format:?}: cut at {end} of {}", file.len());
                assert_eq!(values_alone(&text, format), values_alone(plain.as_bytes(), format), "{format:?}: cut at {end}");
            }
        }
    }
}

/// The layer that finds a change.
#[derive(Debug, PartialEq, Eq)]
enum Layer {
    Parse,
    Metadata,
    NoKey,
    Leaf,
    MacMissing,
    MacUndecryptable,
    MacMismatch,
}

fn layer(error: &OpenError) -> Layer {
    match error {
        OpenError::Parse(_) => Layer::Parse,
        OpenError::Metadata(_) | OpenError::Selection(_) => Layer::Metadata,
        OpenError::NoKey(_) => Layer::NoKey,
        OpenError::Leaf { .. } => Layer::Leaf,
        OpenError::Mac(MacError::Missing) => Layer::MacMissing,
        OpenError::Mac(MacError::Undecryptable) => Layer::MacUndecryptable,
        OpenError::Mac(MacError::Mismatch) => Layer::MacMismatch,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn assert_found(text: &str, by: Layer) {
    match open(text, Format::Yaml) {
        Ok(_) => panic!("not found:\n{text}"),
        Err(error) => assert_eq!(layer(&error), by, "{error}\n{text}"),
    }
}

/// The line of a YAML file that starts with a text, blanks in front left out.
fn line<'a>(file: &'a str, start: &str) -> &'a str {
    file.lines().find(|line| line.trim_start().starts_with(start)).unwrap()
}

fn sealed_text(line: &str) -> &str {
    let at = line.find("ENC[").unwrap();
    &line[at..at + line[at..].find(']').unwrap() + 1]
}

/// Lines that hold the items of `list`.
fn items(file: &str) -> Vec<&str> {
    file.lines().filter(|line| line.starts_with("    - ENC[")).collect()
}

fn swap(file: &str, one: &str, other: &str) -> String {
    file.replacen(one, "\0", 1).replacen(other, one, 1).replacen('\0', other, 1)
}

#[test]
fn a_value_moved_to_another_key_does_not_open() {
    let file = sealed(Format::Yaml, YAML);
    let (name, number) = (sealed_text(line(&file, "name:")), sealed_text(line(&file, "number:")));
    assert_found(&swap(&file, name, number), Layer::Leaf);
    assert_found(&file.replace(number, name), Layer::Leaf);
    assert_found(&file.replace("number:", "numbers:"), Layer::Leaf);
    assert_found(&file.replace("nested:", "nestled:"), Layer::Leaf);
    // Into a list: its items have the list's path.
    assert_found(&file.replace(number, sealed_text(items(&file)[0])), Layer::Leaf);
}

#[test]
fn items_of_a_list_that_were_swapped_cut_or_doubled_do_not_match_the_mac() {
    let file = sealed(Format::Yaml, YAML);
    let items = items(&file);
    assert_eq!(items.len(), 3);
    assert_found(&swap(&file, items[0], items[1]), Layer::MacMismatch);
    assert_found(&file.replace(&format!("{}\n", items[1]), ""), Layer::MacMismatch);
    assert_found(&file.replace(items[1], &format!("{}\n{0}", items[1])), Layer::MacMismatch);
    // Two equal values in each other's place are no change of any value.
    assert_eq!(decrypt(swap(&file, items[0], items[2]), Format::Yaml).unwrap(), YAML.as_bytes());
}

#[test]
fn an_entry_that_was_cut_or_added_does_not_match_the_mac() {
    let file = sealed(Format::Yaml, YAML);
    assert_found(&file.replace(&format!("{}\n", line(&file, "number:")), ""), Layer::MacMismatch);
    assert_found(&file.replace(&format!("{}\n", line(&file, "clear_")), ""), Layer::MacMismatch);
    assert_found(&format!("more_unencrypted: x\n{file}"), Layer::MacMismatch);
    assert_found(&file.replace("seen by all", "seen by some"), Layer::MacMismatch);
    assert_found(&file.replace(sealed_text(line(&file, "number:")), "\"\""), Layer::MacMismatch);
    assert_found(&file.replace(sealed_text(line(&file, "number:")), "null"), Layer::MacMismatch);
    let first = line(&file, "name:");
    let moved = format!("{first}\n{}", file.replace(&format!("{first}\n"), ""));
    assert!(decrypt(&moved, Format::Yaml).is_ok(), "a comment has no place among the values");
    let number = line(&file, "number:");
    assert_found(&format!("{number}\n{}", file.replace(&format!("{number}\n"), "")), Layer::MacMismatch);
}

#[test]
fn a_value_in_clear_where_a_sealed_one_belongs_is_refused() {
    let file = sealed(Format::Yaml, YAML);
    let number = sealed_text(line(&file, "number:"));
    for clear in [
        "42",
        "true",
        "text",
        "ENC[AES256_GCM]",
        "ENC[AES256_GCM,data:,iv:,tag:,type:str]",
        "\" ENC[AES256_GCM,data:a,iv:a,tag:a,type:str]\"",
    ] {
        assert_found(&file.replace(number, clear), Layer::Leaf);
    }
    assert_found(&file.replace("type:int", "type:nothing"), Layer::Leaf);
    assert_found(&file.replace(number, &number.replace("type:int", "type:bool")), Layer::Leaf);
    assert_found(&file.replace(number, &number.replace("data:", "data:*")), Layer::Leaf);
    assert_found(&file.replace(number, &number.replace(",iv:", ",iv:AAAA")), Layer::Leaf);
    assert_found(&file.replace(number, &number.replace("==,type", ",type")), Layer::Leaf);
    assert_found(&format!("{file}added: by hand\n"), Layer::Leaf);
}

#[test]
fn values_of_another_file_do_not_open() {
    let (file, other) = (sealed(Format::Yaml, YAML), sealed(Format::Yaml, YAML));
    let (mine, theirs) = (line(&file, "number:"), line(&other, "number:"));
    assert_found(&file.replace(mine, theirs), Layer::Leaf);
    let (mine, theirs) = (line(&file, "mac:"), line(&other, "mac:"));
    assert_found(&file.replace(mine, theirs), Layer::MacUndecryptable);
    let (body, block) = (&file[..file.find("\nsops:").unwrap()], &other[other.find("\nsops:").unwrap()..]);
    assert_found(&format!("{body}{block}"), Layer::Leaf);
}

#[test]
fn an_older_state_of_the_file_cannot_be_mixed_with_a_newer_one() {
    let old = sealed(Format::Yaml, YAML);
    let edited = YAML.replace("first value", "second value");
    let merged = with(&HONEST, |cx| open(&old, Format::Yaml).unwrap().merge(edited.as_bytes(), cx)).unwrap().unwrap();
    let new = String::from_utf8(merged.text).unwrap();
    assert_found(&new.replace(line(&new, "name:"), line(&old, "name:")), Layer::MacMismatch);
    assert_found(&new.replace(line(&new, "mac:"), line(&old, "mac:")), Layer::MacMismatch);
}

#[test]
fn a_damaged_mac_is_told_from_a_wrong_one() {
    let file = sealed(Format::Yaml, YAML);
    let mac = line(&file, "mac:");
    assert_found(&file.replace(&format!("{mac}\n"), ""), Layer::MacMissing);
    assert_found(&file.replace(mac, "    mac: \"\""), Layer::MacMissing);
    assert_found(&file.replace(mac, "    mac: x"), Layer::MacUndecryptable);
    assert_found(&file.replace(mac, "    mac: []"), Layer::Metadata);
    assert_found(&file.replace(mac, &format!("    mac: {}", sealed_text(line(&file, "name:")))), Layer::MacUndecryptable);
    assert_found(&file.replace("2026-11-24T07:00:00Z", "2026-11-24T07:00:01Z"), Layer::MacUndecryptable);
    assert_found(&file.replace("2026-11-24T07:00:00Z", "some day"), Layer::Metadata);
    // The same moment, written otherwise, is the same additional data.
    assert!(open(file.replace("2026-11-24T07:00:00Z", "2026-11-24T07:00:00.5Z"), Format::Yaml).is_ok());
}

#[test]
fn a_changed_selection_is_found() {
    let file = sealed(Format::Yaml, YAML);
    assert_found(&file.replace("unencrypted_suffix: _unencrypted", "unencrypted_suffix: d"), Layer::MacMismatch);
    assert_found(&file.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: name"), Layer::MacMismatch);
    assert_found(&file.replace("unencrypted_suffix: _unencrypted", "unencrypted_suffix: other"), Layer::Leaf);
    assert_found(&file.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: (("), Layer::Metadata);
    assert_found(&file.replace("unencrypted_suffix: _unencrypted", "mac_only_encrypted: true"), Layer::MacMismatch);
}

#[test]
fn a_mac_of_sealed_values_alone_covers_just_them() {
    let mut policy = policy();
    policy.mac_only_encrypted = true;
    let file = String::from_utf8(encrypt(YAML, Format::Yaml, &policy).unwrap().text).unwrap();
    let changed = file.replace("seen by all", "seen by some");
    assert_eq!(decrypt(&changed, Format::Yaml).unwrap(), YAML.replace("seen by all", "seen by some").as_bytes());
    assert_found(&file.replace("mac_only_encrypted: true", "mac_only_encrypted: false"), Layer::MacMismatch);
    let items = items(&file);
    assert_found(&swap(&file, items[0], items[1]), Layer::MacMismatch);
}

#[test]
fn only_the_named_door_lets_a_file_with_a_wrong_mac_through() {
    let file = sealed(Format::Yaml, YAML).replace("seen by all", "seen by some");
    assert_found(&file, Layer::MacMismatch);
    let ignored = with(&HONEST, |cx| EncryptedFile::parse(file.as_bytes(), Format::Yaml)?.open(MacPolicy::Ignore, cx)?.text());
    assert_eq!(ignored.unwrap(), YAML.replace("seen by all", "seen by some").as_bytes());
    // It is no door for values that do not open.
    let moved = file.replace("number:", "numbers:");
    let error = with(&HONEST, |cx| EncryptedFile::parse(moved.as_bytes(), Format::Yaml)?.open(MacPolicy::Ignore, cx)).err();
    assert!(matches!(error, Some(OpenError::Leaf { reason: LeafReason::Seal(_), .. })));
}

#[test]
fn a_leaf_is_told_by_its_path_and_position() {
    let file = sealed(Format::Yaml, YAML).replace("flag:", "flags:");
    let doc = Document::scan(file.clone(), Format::Yaml, Duplicates::Keep).unwrap();
    let at = leafseal::document::position(doc.text.as_bytes(), file.find("flags: ").unwrap() + 7);
    let error = open(&file, Format::Yaml).err().unwrap().to_string();
    assert!(error.contains("flags") && error.contains(&at.to_string()), "{error}");
}
