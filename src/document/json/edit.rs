//! Owns the structural edits of JSON: the metadata entry, `set` and `unset`, as splices in the file's own layout.

use super::super::edit::{EditError, entry_at, nest, refuse_reserved};
use super::super::node::Node;
use super::super::splice::Splice;
use super::super::steps::Step;
use super::super::{Document, NodeKind, PathId};
use super::emit::JsonIndent;
use super::layout::{Layout, Surroundings, entries};
use super::scan::METADATA_KEY;
use super::{emit, string};

const ROOT: PathId = PathId(0);

/// Writes the metadata: as last entry of the top level, or in the place and the layout of the one that is there. Where the text
/// changes does not depend on `metadata`. [`cut_metadata`] is the exact inverse of adding.
///
/// `indent` is for an empty document, which has no layout to follow.
pub fn metadata_splices(document: &Document, metadata: &Node, indent: JsonIndent) -> Vec<Splice> {
    match document.metadata.first() {
        Some(&entry) => vec![replace_metadata(document, entry, metadata, indent)],
        None => vec![insert_metadata(document, metadata, indent)],
    }
}

fn insert_metadata(document: &Document, metadata: &Node, indent: JsonIndent) -> Splice {
    let around = Surroundings::of(document, ROOT, indent);
    let entry = entry_text(Some(METADATA_KEY), metadata, &around);
    if let Some(&last) = entries(document, ROOT).last() {
        return append_after(document, last, &around, &entry);
    }
    let span = document.paths.node(ROOT).value.range();
    let blanks = &document.text[span.start + 1..span.end - 1];
    let (line, close) = (around.entries.line.unwrap_or_default(), around.close.unwrap_or_default());
    let text = match blanks {
        "" => format!("{line}{entry}{close}"),
        // The blanks of `{ }` stay behind the entry. Those that look like our own line break are told apart by a blank line.
        _ if is_line_break(blanks) => format!("{blanks}{line}{entry}"),
        _ => format!("{line}{entry}"),
    };
    Splice::insert(span.start + 1, text)
}

fn replace_metadata(document: &Document, entry: PathId, metadata: &Node, indent: JsonIndent) -> Splice {
    let node = document.paths.node(entry);
    let mut layout = Surroundings::of(document, ROOT, indent).entries;
    if node.kind == NodeKind::FlowMap && !entries(document, entry).is_empty() {
        let own = Surroundings::of(document, entry, indent);
        layout = Layout { line: own.close.filter(|_| own.entries.line.is_some()), ..own.entries };
    }
    let mut text = String::new();
    emit::write(metadata, &layout, 0, &mut text);
    Splice { span: node.value, text }
}

/// Removes the metadata entry with the comma and the blanks that tie it to its neighbours; nothing where there is none.
pub fn cut_metadata(document: &Document) -> Vec<Splice> {
    let Some(&entry) = document.metadata.first() else { return Vec::new() };
    let all = entries(document, ROOT);
    if all.len() > 1 {
        return vec![cut(document, ROOT, &all, entry)];
    }
    let root = document.paths.node(ROOT).value.range();
    let span = document.paths.node(entry).entry.range();
    let (before, after) = (&document.text[root.start + 1..span.start], &document.text[span.end..root.end - 1]);
    let ours = is_line_break(after) && before.starts_with(after) && !before[after.len()..].contains('\n');
    let end = if ours { root.end - 1 } else { span.end };
    vec![Splice::new(root.start + 1, end, "")]
}

/// Sets the value at a path. Missing keys are made; an index at or beyond the end of a list appends; a scalar in the way gives way.
/// Of equal keys the first is meant.
///
/// `indent` is for an empty document, which has no layout to follow.
pub fn set(document: &Document, steps: &[Step], value: &Node, indent: JsonIndent) -> Result<Vec<Splice>, EditError> {
    refuse_reserved(steps, METADATA_KEY)?;
    emit::check_finite(value)?;
    let mut at = ROOT;
    for (index, step) in steps.iter().enumerate() {
        let rest = &steps[index + 1..];
        let found = match find(document, at, steps, index) {
            Ok(found) => found,
            Err(EditError::NotAContainer(_)) => return Ok(vec![replace(document, at, &nest(&steps[index..], value), indent)]),
            Err(error) => return Err(error),
        };
        match (found, step) {
            (Some(entry), _) => at = entry,
            (None, Step::Key(key)) => return Ok(vec![add(document, at, Some(key), &nest(rest, value), indent)]),
            (None, Step::Index(_)) => return Ok(vec![add(document, at, None, &nest(rest, value), indent)]),
        }
    }
    Ok(vec![replace(document, at, value, indent)])
}

/// Removes the entry at a path with its comma. Of equal keys the first is meant.
pub fn unset(document: &Document, steps: &[Step]) -> Result<Vec<Splice>, EditError> {
    refuse_reserved(steps, METADATA_KEY)?;
    let at = entry_at(steps, ROOT, |at, index| find(document, at, steps, index))?;
    let parent = document.paths.node(at).parent;
    Ok(vec![cut(document, parent, &entries(document, parent), at)])
}

/// The entry that a step leads to, `None` where there is none yet.
fn find(document: &Document, container: PathId, steps: &[Step], index: usize) -> Result<Option<PathId>, EditError> {
    let is = |variant| Err(EditError::at(variant, steps, index));
    let all = entries(document, container);
    match (document.paths.node(container).kind, &steps[index]) {
        (NodeKind::FlowMap, Step::Key(key)) => {
            Ok(all.into_iter().find(|&id| document.paths.key(id, &document.text) == Some(key.as_str())))
        }
        (NodeKind::FlowSeq, Step::Index(n)) => Ok(all.get(*n).copied()),
        (NodeKind::FlowMap, Step::Index(_)) => is(EditError::IndexOnMapping),
        (NodeKind::FlowSeq, Step::Key(_)) => is(EditError::KeyOnList),
        _ => is(EditError::NotAContainer),
    }
}

fn replace(document: &Document, entry: PathId, value: &Node, indent: JsonIndent) -> Splice {
    let node = document.paths.node(entry);
    let mut text = String::new();
    emit::write(value, &Surroundings::of(document, node.parent, indent).entries, 0, &mut text);
    Splice { span: node.value, text }
}

/// Adds an entry at the end of a container; at the top level before the metadata if that is last.
fn add(document: &Document, container: PathId, key: Option<&str>, value: &Node, indent: JsonIndent) -> Splice {
    let around = Surroundings::of(document, container, indent);
    let mut entry = entry_text(key, value, &around);
    let all = entries(document, container);
    let is_metadata = |id: &PathId| document.metadata.contains(id);
    match all.as_slice() {
        [] => {
            let span = document.paths.node(container).value.range();
            let (line, close) = (around.entries.line.unwrap_or_default(), around.close.unwrap_or_default());
            Splice::new(span.start + 1, span.end - 1, format!("{line}{entry}{close}"))
        }
        [only] if is_metadata(only) => {
            around.entries.push_separator(0, &mut entry);
            Splice::insert(document.paths.node(*only).entry.range().start, entry)
        }
        [.., before, last] if is_metadata(last) => append_after(document, *before, &around, &entry),
        [.., last] => append_after(document, *last, &around, &entry),
    }
}

fn append_after(document: &Document, last: PathId, around: &Surroundings, entry: &str) -> Splice {
    let mut text = String::new();
    around.entries.push_separator(0, &mut text);
    text.push_str(entry);
    Splice::insert(document.paths.node(last).entry.range().end, text)
}

fn entry_text(key: Option<&str>, value: &Node, around: &Surroundings) -> String {
    let mut text = String::new();
    if let Some(key) = key {
        string::encode(key, &mut text);
        text.push_str(&around.entries.colon);
    }
    emit::write(value, &around.entries, 0, &mut text);
    text
}

/// The splice that removes one of the entries of a container: back to the entry before, or on to the one after.
fn cut(document: &Document, container: PathId, all: &[PathId], entry: PathId) -> Splice {
    let span = |id: PathId| document.paths.node(id).entry.range();
    let at = all.iter().position(|&id| id == entry).unwrap_or_default();
    if at > 0 {
        return Splice::new(span(all[at - 1]).end, span(entry).end, "");
    }
    if let Some(&next) = all.get(1) {
        return Splice::new(span(entry).start, span(next).start, "");
    }
    let whole = document.paths.node(container).value.range();
    Splice::new(whole.start + 1, whole.end - 1, "")
}

fn is_line_break(text: &str) -> bool {
    matches!(text, "\n" | "\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::splice::splice;
    use super::super::super::steps::parse_steps;
    use super::super::scan;
    use super::*;

    fn open(text: &str) -> Document {
        scan(text.to_owned()).unwrap()
    }

    fn apply(text: &str, edits: Vec<Splice>) -> String {
        splice(text, &edits).unwrap()
    }

    /// With the metadata added, or written anew.
    fn sealed(text: &str) -> String {
        apply(text, metadata_splices(&open(text), &metadata(), JsonIndent::Tab))
    }

    fn cut_in(text: &str) -> String {
        apply(text, cut_metadata(&open(text)))
    }

    fn metadata() -> Node {
        let age = Node::map([("enc".into(), Node::str("l1\nl2\n"))]);
        Node::map([("age".into(), Node::seq([age])), ("mac".into(), Node::str("m"))])
    }

    fn set_in(text: &str, path: &str, value: Node) -> String {
        apply(text, set(&open(text), &parse_steps(path).unwrap(), &value, JsonIndent::Tab).unwrap())
    }

    fn unset_in(text: &str, path: &str) -> String {
        apply(text, unset(&open(text), &parse_steps(path).unwrap()).unwrap())
    }

    #[test]
    fn metadata_is_laid_out_as_the_file_is() {
        let cases = [
            (
                "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n",
                "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"sops\": {\n    \"age\": [\n      {\n        \"enc\": \"l1\\nl2\\n\"\n      }\n    ],\n    \
                 \"mac\": \"m\"\n  }\n}\n",
            ),
            (r#"{"a":1}"#, r#"{"a":1,"sops":{"age":[{"enc":"l1\nl2\n"}],"mac":"m"}}"#),
            (r#"{"a": 1}"#, r#"{"a": 1, "sops": {"age": [{"enc": "l1\nl2\n"}], "mac": "m"}}"#),
            (r#"{ "a" : 1 }"#, r#"{ "a" : 1, "sops" : {"age" : [{"enc" : "l1\nl2\n"}], "mac" : "m"} }"#),
            (
                "{}",
                "{\n\t\"sops\": {\n\t\t\"age\": [\n\t\t\t{\n\t\t\t\t\"enc\": \"l1\\nl2\\n\"\n\t\t\t}\n\t\t],\n\t\t\"mac\": \"m\"\n\t}\n}",
            ),
            (
                "{\r\n\t\"a\": 1\r\n}",
                "{\r\n\t\"a\": 1,\r\n\t\"sops\": {\r\n\t\t\"age\": [\r\n\t\t\t{\r\n\t\t\t\t\"enc\": \"l1\\nl2\\n\"\r\n\t\t\t}\r\n\t\t],\r\n\t\t\
                 \"mac\": \"m\"\r\n\t}\r\n}",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(sealed(text), expected);
            assert_eq!(cut_in(expected), text);
            assert_eq!(sealed(expected), expected);
        }
    }

    #[test]
    fn metadata_is_cut_wherever_it_stands() {
        let cases = [
            (r#"{"sops": {}, "a": 1}"#, r#"{"a": 1}"#),
            ("{\n\t\"sops\": {},\n\t\"a\": 1\n}", "{\n\t\"a\": 1\n}"),
            (r#"{"a": 1, "sops": {}, "b": 2}"#, r#"{"a": 1, "b": 2}"#),
            (r#"{"sops": {}}"#, "{}"),
            ("{\n    \"sops\": {}\n}\n", "{}\n"),
        ];
        for (text, cut) in cases {
            assert_eq!(cut_in(text), cut);
        }
    }

    #[test]
    fn metadata_is_replaced_in_its_own_layout() {
        let text = "{\n  \"a\": 1,\n  \"sops\": {\"mac\": \"old\"},\n  \"b\": 2\n}";
        assert_eq!(sealed(text), text.replace("\"mac\": \"old\"", r#""age": [{"enc": "l1\nl2\n"}], "mac": "m""#));
        let text = "{\"a\":1,\"sops\":{\n \"x\" :0\n}}";
        let age = "\"age\" :[\n  {\n   \"enc\" :\"l1\\nl2\\n\"\n  }\n ],\n \"mac\" :\"m\"";
        assert_eq!(sealed(text), text.replace("\"x\" :0", age));
    }

    #[test]
    fn a_document_without_layout_gets_that_of_the_configuration() {
        let spaced = metadata_splices(&open("{}"), &metadata(), JsonIndent::Spaces(1));
        assert!(apply("{}", spaced).starts_with("{\n \"sops\": {\n  \"age\": [\n   {"));
        assert_eq!(cut_metadata(&open("{}")), []);
    }

    #[test]
    fn set_changes_one_value() {
        let text = "{\n  \"a\": 1,\n  \"l\": [1, 2],\n  \"e\": {},\n  \"a\": 3\n}\n";
        assert_eq!(set_in(text, r#"["a"]"#, Node::str("x")), text.replacen('1', "\"x\"", 1));
        assert_eq!(set_in(text, r#"["l"][1]"#, Node::str("x")), text.replace("2]", "\"x\"]"));
        assert_eq!(set_in(text, r#"["l"][7]"#, Node::str("x")), text.replace("2]", "2, \"x\"]"));
        assert_eq!(set_in(text, r#"["e"]["k"]"#, Node::str("x")), text.replace("{}", "{\n    \"k\": \"x\"\n  }"));
        assert_eq!(set_in(text, r#"["n\"q"]"#, Node::str("x")), text.replace("3\n", "3,\n  \"n\\\\\\\"q\": \"x\"\n"));
        assert_eq!(
            set_in(text, r#"["a"]["b"][0]["c"]"#, Node::str("x")),
            text.replacen('1', "{\n    \"b\": [\n      {\n        \"c\": \"x\"\n      }\n    ]\n  }", 1)
        );
        assert_eq!(set_in(r#"{"a":{"b":[]}}"#, r#"["a"]["b"][0]"#, Node::seq([])), r#"{"a":{"b":[[]]}}"#);
        assert_eq!(set_in("{ }", r#"["a"]"#, Node::str("x")), "{\n\t\"a\": \"x\"\n}");
    }

    #[test]
    fn set_adds_before_the_metadata() {
        assert_eq!(set_in(r#"{"a": 1, "sops": {}}"#, r#"["b"]"#, Node::str("x")), r#"{"a": 1, "b": "x", "sops": {}}"#);
        assert_eq!(set_in("{\n \"sops\": {}\n}", r#"["b"]"#, Node::str("x")), "{\n \"b\": \"x\",\n \"sops\": {}\n}");
        assert_eq!(set(&open("{}"), &[Step::Key("sops".into())], &metadata(), JsonIndent::Tab), Err(EditError::ReservedKey));
    }

    #[test]
    fn unset_removes_one_entry() {
        let text = "{\n  \"a\": 1,\n  \"l\": [1, {\"x\": [0]}],\n  \"b\": 2\n}\n";
        assert_eq!(unset_in(text, r#"["a"]"#), text.replace("\"a\": 1,\n  ", ""));
        assert_eq!(unset_in(text, r#"["b"]"#), text.replace(",\n  \"b\": 2", ""));
        assert_eq!(unset_in(text, r#"["l"][0]"#), text.replace("1, {", "{"));
        assert_eq!(unset_in(text, r#"["l"][1]["x"]"#), text.replace("{\"x\": [0]}", "{}"));
        assert_eq!(unset_in("{\n  \"a\": 1\n}", r#"["a"]"#), "{}");
    }

    #[test]
    fn paths_that_lead_nowhere_say_where_they_end() {
        let document = open(r#"{"a": {"l": [1]}}"#);
        let unset_error = |path: &str| unset(&document, &parse_steps(path).unwrap()).unwrap_err();
        assert_eq!(unset_error(r#"["a"]["x"]["y"]"#).to_string(), r#"key not found: ["a"]["x"]"#);
        assert_eq!(unset_error(r#"["a"]["l"][1]"#).to_string(), r#"index out of bounds: ["a"]["l"][1]"#);
        assert!(unset_error(r#"["a"]["l"][1]"#).is_absent());
        assert_eq!(unset_error(r#"["a"]["l"][0]["z"]"#), EditError::NotAContainer(String::from(r#"["a"]["l"][0]["z"]"#)));
        assert_eq!(unset_error("[0]"), EditError::IndexOnMapping(String::from("[0]")));
        assert_eq!(unset_error(r#"["a"]["l"]["k"]"#), EditError::KeyOnList(String::from(r#"["a"]["l"]["k"]"#)));
        assert_eq!(unset_error(""), EditError::EmptyPath);
        let on_mapping = set(&document, &[Step::Index(0)], &metadata(), JsonIndent::Tab);
        assert_eq!(on_mapping, Err(EditError::IndexOnMapping(String::from("[0]"))));
    }

    const BLANKS: &str = "( |\t|\n|\r\n|\n  |\n\t){0,2}";

    /// JSON objects in any layout.
    fn object() -> impl Strategy<Value = String> {
        let scalar =
            prop_oneof!["\"[a-c\\\\n]{0,3}\"".prop_filter("escapes", |s| !s.contains('\\')), "-?[1-9]", Just(String::from("null"))];
        let value = scalar.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                (prop::collection::vec((BLANKS, inner.clone(), BLANKS), 0..3), BLANKS).prop_map(|(items, blanks)| {
                    let items: Vec<String> = items.into_iter().map(|(a, b, c)| a + &b + &c).collect();
                    format!("[{}]", if items.is_empty() { blanks } else { items.join(",") })
                }),
                members(inner),
            ]
        });
        members(value)
    }

    fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        let member = (BLANKS, "\"[a-c]\"", "|[ \t]|\n", "|[ \t]|\n", value, BLANKS);
        (prop::collection::vec(member, 0..4), BLANKS).prop_map(|(members, blanks)| {
            let members: Vec<String> = members.into_iter().map(|(a, k, b, c, v, d)| format!("{a}{k}{b}:{c}{v}{d}")).collect();
            format!("{{{}}}", if members.is_empty() { blanks } else { members.join(",") })
        })
    }

    proptest! {
        #[test]
        fn cutting_is_the_inverse_of_inserting(object in object(), before in BLANKS, after in BLANKS) {
            let text = format!("{before}{object}{after}");
            let with = sealed(&text);
            prop_assert_eq!(cut_in(&with), text);
            prop_assert_eq!(sealed(&with), with);
        }

        #[test]
        fn set_and_unset_leave_all_other_bytes(object in object(), pick in any::<prop::sample::Index>()) {
            let document = open(&object);
            prop_assume!(document.paths.len() > 1);
            let id = PathId(1 + pick.index(document.paths.len() - 1) as u32);
            let mut steps = Vec::new();
            let mut at = id;
            while at != ROOT {
                let node = document.paths.node(at);
                steps.push(match node.segment {
                    super::super::super::Segment::Index(n) => Step::Index(n as usize),
                    _ => Step::Key(document.paths.key(at, &object).unwrap().to_owned()),
                });
                at = node.parent;
            }
            steps.reverse();
            // Of equal keys the first is meant, or there is no such path.
            prop_assume!(document.find(&steps) == Some(id));
            let span = document.paths.node(id).value.range();
            let edited = apply(&object, set(&document, &steps, &Node::str("new"), JsonIndent::Tab).unwrap());
            prop_assert_eq!(&edited[..span.start], &object[..span.start]);
            prop_assert_eq!(&edited[span.start..edited.len() - (object.len() - span.end)], "\"new\"");
            prop_assert_eq!(&edited[edited.len() - (object.len() - span.end)..], &object[span.end..]);

            let removed = apply(&object, unset(&document, &steps).unwrap());
            let rest = open(&removed);
            let gone = document.paths.iter().filter(|(other, _)| {
                let mut at = *other;
                while at > id { at = document.paths.node(at).parent; }
                at == id
            }).count();
            prop_assert_eq!(rest.paths.len(), document.paths.len() - gone);
        }

        #[test]
        fn what_is_added_is_found(object in object()) {
            let steps = [Step::Key("new".into()), Step::Index(0), Step::Key("k".into())];
            let edited = apply(&object, set(&open(&object), &steps, &Node::str("v"), JsonIndent::Tab).unwrap());
            let document = open(&edited);
            let leaf = document.leaves.last().unwrap();
            prop_assert_eq!(document.paths.display(leaf.path, &edited), "new[0].k");
            prop_assert_eq!(apply(&edited, unset(&document, &steps[..1]).unwrap()).replace(char::is_whitespace, ""), object.replace(char::is_whitespace, ""));
        }
    }
}
