//! `leafseal man`: the manual, made from the same description as the help.

use super::session::Session;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use std::path::PathBuf;

/// Print the manual page, or write one for each command
///
/// The pages are in the form that `man` reads.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal man | man -l -
  leafseal man --dir ~/.local/share/man/man1")]
pub struct Args {
    /// Write the pages of the program and of each command to this folder, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Exit 3 when a page cannot be written.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let mut whole = (session.whole)();
    whole.build();
    let Some(folder) = &args.dir else { return session.ui.data(&page(&whole)?) };
    files::create_folders(folder)?;
    let mut open = vec![whole];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
        // `leafseal-groups-add`: clap gives it on building.
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        files::write(&folder.join(format!("{name}.1")), &page(&command)?, Content::Encrypted)?;
    }
    Ok(())
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut bytes).map_err(|e| usage("the page cannot be made").io(&e))?;
    Ok(bytes)
}
