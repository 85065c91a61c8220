//! `leafseal encrypt`.

use super::args::{KeyArgs, SelectorArgs, ServiceArgs, TypeArgs, WriteArgs};
use super::format;
use super::into::{Done, Into};
use super::session::Session;
use super::work::{Allows, Input, Output, Plan};
use crate::file;
use crate::host::audit::Action;
use crate::host::failure::Failure;
use crate::host::files::{self, Content};
use std::path::PathBuf;

/// Encrypt files, or standard input
///
/// Seals the selected values and leaves every other byte as it is. The keys come from the options, the environment, or the first rule
/// of .sops.yaml that matches. Several files are encrypted in place with -i.
///
/// Where --output names an encrypted file that is there, that file is changed: data key, keys and the ciphertext of every unchanged value
/// stay, and nothing is written when nothing changed. --fresh makes a new one; so do options that name keys or a selection.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal encrypt -i secrets.yaml                    with the keys of .sops.yaml
  leafseal encrypt --age age1... secrets.yaml > sealed.yaml
  leafseal encrypt secret.auto.tfvars --output secrets.enc.yaml
  leafseal encrypt --encrypted-regex '^(data|stringData)$' -i secret.yaml
  cat .env | leafseal encrypt --filename-override app/.env > app/.env")]
pub struct Args {
    /// The files; none or `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    types: TypeArgs,
    /// Choose the rule and the type as if the file had this name; needed for standard input
    #[arg(long, value_name = "PATH")]
    filename_override: Option<PathBuf>,
    /// Fail when no value is encrypted, instead of warning
    #[arg(long)]
    strict: bool,
    /// Make a new file, with a new data key, where --output names an encrypted one that is there
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    selectors: SelectorArgs,
    #[command(flatten)]
    services: ServiceArgs,
}

/// Runs the command.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let name = args.filename_override.as_deref();
    let plan = Plan::new(&args.files, &args.write, name, Allows { stdin: true, stdin_needs_name: true })?;
    plan.each(session.ui, |input| encrypt(args, session, &plan, input))
}

fn encrypt(args: &Args, session: &Session<'_>, plan: &Plan, input: &Input) -> Result<(), Failure> {
    input.must_exist()?;
    let path = input.path(args.filename_override.as_deref());
    let from = format::choose(args.types.input.input_type.as_deref(), &path)?;
    let to = format::output(args.types.output_type.as_deref(), &path, args.write.output.as_deref())?;
    let settled = session.settle(&args.services, None)?;
    let text = input.read(session.ui)?;
    if let Output::File(there) = &plan.output
        && !args.fresh
        && !session.ui.is_called_sops()
        && !args.keys.are_given()
        && !args.selectors.are_given()
    {
        let into = Into { session, settled: &settled, there, from, to, name: input.name() };
        match into.replace(&text)? {
            Done::NotEncrypted => {}
            Done::Unchanged => return Ok(()),
            Done::Changed(encrypted) => {
                session.notes(&input.name(), &encrypted, args.strict)?;
                session.record(Action::Encrypt, there)?;
                return files::write(there, &encrypted.text, Content::Encrypted);
            }
        }
    }
    let policy = session.policy(&path, from, &args.keys, &args.selectors)?;
    let encrypted = file::encrypt(text, from, to, &policy, &settled.context())?;
    session.notes(&input.name(), &encrypted, args.strict)?;
    session.record(Action::Encrypt, input.file())?;
    plan.write(session.ui, input, &encrypted.text, Content::Encrypted)
}
