//! `decrypt`: one value, other types, the MAC, and why there is no key.

use super::harness::Session;

const PLAIN: &str = "a:\n  b: [one, \"two\"]\n  n: 5\n  t: true\n# note\nlast: end\n";

fn session() -> Session {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--age", &recipient, "s.yaml"]).exit(0);
    session
}

#[test]
fn one_value_is_extracted_as_it_is() {
    let mut session = session();
    session.args(&["decrypt", "--extract", "[\"a\"][\"b\"][1]", "s.yaml"]).stdout("two").exit(0);
    session.args(&["decrypt", "--extract", "['last']", "s.yaml"]).stdout("end").exit(0);
    session.args(&["decrypt", "--extract", "[\"a\"][\"n\"]", "s.yaml"]).stdout("5\n").exit(0);
    session.args(&["decrypt", "--extract", "", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn a_bad_place_is_refused_with_the_exit_code_of_sops() {
    let mut session = session();
    session.args(&["decrypt", "--extract", "a", "s.yaml"]).stdout("").stderr_has("invalid --extract").exit(91);
    session.args(&["decrypt", "--extract", "[\"a\"", "s.yaml"]).stdout("").exit(91);
    session.args(&["decrypt", "--extract", "[\"x\"]", "s.yaml"]).stdout("").stderr_has("x").exit(1);
    session.args(&["decrypt", "--extract", "[\"a\"][\"b\"][7]", "s.yaml"]).stdout("").exit(1);
}

#[test]
fn other_types_are_laid_out_anew() {
    let mut session = session();
    session.args(&["decrypt", "--output-type", "json", "s.yaml"]).stdout_has("\"last\": \"end\"").exit(0);
    session.args(&["decrypt", "--output-type", "json", "--indent", "2", "s.yaml"]).stdout_has("\n  \"a\": {\n    \"b\"").exit(0);
    session.args(&["decrypt", "--output-type", "binary", "s.yaml"]).stdout("").exit(4);
}

#[test]
fn a_changed_file_is_refused_unless_the_mac_is_ignored() {
    let mut session = session();
    let text = session.read_text("s.yaml").replace("last: ", "lost: ");
    session.file("moved.yaml", &text);
    session.args(&["decrypt", "moved.yaml"]).stdout("").stderr_has("lost").stderr_has("hint: ").exit(25);

    let recipient = session.recipient();
    session.file("p.yaml", "a: secret\nb_unencrypted: 1\n");
    session.args(&["encrypt", "-i", "--age", &recipient, "p.yaml"]).exit(0);
    let text = session.read_text("p.yaml").replace("b_unencrypted: 1", "b_unencrypted: 2");
    session.file("p.yaml", text);
    session.args(&["decrypt", "p.yaml"]).stdout("").stderr_has("p.yaml: ").exit(51);
    session.args(&["decrypt", "--ignore-mac", "p.yaml"]).stdout("a: secret\nb_unencrypted: 2\n").exit(0);
}

#[test]
fn a_plain_file_says_that_it_is_not_encrypted() {
    let mut session = Session::with_identity();
    session.file("p.yaml", "a: 1\n");
    session
        .args(&["decrypt", "p.yaml"])
        .stdout("")
        .stderr_has("sops metadata not found")
        .stderr_has("hint: `leafseal encrypt")
        .exit(1);
    session.args(&["decrypt", "missing.yaml"]).stderr_has("non-existent file").exit(100);
}

#[test]
fn without_a_key_every_place_is_named_and_what_to_do() {
    let session = session();
    let mut other = Session::new();
    other.file("s.yaml", session.read("s.yaml"));
    let done = other.args(&["decrypt", "s.yaml"]).stdout("").exit(128);
    assert!(done.stderr.starts_with("error: no master key could decrypt the data key of s.yaml\n  age1"), "{}", done.stderr);
    for words in ["no identity was found", "SOPS_AGE_KEY", "keys.txt", "\n\nhint: ", "leafseal rotate -i --add-age"] {
        assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
    }
}

#[test]
fn a_key_for_someone_else_is_named_by_its_recipient() {
    let session = session();
    let mut other = Session::with_identity();
    other.file("s.yaml", session.read("s.yaml"));
    let theirs = &session.recipient()[..8];
    let ours = &other.recipient()[..8];
    let done = other.args(&["decrypt", "s.yaml"]).stdout("").exit(128);
    assert!(done.stderr.contains(theirs) && done.stderr.contains(ours), "{}", done.stderr);
    other.args(&["decrypt", "--enable-local-keyservice=false", "s.yaml"]).stdout("").stderr_has("no key service").exit(128);
}

#[test]
fn identities_come_from_every_place() {
    let session = session();
    let keys = session.read_text("../home/.config/sops/age/keys.txt");
    let identity = keys.lines().last().unwrap().to_owned();
    let fresh = || {
        let mut other = Session::new();
        other.file("s.yaml", session.read("s.yaml")).file("k.txt", &keys);
        other
    };
    fresh().env("SOPS_AGE_KEY", &identity).args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    fresh().env("SOPS_AGE_KEY_FILE", "k.txt").args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    fresh().env("SOPS_AGE_KEY_CMD", "cat k.txt").args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    fresh().env("XDG_CONFIG_HOME", "/nowhere").args(&["decrypt", "s.yaml"]).exit(128);
    let mut other = fresh();
    let folder = other.path("xdg");
    other.file("xdg/sops/age/keys.txt", &keys).env("XDG_CONFIG_HOME", folder.to_str().unwrap());
    other.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn mistakes_with_identities_are_recognised_and_nothing_is_shown() {
    let session = session();
    let identity = session.read_text("../home/.config/sops/age/keys.txt").lines().last().unwrap().to_owned();
    let mut other = Session::new();
    other.file("s.yaml", session.read("s.yaml"));
    other
        .env("SOPS_AGE_KEY", "/home/me/keys.txt")
        .args(&["decrypt", "s.yaml"])
        .stderr_has("did you mean SOPS_AGE_KEY_FILE?")
        .exit(128);
    other.env("SOPS_AGE_KEY", "").env("SOPS_AGE_KEY_FILE", &identity).args(&["decrypt", "s.yaml"]);
    other.stderr_has("SOPS_AGE_KEY").stderr_lacks(&identity).exit(128);
    other
        .env("SOPS_AGE_KEY_FILE", "")
        .env("SOPS_AGE_KEY_CMD", "false")
        .args(&["decrypt", "s.yaml"])
        .stderr_has("exited with status 1")
        .exit(128);
    let cut = &identity[..60];
    other
        .env("SOPS_AGE_KEY_CMD", "")
        .env("SOPS_AGE_KEY", cut)
        .args(&["decrypt", "s.yaml"])
        .stderr_has("SOPS_AGE_KEY")
        .stderr_lacks(cut)
        .exit(128);
}

#[test]
fn a_decryption_order_with_a_repetition_is_refused() {
    let mut session = session();
    session.args(&["decrypt", "--decryption-order", "age,age", "s.yaml"]).stdout("").exit(112);
    session.args(&["decrypt", "--decryption-order", "pgp,age", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("SOPS_DECRYPTION_ORDER", ",,").args(&["decrypt", "s.yaml"]).exit(112);
}

#[test]
fn several_files_are_decrypted_in_place() {
    let mut session = session();
    let recipient = session.recipient();
    session.file("t.yaml", "t: 1\n");
    session.args(&["encrypt", "-i", "--age", &recipient, "t.yaml"]).exit(0);
    session.args(&["decrypt", "s.yaml", "t.yaml"]).stdout("").stderr_has("several files").exit(1);
    session.args(&["decrypt", "-i", "s.yaml", "t.yaml"]).expect_file("s.yaml", PLAIN).expect_file("t.yaml", "t: 1\n").exit(0);
}

#[test]
fn a_wrong_config_is_an_error_as_in_sops() {
    let mut session = session();
    session.file(".sops.yaml", "creation_rules: foo\n");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(".sops.yaml").stderr_has("creation_rules").exit(1);
    session.file(".sops.yaml", "creation_rule:\n  - age: x\n");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).stderr_has("warning: ").stderr_has("did you mean `creation_rules`?").exit(0);
}
