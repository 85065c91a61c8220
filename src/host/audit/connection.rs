//! Owns what stands in a connection string about TLS, which the database library does not know: `sslmode` and `sslrootcert`, as
//! `lib/pq`, the reference's library, understands them.

use std::path::PathBuf;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Not at all.
    Disable,
    /// If the server can.
    Prefer,
    /// Against those who listen; against those who pretend to be the server where there is a certificate to compare with.
    #[default]
    Require,
    /// The server has a certificate that is trusted, for whatever name.
    VerifyCa,
    /// The server has a certificate that is trusted, for its name.
    VerifyFull,
}

/// A connection string, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Connection {
    /// All but what is said about TLS. May hold a password.
    pub(super) text: String,
    pub(super) mode: Mode,
    /// A file of certificates (PEM) that are trusted instead of the system's.
    pub(super) root: Option<PathBuf>,
}

impl Connection {
    /// Takes a connection string apart: `postgres://USER:PASSWORD@HOST/DATABASE?sslmode=…`, or `host=… sslmode=…`.
    ///
    /// # Errors
    /// In words, without the string.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let (base, options) = match (is_url, text.split_once('?')) {
            (true, Some((base, query))) => (base, query.split('&').map(str::to_owned).collect()),
            (true, None) => (text, Vec::new()),
            (false, _) => ("", words(text)),
        };
        let mut connection = Self::default();
        let mut others = Vec::new();
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((&option, ""));
            let value = if is_url { decoded(value)? } else { unquoted(value) };
            match name.trim() {
                "sslmode" => connection.mode = mode(&value)?,
                "sslrootcert" => connection.root = Some(value.into()),
                "sslcert" | "sslkey" | "sslpassword" | "sslinline" | "sslsni" => {
                    return Err(format!(
                        "`{}` is not supported: certificates of clients cannot be used for the audit",
                        name.trim()
                    ));
                }
                _ => others.push(option),
            }
        }
        connection.text = match (is_url, others.is_empty()) {
            (true, true) => base.to_owned(),
            (true, false) => format!("{base}?{}", others.join("&")),
            (false, _) => others.join(" "),
        };
        Ok(connection)
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "disable" => Ok(Mode::Disable),
        "allow" | "prefer" => Ok(Mode::Prefer),
        "" | "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => Err(String::from("`sslmode` must be disable, allow, prefer, require, verify-ca or verify-full")),
    }
}

/// `name=value` after `name = 'va\'lue'`, each as it stands.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut escaped, mut wants_value) = (false, false, false);
    for c in text.chars() {
        if escaped || quoted {
            (quoted, escaped) = (if escaped { quoted } else { c != '\'' }, !escaped && c == '\\');
            word.push(c);
            continue;
        }
        match c {
            // Blanks around the equals sign belong to the word.
            c if c.is_whitespace() => {
                if !wants_value && !word.is_empty() && word.contains('=') {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            '=' if !word.contains('=') => {
                word.push('=');
                wants_value = true;
                continue;
            }
            '\\' => escaped = true,
            '\'' => quoted = true,
            _ => {}
        }
        wants_value = false;
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A value without its quotes and backslashes.
fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// A value of a URL.
fn decoded(text: &str) -> Result<String, String> {
    let bad = || String::from("a value in the connection string is badly escaped");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(bad()) };
        bytes.push(u8::try_from(high << 4 | low).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_tls_is_taken_out_of_both_forms() {
        for (text, left, mode, root) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/d", Mode::Require, None),
            ("postgres://h/d?sslmode=disable", "postgres://h/d", Mode::Disable, None),
            (
                "postgresql://h/d?a=1&sslmode=verify-full&sslrootcert=%2Fc%20a&b=2",
                "postgresql://h/d?a=1&b=2",
                Mode::VerifyFull,
                Some("/c a"),
            ),
            ("host=h  password='a b\\'=' sslmode=disable", "host=h password='a b\\'='", Mode::Disable, None),
            ("host = h sslmode = 'verify-ca' dbname=d", "host=h dbname=d", Mode::VerifyCa, None),
            ("host=h sslrootcert='/c a'", "host=h", Mode::Require, Some("/c a")),
            ("", "", Mode::Require, None),
        ] {
            let connection = Connection { text: left.to_owned(), mode, root: root.map(PathBuf::from) };
            assert_eq!(Connection::parse(text), Ok(connection), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_a_word_of_it() {
        for text in [
            "host=canary sslmode=maybe",
            "postgres://canary?sslmode=%zz",
            "host=canary sslcert=/c",
            "postgres://canary?sslrootcert=%f",
        ] {
            let why = Connection::parse(text).expect_err("refused");
            assert!(!why.contains("canary"), "{why}");
        }
    }
}
