//! Owns JSON strings: decoding and the canonical spelling. Strict RFC 8259, checked by `scan` beforehand.

use std::borrow::Cow;

/// The text between the quotes of a scanned JSON string, decoded. A lone surrogate escape is U+FFFD, as sops reads it.
pub(super) fn decode(raw: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut next = Some(first);
    while let Some(at) = next {
        out.push_str(&rest[..at]);
        let (decoded, len) = escape(&rest.as_bytes()[at..]);
        out.push(decoded);
        rest = &rest[at + len..];
        next = memchr::memchr(b'\\', rest.as_bytes());
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The same as bytes.
pub(super) fn decode_bytes(raw: &str) -> Cow<'_, [u8]> {
    match decode(raw) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The character of an escape at the start of `bytes` and the length of its text.
fn escape(bytes: &[u8]) -> (char, usize) {
    let simple = match bytes.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(bytes),
        Some(&other) if other.is_ascii() => char::from(other),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (simple, 2)
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let Some(high) = unit(bytes) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(c) = char::from_u32(high) {
        return (c, 6);
    }
    // A surrogate: only a high one directly followed by the escape of a low one is a character.
    match unit(bytes.get(6..).unwrap_or_default()) {
        Some(low @ 0xdc00..=0xdfff) if high < 0xdc00 => {
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The UTF-16 unit of `\uXXXX` at the start of `bytes`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let [b'\\', b'u', a, b, c, d, ..] = bytes else { return None };
    [a, b, c, d].into_iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

/// Appends the canonical spelling of a string with its quotes: `"`, `\` and controls escaped (`\b \f \n \r \t`, others
/// `\u00xx`), everything else raw.
pub(super) fn encode(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[done..at]);
        done = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                out.push_str("\\u00");
                out.push(char::from(b"0123456789abcdef"[usize::from(other >> 4)]));
                out.push(char::from(b"0123456789abcdef"[usize::from(other & 15)]));
            }
        }
    }
    out.push_str(&text[done..]);
    out.push('"');
}

/// Appends bytes as a JSON string; what is not UTF-8 is U+FFFD, as sops prints it.
pub(super) fn encode_bytes(bytes: &[u8], out: &mut String) {
    encode(&String::from_utf8_lossy(bytes), out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_decoded() {
        let cases = [
            ("plain é 😀", "plain é 😀"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u00e9\u00E9\u0000", "éé\0"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ude00x", "\u{fffd}x"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83dé", "\u{fffd}é"),
        ];
        for (raw, text) in cases {
            assert_eq!(decode(raw), text, "{raw}");
        }
        assert!(matches!(decode("no escape"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_canonical_spelling_escapes_only_what_must_be() {
        let mut out = String::new();
        encode("a/<é>\u{2028}\u{7f}😀\"\\\u{8}\u{c}\n\r\t\u{1}\u{1f}", &mut out);
        assert_eq!(out, "\"a/<é>\u{2028}\u{7f}😀\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"");
        let mut out = String::new();
        encode_bytes(b"a\xff", &mut out);
        assert_eq!(out, "\"a\u{fffd}\"");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let mut out = String::new();
            encode(&text, &mut out);
            prop_assert_eq!(decode(&out[1..out.len() - 1]), text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), decode(&out[1..out.len() - 1]));
        }

        #[test]
        fn decoding_never_panics(raw in r#"[\\ud8cDe0-9é"n]{0,20}"#) {
            decode(&raw);
        }
    }
}
