//! Owns what sealing and opening ask of a document: where the sealed text of a leaf goes, and how a value is spelled there.

use super::yaml::place::{self, Place};
use super::yaml::spell::{self, Context};
use super::{Document, Format, Leaf, LeafKind, Span, Splice, dotenv, ini, json, tfvars, toml};
use crate::value::Value;

impl Document {
    /// What decides how a value is spelled in the place of a leaf.
    pub fn context(&self, leaf: &Leaf) -> Context {
        match self.format {
            Format::Ini | Format::Toml => Context::of_style(leaf.style),
            _ => spell::context(&self.text, &self.paths, leaf),
        }
    }

    /// Where the sealed text of a leaf goes, and between which quotes: in JSON it is always a string.
    pub fn place(&self, leaf: &Leaf, context: &Context) -> Place {
        match self.format {
            Format::Ini => ini::place(leaf),
            Format::Toml if leaf.kind != LeafKind::Comment => toml::place(leaf),
            Format::Tfvars if leaf.kind == LeafKind::Comment => {
                let (before, _, after) = tfvars::comment_parts(&self.text[leaf.span.range()]);
                Place::between(leaf.span, before, after)
            }
            _ => place::place(&self.text, leaf, context),
        }
    }

    /// Where a value that is opened or set goes: see [`place::place_for`].
    pub fn place_for(&self, leaf: &Leaf, context: &Context, value: &Value<'_>) -> Place {
        match self.format {
            Format::Ini => ini::place(leaf),
            Format::Toml if leaf.kind != LeafKind::Comment => toml::place(leaf),
            Format::Tfvars if leaf.kind == LeafKind::Comment => {
                let (before, _, after) = tfvars::comment_parts(&self.text[leaf.span.range()]);
                Place::between(leaf.span, before, after)
            }
            _ => place::place_for(&self.text, leaf, context, value),
        }
    }

    /// The edits that put an opened comment in the place of a sealed one; `original` is how it was written, if that is known.
    pub(crate) fn comment_splices(&self, leaf: &Leaf, comment: &str, original: Option<(String, Option<String>)>) -> Vec<Splice> {
        match self.format {
            Format::Ini => ini::comment_splices(self, leaf, comment, original),
            Format::Tfvars => {
                let (before, _, after) = tfvars::comment_parts(&self.text[leaf.span.range()]);
                vec![Splice { span: leaf.span, text: format!("{before}{comment}{after}") }]
            }
            _ => {
                let span: Span = if leaf.kind == LeafKind::CommentItem { self.comment_item_span(leaf) } else { leaf.span };
                vec![Splice { span, text: format!("#{comment}") }]
            }
        }
    }

    /// How a comment is written, if opening it would not write it so: its lines, and what is on the line of its key.
    pub(crate) fn comment_original(&self, leaf: &Leaf, comment: &str) -> Option<(&str, Option<&str>)> {
        if self.format != Format::Ini {
            return None;
        }
        let (raw, tail) = (&self.text[leaf.span.range()], ini::tail_text(&self.text, leaf));
        (tail.is_some() || ini::spelled_comment(&self.text, leaf, comment) != raw).then_some((raw, tail))
    }

    /// A part of a comment that is apart from the rest: it goes when the comment is sealed.
    pub(crate) fn comment_tail(&self, leaf: &Leaf) -> Option<Splice> {
        if self.format == Format::Ini && leaf.kind == LeafKind::Comment { ini::cut_tail(&self.text, leaf) } else { None }
    }

    /// Appends the text of a value as the format has it in a context.
    pub fn spell(&self, value: &Value<'_>, context: &Context, out: &mut String) {
        match self.format {
            Format::Yaml => spell::spell(value, context, out),
            Format::Json | Format::Binary => json::spell(value, out),
            Format::Dotenv => dotenv::spell(value, out),
            Format::Ini => ini::spell(value, context.style(), out),
            Format::Tfvars => tfvars::spell(value, out),
            Format::Toml => toml::spell(value, context.style(), out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_of_json_is_a_string_and_an_opened_one_what_it_was() {
        let doc = json::scan(String::from(r#"{"s": "a\nb", "n": 1.50, "b": true, "l": ["é"]}"#)).unwrap();
        let mut sealed = String::new();
        for leaf in &doc.leaves {
            let context = doc.context(leaf);
            let place = doc.place(leaf, &context);
            assert_eq!((place.span, &*place.before, place.after, place.is_split()), (leaf.span, "\"", "\"", false));
            let value = json::value(&doc.text, leaf).unwrap();
            doc.spell(&value, &context.sealed(), &mut sealed);
            sealed.push(' ');
        }
        assert_eq!(sealed, r#""a\nb" 1.50 true "é" "#);
    }
}
