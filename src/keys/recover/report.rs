//! Owns the report of a failed recovery: for every group and key, what each service answered. Structured for the
//! program's own words; [`Report::reference_text`] gives the words of the reference.

use crate::keys::MasterKey;
use crate::keys::service::{KeyError, Reason};
use std::fmt::Write as _;

/// What happened to every key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The metadata's threshold; 0 if there is none.
    pub threshold: usize,
    /// The groups, in stored order.
    pub groups: Vec<GroupReport>,
}

/// What happened to one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupReport {
    /// The key that opened it, if one did.
    pub opened_by: Option<MasterKey>,
    /// The keys that did not open it, in the order they were tried.
    pub keys: Vec<KeyReport>,
}

/// What happened to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReport {
    /// The key.
    pub key: MasterKey,
    /// What each service said; empty if there was no service to ask.
    pub answers: Vec<Answer>,
}

/// What one service said about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing there opens it.
    NothingHere(Reason),
    /// It should have opened it and did not.
    Failed(KeyError),
}

impl Answer {
    /// One line: the summary of a reason, or the error.
    pub fn summary(&self) -> String {
        match self {
            Self::NothingHere(reason) => reason.summary.clone(),
            Self::Failed(error) => error.to_string(),
        }
    }

    /// Everything on one line.
    pub fn full(&self) -> String {
        match self {
            Self::NothingHere(reason) => {
                std::iter::once(&reason.summary).chain(&reason.details).cloned().collect::<Vec<_>>().join("; ")
            }
            Self::Failed(error) => error.to_string(),
        }
    }
}

/// Words that colour the two outcomes.
const FAILED: [&str; 2] = ["FAILED", "\u{1b}[31mFAILED\u{1b}[0m"];
const SUCCESS: [&str; 2] = ["SUCCESS", "\u{1b}[32mSUCCESS\u{1b}[0m"];
/// Widths of the reference's lines.
const ANSWER_WIDTH: usize = 60;
const TRAILER_WIDTH: usize = 75;

impl Report {
    /// How many groups must give their share, as the reference counts: 0 where the file has no threshold.
    pub fn required(&self) -> usize {
        self.threshold
    }

    /// How many groups gave their share.
    pub fn recovered(&self) -> usize {
        self.groups.iter().filter(|group| group.opened_by.is_some()).count()
    }

    /// Every hint, each once.
    pub fn hints(&self) -> Vec<&str> {
        let mut hints: Vec<&str> = Vec::new();
        for answer in self.groups.iter().flat_map(|group| &group.keys).flat_map(|key| &key.answers) {
            if let Answer::NothingHere(reason) = answer {
                for hint in &reason.hints {
                    if !hints.contains(&hint.as_str()) {
                        hints.push(hint);
                    }
                }
            }
        }
        hints
    }

    /// The report in the layout of the reference (`docs/format.md`, "Failure report"); no newline at the end.
    pub fn reference_text(&self, colour: bool) -> String {
        let (failed, success) = (FAILED[usize::from(colour)], SUCCESS[usize::from(colour)]);
        let mut text = String::from("Failed to get the data key required to decrypt the SOPS file.\n");
        for (index, group) in self.groups.iter().enumerate() {
            if group.opened_by.is_some() {
                text.push_str(&format!("\nGroup {index}: {success}\n"));
                continue;
            }
            text.push_str(&format!("\nGroup {index}: {failed}\n"));
            for (at, key) in group.keys.iter().enumerate() {
                text.push_str(if at > 0 { "  \n" } else { "" });
                push_key(&mut text, key, failed);
            }
        }
        text.push('\n');
        text.push_str(&wrapped(&self.trailer(), TRAILER_WIDTH));
        text
    }

    fn trailer(&self) -> String {
        let (needed, recovered) = (self.threshold, self.recovered());
        if needed == 0 {
            return "Recovery failed because no master key was able to decrypt the file. In order for SOPS to recover the file, \
                    at least one key has to be successful, but none were."
                .to_owned();
        }
        format!(
            "Recovery failed because the file was encrypted with a Shamir threshold of {needed}, but only {recovered} part(s) were \
             successfully recovered, one for each successful key group. In order for SOPS to recover the file, at least {needed} \
             groups have to be successful. In order for a group to be successful, decryption has to succeed with any of the keys in \
             that key group."
        )
    }
}

fn push_key(text: &mut String, key: &KeyReport, failed: &str) {
    let name: String = key.key.to_string().chars().filter(|c| !c.is_control()).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {name}: {failed}");
    for (index, answer) in key.answers.iter().enumerate() {
        text.push_str(if index > 0 { "    \n" } else { "" });
        for (line_index, line) in wrapped(&answer.full(), ANSWER_WIDTH).split('\n').enumerate() {
            let bullet = if line_index == 0 { "-" } else { " " };
            let _ = writeln!(text, "    {bullet} | {line}");
        }
    }
    if key.answers.is_empty() {
        text.push('\n');
    }
}

/// Breaks lines at blanks, greedily; newlines stay, longer words are not broken.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            // A word as wide as the line stays where it is: breaking before it would not help.
            if column > 0 && column + 1 + length > width && length < width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{AgeKey, PgpKey};

    #[test]
    fn the_layout_is_that_of_the_reference() {
        let reason = Reason {
            summary: "no identity for it in ~/keys.txt (holds age1q8xab…cdef)".into(),
            details: vec!["not set: SOPS_AGE_KEY".into()],
            hints: vec!["look".into()],
        };
        let missing = KeyError::NotBuiltIn { what: "PGP".into() };
        let age = KeyReport {
            key: MasterKey::Age(AgeKey { recipient: "age1abc".into() }),
            answers: vec![Answer::NothingHere(reason), Answer::Failed(missing.clone())],
        };
        let pgp = KeyReport { key: MasterKey::Pgp(PgpKey { fingerprint: "FBC7".into() }), answers: vec![Answer::Failed(missing)] };
        let opened_by = Some(pgp.key.clone());
        let report = Report {
            threshold: 2,
            groups: vec![
                GroupReport { keys: vec![age, pgp], ..GroupReport::default() },
                GroupReport { opened_by, ..GroupReport::default() },
            ],
        };
        let expected = "Failed to get the data key required to decrypt the SOPS file.

Group 0: FAILED
  age1abc: FAILED
    - | no identity for it in ~/keys.txt (holds age1q8xab…cdef); not
      | set: SOPS_AGE_KEY
    \n    - | PGP is not part of this build
  \n  FBC7: FAILED
    - | PGP is not part of this build

Group 1: SUCCESS

Recovery failed because the file was encrypted with a Shamir threshold of
2, but only 1 part(s) were successfully recovered, one for each successful
key group. In order for SOPS to recover the file, at least 2 groups have to
be successful. In order for a group to be successful, decryption has to
succeed with any of the keys in that key group.";
        assert_eq!(report.reference_text(false), expected);
        assert!(report.reference_text(true).contains("Group 1: \u{1b}[32mSUCCESS\u{1b}[0m"));
        assert_eq!(report.hints(), ["look"]);
    }

    #[test]
    fn long_words_are_not_broken() {
        assert_eq!(wrapped("aa bb cc", 5), "aa bb\ncc");
        assert_eq!(wrapped("a bbbbbbbb c", 5), "a bbbbbbbb\nc");
        assert_eq!(wrapped("a\nb", 5), "a\nb");
    }
}
