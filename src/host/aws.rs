//! Owns what is known about AWS here beside what its SDK finds by itself: the profile that was asked for, certificates, this machine's name.

use super::env;
use super::failure::io_words;
use super::ui::Ui;
use crate::keys::aws_kms::{Settings, Surroundings};
use std::sync::OnceLock;
use std::time::Duration;

/// How long AWS may take, all tries together.
const LIMIT: Duration = Duration::from_secs(9);
/// The same where a program of the user's configuration gives the credentials, as in the SDKs: it may wait for a token or a code.
const LIMIT_WITH_PROGRAM: Duration = Duration::from_secs(60);

/// AWS as this user's environment knows it.
#[derive(Debug)]
pub struct Environment<'a> {
    ui: &'a Ui,
    profile: &'a OnceLock<String>,
}

impl<'a> Environment<'a> {
    /// Notes go to `ui`; `profile` is the one of the command line.
    pub fn new(ui: &'a Ui, profile: &'a OnceLock<String>) -> Self {
        Self { ui, profile }
    }
}

impl Surroundings for Environment<'_> {
    fn settings(&self) -> Result<Settings, String> {
        let ca_bundle = match env::AWS_CA_BUNDLE.path() {
            None => None,
            Some(path) => match std::fs::read(&path) {
                Ok(pem) => Some(pem),
                Err(error) => return Err(format!("cannot read {}: {} (AWS_CA_BUNDLE)", path.display(), io_words(&error))),
            },
        };
        Ok(Settings {
            profile: self.profile.get().cloned(),
            environment_names_profile: env::AWS_PROFILE.path().is_some(),
            ca_bundle,
            host_name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            limit: LIMIT,
            limit_with_program: LIMIT_WITH_PROGRAM,
        })
    }

    fn note(&self, text: &str) {
        self.ui.warning(text);
    }
}
