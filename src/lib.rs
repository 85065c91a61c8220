//! leafseal reads and writes SOPS files: YAML, JSON and other documents whose leaf values are sealed one by one.
//!
//! # What a SOPS file is
//!
//! An ordinary document in which scalars (and comments) are replaced by `ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]`, and which
//! has a `sops` entry at its top level. Key names, structure and what the selection leaves out stay readable, so the file can
//! be compared and merged in version control.
//!
//! All values are sealed with one random *data key*; the path of its keys is authenticated with each value. The `sops` entry holds the data
//! key, wrapped for each *master key* (an age recipient, say), and the *MAC*: a digest over all values, sealed too.
//! The rules are in `docs/format.md`.
//!
//! # The map
//!
//! A module uses only what is below it; `docs/architecture.md` says more.
//!
//! | module | owns |
//! |---|---|
//! | `cli`, `commands`, `host` | the program (feature `cli`): arguments, one file a command, everything that meets the operating system |
//! | [`file`](mod@file) | encrypting, opening, merging, changing and rotating, in memory. Start here |
//! | [`config`] | `.sops.yaml`: creation rules, and the [`Policy`](config::Policy) of a new file |
//! | [`metadata`] | the `sops` entry |
//! | [`selection`] | which leaves are sealed |
//! | [`keys`] | master keys, wrapping and recovering data keys; [`keys::age`] |
//! | [`mac`] | the digest, and the proof that it was checked |
//! | [`document`] | lossless documents: text, leaves with byte spans, splices |
//! | [`crypto`] | data keys, sealed values, Shamir shares |
//! | [`pattern`] | the patterns of RE2 |
//! | [`value`] | typed values with their exact text |
//! | [`secret`] | what is not printed and is wiped |
//!
//! Outside `host` nothing reads files, the environment or the clock, and nothing prints: what comes from outside comes in a
//! [`file::Context`].
//!
//! # An example
//!
//! Encrypt a text for an age key, and decrypt it again:
//!
#![forbid(unsafe_code)]
#![cfg_attr(feature = "age", doc = "```")]
#![cfg_attr(not(feature = "age"), doc = "```ignore")]
//! use leafseal::config::{self, FilePath, KeyOverride, Overrides, Source};
//! use leafseal::document::{Format, Layout};
//! use leafseal::file::{self, Context, EncryptedFile, MacPolicy};
//! use leafseal::keys::KeyType;
//! use leafseal::keys::age::{self, IdentityProvider, IdentitySource, Loaded, SourceKind};
//! use leafseal::keys::recover::DecryptionOrder;
//! use leafseal::keys::service::Local;
//! use leafseal::secret::Secret;
//!
//! /// One identity, in memory.
//! struct Mine(Secret<String>, [IdentitySource; 1]);
//!
//! impl IdentityProvider for Mine {
//!     fn sources(&self) -> &[IdentitySource] {
//!         &self.1
//!     }
//!     fn load(&self, _: &IdentitySource, _: &str) -> Loaded {
//!         Loaded::Content(Secret::new(self.0.expose().clone().into_bytes()))
//!     }
//!     fn passphrase(&self, _: &str) -> Option<Secret<String>> {
//!         None
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (identity, recipient) = age::generate();
//! let mine = Mine(identity, [IdentitySource::variable("my key", SourceKind::Lines)]);
//! let local = Local::new().with_age(&mine);
//! let cx = Context {
//!     services: &[&local],
//!     order: &DecryptionOrder::default(),
//!     now: "2026-11-22T07:14:39Z",
//!     layout: &Layout::default(),
//! };
//!
//! // No .sops.yaml: the one key is given, and the selection is the default one.
//! let given = Overrides {
//!     keys: vec![KeyOverride { key_type: KeyType::Age, text: recipient, source: Source::Default }],
//!     ..Overrides::default()
//! };
//! let path = FilePath { absolute: "/app/secrets.yaml".to_owned(), windows: false };
//! let policy = config::resolve(None, &path, &given, Format::Yaml)?;
//!
//! let plaintext = b"# Database\npassword: 'hunter2'   # rotate me\nport_unencrypted: 5432\n";
//! let encrypted = file::encrypt(plaintext, Format::Yaml, Format::Yaml, &policy, &cx)?;
//! assert_eq!((encrypted.report.values, encrypted.report.sealed), (2, 1));
//!
//! let text = std::str::from_utf8(&encrypted.text)?;
//! assert!(text.contains("password: 'ENC[AES256_GCM,data:"));
//! assert!(text.contains("port_unencrypted: 5432"));
//!
//! let opened = EncryptedFile::parse(&encrypted.text, Format::Yaml)?.open(MacPolicy::Verify, &cx)?;
//! assert_eq!(opened.text()?, plaintext);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod commands;
pub mod config;
pub mod crypto;
pub mod document;
pub mod file;
#[cfg(feature = "cli")]
pub mod host;
pub mod keys;
pub mod mac;
pub mod metadata;
pub mod pattern;
pub mod secret;
pub mod selection;
pub mod value;
