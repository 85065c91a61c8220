//! Owns PGP master keys: wraps and unwraps data keys with GnuPG, whose keyrings and agent hold the keys.
//!
//! Which program that is and how it is run is the host's business ([`Gpg`]); a file only ever gives a fingerprint and a message.
//! Rules: `docs/format.md`, "PGP master keys".

use super::service::{KeyError, Reason, Unwrapped};
use crate::secret::Secret;

/// The longest `enc` that is read, in bytes; a message for a data key has about one thousand.
const LARGEST: usize = 1 << 20;

/// Runs GnuPG.
pub trait Gpg: Sync {
    /// Runs it with these arguments, and `input` on its standard input.
    ///
    /// # Errors
    /// In words, when it could not be run.
    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Ran, String>;
}

/// What a run of GnuPG gave.
#[derive(Debug)]
pub struct Ran {
    /// Whether it ended well.
    pub success: bool,
    /// What it printed: a message, or a data key.
    pub output: Secret<Vec<u8>>,
    /// What it said on standard error, line by line.
    pub said: Vec<String>,
}

/// Why a PGP key could not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PgpError {
    /// Only hexadecimal fingerprints and key ids are given to GnuPG: nothing that it could take for an option or a name.
    #[error("\"{0}\" is not a PGP fingerprint: it has 8 to 64 hexadecimal digits")]
    Fingerprint(String),
    /// The text is larger than any message for a data key.
    #[error("the wrapped data key is too large ({0} bytes)")]
    TooLarge(usize),
    /// GnuPG could not be run.
    #[error("{0}")]
    NotRun(String),
    /// GnuPG failed; its own words.
    #[error("{}", words(.0))]
    Failed(Vec<String>),
    /// GnuPG ended well but printed nothing.
    #[error("gpg ended well but printed nothing")]
    Nothing,
    /// GnuPG printed something else than an armored message.
    #[error("gpg printed no armored message")]
    NotArmored,
}

/// What GnuPG said; the last line is the one that tells what happened.
fn words(said: &[String]) -> String {
    match said.split_last() {
        None => String::from("gpg failed and said nothing"),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{last} ({})", before.join("; ")),
    }
}

/// The PGP backend: GnuPG as the host runs it.
#[derive(Clone, Copy)]
pub struct Backend<'a>(&'a dyn Gpg);

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(gpg)")
    }
}

impl<'a> Backend<'a> {
    /// With this GnuPG.
    pub fn new(gpg: &'a dyn Gpg) -> Self {
        Self(gpg)
    }

    /// Wraps a data key: an armored message without a final line break.
    ///
    /// # Errors
    /// [`PgpError`].
    pub fn wrap(&self, fingerprint: &str, data_key: &[u8]) -> Result<String, KeyError> {
        let bare = fingerprint.strip_suffix('!').unwrap_or(fingerprint);
        let digits = bare.strip_prefix("0x").unwrap_or(bare);
        if !(8..=64).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(PgpError::Fingerprint(fingerprint.to_owned()).into());
        }
        let mark = &fingerprint[bare.len()..];
        let trusted = format!("{}{mark}", &digits[digits.len().saturating_sub(16)..]);
        let arguments =
            ["--no-default-recipient", "--yes", "--encrypt", "-a", "-r", fingerprint, "--trusted-key", &trusted, "--no-encrypt-to"];
        let message = self.run(&arguments, data_key)?;
        let text = std::str::from_utf8(message.expose()).map_err(|_| PgpError::NotArmored)?.trim();
        if text.is_empty() { Err(PgpError::Nothing.into()) } else { Ok(text.to_owned()) }
    }

    /// Unwraps a data key. Without GnuPG there is nothing here for the key.
    ///
    /// # Errors
    /// [`PgpError`].
    pub fn unwrap(&self, enc: &str) -> Result<Unwrapped, KeyError> {
        if enc.len() > LARGEST {
            return Err(PgpError::TooLarge(enc.len()).into());
        }
        match self.run(&["-d"], enc.as_bytes()) {
            Ok(data_key) if data_key.expose().is_empty() => Err(PgpError::Nothing.into()),
            Ok(data_key) => Ok(Unwrapped::Opened(data_key)),
            Err(PgpError::NotRun(summary)) => {
                let hints = vec![String::from("PGP keys need GnuPG: install it, or name the program in SOPS_GPG_EXEC")];
                Ok(Unwrapped::NothingHere(Reason { summary, details: Vec::new(), hints }))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Secret<Vec<u8>>, PgpError> {
        let ran = self.0.run(arguments, input).map_err(PgpError::NotRun)?;
        if ran.success { Ok(ran.output) } else { Err(PgpError::Failed(ran.said)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Notes how it was run and answers what it was made with.
    struct Fake {
        answer: Result<(bool, &'static str, &'static [&'static str]), &'static str>,
        runs: Mutex<Vec<(String, Vec<u8>)>>,
    }

    impl Fake {
        fn new(answer: Result<(bool, &'static str, &'static [&'static str]), &'static str>) -> Self {
            Self { answer, runs: Mutex::default() }
        }

        fn runs(self) -> Vec<(String, Vec<u8>)> {
            self.runs.into_inner().unwrap()
        }
    }

    impl Gpg for Fake {
        fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Ran, String> {
            self.runs.lock().unwrap().push((arguments.join(" "), input.to_vec()));
            let (success, output, said) = self.answer.map_err(str::to_owned)?;
            let said = said.iter().map(|line| (*line).to_owned()).collect();
            Ok(Ran { success, output: Secret::new(output.as_bytes().to_vec()), said })
        }
    }

    const FINGERPRINT: &str = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";

    #[test]
    fn wrapping_asks_for_exactly_one_recipient() {
        let gpg = Fake::new(Ok((true, "-----BEGIN PGP MESSAGE-----\nx\n-----END PGP MESSAGE-----\n", &[])));
        let wrapped = Backend::new(&gpg).wrap(FINGERPRINT, b"key").unwrap();
        assert_eq!(wrapped, "-----BEGIN PGP MESSAGE-----\nx\n-----END PGP MESSAGE-----");
        Backend::new(&gpg).wrap("3D16CEE4A27381B4!", b"key").unwrap();
        let asked = |fingerprint: &str, trusted: &str| {
            format!("--no-default-recipient --yes --encrypt -a -r {fingerprint} --trusted-key {trusted} --no-encrypt-to")
        };
        let runs = gpg.runs();
        assert_eq!(runs[0], (asked(FINGERPRINT, "3D16CEE4A27381B4"), b"key".to_vec()));
        assert_eq!(runs[1].0, asked("3D16CEE4A27381B4!", "3D16CEE4A27381B4!"));
    }

    #[test]
    fn only_fingerprints_reach_gpg() {
        let gpg = Fake::new(Ok((true, "x", &[])));
        for text in ["", "--output=x", "someone@example.invalid", "ABC", "GGGGGGGGGGGGGGGG"] {
            let error = Backend::new(&gpg).wrap(text, b"key").unwrap_err();
            assert!(matches!(error, KeyError::Pgp(PgpError::Fingerprint(_))), "{text}: {error}");
        }
        assert!(gpg.runs().is_empty());
    }

    #[test]
    fn failures_are_told_in_the_words_of_gpg() {
        let said: &[&str] = &["gpg: encrypted with 4096-bit RSA key, ID 1", "gpg: decryption failed: No secret key"];
        let gpg = Fake::new(Ok((false, "", said)));
        let error = Backend::new(&gpg).unwrap("message").unwrap_err();
        assert_eq!(error.to_string(), "gpg: decryption failed: No secret key (gpg: encrypted with 4096-bit RSA key, ID 1)");
        let gpg = Fake::new(Ok((true, "", &[])));
        assert!(matches!(Backend::new(&gpg).unwrap("message"), Err(KeyError::Pgp(PgpError::Nothing))));
        let gpg = Fake::new(Ok((true, "x", &[])));
        assert!(matches!(Backend::new(&gpg).unwrap(&"x".repeat(LARGEST + 1)), Err(KeyError::Pgp(PgpError::TooLarge(_)))));
    }

    #[test]
    fn without_gpg_there_is_nothing_here() {
        let gpg = Fake::new(Err("cannot find the program `gpg`"));
        let Ok(Unwrapped::NothingHere(reason)) = Backend::new(&gpg).unwrap("message") else { panic!("opened") };
        assert_eq!(reason.summary, "cannot find the program `gpg`");
        assert_eq!(Backend::new(&gpg).wrap(FINGERPRINT, b"key").unwrap_err().to_string(), "cannot find the program `gpg`");
    }
}
