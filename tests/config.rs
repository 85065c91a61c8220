//! `config FILE`: what holds for a file, and why.

use super::harness::Session;

const ALICE: &str = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";

fn session() -> Session {
    let mut session = Session::new();
    session.file(
        ".sops.yaml",
        format!("creation_rules:\n  - path_regex: ^prod/\n    age: {ALICE}\n    encrypted_regex: ^data$\n  - path_regex: \\.json$\n    age: {ALICE}\n"),
    );
    session
}

#[test]
fn the_rule_of_a_file_is_shown_whether_the_file_exists_or_not() {
    let mut session = session();
    session
        .args(&["config", "prod/a.yaml"])
        .stdout_has("used")
        .stdout_has("encrypted_regex: ^data$")
        .stdout_has(ALICE)
        .stderr("")
        .exit(0);
}

#[test]
fn it_is_json_for_programs() {
    let mut session = session();
    let done = session.args(&["config", "--output-format", "json", "prod/a.json"]).exit(0);
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["path"], "prod/a.json");
    assert_eq!(report["rules"][0]["result"], "used");
    assert_eq!(report["rules"][1]["result"], "later");
    assert_eq!(report["policy"]["groups"][0][0]["key"], ALICE);
}

#[test]
fn a_file_without_a_rule_is_an_error_with_every_rule() {
    let mut session = session();
    session.args(&["config", "dev/a.yaml"]).stdout_has("no matching creation rules found").stdout_has("^prod/").exit(1);
    session.args(&["config"]).exit(100);
}

#[test]
fn flags_and_environment_count_too() {
    let mut session = Session::new();
    session.args(&["config", "a.yaml", "--age", ALICE]).stdout_has("--age").exit(0);
    session.env("SOPS_AGE_RECIPIENTS", ALICE).args(&["config", "a.yaml"]).stdout_has("SOPS_AGE_RECIPIENTS").exit(0);
}
