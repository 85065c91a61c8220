//! Owns master keys: someone's key that wraps the data key of a file.
//!
//! This file is plain data: which key, in the words the metadata and `.sops.yaml` use, and what a file holds for it.
//! [`parse`] reads keys from the text of flags and config; the work is done behind [`service::KeyService`].
//! May use `crypto` and `secret`; no files, environment or clock (the host hands those in as data).
//! Rules: `docs/format.md`, "Master keys".

use std::collections::BTreeMap;
use std::fmt;

#[cfg(feature = "age")]
pub mod age;
#[cfg(feature = "aws-kms")]
pub mod aws_kms;
#[cfg(feature = "azure-kv")]
pub mod azure_kv;
pub mod diff;
#[cfg(feature = "gcp-kms")]
pub mod gcp_kms;
#[cfg(feature = "key-http")]
pub mod http;
#[cfg(feature = "huawei-kms")]
pub mod huawei_kms;
pub mod parse;
#[cfg(feature = "pgp")]
pub mod pgp;
pub mod pin;
pub mod recover;
#[cfg(feature = "keyservice")]
pub mod remote;
pub mod service;
#[cfg(feature = "vault")]
pub mod vault;
pub mod words;
pub mod wrap;

/// One master key, as data: enough to find the key, nothing that opens anything.
///
/// `Display` gives the string form that reports, `--rm-*` flags and de-duplication use (the reference's `ToString`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKey {
    /// An age recipient: X25519, SSH, post-quantum or plugin.
    Age(AgeKey),
    /// An OpenPGP key.
    Pgp(PgpKey),
    /// An AWS KMS key.
    AwsKms(AwsKmsKey),
    /// A Google Cloud KMS key.
    GcpKms(GcpKmsKey),
    /// An Azure Key Vault key.
    AzureKv(AzureKvKey),
    /// A HashiCorp Vault or OpenBao transit key.
    Vault(VaultKey),
    /// A Huawei Cloud KMS key.
    HuaweiKms(HuaweiKmsKey),
}

/// An age recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeKey {
    /// The recipient's text as stored: `age1…`, or an `ssh-ed25519`/`ssh-rsa` line with its comment.
    pub recipient: String,
}

/// An OpenPGP key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgpKey {
    /// The fingerprint as typed, without blanks; a trailing `!` pins a subkey.
    pub fingerprint: String,
}

/// An AWS KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKmsKey {
    /// ARN of the key or alias; not checked here.
    pub arn: String,
    /// ARN of a role to assume first.
    pub role: Option<String>,
    /// The encryption context, sorted by key. Null values are left out: they are never sent.
    pub context: BTreeMap<String, String>,
    /// The profile of the shared AWS configuration; `None` where the file has an empty one.
    pub aws_profile: Option<String>,
}

/// A Google Cloud KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpKmsKey {
    /// `projects/P/locations/L/keyRings/R/cryptoKeys/K`; not checked here.
    pub resource_id: String,
}

/// An Azure Key Vault key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureKvKey {
    /// `https://HOST`.
    pub vault_url: String,
    /// Name of the key.
    pub name: String,
    /// Version of the key; empty means the current one, which must be looked up before the key is stored.
    pub version: String,
}

/// A HashiCorp Vault or OpenBao transit key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultKey {
    /// `SCHEME://HOST[:PORT]`.
    pub address: String,
    /// Where the transit engine is mounted; may contain `/`.
    pub engine_path: String,
    /// Name of the key.
    pub key_name: String,
}

/// A Huawei Cloud KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HuaweiKmsKey {
    /// `region:uuid`.
    pub key_id: String,
}

/// The types of master keys, in the order their lists have in the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// AWS KMS.
    AwsKms,
    /// Google Cloud KMS.
    GcpKms,
    /// Huawei Cloud KMS.
    HuaweiKms,
    /// Azure Key Vault.
    AzureKv,
    /// HashiCorp Vault or OpenBao transit.
    Vault,
    /// OpenPGP.
    Pgp,
    /// age.
    Age,
}

impl KeyType {
    /// Every type, in stored order: the order of the lists in the metadata (file-format rule "Reading metadata").
    pub const ALL: [Self; 7] = [Self::AwsKms, Self::GcpKms, Self::HuaweiKms, Self::AzureKv, Self::Vault, Self::Pgp, Self::Age];

    /// The name of the type: the list's name in the metadata, and the word `--decryption-order` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsKms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::HuaweiKms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::Vault => "hc_vault",
            Self::Pgp => "pgp",
            Self::Age => "age",
        }
    }

    /// Whether its keys are asked over a network, or may be: what needs none is tried first.
    pub fn is_remote(self) -> bool {
        !matches!(self, Self::Age | Self::Pgp)
    }

    /// The name of the service in running text.
    pub fn service(self) -> &'static str {
        match self {
            Self::AwsKms => "AWS KMS",
            Self::GcpKms => "Google Cloud KMS",
            Self::HuaweiKms => "Huawei Cloud KMS",
            Self::AzureKv => "Azure Key Vault",
            Self::Vault => "HashiCorp Vault",
            Self::Pgp => "PGP",
            Self::Age => "age",
        }
    }
}

impl MasterKey {
    /// The key's type.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Age(_) => KeyType::Age,
            Self::Pgp(_) => KeyType::Pgp,
            Self::AwsKms(_) => KeyType::AwsKms,
            Self::GcpKms(_) => KeyType::GcpKms,
            Self::AzureKv(_) => KeyType::AzureKv,
            Self::Vault(_) => KeyType::Vault,
            Self::HuaweiKms(_) => KeyType::HuaweiKms,
        }
    }

    /// The name of the key's type, as [`KeyType::name`].
    pub fn type_name(&self) -> &'static str {
        self.key_type().name()
    }
}

impl fmt::Display for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age(key) => f.write_str(&key.recipient),
            Self::Pgp(key) => f.write_str(&key.fingerprint),
            Self::AwsKms(key) => key.fmt(f),
            Self::GcpKms(key) => f.write_str(&key.resource_id),
            Self::AzureKv(key) => write!(f, "{}/keys/{}/{}", key.vault_url, key.name, key.version),
            Self::Vault(key) => write!(f, "{}/v1/{}/keys/{}", key.address, key.engine_path, key.key_name),
            Self::HuaweiKms(key) => f.write_str(&key.key_id),
        }
    }
}

impl fmt::Display for AwsKmsKey {
    /// `ARN[+ROLE][|CONTEXT[|PROFILE]]`; output only, never parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)?;
        if let Some(role) = &self.role {
            write!(f, "+{role}")?;
        }
        if self.context.is_empty() && self.aws_profile.is_none() {
            return Ok(());
        }
        f.write_str("|")?;
        for (index, (name, value)) in self.context.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{name}:{value}")?;
        }
        match &self.aws_profile {
            Some(profile) => write!(f, "|{profile}"),
            None => Ok(()),
        }
    }
}

/// Master keys of which any one opens the group's share of the data key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGroup {
    /// The keys, in the order they were given.
    pub keys: Vec<MasterKey>,
}

impl KeyGroup {
    /// Drops keys whose type and string form came before: the rule for `key_groups` of a creation rule.
    pub fn dedup(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.keys.retain(|key| seen.insert((key.key_type(), key.to_string())));
    }
}

/// A master key with the data key (or share) it wraps: one entry of the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The key.
    pub key: MasterKey,
    /// The wrapped data key or share, exactly as the metadata's `enc` field.
    pub enc: String,
    /// When it was wrapped, exactly as the metadata's text (RFC 3339); age has none.
    pub created_at: Option<String>,
}

/// One key group of a file's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrappedGroup {
    /// The entries, in stored order.
    pub keys: Vec<WrappedKey>,
}

impl WrappedGroup {
    /// The group without what it wraps.
    pub fn group(&self) -> KeyGroup {
        KeyGroup { keys: self.keys.iter().map(|wrapped| wrapped.key.clone()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_keys_show_role_context_and_profile_as_the_reference_does() {
        let mut key =
            AwsKmsKey { arn: "arn:aws:kms:eu-west-1:1:key/k".into(), role: None, context: BTreeMap::new(), aws_profile: None };
        assert_eq!(MasterKey::AwsKms(key.clone()).to_string(), "arn:aws:kms:eu-west-1:1:key/k");
        key.role = Some("arn:aws:iam::1:role/r".into());
        key.aws_profile = Some("ci".into());
        assert_eq!(key.to_string(), "arn:aws:kms:eu-west-1:1:key/k+arn:aws:iam::1:role/r||ci");
        key.context.insert("b".into(), "2".into());
        key.context.insert("a".into(), "1".into());
        assert_eq!(key.to_string(), "arn:aws:kms:eu-west-1:1:key/k+arn:aws:iam::1:role/r|a:1,b:2|ci");
        key.aws_profile = None;
        assert_eq!(key.to_string(), "arn:aws:kms:eu-west-1:1:key/k+arn:aws:iam::1:role/r|a:1,b:2");
    }

    #[test]
    fn the_first_of_equal_keys_stays() {
        let age = |text: &str| MasterKey::Age(AgeKey { recipient: text.into() });
        let pgp = |text: &str| MasterKey::Pgp(PgpKey { fingerprint: text.into() });
        let mut group = KeyGroup { keys: vec![age("a"), pgp("a"), age("b"), age("a")] };
        group.dedup();
        assert_eq!(group.keys, [age("a"), pgp("a"), age("b")]);
    }
}
