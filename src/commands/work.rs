//! Owns what the commands over files have in common: which files, in which order the checks come, where the result goes, and
//! going on after a failure.

use super::args::WriteArgs;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use crate::host::ui::Ui;
use std::path::{Path, PathBuf};

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// Where the result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// Each file is replaced.
    InPlace,
}

/// What to read and where to write.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At least one; several only with [`Output::InPlace`].
    pub inputs: Vec<Input>,
    /// Where to.
    pub output: Output,
}

/// What a command allows.
#[derive(Clone, Copy, Debug)]
pub struct Allows {
    /// Standard input, when no file is named.
    pub stdin: bool,
    /// Standard input only with `--filename-override`.
    pub stdin_needs_name: bool,
}

impl Plan {
    /// Settles what the arguments say, in the order of sops's checks.
    ///
    /// # Errors
    /// Exit 100 without a file, 8 for options that exclude each other, 1 for several files without `--in-place`.
    pub fn new(named: &[PathBuf], write: &WriteArgs, name: Option<&Path>, allows: Allows) -> Result<Self, Failure> {
        let stdin = Path::new("-");
        if named.is_empty() && !allows.stdin {
            return Err(no_file());
        }
        if named.is_empty() || named.iter().any(|file| file == stdin) {
            if !allows.stdin {
                return Err(conflict("this command does not read standard input"));
            }
            if named.len() > 1 {
                return Err(usage("cannot mix standard input (`-`) with other files"));
            }
            if write.in_place {
                return Err(conflict("cannot use --in-place when reading from stdin"));
            }
            if allows.stdin_needs_name && name.is_none() {
                return Err(conflict("must specify --filename-override when reading from stdin"));
            }
        }
        if write.in_place && write.output.is_some() {
            return Err(conflict("cannot operate on both --output and --in-place"));
        }
        if named.len() > 1 && !write.in_place {
            return Err(
                usage("several files can only be written back to themselves").hint("add --in-place, or name one file at a time")
            );
        }
        if named.len() > 1 && name.is_some() {
            return Err(conflict("--filename-override can only be used with one file"));
        }
        let inputs = named.iter().map(Input::of).collect();
        let output = match &write.output {
            Some(path) if path == stdin || path == Path::new("/dev/stdout") => Output::Stdout,
            Some(path) => Output::File(path.clone()),
            None if write.in_place => Output::InPlace,
            None => Output::Stdout,
        };
        Ok(Self { inputs: if named.is_empty() { vec![Input::Stdin] } else { inputs }, output })
    }

    /// Does `work` for each input and goes on after failures, which are shown as they come.
    ///
    /// # Errors
    /// The failure of a single input; of several, a summary with the exit code of the first that failed.
    pub fn each(&self, ui: &Ui, mut work: impl FnMut(&Input) -> Result<(), Failure>) -> Result<(), Failure> {
        each(ui, &self.inputs, |input| work(input).map_err(|failure| failure.about(&input.name())))
    }

    /// Writes the result for an input.
    ///
    /// # Errors
    /// Exit 3.
    pub fn write(&self, ui: &Ui, input: &Input, bytes: &[u8], content: Content) -> Result<(), Failure> {
        match (&self.output, input) {
            (Output::File(path), _) | (Output::InPlace, Input::File(path)) => files::write(path, bytes, content),
            (Output::Stdout, _) | (Output::InPlace, Input::Stdin) => ui.data(bytes),
        }
    }
}

impl Input {
    /// What a word of the command line names: `-` is standard input.
    pub fn of(word: impl AsRef<Path>) -> Self {
        let path = word.as_ref();
        if path == Path::new("-") { Self::Stdin } else { Self::File(path.to_owned()) }
    }

    /// The input's name for messages.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => String::from("standard input"),
            Self::File(path) => files::shown(path),
        }
    }

    /// The name that decides the format and the creation rule: `--filename-override`, else the file's own; absolute.
    pub fn path(&self, name: Option<&Path>) -> PathBuf {
        match (name, self) {
            (Some(path), _) => files::absolute(path),
            (None, Self::File(path)) => files::absolute(path),
            (None, Self::Stdin) => PathBuf::new(),
        }
    }

    /// The file itself; empty for standard input.
    pub fn file(&self) -> &Path {
        match self {
            Self::Stdin => Path::new(""),
            Self::File(path) => path,
        }
    }

    /// Reads it all; says so when someone has to type it.
    ///
    /// # Errors
    /// Exit 2.
    pub fn read(&self, ui: &Ui) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Stdin => {
                if ui.someone_types() {
                    ui.status("reading standard input; Ctrl+D ends it");
                }
                files::read_stdin()
            }
            Self::File(path) => files::read(path),
        }
    }

    /// Refuses a file that is not there, as encrypt and decrypt of sops do.
    ///
    /// # Errors
    /// Exit 100.
    pub fn must_exist(&self) -> Result<(), Failure> {
        match self {
            Self::File(path) if !files::exists(path) => {
                Err(Failure::new(exit::NO_FILE, format!("cannot operate on non-existent file \"{}\"", files::shown(path))).named())
            }
            _ => Ok(()),
        }
    }
}

/// Does `work` for each of several things and goes on after failures, which are shown as they come.
///
/// # Errors
/// The failure of a single one; of several, a summary with the exit code of the first that failed.
pub fn each<T>(ui: &Ui, things: &[T], mut work: impl FnMut(&T) -> Result<(), Failure>) -> Result<(), Failure> {
    if let [only] = things {
        return work(only);
    }
    let mut failed = 0;
    let mut first = exit::SUCCESS;
    for thing in things {
        if let Err(failure) = work(thing) {
            ui.failure(&failure);
            failed += 1;
            if first == exit::SUCCESS {
                first = failure.exit;
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(first, format!("{failed} of {} files failed", things.len()))),
    }
}

/// No file was named: exit 100.
pub fn no_file() -> Failure {
    Failure::new(exit::NO_FILE, "no file specified")
}

/// Options that exclude each other: exit 8.
pub fn conflict(message: &str) -> Failure {
    Failure::new(exit::CONFLICT, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCRYPT: Allows = Allows { stdin: true, stdin_needs_name: true };

    fn exit_of(files: &[&str], in_place: bool, output: Option<&str>, name: Option<&str>) -> u8 {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let write = WriteArgs { in_place, output: output.map(PathBuf::from) };
        Plan::new(&files, &write, name.map(Path::new), ENCRYPT).map_or_else(|f| f.exit.0, |_| 0)
    }

    #[test]
    fn conflicts_have_the_exit_codes_of_sops() {
        assert_eq!(exit_of(&[], false, None, None), 8);
        assert_eq!(exit_of(&[], true, None, Some("a.yaml")), 8);
        assert_eq!(exit_of(&["-"], true, None, Some("a.yaml")), 8);
        assert_eq!(exit_of(&["a"], true, Some("b"), None), 8);
        assert_eq!(exit_of(&[], false, None, Some("a.yaml")), 0);
        assert_eq!(exit_of(&["a"], true, None, None), 0);
    }

    #[test]
    fn several_files_are_never_only_the_first() {
        assert_eq!(exit_of(&["a", "b"], false, None, None), 1);
        assert_eq!(exit_of(&["a", "b"], false, Some("c"), None), 1);
        assert_eq!(exit_of(&["a", "-"], false, None, Some("x")), 1);
        assert_eq!(exit_of(&["a", "b"], true, None, None), 0);
    }

    #[test]
    fn one_failure_does_not_stop_the_others() {
        let ui = Ui::new(true, false);
        let mut seen = Vec::new();
        let result = each(&ui, &[1u8, 2, 3], |n| {
            seen.push(*n);
            if *n == 1 { Ok(()) } else { Err(Failure::quiet(exit::Exit(40 + n))) }
        });
        assert_eq!(seen, [1, 2, 3]);
        let failure = result.expect_err("two failed");
        assert_eq!((failure.exit.0, failure.message.as_str()), (42, "2 of 3 files failed"));
    }
}
