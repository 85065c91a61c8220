//! Reads the key groups of a creation rule.
//!
//! The flat fields make one group, as many entries as written; an entry of `key_groups` loses the keys that stand in it twice.
//! If there are `key_groups`, the flat fields are ignored.

use super::model::{CreationRule, GroupEntry, KeyField, KeyText};
use crate::document::Position;
use crate::keys::parse::{self, KeyTextError};
use crate::keys::{AwsKmsKey, AzureKvKey, KeyGroup, KeyType, MasterKey};
use std::collections::BTreeMap;

/// A key field that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {field}: {reason}")]
pub struct FieldError {
    /// Where: the field, or the rule or group it is in.
    pub position: Position,
    /// Its name.
    pub field: &'static str,
    /// Why.
    pub reason: FieldReason,
}

/// Why a key field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldReason {
    /// It is neither a string nor a list of strings.
    #[error("{0}")]
    Type(String),
    /// A key in it is none.
    #[error(transparent)]
    Key(#[from] KeyTextError),
}

/// The groups of a rule. `context` goes to the AWS KMS keys of its `kms` field.
///
/// # Errors
/// [`FieldError`] for the first field that cannot be read.
pub(super) fn keys_of_rule(rule: &CreationRule, context: &BTreeMap<String, String>) -> Result<Vec<KeyGroup>, FieldError> {
    if rule.key_groups.is_empty() { Ok(vec![flat_group(rule, context)?]) } else { rule.key_groups.iter().map(group).collect() }
}

fn flat_group(rule: &CreationRule, context: &BTreeMap<String, String>) -> Result<KeyGroup, FieldError> {
    let fields = &rule.keys;
    let mut keys = Vec::new();
    let mut add = |name: &'static str, field: &KeyField, key_type: KeyType| {
        let error = |reason| FieldError { position: field.position.unwrap_or(rule.position), field: name, reason };
        let text = comma_list(field).map_err(|message| error(FieldReason::Type(message)))?;
        let found = parse::list(key_type, &text, context, Some(&rule.aws_profile));
        keys.extend(found.map_err(|cause| error(cause.into()))?);
        Ok(())
    };
    add("age", &fields.age, KeyType::Age)?;
    add("pgp", &fields.pgp, KeyType::Pgp)?;
    add("kms", &fields.kms, KeyType::AwsKms)?;
    add("gcp_kms", &fields.gcp_kms, KeyType::GcpKms)?;
    let hckms = KeyField { position: None, text: KeyText::List(fields.hckms.clone()) };
    add("hckms", &hckms, KeyType::HuaweiKms)?;
    add("azure_keyvault", &fields.azure_keyvault, KeyType::AzureKv)?;
    add("hc_vault_transit_uri", &fields.hc_vault_transit_uri, KeyType::Vault)?;
    Ok(KeyGroup { keys })
}

/// A field as one comma list: text loses blanks and empty items, a list is joined as it is.
fn comma_list(field: &KeyField) -> Result<String, String> {
    match &field.text {
        KeyText::None => Ok(String::new()),
        KeyText::Text(text) => Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",")),
        KeyText::List(items) => Ok(items.join(",")),
        KeyText::Wrong(message) => Err(message.clone()),
    }
}

fn group(entry: &GroupEntry) -> Result<KeyGroup, FieldError> {
    let mut group = KeyGroup::default();
    add_group(entry, &mut group)?;
    group.dedup();
    Ok(group)
}

/// Adds the keys of an entry; `merge` is as deep as the decoder lets it be.
fn add_group(entry: &GroupEntry, group: &mut KeyGroup) -> Result<(), FieldError> {
    for merged in &entry.merge {
        add_group(merged, group)?;
    }
    let error = |field| move |cause: KeyTextError| FieldError { position: entry.position, field, reason: cause.into() };
    for text in &entry.age {
        group.keys.extend(parse::age_list(text).map_err(error("age"))?);
    }
    group.keys.extend(entry.pgp.iter().map(|text| parse::pgp(text)));
    group.keys.extend(entry.kms.iter().map(|kms| {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        MasterKey::AwsKms(AwsKmsKey {
            arn: kms.arn.clone(),
            role: text(&kms.role),
            context: kms.context.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect(),
            aws_profile: text(&kms.aws_profile),
        })
    }));
    group.keys.extend(entry.gcp_kms.iter().map(|text| parse::gcp_kms(text)));
    for text in &entry.hckms {
        group.keys.push(parse::huawei_kms(text).map_err(error("hckms"))?);
    }
    group.keys.extend(entry.azure_keyvault.iter().map(|azure| {
        MasterKey::AzureKv(AzureKvKey {
            vault_url: azure.vault_url.clone(),
            name: azure.key.clone(),
            version: azure.version.clone(),
        })
    }));
    for text in &entry.hc_vault {
        group.keys.push(parse::vault(text).map_err(error("hc_vault"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{AzureEntry, KmsEntry};

    const A: &str = "age15gg02tmkutg6x8m2h97tvthjera8edkldch93gkd73fmae7ym9pqvqknw4";
    const B: &str = "age185zuy7pce9zfx8uh97uywxdanf96gm47grcntm2xgaruu084sa2qx0wuaw";
    const M: &str = "age1vlaxr0dmk0jxn58wrycxefwjgp4tns6g7fl7frdvjsqvyh2vdydsp7p4dy";
    const PLACE: Position = Position { line: 3, column: 5 };

    fn texts(groups: &[KeyGroup]) -> Vec<Vec<String>> {
        groups.iter().map(|group| group.keys.iter().map(|key| format!("{} {key}", key.type_name())).collect()).collect()
    }

    fn field(text: KeyText) -> KeyField {
        KeyField { position: Some(Position { line: 4, column: 10 }), text }
    }

    fn list(items: &[&str]) -> KeyText {
        KeyText::List(items.iter().map(|&item| item.to_owned()).collect())
    }

    #[test]
    fn flat_fields_make_one_group_in_order_and_keep_double_keys() {
        let mut rule = CreationRule::at(PLACE);
        rule.keys.age = field(KeyText::Text(format!(" {B} , {A},, {B},")));
        rule.keys.pgp = field(list(&["AB CD,EF", "12"]));
        rule.keys.kms = field(KeyText::Text("arn:a + arn:r".into()));
        rule.keys.hckms = vec!["r:u".into(), String::new()];
        rule.aws_profile = "ci".into();
        let context = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        let groups = keys_of_rule(&rule, &context).expect("all are keys");
        assert_eq!(
            texts(&groups),
            [[
                &format!("age {B}"),
                &format!("age {A}"),
                &format!("age {B}"),
                "pgp ABCD",
                "pgp EF",
                "pgp 12",
                "kms arn:a+arn:r|k:v|ci",
                "hckms r:u"
            ]]
        );
    }

    #[test]
    fn an_empty_item_of_a_list_of_recipients_is_an_error_but_not_one_of_a_text() {
        let mut rule = CreationRule::at(PLACE);
        rule.keys.age = field(list(&[A, ""]));
        let error = keys_of_rule(&rule, &BTreeMap::new()).expect_err("the reference refuses it");
        assert_eq!(error.to_string(), "line 4, column 10: age: failed to parse input, unknown recipient type: \"\"");
    }

    #[test]
    fn a_field_of_a_wrong_type_is_an_error_of_the_rule_that_is_used() {
        let mut rule = CreationRule::at(PLACE);
        rule.keys.pgp = field(KeyText::Wrong("expected a string or a list of strings, found an integer".into()));
        let error = keys_of_rule(&rule, &BTreeMap::new()).expect_err("an integer");
        assert_eq!(error.to_string(), "line 4, column 10: pgp: expected a string or a list of strings, found an integer");
    }

    #[test]
    fn groups_take_merged_keys_first_and_lose_double_ones() {
        let mut inner = GroupEntry::at(PLACE);
        inner.age = vec![format!("{M},{A}")];
        let mut entry = GroupEntry::at(PLACE);
        entry.merge = vec![inner];
        entry.age = vec![A.into(), format!("{B}, {M}")];
        entry.pgp = vec!["a b".into()];
        let kms = |role: &str| KmsEntry {
            arn: "arn:k + verbatim".into(),
            role: role.into(),
            context: vec![("x".into(), Some("1".into())), ("y".into(), None)],
            aws_profile: String::new(),
        };
        entry.kms = vec![kms(""), kms("arn:r"), kms("")];
        entry.azure_keyvault = vec![AzureEntry { vault_url: "https://v".into(), key: "k".into(), version: "1".into() }];
        entry.hc_vault = vec!["https://h/v1/transit/keys/k".into()];
        entry.gcp_kms = vec!["projects/p".into()];
        let mut rule = CreationRule::at(PLACE);
        rule.keys.age = field(KeyText::Text("never read".into()));
        rule.key_groups = vec![entry];
        let groups = keys_of_rule(&rule, &BTreeMap::new()).expect("all are keys");
        assert_eq!(
            texts(&groups),
            [[
                &format!("age {M}"),
                &format!("age {A}"),
                &format!("age {B}"),
                "pgp ab",
                "kms arn:k + verbatim|x:1",
                "kms arn:k + verbatim+arn:r|x:1",
                "gcp_kms projects/p",
                "azure_kv https://v/keys/k/1",
                "hc_vault https://h/v1/transit/keys/k",
            ]]
        );
    }

    #[test]
    fn an_error_in_a_group_names_the_field_and_the_group() {
        let mut entry = GroupEntry::at(PLACE);
        entry.hckms = vec!["r".into()];
        let mut rule = CreationRule::at(Position { line: 1, column: 1 });
        rule.key_groups = vec![entry];
        let error = keys_of_rule(&rule, &BTreeMap::new()).expect_err("no uuid");
        assert!(error.to_string().starts_with("line 3, column 5: hckms: invalid key ID format"), "{error}");
    }
}
