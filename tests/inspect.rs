//! `inspect` and `doctor`.

use super::harness::Session;
use super::support::{RECIPIENTS, testdata};

const PLAIN: &str = "a: one\nb_unencrypted: two # c\nn: null\n";

fn session() -> Session {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--age", &format!("{recipient},{}", RECIPIENTS[0]), "s.yaml"]).exit(0);
    session
}

#[test]
fn inspect_needs_no_key() {
    let mut session = session();
    let ours = session.recipient();
    session.env("HOME", "/nonexistent");
    session
        .args(&["inspect", "s.yaml"])
        .stdout_has("selection  unencrypted_suffix: _unencrypted\n")
        .stdout_has("values     1 sealed, 1 in clear, 1 empty\ncomments   1 sealed, 0 in clear\n")
        .stdout_has(&format!("keys       any one of 2\n  age      {ours}\n  age      {}\n", RECIPIENTS[0]))
        .stderr("")
        .exit(0);
    let done = session.args(&["inspect", "s.yaml", "--output-format", "json"]).exit(0);
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["groups"][0]["keys"][0]["key"], ours.as_str());
    assert_eq!((report["values"]["sealed"].as_u64(), report["mac"].as_bool()), (Some(1), Some(true)));
    session.file("p.yaml", PLAIN).args(&["inspect", "p.yaml"]).stdout("").stderr_has("not encrypted").exit(1);
    session.args(&["inspect", "none.yaml", "s.yaml"]).stdout_has("any one of 2").stderr_has("1 of 2 files failed").exit(1);
    session.args(&["inspect"]).exit(100);
    let text = session.read("s.yaml");
    session.args(&["inspect", "-", "--input-type", "yaml"]).stdin(text).stdout_has("standard input").exit(0);
}

#[test]
fn inspect_knows_the_files_of_the_reference() {
    let mut session = Session::new();
    let text = std::fs::read(testdata("reference/yaml/nested__shamir/enc.yaml")).unwrap();
    session.file("s.yaml", text).args(&["inspect", "s.yaml"]).stdout_has("  group 0\n    age      age1").exit(0);
}

#[test]
fn doctor_ends_well_where_the_file_can_be_decrypted() {
    let mut session = session();
    let ours = session.recipient();
    session
        .args(&["doctor", "s.yaml"])
        .stdout_has("sops/age/keys.txt")
        .stdout_has(&format!("{ours}  opens the data key"))
        .stdout_has("can be decrypted here: 1 sealed values, and the MAC holds")
        .exit(0);
    session.args(&["doctor"]).stdout_has("none found").exit(0);
    session.file(".sops.yaml", format!("creation_rules:\n  - age: {ours}\n"));
    session
        .args(&["doctor", "s.yaml"])
        .stdout_has("creation_rules[0] (line 2)")
        .stdout_has("holds for this file: this key")
        .exit(0);
    let text = session.read_text("s.yaml").replace("b_unencrypted: two", "b_unencrypted: three");
    session.file("changed.yaml", text).args(&["doctor", "changed.yaml"]).stdout_has("MAC does not match").exit(1);
}

#[test]
fn doctor_says_what_is_missing() {
    let mut session = session();
    session.env("HOME", "/nonexistent").env("SOPS_AGE_KEY_FILE", "/no/keys.txt");
    session
        .args(&["doctor", "s.yaml"])
        .stdout_has("/no/keys.txt: there is no such file")
        .stdout_has("no master key could decrypt the data key")
        .stdout_has("hint: ")
        .stderr("")
        .exit(1);
    session.args(&["doctor"]).stdout_has("there is no identity").stdout_has("leafseal keygen").exit(1);
    session.args(&["doctor", "--enable-local-keyservice=false", "s.yaml"]).stdout_has("switched off").exit(1);
    session.args(&["doctor", "none.yaml"]).stdout_has("no such file").exit(1);
    session.args(&["doctor", "a", "b"]).exit(1);
    session.file(".sops.yaml", "creation_rules: 1\n").args(&["doctor", "s.yaml"]).stdout_has("error").exit(1);
    let done = session.args(&["doctor", "s.yaml", "--output-format", "json"]).exit(1);
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["good"], false);
    assert!(report["identities"].as_array().unwrap().iter().any(|place| place["what"] == "SOPS_AGE_KEY_FILE"));
}

#[test]
fn doctor_says_whose_plugins_are_missing() {
    let mut session = session();
    session.env("SOPS_AGE_KEY", "AGE-PLUGIN-FAKE-1W3JHXAQ8FAZUR");
    session.args(&["doctor"]).stdout_has("an identity of age-plugin-fake, which is not installed").stdout_has("hint: ").exit(0);
    session.script("bin/age-plugin-fake", "exit 1");
    let path = session.path("bin").to_str().unwrap().to_owned();
    session.env("PATH", &path).args(&["doctor"]).stdout_has("an identity of age-plugin-fake").exit(0);
}
