//! Decodes the tree of a `.sops.yaml` with the type rules of go-yaml's typed decoding:
//!
//! - a string field takes any scalar as it is written; an integer field takes numbers without a fraction; a boolean field also
//!   takes the words of YAML 1.1 (`yes`, `off`), quoted or not;
//! - null leaves a field as it was, and is dropped from a list;
//! - a key that stands twice is an error, an unknown one is not.
//!
//! Every problem is collected, so that one run shows them all.

use super::model::{
    AzureEntry, Config, ConfigError, ConfigWarning, CreationRule, DestinationRule, GroupEntry, Indents, KeyField, KeyText,
    KmsEntry, Origin, Problem, WarningKind,
};
use super::names::{self, suggest};
use crate::document::node::{Node, Tree};
use crate::document::{Position, position};
use crate::value::ValueType;
use std::collections::HashMap;

/// `merge` may nest this deep; the reference has no limit but YAML's.
const MAX_MERGE_DEPTH: usize = 32;

/// So many unknown fields are listed.
const MAX_WARNINGS: usize = 50;

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
        decoder.warnings.sort_by_key(|w| (w.position.line, w.position.column));
        config.warnings = decoder.warnings;
        if let Some((position, field)) = decoder.first_unlisted {
            let kind = WarningKind::More(decoder.unlisted);
            config.warnings.push(ConfigWarning { position, field, kind });
        }
        Ok(config)
    }
}

struct Decoder<'t> {
    text: &'t str,
    lines: Vec<usize>,
    /// The path of the field that is decoded.
    path: String,
    /// Lengths of `path` to go back to.
    steps: Vec<usize>,
    merge_depth: usize,
    problems: Vec<Problem>,
    warnings: Vec<ConfigWarning>,
    first_unlisted: Option<(Position, String)>,
    unlisted: usize,
}

impl<'t> Decoder<'t> {
    fn new(text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i + 1)).collect();
        Self {
            text,
            lines,
            path: String::new(),
            steps: Vec::new(),
            merge_depth: 0,
            problems: Vec::new(),
            warnings: Vec::new(),
            first_unlisted: None,
            unlisted: 0,
        }
    }

    fn position(&self, at: u32) -> Position {
        let at = (at as usize).min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let within = position(&self.text.as_bytes()[start..], at - start);
        Position { line: line as u32 + 1, column: within.column }
    }

    fn enter(&mut self, field: &str) {
        self.steps.push(self.path.len());
        if !self.path.is_empty() && !field.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(field);
    }

    fn leave(&mut self) {
        if let Some(length) = self.steps.pop() {
            self.path.truncate(length);
        }
    }

    fn problem(&mut self, at: u32, message: String) {
        let position = self.position(at);
        self.problems.push(Problem { position, field: self.path.clone(), message });
    }

    fn wrong_type(&mut self, node: &Node, wanted: &str) {
        self.problem(node.at, format!("expected {wanted}, found {}", kind_name(node)));
    }

    /// The known fields of a mapping, in order; complains about the others.
    fn fields<'n>(&mut self, node: &'n Node, known: &'static [&'static str]) -> Vec<(&'static str, &'n Node)> {
        if !matches!(node.kind, Tree::Map(_)) {
            if !is_null(node) {
                self.wrong_type(node, "a mapping");
            }
            return Vec::new();
        }
        let mut seen: HashMap<&str, u32> = HashMap::new();
        let mut fields = Vec::new();
        for (name, at, value) in node.pairs() {
            if let Some(first) = seen.insert(name, at) {
                let line = self.position(first).line;
                self.enter(name);
                self.problem(at, format!("this key stands already in line {line}"));
                self.leave();
            } else if let Some(&field) = known.iter().find(|&&field| field == name) {
                fields.push((field, value));
            } else if name == "<<" {
                self.problem(at, "a merge takes a mapping or a list of mappings".into());
            } else if !self.is_on_purpose((known == names::TOP).then_some(node), name, at) {
                self.unknown(name, at, known);
            }
        }
        fields
    }

    /// Whether an unknown field is there on purpose: `.name` and `x-name` as elsewhere, and entries of the top level with anchors
    /// that rules refer to.
    fn is_on_purpose(&self, top: Option<&Node>, name: &str, at: u32) -> bool {
        if name.starts_with('.') || name.starts_with("x-") {
            return true;
        }
        let Some(top) = top else { return false };
        let end = top.pairs().map(|(_, next, _)| next).filter(|&next| next > at).min().unwrap_or(u32::MAX);
        let end = (end as usize).min(self.text.len());
        let entry = self.text.as_bytes().get(at as usize..end).unwrap_or_default();
        memchr::memchr_iter(b'&', entry).any(|i| {
            let before = i == 0 || b" \t\n[{,".contains(&entry[i - 1]);
            before && entry.get(i + 1).is_some_and(|next| !next.is_ascii_whitespace())
        })
    }

    fn unknown(&mut self, name: &str, at: u32, known: &'static [&'static str]) {
        let position = self.position(at);
        self.enter(name);
        let field = self.path.clone();
        self.leave();
        if self.warnings.len() < MAX_WARNINGS {
            let kind = WarningKind::UnknownField(suggest(name, known));
            self.warnings.push(ConfigWarning { position, field, kind });
        } else {
            self.unlisted += 1;
            self.first_unlisted.get_or_insert((position, field));
        }
    }

    /// The items of a list; null is the empty list, null items are dropped.
    fn list<T>(&mut self, node: &Node, wanted: &str, mut item: impl FnMut(&mut Self, &Node) -> T) -> Vec<T> {
        if !matches!(node.kind, Tree::Seq(_)) {
            if !is_null(node) {
                self.wrong_type(node, wanted);
            }
            return Vec::new();
        }
        let mut items = Vec::new();
        for (index, value) in node.items().enumerate() {
            if !is_null(value) {
                self.enter(&format!("[{index}]"));
                items.push(item(self, value));
                self.leave();
            }
        }
        items
    }

    fn strings(&mut self, node: &Node) -> Vec<String> {
        self.list(node, "a list of strings", Self::string)
    }

    fn string(&mut self, node: &Node) -> String {
        match &node.kind {
            Tree::Scalar(value) => match value.kind() {
                ValueType::Null => String::new(),
                ValueType::Str | ValueType::Comment => String::from_utf8_lossy(value.canonical()).into_owned(),
                _ => spelling(self.text, node.at)
                    .map_or_else(|| String::from_utf8_lossy(value.plaintext()).into_owned(), str::to_owned),
            },
            _ => {
                self.wrong_type(node, "a string");
                String::new()
            }
        }
    }

    fn integer(&mut self, node: &Node, default: i64) -> i64 {
        let wanted = "an integer";
        if let Tree::Scalar(value) = &node.kind {
            let text = std::str::from_utf8(value.canonical()).unwrap_or_default();
            match value.kind() {
                ValueType::Null => return default,
                ValueType::Int => match text.parse() {
                    Ok(number) => return number,
                    Err(_) => self.problem(node.at, "this integer is too large".into()),
                },
                // `2.0` is canonical as `2`.
                ValueType::Float => match text.parse() {
                    Ok(number) => return number,
                    Err(_) => self.problem(node.at, format!("expected {wanted}, found a number with a fraction or too large")),
                },
                _ => self.wrong_type(node, wanted),
            }
        } else {
            self.wrong_type(node, wanted);
        }
        default
    }

    fn boolean(&mut self, node: &Node) -> bool {
        if let Tree::Scalar(value) = &node.kind {
            match (value.kind(), value.canonical()) {
                (ValueType::Null, _) => return false,
                (ValueType::Bool, text) => return text.eq_ignore_ascii_case(b"true"),
                (ValueType::Str, b"y" | b"Y" | b"yes" | b"Yes" | b"YES" | b"on" | b"On" | b"ON") => return true,
                (ValueType::Str, b"n" | b"N" | b"no" | b"No" | b"NO" | b"off" | b"Off" | b"OFF") => return false,
                _ => {}
            }
        }
        self.wrong_type(node, "a boolean (`true` or `false`)");
        false
    }

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
                _ => (None, names::NO_OPTIONS),
            };
            let fields = self.fields(options, known);
            if let Some(slot) = slot {
                for (name, value) in fields {
                    self.enter(name);
                    *slot = self.integer(value, *slot);
                    self.leave();
                }
            }
            self.leave();
        }
        indents
    }

    /// Warns about rules that no file reaches.
    fn check_reach(&mut self, rules: &[CreationRule]) {
        let catches_all = rules.iter().position(|rule| rule.path_regex.is_empty());
        if let Some(index) = catches_all.filter(|index| index + 1 < rules.len()) {
            let field = format!("{}[{index}]", self.path);
            self.warnings.push(ConfigWarning { position: rules[index].position, field, kind: WarningKind::CatchesAll });
        }
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.kind, Tree::Scalar(value) if value.kind() == ValueType::Null)
}

fn kind_name(node: &Node) -> &'static str {
    match &node.kind {
        Tree::Map(_) => "a mapping",
        Tree::Seq(_) => "a list",
        Tree::Scalar(value) => match value.kind() {
            ValueType::Null => "null",
            ValueType::Str | ValueType::Comment => "a string",
            ValueType::Int => "an integer",
            ValueType::Float => "a number",
            ValueType::Bool => "a boolean",
            ValueType::Time => "a date",
        },
    }
}

/// How a number, boolean or date is written at a place: such scalars have one line and none of the characters that may follow
/// them. `None` if nothing is written there.
fn spelling(text: &str, at: u32) -> Option<&str> {
    let line = text.get(at as usize..)?.lines().next()?;
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return line[1..].split(quote).next();
    }
    let end = line.find([',', ']', '}', '#']).unwrap_or(line.len());
    Some(line[..end].trim_end()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
