//! Owns what `encrypt --output` and `sync` do with an encrypted file that is there already.

use super::session::{Session, Settled};
use crate::document::Format;
use crate::file::{Encrypted, EncryptedFile, MacPolicy, OpenError, PlainFile};
use crate::host::exit;
use crate::host::failure::Failure;
use crate::host::files;
use crate::metadata::MetadataError;
use std::path::Path;

/// A plaintext on its way into an encrypted file.
pub struct Into<'a> {
    /// The run.
    pub session: &'a Session<'a>,
    /// Keys, order, layout.
    pub settled: &'a Settled<'a>,
    /// The encrypted file.
    pub there: &'a Path,
    /// The format of the plaintext.
    pub from: Format,
    /// The format of the encrypted file.
    pub to: Format,
    /// The plaintext in messages.
    pub name: String,
}

/// What came of it.
pub enum Done {
    /// There is no encrypted file of this format.
    NotEncrypted,
    /// It is as it would be.
    Unchanged,
    /// What it shall be.
    Changed(Encrypted),
}

impl Into<'_> {
    /// The encrypted file, opened; `None` where there is no file, or none that is encrypted.
    ///
    /// # Errors
    /// When no key opens it, or something is wrong with it.
    pub fn open(&self) -> Result<Option<PlainFile>, Failure> {
        // Binary is one value: it goes with nothing else. A pipe is not read, it is written to.
        if (self.from == Format::Binary) != (self.to == Format::Binary) || !files::is_regular(self.there) {
            return Ok(None);
        }
        let file = match EncryptedFile::parse_owned(files::read(self.there)?, self.to) {
            Ok(file) => file,
            Err(OpenError::Parse(_) | OpenError::NotBinaryForm(_) | OpenError::Metadata(MetadataError::NotFound)) => {
                return Ok(None);
            }
            Err(error) => return Err(self.about(Failure::from(error))),
        };
        let plain = self.session.open(self.there, file, MacPolicy::Verify, &self.settled.context());
        let plain = plain.map_err(|failure| self.about(failure))?;
        let (shown, path) = (files::shown(self.there), files::absolute(self.there));
        self.session.warn_of_drift(&shown, &path, self.to, plain.metadata());
        self.session.warn_of_keys(&shown, &path, self.to, plain.metadata());
        Ok(Some(plain))
    }

    /// Puts a plaintext into the file.
    ///
    /// # Errors
    /// As [`Into::open`], and what encrypting gives.
    pub fn replace(&self, text: &[u8]) -> Result<Done, Failure> {
        let Some(plain) = self.open()? else { return Ok(Done::NotEncrypted) };
        let encrypted = plain.replace(text.to_vec(), self.from, &self.settled.context())?;
        Ok(match encrypted {
            Some(encrypted) => Done::Changed(encrypted),
            None => {
                self.session.ui.detail(&format!("{}: nothing changed, {} stays as it is", self.name, files::shown(self.there)));
                Done::Unchanged
            }
        })
    }

    fn about(&self, failure: Failure) -> Failure {
        let failure = failure.about(&files::shown(self.there));
        if failure.exit != exit::NO_KEY {
            return failure;
        }
        failure.hint(format!(
            "what did not change is to keep its ciphertext in {}, which takes a key that opens it; `leafseal encrypt --fresh` makes a new \
             file instead, with a new data key",
            files::shown(self.there)
        ))
    }
}
