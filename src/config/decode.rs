//! Decodes the tree of a `.sops.yaml` with the type rules of go-yaml's typed decoding:
//!
//! - a string field takes any scalar as it is written; an integer field takes numbers without a fraction; a boolean field also
//!   takes the words of YAML 1.1 (`yes`, `off`), quoted or not;
//! - null leaves a field as it was, and is dropped from a list;
//! - a key that stands twice is an error, an unknown one is not.
//!
//! Every problem is collected, so that one run shows them all.

use super::decoder::{Decoder, is_null, kind_name};
use super::model::{
    AzureEntry, Config, ConfigError, ConfigWarning, CreationRule, DestinationRule, GroupEntry, Indents, KeyField, KeyText,
    KmsEntry, Origin, WarningKind,
};
use super::names;
use crate::document::dotenv::Dialect;
use crate::document::node::{Node, Tree};
use crate::value::ValueType;

/// `merge` may nest this deep; the reference has no limit but YAML's.
const MAX_MERGE_DEPTH: usize = 32;

/// So many problems are listed.
const MAX_PROBLEMS: usize = 20;

impl Config {
    /// Decodes the tree of a config: the first document, with merge keys applied. `text` is the source of the tree, for
    /// positions and for scalars whose spelling matters.
    ///
    /// # Errors
    /// [`ConfigError::Fields`] with every field of a wrong type and every key that stands twice.
    pub fn decode(text: &str, root: &Node, origin: Origin) -> Result<Self, ConfigError> {
        let mut decoder = Decoder::new(text);
        let mut config =
            Self { origin, creation_rules: None, destination_rules: Vec::new(), indents: Indents::default(), warnings: Vec::new() };
        for (name, node) in decoder.fields(root, names::TOP) {
            decoder.enter(name);
            match name {
                "creation_rules" => {
                    if !is_null(node) {
                        let rules = decoder.list(node, "a list of rules", Decoder::creation_rule);
                        decoder.check_reach(&rules);
                        config.creation_rules = Some(rules);
                    }
                }
                "destination_rules" => {
                    config.destination_rules = decoder.list(node, "a list of rules", Decoder::destination_rule);
                }
                _ => config.indents = decoder.stores(node),
            }
            decoder.leave();
        }
        if !decoder.problems.is_empty() {
            decoder.problems.sort_by_key(|p| (p.position.line, p.position.column));
            decoder.problems.truncate(MAX_PROBLEMS);
            return Err(ConfigError::Fields { path: config.origin.path, problems: decoder.problems });
        }
        config.warnings = decoder.into_warnings();
        Ok(config)
    }
}

impl Decoder<'_> {
    fn creation_rule(&mut self, node: &Node) -> CreationRule {
        let mut rule = CreationRule::at(self.position(node.at));
        for (name, value) in self.fields(node, names::CREATION_RULE) {
            self.enter(name);
            match name {
                "path_regex" => rule.path_regex = self.string(value),
                "age" => rule.keys.age = self.key_field(value),
                "pgp" => rule.keys.pgp = self.key_field(value),
                "kms" => rule.keys.kms = self.key_field(value),
                "aws_profile" => rule.aws_profile = self.string(value),
                "gcp_kms" => rule.keys.gcp_kms = self.key_field(value),
                "hckms" => rule.keys.hckms = self.strings(value),
                "azure_keyvault" => rule.keys.azure_keyvault = self.key_field(value),
                "hc_vault_transit_uri" => rule.keys.hc_vault_transit_uri = self.key_field(value),
                "key_groups" => rule.key_groups = self.list(value, "a list of key groups", Self::key_group),
                "shamir_threshold" => rule.shamir_threshold = self.integer(value, 0),
                "unencrypted_suffix" => rule.selectors.unencrypted_suffix = self.string(value),
                "encrypted_suffix" => rule.selectors.encrypted_suffix = self.string(value),
                "unencrypted_regex" => rule.selectors.unencrypted_regex = self.string(value),
                "encrypted_regex" => rule.selectors.encrypted_regex = self.string(value),
                "unencrypted_comment_regex" => rule.selectors.unencrypted_comment_regex = self.string(value),
                "encrypted_comment_regex" => rule.selectors.encrypted_comment_regex = self.string(value),
                _ => rule.mac_only_encrypted = self.boolean(value),
            }
            self.leave();
        }
        rule
    }

    /// A string or a list of strings. What else it is matters only once the rule is used.
    fn key_field(&mut self, node: &Node) -> KeyField {
        let text = match &node.kind {
            Tree::Scalar(value) => match value.kind() {
                ValueType::Null => KeyText::None,
                ValueType::Str | ValueType::Comment => KeyText::Text(self.string(node)),
                _ => KeyText::Wrong(format!("expected a string or a list of strings, found {}", kind_name(node))),
            },
            Tree::Map(_) => KeyText::Wrong("expected a string or a list of strings, found a mapping".into()),
            Tree::Seq(_) => match node.items().find(|item| kind_name(item) != "a string") {
                Some(item) => KeyText::Wrong(format!("expected a list of strings, found {} in it", kind_name(item))),
                None => KeyText::List(node.items().map(|item| self.string(item)).collect()),
            },
        };
        KeyField { position: Some(self.position(node.at)), text }
    }

    fn key_group(&mut self, node: &Node) -> GroupEntry {
        let mut group = GroupEntry::at(self.position(node.at));
        for (name, value) in self.fields(node, names::KEY_GROUP) {
            self.enter(name);
            match name {
                "merge" if self.merge_depth >= MAX_MERGE_DEPTH => {
                    self.problem(value.at, format!("key groups are merged into each other more than {MAX_MERGE_DEPTH} deep"));
                }
                "merge" => {
                    self.merge_depth += 1;
                    group.merge = self.list(value, "a list of key groups", Self::key_group);
                    self.merge_depth -= 1;
                }
                "age" => group.age = self.strings(value),
                "pgp" => group.pgp = self.strings(value),
                "kms" => group.kms = self.list(value, "a list of keys with an `arn`", Self::kms_entry),
                "gcp_kms" => {
                    let wanted = "a list of keys with a `resource_id`";
                    group.gcp_kms = self.list(value, wanted, |d, item| d.only_string(item, names::GCP_KMS));
                }
                "hckms" => {
                    group.hckms = self.list(value, "a list of keys with a `key_id`", |d, item| d.only_string(item, names::HCKMS))
                }
                "azure_keyvault" => group.azure_keyvault = self.list(value, "a list of keys with a `vaultUrl`", Self::azure_entry),
                _ => group.hc_vault = self.strings(value),
            }
            self.leave();
        }
        group
    }

    /// A mapping with a single string field.
    fn only_string(&mut self, node: &Node, field: &'static [&'static str]) -> String {
        let mut text = String::new();
        for (name, value) in self.fields(node, field) {
            self.enter(name);
            text = self.string(value);
            self.leave();
        }
        text
    }

    fn kms_entry(&mut self, node: &Node) -> KmsEntry {
        let mut entry = KmsEntry::default();
        for (name, value) in self.fields(node, names::KMS) {
            self.enter(name);
            match name {
                "arn" => entry.arn = self.string(value),
                "role" => entry.role = self.string(value),
                "context" => entry.context = self.context(value),
                _ => entry.aws_profile = self.string(value),
            }
            self.leave();
        }
        entry
    }

    fn context(&mut self, node: &Node) -> Vec<(String, Option<String>)> {
        if !matches!(node.kind, Tree::Map(_)) {
            if !is_null(node) {
                self.wrong_type(node, "a mapping");
            }
            return Vec::new();
        }
        let mut context: Vec<(String, Option<String>)> = Vec::new();
        for (name, at, value) in node.pairs() {
            self.enter(name);
            if context.iter().any(|(known, _)| known == name) {
                self.problem(at, "this key stands twice".into());
            }
            let text = (!is_null(value)).then(|| self.string(value));
            context.push((name.to_owned(), text));
            self.leave();
        }
        context
    }

    fn azure_entry(&mut self, node: &Node) -> AzureEntry {
        let mut entry = AzureEntry::default();
        for (name, value) in self.fields(node, names::AZURE) {
            self.enter(name);
            match name {
                "vaultUrl" => entry.vault_url = self.string(value),
                "key" => entry.key = self.string(value),
                _ => entry.version = self.string(value),
            }
            self.leave();
        }
        entry
    }

    fn destination_rule(&mut self, node: &Node) -> DestinationRule {
        let mut rule = DestinationRule::at(self.position(node.at));
        for (name, value) in self.fields(node, names::DESTINATION_RULE) {
            self.enter(name);
            match name {
                "path_regex" => rule.path_regex = self.string(value),
                "s3_bucket" => rule.s3_bucket = self.string(value),
                "s3_prefix" => rule.s3_prefix = self.string(value),
                "gcs_bucket" => rule.gcs_bucket = self.string(value),
                "gcs_prefix" => rule.gcs_prefix = self.string(value),
                "vault_path" => rule.vault_path = self.string(value),
                "vault_address" => rule.vault_address = self.string(value),
                "vault_kv_mount_name" => rule.vault_kv_mount_name = self.string(value),
                "vault_kv_version" => rule.vault_kv_version = self.integer(value, 0),
                "omit_extensions" => rule.omit_extensions = self.boolean(value),
                _ => rule.recreation_rule = (!is_null(value)).then(|| self.creation_rule(value)),
            }
            self.leave();
        }
        rule
    }

    fn stores(&mut self, node: &Node) -> Indents {
        let mut indents = Indents::default();
        for (store, options) in self.fields(node, names::STORES) {
            self.enter(store);
            let (slot, known) = match store {
                "yaml" => (Some(&mut indents.yaml), names::LAYOUT),
                "json" => (Some(&mut indents.json), names::LAYOUT),
                "json_binary" => (Some(&mut indents.json_binary), names::LAYOUT),
                "dotenv" => (None, names::DIALECT),
                _ => (None, names::NO_OPTIONS),
            };
            let fields = self.fields(options, known);
            let mut slot = slot;
            for (name, value) in fields {
                self.enter(name);
                match &mut slot {
                    Some(slot) => **slot = self.integer(value, **slot),
                    None => indents.dotenv = self.dialect(value),
                }
                self.leave();
            }
            self.leave();
        }
        indents
    }

    /// A dialect of dotenv; empty is sops's.
    fn dialect(&mut self, node: &Node) -> Dialect {
        match self.string(node).as_str() {
            "" | "sops" => Dialect::Sops,
            "posix" => Dialect::Posix,
            _ => {
                self.problem(node.at, String::from("expected `sops` or `posix`"));
                Dialect::Sops
            }
        }
    }

    /// Warns about rules that no file reaches, or none that is meant.
    fn check_reach(&mut self, rules: &[CreationRule]) {
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.path_regex.trim() != rule.path_regex) {
            let field = format!("{}[{index}].path_regex", self.path);
            self.warnings.push(ConfigWarning { position: rule.position, field, kind: WarningKind::BlankAtEnd });
        }
        let catches_all = rules.iter().position(|rule| rule.path_regex.is_empty());
        if let Some(index) = catches_all.filter(|index| index + 1 < rules.len()) {
            let field = format!("{}[{index}]", self.path);
            self.warnings.push(ConfigWarning { position: rules[index].position, field, kind: WarningKind::CatchesAll });
        }
    }
}

#[cfg(test)]
mod tests;
