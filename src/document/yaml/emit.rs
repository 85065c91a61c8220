//! Owns [`emit`]: a tree laid out as sops lays out YAML. For what is not spliced in place: conversions, new entries, the metadata
//! block, `--extract`.
//!
//! Differences from sops, all on purpose: a whole float has a point (`1.0`, or it would come back as an integer), emoji stay
//! themselves, no `!!merge`, indentation indicators that fit, and no text is ever lost.

use super::super::node::{Comment, Entry, Item, Node, Tree};
use super::block::{self, Frame, push_blanks};
pub use super::flow::emit_flow;
pub use super::line::spell_key;
use super::line::string;
use super::quote;
use super::spell::{binary, typed};
use crate::value::{Value, ValueType};

/// How a tree is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmitLayout<'a> {
    /// Blanks a level, 2 to 9; anything else counts as 2.
    pub indent: usize,
    /// The column of the outermost entries. The first line is not indented: the caller's text stands before it.
    pub start_column: usize,
    /// `\n` or `\r\n`.
    pub newline: &'a str,
}

impl Default for EmitLayout<'_> {
    fn default() -> Self {
        Self { indent: 4, start_column: 0, newline: "\n" }
    }
}

/// The text of a tree in block style, with a line break at the end.
pub fn emit(node: &Node, layout: &EmitLayout<'_>) -> String {
    let mut emitter = Emitter {
        unit: if (2..=9).contains(&layout.indent) { layout.indent } else { 2 },
        newline: if layout.newline == "\r\n" { "\r\n" } else { "\n" },
        out: String::new(),
        in_place: true,
    };
    emitter.root(node, layout.start_column);
    emitter.out.push_str(emitter.newline);
    emitter.out
}

/// sops writes a `? ` before longer ones.
const LONGEST_KEY: usize = 128;
/// What is nested from here on is written in flow style: indentation alone would make the text grow with the square of the depth.
const LAST_COLUMN: usize = 1000;

struct Emitter {
    unit: usize,
    newline: &'static str,
    out: String,
    /// The next entry goes where the text ends now.
    in_place: bool,
}

/// An open container.
struct Open<'n> {
    rest: Rest<'n>,
    column: usize,
    /// Its comments before its first entry are written already, above the `-` it follows.
    hoisted: bool,
    /// Comments for the line of the next entry.
    inline: Vec<&'n Comment>,
}

enum Rest<'n> {
    Map(std::slice::Iter<'n, Entry>),
    Seq(std::slice::Iter<'n, Item>),
}

/// The next part of an open container.
enum Part<'n> {
    End,
    Comment(&'n Comment),
    Pair(&'n str, &'n Node),
    Item(&'n Node),
}

impl<'n> Open<'n> {
    fn new(node: &'n Node, column: usize, hoisted: bool) -> Option<Self> {
        let rest = match &node.kind {
            Tree::Map(entries) => Rest::Map(entries.iter()),
            Tree::Seq(items) => Rest::Seq(items.iter()),
            Tree::Scalar(_) => return None,
        };
        Some(Self { rest, column, hoisted, inline: Vec::new() })
    }

    fn next(&mut self) -> Part<'n> {
        match &mut self.rest {
            Rest::Map(entries) => match entries.next() {
                None => Part::End,
                Some(Entry::Comment(comment)) => Part::Comment(comment),
                Some(Entry::Pair(key, _, node)) => Part::Pair(key, node),
            },
            Rest::Seq(items) => match items.next() {
                None => Part::End,
                Some(Item::Comment(comment)) => Part::Comment(comment),
                Some(Item::Node(node)) => Part::Item(node),
            },
        }
    }
}

impl Emitter {
    fn root(&mut self, node: &Node, column: usize) {
        if let Tree::Scalar(value) = &node.kind {
            let frame = match column {
                0 => Frame { indent: self.unit, parent: Some(0), newline: self.newline },
                column => Frame { indent: self.below(column), parent: None, newline: self.newline },
            };
            self.scalar(value, frame, &[]);
            return;
        }
        if is_empty(node) {
            for comment in comments(node) {
                self.comment(comment, column);
            }
            self.start(column);
            self.out.push_str(&emit_flow(node));
            return;
        }
        let mut stack: Vec<Open<'_>> = Vec::new();
        stack.extend(Open::new(node, column, false));
        while let Some(open) = stack.last_mut() {
            let column = open.column;
            match open.next() {
                Part::End => {
                    for comment in std::mem::take(&mut open.inline) {
                        self.comment(comment, column);
                    }
                    stack.pop();
                }
                Part::Comment(comment) if comment.inline => open.inline.push(comment),
                Part::Comment(_) if open.hoisted => {}
                Part::Comment(comment) => self.comment(comment, column),
                Part::Pair(key, node) => {
                    open.hoisted = false;
                    let inline = std::mem::take(&mut open.inline);
                    stack.extend(self.pair(key, node, column, inline));
                }
                Part::Item(node) => {
                    let hoisted = std::mem::replace(&mut open.hoisted, false);
                    let inline = std::mem::take(&mut open.inline);
                    stack.extend(self.item(node, column, inline, hoisted));
                }
            }
        }
    }

    /// The column of what is nested in entries of a column: the next level.
    fn below(&self, column: usize) -> usize {
        (column + self.unit) / self.unit * self.unit
    }

    /// Goes to the place of an entry.
    fn start(&mut self, column: usize) {
        if !std::mem::take(&mut self.in_place) {
            self.out.push_str(self.newline);
            push_blanks(column, &mut self.out);
        }
    }

    fn comment(&mut self, comment: &Comment, column: usize) {
        for line in comment.text.split('\n') {
            self.start(column);
            push_comment(line, &mut self.out);
        }
    }

    /// Writes the comments that cannot stand on an entry's line, and gives the one that can.
    fn above<'n>(&mut self, node: &'n Node, column: usize, inline: Vec<&'n Comment>) -> Option<&'n Comment> {
        let carries = matches!(node.kind, Tree::Scalar(_));
        let last = inline.last().copied().filter(|comment| carries && !comment.text.contains('\n'));
        let count = inline.len() - usize::from(last.is_some());
        for comment in &inline[..count] {
            self.comment(comment, column);
        }
        if is_empty(node) {
            for comment in comments(node) {
                self.comment(comment, column);
            }
        }
        last
    }

    fn pair<'n>(&mut self, key: &'n str, node: &'n Node, column: usize, inline: Vec<&'n Comment>) -> Option<Open<'n>> {
        let inline = self.above(node, column, inline);
        self.start(column);
        let frame = Frame { indent: self.below(column), parent: Some(column), newline: self.newline };
        let explicit = key.len() > LONGEST_KEY || key.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        if explicit {
            self.out.push_str("? ");
            self.string(key, frame, &[]);
            self.start(column);
        } else if key == "<<" && is_mergeable(node) {
            // It was one before sops read it as an ordinary key; sops writes a tag before it that says what the text says.
            self.out.push_str(key);
        } else {
            string(key, false, &mut self.out);
        }
        self.out.push(':');
        if let Tree::Scalar(value) = &node.kind {
            self.out.push(' ');
            self.scalar(value, frame, inline.as_slice());
            return None;
        }
        if is_empty(node) || frame.indent > LAST_COLUMN {
            self.out.push(' ');
            self.out.push_str(&emit_flow(node));
            return None;
        }
        // The next level may be too near for a blank after the `:`.
        if explicit && frame.indent > column + 1 {
            push_blanks(frame.indent - column - 1, &mut self.out);
            self.in_place = true;
        }
        Open::new(node, frame.indent, false)
    }

    fn item<'n>(&mut self, node: &'n Node, column: usize, inline: Vec<&'n Comment>, hoisted: bool) -> Option<Open<'n>> {
        let inline = self.above(node, column, inline);
        if !hoisted {
            self.hoist(node, column);
        }
        self.start(column);
        self.out.push_str("- ");
        if let Tree::Scalar(value) = &node.kind {
            self.scalar(value, Frame { indent: column + 2, parent: Some(column), newline: self.newline }, inline.as_slice());
            return None;
        }
        if is_empty(node) || column + 2 > LAST_COLUMN {
            self.out.push_str(&emit_flow(node));
            return None;
        }
        self.in_place = true;
        Open::new(node, column + 2, true)
    }

    /// Writes the comments before the first entry of an item above its `-`; of several lists that start on one line, those of all:
    /// an inner one starts hoisted.
    fn hoist(&mut self, node: &Node, column: usize) {
        let mut at = Some(node);
        while let Some(node) = at {
            if is_empty(node) {
                return;
            }
            at = None;
            match &node.kind {
                Tree::Map(entries) => {
                    for entry in entries {
                        match entry {
                            Entry::Comment(comment) if !comment.inline => self.comment(comment, column),
                            Entry::Comment(_) => {}
                            Entry::Pair(..) => break,
                        }
                    }
                }
                Tree::Seq(items) => {
                    for item in items {
                        match item {
                            Item::Comment(comment) if !comment.inline => self.comment(comment, column),
                            Item::Comment(_) => {}
                            Item::Node(node) => {
                                at = Some(node);
                                break;
                            }
                        }
                    }
                }
                Tree::Scalar(_) => {}
            }
        }
    }

    fn scalar(&mut self, value: &Value<'_>, frame: Frame, inline: &[&Comment]) {
        match value.kind() {
            ValueType::Str | ValueType::Comment => match std::str::from_utf8(value.canonical()) {
                Ok(text) => return self.string(text, frame, inline),
                Err(_) => binary(value.canonical(), &mut self.out),
            },
            _ => typed(value, false, &mut self.out),
        }
        self.inline(inline);
    }

    fn string(&mut self, text: &str, frame: Frame, inline: &[&Comment]) {
        let start = self.out.len();
        let blank_at_end = text.ends_with(' ') || text.contains(" \n");
        let in_block = text.contains('\n')
            && block::is_block(text)
            && !blank_at_end
            && block::write(text, false, text.starts_with([' ', '\n']), frame, &mut self.out).is_some();
        if !in_block {
            string(text, false, &mut self.out);
            return self.inline(inline);
        }
        if !inline.is_empty() {
            let header = start + self.out[start..].find(['\r', '\n']).unwrap_or(self.out.len() - start);
            let content = self.out.split_off(header);
            self.inline(inline);
            self.out.push_str(&content);
        }
    }

    fn inline(&mut self, comments: &[&Comment]) {
        for comment in comments {
            self.out.push(' ');
            push_comment(&comment.text, &mut self.out);
        }
    }
}

/// A comment is one line of what YAML lets stand; the rest is no text that anybody wrote.
fn push_comment(text: &str, out: &mut String) {
    out.push('#');
    out.extend(text.chars().map(|c| if quote::is_raw(c) { c } else { char::REPLACEMENT_CHARACTER }));
}

/// Whether it is a container without entries; it may have comments.
fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Tree::Map(_) => node.pairs().next().is_none(),
        Tree::Seq(_) => node.items().next().is_none(),
        Tree::Scalar(_) => false,
    }
}

/// Whether readers accept it as the value of a merge key.
fn is_mergeable(node: &Node) -> bool {
    let is_map = |node: &Node| matches!(node.kind, Tree::Map(_));
    is_map(node) || matches!(node.kind, Tree::Seq(_)) && node.items().all(is_map)
}

fn comments(node: &Node) -> Vec<&Comment> {
    match &node.kind {
        Tree::Map(entries) => entries.iter().filter_map(|e| if let Entry::Comment(c) = e { Some(c) } else { None }).collect(),
        Tree::Seq(items) => items.iter().filter_map(|i| if let Item::Comment(c) = i { Some(c) } else { None }).collect(),
        Tree::Scalar(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: Vec<(&str, Node)>) -> Node {
        Node::map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)))
    }

    fn comment(text: &str, inline: bool) -> Comment {
        Comment { text: text.to_owned(), inline }
    }

    fn note(text: &str) -> Entry {
        Entry::Comment(comment(text, false))
    }

    fn entry(key: &str, node: Node) -> Entry {
        Entry::Pair(key.to_owned(), 0, node)
    }

    fn block(entries: Vec<Entry>) -> Node {
        Node { kind: Tree::Map(entries), at: 0 }
    }

    fn list(items: Vec<Item>) -> Node {
        Node { kind: Tree::Seq(items), at: 0 }
    }

    fn emitted(node: &Node) -> String {
        emit(node, &EmitLayout::default())
    }

    #[test]
    fn the_metadata_block_looks_as_sops_writes_it() {
        let armor = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n";
        let key = map(vec![("enc", Node::str(armor)), ("recipient", Node::str("age1xyz"))]);
        let pgp = map(vec![("created_at", Node::str("2026-11-22T06:41:01Z")), ("enc", Node::str(armor.trim_end()))]);
        let sops = map(vec![
            ("age", Node::seq([key])),
            ("hc_vault", Node::seq([])),
            ("lastmodified", Node::str("2026-11-22T06:41:01Z")),
            ("mac", Node::str("ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]")),
            ("pgp", Node::seq([pgp])),
            ("shamir_threshold", Node::scalar(Value::int(2))),
            ("unencrypted_suffix", Node::str("_unencrypted")),
            ("version", Node::str("3.13.3")),
        ]);
        let expected = "\
sops:
    age:
        - enc: |
            -----BEGIN AGE ENCRYPTED FILE-----
            YWdl
            -----END AGE ENCRYPTED FILE-----
          recipient: age1xyz
    hc_vault: []
    lastmodified: \"2026-11-22T06:41:01Z\"
    mac: ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]
    pgp:
        - created_at: \"2026-11-22T06:41:01Z\"
          enc: |-
            -----BEGIN AGE ENCRYPTED FILE-----
            YWdl
            -----END AGE ENCRYPTED FILE-----
    shamir_threshold: 2
    unencrypted_suffix: _unencrypted
    version: 3.13.3
";
        let node = map(vec![("sops", sops)]);
        assert_eq!(emitted(&node), expected);
        let windows = EmitLayout { newline: "\r\n", ..EmitLayout::default() };
        assert_eq!(emit(&node, &windows), expected.replace('\n', "\r\n"));
    }

    #[test]
    fn strings_are_plain_where_nobody_takes_them_for_something_else() {
        for (text, expected) in [
            ("a", "a"),
            ("", r#""""#),
            ("yes", r#""yes""#),
            ("12", r#""12""#),
            ("1:30", r#""1:30""#),
            ("190:20:30.5", r#""190:20:30.5""#),
            ("1:60", "1:60"),
            ("2024-01-02", r#""2024-01-02""#),
            ("<<", r#""<<""#),
            ("a: b", "'a: b'"),
            (" a", "' a'"),
            ("--- a", "'--- a'"),
            ("it's", "it's"),
            ("'a'", "'''a'''"),
            ("a\tb", r#""a\tb""#),
            ("😀", "😀"),
            ("a\r", r#""a\r""#),
            ("a\nb", "|-\n    a\n    b"),
            ("\n a\n\n", "|4+\n\n     a\n"),
            ("\ta\nb", "|4-\n    \ta\n    b"),
            ("a \nb", r#""a \nb""#),
        ] {
            assert_eq!(emitted(&Node::str(text)), format!("{expected}\n"), "{text:?}");
        }
        assert_eq!(emitted(&Node::scalar(Value::float(1.0))), "1.0\n");
        assert_eq!(emitted(&Node::scalar(Value::NULL)), "null\n");
        assert_eq!(emitted(&Node::scalar(Value::str(&b"\x80\x81\x82"[..]))), "!!binary gIGC\n");
    }

    #[test]
    fn nested_containers_align_to_the_next_level() {
        let node = map(vec![
            ("l", Node::seq([Node::seq([Node::str("a"), Node::str("b")]), map(vec![("k", map(vec![("x", Node::str("a\nb"))]))])])),
            ("e", map(vec![])),
        ]);
        let wide = "l:\n    - - a\n      - b\n    - k:\n        x: |-\n            a\n            b\ne: {}\n";
        let narrow = "l:\n  - - a\n    - b\n  - k:\n      x: |-\n        a\n        b\ne: {}\n";
        assert_eq!(emitted(&node), wide);
        assert_eq!(emit(&node, &EmitLayout { indent: 2, ..EmitLayout::default() }), narrow);
        let inner = map(vec![("a", map(vec![("b", Node::str("x\ny"))])), ("c", Node::str("z"))]);
        let nested = EmitLayout { indent: 2, start_column: 6, newline: "\n" };
        assert_eq!(emit(&inner, &nested), "a:\n        b: |-\n          x\n          y\n      c: z\n");
    }

    #[test]
    fn the_indentation_indicator_fits_the_place() {
        let node = map(vec![("l", Node::seq([Node::str(" a\nb")]))]);
        assert_eq!(emitted(&node), "l:\n    - |2-\n       a\n      b\n");
    }

    #[test]
    fn odd_keys_are_quoted_or_made_explicit() {
        let long = "k".repeat(129);
        let node = map(vec![
            ("1", Node::str("a")),
            ("a\nb", map(vec![("c", Node::str("d"))])),
            (&long, Node::seq([Node::str("e")])),
            ("<<", map(vec![("f", Node::str("g"))])),
        ]);
        let expected = format!("\"1\": a\n? |-\n    a\n    b\n:   c: d\n? {long}\n:   - e\n<<:\n    f: g\n");
        assert_eq!(emitted(&node), expected);
        assert_eq!(emitted(&map(vec![("<<", Node::str("x"))])), "\"<<\": x\n");
        let near = EmitLayout { indent: 5, start_column: 4, newline: "\n" };
        assert_eq!(emit(&map(vec![("\n", map(vec![("k", Node::str("v"))]))]), &near), "? |1+\n\n    :\n     k: v\n");
    }

    #[test]
    fn comments_stand_where_they_can() {
        let inner = block(vec![note(" head"), entry("a", Node::str("x")), note(" foot")]);
        let node = block(vec![
            note(" first"),
            Entry::Comment(comment(" inline", true)),
            entry("s", Node::str("v")),
            Entry::Comment(comment(" block", true)),
            entry("b", Node::str("l\nm\n")),
            Entry::Comment(comment(" container", true)),
            entry("m", inner.clone()),
            entry(
                "l",
                list(vec![Item::Comment(comment(" item", false)), Item::Node(inner), Item::Comment(comment(" last", false))]),
            ),
            entry("e", block(vec![note(" empty")])),
            note(" end"),
        ]);
        let expected = "\
# first
s: v # inline
b: | # block
    l
    m
# container
m:
    # head
    a: x
    # foot
l:
    # item
    # head
    - a: x
      # foot
    # last
# empty
e: {}
# end
";
        assert_eq!(emitted(&node), expected);
    }

    #[test]
    fn comments_of_lists_that_start_on_one_line_go_above_it() {
        let item = |text: &str| Item::Comment(comment(text, false));
        let node = |text: &str| Item::Node(Node::str(text));
        let inner = list(vec![item(" 2"), node("a"), item(" 3"), node("b")]);
        assert_eq!(emitted(&list(vec![item(" 1"), Item::Node(inner)])), "# 1\n# 2\n- - a\n  # 3\n  - b\n");
    }

    #[test]
    fn a_comment_cannot_break_out_of_its_line() {
        let node = block(vec![note(" a\nb: 1\rc"), entry("k", Node::str("v"))]);
        assert_eq!(emitted(&node), "# a\n#b: 1\u{fffd}c\nk: v\n");
    }

    #[test]
    fn depth_does_not_make_the_text_explode() {
        let mut node = Node::str("x");
        for _ in 0..2_000 {
            node = map(vec![("k", node)]);
        }
        let text = emitted(&node);
        assert!(text.len() < 300_000);
        assert!(text.ends_with("}\n"));
    }
}
