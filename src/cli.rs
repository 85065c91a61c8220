//! Owns the command line: global options, the command table, and the words that sops accepts.

mod complete;
mod legacy;
mod options;
mod words;

use self::words::{Asked, Line};
use crate::commands::args::Global;
use crate::commands::{self, Command, Row, TABLE};
use crate::file::FORMAT_VERSION;
use crate::host::env;
use crate::host::exit::{self, Exit};
use crate::host::failure::{Failure, usage};
use crate::host::ui::Ui;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, FromArgMatches};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let arguments = env::arguments();
    let ui = Ui::new(asks_for_json(&arguments), false);
    let Exit(code) = match start(arguments, ui) {
        Ok(()) => exit::SUCCESS,
        Err(exit) => exit,
    };
    ExitCode::from(code)
}

fn start(arguments: Vec<OsString>, ui: Ui) -> Result<(), Exit> {
    if let Some(lines) = completions(&arguments) {
        return ui
            .data(lines.into_iter().flat_map(|line| [line, String::from("\n")]).collect::<String>().as_bytes())
            .map_err(|f| f.exit);
    }
    let fail = |failure: Failure| {
        ui.failure(&failure);
        failure.exit
    };
    env::check_flags().map_err(fail)?;
    let line = match words::arrange(arguments).map_err(fail)? {
        Asked::Version { verbose, check } => return show_version(&ui, verbose, check).map_err(fail),
        Asked::Help(topic) => return help(&topic).and_then(|text| ui.help(&text)).map_err(fail),
        Asked::Run(line) => line,
    };
    for warning in &line.warnings {
        ui.warning(warning);
    }
    let (global, command) = match read(&line) {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => return ui.help(&error.render().to_string()).map_err(fail),
        Err(error) => return Err(fail(in_our_words(&error))),
    };
    if global.check_for_updates {
        ui.status(NO_UPDATES);
    }
    let ui = ui.verbose(global.verbose);
    commands::run(&command, &global, &ui, self::command).map_err(|failure| {
        ui.failure(&failure);
        failure.exit
    })
}

/// What fits a command line that is being typed, if a shell asks.
fn completions(arguments: &[OsString]) -> Option<Vec<String>> {
    match arguments {
        [first, words @ ..] if first == complete::COMMAND => Some(complete::answer(words)),
        [words @ .., last] if last == complete::OF_SOPS => Some(complete::answer_sops(words)),
        _ => None,
    }
}

/// The command line as clap knows it: for the documentation and completions.
pub fn command() -> clap::Command {
    TABLE.iter().fold(program(), |program, row| program.subcommand(row.clap()))
}

/// The program without its commands.
fn program() -> clap::Command {
    with_global(clap::Command::new("leafseal"))
        .about("Seal the values of YAML, JSON and other files; drop-in for sops")
        .long_about(
            "Seal the values of YAML, JSON and other files; drop-in for sops\n\n\
             Without a command, FILE is edited: `leafseal secrets.yaml` is `leafseal edit secrets.yaml`.",
        )
        .override_usage("leafseal [OPTIONS] <COMMAND>\n       leafseal [OPTIONS] <FILE>")
        .after_help(AFTER_HELP)
        .args_override_self(true)
        .max_term_width(110)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .arg(
            clap::Arg::new("version")
                .short('v')
                .long("version")
                .visible_short_alias('V')
                .action(clap::ArgAction::SetTrue)
                .help("Print the version"),
        )
}

const AFTER_HELP: &str = "\
First steps:
  leafseal init                       an age identity and a .sops.yaml for it
  leafseal secrets.yaml               edit a new or an encrypted file
  leafseal encrypt -i values.yaml     encrypt a file that is there
  leafseal decrypt values.yaml        print it
  leafseal set values.yaml '[\"db\"][\"password\"]' '\"s3cret\"'

The older form of sops is understood: -d FILE, -e FILE, -r FILE, --set '[\"key\"] \"value\"' FILE.
`leafseal help COMMAND` shows the options and examples of a command.";

/// A command with the options of every command.
fn with_global(command: clap::Command) -> clap::Command {
    Global::augment_args(command)
}

/// Reads a line with clap; only its own command is built.
fn read(line: &Line) -> Result<(Global, Command), clap::Error> {
    let words = std::iter::once(OsString::from("leafseal")).chain(line.words.iter().cloned());
    let matches = program().subcommand(line.row.clap()).try_get_matches_from(words)?;
    let mut global = Global::from_arg_matches(&matches)?;
    global.legacy = line.legacy;
    let command = match matches.subcommand() {
        Some((_, matches)) => line.row.read(matches)?,
        None => return Err(clap::Error::new(ErrorKind::MissingSubcommand)),
    };
    Ok((global, command))
}

/// What is said when someone asks for updates.
const NO_UPDATES: &str = "leafseal does not look for new versions: it uses the network for keys alone";

/// Prints the version: under the name `sops` the line that scripts read.
fn show_version(ui: &Ui, verbose: bool, check: bool) -> Result<(), Failure> {
    if check {
        ui.status(NO_UPDATES);
    }
    let own = format!("leafseal {} (files of sops {FORMAT_VERSION})\n", env!("CARGO_PKG_VERSION"));
    let sops = format!("sops {FORMAT_VERSION}\n");
    match (ui.is_called_sops(), verbose) {
        (true, true) => ui.data((sops + &own).as_bytes()),
        (true, false) => ui.data(sops.as_bytes()),
        (false, _) => ui.data(own.as_bytes()),
    }
}

/// The help about the whole, or about a command and what is below it.
fn help(topic: &[OsString]) -> Result<String, Failure> {
    let Some((first, below)) = topic.split_first() else { return Ok(command().render_long_help().to_string()) };
    if first == "help" || first == "h" {
        return help(&[]);
    }
    let row = Row::of(&first.to_string_lossy()).ok_or_else(|| words::no_topic(first))?;
    let mut whole = program().subcommand(row.clap());
    whole.build();
    let mut at = &mut whole;
    for name in std::iter::once(first).chain(below) {
        at = at.find_subcommand_mut(name).ok_or_else(|| words::no_topic(name))?;
    }
    Ok(at.render_long_help().to_string())
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
        let Some(option) = word.to_str().and_then(|word| word.strip_prefix('-')) else { continue };
        let option = option.strip_prefix('-').unwrap_or(option);
        if option == "output-format=json" || (option == "output-format" && words.next().is_some_and(|next| next == "json")) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, Failure> {
        match words::arrange(text.split_whitespace().map(OsString::from).collect())? {
            Asked::Run(line) => Ok(line),
            other => panic!("{other:?}"),
        }
    }

    fn arranged(text: &str) -> String {
        let line = line(text).expect("can be arranged");
        line.words.iter().map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn refused(text: &str) -> Failure {
        line(text).expect_err("refused")
    }

    #[test]
    fn options_may_stand_anywhere() {
        assert_eq!(arranged("encrypt --age R f"), "encrypt --age=R -- f");
        assert_eq!(arranged("encrypt f --age R"), "encrypt --age=R -- f");
        assert_eq!(arranged("-a R encrypt f"), "encrypt --age=R -- f");
        assert_eq!(arranged("decrypt f -i g"), "decrypt --in-place -- f g");
        assert_eq!(arranged("--idempotent set f x y"), "set --idempotent -- f x y");
        assert_eq!(arranged("decrypt -- -i"), "decrypt -- -i");
        assert_eq!(arranged("-- decrypt -i"), "decrypt -- -i");
    }

    #[test]
    fn without_a_command_the_file_is_edited() {
        assert_eq!(arranged("f.yaml"), "edit -- f.yaml");
        assert_eq!(arranged("--ignore-mac f.yaml -i"), "edit --ignore-mac -- f.yaml");
        assert_eq!(arranged("./set"), "edit -- ./set");
    }

    #[test]
    fn the_older_form_becomes_a_command() {
        assert_eq!(arranged("-d f"), "decrypt -- f");
        assert_eq!(arranged("f -d --extract X"), "decrypt --extract=X -- f");
        assert_eq!(arranged("-di f"), "decrypt --in-place -- f");
        assert_eq!(arranged("--encrypt -in-place --age R f"), "encrypt --in-place --age=R -- f");
        assert_eq!(arranged("-r --ignore-mac -i f"), "rotate --ignore-mac --in-place -- f");
        assert_eq!(arranged("-d=false f"), "edit -- f");
        let words = ["--set", "[\"a\"][0]   5", "f"].map(OsString::from).to_vec();
        match words::arrange(words) {
            Ok(Asked::Run(line)) => assert_eq!(line.words[2..], ["f", "[\"a\"][0]", "  5"].map(OsString::from)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_older_form_has_the_exit_codes_of_sops() {
        assert_eq!(refused("-d").exit, exit::NO_FILE);
        assert_eq!(refused("--set [\"a\"]5 f").exit, exit::SET_FORMAT);
        assert_eq!(refused("--add-age R /nowhere/f").exit, exit::KEYS_OF_MISSING_FILE);
        assert_eq!(refused("-r --rm-pgp R /nowhere/f").exit, exit::KEYS_OF_MISSING_FILE);
    }

    #[test]
    fn two_modes_at_once_are_refused() {
        assert_eq!(refused("-d -e f").message, "--encrypt and --decrypt exclude each other");
        assert_eq!(refused("-d encrypt f").message, "--decrypt and the command `encrypt` exclude each other");
    }

    #[test]
    fn what_has_no_effect_is_said() {
        let warnings = |text: &str| line(text).expect("can be arranged").warnings;
        assert_eq!(warnings("-d --age R f"), ["--age has no effect with --decrypt"]);
        assert_eq!(warnings("--age R decrypt f"), ["--age has no effect with the command `decrypt`"]);
        assert_eq!(warnings("-e --age R f"), [""; 0]);
        // Where sops does not know it, it is an error of clap's.
        assert_eq!(arranged("decrypt f --age R"), "decrypt --age -- f R");
    }

    #[test]
    fn long_options_may_have_one_dash() {
        assert_eq!(arranged("decrypt -output-type=json f"), "decrypt --output-type=json -- f");
        assert_eq!(arranged("decrypt -output-type json f"), "decrypt --output-type=json -- f");
        assert_eq!(arranged("decrypt --enable-local-keyservice false"), "decrypt --enable-local-keyservice -- false");
        assert_eq!(arranged("decrypt --enable-local-keyservice=false f"), "decrypt --enable-local-keyservice=false -- f");
    }

    #[test]
    fn the_last_of_equal_flags_wins() {
        assert_eq!(arranged("decrypt -i=true f"), "decrypt --in-place -- f");
        assert_eq!(arranged("decrypt -i -in-place=false f"), "decrypt -- f");
        assert_eq!(arranged("decrypt -i=0 -i f"), "decrypt --in-place -- f");
    }

    #[test]
    fn values_may_begin_with_a_dash() {
        assert_eq!(arranged("set f [\"a\"] -5 --idempotent"), "set --idempotent -- f [\"a\"] -5");
        assert_eq!(arranged("set f [\"a\"] -----BEGIN"), "set -- f [\"a\"] -----BEGIN");
        assert_eq!(arranged("decrypt --extract -x f"), "decrypt --extract=-x -- f");
        assert_eq!(arranged("decrypt --bogus f"), "decrypt --bogus -- f");
    }

    #[test]
    fn what_follows_the_dashes_belongs_to_the_program_that_is_run() {
        assert_eq!(arranged("exec-env f --pristine -- ls -la --age"), "exec-env --pristine f -- ls -la --age");
        assert_eq!(arranged("exec-env -- f ls"), "exec-env -- f ls");
        assert_eq!(arranged("exec-file f ls --no-fifo"), "exec-file --no-fifo f ls");
    }

    #[test]
    fn a_separator_may_follow_its_option() {
        assert_eq!(arranged("decrypt --flatten / f"), "decrypt --flatten=/ -- f");
        assert_eq!(arranged("decrypt --flatten f"), "decrypt --flatten -- f");
        assert_eq!(arranged("exec-env -flatten __ f -- echo --flatten /"), "exec-env --flatten=__ f -- echo --flatten /");
        assert_eq!(arranged("decrypt --flatten -i f"), "decrypt --flatten --in-place -- f");
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_commands() {
        command().debug_assert();
    }
}
