//! Owns the other dialect of dotenv, that of shells: what `KEY=VALUE` lines mean to `sh` when it reads them, less its expansions.
//!
//! A line is blank, a comment (`#` after any blanks), or an assignment: blanks, `export ` if it is there, a name of letters, digits and
//! `_`, `=`, a word, and perhaps a comment behind blanks. A word is any row of plain text, `'single'` and `"double"` quotes. In single
//! quotes everything stands for itself, line breaks included; in double quotes a backslash takes the meaning off `"`, `\`, `$`, a
//! backquote, and removes a line break; outside quotes it takes the meaning off anything. `$NAME` and other expansions stay as they
//! are written: nothing is looked up and nothing is run. `\r` before a line break is part of that.
//!
//! Such a text is encrypted in sops's dialect, so that sops reads keys and values as meant; the text itself is kept with the spellings.

use std::collections::HashMap;
use std::ops::Range;

use super::super::ParseError;
use super::super::convert::ConvertError;
use super::super::flat::text_of;
use super::super::node::{Comment, Entry, Node, Tree};

/// How dotenv is read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// As sops does: everything behind the `=` is the value.
    #[default]
    Sops,
    /// As shells do.
    Posix,
}

/// Part of a text in the dialect of shells. Ranges are without the last line break.
enum Line<'t> {
    Blank(Range<usize>),
    Comment(Range<usize>),
    Assignment { all: Range<usize>, key: &'t str, value: String, word: Range<usize> },
}

/// Reads a text as a tree: assignments and comments.
///
/// # Errors
///
/// A line that is none of these, or a quote that is never closed, with its position.
pub fn read(text: &str) -> Result<Node, ParseError> {
    let entries = lines(text)?.into_iter().filter_map(|line| match line {
        Line::Blank(_) => None,
        Line::Comment(range) => {
            let comment = text[range].trim_end_matches('\r').trim_start();
            Some(Entry::Comment(Comment { text: comment.strip_prefix('#').unwrap_or(comment).to_owned(), inline: false }))
        }
        Line::Assignment { all, key, value, .. } => Some(Entry::Pair(key.to_owned(), all.start as u32, Node::str(value))),
    });
    Ok(Node { kind: Tree::Map(entries.collect()), at: 0 })
}

/// A mapping of scalars as assignments that shells read as meant.
///
/// # Errors
///
/// A value that is a list or a mapping; a key that is no name; a NUL.
pub fn emit(node: &Node) -> Result<String, ConvertError> {
    assignments(node, "")
}

/// The same with `export ` before each, and no comments: for `eval`.
///
/// # Errors
///
/// As [`emit`].
pub fn emit_exports(node: &Node) -> Result<String, ConvertError> {
    assignments(node, "export ")
}

fn assignments(node: &Node, before: &str) -> Result<String, ConvertError> {
    let Tree::Map(entries) = &node.kind else { return Err(ConvertError::NotFlat(String::from("of the path"))) };
    let mut out = String::new();
    for entry in entries {
        match entry {
            Entry::Comment(comment) if before.is_empty() => {
                out.extend(comment.text.split('\n').map(|line| format!("#{line}\n")));
            }
            Entry::Comment(_) => {}
            Entry::Pair(key, _, child) => {
                let Tree::Scalar(value) = &child.kind else { return Err(ConvertError::NotFlat(key.clone())) };
                let name = key.strip_prefix("export ").map_or(key.as_str(), str::trim);
                if !is_name(name) {
                    return Err(ConvertError::KeyForm(key.clone()));
                }
                let word = if before.is_empty() { word(&text_of(value)) } else { quoted(&text_of(value)) };
                if word.contains('\0') {
                    return Err(ConvertError::Unspellable(key.clone()));
                }
                out.push_str(&format!("{before}{name}={word}\n"));
            }
        }
    }
    Ok(out)
}

/// A text that was kept, with the values of a tree: assignments whose value is still the same stay as they are, others get the new one,
/// those that are gone go, new ones come last.
///
/// # Errors
///
/// As [`emit`]; a text that does not read.
pub fn restore(text: &str, node: &Node) -> Result<String, ConvertError> {
    let mut values: HashMap<&str, std::collections::VecDeque<String>> = HashMap::new();
    for (key, _, child) in node.pairs() {
        let Tree::Scalar(value) = &child.kind else { return Err(ConvertError::NotFlat(key.to_owned())) };
        values.entry(key).or_default().push_back(text_of(value).into_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for line in lines(text)? {
        match line {
            Line::Blank(range) | Line::Comment(range) => out.push_str(with_break(text, range)),
            Line::Assignment { all, key, value, word: old } => {
                *seen.entry(key).or_default() += 1;
                let Some(now) = values.get_mut(key).and_then(|values| values.pop_front()) else { continue };
                if now == value {
                    out.push_str(with_break(text, all));
                } else {
                    out.push_str(&text[all.start..old.start]);
                    out.push_str(&word(&now));
                    out.push_str(with_break(text, old.end..all.end));
                }
            }
        }
    }
    for (key, _, child) in node.pairs() {
        match seen.get_mut(key) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                if !out.is_empty() && !out.ends_with('\n') {
                    out.push('\n');
                }
                out.push_str(&emit(&Node::map([(key.to_owned(), child.clone())]))?);
            }
        }
    }
    Ok(out)
}

/// A range with the line break behind it.
fn with_break(text: &str, range: Range<usize>) -> &str {
    let end = if text[range.end..].starts_with('\n') { range.end + 1 } else { range.end };
    &text[range.start..end]
}

/// A value as a word: without quotes where none are needed.
fn word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { quoted(value) }
}

/// A value in single quotes, whatever it holds.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn lines(text: &str) -> Result<Vec<Line<'_>>, ParseError> {
    let fault = |at: usize, message: &str| ParseError::at(text.as_bytes(), at, message);
    let mut lines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
        let line = text[at..end].trim_matches([' ', '\t', '\r']);
        let start = at + (text[at..end].len() - text[at..end].trim_start_matches([' ', '\t', '\r', '\u{feff}']).len());
        if line.is_empty() {
            lines.push(Line::Blank(at..end));
            at = end + 1;
            continue;
        }
        if line.starts_with('#') {
            lines.push(Line::Comment(at..end));
            at = end + 1;
            continue;
        }
        let name_start = match text[start..end].strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => end - rest.trim_start_matches([' ', '\t']).len(),
            _ => start,
        };
        let equals = text[name_start..end].find('=').map(|found| name_start + found);
        let equals = equals.ok_or_else(|| fault(start, "the line has no `=`"))?;
        let key = &text[name_start..equals];
        if !is_name(key) {
            return Err(fault(name_start, "what stands before the `=` is no name of letters, digits and `_`"));
        }
        let (value, word_end) = read_word(text, equals + 1).map_err(|(at, message)| fault(at, message))?;
        let end = text[word_end..].find('\n').map_or(text.len(), |found| word_end + found);
        let rest = &text[word_end..end];
        let behind = rest.trim_start_matches([' ', '\t', '\r']);
        if !behind.is_empty() && (behind.len() == rest.len() || !behind.starts_with('#')) {
            let at = end - behind.len();
            return Err(fault(at, "a value is one word: put quotes around it if it has blanks"));
        }
        lines.push(Line::Assignment { all: at..end, key, value, word: equals + 1..word_end });
        at = end + 1;
    }
    Ok(lines)
}

/// Reads a word: what it means, and where it ends.
fn read_word(text: &str, start: usize) -> Result<(String, usize), (usize, &'static str)> {
    let mut out = String::new();
    let mut chars = text[start..].char_indices().map(|(at, c)| (start + at, c)).peekable();
    let open = "a quote here is never closed";
    while let Some(&(at, c)) = chars.peek() {
        match c {
            ' ' | '\t' | '\n' => return Ok((out, at)),
            '\r' if text[at..].starts_with("\r\n") || at + 1 == text.len() => return Ok((out, at)),
            _ => {}
        }
        chars.next();
        match c {
            '\'' => loop {
                match chars.next().ok_or((at, open))? {
                    (_, '\'') => break,
                    (_, c) => out.push(c),
                }
            },
            '"' => loop {
                match chars.next().ok_or((at, open))? {
                    (_, '"') => break,
                    (_, '\\') => match chars.next().ok_or((at, open))? {
                        (_, '\n') => {}
                        (_, c @ ('"' | '\\' | '$' | '`')) => out.push(c),
                        (_, c) => out.extend(['\\', c]),
                    },
                    (_, c) => out.push(c),
                }
            },
            '\\' => match chars.next() {
                Some((_, '\n')) => {}
                Some((_, c)) => out.push(c),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    Ok((out, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let node = read(text).unwrap();
        let value = |node: &Node| match &node.kind {
            Tree::Scalar(value) => text_of(value).into_owned(),
            _ => panic!("no scalar"),
        };
        node.pairs().map(|(key, _, child)| (key.to_owned(), value(child))).collect()
    }

    #[test]
    fn words_mean_what_they_mean_to_shells() {
        let text = "A=one # c\n  export B='it''s' \nC=\"a\\\"b\\$c\\n\"\nD='two\nlines'\nE=a\\ b\nF=\nG=x#y\r\nH=\"joined \\\nline\"\nI=$HOME\n";
        let expected = [
            ("A", "one"),
            ("B", "its"),
            ("C", "a\"b$c\\n"),
            ("D", "two\nlines"),
            ("E", "a b"),
            ("F", ""),
            ("G", "x#y"),
            ("H", "joined line"),
            ("I", "$HOME"),
        ];
        let found = pairs(text);
        assert_eq!(found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn other_lines_are_refused_where_they_are() {
        for (text, line, column) in [("A=1\nB", 2, 1), ("A =1", 1, 1), ("A=1 2", 1, 5), ("A='x\n", 1, 3), ("1A=x", 1, 1)] {
            let at = read(text).unwrap_err().position;
            assert_eq!((at.line, at.column), (line, column), "{text}");
        }
    }

    #[test]
    fn a_kept_text_takes_new_values_in() {
        let text = "# c\nexport A='one' # d\n\nB=two\nC=three";
        let with = |values: &[(&str, &str)]| {
            let node = Node::map(values.iter().map(|(key, value)| ((*key).to_owned(), Node::str(*value))));
            restore(text, &node).unwrap()
        };
        assert_eq!(with(&[("A", "one"), ("B", "two"), ("C", "three")]), text);
        assert_eq!(with(&[("A", "x y"), ("C", "three"), ("D", "it's")]), "# c\nexport A='x y' # d\n\nC=three\nD='it'\\''s'\n");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec("[a '\"\\\\$#\n\r=]{0,8}", 0..4)) {
            let names = ["A", "B", "C", "D"];
            let node = Node::map(names.iter().zip(&values).map(|(k, v)| ((*k).to_owned(), Node::str(v.as_str()))));
            for text in [emit(&node).unwrap(), emit_exports(&node).unwrap()] {
                prop_assert_eq!(pairs(&text).into_iter().map(|(_, v)| v).collect::<Vec<_>>(), values.clone());
            }
        }
    }
}
