//! `leafseal keygen`: makes an age identity.

use super::session::Session;
use crate::host::failure::{Failure, usage};
use crate::host::{clock, exit, files, identities};
use crate::keys::age;
use crate::secret::Secret;
use std::path::{Path, PathBuf};

/// Make an age identity
///
/// The identity is written where leafseal and sops look for it (sops/age/keys.txt in the folder of your configuration), for you
/// alone (0600) and never over a file that is there. Its recipient, which others may know, is printed on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal keygen
  leafseal keygen --output ci.txt")]
pub struct Args {
    /// Write the identity to this file (`-` is standard output)
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print the identity to standard output instead of writing a file
    #[arg(long)]
    stdout: bool,
    /// Make a post-quantum identity (its recipient begins with age1pq1 and has about 1960 characters; sops reads it since 3.12)
    #[arg(long)]
    pq: bool,
}

/// Which kind of identity is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// X25519: short, read by every version of sops that knows age.
    Classic,
    /// MLKEM768-X25519.
    PostQuantum,
}

impl Kind {
    fn generate(self) -> Result<(Secret<String>, String), Failure> {
        match self {
            Self::Classic => Ok(age::generate()),
            Self::PostQuantum => {
                age::generate_post_quantum().map_err(|_| Failure::new(exit::GENERIC, "the operating system gives no random bytes"))
            }
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the file exists or cannot be made.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let ui = session.ui;
    if args.stdout && args.output.as_ref().is_some_and(|o| o != Path::new("-")) {
        return Err(usage("cannot use --stdout and --output together"));
    }
    let kind = if args.pq { Kind::PostQuantum } else { Kind::Classic };
    if args.stdout || args.output.as_ref().is_some_and(|o| o == Path::new("-")) {
        let (identity, recipient) = kind.generate()?;
        ui.data(text(&identity, &recipient).expose().as_bytes())?;
        ui.status(&format!("recipient: {recipient}"));
        return Ok(());
    }
    let path = match &args.output {
        Some(path) => path.clone(),
        None => default_place()?,
    };
    let recipient = make(&path, kind)?;
    if ui.json() {
        return ui.report(&serde_json::json!({ "recipient": recipient, "path": files::shown(&path) }));
    }
    ui.status(&format!("wrote {}", files::shown(&path)));
    ui.status(&format!("recipient: {recipient}"));
    Ok(())
}

/// Where an identity goes when nothing else is said.
///
/// # Errors
/// When there is no home folder.
pub fn default_place() -> Result<PathBuf, Failure> {
    identities::default_file().ok_or_else(|| {
        usage("there is no place for the identity: neither HOME nor XDG_CONFIG_HOME is set").hint("name a file with --output")
    })
}

/// Makes an identity in a new file and gives its recipient.
///
/// # Errors
/// When the file exists or cannot be made.
pub fn make(path: &Path, kind: Kind) -> Result<String, Failure> {
    let (identity, recipient) = kind.generate()?;
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        files::create_private_folders(folder)?;
    }
    files::create_new(path, text(&identity, &recipient).expose().as_bytes(), 0o600)?;
    Ok(recipient)
}

/// The identity as `age-keygen` writes it.
fn text(identity: &Secret<String>, recipient: &str) -> Secret<String> {
    Secret::new(format!("# created: {}\n# public key: {recipient}\n{}\n", clock::now(), identity.expose()))
}
