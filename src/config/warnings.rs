//! Finds what looks like a mistake in a policy: legal, but seldom meant.

use super::model::CreationRule;
use crate::keys::KeyGroup;
use crate::selection::SelectionRule;
use std::collections::BTreeMap;

/// What looks like a mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyWarning {
    /// Several groups and no threshold: all of them are needed.
    AllGroupsNeeded {
        /// How many there are.
        groups: usize,
    },
    /// A threshold with a single group does nothing.
    ThresholdOfOneGroup {
        /// The threshold.
        threshold: u32,
    },
    /// A key stands twice in a group.
    KeyTwice {
        /// The key's string form.
        key: String,
    },
    /// A key opens several groups: one person counts as many.
    KeyInGroups {
        /// The key's string form.
        key: String,
        /// How many groups.
        groups: usize,
    },
    /// Flat key fields beside `key_groups` are ignored.
    KeyFieldsIgnored {
        /// Their names.
        fields: Vec<&'static str>,
    },
    /// A selector begins or ends with a blank, or has one beside `|`, `(` or `)`.
    SelectorBlank {
        /// Its name.
        field: &'static str,
    },
    /// A binary file is one value: no selector applies.
    SelectorOfBinary {
        /// Its name.
        field: &'static str,
    },
}

impl std::fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AllGroupsNeeded { groups } => write!(
                f,
                "there are {groups} key groups and no shamir_threshold: a key of each of all {groups} groups is needed to decrypt. \
                 If any one key shall be enough, put the keys into one group (one `-` under key_groups)"
            ),
            Self::ThresholdOfOneGroup { threshold } => {
                write!(f, "the threshold {threshold} has no effect: there is only one key group, and any key of it is enough")
            }
            Self::KeyTwice { key } => write!(f, "the key {key} is given twice"),
            Self::KeyInGroups { key, groups } => {
                write!(f, "the key {key} is in {groups} key groups: its owner counts for {groups} of them")
            }
            Self::KeyFieldsIgnored { fields } => {
                write!(f, "{} beside key_groups is ignored: only key_groups count", fields.join(", "))
            }
            Self::SelectorBlank { field } => {
                write!(f, "{field} has a blank at an end or beside `|`, `(` or `)`: the blank has to match too")
            }
            Self::SelectorOfBinary { field } => {
                write!(f, "{field} is ignored: a binary file is one value, which is always encrypted")
            }
        }
    }
}

/// What looks like a mistake in key groups and their threshold. `by_default` says that nobody asked for the threshold.
pub fn group_warnings(of: &[KeyGroup], threshold: usize, by_default: bool) -> Vec<PolicyWarning> {
    let mut warnings = Vec::new();
    groups(of, u32::try_from(threshold).unwrap_or(u32::MAX), by_default, &mut warnings);
    warnings
}

/// What looks like a mistake in a selector.
pub fn selection_warnings(rule: &SelectionRule) -> Vec<PolicyWarning> {
    let mut warnings = Vec::new();
    selector(rule.field(), rule.text(), &mut warnings);
    warnings
}

/// Looks at groups and threshold.
pub(super) fn groups(groups: &[KeyGroup], threshold: u32, by_default: bool, warnings: &mut Vec<PolicyWarning>) {
    match groups.len() {
        0 => {}
        1 if threshold > 1 => warnings.push(PolicyWarning::ThresholdOfOneGroup { threshold }),
        1 => {}
        count if by_default => warnings.push(PolicyWarning::AllGroupsNeeded { groups: count }),
        _ => {}
    }
    let mut in_groups: BTreeMap<String, usize> = BTreeMap::new();
    for group in groups {
        let mut in_group: BTreeMap<String, usize> = BTreeMap::new();
        for key in &group.keys {
            *in_group.entry(key.to_string()).or_default() += 1;
        }
        for (key, count) in in_group {
            if count > 1 {
                warnings.push(PolicyWarning::KeyTwice { key: key.clone() });
            }
            *in_groups.entry(key).or_default() += 1;
        }
    }
    let shared = in_groups.into_iter().filter(|(_, groups)| *groups > 1);
    warnings.extend(shared.map(|(key, groups)| PolicyWarning::KeyInGroups { key, groups }));
}

/// Looks at the text of a selector.
pub(super) fn selector(field: &'static str, text: &str, warnings: &mut Vec<PolicyWarning>) {
    let in_pattern = field.ends_with("regex") && ["| ", " |", "( ", " )"].iter().any(|blank| text.contains(blank));
    if text.trim() != text || in_pattern {
        warnings.push(PolicyWarning::SelectorBlank { field });
    }
}

/// Looks for flat key fields beside key groups.
pub(super) fn ignored_key_fields(rule: &CreationRule, warnings: &mut Vec<PolicyWarning>) {
    let keys = &rule.keys;
    let given = [
        ("age", keys.age.position.is_some()),
        ("pgp", keys.pgp.position.is_some()),
        ("kms", keys.kms.position.is_some()),
        ("gcp_kms", keys.gcp_kms.position.is_some()),
        ("hckms", !keys.hckms.is_empty()),
        ("azure_keyvault", keys.azure_keyvault.position.is_some()),
        ("hc_vault_transit_uri", keys.hc_vault_transit_uri.position.is_some()),
    ];
    let fields: Vec<&'static str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    if !rule.key_groups.is_empty() && !fields.is_empty() {
        warnings.push(PolicyWarning::KeyFieldsIgnored { fields });
    }
}
