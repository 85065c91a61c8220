//! Owns [`Place`]: which bytes a sealed value takes the place of, and between which it stands.
//!
//! Rules: `docs/format.md`, "How a spelling survives". May use `value`.

use std::borrow::Cow;

use super::super::splice::Splice;
use super::super::{Leaf, LeafKind, Span, Style, Tag};
use super::header::{Header, Properties, line_break};
use super::spell::{Context, holds_under_string_tag};
use crate::value::Value;

/// Where a sealed value goes. Most places are one span; a block scalar with something after its header (blanks, a comment that is
/// a leaf of its own) is two, and what stands between them stays.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes that give way.
    pub span: Span,
    /// What stands before the sealed value then.
    pub before: Cow<'static, str>,
    /// What stands after it.
    pub after: &'static str,
    /// Bytes before `span` that give way to a text of their own.
    head: Option<Head>,
}

/// The part of a place that is apart from the rest.
#[derive(Clone, PartialEq, Eq)]
enum Head {
    /// The indicators of a block scalar (its cut tag included), and what takes their place.
    Indicators(Span, String),
    /// A cut tag with the blanks after it, and perhaps indicators as well.
    Tag(Span, Option<(Span, String)>),
}

impl Place {
    /// A span alone, with these quotes.
    pub fn quoted(span: Span, quote: &'static str) -> Self {
        Self::between(span, quote, quote)
    }

    /// A span alone, with something before and something after the sealed value.
    pub fn between(span: Span, before: &'static str, after: &'static str) -> Self {
        Self { span, before: Cow::Borrowed(before), after, head: None }
    }

    /// Whether the place is more than [`Place::span`].
    pub fn is_split(&self) -> bool {
        self.head.is_some()
    }

    /// The edits of a split place that come before its span when a value is sealed into it; none for others.
    pub fn head_edits(&self) -> Vec<Splice> {
        match &self.head {
            None => Vec::new(),
            Some(Head::Indicators(span, text)) => vec![Splice { span: *span, text: text.clone() }],
            Some(Head::Tag(tag, rest)) => {
                let mut edits = vec![Splice { span: *tag, text: String::new() }];
                edits.extend(rest.iter().map(|(span, text)| Splice { span: *span, text: text.clone() }));
                edits
            }
        }
    }

    /// The spelling that stands there now, as `spell` would write it.
    pub fn original<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let of = |span: Span| &text[span.range()];
        match &self.head {
            None => Cow::Borrowed(of(self.span)),
            Some(Head::Indicators(span, _)) => Cow::Owned([of(*span), of(self.span)].concat()),
            Some(Head::Tag(tag, rest)) => {
                let indicators = rest.as_ref().map_or("", |(span, _)| of(*span));
                Cow::Owned([of(*tag).trim_end(), " ", indicators, of(self.span)].concat())
            }
        }
    }

    /// The edits that put a spelling there.
    pub fn splices(&self, spelling: String) -> Vec<Splice> {
        let (mut edits, indicators) = match &self.head {
            None => (Vec::new(), None),
            Some(Head::Indicators(span, _)) => (Vec::new(), Some(*span)),
            Some(Head::Tag(tag, rest)) => (vec![Splice { span: *tag, text: String::new() }], rest.as_ref().map(|(span, _)| *span)),
        };
        let Some(span) = indicators else {
            edits.push(Splice { span: self.span, text: spelling });
            return edits;
        };
        // Only a block scalar has lines, and its first is its header.
        let (header, content) = spelling.split_at(line_break(&spelling).unwrap_or(spelling.len()));
        edits.push(Splice { span, text: header.to_owned() });
        edits.push(Splice { span: self.span, text: content.to_owned() });
        edits
    }

    /// The same place when a stored original spelling is put there: it has the anchor inside if that followed a cut tag.
    #[must_use]
    pub fn for_original(mut self, leaf: &Leaf, original: &str) -> Self {
        let properties = Properties::read(original, 0, original.len());
        if let (Some(tag), Some(anchor)) = (properties.tag, properties.anchor)
            && tag.end < anchor.start
        {
            let start = match &mut self.head {
                None => &mut self.span.start,
                Some(Head::Indicators(span, _) | Head::Tag(span, _)) => &mut span.start,
            };
            *start = leaf.props.min(*start);
        }
        self
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({}..{})", self.span.start, self.span.end)
    }
}

/// Where the sealed value of a leaf goes. A tag that would not hold for a sealed value is cut; an anchor stays.
pub fn place(text: &str, leaf: &Leaf, context: &Context) -> Place {
    let cut = matches!(leaf.tag, Tag::Int | Tag::Float | Tag::Bool | Tag::Null | Tag::Time | Tag::Binary);
    placed(text, leaf, context, cut)
}

/// Where a value that is opened or set goes: as [`place`], but a tag that makes every scalar a string is cut, too, if the value is
/// none.
pub fn place_for(text: &str, leaf: &Leaf, context: &Context, value: &Value<'_>) -> Place {
    match leaf.tag {
        Tag::None => placed(text, leaf, context, false),
        Tag::Str => placed(text, leaf, context, !holds_under_string_tag(value)),
        _ => placed(text, leaf, context, true),
    }
}

fn placed(text: &str, leaf: &Leaf, context: &Context, cut: bool) -> Place {
    if leaf.kind == LeafKind::Comment {
        return Place { span: leaf.span, before: Cow::Borrowed("#"), after: "", head: None };
    }
    let mut place = match Header::read(text, leaf) {
        None => inline(leaf, context),
        Some(header) => block(leaf, context, &header),
    };
    if cut {
        cut_tag(text, leaf, &mut place);
    }
    place
}

fn inline(leaf: &Leaf, context: &Context) -> Place {
    let quote = match context.sealed().style() {
        Style::Single => "'",
        Style::Double => "\"",
        Style::Plain | Style::Literal | Style::Folded => "",
    };
    Place { span: leaf.span, before: Cow::Borrowed(quote), after: quote, head: None }
}

fn block(leaf: &Leaf, context: &Context, header: &Header) -> Place {
    let mut indicators = String::from(if leaf.style == Style::Folded { ">" } else { "|" });
    if let Some(digit) = header.digit {
        indicators.push_str(&digit.to_string());
    }
    indicators.push('-');
    let mut line = String::from(header.newline);
    super::block::push_blanks(context.block_indent(), &mut line);
    let start = leaf.span.start as usize;
    if header.has_rest() {
        let head = Head::Indicators(Span::new(start, header.indicators), indicators);
        Place { span: Span::new(header.line, header.end), before: Cow::Owned(line), after: "", head: Some(head) }
    } else {
        Place { span: Span::new(start, header.end), before: Cow::Owned(indicators + &line), after: "", head: None }
    }
}

fn cut_tag(text: &str, leaf: &Leaf, place: &mut Place) {
    let scalar = leaf.span.start as usize;
    let properties = Properties::read(text, leaf.props as usize, scalar);
    let Some(tag) = properties.tag else { return };
    if properties.comment {
        // The comment between them is a leaf of its own.
        let blanks = text[tag.end..scalar].bytes().take_while(|c| matches!(c, b' ' | b'\t')).count();
        let indicators = match place.head.take() {
            Some(Head::Indicators(span, text)) => Some((span, text)),
            _ => None,
        };
        place.head = Some(Head::Tag(Span::new(tag.start, tag.end + blanks), indicators));
        return;
    }
    let anchor = properties.anchor.filter(|anchor| anchor.start > tag.end).map_or("", |anchor| &text[anchor.start..scalar]);
    match &mut place.head {
        Some(Head::Indicators(span, indicators)) => {
            span.start = tag.start as u32;
            indicators.insert_str(0, anchor);
        }
        _ => {
            place.span.start = tag.start as u32;
            if !anchor.is_empty() {
                place.before = Cow::Owned([anchor, &place.before].concat());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::splice::splice;
    use super::super::super::{NodeKind, PathId, PathNode, Paths, Segment};
    use super::super::spell::{context, spell};
    use super::*;

    /// A leaf of a text: its properties, if any, start at `props`, and it is the bytes of `scalar` (a block scalar without
    /// its last line break). Its entry is a key or item at `entry`.
    struct Scene {
        text: String,
        paths: Paths,
        leaf: Leaf,
    }

    impl Scene {
        fn new(text: &str, scalar: &str, tag: Tag) -> Self {
            let start = text.find(scalar).expect("the scalar is part of the text");
            let props = text.find(['!', '&']).map_or(start, |at| at.min(start));
            let style = match scalar.as_bytes()[0] {
                b'|' => Style::Literal,
                b'>' => Style::Folded,
                b'"' => Style::Double,
                b'\'' => Style::Single,
                _ => Style::Plain,
            };
            let content = scalar.lines().skip(1).find(|line| !line.trim().is_empty());
            let indent = match style {
                Style::Literal | Style::Folded if scalar.contains('2') => 2,
                Style::Literal | Style::Folded => content.map_or(0, |line| line.len() - line.trim_start().len()),
                _ => 0,
            };
            let flags = if text.starts_with(['{', '[']) { Leaf::IN_FLOW } else { 0 };
            let span = Span::new(start, start + scalar.len());
            let mut paths = Paths::default();
            let path = paths.push(PathNode {
                parent: PathId(0),
                segment: Segment::Index(0),
                kind: NodeKind::Scalar,
                copy: false,
                entry: Span::new(0, text.len()),
                value: span,
            });
            let leaf = Leaf { path, span, props: props as u32, indent: indent as u32, kind: LeafKind::Scalar, style, tag, flags };
            Self { text: text.to_owned(), paths, leaf }
        }

        fn place(&self) -> Place {
            place(&self.text, &self.leaf, &context(&self.text, &self.paths, &self.leaf))
        }

        fn sealed(&self) -> String {
            let place = self.place();
            let mut edits = place.head_edits();
            edits.push(Splice { span: place.span, text: [&place.before, "ENC[x]", place.after].concat() });
            splice(&self.text, &edits).expect("edits of one text")
        }

        fn opened(&self, value: &Value<'_>) -> String {
            let context = context(&self.text, &self.paths, &self.leaf);
            let mut spelling = String::new();
            spell(value, &context, &mut spelling);
            splice(&self.text, &place_for(&self.text, &self.leaf, &context, value).splices(spelling)).expect("edits of one text")
        }

        /// Puts an original spelling back.
        fn restored(&self, original: &str) -> String {
            let place = self.place().for_original(&self.leaf, original);
            splice(&self.text, &place.splices(original.to_owned())).expect("edits of one text")
        }
    }

    /// Sealing gives `sealed`, and putting the original into that gives the text again.
    #[track_caller]
    fn there_and_back(text: &str, scalar: &str, tag: Tag, sealed: &str, sealed_scalar: &str) {
        let scene = Scene::new(text, scalar, tag);
        assert_eq!(scene.sealed(), sealed);
        let original = scene.place().original(text).into_owned();
        let again = Scene::new(sealed, sealed_scalar, if tag == Tag::Str { tag } else { Tag::None });
        assert_eq!(again.restored(&original), text);
        // The context foretold is the context found.
        let foretold = context(text, &scene.paths, &scene.leaf).sealed();
        assert_eq!(context(sealed, &again.paths, &again.leaf), foretold);
    }

    #[test]
    fn quotes_stay_and_flow_gets_some() {
        there_and_back("a: x # c\n", "x", Tag::None, "a: ENC[x] # c\n", "ENC[x]");
        there_and_back("a: 'x'\n", "'x'", Tag::None, "a: 'ENC[x]'\n", "'ENC[x]'");
        there_and_back("a: \"x\n  y\"\n", "\"x\n  y\"", Tag::None, "a: \"ENC[x]\"\n", "\"ENC[x]\"");
        there_and_back("a: x\n  y\nb: 1\n", "x\n  y", Tag::None, "a: ENC[x]\nb: 1\n", "ENC[x]");
        there_and_back("{a: x}\n", "x", Tag::None, "{a: \"ENC[x]\"}\n", "\"ENC[x]\"");
        there_and_back("['x']\n", "'x'", Tag::None, "['ENC[x]']\n", "'ENC[x]'");
    }

    #[test]
    fn a_block_scalar_becomes_one_line() {
        there_and_back("a: |\n  x\n  y\nb: 1\n", "|\n  x\n  y", Tag::None, "a: |-\n  ENC[x]\nb: 1\n", "|-\n  ENC[x]");
        there_and_back("a: >+\n  x\n\nb: 1\n", ">+\n  x\n", Tag::None, "a: >-\n  ENC[x]\nb: 1\n", ">-\n  ENC[x]");
        there_and_back("a: |2+\n   x\nb: 1\n", "|2+\n   x", Tag::None, "a: |2-\n  ENC[x]\nb: 1\n", "|2-\n  ENC[x]");
        there_and_back("a: |-2\n   x\nb: 1\n", "|-2\n   x", Tag::None, "a: |2-\n  ENC[x]\nb: 1\n", "|2-\n  ENC[x]");
        there_and_back("a: |\r\n   x\r\nb: 1\r\n", "|\r\n   x", Tag::None, "a: |-\r\n   ENC[x]\r\nb: 1\r\n", "|-\r\n   ENC[x]");
        there_and_back("a: |\u{85}  x\nb: 1\n", "|\u{85}  x", Tag::None, "a: |-\n  ENC[x]\nb: 1\n", "|-\n  ENC[x]");
        there_and_back("a: |\n  x", "|\n  x", Tag::None, "a: |-\n  ENC[x]", "|-\n  ENC[x]");
    }

    #[test]
    fn empty_lines_that_are_not_part_of_the_text_stay_outside() {
        let text = "a: |\n  x\n \n\nb: 1\n";
        there_and_back(text, "|\n  x\n \n", Tag::None, "a: |-\n  ENC[x]\n \n\nb: 1\n", "|-\n  ENC[x]");
        // Blanks beyond the indentation are text.
        there_and_back("a: |\n  x\n   \nb: 1\n", "|\n  x\n   ", Tag::None, "a: |-\n  ENC[x]\nb: 1\n", "|-\n  ENC[x]");
    }

    #[test]
    fn what_follows_a_header_stays() {
        let text = "a: | # c\n  x\nb: 1\n";
        there_and_back(text, "| # c\n  x", Tag::None, "a: |- # c\n  ENC[x]\nb: 1\n", "|- # c\n  ENC[x]");
        let sealed = Scene::new("a: |- # c\n  ENC[x]\nb: 1\n", "|- # c\n  ENC[x]", Tag::None);
        assert_eq!(sealed.opened(&Value::str(&b"y\nz\n"[..])), "a: | # c\n  y\n  z\nb: 1\n");
        assert_eq!(sealed.opened(&Value::str(&b"\r"[..])), "a: \"\\r\" # c\nb: 1\n");
        assert_eq!(sealed.opened(&Value::int(5)), "a: 5 # c\nb: 1\n");
        assert!(sealed.place().is_split());
    }

    #[test]
    fn a_tag_that_would_not_hold_is_cut() {
        there_and_back("a: !!int 5\n", "5", Tag::Int, "a: ENC[x]\n", "ENC[x]");
        there_and_back("a: !!int\n  5\n", "5", Tag::Int, "a: ENC[x]\n", "ENC[x]");
        there_and_back("a: &b !!int 5\n", "5", Tag::Int, "a: &b ENC[x]\n", "ENC[x]");
        there_and_back("a: !!int &b 5\n", "5", Tag::Int, "a: &b ENC[x]\n", "ENC[x]");
        there_and_back("[!!int \"5\"]\n", "\"5\"", Tag::Int, "[\"ENC[x]\"]\n", "\"ENC[x]\"");
        there_and_back("a: !!binary |\n  aGk=\n", "|\n  aGk=", Tag::Binary, "a: |-\n  ENC[x]\n", "|-\n  ENC[x]");
        there_and_back("a: !!binary | # c\n  aGk=\n", "| # c\n  aGk=", Tag::Binary, "a: |- # c\n  ENC[x]\n", "|- # c\n  ENC[x]");
        there_and_back(
            "a: !!binary &b | # c\n  aGk=\n",
            "| # c\n  aGk=",
            Tag::Binary,
            "a: &b |- # c\n  ENC[x]\n",
            "|- # c\n  ENC[x]",
        );
    }

    #[test]
    fn a_comment_between_tag_and_scalar_stays() {
        let scene = Scene::new("a: !!int # c\n  5\n", "5", Tag::Int);
        assert_eq!(scene.sealed(), "a: # c\n  ENC[x]\n");
        let original = scene.place().original(&scene.text).into_owned();
        assert_eq!(original, "!!int 5");
        assert_eq!(Scene::new("a: # c\n  ENC[x]\n", "ENC[x]", Tag::None).restored(&original), "a: # c\n  !!int 5\n");
    }

    #[test]
    fn a_tag_that_makes_strings_stays_for_strings_only() {
        there_and_back("a: !foo 5\n", "5", Tag::Str, "a: !foo ENC[x]\n", "ENC[x]");
        let sealed = Scene::new("a: &b !foo ENC[x]\n", "ENC[x]", Tag::Str);
        assert_eq!(sealed.opened(&Value::str(&b"5"[..])), "a: &b !foo 5\n");
        assert_eq!(sealed.opened(&Value::int(5)), "a: &b 5\n");
        assert_eq!(sealed.opened(&Value::str(&b"\xff"[..])), "a: &b !!binary /w==\n");
    }

    #[test]
    fn a_comment_is_sealed_behind_its_sign() {
        let mut scene = Scene::new("a: 1 # secret\n", "# secret", Tag::None);
        scene.leaf.kind = LeafKind::Comment;
        assert_eq!(scene.sealed(), "a: 1 #ENC[x]\n");
    }
}
