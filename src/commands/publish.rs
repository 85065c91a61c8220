//! `leafseal publish`: its options, and that it is not built in yet.

use super::args::{OrderArgs, ServiceArgs};
use super::session::Session;
use super::work;
use crate::host::failure::{Failure, usage};
use std::path::PathBuf;

/// Publish files to where destination_rules say (not built in yet)
///
/// Sends files to an S3 or GCS bucket or to Vault, as the first destination rule of .sops.yaml that matches says. This version cannot do
/// it: it knows the options of sops and says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal publish --yes secrets.yaml")]
pub struct Args {
    /// The file or folder
    #[arg(value_name = "PATH")]
    path: Vec<PathBuf>,
    /// Do not ask before each file
    #[arg(short, long)]
    yes: bool,
    /// Leave the last ending of a name out of the destination
    #[arg(long)]
    omit_extensions: bool,
    /// Publish the files of a folder and of those below it
    #[arg(long)]
    recursive: bool,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// Always: exit 1, or 100 without a path.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let [path] = args.path.as_slice() else {
        return Err(if args.path.is_empty() {
            work::no_file()
        } else {
            usage("only one file or folder can be published at a time")
        });
    };
    session.settle(&args.services, Some(&args.order))?;
    let mut would = format!("the command `publish` is not built in yet: {} is not published", path.display());
    for (asked, option) in [(args.yes, "--yes"), (args.omit_extensions, "--omit-extensions"), (args.recursive, "--recursive")] {
        if asked {
            would.push_str(&format!(", {option} has no effect"));
        }
    }
    Err(usage(would).hint("sops publishes the files that leafseal writes"))
}
