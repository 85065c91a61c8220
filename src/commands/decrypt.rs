//! `leafseal decrypt`.

use super::args::{OrderArgs, ServiceArgs, TypeArgs, WriteArgs, flatten_separator};
use super::format;
use super::session::{Session, mac_policy};
use super::work::{Allows, Input, Plan, conflict};
use crate::document::steps::{Step, parse_steps};
use crate::file::EncryptedFile;
use crate::host::exit;
use crate::host::failure::Failure;
use crate::host::files::Content;
use std::path::PathBuf;

/// Decrypt files, or standard input
///
/// Gives back the bytes that were encrypted. Nothing is written before every value was opened and the MAC was checked. Several files
/// are decrypted in place with -i. `--output-type shell` prints `export KEY='value'` lines that are safe to `eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal decrypt secrets.yaml
  leafseal decrypt --extract '[\"db\"][\"password\"]' secrets.yaml
  leafseal decrypt --output-type json secrets.yaml
  leafseal decrypt -i a.yaml b.yaml
  git show main:secrets.yaml | leafseal decrypt --filename-override secrets.yaml")]
pub struct Args {
    /// The files; none or `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    types: TypeArgs,
    /// Choose the type as if the file had this name
    #[arg(long, value_name = "PATH")]
    filename_override: Option<PathBuf>,
    /// Print one value: '["key"]["list"][0]'
    #[arg(long, value_name = "INDEX")]
    extract: Option<String>,
    /// Print one flat mapping, in which names are keys joined with SEP (`_` if it is not given; `/` stands in front as well)
    #[arg(long, value_name = "SEP", num_args = 0..=1, require_equals = true, default_missing_value = "_", value_parser = flatten_separator)]
    flatten: Option<String>,
    /// Decrypt although the MAC is wrong or missing
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let name = args.filename_override.as_deref();
    let plan = Plan::new(&args.files, &args.write, name, Allows { stdin: true, stdin_needs_name: false })?;
    if args.flatten.is_some() && args.write.in_place {
        return Err(conflict("--flatten cannot be used with --in-place: the file would lose its structure"));
    }
    let steps = steps(args.extract.as_deref())?;
    plan.each(session.ui, |input| decrypt(args, session, &plan, &steps, input))
}

/// The steps of `--extract`; none is the whole file.
///
/// # Errors
/// Exit 91 when it is no path.
pub fn steps(extract: Option<&str>) -> Result<Vec<Step>, Failure> {
    parse_steps(extract.unwrap_or_default()).map_err(|e| Failure::new(exit::TREE_PATH, format!("invalid --extract: {e}")))
}

fn decrypt(args: &Args, session: &Session<'_>, plan: &Plan, steps: &[Step], input: &Input) -> Result<(), Failure> {
    input.must_exist()?;
    let path = input.path(args.filename_override.as_deref());
    let from = format::choose(args.types.input.input_type.as_deref(), &path)?;
    let shell = args.types.output_type.as_deref() == Some("shell");
    let to = if shell { from } else { format::output(args.types.output_type.as_deref(), &path, args.write.output.as_deref())? };
    let settled = session.settle(&args.services, Some(&args.order))?;
    let cx = settled.context();
    let plain =
        session.open(input.file(), EncryptedFile::parse_owned(input.read(session.ui)?, from)?, mac_policy(args.ignore_mac), &cx)?;
    let text = match (&args.flatten, shell) {
        (Some(separator), true) => plain.flat_shell(steps, separator)?,
        (Some(separator), false) => plain.flat(steps, separator, to, cx.layout)?,
        (None, true) => plain.shell(steps)?,
        (None, false) => plain.extract(steps, to, cx.layout)?,
    };
    plan.write(session.ui, input, &text, Content::Plain)
}
