//! Owns block scalars: which text `|` and `>` can carry, and how header and content are written.
//!
//! What may stand where is go-yaml's reading. Uses `quote`.

use super::quote::is_raw_text;

/// Where the content of a block scalar is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Blanks before each content line.
    pub(super) indent: usize,
    /// The column of the key or `-` it belongs to; `None` if that is not known, and then no text that needs an
    /// indentation indicator can be carried.
    pub(super) parent: Option<usize>,
    /// `\n` or `\r\n`.
    pub(super) newline: &'static str,
}

/// Whether some block scalar can carry the text: it has no characters that need an escape.
pub(super) fn is_block(text: &str) -> bool {
    !text.is_empty() && is_raw_text(text, true)
}

/// Whether readers would misjudge the indentation of the content: its first line that is not empty starts with a blank.
pub(super) fn needs_indicator(text: &str) -> bool {
    text.trim_start_matches('\n').starts_with([' ', '\t'])
}

/// What has to be said about the end: one line break is kept without a word.
pub(super) fn chomping(text: &str) -> Option<char> {
    match text.strip_suffix('\n') {
        None => Some('-'),
        Some("") => Some('+'),
        Some(rest) => rest.ends_with('\n').then_some('+'),
    }
}

/// Appends header and content, up to the last line break, which is to follow. The text is one that [`is_block`].
///
/// `None`, and nothing appended, if an indentation indicator is needed and there is none from 1 to 9 that fits.
pub(super) fn write(text: &str, folded: bool, indicator: bool, frame: Frame, out: &mut String) -> Option<()> {
    let digit = match indicator || needs_indicator(text) {
        true => Some(frame.indent.checked_sub(frame.parent?).filter(|digit| (1..=9).contains(digit))?),
        false => None,
    };
    out.push(if folded { '>' } else { '|' });
    if let Some(digit) = digit {
        out.push_str(&digit.to_string());
    }
    out.extend(chomping(text));
    // Whether the last line that was not empty started without a blank.
    let mut flush = false;
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.is_empty() {
            out.push_str(frame.newline);
            continue;
        }
        let starts_flush = !line.starts_with([' ', '\t']);
        if folded && flush && starts_flush {
            // Readers fold away the first line break between two such lines.
            out.push_str(frame.newline);
        }
        out.push_str(frame.newline);
        push_blanks(frame.indent, out);
        out.push_str(line);
        flush = starts_flush;
    }
    Some(())
}

/// Appends blanks.
pub(super) fn push_blanks(count: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', count));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, folded: bool) -> Option<String> {
        let mut out = String::new();
        write(text, folded, false, Frame { indent: 4, parent: Some(2), newline: "\n" }, &mut out).map(|()| out)
    }

    #[test]
    fn the_header_follows_from_the_text() {
        for (text, expected) in [
            ("a", "|-\n    a"),
            ("a\n", "|\n    a"),
            ("a\n\n", "|+\n    a\n"),
            ("\n", "|+\n"),
            ("\na", "|-\n\n    a"),
            (" a", "|2-\n     a"),
            ("\n\ta\n", "|2\n\n    \ta"),
            ("a\n  b\n\nc\n", "|\n    a\n      b\n\n    c"),
        ] {
            assert_eq!(written(text, false).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn folding_doubles_the_line_breaks_that_readers_fold() {
        for (text, expected) in [
            ("a b\n", ">\n    a b"),
            ("a\nb\n", ">\n    a\n\n    b"),
            ("a\n\nb", ">-\n    a\n\n\n    b"),
            ("a\n b\nc", ">-\n    a\n     b\n    c"),
            ("\na", ">-\n\n    a"),
            ("a\n\n", ">+\n    a\n"),
        ] {
            assert_eq!(written(text, true).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn without_a_fitting_indicator_there_is_no_block_scalar() {
        let mut out = String::new();
        for (indent, parent) in [(4, None), (12, Some(2)), (2, Some(2))] {
            let frame = Frame { indent, parent, newline: "\n" };
            assert_eq!(write(" a", false, false, frame, &mut out), None);
            assert!(out.is_empty());
            assert!(write("a", false, false, frame, &mut out).is_some());
            out.clear();
        }
    }
}
