//! Reads [`Metadata`] from a tree as sops does: names without regard to case, values of neighbouring types converted, unknown
//! fields ignored.

use std::collections::BTreeMap;

use super::{LastModified, Metadata, MetadataError, SPELLING_FIELD};
use crate::document::node::{Node, Tree};
use crate::keys::{
    AgeKey, AwsKmsKey, AzureKvKey, GcpKmsKey, HuaweiKmsKey, KeyType, MasterKey, PgpKey, VaultKey, WrappedGroup, WrappedKey,
};
use crate::selection::SelectionRule;
use crate::value::{ValueType, number, time};

type Result<T> = std::result::Result<T, MetadataError>;

impl Metadata {
    /// Reads the value of the `sops` entry.
    ///
    /// Lists of keys at the top level are one group, and `key_groups` is ignored then.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn read(node: &Node) -> Result<Self> {
        Self::read_block(node, Strictness::File)
    }

    /// Reads a block that someone edited: keys may have nothing but their names, since they are still to be wrapped.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn read_draft(node: &Node) -> Result<Self> {
        Self::read_block(node, Strictness::Draft)
    }

    fn read_block(node: &Node, strictness: Strictness) -> Result<Self> {
        let block = Block::top(node)?;
        let text = block.text("lastmodified")?;
        let last_modified = LastModified::parse(&text).ok_or_else(|| MetadataError::Time { field: "lastmodified".into() })?;
        let groups = read_groups(&block, strictness)?;
        let mut selectors = Vec::new();
        for name in SelectionRule::FIELDS {
            selectors.push((name, block.text(name)?));
        }
        let selection = SelectionRule::from_fields(selectors.iter().map(|(name, text)| (*name, text.as_str())))?;
        Ok(Self {
            groups,
            shamir_threshold: block.count("shamir_threshold")?,
            selection: selection.unwrap_or(SelectionRule::Implicit),
            last_modified,
            mac: block.text("mac")?,
            mac_only_encrypted: block.truth("mac_only_encrypted")?,
            version: checked_version(block.text("version")?)?,
            spelling: Some(block.text(SPELLING_FIELD)?).filter(|text| !text.is_empty()),
        })
    }
}

/// What a block must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strictness {
    /// All that sops asks for.
    File,
    /// Keys need no time.
    Draft,
}

/// One mapping of the block.
struct Block<'n> {
    node: &'n Node,
    /// Its path within the block; empty for the block itself.
    path: String,
}

impl<'n> Block<'n> {
    fn top(node: &'n Node) -> Result<Self> {
        match node.kind {
            Tree::Map(_) => Ok(Self { node, path: String::new() }),
            _ => Err(MetadataError::NotAMapping),
        }
    }

    /// A field: of its very name, else of its name in other case. Null is absent.
    fn field(&self, name: &str) -> Option<&'n Node> {
        let exact = self.node.pairs().filter(|(key, ..)| *key == name).last();
        let found = exact.or_else(|| self.node.pairs().find(|(key, ..)| key.eq_ignore_ascii_case(name)));
        found.map(|(.., node)| node).filter(|node| !is_null(node))
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }

    fn wrong_type(&self, name: &str, expected: &'static str) -> MetadataError {
        MetadataError::Type { field: self.path(name), expected }
    }

    /// A text; empty if absent.
    fn text(&self, name: &str) -> Result<String> {
        let Some(node) = self.field(name) else { return Ok(String::new()) };
        text_of(node).ok_or_else(|| self.wrong_type(name, "a text"))
    }

    /// A text, `None` if absent or empty.
    fn optional_text(&self, name: &str) -> Result<Option<String>> {
        Ok(Some(self.text(name)?).filter(|text| !text.is_empty()))
    }

    /// The text of a time, which must be there.
    fn time(&self, name: &str) -> Result<String> {
        let text = self.text(name)?;
        match time::rfc3339(text.as_bytes()) {
            Some(_) => Ok(text),
            None => Err(MetadataError::Time { field: self.path(name) }),
        }
    }

    /// A number that is not negative; 0 if absent.
    fn count(&self, name: &str) -> Result<usize> {
        let Some(node) = self.field(name) else { return Ok(0) };
        let wrong = || self.wrong_type(name, "a number of key groups");
        let Tree::Scalar(value) = &node.kind else { return Err(wrong()) };
        let number = match value.kind() {
            ValueType::Int => value.as_int(),
            ValueType::Float => value.as_float().map(|number| number as i64),
            ValueType::Bool => value.as_bool().map(i64::from),
            ValueType::Str => value.as_str().and_then(go_integer),
            ValueType::Null | ValueType::Time | ValueType::Comment => None,
        };
        number.and_then(|number| usize::try_from(number).ok()).ok_or_else(wrong)
    }

    /// A truth value; false if absent.
    fn truth(&self, name: &str) -> Result<bool> {
        let Some(node) = self.field(name) else { return Ok(false) };
        let wrong = || self.wrong_type(name, "true or false");
        let Tree::Scalar(value) = &node.kind else { return Err(wrong()) };
        let truth = match value.kind() {
            ValueType::Bool => value.as_bool(),
            ValueType::Int => value.as_int().map(|number| number != 0),
            ValueType::Float => value.as_float().map(|number| number != 0.0),
            ValueType::Str if value.canonical().is_empty() => Some(false),
            ValueType::Str => number::parse_bool(value.canonical()),
            ValueType::Null | ValueType::Time | ValueType::Comment => None,
        };
        truth.ok_or_else(wrong)
    }

    /// The mappings of a list. Absent is empty, as is an empty mapping; a single mapping is a list of one.
    fn blocks(&self, name: &str) -> Result<Vec<Block<'n>>> {
        let Some(node) = self.field(name) else { return Ok(Vec::new()) };
        let items: Vec<&Node> = match &node.kind {
            Tree::Seq(_) => node.items().collect(),
            Tree::Map(_) => node.pairs().next().map(|_| node).into_iter().collect(),
            Tree::Scalar(_) => vec![node],
        };
        let block = |(index, node): (usize, &'n Node)| {
            let path = format!("{}[{index}]", self.path(name));
            match node.kind {
                Tree::Map(_) => Ok(Block { node, path }),
                _ => Err(MetadataError::Type { field: path, expected: "a mapping" }),
            }
        };
        items.into_iter().enumerate().map(block).collect()
    }

    /// Texts by name. Nulls are left out: sops never sends them.
    fn texts(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let Some(node) = self.field(name) else { return Ok(BTreeMap::new()) };
        let inner = Block { node, path: self.path(name) };
        match &node.kind {
            Tree::Map(_) => {}
            Tree::Seq(_) if node.items().next().is_none() => {}
            _ => return Err(self.wrong_type(name, "a mapping")),
        }
        let mut texts = BTreeMap::new();
        for (key, _, value) in node.pairs().filter(|(.., value)| !is_null(value)) {
            texts.insert(key.into(), text_of(value).ok_or_else(|| inner.wrong_type(key, "a text"))?);
        }
        Ok(texts)
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.kind, Tree::Scalar(value) if value.kind() == ValueType::Null)
}

/// The text of a scalar. Times have none: sops refuses them too, since their text may have been another.
fn text_of(node: &Node) -> Option<String> {
    let Tree::Scalar(value) = &node.kind else { return None };
    match value.kind() {
        ValueType::Str | ValueType::Int | ValueType::Float => String::from_utf8(value.canonical().to_vec()).ok(),
        ValueType::Bool => value.as_bool().map(|truth| if truth { "1".into() } else { "0".into() }),
        ValueType::Null => Some(String::new()),
        ValueType::Time | ValueType::Comment => None,
    }
}

/// An integer as Go's `ParseInt` reads it with base 0 (prefixes `0x`, `0o`, `0`, `0b`); empty is 0. Underscores are not
/// taken: nobody writes a threshold so.
fn go_integer(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i64::from_str_radix(digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

/// Checks a version as sops does: `1.` and anything, or `X.Y.Z` with an optional `v` before and `-pre`, `+build` after.
fn checked_version(version: String) -> Result<String> {
    if version.is_empty() {
        return Err(MetadataError::VersionMissing);
    }
    if version.starts_with("1.") || is_semantic(version.strip_prefix('v').unwrap_or(&version)) {
        return Ok(version);
    }
    Err(MetadataError::Version)
}

fn is_semantic(version: &str) -> bool {
    let number = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|c| c.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
            && text.len() < 20
    };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    let leading_zero = |text: &str| text.bytes().all(|c| c.is_ascii_digit()) && !number(text);
    let (rest, build) = version.split_once('+').map_or((version, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3
        && parts.into_iter().all(number)
        && pre.is_none_or(|pre| pre.split('.').all(|part| word(part) && !leading_zero(part)))
        && build.is_none_or(|build| build.split('.').all(word))
}

fn read_groups(block: &Block<'_>, strictness: Strictness) -> Result<Vec<WrappedGroup>> {
    let single = read_group(block, strictness)?;
    if !single.keys.is_empty() {
        return Ok(vec![single]);
    }
    let groups: Vec<_> = block.blocks("key_groups")?.iter().map(|group| read_group(group, strictness)).collect::<Result<_>>()?;
    if groups.is_empty() { Err(MetadataError::NoKeys) } else { Ok(groups) }
}

/// The seven lists of keys of a group, or of the block itself, in stored order.
fn read_group(block: &Block<'_>, strictness: Strictness) -> Result<WrappedGroup> {
    let mut group = WrappedGroup::default();
    for key_type in KeyType::ALL {
        for entry in block.blocks(key_type.name())? {
            group.keys.push(read_key(key_type, &entry, strictness)?);
        }
    }
    Ok(group)
}

fn read_key(key_type: KeyType, entry: &Block<'_>, strictness: Strictness) -> Result<WrappedKey> {
    let key = match key_type {
        KeyType::AwsKms => MasterKey::AwsKms(AwsKmsKey {
            arn: entry.text("arn")?,
            role: entry.optional_text("role")?,
            context: entry.texts("context")?,
            aws_profile: entry.optional_text("aws_profile")?,
        }),
        KeyType::GcpKms => MasterKey::GcpKms(GcpKmsKey { resource_id: entry.text("resource_id")? }),
        KeyType::HuaweiKms => MasterKey::HuaweiKms(HuaweiKmsKey { key_id: entry.text("key_id")? }),
        KeyType::AzureKv => MasterKey::AzureKv(AzureKvKey {
            vault_url: entry.text("vault_url")?,
            name: entry.text("name")?,
            version: entry.text("version")?,
        }),
        KeyType::Vault => MasterKey::Vault(VaultKey {
            address: entry.text("vault_address")?,
            engine_path: entry.text("engine_path")?,
            key_name: entry.text("key_name")?,
        }),
        KeyType::Pgp => MasterKey::Pgp(PgpKey { fingerprint: entry.text("fp")? }),
        KeyType::Age => MasterKey::Age(AgeKey { recipient: entry.text("recipient")? }),
    };
    let created_at = match key_type {
        KeyType::Age => None,
        _ if strictness == Strictness::Draft && entry.field("created_at").is_none() => None,
        _ => Some(entry.time("created_at")?),
    };
    Ok(WrappedKey { key, enc: entry.text("enc")?, created_at })
}
