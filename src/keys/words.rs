//! Owns words of others, made fit to be shown: a service's, a plugin's, an error's of a library.

/// One line, at most so many characters, without control characters.
pub fn one_line(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

/// An error of the operating system without Rust's `(os error 2)`.
pub fn without_number(text: &str) -> &str {
    text.split(" (os error ").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_and_numbers_of_errors_go() {
        assert_eq!(one_line("a\r\n\u{1b}[31m\u{e9}b", 8), "a   [31m");
        assert_eq!(without_number("Connection refused (os error 111)"), "Connection refused");
        assert_eq!(without_number("no number"), "no number");
    }
}
