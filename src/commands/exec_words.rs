//! Owns what `exec-env` and `exec-file` have in common: their options, and which words are files and which are the command.

use super::work::Input;
use crate::host::failure::{Failure, usage};
use crate::host::run::Words;
use crate::host::ui::Ui;
use std::ffi::OsString;

/// Options of both.
#[derive(Debug, clap::Args)]
pub struct ExecArgs {
    /// What is decrypted, and the command
    #[arg(value_name = "FILE COMMAND", num_args = 0..)]
    words: Vec<OsString>,
    /// A program and its arguments, without a shell
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
    /// Give the command nothing of our own environment
    #[arg(long)]
    pub pristine: bool,
    /// Run the command as this user
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Start the command and do not wait for it (deprecated)
    #[arg(long)]
    background: bool,
}

impl ExecArgs {
    /// The words, taken apart.
    ///
    /// # Errors
    /// Exit 1 when one of them is missing, or there are several files where only one can be.
    pub fn read(&self, several: bool) -> Result<ExecWords, Failure> {
        ExecWords::read(&self.words, &self.program, several)
    }

    /// Whether the command is not waited for; says that this is deprecated.
    pub fn in_background(&self, ui: &Ui) -> bool {
        if self.background {
            ui.warning("--background is deprecated: sops will drop it");
        }
        self.background
    }
}

/// What is to be decrypted, and what is to be run with it.
#[derive(Debug)]
pub struct ExecWords {
    /// At least one file.
    pub inputs: Vec<Input>,
    /// The command.
    pub command: Words,
}

impl ExecWords {
    /// `FILE COMMAND` for the shell, as in sops, or `FILE... -- PROGRAM ARGUMENT...`: `program` is what stood behind the dashes.
    ///
    /// # Errors
    /// Exit 1 when one of them is missing, or there are several files where only one can be.
    fn read(words: &[OsString], program: &[OsString], several: bool) -> Result<Self, Failure> {
        // With nothing before them, the dashes end the options and no more.
        let (words, program) = if words.is_empty() { (program, words) } else { (words, program) };
        let (files, command) = match (words, program) {
            (files, [_, ..]) => (files, Words::Program(program.to_vec())),
            ([_, command], []) => (&words[..1], Words::Shell(command.clone())),
            ([_, _, ..], []) => {
                return Err(usage("error: missing file to decrypt, or too many words: expected one FILE and one COMMAND")
                    .hint("put a command of several words into quotes, or behind `--`: FILE -- PROGRAM ARGUMENT..."));
            }
            _ => {
                return Err(usage("error: missing file to decrypt, or command to run")
                    .hint("FILE 'COMMAND' runs a line in the shell, FILE -- PROGRAM ARGUMENT... a program"));
            }
        };
        match files {
            [_, _, ..] if !several => Err(usage("only one file can be decrypted for a command")),
            files => Ok(Self { inputs: files.iter().map(Input::of).collect(), command }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str], program: &[&str], several: bool) -> Result<(usize, Words), String> {
        let owned = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        ExecWords::read(&owned(words), &owned(program), several)
            .map(|read| (read.inputs.len(), read.command))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn one_word_is_for_the_shell_and_what_follows_dashes_is_a_program() {
        assert_eq!(read(&["f", "a b"], &[], true), Ok((1, Words::Shell("a b".into()))));
        assert_eq!(read(&["f", "g"], &["a", "--", "b"], true), Ok((2, Words::Program(vec!["a".into(), "--".into(), "b".into()]))));
        assert_eq!(read(&[], &["f", "a b"], true), Ok((1, Words::Shell("a b".into()))));
    }

    #[test]
    fn what_is_missing_is_said() {
        for words in [&[][..], &["f"], &["f", "a", "b"]] {
            assert!(read(words, &[], true).expect_err("incomplete").contains("missing file to decrypt"), "{words:?}");
        }
        assert!(read(&["f", "g"], &["a"], false).expect_err("two files").contains("only one file"));
    }
}
