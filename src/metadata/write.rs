//! Writes [`Metadata`] as a tree: names sorted at every level, what is empty left out, as sops does since 3.13.0.

use super::{Metadata, SPELLING_FIELD};
use crate::document::node::Node;
use crate::keys::{KeyType, MasterKey, WrappedGroup, WrappedKey};
use crate::selection::SelectionRule;
use crate::value::Value;

impl Metadata {
    /// The value of the `sops` entry.
    pub fn to_node(&self) -> Node {
        let mut fields = Fields::default();
        match self.groups.as_slice() {
            [] => {}
            [group] => fields.groups(self, group, &[]),
            groups => fields.list("key_groups", groups.iter().map(|group| self.group_node(group))),
        }
        fields.text("lastmodified", self.last_modified.text());
        if let Some(spelling) = &self.spelling {
            fields.text(SPELLING_FIELD, spelling);
        }
        fields.text("mac", &self.mac);
        if self.mac_only_encrypted {
            fields.add("mac_only_encrypted", Node::scalar(Value::bool(true)));
        }
        if self.selection != SelectionRule::Implicit {
            fields.text(self.selection.field(), self.selection.text());
        }
        if self.shamir_threshold != 0 {
            let threshold = i64::try_from(self.shamir_threshold).unwrap_or(i64::MAX);
            fields.add("shamir_threshold", Node::scalar(Value::int(threshold)));
        }
        fields.text("version", &self.version);
        fields.node()
    }

    /// An item of `key_groups`. sops always writes two of the lists there, even when they are empty.
    fn group_node(&self, group: &WrappedGroup) -> Node {
        let mut fields = Fields::default();
        fields.groups(self, group, &[KeyType::Age, KeyType::Vault]);
        fields.node()
    }

    fn key_node(&self, wrapped: &WrappedKey) -> Node {
        let mut fields = Fields::default();
        match &wrapped.key {
            MasterKey::Age(key) => fields.text("recipient", &key.recipient),
            MasterKey::Pgp(key) => fields.text("fp", &key.fingerprint),
            MasterKey::AwsKms(key) => {
                fields.text("arn", &key.arn);
                fields.text("aws_profile", key.aws_profile.as_deref().unwrap_or_default());
                if !key.context.is_empty() {
                    let context = key.context.iter().map(|(name, text)| (name.clone(), Node::str(text.as_str())));
                    fields.add("context", Node::map(context));
                }
                if let Some(role) = &key.role {
                    fields.text("role", role);
                }
            }
            MasterKey::GcpKms(key) => fields.text("resource_id", &key.resource_id),
            MasterKey::AzureKv(key) => {
                fields.text("name", &key.name);
                fields.text("vault_url", &key.vault_url);
                fields.text("version", &key.version);
            }
            MasterKey::Vault(key) => {
                fields.text("engine_path", &key.engine_path);
                fields.text("key_name", &key.key_name);
                fields.text("vault_address", &key.address);
            }
            MasterKey::HuaweiKms(key) => fields.text("key_id", &key.key_id),
        }
        if wrapped.key.key_type() != KeyType::Age {
            // Readers insist on a time; a key that has none was wrapped for this very writing.
            fields.text("created_at", wrapped.created_at.as_deref().unwrap_or(self.last_modified.text()));
        }
        fields.text("enc", &wrapped.enc);
        fields.node()
    }
}

/// The fields of a mapping, sorted when it is finished.
#[derive(Default)]
struct Fields(Vec<(String, Node)>);

impl Fields {
    fn add(&mut self, name: &str, node: Node) {
        self.0.push((name.into(), node));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.add(name, Node::str(text));
    }

    fn list(&mut self, name: &str, items: impl Iterator<Item = Node>) {
        self.add(name, Node::seq(items));
    }

    /// The lists of keys of a group: those that are not empty, and those that are always there.
    fn groups(&mut self, metadata: &Metadata, group: &WrappedGroup, always: &[KeyType]) {
        for key_type in KeyType::ALL {
            let mut keys = group.keys.iter().filter(|wrapped| wrapped.key.key_type() == key_type).peekable();
            if keys.peek().is_some() || always.contains(&key_type) {
                self.list(key_type.name(), keys.map(|wrapped| metadata.key_node(wrapped)));
            }
        }
    }

    fn node(mut self) -> Node {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        Node::map(self.0)
    }
}
