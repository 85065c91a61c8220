//! Owns how a value is spelled in the style of the scalar whose place it takes ([`Context`], [`spell`]).
//!
//! What is written is read back by go-yaml as the same type and value, whatever the text. Rules: `docs/format.md`, "How a spelling survives".
//! May use `value`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Leaf, Paths, Style, Tag};
use super::block::{self, Frame};
use super::header::{After, Header};
use super::quote;
use super::resolve::{is_plain_string, reads_as};
use crate::value::number::yaml_float_text;
use crate::value::{Value, ValueType};

/// What decides how a value is spelled at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    style: Style,
    in_flow: bool,
    /// A tag that makes every scalar a string stands before it and stays.
    tagged: bool,
    block: Option<Block>,
}

/// What a block scalar adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    frame: Frame,
    /// The header says how far the content is indented.
    indicator: bool,
    after: After,
}

impl Context {
    /// A scalar of a style, nothing around it.
    pub fn of_style(style: Style) -> Self {
        Self { style, in_flow: false, tagged: false, block: None }
    }

    /// The context that the leaf has once it is sealed.
    #[must_use]
    pub fn sealed(self) -> Self {
        let style = if self.style == Style::Plain && self.in_flow { Style::Double } else { self.style };
        Self { style, ..self }
    }

    /// How the scalar is written.
    pub fn style(self) -> Style {
        self.style
    }

    /// How far the content of a block scalar is indented; 0 for others.
    pub(super) fn block_indent(self) -> usize {
        self.block.map_or(0, |block| block.frame.indent)
    }

    /// The same place without quotes.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { style: Style::Plain, ..self }
    }
}

/// The context of a scalar in its text.
pub fn context(text: &str, paths: &Paths, leaf: &Leaf) -> Context {
    let block = Header::read(text, leaf).map(|header| {
        let column = || column(text, paths.node(leaf.path).entry.start as usize);
        let parent = match header.digit {
            Some(digit) => (leaf.indent as usize).checked_sub(digit),
            None => Some(column()),
        };
        let indent = header.indent(leaf, parent);
        Block { frame: Frame { indent, parent, newline: header.newline }, indicator: header.digit.is_some(), after: header.after }
    });
    Context { style: leaf.style, in_flow: leaf.has(Leaf::IN_FLOW), tagged: leaf.tag == Tag::Str, block }
}

/// Appends the spelling of a value in a context: in its style if that can carry the value, else in the nearest that can.
///
/// A block scalar is written up to its last line break, which is to follow.
pub fn spell(value: &Value<'_>, context: &Context, out: &mut String) {
    match value.kind() {
        ValueType::Str | ValueType::Comment => match std::str::from_utf8(value.canonical()) {
            Ok(text) => string(text, context, out),
            Err(_) => binary(value.canonical(), out),
        },
        _ => typed(value, context.in_flow, out),
    }
}

/// Whether a value can stand after a tag that makes every scalar a string.
pub(super) fn holds_under_string_tag(value: &Value<'_>) -> bool {
    value.kind() == ValueType::Str && std::str::from_utf8(value.canonical()).is_ok()
}

/// Appends bytes that are no UTF-8 text.
pub(super) fn binary(bytes: &[u8], out: &mut String) {
    out.push_str("!!binary ");
    STANDARD.encode_string(bytes, out);
}

/// Appends what is no string: the exact text if YAML reads it as this value, else the canonical text of YAML.
pub(super) fn typed(value: &Value<'_>, in_flow: bool, out: &mut String) {
    if let Some(exact) = value.exact().and_then(|exact| std::str::from_utf8(exact).ok())
        && quote::is_plain(exact, in_flow)
        && reads_as(exact, value)
    {
        out.push_str(exact);
        return;
    }
    match value.kind() {
        ValueType::Null => out.push_str("null"),
        ValueType::Bool => out.push_str(if value.as_bool() == Some(true) { "true" } else { "false" }),
        ValueType::Float => {
            let text = value.as_float().map(yaml_float_text).unwrap_or_default();
            out.push_str(&text);
            // sops writes `1` and reads an integer back.
            if text.bytes().all(|c| c.is_ascii_digit() || c == b'-') {
                out.push_str(".0");
            }
        }
        ValueType::Int | ValueType::Time | ValueType::Str | ValueType::Comment => {
            out.push_str(&String::from_utf8_lossy(value.canonical()));
        }
    }
}

fn string(text: &str, context: &Context, out: &mut String) {
    match (context.style, context.block) {
        (Style::Plain, _) if quote::is_plain(text, context.in_flow) && (context.tagged || is_plain_string(text)) => {
            out.push_str(text)
        }
        (Style::Plain | Style::Single, _) if quote::is_single(text) => quote::single(text, out),
        (style @ (Style::Literal | Style::Folded), Some(block)) if block.carries(text) => {
            if block::write(text, style == Style::Folded, block.indicator, block.frame, out).is_none() {
                quote::double(text, out);
            }
        }
        _ => quote::double(text, out),
    }
}

impl Block {
    /// Whether nothing that follows would change the text.
    fn carries(&self, text: &str) -> bool {
        let follows = match block::chomping(text) {
            Some('-') => true,
            // Empty lines that follow would become part of it.
            Some(_) => self.after == After::Line,
            None => self.after != After::End,
        };
        follows && block::is_block(text)
    }
}

/// The column of a place, a byte order mark not counted. What stands before an entry on its line is blanks and indicators.
fn column(text: &str, at: usize) -> usize {
    let line = text[..at].rfind(['\n', '\r']).map_or(0, |i| i + 1);
    text[line..at].trim_start_matches('\u{feff}').chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::resolve::resolve;
    use super::*;

    fn flow(style: Style, in_flow: bool) -> Context {
        Context { style, in_flow, tagged: false, block: None }
    }

    fn lines(style: Style, after: After) -> Context {
        let block = Block { frame: Frame { indent: 4, parent: Some(2), newline: "\n" }, indicator: false, after };
        Context { style, in_flow: false, tagged: false, block: Some(block) }
    }

    fn spelled(value: &Value<'_>, context: &Context) -> String {
        let mut out = String::new();
        spell(value, context, &mut out);
        out
    }

    fn text(text: &str, context: &Context) -> String {
        spelled(&Value::str(text.as_bytes()), context)
    }

    #[test]
    fn a_string_keeps_the_style_that_can_carry_it() {
        for (value, plain, single, double) in [
            ("a", "a", "'a'", "\"a\""),
            ("https://u:p@x/?q=1", "https://u:p@x/?q=1", "'https://u:p@x/?q=1'", "\"https://u:p@x/?q=1\""),
            ("yes", "yes", "'yes'", "\"yes\""),
            ("it's", "it's", "'it''s'", "\"it's\""),
            ("12", "'12'", "'12'", "\"12\""),
            ("", "''", "''", "\"\""),
            ("a: b", "'a: b'", "'a: b'", "\"a: b\""),
            ("a\nb", "\"a\\nb\"", "\"a\\nb\"", "\"a\\nb\""),
            ("a\u{7f}", "\"a\\x7F\"", "\"a\\x7F\"", "\"a\\x7F\""),
            ("é😀", "é😀", "'é😀'", "\"é😀\""),
        ] {
            assert_eq!(text(value, &flow(Style::Plain, false)), plain);
            assert_eq!(text(value, &flow(Style::Single, false)), single);
            assert_eq!(text(value, &flow(Style::Double, false)), double);
        }
        assert_eq!(text("a, b", &flow(Style::Plain, true)), "'a, b'");
        assert_eq!(text("12", &Context { tagged: true, ..flow(Style::Plain, false) }), "12");
    }

    #[test]
    fn a_block_scalar_stays_one_where_nothing_would_change() {
        assert_eq!(text("a\nb\n", &lines(Style::Literal, After::Line)), "|\n    a\n    b");
        assert_eq!(text("a \n\tb", &lines(Style::Literal, After::End)), "|-\n    a \n    \tb");
        assert_eq!(text("a b\n\n", &lines(Style::Folded, After::Line)), ">+\n    a b\n");
        assert_eq!(text("a\n", &lines(Style::Literal, After::Empty)), "|\n    a");
        // The empty line that follows would be part of the text, the missing line break would not.
        assert_eq!(text("a\n\n", &lines(Style::Literal, After::Empty)), "\"a\\n\\n\"");
        assert_eq!(text("a\n", &lines(Style::Literal, After::End)), "\"a\\n\"");
        assert_eq!(text("a\rb", &lines(Style::Literal, After::Line)), "\"a\\rb\"");
        assert_eq!(text("", &lines(Style::Literal, After::Line)), "\"\"");
        assert_eq!(spelled(&Value::int(5), &lines(Style::Literal, After::Line)), "5");
    }

    #[test]
    fn numbers_are_spelled_as_they_were_sealed_where_yaml_agrees() {
        for (kind, plaintext, expected) in [
            (ValueType::Float, "1.10", "1.10"),
            (ValueType::Float, "1", "1.0"),
            (ValueType::Float, "-0", "-0.0"),
            (ValueType::Float, "1000000", "1e+06"),
            (ValueType::Float, "1e3", "1e3"),
            (ValueType::Float, "inf", ".inf"),
            (ValueType::Float, "NaN", ".nan"),
            (ValueType::Float, "0x1p4", "16.0"),
            (ValueType::Float, "18446744073709551615", "18446744073709551615"),
            (ValueType::Int, "+5", "+5"),
            (ValueType::Int, "007", "007"),
            // YAML would read eight.
            (ValueType::Int, "010", "10"),
            (ValueType::Bool, "True", "true"),
            (ValueType::Bool, "TRUE", "TRUE"),
            (ValueType::Bool, "0", "false"),
            (ValueType::Time, "2024-01-02T03:04:05.50Z", "2024-01-02T03:04:05.50Z"),
        ] {
            let value = Value::open(kind, plaintext.as_bytes()).expect(plaintext);
            for style in [Style::Plain, Style::Single, Style::Double] {
                assert_eq!(spelled(&value, &flow(style, false)), expected);
                assert_eq!(spelled(&value, &flow(style, true)), expected);
            }
        }
        let comma = Value::open(ValueType::Time, &b"2024-01-02T03:04:05,5Z"[..]).unwrap();
        assert_eq!(spelled(&comma, &flow(Style::Plain, false)), "2024-01-02T03:04:05,5Z");
        assert_eq!(spelled(&comma, &flow(Style::Double, true)), "2024-01-02T03:04:05.5Z");
        assert_eq!(spelled(&Value::NULL, &flow(Style::Plain, false)), "null");
        assert_eq!(spelled(&Value::str(&b"\x80\x81\x82"[..]), &flow(Style::Double, false)), "!!binary gIGC");
    }

    #[test]
    fn sealing_quotes_in_flow() {
        assert_eq!(flow(Style::Plain, true).sealed(), flow(Style::Double, true));
        assert_eq!(flow(Style::Single, true).sealed(), flow(Style::Single, true));
        assert_eq!(flow(Style::Plain, false).sealed(), flow(Style::Plain, false));
        assert_eq!(flow(Style::Double, true).plain(), flow(Style::Plain, true));
    }

    proptest! {
        #[test]
        fn what_is_no_string_is_read_back_as_itself(bits: u64, int: i64, truth: bool, text in "[-+0-9.eExX_]{1,9}", in_flow: bool) {
            let mut values = vec![Value::float(f64::from_bits(bits)), Value::float(int as f64), Value::int(int), Value::bool(truth)];
            values.extend(Value::open(ValueType::Float, text.as_bytes()));
            values.extend(Value::open(ValueType::Int, text.as_bytes()));
            for value in values {
                let out = spelled(&value, &flow(Style::Double, in_flow));
                prop_assert!(quote::is_plain(&out, in_flow));
                prop_assert_eq!(resolve(out.as_str().into(), Style::Plain, Tag::None), Ok(value));
            }
        }
    }
}
