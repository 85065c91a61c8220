//! Owns the audit: `/etc/sops/audit.yaml` names databases that are told who encrypts, decrypts and rotates which file, as in sops.
//!
//! They are reached before anything is done with a key, and told before a plaintext is given out or a file is written: without a record
//! nothing happens. Where there is no such file, one look at it is all that this costs.

use super::exit;
use super::failure::Failure;
use super::files;
use super::ui::Ui;
use std::path::Path;

#[cfg(feature = "audit")]
mod connection;
#[cfg(feature = "audit")]
mod database;
#[cfg(feature = "audit")]
mod trust;

/// The only place where the configuration is looked for: whoever is audited must not choose another.
const PATH: &str = "/etc/sops/audit.yaml";

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Values are sealed.
    Encrypt,
    /// Values are opened.
    Decrypt,
    /// A data key is replaced.
    Rotate,
}

impl Action {
    /// The action's name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Rotate => "rotate",
        }
    }
}

/// Who is told. One a process.
#[derive(Debug, Default)]
pub struct Audit {
    #[cfg(feature = "audit")]
    databases: std::sync::OnceLock<Result<Vec<database::Database>, Failure>>,
    #[cfg(not(feature = "audit"))]
    looked: std::sync::OnceLock<()>,
}

impl Audit {
    /// Nobody yet; the configuration is read by [`Audit::ready`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the configuration and reaches the databases that it names, once.
    ///
    /// # Errors
    /// Exit 1, when it cannot be read or a database cannot be reached.
    pub fn ready(&self, ui: &Ui) -> Result<(), Failure> {
        self.reached(ui).map(drop)
    }

    /// Records something about the file at a path, which is made absolute; an empty one, standard input, becomes the working folder.
    ///
    /// # Errors
    /// Exit 1, when a database does not take it.
    pub fn record(&self, ui: &Ui, action: Action, file: &Path) -> Result<(), Failure> {
        for database in self.reached(ui)? {
            database.record(action, &files::absolute(file))?;
        }
        Ok(())
    }

    #[cfg(feature = "audit")]
    fn reached(&self, ui: &Ui) -> Result<&[database::Database], Failure> {
        let reach = || {
            let Some(bytes) = configuration()? else { return Ok(Vec::new()) };
            let config = crate::config::AuditConfig::parse(&bytes, PATH).map_err(|error| failure(error.to_string()))?;
            for warning in &config.warnings {
                ui.warning(&format!("{PATH}: {warning}"));
            }
            config.postgres.iter().enumerate().map(|(index, text)| database::Database::reach(index, text)).collect()
        };
        self.databases.get_or_init(reach).as_deref().map_err(Clone::clone)
    }

    /// This build cannot tell anybody.
    #[cfg(not(feature = "audit"))]
    fn reached(&self, ui: &Ui) -> Result<&[Nobody], Failure> {
        if self.looked.get().is_none() && configuration()?.is_some() {
            ui.warning(&format!("this build has no audit: {PATH} has no effect"));
        }
        let _ = self.looked.set(());
        Ok(&[])
    }
}

#[cfg(not(feature = "audit"))]
enum Nobody {}

#[cfg(not(feature = "audit"))]
impl Nobody {
    fn record(&self, _: Action, _: &Path) -> Result<(), Failure> {
        match *self {}
    }
}

/// The bytes of the configuration, if there is one.
fn configuration() -> Result<Option<Vec<u8>>, Failure> {
    match std::fs::read(PATH) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        // sops goes on without an audit.
        Err(error) => Err(failure(format!("cannot read {PATH}")).io(&error)),
    }
}

fn failure(why: String) -> Failure {
    Failure::new(exit::GENERIC, why)
}
