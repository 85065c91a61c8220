//! One file a command: its arguments (the doc comments are the help) and `run`. No cryptography, no parsing of documents.

pub mod args;
pub mod init;
pub mod keygen;

use self::args::Global;
use crate::host::failure::Failure;
use crate::host::ui::Ui;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// See [`keygen::Args`].
    Keygen(keygen::Args),
    /// See [`init::Args`].
    Init(init::Args),
}

/// Runs a command.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(command: Command, _global: &Global, ui: &Ui) -> Result<(), Failure> {
    match command {
        Command::Keygen(args) => keygen::run(&args, ui),
        Command::Init(args) => init::run(&args, ui),
    }
}
