//! Owns where tokens come from: the credentials of Google's own library, in the order of sops, and the runtime they need.

use super::{GcpKmsError, Settings};
use crate::keys::http::{self, Deadline, Network};
use crate::keys::words::without_number;
use crate::secret::Secret;
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Builder, external_account, impersonated, mds, service_account, user_account,
};
use std::time::Duration;

/// What tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
/// How long the metadata service of a machine may take; where there is none, nothing answers.
const METADATA_LIMIT: Duration = Duration::from_secs(2);
/// What stands for [`Settings::credentials`].
const GIVEN: &str = "GOOGLE_CREDENTIALS";
/// What stands for the file of `gcloud`, or the one that the environment names.
const DEFAULT: &str = "the application default credentials";
/// What stands for the machine.
const MACHINE: &str = "the metadata service";

/// Where tokens come from.
pub(super) enum Tokens {
    /// This one.
    Fixed(Secret<String>),
    /// Google's library.
    Library(Library),
}

/// Credentials that the library holds, and renews.
pub(super) struct Library {
    /// Taken out when it ends: it does not wait for a name that is never resolved.
    runtime: Option<tokio::runtime::Runtime>,
    credentials: AccessTokenCredentials,
    source_name: &'static str,
    /// Where else was looked, when only the metadata service is left.
    places: Option<String>,
}

impl Drop for Library {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Tokens {
    /// What the settings say.
    ///
    /// # Errors
    /// [`GcpKmsError`], when the credentials cannot be used.
    pub(super) fn new(settings: Settings, network: &dyn Network) -> Result<Self, GcpKmsError> {
        if settings.credentials.is_none()
            && let Some(token) = settings.access_token
        {
            return Ok(Self::Fixed(token));
        }
        // The library ends the process where there is no certificate to trust.
        network.trust().map_err(GcpKmsError::Settings)?;
        http::install_provider();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| GcpKmsError::Settings(format!("cannot start the client of Google Cloud: {error}")))?;
        let (credentials, source_name, places) = {
            let _inside = runtime.enter();
            match (&settings.credentials, settings.has_default) {
                (Some(json), _) => (given(json)?, GIVEN, None),
                (None, true) => (
                    Builder::default().with_scopes([SCOPE]).build_access_token_credentials().map_err(refused(DEFAULT))?,
                    DEFAULT,
                    None,
                ),
                (None, false) => {
                    let credentials = mds::Builder::default().with_scopes([SCOPE]).build_access_token_credentials();
                    (credentials.map_err(refused(MACHINE))?, MACHINE, Some(settings.places))
                }
            }
        };
        Ok(Self::Library(Library { runtime: Some(runtime), credentials, source_name, places }))
    }

    /// A token that holds.
    ///
    /// # Errors
    /// [`GcpKmsError::NoToken`], [`GcpKmsError::NoCredentials`].
    pub(super) fn token(&self, deadline: &Deadline<'_>) -> Result<Secret<String>, GcpKmsError> {
        let library = match self {
            Self::Fixed(token) => return Ok(Secret::new(token.expose().clone())),
            Self::Library(library) => library,
        };
        let limit = if library.places.is_some() { deadline.left().min(METADATA_LIMIT) } else { deadline.left() };
        let Some(runtime) = library.runtime.as_ref() else {
            return Err(GcpKmsError::Settings(String::from("the client of Google Cloud has ended")));
        };
        let asked = runtime.block_on(async { tokio::time::timeout(limit, library.credentials.access_token()).await });
        let why = match asked {
            Ok(Ok(token)) => return Ok(Secret::new(token.token)),
            Ok(Err(error)) => innermost(&error),
            Err(_) => format!("no answer within {} s", limit.as_secs_f64().round()),
        };
        Err(match &library.places {
            Some(places) => GcpKmsError::NoCredentials(format!("{places}; {}: {why}", library.source_name)),
            None => GcpKmsError::NoToken { source_name: library.source_name, why },
        })
    }
}

/// The credentials in a text of JSON, by their kind.
fn given(json: &Secret<String>) -> Result<AccessTokenCredentials, GcpKmsError> {
    let wrong = |why: &str| GcpKmsError::Settings(format!("{GIVEN} is neither a file nor credentials in JSON: {why}"));
    let value: serde_json::Value = serde_json::from_str(json.expose()).map_err(|_| wrong("it is no JSON"))?;
    let kind = value.get("type").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let built = match kind.as_str() {
        "service_account" => {
            let scopes = service_account::AccessSpecifier::from_scopes([SCOPE]);
            service_account::Builder::new(value).with_access_specifier(scopes).build_access_token_credentials()
        }
        // The scopes of a user's token are those that the user agreed to.
        "authorized_user" => user_account::Builder::new(value).build_access_token_credentials(),
        "impersonated_service_account" => impersonated::Builder::new(value).with_scopes([SCOPE]).build_access_token_credentials(),
        "external_account" => external_account::Builder::new(value).with_scopes([SCOPE]).build_access_token_credentials(),
        _ => {
            return Err(wrong(
                "its `type` is not one of service_account, authorized_user, impersonated_service_account, external_account",
            ));
        }
    };
    built.map_err(refused(GIVEN))
}

/// An error of the library in our words: of a text that cannot be read nothing is shown.
fn refused(source_name: &'static str) -> impl Fn(BuildError) -> GcpKmsError {
    move |error| {
        let why = match () {
            () if error.is_parsing() => String::from("they cannot be read: not JSON, or a field is missing"),
            () if error.is_loading() => innermost(&error),
            () => String::from("they cannot be used: of an unknown kind, or a field is missing"),
        };
        GcpKmsError::NoToken { source_name, why }
    }
}

/// The last two errors of a chain: what went wrong, not every layer it went through.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let text = without_number(&text).to_owned();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    http::shown(&texts[texts.len().saturating_sub(2)..].join(": "), &[])
}
