//! Owns strings on one line as sops writes them, and so keys ([`spell_key`]).

use super::quote;
use super::resolve::is_plain_string;

/// The text of a key on one line. A key longer than 128 bytes needs a `? ` before it in block style.
pub fn spell_key(key: &str, in_flow: bool) -> String {
    let mut out = String::new();
    string(key, in_flow, &mut out);
    out
}

/// Appends a string on one line, as sops does: plain where nobody takes it for something else (YAML 1.1 included); in single
/// quotes where only its characters are in the way; in double quotes for all others.
pub(super) fn string(text: &str, in_flow: bool, out: &mut String) {
    let is_word = is_plain_string(text) && !is_yaml11_bool(text) && !is_base60(text) && text != "<<";
    let plain =
        is_word && quote::is_plain(text, in_flow) && !text.contains('\t') && !text.starts_with("---") && !text.starts_with("...");
    if plain {
        out.push_str(text);
    } else if is_word && quote::is_single(text) && !text.contains('\t') {
        quote::single(text, out);
    } else {
        quote::double(text, out);
    }
}

fn is_yaml11_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

/// Whether YAML 1.1 reads a number of base 60: `190:20:30`, `1:30.5`.
fn is_base60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !first.bytes().all(|c| c.is_ascii_digit() || c == b'_') {
        return false;
    }
    let mut rest: Vec<&str> = parts.collect();
    let Some(last) = rest.pop() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let sixtieth = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    rest.into_iter().chain([last]).all(sixtieth) && fraction.bytes().all(|c| c.is_ascii_digit() || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_where_they_must() {
        for (key, block, flow) in [
            ("a b", "a b", "a b"),
            ("a,b", "a,b", "'a,b'"),
            ("a:b", "a:b", "a:b"),
            ("on", r#""on""#, r#""on""#),
            ("1", r#""1""#, r#""1""#),
            ("", r#""""#, r#""""#),
            ("a\nb", r#""a\nb""#, r#""a\nb""#),
            ("---", "'---'", "'---'"),
        ] {
            assert_eq!(spell_key(key, false), block);
            assert_eq!(spell_key(key, true), flow);
        }
    }

    #[test]
    fn base_60_is_told_from_times() {
        for text in ["1:30", "-190:20:30", "+1_0:5", "1:00.5_", "0:0."] {
            assert!(is_base60(text), "{text}");
        }
        for text in ["1:60", "1:", ":1", "a:1", "1:1:a", "1:123", "1", "1.5", "_1:2"] {
            assert!(!is_base60(text), "{text}");
        }
    }
}
