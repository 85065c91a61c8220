//! Owns child processes: splitting command lines as a shell does (without a shell), finding programs, reading their output.

use super::env;
use super::failure::io_words;
use crate::secret::Secret;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use zeroize::Zeroizing;

/// The most output that is read from a command that prints keys: 16 MiB.
const LARGEST_OUTPUT: u64 = 16 << 20;

/// Splits a command line into words as a shell does.
///
/// # Errors
/// In words, when quotes are not closed or there is no word.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let words = shell_words::split(line).map_err(|_| String::from("a quote is not closed"))?;
    if words.is_empty() { Err(String::from("it is empty")) } else { Ok(words) }
}

/// Finds a program: a name with a slash is a path, others are looked for in the absolute folders of `PATH` (never in the
/// working folder).
pub fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let program = program.as_ref();
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    let path = env::PATH.raw()?;
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(program)).find(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Runs a command for what it prints. Its stdin is empty, its stderr ours.
///
/// # Errors
/// In words that name the program but neither its arguments nor its output.
pub fn output(line: &str, variables: &[(&str, &str)]) -> Result<Secret<Vec<u8>>, String> {
    let words = split(line)?;
    let program = &words[0];
    let found = find(program).ok_or_else(|| format!("cannot find the program `{program}`"))?;
    let mut child = Command::new(found)
        .args(&words[1..])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start `{program}`: {}", io_words(&e)))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(LARGEST_OUTPUT + 1).read_to_end(&mut bytes),
        None => Ok(0),
    };
    let status = child.wait().map_err(|e| format!("cannot wait for `{program}`: {}", io_words(&e)))?;
    read.map_err(|e| format!("cannot read what `{program}` prints: {}", io_words(&e)))?;
    if bytes.len() as u64 > LARGEST_OUTPUT {
        return Err(format!("`{program}` prints more than 16 MiB"));
    }
    if !status.success() {
        return Err(format!("`{program}` {}", ended(status)));
    }
    Ok(Secret::new(bytes.to_vec()))
}

/// What a program that was given an input answered.
#[derive(Debug)]
pub struct Exchanged {
    /// Whether it ended well.
    pub success: bool,
    /// Its standard output.
    pub output: Secret<Vec<u8>>,
    /// Its standard error, line by line.
    pub said: Vec<String>,
}

/// Runs a program with an input and takes what it answers.
///
/// # Errors
/// In words, when it cannot be started or read; not when it fails.
pub fn exchange(program: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Result<Exchanged, String> {
    let name = program.display();
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start `{name}`: {}", io_words(&e)))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let mut said = Vec::new();
    let read = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends without reading says why on its standard error.
            stdin.map(|mut pipe| pipe.write_all(input))
        });
        scope.spawn(|| stderr.map(|pipe| pipe.take(LARGEST_OUTPUT).read_to_end(&mut said)));
        stdout.map_or(Ok(0), |pipe| pipe.take(LARGEST_OUTPUT).read_to_end(&mut bytes))
    });
    let status = child.wait().map_err(|e| format!("cannot wait for `{name}`: {}", io_words(&e)))?;
    read.map_err(|e| format!("cannot read what `{name}` prints: {}", io_words(&e)))?;
    let said = String::from_utf8_lossy(&said).lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    Ok(Exchanged { success: status.success(), output: Secret::new(bytes.to_vec()), said })
}

/// How a process ended, in words that follow its name.
pub fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => {
            let name = signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
            format!("was ended by {name}")
        }
        (None, None) => String::from("ended in an unknown way"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_without_a_shell() {
        assert_eq!(split("code --wait 'a b'").expect("splits"), ["code", "--wait", "a b"]);
        assert!(split("code 'a").is_err());
        assert!(split("  ").is_err());
    }

    #[test]
    fn output_is_what_the_command_prints() {
        let out = output("printf '%s' \"a b\"", &[]).expect("runs");
        assert_eq!(out.expose(), b"a b");
    }

    #[test]
    fn a_failing_command_is_named_without_its_arguments() {
        let error = output("sh -c 'exit 3' hunter2", &[]).expect_err("fails");
        assert_eq!(error, "`sh` exited with status 3");
        assert_eq!(
            output("/no/such/program hunter2", &[]).expect_err("fails"),
            "cannot start `/no/such/program`: no such file or directory"
        );
    }

    #[test]
    fn an_exchange_never_blocks_on_its_pipes() {
        let input = vec![b'x'; 1 << 20];
        let shell = find("sh").expect("a shell");
        let answered = exchange(&shell, &["-c", "cat; echo said >&2"], &[], &input).expect("runs");
        assert!(answered.success && answered.output.expose() == &input);
        assert_eq!(answered.said, ["said"]);
        let answered = exchange(&shell, &["-c", "echo no >&2; exit 2"], &[], &input).expect("runs");
        assert!(!answered.success && answered.said == ["no"]);
        assert!(exchange(Path::new("/no/such/program"), &[], &[], b"").is_err());
    }

    #[test]
    fn variables_reach_the_command() {
        let out = output("sh -c 'printf %s \"$SOPS_AGE_RECIPIENT\"'", &[("SOPS_AGE_RECIPIENT", "age1x")]).expect("runs");
        assert_eq!(out.expose(), b"age1x");
    }
}
