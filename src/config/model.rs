//! Owns the decoded `.sops.yaml` as plain data, and what can be wrong with its text.

use crate::document::dotenv::Dialect;
use crate::document::{ParseError, Position};

/// Where a config comes from: data of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its path, for messages.
    pub path: String,
    /// The absolute path of its directory, without a separator at the end (the root excepted). Subjects of `path_regex` are
    /// relative to it.
    pub directory: String,
}

/// A decoded config.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it comes from.
    pub origin: Origin,
    /// `creation_rules`; `None` if absent or null: then it counts as no config for encryption. An empty list matches nothing.
    pub creation_rules: Option<Vec<CreationRule>>,
    /// `destination_rules`, for publishing.
    pub destination_rules: Vec<DestinationRule>,
    /// `stores`.
    pub indents: Indents,
    /// What looks like a mistake but is none to the reference.
    pub warnings: Vec<ConfigWarning>,
}

/// `stores` as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indents {
    /// `stores.yaml.indent`; 0 if absent.
    pub yaml: i64,
    /// `stores.json.indent`; -1 if absent.
    pub json: i64,
    /// `stores.json_binary.indent`; -1 if absent.
    pub json_binary: i64,
    /// `stores.dotenv.dialect`: ours, sops has no such option.
    pub dotenv: Dialect,
}

impl Default for Indents {
    fn default() -> Self {
        Self { yaml: 0, json: -1, json_binary: -1, dotenv: Dialect::Sops }
    }
}

/// An entry of `creation_rules`, or a `recreation_rule`. Empty strings are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreationRule {
    /// Where the rule begins.
    pub position: Position,
    /// Matches everything if empty.
    pub path_regex: String,
    /// The flat key fields; ignored if there are key groups.
    pub keys: KeyFields,
    /// Used for every key of `kms`.
    pub aws_profile: String,
    /// `key_groups`.
    pub key_groups: Vec<GroupEntry>,
    /// `shamir_threshold`; 0 if absent.
    pub shamir_threshold: i64,
    /// The six selectors.
    pub selectors: Selectors,
    /// `mac_only_encrypted`.
    pub mac_only_encrypted: bool,
}

impl CreationRule {
    /// An empty rule that begins somewhere.
    pub fn at(position: Position) -> Self {
        Self {
            position,
            path_regex: String::new(),
            keys: KeyFields::default(),
            aws_profile: String::new(),
            key_groups: Vec::new(),
            shamir_threshold: 0,
            selectors: Selectors::default(),
            mac_only_encrypted: false,
        }
    }
}

/// The flat key fields of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFields {
    /// `age`
    pub age: KeyField,
    /// `pgp`
    pub pgp: KeyField,
    /// `kms`
    pub kms: KeyField,
    /// `gcp_kms`
    pub gcp_kms: KeyField,
    /// `hckms`: only a list.
    pub hckms: Vec<String>,
    /// `azure_keyvault`
    pub azure_keyvault: KeyField,
    /// `hc_vault_transit_uri`
    pub hc_vault_transit_uri: KeyField,
}

/// A flat key field and where its value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyField {
    /// Where; `None` if absent.
    pub position: Option<Position>,
    /// What.
    pub text: KeyText,
}

/// The value of a flat key field. A wrong type is an error only for the rule that is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyText {
    /// Absent, null or empty.
    #[default]
    None,
    /// A comma list.
    Text(String),
    /// A list; items may be comma lists themselves.
    List(Vec<String>),
    /// Neither, and what it is instead.
    Wrong(String),
}

/// The six selectors of a rule, or of flags. Empty strings are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// `unencrypted_suffix`
    pub unencrypted_suffix: String,
    /// `encrypted_suffix`
    pub encrypted_suffix: String,
    /// `unencrypted_regex`
    pub unencrypted_regex: String,
    /// `encrypted_regex`
    pub encrypted_regex: String,
    /// `unencrypted_comment_regex`
    pub unencrypted_comment_regex: String,
    /// `encrypted_comment_regex`
    pub encrypted_comment_regex: String,
}

impl Selectors {
    /// The fields by name, absent ones included.
    pub fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("unencrypted_suffix", &self.unencrypted_suffix),
            ("encrypted_suffix", &self.encrypted_suffix),
            ("unencrypted_regex", &self.unencrypted_regex),
            ("encrypted_regex", &self.encrypted_regex),
            ("unencrypted_comment_regex", &self.unencrypted_comment_regex),
            ("encrypted_comment_regex", &self.encrypted_comment_regex),
        ]
    }

    /// The fields that are given, by name.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields().into_iter().filter(|(_, text)| !text.is_empty())
    }
}

/// An entry of `key_groups` or `merge`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupEntry {
    /// Where it begins.
    pub position: Position,
    /// Groups whose keys come before its own.
    pub merge: Vec<GroupEntry>,
    /// Recipients; each may be a comma list.
    pub age: Vec<String>,
    /// Fingerprints.
    pub pgp: Vec<String>,
    /// AWS KMS keys.
    pub kms: Vec<KmsEntry>,
    /// Resource ids.
    pub gcp_kms: Vec<String>,
    /// `region:uuid` each.
    pub hckms: Vec<String>,
    /// Azure Key Vault keys.
    pub azure_keyvault: Vec<AzureEntry>,
    /// Full transit URIs.
    pub hc_vault: Vec<String>,
}

impl GroupEntry {
    /// An empty group that begins somewhere.
    pub fn at(position: Position) -> Self {
        Self {
            position,
            merge: Vec::new(),
            age: Vec::new(),
            pgp: Vec::new(),
            kms: Vec::new(),
            gcp_kms: Vec::new(),
            hckms: Vec::new(),
            azure_keyvault: Vec::new(),
            hc_vault: Vec::new(),
        }
    }
}

/// An entry of a group's `kms`, taken verbatim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsEntry {
    /// `arn`
    pub arn: String,
    /// `role`
    pub role: String,
    /// `context`; a null value is none.
    pub context: Vec<(String, Option<String>)>,
    /// `aws_profile`
    pub aws_profile: String,
}

/// An entry of a group's `azure_keyvault`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureEntry {
    /// `vaultUrl`
    pub vault_url: String,
    /// `key`
    pub key: String,
    /// `version`; empty means the current one, to be looked up.
    pub version: String,
}

/// An entry of `destination_rules`. Empty strings are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationRule {
    /// Where the rule begins.
    pub position: Position,
    /// Matched against the path as typed; matches everything if empty.
    pub path_regex: String,
    /// `s3_bucket`
    pub s3_bucket: String,
    /// `s3_prefix`
    pub s3_prefix: String,
    /// `gcs_bucket`
    pub gcs_bucket: String,
    /// `gcs_prefix`
    pub gcs_prefix: String,
    /// `vault_path`
    pub vault_path: String,
    /// `vault_address`
    pub vault_address: String,
    /// `vault_kv_mount_name`
    pub vault_kv_mount_name: String,
    /// `vault_kv_version`; 0 if absent.
    pub vault_kv_version: i64,
    /// `omit_extensions`
    pub omit_extensions: bool,
    /// `recreation_rule`; its `path_regex` has no meaning.
    pub recreation_rule: Option<CreationRule>,
}

impl DestinationRule {
    /// An empty rule that begins somewhere.
    pub fn at(position: Position) -> Self {
        Self {
            position,
            path_regex: String::new(),
            s3_bucket: String::new(),
            s3_prefix: String::new(),
            gcs_bucket: String::new(),
            gcs_prefix: String::new(),
            vault_path: String::new(),
            vault_address: String::new(),
            vault_kv_mount_name: String::new(),
            vault_kv_version: 0,
            omit_extensions: false,
            recreation_rule: None,
        }
    }
}

/// What looks like a mistake in a config but does not stop it from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// Where.
    pub position: Position,
    /// The path of the field or rule: `creation_rules[0].path_regx`.
    pub field: String,
    /// What.
    pub kind: WarningKind,
}

/// The kinds of [`ConfigWarning`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// A field that the schema has not; it is ignored.
    UnknownField(Option<Suggestion>),
    /// A rule without `path_regex` before others: they are never reached.
    CatchesAll,
    /// A pattern with a blank at an end, which has to match too.
    BlankAtEnd,
    /// A second YAML document; only the first is used.
    SecondDocument,
    /// More unknown fields than are listed.
    More(usize),
}

/// What an unknown field was probably meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// This field of the same mapping.
    Field(&'static str),
    /// The same field, but elsewhere: `a creation rule`.
    Place(&'static str),
}

impl std::fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { position, field, kind } = self;
        write!(f, "{position}: ")?;
        match kind {
            WarningKind::UnknownField(None) => write!(f, "unknown field {field} is ignored"),
            WarningKind::UnknownField(Some(Suggestion::Field(name))) => {
                write!(f, "unknown field {field} is ignored; did you mean `{name}`?")
            }
            WarningKind::UnknownField(Some(Suggestion::Place(place))) => {
                write!(f, "unknown field {field} is ignored; it belongs in {place}")
            }
            WarningKind::CatchesAll => {
                write!(f, "{field} has no path_regex: it matches every file, and no rule below it is reached")
            }
            WarningKind::BlankAtEnd => write!(f, "{field} has a blank at an end: the blank has to match too"),
            WarningKind::SecondDocument => f.write_str("only the first YAML document is used"),
            WarningKind::More(count) => write!(f, "{count} more unknown fields are ignored"),
        }
    }
}

/// Why a text is no config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no YAML.
    #[error("{path}: {error}")]
    Yaml {
        /// Path of the config.
        path: String,
        /// Where and why.
        error: ParseError,
    },
    /// Fields have the wrong type or stand twice.
    #[error("{path}: {}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields {
        /// Path of the config.
        path: String,
        /// Every problem, in document order; never empty.
        problems: Vec<Problem>,
    },
}

/// A field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub position: Position,
    /// The path of the field: `creation_rules[0].shamir_threshold`; empty for the top level.
    pub field: String,
    /// What, without its value.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { position, field, message } = self;
        let colon = if field.is_empty() { "" } else { ": " };
        write!(f, "{position}: {field}{colon}{message}")
    }
}
