//! Owns the messages of sops's key service protocol, and what they mean in our words. Rules: `docs/format.md`, "Key service protocol".
//!
//! Messages with a data key in them are not shown by `Debug`, and are wiped when they go.

use crate::keys::{AgeKey, AwsKmsKey, AzureKvKey, GcpKmsKey, HuaweiKmsKey, MasterKey, PgpKey, VaultKey};
use std::collections::BTreeMap;
use zeroize::Zeroize as _;

/// A master key.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Key {
    #[prost(oneof = "KeyType", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) key_type: Option<KeyType>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum KeyType {
    #[prost(message, tag = "1")]
    AwsKms(AwsKms),
    #[prost(message, tag = "2")]
    Pgp(Pgp),
    #[prost(message, tag = "3")]
    GcpKms(GcpKms),
    #[prost(message, tag = "4")]
    AzureKv(AzureKv),
    #[prost(message, tag = "5")]
    Vault(Vault),
    #[prost(message, tag = "6")]
    Age(Age),
    #[prost(message, tag = "7")]
    HuaweiKms(HuaweiKms),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AwsKms {
    #[prost(string, tag = "1")]
    arn: String,
    #[prost(string, tag = "2")]
    role: String,
    #[prost(btree_map = "string, string", tag = "3")]
    context: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    aws_profile: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Pgp {
    #[prost(string, tag = "1")]
    fingerprint: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GcpKms {
    #[prost(string, tag = "1")]
    resource_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AzureKv {
    #[prost(string, tag = "1")]
    vault_url: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Vault {
    #[prost(string, tag = "1")]
    vault_address: String,
    #[prost(string, tag = "2")]
    engine_path: String,
    #[prost(string, tag = "3")]
    key_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Age {
    #[prost(string, tag = "1")]
    recipient: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HuaweiKms {
    #[prost(string, tag = "1")]
    key_id: String,
}

/// `EncryptRequest`, `EncryptResponse`, `DecryptRequest` and `DecryptResponse` are two messages on the wire: a key with bytes, and bytes.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Request {
    #[prost(message, optional, tag = "1")]
    pub(super) key: Option<Key>,
    /// The data key to wrap, or what is to be unwrapped.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Response {
    /// What is wrapped, or the data key.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) bytes: Vec<u8>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("key", &self.key).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Response { .. }")
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl From<&MasterKey> for Key {
    fn from(key: &MasterKey) -> Self {
        let key_type = match key.clone() {
            MasterKey::AwsKms(AwsKmsKey { arn, role, context, aws_profile }) => KeyType::AwsKms(AwsKms {
                arn,
                role: role.unwrap_or_default(),
                context,
                aws_profile: aws_profile.unwrap_or_default(),
            }),
            MasterKey::Pgp(PgpKey { fingerprint }) => KeyType::Pgp(Pgp { fingerprint }),
            MasterKey::GcpKms(GcpKmsKey { resource_id }) => KeyType::GcpKms(GcpKms { resource_id }),
            MasterKey::AzureKv(AzureKvKey { vault_url, name, version }) => KeyType::AzureKv(AzureKv { vault_url, name, version }),
            MasterKey::Vault(VaultKey { address, engine_path, key_name }) => {
                KeyType::Vault(Vault { vault_address: address, engine_path, key_name })
            }
            MasterKey::Age(AgeKey { recipient }) => KeyType::Age(Age { recipient }),
            MasterKey::HuaweiKms(HuaweiKmsKey { key_id }) => KeyType::HuaweiKms(HuaweiKms { key_id }),
        };
        Self { key_type: Some(key_type) }
    }
}

impl From<KeyType> for MasterKey {
    fn from(key: KeyType) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        match key {
            KeyType::AwsKms(AwsKms { arn, role, context, aws_profile }) => {
                Self::AwsKms(AwsKmsKey { arn, role: given(role), context, aws_profile: given(aws_profile) })
            }
            KeyType::Pgp(Pgp { fingerprint }) => Self::Pgp(PgpKey { fingerprint }),
            KeyType::GcpKms(GcpKms { resource_id }) => Self::GcpKms(GcpKmsKey { resource_id }),
            KeyType::AzureKv(AzureKv { vault_url, name, version }) => Self::AzureKv(AzureKvKey { vault_url, name, version }),
            KeyType::Vault(Vault { vault_address, engine_path, key_name }) => {
                Self::Vault(VaultKey { address: vault_address, engine_path, key_name })
            }
            KeyType::Age(Age { recipient }) => Self::Age(AgeKey { recipient }),
            KeyType::HuaweiKms(HuaweiKms { key_id }) => Self::HuaweiKms(HuaweiKmsKey { key_id }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    fn keys() -> Vec<MasterKey> {
        vec![
            MasterKey::Age(AgeKey { recipient: "age1x".into() }),
            MasterKey::Pgp(PgpKey { fingerprint: "AB".into() }),
            MasterKey::AwsKms(AwsKmsKey {
                arn: "arn".into(),
                role: Some("role".into()),
                context: BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())]),
                aws_profile: Some("prod".into()),
            }),
            MasterKey::AwsKms(AwsKmsKey { arn: "arn".into(), role: None, context: BTreeMap::new(), aws_profile: None }),
            MasterKey::GcpKms(GcpKmsKey { resource_id: "projects/p".into() }),
            MasterKey::AzureKv(AzureKvKey { vault_url: "https://v".into(), name: "n".into(), version: "1".into() }),
            MasterKey::Vault(VaultKey { address: "http://v".into(), engine_path: "a/b".into(), key_name: "k".into() }),
            MasterKey::HuaweiKms(HuaweiKmsKey { key_id: "r:u".into() }),
        ]
    }

    #[test]
    fn every_key_survives_the_way_there_and_back() {
        for key in keys() {
            let sent = Request { key: Some(Key::from(&key)), bytes: vec![1, 2] };
            let mut came = Request::decode(sent.encode_to_vec().as_slice()).expect("the same");
            assert_eq!(came.bytes, [1, 2]);
            let key_type = came.key.take().and_then(|key| key.key_type).expect("a key");
            assert_eq!(MasterKey::from(key_type), key);
        }
    }

    #[test]
    fn the_bytes_on_the_wire_are_those_of_sops() {
        let request = Request { key: Some(Key::from(&keys()[0])), bytes: b"k".to_vec() };
        // key (1) { age_key (6) { recipient (1) "age1x" } } plaintext (2) "k"
        assert_eq!(request.encode_to_vec(), b"\x0a\x09\x32\x07\x0a\x05age1x\x12\x01k");
        assert_eq!(Response { bytes: b"w".to_vec() }.encode_to_vec(), b"\x0a\x01w");
    }

    #[test]
    fn data_keys_are_not_shown() {
        let request = Request { key: None, bytes: b"canary".to_vec() };
        assert!(!format!("{request:?}{:?}", Response { bytes: b"canary".to_vec() }).contains("99"));
    }
}
