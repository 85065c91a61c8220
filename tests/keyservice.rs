//! Key services over the network: `leafseal keyservice` and whoever asks it. Live with the reference's ends, where there is one.

use super::harness::Session;
use super::stand_in::{Answer, StandIn, free_port};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PLAIN: &str = "password: hunter2\n";

/// A `keyservice` that runs until it is dropped.
struct Serving {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    /// Where it listens, as it says.
    address: String,
}

impl Serving {
    /// Starts it in a session, whose identity it offers.
    fn start(session: &mut Session, arguments: &[&str]) -> Self {
        session.args(&[&["keyservice"], arguments].concat());
        let mut command = session.command();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("it says: {line}")).to_owned();
        Self { child, stderr, address }
    }

    fn end(mut self) -> (std::process::ExitStatus, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (status, said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session without an identity, that encrypts for the one of `keeper`.
fn asking(keeper: &Session) -> Session {
    let mut session = Session::new();
    session.env("SOPS_AGE_RECIPIENTS", &keeper.recipient()).file("s.yaml", PLAIN);
    session
}

#[test]
fn keys_of_another_machine_open_files_here() {
    let mut keeper = Session::with_identity();
    for network in ["unix", "tcp"] {
        let place =
            if network == "unix" { keeper.path("keys.sock").to_str().unwrap().to_owned() } else { "127.0.0.1:0".to_owned() };
        let service = Serving::start(&mut keeper, &["--network", network, "--address", &place]);
        let mut session = asking(&keeper);
        session
            .args(&["encrypt", "-i", "--enable-local-keyservice=false", "--keyservice", &service.address, "s.yaml"])
            .stderr("")
            .exit(0);
        session.args(&["decrypt", "s.yaml"]).stdout("").exit(128);
        session.args(&["decrypt", "--keyservice", &service.address, "s.yaml"]).stdout(PLAIN).stderr("").exit(0);
        session.args(&["rotate", "-i", "--keyservice", &service.address, "s.yaml"]).exit(0);
        // As in sops, what is named on the command line stands instead of what the environment names.
        session.env("SOPS_KEYSERVICE", &format!("tcp://127.0.0.1:{}, {}", free_port(), service.address));
        session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).stderr("").exit(0);
        session.args(&["decrypt", "--keyservice", "tcp://127.0.0.1:1", "s.yaml"]).stderr_has("tcp://127.0.0.1:1").exit(128);
    }
}

#[test]
fn a_socket_is_for_its_user_and_goes_with_the_program() {
    let mut keeper = Session::with_identity();
    let path = keeper.path("keys.sock");
    let arguments = ["--network", "unix", "--address", "keys.sock"];
    let service = Serving::start(&mut keeper, &arguments);
    let about = std::fs::symlink_metadata(&path).unwrap();
    assert!(about.file_type().is_socket());
    assert_eq!(about.permissions().mode() & 0o777, 0o700);
    keeper
        .args(&[&["keyservice"], &arguments[..]].concat())
        .stderr_has("cannot listen at keys.sock: address already in use")
        .exit(1);
    let (status, said) = service.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(said, "shutting down\n");
    assert!(!path.exists());

    // What a killed one left is replaced; anything else is not.
    let service = Serving::start(&mut keeper, &arguments);
    drop(service);
    assert!(path.exists());
    let service = Serving::start(&mut keeper, &arguments);
    let mut session = asking(&keeper);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session.args(&["decrypt", "--keyservice", &service.address, "s.yaml"]).stdout(PLAIN).exit(0);
    drop(service);
    keeper.file("keys.txt", "mine");
    keeper.args(&["keyservice", "--network", "unix", "--address", "keys.txt"]).expect_file("keys.txt", "mine").exit(1);
    keeper.args(&["keyservice", "--network", "pigeon"]).stderr_has("there is no network `pigeon`: tcp or unix").exit(1);
    keeper.args(&["keyservice", "--address", "256.0.0.1:x"]).stderr_has("cannot listen on tcp://256.0.0.1:x").exit(1);
}

#[test]
fn who_offers_keys_can_be_asked_before_each_answer() {
    let mut keeper = Session::with_identity();
    let mut session = asking(&keeper);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let mut service = Serving::start(&mut keeper, &["--network", "unix", "--address", "keys.sock", "--prompt"]);
    let mut answer = service.child.stdin.take().unwrap();
    answer.write_all(b"n\n").unwrap();
    session.args(&["decrypt", "--keyservice", &service.address, "s.yaml"]).stderr_has("says: Request rejected by user").exit(128);
    answer.write_all(b"what\ny\n").unwrap();
    session.args(&["decrypt", "--keyservice", &service.address, "s.yaml"]).stdout(PLAIN).exit(0);
    drop(answer);
    session.args(&["decrypt", "--keyservice", &service.address, "s.yaml"]).stderr_has("nobody to answer").exit(128);
    let mut stdout = service.child.stdout.take().unwrap();
    service.end();
    let mut asked = String::new();
    stdout.read_to_string(&mut asked).unwrap();
    let question = format!("\nReceived decrypt request using age key {}. Respond to request? (y/n): ", keeper.recipient());
    assert_eq!(asked, question.repeat(4));
}

#[test]
fn what_a_service_says_is_told_with_its_address() {
    let mut keeper = Session::with_identity();
    let service = Serving::start(&mut keeper, &["--network", "unix", "--address", "keys.sock"]);
    let mut session = Session::with_identity();
    session.env("SOPS_AGE_RECIPIENTS", &session.recipient()).file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let mut stranger = Session::new();
    stranger.file("s.yaml", session.read("s.yaml"));
    let report = stranger.args(&["decrypt", "--keyservice", &service.address, "s.yaml"]).stdout("").exit(128).stderr;
    assert!(report.contains(&format!("the key service at {} says:", service.address)), "{report}");
    // Whoever has the key does not ask it.
    drop(service);
    session.args(&["decrypt", "--keyservice", "unix:///no/such.sock", "s.yaml"]).stdout(PLAIN).stderr("").exit(0);
}

#[test]
fn a_service_that_hangs_lies_or_goes_away_is_an_error_in_time_and_others_are_asked() {
    let mut keeper = Session::with_identity();
    let good = Serving::start(&mut keeper, &["--address", "127.0.0.1:0"]);
    let mut session = asking(&keeper);
    session.env("LEAFSEAL_KEYSERVICE_TIMEOUT", "1").args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let hangs = StandIn::start(|_| Answer::Hang);
    let lies = StandIn::start(|_| Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec()));
    let closes = StandIn::start(|_| Answer::Close);
    for (server, says) in [(&hangs, "gave no answer within 1 s"), (&lies, "cannot be asked: "), (&closes, "cannot be asked: ")] {
        let address = format!("tcp://{}", server.host());
        let start = Instant::now();
        let report = session.args(&["decrypt", "--keyservice", &address, "s.yaml"]).stdout("").exit(128).stderr;
        assert!(start.elapsed() < Duration::from_secs(5), "{address}");
        assert!(report.contains(&format!("the key service at {address} {says}")), "{report}");
        session.args(&["decrypt", "--keyservice", &address, "--keyservice", &good.address, "s.yaml"]).stdout(PLAIN).exit(0);
    }
    let nobody = format!("tcp://127.0.0.1:{}", free_port());
    session.args(&["decrypt", "--keyservice", &nobody, "s.yaml"]).stderr_has("cannot be asked: connection refused").exit(128);
    session.env("LEAFSEAL_KEYSERVICE_TIMEOUT", "soon");
    session.args(&["decrypt", "--keyservice", &nobody, "s.yaml"]).stderr_has("must be a number of seconds").exit(1);
}

#[test]
fn what_is_no_address_is_left_out_with_a_warning_as_in_sops() {
    let mut session = Session::encrypting();
    session.file("s.yaml", PLAIN).args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session.args(&["decrypt", "--keyservice", "localhost:5000", "s.yaml"]).stdout(PLAIN);
    session
        .stderr_has("`localhost:5000` is no address of a key service (tcp://HOST:PORT or unix:///PATH): it is not asked")
        .exit(0);
    session.args(&["decrypt", "--keyservice", "tcp://192.0.2.1:5000", "s.yaml"]).stdout(PLAIN);
    session.stderr_has("data keys travel to tcp://192.0.2.1:5000 and back without encryption").exit(0);
}

#[test]
fn doctor_finds_out_whether_key_services_answer() {
    let mut keeper = Session::with_identity();
    let service = Serving::start(&mut keeper, &["--network", "unix", "--address", "keys.sock"]);
    let nobody = format!("tcp://127.0.0.1:{}", free_port());
    let mut session = asking(&keeper);
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session.args(&["doctor", "--keyservice", &service.address, "--keyservice", &nobody, "s.yaml"]);
    session.stdout_has(&format!("{}  ", service.address)).stdout_has("answers; asked for every key");
    session.stdout_has(&format!("the key service at {nobody} cannot be asked: connection refused")).exit(1);
}

#[test]
fn both_ends_speak_with_the_reference() {
    let Some(reference) = std::env::var_os("LEAFSEAL_REFERENCE_SOPS") else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary");
        return;
    };
    let mut keeper = Session::with_identity();
    let ours = Serving::start(&mut keeper, &["--network", "unix", "--address", "keys.sock"]);
    let home = keeper.path("../home");
    let socket = keeper.path("theirs.sock");
    let theirs = format!("unix://{}", socket.display());
    let mut serving = Command::new(&reference)
        .args(["keyservice", "--network", "unix", "--address", socket.to_str().unwrap()])
        .env_clear()
        .env("HOME", &home)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        assert!(serving.try_wait().unwrap().is_none(), "the reference serves no keys");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut session = asking(&keeper);
    let remote_only = |address: &str| ["--enable-local-keyservice=false".to_owned(), format!("--keyservice={address}")];
    // The reference asks us; its file is opened by it, through us.
    let [off, ask] = remote_only(&ours.address);
    let file = session.reference(&reference, &[], &["encrypt", "--age", &keeper.recipient(), &off, &ask, "s.yaml"]);
    std::fs::write(session.path("t.yaml"), file).unwrap();
    assert_eq!(session.reference(&reference, &[], &["decrypt", &off, &ask, "t.yaml"]), PLAIN.as_bytes());
    // We ask the reference.
    let [off, ask] = remote_only(&theirs);
    session.args(&["decrypt", &off, &ask, "t.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["encrypt", "-i", &off, &ask, "s.yaml"]).exit(0);
    session.args(&["decrypt", &off, &ask, "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["doctor", &ask, "s.yaml"]).stdout_has("answers; asked for every key");
    serving.kill().unwrap();
    serving.wait().unwrap();
}
