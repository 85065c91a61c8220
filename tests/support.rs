//! What the library-level tests share: a key service double, contexts, the identities of `testdata/keys`, trees to compare.

use std::path::{Path, PathBuf};

use leafseal::config::{Policy, Source, Sources};
use leafseal::document::node::{Entry, Item, Node, Tree};
use leafseal::document::{Document, Duplicates, Format, Layout};
use leafseal::file::{Context, EncryptError, Encrypted, EncryptedFile, MacPolicy, OpenError, PlainFile};
use leafseal::keys::age::{IdentityProvider, IdentitySource, Loaded, SourceKind};
use leafseal::keys::recover::DecryptionOrder;
use leafseal::keys::service::{KeyError, KeyService, Local, Reason, Unwrapped};
use leafseal::keys::{KeyGroup, MasterKey, WrappedKey, parse};
use leafseal::secret::Secret;
use leafseal::selection::SelectionRule;
use leafseal::value::ValueType;

/// The time of every encryption here.
pub(crate) const NOW: &str = "2026-11-24T07:00:00Z";

/// Recipients of the first two identities of `testdata/keys`.
pub(crate) const RECIPIENTS: [&str; 2] = [
    "age16r7pjmdqaksyuykpe6jmy4l0kas0nnaukrf25x4ws84pf0la64csfey8cy",
    "age1yq683tar3v9fhhlmsc8reja7at9m2qgmme2c7my0rxrjr8vmm36q04hqkl",
];

/// A key service that wraps by writing hexadecimal digits: costs nothing, hides nothing.
pub(crate) struct Double {
    /// What it does when it is asked to unwrap.
    pub(crate) answer: DoubleAnswer,
}

/// What [`Double`] answers.
pub(crate) enum DoubleAnswer {
    /// What it wrapped.
    Honest,
    /// Another key than it wrapped.
    WrongKey,
    /// Nothing here for that key.
    Nothing,
    /// An error.
    Fails,
}

/// The double that works.
pub(crate) const HONEST: Double = Double { answer: DoubleAnswer::Honest };

impl KeyService for Double {
    fn wrap(&self, _: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
        match self.answer {
            DoubleAnswer::Fails => Err(KeyError::Service("the double fails".into())),
            _ => Ok(hex(data_key)),
        }
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
        let digit = |i: usize| key.enc.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let opened: Option<Vec<u8>> = (0..key.enc.len() / 2).map(digit).collect();
        let mut opened = opened.ok_or(KeyError::Service("the double did not wrap this".into()))?;
        match self.answer {
            DoubleAnswer::Honest => {}
            DoubleAnswer::WrongKey => opened.iter_mut().for_each(|byte| *byte ^= 1),
            DoubleAnswer::Nothing => return Ok(Unwrapped::NothingHere(Reason::default())),
            DoubleAnswer::Fails => return Err(KeyError::Service("the double fails".into())),
        }
        Ok(Unwrapped::Opened(Secret::new(opened)))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The identities of `testdata/keys`, as a host would find them.
pub(crate) struct TestIdentities {
    sources: Vec<IdentitySource>,
}

impl TestIdentities {
    pub(crate) fn new() -> Self {
        let file = |name: &str, kind| IdentitySource::file(name, kind, testdata("keys").join(name).to_str().unwrap());
        Self {
            sources: vec![
                file("age-identities.txt", SourceKind::Lines),
                file("id_ed25519", SourceKind::SshKey),
                file("id_rsa", SourceKind::SshKey),
            ],
        }
    }
}

impl IdentityProvider for TestIdentities {
    fn sources(&self) -> &[IdentitySource] {
        &self.sources
    }

    fn load(&self, source: &IdentitySource, _: &str) -> Loaded {
        Loaded::Content(Secret::new(std::fs::read(source.path().unwrap()).unwrap()))
    }

    fn passphrase(&self, _: &str) -> Option<Secret<String>> {
        None
    }
}

/// Does something with a context that has this key service.
pub(crate) fn with<T>(service: &dyn KeyService, run: impl FnOnce(&Context<'_>) -> T) -> T {
    let (order, layout) = (DecryptionOrder::default(), Layout::default());
    run(&Context { services: &[service], order: &order, now: NOW, layout: &layout })
}

/// Does something with a context that has the identities of `testdata/keys`.
pub(crate) fn with_identities<T>(run: impl FnOnce(&Context<'_>) -> T) -> T {
    let identities = TestIdentities::new();
    with(&Local::new().with_age(&identities), run)
}

/// One group with the first recipient, the default selector.
pub(crate) fn policy() -> Policy {
    policy_of(&[&[RECIPIENTS[0]]], 0, SelectionRule::default())
}

/// The same with another selector: a name of [`SelectionRule::FIELDS`] and its text.
pub(crate) fn selecting(name: &str, text: &str) -> Policy {
    policy_of(&[&[RECIPIENTS[0]]], 0, SelectionRule::from_fields([(name, text)]).unwrap().unwrap())
}

/// Groups of age recipients.
pub(crate) fn policy_of(groups: &[&[&str]], threshold: u32, selection: SelectionRule) -> Policy {
    let group = |keys: &&[&str]| KeyGroup { keys: keys.iter().map(|key| parse::age(key).unwrap()).collect() };
    Policy {
        groups: groups.iter().map(group).collect(),
        threshold,
        selection,
        mac_only_encrypted: false,
        sources: Sources {
            rule: None,
            keys: vec![Source::Default],
            threshold: Source::Default,
            selection: Source::Default,
            mac_only_encrypted: Source::Default,
        },
        warnings: Vec::new(),
    }
}

/// Encrypts with the double.
pub(crate) fn encrypt(text: impl AsRef<[u8]>, format: Format, policy: &Policy) -> Result<Encrypted, EncryptError> {
    with(&HONEST, |cx| leafseal::file::encrypt(text.as_ref(), format, format, policy, cx))
}

/// Opens with the double.
pub(crate) fn open(text: impl AsRef<[u8]>, format: Format) -> Result<PlainFile, OpenError> {
    with(&HONEST, |cx| EncryptedFile::parse(text.as_ref(), format)?.open(MacPolicy::Verify, cx))
}

/// Decrypts with the double.
pub(crate) fn decrypt(text: impl AsRef<[u8]>, format: Format) -> Result<Vec<u8>, OpenError> {
    open(text, format)?.text()
}

/// A folder of the tests' own files.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// A folder that is not part of the repository; `None`, with a note, where it is absent.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("LEAFSEAL_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// The files of a folder in order of their names.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The format that a file's name says.
pub(crate) fn format_of(path: &Path) -> Format {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Format::Yaml,
        Some("json") => Format::Json,
        Some("tfvars" | "hcl") => Format::Tfvars,
        Some("toml") => Format::Toml,
        Some("env") => Format::Dotenv,
        Some("ini") => Format::Ini,
        _ => Format::Binary,
    }
}

/// A file's own name.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A document's values, one a line: place, type and text. Comments are left out.
pub(crate) fn values(text: &[u8], format: Format) -> Vec<String> {
    tree(text, format).into_iter().filter(|line| !line.starts_with("# ")).collect()
}

/// A document's values and comments, one a line; the metadata is left out. A comment is told with its container.
pub(crate) fn tree(text: &[u8], format: Format) -> Vec<String> {
    let doc = Document::scan_bytes(text, format, Duplicates::Keep).unwrap_or_else(|error| panic!("{error}"));
    let mut lines = Vec::new();
    for (number, root) in doc.roots.iter().enumerate() {
        let node = doc.node(*root).unwrap_or_else(|error| panic!("{error}"));
        flatten(&node, &format!("{number}:"), &mut lines);
    }
    lines
}

/// The comments of a document with their containers, sorted.
pub(crate) fn comments(text: &[u8], format: Format) -> Vec<String> {
    let mut found: Vec<_> = tree(text, format).into_iter().filter(|line| line.starts_with("# ")).collect();
    found.sort();
    found
}

fn flatten(node: &Node, place: &str, lines: &mut Vec<String>) {
    match &node.kind {
        Tree::Scalar(value) if value.kind() == ValueType::Null => lines.push(format!("{place} = null")),
        Tree::Scalar(value) => {
            lines.push(format!("{place} = {:?} {:?}", value.kind(), String::from_utf8_lossy(value.canonical())));
        }
        Tree::Map(entries) => {
            lines.push(format!("{place} {{}}"));
            for entry in entries {
                match entry {
                    Entry::Comment(comment) => lines.push(format!("# {place} {:?}", comment.text)),
                    Entry::Pair(key, _, value) => flatten(value, &format!("{place}{key:?}:"), lines),
                }
            }
        }
        Tree::Seq(items) => {
            lines.push(format!("{place} []"));
            let mut index = 0;
            for item in items {
                match item {
                    Item::Comment(comment) => lines.push(format!("# {place} {:?}", comment.text)),
                    Item::Node(value) => {
                        flatten(value, &format!("{place}{index}:"), lines);
                        index += 1;
                    }
                }
            }
        }
    }
}

/// The first line in which two lists differ, for messages about test data.
pub(crate) fn first_difference(left: &[String], right: &[String]) -> Option<String> {
    let none = String::from("(nothing)");
    (0..left.len().max(right.len())).find_map(|i| {
        let (l, r) = (left.get(i).unwrap_or(&none), right.get(i).unwrap_or(&none));
        (l != r).then(|| format!("{l}\n  is not\n  {r}"))
    })
}

/// An error with everything that caused it, as it is shown, and as `Debug` shows it.
pub(crate) fn everything_said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = format!("{error}\n{error:?}\n{error:#?}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(&format!("{error}\n{error:?}\n"));
        cause = error.source();
    }
    said
}

/// Whether two lists of values are the same where `1`, `1.0` and `1e0` are one number: the reference writes floats without a point.
pub(crate) fn same_but_for_numbers(left: &[String], right: &[String]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(l, r)| l == r || same_number(l, r) == Some(true))
}

fn same_number(left: &str, right: &str) -> Option<bool> {
    fn number(line: &str) -> Option<(&str, f64)> {
        let (place, value) = line.rsplit_once(" = ")?;
        let text = value.strip_prefix("Int ").or_else(|| value.strip_prefix("Float "))?;
        Some((place, text.trim_matches('"').parse().ok()?))
    }
    let ((left_place, left), (right_place, right)) = (number(left)?, number(right)?);
    Some(left_place == right_place && left == right)
}

/// The texts of a document's comments.
pub(crate) fn comment_texts(text: &[u8], format: Format) -> Vec<String> {
    comments(text, format).iter().map(|line| line[line.rfind(": \"").unwrap_or(0)..].to_owned()).collect()
}
