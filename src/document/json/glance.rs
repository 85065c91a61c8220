//! Finds the metadata of a long JSON text without reading all of it: [`glance`] follows strings and brackets only.
//!
//! What it takes for certain is so for every text that can be read; that the text can be read is not looked at.

/// A text that has the metadata of another one and nothing else; `None` where it is not certain which that is.
pub(in crate::document) fn glance(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut found: Option<(usize, usize)> = None;
    // Where the value of a top-level `sops` begins, once its key was met.
    let mut begun: Option<usize> = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at)?;
                if depth == 1 && begun.is_none() && is_key(bytes, end) {
                    let key = &bytes[at + 1..end - 1];
                    if key.contains(&b'\\') {
                        return None;
                    }
                    if key == b"sops" {
                        let value = value_start(bytes, end)?;
                        if found.is_some() || bytes.get(value) != Some(&b'{') {
                            return None;
                        }
                        begun = Some(value);
                        at = value;
                        continue;
                    }
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 1
                    && let Some(start) = begun.take()
                {
                    found = Some((start, at + 1));
                }
                if depth == 0 {
                    at += 1;
                    break;
                }
            }
            _ => {}
        }
        at += 1;
    }
    let ends = depth == 0 && bytes[at.min(bytes.len())..].trim_ascii().is_empty();
    let (start, end) = found.filter(|_| ends)?;
    Some(format!("{{\"sops\":{}}}", text.get(start..end)?))
}

/// One past the closing quote of the string that begins here.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Whether a string that ends here is a key.
fn is_key(bytes: &[u8], end: usize) -> bool {
    bytes[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// Where the value of a key that ends here begins.
fn value_start(bytes: &[u8], end: usize) -> Option<usize> {
    let skip = |from: usize| bytes[from..].iter().position(|byte| !byte.is_ascii_whitespace()).map(|blanks| from + blanks);
    skip(skip(end)? + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan;
    use super::*;
    use crate::metadata;

    #[test]
    fn the_entry_of_the_top_level_is_found() {
        let block = r#"{"mac": "}\"]", "age": [{"x": {}}]}"#;
        for text in [
            format!(r#"{{"a": "\\", "sops": {block}}}"#),
            format!("{{\"sops\" :\n {block}, \"b\": [{{\"sops\": 1}}, \"sops\"]}}\n"),
            format!(r#"{{"a": {{"sops": {{"mac": 1}}}}, "sops": {block} }} "#),
        ] {
            assert_eq!(glance(&text), Some(format!("{{\"sops\":{block}}}")), "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_is_left() {
        for text in [
            "",
            "{}",
            r#"{"a": {"sops": {}}}"#,
            r#"{"sops": 1}"#,
            r#"{"sops": {}, "sops": {}}"#,
            r#"{"s\u006fps": {}, "sops": {}}"#,
            r#"{"sops": {}"#,
            r#"{"sops": {}} x"#,
            r#"{"sops": {}}}"#,
            r#"["sops", {}]"#,
            r#"{"sops": {"mac": "x}}"#,
        ] {
            assert_eq!(glance(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_certain_is_so_in_the_whole_text(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"sops\"", "\"a\"", "\"sops\": {\"mac\": \"m\"}", "1", " ", "\"\\\"\"", "\"}\"", "{\"a\": ", "\"sops\":",
            ]), 0..12),
        ) {
            let text = parts.concat();
            for text in [format!("{{{text}}}"), format!("{{\"a\": {text}, \"sops\": {{\"mac\": 1}}}}"), text] {
                if let (Some(small), Ok(whole)) = (glance(&text), scan(text.clone())) {
                    let alone = scan(small).expect("a document");
                    let block = |document: &crate::document::Document| {
                        let entry = metadata::locate(document).expect("metadata");
                        document.text[document.paths.node(entry).value.range()].to_owned()
                    };
                    prop_assert_eq!(block(&whole), block(&alone));
                }
            }
        }
    }
}
