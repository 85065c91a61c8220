//! Owns the order of words: brings what was typed into the order `COMMAND OPTIONS -- WORDS` that clap reads, wherever it stood.
//!
//! What sops accepts is accepted: one dash or two, `=` or a blank, options of sops before the command, and its older form without a
//! command. Where sops ignores something without a word there is a warning, or an error.

use super::legacy;
use super::options::{Given, Known, MODES, Word};
use crate::commands::{Row, TABLE};
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use std::ffi::OsString;

/// What the words ask for.
#[derive(Debug)]
pub(super) enum Asked {
    /// The version; with `--verbose`; with `--check-for-updates`.
    Version { verbose: bool, check: bool },
    /// Help about the whole, or about a command and what is below it.
    Help(Vec<OsString>),
    /// A command.
    Run(Line),
}

/// A command line that clap can read.
#[derive(Debug)]
pub(super) struct Line {
    /// The words, without the program's name.
    pub(super) words: Vec<OsString>,
    /// The command that they begin with.
    pub(super) row: &'static Row,
    /// Whether it was given in sops's form without a command.
    pub(super) legacy: bool,
    /// What was given and has no effect.
    pub(super) warnings: Vec<String>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The options, in order.
    pub(super) options: Vec<Given>,
    /// What begins with a dash and is no option.
    pub(super) unknown: Vec<OsString>,
    /// The other words.
    pub(super) plain: Vec<OsString>,
    /// What stood behind `--`.
    after: Option<Vec<OsString>>,
}

impl Read {
    /// Reads words until they end, or until the first plain one.
    fn words(&mut self, known: Known<'_>, words: &mut std::vec::IntoIter<OsString>, only_to_plain: bool) -> Result<(), Failure> {
        while let Some(word) = words.next() {
            if word == "--" {
                self.after = Some(words.by_ref().collect());
                return Ok(());
            }
            for word in known.read(word, words)? {
                match word {
                    Word::Option(given) => self.options.push(given),
                    Word::Unknown(word) => self.unknown.push(word),
                    Word::Plain(word) => self.plain.push(word),
                }
            }
            if only_to_plain && !self.plain.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn asks(&self, name: &str) -> bool {
        is_on(&self.options, name)
    }
}

/// Understands the words, without the program's name.
pub(super) fn arrange(words: Vec<OsString>) -> Result<Asked, Failure> {
    let words = with_separators(words);
    let mut rest = words.clone().into_iter();
    let mut before = Read::default();
    before.words(Known::Top, &mut rest, true)?;
    if before.asks("version") {
        return Ok(Asked::Version { verbose: before.asks("verbose"), check: before.asks("check-for-updates") });
    }
    if before.asks("help") {
        return Ok(Asked::Help(Vec::new()));
    }
    if !before.unknown.is_empty() {
        // Options of ours that sops does not have may stand there, too: which words are their values is known from all commands.
        let whole = super::command();
        rest = words.clone().into_iter();
        before = Read::default();
        before.words(Known::All(&whole), &mut rest, true)?;
    }
    if before.plain.is_empty() && before.after.as_ref().is_some_and(|after| !after.is_empty()) {
        rest = before.after.take().unwrap_or_default().into_iter();
        before.plain.extend(rest.next());
        let behind = rest.collect::<Vec<_>>();
        rest = [OsString::from("--")].into_iter().chain(behind).collect::<Vec<_>>().into_iter();
    }
    let Some(first) = before.plain.first() else { return legacy::arrange(words) };
    let name = first.to_string_lossy();
    if name == "help" || name == "h" {
        return Ok(Asked::Help(rest.filter(|word| word != "--").collect()));
    }
    match Row::of(&name) {
        Some(row) => of_command(row, before, rest).map(Asked::Run),
        None => legacy::arrange(words),
    }
}

/// Joins `--flatten` with the word that follows it if that can only be meant as its separator: a few punctuation marks.
fn with_separators(words: Vec<OsString>) -> Vec<OsString> {
    let is_separator = |word: &OsString| {
        let bytes = word.as_encoded_bytes();
        (1..=3).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_punctuation) && !bytes.starts_with(b"-")
    };
    let mut out = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(mut word) = words.next() {
        if word == "--" {
            out.push(word);
            break;
        }
        if (word == "--flatten" || word == "-flatten")
            && let Some(separator) = words.next_if(is_separator)
        {
            word.push("=");
            word.push(separator);
        }
        out.push(word);
    }
    out.extend(words);
    out
}

/// The form with a command.
fn of_command(row: &'static Row, before: Read, mut rest: std::vec::IntoIter<OsString>) -> Result<Line, Failure> {
    let command = super::with_global(row.clap());
    let mut read = Read::default();
    read.words(Known::Command(&command), &mut rest, false)?;
    let known = Known::Command(&command);
    let mut warnings = Vec::new();
    let mut options = Vec::new();
    for given in before.options {
        if known.has(&given.name) {
            options.push(given);
        } else if MODES.contains(&given.name.as_str()) {
            return Err(usage(format!("--{} and the command `{}` exclude each other", given.name, row.name))
                .hint(format!("a file of this name is ./{}", row.name)));
        } else {
            warnings.push(no_effect(&given.name, &format!("the command `{}`", row.name)));
        }
    }
    options.append(&mut read.options);
    read.options = options;
    read.unknown.splice(0..0, before.unknown);
    Ok(Line { words: read.line(row.name, &command), row, legacy: false, warnings })
}

impl Read {
    /// The words in clap's order.
    fn line(self, name: &str, command: &clap::Command) -> Vec<OsString> {
        let keeps_dashes = command.get_arguments().any(|argument| argument.is_last_set());
        let takes_dashes = command.get_name() == "set";
        let mut words = vec![OsString::from(name)];
        words.extend(in_effect(&self.options));
        let mut plain = self.plain;
        if takes_dashes {
            // What begins with a dash and is no option may be a value.
            plain.extend(self.unknown);
        } else {
            // Unknown options, so that clap says what is wrong with them.
            words.extend(self.unknown);
        }
        if keeps_dashes {
            words.extend(plain);
            if let Some(after) = self.after {
                words.push(OsString::from("--"));
                words.extend(after);
            }
        } else {
            words.push(OsString::from("--"));
            words.extend(plain);
            words.extend(self.after.unwrap_or_default());
        }
        words
    }
}

/// Whether an option was given, and not switched off again behind that.
pub(super) fn is_on(options: &[Given], name: &str) -> bool {
    options.iter().rev().find(|given| given.name == name).is_some_and(|given| given.on)
}

/// The options as clap takes them: of a flag that was switched off, nothing.
pub(super) fn in_effect(options: &[Given]) -> Vec<OsString> {
    let off_after = |index: usize, name: &str| options[index..].iter().any(|given| given.name == name && !given.on);
    let kept = options.iter().enumerate().filter(|(index, given)| !off_after(*index, &given.name));
    kept.map(|(_, given)| given.word()).collect()
}

/// Reads all the words of the form without a command; what stood behind `--` is plain.
pub(super) fn read_all(words: Vec<OsString>, known: Known<'_>) -> Result<Read, Failure> {
    let mut read = Read::default();
    read.words(known, &mut words.into_iter(), false)?;
    read.plain.extend(read.after.take().unwrap_or_default());
    Ok(read)
}

/// The warning about an option that means nothing where it was given.
pub(super) fn no_effect(option: &str, with: &str) -> String {
    format!("--{option} has no effect with {with}")
}

/// The words about a topic of the help that is none.
pub(super) fn no_topic(topic: &OsString) -> Failure {
    let topic = topic.to_string_lossy();
    let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
    Failure::new(exit::NO_HELP_TOPIC, format!("no help topic for '{topic}'")).hint(format!("the commands are {}", names.join(", ")))
}
