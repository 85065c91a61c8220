//! Owns the parsers that make [`MasterKey`]s from the text of flags, environment variables and config entries.
//!
//! `…_list` takes what a flag takes (a comma list); the singular form takes one entry. Nothing is looked up.

use super::{AgeKey, AwsKmsKey, AzureKvKey, GcpKmsKey, HuaweiKmsKey, KeyType, MasterKey, PgpKey, VaultKey};
use std::collections::BTreeMap;

/// Why a text is no master key. Shows the text (recipients and key names are public) except where it is an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyTextError {
    /// Neither `age1…` nor `ssh-…`.
    #[error("failed to parse input, unknown recipient type: \"{0}\"")]
    UnknownRecipient(String),
    /// The secret half was given where the public half belongs. The text is not shown.
    #[error("this is an age identity (the secret half); give its recipient, which begins with `age1` or `ssh-`")]
    Identity,
    /// Looks like an age recipient but its encoding or checksum is wrong.
    #[error("malformed age recipient \"{text}\": {reason}")]
    Recipient {
        /// The recipient.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An Azure URL must be `https://HOST/keys/NAME[/VERSION]`.
    #[error("could not parse \"{0}\" into a valid Azure Key Vault key: expected https://VAULT/keys/NAME[/VERSION]")]
    AzureUrl(String),
    /// A Vault URI without a scheme.
    #[error("missing scheme in Vault URL (should be like this: https://vault.example.com:8200/v1/transit/keys/keyName), got: {0}")]
    VaultScheme(String),
    /// A Vault URI with something before `/vN/`.
    #[error(
        "running Vault with a prefixed URL is not supported (should be like this: https://vault.example.com:8200/v1/transit/keys/keyName), got: {0}"
    )]
    VaultPrefix(String),
    /// A Vault URI whose path is not `/vN/ENGINE/keys/NAME`, or that is no URI.
    #[error(
        "vault path does not seem to be formatted correctly (should be like this: https://vault.example.com:8200/v1/transit/keys/keyName), got: {0}"
    )]
    VaultPath(String),
    /// A Huawei key id without a colon.
    #[error("invalid key ID format: expected 'region:key-uuid', got \"{0}\"")]
    HuaweiFormat(String),
    /// A Huawei key id without a region.
    #[error("region cannot be empty in key ID: \"{0}\"")]
    HuaweiRegion(String),
    /// A Huawei key id without a key.
    #[error("key UUID cannot be empty in key ID: \"{0}\"")]
    HuaweiUuid(String),
}

/// Parses a comma list of keys of a type. Context and profile go to AWS KMS keys.
///
/// # Errors
/// As the list of that type.
pub fn list(
    key_type: KeyType,
    text: &str,
    context: &BTreeMap<String, String>,
    aws_profile: Option<&str>,
) -> Result<Vec<MasterKey>, KeyTextError> {
    match key_type {
        KeyType::AwsKms => Ok(aws_kms_list(text, context, aws_profile)),
        KeyType::GcpKms => Ok(gcp_kms_list(text)),
        KeyType::HuaweiKms => huawei_kms_list(text),
        KeyType::AzureKv => azure_kv_list(text),
        KeyType::Vault => vault_list(text),
        KeyType::Pgp => Ok(pgp_list(text)),
        KeyType::Age => age_list(text),
    }
}

/// Parses one age recipient; blanks around it are dropped, the comment of an SSH line is kept.
///
/// Post-quantum and plugin recipients are taken as data.
///
/// # Errors
/// [`KeyTextError::UnknownRecipient`], [`KeyTextError::Recipient`], [`KeyTextError::Identity`].
pub fn age(text: &str) -> Result<MasterKey, KeyTextError> {
    let text = text.trim();
    if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("AGE-")) || text.contains("PRIVATE KEY") {
        return Err(KeyTextError::Identity);
    }
    check_recipient(text)?;
    Ok(MasterKey::Age(AgeKey { recipient: text.to_owned() }))
}

/// Parses a comma list of age recipients. The empty text is the empty list; an empty item is an error.
///
/// # Errors
/// As [`age()`].
pub fn age_list(text: &str) -> Result<Vec<MasterKey>, KeyTextError> {
    items(text).map(age).collect()
}

/// Takes one PGP fingerprint: every blank is dropped, case and a trailing `!` are kept.
pub fn pgp(text: &str) -> MasterKey {
    MasterKey::Pgp(PgpKey { fingerprint: without_spaces(text) })
}

/// Takes a comma list of PGP fingerprints.
pub fn pgp_list(text: &str) -> Vec<MasterKey> {
    items(text).map(pgp).collect()
}

/// Takes one `ARN` or `ARN+ROLEARN` (split at the first `+arn:`); every blank is dropped. Checked when it is used.
pub fn aws_kms(text: &str, context: &BTreeMap<String, String>, aws_profile: Option<&str>) -> MasterKey {
    let text = without_spaces(text);
    let (arn, role) = match text.find("+arn:") {
        Some(plus) if plus > 0 => (text[..plus].to_owned(), Some(text[plus + 1..].to_owned())),
        _ => (text, None),
    };
    let aws_profile = aws_profile.filter(|profile| !profile.is_empty()).map(str::to_owned);
    MasterKey::AwsKms(AwsKmsKey { arn, role, context: context.clone(), aws_profile })
}

/// Takes a comma list of AWS KMS keys that share a context and a profile.
pub fn aws_kms_list(text: &str, context: &BTreeMap<String, String>, aws_profile: Option<&str>) -> Vec<MasterKey> {
    items(text).map(|item| aws_kms(item, context, aws_profile)).collect()
}

/// Takes one Google Cloud KMS resource id; every blank is dropped. Checked when it is used.
pub fn gcp_kms(text: &str) -> MasterKey {
    MasterKey::GcpKms(GcpKmsKey { resource_id: without_spaces(text) })
}

/// Takes a comma list of Google Cloud KMS resource ids.
pub fn gcp_kms_list(text: &str) -> Vec<MasterKey> {
    items(text).map(gcp_kms).collect()
}

/// Parses `https://HOST/keys/NAME[/VERSION]`; without a version the key's `version` stays empty.
///
/// # Errors
/// [`KeyTextError::AzureUrl`].
pub fn azure_kv(text: &str) -> Result<MasterKey, KeyTextError> {
    let text = text.trim();
    let parse = || {
        let rest = text.strip_prefix("https://")?;
        let (host, path) = rest.split_once("/keys/")?;
        let (name, version) = path.split_once('/').unwrap_or((path, ""));
        let valid = !host.is_empty() && !host.contains('/') && !name.is_empty() && !version.contains('/');
        valid.then(|| AzureKvKey { vault_url: format!("https://{host}"), name: name.to_owned(), version: version.to_owned() })
    };
    parse().map(MasterKey::AzureKv).ok_or_else(|| KeyTextError::AzureUrl(text.to_owned()))
}

/// Parses a comma list of Azure Key Vault URLs.
///
/// # Errors
/// As [`azure_kv`].
pub fn azure_kv_list(text: &str) -> Result<Vec<MasterKey>, KeyTextError> {
    items(text).map(azure_kv).collect()
}

/// Parses `SCHEME://HOST[:PORT]/vN/ENGINE/keys/NAME`; the last segment but one is dropped whatever it is.
///
/// # Errors
/// [`KeyTextError::VaultScheme`], [`KeyTextError::VaultPrefix`], [`KeyTextError::VaultPath`].
pub fn vault(text: &str) -> Result<MasterKey, KeyTextError> {
    let bad = || KeyTextError::VaultPath(text.to_owned());
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(KeyTextError::VaultScheme(text.to_owned()));
    };
    if scheme.is_empty() {
        return Err(KeyTextError::VaultScheme(text.to_owned()));
    }
    let (host, path) = rest.split_once('/').ok_or_else(bad)?;
    if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) {
        return Err(bad());
    }
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let is_version = |segment: &str| {
        let digits = segment.strip_prefix('v').unwrap_or("");
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    match segments.as_slice() {
        [first, engine @ .., _, name] if is_version(first) && !engine.is_empty() => Ok(MasterKey::Vault(VaultKey {
            address: format!("{scheme}://{host}"),
            engine_path: engine.join("/"),
            key_name: (*name).to_owned(),
        })),
        [_, rest @ ..] if rest.iter().any(|segment| is_version(segment)) => Err(KeyTextError::VaultPrefix(text.to_owned())),
        _ => Err(bad()),
    }
}

/// Parses a comma list of Vault URIs; empty items are skipped, items are not trimmed.
///
/// # Errors
/// As [`vault`].
pub fn vault_list(text: &str) -> Result<Vec<MasterKey>, KeyTextError> {
    items(text).filter(|item| !item.is_empty()).map(vault).collect()
}

/// Parses one `region:uuid`; blanks around it are dropped.
///
/// # Errors
/// [`KeyTextError::HuaweiFormat`], [`KeyTextError::HuaweiRegion`], [`KeyTextError::HuaweiUuid`].
pub fn huawei_kms(text: &str) -> Result<MasterKey, KeyTextError> {
    let text = text.trim();
    let (region, uuid) = text.split_once(':').ok_or_else(|| KeyTextError::HuaweiFormat(text.to_owned()))?;
    if region.trim().is_empty() {
        return Err(KeyTextError::HuaweiRegion(text.to_owned()));
    }
    if uuid.trim().is_empty() {
        return Err(KeyTextError::HuaweiUuid(text.to_owned()));
    }
    Ok(MasterKey::HuaweiKms(HuaweiKmsKey { key_id: text.to_owned() }))
}

/// Parses a comma list of Huawei Cloud KMS keys; empty items are skipped.
///
/// # Errors
/// As [`huawei_kms`].
pub fn huawei_kms_list(text: &str) -> Result<Vec<MasterKey>, KeyTextError> {
    items(text).filter(|item| !item.trim().is_empty()).map(huawei_kms).collect()
}

#[cfg(feature = "age")]
fn check_recipient(text: &str) -> Result<(), KeyTextError> {
    super::age::check_recipient(text)
}

/// Without the age backend only the kind can be told.
#[cfg(not(feature = "age"))]
fn check_recipient(text: &str) -> Result<(), KeyTextError> {
    let known = text.starts_with("age1") || text.starts_with("ssh-");
    if known { Ok(()) } else { Err(KeyTextError::UnknownRecipient(text.to_owned())) }
}

/// Splits a comma list; the empty text has no items.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(move |_| !text.is_empty())
}

fn without_spaces(text: &str) -> String {
    text.replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_lists_are_trimmed_and_an_empty_item_is_refused() {
        let x25519 = "age16r7pjmdqaksyuykpe6jmy4l0kas0nnaukrf25x4ws84pf0la64csfey8cy";
        let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIc4wKEhawvWZkHWvgIvgdcMvNq4TgXDhy/z7frGrNe me@host";
        let keys = age_list(&format!(" {x25519} ,{ssh}")).expect("two recipients");
        let texts: Vec<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [x25519, ssh]);
        assert_eq!(age_list(""), Ok(Vec::new()));
        let error = age_list(&format!("{x25519},")).expect_err("the reference refuses a trailing comma");
        assert_eq!(error.to_string(), "failed to parse input, unknown recipient type: \"\"");
    }

    #[test]
    fn an_identity_given_as_recipient_is_never_shown() {
        for text in ["AGE-SECRET-KEY-1ABC", "age-secret-key-1abc", "-----BEGIN OPENSSH PRIVATE KEY-----"] {
            let error = age(text).expect_err("a secret is no recipient");
            assert_eq!(error, KeyTextError::Identity);
            assert!(!error.to_string().contains(text));
        }
    }

    #[test]
    fn aws_keys_split_at_the_role() {
        let none = BTreeMap::new();
        let MasterKey::AwsKms(key) = aws_kms(" arn:aws:kms:r:1:key/a+b +arn:aws:iam::1:role/x", &none, Some("")) else {
            panic!("an AWS key");
        };
        assert_eq!(key.arn, "arn:aws:kms:r:1:key/a+b");
        assert_eq!(key.role.as_deref(), Some("arn:aws:iam::1:role/x"));
        assert_eq!(key.aws_profile, None);
        assert_eq!(aws_kms_list("a,b", &none, Some("p")).len(), 2);
        assert_eq!(aws_kms_list("", &none, None).len(), 0);
    }

    #[test]
    fn azure_urls_may_leave_out_the_version() {
        for (text, version) in [
            ("https://v.vault.azure.net/keys/k/3", "3"),
            (" https://v.vault.azure.net/keys/k/ ", ""),
            ("https://v.vault.azure.net/keys/k", ""),
        ] {
            let MasterKey::AzureKv(key) = azure_kv(text).expect(text) else { panic!("an Azure key") };
            assert_eq!((key.vault_url.as_str(), key.name.as_str()), ("https://v.vault.azure.net", "k"));
            assert_eq!(key.version, version);
        }
        for text in ["http://v/keys/k/1", "https://v/keys/", "https://v/x/keys/k/1", "https://v/keys/k/1/2", "https:///keys/k"] {
            assert!(azure_kv(text).is_err(), "{text}");
        }
    }

    #[test]
    fn vault_uris_give_address_engine_and_key() {
        let MasterKey::Vault(key) = vault("https://vault:8200/v1/a/b/keys/k/").expect("a URI") else { panic!("a Vault key") };
        assert_eq!((key.address.as_str(), key.engine_path.as_str(), key.key_name.as_str()), ("https://vault:8200", "a/b", "k"));
        assert!(vault("http://h/v1/transit/foo/dev").is_ok(), "the last segment but one is dropped whatever it is");
        assert!(matches!(vault("vault:8200/v1/transit/keys/k"), Err(KeyTextError::VaultScheme(_))));
        assert!(matches!(vault("https://h/prefix/v1/transit/keys/k"), Err(KeyTextError::VaultPrefix(_))));
        for text in
            ["https://h/transit/keys/k", "https://h/v1/keys/k", "https://h", "https://h/v1/t/keys/k?x=1", " https://h/v1/t/keys/k"]
        {
            assert!(matches!(vault(text), Err(KeyTextError::VaultPath(_))), "{text}");
        }
        assert_eq!(vault_list("https://h/v1/t/keys/a,,https://h/v1/t/keys/b").expect("two").len(), 2);
    }

    #[test]
    fn huawei_ids_need_both_halves() {
        assert_eq!(huawei_kms(" r:u ").expect("an id").to_string(), "r:u");
        assert!(matches!(huawei_kms("r"), Err(KeyTextError::HuaweiFormat(_))));
        assert!(matches!(huawei_kms(":u"), Err(KeyTextError::HuaweiRegion(_))));
        assert!(matches!(huawei_kms("r: "), Err(KeyTextError::HuaweiUuid(_))));
        assert_eq!(huawei_kms_list("r:u,, r:v").expect("two").len(), 2);
    }

    #[test]
    fn fingerprints_lose_their_blanks_only() {
        assert_eq!(pgp_list("FBC7 B9E2,abcd!")[0].to_string(), "FBC7B9E2");
        assert_eq!(pgp("ab cd!").to_string(), "abcd!");
    }
}
