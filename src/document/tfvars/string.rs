//! Owns HCL's quoted strings: decoding and the canonical spelling.

use std::borrow::Cow;

/// The text of a string or a heredoc: `$${` and `%%{` are `${` and `%{`; templates stay as they are. `escapes`: with those of quoted
/// strings.
pub(super) fn decode(raw: &str, escapes: bool) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let find = |from: usize| memchr::memchr3(b'\\', b'$', b'%', &bytes[from..]).map(|n| from + n);
    let Some(mut at) = find(0) else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    let mut done = 0;
    loop {
        let (decoded, len) = match bytes[at] {
            b'\\' if escapes => escape(&raw[at..]),
            b'$' if bytes[at..].starts_with(b"$${") => (Some('$'), 2),
            b'%' if bytes[at..].starts_with(b"%%{") => (Some('%'), 2),
            _ => (None, 1),
        };
        if let Some(c) = decoded {
            out.push_str(&raw[done..at]);
            out.push(c);
            done = at + len;
        }
        match find(at + len) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.push_str(&raw[done..]);
    Cow::Owned(out)
}

/// The character of an escape, and the length of its text.
fn escape(text: &str) -> (Option<char>, usize) {
    let hex = |digits: usize| {
        let code = text.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        code.and_then(char::from_u32).map_or((None, 1), |c| (Some(c), 2 + digits))
    };
    match text.as_bytes().get(1) {
        Some(b'n') => (Some('\n'), 2),
        Some(b'r') => (Some('\r'), 2),
        Some(b't') => (Some('\t'), 2),
        Some(b'"') => (Some('"'), 2),
        Some(b'\\') => (Some('\\'), 2),
        Some(b'u') => hex(4),
        Some(b'U') => hex(8),
        _ => (None, 1),
    }
}

/// Whether a raw text holds a template.
pub(super) fn has_template(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let mut at = 0;
    while let Some(n) = memchr::memchr2(b'$', b'%', &bytes[at..]) {
        at += n;
        match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'{'), _) => return true,
            (Some(&again), Some(b'{')) if again == bytes[at] => at += 3,
            _ => at += 1,
        }
    }
    false
}

/// Appends the canonical spelling of a string with its quotes.
pub(super) fn encode(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            b'$' if bytes.get(at + 1) == Some(&b'{') => "$$",
            b'%' if bytes.get(at + 1) == Some(&b'{') => "%%",
            0..0x20 | 0x7f => "",
            _ => continue,
        };
        out.push_str(&text[done..at]);
        done = at + 1;
        if escaped.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        }
        out.push_str(escaped);
    }
    out.push_str(&text[done..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_decoded_as_terraform_does() {
        for (raw, text) in [
            (r"a\n\r\t\u00e9\U0001F600", "a\n\r\té😀"),
            (r#"\"\\"#, "\"\\"),
            ("$${x} %%{y}", "${x} %{y}"),
            ("$$${x}", "$${x}"),
            ("$$$${x} $$x $", "$$${x} $$x $"),
            ("${x} %{y}", "${x} %{y}"),
        ] {
            assert_eq!(decode(raw, true), text, "{raw}");
        }
        assert_eq!(decode(r"z \n $${y}", false), r"z \n ${y}");
        assert!(has_template("a ${b}") && has_template("$$${x} %{y}") && !has_template("$${a} %%{b} $ %"));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[\\PC$%{}\"\\\\\n\r\t\u{0}-\u{7f}]{0,24}") {
            let mut out = String::new();
            encode(&text, &mut out);
            prop_assert_eq!(decode(&out[1..out.len() - 1], true), text.clone());
            prop_assert!(!has_template(&out));
            let end = super::super::lex::string_end(&out, 0).ok();
            prop_assert_eq!(end, Some(out.len()));
        }
    }
}
