//! Owns what sealing and opening ask of a document: where the sealed text of a leaf goes, and how a value is spelled there.

use super::yaml::place::{self, Place};
use super::yaml::spell::{self, Context};
use super::{Document, Format, Leaf, json};
use crate::value::Value;

impl Document {
    /// What decides how a value is spelled in the place of a leaf.
    pub fn context(&self, leaf: &Leaf) -> Context {
        spell::context(&self.text, &self.paths, leaf)
    }

    /// Where the sealed text of a leaf goes, and between which quotes: in JSON it is always a string.
    pub fn place(&self, leaf: &Leaf, context: &Context) -> Place {
        place::place(&self.text, leaf, context)
    }

    /// Where a value that is opened or set goes: see [`place::place_for`].
    pub fn place_for(&self, leaf: &Leaf, context: &Context, value: &Value<'_>) -> Place {
        place::place_for(&self.text, leaf, context, value)
    }

    /// Appends the text of a value as the format has it in a context.
    pub fn spell(&self, value: &Value<'_>, context: &Context, out: &mut String) {
        match self.format {
            Format::Yaml => spell::spell(value, context, out),
            Format::Json | Format::Binary => json::spell(value, out),
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
