//! Owns the command line: global options, the command table, and the order of words that sops accepts.

use crate::commands::args::Global;
use crate::commands::{self, Command};
use crate::host::env;
use crate::host::exit::{self, Exit};
use crate::host::failure::{Failure, usage};
use crate::host::ui::Ui;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser};
use std::collections::HashMap;
use std::ffi::OsString;
use std::process::ExitCode;

/// Seal the values of YAML, JSON and other files; drop-in for sops
///
/// Without a command, FILE is edited: `leafseal secrets.yaml` is `leafseal edit secrets.yaml`.
#[derive(Debug, Parser)]
#[command(name = "leafseal", disable_version_flag = true, args_override_self = true, max_term_width = 110)]
#[command(override_usage = "leafseal [OPTIONS] <COMMAND>\n       leafseal [OPTIONS] <FILE>")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
    /// Print the version
    #[arg(short = 'v', long, visible_short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// What `--version` prints after the name.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (files of sops 3.13.3)");

/// The commands of sops that are still to be built; their names are not taken for files.
const NOT_YET: &[&str] = &["completion", "exec-env", "exec-file", "groups", "keyservice", "publish", "updatekeys"];

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let arguments = env::arguments();
    let json = asks_for_json(&arguments);
    let Exit(code) = match parse(arguments) {
        Ok(Cli { global, command, .. }) => {
            let ui = Ui::new(json, global.verbose);
            match commands::run(command, &global, &ui) {
                Ok(()) => exit::SUCCESS,
                Err(failure) => {
                    ui.failure(&failure);
                    failure.exit
                }
            }
        }
        Err(Stop::Show(text)) => match Ui::new(json, false).data(text.as_bytes()) {
            Ok(()) => exit::SUCCESS,
            Err(failure) => failure.exit,
        },
        Err(Stop::Fail(failure)) => {
            Ui::new(json, false).failure(&failure);
            failure.exit
        }
    };
    ExitCode::from(code)
}

/// The command line as clap knows it: for the documentation and completions.
pub fn command() -> clap::Command {
    Cli::command().version(VERSION)
}

/// Why there is nothing to run.
#[derive(Debug)]
enum Stop {
    /// Help or the version was asked for.
    Show(String),
    /// The words make no sense.
    Fail(Failure),
}

fn parse(arguments: Vec<OsString>) -> Result<Cli, Stop> {
    let mut command = command();
    let arguments = arrange(arguments, &command).map_err(Stop::Fail)?;
    let words = std::iter::once(OsString::from("leafseal")).chain(arguments);
    command.try_get_matches_from_mut(words).and_then(|matches| Cli::from_arg_matches(&matches)).map_err(stop)
}

fn stop(error: clap::Error) -> Stop {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Show(error.render().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Stop::Fail(Failure::new(exit::NO_FILE, "no file specified").hint("`leafseal --help` lists the commands"))
        }
        _ => Stop::Fail(in_our_words(&error)),
    }
}

/// clap's message as a [`Failure`]: what it calls tips become hints.
fn in_our_words(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let mut failure = usage(first.strip_prefix("error: ").unwrap_or(first));
    let lines = text.lines().skip(1).take_while(|line| !line.starts_with("Usage:"));
    for line in lines.filter(|line| line.starts_with("  ") && !line.trim_start().starts_with("tip:")) {
        failure = failure.detail(line.trim());
    }
    // "To pass it as a value, use `--`" helps nobody here.
    for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: ")).filter(|line| !line.contains("'-- ")) {
        failure = failure.hint(line);
    }
    if let Some(ContextValue::StyledStr(line)) = error.get(ContextKind::Usage) {
        failure = failure.hint(line.to_string().trim().replacen("Usage:", "usage:", 1));
    }
    failure
}

/// Whether `--output-format json` is among the words: needed before they are understood.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == "--output-format=json" || (word == "--output-format" && words.next().is_some_and(|next| next == "json")) {
            return true;
        }
    }
    false
}

/// Brings the words into the order `COMMAND OPTIONS`, wherever they stood.
///
/// Long options may have one dash, as Go's have. Without a command the file is edited. What a command does not know as an option
/// becomes a plain word for `set`, whose values may begin with a dash.
fn arrange(arguments: Vec<OsString>, command: &clap::Command) -> Result<Vec<OsString>, Failure> {
    let options = Options::of(command);
    let mut dashed = Vec::new();
    let mut plain = Vec::new();
    let mut words = arguments.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            plain.extend(words.by_ref());
            break;
        }
        match options.read(&word) {
            Some((word, true)) => {
                dashed.push(word);
                dashed.extend(words.next());
            }
            Some((word, false)) => dashed.push(word),
            None => plain.push(word),
        }
    }
    let is_dashed = |word: &OsString| word.len() > 1 && word.as_encoded_bytes()[0] == b'-';
    let Some(first) = plain.iter().position(|word| !is_dashed(word)) else {
        dashed.extend(plain);
        return Ok(dashed);
    };
    let name = if plain[first] == "help" || command.get_subcommands().any(|c| plain[first] == c.get_name()) {
        plain.remove(first)
    } else if let Some(name) = NOT_YET.iter().find(|name| plain[first] == **name) {
        return Err(
            usage(format!("the command `{name}` is not built in yet")).hint(format!("a file of this name is edited with ./{name}"))
        );
    } else {
        OsString::from("edit")
    };
    if name == "help" {
        return Ok(std::iter::once(name).chain(plain).chain(dashed).collect());
    }
    let takes_dashes = name == "set";
    let (unknown, plain): (Vec<_>, Vec<_>) = plain.into_iter().partition(|word| !takes_dashes && is_dashed(word));
    let mut out = vec![name];
    out.extend(dashed);
    // Unknown options, so that clap says what is wrong with them.
    out.extend(unknown);
    out.push(OsString::from("--"));
    out.extend(plain);
    Ok(out)
}

/// Every option of every command, by name, with whether a value follows it.
struct Options {
    long: HashMap<String, bool>,
    short: HashMap<char, bool>,
}

impl Options {
    fn of(command: &clap::Command) -> Self {
        let mut options = Self { long: HashMap::from([(String::from("help"), false)]), short: HashMap::from([('h', false)]) };
        for command in std::iter::once(command).chain(command.get_subcommands()) {
            for argument in command.get_arguments().filter(|a| !a.is_positional()) {
                let takes_value = argument.get_action().takes_values() && !argument.is_require_equals_set();
                for name in argument.get_long_and_visible_aliases().unwrap_or_default() {
                    options.long.insert(name.to_owned(), takes_value);
                }
                for name in argument.get_short_and_visible_aliases().unwrap_or_default() {
                    options.short.insert(name, takes_value);
                }
            }
        }
        options
    }

    /// A word that is an option, with two dashes if it is a long one, and whether its value is the next word.
    fn read(&self, word: &OsString) -> Option<(OsString, bool)> {
        let text = word.to_str()?;
        let name = text.strip_prefix('-')?;
        let long = name.strip_prefix('-').unwrap_or(name);
        let bare = long.split_once('=').map_or(long, |(bare, _)| bare);
        if bare.chars().count() > 1
            && let Some(takes_value) = self.long.get(bare)
        {
            return Some((OsString::from(format!("--{long}")), *takes_value && bare.len() == long.len()));
        }
        let mut letters = name.chars();
        let takes_value = *self.short.get(&letters.next()?)?;
        Some((word.clone(), takes_value && letters.next().is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from).collect();
        let out = arrange(words, &command()).expect("can be arranged");
        out.iter().map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_may_stand_anywhere() {
        assert_eq!(arranged("encrypt --age R f"), "encrypt --age R -- f");
        assert_eq!(arranged("encrypt f --age R"), "encrypt --age R -- f");
        assert_eq!(arranged("--age R encrypt f"), "encrypt --age R -- f");
        assert_eq!(arranged("decrypt f -i g"), "decrypt -i -- f g");
    }

    #[test]
    fn without_a_command_the_file_is_edited() {
        assert_eq!(arranged("f.yaml"), "edit -- f.yaml");
        assert_eq!(arranged("--ignore-mac f.yaml"), "edit --ignore-mac -- f.yaml");
        assert_eq!(arranged("./set"), "edit -- ./set");
    }

    #[test]
    fn long_options_may_have_one_dash() {
        assert_eq!(arranged("decrypt -output-type=json f"), "decrypt --output-type=json -- f");
        assert_eq!(arranged("decrypt -output-type json f"), "decrypt --output-type json -- f");
        assert_eq!(arranged("decrypt --enable-local-keyservice false"), "decrypt --enable-local-keyservice -- false");
    }

    #[test]
    fn values_of_set_may_begin_with_a_dash() {
        assert_eq!(arranged("set f [\"a\"] -5 --idempotent"), "set --idempotent -- f [\"a\"] -5");
        assert_eq!(arranged("set f [\"a\"] -----BEGIN"), "set -- f [\"a\"] -----BEGIN");
        assert_eq!(arranged("decrypt --bogus f"), "decrypt --bogus -- f");
    }

    #[test]
    fn an_option_has_a_value_in_every_command_or_in_none() {
        let mut seen: HashMap<String, bool> = HashMap::new();
        for command in std::iter::once(&command()).chain(command().get_subcommands()) {
            for argument in command.get_arguments().filter(|a| !a.is_positional()) {
                let takes_value = argument.get_action().takes_values() && !argument.is_require_equals_set();
                for name in argument.get_long_and_visible_aliases().unwrap_or_default() {
                    assert_eq!(*seen.entry(name.to_owned()).or_insert(takes_value), takes_value, "--{name}");
                }
            }
        }
    }

    #[test]
    fn commands_to_come_are_not_taken_for_files() {
        let failure = arrange(vec![OsString::from("exec-env"), OsString::from("f")], &command()).expect_err("not built in");
        assert!(failure.message.contains("not built in yet"));
    }
}
