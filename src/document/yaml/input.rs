//! Owns what may be read as YAML at all: UTF-8 text of printable characters; and the classes of bytes the scanner asks for.

use super::super::ParseError;

/// Space and tab.
pub(super) const BLANK: u8 = 1;
/// May be the first byte of a line break: CR, LF, NEL, LS, PS.
pub(super) const BREAK: u8 = 2;
/// `:`
pub(super) const COLON: u8 = 4;
/// Ends a plain scalar in flow context: `,` `?` `[` `]` `{` `}`.
pub(super) const FLOW: u8 = 8;
/// Letters, digits, `_` and `-`: anchors, tag handles.
pub(super) const WORD: u8 = 16;
/// Beyond [`WORD`], may stand in a tag.
pub(super) const URI: u8 = 32;
/// `"` and `\`
pub(super) const DOUBLE: u8 = 64;
/// Cannot start a plain scalar (three of them may, see the scanner).
pub(super) const INDICATOR: u8 = 128;

/// The classes of each byte.
pub(super) const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut class = [0u8; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        class[b] = match byte {
            b' ' | b'\t' => BLANK,
            b'\r' | b'\n' | 0xC2 | 0xE2 => BREAK,
            b':' => COLON | URI | INDICATOR,
            b',' | b'?' | b'[' | b']' => FLOW | URI | INDICATOR,
            b'{' | b'}' => FLOW | INDICATOR,
            b'-' => WORD | INDICATOR,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => WORD,
            b'&' | b'*' | b'!' | b'%' | b'@' | b'\'' => URI | INDICATOR,
            b'#' | b'|' | b'>' | b'`' => INDICATOR,
            b';' | b'/' | b'=' | b'+' | b'$' | b'.' | b'~' | b'(' | b')' => URI,
            b'"' => DOUBLE | INDICATOR,
            b'\\' => DOUBLE,
            _ => 0,
        };
        b += 1;
    }
    class
}

/// How many bytes the line break at `at` has; 0 if there is none. CR LF is one.
pub(super) fn break_len(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'\n') => 1,
        Some(b'\r') => 1 + usize::from(text.get(at + 1) == Some(&b'\n')),
        Some(0xC2) => 2 * usize::from(text.get(at + 1) == Some(&0x85)),
        Some(0xE2) => 3 * usize::from(matches!(text.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9]))),
        _ => 0,
    }
}

/// Whether a blank, a line break or the end of the text is at `at`.
pub(super) fn is_blank_or_end(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None => true,
        Some(&byte) => match CLASS[byte as usize] {
            BLANK => true,
            BREAK => break_len(text, at) > 0,
            _ => false,
        },
    }
}

/// The bytes of a YAML file as text, for [`Parser::new`](super::Parser::new), which checks its characters.
///
/// Refuses with a position: UTF-16 and UTF-32 (named), and other bytes that are not UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<&str, ParseError> {
    refuse_other_encodings(bytes)?;
    std::str::from_utf8(bytes).map_err(|e| ParseError::at(bytes, e.valid_up_to(), "the text is not valid UTF-8 here"))
}

/// Refuses UTF-16 and UTF-32 by name (of ASCII text, UTF-16 without a byte order mark is valid UTF-8 too).
pub(in crate::document) fn refuse_other_encodings(bytes: &[u8]) -> Result<(), ParseError> {
    let encoding = match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
        [0, b, ..] | [b, 0, ..] if *b != 0 && bytes.len().is_multiple_of(2) => Some("UTF-16 without a byte order mark"),
        _ => None,
    };
    if let Some(name) = encoding {
        return Err(ParseError::at(bytes, 0, format!("the text is encoded in {name}: only UTF-8 is read")));
    }
    Ok(())
}

/// Checks size (below 4 GiB) and characters of a text: none that YAML calls unprintable (C0 controls but tab, LF and CR; DEL;
/// C1 controls but NEL; U+FFFE, U+FFFF).
pub(super) fn check(text: &str) -> Result<(), ParseError> {
    let bytes = text.as_bytes();
    if bytes.len() >= u32::MAX as usize {
        return Err(ParseError::at(bytes, 0, "the text is too large: files are below 4 GiB"));
    }
    match unprintable(bytes) {
        None => Ok(()),
        Some(at) => Err(ParseError::at(bytes, at, "a control character is not allowed in YAML")),
    }
}

fn unprintable(bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 256;
    let mut at = 0;
    for chunk in bytes.chunks(CHUNK) {
        // Without branches: the compiler makes vector code of it.
        let suspect = chunk.iter().fold(0u8, |found, &b| {
            found
                | (u8::from(b < b' ') & u8::from(b != b'\t') & u8::from(b != b'\n') & u8::from(b != b'\r'))
                | u8::from(b == 0x7F)
                | u8::from(b == 0xC2)
                | u8::from(b == 0xEF)
        });
        if suspect != 0 {
            for (i, &b) in chunk.iter().enumerate() {
                let bad = match b {
                    b'\t' | b'\n' | b'\r' => false,
                    0..b' ' | 0x7F => true,
                    0xC2 => matches!(bytes.get(at + i + 1), Some(0x80..=0x84 | 0x86..=0x9F)),
                    0xEF => matches!(bytes.get(at + i + 1..at + i + 3), Some([0xBF, 0xBE | 0xBF])),
                    _ => false,
                };
                if bad {
                    return Some(at + i);
                }
            }
        }
        at += chunk.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_are_named() {
        for (bytes, name) in [
            (&b"\xFF\xFEa\0:\0"[..], "UTF-16"),
            (&b"\xFE\xFF\0a\0:"[..], "UTF-16"),
            (&b"a\0:\0 \0b\0"[..], "UTF-16 without"),
            (&b"\xFF\xFE\0\0a\0\0\0"[..], "UTF-32"),
        ] {
            let error = text_of(bytes).unwrap_err();
            assert!(error.message.contains(name), "{error}");
        }
    }

    #[test]
    fn invalid_utf8_is_refused_where_it_starts() {
        let error = text_of(b"a: b\nc: \xFF\n").unwrap_err();
        assert_eq!((error.position.line, error.position.column), (2, 4));
        assert!(text_of(b"a: \xED\xA0\x80\n").is_err(), "a surrogate");
    }

    #[test]
    fn unprintable_characters_are_refused() {
        for bad in ["\0", "\u{1}", "\u{1F}", "\u{7F}", "\u{80}", "\u{84}", "\u{9F}", "\u{FFFE}", "\u{FFFF}"] {
            let text = format!("{}{bad}x", "a".repeat(300));
            assert_eq!(check(&text).unwrap_err().position.column, 301, "{bad:?}");
        }
        for good in ["\t\r\n", "\u{85}", "\u{A0}", "\u{FEFF}", "\u{FFFD}", "\u{E000}", "\u{1F600}", "\u{2028}", "\u{10FFFF}"] {
            assert!(check(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn line_breaks_have_their_lengths() {
        for (text, len) in [("\n", 1), ("\r", 1), ("\r\n", 2), ("\u{85}", 2), ("\u{2028}", 3), ("\u{2029}", 3)] {
            assert_eq!(break_len(text.as_bytes(), 0), len);
        }
        for text in ["", "a", "\u{A9}", "\u{2027}", "\u{20AC}"] {
            assert_eq!(break_len(text.as_bytes(), 0), 0);
        }
    }
}
