//! Owns what fits at the end of a command line that is being typed: the answer to the shells, whose scripts `completion` prints.
//!
//! One candidate a line, with its meaning behind a tab. `:files` says that file names fit, `:paths` that the candidates are places in a
//! document, which may go on. Nothing is ever said about what went wrong: there is just nothing that fits.

use super::options::{Kind, Known, Word};
use crate::commands::completion::SHELLS;
use crate::commands::{TABLE, format};
use crate::document::steps::{format_steps, parse_steps};
use crate::document::{Document, Duplicates, Format};
use crate::host::files;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The command of the scripts.
pub(super) const COMMAND: &str = "__complete";

/// What sops's own scripts put at the end of the words.
pub(super) const OF_SOPS: &str = "--generate-bash-completion";

/// Options whose values are files.
const FILES: &[&str] = &["config", "output", "filename-override", "filename", "file"];

/// The types of files.
const TYPES: &[&str] = &["yaml", "json", "dotenv", "ini", "binary"];

/// What fits: the lines of the answer. The last word is the one that is being typed.
pub(super) fn answer(words: &[OsString]) -> Vec<String> {
    let words = joined(words);
    let Some((current, before)) = words.split_last() else { return commands("") };
    let whole = super::command();
    let line = Typed::read(before, &whole);
    let current = current.to_string_lossy();
    if let Some(option) = &line.pending {
        return of_option(option, &current, "", &line);
    }
    if let Some((option, value)) = current.split_once('=').filter(|_| current.starts_with('-')) {
        let name = line.known(&whole).name(option.trim_start_matches('-')).unwrap_or_default();
        return of_option(&name, value, &format!("{option}="), &line);
    }
    if current.starts_with('-') {
        return options(&line, &whole, &current);
    }
    plain(&line, &current)
}

/// What sops's own scripts ask for: options if one is being typed, else commands.
pub(super) fn answer_sops(words: &[OsString]) -> Vec<String> {
    match words.last() {
        Some(last) if last.as_bytes().starts_with(b"-") => answer(words),
        Some(_) => answer(&[words, &[OsString::new()]].concat()),
        None => answer(&[OsString::new()]),
    }
    .into_iter()
    .filter(|line| !line.starts_with(':'))
    .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
    .collect()
}

/// What was typed before the last word.
struct Typed {
    command: Option<clap::Command>,
    plain: Vec<OsString>,
    input_type: Option<String>,
    /// The option whose value comes next.
    pending: Option<String>,
}

impl Typed {
    fn read(words: &[OsString], whole: &clap::Command) -> Self {
        let mut line = Self { command: None, plain: Vec::new(), input_type: None, pending: None };
        let mut rest = words.iter().cloned();
        while let Some(word) = rest.next() {
            if word == "--" {
                line.plain.extend(rest.by_ref());
                break;
            }
            let read = line.known(whole).read(word, &mut rest).unwrap_or_default();
            for word in read {
                match word {
                    Word::Option(given) if given.name == "input-type" => {
                        line.input_type = given.value.map(|value| value.to_string_lossy().into_owned());
                    }
                    Word::Option(_) => {}
                    // An option whose value is not there yet.
                    Word::Unknown(word) => {
                        let known = line.known(whole);
                        let name = known.name(word.to_string_lossy().trim_start_matches('-'));
                        line.pending = name.filter(|name| known.kind(name) == Some(Kind::Value));
                    }
                    Word::Plain(word) => match line.named(&word, whole) {
                        Some(command) => line.command = Some(command),
                        None => line.plain.push(word),
                    },
                }
            }
        }
        line
    }

    /// The command that a word names where it stands: the first word is one.
    fn named(&self, word: &OsStr, whole: &clap::Command) -> Option<clap::Command> {
        let is_first = self.command.is_none() && self.plain.is_empty();
        whole.find_subcommand(word).filter(|_| is_first).cloned().map(super::with_global)
    }

    fn known<'a>(&'a self, whole: &'a clap::Command) -> Known<'a> {
        match &self.command {
            Some(command) => Known::Command(command),
            None => Known::All(whole),
        }
    }

    fn name(&self) -> &str {
        self.command.as_ref().map_or("", |command| command.get_name())
    }
}

fn commands(prefix: &str) -> Vec<String> {
    TABLE
        .iter()
        .map(|row| row.clap())
        .filter(|command| !command.is_hide_set() && command.get_name().starts_with(prefix))
        .map(|command| described(command.get_name(), command.get_about()))
        .collect()
}

fn described(value: &str, about: Option<&clap::builder::StyledStr>) -> String {
    let about = about.map(ToString::to_string).unwrap_or_default();
    match about.lines().next() {
        Some(about) => format!("{value}\t{about}"),
        None => value.to_owned(),
    }
}

/// The long options that fit: of the command, or those that may stand before one.
fn options(line: &Typed, whole: &clap::Command, current: &str) -> Vec<String> {
    let command = line.command.as_ref().unwrap_or(whole);
    let mut lines: Vec<String> = command
        .get_arguments()
        .filter(|argument| !argument.is_positional() && !argument.is_hide_set())
        .filter_map(|argument| Some(described(&format!("--{}", argument.get_long()?), argument.get_help())))
        .collect();
    if line.command.is_none() {
        let others = super::options::TOP.iter().map(|option| format!("--{}", option.long));
        let new: Vec<String> = others.filter(|option| !lines.iter().any(|line| line.split('\t').next() == Some(option))).collect();
        lines.extend(new);
    }
    let wanted = current.trim_start_matches('-');
    lines.retain(|line| line.trim_start_matches('-').starts_with(wanted));
    lines
}

/// The values that fit an option. `prefix` is put before each of them.
fn of_option(option: &str, current: &str, prefix: &str, line: &Typed) -> Vec<String> {
    let fixed: &[&str] = match option {
        "input-type" | "output-type" => TYPES,
        "output-format" => &["text", "json"],
        "enable-local-keyservice" => &["true", "false"],
        "extract" => {
            return match line.plain.first() {
                Some(file) => paths(file, line.input_type.as_deref(), current, prefix),
                None => Vec::new(),
            };
        }
        name if FILES.contains(&name) && prefix.is_empty() => return vec![String::from(":files")],
        _ => &[],
    };
    fixed.iter().filter(|value| value.starts_with(current)).map(|value| format!("{prefix}{value}")).collect()
}

/// What fits where no option stands.
fn plain(line: &Typed, current: &str) -> Vec<String> {
    let named =
        |names: Vec<&str>| names.into_iter().filter(|name| name.starts_with(current)).map(str::to_owned).collect::<Vec<_>>();
    match (&line.command, line.plain.as_slice()) {
        (None, []) => [commands(current), vec![String::from(":files")]].concat(),
        (None, [help]) if help == "help" || help == "h" => commands(current),
        (Some(_), []) if line.name() == "groups" => named(vec!["add", "delete"]),
        (Some(_), []) if line.name() == "completion" => named(SHELLS.iter().map(|(name, _)| *name).collect()),
        (Some(_), [file]) if ["set", "unset"].contains(&line.name()) => paths(file, line.input_type.as_deref(), current, ""),
        (Some(_), [_, _, ..]) if line.name() == "unset" => Vec::new(),
        _ => vec![String::from(":files")],
    }
}

/// The places of a file that fit: what is below the steps that are complete.
fn paths(file: &OsStr, input_type: Option<&str>, current: &str, prefix: &str) -> Vec<String> {
    let complete = current.rfind(']').map_or(0, |end| end + 1);
    let (done, _) = current.split_at(complete);
    let read = || {
        let path = Path::new(file);
        let format = match format::choose(input_type, &files::absolute(path)).ok()? {
            Format::Binary => Format::Json,
            format => format,
        };
        let document = Document::scan_owned(files::read(path).ok()?, format, Duplicates::Keep).ok()?;
        let steps = parse_steps(done).ok()?;
        let below = document.steps_below(&steps);
        // Also without the first bracket's quote, and with the other one.
        let typed = current[complete..].trim_start_matches('[').trim_start_matches(['"', '\'']).to_owned();
        Some(
            below
                .into_iter()
                .map(move |step| format_steps(&[step]))
                .filter(move |step| step[1..].trim_start_matches('"').starts_with(&typed)),
        )
    };
    let mut lines: Vec<String> =
        read().into_iter().flatten().map(|step| format!("{prefix}{done}{step}")).filter(|line| !line.contains('\n')).collect();
    lines.push(String::from(":paths"));
    lines
}

/// The words as the shell would hand them over: without quotes, and what bash took apart at `=` together again.
fn joined(words: &[OsString]) -> Vec<OsString> {
    let mut out: Vec<OsString> = Vec::new();
    let mut after_equals = false;
    for word in words {
        let word_text = unquoted(word);
        match out.last_mut() {
            Some(last) if word == "=" && last.as_bytes().starts_with(b"-") => {
                last.push("=");
                after_equals = true;
                continue;
            }
            Some(last) if after_equals => last.push(word_text),
            _ => out.push(word_text),
        }
        after_equals = false;
    }
    out
}

/// A word as it is typed, without its quotes; the last one may be open.
fn unquoted(word: &OsStr) -> OsString {
    let Some(text) = word.to_str() else { return word.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut letters = text.chars();
    // A path of steps holds quotes of its own: where it begins with its bracket, nothing is quoted.
    if text.starts_with('[') {
        return word.to_owned();
    }
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('\\', None | Some('"')) => out.extend(letters.next()),
            _ => out.push(letter),
        }
    }
    OsString::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        answer(&words).into_iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn commands_and_files_come_first() {
        assert_eq!(fits(&["enc"]), ["encrypt", ":files"]);
        assert_eq!(fits(&["help", "rot"]), ["rotate"]);
        assert_eq!(fits(&["--config", ""]), [":files"]);
        assert_eq!(fits(&["completion", "f"]), ["fish"]);
        assert_eq!(fits(&["groups", ""]), ["add", "delete"]);
        assert_eq!(fits(&["decrypt", ""]), [":files"]);
    }

    #[test]
    fn options_are_those_of_the_command() {
        assert_eq!(fits(&["decrypt", "--ext"]), ["--extract"]);
        assert_eq!(fits(&["decrypt", "-ext"]), ["--extract"]);
        assert_eq!(fits(&["decrypt", "--add-a"]), [""; 0]);
        assert_eq!(fits(&["--add-ag"]), ["--add-age"]);
        assert_eq!(fits(&["decrypt", "--input-type", "y"]), ["yaml"]);
        assert_eq!(fits(&["decrypt", "--input-type=j"]), ["--input-type=json"]);
        assert_eq!(fits(&["decrypt", "--input-type", "=", "j"]), ["--input-type=json"]);
    }

    #[test]
    fn quotes_of_the_shell_are_taken_off() {
        let plain = |text: &str| unquoted(OsStr::new(text)).to_string_lossy().into_owned();
        assert_eq!(plain("'[\"a"), "[\"a");
        assert_eq!(plain("\"[\\\"a"), "[\"a");
        assert_eq!(plain("\\[\\\"a\\\"\\]"), "[\"a\"]");
        assert_eq!(plain("[\"a\"]["), "[\"a\"][");
        assert_eq!(plain("''"), "");
    }

    #[test]
    fn keys_of_the_file_are_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, "db:\n  user: x\n  list: [1, {k: 2}]\nother: 1\nsops: {mac: x}\n").expect("written");
        let file = file.to_str().expect("UTF-8");
        assert_eq!(fits(&["set", file, ""]), ["[\"db\"]", "[\"other\"]", ":paths"]);
        assert_eq!(fits(&["set", file, "'[\"d"]), ["[\"db\"]", ":paths"]);
        assert_eq!(fits(&["unset", file, "[\"db\"]["]), ["[\"db\"][\"user\"]", "[\"db\"][\"list\"]", ":paths"]);
        assert_eq!(fits(&["unset", file, "[\"db\"][\"list\"]["]), ["[\"db\"][\"list\"][0]", "[\"db\"][\"list\"][1]", ":paths"]);
        assert_eq!(fits(&["decrypt", file, "--extract", "[\"o"]), ["[\"other\"]", ":paths"]);
        assert_eq!(fits(&["-d", "--input-type", "yaml", file, "--extract=[\"o"]), ["--extract=[\"other\"]", ":paths"]);
        assert_eq!(fits(&["set", "/nowhere", "["]), [":paths"]);
    }

    #[test]
    fn the_scripts_of_sops_get_names_alone() {
        let words = |words: &[&str]| answer_sops(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(words(&[]).contains(&String::from("decrypt")));
        assert_eq!(words(&["decrypt", "--extr"]), ["--extract"]);
        assert_eq!(words(&["decrypt"]), [""; 0]);
    }
}
