//! `leafseal config`.

use super::args::{InputArgs, KeyArgs, SelectorArgs};
use super::session::{Session, overrides};
use super::{format, work};
use crate::config;
use crate::document::json::{self, JsonIndent};
use crate::host::config_file;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files;
use std::path::PathBuf;

/// Show what the configuration means for a file
///
/// Which .sops.yaml, which rule and why the others are not used, the keys and the selection, with where each comes from. The file need not
/// exist. Fails when it could not be encrypted so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal config secrets/prod.yaml
  leafseal config --output-format json secrets/prod.yaml")]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    keys: KeyArgs,
    /// Profile of the AWS configuration for the AWS KMS keys
    #[arg(long, value_name = "PROFILE", help_heading = "Master keys")]
    aws_profile: Option<String>,
    #[command(flatten)]
    selectors: SelectorArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 1 when there is no policy for the file.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let file = match args.file.as_slice() {
        [file] => file,
        [] => return Err(work::no_file()),
        _ => return Err(usage("only one file can be explained at a time")),
    };
    let path = files::absolute(file);
    let format = format::choose(args.input.input_type.as_deref(), &path)?;
    let found = session.configs.of_file(&path)?;
    let given = overrides(&args.keys, args.aws_profile.as_deref(), &args.selectors, false)?;
    let explanation = config::explain(found.as_deref(), &config_file::file_path(&path, found.as_deref()), &given, format);
    if session.ui.json() {
        let text = json::emit(&explanation.node(), JsonIndent::Spaces(2)).map_err(|e| usage(e.to_string()))?;
        session.ui.data(text.as_bytes())?;
    } else {
        session.ui.data((explanation.lines().join("\n") + "\n").as_bytes())?;
    }
    match explanation.policy {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::quiet(exit::GENERIC)),
    }
}
