//! `updatekeys`.

use super::harness::Session;
use super::support::RECIPIENTS;

const PLAIN: &str = "a: one\nb: [two, 3] # c\n";

fn config(session: &mut Session, rule: &str) {
    session.file(".sops.yaml", format!("creation_rules:\n  - {}\n", rule.replace('\n', "\n    ")));
}

/// A session with an encrypted file for its own recipient alone.
fn session() -> Session {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.file("s.yaml", PLAIN);
    config(&mut session, &format!("age: {recipient}"));
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session
}

/// The lines that one text has and the other has not.
fn added(before: &str, after: &str) -> Vec<String> {
    let old: Vec<&str> = before.lines().collect();
    after.lines().filter(|line| !old.contains(line)).map(str::to_owned).collect()
}

#[test]
fn a_recipient_that_comes_adds_its_lines_only() {
    let mut session = session();
    let (ours, theirs) = (session.recipient(), RECIPIENTS[0]);
    let before = session.read_text("s.yaml");
    config(&mut session, &format!("age: {ours},{theirs}"));
    let path = std::fs::canonicalize(session.path("s.yaml")).unwrap().display().to_string();
    session
        .args(&["updatekeys", "s.yaml"])
        .stdin("maybe\ny\n")
        .stdout(format!(
            "The following changes will be made to the file's groups:\nGroup 1\n    {ours}\n+++ {theirs}\nIs this okay? (y/n):Is this okay? (y/n):"
        ))
        .stderr_has("Syncing keys for file ")
        .stderr_has("synced with new keys")
        .exit(0);
    let after = session.read_text("s.yaml");
    assert!(added(&after, &before).is_empty(), "nothing of {path} went away");
    assert!(added(&before, &after).iter().any(|line| line.contains(theirs)));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["updatekeys", "s.yaml"]).stdout("").stderr_has("already up to date").expect_file("s.yaml", &after).exit(0);
    config(&mut session, &format!("age: {theirs},{ours}"));
    session.args(&["updatekeys", "s.yaml"]).stdout("").stderr_has("already up to date").expect_file("s.yaml", &after).exit(0);
    config(&mut session, &format!("age: {ours}"));
    session.args(&["updatekeys", "-y", "s.yaml"]).stdout_has(&format!("--- {theirs}")).expect_file("s.yaml", &before).exit(0);
}

#[test]
fn no_and_no_answer_leave_the_file_alone() {
    let mut session = session();
    config(&mut session, &format!("age: {}", RECIPIENTS[0]));
    let before = session.read("s.yaml");
    session.args(&["updatekeys", "s.yaml"]).stdin("n\n").stderr_has("left unchanged").expect_file("s.yaml", &before).exit(0);
    session.args(&["updatekeys", "s.yaml"]).stdin("\n").stderr_has("EOF").expect_file("s.yaml", &before).exit(1);
    session.args(&["updatekeys", "--check", "s.yaml"]).stdout("").stderr_has("would change").expect_file("s.yaml", &before).exit(1);
    session.args(&["updatekeys", "--dry-run", "s.yaml"]).stdout_has("+++ age1").expect_file("s.yaml", &before).exit(1);
    let report = "\"changes\":true";
    session.args(&["updatekeys", "--check", "s.yaml", "--output-format", "json"]).stdout_has(report).exit(1);
    let ours = session.recipient();
    config(&mut session, &format!("age: {ours}"));
    session.args(&["updatekeys", "--check", "s.yaml"]).stdout("").stderr("").exit(0);
}

#[test]
fn without_a_key_nothing_is_changed() {
    let mut session = session();
    config(&mut session, &format!("age: {}", RECIPIENTS[0]));
    let before = session.read("s.yaml");
    session.env("HOME", "/nonexistent").args(&["updatekeys", "-y", "s.yaml"]).expect_file("s.yaml", &before).exit(128);
    session.args(&["updatekeys", "--dry-run", "s.yaml"]).exit(1);
}

#[test]
fn every_file_is_updated_and_failures_are_counted() {
    let mut session = session();
    let both = format!("age: {},{}", session.recipient(), RECIPIENTS[0]);
    session.file("t.yaml", session.read("s.yaml")).file("plain.yaml", PLAIN);
    config(&mut session, &both);
    session
        .args(&["updatekeys", "-y", "s.yaml", "none.yaml", "plain.yaml", ".", "t.yaml"])
        .stderr_has("none.yaml")
        .stderr_has("not encrypted")
        .stderr_has("can't operate on a directory")
        .stderr_has("3 of 5 files failed")
        .expect_file_has("s.yaml", RECIPIENTS[0])
        .expect_file_has("t.yaml", RECIPIENTS[0])
        .exit(1);
}

#[test]
fn the_configuration_is_needed() {
    let mut session = session();
    std::fs::remove_file(session.path(".sops.yaml")).unwrap();
    session.args(&["updatekeys", "s.yaml"]).stderr_has("config file not found").exit(1);
    session.args(&["updatekeys"]).stderr_has("config file not found").exit(1);
    session
        .file(".sops.yaml", "stores: {}\n")
        .args(&["updatekeys", "s.yaml"])
        .stderr_has("does not contain any creation rule")
        .exit(1);
    session.args(&["updatekeys"]).exit(100);
}

#[test]
fn groups_come_and_go_with_their_threshold() {
    let mut session = session();
    let ours = session.recipient();
    let group = |keys: &str| format!("\n  - age: [{keys}]");
    let before = session.read_text("s.yaml");
    let three = ["", RECIPIENTS[0], RECIPIENTS[1]].map(|key| if key.is_empty() { ours.as_str() } else { key });
    config(&mut session, &format!("key_groups:{}", three.map(group).concat()));
    session
        .args(&["updatekeys", "-y", "s.yaml"])
        .stdout_has("Group 2\n+++ age1")
        .stderr_has("all 3 groups")
        .expect_file_has("s.yaml", "shamir_threshold: 3")
        .exit(0);
    session.args(&["decrypt", "s.yaml"]).exit(128);
    let identities = super::support::testdata("keys/age-identities.txt");
    session.env("SOPS_AGE_KEY_FILE", identities.to_str().unwrap()).args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    config(&mut session, &format!("age: {ours}"));
    session.args(&["updatekeys", "-y", "s.yaml"]).stdout_has("+++ shamir_threshold: 1\n--- shamir_threshold: 3\n").exit(0);
    let after = session.read_text("s.yaml");
    let values = |text: &str| text.lines().filter(|line| line.contains("ENC[")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values(&before), values(&after), "values and MAC are untouched");
    session.no_env("SOPS_AGE_KEY_FILE").args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn a_selection_that_is_not_the_rules_is_pointed_at() {
    let mut session = session();
    let rule = format!("age: {}\nencrypted_regex: ^a$", session.recipient());
    config(&mut session, &rule);
    session
        .args(&["updatekeys", "s.yaml"])
        .stderr_has("but the rule says `encrypted_regex: ^a$` (creation_rules[0] (line 2))")
        .exit(0);
    session.args(&["rotate", "-i", "s.yaml"]).stderr_has("but the rule says").exit(0);
    session.env("EDITOR", "true").args(&["edit", "s.yaml"]).stderr_has("but the rule says").exit(200);
    session.args(&["decrypt", "s.yaml"]).stderr("").exit(0);
}
