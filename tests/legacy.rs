//! The command line of sops: its form without a command, how it spells options, and the program under its name.

use super::harness::Session;

const PLAIN: &str = "a: one\nb: two # note\nlist:\n  - x\n  - y\n";

fn session() -> Session {
    let mut session = Session::encrypting();
    session.file("p.yaml", PLAIN).file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session
}

#[test]
fn a_file_goes_through_the_older_form_and_back() {
    let mut session = session();
    session.args(&["-e", "-i", "p.yaml"]).stdout("").stderr("").expect_file_has("p.yaml", "ENC[").exit(0);
    session.args(&["-d", "p.yaml"]).stdout(PLAIN).stderr("").exit(0);
    session.args(&["p.yaml", "--decrypt", "-extract", "[\"list\"][1]"]).stdout("y").exit(0);
    session.args(&["--set", "[\"b\"] \"three\"", "p.yaml"]).stdout("").exit(0);
    session.args(&["-r", "-i", "p.yaml"]).exit(0);
    session.args(&["-d", "--output", "out.yaml", "p.yaml"]).expect_file("out.yaml", PLAIN.replace("two", "three")).exit(0);
    session.args(&["-d", "-i", "p.yaml"]).expect_file("p.yaml", PLAIN.replace("two", "three")).exit(0);
    session.args(&["-d", "--input-type", "yaml", "--output-type", "yaml", "/dev/stdin"]);
    let encrypted = session.read("s.yaml");
    session.stdin(encrypted).stdout(PLAIN).exit(0);
}

#[test]
fn the_older_form_changes_keys() {
    let mut session = session();
    let other = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
    session.args(&["--add-age", other, "-r", "-i", "s.yaml"]).expect_file_has("s.yaml", other).exit(0);
    session.args(&["-r", "--rm-age", other, "s.yaml"]).exit(0);
    session.args(&["-r", "--add-age", other, "none.yaml"]).stderr_has("non-existent").exit(49);
    session.args(&["--rm-age", other, "none.yaml"]).exit(49);
    session.args(&["-e", "--add-age", other, "p.yaml"]).stderr_has("--add-age has no effect with --encrypt").exit(0);
}

#[test]
fn what_is_missing_has_the_exit_codes_of_sops() {
    let mut session = session();
    for mode in ["-e", "-d", "-r"] {
        session.args(&[mode, "none.yaml"]).stderr_has("non-existent").exit(100);
        session.args(&[mode]).stderr_has("no file specified").exit(100);
    }
    session.args(&["rotate", "none.yaml"]).exit(2);
    session.args(&["--set", "[\"a\"] 1", "none.yaml"]).exit(2);
    session.args(&["--set", "[\"a\"]1", "s.yaml"]).stderr_has("--set format").exit(7);
    session.args(&["--set", "[\"a\"] one", "s.yaml"]).stderr_has("not valid JSON").exit(7);
    session.args(&["-d", "--extract", "a", "s.yaml"]).exit(91);
    session.args(&["-d", "-i", "--output", "x", "s.yaml"]).exit(8);
    session.args(&["-e", "--encryption-context", "nonsense", "p.yaml"]).exit(6);
}

#[test]
fn two_modes_or_a_mode_and_a_command_are_refused() {
    let mut session = session();
    let before = session.read("s.yaml");
    session.args(&["-d", "-r", "-i", "s.yaml"]).stderr_has("exclude each other").expect_file("s.yaml", &before).exit(1);
    session.args(&["-d", "rotate", "-i", "s.yaml"]).stderr_has("exclude each other").expect_file("s.yaml", &before).exit(1);
}

#[test]
fn options_before_the_command_that_mean_nothing_are_told() {
    let mut session = session();
    let told = "warning: --age has no effect with the command `decrypt`\n";
    session.args(&["--age", "x", "decrypt", "s.yaml"]).stdout(PLAIN).stderr(told).exit(0);
    session.args(&["decrypt", "--age", "x", "s.yaml"]).stderr_has("unexpected argument '--age'").exit(1);
    session.args(&["decrypt", "s.yaml", "p.yaml"]).stdout("").exit(1);
}

#[test]
fn switches_can_be_switched_off() {
    let mut session = session();
    let before = session.read("s.yaml");
    session.args(&["decrypt", "-i=false", "s.yaml"]).stdout(PLAIN).expect_file("s.yaml", &before).exit(0);
    session.args(&["-d=T", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["decrypt", "-in-place=maybe", "s.yaml"]).stderr_has("--in-place").expect_file("s.yaml", &before).exit(1);
    session.args(&["decrypt", "--enable-local-keyservice=f", "s.yaml"]).exit(128);
    session.env("SOPS_ENABLE_LOCAL_KEYSERVICE", "").args(&["decrypt", "s.yaml"]).exit(128);
    session.args(&["decrypt", "-enable-local-keyservice=TRUE", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn a_variable_that_is_no_truth_value_ends_every_command() {
    for name in ["SOPS_ENABLE_LOCAL_KEYSERVICE", "SOPS_DISABLE_VERSION_CHECK"] {
        let mut session = session();
        session.env(name, "maybe").args(&["decrypt", "s.yaml"]).stdout("").stderr_has(name).exit(1);
        session.args(&["--version"]).stdout("").stderr_has(name).exit(1);
        session.env(name, "T").args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    }
}

#[test]
fn help_about_nothing_is_3() {
    let mut session = Session::new();
    session.args(&["help", "bogus"]).stdout("").stderr_has("no help topic for 'bogus'").exit(3);
    session.args(&["h", "rotate"]).stdout_has("--add-age").stderr("").exit(0);
    session.args(&["h"]).stdout_has("Commands:").exit(0);
    session.args(&["help", "help"]).stdout_has("Commands:").exit(0);
    session.args(&["decrypt", "-h"]).stdout_has("--extract").exit(0);
}

#[test]
fn under_the_name_sops_scripts_find_what_they_look_for() {
    let mut session = session();
    session.called("sops");
    session.args(&["--version"]).stdout("sops 3.13.3\n").stderr("").exit(0);
    session.args(&["--version", "--disable-version-check"]).stdout("sops 3.13.3\n").exit(0);
    session.args(&["--version", "--verbose"]).stdout_has("sops 3.13.3\nleafseal 0.").exit(0);
    session.args(&["-d", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["set", "--help"]).stdout_has("Usage: sops set").exit(0);
    session.args(&["decrypt", "--bogus", "s.yaml"]).stderr_has("usage: sops decrypt").stderr_lacks("leafseal").exit(1);
    session.args(&["decrypt", "p.yaml"]).stderr_has("`sops encrypt -i FILE`").exit(1);
}

#[test]
fn nobody_looks_for_updates() {
    let mut session = Session::new();
    session.args(&["--check-for-updates", "--version"]).stdout_has("leafseal 0.").stderr_has("does not look for").exit(0);
    session.args(&["--disable-version-check", "-v"]).stdout_has("leafseal 0.").stderr("").exit(0);
}

#[test]
fn verbose_tells_which_rule_and_which_keys() {
    let mut session = session();
    let recipient = session.recipient();
    let other = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
    session.no_env("SOPS_AGE_RECIPIENTS");
    session.file(".sops.yaml", format!("creation_rules:\n  - age: {other},{recipient}\n    encrypted_regex: ^b$\n"));
    session.args(&["encrypt", "--verbose", "-i", "p.yaml"]).stdout("");
    session.stderr_has("creation_rules[0] (line 2) matches").stderr_has("encrypted_regex `^b$`");
    session.stderr_has(&format!("age {other}: wrapped the data key")).exit(0);
    session.args(&["decrypt", "--verbose", "p.yaml"]).stdout(PLAIN);
    session
        .stderr_has(&format!("age {recipient}: opened the data key"))
        .stderr_has(&format!("age {other}: "))
        .stderr_lacks("two")
        .exit(0);
}

#[test]
fn commands_that_are_to_come_have_their_options_and_say_so() {
    let mut session = session();
    session.args(&["publish", "--recursive", "-y", "p.yaml"]).stdout("").stderr_has("not built in yet").exit(1);
    session.args(&["keyservice", "--net", "pigeon", "--addr", "/run/x"]).stderr_has("tcp or unix").exit(1);
    session.args(&["keyservice", "--bogus"]).stderr_has("--bogus").exit(1);
}

#[test]
fn an_empty_group_is_told_to_sops_scripts_in_the_words_of_sops() {
    let mut session = session();
    session
        .no_env("SOPS_AGE_RECIPIENTS")
        .file(".sops.yaml", "creation_rules:\n  - path_regex: yaml$\ndestination_rules:\n  - s3_buket: x\n");
    session.args(&["encrypt", "p.yaml"]).stderr_has("creation_rules[0] holds no key").exit(1);
    session.called("sops");
    session.args(&["encrypt", "p.yaml"]).stderr("Could not generate data key: [empty key group provided]\n").exit(1);
    session.args(&["--verbose", "encrypt", "p.yaml"]).stderr_has("creation_rules[0] holds no key").exit(1);
}
