//! Owns where strings, heredocs and expressions end, with templates inside of them: brackets, quotes and heredocs nested to any
//! depth, on a stack of its own.

use super::super::lines::newline_len;
use super::heredoc::Opening;
use super::tokens::{Fault, comment_end};

/// What is open while an expression is read.
enum Mode<'t> {
    /// A bracket; what closes it.
    Bracket { close: u8, at: usize },
    /// `${` or `%{`: closed by `}`.
    Template { at: usize },
    /// Text between quotes.
    Quote { at: usize },
    /// The content of a heredoc.
    Heredoc { opening: Opening<'t>, at: usize },
}

/// Where an expression ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// At a line break, or where a comment begins.
    Line,
    /// There, and at a comma or a closing bracket.
    Item,
    /// At a comma or a closing bracket: line breaks mean nothing.
    ListItem,
}

/// The end of the string whose opening quote is at `at`.
pub(super) fn string_end(text: &str, at: usize) -> Result<usize, Fault> {
    // Without a template, which is the rule, nothing is nested.
    match plain_string_end(text.as_bytes(), at)? {
        Some(end) => Ok(end),
        None => Reader { text, at: at + 1, open: vec![Mode::Quote { at }], only: true }.run(Ends::Line),
    }
}

/// The end of the heredoc that begins with `<<` at `at`: of its closing marker.
pub(super) fn heredoc_end(text: &str, at: usize) -> Result<usize, Fault> {
    let opening = Opening::read(text, at)?;
    let content = opening.content;
    Reader { text, at: content, open: vec![Mode::Heredoc { opening, at }], only: true }.run(Ends::Line)
}

/// The end of an expression that starts at `at`, blanks behind it left out.
pub(super) fn expression_end(text: &str, at: usize, ends: Ends) -> Result<usize, Fault> {
    let end = Reader { text, at, open: Vec::new(), only: false }.run(ends)?;
    Ok(text[..end].trim_end_matches([' ', '\t', '\r', '\n']).len().max(at))
}

/// The end of a string that has no template; `None` if it has one.
fn plain_string_end(bytes: &[u8], start: usize) -> Result<Option<usize>, Fault> {
    let mut at = start + 1;
    loop {
        while bytes.get(at).is_some_and(|&byte| !SPECIAL[usize::from(byte)]) {
            at += 1;
        }
        match bytes.get(at) {
            Some(b'"') => return Ok(Some(at + 1)),
            Some(b'\\') => at = escape_end(bytes, at)?,
            Some(&sign @ (b'$' | b'%')) => match template(bytes, at, sign) {
                (len, false) => at += len,
                (_, true) => return Ok(None),
            },
            Some(b'\n' | b'\r') if newline_len(bytes, at) > 0 => return line_break(at),
            Some(0) => return nul(at),
            Some(_) => at += 1,
            None => return Fault::ended(bytes, "a string is not closed", start),
        }
    }
}

/// Bytes that mean something in a string.
static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut special: &[u8] = b"\"\\$%\n\r\0";
    while let [byte, rest @ ..] = special {
        table[*byte as usize] = true;
        special = rest;
    }
    table
};

/// At a `$` or `%`: how long what it begins is, and whether that is a template.
fn template(bytes: &[u8], at: usize, sign: u8) -> (usize, bool) {
    match (bytes.get(at + 1), bytes.get(at + 2)) {
        (Some(b'{'), _) => (2, true),
        (Some(&again), Some(b'{')) if again == sign => (3, false),
        _ => (1, false),
    }
}

fn escape_end(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let digits = match bytes.get(at + 1) {
        Some(b'n' | b'r' | b't' | b'"' | b'\\') => return Ok(at + 2),
        Some(b'u') => 4,
        Some(b'U') => 8,
        _ => return Fault::new(at, "an escape that HCL does not have: write `\\\\` for a backslash"),
    };
    let text = bytes.get(at + 2..at + 2 + digits).and_then(|hex| std::str::from_utf8(hex).ok());
    match text.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())).and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
        Some(code) if char::from_u32(code).is_some() => Ok(at + 2 + digits),
        Some(_) => Fault::new(at, "an escape that stands for no character"),
        None => Fault::new(at, "expected four hexadecimal digits after `\\u`, eight after `\\U`"),
    }
}

fn line_break<T>(at: usize) -> Result<T, Fault> {
    Fault::new(at, "a string must end on its line: write a line break as `\\n`, or use a heredoc (`<<EOT`)")
}

fn nul<T>(at: usize) -> Result<T, Fault> {
    Fault::new(at, "a NUL byte: the file is no text, seal it as a whole with `--input-type binary`")
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Mode<'t>>,
    /// Ends when all that was open is closed.
    only: bool,
}

impl Reader<'_> {
    fn run(mut self, ends: Ends) -> Result<usize, Fault> {
        let bytes = self.text.as_bytes();
        loop {
            match self.open.last() {
                None if self.only => return Ok(self.at),
                Some(Mode::Quote { at }) => self.quoted(*at)?,
                Some(Mode::Heredoc { opening, at }) => {
                    let (opening, at) = (*opening, *at);
                    self.heredoc(&opening, at)?;
                }
                innermost => {
                    let close = match innermost {
                        Some(Mode::Bracket { close, .. }) => Some(*close),
                        Some(_) => Some(b'}'),
                        None => None,
                    };
                    let Some(&byte) = bytes.get(self.at) else { return self.ended() };
                    if self.open.is_empty() && self.is_end(byte, ends) {
                        return Ok(self.at);
                    }
                    self.code(byte, close)?;
                }
            }
        }
    }

    fn ended(&self) -> Result<usize, Fault> {
        let bytes = self.text.as_bytes();
        match self.open.last() {
            Some(Mode::Bracket { at, .. }) => Fault::ended(bytes, "a bracket is not closed", *at),
            Some(Mode::Template { at }) => Fault::ended(bytes, "a template is not closed: its `}` is missing", *at),
            _ => Ok(self.at),
        }
    }

    /// Whether an expression ends at this byte, with no bracket open.
    fn is_end(&self, byte: u8, ends: Ends) -> bool {
        let bytes = self.text.as_bytes();
        match byte {
            b'\n' => ends != Ends::ListItem,
            b'\r' => ends != Ends::ListItem && newline_len(bytes, self.at) > 0,
            b'#' => true,
            b'/' => matches!(bytes.get(self.at + 1), Some(b'/' | b'*')),
            b',' | b']' | b'}' => ends != Ends::Line,
            _ => false,
        }
    }

    /// A byte of an expression.
    fn code(&mut self, byte: u8, close: Option<u8>) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        let at = self.at;
        match byte {
            b'"' => {
                self.open.push(Mode::Quote { at });
                self.at += 1;
            }
            b'<' if bytes.get(at + 1) == Some(&b'<') => {
                let opening = Opening::read(self.text, at)?;
                self.at = opening.content;
                self.open.push(Mode::Heredoc { opening, at });
            }
            b'#' | b'/' => self.at = comment_end(bytes, at)?.unwrap_or(at + 1),
            b'=' if self.open.is_empty() && !self.is_operator() => {
                return Fault::new(at, "a `=` inside of a value: a line break or a comma is missing before its name");
            }
            b'(' => self.bracket(b')'),
            b'[' => self.bracket(b']'),
            b'{' => self.bracket(b'}'),
            b')' | b']' | b'}' => {
                if close != Some(byte) {
                    return Fault::new(at, "a closing bracket that does not belong here");
                }
                self.open.pop();
                self.at += 1;
            }
            0 => return nul(at),
            _ => self.at += 1,
        }
        Ok(())
    }

    /// Whether a `=` belongs to `==`, `!=`, `<=`, `>=` or `=>`.
    fn is_operator(&self) -> bool {
        let bytes = self.text.as_bytes();
        let before = self.at.checked_sub(1).and_then(|at| bytes.get(at));
        matches!(before, Some(b'=' | b'!' | b'<' | b'>')) || matches!(bytes.get(self.at + 1), Some(b'=' | b'>'))
    }

    fn bracket(&mut self, close: u8) {
        self.open.push(Mode::Bracket { close, at: self.at });
        self.at += 1;
    }

    /// Text between quotes, to its end or to a template.
    fn quoted(&mut self, start: usize) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    self.open.pop();
                    return Ok(());
                }
                Some(b'\\') => self.at = escape_end(bytes, self.at)?,
                Some(&sign @ (b'$' | b'%')) => {
                    if self.template(sign) {
                        return Ok(());
                    }
                }
                Some(b'\n' | b'\r') if newline_len(bytes, self.at) > 0 => return line_break(self.at),
                Some(0) => return nul(self.at),
                Some(_) => self.at += 1,
                None => return Fault::ended(bytes, "a string is not closed", start),
            }
        }
    }

    /// The content of a heredoc, to its end or to a template. Lines are looked at from their beginning only.
    fn heredoc(&mut self, opening: &Opening<'_>, start: usize) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        loop {
            let at_line_start = self.at == opening.content || bytes[self.at - 1] == b'\n';
            if at_line_start && let Some(end) = opening.closed_by(self.text, self.at) {
                if newline_len(bytes, super::tokens::blanks_end(bytes, end)) == 0 {
                    return Fault::new(end, "the closing marker of a heredoc needs a line break after it");
                }
                self.at = end;
                self.open.pop();
                return Ok(());
            }
            match memchr::memchr3(b'\n', b'$', b'%', &bytes[self.at..]) {
                None => {
                    return Fault::ended(bytes, "a heredoc is not closed: there is no line with its marker alone", start);
                }
                Some(n) if memchr::memchr(0, &bytes[self.at..self.at + n]).is_some() => {
                    return nul(self.at + memchr::memchr(0, &bytes[self.at..]).unwrap_or_default());
                }
                Some(n) => self.at += n,
            }
            match bytes[self.at] {
                b'\n' => self.at += 1,
                sign => {
                    if self.template(sign) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// At a `$` or `%`: enters a template (then `true`), or steps over what it is else.
    fn template(&mut self, sign: u8) -> bool {
        let (len, is_template) = template(self.text.as_bytes(), self.at, sign);
        if is_template {
            self.open.push(Mode::Template { at: self.at });
        }
        self.at += len;
        is_template
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_where_hcl_ends_them() {
        for text in [
            r#""plain""#,
            r#""a \"b\" \\""#,
            r#""$${not} %%{not} $ % $$""#,
            r#""${a}""#,
            r#""${a["b"]}""#,
            r#""${ {a = "}"} }""#,
            r#""%{ if x }y%{ endif }""#,
            r#""${"${"${"x"}"}"}""#,
            r#""\u00e9\U0001F600""#,
            "\"${ <<EOT\n}\nEOT\n}\"",
            "\"${ /* } */ x }\"",
        ] {
            assert_eq!(string_end(&format!("{text} rest\""), 0).ok(), Some(text.len()), "{text}");
        }
        for (text, at) in [("\"a\nb\"", 2), ("\"a\\xb\"", 2), ("\"\\ud800\"", 1), ("\"\0\"", 1), ("\"${", 3), ("\"abc", 4)] {
            assert_eq!(string_end(text, 0).err().map(|fault| fault.at), Some(at), "{text:?}");
        }
    }

    #[test]
    fn heredocs_end_at_their_marker_alone_on_a_line() {
        for text in
            ["<<E\nx\nE\n", "<<-E\n  x\n  E\n", "<<E\nE x\n E \n", "<<E\n${<<F\nE\nF\n}\nE\n", "<<E\r\nx\r\nE\r\n", "<<E\nE\n"]
        {
            assert_eq!(heredoc_end(text, 0).ok(), Some(text.trim_end().len()), "{text:?}");
        }
        for text in ["<<E\nx\nE", "<<E\nx\n", "<<E", "<< E\nE\n", "<<E x\nE\n", "<<\n\n"] {
            assert!(heredoc_end(text, 0).is_err(), "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_needs_no_stack_of_the_program() {
        for open in ["(", "[", "{", "${", "\"${"] {
            let text = format!("x{}", open.repeat(100_000));
            assert!(expression_end(&text, 0, Ends::Line).is_err() || open == "${", "{open}");
        }
    }
}
