//! A terminal session: a folder, a home and an environment of its own; commands run in it, with what they must say and leave.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder in which commands run. Nothing of the machine's own environment reaches them.
pub(crate) struct Session {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    stdin: Option<Vec<u8>>,
    working: String,
    program: PathBuf,
    through: Vec<String>,
    checks: Vec<Check>,
}

enum Check {
    Stdout(Vec<u8>),
    StdoutHas(String),
    Stderr(String),
    StderrHas(String),
    StderrLacks(String),
    File(String, Vec<u8>),
    FileHas(String, String),
    Mode(String, u32),
    Absent(String),
}

/// What a command left.
pub(crate) struct Done {
    /// Its exit code; `128 + n` if signal n ended it.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: Vec<u8>,
    /// What it said.
    pub(crate) stderr: String,
}

impl Session {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("leafseal-test-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let environment = BTreeMap::from([
            (String::from("HOME"), at("home")),
            (String::from("XDG_RUNTIME_DIR"), at("run")),
            (String::from("TMPDIR"), at("run")),
            (String::from("PATH"), std::env::var("PATH").unwrap_or_default()),
            (String::from("TERM"), String::from("dumb")),
            // Nothing here looks for a service outside this host.
            (String::from("AWS_EC2_METADATA_DISABLED"), String::from("true")),
            (String::from("AWS_ENDPOINT_URL"), String::from("http://127.0.0.1:1")),
            (String::from("LEAFSEAL_HUAWEI_METADATA"), String::new()),
            (String::from("AZURE_TOKEN_CREDENTIALS"), String::from("EnvironmentCredential")),
            (String::from("GCE_METADATA_HOST"), String::from("127.0.0.1:1")),
        ]);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_leafseal"));
        Self {
            folder,
            environment,
            arguments: Vec::new(),
            stdin: None,
            working: String::new(),
            program,
            through: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// The same with an identity in the default place; its recipient is [`Session::recipient`].
    pub(crate) fn with_identity() -> Self {
        let mut session = Self::new();
        session.args(&["keygen"]).exit(0);
        session
    }

    /// Calls the program by another name from now on, through a symlink.
    pub(crate) fn called(&mut self, name: &str) -> &mut Self {
        let link = self.folder.path().join(name);
        std::os::unix::fs::symlink(&self.program, &link).unwrap();
        self.program = link;
        self
    }

    /// Runs the program through another one from now on, whose last arguments are the program and its own.
    pub(crate) fn through(&mut self, words: &[&str]) -> &mut Self {
        self.through = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The same, and what is encrypted is for that identity.
    pub(crate) fn encrypting() -> Self {
        let mut session = Self::with_identity();
        let recipient = session.recipient();
        session.env("SOPS_AGE_RECIPIENTS", &recipient);
        session
    }

    /// The recipient of the identity in the default place.
    pub(crate) fn recipient(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("home/.config/sops/age/keys.txt")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
    }

    /// Where a file of the session is. Names are relative to its working folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&mut self, name: &str, contents: impl AsRef<[u8]>) -> &mut Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    /// Writes a program that the session can run: a shell script.
    pub(crate) fn script(&mut self, name: &str, body: &str) -> &mut Self {
        self.file(name, format!("#!/bin/sh\n{body}\n"));
        self.mode(name, 0o755)
    }

    /// Changes a file's mode.
    pub(crate) fn mode(&mut self, name: &str, mode: u32) -> &mut Self {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A file of the session.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// A file of the session as text.
    pub(crate) fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Sets a variable for every command from now on.
    pub(crate) fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    pub(crate) fn no_env(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// Runs the next commands in a folder below.
    pub(crate) fn cd(&mut self, folder: &str) -> &mut Self {
        std::fs::create_dir_all(self.path(folder)).unwrap();
        folder.clone_into(&mut self.working);
        self
    }

    /// The arguments of the next command.
    pub(crate) fn args(&mut self, arguments: &[&str]) -> &mut Self {
        self.arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        self
    }

    /// What the next command reads.
    pub(crate) fn stdin(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.stdin = Some(text.as_ref().to_vec());
        self
    }

    fn check(&mut self, check: Check) -> &mut Self {
        self.checks.push(check);
        self
    }

    /// It must print exactly this.
    pub(crate) fn stdout(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.check(Check::Stdout(text.as_ref().to_vec()))
    }

    /// It must print this among other things.
    pub(crate) fn stdout_has(&mut self, text: &str) -> &mut Self {
        self.check(Check::StdoutHas(text.to_owned()))
    }

    /// It must say exactly this.
    pub(crate) fn stderr(&mut self, text: &str) -> &mut Self {
        self.check(Check::Stderr(text.to_owned()))
    }

    /// It must say this among other things.
    pub(crate) fn stderr_has(&mut self, text: &str) -> &mut Self {
        self.check(Check::StderrHas(text.to_owned()))
    }

    /// It must not say this.
    pub(crate) fn stderr_lacks(&mut self, text: &str) -> &mut Self {
        self.check(Check::StderrLacks(text.to_owned()))
    }

    /// It must leave this file with exactly these contents.
    pub(crate) fn expect_file(&mut self, name: &str, contents: impl AsRef<[u8]>) -> &mut Self {
        self.check(Check::File(name.to_owned(), contents.as_ref().to_vec()))
    }

    /// It must leave this file, with this in it.
    pub(crate) fn expect_file_has(&mut self, name: &str, text: &str) -> &mut Self {
        self.check(Check::FileHas(name.to_owned(), text.to_owned()))
    }

    /// It must leave this file with this mode.
    pub(crate) fn expect_mode(&mut self, name: &str, mode: u32) -> &mut Self {
        self.check(Check::Mode(name.to_owned(), mode))
    }

    /// It must not leave this file.
    pub(crate) fn expect_absent(&mut self, name: &str) -> &mut Self {
        self.check(Check::Absent(name.to_owned()))
    }

    /// Runs the reference in the session's folder, with its home and these variables alone; gives what it prints. It must succeed.
    #[track_caller]
    pub(crate) fn reference(&self, reference: &OsStr, environment: &[(&str, &str)], arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(reference);
        command.args(arguments).env_clear().env("HOME", self.folder.path().join("home")).envs(environment.iter().copied());
        let output = command.current_dir(self.path(&self.working)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Encrypts `plain` with the reference and these options, and has both programs read what the other one wrote: `ours` is our file of the same text.
    #[track_caller]
    pub(crate) fn both_ways(&mut self, reference: &OsStr, environment: &[(&str, &str)], options: &[&str], ours: &str, plain: &str) {
        assert_eq!(String::from_utf8(self.reference(reference, environment, &["decrypt", ours])).unwrap(), plain);
        self.file("theirs.yaml", plain);
        let encrypted = self.reference(reference, environment, &[&["encrypt"], options, &["theirs.yaml"]].concat());
        self.file("theirs.yaml", encrypted).args(&["decrypt", "theirs.yaml"]).stdout(plain).exit(0);
    }

    /// The next command, ready to be started by hand.
    pub(crate) fn command(&self) -> Command {
        let mut command = match self.through.split_first() {
            Some((first, words)) => {
                let mut command = Command::new(first);
                command.args(words).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command.args(&self.arguments).env_clear().envs(&self.environment).current_dir(self.path(&self.working));
        command
    }

    /// Runs the command and checks its exit code and everything that was asked for.
    #[track_caller]
    pub(crate) fn exit(&mut self, code: i32) -> Done {
        let input = self.stdin.take();
        let mut command = self.command();
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // A command that fails early does not read it.
            let _ = stdin.write_all(&input);
        }
        let output = child.wait_with_output().unwrap();
        let done = Done {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap()),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        let told = format!("leafseal {}\nstderr: {}", self.arguments.join(" "), done.stderr);
        assert_eq!(done.code, code, "exit code of {told}");
        for check in std::mem::take(&mut self.checks) {
            self.verify(&check, &done, &told);
        }
        self.nothing_left_behind(&told);
        done
    }

    #[track_caller]
    fn verify(&self, check: &Check, done: &Done, told: &str) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match check {
            Check::Stdout(wanted) => assert_eq!(text(&done.stdout), text(wanted), "stdout of {told}"),
            Check::StdoutHas(wanted) => assert!(text(&done.stdout).contains(wanted), "no `{wanted}` in the output of {told}"),
            Check::Stderr(wanted) => assert_eq!(&done.stderr, wanted, "{told}"),
            Check::StderrHas(wanted) => assert!(done.stderr.contains(wanted), "no `{wanted}` in {told}"),
            Check::StderrLacks(unwanted) => assert!(!done.stderr.contains(unwanted), "`{unwanted}` in {told}"),
            Check::File(name, wanted) => assert_eq!(text(&self.read(name)), text(wanted), "{name} after {told}"),
            Check::FileHas(name, wanted) => {
                assert!(self.read_text(name).contains(wanted), "no `{wanted}` in {name} after {told}:\n{}", self.read_text(name));
            }
            Check::Mode(name, wanted) => {
                let mode = std::fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777;
                assert_eq!(format!("{mode:o}"), format!("{wanted:o}"), "mode of {name} after {told}");
            }
            Check::Absent(name) => assert!(!self.path(name).exists(), "{name} is there after {told}"),
        }
    }

    /// No temporary file stays beside the targets, no private folder where plaintext was edited.
    #[track_caller]
    fn nothing_left_behind(&self, told: &str) {
        for folder in [self.path(&self.working), self.folder.path().join("run"), PathBuf::from("/dev/shm")] {
            let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.file_name());
            let own =
                |name: &str| name.starts_with(".leafseal-") || (name.starts_with("leafseal-") && folder != Path::new("/dev/shm"));
            let left: Vec<_> = names.filter(|name| own(&name.to_string_lossy())).collect();
            assert!(left.is_empty(), "left in {}: {left:?} after {told}", folder.display());
        }
    }
}
