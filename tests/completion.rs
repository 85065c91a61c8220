//! Completion and the manual: what the shells get, and from where.

use super::harness::Session;
use std::process::{Command, Stdio};

fn session() -> Session {
    let mut session = Session::encrypting();
    session.file("s.yaml", "db:\n  user: x\n  list: [1, 2]\nother: y\n");
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session
}

#[test]
fn there_is_a_script_for_each_shell() {
    let mut session = Session::new();
    for shell in ["bash", "zsh", "fish", "powershell", "nushell"] {
        session.args(&["completion", shell]).stdout_has(" __complete ").stdout_has("leafseal").stderr("").exit(0);
    }
    session.args(&["completion"]).stdout_has("bash|zsh|fish").exit(0);
    session.args(&["completion", "tcsh"]).stdout("").stderr_has("the shells are").exit(3);
    session.called("sops").args(&["completion", "bash"]).stdout_has("complete -F _sops_complete sops").exit(0);
}

#[test]
fn bash_gets_what_it_asks_for() {
    let session = session();
    let script = session.path("try.sh");
    let body = "eval \"$($1 completion bash)\"\ncompopt() { :; }\nCOMP_WORDS=(\"$@\")\nCOMP_CWORD=$(($# - 1))\n_leafseal_complete leafseal \"${COMP_WORDS[COMP_CWORD]}\"\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    std::fs::write(&script, body).unwrap();
    let ask = |words: &[&str]| {
        let mut bash = Command::new("bash");
        bash.arg(&script).arg(env!("CARGO_BIN_EXE_leafseal")).args(words).current_dir(session.path("")).stderr(Stdio::null());
        String::from_utf8(bash.output().expect("bash is installed").stdout).unwrap()
    };
    assert_eq!(ask(&["encr"]), "encrypt\n");
    assert_eq!(ask(&["unset", "s.yaml", "'[\"o"]), "[\"other\"]\n");
    assert_eq!(ask(&["decrypt", "--input-type", "=", "y"]), "yaml\n");
}

#[test]
fn keys_of_an_encrypted_file_are_completed_without_an_identity() {
    let mut session = session();
    session.env("HOME", "/nowhere");
    session.args(&["__complete", "set", "s.yaml", "'[\"d"]).stdout("[\"db\"]\n:paths\n").stderr("").exit(0);
    session.args(&["__complete", "decrypt", "--extract", "["]).stdout("").stderr("").exit(0);
    session.args(&["__complete", "-d", "s.yaml", "--extract", "[\"db\"]["]);
    session.stdout("[\"db\"][\"user\"]\n[\"db\"][\"list\"]\n:paths\n").exit(0);
    session.args(&["decrypt", "--generate-bash-completion"]).stdout("").exit(0);
    session.args(&["--generate-bash-completion"]).stdout_has("decrypt\n").exit(0);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let mut session = Session::new();
    session.args(&["man"]).stdout_has(".TH leafseal").exit(0);
    session.args(&["man", "--dir", "pages/man1"]).stdout("");
    session
        .expect_file_has("pages/man1/leafseal.1", ".TH leafseal")
        .expect_file_has("pages/man1/leafseal-rotate.1", "add\\-age")
        .exit(0);
}

#[test]
fn every_command_has_an_example() {
    for command in leafseal::cli::command().get_subcommands() {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(
            examples.contains(&format!("  leafseal {}", command.get_name())) || examples.contains("| leafseal"),
            "{}",
            command.get_name()
        );
    }
}
