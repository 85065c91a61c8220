//! `leafseal exec-env`.

use super::args::{InputArgs, OrderArgs, ServiceArgs, flatten_separator};
use super::exec_words::ExecArgs;
use super::session::{Session, mac_policy};
use super::work::{Input, conflict};
use super::{decrypt, format};
use crate::document::steps::Step;
use crate::document::variables::{Variable, variables};
use crate::file::{EncryptedFile, PlainError};
use crate::host::failure::Failure;
use crate::host::run::Job;
use crate::host::user::Account;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const EXAMPLES: &str = "Examples:
  leafseal exec-env secrets.yaml 'echo \"$password\"'
  leafseal exec-env common.yaml prod.yaml -- ./server --port 80
  leafseal exec-env secrets.yaml --extract '[\"db\"]' --flatten -- env";

/// Run a command with the values of encrypted files as environment variables
///
/// COMMAND is one line for /bin/sh. After `--`, a program is run with its arguments as they are, without a shell, and there may be
/// several files: later ones win. The command's exit code is kept; 255 says that a signal ended it. Signals are passed on to it.
///
/// Each value of the top level is a variable with the name of its key; lists and mappings are refused unless --flatten or --extract is given.
/// Names stay as they are; shells drop those that have other characters than letters, digits and `_`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "leafseal exec-env [OPTIONS] FILE COMMAND\n       leafseal exec-env [OPTIONS] FILE... -- PROGRAM [ARGUMENT]..."
)]
pub struct Args {
    #[command(flatten)]
    exec: ExecArgs,
    /// Become the command instead of waiting for it
    #[arg(long)]
    same_process: bool,
    #[command(flatten)]
    input: InputArgs,
    /// Use this mapping of the file only: '["key"]["list"][0]'
    #[arg(long, value_name = "INDEX")]
    extract: Option<String>,
    /// Take nested values too, named by their keys joined with SEP (`_` if it is not given; `/` stands in front as well)
    #[arg(long, value_name = "SEP", num_args = 0..=1, require_equals = true, default_missing_value = "_", value_parser = flatten_separator)]
    flatten: Option<String>,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// With the exit code of the command, or what keeps it from being run.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let words = args.exec.read(true)?;
    let settled = session.settle(&args.services, Some(&args.order))?;
    let in_background = args.exec.in_background(session.ui);
    if in_background && args.same_process {
        return Err(conflict("the --same-process flag cannot be used with --background"));
    }
    let steps = decrypt::steps(args.extract.as_deref())?;
    let mut all = Vec::new();
    for input in &words.inputs {
        let found = of_file(args, session, &settled.context(), &steps, input).map_err(|failure| failure.about(&input.name()))?;
        for null in found.iter().filter(|variable| variable.is_null) {
            session.ui.warning(&format!("{}: {} is null: the variable is set to nothing", input.name(), null.path));
        }
        all.extend(found);
    }
    let mut job = Job::new(&words.command, args.exec.pristine)?;
    if let Some(name) = &args.exec.user {
        let account = Account::find(name)?;
        account.switch()?;
        job.variables(account.variables());
    }
    job.variables(all.iter().map(|variable| (&variable.name, OsStr::from_bytes(&variable.text))));
    drop(all);
    match () {
        () if args.same_process => Err(job.replace()),
        () if in_background => job.start(),
        () => job.run(),
    }
}

fn of_file(
    args: &Args,
    session: &Session<'_>,
    cx: &crate::file::Context<'_>,
    steps: &[Step],
    input: &Input,
) -> Result<Vec<Variable>, Failure> {
    let format = format::choose(args.input.input_type.as_deref(), &input.path(None))?;
    let plain = session.open(input.file(), EncryptedFile::parse_owned(input.read(session.ui)?, format)?, mac_policy(false), cx)?;
    let tree = plain.tree(steps).map_err(|error: PlainError| Failure::from(error))?;
    Ok(variables(&tree, args.flatten.as_deref())?)
}
