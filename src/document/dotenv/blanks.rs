//! Owns lines of nothing but blanks (with CRLF: the `\r` of every empty line): sops refuses a file with such lines, so they are emptied in
//! the encrypted file and come back from the spellings.

/// Whether a line is nothing but blanks.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// The text with every line of only blanks emptied, and what all blank lines were, in order; `None` if none has to be emptied.
pub fn cut_blanks(text: &str) -> Option<(String, String)> {
    if !text.split('\n').any(|line| !line.is_empty() && is_blank(line.as_bytes())) {
        return None;
    }
    let mut kept = String::with_capacity(text.len());
    let mut blanks = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            kept.push('\n');
        }
        if is_blank(line.as_bytes()) {
            blanks.push_str(line);
            blanks.push('\n');
        } else {
            kept.push_str(line);
        }
    }
    Some((kept, blanks))
}

/// The text with its empty lines filled again, if there are as many as there were; else the text as it is.
pub fn put_blanks_back(text: String, blanks: &str) -> String {
    let empty = text.split('\n').filter(|line| line.is_empty()).count();
    if blanks.split_terminator('\n').count() != empty {
        return text;
    }
    let mut blanks = blanks.split_terminator('\n');
    let mut out = String::with_capacity(text.len() + empty);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(if line.is_empty() { blanks.next().unwrap_or_default() } else { line });
    }
    out
}
