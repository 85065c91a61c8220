//! Finds the metadata of a long YAML text without reading all of it: [`glance`] looks at the beginning of every line, and is certain only of
//! texts in which everything before a last `sops:` at the left margin ends on the line where it begins.
//!
//! What it takes for certain is so for every text that can be read; that the text can be read is not looked at.

/// How a line goes on.
enum Line {
    /// It ends with it.
    Done,
    /// A block scalar follows, whose parent stands in this column.
    Block(usize),
}

/// The last lines of a text from the one with the top-level `sops` entry on, which have the metadata of the text; `None` where that is not
/// certain.
pub(in crate::document) fn glance(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let odd_breaks = ["\u{85}", "\u{2028}", "\u{2029}"];
    if memchr::memchr(b'\r', bytes).is_some() || (!text.is_ascii() && odd_breaks.iter().any(|mark| text.contains(mark))) {
        return None;
    }
    let start = memchr::memmem::rfind(bytes, b"\nsops:")? + 1;
    let tail = &bytes[start..];
    let is_last = tail.split(|byte| *byte == b'\n').skip(1).all(|line| matches!(line.first(), None | Some(b' ' | b'#')));
    let only_key = tail.split(|byte| *byte == b'\n').next().is_some_and(|line| line.trim_ascii_end() == b"sops:");
    (is_last && only_key && before(&bytes[..start]).is_some()).then(|| &text[start..])
}

/// Whether the lines are entries of a block mapping at the left margin, each of which ends where it seems to; `None` if that is not certain.
fn before(bytes: &[u8]) -> Option<()> {
    let mut block: Option<(usize, Option<usize>)> = None;
    let (mut begun, mut keyed) = (false, false);
    let mut at = 0;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
        let line = &bytes[at..end];
        at = end + 1;
        let column = line.iter().take_while(|byte| **byte == b' ').count();
        let rest = &line[column..];
        if rest.is_empty() {
            continue;
        }
        if let Some((parent, body)) = &mut block {
            let least = *body.get_or_insert(column);
            if column > *parent && least > *parent {
                if column < least {
                    return None;
                }
                continue;
            }
            block = None;
        }
        if rest[0] == b'#' {
            continue;
        }
        if rest == b"---" && column == 0 && !begun && !keyed {
            begun = true;
            continue;
        }
        // What begins at the margin is a plain key or belongs to one: neither the end of a document, nor a key that only reads as `sops`.
        let is_item = matches!(rest, b"-" | [b'-', b' ', ..]);
        let is_key = (rest[0].is_ascii_alphanumeric() || rest[0] == b'_') && !rest.starts_with(b"sops");
        match column {
            0 if is_key => keyed = true,
            0 if is_item && keyed => {}
            0 => return None,
            _ if !keyed => return None,
            _ => {}
        }
        if let Line::Block(parent) = entry(rest, column)? {
            block = Some((parent, None));
        }
    }
    keyed.then_some(())
}

/// Reads a line: marks of list items, a key, the beginning of a value.
fn entry(mut rest: &[u8], mut column: usize) -> Option<Line> {
    let mut parent = None;
    while let [b'-', b' ', more @ ..] = rest {
        let blanks = more.iter().take_while(|byte| **byte == b' ').count();
        parent = Some(column);
        column += 2 + blanks;
        rest = &more[blanks..];
    }
    if rest.is_empty() || rest == b"-" {
        return Some(Line::Done);
    }
    if let [quote @ (b'"' | b'\''), ..] = rest {
        return match after_quote(rest, *quote)?.trim_ascii_start() {
            [b':', value @ ..] if matches!(value.first(), None | Some(b' ')) => self::value(value, column),
            [] | [b'#', ..] if parent.is_some() => Some(Line::Done),
            _ => None,
        };
    }
    let colon = memchr::memchr_iter(b':', rest).find(|colon| matches!(rest.get(colon + 1), None | Some(b' ')));
    match (colon, parent) {
        (Some(colon), _) => {
            let key = &rest[..colon];
            let is_plain =
                key.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_/.".contains(byte) || !byte.is_ascii());
            let is_one = !key.iter().any(|byte| matches!(byte, b'\t' | b'#'));
            (is_plain && is_one).then(|| value(&rest[colon + 1..], column))?
        }
        (None, Some(parent)) => value(rest, parent),
        // The next line of a plain scalar, perhaps.
        (None, None) => None,
    }
}

/// Looks at how a value begins.
fn value(rest: &[u8], parent: usize) -> Option<Line> {
    let rest = rest.trim_ascii();
    match rest {
        [] | [b'#', ..] | b"{}" | b"[]" => Some(Line::Done),
        [quote @ (b'"' | b'\''), ..] => {
            let after = after_quote(rest, *quote)?;
            let ends = after.is_empty() || (after[0].is_ascii_whitespace() && matches!(after.trim_ascii_start(), [] | [b'#', ..]));
            ends.then_some(Line::Done)
        }
        [b'|' | b'>', header @ ..] => {
            let header = header.strip_prefix(b"-").or(header.strip_prefix(b"+")).unwrap_or(header);
            let ends = header.is_empty() || (header[0] == b' ' && matches!(header.trim_ascii_start(), [b'#', ..]));
            ends.then_some(Line::Block(parent))
        }
        [b'-', b' ', ..] | b"-" => None,
        [first, ..] if b"&*!%@`?,[]{}:".contains(first) => None,
        _ => Some(Line::Done),
    }
}

/// What follows a quoted scalar; `None` if it does not end on the line.
fn after_quote(text: &[u8], quote: u8) -> Option<&[u8]> {
    let mut at = 1;
    loop {
        if quote == b'"' {
            at += memchr::memchr2(b'"', b'\\', &text[at..])?;
            if text[at] == b'\\' {
                at += 2;
                if at > text.len() {
                    return None;
                }
                continue;
            }
            return Some(&text[at + 1..]);
        }
        at += memchr::memchr(b'\'', &text[at..])?;
        if text.get(at + 1) != Some(&b'\'') {
            return Some(&text[at + 1..]);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan;
    use super::*;
    use crate::document::{Document, Duplicates};
    use crate::metadata;

    const TAIL: &str = "sops:\n    mac: x\n    age: []\n";

    fn is_certain(text: &str) -> bool {
        glance(&format!("{text}{TAIL}")) == Some(TAIL)
    }

    #[test]
    fn lines_that_end_where_they_seem_to_are_certain() {
        for text in [
            "a: 1\n",
            "# head\n---\na: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nb:\n    c: \"ENC[x]\" # note\n    'd e': 'it''s'\n",
            "list:\n- a\n- b: c\n  d: |\n    text: \"open\n\n      more\n  e: f\n-   - g\n    - |-\n      'h\n    - i\n",
            "a: {}\nb: []\nc:\n\nd: >+\n  x\n\n\ne: \"q: \\\" r\"\n",
            "a:\n  é: ü\n",
            "nested:\n    sops: 1\n",
        ] {
            assert!(is_certain(text), "{text:?}");
        }
    }

    #[test]
    fn what_may_reach_further_is_not() {
        for text in [
            "",
            "a: \"open\n",
            "a: 'open\n",
            "a:\n  - \"open\n",
            "a: [1,\n",
            "a: {x: 1}\n",
            "a: &x 1\n",
            "a: *x\n",
            "a: !!str x\n",
            "- a\n",
            "\"sops\": 1\n",
            "sops: 1\n",
            "sops:\n    mac: y\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\n...\n",
            "--- |\n",
            "%YAML 1.1\n---\na: 1\n",
            "a: one\n  two\n",
            "a:\t\"open b: c\n",
            "a: 1\u{2028}b: \"open\n",
            "a: 1\rb: \"open\n",
            "- a: |\n    b\n  c: \"open\n",
            "x:\n- a: |\n  b: \"open\n",
            "a: |2\n  x\n",
            "? a\n: b\n",
            "a: \"x\" \"open\n",
            "a: \"x\\\n",
        ] {
            assert!(!is_certain(text), "{text:?}");
        }
        assert_eq!(glance("a: 1\nsops:\n    mac: x\nb: 2\n"), None);
        assert_eq!(glance("a: 1\nsops: {mac: x}\n"), None);
        assert_eq!(glance("a: 1\nsops:\n    mac: x\n---\nb: 1\n"), None);
    }

    fn mac(document: &Document) -> String {
        let entry = metadata::locate(document).expect("metadata");
        document.text[document.paths.node(entry).value.range()].to_owned()
    }

    #[test]
    fn real_files_have_the_metadata_that_is_seen_at_a_glance() {
        let folder = std::env::var("LEAFSEAL_SHARED").unwrap_or_else(|_| "../shared".into()) + "/corpus/yaml";
        let Ok(files) = std::fs::read_dir(&folder) else { return eprintln!("skipped: no corpus") };
        let mut certain = 0;
        for file in files {
            let Ok(text) = String::from_utf8(std::fs::read(file.unwrap().path()).unwrap()) else { continue };
            let text = format!("{}\n{TAIL}", text.trim_end());
            if let Some(tail) = glance(&text)
                && let Ok(whole) = scan(text.clone(), Duplicates::Keep)
            {
                assert_eq!(mac(&whole), mac(&scan(tail.to_owned(), Duplicates::Keep).unwrap()));
                certain += 1;
            }
        }
        assert!(certain > 100, "{certain}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_is_certain_is_so_in_the_whole_text(
            lines in prop::collection::vec(prop::sample::select(vec![
                "a:", "b: 1", "c: x # c", "# comment", "", "  d: 2", "  - e", "- f", "  # inner", "g: |", "  text", "h: 'q", "i: \"r\"", "  s'",
                "j: [1,", "  2]", "k: {l: 1}", "m: &n o", "? p", ": q", "---", "...", "  ? r", "    s: t", "u: >-", "\tv", "w: !!int 5", "sops:", "  mac: x",
                "x: # c", "  - # c", "    - y", "z: [] # e", "\"k\\n\": 1", "  #", "aa: |+", "bb: ~", "  - z: |", "      zz", "    cc: \"", "  \"dd\": 'ee'", "- - |",
                "    \"open", "ff: \"gg # hh", "ii: jj\"", "  - |-", "  - 'kk'", "ll: -", "mm: - nn", "sops: 1", "  sops:",
            ]), 0..10),
        ) {
            let text = format!("{}\n{TAIL}", lines.join("\n"));
            if let Some(tail) = glance(&text)
                && let Ok(whole) = scan(text.clone(), Duplicates::Keep)
            {
                let alone = scan(tail.to_owned(), Duplicates::Keep).expect("the tail is a document");
                prop_assert_eq!(mac(&whole), mac(&alone));
                prop_assert_eq!(whole.roots.len(), 1);
            }
        }
    }
}
