//! `encrypt`: where keys and names come from, what is refused, and what is said.

use super::harness::Session;

const PLAIN: &str = "# a comment\ndb:\n  user: admin\n  password: \"hunter2\"   # keep\n\nreplicas: 3\n";

fn session() -> Session {
    let mut session = Session::with_identity();
    session.file("s.yaml", PLAIN);
    session
}

fn with_recipients() -> Session {
    let mut session = session();
    let recipient = session.recipient();
    session.env("SOPS_AGE_RECIPIENTS", &recipient);
    session
}

#[test]
fn what_was_encrypted_in_place_comes_back_byte_for_byte() {
    let mut session = session();
    let recipient = session.recipient();
    session
        .args(&["encrypt", "-i", "--age", &recipient, "s.yaml"])
        .stdout("")
        .stderr("")
        .expect_file_has("s.yaml", "ENC[AES256_GCM")
        .exit(0);
    let encrypted = session.read_text("s.yaml");
    assert!(!encrypted.contains("hunter2") && encrypted.contains("version: 3.13.3"), "{encrypted}");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).stderr("").exit(0);
    session.args(&["decrypt", "-i", "s.yaml"]).stdout("").expect_file("s.yaml", PLAIN).exit(0);
}

#[test]
fn options_may_stand_after_the_file() {
    let mut session = session();
    let recipient = session.recipient();
    session.args(&["encrypt", "s.yaml", "--age", &recipient]).stdout_has("ENC[").exit(0);
    session.args(&["--age", &recipient, "encrypt", "s.yaml"]).stdout_has("ENC[").exit(0);
    session.args(&["encrypt", "s.yaml", "-age", &recipient]).stdout_has("ENC[").exit(0);
}

#[test]
fn standard_input_needs_a_name_for_rule_and_type() {
    let mut session = with_recipients();
    session.args(&["encrypt"]).stdin(PLAIN).stderr("error: must specify --filename-override when reading from stdin\n").exit(8);
    let done = session.args(&["encrypt", "--filename-override", "x.yaml"]).stdin(PLAIN).stdout_has("sops:").exit(0);
    session.args(&["decrypt", "--input-type", "yaml", "--output-type", "yaml"]).stdin(&done.stdout).stdout(PLAIN).exit(0);
    session.args(&["decrypt", "--filename-override", "x.yaml", "-"]).stdin(&done.stdout).stdout(PLAIN).exit(0);
    session.args(&["encrypt", "-i", "--filename-override", "x.yaml", "-"]).stdin(PLAIN).exit(8);
}

#[test]
fn a_creation_rule_gives_keys_and_selection() {
    let mut session = session();
    let recipient = session.recipient();
    session.file(
        ".sops.yaml",
        format!("creation_rules:\n  - path_regex: s\\.yaml$\n    age: {recipient}\n    encrypted_regex: ^password$\n"),
    );
    session
        .args(&["encrypt", "-i", "s.yaml"])
        .stderr("")
        .expect_file_has("s.yaml", "user: admin\n")
        .expect_file_has("s.yaml", "password: \"ENC[")
        .exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn the_config_is_looked_for_from_the_working_folder_then_from_the_file() {
    let mut session = session();
    let recipient = session.recipient();
    let config = format!("creation_rules:\n  - age: {recipient}\n");
    session.file("proj/.sops.yaml", &config).file("proj/sub/s.yaml", PLAIN);
    session.args(&["encrypt", "proj/sub/s.yaml"]).stdout_has("ENC[").exit(0);
    session.cd("proj/sub").args(&["encrypt", "s.yaml"]).stdout_has("ENC[").exit(0);
    session.cd("").args(&["encrypt", "s.yaml"]).stderr_has("no keys provided").stderr_has("hint: `leafseal init`").exit(1);
    session.args(&["encrypt", "--config", "proj/.sops.yaml", "s.yaml"]).stdout_has("ENC[").exit(0);
    session.args(&["--config", "none.yaml", "encrypt", "s.yaml"]).stderr_has("could not read config file none.yaml").exit(1);
    session.env("SOPS_CONFIG", "proj/.sops.yaml").args(&["encrypt", "s.yaml"]).stdout_has("ENC[").exit(0);
}

#[test]
fn a_config_by_the_wrong_name_is_pointed_out() {
    let mut session = with_recipients();
    session.file(".sops.yml", "creation_rules: []\n");
    session
        .args(&["encrypt", "s.yaml"])
        .stderr_has("warning: ignoring")
        .stderr_has("must be called \".sops.yaml\"")
        .stdout_has("ENC[")
        .exit(0);
}

#[test]
fn given_keys_need_no_rule() {
    let mut session = with_recipients();
    session.file(
        ".sops.yaml",
        "creation_rules:\n  - path_regex: ^other$\n    age: age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun\n",
    );
    session.args(&["encrypt", "s.yaml"]).stdout_has("ENC[").exit(0);
    session
        .no_env("SOPS_AGE_RECIPIENTS")
        .args(&["encrypt", "s.yaml"])
        .stderr_has("no matching creation rules found")
        .stderr_has("^other$")
        .exit(1);
}

#[test]
fn a_selection_that_covers_nothing_is_a_loud_warning_and_an_error_when_strict() {
    let mut session = with_recipients();
    session.args(&["encrypt", "--encrypted-regex", "^zzz", "s.yaml"]).stderr_has("warning: s.yaml: NO VALUE IS ENCRYPTED").exit(0);
    session
        .args(&["encrypt", "-i", "--strict", "--encrypted-regex", "^zzz", "s.yaml"])
        .stderr_has("no value is encrypted")
        .expect_file("s.yaml", PLAIN)
        .exit(1);
}

#[test]
fn an_invalid_or_second_selector_is_refused() {
    let mut session = with_recipients();
    session.args(&["encrypt", "--encrypted-regex", "[", "s.yaml"]).stdout("").exit(1);
    session
        .args(&["encrypt", "--encrypted-regex", "a", "--encrypted-suffix", "b", "s.yaml"])
        .stdout("")
        .stderr_has("more than one")
        .exit(8);
}

#[test]
fn what_is_encrypted_already_is_refused() {
    let mut session = with_recipients();
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session.args(&["encrypt", "-i", "s.yaml"]).stderr_has("already encrypted").stderr_has("hint: ").exit(203);
}

#[test]
fn a_text_that_does_not_parse_is_refused_with_its_position_and_without_its_text() {
    let mut session = with_recipients();
    session.file("bad.yaml", "user: admin\npassword: \"hunter2\n");
    session.args(&["encrypt", "bad.yaml"]).stdout("").stderr_has("error: bad.yaml: line ").stderr_lacks("hunter2").exit(2);
    session.file("bad.json", "{\"a\":[1,2");
    session.args(&["encrypt", "bad.json"]).stdout("").stderr_has("line 1").exit(2);
}

#[test]
fn an_empty_mapping_comes_back_and_an_empty_yaml_file_is_refused() {
    let mut session = with_recipients();
    for (name, text) in [("e.json", "{}"), ("e2.json", "{\n}\n"), ("e.yaml", "{}\n"), ("c.yaml", "# only a comment\n")] {
        session.file(name, text);
        session.args(&["encrypt", "-i", name]).expect_file_has(name, "sops").exit(0);
        session.args(&["decrypt", name]).stdout(text).exit(0);
    }
    session.file("none.yaml", "").args(&["encrypt", "none.yaml"]).stdout("").stderr_has("completely empty").exit(92);
    session.args(&["encrypt", "--shamir-secret-sharing-threshold", "-1", "s.yaml"]).stderr_has("threshold").exit(1);
}

#[test]
fn several_files_are_all_done_or_all_named() {
    let mut session = with_recipients();
    session.file("b.yaml", "b: 1\n").file("bad.yaml", "a: [\n");
    session.args(&["encrypt", "s.yaml", "b.yaml"]).stderr_has("several files").stderr_has("--in-place").stdout("").exit(1);
    session.args(&["encrypt", "-i", "s.yaml", "bad.yaml", "missing.yaml", "b.yaml"]);
    session.stderr_has("bad.yaml: line").stderr_has("\"missing.yaml\"").stderr_has("2 of 4 files failed");
    session.expect_file_has("s.yaml", "ENC[").expect_file_has("b.yaml", "ENC[").exit(2);
}

#[test]
fn conflicting_options_have_the_exit_code_of_sops() {
    let mut session = with_recipients();
    session
        .args(&["encrypt", "-i", "--output", "x", "s.yaml"])
        .stderr("error: cannot operate on both --output and --in-place\n")
        .exit(8);
    session.args(&["encrypt", "--encryption-context", "a", "s.yaml"]).exit(6);
    session.args(&["encrypt", "--bogus", "s.yaml"]).stderr_has("--bogus").exit(1);
    session.args(&["encrypt", "--input-type", "bogus", "s.yaml"]).stderr_has("unknown type").exit(1);
    session.args(&["encrypt", "missing.yaml"]).stderr_has("non-existent file").exit(100);
}

#[test]
fn types_come_from_the_name_or_from_options() {
    let mut session = with_recipients();
    session.file("s.txt", PLAIN).file("s.json", "{\"a\": 1}\n");
    session.args(&["encrypt", "s.txt"]).stdout_has("\"data\": \"ENC[").exit(0);
    session.args(&["encrypt", "--input-type", "yaml", "--output-type", "yaml", "s.txt"]).stdout_has("password: \"ENC[").exit(0);
    session.args(&["encrypt", "--output-type", "json", "s.yaml"]).stdout_has("\"password\": \"ENC[").exit(0);
    session.args(&["encrypt", "s.json"]).stdout_has("\"a\": \"ENC[").exit(0);
    session.args(&["encrypt", "-i", "s.txt"]).exit(0);
    session.args(&["decrypt", "s.txt"]).stdout(PLAIN).exit(0);
}

#[test]
fn key_services_that_cannot_be_asked_say_so() {
    let mut session = session();
    session.args(&["encrypt", "--azure-kv", "https://127.0.0.1:1/keys/k/1", "s.yaml"]).stdout("");
    session.stderr_has("https://127.0.0.1:1/keys/k/1").stderr_has("connection refused").exit(1);
    session.args(&["encrypt", "--gcp-kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k", "s.yaml"]).stdout("");
    session.stderr_has("no credentials for Google Cloud").exit(1);
    session.args(&["encrypt", "--age", "nonsense", "s.yaml"]).stdout("").stderr_has("--age").exit(1);
    session.args(&["encrypt", "--age", "AGE-SECRET-KEY-1QQ", "s.yaml"]).stdout("").stderr_lacks("1QQ").exit(1);
}

#[test]
fn an_environment_boolean_that_is_none_is_refused() {
    let mut session = with_recipients();
    session
        .env("SOPS_ENABLE_LOCAL_KEYSERVICE", "maybe")
        .args(&["encrypt", "s.yaml"])
        .stderr_has("SOPS_ENABLE_LOCAL_KEYSERVICE")
        .exit(1);
    session.env("SOPS_ENABLE_LOCAL_KEYSERVICE", "").args(&["encrypt", "s.yaml"]).stderr_has("no key services").exit(1);
    session.args(&["encrypt", "--enable-local-keyservice", "s.yaml"]).stdout_has("ENC[").exit(0);
    session.args(&["encrypt", "--enable-local-keyservice=false", "s.yaml"]).exit(1);
}
