//! `leafseal keyservice`: its options, and that it is not built in yet.

use super::session::Session;
use crate::host::failure::{Failure, usage};

/// Offer the keys of this machine to others (not built in yet)
///
/// Listens for requests to wrap and unwrap data keys. This version cannot do it: it knows the options of sops and says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal keyservice --network unix --address /run/user/1000/leafseal.sock")]
pub struct Args {
    /// Listen on this kind of network: tcp or unix
    #[arg(long, visible_alias = "net", value_name = "NETWORK", default_value = "tcp")]
    network: String,
    /// Listen at this address, or at this path
    #[arg(long, visible_alias = "addr", value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    address: String,
    /// Ask before each answer
    #[arg(long)]
    prompt: bool,
}

/// Runs the command.
///
/// # Errors
/// Always: exit 1.
pub fn run(args: &Args, _: &Session<'_>) -> Result<(), Failure> {
    let asking = if args.prompt { ", asking before each answer" } else { "" };
    Err(usage(format!(
        "the command `keyservice` is not built in yet: it cannot listen at {}://{}{asking}",
        args.network, args.address
    ))
    .hint("the keyservice of sops serves sops only: leafseal does not ask key services over the network yet either"))
}
