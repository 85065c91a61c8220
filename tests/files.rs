//! Faults of the file system: nothing is written until everything has succeeded, and then all or nothing.

use super::harness::Session;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Stdio;

#[test]
fn mode_and_symlink_stay_when_a_file_is_replaced() {
    let mut session = Session::encrypting();
    session.file("real/a.yaml", "a: secret\n").mode("real/a.yaml", 0o640);
    symlink("real/a.yaml", session.path("link.yaml")).unwrap();
    session.args(&["encrypt", "-i", "link.yaml"]).expect_mode("real/a.yaml", 0o640).expect_file_has("real/a.yaml", "ENC[").exit(0);
    assert!(session.path("link.yaml").symlink_metadata().unwrap().is_symlink());
    session
        .args(&["decrypt", "-i", "link.yaml"])
        .expect_mode("real/a.yaml", 0o640)
        .expect_file("real/a.yaml", "a: secret\n")
        .exit(0);
}

#[test]
fn new_plaintext_is_for_its_owner_new_ciphertext_for_all_that_the_umask_allows() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n");
    session.args(&["encrypt", "--output", "e.yaml", "a.yaml"]).stdout("").exit(0);
    let mode = session.path("e.yaml").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, session.path("a.yaml").metadata().unwrap().permissions().mode() & 0o777);
    session.args(&["decrypt", "--output", "p.yaml", "e.yaml"]).stdout("").expect_mode("p.yaml", 0o600).exit(0);
}

#[test]
fn a_link_to_nothing_is_filled() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n");
    symlink("there.yaml", session.path("out.yaml")).unwrap();
    session.args(&["encrypt", "--output", "out.yaml", "a.yaml"]).expect_file_has("there.yaml", "ENC[").exit(0);
    assert!(session.path("out.yaml").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn a_read_only_target_is_refused_and_stays() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n").mode("a.yaml", 0o444);
    session
        .args(&["encrypt", "-i", "a.yaml"])
        .stderr_has("read-only")
        .stderr_has("hint: ")
        .expect_file("a.yaml", "a: secret\n")
        .exit(3);
    session.file("b.yaml", "b: 1\n");
    session.args(&["encrypt", "--output", "a.yaml", "b.yaml"]).expect_file("a.yaml", "a: secret\n").exit(3);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n");
    session.args(&["encrypt", "--output", "missing/e.yaml", "a.yaml"]).stderr_has("cannot write missing/e.yaml").exit(3);
    session.args(&["encrypt", "--output", "/proc/e.yaml", "a.yaml"]).stderr_has("cannot write /proc/e.yaml").exit(3);
    session.file("ro/a.yaml", "a: secret\n").mode("ro", 0o555);
    if std::fs::write(session.path("ro/probe"), "").is_ok() {
        eprintln!("skipped: this user may write to read-only folders");
        return;
    }
    session
        .args(&["encrypt", "-i", "ro/a.yaml"])
        .stderr_has("the folder ro must be writable")
        .expect_file("ro/a.yaml", "a: secret\n")
        .exit(3);
    session.mode("ro", 0o755);
}

#[test]
fn folders_sockets_and_missing_files_are_refused_by_name() {
    let mut session = Session::encrypting();
    session.cd("sub.yaml").cd("");
    session.args(&["encrypt", "sub.yaml"]).stderr_has("it is a folder").exit(2);
    session.args(&["decrypt", "sub.yaml"]).stderr_has("it is a folder").exit(2);
    let _socket = std::os::unix::net::UnixListener::bind(session.path("s.yaml")).unwrap();
    session.args(&["decrypt", "s.yaml"]).stderr_has("it is a socket").exit(2);
    session.args(&["encrypt", "--output", "sub.yaml", "missing.yaml"]).stderr_has("non-existent file \"missing.yaml\"").exit(100);
    session.file("a.yaml", "a: secret\n");
    session.args(&["encrypt", "--output", "sub.yaml", "a.yaml"]).stderr_has("it is a folder").exit(3);
}

#[test]
fn a_full_disk_leaves_the_target_as_it_was() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n");
    session.args(&["encrypt", "--output", "/dev/full", "a.yaml"]).stderr_has("cannot write /dev/full").exit(3);
    session.args(&["encrypt", "a.yaml"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = session.command().stdin(Stdio::null()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn devices_and_pipes_are_written_to_as_they_are() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n");
    session.args(&["encrypt", "--output", "/dev/null", "a.yaml"]).stdout("").exit(0);
    session.args(&["encrypt", "--output", "/dev/stdout", "a.yaml"]).stdout_has("ENC[").exit(0);
    session.args(&["encrypt", "--output", "-", "a.yaml"]).stdout_has("ENC[").exit(0);
    session.expect_absent("-");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let mut session = Session::encrypting();
    // More than a pipe holds.
    session.file("a.yaml", format!("a: {}\n", "x".repeat(300_000)));
    session.args(&["encrypt", "-i", "a.yaml"]).exit(0);
    session.args(&["decrypt", "a.yaml"]);
    let mut child = session.command().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(13));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn standard_input_is_never_looked_at_when_a_file_is_named() {
    let mut session = Session::encrypting();
    session.file("a.yaml", "a: secret\n");
    session.args(&["encrypt", "-i", "a.yaml"]).exit(0);
    session.args(&["decrypt", "a.yaml"]);
    // A pipe that nobody writes to or closes: reading it would hang.
    let mut child = session.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let held = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(held);
    assert_eq!(output.stdout, b"a: secret\n");
}

#[test]
fn a_failure_leaves_the_output_file_as_it_was() {
    let mut session = Session::encrypting();
    session.file("out.yaml", "old\n").file("bad.yaml", "a: [\n");
    session.args(&["encrypt", "--output", "out.yaml", "bad.yaml"]).expect_file("out.yaml", "old\n").exit(2);
    session.args(&["decrypt", "--output", "out.yaml", "bad.yaml"]).expect_file("out.yaml", "old\n").exit(1);
    let before = session.path("bad.yaml").metadata().unwrap().ino();
    session.args(&["encrypt", "-i", "bad.yaml"]).expect_file("bad.yaml", "a: [\n").exit(2);
    assert_eq!(session.path("bad.yaml").metadata().unwrap().ino(), before);
}
