//! Owns how GnuPG is run: which program, its terminal, its pipes.

use super::child;
use super::env;
use crate::keys::pgp::{Gpg, Ran};
use std::path::PathBuf;

/// GnuPG as it is installed: `SOPS_GPG_EXEC`, or `gpg` on the `PATH`.
#[derive(Debug)]
pub struct InstalledGpg;

impl Gpg for InstalledGpg {
    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Ran, String> {
        let named = env::GPG_EXEC.path().unwrap_or_else(|| PathBuf::from("gpg"));
        let named = named.to_string_lossy();
        let program = child::find(&*named).ok_or_else(|| format!("cannot find the program `{named}`"))?;
        // Without it, GnuPG's agent cannot ask for a passphrase on the terminal.
        let terminal = if env::GPG_TTY.path().is_none() { terminal() } else { None };
        let variables: Vec<(&str, &str)> = terminal.iter().map(|name| (env::GPG_TTY.name, name.as_str())).collect();
        let exchanged = child::exchange(&program, arguments, &variables, input)?;
        Ok(Ran { success: exchanged.success, output: exchanged.output, said: exchanged.said })
    }
}

/// The terminal that the user sits at.
fn terminal() -> Option<String> {
    let name = |fd: rustix::fd::BorrowedFd<'_>| rustix::termios::ttyname(fd, Vec::new()).ok()?.into_string().ok();
    use std::os::fd::AsFd;
    name(std::io::stdin().as_fd()).or_else(|| name(std::io::stderr().as_fd()))
}
