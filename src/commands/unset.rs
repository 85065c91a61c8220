//! `leafseal unset`.

use super::args::{OrderArgs, ServiceArgs, TypeArgs};
use super::format;
use super::session::{Session, mac_policy};
use crate::document::steps::parse_steps;
use crate::file::{EncryptedFile, ModifyError};
use crate::host::audit::Action;
use crate::host::exit;
use crate::host::failure::Failure;
use crate::host::files::{self, Content};
use std::path::Path;

/// Remove one value from an encrypted file
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "leafseal unset [OPTIONS] FILE INDEX",
    after_help = "\
Examples:
  leafseal unset secrets.yaml '[\"db\"][\"password\"]'
  leafseal unset --idempotent secrets.yaml '[\"hosts\"][1]'"
)]
pub struct Args {
    /// The file and the place: '["key"]["list"][0]'
    #[arg(value_names = ["FILE", "INDEX"], num_args = 0..)]
    words: Vec<String>,
    /// Succeed, and write nothing, if there is no such value
    #[arg(long)]
    idempotent: bool,
    /// Decrypt although the MAC is wrong or missing
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    types: TypeArgs,
    /// Accepted for the sake of sops; does nothing
    #[arg(long, value_name = "N", hide = true)]
    shamir_secret_sharing_threshold: Option<i64>,
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
    let [name, index] = args.words.as_slice() else {
        return Err(Failure::new(exit::NO_FILE, "no file specified, or index is missing: need precisely 2 positional arguments")
            .hint("usage: leafseal unset FILE '[\"key\"]'"));
    };
    let file = Path::new(name);
    let (from, to) = format::both(&args.types, &files::absolute(file))?;
    let settled = session.settle(&args.services, Some(&args.order))?;
    let steps = parse_steps(index).map_err(|e| Failure::new(exit::SET_FORMAT, format!("Invalid unset index format: {e}")))?;
    let cx = settled.context();
    let encrypted = files::read(file)?;
    let plain = EncryptedFile::parse_owned(encrypted, from)
        .map_err(Failure::from)
        .and_then(|encrypted| session.open(file, encrypted, mac_policy(args.ignore_mac), &cx))
        .map_err(|failure| failure.about(name))?;
    let plain = plain.reformat(to, &cx).map_err(|e| Failure::from(e).about(name))?;
    match plain.unset(&steps, &cx) {
        Ok(changed) => {
            session.notes(name, &changed, false)?;
            session.record(Action::Encrypt, file)?;
            files::write(file, &changed.text, Content::Encrypted)
        }
        Err(ModifyError::Edit(error)) if args.idempotent && error.is_absent() => Ok(()),
        Err(error) => Err(Failure::from(error).about(name)),
    }
}
