//! Owns running a command for `exec-env` and `exec-file`: through the shell or not, as whom, with which variables, and what its end
//! means for ours.

use super::child;
use super::env;
use super::exit::{self, Exit};
use super::failure::{Failure, io_words};
use super::signals;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// One line for `/bin/sh -c`.
    Shell(OsString),
    /// A program and its arguments, without a shell; never empty.
    Program(Vec<OsString>),
}

/// A command with its surroundings.
pub struct Job {
    command: Command,
    name: String,
    shell: bool,
}

impl Words {
    /// The words with `{}` replaced by a path, everywhere.
    #[must_use]
    pub fn with_path(&self, path: &OsStr) -> Self {
        match self {
            Self::Shell(line) => Self::Shell(replaced(line, path)),
            Self::Program(words) => Self::Program(words.iter().map(|word| replaced(word, path)).collect()),
        }
    }
}

impl Job {
    /// A command that inherits this process's environment unless `pristine`.
    ///
    /// # Errors
    /// Exit 127 when there is no such program on the `PATH`.
    pub fn new(words: &Words, pristine: bool) -> Result<Self, Failure> {
        let (mut command, name, shell) = match words {
            Words::Shell(line) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(line);
                (command, String::from("/bin/sh"), true)
            }
            Words::Program(words) => {
                let program = words.first().cloned().unwrap_or_default();
                let name = program.to_string_lossy().into_owned();
                let found = child::find(&program).ok_or_else(|| not_found(&name))?;
                let mut command = Command::new(found);
                command.arg0(&program).args(words.iter().skip(1));
                (command, name, false)
            }
        };
        if pristine {
            command.env_clear();
        }
        Ok(Self { command, name, shell })
    }

    /// Adds variables; later ones win.
    pub fn variables<N: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, variables: impl IntoIterator<Item = (N, V)>) {
        self.command.envs(variables);
    }

    /// Runs it with our standard streams and waits for its end; signals that reach us reach it.
    ///
    /// # Errors
    /// With the command's exit code, without a word; 255 when a signal ended it; 126 when it cannot be started.
    pub fn run(mut self) -> Result<(), Failure> {
        let signals = signals::command_starts();
        let mut child = self.command.spawn().map_err(|e| self.cannot_start(&e))?;
        signals.started(child.id());
        signals.wait(child.id());
        // From here on its process id may be another's.
        drop(signals);
        let status = child.wait().map_err(|e| self.cannot_start(&e))?;
        self.ended(status)
    }

    /// Starts it without our standard streams, and does not wait.
    ///
    /// # Errors
    /// Exit 126 when it cannot be started.
    pub fn start(mut self) -> Result<(), Failure> {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.spawn().map(drop).map_err(|e| self.cannot_start(&e))
    }

    /// Becomes it. Comes back only to say why not.
    pub fn replace(mut self) -> Failure {
        let error = self.command.exec();
        self.cannot_start(&error)
    }

    fn ended(&self, status: ExitStatus) -> Result<(), Failure> {
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => Err(Failure::quiet(Exit(u8::try_from(code).unwrap_or(1)))),
            None => {
                let name = if self.shell { "the command" } else { self.name.as_str() };
                let core = if status.core_dumped() { " (core dumped)" } else { "" };
                Err(Failure::new(exit::SIGNALLED, format!("{name} {}{core}", child::ended(status))).named())
            }
        }
    }

    fn cannot_start(&self, error: &std::io::Error) -> Failure {
        if error.kind() == std::io::ErrorKind::NotFound {
            return not_found(&self.name);
        }
        Failure::new(exit::CANNOT_RUN, format!("cannot run {}: {}", self.name, io_words(error))).named()
    }
}

/// Starts this program once more, with the same arguments but for one option, apart from the terminal, and does not wait for it.
///
/// # Errors
/// Exit 126 when it cannot be started.
pub fn again_without(option: &str) -> Result<(), Failure> {
    let cannot = |e: std::io::Error| Failure::new(exit::CANNOT_RUN, "cannot start leafseal again").named().io(&e);
    let mut before_dashes = true;
    let arguments = env::arguments().into_iter().filter(|word| {
        before_dashes &= word != "--";
        !(before_dashes && word.to_string_lossy().trim_start_matches('-') == option && word.as_encoded_bytes().starts_with(b"-"))
    });
    let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop).map_err(cannot)
}

fn not_found(name: &str) -> Failure {
    Failure::new(exit::NO_COMMAND, format!("cannot find the program `{name}`")).named()
}

fn replaced(text: &OsStr, path: &OsStr) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let (mut rest, mut out) = (text.as_bytes(), Vec::with_capacity(text.len() + path.len()));
    while let Some(at) = memchr::memmem::find(rest, b"{}") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(path.as_bytes());
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(words: &[&str]) -> Words {
        Words::Program(words.iter().map(OsString::from).collect())
    }

    fn exit_of(words: &Words) -> u8 {
        Job::new(words, false).and_then(Job::run).map_or_else(|failure| failure.exit.0, |()| 0)
    }

    #[test]
    fn the_end_of_a_command_is_ours() {
        assert_eq!(exit_of(&Words::Shell("exit 7".into())), 7);
        assert_eq!(exit_of(&Words::Shell("exit 0".into())), 0);
        assert_eq!(exit_of(&Words::Shell("kill -KILL $$".into())), 255);
        assert_eq!(exit_of(&program(&["sh", "-c", "exit 9"])), 9);
        assert_eq!(exit_of(&program(&["no-such-program-here"])), 127);
        assert_eq!(exit_of(&program(&["/no/such/program"])), 127);
        assert_eq!(exit_of(&program(&["/etc"])), 126);
    }

    #[test]
    fn a_path_takes_every_place() {
        let path = OsStr::new("/tmp/a b");
        assert_eq!(Words::Shell("cat {} '{}'".into()).with_path(path), Words::Shell("cat /tmp/a b '/tmp/a b'".into()));
        assert_eq!(program(&["x", "--file={}", "{"]).with_path(path), program(&["x", "--file=/tmp/a b", "{"]));
    }
}
