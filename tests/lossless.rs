//! Invariant I1: what is encrypted and decrypted again is the same, byte for byte, and an edit changes what it must and no more.

use std::collections::{BTreeMap, BTreeSet};

use leafseal::config::Policy;
use leafseal::document::node::Node;
use leafseal::document::steps::parse_steps;
use leafseal::document::{Document, Duplicates, Format, Leaf, LeafKind, Style};
use leafseal::value::Value;

use super::support::{HONEST, decrypt, encrypt, files_in, format_of, name_of, open, policy, selecting, shared, testdata, with};

/// Files of the corpus that are refused, by a part of the message. sops refuses them as well, but for text after the end of an
/// object: that it drops without a word.
const REFUSED: &[(&str, &[&str])] = &[
    ("not UTF-8", &["00308ed1d30dd0c6.json", "65fd4cdbf6c28fe2.json"]),
    ("ends too early", &["021fb596db81e6d0.json", "6ee07337d690f359.json", "8466d81b9141724b.json"]),
    (
        "must be an object",
        &[
            "02ebe96f68c6203c.json",
            "20b346df3c075022.json",
            "2871101babb06b63.json",
            "478bf99235d67765.json",
            "489e1eab8e0b45af.json",
            "6c1b82e43d8c34c2.json",
            "6e07e532a2947d54.json",
            "8ea28e5804051108.json",
            "e05b81a13ffd627d.json",
            "ea6548dc1fbddf8c.json",
        ],
    ),
    (
        "top level is a list",
        &[
            "06d033ece6645de5.json",
            "093f3d1b0f5c40df.json",
            "0bacf2e644afc003.json",
            "0d3066fc4d2e4da7.json",
            "237f2064803769a0.json",
            "23e9f74e1ea5b2ec.json",
            "245843abef9e72e7.json",
            "245950d0f3fde1ac.json",
            "24b9bc232f8cf6df.json",
            "25981c42fdd25646.json",
            "2830f9050bb2c291.json",
            "2e7bc007d6bb1950.json",
            "4138c6ae42992f3c.json",
            "46d28bfddb89134f.json",
            "49e578c7a9b966b3.json",
            "4c4f90b96e1705e5.json",
            "614fddf8cc37b552.json",
            "62e4d4c3a7265c82.json",
            "670eca29fffa63a1.json",
            "68979a7a85057754.json",
            "80e2a72672ff27c2.json",
            "814a698775017816.json",
            "85d06546c8fc9131.json",
            "8e33de781a327a65.json",
            "a6c6b45361ff77e7.json",
            "c7a0f7154e64cd96.json",
            "e34a9903249cf350.json",
            "e35ba5206fe7be04.json",
            "e51a0dfa4018434f.json",
            "e5faef3be35f1b59.json",
            "e7172a9602cb8229.json",
            "019c4a5ff14510ad.yaml",
            "611aefbb1f6c203b.yaml",
            "6af755a66512027b.yaml",
            "83f8869dfef93dd2.yaml",
            "8f171e708c320d46.yaml",
            "c5c5697dd278b33d.yaml",
            "c7e11262921277fd.yaml",
            "ca776cd9eab65a3a.yaml",
        ],
    ),
    (
        "already encrypted",
        &[
            "4c3053eef9f0ece8.json",
            "acaea93a22a504e3.json",
            "c0819fbc00a7eeeb.json",
            "07efa87e3e68d2b2.yaml",
            "21509968d902b533.yaml",
            "82681516aef7c83c.yaml",
        ],
    ),
    ("expected a key in double quotes", &["67425dd8fb938694.json"]),
    ("text after the end", &["8a299b12f74132ee.json", "8c16662d27ee7675.json", "e06904040a47c238.json"]),
    ("expected a value", &["ea905a2f98e015dd.json"]),
    ("cannot start a value", &["a16742b834f36d4c.yaml"]),
    ("is there twice", &["afd31080b26e42e2.yaml"]),
    ("the line has no `=`: a value", &["0d5a269a8ca7b2c8.env"]),
    (
        "the line has no `=` or `:`",
        &[
            "2ea444cc9faf3288.ini",
            "469cc9f8e8a8b0ef.ini",
            "46a484922168d535.ini",
            "647ea9e000cc4af7.ini",
            "a78a8f9c2cc83cfb.ini",
            "e6911d1c7cb9c374.ini",
        ],
    ),
    ("top level is a single value", &["c775d67a56a2c106.yaml"]),
    ("a mapping key is a list or a mapping", &["ee2237e645f115a1.yaml"]),
];

/// Encrypts and decrypts; says what is wrong, if anything.
fn there_and_back(text: &[u8], format: Format, policy: &Policy) -> Result<(), String> {
    let encrypted = encrypt(text, format, policy).map_err(|error| format!("refused: {error}"))?;
    let decrypted = decrypt(&encrypted.text, format).map_err(|error| format!("does not open: {error}"))?;
    same_bytes(&decrypted, text)
}

fn same_bytes(found: &[u8], wanted: &[u8]) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    let at = found.iter().zip(wanted).position(|(l, r)| l != r).unwrap_or(found.len().min(wanted.len()));
    let line = wanted[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    Err(format!("differs from line {line}, byte {at} of {} on ({} bytes now)", wanted.len(), found.len()))
}

fn corpus(folder: &str, format: Format) {
    let Some(folder) = shared(folder) else { return };
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut accepted, mut wrong) = (0, Vec::new());
    let index = shared("corpus").and_then(|corpus| std::fs::read_to_string(corpus.join("index.tsv")).ok()).unwrap_or_default();
    for file in files_in(&folder) {
        let text = std::fs::read(&file).unwrap();
        let name = name_of(&file);
        let Err(reason) = there_and_back(&text, format, &policy()) else {
            accepted += 1;
            continue;
        };
        if origin_is_invalid(&index, &name) {
            *reasons.entry("cases of test suites that are invalid").or_default() += 1;
            continue;
        }
        match REFUSED.iter().find(|(known, names)| reason.contains(known) && names.contains(&name.as_str())) {
            Some((known, _)) => *reasons.entry(known).or_default() += 1,
            None => wrong.push(format!("{name}: {reason}")),
        }
    }
    println!("{accepted} files come back as they were; refused: {reasons:?}");
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), accepted + wrong.len(), wrong.join("\n"));
}

/// Whether a TOML file of the corpus is from the part of a test suite that must be refused.
fn origin_is_invalid(index: &str, name: &str) -> bool {
    let line = index.lines().find(|line| line.starts_with(&format!("toml/{name}\t")));
    line.is_some_and(|line| line.contains("invalid"))
}

#[test]
fn yaml_files_of_other_projects_come_back_byte_for_byte() {
    corpus("corpus/yaml", Format::Yaml);
}

#[test]
fn json_files_of_other_projects_come_back_byte_for_byte() {
    corpus("corpus/json", Format::Json);
}

#[test]
fn tfvars_files_of_other_projects_come_back_byte_for_byte() {
    corpus("corpus/tfvars", Format::Tfvars);
}

#[test]
fn toml_files_of_other_projects_come_back_byte_for_byte() {
    corpus("corpus/toml", Format::Toml);
}

#[test]
fn dotenv_files_of_other_projects_come_back_byte_for_byte() {
    corpus("corpus/env", Format::Dotenv);
}

#[test]
fn ini_files_of_other_projects_come_back_byte_for_byte() {
    corpus("corpus/ini", Format::Ini);
}

/// Our own cases: name, format, text.
fn cases() -> Vec<(String, Format, Vec<u8>)> {
    let files = files_in(&testdata("lossless"));
    assert!(files.len() >= 88, "cases are missing");
    files.iter().map(|file| (name_of(file), format_of(file), std::fs::read(file).unwrap())).collect()
}

fn check_cases(check: impl Fn(&str, Format, &[u8]) -> Result<(), String>) {
    let check = |name: &str, format, text: &[u8]| {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(name, format, text)));
        result.unwrap_or_else(|_| Err("panics".into()))
    };
    let failed: Vec<String> = cases()
        .iter()
        .filter_map(|(name, format, text)| check(name, *format, text).err().map(|reason| format!("{name}: {reason}")))
        .collect();
    assert!(failed.is_empty(), "{} cases:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_form_of_document_comes_back_byte_for_byte() {
    check_cases(|_, format, text| there_and_back(text, format, &policy()));
}

#[test]
fn a_selection_leaves_the_rest_as_it_stands() {
    let selections = [
        ("encrypted_regex", "^(b|c|password|data|key|list|map|text|k[0-3]a)$"),
        ("unencrypted_regex", "^(a|d|list|nested|base|stringData|f)$"),
        ("encrypted_suffix", "e"),
        ("unencrypted_suffix", "e"),
        ("encrypted_comment_regex", "before|behind|first"),
        ("unencrypted_comment_regex", "^ (between|behind|before)"),
        ("encrypted_regex", "^no key has this name$"),
    ];
    for (name, text) in selections {
        let policy = selecting(name, text);
        check_cases(|case, format, plain| match there_and_back(plain, format, &policy) {
            // sops cannot read an integer above the signed range that stays in clear.
            Err(reason) if case == "beyond-i64.yaml" && reason.contains("cannot stay in clear") => Ok(()),
            result => result.map_err(|reason| format!("{name}: {reason}")),
        });
    }
}

#[test]
fn a_rotated_file_still_decrypts_to_the_same_bytes() {
    check_cases(|_, format, text| {
        let encrypted = encrypt(text, format, &policy()).map_err(|error| error.to_string())?;
        let file = open(&encrypted.text, format).map_err(|error| error.to_string())?;
        let rotated = with(&HONEST, |cx| file.rotate(&Default::default(), cx)).map_err(|error| error.to_string())?;
        let (old, new) = (sealed_texts(&encrypted.text), sealed_texts(&rotated.text));
        if old.iter().any(|text| new.contains(text)) {
            return Err("a sealed text survived the rotation".into());
        }
        same_bytes(&decrypt(&rotated.text, format).map_err(|error| error.to_string())?, text)
    });
}

/// The sealed texts of a file, in order.
fn sealed_texts(text: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(text).unwrap();
    let starts = text.match_indices("ENC[AES256_GCM,").map(|(at, _)| at);
    starts.map(|at| text[at..].split_inclusive(']').next().unwrap().to_owned()).collect()
}

/// A file with a mark in place of each sealed text.
fn skeleton(text: &[u8]) -> String {
    let mut skeleton = String::from_utf8(text.to_vec()).unwrap();
    for sealed in sealed_texts(text) {
        skeleton = skeleton.replacen(&sealed, "*", 1);
    }
    skeleton
}

/// The sealed texts of the body that two files do not share: those of the first, those of the second. The MAC and the spellings,
/// which change with every value, are left out.
fn changed(format: Format, old: &[u8], new: &[u8]) -> (usize, usize) {
    let body = |text: &[u8]| -> BTreeSet<String> {
        let metadata = open(text, format).unwrap().metadata().clone();
        let not_body = |sealed: &String| *sealed == metadata.mac || metadata.spelling.as_ref() == Some(sealed);
        sealed_texts(text).into_iter().filter(|sealed| !not_body(sealed)).collect()
    };
    let (old, new) = (body(old), body(new));
    (old.difference(&new).count(), new.difference(&old).count())
}

/// Each sealed text has a nonce of its own.
#[track_caller]
fn assert_nonces_differ(text: &[u8]) {
    let sealed = sealed_texts(text);
    let distinct: BTreeSet<&String> = sealed.iter().collect();
    let nonces: BTreeSet<&str> =
        distinct.iter().map(|text| text.split(",iv:").nth(1).unwrap().split(',').next().unwrap()).collect();
    assert_eq!(nonces.len(), distinct.len(), "a nonce is used twice");
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    check_cases(|_, format, text| {
        let encrypted = encrypt(text, format, &policy()).map_err(|error| error.to_string())?;
        let file = open(&encrypted.text, format).map_err(|error| error.to_string())?;
        match with(&HONEST, |cx| file.merge(text, cx)) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("something was written".into()),
            Err(error) => Err(error.to_string()),
        }
    });
}

/// Places of values that can be exchanged for a word without touching what is around them: plain and quoted ones on one line.
fn words(text: &str, format: Format) -> Vec<std::ops::Range<usize>> {
    let doc = Document::scan(text.to_owned(), format, Duplicates::Refuse).unwrap();
    let word = |leaf: &&Leaf| {
        let raw = &text[leaf.span.range()];
        let simple = raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'"');
        // A null is never sealed: no ciphertext goes when it is changed.
        leaf.kind == LeafKind::Scalar && !leaf.has(Leaf::COPY) && simple && leaf.span.len() > 2 && !raw.eq_ignore_ascii_case("null")
    };
    let inner = |leaf: &Leaf| match leaf.style {
        Style::Double => leaf.span.range().start + 1..leaf.span.range().end - 1,
        _ => leaf.span.range(),
    };
    let only_quoted = matches!(format, Format::Json | Format::Tfvars | Format::Toml);
    let strings = |leaf: &&Leaf| !only_quoted || leaf.style == Style::Double;
    doc.leaves.iter().filter(word).filter(strings).map(inner).collect()
}

#[test]
fn an_edited_value_changes_its_own_ciphertext_and_the_mac() {
    let mut edits = 0;
    for (name, format, text) in cases() {
        // Values of anchors stand in other places too; see the next test. Keys of flow pairs and clear values are no concern here.
        if name.starts_with("anchors") || name == "tags.yaml" {
            continue;
        }
        let text = String::from_utf8(text).unwrap();
        let encrypted = encrypt(&text, format, &policy()).unwrap();
        let file = open(&encrypted.text, format).unwrap();
        for place in words(&text, format) {
            let mut edited = text.clone();
            edited.replace_range(place.clone(), "anotherWord");
            let merged = with(&HONEST, |cx| file.merge(edited.as_bytes(), cx));
            let merged = merged.unwrap_or_else(|error| panic!("{name}, byte {}: {error}", place.start)).expect("a change");
            let told = format!("{name}, value at byte {}", place.start);
            assert_eq!(changed(format, &encrypted.text, &merged.text), (1, 1), "{told}");
            assert_eq!(String::from_utf8(decrypt(&merged.text, format).unwrap()).unwrap(), edited, "{told}");
            let spelled = |text: &[u8]| open(text, format).unwrap().metadata().spelling.is_some();
            if spelled(&encrypted.text) == spelled(&merged.text) {
                assert_eq!(skeleton(&encrypted.text), skeleton(&merged.text), "{told}");
            }
            assert_nonces_differ(&merged.text);
            edits += 1;
        }
    }
    assert!(edits > 80, "{edits} edits");
}

#[test]
fn an_edited_anchor_changes_its_aliases_and_nothing_else() {
    let text = "a: &x secret\nb: *x\nc: [*x, other]\nd: 1\n";
    let encrypted = encrypt(text, Format::Yaml, &policy()).unwrap();
    let edited = text.replace("secret", "hidden");
    let merged = with(&HONEST, |cx| open(&encrypted.text, Format::Yaml).unwrap().merge(edited.as_bytes(), cx)).unwrap().unwrap();
    assert_eq!(changed(Format::Yaml, &encrypted.text, &merged.text), (3, 3));
    assert_eq!(decrypt(&merged.text, Format::Yaml).unwrap(), edited.as_bytes());
}

#[test]
fn edits_of_text_around_values_keep_every_ciphertext() {
    let text = "a: one\nb:\n  - two\n  - three\nc: four\n";
    let encrypted = encrypt(text, Format::Yaml, &policy()).unwrap().text;
    for (edited, added) in [
        ("# new\na: one\nb:\n  - two\n  - three\nc: four\n", 1),
        ("a:    one\n\n\nb: [ two, three ]\nc: \"four\"\n", 0),
        ("c: four\nb:\n- three\n- two\na: one\n", 0),
        ("a: one\nb:\n  - two\n  - new\n  - three\nc: four\n", 1),
        ("a: one\nb:\n  - three\n", 0),
        ("a: one\nb:\n  - two\n  - three\nc: four\nd: five", 1),
    ] {
        let merged = with(&HONEST, |cx| open(&encrypted, Format::Yaml).unwrap().merge(edited.as_bytes(), cx)).unwrap().unwrap();
        assert_eq!(changed(Format::Yaml, &encrypted, &merged.text).1, added, "{edited}");
        assert_eq!(String::from_utf8(decrypt(&merged.text, Format::Yaml).unwrap()).unwrap(), edited);
        assert_nonces_differ(&merged.text);
    }
}

#[test]
fn equal_items_of_a_list_never_come_to_share_a_ciphertext() {
    let list = |items: usize| format!("list:\n{}", "  - same\n".repeat(items));
    let mut file = encrypt(list(3), Format::Yaml, &policy()).unwrap().text;
    for items in [5, 2, 7, 1, 4] {
        let merged = with(&HONEST, |cx| open(&file, Format::Yaml).unwrap().merge(list(items).as_bytes(), cx)).unwrap().unwrap();
        file = merged.text;
        let sealed = sealed_texts(&file);
        assert_eq!(sealed.iter().collect::<BTreeSet<_>>().len(), items + 1, "{items} items and the MAC");
        assert_nonces_differ(&file);
        assert_eq!(decrypt(&file, Format::Yaml).unwrap(), list(items).as_bytes());
    }
}

#[test]
fn a_text_that_is_no_document_is_refused_and_the_file_stays_usable() {
    let file = open(encrypt("a: x\n", Format::Yaml, &policy()).unwrap().text, Format::Yaml).unwrap();
    for broken in ["a: [x\n", "a: x\n\ta: y\n", "- x\n", "a: x\na: y\n", "a: \"x\n"] {
        let error = with(&HONEST, |cx| file.merge(broken.as_bytes(), cx)).err().expect("no document");
        assert!(error.to_string().contains("line "), "{error}");
    }
    assert_eq!(file.text().unwrap(), b"a: x\n");
}

#[test]
fn setting_a_value_touches_its_own_place() {
    for (format, text) in [
        (Format::Yaml, "# c\na: 'one' # d\nb:\n    - x\n    - {k: y, l: [1]}\n\nc: |\n  text\n"),
        (Format::Tfvars, "# c\na = \"one\" # d\nb = [\n  \"x\",\n  { k = \"y\", l = [1] }\n]\n\nc = \"t\"\n"),
        (Format::Toml, "# c\na = 'one' # d\nb = [\n  \"x\",\n  { k = \"y\", l = [1] }\n]\n\nc = \"t\"\n[t]\nd = 1\n"),
        (Format::Json, "{\n  \"a\": \"one\",\n\n  \"b\": [ \"x\", {\"k\":\"y\" , \"l\": [1]} ], \"c\": \"t\" }\n"),
    ] {
        let encrypted = encrypt(text, format, &policy()).unwrap().text;
        for path in ["[\"a\"]", "[\"b\"][0]", "[\"b\"][1][\"k\"]", "[\"b\"][1][\"l\"][0]", "[\"c\"]"] {
            let steps = parse_steps(path).unwrap();
            let new = Node::str("a new value");
            let set = with(&HONEST, |cx| open(&encrypted, format).unwrap().set(&steps, &new, cx)).unwrap().expect("a change");
            assert_eq!(changed(format, &encrypted, &set.text), (1, 1), "{path}");
            assert_eq!(skeleton(&encrypted), skeleton(&set.text), "{path}");
            assert_nonces_differ(&set.text);
            let again = with(&HONEST, |cx| open(&set.text, format).unwrap().set(&steps, &new, cx)).unwrap();
            assert!(again.is_none(), "{path}: the same value is no change");
            let back = decrypt(&set.text, format).unwrap();
            let (old, new): (Vec<_>, Vec<_>) = (text.lines().collect(), std::str::from_utf8(&back).unwrap().lines().collect());
            let same = old.iter().filter(|line| new.contains(line)).count();
            assert!(same + 2 >= old.len(), "{path}: more than its own lines changed:\n{}", new.join("\n"));
        }
    }
}

#[test]
fn new_values_are_added_in_the_style_of_the_file_and_removed_without_a_trace() {
    for (format, text, added) in [
        (Format::Tfvars, "a = 1\nb = {\n  c = \"x\"\n}\n", "a = 1\nb = {\n  c = \"x\"\n  d = \"new\"\n}\n"),
        (Format::Tfvars, "a = 1\nb = { c = \"x\" }\n", "a = 1\nb = { c = \"x\", d = \"new\" }\n"),
        (Format::Toml, "a = 1\n[b]\nc = 'x' # x\n\n# e\n[e]\n", "a = 1\n[b]\nc = 'x' # x\nd = \"new\"\n\n# e\n[e]\n"),
        (Format::Toml, "b = { c = 'x' }\n", "b = { c = 'x', d = \"new\" }\n"),
        (Format::Toml, "b.c = 'x'\n", "b.c = 'x'\nb.d = \"new\"\n"),
        (Format::Yaml, "a: 1\nb:\n  c: x\n", "a: 1\nb:\n  c: x\n  d: new\n"),
        (
            Format::Json,
            "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": \"x\"\n  }\n}\n",
            "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": \"x\",\n    \"d\": \"new\"\n  }\n}\n",
        ),
        (Format::Json, "{\"a\":1,\"b\":{\"c\":\"x\"}}", "{\"a\":1,\"b\":{\"c\":\"x\",\"d\":\"new\"}}"),
    ] {
        let encrypted = encrypt(text, format, &policy()).unwrap().text;
        let steps = parse_steps("[\"b\"][\"d\"]").unwrap();
        let set = with(&HONEST, |cx| open(&encrypted, format).unwrap().set(&steps, &Node::str("new"), cx)).unwrap().unwrap();
        assert_eq!(changed(format, &encrypted, &set.text), (0, 1));
        assert_eq!(String::from_utf8(decrypt(&set.text, format).unwrap()).unwrap(), added);
        let unset = with(&HONEST, |cx| open(&set.text, format).unwrap().unset(&steps, cx)).unwrap();
        assert_eq!(changed(format, &encrypted, &unset.text), (0, 0));
        assert_eq!(String::from_utf8(decrypt(&unset.text, format).unwrap()).unwrap(), text);
    }
}

#[test]
fn unsetting_takes_the_lines_of_the_entry_and_no_others() {
    let text = "# top\na: one # a\n\n# of b\nb:\n  - x\n  - y # y\n  - z\nc: {d: 1, e: 2}\n\nf: |\n  text\ng: end\n";
    let encrypted = encrypt(text, Format::Yaml, &policy()).unwrap().text;
    for (path, gone) in [
        ("[\"a\"]", "a: one # a\n"),
        ("[\"b\"][1]", "  - y # y\n"),
        ("[\"b\"]", "b:\n  - x\n  - y # y\n  - z\n"),
        ("[\"c\"]", "c: {d: 1, e: 2}\n"),
        ("[\"c\"][\"d\"]", "d: 1, "),
        ("[\"f\"]", "f: |\n  text\n"),
        ("[\"g\"]", "g: end\n"),
    ] {
        let steps = parse_steps(path).unwrap();
        let unset = with(&HONEST, |cx| open(&encrypted, Format::Yaml).unwrap().unset(&steps, cx)).unwrap();
        assert_eq!(changed(Format::Yaml, &encrypted, &unset.text).1, 0, "{path}");
        let left = String::from_utf8(decrypt(&unset.text, Format::Yaml).unwrap()).unwrap();
        assert!(left.lines().all(|line| text.contains(line) || line == "c: {e: 2}"), "{path} changed a line:\n{left}");
        assert!(!left.contains(gone), "{path} is still there:\n{left}");
        for line in text.lines().filter(|line| !line.contains('#') && !gone.contains(*line) && !line.contains(gone)) {
            assert!(left.lines().any(|l| l == line), "{path} took `{line}` with it:\n{left}");
        }
    }
}

#[test]
fn a_number_set_stays_a_number() {
    for (format, text) in [(Format::Yaml, "a: x\n"), (Format::Json, "{\"a\": \"x\"}\n")] {
        let encrypted = encrypt(text, format, &policy()).unwrap().text;
        for (value, spelled) in
            [(Value::int(12), "12"), (Value::float(1.5), "1.5"), (Value::bool(true), "true"), (Value::NULL, "null")]
        {
            let steps = parse_steps("[\"a\"]").unwrap();
            let set = with(&HONEST, |cx| open(&encrypted, format).unwrap().set(&steps, &Node::scalar(value), cx)).unwrap().unwrap();
            let plain = String::from_utf8(decrypt(&set.text, format).unwrap()).unwrap();
            assert_eq!(plain, text.replace("\"x\"", "x").replace('x', spelled), "{format:?}");
        }
    }
}
