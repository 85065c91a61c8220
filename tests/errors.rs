//! How errors are told: words, colour, JSON, and what must never be in them.

use super::harness::Session;

#[test]
fn usage_errors_exit_1_and_say_what_is_possible() {
    let mut session = Session::new();
    session
        .args(&["decrypt", "--outputtype", "json", "f"])
        .stdout("")
        .stderr_has("error: unexpected argument '--outputtype'")
        .stderr_has("hint: ")
        .exit(1);
    session.args(&["decrypt", "--output-format", "xml", "f"]).stderr_has("[possible values: text, json]").exit(1);
    session.args(&["encrypt", "--indent", "x", "f"]).stderr_has("--indent").exit(1);
}

#[test]
fn help_and_version_go_to_standard_output() {
    let mut session = Session::new();
    session.args(&["--help"]).stdout_has("Commands:").stderr("").exit(0);
    session.args(&["encrypt", "--help"]).stdout_has("--age").stderr("").exit(0);
    session.args(&["help", "decrypt"]).stdout_has("--extract").stderr("").exit(0);
    session.args(&["--version"]).stdout_has("leafseal 0.").stderr("").exit(0);
    session.args(&["-v"]).stdout_has("leafseal 0.").exit(0);
}

#[test]
fn errors_can_be_json() {
    let mut session = Session::new();
    let done = session.args(&["decrypt", "--output-format", "json", "none.yaml"]).stdout("").exit(100);
    let error: serde_json::Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["exit"], 100);
    assert!(error["error"].as_str().unwrap().contains("none.yaml"));
    let done = session.args(&["decrypt", "--output-format=json", "--bogus", "f"]).exit(1);
    assert!(serde_json::from_str::<serde_json::Value>(&done.stderr).is_ok(), "{}", done.stderr);
}

#[test]
fn there_is_no_colour_where_there_is_no_terminal() {
    let mut session = Session::new();
    let done = session.no_env("TERM").args(&["decrypt", "none.yaml"]).exit(100);
    assert!(!done.stderr.contains('\u{1b}'));
}

#[test]
fn no_error_shows_a_value() {
    let canary = "CANARY-7f3a";
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.env("SOPS_AGE_RECIPIENTS", &recipient);
    session.file("good.yaml", format!("a: {canary}\nb: 1\n"));
    session.args(&["encrypt", "-i", "good.yaml"]).exit(0);
    for (name, text) in [
        ("open.yaml", format!("a: \"{canary}\nb: 1\n")),
        ("tab.yaml", format!("a:\n\t{canary}: x\n")),
        ("flow.yaml", format!("a: [{canary}, ]]\n")),
        ("twice.yaml", format!("a: {canary}\na: {canary}\n")),
        ("alias.yaml", format!("a: *{canary}\n")),
        ("open.json", format!("{{\"a\": \"{canary}")),
        ("token.json", format!("{{\"a\": {canary}}}")),
    ] {
        session.file(name, text);
        let done = session.args(&["encrypt", name]).stdout("").exit(2);
        assert!(done.stderr.contains("line ") && !done.stderr.contains("CANARY"), "{name}: {}", done.stderr);
        let done = session.args(&["decrypt", name]).stdout("").exit(1);
        assert!(!done.stderr.contains("CANARY"), "{name}: {}", done.stderr);
    }
}
