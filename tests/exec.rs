//! `exec-env`, `exec-file`, and `--flatten`.

use super::harness::Session;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const PLAIN: &str = "user: bob\npass: \"a  b$x\"\nport: 5432\nratio: 1.0\non: true\n# note\nempty: ''\n";
const NESTED: &str = "db:\n  host: h\n  ports: [1, 2]\ntop: x\n";

fn session() -> Session {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.file("s.yaml", PLAIN).file("n.yaml", NESTED).file("t.yaml", "user: eve\nother: o\n");
    session.args(&["encrypt", "-i", "--age", &recipient, "s.yaml", "n.yaml", "t.yaml"]).exit(0);
    session
}

#[test]
fn values_are_variables_of_a_line_for_the_shell() {
    let mut session = session();
    let line = r#"printf '%s|' "$user" "$pass" "$port" "$ratio" "$on" "$empty" "$INHERITED""#;
    session.env("INHERITED", "i").args(&["exec-env", "s.yaml", line]).stdout("bob|a  b$x|5432|1.0|true||i|").stderr("").exit(0);
    session.args(&["exec-env", "--pristine", "s.yaml", line]).stdout("bob|a  b$x|5432|1.0|true|||").exit(0);
    session.args(&["exec-env", "s.yaml", line, "--same-process"]).stdout("bob|a  b$x|5432|1.0|true||i|").exit(0);
    session.args(&["exec-env", "s.yaml", "cat"]).stdin("input").stdout("input").exit(0);
}

#[test]
fn a_program_runs_without_a_shell_and_later_files_win() {
    let mut session = session();
    session.args(&["exec-env", "s.yaml", "--", "printf", "%s,", "$user", "-la", "--age"]).stdout("$user,-la,--age,").exit(0);
    session.args(&["exec-env", "s.yaml", "t.yaml", "--", "sh", "-c", "echo $user $other $port"]).stdout("eve o 5432\n").exit(0);
    session.args(&["exec-env", "t.yaml", "s.yaml", "--", "sh", "-c", "echo $user $other $port"]).stdout("bob o 5432\n").exit(0);
    session.args(&["exec-env", "s.yaml", "--", "no-such-program"]).stderr_has("cannot find the program").exit(127);
    session.args(&["exec-env", "s.yaml", "--", "/etc"]).stderr_has("cannot run /etc").exit(126);
}

#[test]
fn exit_codes_are_kept_and_signals_are_255() {
    let mut session = session();
    for command in ["exec-env", "exec-file"] {
        session.args(&[command, "s.yaml", "exit 7"]).stdout("").stderr("").exit(7);
        session.args(&[command, "s.yaml", "kill -TERM $$"]).stderr("error: the command was ended by SIGTERM\n").exit(255);
    }
    session.args(&["exec-env", "s.yaml", "--same-process", "exit 7"]).exit(7);
}

#[test]
fn nested_values_need_flatten_or_extract() {
    let mut session = session();
    session
        .args(&["exec-env", "n.yaml", "true"])
        .stderr_has("cannot use complex value in environment; offending key db")
        .stderr_has("--flatten")
        .exit(1);
    let line = "env | grep -E '^(/?db|/?top|host|ports)' | sort";
    session.args(&["exec-env", "n.yaml", line, "--flatten"]).stdout("db_host=h\ndb_ports_0=1\ndb_ports_1=2\ntop=x\n").exit(0);
    // Shells drop variables with other names.
    session.args(&["exec-env", "n.yaml", "--flatten", "/", "--pristine", "--", "env"]);
    session.stdout("/db/host=h\n/db/ports/0=1\n/db/ports/1=2\n/top=x\n").exit(0);
    session.args(&["exec-env", "n.yaml", "--extract", "[\"db\"]", "--flatten=.", "--pristine", "--", "env"]);
    session.stdout("host=h\nports.0=1\nports.1=2\n").exit(0);
    session.args(&["exec-env", "n.yaml", "--extract", "[\"top\"]", "true"]).stderr_has("only a mapping").exit(1);
    session.args(&["exec-env", "n.yaml", "--extract", "[\"none\"]", "true"]).stderr_has("not found").exit(1);
    session.args(&["exec-env", "n.yaml", "--extract", "[top", "true"]).exit(91);
    session.args(&["decrypt", "n.yaml", "--flatten", "/"]).stdout("/db/host: h\n/db/ports/0: 1\n/db/ports/1: 2\n/top: x\n").exit(0);
    session
        .args(&["decrypt", "--flatten", "n.yaml", "--output-type", "dotenv"])
        .stdout("db_host=h\ndb_ports_0=1\ndb_ports_1=2\ntop=x\n")
        .exit(0);
    session.args(&["decrypt", "--flatten", "-i", "n.yaml"]).stderr_has("--in-place").exit(8);
    session.args(&["decrypt", "--flatten=", "n.yaml"]).stderr_has("separator").exit(1);
}

#[test]
fn what_no_variable_can_hold_is_said_with_its_path() {
    let mut session = Session::with_identity();
    let recipient = session.recipient();
    session.file("a.yaml", "\"a=b\": hunter2\n").file("b.yaml", "a: \"hunter2\\0\"\n").file("c.yaml", "a: null\nb: x\n");
    session.args(&["encrypt", "-i", "--age", &recipient, "a.yaml", "b.yaml", "c.yaml"]).exit(0);
    session.args(&["exec-env", "a.yaml", "true"]).stderr_has("a=b").stderr_lacks("hunter2").exit(1);
    session.args(&["exec-env", "b.yaml", "true"]).stderr_has("NUL").stderr_lacks("hunter2").exit(1);
    session.args(&["exec-env", "c.yaml", "echo \"<$a$b>\""]).stderr_has("a is null").stdout("<x>\n").exit(0);
}

#[test]
fn the_options_are_those_of_sops() {
    let mut session = session();
    for command in ["exec-env", "exec-file"] {
        session.args(&[command, "s.yaml"]).stderr_has("missing file to decrypt").exit(1);
        session.args(&[command, "s.yaml", "true", "more"]).stderr_has("missing file to decrypt").exit(1);
        session.args(&[command, "--user", "no-such-user", "s.yaml", "true"]).stderr_has("no user `no-such-user`").exit(1);
        session.args(&[command, "none.yaml", "true"]).exit(2);
        session.args(&[command, "s.yaml", "--ignore-mac", "true"]).exit(1);
        session.args(&[command, "--decryption-order", "age,age", "s.yaml", "true"]).exit(112);
    }
    session.args(&["exec-env", "--background", "--same-process", "s.yaml", "true"]).stderr_has("deprecated").exit(8);
    session.args(&["exec-env", "--background", "s.yaml", "sleep 1; exit 3"]).stderr_has("deprecated").exit(0);
    session.args(&["exec-file", "s.yaml", "t.yaml", "--", "true"]).stderr_has("only one file").exit(1);
    let text = session.read_text("s.yaml").replace("port:", "prot:");
    session.file("s.yaml", text).args(&["exec-env", "s.yaml", "true"]).exit(25);
}

#[test]
fn the_pipe_can_be_read_again_and_again() {
    let mut session = session();
    let twice = PLAIN.repeat(2);
    session.args(&["exec-file", "s.yaml", "test -p {} && cat {} {}"]).stdout(&twice).stderr("").exit(0);
    session.args(&["exec-file", "s.yaml", "--", "cat", "{}", "{}"]).stdout(&twice).exit(0);
    session.args(&["exec-file", "s.yaml", "paste -d '' {} {} | head -1"]).stdout("user: bobuser: bob\n").exit(0);
    session.args(&["exec-file", "s.yaml", "head -c 3 {}; exec 3< {}; exit 5"]).stdout("use").exit(5);
    session.args(&["exec-file", "s.yaml", "true"]).stdout("").exit(0);
    session.args(&["exec-file", "s.yaml", "stat -c %a {} $(dirname {})"]).stdout("600\n700\n").exit(0);
}

#[test]
fn a_regular_file_may_have_any_name_below_its_folder() {
    let mut session = session();
    session.args(&["exec-file", "--no-fifo", "s.yaml", "test -f {} && cat {} && stat -c %a {} $(dirname {})"]);
    session.stdout(format!("{PLAIN}600\n700\n")).exit(0);
    session.args(&["exec-file", "--no-fifo", "--filename", "a/b.yaml", "s.yaml", "echo {}"]).stdout_has("/a/b.yaml").exit(0);
    session.args(&["exec-file", "--filename", "b.yaml", "s.yaml", "echo {}; cat {}"]).stdout_has("/b.yaml\nuser").exit(0);
    for name in ["/b", "../b", "a/../../b"] {
        session.args(&["exec-file", "--filename", name, "s.yaml", "true"]).stderr_has("not a local path").exit(1);
    }
    session.args(&["exec-file", "s.yaml", "--output-type", "json", "head -1 {}"]).stdout("{\n").exit(0);
    session.args(&["exec-file", "--pristine", "s.yaml", "echo \"<$HOME>\""]).stdout("<>\n").exit(0);
}

#[test]
fn a_command_in_the_background_gets_its_file_too() {
    let mut session = session();
    // Apart from where the harness looks for what was left behind: the command is still running then.
    let folder = session.path("t.yaml").parent().unwrap().display().to_string() + "/tmp";
    std::fs::create_dir(&folder).unwrap();
    session.env("TMPDIR", &folder);
    session
        .args(&["exec-file", "s.yaml", "--background", "cat {} > there.part && mv there.part there"])
        .stderr_has("deprecated")
        .exit(0);
    for _ in 0..100 {
        if session.path("there").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(session.read_text("there"), PLAIN);
}

#[test]
fn signals_reach_the_command_and_nothing_stays_behind() {
    let mut session = session();
    let trap = |signal: &str| format!("trap 'echo got {signal}; exit 9' {signal}; echo ready; while :; do sleep 0.05; done");
    let cases = [
        ("exec-env", "TERM", 15),
        ("exec-env", "USR1", 10),
        ("exec-file", "HUP", 1),
        ("exec-file", "INT", 2),
        ("exec-file", "QUIT", 3),
    ];
    for (command, signal, number) in cases {
        // Under nohup, or behind `&` in a script, the tests themselves are to ignore some, and so is all that they start.
        if is_ignored_here(number) {
            eprintln!("skipped: the tests were started with SIG{signal} ignored");
            continue;
        }
        session.args(&[command, "s.yaml", &trap(signal)]);
        let mut child = session.command().stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        assert!(Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap().success());
        assert_eq!(lines.next().unwrap().unwrap(), format!("got {signal}"), "{command}");
        assert_eq!(child.wait().unwrap().code(), Some(9), "{command} {signal}");
    }
    // The harness looks for what was left behind.
    session.args(&["exec-file", "s.yaml", "true"]).exit(0);
}

/// Whether this process was started with a signal ignored (Linux; elsewhere: no).
fn is_ignored_here(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).unwrap_or("0");
    u64::from_str_radix(mask, 16).unwrap() >> (number - 1) & 1 == 1
}

#[test]
fn a_signal_that_was_ignored_stays_so() {
    let mut session = session();
    session.args(&["exec-env", "s.yaml", "kill -HUP $$; echo alive"]);
    let command = session.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(session.path(""));
    let output = shell.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "alive\n");
}
