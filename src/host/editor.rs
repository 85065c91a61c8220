//! Owns the editor session: which editor, the private file it gets, and what happens when it comes back.

use super::child;
use super::env;
use super::exit;
use super::failure::{Failure, io_words};
use super::files;
use super::private::PrivateFile;
use super::signals;
use super::ui::Ui;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the edited text was refused for.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub failure: Failure,
    /// The line at which the editor opens again.
    pub line: Option<u32>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, line: None }
    }
}

/// An editor and its arguments.
#[derive(Debug)]
struct Editor {
    program: PathBuf,
    arguments: Vec<String>,
}

/// Lets the user edit a text until `accept` takes it.
///
/// A text that is refused is offered again with the edits kept, as long as there is a terminal to ask at; without one the
/// session fails with what `accept` said.
///
/// # Errors
/// Exit 200 when the text is as it was, 201 when there is no editor or it failed.
pub fn edit<T>(ui: &Ui, name: &str, original: &[u8], mut accept: impl FnMut(&[u8]) -> Result<T, Refused>) -> Result<T, Failure> {
    let editor = Editor::find()?;
    let file = PrivateFile::create(name, original)?;
    if !file.in_memory() {
        ui.detail("note: there is no folder in memory for the plaintext; it lies in the temporary folder while it is edited");
    }
    let mut line = None;
    loop {
        let started = Instant::now();
        editor.run(file.path(), line)?;
        let edited = files::read(file.path())?;
        if edited == original {
            return Err(unchanged(started.elapsed()));
        }
        let refused = match accept(&edited) {
            Ok(done) => return Ok(done),
            Err(refused) => refused,
        };
        if !ui.can_ask() {
            return Err(refused.failure.hint("nothing was saved"));
        }
        ui.failure(&refused.failure);
        if !ui.wait_for_enter("\nPress Enter to return to the editor, or Ctrl+C to give up the changes.\n") {
            return Err(Failure::new(exit::GENERIC, "nothing was saved"));
        }
        line = refused.line;
    }
}

fn unchanged(after: Duration) -> Failure {
    let failure = Failure::new(exit::UNCHANGED, "the file has not changed");
    if after < Duration::from_secs(1) {
        failure
            .hint("the editor came back at once: if it opens a window of its own, tell it to wait, as in SOPS_EDITOR='code --wait'")
    } else {
        failure
    }
}

impl Editor {
    fn find() -> Result<Self, Failure> {
        for variable in [env::SOPS_EDITOR, env::EDITOR] {
            if let Some(line) = variable.text()? {
                let invalid = |why: String| Failure::new(exit::EDITOR, format!("invalid {}: {why}", variable.name));
                let mut words = child::split(&line).map_err(invalid)?;
                let program = words.remove(0);
                let found = child::find(&program).ok_or_else(|| invalid(format!("cannot find the program `{program}`")))?;
                return Ok(Self { program: found, arguments: words });
            }
        }
        ["vim", "nano", "vi"].into_iter().find_map(child::find).map(|program| Self { program, arguments: Vec::new() }).ok_or_else(
            || {
                Failure::new(exit::EDITOR, "no editor found: neither `vim` nor `nano` nor `vi` is on the PATH")
                    .hint("name one in SOPS_EDITOR or EDITOR, as in EDITOR='code --wait'")
            },
        )
    }

    fn run(&self, file: &Path, line: Option<u32>) -> Result<(), Failure> {
        let shown = self.program.display();
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        let kind = self.kind();
        if kind == Kind::Vim {
            // No swap file, no viminfo, no undo and backup files: they would hold the plaintext in other places.
            command.args(["-n", "-i", "NONE", "-c", "silent! set nobackup nowritebackup | silent! set noundofile"]);
        }
        if let Some(line) = line.filter(|_| kind != Kind::Other) {
            command.arg(format!("+{line}"));
        }
        let cannot = |e: &std::io::Error| Failure::new(exit::EDITOR, format!("cannot start the editor {shown}: {}", io_words(e)));
        let mut child = command.arg(file).spawn().map_err(|e| cannot(&e))?;
        let running = signals::editor_runs(child.id());
        let status = child.wait().map_err(|e| cannot(&e))?;
        drop(running);
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(exit::EDITOR, format!("the editor {shown} {}; nothing was saved", child::ended(status))))
    }

    fn kind(&self) -> Kind {
        // `vi` is vim on many systems.
        let real = std::fs::canonicalize(&self.program).unwrap_or_else(|_| self.program.clone());
        let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match name.as_str() {
            "nano" | "vi" | "emacs" | "busybox" => Kind::TakesLine,
            "vimdiff" => Kind::Other,
            _ if name.starts_with("vim") || name.starts_with("nvim") => Kind::Vim,
            _ => Kind::Other,
        }
    }
}

/// What is known of an editor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// vim and its kin: told to leave no files, takes `+LINE`.
    Vim,
    /// Takes `+LINE`.
    TakesLine,
    /// Nothing.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_that_comes_back_at_once_gets_a_hint() {
        assert_eq!(unchanged(Duration::from_millis(20)).hints.len(), 1);
        assert!(unchanged(Duration::from_secs(9)).hints.is_empty());
        assert_eq!(unchanged(Duration::from_secs(9)).exit, exit::UNCHANGED);
    }
}
