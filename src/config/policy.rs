//! Makes the [`Policy`] of a new file: its key groups, threshold and selection, from flags, environment and the first
//! creation rule that matches.
//!
//! | setting | first wins |
//! |---|---|
//! | master keys | all key flags and variables together, as one group; else the rule's. Given keys need no rule |
//! | each selector | flag, rule; two different ones that remain are an error |
//! | threshold | flag, rule |
//! | `mac_only_encrypted` | flag or rule |

use super::keys_of_rule::{FieldError, keys_of_rule};
use super::model::{Config, CreationRule, Selectors};
use super::rules::{FilePath, RuleError, RuleMatch};
use super::warnings::{self, PolicyWarning};
use crate::document::{Format, Position};
use crate::keys::{KeyGroup, KeyType, parse};
use crate::selection::{Selection, SelectionError, SelectionRule};
use std::collections::BTreeMap;

/// What flags and environment say, as data of the host. The default says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Keys, a comma list each. Empty texts count as absent.
    pub keys: Vec<KeyOverride>,
    /// `--aws-profile`: for the AWS KMS keys of [`Self::keys`].
    pub aws_profile: String,
    /// `--encryption-context`: for the AWS KMS keys of [`Self::keys`].
    pub encryption_context: BTreeMap<String, String>,
    /// Whether the context goes to the `kms` field of a rule too: only in the command form without a subcommand.
    pub context_for_rule: bool,
    /// The selector flags.
    pub selectors: Selectors,
    /// `--mac-only-encrypted`.
    pub mac_only_encrypted: bool,
    /// `--shamir-secret-sharing-threshold`; 0 is absent.
    pub threshold: i64,
}

/// The keys of one flag or environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOverride {
    /// Their type.
    pub key_type: KeyType,
    /// A comma list.
    pub text: String,
    /// Where it was given.
    pub source: Source,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// The creation rule with this index, from 0, in this line, from 1.
    Rule {
        /// Index, from 0.
        index: usize,
        /// Line, from 1.
        line: u32,
    },
    /// Nobody said anything.
    Default,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Rule { index, line } => write!(f, "creation_rules[{index}] (line {line})"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// How a new file is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its key groups, none of them empty.
    pub groups: Vec<KeyGroup>,
    /// How many groups are needed, as it is written in the metadata: 0 is not written. With several groups it is between 2
    /// and their number; with a single one it has no effect.
    pub threshold: u32,
    /// Its selector. Patterns have been compiled once.
    pub selection: SelectionRule,
    /// Whether the MAC covers sealed values only.
    pub mac_only_encrypted: bool,
    /// Where all that comes from.
    pub sources: Sources,
    /// What looks like a mistake.
    pub warnings: Vec<PolicyWarning>,
}

/// Where the settings of a [`Policy`] come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The rule that matches, if one does.
    pub rule: Option<Source>,
    /// The keys: one rule, or several flags and variables.
    pub keys: Vec<Source>,
    /// The threshold.
    pub threshold: Source,
    /// The selector.
    pub selection: Source,
    /// `mac_only_encrypted`.
    pub mac_only_encrypted: Source,
}

/// Why there is no policy for a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No rule could be chosen, and no keys were given.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Neither config nor given keys.
    #[error("config file not found, or has no creation rules, and no keys provided through command line options")]
    NoKeys,
    /// A key field of the rule cannot be read.
    #[error("{path}: {error}")]
    Field {
        /// Path of the config.
        path: String,
        /// Which field, where, why.
        error: FieldError,
    },
    /// Given keys cannot be read.
    #[error("{given_by}: {error}")]
    Given {
        /// The flag or variable.
        given_by: Source,
        /// What is wrong with it.
        error: parse::KeyTextError,
    },
    /// A group without keys.
    #[error("empty key group provided: {place} holds no key")]
    EmptyGroup {
        /// The group: its path in the config and its position, or the flags.
        place: String,
    },
    /// The rule has two selectors.
    #[error(
        "error loading config: {path}: {position}: cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, \
         unencrypted_regex, encrypted_comment_regex, or unencrypted_comment_regex for the same rule: `{first}` and `{second}` are given"
    )]
    RuleConflict {
        /// Path of the config.
        path: String,
        /// Where the rule begins.
        position: Position,
        /// A selector's name.
        first: &'static str,
        /// Another's.
        second: &'static str,
    },
    /// Two selectors are left when flags and rule are put together.
    #[error(
        "cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, unencrypted_regex, \
         encrypted_comment_regex, or unencrypted_comment_regex in the same file: `{first}` ({first_source}) and \
         `{second}` ({second_source}) are given"
    )]
    Conflict {
        /// A selector's name.
        first: &'static str,
        /// Where it comes from.
        first_source: Source,
        /// Another's.
        second: &'static str,
        /// Where it comes from.
        second_source: Source,
    },
    /// The selector is no pattern.
    #[error("{given_by}: {error}")]
    Selector {
        /// Where it comes from.
        given_by: Source,
        /// What is wrong with it.
        error: SelectionError,
    },
    /// The threshold is not possible with so many groups.
    #[error("{given_by}: {message}")]
    Threshold {
        /// Where the threshold comes from.
        given_by: Source,
        /// What is wrong with it.
        message: String,
    },
}

/// Makes the policy of a new file. `format` is that of the input: a binary file is one value, to which no selector applies.
///
/// # Errors
/// [`PolicyError`]. A rule that does not match is none if keys are given; a pattern that cannot be compiled always is.
pub fn resolve(config: Option<&Config>, file: &FilePath, given: &Overrides, format: Format) -> Result<Policy, PolicyError> {
    let given_keys = given_group(given)?;
    let matched = match config.map_or(Ok(None), |config| config.matching_rule(file)) {
        Err(RuleError::NoMatch(_)) if given_keys.is_some() => None,
        matched => matched?,
    };
    let path = config.map_or("", |config| config.origin.path.as_str());
    let rule = matched.map(|matched| matched.rule);
    let rule_source = matched.map(|RuleMatch { index, rule }| Source::Rule { index, line: rule.position.line });

    let mut warnings = Vec::new();
    let (selection, selection_source) = selector(path, rule, rule_source, given, format, &mut warnings)?;
    let (groups, key_sources) = match (given_keys, rule, rule_source) {
        (Some((group, sources)), ..) => (vec![group], sources),
        (None, Some(rule), Some(source)) => {
            let context = if given.context_for_rule { given.encryption_context.clone() } else { BTreeMap::new() };
            let groups = keys_of_rule(rule, &context).map_err(|error| PolicyError::Field { path: path.to_owned(), error })?;
            warnings::ignored_key_fields(rule, &mut warnings);
            (groups, vec![source])
        }
        _ => return Err(PolicyError::NoKeys),
    };
    if let Some(empty) = groups.iter().position(|group| group.keys.is_empty()) {
        return Err(PolicyError::EmptyGroup { place: place_of_group(empty, path, rule, rule_source, &key_sources) });
    }
    let (threshold, threshold_source) = match (given.threshold, rule) {
        (0, Some(rule)) if rule.shamir_threshold != 0 => (rule.shamir_threshold, rule_source.unwrap_or(Source::Default)),
        (0, _) => (0, Source::Default),
        (threshold, _) => (threshold, Source::Flag("--shamir-secret-sharing-threshold")),
    };
    let threshold = checked_threshold(threshold, groups.len())
        .map_err(|message| PolicyError::Threshold { given_by: threshold_source, message })?;
    let binary = format == Format::Binary;
    let (mac_only_encrypted, mac_source) = match rule {
        _ if binary => (false, Source::Default),
        _ if given.mac_only_encrypted => (true, Source::Flag("--mac-only-encrypted")),
        Some(rule) if rule.mac_only_encrypted => (true, rule_source.unwrap_or(Source::Default)),
        _ => (false, Source::Default),
    };
    warnings::groups(&groups, threshold, threshold_source == Source::Default, &mut warnings);
    let sources = Sources {
        rule: rule_source,
        keys: key_sources,
        threshold: threshold_source,
        selection: selection_source,
        mac_only_encrypted: mac_source,
    };
    Ok(Policy { groups, threshold, selection, mac_only_encrypted, sources, warnings })
}

/// Parses the text of `--encryption-context`: `k1:v1,k2:v2`, each item with exactly one colon. `None` if it is not spelled so.
pub fn encryption_context(text: &str) -> Option<BTreeMap<String, String>> {
    if text.is_empty() {
        return Some(BTreeMap::new());
    }
    let pair = |item: &str| {
        let (key, value) = item.split_once(':')?;
        (!value.contains(':')).then(|| (key.to_owned(), value.to_owned()))
    };
    text.split(',').map(pair).collect()
}

/// The flags in the order in which the reference puts their keys into the group.
const FLAG_ORDER: [KeyType; 7] =
    [KeyType::AwsKms, KeyType::GcpKms, KeyType::HuaweiKms, KeyType::AzureKv, KeyType::Pgp, KeyType::Vault, KeyType::Age];

/// The group of the keys that were given, `None` if there are none.
fn given_group(given: &Overrides) -> Result<Option<(KeyGroup, Vec<Source>)>, PolicyError> {
    let mut group = KeyGroup::default();
    let mut sources = Vec::new();
    for key_type in FLAG_ORDER {
        for KeyOverride { text, source, .. } in given.keys.iter().filter(|k| k.key_type == key_type && !k.text.is_empty()) {
            let keys = parse::list(key_type, text, &given.encryption_context, Some(&given.aws_profile));
            group.keys.extend(keys.map_err(|error| PolicyError::Given { given_by: *source, error })?);
            sources.push(*source);
        }
    }
    Ok((!sources.is_empty()).then_some((group, sources)))
}

/// The selector that is left when flags and rule are put together.
fn selector(
    path: &str,
    rule: Option<&CreationRule>,
    rule_source: Option<Source>,
    given: &Overrides,
    format: Format,
    warnings: &mut Vec<PolicyWarning>,
) -> Result<(SelectionRule, Source), PolicyError> {
    let none = Selectors::default();
    let of_rule = rule.map_or(&none, |rule| &rule.selectors);
    let mut both = of_rule.given();
    if let (Some((first, _)), Some((second, _)), Some(rule)) = (both.next(), both.next(), rule) {
        return Err(PolicyError::RuleConflict { path: path.to_owned(), position: rule.position, first, second });
    }
    let mut left = given.selectors.fields().into_iter().zip(of_rule.fields()).filter_map(|((name, flag), (_, in_rule))| {
        match (flag.is_empty(), in_rule.is_empty()) {
            (false, _) => Some((name, flag, Source::Flag(flag_of(name)))),
            (true, false) => Some((name, in_rule, rule_source.unwrap_or(Source::Default))),
            (true, true) => None,
        }
    });
    if format == Format::Binary {
        warnings.extend(left.map(|(field, ..)| PolicyWarning::SelectorOfBinary { field }));
        return Ok((SelectionRule::Implicit, Source::Default));
    }
    let Some((name, text, source)) = left.next() else {
        return Ok((SelectionRule::default(), Source::Default));
    };
    if let Some((second, _, second_source)) = left.next() {
        return Err(PolicyError::Conflict { first: name, first_source: source, second, second_source });
    }
    let selection = SelectionRule::from_fields([(name, text)])
        .map_err(|error| PolicyError::Selector { given_by: source, error })?
        .unwrap_or_default();
    Selection::compile(&selection).map_err(|error| PolicyError::Selector { given_by: source, error })?;
    warnings::selector(name, text, warnings);
    Ok((selection, source))
}

fn flag_of(selector: &str) -> &'static str {
    match selector {
        "unencrypted_suffix" => "--unencrypted-suffix",
        "encrypted_suffix" => "--encrypted-suffix",
        "unencrypted_regex" => "--unencrypted-regex",
        "encrypted_regex" => "--encrypted-regex",
        "unencrypted_comment_regex" => "--unencrypted-comment-regex",
        _ => "--encrypted-comment-regex",
    }
}

/// The threshold as it is written: several groups without one need all.
fn checked_threshold(threshold: i64, groups: usize) -> Result<u32, String> {
    let stored = u32::try_from(threshold).map_err(|_| "the threshold is not a number of key groups".to_owned())?;
    match groups {
        0 | 1 => Ok(stored),
        256.. => Err(format!("parts cannot exceed 255: there are {groups} key groups")),
        _ if stored == 0 => Ok(groups as u32),
        _ if stored == 1 => {
            Err("threshold must be at least 2: put the keys into one group if any one of them shall be enough".into())
        }
        _ if stored as usize > groups => {
            Err(format!("parts cannot be less than threshold: {stored} of {groups} key groups are asked for"))
        }
        _ => Ok(stored),
    }
}

fn place_of_group(index: usize, path: &str, rule: Option<&CreationRule>, source: Option<Source>, keys: &[Source]) -> String {
    match (rule, source, keys) {
        (Some(rule), Some(Source::Rule { index: number, .. }), [Source::Rule { .. }]) => match rule.key_groups.get(index) {
            Some(group) => format!("{path}: {}: creation_rules[{number}].key_groups[{index}]", group.position),
            None => format!("{path}: {}: creation_rules[{number}]", rule.position),
        },
        _ => keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl Policy {
    /// How the selection of an encrypted file differs from what its rule says: a file keeps its own whatever happens to the rule. `None`:
    /// it does not.
    pub fn drift(&self, selection: &SelectionRule, mac_only_encrypted: bool) -> Option<String> {
        let default = SelectionRule::default();
        let shown = |rule: &SelectionRule| format!("{}: {}", rule.field(), rule.text());
        let (file, rule) = match self.selection {
            // A binary file.
            SelectionRule::Implicit => return None,
            ref rule => (if *selection == SelectionRule::Implicit { &default } else { selection }, rule),
        };
        let (what, source) = match () {
            () if file != rule => (format!("`{}`, but the rule says `{}`", shown(file), shown(rule)), &self.sources.selection),
            () if mac_only_encrypted != self.mac_only_encrypted => (
                format!("`mac_only_encrypted: {mac_only_encrypted}`, but the rule says `{}`", self.mac_only_encrypted),
                &self.sources.mac_only_encrypted,
            ),
            () => return None,
        };
        let source = if *source == Source::Default { self.sources.rule.unwrap_or(Source::Default) } else { *source };
        Some(format!(
            "the file has {what} ({source}). A file keeps its own selection: for the new one, decrypt it and encrypt it again"
        ))
    }

    /// How many keys it takes to open the file, in words.
    pub fn requirement(&self) -> String {
        match self.groups.as_slice() {
            [group] if group.keys.len() == 1 => "this key".into(),
            [group] => format!("any one of {} keys", group.keys.len()),
            groups if self.threshold as usize == groups.len() => {
                format!("a key of each of all {} groups", groups.len())
            }
            groups => format!("a key of each of any {} of {} groups", self.threshold, groups.len()),
        }
    }
}

#[cfg(test)]
mod tests;
