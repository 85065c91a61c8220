//! Owns AWS KMS master keys: wraps and unwraps data keys with the SDK of AWS.
//!
//! Credentials come from the SDK's own chain, which reads the environment, the shared configuration and the metadata services; everything
//! else comes from the host ([`Surroundings`]). An encrypted file names a key, a role and a profile, never an endpoint or a program.
//! Nothing of this is touched before a key needs it. Rules: `docs/format.md`, "AWS KMS master keys".

use super::AwsKmsKey;
use super::service::{KeyError, Unwrapped};
use crate::secret::Secret;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

mod clients;
mod error;
mod said;

pub use error::{Asked, AwsKmsError};

use clients::{Client, Clients, Wanted};

/// The longest `enc` that is read, in bytes; a data key wrapped by KMS has about two hundred and fifty.
const LARGEST: usize = 1 << 20;

/// What the host knows about AWS. Asked only when an AWS KMS key is used.
pub trait Surroundings: Sync {
    /// Profiles, trust and limits.
    ///
    /// # Errors
    /// In words, when something is set that cannot be used.
    fn settings(&self) -> Result<Settings, String>;

    /// Tells the user something that is no error.
    fn note(&self, text: &str);
}

/// Profiles, trust and limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The profile that was asked for on the command line; it beats the one of a key.
    pub profile: Option<String>,
    /// Whether the environment names a profile (`AWS_PROFILE`): the SDK uses it, and on unwrapping it beats the one of a key.
    pub environment_names_profile: bool,
    /// Certificates (PEM) that are trusted instead of the system's.
    pub ca_bundle: Option<Vec<u8>>,
    /// The name of this machine, for the name of a session with a role.
    pub host_name: String,
    /// How long a request may take, all tries together.
    pub limit: Duration,
    /// The same where a profile has a program that gives the credentials: it may ask the user something.
    pub limit_with_program: Duration,
}

/// The AWS KMS backend.
pub struct Backend<'a> {
    surroundings: &'a dyn Surroundings,
    clients: OnceLock<Result<Clients, AwsKmsError>>,
}

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(aws)")
    }
}

impl<'a> Backend<'a> {
    /// In these surroundings; nothing is looked up yet.
    pub fn new(surroundings: &'a dyn Surroundings) -> Self {
        Self { surroundings, clients: OnceLock::new() }
    }

    /// Wraps a data key: the service's own bytes in base64.
    ///
    /// # Errors
    /// [`AwsKmsError`].
    pub fn wrap(&self, key: &AwsKmsKey, data_key: &[u8]) -> Result<String, KeyError> {
        let (clients, client) = self.client(key, false)?;
        let context = (!key.context.is_empty()).then(|| key.context.clone().into_iter().collect());
        let call = client.kms.encrypt().key_id(&key.arn).plaintext(Blob::new(data_key)).set_encryption_context(context);
        let output = self.run(clients, &client, call.send())?;
        match output.ciphertext_blob {
            Some(blob) if !blob.as_ref().is_empty() => Ok(STANDARD.encode(blob)),
            _ => Err(self.nothing(&client).into()),
        }
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`AwsKmsError`].
    pub fn unwrap(&self, key: &AwsKmsKey, enc: &str) -> Result<Unwrapped, KeyError> {
        if enc.len() > LARGEST {
            return Err(AwsKmsError::TooLarge(enc.len()).into());
        }
        let blob = STANDARD.decode(enc).map_err(|_| AwsKmsError::NotBase64)?;
        let (clients, client) = self.client(key, true)?;
        let context = (!key.context.is_empty()).then(|| key.context.clone().into_iter().collect());
        let call = client.kms.decrypt().key_id(&key.arn).ciphertext_blob(Blob::new(blob)).set_encryption_context(context);
        let output = self.run(clients, &client, call.send())?;
        match output.plaintext {
            Some(blob) if !blob.as_ref().is_empty() => Ok(Unwrapped::Opened(Secret::new(blob.into_inner()))),
            _ => Err(self.nothing(&client).into()),
        }
    }

    fn nothing(&self, client: &Client) -> AwsKmsError {
        AwsKmsError::Failed { why: String::from("the answer holds no key"), asked: client.asked() }
    }

    /// The client for a key. `unwrapping`: a profile that was asked for beats the one of the key.
    fn client(&self, key: &AwsKmsKey, unwrapping: bool) -> Result<(&Clients, Client), AwsKmsError> {
        let region = region(&key.arn).ok_or_else(|| AwsKmsError::Arn(key.arn.clone()))?;
        if let Some(role) = key.role.as_deref().filter(|role| !is_role(role)) {
            return Err(AwsKmsError::Role(role.to_owned()));
        }
        let make = || Clients::new(self.surroundings);
        let clients = self.clients.get_or_init(make).as_ref().map_err(Clone::clone)?;
        let wanted = Wanted { region, role: key.role.as_deref(), profile: key.aws_profile.as_deref(), unwrapping };
        let client = clients.client(&wanted, &|text| self.surroundings.note(text))?;
        Ok((clients, client))
    }

    /// Runs a call within the limit; on refusal it is found out who AWS takes the caller for.
    fn run<T, E>(
        &self,
        clients: &Clients,
        client: &Client,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, AwsKmsError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        client.begin();
        match clients.run(client.limit, call) {
            Some(Ok(output)) => Ok(output),
            None => Err(AwsKmsError::TimedOut { limit: client.limit, asked: client.asked() }),
            Some(Err(error)) => Err(said::in_words(&error, client, || clients.identity(client))),
        }
    }
}

/// The region in the ARN of a key or alias; `None` for anything else. A region becomes part of a host's name.
fn region(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, partition, service, region, account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let name = resource.strip_prefix("key/").or_else(|| resource.strip_prefix("alias/"))?;
    let sound = prefix == "arn"
        && partition.strip_prefix("aws").is_some_and(word)
        && service == "kms"
        && !region.is_empty()
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !account.is_empty()
        && account.bytes().all(|b| b.is_ascii_digit())
        && !name.is_empty()
        && !name.contains(char::is_control);
    sound.then_some(region)
}

/// Whether a text is the ARN of a role, as far as that can be told here.
fn is_role(text: &str) -> bool {
    text.starts_with("arn:aws") && text.contains(":iam::") && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_arn() {
        for (arn, found) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd", Some("eu-west-1")),
            ("arn:aws-us-gov:kms:us-gov-west-1:1:alias/a/b:c", Some("us-gov-west-1")),
            ("arn:aws-cn:kms:cn-north-1:1:key/mrk-1", Some("cn-north-1")),
            ("arn:aws:kms:eu-west-1:1:key/", None),
            ("arn:aws:kms::1:key/k", None),
            ("arn:aws:kms:eu-west-1::key/k", None),
            ("arn:aws:kms:example.com/:1:key/k", None),
            ("arn:aws:kms:x@example.com#:1:key/k", None),
            ("arn:aws:s3:eu-west-1:1:key/k", None),
            ("arn:aws:kms:eu-west-1:1:grant/k", None),
            ("alias/k", None),
            ("", None),
        ] {
            assert_eq!(region(arn), found, "{arn}");
        }
    }
}
