//! age plugins: a small one of our own, a shell script that wraps nothing at all, and what goes wrong with plugins.

use super::harness::Session;

const RECIPIENT: &str = "age1fake1w3jhxaqrc5akr";
const IDENTITY: &str = "AGE-PLUGIN-FAKE-1W3JHXAQ8FAZUR";
const ABSENT_RECIPIENT: &str = "age1absent1w3jhxaq247r4x";
const ABSENT_IDENTITY: &str = "AGE-PLUGIN-ABSENT-1W3JHXAQ7DV70F";
const PLAIN: &str = "password: hunter2\n";

/// Its stanzas hold the file key as it is. `BEHAVIOUR` makes it hang, refuse, fail, or ask first.
const PLUGIN: &str = r#"
echo "$1 $PWD" >> "$LOG"
say() { printf '%s\n' "$@"; }
answer() { read -r _ reply choice; read -r body; }
key=
while read -r _ command first type rest; do
    body=
    while read -r line; do
        body="$body$line"
        [ ${#line} -eq 64 ] || break
    done
    case "$command:$type" in
    wrap-file-key:*) key=$body ;;
    recipient-stanza:fake) key=$body ;;
    done:*) break ;;
    esac
done
case "$BEHAVIOUR" in
hang) exec sleep 100 ;;
refuse) say '-> error internal' bm8gdG9rZW4; answer; say '-> done' ''; exit ;;
fail) echo 'cannot open the token' >&2; exit 3 ;;
ask) say '-> request-secret' UElO; answer; [ "$reply" = fail ] && { say '-> error internal' bm8gUElO; answer; key=; } ;;
esac
case "$1:$key" in
*:) ;;
--age-plugin=recipient-v1:*) say '-> recipient-stanza 0 fake' "$key"; answer ;;
--age-plugin=identity-v1:*) say '-> file-key 0' "$key"; answer ;;
esac
say '-> done' ''
"#;

/// A session with the plugin on its PATH, its identity, and a file to encrypt.
fn session() -> Session {
    let mut session = Session::new();
    session.script("bin/age-plugin-fake", PLUGIN).file("keys.txt", format!("{IDENTITY}\n")).file("s.yaml", PLAIN);
    let path = format!("{}:{}", session.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let (log, keys) = (session.path("log"), session.path("keys.txt"));
    session.env("PATH", &path).env("LOG", log.to_str().unwrap()).env("SOPS_AGE_KEY_FILE", keys.to_str().unwrap());
    session
}

fn encrypted() -> Session {
    let mut session = session();
    session.args(&["encrypt", "-i", "--age", RECIPIENT, "s.yaml"]).exit(0);
    session
}

#[test]
fn a_plugin_wraps_and_unwraps() {
    let mut session = encrypted();
    session.expect_file_has("s.yaml", RECIPIENT).args(&["decrypt", "s.yaml"]).stdout(PLAIN).stderr("").exit(0);
    assert_eq!(session.read_text("log"), "--age-plugin=recipient-v1 /\n--age-plugin=identity-v1 /\n", "not in the working folder");
}

#[test]
fn a_key_at_hand_starts_no_plugin() {
    let mut session = session();
    session.args(&["keygen"]).exit(0);
    let both = format!("{},{RECIPIENT}", session.recipient());
    session.args(&["encrypt", "-i", "--age", &both, "s.yaml"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!(session.read_text("log"), "--age-plugin=recipient-v1 /\n");
}

#[test]
fn a_plugin_that_is_not_installed_is_named() {
    let mut session = encrypted();
    session.args(&["encrypt", "--age", ABSENT_RECIPIENT, "s.yaml"]).stdout("").exit(203);
    session
        .file("t.yaml", PLAIN)
        .args(&["encrypt", "--age", ABSENT_RECIPIENT, "t.yaml"])
        .stdout("")
        .stderr_has("age-plugin-absent is not installed")
        .exit(1);
    session.file("bin/age-plugin-fake", "").mode("bin/age-plugin-fake", 0o644);
    session
        .args(&["decrypt", "s.yaml"])
        .stdout("")
        .stderr_has("age-plugin-fake is not installed")
        .stderr_has("hint: install age-plugin-fake")
        .stderr_lacks(IDENTITY)
        .exit(128);
}

#[test]
fn identities_are_tried_in_order_whatever_becomes_of_the_first() {
    let mut session = encrypted();
    session.file("keys.txt", format!("{ABSENT_IDENTITY}\n{IDENTITY}\n"));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).stderr("").exit(0);
}

#[test]
fn without_an_identity_the_report_says_which_plugin_it_is_for() {
    let mut session = encrypted();
    session
        .no_env("SOPS_AGE_KEY_FILE")
        .args(&["decrypt", "s.yaml"])
        .stderr_has("age plugin fake")
        .stderr_has("AGE-PLUGIN-FAKE-1")
        .exit(128);
    assert_eq!(session.read_text("log"), "--age-plugin=recipient-v1 /\n", "a file starts no plugin");
}

#[test]
fn a_plugin_that_hangs_is_ended_and_others_are_tried() {
    let mut session = encrypted();
    let keys = session.path("keys.txt");
    session.args(&["keygen", "-o", "mine.txt"]).exit(0);
    let mine = session.read_text("mine.txt");
    let recipient = mine.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    session.args(&["rotate", "-i", "--add-age", &recipient, "s.yaml"]).exit(0);
    session.env("BEHAVIOUR", "hang").env("LEAFSEAL_AGE_PLUGIN_TIMEOUT", "1");
    let start = std::time::Instant::now();
    session
        .args(&["decrypt", "s.yaml"])
        .stderr_has("age-plugin-fake said nothing for 1 seconds and was ended")
        .stderr_lacks(IDENTITY)
        .exit(128);
    assert!(start.elapsed().as_secs() < 20, "it is started once, whatever number of keys there is");
    session.file(keys.to_str().unwrap(), format!("{IDENTITY}\n{mine}"));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert!(start.elapsed().as_secs() < 20);
    session.env("LEAFSEAL_AGE_PLUGIN_TIMEOUT", "soon").file("keys.txt", IDENTITY);
    session.args(&["decrypt", "s.yaml"]).stderr_has("LEAFSEAL_AGE_PLUGIN_TIMEOUT must be a number of seconds").exit(128);
}

#[test]
fn a_plugin_that_fails_or_refuses_is_quoted() {
    for (behaviour, words) in [
        ("refuse", "age-plugin-fake: no token"),
        ("fail", "age-plugin-fake exited with status 3 without an answer: cannot open the token"),
        ("ask", "age-plugin-fake: no PIN"),
    ] {
        let mut session = encrypted();
        session.env("BEHAVIOUR", behaviour);
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(words).stderr_lacks("hunter2").exit(128);
        session.file("t.yaml", PLAIN).args(&["encrypt", "--age", RECIPIENT, "t.yaml"]).stdout("").stderr_has(words).exit(1);
    }
}

#[test]
fn plugins_of_the_working_folder_and_of_relative_folders_are_never_run() {
    let mut session = encrypted();
    let script = PLUGIN.replace("echo", "touch ran; echo");
    session.script("age-plugin-fake", &script).script("tools/age-plugin-fake", &script);
    let usual = std::env::var("PATH").unwrap_or_default();
    session.env("PATH", &format!(".:tools::{usual}"));
    session.args(&["decrypt", "s.yaml"]).stderr_has("age-plugin-fake is not installed").expect_absent("ran").exit(128);
    // As a recipient, a path is none.
    session.args(&["encrypt", "--age", "age1../tools/x1w3jhxaq", "s.yaml"]).stdout("").expect_absent("ran").exit(1);
}
