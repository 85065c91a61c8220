//! One file a command: its arguments (the doc comments are the help) and `run`. No cryptography, no parsing of documents.

pub mod args;
pub mod completion;
pub mod config;
pub mod decrypt;
pub mod doctor;
pub mod edit;
pub mod encrypt;
pub mod exec_env;
pub mod exec_file;
pub mod exec_words;
pub mod filestatus;
pub mod format;
pub mod groups;
pub mod init;
pub mod inspect;
pub mod into;
pub mod keygen;
pub mod keyservice;
pub mod man;
pub mod publish;
pub mod report;
pub mod rotate;
pub mod session;
pub mod set;
pub mod sync;
pub mod terraform;
pub mod unset;
pub mod updatekeys;
pub mod work;

use self::args::Global;
use self::session::{Session, Traced};
use crate::host::audit::Audit;
use crate::host::config_file::ConfigFiles;
use crate::host::failure::Failure;
use crate::host::identities::Identities;
use crate::host::ui::Ui;
use crate::keys::service::Local;
use clap::FromArgMatches;
use std::sync::OnceLock;

/// A row of the command table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What the command is called.
    pub name: &'static str,
    arguments: fn(clap::Command) -> clap::Command,
    read: fn(&clap::ArgMatches) -> Result<Command, clap::Error>,
}

impl Row {
    /// The row of a command, if it is one.
    pub fn of(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.name == name)
    }

    /// The command with its arguments and help.
    pub fn clap(&self) -> clap::Command {
        (self.arguments)(clap::Command::new(self.name))
    }

    /// The command with what was given to it.
    ///
    /// # Errors
    /// clap's, when the matches are those of another command.
    pub fn read(&self, matches: &clap::ArgMatches) -> Result<Command, clap::Error> {
        (self.read)(matches)
    }
}

macro_rules! commands {
    ($($variant:ident, $name:literal, $module:ident;)+) => {
        /// A command with its arguments.
        #[expect(missing_docs, reason = "each is documented by its Args")]
        #[derive(Debug)]
        pub enum Command {
            $($variant($module::Args),)+
        }

        /// The commands, in the order of the help. Only the one that is run has its arguments built.
        pub const TABLE: &[Row] = &[$(
            Row {
                name: $name,
                arguments: <$module::Args as clap::Args>::augment_args,
                read: |matches| $module::Args::from_arg_matches(matches).map(Command::$variant),
            },
        )+];

        fn dispatch(command: &Command, session: &Session<'_>) -> Result<(), Failure> {
            match command {
                $(Command::$variant(args) => $module::run(args, session),)+
            }
        }
    };
}

commands! {
    Edit, "edit", edit;
    Encrypt, "encrypt", encrypt;
    Decrypt, "decrypt", decrypt;
    Sync, "sync", sync;
    Set, "set", set;
    Unset, "unset", unset;
    Rotate, "rotate", rotate;
    Updatekeys, "updatekeys", updatekeys;
    Groups, "groups", groups;
    ExecEnv, "exec-env", exec_env;
    ExecFile, "exec-file", exec_file;
    Terraform, "terraform", terraform;
    Filestatus, "filestatus", filestatus;
    Inspect, "inspect", inspect;
    Doctor, "doctor", doctor;
    Publish, "publish", publish;
    Keyservice, "keyservice", keyservice;
    Completion, "completion", completion;
    Man, "man", man;
    Config, "config", config;
    Init, "init", init;
    Keygen, "keygen", keygen;
}

/// Runs a command. `whole` makes the whole command line, for those that describe it.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(command: &Command, global: &Global, ui: &Ui, whole: fn() -> clap::Command) -> Result<(), Failure> {
    let identities = Identities::new(ui);
    let local = Local::new().with_age(&identities);
    #[cfg(feature = "pgp")]
    let local = local.with_pgp(&crate::host::gpg::InstalledGpg);
    let aws_profile = OnceLock::new();
    #[cfg(feature = "aws-kms")]
    let aws = crate::host::aws::Environment::new(ui, &aws_profile);
    #[cfg(feature = "aws-kms")]
    let local = local.with_aws(&aws);
    #[cfg(feature = "vault")]
    let local = local.with_vault(&crate::host::vault::Environment);
    #[cfg(feature = "huawei-kms")]
    let local = local.with_huawei(&crate::host::huawei::Environment, &crate::host::network::Machine);
    #[cfg(feature = "azure-kv")]
    let local = local.with_azure(&crate::host::azure::Environment, &crate::host::network::Machine);
    #[cfg(feature = "gcp-kms")]
    let local = local.with_gcp(&crate::host::gcp::Environment, &crate::host::network::Machine);
    let traced = Traced::new(&local, ui);
    let (services, audit) = (OnceLock::new(), Audit::new());
    let configs = ConfigFiles::new(ui, global.config.as_deref());
    dispatch(
        command,
        &Session {
            ui,
            global,
            configs,
            local: &local,
            traced: &traced,
            aws_profile: &aws_profile,
            services: &services,
            audit: &audit,
            whole,
        },
    )
}
