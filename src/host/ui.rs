//! Owns the terminal: stdout is data, stderr is talk.
//!
//! Colour is used where a stream is a terminal, `NO_COLOR` is empty and `TERM` is not `dumb`; on stdout for differences alone.

use super::env;
use super::exit;
use super::failure::{Failure, io_words};
use crate::secret::Secret;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::sync::Mutex;

/// How the program talks. One a process.
#[derive(Debug)]
pub struct Ui {
    colour: bool,
    colour_of_data: bool,
    json: bool,
    verbose: bool,
    called_sops: bool,
    passphrases: Mutex<HashMap<String, Secret<String>>>,
}

/// How a text on stdout looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Underlined.
    Heading,
    /// Green.
    Added,
    /// Red.
    Removed,
}

impl Ui {
    /// Talk as JSON lines or for people; `verbose` shows details.
    pub fn new(json: bool, verbose: bool) -> Self {
        let no_color = env::NO_COLOR.raw().is_some_and(|v| !v.is_empty());
        let dumb = env::TERM.raw().is_some_and(|v| v == "dumb");
        let plain = no_color || dumb || json;
        let colour = std::io::stderr().is_terminal() && !plain;
        let colour_of_data = std::io::stdout().is_terminal() && !plain;
        let called_sops = env::called_as().is_some_and(|name| name == "sops");
        Self { colour, colour_of_data, json, verbose, called_sops, passphrases: Mutex::default() }
    }

    /// The same, showing details or not.
    #[must_use]
    pub fn verbose(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }

    /// Whether the program was called by the name `sops`.
    pub fn is_called_sops(&self) -> bool {
        self.called_sops
    }

    /// The name by which the program was called: its own, or `sops`.
    pub fn name(&self) -> &'static str {
        if self.called_sops { "sops" } else { "leafseal" }
    }

    /// Prints a help text.
    ///
    /// # Errors
    /// As [`Ui::data`].
    pub fn help(&self, text: &str) -> Result<(), Failure> {
        self.data(self.in_own_name(text).as_bytes())
    }

    /// A text for people with the name by which the program was called.
    fn in_own_name<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.called_sops { Cow::Owned(under_the_name(text, "sops")) } else { Cow::Borrowed(text) }
    }

    /// Whether reports and errors are JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Shows a failure on stderr.
    pub fn failure(&self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        if self.json {
            talk(&self.in_own_name(&format!("{}\n", failure.json())));
        } else if let Some(line) = failure.line_of_sops.filter(|_| self.called_sops && !self.verbose) {
            talk(&format!("{}\n", line.text()));
        } else {
            talk(&self.in_own_name(&failure.render(self.colour)));
        }
    }

    /// Shows a warning on stderr.
    pub fn warning(&self, text: &str) {
        let text = self.in_own_name(text);
        if self.json {
            talk(&format!("{}\n", serde_json::json!({ "warning": text.as_ref() })));
        } else if self.colour {
            talk(&format!("\x1b[1;33mwarning:\x1b[0m {text}\n"));
        } else {
            talk(&format!("warning: {text}\n"));
        }
    }

    /// Says on stderr what was done.
    pub fn status(&self, text: &str) {
        let text = self.in_own_name(text);
        if self.json {
            talk(&format!("{}\n", serde_json::json!({ "status": text.as_ref() })));
        } else {
            talk(&format!("{text}\n"));
        }
    }

    /// Says on stderr what only `--verbose` shows.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            self.status(text);
        }
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// When stdout cannot take it; whoever closed a pipe wants no more, and the process ends without a word.
    pub fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| {
            if e.kind() == std::io::ErrorKind::BrokenPipe {
                end_as_a_broken_pipe()
            } else {
                Failure::new(exit::WRITE, "cannot write to standard output").io(&e)
            }
        })
    }

    /// Writes a report as one line of JSON to stdout.
    ///
    /// # Errors
    /// As [`Ui::data`].
    pub fn report(&self, report: &serde_json::Value) -> Result<(), Failure> {
        self.data(format!("{report}\n").as_bytes())
    }

    /// A text for stdout in a colour or style, if it is a terminal.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.colour_of_data {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Heading => 4,
            Paint::Added => 32,
            Paint::Removed => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Asks a question on stdout (on stderr when that is JSON) until the answer is yes or no.
    ///
    /// # Errors
    /// Exit 1 when there will be no answer.
    pub fn yes_or_no(&self, question: &str) -> Result<bool, Failure> {
        loop {
            if self.json {
                talk(question);
            } else {
                self.data(question.as_bytes())?;
            }
            let mut line = String::new();
            match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) => return Err(Failure::new(exit::GENERIC, "EOF: there is nobody to answer").hint("--yes needs no answer")),
                Ok(_) => {}
                Err(e) => return Err(Failure::new(exit::GENERIC, "cannot read the answer").io(&e)),
            }
            match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    }

    /// Whether standard input is a terminal.
    pub fn someone_types(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    /// Whether someone sits at the terminal and can answer.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a secret on the terminal, without echo, every time anew. `None`: there is nobody to ask.
    pub fn secret(&self, question: &str) -> Option<Secret<String>> {
        rpassword::prompt_password(format!("{question}: ")).ok().map(Secret::new)
    }

    /// Asks for a line on the terminal. `None`: there is nobody to ask.
    pub fn line(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        talk(&format!("{question}: "));
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).ok()?;
        if read == 0 { None } else { Some(line.trim_end_matches(['\r', '\n']).to_owned()) }
    }

    /// Shows `text` and waits for the Enter key. False: there will be no answer.
    pub fn wait_for_enter(&self, text: &str) -> bool {
        talk(text);
        let mut byte = [0u8];
        loop {
            match std::io::stdin().lock().read(&mut byte) {
                Ok(0) => return false,
                Ok(_) if byte == *b"\n" => return true,
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Asks for a passphrase on the terminal, without echo; once a process for each label, then the answer is remembered.
    ///
    /// # Errors
    /// When there is no terminal, in words.
    pub fn passphrase(&self, label: &str) -> Result<Secret<String>, String> {
        let mut known = self.passphrases.lock().map_err(|_| String::from("an earlier prompt failed"))?;
        if let Some(passphrase) = known.get(label) {
            return Ok(passphrase.clone());
        }
        let answer = rpassword::prompt_password(format!("Enter passphrase for {label}: "))
            .map(Secret::new)
            .map_err(|e| format!("no terminal to ask for the passphrase of {label}: {}", io_words(&e)))?;
        known.insert(label.to_owned(), answer.clone());
        Ok(answer)
    }
}

/// Command lines in a text, with the program called `name`: behind a backtick, "usage:" or blanks at the beginning of a line.
fn under_the_name(text: &str, name: &str) -> String {
    const OWN: &str = "leafseal ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OWN) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let line = out.rsplit('\n').next().unwrap_or_default();
        let is_command = line.ends_with('`') || line.ends_with("sage: ") || line.trim_start().is_empty();
        out.push_str(if is_command { name } else { OWN.trim_end() });
        rest = &found[OWN.len() - 1..];
    }
    out + rest
}

/// Writes to stderr; if nobody listens, so be it.
fn talk(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Ends as every other program ends whose reader went away.
fn end_as_a_broken_pipe() -> Failure {
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
    Failure::quiet(exit::WRITE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_have_the_name_by_which_the_program_was_called() {
        let text = "Usage: leafseal set F\n       leafseal set G\nhint: `leafseal edit f` or leafseal alone: /leafseal f";
        let told = "Usage: sops set F\n       sops set G\nhint: `sops edit f` or leafseal alone: /leafseal f";
        assert_eq!(under_the_name(text, "sops"), told);
    }
}
