//! The round trip without noise: a plaintext goes into the encrypted file that is there, and `sync` finds the direction.

use std::fs;
use std::time::SystemTime;

use super::harness::Session;

const VARIABLES: &str = "# Database\ndb_user     = \"shop\" # the owner\ndb_password = \"hunter2\"\n\nports = [5432, 5433]\ntags  = { team = \"x\", day = \"2024-01-02\" }\n";

/// A session with `secret.auto.tfvars` and the `secrets.enc.yaml` that was made from it.
fn session() -> Session {
    let mut session = Session::encrypting();
    session.file("secret.auto.tfvars", VARIABLES);
    session.args(&["encrypt", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).stdout("").stderr("").exit(0);
    session
}

/// How many lines of two texts of equal length differ.
fn changed(before: &str, after: &str) -> usize {
    assert_eq!(before.lines().count(), after.lines().count());
    before.lines().zip(after.lines()).filter(|(before, after)| before != after).count()
}

/// Gives a file an old time stamp.
fn make_old(session: &Session, name: &str) -> SystemTime {
    let file = fs::File::options().write(true).open(session.path(name)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    SystemTime::UNIX_EPOCH
}

fn modified(session: &Session, name: &str) -> SystemTime {
    fs::metadata(session.path(name)).unwrap().modified().unwrap()
}

/// Gives the metadata an old time, so that a change of it is seen within a second.
fn with_old_time(session: &mut Session, name: &str) -> String {
    // The MAC is sealed with that time: only a command can change it. A second must pass.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    session.read_text(name)
}

#[test]
fn no_change_leaves_the_file_and_its_time_as_they_are() {
    let mut session = session();
    let before = session.read_text("secrets.enc.yaml");
    let old = make_old(&session, "secrets.enc.yaml");
    session.args(&["encrypt", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).stdout("").stderr("").exit(0);
    session.expect_file("secrets.enc.yaml", &before);
    assert_eq!(modified(&session, "secrets.enc.yaml"), old);
    session.file("s.yaml", "a: 1 # x\nb: [two]\n").args(&["encrypt", "s.yaml", "--output", "s.enc.yaml"]).exit(0);
    let before = session.read_text("s.enc.yaml");
    session.args(&["encrypt", "s.yaml", "--output", "s.enc.yaml"]).stderr("").expect_file("s.enc.yaml", &before).exit(0);
}

#[test]
fn one_value_is_three_lines() {
    let mut session = session();
    let before = with_old_time(&mut session, "secrets.enc.yaml");
    session.file("secret.auto.tfvars", VARIABLES.replace("hunter2", "hunter3"));
    session.args(&["encrypt", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).stderr("").exit(0);
    assert_eq!(changed(&before, &session.read_text("secrets.enc.yaml")), 3, "the value, lastmodified and mac");
    session.args(&["decrypt", "--extract", "[\"db_password\"]", "secrets.enc.yaml"]).stdout("hunter3").exit(0);
}

#[test]
fn a_file_laid_out_by_hand_keeps_its_layout_and_comments() {
    let mut session = Session::encrypting();
    let yaml = "---\n# by hand\nb:   {x: \"1\",   y: two}   # flow\n\na: 5432\n# last\n";
    session.file("s.yaml", yaml).args(&["encrypt", "s.yaml", "--output", "s.enc.yaml"]).exit(0);
    session.file("s.auto.tfvars", "a = 5432\nb = { x = \"1\", y = \"three\" }\n");
    session.args(&["encrypt", "s.auto.tfvars", "--output", "s.enc.yaml"]).stderr("").exit(0);
    session.args(&["decrypt", "s.enc.yaml"]).stdout(yaml.replace("two", "three")).exit(0);
    // dotenv knows texts only: what is a number stays one.
    session.file("t.yaml", "port: 5432 # p\nname: x\n").args(&["encrypt", "t.yaml", "--output", "t.enc.yaml"]).exit(0);
    session.file("t.env", "port=5432\nname=y\nmore=z\n");
    session.args(&["encrypt", "t.env", "--output-type", "yaml", "--output", "t.enc.yaml"]).stderr("").exit(0);
    session.args(&["decrypt", "t.enc.yaml"]).stdout("port: 5432 # p\nname: y\nmore: z\n").exit(0);
    // The keys of shells, in a file that is theirs.
    session.file("u.env", "export A=\"x y\"  # c\nB='1'\n").args(&[
        "--dotenv-dialect",
        "posix",
        "encrypt",
        "u.env",
        "--output",
        "u.enc.env",
    ]);
    session.exit(0);
    session
        .file("u.yaml", "A: x y\nB: '2'\n")
        .args(&["encrypt", "u.yaml", "--output-type", "dotenv", "--output", "u.enc.env"])
        .exit(0);
    session.args(&["decrypt", "u.enc.env"]).stdout("export A=\"x y\"  # c\nB=2\n").exit(0);
}

#[test]
fn a_file_that_was_sealed_as_a_whole_stays_one() {
    let mut session = Session::encrypting();
    session.file("x.tfvars", VARIABLES);
    let whole = ["encrypt", "--input-type", "binary", "--output-type", "binary", "x.tfvars", "--output", "whole.tfvars"];
    session.args(&whole).exit(0);
    session.file("x.tfvars", VARIABLES.replace("hunter2", "hunter3"));
    session.args(&["encrypt", "x.tfvars", "--output", "whole.tfvars"]).expect_file_has("whole.tfvars", "\"data\": \"ENC[").exit(0);
    session.args(&["decrypt", "whole.tfvars"]).stdout(VARIABLES.replace("hunter2", "hunter3")).exit(0);
    session.args(&["sync", "x.tfvars", "whole.tfvars"]).stderr_has("are the same").exit(0);
}

#[test]
fn fresh_and_given_keys_make_a_new_file() {
    let mut session = session();
    let before = session.read_text("secrets.enc.yaml");
    session.args(&["encrypt", "--fresh", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).stderr("").exit(0);
    let fresh = session.read_text("secrets.enc.yaml");
    assert!(!fresh.lines().any(|line| line.contains("type:str") && before.contains(line)), "every ciphertext is new");
    let recipient = session.recipient();
    session.args(&["encrypt", "--age", &recipient, "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).exit(0);
    assert_ne!(session.read_text("secrets.enc.yaml"), fresh);
    session.args(&["decrypt", "secrets.enc.yaml"]).exit(0);
}

#[test]
fn a_file_that_no_key_opens_is_not_overwritten() {
    let mut session = session();
    let before = session.read_text("secrets.enc.yaml");
    session.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
    session
        .args(&["encrypt", "secret.auto.tfvars", "--output", "secrets.enc.yaml"])
        .stderr_has("no master key could decrypt the data key of secrets.enc.yaml")
        .stderr_has("`leafseal encrypt --fresh` makes a new file")
        .expect_file("secrets.enc.yaml", &before)
        .exit(128);
    session.args(&["encrypt", "--fresh", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).exit(0);
    session.file("plain.yaml", "a: 1\n").args(&["encrypt", "secret.auto.tfvars", "--output", "plain.yaml"]).exit(0);
    session.expect_file_has("plain.yaml", "sops:").args(&["filestatus", "plain.yaml"]).exit(0);
}

#[test]
fn under_the_name_of_sops_a_new_file_is_made() {
    let mut session = session();
    let before = session.read_text("secrets.enc.yaml");
    session.called("sops").args(&["encrypt", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).exit(0);
    assert_ne!(session.read_text("secrets.enc.yaml"), before);
}

#[test]
fn sync_makes_what_is_missing() {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.args(&["sync", "a.tfvars", "a.enc.yaml"]).stderr_has("there is neither a.tfvars nor a.enc.yaml").exit(100);
    session.file(".sops.yaml", format!("creation_rules:\n  - path_regex: \\.enc\\.yaml$\n    age: {recipient}\n"));
    session.file("a.tfvars", VARIABLES);
    session
        .args(&["sync", "--dry-run", "a.tfvars", "a.enc.yaml"])
        .stderr("a.enc.yaml is made from a.tfvars\n")
        .expect_absent("a.enc.yaml")
        .exit(0);
    session.args(&["sync", "--check", "a.tfvars", "a.enc.yaml"]).expect_absent("a.enc.yaml").exit(1);
    session.args(&["sync", "a.tfvars", "a.enc.yaml"]).stdout("").expect_file_has("a.enc.yaml", "db_password: ENC[").exit(0);
    session.args(&["sync", "--check", "a.tfvars", "a.enc.yaml"]).stderr("a.tfvars and a.enc.yaml are the same\n").exit(0);
    fs::remove_file(session.path("a.tfvars")).unwrap();
    session
        .args(&["sync", "a.tfvars", "a.enc.yaml"])
        .stderr("a.tfvars is made from a.enc.yaml\n")
        .expect_mode("a.tfvars", 0o600)
        .exit(0);
    assert!(session.read_text("a.tfvars").contains("db_password = \"hunter2\""));
}

#[test]
fn sync_follows_the_side_that_changed() {
    let mut session = session();
    let sync = ["sync", "secret.auto.tfvars", "secrets.enc.yaml"];
    session.args(&sync).stderr("secret.auto.tfvars and secrets.enc.yaml are the same\n").exit(0);
    let before = with_old_time(&mut session, "secrets.enc.yaml");
    session.file("secret.auto.tfvars", VARIABLES.replace("hunter2", "hunter3"));
    session.args(&["sync", "--check", sync[1], sync[2]]).expect_file("secrets.enc.yaml", &before).exit(1);
    session.args(&sync).stderr("secret.auto.tfvars changed, secrets.enc.yaml follows: db_password\n").exit(0);
    assert_eq!(changed(&before, &session.read_text("secrets.enc.yaml")), 3);
    // The other way: the plaintext keeps its layout and comments.
    session.args(&["set", "secrets.enc.yaml", "[\"ports\"][1]", "5434"]).exit(0);
    session.args(&["set", "--string", "secrets.enc.yaml", "[\"tags\"][\"team\"]", "y"]).exit(0);
    session.args(&sync).stderr("secrets.enc.yaml changed, secret.auto.tfvars follows: ports[1], tags.team\n").exit(0);
    let expected = VARIABLES.replace("hunter2", "hunter3").replace("5433", "5434").replace("\"x\"", "\"y\"");
    session.expect_file("secret.auto.tfvars", expected);
    session.args(&sync).stderr_has("are the same").exit(0);
}

#[test]
fn sync_stops_where_both_changed_and_shows_no_value() {
    let mut session = session();
    let sync = ["sync", "secret.auto.tfvars", "secrets.enc.yaml"];
    // Nothing is recorded yet.
    session.file("secret.auto.tfvars", VARIABLES.replace("hunter2", "hunter3"));
    session
        .args(&sync)
        .stderr_has("no sync of them is recorded here")
        .stderr_has("\n  db_password\n")
        .stderr_lacks("hunter")
        .exit(204);
    session.args(&["encrypt", sync[1], "--output", sync[2]]).exit(0);
    session.args(&sync).exit(0);
    session.file("secret.auto.tfvars", VARIABLES.replace("hunter2", "hunter4"));
    session.args(&["set", "secrets.enc.yaml", "[\"ports\"][1]", "5434"]).exit(0);
    let encrypted = session.read_text("secrets.enc.yaml");
    session
        .args(&sync)
        .stdout("")
        .stderr_has("secret.auto.tfvars and secrets.enc.yaml differ, and both changed since the last sync: nothing is written")
        .stderr_has("db_password")
        .stderr_has("ports[1]")
        .stderr_has("hint: to take the plaintext")
        .stderr_lacks("hunter")
        .stderr_lacks("5434")
        .expect_file("secrets.enc.yaml", &encrypted)
        .exit(204);
    // A new data key does not open the record: equal values are the same all the same.
    session.args(&["encrypt", sync[1], "--output", sync[2]]).exit(0);
    session.args(&sync).exit(0);
    session.args(&["rotate", "-i", "secrets.enc.yaml"]).exit(0);
    session.args(&sync).stderr_has("are the same").exit(0);
}

#[test]
fn the_record_reveals_nothing() {
    let mut session = session();
    session.args(&["sync", "secret.auto.tfvars", "secrets.enc.yaml"]).exit(0);
    let folder = session.path("../home/.local/state/leafseal/sync");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.starts_with("ENC[AES256_GCM,") && text.lines().count() == 1, "{text}");
}

#[test]
fn reports_of_sync_are_json_for_programs() {
    let mut session = session();
    session.args(&["sync", "secret.auto.tfvars", "secrets.enc.yaml"]).exit(0);
    session.file("secret.auto.tfvars", VARIABLES.replace("hunter2", "hunter3"));
    session
        .args(&["sync", "--dry-run", "--output-format", "json", "secret.auto.tfvars", "secrets.enc.yaml"])
        .stdout("{\"action\":\"encrypt\",\"encrypted\":\"secrets.enc.yaml\",\"paths\":[\"db_password\"],\"plain\":\"secret.auto.tfvars\"}\n")
        .exit(0);
}

#[test]
fn what_is_not_encrypted_is_not_overwritten_by_sync() {
    let mut session = session();
    session.file("other.yaml", "a: 1\n");
    session
        .args(&["sync", "secret.auto.tfvars", "other.yaml"])
        .stderr_has("other.yaml is not encrypted")
        .expect_file("other.yaml", "a: 1\n")
        .exit(1);
    session.args(&["sync", "secret.auto.tfvars", "x.bin"]).stderr_has("one of the two files is binary").exit(1);
    session.args(&["sync", "-", "x.yaml"]).stderr_has("not standard input").exit(8);
}
