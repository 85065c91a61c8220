//! Policies of small configs: precedence, conflicts, thresholds, warnings.

use super::*;
use crate::config::model::{GroupEntry, Indents, KeyField, KeyText, Origin};

const LINE: Position = Position { line: 2, column: 5 };

fn rule(change: impl FnOnce(&mut CreationRule)) -> CreationRule {
    let mut rule = CreationRule::at(LINE);
    rule.keys.pgp = KeyField { position: Some(LINE), text: KeyText::Text("RULE".into()) };
    change(&mut rule);
    rule
}

fn groups_of(groups: &[&[&str]]) -> Vec<GroupEntry> {
    let group = |keys: &&[&str]| {
        let mut entry = GroupEntry::at(LINE);
        entry.pgp = keys.iter().map(|&key| key.to_owned()).collect();
        entry
    };
    groups.iter().map(group).collect()
}

fn config(rule: CreationRule) -> Config {
    Config {
        origin: Origin { path: ".sops.yaml".into(), directory: "/c".into() },
        creation_rules: Some(vec![rule]),
        destination_rules: Vec::new(),
        indents: Indents::default(),
        warnings: Vec::new(),
    }
}

fn with(change: impl FnOnce(&mut CreationRule), given: &Overrides) -> Result<Policy, PolicyError> {
    let file = FilePath { absolute: "/c/a.yaml".into(), windows: false };
    resolve(Some(&config(rule(change))), &file, given, Format::Yaml)
}

fn given(text: &str) -> Overrides {
    let key = |text: &str| KeyOverride { key_type: KeyType::Pgp, text: text.into(), source: Source::Flag("--pgp") };
    Overrides { keys: vec![key(text)], ..Overrides::default() }
}

fn keys(policy: &Policy) -> Vec<Vec<String>> {
    policy.groups.iter().map(|group| group.keys.iter().map(ToString::to_string).collect()).collect()
}

const RULE: Source = Source::Rule { index: 0, line: 2 };

#[test]
fn a_rule_gives_keys_selector_threshold_and_mac() {
    let policy = with(
        |rule| {
            rule.selectors.encrypted_regex = "^data$".into();
            rule.mac_only_encrypted = true;
            rule.key_groups = groups_of(&[&["AA"], &["BB"], &["CC"]]);
            rule.keys = Default::default();
            rule.shamir_threshold = 2;
        },
        &Overrides::default(),
    )
    .expect("a policy");
    assert_eq!(keys(&policy), [["AA"], ["BB"], ["CC"]]);
    assert_eq!(policy.selection, SelectionRule::EncryptedRegex("^data$".into()));
    assert_eq!((policy.threshold, policy.mac_only_encrypted), (2, true));
    assert_eq!(policy.requirement(), "a key of each of any 2 of 3 groups");
    let sources = Sources { rule: Some(RULE), keys: vec![RULE], threshold: RULE, selection: RULE, mac_only_encrypted: RULE };
    assert_eq!(policy.sources, sources);
    assert_eq!(policy.warnings, []);
}

#[test]
fn without_a_selector_the_default_suffix_is_used() {
    let policy = with(|_| {}, &Overrides::default()).expect("a policy");
    assert_eq!(policy.selection, SelectionRule::UnencryptedSuffix("_unencrypted".into()));
    assert_eq!((policy.sources.selection, policy.requirement().as_str()), (Source::Default, "this key"));
}

#[test]
fn given_keys_replace_the_rules_keys_but_not_its_other_settings() {
    let variable = KeyOverride { key_type: KeyType::GcpKms, text: "A B,C".into(), source: Source::Variable("SOPS_GCP_KMS_IDS") };
    let mut given = given("XX,XX");
    given.keys.push(variable);
    let policy = with(
        |rule| {
            rule.keys.age.text = KeyText::Text("no recipient".into());
            rule.selectors.unencrypted_regex = "^u".into();
            rule.shamir_threshold = 3;
        },
        &given,
    )
    .expect("the rule's bad key does not matter");
    assert_eq!(keys(&policy), [["AB", "C", "XX", "XX"]]);
    assert_eq!(policy.selection, SelectionRule::UnencryptedRegex("^u".into()));
    assert_eq!(policy.threshold, 3);
    assert_eq!(policy.sources.keys, [Source::Variable("SOPS_GCP_KMS_IDS"), Source::Flag("--pgp")]);
    assert_eq!(
        policy.warnings,
        [PolicyWarning::ThresholdOfOneGroup { threshold: 3 }, PolicyWarning::KeyTwice { key: "XX".into() }]
    );
}

#[test]
fn given_keys_need_neither_config_nor_match() {
    let file = FilePath { absolute: "/c/a.yaml".into(), windows: false };
    assert!(resolve(None, &file, &given("XX"), Format::Yaml).is_ok());
    let policy = with(|rule| rule.path_regex = "^other".into(), &given("XX")).expect("no rule is needed");
    assert_eq!(policy.sources.rule, None);
    assert!(matches!(
        with(|rule| rule.path_regex = "^other".into(), &Overrides::default()),
        Err(PolicyError::Rule(RuleError::NoMatch(_)))
    ));
    assert!(matches!(with(|rule| rule.path_regex = "[".into(), &given("XX")), Err(PolicyError::Rule(RuleError::Pattern { .. }))));
    assert_eq!(resolve(None, &file, &Overrides::default(), Format::Yaml), Err(PolicyError::NoKeys));
    assert_eq!(resolve(None, &file, &given(""), Format::Yaml), Err(PolicyError::NoKeys));
}

#[test]
fn a_flag_replaces_the_same_selector_and_conflicts_with_another() {
    let mut given = Overrides::default();
    given.selectors.encrypted_regex = "flag".into();
    let policy = with(|rule| rule.selectors.encrypted_regex = "rule".into(), &given).expect("the flag wins");
    assert_eq!(policy.selection, SelectionRule::EncryptedRegex("flag".into()));
    assert_eq!(policy.sources.selection, Source::Flag("--encrypted-regex"));
    let error = with(|rule| rule.selectors.encrypted_suffix = "_x".into(), &given).expect_err("two kinds");
    assert!(matches!(error, PolicyError::Conflict { .. }));
    assert!(
        error
            .to_string()
            .ends_with("`encrypted_suffix` (creation_rules[0] (line 2)) and `encrypted_regex` (--encrypted-regex) are given")
    );
    given.selectors.unencrypted_suffix = "_y".into();
    assert!(matches!(with(|_| {}, &given), Err(PolicyError::Conflict { .. })));
}

#[test]
fn two_selectors_in_the_rule_conflict_even_if_a_flag_is_given() {
    let two = |rule: &mut CreationRule| {
        rule.selectors.encrypted_suffix = "_x".into();
        rule.selectors.encrypted_comment_regex = "x".into();
    };
    assert!(matches!(with(two, &given("XX")), Err(PolicyError::RuleConflict { .. })));
}

#[test]
fn a_selector_that_is_no_pattern_is_an_error_with_its_source() {
    let error = with(|rule| rule.selectors.encrypted_regex = "^(?!x)".into(), &Overrides::default()).expect_err("look-ahead");
    assert!(error.to_string().starts_with("creation_rules[0] (line 2): `encrypted_regex`: look-ahead"), "{error}");
}

#[test]
fn blanks_in_a_selector_are_pointed_at() {
    for (text, warned) in [("^data$", false), ("^a b$", false), (" ^data$", true), ("^(data| stringData)$", true), ("^x\n", true)] {
        let policy = with(|rule| rule.selectors.encrypted_regex = text.into(), &Overrides::default()).expect("a policy");
        assert_eq!(policy.warnings.contains(&PolicyWarning::SelectorBlank { field: "encrypted_regex" }), warned, "{text:?}");
    }
}

#[test]
fn no_selector_applies_to_a_binary_file() {
    let file = FilePath { absolute: "/c/a.bin".into(), windows: false };
    let given = Overrides { mac_only_encrypted: true, ..Overrides::default() };
    let config = config(rule(|rule| rule.selectors.encrypted_regex = "x".into()));
    let policy = resolve(Some(&config), &file, &given, Format::Binary).expect("a policy");
    assert_eq!((policy.selection, policy.mac_only_encrypted), (SelectionRule::Implicit, false));
    assert_eq!(policy.warnings, [PolicyWarning::SelectorOfBinary { field: "encrypted_regex" }]);
}

#[test]
fn thresholds_follow_the_number_of_groups() {
    let two = |threshold: i64| {
        move |rule: &mut CreationRule| {
            rule.key_groups = groups_of(&[&["AA"], &["BB"]]);
            rule.keys = Default::default();
            rule.shamir_threshold = threshold;
        }
    };
    let policy = with(two(0), &Overrides::default()).expect("all are needed");
    assert_eq!((policy.threshold, policy.requirement().as_str()), (2, "a key of each of all 2 groups"));
    assert_eq!(policy.warnings, [PolicyWarning::AllGroupsNeeded { groups: 2 }]);
    let error = |threshold, given: &Overrides| with(two(threshold), given).expect_err("not possible").to_string();
    let none = Overrides::default();
    assert!(error(1, &none).contains("threshold must be at least 2"));
    assert!(error(3, &none).contains("parts cannot be less than threshold"));
    assert!(error(-1, &none).contains("not a number of key groups"));
    let flag = Overrides { threshold: 3, ..Overrides::default() };
    assert!(error(2, &flag).starts_with("--shamir-secret-sharing-threshold: parts"));
    assert_eq!(with(|rule| rule.shamir_threshold = 2, &none).expect("one group").threshold, 2);
}

#[test]
fn a_group_without_keys_is_named() {
    let error = with(|rule| rule.keys = Default::default(), &Overrides::default()).expect_err("no keys");
    assert_eq!(error.to_string(), "empty key group provided: .sops.yaml: line 2, column 5: creation_rules[0] holds no key");
    let empty_group = |rule: &mut CreationRule| rule.key_groups = groups_of(&[&["AA"], &[]]);
    let error = with(empty_group, &Overrides::default()).expect_err("no keys");
    assert!(error.to_string().contains("creation_rules[0].key_groups[1] holds no key"), "{error}");
    let huawei = KeyOverride { key_type: KeyType::HuaweiKms, text: ",".into(), source: Source::Flag("--hckms") };
    let given = Overrides { keys: vec![huawei], ..Overrides::default() };
    assert_eq!(with(|_| {}, &given).expect_err("no keys").to_string(), "empty key group provided: --hckms holds no key");
}

#[test]
fn keys_in_several_groups_and_flat_fields_beside_groups_are_pointed_at() {
    let policy = with(
        |rule| {
            rule.key_groups = groups_of(&[&["AA", "BB"], &["BB"]]);
            rule.shamir_threshold = 2;
        },
        &Overrides::default(),
    )
    .expect("legal");
    assert_eq!(
        policy.warnings,
        [PolicyWarning::KeyFieldsIgnored { fields: vec!["pgp"] }, PolicyWarning::KeyInGroups { key: "BB".into(), groups: 2 }]
    );
}

#[test]
fn an_encryption_context_goes_to_given_keys_and_to_the_rule_only_in_the_old_form() {
    let context = encryption_context("k:v,x:y").expect("two pairs");
    assert_eq!(encryption_context("k"), None);
    assert_eq!(encryption_context("k:v:w"), None);
    assert_eq!(encryption_context(""), Some(BTreeMap::new()));
    let kms = |rule: &mut CreationRule| {
        rule.keys = Default::default();
        rule.keys.kms = KeyField { position: None, text: KeyText::Text("arn:k".into()) };
    };
    let mut given = Overrides { encryption_context: context, ..Overrides::default() };
    assert_eq!(keys(&with(kms, &given).expect("a policy")), [["arn:k"]]);
    given.context_for_rule = true;
    assert_eq!(keys(&with(kms, &given).expect("a policy")), [["arn:k|k:v,x:y"]]);
    given.context_for_rule = false;
    given.aws_profile = "ci".into();
    given.keys = vec![KeyOverride { key_type: KeyType::AwsKms, text: "arn:f".into(), source: Source::Flag("--kms") }];
    assert_eq!(keys(&with(kms, &given).expect("a policy")), [["arn:f|k:v,x:y|ci"]]);
}
