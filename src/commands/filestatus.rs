//! `leafseal filestatus`.

use super::args::InputArgs;
use super::format;
use super::session::Session;
use super::work;
use crate::file::EncryptedFile;
use crate::host::exit;
use crate::host::failure::Failure;
use crate::host::files;
use std::path::{Path, PathBuf};

/// Say whether files are encrypted
///
/// Prints {"encrypted":true} or {"encrypted":false}; for several files one line each, with the file's name. No keys are needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal filestatus secrets.yaml
  leafseal filestatus *.yaml | grep false            those in clear")]
pub struct Args {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 1 when a file cannot be read as its format.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if args.files.is_empty() {
        return Err(work::no_file());
    }
    session.configs.of_working_folder()?;
    let named = args.files.len() > 1;
    work::each(session.ui, &args.files, |file| {
        let encrypted = status(file, args.input.input_type.as_deref())?;
        session.ui.report(&if named {
            serde_json::json!({ "file": files::shown(file), "encrypted": encrypted })
        } else {
            serde_json::json!({ "encrypted": encrypted })
        })
    })
}

fn status(file: &Path, input_type: Option<&str>) -> Result<bool, Failure> {
    let generic = |failure: Failure| Failure { exit: exit::GENERIC, ..failure };
    let from = format::choose(input_type, &files::absolute(file))?;
    let text = files::read(file).map_err(generic)?;
    EncryptedFile::status(&text, from).map_err(|e| generic(Failure::from(e).about(&files::shown(file))))
}
