//! One file a command: its arguments (the doc comments are the help) and `run`. No cryptography, no parsing of documents.

pub mod args;
pub mod config;
pub mod decrypt;
pub mod edit;
pub mod encrypt;
pub mod filestatus;
pub mod format;
pub mod init;
pub mod keygen;
pub mod rotate;
pub mod session;
pub mod set;
pub mod unset;
pub mod work;

use self::args::Global;
use self::session::Session;
use crate::host::config_file::ConfigFiles;
use crate::host::failure::Failure;
use crate::host::identities::Identities;
use crate::host::ui::Ui;
use crate::keys::service::Local;

/// The commands, in the order of the help.
#[expect(missing_docs, reason = "clap shows the documentation of each command's Args; one here would hide it")]
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Edit(edit::Args),
    Encrypt(encrypt::Args),
    Decrypt(decrypt::Args),
    Set(set::Args),
    Unset(unset::Args),
    Rotate(rotate::Args),
    Filestatus(filestatus::Args),
    Config(config::Args),
    Init(init::Args),
    Keygen(keygen::Args),
}

/// Runs a command.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(command: Command, global: &Global, ui: &Ui) -> Result<(), Failure> {
    let identities = Identities::new(ui);
    let local = Local::new().with_age(&identities);
    #[cfg(feature = "pgp")]
    let local = local.with_pgp(&crate::host::gpg::InstalledGpg);
    let session = Session { ui, global, configs: ConfigFiles::new(ui, global.config.as_deref()), local: &local };
    match command {
        Command::Edit(args) => edit::run(&args, &session),
        Command::Encrypt(args) => encrypt::run(&args, &session),
        Command::Decrypt(args) => decrypt::run(&args, &session),
        Command::Set(args) => set::run(&args, &session),
        Command::Unset(args) => unset::run(&args, &session),
        Command::Rotate(args) => rotate::run(&args, &session),
        Command::Filestatus(args) => filestatus::run(&args, &session),
        Command::Config(args) => config::run(&args, &session),
        Command::Init(args) => init::run(&args, ui),
        Command::Keygen(args) => keygen::run(&args, ui),
    }
}
