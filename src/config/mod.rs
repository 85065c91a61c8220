//! Owns `.sops.yaml`: creation rules, destination rules and stores, and what they mean for one file.
//!
//! The text, the paths and the directory come from the host as data: nothing here meets the operating system. The text is
//! decoded from our own YAML tree, so that every complaint has a position, with the type rules of go-yaml's typed decoding.
//! Uses `document`, `keys`, `selection` and `pattern`. Rules: `docs/compatibility.md`, "Configuration".

#[cfg(feature = "audit")]
pub mod audit;
mod decode;
mod decoder;
pub mod explain;
mod keys_of_rule;
pub mod model;
mod names;
mod parse;
pub mod policy;
pub mod rules;
pub mod stores;
mod warnings;

pub use crate::document::Layout;
#[cfg(feature = "audit")]
pub use audit::AuditConfig;
pub use explain::{ExplainedRule, Explanation, Verdict, explain};
pub use keys_of_rule::{FieldError, FieldReason};
pub use model::{
    AzureEntry, Config, ConfigError, ConfigWarning, CreationRule, DestinationRule, GroupEntry, Indents, KeyField, KeyFields,
    KeyText, KmsEntry, Origin, Problem, Selectors, Suggestion, WarningKind,
};
pub use policy::{KeyOverride, Overrides, Policy, PolicyError, Source, Sources, encryption_context, resolve};
pub use rules::{FilePath, MissedRule, NearMiss, NoMatch, RuleError, RuleMatch};
pub use stores::LayoutError;
pub use warnings::{PolicyWarning, group_warnings, selection_warnings};
