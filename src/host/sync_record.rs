//! Owns where `sync` keeps its records: one small file for each pair of files, in the user's own state folder. What is in it is sealed.

use super::env;
use super::failure::Failure;
use super::files::{self, Content};
use sha2::{Digest, Sha256};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The record of two files.
pub struct SyncRecord {
    path: Option<PathBuf>,
}

impl SyncRecord {
    /// That of these two. Without a home folder there is none.
    pub fn of(plain: &Path, encrypted: &Path) -> Self {
        let (plain, encrypted) = (files::absolute(plain), files::absolute(encrypted));
        let name = Sha256::digest([plain.as_os_str().as_bytes(), b"\0", encrypted.as_os_str().as_bytes()].concat());
        let name: String = name.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let folder = env::XDG_STATE_HOME.path().filter(|path| path.is_absolute());
        let folder = folder.or_else(|| env::HOME.path().map(|home| home.join(".local/state")));
        Self { path: folder.map(|folder| folder.join("leafseal/sync").join(name)) }
    }

    /// What it says; `None` when there is none that can be read.
    pub fn read(&self) -> Option<String> {
        let path = self.path.as_ref().filter(|path| files::is_regular(path))?;
        String::from_utf8(files::read(path).ok()?).ok()
    }

    /// Writes it, if it does not say so already.
    ///
    /// # Errors
    /// When it cannot be written, or there is no folder for it.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Err(super::failure::usage("there is no folder for it: HOME is not set")) };
        files::create_private_folders(path.parent().unwrap_or(Path::new(".")))?;
        files::write(path, format!("{text}\n").as_bytes(), Content::Plain)
    }
}
