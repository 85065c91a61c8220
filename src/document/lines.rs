//! Owns lines that end with `\n` or `\r\n`: which of the two, where they begin, and what ties a block at the end of a file to what stands before it.

use std::ops::Range;

/// About how many leaves a text has: one a line, if it is written in lines that are not absurdly short or long.
pub(super) fn expected_leaves(text: &str) -> usize {
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    lines.clamp(text.len() / 512, text.len() / 16) + 8
}

/// The line break of a text: that of its first line.
pub(super) fn newline(text: &str) -> &'static str {
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

/// The length of a line break at `at`; 0 if there is none.
pub(super) fn newline_len(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\n'), _) => 1,
        (Some(b'\r'), Some(b'\n')) => 2,
        _ => 0,
    }
}

/// The length of the line break that ends at `at`; 0 if there is none.
fn line_break_before(bytes: &[u8], at: usize) -> usize {
    match &bytes[..at] {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// The start of the line that a byte is in; a byte order mark is before the first line.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let start = memchr::memrchr(b'\n', &text.as_bytes()[..at]).map_or(0, |n| n + 1);
    if start == 0 && text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { start }
}

/// A block with what was added to set it apart: its line break, and at the end of a text the blank line before it. Of a text whose last line has no
/// end, both line breaks before it.
pub(super) fn with_blank_line(bytes: &[u8], block: Range<usize>) -> Range<usize> {
    let end = block.end + newline_len(bytes, block.end);
    let mut start = block.start;
    if end == bytes.len() && end > block.end {
        // The blank line goes; the line before keeps its end.
        let blank = line_break_before(bytes, start);
        if line_break_before(bytes, start - blank) > 0 {
            start -= blank;
        }
    } else if end == bytes.len() {
        for _ in 0..2 {
            start -= line_break_before(bytes, start);
        }
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_how_lines_end() {
        assert_eq!((newline("a\r\nb\n"), newline("a\n"), newline("")), ("\r\n", "\n", "\n"));
    }

    #[test]
    fn a_block_at_the_end_goes_with_its_blank_line() {
        for (text, left) in [
            ("a\n\nX\n", "a\n"),
            ("a\r\n\r\nX\r\n", "a\r\n"),
            ("a\n\nX", "a"),
            ("X\n", ""),
            ("a\nX\n", "a\n"),
            ("a\n\nX\nb\n", "a\n\nb\n"),
        ] {
            let at = text.find('X').expect("a block");
            let cut = with_blank_line(text.as_bytes(), at..at + 1);
            assert_eq!(format!("{}{}", &text[..cut.start], &text[cut.end..]), left, "{text:?}");
        }
    }
}
