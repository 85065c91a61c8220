//! Owns [`changes`] and [`carry`]: what differs between two trees, and a document that takes the values of another tree over while its
//! layout and its comments stay where nothing changed.

use std::collections::HashMap;

use super::convert;
use super::edit::EditError;
use super::flat;
use super::node::{Entry, Item, Node, Tree};
use super::path::push_shown_key;
use super::splice::splice;
use super::steps::Step;
use super::{Document, Duplicates, Format, Layout};
use crate::value::{Value, ValueType};

/// With more changes than this the whole text is laid out anew: each of those that add or remove something costs a scan.
const MANY: usize = 500;

/// One place at which two trees differ.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where.
    pub steps: Vec<Step>,
    /// What shall be there; `None`: nothing.
    pub to: Option<Node>,
    /// Whether a scalar gives way to a scalar.
    pub in_place: bool,
}

impl Change {
    /// The place for people: `db.hosts[0]`.
    pub fn path(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) => push_shown_key(&mut out, key),
                Step::Index(index) => out.push_str(&format!("[{index}]")),
            }
        }
        out
    }
}

/// What must change in a tree so that it has the values of another one, in the order in which the edits can be made. Comments and the
/// order of keys do not count. `by` is the format in which the new values were written: what that cannot tell apart is no change.
pub fn changes(old: &Node, new: &Node, by: Format) -> Vec<Change> {
    let mut found = Vec::new();
    // The way to a container, as the index of the step before it.
    let mut ways: Vec<(usize, Step)> = Vec::new();
    let mut open = vec![(None, old, new)];
    while let Some((way, old, new)) = open.pop() {
        let steps = |last: Option<Step>| {
            let mut steps: Vec<Step> = last.into_iter().collect();
            let mut at: Option<usize> = way;
            while let Some(index) = at {
                let (before, step) = &ways[index];
                steps.push(step.clone());
                at = before.checked_sub(1);
            }
            steps.reverse();
            steps
        };
        let mut below = Vec::new();
        match (&old.kind, &new.kind) {
            (Tree::Map(_), Tree::Map(_)) => {
                let theirs: HashMap<&str, &Node> = new.pairs().map(|(key, _, node)| (key, node)).collect();
                let ours: HashMap<&str, &Node> = old.pairs().map(|(key, _, node)| (key, node)).collect();
                for (key, _, node) in old.pairs() {
                    match theirs.get(key) {
                        Some(other) => below.push((Step::Key(key.to_owned()), node, *other)),
                        None => found.push(Change { steps: steps(Some(Step::Key(key.to_owned()))), to: None, in_place: false }),
                    }
                }
                for (key, _, node) in new.pairs().filter(|(key, _, _)| !ours.contains_key(key)) {
                    found.push(Change { steps: steps(Some(Step::Key(key.to_owned()))), to: Some(node.clone()), in_place: false });
                }
            }
            (Tree::Seq(_), Tree::Seq(_)) => {
                let (ours, theirs): (Vec<_>, Vec<_>) = (old.items().collect(), new.items().collect());
                // From the end, so that the places of the others stay.
                for index in (theirs.len()..ours.len()).rev() {
                    found.push(Change { steps: steps(Some(Step::Index(index))), to: None, in_place: false });
                }
                below.extend(
                    ours.iter().zip(&theirs).enumerate().map(|(index, (ours, theirs))| (Step::Index(index), *ours, *theirs)),
                );
                for (index, node) in theirs.iter().enumerate().skip(ours.len()) {
                    found.push(Change { steps: steps(Some(Step::Index(index))), to: Some((*node).clone()), in_place: false });
                }
            }
            (Tree::Scalar(ours), Tree::Scalar(theirs)) => {
                if !same(ours, theirs, by) {
                    found.push(Change { steps: steps(None), to: Some(new.clone()), in_place: true });
                }
            }
            _ => found.push(Change { steps: steps(None), to: Some(new.clone()), in_place: false }),
        }
        // In the order of the document: what is opened last is looked at first.
        for (step, ours, theirs) in below.into_iter().rev() {
            ways.push((way.map_or(0, |way| way + 1), step));
            open.push((Some(ways.len() - 1), ours, theirs));
        }
    }
    found
}

/// Whether a value that was written in a format is the one that is there.
fn same(ours: &Value<'_>, theirs: &Value<'_>, by: Format) -> bool {
    if ours == theirs || convert::same_number(ours, theirs) {
        return true;
    }
    let is_text = theirs.kind() == ValueType::Str && ours.kind() != ValueType::Str;
    match by {
        Format::Dotenv | Format::Ini => is_text && flat::text_of(ours).as_bytes() == theirs.canonical(),
        Format::Json | Format::Tfvars => is_text && ours.kind() == ValueType::Time && ours.canonical() == theirs.canonical(),
        _ => false,
    }
}

/// The text of a document with the values of a tree in its first document, which was written in the format `by`. What does not change
/// keeps its layout and its comments. `None`: it is simpler to lay out all of it anew.
///
/// # Errors
/// When the format cannot hold a value.
pub fn carry(document: &Document, values: &Node, by: Format, layout: &Layout) -> Result<Option<String>, EditError> {
    let Some(&root) = document.roots.first() else { return Ok(None) };
    let wanted = changes(&document.node(root)?, values, by);
    if wanted.len() > MANY || wanted.iter().any(|change| change.steps.is_empty()) {
        return Ok(None);
    }
    let mut splices = Vec::new();
    for change in wanted.iter().filter(|change| change.in_place) {
        let Some(value) = &change.to else { continue };
        splices.extend(document.set(&change.steps, value, layout)?);
    }
    splices.sort_by_key(|splice| splice.span.start);
    let Some(mut text) = splice(&document.text, &splices) else { return Ok(None) };
    let scan = |text: String| Document::scan(text, document.format, Duplicates::Refuse);
    for change in wanted.iter().filter(|change| !change.in_place) {
        let before = scan(text)?;
        let edits = match &change.to {
            Some(value) => before.set(&change.steps, value, layout)?,
            None => before.unset(&change.steps)?,
        };
        let Some(after) = splice(&before.text, &edits) else { return Ok(None) };
        text = after;
    }
    let done = scan(text)?;
    let is_done = match done.roots.first() {
        Some(&root) => changes(&done.node(root)?, values, by).is_empty(),
        None => false,
    };
    Ok(is_done.then_some(done.text))
}

/// The texts of all comments of a tree.
pub fn comments(tree: &Node) -> Vec<&str> {
    let mut out = Vec::new();
    let mut open = vec![tree];
    while let Some(node) = open.pop() {
        match &node.kind {
            Tree::Map(entries) => {
                for entry in entries {
                    match entry {
                        Entry::Comment(comment) => out.push(comment.text.trim()),
                        Entry::Pair(_, _, node) => open.push(node),
                    }
                }
            }
            Tree::Seq(items) => {
                for item in items {
                    match item {
                        Item::Comment(comment) => out.push(comment.text.trim()),
                        Item::Node(node) => open.push(node),
                    }
                }
            }
            Tree::Scalar(_) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, format: Format) -> Document {
        Document::scan(text.to_owned(), format, Duplicates::Refuse).unwrap()
    }

    fn tree(text: &str, format: Format) -> Node {
        let doc = scan(text, format);
        doc.node(doc.roots[0]).unwrap()
    }

    fn paths(old: &str, new: &str) -> Vec<String> {
        changes(&tree(old, Format::Yaml), &tree(new, Format::Yaml), Format::Yaml).iter().map(Change::path).collect()
    }

    fn carried(text: &str, values: &str) -> String {
        carry(&scan(text, Format::Yaml), &tree(values, Format::Yaml), Format::Yaml, &Layout::default()).unwrap().unwrap()
    }

    #[test]
    fn only_values_count() {
        assert!(paths("a: 1 # x\nb: {c: 'd'}\n", "# y\nb:\n  c: d\na: 0x1\n").is_empty());
        assert_eq!(paths("a: 1\nb: [x, {c: 1}]\nd: 2\n", "a: '1'\nb: [x, {c: 2}, y]\ne: 3\n"), ["d", "e", "a", "b[2]", "b[1].c"]);
        assert_eq!(paths("a: [1, 2, 3]\n", "a: [1]\n"), ["a[2]", "a[1]"]);
        assert_eq!(paths("a: {b: 1}\n", "a: [1]\n"), ["a"]);
    }

    #[test]
    fn what_did_not_change_keeps_its_layout() {
        let text = "# top\na:   \"1\"   # one\nlist:\n- x # first\n- y\n\nm: {k: v,   l: w}\n";
        assert_eq!(carried(text, "m: {l: w, k: v}\nlist: [x, y]\na: '1'\n"), text);
        let expected = "# top\na:   \"2\"   # one\nlist:\n- x # first\n- z\n\nm: {k: v,   l: w, \"new\": 1}\n";
        assert_eq!(carried(text, "a: '2'\nlist: [x, z]\nm: {k: v, l: w, new: 1}\n"), expected);
        assert_eq!(carried("a: 1\nb: 2 # two\nc: 3\n", "a: 1\nc: 3\n"), "a: 1\nc: 3\n");
    }

    #[test]
    fn what_is_mostly_another_text_is_laid_out_anew() {
        let text = |from: usize| (from..from + MANY).map(|n| format!("k{n}: 1\n")).collect::<String>();
        let layout = Layout::default();
        let carried =
            |values: &str| carry(&scan("k0: 1\n", Format::Yaml), &tree(values, Format::Yaml), Format::Yaml, &layout).unwrap();
        assert_eq!(carried(&text(0)), Some(text(0)));
        assert_eq!(carried(&text(1)), None);
    }

    #[test]
    fn a_format_of_texts_changes_no_types() {
        let yaml = "port: 5432\nyes: true\nday: 2024-01-02\nnone:\n";
        let same = "port: '5432'\nyes: 'true'\nday: '2024-01-02T00:00:00Z'\nnone: ''\n";
        let found = |by| changes(&tree(yaml, Format::Yaml), &tree(same, Format::Yaml), by).len();
        assert_eq!(found(Format::Dotenv), 0);
        assert_eq!(found(Format::Tfvars), 3, "only the date");
        assert_eq!(found(Format::Yaml), 4);
    }
}
