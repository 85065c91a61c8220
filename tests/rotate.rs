//! `rotate` and `filestatus`.

use super::harness::Session;

const PLAIN: &str = "a: one\nb: two\n";

fn session() -> Session {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--age", &recipient, "s.yaml"]).exit(0);
    session
}

#[test]
fn everything_is_sealed_anew() {
    let mut session = session();
    let before = session.read_text("s.yaml");
    session.args(&["rotate", "-i", "s.yaml"]).stdout("").stderr("").exit(0);
    let after = session.read_text("s.yaml");
    assert!(before.lines().zip(after.lines()).take(2).all(|(a, b)| a != b));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn recipients_come_and_go() {
    let mut session = session();
    let ours = session.recipient();
    let mut other = Session::with_identity();
    let theirs = other.recipient();
    session
        .args(&["rotate", "-i", "--add-age", &theirs, "s.yaml"])
        .expect_file_has("s.yaml", &theirs)
        .expect_file_has("s.yaml", &ours)
        .exit(0);
    other.file("s.yaml", session.read("s.yaml")).args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["rotate", "-i", "s.yaml", "--rm-age", &ours]).exit(0);
    assert!(!session.read_text("s.yaml").contains(&ours));
    session.args(&["decrypt", "s.yaml"]).exit(128);
    let before = other.read("s.yaml");
    other
        .args(&["rotate", "-i", "--rm-age", &format!("{ours},{theirs}"), "s.yaml"])
        .stderr_has("empty key group")
        .expect_file("s.yaml", before)
        .exit(1);
}

#[test]
fn every_file_is_rotated() {
    let mut session = session();
    session.file("t.yaml", session.read("s.yaml"));
    let (s, t) = (session.read("s.yaml"), session.read("t.yaml"));
    session.args(&["rotate", "-i", "s.yaml", "none.yaml", "t.yaml"]).stderr_has("1 of 3 files failed").exit(2);
    assert!(session.read("s.yaml") != s && session.read("t.yaml") != t);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut session = session();
    let recipient = session.recipient();
    session.args(&["rotate"]).stderr_has("no file specified").exit(100);
    session.args(&["rotate", "none.yaml"]).exit(2);
    session.args(&["rotate", "--add-age", &recipient, "none.yaml"]).stderr_has("leafseal edit").exit(49);
    session.args(&["rotate", "--add-age", "nonsense", "s.yaml"]).stderr_has("--add-age").exit(1);
    session
        .args(&["rotate", "-i", "--add-gcp-kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k", "s.yaml"])
        .stderr_has("no credentials for Google Cloud")
        .exit(1);
    session.args(&["rotate", "--extract", "[\"a\"]", "s.yaml"]).stderr_has("--extract").exit(1);
}

#[test]
fn filestatus_says_whether_a_file_is_encrypted() {
    let mut session = session();
    session.file("p.yaml", PLAIN).file("x.bin", "text");
    session.args(&["filestatus", "s.yaml"]).stdout("{\"encrypted\":true}\n").exit(0);
    session.args(&["filestatus", "p.yaml"]).stdout("{\"encrypted\":false}\n").exit(0);
    session.args(&["filestatus", "x.bin"]).stdout("").exit(1);
    session.args(&["filestatus", "none.yaml"]).stdout("").exit(1);
    session.args(&["filestatus"]).exit(100);
    session.args(&["filestatus", "s.yaml", "p.yaml"]);
    session.stdout("{\"encrypted\":true,\"file\":\"s.yaml\"}\n{\"encrypted\":false,\"file\":\"p.yaml\"}\n").exit(0);
}
