//! Owns the patterns of `path_regex` and of selectors: the reference's regular expressions (RE2, as Go spells them) given
//! to the `regex` crate with the same meaning.
//!
//! Both engines run in linear time and search unanchored, but spell some things differently: `\d`, `\s`, `\w` and `\b` are ASCII there,
//! `[` has no meaning inside a class, `\<` is a plain `<`, `\Q...\E` quotes, `\101` is octal. So a pattern is read by Go's
//! grammar, refused where Go refuses it, and written anew. Groups capture nothing: only "does it match" is ever asked.
//! Rules: `docs/compatibility.md`, "Patterns". Uses nothing of this crate.

mod class;

use regex::Regex;

/// Go refuses repetitions above this, nested ones multiplied.
const MAX_REPEAT: u32 = 1000;

/// How deep groups may nest: what the `regex` crate builds.
const MAX_DEPTH: usize = 100;

/// Why a pattern is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (character {})", .at + 1)]
pub struct PatternError {
    /// Which character it is about, counted from 0.
    pub at: usize,
    /// What is wrong. May name the construct, which is never more than a few characters of the pattern.
    pub message: String,
    /// What to write instead, where that can be told.
    pub hint: Option<&'static str>,
}

/// Compiles a pattern in Go's RE2 syntax. The result searches anywhere in its subject: `^` and `$` anchor it.
///
/// # Errors
/// What RE2 has not (look-around, back-references), what Go refuses, and patterns that compile to more than 10 MB.
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let translated = Reader::new(pattern).translate()?;
    Regex::new(&translated).map_err(|error| {
        let message = match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large once its repetitions are written out",
            _ => "the pattern cannot be compiled",
        };
        PatternError { at: 0, message: message.into(), hint: None }
    })
}

/// Reads a pattern by Go's grammar and writes it in that of the `regex` crate.
struct Reader {
    chars: Vec<char>,
    at: usize,
    out: String,
    /// One entry an open group: where it began, and the largest repetition inside so far.
    open: Vec<(usize, u32)>,
    /// The largest repetition at this level.
    repeats: u32,
    /// What a repetition operator would apply to.
    last: Last,
    names: Vec<String>,
}

/// What stands before a repetition operator.
#[derive(Clone, Copy)]
enum Last {
    /// Nothing: start, `(`, `|`.
    Nothing,
    /// One thing, with the largest repetition inside it.
    Atom(u32),
    /// An operator: no second one may follow.
    Operator,
}

impl Reader {
    fn new(pattern: &str) -> Self {
        Self {
            chars: pattern.chars().collect(),
            at: 0,
            out: String::with_capacity(pattern.len() + 16),
            open: Vec::new(),
            repeats: 1,
            last: Last::Nothing,
            names: Vec::new(),
        }
    }

    fn translate(mut self) -> Result<String, PatternError> {
        while let Some(c) = self.next() {
            match c {
                '(' => self.group()?,
                ')' => self.close()?,
                '|' => {
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '[' => self.class()?,
                '\\' => self.escape()?,
                '*' => self.repeat("*", 1, self.at - 1)?,
                '+' => self.repeat("+", 1, self.at - 1)?,
                '?' => self.repeat("?", 1, self.at - 1)?,
                '{' => self.braces()?,
                '.' | '^' | '$' => {
                    self.out.push(c);
                    self.last = Last::Atom(1);
                }
                c => self.literal(c),
            }
        }
        match self.open.last() {
            Some((at, _)) => Err(error(*at, "this `(` is never closed")),
            None => Ok(self.out),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn rest_starts_with(&self, text: &str) -> bool {
        let rest = &self.chars[self.at.min(self.chars.len())..];
        text.chars().count() <= rest.len() && text.chars().zip(rest).all(|(a, b)| a == *b)
    }

    fn literal(&mut self, c: char) {
        push_char(&mut self.out, c);
        self.last = Last::Atom(1);
    }

    /// After `(`: a group, or flags for the rest of the group around it.
    fn group(&mut self) -> Result<(), PatternError> {
        let start = self.at - 1;
        if !self.eat('?') {
            return self.open_group(start, "(?:");
        }
        for (text, what) in [
            ("=", "look-ahead `(?=`"),
            ("!", "look-ahead `(?!`"),
            ("<=", "look-behind `(?<=`"),
            ("<!", "look-behind `(?<!`"),
            (">", "the atomic group `(?>`"),
            ("P=", "the back-reference `(?P=`"),
            ("#", "the comment `(?#`"),
            ("|", "the branch reset `(?|`"),
            ("(", "the conditional `(?(`"),
        ] {
            if self.rest_starts_with(text) {
                let hint = if what.starts_with("look") {
                    "sops uses RE2 expressions, which have no look-around: list what shall match, or use the `unencrypted_` twin of the option"
                } else {
                    "sops uses RE2 expressions: see https://github.com/google/re2/wiki/Syntax"
                };
                return Err(PatternError { at: start, message: format!("{what} is not supported"), hint: Some(hint) });
            }
        }
        if self.rest_starts_with("P<") || self.rest_starts_with("<") {
            while self.next() != Some('<') {}
            return self.named_group(start);
        }
        self.flags(start)
    }

    fn open_group(&mut self, start: usize, text: &str) -> Result<(), PatternError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(start, "groups are nested too deeply"));
        }
        self.out.push_str(text);
        self.open.push((start, self.repeats));
        self.repeats = 1;
        self.last = Last::Nothing;
        Ok(())
    }

    fn named_group(&mut self, start: usize) -> Result<(), PatternError> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') if !name.is_empty() => break,
                Some(c) if c == '_' || c.is_ascii_alphanumeric() => name.push(c),
                _ => return Err(error(start, "a group's name is made of letters, digits and `_`, and ends with `>`")),
            }
        }
        if self.names.contains(&name) {
            return Err(error(start, "two groups have the same name"));
        }
        self.names.push(name);
        self.open_group(start, "(?:")
    }

    fn flags(&mut self, start: usize) -> Result<(), PatternError> {
        let bad = || error(start, "unknown group: after `(?` come the flags `i`, `m`, `s`, `U`, or `P<name>`");
        let mut set: [Option<bool>; 4] = [None; 4];
        let mut on = true;
        let mut complete = true;
        loop {
            let c = self.next().ok_or_else(bad)?;
            if let Some(flag) = FLAGS.iter().position(|&f| f == c) {
                set[flag] = Some(on);
                complete = true;
            } else if c == '-' && on {
                on = false;
                complete = false;
            } else if (c == ':' || c == ')') && complete {
                let with = |want| FLAGS.iter().zip(set).filter(move |(_, s)| *s == Some(want)).map(|(f, _)| *f);
                let (on, off): (String, String) = (with(true).collect(), with(false).collect());
                let minus = if off.is_empty() { "" } else { "-" };
                if c == ':' {
                    return self.open_group(start, &format!("(?{on}{minus}{off}:"));
                }
                if !(on.is_empty() && off.is_empty()) {
                    self.out.push_str(&format!("(?{on}{minus}{off})"));
                }
                self.last = Last::Nothing;
                return Ok(());
            } else {
                return Err(bad());
            }
        }
    }

    fn close(&mut self) -> Result<(), PatternError> {
        let Some((_, outer)) = self.open.pop() else {
            return Err(error(self.at - 1, "this `)` closes nothing"));
        };
        self.out.push(')');
        self.last = Last::Atom(self.repeats);
        self.repeats = self.repeats.max(outer);
        Ok(())
    }

    /// Writes a repetition operator that began at `start`; lazy if `?` follows. `most` is how often it repeats, 1 for `*+?`.
    fn repeat(&mut self, operator: &str, most: u32, start: usize) -> Result<(), PatternError> {
        let inner = match self.last {
            Last::Atom(inner) => inner,
            Last::Nothing => {
                let hint =
                    "a path_regex or selector is a regular expression, not a glob: write `.*` for `*`, and `\\.yaml$` for `*.yaml`";
                let message = format!("nothing stands before `{operator}` that it could repeat");
                return Err(PatternError { at: start, message, hint: Some(hint) });
            }
            Last::Operator => {
                let hint = "a path_regex or selector is a regular expression, not a glob: `.*` matches folders too";
                let message = format!("`{operator}` repeats another repetition; group it: `(?:...){operator}`");
                return Err(PatternError { at: start, message, hint: Some(hint) });
            }
        };
        let repeats = most.saturating_mul(inner);
        if repeats > MAX_REPEAT {
            return Err(error(start, "repeats more than 1000 times"));
        }
        self.out.push_str(operator);
        if self.eat('?') {
            self.out.push('?');
        }
        self.repeats = self.repeats.max(repeats);
        self.last = Last::Operator;
        Ok(())
    }

    /// After `{`: a counted repetition, or a plain `{` if it is not spelled like one.
    fn braces(&mut self) -> Result<(), PatternError> {
        let start = self.at - 1;
        let Some((min, max)) = self.counts() else {
            self.at = start + 1;
            self.literal('{');
            return Ok(());
        };
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return Err(error(start, "the counts of a repetition go from 0 to 1000, the smaller one first"));
        }
        let (operator, most) = match max {
            Some(max) => (format!("{{{min},{max}}}"), max),
            None => (format!("{{{min},}}"), min.max(1)),
        };
        self.repeat(&operator, most, start)
    }

    /// `n}`, `n,}` or `n,m}`; leaves the reader anywhere if it is none.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let min = self.count()?;
        let max = match self.next()? {
            '}' => return Some((min, Some(min))),
            ',' if self.eat('}') => return Some((min, None)),
            ',' => self.count()?,
            _ => return None,
        };
        self.eat('}').then_some((min, Some(max)))
    }

    /// Decimal digits without a leading zero; what does not fit is as large as can be.
    fn count(&mut self) -> Option<u32> {
        let start = self.at;
        let mut value: u32 = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(digit);
            self.at += 1;
        }
        let digits = self.at - start;
        (digits == 1 || (digits > 1 && self.chars[start] != '0')).then_some(value)
    }
}

const FLAGS: [char; 4] = ['i', 'm', 's', 'U'];

/// Writes one character so that it means itself, in or outside a class.
fn push_char(out: &mut String, c: char) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' {
        out.push_str(&format!("\\x{:02x}", u32::from(c)));
    } else {
        out.push(c);
    }
}

fn error(at: usize, message: &str) -> PatternError {
    PatternError { at, message: message.into(), hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matches: &[&str], others: &[&str]) {
        let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for text in matches {
            assert!(regex.is_match(text), "{pattern} matches {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} does not match {text:?}");
        }
    }

    #[track_caller]
    fn refused(pattern: &str, at: usize, words: &str) {
        let error = compile(pattern).err().unwrap_or_else(|| panic!("{pattern} is refused"));
        assert!(error.message.contains(words), "{pattern}: {error}");
        assert_eq!(error.at, at, "{pattern}: {error}");
    }

    #[test]
    fn patterns_search_anywhere_and_anchors_hold_the_ends_of_the_text() {
        check("secret", &["my-secrets.yaml"], &["Secret"]);
        check(r"^secrets/.*\.ya?ml$", &["secrets/a.yaml", "secrets/b/c.yml"], &["x/secrets/a.yaml", "secrets/a.yaml.bak"]);
        check(r"a$", &["a", "ba"], &["a\n"]);
        check("", &["", "anything"], &[]);
        check("^(data|stringData)$", &["data", "stringData"], &["data2", "metadata"]);
    }

    #[test]
    fn perl_classes_and_word_boundaries_are_ascii_as_in_go() {
        check(r"^\d+$", &["12"], &["١٢"]);
        check(r"^\w+$", &["a_1"], &["é"]);
        check(r"^\s$", &[" ", "\t", "\x0c"], &["\x0b", "\u{a0}"]);
        check(r"^[\W\d]+$", &["é1-"], &["a"]);
        check(r"é\b", &["éa"], &["é "]);
        check(r"é\Bé", &["éé"], &[]);
        check(r"(?i)^\w$", &["K", "k", "\u{212a}"], &["é"]);
    }

    #[test]
    fn what_is_an_operator_only_here_stays_literal() {
        check(r"^[[a]+$", &["[a"], &["b"]);
        check(r"^[a&&b]+$", &["a&b"], &["c"]);
        check(r"^[a~~&&---]+$", &["~-&"], &["c"]);
        check(r"^\<x\>$", &["<x>"], &["x"]);
        check(r"^\b{start}$", &[], &["start"]);
        check(r"^a{,3}$", &["a{,3}"], &["aaa"]);
        check(r"^a{x}\_]}$", &["a{x}_]}"], &[]);
        check("^a b#c$", &["a b#c"], &[]);
    }

    #[test]
    fn quoting_octal_hex_and_posix_classes() {
        check(r"^\Qa.b*\E+$", &["a.b*", "a.b***"], &["axb*"]);
        check(r"^\Qa.b", &["a.b"], &["axb"]);
        check(r"^\101\x42\x{43}\0$", &["ABC\0"], &[]);
        check(r"^[[:alpha:][:^ascii:]_]+$", &["aé_"], &["1"]);
        check(r"^[]a-]+$", &["]a-"], &["b"]);
        check(r"^[^]a]$", &["\n", "b"], &["]", "a"]);
        check(r"^\pL\p{Greek}\P{Lu}\p{^Nd}$", &["éαxx"], &["éαX1"]);
    }

    #[test]
    fn flags_and_groups() {
        check("(?i)^abc$", &["ABC"], &[]);
        check("^(?i:a)b$", &["Ab"], &["AB"]);
        check("^a(?i)b|c$", &["aB", "C"], &["AB"]);
        check("^(?P<x>a)(?<y>b)$", &["ab"], &[]);
        check("(?U)a.*b", &["axxb"], &["a"]);
        check("(?s-i)a.b", &["a\nb"], &["A\nb"]);
        check("(?m)^b$", &["a\nb\nc"], &[]);
        check("^a*?b+?(?:c|)$", &["aabb", "bc"], &["ac"]);
        refused("(?x)a b", 0, "unknown group");
        refused("(?i-)a", 0, "unknown group");
        refused("(?P<a>x)(?P<a>y)", 8, "same name");
        refused("(?P<a b>x)", 0, "name");
    }

    #[test]
    fn what_re2_has_not_is_named() {
        refused("^a(?=b)", 2, "look-ahead `(?=`");
        refused("(?!prod)", 0, "look-ahead `(?!`");
        refused("(?<!x)y", 0, "look-behind `(?<!`");
        refused("(?<=x)y", 0, "look-behind `(?<=`");
        refused(r"(a)\1", 3, "back-reference `\\1`");
        refused(r"(?P=a)", 0, "back-reference");
        refused(r"(?>a)", 0, "atomic");
        refused(r"a\C", 1, "`\\C`");
        refused(r"a\Z", 1, "`\\Z`");
        refused(r"\u0041", 0, "`\\u`");
        refused(r"[\b]", 1, "`\\b`");
        assert!(compile("(?!a)").unwrap_err().hint.unwrap().contains("look-around"));
    }

    #[test]
    fn broken_patterns_are_refused_where_go_refuses_them() {
        refused("*.yaml", 0, "nothing stands before `*`");
        refused("**/x", 0, "nothing stands before");
        refused("a**", 2, "repeats another repetition");
        refused("a{2}{3}", 4, "repeats another repetition");
        refused("a(|*b)", 3, "nothing stands before");
        refused("[", 0, "never closed");
        refused("[a", 0, "never closed");
        refused("[]", 0, "never closed");
        refused("[z-a]", 1, "backwards");
        refused("[[:foo:]]", 1, "unknown class");
        refused("(a", 0, "never closed");
        refused("a)", 1, "closes nothing");
        refused("a\\", 1, "ends with");
        refused(r"\8", 0, "back-reference");
        refused(r"\18", 0, "back-reference");
        refused(r"\x{}", 0, "hexadecimal");
        refused(r"\xZ1", 0, "hexadecimal");
        refused(r"\p{Alphabetic}", 0, "Unicode class");
        refused(r"\pQ", 0, "Unicode class");
        refused("a{3,2}", 1, "smaller one first");
        refused("a{1001}", 1, "1000");
        refused("((a{100})b){11}", 11, "1000");
        assert!(compile("(a{30}){33}").is_ok());
        assert!(compile("(a{1000}){0}").is_ok());
        assert!(compile("*.yaml").unwrap_err().hint.unwrap().contains("glob"));
    }

    #[test]
    fn deep_and_huge_patterns_end_with_an_error() {
        refused(&"(".repeat(200_000), MAX_DEPTH, "nested too deeply");
        refused(r"(\pL{100}){10}\pL{1000}\pL{1000}\pL{1000}\pL{1000}", 0, "too large");
        assert!(compile(&format!("{}a{}", "(".repeat(MAX_DEPTH), ")*".repeat(MAX_DEPTH))).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics_and_none_is_misread_by_the_engine(pattern in r"[a-c(){}\[\]*+?|.^$\\,:<>=!&~0-9dDwWsSbBQEpPzAxiU-]{0,24}") {
            if let Err(error) = compile(&pattern) {
                proptest::prop_assert!(error.message != "the pattern cannot be compiled", "{pattern:?}");
            }
        }
    }
}
