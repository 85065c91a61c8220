//! Tests of the parser, the places and the spellings together: every scalar of a document is sealed and opened again.

use std::path::PathBuf;

use proptest::prelude::*;

use super::super::splice::{Splice, splice};
use super::super::{Document, Duplicates, Leaf, LeafKind, Style};
use super::emit::{EmitLayout, emit, emit_flow};
use super::place::{place, place_for};
use super::spell::{context, spell};
use crate::document::node::{Comment, Entry, Item, Node, Tree};
use crate::value::{Value, ValueType};

const SEALED: &str = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]";

/// What sealing all scalars of a text and opening them again came to.
#[derive(Debug, Default)]
struct Outcome {
    leaves: usize,
    /// Spellings that do not come back by themselves.
    kept: Vec<String>,
}

fn read(text: &str) -> Document {
    super::scan(text.to_owned(), Duplicates::Keep).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

fn sealable(doc: &Document) -> Vec<(usize, &Leaf, Value<'_>)> {
    let leaves = doc.leaves.iter().enumerate();
    let scalars = leaves.filter(|(_, leaf)| leaf.kind == LeafKind::Scalar && !leaf.has(Leaf::COPY));
    scalars.map(|(i, leaf)| (i, leaf, doc.value(leaf).expect("a value"))).filter(|(_, _, value)| !value.is_never_sealed()).collect()
}

fn apply(text: &str, mut edits: Vec<Splice>) -> String {
    edits.sort_by_key(|edit| edit.span.start);
    splice(text, &edits).unwrap_or_else(|| panic!("edits overlap in {text:?}"))
}

/// Seals every scalar, opens it with its value alone (same values) and with the spellings that have to be kept (same bytes).
fn there_and_back(text: &str) -> Outcome {
    let plain = read(text);
    let mut outcome = Outcome::default();
    let mut originals = Vec::new();
    let mut edits = Vec::new();
    for (_, leaf, value) in sealable(&plain) {
        let context = context(text, &plain.paths, leaf);
        let place = place(text, leaf, &context);
        let mut spelled = String::new();
        spell(&value, &context.sealed(), &mut spelled);
        let original = place.original(text).into_owned();
        outcome.leaves += 1;
        let kept = (spelled != original).then_some(original);
        outcome.kept.extend(kept.clone());
        originals.push(kept);
        edits.extend(place.head_edits());
        edits.push(Splice { span: place.span, text: [&place.before, SEALED, place.after].concat() });
    }
    let sealed = apply(text, edits);

    let encrypted = read(&sealed);
    assert_eq!(encrypted.leaves.len(), plain.leaves.len(), "{text:?} became {sealed:?}");
    let (mut by_value, mut by_spelling) = (Vec::new(), Vec::new());
    for ((i, leaf, value), original) in sealable(&plain).into_iter().zip(originals) {
        let again = &encrypted.leaves[i];
        assert!(encrypted.value(again) == Ok(Value::str(SEALED.as_bytes())), "{text:?} became {sealed:?}");
        let foretold = context(text, &plain.paths, leaf).sealed();
        let context = context(&sealed, &encrypted.paths, again);
        assert_eq!(context, foretold, "{text:?} became {sealed:?}");
        let mut spelled = String::new();
        spell(&value, &context, &mut spelled);
        let place = place_for(&sealed, again, &context, &value);
        by_value.extend(place.splices(spelled.clone()));
        by_spelling.extend(match original {
            Some(original) => place.for_original(again, &original).splices(original),
            None => place.splices(spelled),
        });
    }
    assert_eq!(apply(&sealed, by_spelling), text);
    let opened = apply(&sealed, by_value);
    let read_again = read(&opened);
    for (i, _, value) in sealable(&plain) {
        assert!(read_again.value(&read_again.leaves[i]) == Ok(value), "{text:?} came back as {opened:?}");
    }
    outcome
}

#[test]
fn usual_spellings_come_back_by_themselves() {
    let text = "\
# A deployment
name: web
port: 8080
ratio: 1.10
loud: TRUE
plus: +5
quoted: \"a\\tb\\n\\\"c\\\" é 😀\"
single: 'it''s 12'
url: https://u:p@host/?q=1#x
time: 2024-01-02T03:04:05Z
list:
- a
- 'b'
- - c
  - d
pem: |
  -----BEGIN-----
  abc
  -----END-----
strip: |-
    a
    b  # no comment
keep: |+
  a

tagged: !Ref x
anchored: &a y
flow: {\"a\": \"b\", \"c\": [1, 2.5, true, 'x']}
commented: | # why
  a
folded: >-
  one paragraph
windows: \"C:\\\\x\"
";
    let outcome = there_and_back(text);
    assert_eq!((outcome.leaves, outcome.kept), (26, vec![]));
    assert!(there_and_back(&text.replace('\n', "\r\n")).kept.is_empty());
}

#[test]
fn unusual_spellings_come_back_from_their_originals() {
    for (text, kept) in [
        ("a: 0x1F\nb: 1_000\nc: 010\nd: True\n", 4),
        ("a: !!int \"5\"\nb: !!float &x 1\nc: &y !!binary |\n  aGk=\nd: !!str 5\n", 3),
        ("a: 2024-01-02\nb: .INF\nc: 18446744073709551615\n", 2),
        ("a: >\n  one\n  two\nb: \"x\\\n  y\"\nc: one\n  two\n", 3),
        ("a: |-2\n   x\nb: |1\n  y\n", 1),
        ("a: [x, 'y', \"z\"]\n", 1),
        ("a: \"\\u00e9\"\n", 1),
        ("a: |\n  x", 1),
        ("a: |\n  x\n\n\nb: 'y\n\n  z'\n", 1),
        ("? a\n: |2\n   x\n", 0),
    ] {
        assert_eq!(there_and_back(text).kept.len(), kept, "{text:?}");
    }
}

#[test]
fn a_comment_after_a_header_or_a_tag_stays() {
    assert_eq!(there_and_back("a: !!binary | # c\n  aGk=\nb: |2+   # d\n   x\n\nc: >-  \n  y\n").kept, ["!!binary |\n  aGk="]);
    let text = "a: !!int # c\n  5\nb: 1\n";
    let doc = read(text);
    let leaf = doc.leaves.iter().find(|leaf| leaf.kind == LeafKind::Scalar).expect("a scalar");
    let place = place(text, leaf, &context(text, &doc.paths, leaf));
    let mut edits = place.head_edits();
    edits.push(Splice { span: place.span, text: SEALED.to_owned() });
    assert_eq!(apply(text, edits), format!("a: # c\n  {SEALED}\nb: 1\n"));
}

/// Where the public files are that the project may read and not keep.
fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("LEAFSEAL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    Some(shared.join("corpus/yaml")).filter(|folder| folder.is_dir())
}

#[test]
fn every_scalar_of_the_corpus_comes_back() {
    let Some(folder) = corpus() else {
        eprintln!("skipped: no corpus beside the repository");
        return;
    };
    let mut total = Outcome::default();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let Ok(text) = std::fs::read_to_string(entry.expect("an entry").path()) else { continue };
        if super::scan(text.clone(), Duplicates::Keep).is_err() {
            continue;
        }
        let outcome = there_and_back(&text);
        total.leaves += outcome.leaves;
        total.kept.extend(outcome.kept);
        files += 1;
    }
    eprintln!("{files} files, {} scalars, {} spellings kept", total.leaves, total.kept.len());
    assert!(files > 100);
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z]{1,3}",
        4 => prop_oneof![Just("\n"), Just(" "), Just("\t"), Just("\n\n"), Just(" #"), Just(": "), Just("- "), Just("'"), Just("\"")]
            .prop_map(String::from),
        2 => "[-?:,\\[\\]{}#&*!|>%@`~=<.0-9]",
        1 => any::<char>().prop_map(String::from),
        1 => prop_oneof![Just("\r"), Just("\u{85}"), Just("\u{2028}"), Just("\u{feff}"), Just("\0"), Just("\u{7f}"), Just("😀")]
            .prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        5 => any_text().prop_map(|text| Value::str(text.into_bytes())),
        1 => proptest::collection::vec(any::<u8>(), 0..6).prop_map(Value::str),
        1 => any::<i64>().prop_map(Value::int),
        1 => any::<f64>().prop_map(Value::float),
        1 => (-1000i32..1000).prop_map(|n| Value::float(f64::from(n) / 8.0)),
        1 => any::<bool>().prop_map(Value::bool),
        1 => Just(Value::NULL),
        1 => Just(Value::new(ValueType::Time, &b"2024-01-02T03:04:05.5+02:00"[..])),
    ]
}

fn any_comment() -> impl Strategy<Value = Comment> {
    ("[ a-z:#]{0,6}", any::<bool>()).prop_map(|(text, inline)| Comment { text, inline })
}

fn any_tree() -> impl Strategy<Value = Node> {
    any_value().prop_map(Node::scalar).prop_recursive(4, 24, 4, |inner| {
        let noted = |strategy: BoxedStrategy<Node>| (proptest::option::weighted(0.2, any_comment()), strategy);
        prop_oneof![
            proptest::collection::btree_map(any_text(), noted(inner.clone().boxed()), 0..4).prop_map(|map| {
                let entries = map
                    .into_iter()
                    .flat_map(|(key, (comment, node))| comment.map(Entry::Comment).into_iter().chain([Entry::Pair(key, 0, node)]));
                Node { kind: Tree::Map(entries.collect()), at: 0 }
            }),
            proptest::collection::vec(noted(inner.boxed()), 0..4).prop_map(|list| {
                let items =
                    list.into_iter().flat_map(|(comment, node)| comment.map(Item::Comment).into_iter().chain([Item::Node(node)]));
                Node { kind: Tree::Seq(items.collect()), at: 0 }
            }),
        ]
    })
}

/// The values of a tree with the keys that lead to them.
fn values(node: &Node) -> Vec<(Vec<u8>, Option<Value<'static>>)> {
    let mut out = Vec::new();
    let mut open = vec![(Vec::new(), node)];
    while let Some((path, node)) = open.pop() {
        let empty = node.pairs().next().is_none() && node.items().next().is_none();
        match &node.kind {
            Tree::Scalar(value) => out.push((path, Some(value.clone()))),
            _ if empty => out.push((path, None)),
            _ => {
                let pairs = node.pairs().map(|(key, _, node)| ([&path, key.as_bytes(), b":"].concat(), node));
                let mut children: Vec<_> = pairs.chain(node.items().map(|node| (path.clone(), node))).collect();
                children.reverse();
                open.extend(children);
            }
        }
    }
    out
}

/// The same of a document.
fn values_of(doc: &Document) -> Vec<(Vec<u8>, Option<Value<'static>>)> {
    let leaves = doc.leaves.iter().filter(|leaf| !matches!(leaf.kind, LeafKind::Comment | LeafKind::CommentItem));
    leaves
        .map(|leaf| {
            let mut path = Vec::new();
            doc.paths.additional_data(leaf.path, &doc.text, &mut path);
            let value = (leaf.kind == LeafKind::Scalar).then(|| doc.value(leaf).expect("a value").into_owned());
            (path, value)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_value_in_any_style_comes_back(value in any_value(), style in 0..10usize, indent in 1..4usize) {
        let blanks = " ".repeat(indent);
        let sealed = match style {
            0 => format!("k: {SEALED}\nnext: end\n"),
            1 => format!("k: '{SEALED}'\nnext: end\n"),
            2 => format!("k: \"{SEALED}\"\nnext: end\n"),
            3 => format!("k: |-\n{blanks}{SEALED}\nnext: end\n"),
            4 => format!("k: >-\n{blanks}{SEALED}\n\nnext: end\n"),
            5 => format!("k: |{indent}- # c\n{blanks}{SEALED}\nnext: end\n"),
            6 => format!("k: ['{SEALED}']\nnext: end\n"),
            7 => format!("k: {{\"a\":\"{SEALED}\"}}\nnext: end\n"),
            8 => format!("k: !foo {SEALED}\nnext: end\n"),
            _ => format!("k:\n  - |-\n   {blanks}{SEALED}\nnext: end\n"),
        };
        let doc = read(&sealed);
        let leaf = doc.leaves.iter().find(|leaf| leaf.kind == LeafKind::Scalar).expect("a scalar");
        let context = context(&sealed, &doc.paths, leaf);
        let mut spelled = String::new();
        spell(&value, &context, &mut spelled);
        let opened = apply(&sealed, place_for(&sealed, leaf, &context, &value).splices(spelled));
        let again = read(&opened);
        let found: Vec<_> = values_of(&again).into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(found, vec![Some(value), Some(Value::str(&b"end"[..]))], "{}", opened);
    }

    #[test]
    fn any_tree_is_read_as_it_was_written(tree in any_tree(), indent in 2..6usize) {
        let root = Node::map([("root".to_owned(), tree)]);
        let text = emit(&root, &EmitLayout { indent, ..EmitLayout::default() });
        prop_assert_eq!(values_of(&read(&text)), values(&root), "{}", text);
        let crlf = emit(&root, &EmitLayout { indent, newline: "\r\n", ..EmitLayout::default() });
        prop_assert_eq!(values_of(&read(&crlf)), values(&root), "{}", crlf);
        prop_assert_eq!(values_of(&read(&emit_flow(&root))), values(&root), "{}", emit_flow(&root));
    }

    #[test]
    fn any_scalar_is_sealed_and_opened(text in any_text(), style in 0..5usize) {
        let style = [Style::Plain, Style::Single, Style::Double, Style::Literal, Style::Folded][style];
        let sealed = match style {
            Style::Literal => format!("a: |-\n  {SEALED}\nb: 1\n"),
            Style::Folded => format!("a: >-\n  {SEALED}\nb: 1\n"),
            Style::Single => format!("a: '{SEALED}'\nb: 1\n"),
            Style::Double => format!("a: \"{SEALED}\"\nb: 1\n"),
            Style::Plain => format!("a: {SEALED}\nb: 1\n"),
        };
        let doc = read(&sealed);
        let leaf = doc.leaves.first().expect("a scalar");
        let context = context(&sealed, &doc.paths, leaf);
        let value = Value::str(text.into_bytes());
        let mut spelled = String::new();
        spell(&value, &context, &mut spelled);
        let plain = apply(&sealed, place(&sealed, leaf, &context).splices(spelled));
        let outcome = there_and_back(&plain);
        // What we spelled, we spell again.
        prop_assert!(outcome.kept.is_empty(), "{}", plain);
    }
}
