//! Owns the metadata of an encrypted file, its `sops` block: the model. [`Metadata::read`] takes it from a tree of values,
//! [`Metadata::to_node`] gives it back.
//!
//! Rules: `docs/format.md`, "Metadata". May use `selection`, `keys`, `document` and `value`.

mod read;
mod write;

use crate::document::{Document, NodeKind, PathId};
use crate::keys::WrappedGroup;
use crate::selection::{SelectionError, SelectionRule};
use crate::value::time;

/// The name of the metadata entry.
pub const KEY: &str = "sops";

/// The field of our own in which spellings are kept that value and style alone do not tell. sops ignores it.
pub const SPELLING_FIELD: &str = "leafseal_spelling";

/// The metadata of one encrypted file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The key groups with the data key, or their shares of it; at least one.
    pub groups: Vec<WrappedGroup>,
    /// How many groups are needed; 0 if the file does not say. Means nothing with a single group.
    pub shamir_threshold: usize,
    /// Which leaves are sealed.
    pub selection: SelectionRule,
    /// When the file was last written.
    pub last_modified: LastModified,
    /// The sealed MAC; empty if the file has none.
    pub mac: String,
    /// Whether the MAC covers sealed leaves only.
    pub mac_only_encrypted: bool,
    /// The version of sops that the file's features ask for.
    pub version: String,
    /// The sealed spellings, see [`SPELLING_FIELD`].
    pub spelling: Option<String>,
}

/// The time in `lastmodified`: the text that the file has, and the text that is the additional data of the MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastModified {
    text: String,
    canonical: String,
}

impl LastModified {
    /// Takes an RFC 3339 time; `None` for other texts.
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = time::without_fraction(&time::rfc3339(text.as_bytes())?);
        Some(Self { text: text.into(), canonical })
    }

    /// The text as stored.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as sops formats it: in seconds, with `Z` for UTC. It is the additional data of the MAC.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Why a file has no usable metadata. Names fields, never what is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The first document has no `sops` entry: the file is not encrypted.
    #[error("the file has no `sops` metadata: it is not an encrypted file")]
    NotFound,
    /// The `sops` entry is not a mapping.
    #[error("the `sops` entry is not a mapping")]
    NotAMapping,
    /// A field has another type, and its value cannot be taken for the right one.
    #[error("`sops.{field}` is not {expected}")]
    Type {
        /// Path of the field within the block.
        field: String,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// A time is missing or not RFC 3339.
    #[error("`sops.{field}` is missing or not an RFC 3339 time")]
    Time {
        /// Path of the field within the block.
        field: String,
    },
    /// No master key is in the block.
    #[error("the `sops` metadata has no master keys")]
    NoKeys,
    /// `version` is missing or empty.
    #[error("`sops.version` is missing")]
    VersionMissing,
    /// `version` is not of the form `X.Y.Z`.
    #[error("`sops.version` is not a version")]
    Version,
    /// More than one selector.
    #[error("in the `sops` metadata, {0}")]
    Selectors(#[from] SelectionError),
}

/// Finds the metadata of a document: the `sops` entry of its first document (scanners refuse a second one there). Those of
/// later documents mean nothing.
///
/// # Errors
/// [`MetadataError::NotFound`], [`MetadataError::NotAMapping`].
pub fn locate(document: &Document) -> Result<PathId, MetadataError> {
    let first = document.roots.first();
    let is_first = |id: &&PathId| Some(&document.paths.node(**id).parent) == first;
    let entry = *document.metadata.iter().find(is_first).ok_or(MetadataError::NotFound)?;
    match document.paths.node(entry).kind {
        NodeKind::BlockMap | NodeKind::FlowMap => Ok(entry),
        _ => Err(MetadataError::NotAMapping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::json::{self, JsonIndent};
    use crate::document::node::Node;
    use crate::document::{Duplicates, Format, yaml};
    use crate::keys::{AwsKmsKey, KeyType, MasterKey, WrappedKey};
    use crate::value::{Value, ValueType};
    use std::path::Path;

    /// A tree from JSON text.
    fn tree(text: &str) -> Node {
        fn node(value: serde_json::Value) -> Node {
            match value {
                serde_json::Value::Null => Node::scalar(Value::NULL),
                serde_json::Value::Bool(truth) => Node::scalar(Value::bool(truth)),
                serde_json::Value::Number(number) => Node::scalar(match number.as_i64() {
                    Some(number) => Value::int(number),
                    None => Value::float(number.as_f64().unwrap()),
                }),
                serde_json::Value::String(text) => Node::str(text),
                serde_json::Value::Array(items) => Node::seq(items.into_iter().map(node)),
                serde_json::Value::Object(fields) => Node::map(fields.into_iter().map(|(name, value)| (name, node(value)))),
            }
        }
        node(serde_json::from_str(text).unwrap())
    }

    /// A block with the given fields, and the usual ones where they are not among them.
    fn block(fields: &str) -> Node {
        let mut block: serde_json::Map<_, _> = serde_json::from_str(&format!("{{{fields}}}")).unwrap();
        for (name, value) in [
            ("age", serde_json::json!([{"recipient": "age1x", "enc": "wrapped\n"}])),
            ("lastmodified", "2026-11-22T06:41:01Z".into()),
            ("mac", "ENC[m]".into()),
            ("version", "3.13.2".into()),
        ] {
            block.entry(name).or_insert(value);
        }
        tree(&serde_json::to_string(&block).unwrap())
    }

    fn read(fields: &str) -> Result<Metadata, MetadataError> {
        Metadata::read(&block(fields))
    }

    fn text_of(metadata: &Metadata) -> String {
        json::emit_value(&metadata.to_node(), JsonIndent::Spaces(0)).unwrap().replace('\n', "")
    }

    fn wrong(field: &str, expected: &'static str) -> Result<Metadata, MetadataError> {
        Err(MetadataError::Type { field: field.into(), expected })
    }

    #[test]
    fn a_block_of_the_reference_is_written_as_it_was_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/reference");
        let mut count = 0;
        for (format, name, kind) in
            [("json", "enc.json", Format::Json), ("binary", "enc.bin", Format::Binary), ("yaml", "enc.yaml", Format::Yaml)]
        {
            for case in std::fs::read_dir(folder.join(format)).unwrap() {
                let file = case.unwrap().path().join(name);
                // Some cases are files that the reference cannot encrypt.
                let Ok(text) = std::fs::read_to_string(&file) else { continue };
                let document = Document::scan(text, kind, Duplicates::Keep).unwrap();
                let metadata = Metadata::read(&document.node(locate(&document).unwrap()).unwrap()).unwrap();
                let whole = Node::map([(KEY.into(), metadata.to_node())]);
                let written = match kind {
                    Format::Yaml => yaml::emit::emit(&whole, &yaml::emit::EmitLayout::default()),
                    _ => json::emit(&whole, JsonIndent::Tab).unwrap().split_off(1),
                };
                assert!(document.text.ends_with(&written), "{}", file.display());
                count += 1;
            }
        }
        assert!(count >= 58, "only {count} files were found");
    }

    #[test]
    fn the_smallest_block_has_one_key_a_time_and_a_version() {
        let metadata = read("").unwrap();
        assert_eq!(metadata.groups.len(), 1);
        assert_eq!(metadata.groups[0].keys[0].enc, "wrapped\n");
        assert_eq!((metadata.shamir_threshold, metadata.mac_only_encrypted, metadata.spelling), (0, false, None));
        assert_eq!(metadata.selection, SelectionRule::Implicit);
        assert_eq!(metadata.mac, "ENC[m]");
    }

    #[test]
    fn a_missing_mac_is_read_as_empty() {
        assert_eq!(read(r#""mac": null"#).unwrap().mac, "");
    }

    #[test]
    fn names_are_matched_without_regard_to_case_and_unknown_ones_ignored() {
        let metadata =
            read(r#""MAC_Only_Encrypted": true, "Encrypted_Regex": "^a", "attention": "none", "LEAFSEAL_spelling": "s""#).unwrap();
        assert!(metadata.mac_only_encrypted);
        assert_eq!(metadata.selection, SelectionRule::EncryptedRegex("^a".into()));
        assert_eq!(metadata.spelling.as_deref(), Some("s"));
        assert_eq!(read(r#""MAC": "other""#).unwrap().mac, "ENC[m]", "the exact name wins");
    }

    #[test]
    fn values_of_neighbouring_types_are_converted() {
        for (text, threshold) in
            [("2", 2), ("\"2\"", 2), ("\"0x10\"", 16), ("\"010\"", 8), ("\"\"", 0), ("2.9", 2), ("true", 1), ("null", 0)]
        {
            assert_eq!(read(&format!("\"shamir_threshold\": {text}")).unwrap().shamir_threshold, threshold, "{text}");
        }
        for (text, only) in
            [("true", true), ("\"true\"", true), ("\"F\"", false), ("1", true), ("0.0", false), ("\"\"", false), ("null", false)]
        {
            assert_eq!(read(&format!("\"mac_only_encrypted\": {text}")).unwrap().mac_only_encrypted, only, "{text}");
        }
        for (text, suffix) in [("12", "12"), ("true", "1"), ("1.5", "1.5")] {
            let rule = SelectionRule::EncryptedSuffix(suffix.into());
            assert_eq!(read(&format!("\"encrypted_suffix\": {text}")).unwrap().selection, rule, "{text}");
        }
    }

    #[test]
    fn other_types_are_errors_that_name_the_field_only() {
        assert_eq!(read(r#""shamir_threshold": "many""#), wrong("shamir_threshold", "a number of key groups"));
        assert_eq!(read(r#""shamir_threshold": -1"#), wrong("shamir_threshold", "a number of key groups"));
        assert_eq!(read(r#""shamir_threshold": [2]"#), wrong("shamir_threshold", "a number of key groups"));
        assert_eq!(read(r#""mac_only_encrypted": "yes""#), wrong("mac_only_encrypted", "true or false"));
        assert_eq!(read(r#""mac": ["ENC[m]"]"#), wrong("mac", "a text"));
        assert_eq!(read(r#""age": "age1x""#), wrong("age[0]", "a mapping"));
        assert_eq!(read(r#""age": [{}, ["x"]]"#), wrong("age[1]", "a mapping"));
        assert_eq!(read(r#""age": [{"enc": {}}]"#), wrong("age[0].enc", "a text"));
        assert_eq!(read(r#""key_groups": [{"age": [{"enc": {}}]}], "age": []"#), wrong("key_groups[0].age[0].enc", "a text"));
        let shown = read(r#""age": [{"enc": ["canary"]}]"#).unwrap_err();
        assert_eq!(shown.to_string(), "`sops.age[0].enc` is not a text");
    }

    #[test]
    fn an_unquoted_time_is_refused_as_by_the_reference() {
        let time = Node::scalar(Value::new(ValueType::Time, &b"2026-11-22T06:41:01Z"[..]));
        assert_eq!(Metadata::read(&Node::map([("lastmodified".into(), time)])), wrong("lastmodified", "a text"));
    }

    #[test]
    fn the_time_of_the_mac_is_in_seconds_and_its_text_stays() {
        for (text, canonical) in [
            ("2026-11-22T06:41:01Z", "2026-11-22T06:41:01Z"),
            ("2026-11-22T06:41:01.999Z", "2026-11-22T06:41:01Z"),
            ("2026-11-22T06:41:01+00:00", "2026-11-22T06:41:01Z"),
            ("2026-11-22T06:41:01.5+02:00", "2026-11-22T06:41:01+02:00"),
        ] {
            let metadata = read(&format!("\"lastmodified\": \"{text}\"")).unwrap();
            assert_eq!((metadata.last_modified.text(), metadata.last_modified.canonical()), (text, canonical));
            assert!(text_of(&metadata).contains(text));
        }
        for text in ["", "yesterday", "2026-11-22", "2026-11-22 06:41:01Z"] {
            let error = MetadataError::Time { field: "lastmodified".into() };
            assert_eq!(read(&format!("\"lastmodified\": \"{text}\"")), Err(error), "{text}");
        }
    }

    #[test]
    fn every_key_but_age_needs_the_time_it_was_made() {
        for list in ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp"] {
            let error = MetadataError::Time { field: format!("{list}[0].created_at") };
            assert_eq!(read(&format!("\"{list}\": [{{\"enc\": \"x\"}}]")), Err(error));
        }
    }

    const EVERY_KEY: &str = r#"
        "age": [{"enc": "1", "recipient": "age1x"}],
        "azure_kv": [{"created_at": "2020-01-01T00:00:00Z", "enc": "2", "name": "n", "vault_url": "https://v", "version": "k1"}],
        "gcp_kms": [{"created_at": "2020-01-01T00:00:00Z", "enc": "3", "resource_id": "r"}],
        "hc_vault": [{"created_at": "2020-01-01T00:00:00Z", "enc": "4", "engine_path": "e", "key_name": "k", "vault_address": "https://h"}],
        "hckms": [{"created_at": "2020-01-01T00:00:00Z", "enc": "5", "key_id": "r:u"}],
        "kms": [{"arn": "arn:a", "aws_profile": "p", "context": {"a": "1", "b": "2"}, "created_at": "2020-01-01T00:00:00Z", "enc": "6", "role": "arn:r"},
                {"arn": "arn:b", "aws_profile": "", "created_at": "2020-01-01T00:00:00.5Z", "enc": "7"}],
        "pgp": [{"created_at": "2020-01-01T00:00:00Z", "enc": "8", "fp": "F"}]"#;

    #[test]
    fn every_kind_of_key_is_written_as_it_was_read_in_stored_order() {
        let metadata = read(EVERY_KEY).unwrap();
        let order: Vec<_> = metadata.groups[0].keys.iter().map(|wrapped| wrapped.key.key_type()).collect();
        let mut stored = KeyType::ALL.to_vec();
        stored.insert(0, KeyType::AwsKms);
        assert_eq!(order, stored);
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let written = squeezed(&text_of(&metadata));
        for list in squeezed(EVERY_KEY).split_inclusive("}],") {
            assert!(written.contains(list.trim_end_matches(',')), "{list} in {written}");
        }
    }

    #[test]
    fn lists_of_old_layouts_are_empty_and_vanish() {
        let metadata = read(r#""kms": [], "gcp_kms": null, "azure_kv": {}, "hc_vault": [], "pgp": null"#).unwrap();
        assert_eq!(metadata.groups[0].keys.len(), 1);
        let written = text_of(&metadata);
        assert!(["kms", "azure_kv", "hc_vault", "pgp"].iter().all(|name| !written.contains(name)), "{written}");
    }

    #[test]
    fn a_single_mapping_is_a_list_of_one() {
        assert_eq!(read(r#""age": {"recipient": "age1y", "enc": "x"}"#).unwrap().groups[0].keys.len(), 1);
    }

    #[test]
    fn nulls_of_a_context_are_left_out() {
        let metadata =
            read(r#""kms": [{"arn": "a", "context": {"x": null, "y": 1}, "created_at": "2020-01-01T00:00:00Z"}]"#).unwrap();
        let MasterKey::AwsKms(key) = &metadata.groups[0].keys[0].key else { panic!("an AWS key comes first") };
        assert_eq!(key.context.iter().collect::<Vec<_>>(), [(&"y".to_string(), &"1".to_string())]);
    }

    #[test]
    fn lists_at_the_top_hide_key_groups() {
        let groups = r#""key_groups": [{"age": [{"recipient": "age1y"}]}, {"age": [{"recipient": "age1z"}]}]"#;
        assert_eq!(read(groups).unwrap().groups.len(), 1);
        assert_eq!(read(&format!("{groups}, \"age\": []")).unwrap().groups.len(), 2);
    }

    #[test]
    fn groups_always_have_two_of_their_lists() {
        let metadata = read(r#""age": null, "key_groups": [{"pgp": [{"created_at": "2020-01-01T00:00:00Z"}]}, {}]"#).unwrap();
        let written = text_of(&metadata);
        assert!(written.contains(r#""key_groups": [{"age": [],"hc_vault": [],"pgp": [{"#), "{written}");
        assert!(written.contains(r#"{"age": [],"hc_vault": []}"#), "{written}");
    }

    #[test]
    fn a_block_without_keys_is_refused() {
        assert_eq!(read(r#""age": []"#), Err(MetadataError::NoKeys));
        assert_eq!(read(r#""age": [], "key_groups": []"#), Err(MetadataError::NoKeys));
    }

    #[test]
    fn two_selectors_are_refused_and_empty_ones_absent() {
        assert_eq!(
            read(r#""encrypted_regex": "", "unencrypted_suffix": "_x""#).unwrap().selection,
            SelectionRule::UnencryptedSuffix("_x".into())
        );
        let conflict = SelectionError::Conflict { first: "encrypted_regex", second: "unencrypted_suffix" };
        assert_eq!(read(r#""encrypted_regex": "a", "unencrypted_suffix": "_x""#), Err(conflict.into()));
    }

    #[test]
    fn an_implicit_selector_is_not_written() {
        assert!(!text_of(&read("").unwrap()).contains("suffix"));
        for name in SelectionRule::FIELDS {
            assert!(text_of(&read(&format!("\"{name}\": \"x\"")).unwrap()).contains(&format!("\"{name}\": \"x\"")));
        }
    }

    #[test]
    fn our_own_field_has_its_place_among_the_others() {
        let written =
            text_of(&read(r#""leafseal_spelling": "ENC[s]", "mac_only_encrypted": true, "shamir_threshold": 2"#).unwrap());
        let at = |name: &str| written.find(&format!("\"{name}\"")).unwrap();
        let order = ["age", "lastmodified", SPELLING_FIELD, "mac", "mac_only_encrypted", "shamir_threshold", "version"].map(at);
        assert!(order.is_sorted(), "{written}");
    }

    #[test]
    fn versions_are_those_the_reference_takes() {
        for good in ["3.13.2", "v3.0.0", "3.8.0-rc.1", "3.8.0-alpha+build.5", "99.0.0", "1.14", "1.", "0.0.0"] {
            assert_eq!(read(&format!("\"version\": \"{good}\"")).map(|metadata| metadata.version).as_deref(), Ok(good));
        }
        for bad in
            ["3", "3.13", "3.13.2.1", "03.1.0", "3.x.0", "3.1.0-", "3.1.0-01", "3.1.0+", "vv3.1.0", " 3.1.0", "3..0", "latest"]
        {
            assert_eq!(read(&format!("\"version\": \"{bad}\"")), Err(MetadataError::Version), "{bad}");
        }
        assert_eq!(read(r#""version": null"#), Err(MetadataError::VersionMissing));
        assert_eq!(read(r#""version": 3.13"#), Err(MetadataError::Version));
    }

    #[test]
    fn a_key_made_without_a_time_gets_that_of_the_writing() {
        let mut metadata = read("").unwrap();
        let key = AwsKmsKey { arn: "arn:a".into(), role: None, context: Default::default(), aws_profile: None };
        metadata.groups[0].keys.push(WrappedKey { key: MasterKey::AwsKms(key), enc: "x".into(), created_at: None });
        let written = text_of(&metadata);
        assert!(written.contains(r#""created_at": "2026-11-22T06:41:01Z""#), "{written}");
        assert!(Metadata::read(&tree(&written)).is_ok());
    }

    #[test]
    fn the_block_is_the_one_sops_entry_of_the_first_document() {
        let find = |text: &str| {
            let document = json::scan(text.into()).unwrap();
            locate(&document).map(|id| document.text[document.paths.node(id).value.range()].to_string())
        };
        assert_eq!(find(r#"{"a": 1, "sops": {"mac": 2}}"#).as_deref(), Ok(r#"{"mac": 2}"#));
        assert_eq!(find(r#"{"a": {"sops": {}}}"#), Err(MetadataError::NotFound));
        assert_eq!(find(r#"{"sops": []}"#), Err(MetadataError::NotAMapping));
        assert_eq!(find(r#"{"sops": null}"#), Err(MetadataError::NotAMapping));
    }
}
