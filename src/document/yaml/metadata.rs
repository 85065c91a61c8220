//! Owns where the metadata sits in a YAML text: a `sops` entry at the end of the root mapping of every document.
//!
//! [`cut_metadata`] is the exact inverse of [`metadata_splices`], and right for files that sops wrote or people moved about.

use super::emit::{EmitLayout, emit, emit_flow};
use super::flow_entries;
use super::site::{break_before, column, document_end, line_end, line_start, next_line, skip_space};
use crate::document::lines::newline;
use crate::document::node::Node;
use crate::document::{Document, NodeKind, PathId, Splice};

/// The key of the metadata entry at the top level.
const KEY: &str = "sops";

/// Writes the metadata into every document: one edit a document, in order. Where the text changes does not depend on `metadata`.
///
/// Where there is a `sops` entry it is replaced at its place, in its indentation and style. Else it is added as last entry of the
/// root: to a block mapping after its trailing comments and blank lines, in `indent` columns a level; if the last line has no line
/// break, the entry has none either; to a flow mapping inside its braces. An explicit null (`--- ~`) gives way to a flow
/// mapping: only then is the span of an added entry not empty, and holds the text to be kept.
pub fn metadata_splices(document: &Document, metadata: &Node, indent: usize) -> Vec<Splice> {
    let mut known = document.metadata.iter().copied().peekable();
    let mut edits = Vec::with_capacity(document.roots.len());
    for &root in &document.roots {
        let is_here = |entry: &PathId| document.paths.node(*entry).parent == root;
        edits.push(match known.next_if(is_here) {
            Some(entry) => replace(document, entry, metadata, indent),
            None => insert(document, root, metadata, indent),
        });
        while known.next_if(is_here).is_some() {}
    }
    edits
}

/// Removes every `sops` entry of the top level: one edit for each of [`Document::metadata`], in order. Where [`metadata_splices`]
/// had replaced an explicit null, nothing is left, and the null is to be put at the place of the edit.
pub fn cut_metadata(document: &Document) -> Vec<Splice> {
    document.metadata.iter().map(|entry| cut(document, *entry)).collect()
}

fn insert(document: &Document, root: PathId, metadata: &Node, indent: usize) -> Splice {
    let text = document.text.as_str();
    let node = document.paths.node(root);
    match node.kind {
        NodeKind::FlowMap => insert_in_flow(document, root, metadata),
        NodeKind::Scalar if !node.value.is_empty() => Splice { span: node.value, text: format!("{{{},}}", flow_entry(metadata)) },
        kind => {
            let column = if kind == NodeKind::BlockMap { column(text, node.value.start as usize) } else { 0 };
            let newline = newline(text);
            let entry = format!("{}{}", " ".repeat(column), block_entry(metadata, column, indent, newline));
            let at = document_end(document, root);
            let has_own_line = line_start(text, at) == at;
            Splice::insert(at, if has_own_line { entry + newline } else { format!("{newline}{entry}") })
        }
    }
}

fn insert_in_flow(document: &Document, root: PathId, metadata: &Node) -> Splice {
    let text = document.text.as_str();
    let close = document.paths.node(root).value.end as usize - 1;
    let entry = flow_entry(metadata);
    let entry = match document.children(root).last() {
        None => entry,
        Some(last) if text.as_bytes()[skip_space(text, document.paths.node(last).entry.end as usize)] == b',' => entry + ",",
        Some(_) => format!(", {entry}"),
    };
    Splice::insert(close, entry)
}

/// `sops:` with the metadata below it, without a line break at the end.
fn block_entry(metadata: &Node, column: usize, indent: usize, newline: &str) -> String {
    let node = Node::map([(KEY.to_owned(), metadata.clone())]);
    let text = emit(&node, &EmitLayout { indent, start_column: 0, newline });
    // Levels are counted from the column of the mapping, whatever that is.
    let below = format!("{newline}{}", " ".repeat(column));
    text.trim_end_matches(['\r', '\n']).replace(newline, &below)
}

/// `sops: {...}`
fn flow_entry(metadata: &Node) -> String {
    let node = Node::map([(KEY.to_owned(), metadata.clone())]);
    let text = emit_flow(&node);
    text[1..text.len() - 1].to_owned()
}

fn replace(document: &Document, entry: PathId, metadata: &Node, indent: usize) -> Splice {
    let text = document.text.as_str();
    let node = document.paths.node(entry);
    let root = document.paths.node(node.parent);
    if root.kind == NodeKind::FlowMap || node.kind == NodeKind::FlowMap {
        return Splice { span: node.value, text: emit_flow(metadata) };
    }
    let at = column(text, root.value.start as usize);
    let step = match node.kind {
        NodeKind::BlockMap => column(text, node.value.start as usize).saturating_sub(at),
        _ => 0,
    };
    let indent = if (2..=9).contains(&step) { step } else { indent };
    Splice { span: node.entry, text: block_entry(metadata, at, indent, newline(text)) }
}

fn cut(document: &Document, entry: PathId) -> Splice {
    let node = document.paths.node(entry);
    let root = document.paths.node(node.parent);
    if root.kind == NodeKind::FlowMap {
        return cut_from_flow(document, entry);
    }
    let text = document.text.as_str();
    let start = line_start(text, node.entry.start as usize);
    let last = line_end(text, node.entry.end as usize);
    let end = next_line(text, last);
    // The entry at the end of a text without a last line break came with the one before it.
    let start = if end == last { break_before(text, start) } else { start };
    Splice::new(start, end, "")
}

fn cut_from_flow(document: &Document, entry: PathId) -> Splice {
    let text = document.text.as_str();
    let node = document.paths.node(entry);
    let is_only = document.children(node.parent).all(|child| child == entry);
    if is_only && text.as_bytes()[skip_space(text, node.entry.end as usize)] == b',' {
        // The comma is the mark of a null that gave way.
        return Splice { span: document.paths.node(node.parent).value, text: String::new() };
    }
    flow_entries::remove(document, entry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan;
    use super::*;
    use crate::document::{Duplicates, LeafKind, splice};

    fn node() -> Node {
        let age = Node::map([("enc".into(), Node::str("l1\nl2\n")), ("recipient".into(), Node::str("age1"))]);
        Node::map([("age".into(), Node::seq([age])), ("mac".into(), Node::str("m")), ("version".into(), Node::str("3.1"))])
    }

    fn read(text: &str) -> Document {
        scan(text.to_owned(), Duplicates::Keep).unwrap()
    }

    fn sealed(text: &str) -> String {
        splice(text, &metadata_splices(&read(text), &node(), 4)).unwrap()
    }

    fn cut(text: &str) -> String {
        splice(text, &cut_metadata(&read(text))).unwrap()
    }

    /// Adding metadata gives every document some, keeps all values, and cutting gives the text again.
    #[track_caller]
    fn there_and_back(text: &str) {
        let before = read(text);
        let text_with = sealed(text);
        let after = match scan(text_with.clone(), Duplicates::Keep) {
            Ok(document) => document,
            Err(error) => panic!("{text:?} became {text_with:?}: {error}"),
        };
        assert_eq!(after.metadata.len(), before.roots.len(), "{text_with:?}");
        assert_eq!(after.roots.len(), before.roots.len(), "{text_with:?}");
        let values = |document: &Document| {
            let all =
                document.leaves.iter().filter(|leaf| leaf.kind == LeafKind::Scalar && !leaf.has(crate::document::Leaf::METADATA));
            all.map(|leaf| document.text[leaf.span.range()].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(&after), values(&before), "{text_with:?}");
        for entry in &after.metadata {
            let tree = after.node(*entry).unwrap();
            assert_eq!(tree.pairs().map(|(key, ..)| key).collect::<Vec<_>>(), ["age", "mac", "version"]);
        }
        // Replacing it with the same changes nothing, with another one only itself.
        assert_eq!(sealed(&text_with), text_with);
        let short = Node::map([("mac".into(), Node::str("n"))]);
        let other = splice(&text_with, &metadata_splices(&after, &short, 4)).unwrap();
        assert_eq!(sealed(&other), text_with);
        let had_null = metadata_splices(&before, &node(), 4).iter().any(|edit| !edit.span.is_empty());
        if !had_null {
            assert_eq!(cut(&text_with), text);
            assert_eq!(cut(&other), text);
        }
    }

    #[test]
    fn it_comes_last_in_a_block_mapping() {
        let entry = "sops:\n    age:\n        - enc: |\n            l1\n            l2\n          recipient: age1\n    mac: m\n    version: \"3.1\"\n";
        assert_eq!(sealed("a: 1\n"), format!("a: 1\n{entry}"));
        assert_eq!(sealed("a: 1\n\n# end\n\n"), format!("a: 1\n\n# end\n\n{entry}"));
        assert_eq!(sealed("a: 1"), format!("a: 1\n{}", entry.trim_end()));
        assert_eq!(sealed("a: 1\r\n"), format!("a: 1\r\n{}", entry.replace('\n', "\r\n")));
        assert_eq!(sealed("---\na: 1\n---\nb: 2\n...\n"), format!("---\na: 1\n{entry}---\nb: 2\n{entry}...\n"));
        assert_eq!(sealed(""), entry);
        let indented: Vec<String> = entry.lines().map(|line| format!("  {line}\n")).collect();
        assert_eq!(sealed("  a: 1\n").replace(' ', ""), format!("a: 1\n{}", indented.concat()).replace(' ', ""));
        there_and_back("  a: 1\n");
    }

    #[test]
    fn it_stands_inside_the_braces_of_a_flow_mapping() {
        let flow = "sops: {age: [{enc: \"l1\\nl2\\n\", recipient: \"age1\"}], mac: \"m\", version: \"3.1\"}";
        assert_eq!(sealed("{a: 1}\n").replace('"', ""), format!("{{a: 1, {flow}}}\n").replace('"', ""));
        for text in [
            "{}",
            "{ }\n",
            "{a: 1,}",
            "{a: 1 # c\n}\n",
            "--- {a: 1, b: [2],\n} # c\n",
            "{a: b c\n}",
            "{a, b: }",
            "{\n  \"a\": 1\n}\n",
        ] {
            there_and_back(text);
        }
    }

    #[test]
    fn an_explicit_null_gives_way_and_leaves_its_place() {
        for text in ["--- null\n", "~", "--- !!null null # c\n---\na: 1\n", "# c\n--- &x ~\n...\n"] {
            there_and_back(text);
            let with = sealed(text);
            let edits = metadata_splices(&read(text), &node(), 4);
            let kept = &text[edits[0].span.range()];
            let mut cuts = cut_metadata(&read(&with));
            cuts[0].text.push_str(kept);
            assert_eq!(splice(&with, &cuts).unwrap(), text);
        }
    }

    #[test]
    fn odd_shapes_come_back() {
        for text in [
            "\u{feff}a: 1\n",
            "\u{feff}",
            "\n\n",
            "# only a comment",
            "# only a comment\n",
            "---",
            "---\n",
            "---\n---\n",
            "a: 1\n---",
            "a: 1\n--- # c\n---\nb:\n",
            "a:\n- x\n- y\n",
            "a: |+\n  x\n\n\n",
            "a: |\n  x\n\n# c\n",
            "a: \"x\n  y\"\n# c",
            "? a\n",
            "? a\n: b\n",
            "a:\n  b: 1\n  # deep\n # less deep\n# not deep\n",
            "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n",
            "a: 1 # c",
            "a: 1\n   ",
            "a: 1\r\n\r\n",
            "a: 1\rb: 2\r",
            "a: &x {b: 1}\nc: *x\n",
            "!!map\na: 1\n",
            "a: 1\n\u{85}",
            "a:\n    - b\n    -\n",
        ] {
            there_and_back(text);
        }
    }

    #[test]
    fn metadata_that_was_moved_is_replaced_and_cut_where_it_is() {
        for (text, without) in [
            ("sops:\n  mac: x\na: 1\n", "a: 1\n"),
            ("a: 1\nsops: {mac: x} # c\nb: 2", "a: 1\nb: 2"),
            ("a: 1\n\nsops:\n    mac: x\n", "a: 1\n\n"),
            ("a: 1\nsops:\n  mac: x", "a: 1"),
            ("{sops: {mac: x}, a: 1}", "{a: 1}"),
            ("{a: 1, sops: {mac: x}, b: 2}", "{a: 1, b: 2}"),
            ("{a: 1,\n sops: {mac: x}\n}", "{a: 1\n}"),
            ("sops:\n    mac: x\n", ""),
            ("---\nsops:\n    mac: x\n---\nsops: {mac: x}\n", "---\n---\n"),
        ] {
            assert_eq!(cut(text), without);
            let replaced = sealed(text);
            assert_eq!(cut(&replaced), without, "{replaced:?}");
        }
    }

    #[test]
    fn the_indentation_of_the_file_stays() {
        let two = "a: 1\nsops:\n  age:\n    - enc: x\n  mac: x\n";
        assert!(sealed(two).starts_with("a: 1\nsops:\n  age:\n    - enc: |\n"), "{}", sealed(two));
        assert!(sealed("  a: 1\n  sops:\n      mac: x\n").contains("\n  sops:\n"));
    }

    #[test]
    fn every_file_of_the_corpus_comes_back() {
        let folder = std::env::var("LEAFSEAL_SHARED").unwrap_or_else(|_| "../shared".into()) + "/corpus/yaml";
        let Ok(files) = std::fs::read_dir(&folder) else {
            eprintln!("skipped: no corpus");
            return;
        };
        let mut count = 0;
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let Ok(document) = scan(text.clone(), Duplicates::Refuse) else { continue };
            if document.metadata.is_empty() {
                there_and_back(&text);
                count += 1;
            }
        }
        assert!(count > 400, "{count}");
    }

    /// Lines of all kinds; many of the texts are no documents, and are passed over.
    fn lines() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "[ab]: [xy]( # c)?",
            "[ab]: \\|[+-]?\n  x\n(\n|  y\n)?",
            "  [ab]: ['\"]?x['\"]?",
            "- x",
            "  - [xy]: 1",
            "[ab]: \\{x: 1\\}",
            "( |  |    )?# c",
            Just(String::new()),
            Just(String::from("---")),
            Just(String::from("...")),
            "[cd]:",
            "\\{a: 1,?",
            "\\}",
        ];
        (prop::collection::vec(line, 0..8), prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], any::<bool>()).prop_map(
            |(lines, newline, ends)| {
                let text = lines.join("\n").replace('\n', newline);
                if ends { text + newline } else { text }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn cutting_is_the_inverse_of_adding(text in lines()) {
            if scan(text.clone(), Duplicates::Keep).is_ok() {
                there_and_back(&text);
            }
        }
    }
}
