//! Owns the door to whatever wraps and unwraps data keys: [`KeyService`], and [`Local`], which dispatches to the
//! backends that are built in. A backend is one file behind a feature.

use super::parse::KeyTextError;
use super::{MasterKey, WrappedKey};
use crate::secret::Secret;

/// Wraps and unwraps data keys (or Shamir shares) with master keys.
pub trait KeyService: Sync {
    /// Wraps `data_key` with `key`; the result is the `enc` field of the metadata.
    ///
    /// # Errors
    /// [`KeyError`], when the key cannot be used.
    fn wrap(&self, key: &MasterKey, data_key: &[u8]) -> Result<String, KeyError>;

    /// The key as a file stores it: one that leaves out its version gets the current one. Others are given back as they are.
    ///
    /// # Errors
    /// [`KeyError`], when the version cannot be found out.
    fn pinned(&self, key: &MasterKey) -> Result<MasterKey, KeyError> {
        Ok(key.clone())
    }

    /// Unwraps what `key` wraps. [`Unwrapped::NothingHere`] means *not for anyone here*: the next key is tried.
    ///
    /// # Errors
    /// [`KeyError`], when the key should have opened it and did not. The next key is tried all the same.
    fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError>;

    /// Where it is, if it is somewhere else: then every question takes its time.
    fn address(&self) -> Option<String> {
        None
    }

    /// Finds out whether it answers at all.
    ///
    /// # Errors
    /// [`KeyError`], when it does not.
    fn check(&self) -> Result<(), KeyError> {
        Ok(())
    }

    /// Whether wrapping for a key waits for something else than this processor: then several are asked at the same time.
    fn waits(&self, key: &MasterKey) -> bool {
        self.address().is_some() || !matches!(key, MasterKey::Age(_))
    }
}

/// What asking for a data key gave.
#[derive(Debug)]
pub enum Unwrapped {
    /// The data key (or share).
    Opened(Secret<Vec<u8>>),
    /// Nothing here opens it; the reason is for the report.
    NothingHere(Reason),
}

/// Why nothing here opens a key: names of places and public recipients, never content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// One line: what was found and does not fit.
    pub summary: String,
    /// One line for each further place that was looked into.
    pub details: Vec<String>,
    /// What to do, where a mistake is recognised.
    pub hints: Vec<String>,
}

/// Why a master key did not wrap or unwrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The service, or this kind of key, is not part of this build.
    #[error("{what} is not part of this build")]
    NotBuiltIn {
        /// What is missing, for example `Azure Key Vault`.
        what: String,
    },
    /// The key's own text is malformed.
    #[error(transparent)]
    Text(#[from] KeyTextError),
    /// An age file could not be made or opened.
    #[cfg(feature = "age")]
    #[error(transparent)]
    Age(#[from] super::age::AgeError),
    /// A PGP key failed.
    #[cfg(feature = "pgp")]
    #[error(transparent)]
    Pgp(#[from] super::pgp::PgpError),
    /// An AWS KMS key failed.
    #[cfg(feature = "aws-kms")]
    #[error(transparent)]
    AwsKms(#[from] super::aws_kms::AwsKmsError),
    /// A Vault key failed.
    #[cfg(feature = "vault")]
    #[error(transparent)]
    Vault(#[from] super::vault::VaultError),
    /// A key service somewhere else failed.
    #[cfg(feature = "keyservice")]
    #[error(transparent)]
    Remote(#[from] super::remote::RemoteError),
    /// A Huawei Cloud KMS key failed.
    #[cfg(feature = "huawei-kms")]
    #[error(transparent)]
    HuaweiKms(#[from] super::huawei_kms::HuaweiKmsError),
    /// An Azure Key Vault key failed.
    #[cfg(feature = "azure-kv")]
    #[error(transparent)]
    AzureKv(#[from] super::azure_kv::AzureKvError),
    /// A Google Cloud KMS key failed.
    #[cfg(feature = "gcp-kms")]
    #[error(transparent)]
    GcpKms(#[from] super::gcp_kms::GcpKmsError),
    /// What was unwrapped is not as long as a data key, or a share of one.
    #[error("it unwraps to {0} bytes, which is no data key")]
    Length(usize),
    /// A backend failed; the text is its own and holds no secret.
    #[error("{0}")]
    Service(String),
}

/// The backends of this build, with what the host provides for them.
#[derive(Debug, Default)]
pub struct Local<'a> {
    #[cfg(feature = "age")]
    age: Option<super::age::Backend<'a>>,
    #[cfg(feature = "pgp")]
    pgp: Option<super::pgp::Backend<'a>>,
    #[cfg(feature = "aws-kms")]
    aws: Option<super::aws_kms::Backend<'a>>,
    #[cfg(feature = "vault")]
    vault: Option<super::vault::Backend<'a>>,
    #[cfg(feature = "huawei-kms")]
    huawei: Option<super::huawei_kms::Backend<'a>>,
    #[cfg(feature = "azure-kv")]
    azure: Option<super::azure_kv::Backend>,
    #[cfg(feature = "gcp-kms")]
    gcp: Option<super::gcp_kms::Backend<'a>>,
    /// What the host provides, also when no backend that needs it is built in.
    host: std::marker::PhantomData<&'a ()>,
}

impl<'a> Local<'a> {
    /// Wraps for every service that is built in and needs nothing of the host; unwraps nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Unwraps age keys with the identities of `provider`.
    #[cfg(feature = "age")]
    #[must_use]
    pub fn with_age(mut self, provider: &'a dyn super::age::IdentityProvider) -> Self {
        self.age = Some(super::age::Backend::new(provider));
        self
    }
}

#[cfg(feature = "pgp")]
impl<'a> Local<'a> {
    /// Wraps and unwraps for PGP keys with this GnuPG.
    #[must_use]
    pub fn with_pgp(mut self, gpg: &'a dyn super::pgp::Gpg) -> Self {
        self.pgp = Some(super::pgp::Backend::new(gpg));
        self
    }
}

#[cfg(feature = "age")]
impl Local<'_> {
    /// What is at every place where age identities may be. Commands are not run, and nobody is asked for a passphrase.
    pub fn age_identities(&self) -> Vec<super::age::Surveyed> {
        self.age.as_ref().map(super::age::Backend::survey).unwrap_or_default()
    }
}

impl Local<'_> {
    #[cfg(feature = "age")]
    fn wrap_age(&self, recipient: &str, data_key: &[u8]) -> Result<String, KeyError> {
        super::age::wrap(recipient, data_key, self.age.as_ref().and_then(super::age::Backend::plugins))
    }

    #[cfg(not(feature = "age"))]
    fn wrap_age(&self, _recipient: &str, _data_key: &[u8]) -> Result<String, KeyError> {
        Err(KeyError::NotBuiltIn { what: super::KeyType::Age.service().to_owned() })
    }
}

#[cfg(feature = "vault")]
impl<'a> Local<'a> {
    /// Wraps and unwraps for Vault keys in these surroundings.
    #[must_use]
    pub fn with_vault(mut self, surroundings: &'a dyn super::vault::Surroundings) -> Self {
        self.vault = Some(super::vault::Backend::new(surroundings));
        self
    }
}

#[cfg(feature = "huawei-kms")]
impl<'a> Local<'a> {
    /// Wraps and unwraps for Huawei Cloud KMS keys in these surroundings.
    #[must_use]
    pub fn with_huawei(
        mut self,
        surroundings: &'a dyn super::huawei_kms::Surroundings,
        network: &'a dyn super::http::Network,
    ) -> Self {
        self.huawei = Some(super::huawei_kms::Backend::new(surroundings, network));
        self
    }
}

#[cfg(feature = "azure-kv")]
impl Local<'_> {
    /// Wraps and unwraps for Azure Key Vault keys in these surroundings. The SDK holds on to them.
    #[must_use]
    pub fn with_azure(
        mut self,
        surroundings: &'static dyn super::azure_kv::Surroundings,
        network: &'static dyn super::http::Network,
    ) -> Self {
        self.azure = Some(super::azure_kv::Backend::new(surroundings, network));
        self
    }
}

#[cfg(feature = "gcp-kms")]
impl<'a> Local<'a> {
    /// Wraps and unwraps for Google Cloud KMS keys in these surroundings.
    #[must_use]
    pub fn with_gcp(mut self, surroundings: &'a dyn super::gcp_kms::Surroundings, network: &'a dyn super::http::Network) -> Self {
        self.gcp = Some(super::gcp_kms::Backend::new(surroundings, network));
        self
    }
}

#[cfg(feature = "aws-kms")]
impl<'a> Local<'a> {
    /// Wraps and unwraps for AWS KMS keys in these surroundings.
    #[must_use]
    pub fn with_aws(mut self, surroundings: &'a dyn super::aws_kms::Surroundings) -> Self {
        self.aws = Some(super::aws_kms::Backend::new(surroundings));
        self
    }
}

impl KeyService for Local<'_> {
    fn wrap(&self, key: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
        match key {
            MasterKey::Age(age) => self.wrap_age(&age.recipient, data_key),
            #[cfg(feature = "pgp")]
            MasterKey::Pgp(pgp) => match &self.pgp {
                Some(backend) => backend.wrap(&pgp.fingerprint, data_key),
                None => Err(KeyError::Service(NO_GPG.to_owned())),
            },
            #[cfg(feature = "aws-kms")]
            MasterKey::AwsKms(aws) => given(&self.aws, key)?.wrap(aws, data_key),
            #[cfg(feature = "vault")]
            MasterKey::Vault(vault) => given(&self.vault, key)?.wrap(vault, data_key),
            #[cfg(feature = "huawei-kms")]
            MasterKey::HuaweiKms(huawei) => given(&self.huawei, key)?.wrap(huawei, data_key),
            #[cfg(feature = "azure-kv")]
            MasterKey::AzureKv(azure) => given(&self.azure, key)?.wrap(azure, data_key),
            #[cfg(feature = "gcp-kms")]
            MasterKey::GcpKms(gcp) => given(&self.gcp, key)?.wrap(gcp, data_key),
            #[cfg(not(all(
                feature = "pgp",
                feature = "vault",
                feature = "aws-kms",
                feature = "huawei-kms",
                feature = "azure-kv",
                feature = "gcp-kms"
            )))]
            other => Err(not_built_in(other)),
        }
    }

    #[cfg(feature = "age")]
    fn waits(&self, key: &MasterKey) -> bool {
        match key {
            MasterKey::Age(age) => super::age::has_plugin(&age.recipient),
            _ => true,
        }
    }

    #[cfg(feature = "azure-kv")]
    fn pinned(&self, key: &MasterKey) -> Result<MasterKey, KeyError> {
        match (key, &self.azure) {
            (MasterKey::AzureKv(azure), Some(backend)) => backend.pinned(azure).map(MasterKey::AzureKv),
            _ => Ok(key.clone()),
        }
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
        match &key.key {
            #[cfg(feature = "age")]
            MasterKey::Age(age) => match &self.age {
                Some(backend) => backend.unwrap(&age.recipient, &key.enc),
                None => Ok(Unwrapped::NothingHere(Reason { summary: "no identities were given".to_owned(), ..Reason::default() })),
            },
            #[cfg(feature = "pgp")]
            MasterKey::Pgp(_) => match &self.pgp {
                Some(backend) => backend.unwrap(&key.enc),
                None => Ok(Unwrapped::NothingHere(Reason { summary: NO_GPG.to_owned(), ..Reason::default() })),
            },
            #[cfg(feature = "aws-kms")]
            MasterKey::AwsKms(aws) => given(&self.aws, &key.key)?.unwrap(aws, &key.enc),
            #[cfg(feature = "vault")]
            MasterKey::Vault(vault) => given(&self.vault, &key.key)?.unwrap(vault, &key.enc),
            #[cfg(feature = "huawei-kms")]
            MasterKey::HuaweiKms(huawei) => given(&self.huawei, &key.key)?.unwrap(huawei, &key.enc),
            #[cfg(feature = "azure-kv")]
            MasterKey::AzureKv(azure) => given(&self.azure, &key.key)?.unwrap(azure, &key.enc),
            #[cfg(feature = "gcp-kms")]
            MasterKey::GcpKms(gcp) => given(&self.gcp, &key.key)?.unwrap(gcp, &key.enc),
            #[cfg(not(all(
                feature = "age",
                feature = "pgp",
                feature = "vault",
                feature = "aws-kms",
                feature = "huawei-kms",
                feature = "azure-kv",
                feature = "gcp-kms"
            )))]
            other => Err(not_built_in(other)),
        }
    }
}

#[cfg(feature = "pgp")]
const NO_GPG: &str = "no GnuPG was given";

/// The backend for a key. Where there is none, the library can, but whoever uses it did not say how.
#[cfg(any(feature = "aws-kms", feature = "key-http"))]
fn given<'b, B>(backend: &'b Option<B>, key: &MasterKey) -> Result<&'b B, KeyError> {
    backend.as_ref().ok_or_else(|| KeyError::Service(format!("no access to {} was given", key.key_type().service())))
}

#[cfg(not(all(
    feature = "age",
    feature = "pgp",
    feature = "vault",
    feature = "aws-kms",
    feature = "huawei-kms",
    feature = "azure-kv",
    feature = "gcp-kms"
)))]
fn not_built_in(key: &MasterKey) -> KeyError {
    KeyError::NotBuiltIn { what: key.key_type().service().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "azure-kv"))]
    #[test]
    fn a_service_that_is_not_built_in_is_named() {
        let azure = crate::keys::parse::azure_kv("https://v.vault.azure.net/keys/k/1").expect("a key");
        let error = Local::new().wrap(&azure, &[0; 32]).expect_err("not built in");
        assert_eq!(error.to_string(), "Azure Key Vault is not part of this build");
        let wrapped = WrappedKey { key: azure, enc: String::new(), created_at: None };
        assert_eq!(
            Local::new().unwrap(&wrapped).expect_err("not built in").to_string(),
            "Azure Key Vault is not part of this build"
        );
    }

    #[test]
    fn what_was_unwrapped_never_shows() {
        let opened = Unwrapped::Opened(Secret::new(b"canary".to_vec()));
        assert_eq!(format!("{opened:?}"), "Opened([redacted])");
    }
}
