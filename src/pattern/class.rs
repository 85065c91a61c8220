//! Reads what stands for one character: escapes, and classes in brackets.

use super::{Last, PatternError, Reader, error, push_char};
use regex::Regex;

const POSIX_CLASSES: [&str; 14] =
    ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];

impl Reader {
    /// After `\` outside a class.
    pub(super) fn escape(&mut self) -> Result<(), PatternError> {
        let text = match self.peek() {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('b') => r"(?-u:\b)",
            Some('B') => r"(?-u:\B)",
            Some('Q') => {
                self.at += 1;
                self.quoted();
                return Ok(());
            }
            _ => {
                if let Some(class) = self.class_escape()? {
                    self.out.push('[');
                    self.out.push_str(&class);
                    self.out.push(']');
                    self.last = Last::Atom(1);
                } else {
                    let c = self.escaped_char()?;
                    self.literal(c);
                }
                return Ok(());
            }
        };
        self.at += 1;
        self.out.push_str(text);
        self.last = Last::Atom(1);
        Ok(())
    }

    /// After `\Q`: literally up to `\E` or the end.
    fn quoted(&mut self) {
        while self.at < self.chars.len() {
            if self.rest_starts_with("\\E") {
                self.at += 2;
                return;
            }
            let c = self.chars[self.at];
            self.at += 1;
            self.literal(c);
        }
    }

    /// After `\`: a class such as `\d` or `\pL`, as it stands inside brackets. `None`, reader unmoved, if it is none.
    fn class_escape(&mut self) -> Result<Option<String>, PatternError> {
        let start = self.at.saturating_sub(1);
        let class = match self.peek() {
            Some('d') => "0-9",
            Some('D') => "[^0-9]",
            Some('s') => r"\t\n\x0c\r ",
            Some('S') => r"[^\t\n\x0c\r ]",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "[^0-9A-Za-z_]",
            Some(c @ ('p' | 'P')) => {
                self.at += 1;
                return self.unicode_class(c == 'P', start).map(Some);
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(class.into()))
    }

    /// After `\p` or `\P`: `N`, `{Name}`, `{^Name}`.
    fn unicode_class(&mut self, negated: bool, start: usize) -> Result<String, PatternError> {
        let bad = || error(start, "unknown Unicode class: `\\p` takes a category (`\\pL`, `\\p{Lu}`) or a script (`\\p{Greek}`)");
        let mut negated = negated;
        let mut name = String::new();
        match self.next().ok_or_else(bad)? {
            '{' => {
                negated ^= self.eat('^');
                loop {
                    match self.next().ok_or_else(bad)? {
                        '}' => break,
                        c if c.is_ascii_alphabetic() => name.push(c),
                        '_' | ' ' | '-' => name.push('_'),
                        _ => return Err(bad()),
                    }
                }
            }
            c if c.is_ascii_alphabetic() => name.push(c),
            _ => return Err(bad()),
        }
        let p = if negated { 'P' } else { 'p' };
        // A bare name would also find properties that Go does not know.
        let known = [format!(r"\{p}{{gc={name}}}"), format!(r"\{p}{{sc={name}}}")];
        known.into_iter().find(|class| Regex::new(class).is_ok()).ok_or_else(bad)
    }

    /// After `\`, inside or outside a class: one character.
    fn escaped_char(&mut self) -> Result<char, PatternError> {
        let start = self.at.saturating_sub(1);
        let c = self.next().ok_or_else(|| error(start, "ends with a single `\\`"))?;
        Ok(match c {
            '1'..='9' if c > '7' || !self.peek().is_some_and(|c| c.is_digit(8)) => {
                let message = format!("the back-reference `\\{c}` is not supported");
                let hint = Some("sops uses RE2 expressions: see https://github.com/google/re2/wiki/Syntax");
                return Err(PatternError { at: start, message, hint });
            }
            '0'..='7' => {
                let mut value = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + digit;
                    self.at += 1;
                }
                char::from_u32(value).ok_or_else(|| error(start, "no such character"))?
            }
            'x' => self.hex(start)?,
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            c => {
                let hint = match c {
                    'Z' => Some("write `\\z` for the end of the text"),
                    'C' | 'X' | 'R' => Some("write `.` for any character"),
                    'h' => Some("write `[ \\t]`"),
                    _ => Some("sops uses RE2 expressions: see https://github.com/google/re2/wiki/Syntax"),
                };
                return Err(PatternError { at: start, message: format!("`\\{c}` means nothing"), hint });
            }
        })
    }

    /// After `\x`: two digits, or digits in braces.
    fn hex(&mut self, start: usize) -> Result<char, PatternError> {
        let bad = || error(start, "`\\x` takes two hexadecimal digits, or the number of a character in braces");
        let mut value: u32 = 0;
        if self.eat('{') {
            let mut digits = 0;
            while !self.eat('}') {
                let digit = self.next().and_then(|c| c.to_digit(16)).ok_or_else(bad)?;
                value = value.saturating_mul(16).saturating_add(digit);
                digits += 1;
            }
            if digits == 0 {
                return Err(bad());
            }
        } else {
            for _ in 0..2 {
                value = value * 16 + self.next().and_then(|c| c.to_digit(16)).ok_or_else(bad)?;
            }
        }
        char::from_u32(value).ok_or_else(bad)
    }

    /// After `[`.
    pub(super) fn class(&mut self) -> Result<(), PatternError> {
        let start = self.at - 1;
        let unclosed = || error(start, "this `[` is never closed");
        self.out.push('[');
        if self.eat('^') {
            self.out.push('^');
        }
        let mut first = true;
        while first || self.peek() != Some(']') {
            first = false;
            if self.peek().is_none() {
                return Err(unclosed());
            }
            if let Some(class) = self.posix_class()? {
                self.out.push_str(&class);
                continue;
            }
            if self.peek() == Some('\\') {
                self.at += 1;
                if let Some(class) = self.class_escape()? {
                    self.out.push_str(&class);
                    continue;
                }
                self.at -= 1;
            }
            let at = self.at;
            let low = self.class_char().ok_or_else(unclosed)??;
            push_char(&mut self.out, low);
            if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|&c| c != ']') {
                self.at += 1;
                let high = self.class_char().ok_or_else(unclosed)??;
                if high < low {
                    return Err(error(at, "a range in a class runs backwards"));
                }
                self.out.push('-');
                push_char(&mut self.out, high);
            }
        }
        self.at += 1;
        self.out.push(']');
        self.last = Last::Atom(1);
        Ok(())
    }

    /// One character of a class, `None` at the end of the pattern.
    fn class_char(&mut self) -> Option<Result<char, PatternError>> {
        match self.next()? {
            '\\' => Some(self.escaped_char()),
            c => Some(Ok(c)),
        }
    }

    /// `[:name:]` or `[:^name:]` inside a class. `None`, reader unmoved, if it is none.
    fn posix_class(&mut self) -> Result<Option<String>, PatternError> {
        if !self.rest_starts_with("[:") {
            return Ok(None);
        }
        let rest = &self.chars[self.at + 2..];
        let Some(end) = rest.windows(2).position(|pair| pair == [':', ']']) else { return Ok(None) };
        let text: String = rest[..end].iter().collect();
        let name = text.strip_prefix('^').unwrap_or(&text);
        if !POSIX_CLASSES.contains(&name) {
            return Err(error(self.at, "unknown class between `[:` and `:]`"));
        }
        self.at += end + 4;
        Ok(Some(format!("[:{text}:]")))
    }
}
