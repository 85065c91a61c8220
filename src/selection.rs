//! Owns [`Selection`]: which leaves of a document are sealed, by suffixes, patterns and comments.
//!
//! Rules: `docs/format.md`, "Selection". Keys are judged one by one along the path; list indexes take no part. May use
//! `document` and `pattern`.

use regex::Regex;

use crate::document::{Document, Leaf, LeafKind, PathId, Paths};
use crate::pattern::{self, PatternError};

/// The suffix of keys whose values stay in clear where no selector is given.
pub const DEFAULT_UNENCRYPTED_SUFFIX: &str = "_unencrypted";

/// The selector of a file: what its metadata says about which leaves are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionRule {
    /// Nothing is written in the metadata: works as the default suffix. Binary files, and files of other tools.
    Implicit,
    /// `unencrypted_suffix`: sealed unless some key ends with it.
    UnencryptedSuffix(String),
    /// `encrypted_suffix`: sealed if some key ends with it.
    EncryptedSuffix(String),
    /// `unencrypted_regex`: sealed unless some key matches.
    UnencryptedRegex(String),
    /// `encrypted_regex`: sealed if some key matches.
    EncryptedRegex(String),
    /// `unencrypted_comment_regex`: sealed unless an active comment matches.
    UnencryptedCommentRegex(String),
    /// `encrypted_comment_regex`: sealed if an active comment matches.
    EncryptedCommentRegex(String),
}

impl Default for SelectionRule {
    /// What a new file gets where nothing else is said.
    fn default() -> Self {
        Self::UnencryptedSuffix(DEFAULT_UNENCRYPTED_SUFFIX.into())
    }
}

impl SelectionRule {
    /// The names of the six selectors in metadata and config.
    pub const FIELDS: [&'static str; 6] = [
        "encrypted_comment_regex",
        "encrypted_regex",
        "encrypted_suffix",
        "unencrypted_comment_regex",
        "unencrypted_regex",
        "unencrypted_suffix",
    ];

    /// The rule that a set of selectors says, each a name of [`Self::FIELDS`] and its text; empty texts and other names count
    /// as absent. `None` if no selector is left.
    ///
    /// # Errors
    /// [`SelectionError::Conflict`] if there are two.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Option<Self>, SelectionError> {
        let mut found: Option<Self> = None;
        for (name, text) in fields {
            let Some(rule) = Self::from_field(name, text) else { continue };
            if let Some(first) = &found {
                return Err(SelectionError::Conflict { first: first.field(), second: rule.field() });
            }
            found = Some(rule);
        }
        Ok(found)
    }

    fn from_field(name: &str, text: &str) -> Option<Self> {
        let rule = match name {
            _ if text.is_empty() => return None,
            "unencrypted_suffix" => Self::UnencryptedSuffix,
            "encrypted_suffix" => Self::EncryptedSuffix,
            "unencrypted_regex" => Self::UnencryptedRegex,
            "encrypted_regex" => Self::EncryptedRegex,
            "unencrypted_comment_regex" => Self::UnencryptedCommentRegex,
            "encrypted_comment_regex" => Self::EncryptedCommentRegex,
            _ => return None,
        };
        Some(rule(text.into()))
    }

    /// Its name in metadata and config: for [`Self::Implicit`], the selector as which it works.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Implicit | Self::UnencryptedSuffix(_) => "unencrypted_suffix",
            Self::EncryptedSuffix(_) => "encrypted_suffix",
            Self::UnencryptedRegex(_) => "unencrypted_regex",
            Self::EncryptedRegex(_) => "encrypted_regex",
            Self::UnencryptedCommentRegex(_) => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex(_) => "encrypted_comment_regex",
        }
    }

    /// The suffix or pattern.
    pub fn text(&self) -> &str {
        match self {
            Self::Implicit => DEFAULT_UNENCRYPTED_SUFFIX,
            Self::UnencryptedSuffix(text)
            | Self::EncryptedSuffix(text)
            | Self::UnencryptedRegex(text)
            | Self::EncryptedRegex(text)
            | Self::UnencryptedCommentRegex(text)
            | Self::EncryptedCommentRegex(text) => text,
        }
    }
}

/// Why a selection cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// More than one selector is given.
    #[error("`{first}` and `{second}` cannot be used together: a file has one selector")]
    Conflict {
        /// A selector's name.
        first: &'static str,
        /// Another's.
        second: &'static str,
    },
    /// A pattern is not one, or uses what RE2 has not. (sops takes it for a pattern that never matches.)
    #[error("`{field}`: {error}")]
    Pattern {
        /// The selector's name.
        field: &'static str,
        /// What is wrong where.
        error: PatternError,
    },
    /// The pattern that keeps comments in clear also matches a sealed comment, which could then not be told from them.
    #[error("`unencrypted_comment_regex` also matches a sealed comment: write a pattern that cannot match `#ENC[...]`")]
    SealedCommentMatches,
}

/// A compiled selector.
#[derive(Clone, Debug)]
pub struct Selection {
    by: By,
    /// What a match means: sealed, or in clear.
    seals: bool,
}

/// What a selector looks at.
#[derive(Clone, Debug)]
enum By {
    Suffix(String),
    Key(Regex),
    Comment(Regex),
}

impl Selection {
    /// Compiles a rule.
    ///
    /// # Errors
    /// [`SelectionError::Pattern`].
    pub fn compile(rule: &SelectionRule) -> Result<Self, SelectionError> {
        let pattern =
            |text: &String| pattern::compile(text).map_err(|error| SelectionError::Pattern { field: rule.field(), error });
        let (by, seals) = match rule {
            SelectionRule::Implicit => (By::Suffix(DEFAULT_UNENCRYPTED_SUFFIX.into()), false),
            SelectionRule::UnencryptedSuffix(suffix) => (By::Suffix(suffix.clone()), false),
            SelectionRule::EncryptedSuffix(suffix) => (By::Suffix(suffix.clone()), true),
            SelectionRule::UnencryptedRegex(text) => (By::Key(pattern(text)?), false),
            SelectionRule::EncryptedRegex(text) => (By::Key(pattern(text)?), true),
            SelectionRule::UnencryptedCommentRegex(text) => (By::Comment(pattern(text)?), false),
            SelectionRule::EncryptedCommentRegex(text) => (By::Comment(pattern(text)?), true),
        };
        Ok(Self { by, seals })
    }

    /// Whether comments decide: then the answer for a leaf depends on what stands around it, not on its path alone.
    pub fn depends_on_comments(&self) -> bool {
        matches!(self.by, By::Comment(_))
    }

    /// Whether each leaf of a document is selected, in the order of [`Document::leaves`]. Metadata never is.
    ///
    /// A plain document and its sealed form give the same answers. Values that are never sealed (nulls, empty ones) get an
    /// answer too. Linear in the document.
    pub fn select(&self, document: &Document) -> Vec<bool> {
        match &self.by {
            By::Suffix(suffix) => self.by_keys(document, |key| key.ends_with(suffix)),
            // Searching a short key is cheaper than looking up whether it was searched before.
            By::Key(pattern) => self.by_keys(document, |key| pattern.is_match(key)),
            By::Comment(pattern) => {
                let mut walk = CommentWalk::new(&document.paths);
                document.leaves.iter().map(|leaf| walk.select(document, leaf, pattern, self.seals)).collect()
            }
        }
    }

    /// Checks a comment that was just sealed: its text is what readers will see in its place.
    ///
    /// # Errors
    /// [`SelectionError::SealedCommentMatches`].
    pub fn check_sealed_comment(&self, sealed: &str) -> Result<(), SelectionError> {
        match &self.by {
            By::Comment(pattern) if !self.seals && pattern.is_match(sealed) => Err(SelectionError::SealedCommentMatches),
            _ => Ok(()),
        }
    }

    fn by_keys(&self, document: &Document, matches: impl Fn(&str) -> bool) -> Vec<bool> {
        let paths = &document.paths;
        let mut matched: Vec<bool> = Vec::with_capacity(paths.len());
        for (id, node) in paths.iter() {
            let above = !paths.is_root(id) && matched[node.parent.0 as usize];
            matched.push(above || paths.key(id, &document.text).is_some_and(&matches));
        }
        let selected = |leaf: &Leaf| !leaf.has(Leaf::METADATA) && matched[leaf.path.0 as usize] == self.seals;
        document.leaves.iter().map(selected).collect()
    }
}

/// Follows the active comments as sops does: each level of the tree has a list, to which its comments are added and which is
/// cleared after its next entry. A leaf sees the lists of all levels above it.
struct CommentWalk<'d> {
    paths: &'d Paths,
    /// One set of bits a path node.
    states: Vec<u8>,
    /// Nodes to enter, innermost first.
    chain: Vec<PathId>,
}

impl<'d> CommentWalk<'d> {
    /// The walk has come here.
    const ENTERED: u8 = 1;
    /// When it came here, a comment of a level above was active that matches.
    const OUTER: u8 = 2;
    /// A comment of the level below this node is active that matches.
    const INNER: u8 = 4;
    /// An entry of the level below this node has begun since the last comment.
    const ENTRY: u8 = 8;

    fn new(paths: &'d Paths) -> Self {
        Self { paths, states: vec![0; paths.len()], chain: Vec::new() }
    }

    fn select(&mut self, document: &Document, leaf: &Leaf, pattern: &Regex, seals: bool) -> bool {
        if leaf.has(Leaf::METADATA) {
            return false;
        }
        if leaf.has(Leaf::SHADOWED) {
            // sops does not see it: sealing it does no harm.
            return true;
        }
        self.enter(leaf.path);
        let state = &mut self.states[leaf.path.0 as usize];
        let text = match leaf.kind {
            LeafKind::Scalar | LeafKind::EmptyMap | LeafKind::EmptySeq => return (*state & Self::OUTER != 0) == seals,
            LeafKind::Comment => document.comment_text(leaf),
            LeafKind::CommentItem => std::borrow::Cow::Borrowed(&document.text[leaf.span.range()]),
        };
        if *state & Self::ENTRY != 0 {
            *state &= !(Self::INNER | Self::ENTRY);
        }
        let active = *state & (Self::OUTER | Self::INNER) != 0;
        let matches = pattern.is_match(&text);
        if matches {
            *state |= Self::INNER;
        }
        // The comment that matches stays in clear itself, so that readers see it.
        if seals { active } else { !active && !matches }
    }

    /// Comes to a node, and before to those above it that it has not come to yet.
    fn enter(&mut self, id: PathId) {
        let mut at = id;
        while self.states[at.0 as usize] & Self::ENTERED == 0 {
            self.chain.push(at);
            // A root is its own parent.
            match self.paths.node(at).parent {
                parent if parent == at => break,
                parent => at = parent,
            }
        }
        while let Some(next) = self.chain.pop() {
            let mut state = Self::ENTERED;
            if !self.paths.is_root(next) {
                let above = &mut self.states[self.paths.node(next).parent.0 as usize];
                if *above & Self::ENTRY != 0 {
                    *above &= !Self::INNER;
                }
                *above |= Self::ENTRY;
                if *above & (Self::OUTER | Self::INNER) != 0 {
                    state |= Self::OUTER;
                }
            }
            self.states[next.0 as usize] = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Format, NodeKind, PathNode, Segment, Span, Style, Tag};

    /// Reads a sketch of a document, one place a line, and whether each leaf is expected to be selected.
    ///
    /// A line is `+` (selected), `-` (not), `m` (metadata, not) or a blank (no leaf), then two blanks a level, then: `# comment`, `key` (a scalar),
    /// `key:` (a mapping), `key[]` (a list), `*` (an item), `*:` (an item that is a mapping), `*[]`, `key{}` (an empty mapping),
    /// `@comment` (a comment that sops wrote as a list item). `---` starts another document.
    fn sketch(lines: &[&str]) -> (Document, Vec<bool>) {
        let mut document = Document {
            text: String::new(),
            format: Format::Yaml,
            paths: Paths::default(),
            leaves: Vec::new(),
            aliases: Vec::new(),
            roots: Vec::new(),
            metadata: Vec::new(),
        };
        let mut expected = Vec::new();
        let mut open = Vec::new();
        for line in std::iter::once(&"---").chain(lines) {
            let (mark, rest) = line.split_at(1);
            let text = rest.trim_start();
            let depth = (rest.len() - text.len()) / 2;
            let name = text.trim_end_matches("[]").trim_end_matches("{}").trim_end_matches(':');
            let start = document.text.len();
            document.text.push_str(text.strip_prefix('@').unwrap_or(name));
            let span = Span::new(start, document.text.len());
            let root = *line == "---";
            let place = (!text.starts_with(['#', '@'])).then(|| {
                let kind = if text.ends_with("[]") { NodeKind::BlockSeq } else { NodeKind::BlockMap };
                let segment = match name {
                    _ if root => Segment::Document(document.roots.len() as u32),
                    "*" => Segment::Index(0),
                    _ => Segment::Key(span),
                };
                let next = PathId(document.paths.len() as u32);
                let parent = if root { next } else { open[depth] };
                document.paths.push(PathNode { parent, segment, kind, copy: false, entry: span, value: span })
            });
            if root {
                document.roots.extend(place);
                open = place.into_iter().collect();
                continue;
            }
            if let Some(place) = place.filter(|_| text.ends_with(':') || text.ends_with("[]")) {
                open.truncate(depth + 1);
                open.push(place);
                continue;
            }
            let kind = match text {
                _ if text.starts_with('#') => LeafKind::Comment,
                _ if text.starts_with('@') => LeafKind::CommentItem,
                _ if text.ends_with("{}") => LeafKind::EmptyMap,
                _ => LeafKind::Scalar,
            };
            let flags = if mark == "m" { Leaf::METADATA } else { 0 };
            let (path, props) = (place.unwrap_or(open[depth]), span.start);
            document.leaves.push(Leaf { path, span, props, indent: 0, kind, style: Style::Plain, tag: Tag::None, flags });
            expected.push(mark == "+");
        }
        (document, expected)
    }

    fn check(rule: SelectionRule, lines: &[&str]) {
        let (document, expected) = sketch(lines);
        let selected = Selection::compile(&rule).unwrap().select(&document);
        let leaves = lines.iter().filter(|line| line.starts_with(['+', '-', 'm']) && **line != "---");
        for ((line, expected), selected) in leaves.zip(expected).zip(&selected) {
            assert_eq!(*selected, expected, "{rule:?}: {line}");
        }
    }

    #[test]
    fn without_a_selector_the_default_suffix_stays_in_clear() {
        let lines = [
            "+ a",
            "- b_unencrypted",
            "+ c_Unencrypted",
            "  d_unencrypted:",
            "-   e",
            "    f[]",
            "-     *",
            "-   # in it",
            "+ # beside it",
            "  g:",
            "+   x",
            "-   x_unencrypted",
            "+ e{}",
        ];
        check(SelectionRule::default(), &lines);
        check(SelectionRule::Implicit, &lines);
    }

    #[test]
    fn with_another_selector_the_default_suffix_means_nothing() {
        check(SelectionRule::EncryptedRegex("^a".into()), &["+ a", "+ a_unencrypted", "- b", "- b_unencrypted"]);
    }

    #[test]
    fn one_key_of_the_path_decides() {
        let lines = ["- a", "+ pw_enc", "  x_enc:", "+   a", "    l[]", "+     *", "      *:", "+       b", "+   # c", "- # c"];
        check(SelectionRule::EncryptedSuffix("_enc".into()), &lines);
        check(SelectionRule::EncryptedRegex("_enc$".into()), &lines);
        let lines = ["+ a", "- pw_enc", "  x_enc:", "-   a", "    l[]", "-     *", "      *:", "-       b", "-   # c", "+ # c"];
        check(SelectionRule::UnencryptedSuffix("_enc".into()), &lines);
        check(SelectionRule::UnencryptedRegex("_enc$".into()), &lines);
    }

    #[test]
    fn patterns_match_anywhere_in_a_key_but_never_across_keys_or_indexes() {
        check(SelectionRule::EncryptedRegex("b".into()), &["+ abc", "- ac", "+ b"]);
        check(SelectionRule::EncryptedRegex("^(data|stringData)$".into()), &["  data:", "+   a", "  metadata:", "-   a"]);
        check(SelectionRule::EncryptedRegex("a:b|a.b".into()), &["  a:", "-   b"]);
        check(SelectionRule::EncryptedRegex("0".into()), &["  l[]", "-   *", "-   *"]);
    }

    #[test]
    fn a_comment_governs_the_next_entry_and_all_below() {
        check(
            SelectionRule::EncryptedCommentRegex("seal".into()),
            &[
                "- a",
                "- # seal",
                "+ b",
                "- c",
                "- # seal",
                "  d:",
                "+   e",
                "+   # in it",
                "+   f",
                "    g[]",
                "+     *",
                "+     # x",
                "- h",
                "- # other",
                "- i",
            ],
        );
        check(
            SelectionRule::UnencryptedCommentRegex("clear".into()),
            &[
                "+ a",
                "- # clear",
                "- b",
                "+ c",
                "- # clear",
                "  d:",
                "-   e",
                "-   # in it",
                "-   f",
                "    g[]",
                "-     *",
                "-     # x",
                "+ h",
                "+ # other",
                "+ i",
            ],
        );
    }

    #[test]
    fn comments_after_the_marker_in_its_run_follow_it() {
        let rule = SelectionRule::EncryptedCommentRegex("seal".into());
        check(rule, &["- # before", "- # seal", "+ # after", "+ # seal again", "+ a", "- # before", "- b"]);
        let rule = SelectionRule::UnencryptedCommentRegex("clear".into());
        check(rule, &["+ # before", "- # clear", "- # after", "- a", "+ # later", "+ b"]);
    }

    #[test]
    fn comments_at_the_end_of_a_level_do_not_reach_the_next_entry_outside() {
        let rule = SelectionRule::EncryptedCommentRegex("seal".into());
        check(rule.clone(), &["  a:", "-   b", "-   # seal", "- c"]);
        check(rule, &["  a[]", "-   *", "-   # seal", "+   # more", "  d:", "-   e"]);
    }

    #[test]
    fn every_entry_clears_the_comments_of_its_level_even_an_empty_one() {
        let rule = SelectionRule::EncryptedCommentRegex("seal".into());
        check(rule.clone(), &["- # seal", "+ a{}", "- b"]);
        check(rule.clone(), &["- # seal", "  a:", "+   b{}", "+   c", "- d"]);
        check(rule, &["  l[]", "-   # seal", "    *:", "+     a", "+     b", "-   *"]);
    }

    #[test]
    fn a_mapping_of_comments_alone_is_an_entry() {
        let rule = SelectionRule::EncryptedCommentRegex("seal".into());
        check(rule.clone(), &["  a:", "-   # seal", "+   # more", "- b"]);
        check(rule, &["- # seal", "  a:", "+   # in it", "- b"]);
    }

    #[test]
    fn comments_that_sops_made_list_items_are_comments() {
        let rule = SelectionRule::EncryptedCommentRegex("seal".into());
        check(rule, &["  l[]", "-   # seal", "+   @ENC[AES256_GCM,data:a,iv:b,tag:c,type:comment]", "+   *", "-   *"]);
    }

    #[test]
    fn documents_know_nothing_of_each_others_comments() {
        check(SelectionRule::EncryptedCommentRegex("seal".into()), &["- a", "- # seal", "---", "- b"]);
    }

    #[test]
    fn metadata_is_never_selected_nor_an_entry() {
        let lines = ["+ a", "  sops:", "m   mac", "m   # comment", "m   x_enc"];
        check(SelectionRule::default(), &lines);
        check(SelectionRule::UnencryptedCommentRegex("clear".into()), &lines);
        check(SelectionRule::EncryptedSuffix("_enc".into()), &["- a", "  sops:", "m   x_enc"]);
        check(SelectionRule::EncryptedCommentRegex("seal".into()), &["- # seal", "  sops:", "m   mac", "+ a"]);
    }

    #[test]
    fn a_deep_document_is_walked_without_recursion() {
        let (mut document, _) = sketch(&["- # seal", "  a:"]);
        let mut parent = PathId(1);
        for _ in 0..200_000 {
            let node = PathNode { parent, ..*document.paths.node(parent) };
            parent = document.paths.push(node);
        }
        let template = Leaf { kind: LeafKind::Scalar, path: parent, ..document.leaves[0] };
        document.leaves.extend([template; 1000]);
        let selected = Selection::compile(&SelectionRule::EncryptedCommentRegex("seal".into())).unwrap().select(&document);
        assert_eq!(selected.iter().filter(|selected| **selected).count(), 1000);
    }

    #[test]
    fn two_selectors_are_a_conflict_and_empty_ones_are_absent() {
        let rule = SelectionRule::from_fields([("encrypted_regex", ""), ("encrypted_suffix", "_x"), ("mac", "y")]);
        assert_eq!(rule, Ok(Some(SelectionRule::EncryptedSuffix("_x".into()))));
        assert_eq!(SelectionRule::from_fields([("encrypted_regex", "")]), Ok(None));
        let conflict = SelectionError::Conflict { first: "encrypted_regex", second: "unencrypted_suffix" };
        assert_eq!(SelectionRule::from_fields([("encrypted_regex", "a"), ("unencrypted_suffix", "b")]), Err(conflict));
        for name in SelectionRule::FIELDS {
            let rule = SelectionRule::from_fields([(name, "text")]).unwrap().unwrap();
            assert_eq!((rule.field(), rule.text()), (name, "text"));
        }
    }

    #[test]
    fn a_bad_pattern_is_an_error_that_names_its_selector() {
        for text in ["[", "(?=a)", "a**"] {
            let error = Selection::compile(&SelectionRule::EncryptedRegex(text.into())).unwrap_err();
            assert!(error.to_string().starts_with("`encrypted_regex`: "), "{error}");
        }
        assert!(Selection::compile(&SelectionRule::EncryptedSuffix("[".into())).is_ok(), "a suffix is no pattern");
    }

    #[test]
    fn a_pattern_for_clear_comments_must_not_match_sealed_ones() {
        let sealed = "ENC[AES256_GCM,data:a,iv:b,tag:c,type:comment]";
        let check = |rule: SelectionRule| Selection::compile(&rule).unwrap().check_sealed_comment(sealed);
        assert_eq!(check(SelectionRule::UnencryptedCommentRegex("type".into())), Err(SelectionError::SealedCommentMatches));
        assert_eq!(check(SelectionRule::UnencryptedCommentRegex("^ clear".into())), Ok(()));
        assert_eq!(check(SelectionRule::EncryptedCommentRegex("type".into())), Ok(()));
        assert_eq!(check(SelectionRule::EncryptedRegex("type".into())), Ok(()));
    }
}
