//! Owns the names of the fields of `.sops.yaml`, and finds the one that a misspelt name was meant to be.

use super::model::Suggestion;

/// Fields of the top level.
pub(super) const TOP: &[&str] = &["creation_rules", "destination_rules", "stores"];

/// Fields of a creation rule.
pub(super) const CREATION_RULE: &[&str] = &[
    "path_regex",
    "age",
    "pgp",
    "kms",
    "aws_profile",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "key_groups",
    "shamir_threshold",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
    "mac_only_encrypted",
];

/// Fields of a key group.
pub(super) const KEY_GROUP: &[&str] = &["merge", "age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault"];

/// Fields of an AWS KMS key of a group.
pub(super) const KMS: &[&str] = &["arn", "role", "context", "aws_profile"];

/// Fields of a Google Cloud KMS key of a group.
pub(super) const GCP_KMS: &[&str] = &["resource_id"];

/// Fields of a Huawei Cloud KMS key of a group.
pub(super) const HCKMS: &[&str] = &["key_id"];

/// Fields of an Azure Key Vault key of a group.
pub(super) const AZURE: &[&str] = &["vaultUrl", "key", "version"];

/// Fields of a destination rule.
pub(super) const DESTINATION_RULE: &[&str] = &[
    "path_regex",
    "s3_bucket",
    "s3_prefix",
    "gcs_bucket",
    "gcs_prefix",
    "vault_path",
    "vault_address",
    "vault_kv_mount_name",
    "vault_kv_version",
    "omit_extensions",
    "recreation_rule",
];

/// Fields of `stores`.
pub(super) const STORES: &[&str] = &["yaml", "json", "json_binary", "dotenv", "ini"];

/// Fields of a store with a layout.
pub(super) const LAYOUT: &[&str] = &["indent"];

/// Fields of the store with a dialect.
pub(super) const DIALECT: &[&str] = &["dialect"];

/// Fields of a store without options.
pub(super) const NO_OPTIONS: &[&str] = &[];

/// What an unknown name among these fields was probably meant to be.
pub(super) fn suggest(name: &str, fields: &'static [&'static str]) -> Option<Suggestion> {
    let nearest = fields.iter().map(|&field| (likeness(name, field), field)).max_by(|a, b| a.0.total_cmp(&b.0));
    let elsewhere = [
        (CREATION_RULE, "a creation rule"),
        (KEY_GROUP, "an entry of key_groups"),
        (DESTINATION_RULE, "a destination rule"),
        (TOP, "the top level"),
        (LAYOUT, "stores.yaml, stores.json or stores.json_binary"),
    ];
    match nearest {
        Some((likeness, field)) if likeness >= 0.95 => Some(Suggestion::Field(field)),
        nearest => elsewhere
            .iter()
            .find(|(fields, _)| fields.contains(&name))
            .map(|(_, place)| Suggestion::Place(place))
            .or_else(|| nearest.filter(|(likeness, _)| *likeness >= 0.84).map(|(_, field)| Suggestion::Field(field))),
    }
}

/// From 0 to 1: case, `_` and `-` do not count, and a name that begins or ends a field's is near it.
fn likeness(name: &str, field: &str) -> f64 {
    let normal = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (name, field) = (normal(name), normal(field));
    // The name that `path_regex` had in the first releases of sops.
    let name = if name == "filenameregex" { "pathregex".into() } else { name };
    if name == field {
        1.0
    } else if name.len() >= 4 && field.starts_with(&name) || field.len() >= 6 && name.starts_with(&field) {
        0.95
    } else if name.len() >= 4 && field.ends_with(&name) {
        0.9
    } else {
        strsim::jaro_winkler(&name, &field).min(0.97)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_find_the_field_they_were_meant_to_be() {
        for (name, fields, field) in [
            ("creation_rule", TOP, "creation_rules"),
            ("Creation_Rules", TOP, "creation_rules"),
            ("creationRules", TOP, "creation_rules"),
            ("store", TOP, "stores"),
            ("path_regx", CREATION_RULE, "path_regex"),
            ("path-regex", CREATION_RULE, "path_regex"),
            ("filename_regex", CREATION_RULE, "path_regex"),
            ("path", CREATION_RULE, "path_regex"),
            ("encryptd_regex", CREATION_RULE, "encrypted_regex"),
            ("encrypted-regex", CREATION_RULE, "encrypted_regex"),
            ("unencrypted_sufix", CREATION_RULE, "unencrypted_suffix"),
            ("azure_kv", CREATION_RULE, "azure_keyvault"),
            ("hc_vault", CREATION_RULE, "hc_vault_transit_uri"),
            ("keygroups", CREATION_RULE, "key_groups"),
            ("key_group", CREATION_RULE, "key_groups"),
            ("threshold", CREATION_RULE, "shamir_threshold"),
            ("mac_only_encrypt", CREATION_RULE, "mac_only_encrypted"),
            ("hc_vault_transit_uri", KEY_GROUP, "hc_vault"),
            ("vault_url", AZURE, "vaultUrl"),
            ("omit_extension", DESTINATION_RULE, "omit_extensions"),
        ] {
            assert_eq!(suggest(name, fields), Some(Suggestion::Field(field)), "{name}");
        }
    }

    #[test]
    fn a_name_that_stands_in_the_wrong_place_is_sent_home() {
        assert_eq!(suggest("age", TOP), Some(Suggestion::Place("a creation rule")));
        assert_eq!(suggest("encrypted_regex", TOP), Some(Suggestion::Place("a creation rule")));
        assert_eq!(suggest("merge", CREATION_RULE), Some(Suggestion::Place("an entry of key_groups")));
        assert_eq!(suggest("stores", CREATION_RULE), Some(Suggestion::Place("the top level")));
        assert_eq!(suggest("indent", STORES), Some(Suggestion::Place("stores.yaml, stores.json or stores.json_binary")));
    }

    #[test]
    fn a_name_of_nothing_gets_no_suggestion() {
        for name in ["comment", "x-notes", "", "\u{1f600}"] {
            assert_eq!(suggest(name, CREATION_RULE), None, "{name}");
        }
    }
}
