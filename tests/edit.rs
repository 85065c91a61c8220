//! `edit` and the bare `leafseal FILE`: which editor, what is kept, what is said.

use super::harness::Session;

const PLAIN: &str = "a: one\nb: two # note\nlist:\n  - x\n  - x\n";

fn session() -> Session {
    let mut session = Session::encrypting();
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session
}

/// An editor that runs a script with the file's name in `$1`.
fn with_editor(session: &mut Session, body: &str) {
    session.script("editor", body);
    let editor = session.path("editor");
    session.env("SOPS_EDITOR", editor.to_str().unwrap());
}

#[test]
fn only_what_was_edited_changes() {
    let mut session = session();
    with_editor(&mut session, "sed -i 's/two/three/' \"$1\"");
    let before = session.read_text("s.yaml");
    session.args(&["edit", "s.yaml"]).stdout("").stderr("").exit(0);
    let after = session.read_text("s.yaml");
    let changed: Vec<_> =
        before.lines().zip(after.lines()).filter(|(a, b)| a != b).map(|(a, _)| a.trim().split(':').next().unwrap()).collect();
    assert_eq!(before.lines().count(), after.lines().count());
    assert_eq!(changed.iter().filter(|key| !["lastmodified", "mac"].contains(key)).collect::<Vec<_>>(), [&"b"], "{changed:?}");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN.replace("two", "three")).exit(0);
}

#[test]
fn without_a_command_the_file_is_edited() {
    let mut session = session();
    with_editor(&mut session, "sed -i 's/one/1st/' \"$1\"");
    session.args(&["s.yaml"]).exit(0);
    session.args(&["decrypt", "--extract", "[\"a\"]", "s.yaml"]).stdout("1st").exit(0);
}

#[test]
fn nothing_changed_is_nothing_written() {
    let mut session = session();
    with_editor(&mut session, "true");
    let before = session.read("s.yaml");
    session.args(&["edit", "s.yaml"]).stderr_has("has not changed").stderr_has("--wait").expect_file("s.yaml", before).exit(200);
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let mut session = session();
    let before = session.read("s.yaml");
    with_editor(&mut session, "echo broken > \"$1\"; exit 7");
    session.args(&["edit", "s.yaml"]).stderr_has("exited with status 7").expect_file("s.yaml", &before).exit(201);
    session.env("SOPS_EDITOR", "/no/such/editor").args(&["edit", "s.yaml"]).expect_file("s.yaml", &before).exit(201);
    session.env("SOPS_EDITOR", "vi 'x").args(&["edit", "s.yaml"]).stderr_has("invalid SOPS_EDITOR").exit(201);
    session
        .no_env("SOPS_EDITOR")
        .env("PATH", "/nowhere")
        .args(&["edit", "s.yaml"])
        .stderr_has("no editor found")
        .stderr_has("hint: ")
        .exit(201);
}

#[test]
fn sops_editor_comes_before_editor_and_both_may_have_arguments() {
    let mut session = session();
    session.script("first", "echo first > log; sed -i \"s/one/$1/\" \"$2\"").script("second", "echo second > log");
    let (first, second) = (session.path("first"), session.path("second"));
    session.env("EDITOR", second.to_str().unwrap()).env("SOPS_EDITOR", &format!("{} 'by argument'", first.display()));
    session.args(&["edit", "s.yaml"]).expect_file("log", "first\n").exit(0);
    session.args(&["decrypt", "--extract", "[\"a\"]", "s.yaml"]).stdout("by argument").exit(0);
    session.no_env("SOPS_EDITOR").args(&["edit", "s.yaml"]).expect_file("log", "second\n").exit(200);
}

#[test]
fn the_plaintext_lies_in_a_private_folder_and_goes_away() {
    let mut session = session();
    with_editor(&mut session, "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > log; basename \"$1\" >> log");
    session.args(&["edit", "s.yaml"]).exit(200);
    let log = session.read_text("log");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("600 ") && lines[1].starts_with("700 "), "{log}");
    assert_eq!(lines[2], "s.yaml");
    let file = lines[0].strip_prefix("600 ").unwrap();
    assert!(!std::path::Path::new(file).exists());
}

#[test]
fn an_invalid_text_fails_once_without_a_terminal() {
    let mut session = session();
    let before = session.read("s.yaml");
    with_editor(&mut session, "echo x >> count; printf 'a: [secret\\n' > \"$1\"");
    session.args(&["edit", "s.yaml"]).stderr_has("line ").stderr_lacks("secret").stderr_has("nothing was saved");
    session.expect_file("count", "x\n").expect_file("s.yaml", before).exit(2);
}

#[test]
fn a_new_file_begins_with_an_example() {
    let mut session = session();
    with_editor(&mut session, "cp \"$1\" seen; printf 'k: v\\n' > \"$1\"");
    session.args(&["edit", "new.yaml"]).stdout("").expect_file_has("new.yaml", "k: ENC[").exit(0);
    assert!(session.read_text("seen").starts_with("hello: Welcome to SOPS!"));
    session.args(&["edit", "new.json"]).exit(2);
    assert!(session.read_text("seen").starts_with("{\n\t\"hello\": \"Welcome"));
    session.args(&["edit", "new.bin"]).expect_file_has("new.bin", "\"data\": \"ENC[").exit(0);
    assert_eq!(session.read_text("seen"), "Welcome to SOPS! Edit this file as you please!");
}

#[test]
fn a_new_file_that_is_not_edited_is_not_made() {
    let mut session = session();
    with_editor(&mut session, "true");
    session.args(&["edit", "new.yaml"]).expect_absent("new.yaml").exit(200);
}

#[test]
fn keys_that_do_not_wrap_are_told_before_the_editor_opens() {
    let mut session = session();
    session.no_env("SOPS_AGE_RECIPIENTS");
    with_editor(&mut session, "touch opened");
    session.args(&["edit", "new.yaml"]).stderr_has("no keys provided").expect_absent("opened").exit(1);
    session.args(&["edit", "--pgp", "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4", "new.yaml"]).expect_absent("opened").exit(128);
}

#[test]
fn one_file_at_a_time_and_mistyped_commands_are_recognised() {
    let mut session = session();
    session.args(&["edit", "s.yaml", "t.yaml"]).stderr_has("only one file").exit(1);
    session.args(&["encrpyt", "s.yaml"]).stderr_has("did you mean the command `encrypt`?").exit(1);
    session.args(&["edit"]).stderr_has("no file specified").exit(100);
    session.args(&[]).stderr_has("no file specified").stderr_has("--help").exit(100);
    session.args(&["edit", "-"]).exit(8);
}

#[test]
fn equal_items_keep_their_own_ciphertext() {
    let mut session = session();
    with_editor(&mut session, "sed -i 's/one/1/' \"$1\"");
    let items = |text: &str| text.lines().filter(|l| l.trim_start().starts_with("- ENC[")).map(str::to_owned).collect::<Vec<_>>();
    let before = items(&session.read_text("s.yaml"));
    session.args(&["edit", "s.yaml"]).exit(0);
    let after = items(&session.read_text("s.yaml"));
    assert_eq!(before, after);
    assert_ne!(after[0], after[1]);
}

#[test]
fn at_a_terminal_an_invalid_text_is_offered_again_with_the_edits() {
    let mut session = session();
    // The first time it breaks the text, the second time it mends what it finds.
    let body = "echo x >> calls; for f; do :; done
if grep -q broken \"$f\"; then sed -i 's/\\[broken/mended/' \"$f\"; else sed -i 's/one/[broken/' \"$f\"; fi";
    with_editor(&mut session, body);
    session.args(&["edit", "s.yaml"]);
    let Some(output) = at_a_terminal(&session, "\n") else {
        eprintln!("skipped: there is no `script` to make a terminal with");
        return;
    };
    assert!(output.contains("line ") && output.contains("Press Enter to return to the editor"), "{output}");
    assert_eq!(session.read_text("calls").lines().count(), 2, "{output}");
    session.args(&["decrypt", "--extract", "[\"a\"]", "s.yaml"]).stdout("mended").exit(0);
}

/// Runs the session's command at a terminal of its own and types `keys`; what it shows.
fn at_a_terminal(session: &Session, keys: &str) -> Option<String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let inner = session.command();
    let words: Vec<_> = std::iter::once(inner.get_program()).chain(inner.get_args()).map(|w| w.to_str().unwrap()).collect();
    let mut command = Command::new("script");
    command.args(["-qec", &words.join(" "), "/dev/null"]).env_clear().current_dir(inner.get_current_dir()?);
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    std::thread::sleep(std::time::Duration::from_millis(500));
    stdin.write_all(keys.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    drop(stdin);
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether this process ignores SIGHUP (1), and so what it starts.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn a_signal_ends_the_editor_and_takes_the_plaintext_away() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    let mut session = session();
    with_editor(&mut session, "echo \"$1\" > started.new; mv started.new started; exec sleep 30");
    let before = session.read("s.yaml");
    for signal in ["-TERM", "-HUP"] {
        if signal == "-HUP" && ignores_hangups() {
            eprintln!("skipped: -HUP is ignored here, as under nohup, and leafseal leaves it so");
            continue;
        }
        let _ = std::fs::remove_file(session.path("started"));
        session.args(&["edit", "s.yaml"]);
        let mut child = session.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !session.path("started").exists() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let plaintext = session.read_text("started").trim().to_owned();
        assert!(std::path::Path::new(&plaintext).exists());
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert!(!child.wait().unwrap().success());
        assert!(begun.elapsed() < Duration::from_secs(20), "the editor was waited for");
        assert!(!std::path::Path::new(&plaintext).exists(), "the plaintext is still there after {signal}");
        assert_eq!(session.read("s.yaml"), before);
    }
}

/// A recipient whose identity nobody has.
const OTHER: &str = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";

#[test]
fn keys_that_are_edited_take_effect_and_values_stay() {
    let mut session = session();
    let before = session.read_text("s.yaml");
    with_editor(&mut session, &format!("sed -i 's/^    age:/    age:\\n        - recipient: {OTHER}/' \"$1\""));
    session.args(&["edit", "-s", "s.yaml"]).stdout("").stderr("").expect_file_has("s.yaml", OTHER).exit(0);
    let after = session.read_text("s.yaml");
    let sealed =
        |text: &str| text.lines().filter(|l| l.contains("ENC[") && !l.contains("mac:")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(sealed(&before), sealed(&after));
    assert_eq!(after.matches("BEGIN AGE").count(), 2);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    // What the first recipient has is still what it had: the data key is the same.
    let wrapped = before.split("-----BEGIN").nth(1).unwrap().split("-----END").next().unwrap();
    assert!(after.contains(wrapped));

    with_editor(&mut session, &format!("sed -i '/recipient: {OTHER}/d; s/one/1st/' \"$1\""));
    session.args(&["-s", "s.yaml"]).stderr_has("recipient").exit(1);
    with_editor(
        &mut session,
        &format!(
            "awk '/^        - enc/ && !n++ {{skip=1; next}} /^        - enc/ {{skip=0}} !skip' \"$1\" > t; cat t > \"$1\"; rm t; true {OTHER}"
        ),
    );
    session.args(&["-s", "s.yaml"]).exit(0);
    assert_eq!(session.read_text("s.yaml").matches("BEGIN AGE").count(), 1);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn a_selection_that_is_edited_takes_effect() {
    let mut session = session();
    with_editor(
        &mut session,
        "sed -i 's/^    unencrypted_suffix: .*/    encrypted_regex: ^a$/' \"$1\"; sed -i 's/two/zwei/' \"$1\"",
    );
    session.args(&["edit", "--show-master-keys", "s.yaml"]).expect_file_has("s.yaml", "b: zwei # note").exit(0);
    assert!(session.read_text("s.yaml").starts_with("a: ENC["));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN.replace("two", "zwei")).exit(0);
}

#[test]
fn a_draft_that_was_not_touched_changes_nothing() {
    let mut session = session();
    let before = session.read("s.yaml");
    with_editor(&mut session, "grep -q '^sops:' \"$1\" && grep -q 'recipient: age1' \"$1\" && grep -q '^a: one' \"$1\"");
    session.args(&["edit", "-s", "s.yaml"]).expect_file("s.yaml", &before).exit(200);
    with_editor(&mut session, "sed -i 's/lastmodified: .*/lastmodified: \"2020-01-01T00:00:00Z\"/' \"$1\"");
    session.args(&["edit", "-s", "s.yaml"]).expect_file("s.yaml", &before).exit(200);
    with_editor(&mut session, "sed -i '/^sops:/,$d' \"$1\"");
    session.args(&["edit", "-s", "s.yaml"]).stderr_has("sops").expect_file("s.yaml", &before).exit(1);
    session.args(&["edit", "-s", "none.yaml"]).stderr_has("does not exist").expect_absent("none.yaml").exit(1);
}

#[test]
fn flat_files_have_a_draft_too() {
    let mut session = session();
    for (name, text, added) in [
        ("s.env", "A=one\nB=two\n", format!("sops_age__list_1__map_recipient={OTHER}")),
        ("s.ini", "[x]\na = one\nb = two\n", format!("age__list_1__map_recipient = {OTHER}")),
    ] {
        session.file(name, text).args(&["encrypt", "-i", name]).exit(0);
        with_editor(&mut session, &format!("sed -i 's/two/zwei/' \"$1\"; echo '{added}' >> \"$1\""));
        session.args(&["edit", "-s", name]).expect_file_has(name, OTHER).exit(0);
        session.args(&["decrypt", name]).stdout(text.replace("two", "zwei")).exit(0);
    }
}
