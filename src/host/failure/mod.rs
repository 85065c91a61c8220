//! Owns [`Failure`]: what a command ends with when it cannot do its work, and how it is shown.
//!
//! `error:` what; what belongs to it, indented; `caused by:`; an empty line; `hint:` what to do next. Which exit code and
//! which hint belong to a library error is decided here and nowhere else. No text of a document, no value and no key
//! reaches a failure: positions and key paths only.

mod from;

use super::exit::{self, Exit};
use crate::keys::words::without_number;

/// Why a command could not do its work.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, one line without a full stop. Empty: nothing is shown (a broken pipe).
    pub message: String,
    /// Lines that belong to the message, shown indented.
    pub details: Vec<String>,
    /// What was behind it, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// Where the name of the file it is about goes.
    pub named: Named,
    /// The very line that sops says, where scripts are known to look for it: under the name `sops` it stands for all the rest.
    pub line_of_sops: Option<LineOfSops>,
}

/// A line of sops that scripts compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOfSops {
    /// A creation rule gives no key.
    EmptyGroup,
}

impl LineOfSops {
    /// The line.
    pub fn text(self) -> &'static str {
        match self {
            Self::EmptyGroup => "Could not generate data key: [empty key group provided]",
        }
    }
}

/// Where the name of a file goes in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It is there, or there is none.
    Already,
    /// Before it.
    Before,
    /// At its end, after "of".
    AtEnd,
}

impl Failure {
    /// A failure with nothing but a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            causes: Vec::new(),
            hints: Vec::new(),
            named: Named::Before,
            line_of_sops: None,
        }
    }

    /// An end without a word.
    pub fn quiet(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Adds a line that belongs to the message.
    #[must_use]
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Adds what was behind it.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds an operating system error as the cause.
    #[must_use]
    pub fn io(self, error: &std::io::Error) -> Self {
        let text = io_words(error);
        self.cause(text)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says that the message names its file, or is about none.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.named = Named::Already;
        self
    }

    /// The same failure with the name of the file it is about in its message.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        match std::mem::replace(&mut self.named, Named::Already) {
            Named::Already => {}
            Named::Before if self.message.is_empty() => {}
            Named::Before => self.message = format!("{name}: {}", self.message),
            Named::AtEnd => self.message = format!("{} of {name}", self.message),
        }
        self
    }

    /// The failure as text; `red` and `bold` switch colour on.
    pub fn render(&self, colour: bool) -> String {
        if self.message.is_empty() {
            return String::new();
        }
        let (red, cyan, off) = if colour { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
        let mut out = format!("{red}error:{off} {}\n", self.message);
        for line in &self.details {
            out.push_str(&if line.is_empty() { String::from("\n") } else { format!("  {line}\n") });
        }
        for cause in &self.causes {
            out.push_str(&format!("caused by: {cause}\n"));
        }
        if !self.hints.is_empty() {
            out.push('\n');
        }
        for hint in &self.hints {
            out.push_str(&format!("{cyan}hint:{off} {hint}\n"));
        }
        out
    }

    /// The failure as one line of JSON.
    pub fn json(&self) -> String {
        serde_json::json!({
            "error": self.message, "exit": self.exit.0, "details": self.details, "causes": self.causes, "hints": self.hints,
        })
        .to_string()
    }
}

/// An operating system error in words, without Rust's `(os error 2)` and without the path that tempfile adds.
pub fn io_words(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|e| e.source()).and_then(|e| e.downcast_ref::<std::io::Error>());
    let text = inner.unwrap_or(error).to_string();
    let text = without_number(&text);
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// A usage error: exit 1, as in sops.
pub fn usage(message: impl Into<String>) -> Failure {
    Failure::new(exit::GENERIC, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_from_what_to_what_to_do() {
        let failure = Failure::new(exit::NO_KEY, "no key for a.yaml")
            .detail("age1x  no identity")
            .cause("file not found")
            .hint("ask an owner");
        assert_eq!(
            failure.render(false),
            "error: no key for a.yaml\n  age1x  no identity\ncaused by: file not found\n\nhint: ask an owner\n"
        );
        assert_eq!(failure.render(true).matches("\x1b[0m").count(), 2);
    }

    #[test]
    fn the_name_of_a_file_comes_into_the_message_once() {
        assert_eq!(Failure::new(exit::MAC, "bad").about("a").about("a").message, "a: bad");
        assert_eq!(Failure::new(exit::MAC, "cannot read a").named().about("a").message, "cannot read a");
        assert_eq!(Failure { named: Named::AtEnd, ..Failure::new(exit::MAC, "no key") }.about("a").message, "no key of a");
    }

    #[test]
    fn os_errors_are_plain_words() {
        assert_eq!(io_words(&std::io::Error::from_raw_os_error(2)), "no such file or directory");
    }

    #[test]
    fn the_json_form_is_one_line() {
        let line = Failure::new(exit::MAC, "x\ny").json();
        assert!(!line.contains('\n'));
        assert!(line.contains("\"exit\":51"));
    }
}
