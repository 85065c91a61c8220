//! Owns the options by name: how one is spelled, and whether a value belongs to it.
//!
//! [`TOP`] are the options that may stand before a command, and those of the form without one; it is written down here so that the
//! command can be found before anything of clap is built. A test compares it with the commands.

use crate::host::env::parse_bool;
use crate::host::failure::{Failure, usage};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What may belong to an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing; a truth value after `=`.
    Flag,
    /// A value: after `=` or in the next word.
    Value,
    /// A truth value, only after `=`, which the command reads itself.
    Truth,
}

/// An option of [`TOP`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Top {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) kind: Kind,
}

const fn flag(long: &'static str, short: Option<char>) -> Top {
    Top { long, short, kind: Kind::Flag }
}

const fn value(long: &'static str) -> Top {
    Top { long, short: None, kind: Kind::Value }
}

const fn lettered(long: &'static str, short: char) -> Top {
    Top { long, short: Some(short), kind: Kind::Value }
}

/// What selects a mode in the form without a command.
pub(super) const MODES: &[&str] = &["encrypt", "decrypt", "rotate", "set"];

/// The options of sops that may stand before a command.
pub(super) const TOP: &[Top] = &[
    flag("encrypt", Some('e')),
    flag("decrypt", Some('d')),
    flag("rotate", Some('r')),
    value("set"),
    flag("in-place", Some('i')),
    value("output"),
    value("extract"),
    value("input-type"),
    value("output-type"),
    value("filename-override"),
    flag("ignore-mac", None),
    flag("verbose", None),
    value("config"),
    value("indent"),
    value("output-format"),
    flag("disable-version-check", None),
    flag("check-for-updates", None),
    flag("help", Some('h')),
    flag("version", Some('v')),
    flag("show-master-keys", Some('s')),
    lettered("age", 'a'),
    lettered("pgp", 'p'),
    lettered("kms", 'k'),
    value("aws-profile"),
    value("gcp-kms"),
    value("hckms"),
    value("azure-kv"),
    value("hc-vault-transit"),
    value("add-age"),
    value("rm-age"),
    value("add-pgp"),
    value("rm-pgp"),
    value("add-kms"),
    value("rm-kms"),
    value("add-gcp-kms"),
    value("rm-gcp-kms"),
    value("add-hckms"),
    value("rm-hckms"),
    value("add-azure-kv"),
    value("rm-azure-kv"),
    value("add-hc-vault-transit"),
    value("rm-hc-vault-transit"),
    flag("mac-only-encrypted", None),
    value("unencrypted-suffix"),
    value("encrypted-suffix"),
    value("unencrypted-regex"),
    value("encrypted-regex"),
    value("unencrypted-comment-regex"),
    value("encrypted-comment-regex"),
    value("encryption-context"),
    value("shamir-secret-sharing-threshold"),
    value("decryption-order"),
    Top { long: "enable-local-keyservice", short: None, kind: Kind::Truth },
    value("keyservice"),
];

/// Where options are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// [`TOP`] alone.
    Top,
    /// Those of one command, and its global ones.
    Command(&'a clap::Command),
    /// Those of one command, and [`TOP`]: the form without a command.
    Both(&'a clap::Command),
    /// Those of all commands: only for an option that is not known where it stands.
    All(&'a clap::Command),
}

/// A word of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// An option that is known.
    Option(Given),
    /// A word that begins with a dash and is no option.
    Unknown(OsString),
    /// Another word.
    Plain(OsString),
}

/// An option with what was given to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// Its long name.
    pub(super) name: String,
    /// Its value. A flag: none, since `--flag=true` is `--flag`.
    pub(super) value: Option<OsString>,
    /// For a flag: whether it is switched on.
    pub(super) on: bool,
}

impl Given {
    /// How clap takes it.
    pub(super) fn word(&self) -> OsString {
        let mut word = OsString::from(format!("--{}", self.name));
        if let Some(value) = &self.value {
            word.push("=");
            word.push(value);
        }
        word
    }
}

impl Known<'_> {
    /// The long name and kind of an option, by a name of either length.
    fn find(&self, name: &str) -> Option<(String, Kind)> {
        match self {
            Self::Top => top(name),
            Self::Command(command) => of_command(command, name),
            Self::Both(command) => of_command(command, name).or_else(|| top(name)),
            Self::All(whole) => {
                std::iter::once(*whole).chain(whole.get_subcommands()).find_map(|c| of_command(c, name)).or_else(|| top(name))
            }
        }
    }

    /// The long name of an option.
    pub(super) fn name(&self, name: &str) -> Option<String> {
        self.find(name).map(|(long, _)| long)
    }

    /// The kind of an option.
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.find(name).map(|(_, kind)| kind)
    }

    /// Whether there is an option of this long name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some_and(|(long, _)| long == name)
    }

    /// Reads one word, and the next one if it is its value. Long options may have one dash, as Go's have; flags that have one letter each
    /// may be written together.
    ///
    /// # Errors
    /// A flag whose `=` is not followed by a truth value.
    pub(super) fn read(&self, word: OsString, rest: &mut impl Iterator<Item = OsString>) -> Result<Vec<Word>, Failure> {
        let bytes = word.as_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            return Ok(vec![Word::Plain(word)]);
        }
        let bare = bytes.strip_prefix(b"--").unwrap_or(&bytes[1..]);
        let (name, value) = match bare.iter().position(|&b| b == b'=') {
            Some(at) => (&bare[..at], Some(OsStr::from_bytes(&bare[at + 1..]).to_owned())),
            None => (bare, None),
        };
        let Ok(name) = std::str::from_utf8(name) else { return Ok(vec![Word::Unknown(word)]) };
        let short_form = !bytes.starts_with(b"--");
        match self.find(name).filter(|(long, _)| short_form || long.len() == name.len() || name.len() > 1) {
            Some((name, kind)) => Ok(vec![given(name, kind, value, rest)?.map_or(Word::Unknown(word), Word::Option)]),
            None if short_form && value.is_none() => Ok(self.letters(name).unwrap_or_else(|| vec![Word::Unknown(word)])),
            None => Ok(vec![Word::Unknown(word)]),
        }
    }

    /// Several flags of one letter each: `-di`.
    fn letters(&self, name: &str) -> Option<Vec<Word>> {
        let flag = |letter: char| match self.find(letter.encode_utf8(&mut [0; 4]))? {
            (name, Kind::Flag) => Some(Word::Option(Given { name, value: None, on: true })),
            _ => None,
        };
        name.chars().map(flag).collect()
    }
}

fn given(
    name: String,
    kind: Kind,
    value: Option<OsString>,
    rest: &mut impl Iterator<Item = OsString>,
) -> Result<Option<Given>, Failure> {
    Ok(match (kind, value) {
        (Kind::Flag, None) => Some(Given { name, value: None, on: true }),
        (Kind::Flag, Some(text)) => match text.to_str().and_then(parse_bool) {
            Some(on) => Some(Given { name, value: None, on }),
            None => return Err(usage(format!("--{name} is a switch: after `=` it takes `true` or `false`"))),
        },
        (Kind::Truth, value) | (Kind::Value, value @ Some(_)) => Some(Given { name, value, on: true }),
        // Without a value, clap says what is missing.
        (Kind::Value, None) => rest.next().map(|value| Given { name, value: Some(value), on: true }),
    })
}

fn top(name: &str) -> Option<(String, Kind)> {
    let mut letters = name.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    // `-V` is ours; sops has `-v` only.
    let letter = letter.map(|letter| if letter == 'V' { 'v' } else { letter });
    let found = TOP.iter().find(|option| option.long == name || (letter.is_some() && option.short == letter))?;
    Some((found.long.to_owned(), found.kind))
}

fn of_command(command: &clap::Command, name: &str) -> Option<(String, Kind)> {
    if name == "help" || name == "h" {
        return Some((String::from("help"), Kind::Flag));
    }
    let mut letters = name.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    let is = |argument: &clap::Arg| {
        argument.get_long() == Some(name)
            || (letter.is_some() && argument.get_short() == letter)
            || argument.get_all_aliases().is_some_and(|all| all.contains(&name))
            || letter.is_some_and(|letter| argument.get_all_short_aliases().is_some_and(|all| all.contains(&letter)))
    };
    let found = command.get_arguments().find(|argument| !argument.is_positional() && is(argument))?;
    let kind = match found.get_action().takes_values() {
        false => Kind::Flag,
        true if found.is_require_equals_set() => Kind::Truth,
        true => Kind::Value,
    };
    Some((found.get_long()?.to_owned(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_before_a_command_are_those_of_the_commands() {
        let whole = crate::cli::command();
        for option in TOP {
            if MODES.contains(&option.long) || ["help", "version"].contains(&option.long) {
                continue;
            }
            let mut found =
                std::iter::once(&whole).chain(whole.get_subcommands()).filter_map(|c| of_command(c, option.long)).peekable();
            assert!(found.peek().is_some(), "no command has --{}", option.long);
            for (long, kind) in found {
                assert_eq!((long.as_str(), kind), (option.long, option.kind));
            }
            if let Some(short) = option.short {
                let named = std::iter::once(&whole).chain(whole.get_subcommands()).find_map(|c| of_command(c, &short.to_string()));
                assert_eq!(named.map(|(long, _)| long).as_deref(), Some(option.long), "-{short}");
            }
        }
    }

    #[test]
    fn flags_take_the_truth_values_of_go_after_an_equals_sign() {
        let read = |word: &str| Known::Top.read(OsString::from(word), &mut std::iter::empty());
        let on = |word: &str| match read(word).expect("read").as_slice() {
            [Word::Option(given)] => Some((given.name.clone(), given.on)),
            _ => None,
        };
        assert_eq!(on("-i=F"), Some((String::from("in-place"), false)));
        assert_eq!(on("--in-place=1"), Some((String::from("in-place"), true)));
        assert_eq!(on("-verbose"), Some((String::from("verbose"), true)));
        assert!(read("-i=maybe").is_err());
        assert!(read("-i=").is_err());
    }

    #[test]
    fn two_dashes_are_for_long_names() {
        let read = |word: &str| Known::Top.read(OsString::from(word), &mut std::iter::empty()).expect("read");
        assert_eq!(read("--bogus"), [Word::Unknown(OsString::from("--bogus"))]);
        assert_eq!(read("-"), [Word::Plain(OsString::from("-"))]);
        assert_eq!(read("-di").len(), 2);
        assert_eq!(read("-ia"), [Word::Unknown(OsString::from("-ia"))]);
    }
}
