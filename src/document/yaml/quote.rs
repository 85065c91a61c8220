//! Owns the quotes: which text a plain, single-quoted or double-quoted scalar of one line can carry, and how it is written.
//!
//! What may stand where is go-yaml's reading, not the YAML specification's. Uses nothing of the crate.

/// Whether a character may stand in a YAML text as itself and is no line break: what go-yaml's reader lets pass, without the byte
/// order mark.
pub(super) fn is_raw(c: char) -> bool {
    match c {
        '\t' | ' '..='~' => true,
        '\0'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

/// Whether each character is raw, with line feeds among them or not.
pub(super) fn is_raw_text(text: &str, line_feeds: bool) -> bool {
    if text.is_ascii() {
        return text.bytes().all(|c| matches!(c, b'\t' | b' '..=b'~') || line_feeds && c == b'\n');
    }
    text.chars().all(|c| is_raw(c) || line_feeds && c == '\n')
}

/// Whether a plain scalar of this text, not at the start of a line, is read as this text (whatever its type).
pub(super) fn is_plain(text: &str, in_flow: bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    let second = bytes.get(1).copied();
    let starts = match first {
        b'-' => !matches!(second, None | Some(b' ' | b'\t')),
        b'?' | b':' => !in_flow && !matches!(second, None | Some(b' ' | b'\t')),
        b' ' | b'\t' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
        | b'`' => false,
        _ => true,
    };
    if !starts || matches!(last, b' ' | b'\t' | b':') {
        return false;
    }
    // In flow context the scalar may come to stand at the start of a line.
    if in_flow && (text.starts_with("---") || text.starts_with("...")) {
        return false;
    }
    let mut previous = first;
    for &c in bytes {
        let stops = match c {
            b' ' | b'\t' => previous == b':',
            b'#' => matches!(previous, b' ' | b'\t'),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => in_flow,
            _ => false,
        };
        if stops {
            return false;
        }
        previous = c;
    }
    is_raw_text(text, false)
}

/// Whether a single-quoted scalar on one line can carry the text.
pub(super) fn is_single(text: &str) -> bool {
    is_raw_text(text, false)
}

/// Appends the text in single quotes.
pub(super) fn single(text: &str, out: &mut String) {
    out.push('\'');
    let mut pieces = text.split('\'');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push_str("''");
        out.push_str(piece);
    }
    out.push('\'');
}

/// Appends the text in double quotes; it carries any text. Escaped is only what has to be, and the tab.
pub(super) fn double(text: &str, out: &mut String) {
    out.push('"');
    let mut done = 0;
    for (at, c) in text.char_indices() {
        if c != '"' && c != '\\' && c != '\t' && is_raw(c) {
            continue;
        }
        out.push_str(&text[done..at]);
        done = at + c.len_utf8();
        escape(c, out);
    }
    out.push_str(&text[done..]);
    out.push('"');
}

fn escape(c: char, out: &mut String) {
    let letter = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        '\0'..='\u{ff}' => {
            out.push_str(&format!("\\x{:02X}", u32::from(c)));
            return;
        }
        _ => {
            out.push_str(&format!("\\u{:04X}", u32::from(c)));
            return;
        }
    };
    out.push('\\');
    out.push(letter);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_what_the_scanner_takes_as_one_scalar() {
        for (text, block, flow) in [
            ("a", true, true),
            ("a b", true, true),
            ("a\tb", true, true),
            ("a, b", true, false),
            ("what?", true, false),
            ("-a", true, true),
            ("--- a", true, false),
            (":a", true, false),
            ("?a", true, false),
            ("a:b", true, true),
            ("a#b", true, true),
            ("é☃😀", true, true),
            ("{{ x }}", false, false),
            ("", false, false),
            ("-", false, false),
            ("- a", false, false),
            ("a: b", false, false),
            ("a:\tb", false, false),
            ("a:", false, false),
            ("a #b", false, false),
            (" a", false, false),
            ("a ", false, false),
            ("a\t", false, false),
            ("#a", false, false),
            ("@a", false, false),
            ("%a", false, false),
            ("a\nb", false, false),
            ("a\u{85}b", false, false),
            ("a\u{feff}", false, false),
            ("a\u{7f}", false, false),
        ] {
            assert_eq!(is_plain(text, false), block, "{text:?} in a block");
            assert_eq!(is_plain(text, true), flow, "{text:?} in flow");
        }
    }

    #[test]
    fn quotes_escape_only_what_they_must() {
        let doubled = |text: &str| {
            let mut out = String::new();
            double(text, &mut out);
            out
        };
        assert_eq!(doubled("a \"b\"\\\n\té 😀\u{a0}"), "\"a \\\"b\\\"\\\\\\n\\té 😀\u{a0}\"");
        assert_eq!(doubled("\0\u{1}\u{7f}\u{85}\u{9f}\u{2028}\u{feff}\u{ffff}"), r#""\0\x01\x7F\N\x9F\L\uFEFF\uFFFF""#);
        let mut out = String::new();
        single("it's '", &mut out);
        assert_eq!(out, "'it''s '''");
    }
}
