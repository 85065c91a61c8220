//! Owns words: what a service says, fit to be shown, and what the HTTP library says.

use crate::keys::words::{one_line, without_number};

/// How much is shown of what a server says.
const SHOWN: usize = 300;

/// Words of a server, fit to be shown: one line, not long, without what we sent.
pub(in crate::keys) fn shown(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[redacted]");
    }
    one_line(&text, SHOWN)
}

/// An error of the HTTP library in words.
pub(super) fn why(error: &ureq::Error) -> String {
    let text = match error {
        // TLS says it at length.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            String::from("the connection was closed without an answer")
        }
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => String::from("there is no such host"),
        ureq::Error::Protocol(_) => String::from("answers something that is not HTTP"),
        other => other.to_string(),
    };
    let text = without_number(&text);
    if text.contains("InvalidContentType") {
        return String::from("does not speak TLS: is it http://?");
    }
    if text.contains("UnknownIssuer") {
        return format!("{text}: nobody who is trusted here signed it");
    }
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_server_are_one_line_without_what_was_sent() {
        assert_eq!(shown("no\r\n\u{1b}[31m s3cret", &["s3cret", ""]), "no   [31m [redacted]");
        assert_eq!(shown(&"x".repeat(1000), &[]).len(), SHOWN);
    }
}
