//! Owns the search for `.sops.yaml`, and reading it once.
//!
//! `--config` or `SOPS_CONFIG`; else upwards from the working folder, as sops; else, for a new file, upwards from its own folder.

use super::env;
use super::exit;
use super::failure::Failure;
use super::files;
use super::ui::Ui;
use crate::config::{Config, FilePath, Origin};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The only name that is looked for.
pub const NAME: &str = ".sops.yaml";
/// A name that people write by mistake.
const MISTAKEN: &str = ".sops.yml";
/// How many folders sops goes up.
const LEVELS: usize = 100;

/// The configuration files of a run; each is read once.
#[derive(Debug)]
pub struct ConfigFiles<'a> {
    ui: &'a Ui,
    explicit: Option<PathBuf>,
    read: RefCell<HashMap<PathBuf, Rc<Config>>>,
    /// What was found from each folder upwards.
    found: RefCell<HashMap<PathBuf, Option<PathBuf>>>,
    mistaken: RefCell<bool>,
}

impl<'a> ConfigFiles<'a> {
    /// `flag` is what `--config` says; nothing is read yet.
    pub fn new(ui: &'a Ui, flag: Option<&Path>) -> Self {
        let explicit = flag.map(Path::to_owned).or_else(|| env::CONFIG.path()).filter(|p| !p.as_os_str().is_empty());
        Self { ui, explicit, read: RefCell::default(), found: RefCell::default(), mistaken: RefCell::new(false) }
    }

    /// The configuration that sops would find from the working folder.
    ///
    /// # Errors
    /// Exit 1 when it cannot be read or is wrong.
    pub fn of_working_folder(&self) -> Result<Option<Rc<Config>>, Failure> {
        match &self.explicit {
            Some(path) => self.read(path).map(Some),
            None => self.upwards(&physical_working_folder())?.map(|path| self.read(&path)).transpose(),
        }
    }

    /// The configuration for a new file: that of the working folder, else the nearest one above the file.
    ///
    /// # Errors
    /// Exit 1 when it cannot be read or is wrong.
    pub fn of_file(&self, file: &Path) -> Result<Option<Rc<Config>>, Failure> {
        if let Some(config) = self.of_working_folder()? {
            return Ok(Some(config));
        }
        match file.parent().filter(|folder| folder.is_absolute()) {
            Some(folder) => self.upwards(folder)?.map(|path| self.read(&path)).transpose(),
            None => Ok(None),
        }
    }

    fn upwards(&self, from: &Path) -> Result<Option<PathBuf>, Failure> {
        if let Some(found) = self.found.borrow().get(from) {
            return Ok(found.clone());
        }
        let mut ignored = None;
        let mut found = None;
        for folder in from.ancestors().take(LEVELS) {
            let path = folder.join(NAME);
            if files::exists(&path) {
                found = Some(path);
                break;
            }
            if ignored.is_none() && files::exists(&folder.join(MISTAKEN)) {
                ignored = Some(folder.join(MISTAKEN));
            }
        }
        if let Some(path) = ignored
            && !self.mistaken.replace(true)
        {
            let instead = found.as_ref().map(|found| format!("; using \"{}\" instead", files::shown(found))).unwrap_or_default();
            self.ui.warning(&format!(
                "ignoring \"{}\" when searching for config file; the config file must be called \"{NAME}\"{instead}",
                files::shown(&path)
            ));
        }
        self.found.borrow_mut().insert(from.to_owned(), found.clone());
        Ok(found)
    }

    fn read(&self, path: &Path) -> Result<Rc<Config>, Failure> {
        if let Some(config) = self.read.borrow().get(path) {
            return Ok(Rc::clone(config));
        }
        let bytes = files::read(path).map_err(|failure| {
            let cause = failure.causes.first().cloned().unwrap_or(failure.message);
            Failure::new(exit::GENERIC, format!("could not read config file {}", files::shown(path))).cause(cause)
        })?;
        let directory = files::absolute(path).parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
        let config = Config::parse(&bytes, Origin { path: files::shown(path), directory })?;
        for warning in &config.warnings {
            let text = format!("{}: {warning}", config.origin.path);
            // Where files are published is no matter of the other commands.
            if warning.field.starts_with("destination_rules") { self.ui.detail(&text) } else { self.ui.warning(&text) }
        }
        let config = Rc::new(config);
        self.read.borrow_mut().insert(path.to_owned(), Rc::clone(&config));
        Ok(config)
    }
}

/// The file a rule is wanted for. Where the working folder is spelled through a symlink and the configuration was found beyond it,
/// the file is named as the configuration is.
pub fn file_path(file: &Path, config: Option<&Config>) -> FilePath {
    let absolute = match config {
        Some(config) if !file.starts_with(&config.origin.directory) => {
            real(file).filter(|real| real.starts_with(&config.origin.directory)).unwrap_or_else(|| file.to_owned())
        }
        _ => file.to_owned(),
    };
    FilePath { absolute: absolute.to_string_lossy().into_owned(), windows: cfg!(windows) }
}

/// The path with its folder's symlinks followed; the file itself may not exist.
fn real(file: &Path) -> Option<PathBuf> {
    Some(std::fs::canonicalize(file.parent()?).ok()?.join(file.file_name()?))
}

/// The working folder as the kernel walks it: `..` of a symlinked folder is the parent of its target.
fn physical_working_folder() -> PathBuf {
    let shell = files::working_folder();
    match std::env::current_dir() {
        // Alike as long as no symlink is involved; the shell's spelling is the one people know.
        Ok(real) if std::fs::canonicalize(&shell).is_ok_and(|shell| shell == real) && shell != real => real,
        _ => shell,
    }
}
