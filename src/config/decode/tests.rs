//! Trees built by hand: what each type rule accepts and how it complains.

use super::*;
use crate::config::decoder::{MAX_WARNINGS, spelling};
use crate::config::model::Suggestion;
use crate::value::{Value, ValueType};

fn int(text: &str) -> Node {
    Node::scalar(Value::new(ValueType::Int, text.as_bytes().to_vec()))
}

fn float(text: &str) -> Node {
    Node::scalar(Value::new(ValueType::Float, text.as_bytes().to_vec()))
}

fn boolean(text: &str) -> Node {
    Node::scalar(Value::new(ValueType::Bool, text.as_bytes().to_vec()))
}

fn null() -> Node {
    Node::scalar(Value::NULL)
}

fn map<const N: usize>(pairs: [(&str, Node); N]) -> Node {
    Node::map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)))
}

fn rules<const N: usize>(rules: [Node; N]) -> Node {
    map([("creation_rules", Node::seq(rules))])
}

fn decode(root: &Node) -> Result<Config, ConfigError> {
    Config::decode("", root, Origin::default())
}

#[track_caller]
fn rule(node: Node) -> CreationRule {
    let config = decode(&rules([node])).unwrap_or_else(|error| panic!("{error}"));
    config.creation_rules.and_then(|rules| rules.into_iter().next()).expect("one rule")
}

#[track_caller]
fn problems(root: &Node) -> Vec<String> {
    match decode(root).expect_err("is refused") {
        ConfigError::Fields { problems, .. } => problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn an_absent_or_null_list_of_rules_is_no_list_but_an_empty_one_is() {
    assert!(decode(&map([])).expect("empty").creation_rules.is_none());
    assert!(decode(&null()).expect("null").creation_rules.is_none());
    assert!(decode(&map([("creation_rules", null())])).expect("null").creation_rules.is_none());
    assert_eq!(decode(&rules([])).expect("empty list").creation_rules, Some(Vec::new()));
    assert_eq!(decode(&rules([null()])).expect("null rule").creation_rules, Some(Vec::new()));
}

#[test]
fn booleans_take_the_words_of_yaml_1_1() {
    for (node, value) in [
        (boolean("True"), true),
        (boolean("False"), false),
        (Node::str("yes"), true),
        (Node::str("On"), true),
        (Node::str("off"), false),
        (Node::str("N"), false),
        (null(), false),
    ] {
        assert_eq!(rule(map([("mac_only_encrypted", node.clone())])).mac_only_encrypted, value, "{node:?}");
    }
    for node in [Node::str("yEs"), Node::str("true"), int("1"), Node::seq([])] {
        let found = problems(&rules([map([("mac_only_encrypted", node)])]));
        assert!(found[0].starts_with("creation_rules[0].mac_only_encrypted: expected a boolean"), "{found:?}");
    }
}

#[test]
fn integers_are_numbers_without_a_fraction() {
    assert_eq!(rule(map([("shamir_threshold", int("2"))])).shamir_threshold, 2);
    assert_eq!(rule(map([("shamir_threshold", float("2"))])).shamir_threshold, 2);
    assert_eq!(rule(map([("shamir_threshold", null())])).shamir_threshold, 0);
    for (node, words) in [
        (Node::str("2"), "found a string"),
        (float("2.5"), "with a fraction"),
        (float("+Inf"), "with a fraction"),
        (int("99999999999999999999"), "too large"),
        (map([]), "found a mapping"),
    ] {
        let found = problems(&rules([map([("shamir_threshold", node)])]));
        assert!(found[0].contains(words), "{found:?}");
    }
}

#[test]
fn a_string_field_takes_any_scalar_as_written() {
    let text = "path_regex: 0x1F # c";
    let mut number = int("31");
    number.at = 12;
    let root = rules([map([("path_regex", number)])]);
    let config = Config::decode(text, &root, Origin::default()).expect("a number is text too");
    assert_eq!(config.creation_rules.expect("rules")[0].path_regex, "0x1F");
    let found = problems(&rules([map([("path_regex", Node::seq([Node::str("a")]))])]));
    assert_eq!(found, ["creation_rules[0].path_regex: expected a string, found a list"]);
}

#[test]
fn spellings_end_where_the_scalar_does() {
    for (text, spelled) in [
        ("1.10", "1.10"),
        ("TRUE # c", "TRUE"),
        ("1_0, 2]", "1_0"),
        ("2024-01-02 03:04:05\nx", "2024-01-02 03:04:05"),
        ("'12' #", "12"),
    ] {
        assert_eq!(spelling(text, 0), Some(spelled));
    }
    assert_eq!(spelling("x", 9), None);
}

#[test]
fn flat_key_fields_take_text_or_a_list_and_a_wrong_type_waits_until_the_rule_is_used() {
    let text = |node: Node| rule(map([("age", node)])).keys.age.text;
    assert_eq!(text(null()), KeyText::None);
    assert_eq!(text(Node::str("a, b")), KeyText::Text("a, b".into()));
    assert_eq!(text(Node::seq([Node::str("a"), Node::str("b,c")])), KeyText::List(vec!["a".into(), "b,c".into()]));
    for node in [int("1"), map([]), Node::seq([int("1")]), Node::seq([null()])] {
        assert!(matches!(text(node), KeyText::Wrong(_)));
    }
    let found = problems(&rules([map([("hckms", Node::str("r:u"))])]));
    assert_eq!(found, ["creation_rules[0].hckms: expected a list of strings, found a string"]);
}

#[test]
fn every_shape_of_a_key_group_is_read() {
    let one = |field: &str, value: &str| Node::seq([map([(field, Node::str(value))])]);
    let group = map([
        ("age", Node::seq([Node::str("a"), null(), Node::str("b,c")])),
        ("pgp", Node::seq([Node::str("p")])),
        ("kms", Node::seq([map([("arn", Node::str("k")), ("context", map([("x", int("1")), ("y", null())]))])])),
        ("gcp_kms", one("resource_id", "g")),
        ("hckms", one("key_id", "r:u")),
        (
            "azure_keyvault",
            Node::seq([map([("vaultUrl", Node::str("https://v")), ("key", Node::str("k")), ("version", Node::str("1"))])]),
        ),
        ("hc_vault", Node::seq([Node::str("https://h/v1/t/keys/k")])),
        ("merge", Node::seq([map([("age", Node::seq([Node::str("m")]))])])),
    ]);
    let group = rule(map([("key_groups", Node::seq([group]))])).key_groups.remove(0);
    assert_eq!(group.age, ["a", "b,c"]);
    assert_eq!((group.pgp, group.gcp_kms, group.hckms), (vec!["p".to_owned()], vec!["g".to_owned()], vec!["r:u".to_owned()]));
    assert_eq!(group.kms[0].context, [("x".to_owned(), Some("1".to_owned())), ("y".to_owned(), None)]);
    assert_eq!(group.azure_keyvault[0].vault_url, "https://v");
    assert_eq!(group.hc_vault, ["https://h/v1/t/keys/k"]);
    assert_eq!(group.merge[0].age, ["m"]);
    let found = problems(&rules([map([("key_groups", Node::seq([map([("age", Node::str("a"))])]))])]));
    assert_eq!(found, ["creation_rules[0].key_groups[0].age: expected a list of strings, found a string"]);
}

#[test]
fn groups_merged_too_deep_are_refused() {
    let mut group = map([]);
    for _ in 0..500 {
        group = map([("merge", Node::seq([group]))]);
    }
    let found = problems(&rules([map([("key_groups", Node::seq([group]))])]));
    assert!(found[0].contains("merged into each other more than 32 deep"), "{found:?}");
}

#[test]
fn unknown_fields_warn_with_the_nearest_name_and_where_they_belong() {
    let root = map([
        ("creation_rules", Node::seq([map([("path_regx", Node::str("x")), ("note", int("1"))])])),
        ("age", Node::str("a")),
        ("stores", map([("ini", map([("x", int("1"))])), ("yaml", map([("indnt", int("1"))]))])),
    ]);
    let warnings = decode(&root).expect("only warnings").warnings;
    let kinds: Vec<_> = warnings.iter().map(|w| (w.field.as_str(), w.kind.clone())).collect();
    assert_eq!(
        kinds,
        [
            ("age", WarningKind::UnknownField(Some(Suggestion::Place("a creation rule")))),
            ("creation_rules[0].path_regx", WarningKind::UnknownField(Some(Suggestion::Field("path_regex")))),
            ("creation_rules[0].note", WarningKind::UnknownField(None)),
            ("stores.ini.x", WarningKind::UnknownField(None)),
            ("stores.yaml.indnt", WarningKind::UnknownField(Some(Suggestion::Field("indent")))),
        ]
    );
    assert_eq!(
        warnings[1].to_string(),
        "line 1, column 1: unknown field creation_rules[0].path_regx is ignored; did you mean `path_regex`?"
    );
}

#[test]
fn a_flood_of_unknown_fields_is_counted_not_listed() {
    let root = Node::map((0..10_000).map(|n| (format!("x{n}"), null())));
    let warnings = decode(&root).expect("only warnings").warnings;
    assert_eq!(warnings.len(), MAX_WARNINGS + 1);
    assert_eq!(warnings[MAX_WARNINGS].kind, WarningKind::More(10_000 - MAX_WARNINGS));
}

#[test]
fn every_problem_is_reported_with_its_position() {
    let text = "a\nb: x\nc: y\n";
    let node = |text: &str, at: u32| Node { at, ..Node::str(text) };
    let entry = |key: &str, at: u32, node: Node| crate::document::node::Entry::Pair(key.into(), at, node);
    let root = Node {
        kind: Tree::Map(vec![
            entry("stores", 2, node("x", 5)),
            entry("creation_rules", 7, node("y", 10)),
            entry("stores", 7, null()),
        ]),
        at: 0,
    };
    let error = Config::decode(text, &root, Origin { path: "/c/.sops.yaml".into(), directory: "/c".into() }).expect_err("three");
    assert_eq!(
        error.to_string(),
        "/c/.sops.yaml: line 2, column 4: stores: expected a mapping, found a string; \
         line 3, column 1: stores: this key stands already in line 2; \
         line 3, column 4: creation_rules: expected a list of rules, found a string"
    );
}

#[test]
fn a_rule_that_catches_all_before_others_is_pointed_at() {
    let config = decode(&rules([map([("path_regex", Node::str("a"))]), map([]), map([])])).expect("fine");
    assert_eq!(config.warnings.len(), 1);
    assert_eq!((config.warnings[0].field.as_str(), &config.warnings[0].kind), ("creation_rules[1]", &WarningKind::CatchesAll));
    assert!(decode(&rules([map([("path_regex", Node::str("a"))]), map([])])).expect("fine").warnings.is_empty());
}

#[test]
fn a_pattern_with_a_stray_blank_is_pointed_at() {
    let config =
        decode(&rules([map([("path_regex", Node::str("a b"))]), map([("path_regex", Node::str("\\.yaml$ "))])])).expect("fine");
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].ends_with("creation_rules[1].path_regex has a blank at an end: the blank has to match too"),
        "{warnings:?}"
    );
}

#[test]
fn destination_rules_and_stores_are_kept_as_data() {
    let root = map([
        (
            "destination_rules",
            Node::seq([map([
                ("s3_bucket", Node::str("b")),
                ("vault_kv_version", int("1")),
                ("omit_extensions", Node::str("yes")),
                ("recreation_rule", map([("pgp", Node::str("F"))])),
            ])]),
        ),
        (
            "stores",
            map([
                ("json", map([("indent", int("2"))])),
                ("json_binary", null()),
                ("dotenv", map([("dialect", Node::str("posix"))])),
            ]),
        ),
    ]);
    let config = decode(&root).expect("a config");
    let rule = &config.destination_rules[0];
    assert_eq!((rule.s3_bucket.as_str(), rule.vault_kv_version, rule.omit_extensions), ("b", 1, true));
    assert_eq!(rule.recreation_rule.as_ref().expect("a rule").keys.pgp.text, KeyText::Text("F".into()));
    assert_eq!(config.indents, Indents { json: 2, dotenv: Dialect::Posix, ..Indents::default() });
    assert!(config.warnings.is_empty());
}
