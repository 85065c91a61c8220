//! `set` and `unset`.

use super::harness::Session;

const PLAIN: &str = "# top\na: one # note\nb:\n  c: 5\n  list: [1, 2]\n";

fn session() -> Session {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.env("SOPS_AGE_RECIPIENTS", &recipient).file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session
}

fn changed_lines(before: &str, after: &str) -> usize {
    assert_eq!(before.lines().count(), after.lines().count());
    before.lines().zip(after.lines()).filter(|(a, b)| a != b).count()
}

#[test]
fn one_value_changes_and_the_rest_stays() {
    let mut session = session();
    let before = session.read_text("s.yaml");
    session.args(&["set", "s.yaml", "[\"a\"]", "\"two\""]).stdout("").stderr("").exit(0);
    assert!(changed_lines(&before, &session.read_text("s.yaml")) <= 3);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN.replace("one", "two")).exit(0);
}

#[test]
fn values_are_json_and_keep_their_type() {
    let mut session = session();
    for (index, value, json) in [
        ("[\"b\"][\"c\"]", "6", "\"c\": 6"),
        ("[\"b\"][\"c\"]", "-7", "\"c\": -7"),
        ("[\"b\"][\"c\"]", "true", "\"c\": true"),
        ("[\"b\"][\"c\"]", "null", "\"c\": null"),
        ("[\"new\"][\"deep\"]", "\"x\"", "\"deep\": \"x\""),
        ("[\"b\"][\"list\"][9]", "3", "\t\t\t3\n"),
        ("[\"map\"]", "{\"k\": [1, \"s\"]}", "\"s\""),
        ("[\"arr\"]", "[1]", "\"arr\": ["),
    ] {
        session.args(&["set", "s.yaml", index, value]).exit(0);
        session.args(&["decrypt", "--output-type", "json", "s.yaml"]).stdout_has(json).exit(0);
    }
}

#[test]
fn the_same_value_writes_nothing() {
    let mut session = session();
    let before = session.read("s.yaml");
    session.args(&["set", "s.yaml", "[\"a\"]", "\"one\""]).expect_file("s.yaml", &before).exit(0);
    session.args(&["set", "--idempotent", "s.yaml", "[\"b\"][\"c\"]", "5"]).expect_file("s.yaml", &before).exit(0);
}

#[test]
fn a_value_comes_from_a_file_standard_input_or_as_plain_text() {
    let mut session = session();
    session.file("v.json", "\"from file\"");
    session.args(&["set", "--value-file", "s.yaml", "[\"a\"]", "v.json"]).exit(0);
    session.args(&["decrypt", "--extract", "[\"a\"]", "s.yaml"]).stdout("from file").exit(0);
    session.args(&["set", "--value-stdin", "s.yaml", "[\"a\"]"]).stdin("\"from stdin\"").exit(0);
    session.args(&["decrypt", "--extract", "[\"a\"]", "s.yaml"]).stdout("from stdin").exit(0);
    session.args(&["set", "--string", "s.yaml", "[\"a\"]", "-----BEGIN it's {text}"]).exit(0);
    session.args(&["decrypt", "--extract", "[\"a\"]", "s.yaml"]).stdout("-----BEGIN it's {text}").exit(0);
}

#[test]
fn what_makes_no_sense_is_refused_and_never_shown() {
    let mut session = session();
    let before = session.read("s.yaml");
    session.args(&["set", "s.yaml", "[\"a\"]"]).stderr_has("precisely 3").exit(100);
    session.args(&["set", "s.yaml", "[\"a\"]", "my", "hunter2"]).stderr_has("got 4").stderr_lacks("hunter2").exit(100);
    session.args(&["set", "s.yaml", "[\"a\"]", "--hunter2", "x"]).stderr_lacks("hunter2").exit(100);
    session
        .args(&["set", "s.yaml", "[\"a\"]", "hunter2"])
        .stderr_has("not valid JSON")
        .stderr_has("--string")
        .stderr_lacks("hunter2")
        .exit(7);
    session.args(&["set", "s.yaml", "[\"a\"]", "1, \"b\": 2"]).exit(7);
    session.args(&["set", "s.yaml", "a", "1"]).stderr_has("Invalid set index format").exit(7);
    session.args(&["set", "s.yaml", "", "1"]).exit(7);
    session.args(&["set", "--value-file", "s.yaml", "[\"a\"]", "none"]).exit(1);
    session.args(&["set", "--value-file", "--value-stdin", "s.yaml", "[\"a\"]"]).exit(1);
    session.args(&["set", "missing.yaml", "[\"a\"]", "1"]).exit(2);
    session.args(&["set", "s.yaml", "[\"sops\"]", "1"]).expect_file("s.yaml", before).exit(203);
}

#[test]
fn unset_removes_one_value() {
    let mut session = session();
    session.args(&["unset", "s.yaml", "[\"b\"][\"c\"]"]).stdout("").stderr("").exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN.replace("  c: 5\n", "")).exit(0);
}

#[test]
fn unset_of_what_is_not_there_is_an_error_unless_idempotent() {
    let mut session = session();
    let before = session.read("s.yaml");
    session.args(&["unset", "s.yaml", "[\"x\"]"]).stderr_has("key not found").exit(1);
    session.args(&["unset", "--idempotent", "s.yaml", "[\"x\"]"]).stderr("").exit(0);
    session.args(&["unset", "s.yaml", "[\"b\"][\"list\"][5]"]).stderr_has("out of bounds").exit(1);
    session.args(&["unset", "--idempotent", "s.yaml", "[\"b\"][\"list\"][5]"]).exit(0);
    session.args(&["unset", "--idempotent", "s.yaml", "[\"a\"][\"x\"]"]).exit(1);
    session.args(&["unset", "s.yaml", "x"]).stderr_has("Invalid unset index format").exit(7);
    session.args(&["unset", "s.yaml"]).expect_file("s.yaml", before).exit(100);
}

#[test]
fn a_change_can_bring_a_file_into_another_format() {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.env("SOPS_AGE_RECIPIENTS", &recipient).file("s.json", "{\"a\": 2, \"b\": \"ba\"}");
    session.args(&["encrypt", "-i", "s.json"]).exit(0);
    let before = session.read("s.json");
    let set = |value: &'static str| ["set", "--output-type", "yaml", "--idempotent", "s.json", "[\"b\"]", value];
    session.args(&set("\"ba\"")).stdout("").expect_file("s.json", &before).exit(0);
    session.args(&set("\"bb\"")).stdout("").expect_file_has("s.json", "\nsops:\n").exit(0);
    session.args(&["decrypt", "--input-type", "yaml", "--output-type", "yaml", "s.json"]).stdout("a: 2\nb: bb\n").exit(0);
    session.args(&["unset", "--input-type", "yaml", "s.json", "[\"b\"]"]).exit(0);
    session.args(&["decrypt", "s.json"]).stdout("{\n\t\"a\": 2\n}\n").exit(0);
    session.args(&["rotate", "--output-type", "yaml", "--output", "s.yaml", "s.json"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("a: 2\n").exit(0);
}
