//! Invariant I5: no message, no `Debug` and no left-over file holds a value, its digest or a key, whatever fails.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use leafseal::document::Format;
use leafseal::document::node::Node;
use leafseal::document::steps::parse_steps;
use leafseal::file::{EncryptedFile, MacPolicy};
use sha2::{Digest, Sha512};

use super::harness::Session;
use super::support::{
    Double, DoubleAnswer, HONEST, RECIPIENTS, encrypt, everything_said, hex, open, policy, selecting, with, with_identities,
};

/// The secret that must not be seen. No part of it is a word.
const CANARY: &str = "Zq7vKp2wXn9tBr4m";

/// Everything by which the canary could be known.
fn traces(text: &[u8]) -> Vec<&'static str> {
    let digest = Sha512::digest(CANARY);
    let forms: [(&str, Vec<u8>); 9] = [
        ("itself", CANARY.into()),
        ("half of it", CANARY[..8].into()),
        ("its other half", CANARY[8..].into()),
        ("its hexadecimal digits", hex(CANARY.as_bytes()).into()),
        ("its hexadecimal digits in capitals", hex(CANARY.as_bytes()).to_uppercase().into()),
        ("its base64", STANDARD.encode(CANARY).trim_end_matches('=').into()),
        ("its bytes as a list", format!("{:?}", CANARY.as_bytes()).trim_matches(['[', ']']).into()),
        ("its SHA-512", hex(&digest).into()),
        ("its SHA-512 in capitals", hex(&digest).to_uppercase().into()),
    ];
    let has = |form: &[u8]| text.windows(form.len()).any(|window| window == form);
    forms.into_iter().filter(|(_, form)| has(form)).map(|(name, _)| name).collect()
}

#[track_caller]
fn assert_silent(said: impl AsRef<[u8]>, told: &str) {
    let found = traces(said.as_ref());
    assert!(found.is_empty(), "{told}: {found:?} in\n{}", String::from_utf8_lossy(said.as_ref()));
}

#[test]
fn the_traces_are_found_where_they_are() {
    let digest = hex(&Sha512::digest(CANARY)).to_uppercase();
    for text in [format!("x{CANARY}y"), format!("MAC {digest}"), STANDARD.encode(CANARY), format!("{:?}", CANARY.as_bytes())] {
        assert!(!traces(text.as_bytes()).is_empty(), "{text}");
    }
    assert!(traces(b"nothing here").is_empty());
}

/// Plaintexts that cannot be encrypted, with the canary at the place that is wrong, or near it.
fn broken_plaintexts() -> Vec<(Format, Vec<u8>)> {
    let c = CANARY;
    let yaml = [
        format!("a: \"{c}\n"),
        format!("a: '{c}\n"),
        format!("a: [{c}\n"),
        format!("a: {{b: {c}\n"),
        format!("a: {c}: b\n"),
        format!("a:\n\t- {c}\n"),
        format!("a: *{c}\n"),
        format!("a: &{c} &{c} x\n"),
        format!("a: !<{c} x\n"),
        format!("a: !{c}!x y\n"),
        format!("a: !!int {c}\n"),
        format!("a: !!float {c}\n"),
        format!("a: !!bool {c}\n"),
        format!("a: !!null {c}\n"),
        format!("a: !!timestamp {c}\n"),
        format!("a: !!binary \"*{c}\"\n"),
        format!("a: |{c}\n x\n"),
        format!("a: >9\n {c}\n"),
        format!("a: \"\\q{c}\"\n"),
        format!("a: \"\\u{c}\"\n"),
        format!("a: @{c}\n"),
        format!("a: `{c}\n"),
        format!("a: %{c}\n  - b\n"),
        format!("a: {c}\nb\n"),
        format!("a: {c}\n b: x\n"),
        format!("a: {c}\n  - b\n"),
        format!("%{c} x\n---\na: b\n"),
        format!("%YAML {c}\n---\na: b\n"),
        format!("%TAG {c} y\n---\na: b\n"),
        format!("- {c}\n"),
        format!("{c}\n"),
        format!("\"{c}\"\n"),
        format!("a: {c}\na: {c}\n"),
        format!("? [{c}]\n: x\n"),
        format!("<<: {c}\n"),
        format!("sops: {c}\n"),
        format!("a: {c}\u{1}\n"),
        format!("a: {c}\0\n"),
        format!("a: {c}\n...\n{c}: [\n"),
    ];
    let json = [
        format!("{{\"a\": \"{c}"),
        format!("{{\"a\": {c}}}"),
        format!("{{\"a\": \"\\x{c}\"}}"),
        format!("{{\"a\": \"\\u{c}\"}}"),
        format!("{{\"a\": \"{c}\" \"b\"}}"),
        format!("{{\"a\": \"{c}\"}} {c}"),
        format!("{{{c}: 1}}"),
        format!("[\"{c}\"]"),
        format!("\"{c}\""),
        format!("{{\"a\": \"{c}\n\"}}"),
        format!("{{\"a\": [\"{c}\"}}"),
        format!("{{\"sops\": \"{c}\"}}"),
        format!("{{\"a\": 1e999, \"b\": \"{c}\"}}"),
    ];
    let tfvars = [
        format!("a = \"{c}\n"),
        format!("a = \"{c}${{\n"),
        format!("a = {c}(1)\n"),
        format!("a = '{c}'\n"),
        format!("a = <<{c}\nx\n"),
        format!("a = <<E\n{c}\n"),
        format!("a = [\"{c}\" 1]\n"),
        format!("a = {{ x = \"{c}\" y }}\n"),
        format!("a = {{ \"${{{c}}}\" = 1 }}\n"),
        format!("a = 1 /* {c}\n"),
        format!("a = \"{c}\"\na = \"{c}\"\n"),
        format!("a = \"{c}\" {c}\n"),
        format!("sops = \"{c}\"\n"),
    ];
    let toml = [
        format!("a = \"{c}\n"),
        format!("a = '{c}\n"),
        format!("a = \"\"\"{c}\n"),
        format!("a = {c}\n"),
        format!("a = [\"{c}\" 1]\n"),
        format!("a = {{ x = \"{c}\" y = 1 }}\n"),
        format!("a = \"\\q{c}\"\n"),
        format!("a = 2024-13-01T{c}\n"),
        format!("a = \"{c}\"\na = \"{c}\"\n"),
        format!("a = \"{c}\" {c}\n"),
        format!("a = \"{c}\u{1}\"\n"),
        format!("sops = \"{c}\"\n"),
    ];
    let bytes = [[b"a: ", c.as_bytes(), b"\xff\n"].concat(), [b"\xff\xfea: ", c.as_bytes()].concat()];
    let yaml = yaml.into_iter().map(|text| (Format::Yaml, text.into_bytes()));
    let json = json.into_iter().map(|text| (Format::Json, text.into_bytes()));
    let tfvars = tfvars.into_iter().map(|text| (Format::Tfvars, text.into_bytes()));
    let toml = toml.into_iter().map(|text| (Format::Toml, text.into_bytes()));
    yaml.chain(json).chain(tfvars).chain(toml).chain(bytes.into_iter().map(|text| (Format::Yaml, text))).collect()
}

#[test]
fn a_plaintext_that_is_refused_is_not_shown() {
    let file = encrypt(format!("a: {CANARY}\n"), Format::Yaml, &policy()).unwrap().text;
    let mut refused = 0;
    for (format, text) in broken_plaintexts() {
        let told = String::from_utf8_lossy(&text).into_owned();
        if let Err(error) = encrypt(&text, format, &policy()) {
            assert_silent(everything_said(&error), &told);
            refused += 1;
        }
        if let Err(error) = open(&text, format) {
            assert_silent(everything_said(&error), &told);
        }
        if let Err(error) = with(&HONEST, |cx| open(&file, Format::Yaml).unwrap().merge(&text, cx)) {
            assert_silent(everything_said(&error), &told);
        }
    }
    assert!(refused > 45, "{refused} were refused");
}

#[test]
fn a_selection_or_key_service_that_fails_shows_nothing() {
    let plain = format!("a: {CANARY}\nb: 18446744073709551615 # {CANARY}\n");
    for (name, text) in [("encrypted_regex", "(("), ("encrypted_regex", "^a$"), ("unencrypted_comment_regex", "ENC")] {
        if let Err(error) = encrypt(&plain, Format::Yaml, &selecting(name, text)) {
            assert_silent(everything_said(&error), text);
        }
    }
    let file = encrypt(&plain, Format::Yaml, &policy()).unwrap().text;
    let data_key = String::from_utf8(file.clone()).unwrap();
    let data_key = data_key.split("enc: ").nth(1).unwrap().split_whitespace().next().unwrap();
    for answer in [DoubleAnswer::WrongKey, DoubleAnswer::Nothing, DoubleAnswer::Fails] {
        let double = Double { answer };
        let error = with(&double, |cx| EncryptedFile::parse(&file, Format::Yaml)?.open(MacPolicy::Verify, cx)).err().unwrap();
        let said = everything_said(&error);
        assert_silent(&said, "the double");
        assert!(!said.contains(data_key), "{said}");
    }
    let error = with_identities(|cx| EncryptedFile::parse(&file, Format::Yaml)?.open(MacPolicy::Verify, cx)).err().unwrap();
    assert_silent(everything_said(&error), "identities");
}

#[test]
fn a_file_that_was_tampered_with_shows_nothing() {
    let plain = format!("a: {CANARY}\nlist:\n    - {CANARY}\n    - x\nclear_unencrypted: {CANARY}\n");
    let file = String::from_utf8(encrypt(&plain, Format::Yaml, &policy()).unwrap().text).unwrap();
    let clear = file.find(CANARY).unwrap();
    let mut failed = 0;
    for at in 0..file.len() {
        for bit in [0, 5, 7] {
            let mut changed = file.clone().into_bytes();
            changed[at] ^= 1 << bit;
            if let Err(error) = open(&changed, Format::Yaml) {
                assert_silent(everything_said(&error), &format!("bit {bit} of byte {at}"));
                failed += 1;
            }
        }
    }
    assert!(failed > file.len(), "{failed} failures");
    for end in 0..file.len() - 40 {
        if let Err(error) = open(&file[..end], Format::Yaml) {
            assert_silent(everything_said(&error), &format!("cut at {end}"));
        }
    }
    // A value in clear where a sealed one belongs, and a MAC over other values.
    for changed in [
        file.replace("clear_unencrypted", "clear"),
        format!("a_unencrypted: {CANARY}\n{file}"),
        file.replace("clear_unencrypted:", "clear_unencrypted: !!int"),
        format!("{}{}", &file[..clear], &file[clear + 1..]),
    ] {
        let error = open(changed, Format::Yaml).err().unwrap();
        assert_silent(everything_said(&error), "changed by hand");
    }
}

#[test]
fn a_change_that_is_refused_shows_nothing() {
    let plain = format!("a: {CANARY}\nlist: [{CANARY}]\n");
    let file = encrypt(plain, Format::Yaml, &policy()).unwrap().text;
    let canary = Node::str(CANARY);
    for path in [
        "[\"a\"][\"b\"]",
        "[\"a\"][0]",
        "[\"list\"][\"x\"]",
        "[\"list\"][7][\"x\"]",
        "[\"none\"][\"x\"][3]",
        "[\"sops\"]",
        "[\"sops\"][\"mac\"]",
    ] {
        let steps = parse_steps(path).unwrap();
        if let Err(error) = with(&HONEST, |cx| open(&file, Format::Yaml).unwrap().set(&steps, &canary, cx)) {
            assert_silent(everything_said(&error), path);
        }
        if let Err(error) = with(&HONEST, |cx| open(&file, Format::Yaml).unwrap().unset(&steps, cx)) {
            assert_silent(everything_said(&error), path);
        }
    }
    for path in [format!("[\"{CANARY}"), format!("[{CANARY}]"), format!("{CANARY}[0")] {
        if let Err(error) = parse_steps(&path) {
            assert_silent(everything_said(&error), &path);
        }
    }
}

/// Looks through everything below a folder but the files that held the canary before.
fn assert_no_file_holds_it(folder: &Path, but: &[&str], told: &str) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_no_file_holds_it(&path, but, told);
        } else if !but.iter().any(|name| path.ends_with(name)) && path.is_file() {
            assert_silent(std::fs::read(&path).unwrap(), &format!("{} after {told}", path.display()));
        }
    }
}

#[test]
fn no_failing_command_shows_the_value_or_leaves_it_behind() {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.env("SOPS_AGE_RECIPIENTS", &recipient);
    session.file("plain.yaml", format!("a: {CANARY}\nlist:\n    - {CANARY}\nclear_unencrypted: {CANARY}\nhuge: 1\n"));
    session.file("plain.json", format!("{{\"a\": \"{CANARY}\", \"n\": 1.5}}\n"));
    session.file("broken.yaml", format!("a: \"{CANARY}\nb: [\n"));
    session.file("broken.json", format!("{{\"a\": \"{CANARY}"));
    session.file("twice.yaml", format!("a: {CANARY}\na: {CANARY}\n"));
    session.file("tabs.yaml", format!("a:\n\tb: {CANARY}\n"));
    session.file("list.yaml", format!("- {CANARY}\n"));
    session.file("value.txt", format!("{{\"x\": {CANARY}"));
    session.args(&["encrypt", "--output", "good.yaml", "plain.yaml"]).exit(0);
    session.args(&["encrypt", "--output", "good.json", "plain.json"]).exit(0);
    let good = session.read_text("good.yaml");
    session.file("moved.yaml", good.replacen("a: ENC", "b: ENC", 1));
    session.file("mismatch.yaml", good.replace("huge:", "added_unencrypted: x\nhuge:"));
    session.file("clear.yaml", good.replace("clear_unencrypted", "clear"));
    session.file(
        "no-mac.yaml",
        good.lines().filter(|line| !line.contains(" mac: ")).flat_map(|line| [line, "\n"]).collect::<String>(),
    );
    session.file("bad-base64.yaml", good.replacen("data:", "data:*", 1));
    session.file("stranger.yaml", good.replace("age1", "age2").replace("BEGIN AGE", "BEGIN CAGE"));
    session.file("cut.yaml", &good[..good.len() / 2]);
    session.script("bad-editor", "printf 'a: \"%s\\n' \"broken\" > \"$1\"");
    session.script("failing-editor", "exit 3");
    session.script("canary-editor", &format!("printf 'a: \"{CANARY}' > \"$1\""));
    let inputs = [
        "plain.yaml",
        "plain.json",
        "broken.yaml",
        "broken.json",
        "twice.yaml",
        "tabs.yaml",
        "list.yaml",
        "value.txt",
        "clear.yaml",
        "good.yaml",
        "mismatch.yaml",
        "no-mac.yaml",
        "moved.yaml",
        "bad-base64.yaml",
        "stranger.yaml",
        "cut.yaml",
        "canary-editor",
    ];
    let set_value = format!("\"{CANARY}");
    let commands: Vec<Vec<&str>> = vec![
        vec!["encrypt", "broken.yaml"],
        vec!["encrypt", "-i", "broken.yaml"],
        vec!["encrypt", "broken.json"],
        vec!["encrypt", "twice.yaml"],
        vec!["encrypt", "tabs.yaml"],
        vec!["encrypt", "list.yaml"],
        vec!["encrypt", "-i", "list.yaml"],
        vec!["encrypt", "--input-type", "json", "plain.yaml"],
        vec!["encrypt", "--age", "age1nonsense", "plain.yaml"],
        vec!["encrypt", "--age", RECIPIENTS[0], "--encrypted-regex", "((", "plain.yaml"],
        vec!["encrypt", "--encrypted-regex", "x", "--unencrypted-regex", "y", "plain.yaml"],
        vec!["encrypt", "--output", "no/such/folder/x.yaml", "plain.yaml"],
        vec!["encrypt", "good.yaml"],
        vec!["encrypt", "-i", "good.yaml"],
        vec!["encrypt", "none.yaml", "plain.yaml"],
        vec!["decrypt", "plain.yaml"],
        vec!["decrypt", "-i", "plain.yaml"],
        vec!["decrypt", "plain.json"],
        vec!["decrypt", "broken.yaml"],
        vec!["decrypt", "broken.json"],
        vec!["decrypt", "mismatch.yaml"],
        vec!["decrypt", "-i", "mismatch.yaml"],
        vec!["decrypt", "--output", "out.yaml", "mismatch.yaml"],
        vec!["decrypt", "moved.yaml"],
        vec!["decrypt", "--ignore-mac", "moved.yaml"],
        vec!["decrypt", "clear.yaml"],
        vec!["decrypt", "no-mac.yaml"],
        vec!["decrypt", "bad-base64.yaml"],
        vec!["decrypt", "stranger.yaml"],
        vec!["decrypt", "cut.yaml"],
        vec!["decrypt", "--extract", "[\"none\"]", "good.yaml"],
        vec!["decrypt", "--extract", "[\"a\"][0]", "good.yaml"],
        vec!["decrypt", "--extract", "[\"a\"", "good.yaml"],
        vec!["decrypt", "--output", "no/such/folder/x", "good.yaml"],
        vec!["decrypt", "--input-type", "json", "good.yaml"],
        vec!["decrypt", "--output-format", "json", "mismatch.yaml"],
        vec!["--verbose", "decrypt", "mismatch.yaml"],
        vec!["rotate", "mismatch.yaml"],
        vec!["rotate", "-i", "moved.yaml"],
        vec!["rotate", "--add-age", "nonsense", "good.yaml"],
        vec!["set", "good.yaml", "[\"a\"]", &set_value],
        vec!["set", "good.yaml", "[\"a\"][\"b\"]", "\"x\""],
        vec!["set", "good.yaml", "[\"list\"][\"b\"]", "\"x\""],
        vec!["set", "mismatch.yaml", "[\"a\"]", "\"x\""],
        vec!["set", "--value-file", "good.yaml", "[\"a\"]", "value.txt"],
        vec!["set", "plain.yaml", "[\"a\"]", "\"x\""],
        vec!["unset", "good.yaml", "[\"none\"]"],
        vec!["unset", "moved.yaml", "[\"a\"]"],
        vec!["edit", "mismatch.yaml"],
        vec!["edit", "plain.yaml"],
        vec!["edit", "good.yaml"],
        vec!["mismatch.yaml"],
        vec!["filestatus", "broken.yaml"],
        vec!["config", "broken.yaml", "--config", "broken.yaml"],
        vec!["encrypt", "--config", "plain.yaml", "plain.json"],
        vec!["encrypt", "--config", "broken.yaml", "plain.json"],
    ];
    let run = session.path(".").canonicalize().unwrap();
    let run = run.parent().unwrap();
    let mut failed = 0;
    for editor in ["bad-editor", "failing-editor", "canary-editor"] {
        session.env("SOPS_EDITOR", session.path(editor).to_str().unwrap());
        for arguments in &commands {
            if editor != "bad-editor" && !["edit", "mismatch.yaml"].contains(&arguments[0]) {
                continue;
            }
            let told = format!("`{}` with {editor}", arguments.join(" "));
            let output = session.args(arguments).command().output().unwrap();
            assert!(!output.stderr.is_empty() || output.status.success(), "{told} says nothing");
            assert_silent(&output.stderr, &told);
            if !output.status.success() {
                failed += 1;
                // Nothing is printed before everything has succeeded; `encrypt` of several files prints nothing either.
                assert_silent(&output.stdout, &told);
            }
            assert_no_file_holds_it(run, &inputs, &told);
        }
    }
    assert!(failed >= 50, "{failed} commands failed");
    for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with("leafseal-") {
            assert_no_file_holds_it(&path, &[], "everything");
        }
    }
}
