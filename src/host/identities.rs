//! Owns the places where age identities are, in the order of sops, and looks into them when a key asks.

use super::child;
use super::env::{self, Variable};
use super::failure::io_words;
use super::plugins::InstalledPlugins;
use super::ui::Ui;
use crate::keys::age::{IdentityProvider, IdentitySource, Loaded, Plugins, SourceKind};
use crate::secret::Secret;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest identity file: 16 MiB.
const LARGEST: u64 = 16 << 20;

/// The identities of this user on this machine.
#[derive(Debug)]
pub struct Identities<'a> {
    ui: &'a Ui,
    plugins: InstalledPlugins<'a>,
    sources: Vec<IdentitySource>,
    places: Vec<Place>,
}

/// What stands behind the source of the same index.
#[derive(Debug)]
enum Place {
    Text(Variable),
    Command(Variable),
    File(PathBuf),
    NotSet,
}

impl<'a> Identities<'a> {
    /// The places, from the environment; nothing is read yet.
    pub fn new(ui: &'a Ui) -> Self {
        let mut identities = Self { ui, plugins: InstalledPlugins::new(ui), sources: Vec::new(), places: Vec::new() };
        identities.file_variable(env::AGE_SSH_PRIVATE_KEY_FILE, SourceKind::SshKey);
        identities.command(env::AGE_SSH_PRIVATE_KEY_CMD, SourceKind::SshKey);
        if let Some(home) = env::HOME.path() {
            identities.file(home.join(".ssh/id_ed25519"), SourceKind::SshKey);
            identities.file(home.join(".ssh/id_rsa"), SourceKind::SshKey);
        }
        identities.push(IdentitySource::variable(env::AGE_KEY.name, SourceKind::Words), Place::Text(env::AGE_KEY));
        identities.file_variable(env::AGE_KEY_FILE, SourceKind::Lines);
        identities.command(env::AGE_KEY_CMD, SourceKind::Lines);
        for folder in env::config_folders() {
            identities.file(keys_file(&folder), SourceKind::Lines);
        }
        identities
    }

    fn push(&mut self, source: IdentitySource, place: Place) {
        self.sources.push(source);
        self.places.push(place);
    }

    fn file(&mut self, path: PathBuf, kind: SourceKind) {
        let shown = path.to_string_lossy().into_owned();
        self.push(IdentitySource::file(&shown, kind, &shown), Place::File(path));
    }

    fn file_variable(&mut self, variable: Variable, kind: SourceKind) {
        match variable.path() {
            Some(path) => {
                let source = IdentitySource::file(variable.name, kind, path.to_string_lossy());
                self.push(source, Place::File(path));
            }
            None => self.push(IdentitySource::variable(variable.name, kind), Place::NotSet),
        }
    }

    fn command(&mut self, variable: Variable, kind: SourceKind) {
        self.push(IdentitySource::command(variable.name, kind), Place::Command(variable));
    }
}

/// Where `keygen` puts an identity and where one is always looked for: `sops/age/keys.txt` in the configuration folder.
pub fn default_file() -> Option<PathBuf> {
    env::config_folders().first().map(|folder| keys_file(folder))
}

fn keys_file(folder: &Path) -> PathBuf {
    folder.join("sops/age/keys.txt")
}

impl IdentityProvider for Identities<'_> {
    fn sources(&self) -> &[IdentitySource] {
        &self.sources
    }

    fn load(&self, source: &IdentitySource, recipient: &str) -> Loaded {
        let place = self.sources.iter().position(|s| s == source).map(|index| &self.places[index]);
        match place {
            None | Some(Place::NotSet) => Loaded::NotSet,
            Some(Place::Text(variable)) => match variable.text() {
                Ok(Some(text)) => Loaded::Content(Secret::new(text.into_bytes())),
                Ok(None) => Loaded::NotSet,
                Err(_) => Loaded::Failed(String::from("it is not valid UTF-8")),
            },
            Some(Place::Command(variable)) => match variable.text() {
                Ok(Some(line)) => match child::output(&line, &[("SOPS_AGE_RECIPIENT", recipient)]) {
                    Ok(content) => Loaded::Content(content),
                    Err(why) => Loaded::Failed(why),
                },
                Ok(None) => Loaded::NotSet,
                Err(_) => Loaded::Failed(String::from("it is not valid UTF-8")),
            },
            Some(Place::File(path)) => load_file(path),
        }
    }

    fn passphrase(&self, label: &str) -> Option<Secret<String>> {
        self.ui.passphrase(&format!("identity '{label}'")).ok()
    }

    fn plugins(&self) -> Option<&dyn Plugins> {
        Some(&self.plugins)
    }
}

fn load_file(path: &Path) -> Loaded {
    let read = || -> std::io::Result<Zeroizing<Vec<u8>>> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(file.metadata()?.len().min(LARGEST) as usize + 1));
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) if bytes.len() as u64 > LARGEST => Loaded::Failed(String::from("it is larger than 16 MiB")),
        Ok(bytes) => Loaded::Content(Secret::new(bytes.to_vec())),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Loaded::Missing,
        Err(e) => Loaded::Failed(io_words(&e)),
    }
}
