//! `keygen` and `init`.

use super::harness::Session;

#[test]
fn an_identity_goes_to_the_default_place_for_its_owner_alone() {
    let mut session = Session::new();
    let done = session.args(&["keygen"]).stdout("").expect_mode("../home/.config/sops/age/keys.txt", 0o600).exit(0);
    let recipient = session.recipient();
    assert!(done.stderr.contains(&format!("recipient: {recipient}")));
    assert!(recipient.starts_with("age1"));
    session.expect_file_has("../home/.config/sops/age/keys.txt", "\nAGE-SECRET-KEY-1").expect_mode("../home/.config", 0o700);
    session.args(&["keygen"]).stderr_has("exists already and is not overwritten").exit(3);
    assert_eq!(session.recipient(), recipient);
}

#[test]
fn an_identity_can_be_printed_or_put_elsewhere() {
    let mut session = Session::new();
    let done = session.args(&["keygen", "-o", "-"]).stdout_has("AGE-SECRET-KEY-1").stderr_has("recipient: age1").exit(0);
    assert!(!done.stderr.contains("AGE-SECRET-KEY"));
    session.args(&["keygen", "--stdout"]).stdout_has("# public key: age1").exit(0);
    session.args(&["keygen", "--output", "sub/key.txt"]).stdout("").expect_mode("sub/key.txt", 0o600).exit(0);
    session.args(&["keygen", "-o", "sub/key.txt"]).exit(3);
    session.args(&["keygen", "--stdout", "-o", "x"]).stderr_has("--stdout and --output").expect_absent("x").exit(1);
    session.args(&["keygen", "--output-format", "json", "-o", "k"]).stdout_has("\"recipient\":\"age1").stderr("").exit(0);
}

#[test]
fn a_post_quantum_identity_seals_and_opens() {
    let mut session = Session::new();
    session.args(&["keygen", "--pq"]).stdout("").expect_mode("../home/.config/sops/age/keys.txt", 0o600).exit(0);
    let recipient = session.recipient();
    assert!(recipient.starts_with("age1pq1"));
    session.expect_file_has("../home/.config/sops/age/keys.txt", "\nAGE-SECRET-KEY-PQ-1");
    session.file("s.yaml", "a: hunter2\n").args(&["encrypt", "-i", "--age", &recipient, "s.yaml"]).exit(0);
    session.expect_file_has("s.yaml", &recipient).args(&["decrypt", "s.yaml"]).stdout("a: hunter2\n").exit(0);
    session.args(&["init"]).expect_file_has(".sops.yaml", &recipient).exit(0);
    session.args(&["keygen", "--pq", "-o", "-"]).stdout_has("# public key: age1pq1").exit(0);
}

#[test]
fn keygen_says_when_there_is_no_home() {
    let mut session = Session::new();
    session.no_env("HOME").args(&["keygen"]).stderr_has("HOME").stderr_has("hint: name a file with --output").exit(1);
}

#[test]
fn init_makes_an_identity_and_a_config_and_says_what_next() {
    let mut session = Session::new();
    let done = session.args(&["init"]).stdout("").expect_mode(".sops.yaml", 0o644).exit(0);
    let recipient = session.recipient();
    assert!(session.read_text(".sops.yaml").contains(&format!("\n  - age: {recipient}\n")));
    assert!(done.stderr.contains("made an identity") && done.stderr.contains("leafseal encrypt -i FILE"), "{}", done.stderr);
    session.args(&["init"]).stderr_has(".sops.yaml exists already").exit(3);
}

#[test]
fn init_finds_an_identity_that_is_there() {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.args(&["init"]).stderr_has("found an identity in").expect_file_has(".sops.yaml", &recipient).exit(0);

    let mut session = Session::new();
    session.args(&["keygen", "-o", "elsewhere"]).exit(0);
    let identity = session.read_text("elsewhere").lines().last().expect("three lines").to_owned();
    session.env("SOPS_AGE_KEY", &identity).args(&["init"]).stderr_has("SOPS_AGE_KEY").stderr_lacks(&identity).exit(0);
    session.expect_absent("../home/.config/sops/age/keys.txt");
}

#[test]
fn init_takes_recipients_and_refuses_what_is_none() {
    let mut session = Session::new();
    let recipient = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
    session.args(&["init", "--age", "nonsense"]).stderr_has("error: ").expect_absent(".sops.yaml").exit(1);
    session.args(&["init", "--age", recipient]).expect_file_has(".sops.yaml", recipient).exit(0);
    session.args(&["init"]).exit(3);
    session.file("../home/.config/sops/age/keys.txt", "AGE-PLUGIN-FAKE-1W3JHXAQ8FAZUR\n").cd("other");
    session.args(&["init"]).stderr_has("hint: name the recipient with --age").expect_absent("other/.sops.yaml").exit(1);
}
