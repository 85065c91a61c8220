//! `leafseal completion`: scripts that make a shell ask the program what fits.

use super::session::Session;
use crate::host::exit;
use crate::host::failure::Failure;

/// Print the script that makes a shell complete commands, options, files and keys
///
/// The shell asks the program itself: `set`, `unset` and --extract complete the keys of the file that is named, which stand in clear in
/// an encrypted file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eval \"$(leafseal completion bash)\"           in ~/.bashrc
  source <(leafseal completion zsh)            in ~/.zshrc
  leafseal completion fish > ~/.config/fish/completions/leafseal.fish")]
pub struct Args {
    /// bash, zsh, fish, powershell or nushell
    #[arg(value_name = "SHELL")]
    shell: Option<String>,
}

/// The scripts; NAME is the program.
pub const SHELLS: &[(&str, &str)] = &[
    ("bash", include_str!("completion/bash")),
    ("zsh", include_str!("completion/zsh")),
    ("fish", include_str!("completion/fish")),
    ("powershell", include_str!("completion/powershell")),
    ("nushell", include_str!("completion/nushell")),
];

/// Runs the command.
///
/// # Errors
/// Exit 3 for another shell, as sops.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let names: Vec<&str> = SHELLS.iter().map(|(name, _)| *name).collect();
    let Some(shell) = &args.shell else {
        return session.ui.data(format!("usage: {} completion {}\n", session.ui.name(), names.join("|")).as_bytes());
    };
    let script = SHELLS.iter().find(|(name, _)| name == shell).ok_or_else(|| {
        Failure::new(exit::NO_HELP_TOPIC, format!("there is no completion for '{shell}'"))
            .hint(format!("the shells are {}", names.join(", ")))
    })?;
    session.ui.data(script.1.replace("NAME", session.ui.name()).as_bytes())
}
