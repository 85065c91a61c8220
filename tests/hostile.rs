//! Invariant I6: no input makes the library panic, hang or fill the memory, as plaintext or as an encrypted file.
//!
//! The files are made here, in sizes that keep the tests quick; `LEAFSEAL_HOSTILE_FULL=1` makes them as large as they should ever be
//! tried. Every failure is also looked through for what must not be in it (see `leaks`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use leafseal::document::Format;
use leafseal::file::{EncryptError, EncryptedFile, MacPolicy, OpenError};
use leafseal::keys::service::Local;
use leafseal::metadata::MetadataError;

use super::support::{
    Double, DoubleAnswer, HONEST, decrypt, encrypt, everything_said, open, policy, policy_of, selecting, with, with_identities,
};

/// Far above what any file takes; only a runaway reaches it.
const LIMIT: Duration = Duration::from_secs(40);

/// `full` is the number for `LEAFSEAL_HOSTILE_FULL`.
fn many(full: usize) -> usize {
    if std::env::var_os("LEAFSEAL_HOSTILE_FULL").is_some() { full } else { full.min(1_000 + full / 100) }
}

fn numbered(count: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    (0..count).map(line).collect::<String>().into_bytes()
}

fn around(before: &str, inner: &str, times: usize, after: &str) -> Vec<u8> {
    [before, &inner.repeat(times), after].concat().into_bytes()
}

/// Depth, length, counts and odd bytes, for any of the formats.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (k100, m1) = (many(100_000), many(1_000_000));
    let alias_bomb = |levels: u8| {
        let level = |i: u8| {
            let (name, below) = (char::from(b'b' + i), char::from(b'a' + i));
            format!("{name}: &{name} [{}]\n", vec![format!("*{below}"); 9].join(","))
        };
        let levels: String = (0..levels).map(level).collect();
        format!("a: &a [x,x,x,x,x,x,x,x,x]\n{levels}").into_bytes()
    };
    vec![
        ("brackets that open", around("", "[", k100, "")),
        ("brackets that open and close", [around("a: ", "[", k100, ""), around("", "]", k100, "\n")].concat()),
        ("braces that open", around("", "{a: ", k100, "")),
        ("braces that open and close", [around("", "{a: ", k100, ""), around("", "}", k100, "")].concat()),
        ("objects that open", around("", "{\"a\":", k100, "")),
        ("objects that open and close", [around("", "{\"a\":", k100, "1"), around("", "}", k100, "")].concat()),
        ("arrays that open and close", [around("{\"a\":", "[", k100, ""), around("", "]", k100, "}")].concat()),
        ("dashes on a line", around("a: \n ", "- ", k100, "x\n")),
        ("question marks on a line", around("", "? ", k100, "x\n")),
        ("a mapping in a mapping", numbered(many(3_000), |i| format!("{}a:\n", " ".repeat(i)))),
        ("a list in a list", numbered(many(6_000), |i| format!("{}-\n", " ".repeat(i)))),
        ("a bomb of aliases", alias_bomb(20)),
        ("a small bomb of aliases", alias_bomb(3)),
        ("an alias of itself", b"a: &a [*a]\n".to_vec()),
        ("two aliases of each other", b"a: &a [*b]\nb: &b [*a]\n".to_vec()),
        ("merged many times", around("a: &a {x: 1}\nb: {<<: [", "*a,", k100, "]}\n")),
        ("NUL in the middle", b"a: b\0c\nd: e\n".to_vec()),
        ("NUL at the end", b"a: b\n\0".to_vec()),
        ("a byte order mark at the start", b"\xef\xbb\xbfa: b\n".to_vec()),
        ("a byte order mark in the middle", b"a: b\n\xef\xbb\xbfc: d\n".to_vec()),
        ("a byte order mark in a value", b"a: b\xef\xbb\xbfc\n".to_vec()),
        ("a byte order mark in the second document", b"a: b\n---\n\xef\xbb\xbfc: d\n".to_vec()),
        ("UTF-16", b"\xff\xfea\0:\0 \0b\0\n\0".to_vec()),
        ("UTF-16 of the other order", b"\xfe\xff\0a\0:\0 \0b\0\n".to_vec()),
        ("bytes that are no UTF-8", b"a: \xff\xfe\n".to_vec()),
        ("a surrogate in UTF-8", b"a: \xed\xa0\x80\n".to_vec()),
        ("a control character", b"a: \x01\n".to_vec()),
        ("DEL", b"a: x\x7fy\n".to_vec()),
        ("NEL", "a: \"x\u{85}y\"\n".into()),
        ("line separators", "a: \"x\u{2028}y\"\nb: x\u{2029}y\n".into()),
        ("a blank that does not break", "a:\u{a0}b\n".into()),
        ("no character", "a: \u{fffe}\n".into()),
        ("tabs as indentation", b"a:\n\tb: c\n".to_vec()),
        ("tabs as blanks", b"a:\tb\t\nc: d\t# x\n".to_vec()),
        ("a long plain value", around("a: ", "x", many(30_000_000), "\n")),
        ("a long quoted value", around("a: \"", "x", many(30_000_000), "\"\n")),
        ("a long value of escapes", around("a: \"", "\\n", many(15_000_000), "\"\n")),
        ("a long value of words", around("a: ", "x ", many(15_000_000), "\n")),
        ("a long key", around("", "x", many(30_000_000), ": a\n")),
        ("a long JSON string", around("{\"a\":\"", "\\u0041", many(5_000_000), "\"}")),
        ("a long JSON number", around("{\"a\":", "1", m1, "}")),
        ("a quote that never ends", around("a: \"", "x\n ", many(10_000_000), "")),
        ("comments", around("a: b\n", "# c\n", many(500_000), "c: d\n")),
        ("comments before a value", around("a:\n", "# c\n", many(500_000), "  c: d\n")),
        ("comments before an item", around("a:\n", "# c\n", many(500_000), "- d\n")),
        ("comments behind values", numbered(k100, |i| format!("k{i}: v # c\n"))),
        ("blank lines", around("a: b\n", "\n", many(20_000_000), "c: d\n")),
        ("blank lines in a block", around("a: |\n  x\n", "\n", many(20_000_000), "  y\nc: d\n")),
        ("blank lines in a plain value", around("a: x\n", "\n", many(20_000_000), "  y\nc: d\n")),
        ("documents", around("", "---\n", m1, "")),
        ("documents with a key", around("", "---\na: b\n", k100, "")),
        ("anchors", [b"a:\n".to_vec(), numbered(many(500_000), |i| format!("- &a{i} x\n"))].concat()),
        ("aliases", around("a:\n- &a x\n", "- *a\n", many(500_000), "")),
        (
            "aliases of a long value",
            [around("a: &a ", "x", many(100_000), "\n"), numbered(many(100_000), |i| format!("k{i}: *a\n"))].concat(),
        ),
        ("the same anchor", around("a:\n", "- &a x\n", many(500_000), "")),
        ("colons", around("", ":", many(5_000_000), "")),
        ("colons and blanks", around("", ": ", many(2_000_000), "")),
        ("exclamation marks", around("", "!", many(5_000_000), "")),
        ("ampersands", around("", "&", many(5_000_000), "")),
        ("minus signs", around("", "-", many(5_000_000), "")),
        ("number signs", around("a: ", "#", many(5_000_000), "")),
        ("half comments", around("", "a: b #", m1, "")),
        ("a long directive", around("%", "a", many(5_000_000), "\n---\n")),
        ("directives", around("", "%FOO bar\n", many(200_000), "---\na: b\n")),
        ("tag directives", [numbered(many(20_000), |i| format!("%TAG !a{i}! tag:x\n")), b"---\na: b\n".to_vec()].concat()),
        ("a long flow list", around("a: [", "a,", many(2_000_000), "]\n")),
        ("flow pairs", around("a: [", "? a,", m1, "]\n")),
        ("a flow list as key", [around("{", "[", 5_000, ""), around("", "]", 5_000, ": x}")].concat()),
        ("a flow list that never ends", around("a: [\n", "b,\n", m1, "")),
        ("an escape beyond Unicode", b"a: \"\\UFFFFFFFF\"\n".to_vec()),
        ("a surrogate escape", b"a: \"\\ud800\"\n".to_vec()),
        ("a block with a wide indicator", b"a: |99\n  x\n".to_vec()),
        ("a block indented by a tab", b"a: |\n\tx\n".to_vec()),
        ("far to the right", around("", " ", many(20_000_000), "a: b\n")),
        ("CR alone", b"a: b\rc: d\r".to_vec()),
        ("a block of CR lines", around("a: |\r", "  x\r", m1, "")),
        ("every line end", b"a: b\r\nc: d\ne: f\r".to_vec()),
        ("the same key", around("", "a: b\n", many(200_000), "")),
        ("the same JSON key", around("{\"a\":1", ",\"a\":1", many(200_000), "}")),
        ("keys that are numbers", numbered(many(300_000), |i| format!("{i}: x\n"))),
        ("keys", numbered(many(200_000), |i| format!("k{i}: x\n"))),
        ("sealed openings that never close", around("a: ", "ENC[AES256_GCM,data:", k100, "\n")),
        ("sealed values without end", around("", "a: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:", many(20_000), "\n")),
        ("nothing", Vec::new()),
        ("blanks", b"  \n\t\n".to_vec()),
        ("a comment alone", b"# x".to_vec()),
        ("a sops entry alone", b"sops: {}\n".to_vec()),
        ("sops entries", around("", "sops: {}\n---\n", k100, "a: b\n")),
    ]
}

/// A valid metadata block, to be put behind something.
fn block() -> String {
    let file = String::from_utf8(encrypt("a: x\n", Format::Yaml, &policy()).unwrap().text).unwrap();
    file[file.find("sops:").unwrap()..].to_owned()
}

/// Runs something that may fail but neither panic nor take long; says what it took.
fn survives(told: &str, run: impl FnOnce()) {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(run));
    let took = start.elapsed();
    assert!(result.is_ok(), "{told} panics");
    assert!(took < LIMIT, "{told} took {took:?}");
    if took > Duration::from_secs(2) {
        println!("{told}: {took:?}");
    }
}

#[test]
fn a_hostile_plaintext_is_encrypted_and_comes_back_or_is_refused() {
    for (name, text) in files() {
        for format in [Format::Yaml, Format::Json, Format::Binary] {
            survives(&format!("{name}, as {format:?}"), || {
                if let Ok(encrypted) = encrypt(&text, format, &policy()) {
                    assert!(decrypt(&encrypted.text, format).unwrap() == text, "{name}, as {format:?}, comes back otherwise");
                }
            });
        }
    }
}

#[test]
fn a_hostile_plaintext_is_no_danger_under_other_selections() {
    for rule in [("encrypted_regex", "^k|a$"), ("encrypted_comment_regex", "c"), ("unencrypted_suffix", "a")] {
        let policy = selecting(rule.0, rule.1);
        for (name, text) in files() {
            survives(&format!("{name}, {}", rule.0), || {
                if let Ok(encrypted) = encrypt(&text, Format::Yaml, &policy) {
                    assert!(decrypt(&encrypted.text, Format::Yaml).unwrap() == text, "{name}, {rule:?}, comes back otherwise");
                }
            });
        }
    }
}

#[test]
fn a_hostile_encrypted_file_is_refused() {
    let block = block();
    for (name, text) in files() {
        let with_block = [text.as_slice(), b"\n", block.as_bytes()].concat();
        let in_front = [block.as_bytes(), text.as_slice()].concat();
        for text in [&text, &with_block, &in_front] {
            for format in [Format::Yaml, Format::Json, Format::Binary] {
                survives(&format!("{name}, encrypted, as {format:?}"), || drop(decrypt(text, format)));
            }
            survives(&format!("{name}, status"), || drop(EncryptedFile::status(text, Format::Yaml)));
        }
    }
}

#[test]
fn a_hostile_edit_is_refused_or_merged() {
    let file = encrypt("a: x\nb: [y, z]\n", Format::Yaml, &policy()).unwrap().text;
    for (name, text) in files() {
        survives(&format!("{name}, merged"), || {
            let file = open(&file, Format::Yaml).unwrap();
            if let Ok(Some(merged)) = with(&HONEST, |cx| file.merge(&text, cx)) {
                assert!(decrypt(&merged.text, Format::Yaml).unwrap() == text, "{name} comes back otherwise");
            }
        });
    }
}

/// Metadata blocks that are damaged, in YAML: what is replaced, by what.
const DAMAGED: &[(&str, &str)] = &[
    ("sops:", "other:"),
    ("sops:", "sops: []\nother:"),
    ("sops:", "sops:\nother:"),
    ("sops:", "sops: text\nother:"),
    ("sops:", "sops: 5\nother:"),
    ("sops:", "sops: {}\nother:"),
    ("sops:", "sops: {a: 1}\nother:"),
    ("sops:", "sops: {sops: {sops: {}}}\nother:"),
    ("    age:", "    age: 5\n    x:"),
    ("    age:", "    age: text\n    x:"),
    ("    age:", "    age: [5, text, null, []]\n    x:"),
    ("    age:", "    age: []\n    x:"),
    ("    age:", "    age: {}\n    x:"),
    ("    age:", "    age: [{}]\n    x:"),
    ("    age:", "    age: [{enc: 5, recipient: []}]\n    x:"),
    ("    age:", "    age: [{recipient: age1}]\n    x:"),
    ("    age:", "    kms: [{}]\n    x:"),
    ("    age:", "    pgp: [{fp: x, enc: y, created_at: z}]\n    x:"),
    ("    age:", "    key_groups: 5\n    x:"),
    ("    age:", "    key_groups: [5]\n    x:"),
    ("    age:", "    key_groups: [[], {}, null]\n    x:"),
    ("    age:", "    key_groups: []\n    shamir_threshold: 300\n    x:"),
    ("    age:", "    shamir_threshold: -1\n    age:"),
    ("    age:", "    shamir_threshold: 99999999999999999999\n    age:"),
    ("    age:", "    shamir_threshold: many\n    age:"),
    ("    age:", "    shamir_threshold: []\n    age:"),
    ("    age:", "    encrypted_regex: a\n    age:"),
    ("    age:", "    mac_only_encrypted: perhaps\n    age:"),
    ("    age:", "    mac_only_encrypted: []\n    age:"),
    ("    age:", "    leafseal_spelling: x\n    age:"),
    ("enc: ", "enc: zz"),
    ("enc: ", "enc: 00"),
    ("enc: ", "enc: [] # "),
    ("lastmodified: ", "lastmodified: 2026-11-24T07:00:00Z # "),
    ("lastmodified: ", "lastmodified: 5 # "),
    ("lastmodified: ", "lastmodified: \"\" # "),
    ("lastmodified: ", "lastmodified: [] # "),
    ("lastmodified: ", "x: "),
    ("mac: ", "mac: 5 # "),
    ("mac: ", "mac: {} # "),
    ("mac: ", "mac: ENC[] # "),
    ("mac: ", "mac: ENC[AES256_GCM,data:*,iv:*,tag:*,type:str] # "),
    ("mac: ", "x: "),
    ("unencrypted_suffix: _unencrypted", "unencrypted_suffix: []"),
    ("unencrypted_suffix: _unencrypted", "encrypted_regex: \"(?P<\""),
    ("unencrypted_suffix: _unencrypted", "encrypted_regex: \"(a{1000}){1000}\""),
    ("version: 3.13.3", "version: []"),
    ("version: 3.13.3", "version: x"),
    ("version: 3.13.3", "version: \"\""),
    ("version: 3.13.3", "x: 3"),
];

#[test]
fn damaged_metadata_is_refused() {
    let file = String::from_utf8(encrypt("a: x\nb: 1\n", Format::Yaml, &policy()).unwrap().text).unwrap();
    // A field of ours, and a threshold where there is one group, mean nothing: the reference reads the latter too.
    let harmless = ["leafseal_spelling: x", "shamir_threshold: 9999"];
    for (old, new) in DAMAGED {
        let damaged = file.replacen(old, new, 1);
        assert_ne!(damaged, file, "{old} is not in the file");
        survives(new, || {
            let result = open(&damaged, Format::Yaml);
            let expected = harmless.iter().any(|part| new.contains(part));
            assert_eq!(result.is_ok(), expected, "{new}");
            drop(EncryptedFile::status(damaged.as_bytes(), Format::Yaml));
        });
    }
}

#[test]
fn a_block_of_other_tools_is_no_metadata() {
    for text in ["a: x\nsops:\n  enabled: true\n", "sops:\n  - a\n", "sops: on\n"] {
        let error = open(text, Format::Yaml).err().unwrap();
        assert!(matches!(error, OpenError::Metadata(_)), "{error}");
        let error = encrypt(text, Format::Yaml, &policy()).err().unwrap();
        assert!(matches!(error, EncryptError::AlreadyEncrypted { .. }), "{error}");
    }
    let error = open("a: x\n", Format::Yaml).err().unwrap();
    assert!(matches!(error, OpenError::Metadata(MetadataError::NotFound)), "{error}");
}

#[test]
fn unreadable_text_is_named() {
    let refused = |text: &[u8]| encrypt(text, Format::Yaml, &policy()).err().unwrap().to_string();
    for text in [&b"\xff\xfea\0:\0 \0b\0"[..], b"\xfe\xff\0a\0:\0 \0b"] {
        assert!(refused(text).contains("UTF-16"), "{}", refused(text));
    }
    assert!(refused(b"a: 1\nb: \xff\n").contains("line 2"), "{}", refused(b"a: 1\nb: \xff\n"));
    assert!(refused(b"a: 1\nb: x\0y\n").contains("line 2"), "{}", refused(b"a: 1\nb: x\0y\n"));
    assert!(refused(b"a: 1\na: 2\n").contains("line 2"));
    assert!(refused(b"a: 1\n2: x\n").contains("line 2"));
}

/// Every document gets its own metadata, in the column of its top level: a few megabytes of these would become gigabytes.
#[test]
fn what_would_multiply_is_refused() {
    let refused = |text: String| encrypt(text, Format::Yaml, &policy()).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused("---\n".repeat(10_001)).contains("line 10001, column 1: the file has more than 10,000 documents"));
    assert!(refused(format!("{}a: b\n", " ".repeat(1_001))).contains("line 1, column 1002: the top level is indented"));
    assert_eq!(refused("---\na: 1\n".repeat(1_000)), "");
    assert_eq!(refused(format!("{}a: b\n", " ".repeat(1_000))), "");
}

#[test]
fn a_key_that_nobody_has_is_reported_with_its_name() {
    let stranger = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
    let policy = policy_of(&[&[stranger]], 0, Default::default());
    let file = with(&Local::new(), |cx| leafseal::file::encrypt(b"a: x\n", Format::Yaml, Format::Yaml, &policy, cx)).unwrap();
    let error = with_identities(|cx| EncryptedFile::parse(&file.text, Format::Yaml)?.open(MacPolicy::Verify, cx)).err().unwrap();
    let OpenError::NoKey(report) = &error else { panic!("{error}") };
    assert!(everything_said(report).contains("age1lzd9"), "{report}");
}

#[test]
fn a_key_service_that_fails_or_lies_is_survived() {
    let file = encrypt("a: x\n", Format::Yaml, &policy()).unwrap().text;
    let answers = [DoubleAnswer::WrongKey, DoubleAnswer::Nothing, DoubleAnswer::Fails];
    for answer in answers {
        let wrong_key = matches!(answer, DoubleAnswer::WrongKey);
        let double = Double { answer };
        let error = with(&double, |cx| EncryptedFile::parse(&file, Format::Yaml)?.open(MacPolicy::Verify, cx)).err().unwrap();
        assert_eq!(matches!(error, OpenError::Leaf { .. }), wrong_key, "{error}");
        assert_eq!(matches!(error, OpenError::NoKey(_)), !wrong_key, "{error}");
    }
    let double = Double { answer: DoubleAnswer::Fails };
    let error = with(&double, |cx| leafseal::file::encrypt(b"a: x\n", Format::Yaml, Format::Yaml, &policy(), cx)).err().unwrap();
    assert!(matches!(error, EncryptError::Wrap(_)), "{error}");
}
