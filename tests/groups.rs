//! `groups add` and `groups delete`.

use super::harness::Session;
use super::support::{RECIPIENTS, testdata};

const PLAIN: &str = "a: one\nb: two\n";

/// A session with the identities of the test data, and a file for the first of them.
fn session() -> Session {
    let mut session = Session::new();
    session.env("SOPS_AGE_KEY_FILE", testdata("keys/age-identities.txt").to_str().unwrap());
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--age", RECIPIENTS[0], "s.yaml"]).exit(0);
    session
}

#[test]
fn a_group_is_added_and_deleted_under_the_same_data_key() {
    let mut session = session();
    let before = session.read_text("s.yaml");
    session
        .args(&["groups", "add", "-f", "s.yaml", "--age", RECIPIENTS[1]])
        .stdout_has("shamir_threshold: 2")
        .stderr_has("all 2 groups")
        .expect_file("s.yaml", &before)
        .exit(0);
    session
        .args(&["groups", "-i", "--age", RECIPIENTS[1], "add", "--shamir-secret-sharing-threshold", "2", "--file", "s.yaml"])
        .stdout("")
        .stderr("")
        .exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    let values = |text: &str| text.lines().filter(|line| line.contains("ENC[")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values(&before), values(&session.read_text("s.yaml")));
    session
        .args(&["groups", "delete", "-f", "s.yaml", "0"])
        .stderr_has("Shamir threshold is 2, but we only have 1 key groups")
        .exit(1);
    session.args(&["groups", "delete", "0", "-i", "-f", "s.yaml", "--shamir-secret-sharing-threshold", "1"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert!(!session.read_text("s.yaml").contains(RECIPIENTS[0]));
}

#[test]
fn what_would_damage_the_file_is_refused() {
    let mut session = session();
    let before = session.read("s.yaml");
    let mut refused = |arguments: &[&str], why: &str, exit: i32| {
        let all: Vec<&str> = ["groups"].iter().chain(arguments).chain(&["-i", "-f", "s.yaml"]).copied().collect();
        session.args(&all).stdout("").stderr_has(why).expect_file("s.yaml", &before).exit(exit);
    };
    refused(&["add"], "no master key", 1);
    refused(&["add", "--age", "nonsense"], "--age: ", 1);
    refused(&["add", "--hckms", "nonsense"], "--hckms: ", 1);
    refused(&["add", "--gcp-kms", "projects/p"], "no valid resource ID found", 1);
    refused(&["add", "--age", RECIPIENTS[1], "more"], "no positional arguments", 1);
    refused(&["add", "--age", RECIPIENTS[1], "--shamir-secret-sharing-threshold", "3"], "impossible to satisfy", 1);
    refused(&["delete"], "exactly one positional argument", 1);
    refused(&["delete", "x"], "failed to parse [index]", 1);
    refused(&["delete", "0"], "only key group", 1);
    refused(&["delete", "1"], "there is no key group 1", 1);
    refused(&["delete", "0", "--age", RECIPIENTS[1]], "master keys are for `groups add`", 1);
    refused(&[], "groups add", 1);
    refused(&["change"], "groups add", 1);
}

#[test]
fn the_mac_is_checked_and_a_missing_key_is_1() {
    let mut session = session();
    session.args(&["groups", "add", "--age", RECIPIENTS[1]]).stderr_has("--file").exit(1);
    let text = session.read_text("s.yaml");
    let damaged: String = text.lines().filter(|line| !line.starts_with("b:")).map(|line| format!("{line}\n")).collect();
    session.file("d.yaml", damaged).args(&["groups", "add", "-f", "d.yaml", "--age", RECIPIENTS[1]]).stdout("").exit(51);
    session.no_env("SOPS_AGE_KEY_FILE").args(&["groups", "add", "-f", "s.yaml", "--age", RECIPIENTS[1]]).stdout("").exit(1);
}
