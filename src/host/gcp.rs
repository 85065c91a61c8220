//! Owns what is known about Google Cloud here beside what its library finds by itself: the variables of sops, and whether there is a file of
//! application default credentials.

use super::env;
use super::failure::io_words;
use crate::keys::gcp_kms::{Settings, Surroundings};
use crate::secret::Secret;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long Google Cloud may take, all requests together.
const LIMIT: Duration = Duration::from_secs(9);
/// The largest file of credentials.
const LARGEST: u64 = 1 << 20;
/// Where `gcloud auth application-default login` leaves credentials, below the home folder.
const DEFAULT: &str = ".config/gcloud/application_default_credentials.json";

/// Google Cloud as this user's environment knows it.
#[derive(Debug)]
pub struct Environment;

impl Surroundings for Environment {
    fn settings(&self) -> Result<Settings, String> {
        let client = env::GCP_KMS_CLIENT_TYPE.text_in_words()?.unwrap_or_default();
        if !["", "grpc", "rest"].iter().any(|known| client.eq_ignore_ascii_case(known)) {
            return Err(format!("the environment variable {} must be `grpc` or `rest`", env::GCP_KMS_CLIENT_TYPE.name));
        }
        let file = env::HOME.path().map(|home| home.join(DEFAULT));
        let named = env::GOOGLE_APPLICATION_CREDENTIALS.path();
        let place = file.as_deref().map(|file| format!(", and there is no file {}", file.display())).unwrap_or_default();
        Ok(Settings {
            credentials: credentials()?,
            access_token: env::GOOGLE_OAUTH_ACCESS_TOKEN.text_in_words()?.map(Secret::new),
            has_default: named.is_some() || file.is_some_and(|file| file.exists()),
            places: format!(
                "{}, {} and {} are not set{place}",
                env::GOOGLE_CREDENTIALS.name,
                env::GOOGLE_OAUTH_ACCESS_TOKEN.name,
                env::GOOGLE_APPLICATION_CREDENTIALS.name
            ),
            endpoint: env::GCP_KMS_ENDPOINT.text_in_words()?,
            universe: env::GCP_KMS_UNIVERSE_DOMAIN.text_in_words()?,
            limit: LIMIT,
        })
    }
}

/// `GOOGLE_CREDENTIALS`: a file, if there is one of that name, else the credentials themselves.
fn credentials() -> Result<Option<Secret<String>>, String> {
    let Some(value) = env::GOOGLE_CREDENTIALS.text_in_words()? else { return Ok(None) };
    if !Path::new(&value).exists() {
        return Ok(Some(Secret::new(value)));
    }
    let mut text = Zeroizing::new(String::with_capacity(8192));
    match std::fs::File::open(&value).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(Secret::new(text.as_str().to_owned()))),
        Err(error) => Err(format!("cannot read {value}: {} (GOOGLE_CREDENTIALS)", io_words(&error))),
    }
}
