//! Owns sops's older form without a command: `-d FILE`, `-e`, `-r`, `--set`, and the bare FILE, which is edited. It is translated into
//! a command.

use super::options::{Given, Known, MODES};
use super::words::{Asked, Line, Read, in_effect, is_on, no_effect, read_all};
use crate::commands::Row;
use crate::commands::work::no_file;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files;
use std::ffi::OsString;
use std::path::Path;

/// Arranges a command line that has no command.
pub(super) fn arrange(words: Vec<OsString>) -> Result<Asked, Failure> {
    let name = mode(&read_all(words.clone(), Known::Top)?.options)?;
    let Some(row) = Row::of(name) else { return Err(no_file()) };
    let command = super::with_global(row.clap());
    let Read { options, unknown, plain: files, .. } = read_all(words, Known::Both(&command))?;
    if is_on(&options, "help") {
        return Ok(Asked::Help(Vec::new()));
    }
    let known = Known::Command(&command);
    let said = |option: &str| MODES.contains(&option) && option == name;
    // Editing and setting are always in place.
    let implied = |option: &str| option == "in-place" && (name == "edit" || name == "set");
    let (options, others): (Vec<Given>, Vec<Given>) = options.into_iter().partition(|given| known.has(&given.name));
    let has_key_changes =
        others.iter().chain(&options).any(|given| given.name.starts_with("add-") || given.name.starts_with("rm-"));
    let form = if name == "edit" { "a file to edit" } else { &format!("--{name}") };
    let idle = others.iter().filter(|given| given.on && !said(&given.name) && !implied(&given.name));
    let warnings = idle.map(|given| no_effect(&given.name, form)).collect();
    if files.is_empty() && unknown.is_empty() {
        return Err(no_file().hint("`leafseal --help` lists the commands"));
    }
    if has_key_changes && let Some(missing) = files.iter().find(|file| !files::exists(Path::new(file))) {
        let missing = missing.to_string_lossy();
        return Err(Failure::new(exit::KEYS_OF_MISSING_FILE, "cannot add or remove keys on a non-existent file")
            .detail(missing)
            .hint("leave --add-... and --rm-... out, or create the file first"));
    }
    let mut words = vec![OsString::from(name)];
    words.extend(in_effect(&options));
    words.extend(unknown);
    words.push(OsString::from("--"));
    words.extend(files);
    if let Some(set) = others.iter().rev().find(|given| given.name == "set") {
        let (index, value) = split_set(set.value.as_ref())?;
        words.push(index);
        words.push(value);
    }
    Ok(Asked::Run(Line { words, row, legacy: true, warnings }))
}

/// The command that the options stand for.
fn mode(options: &[Given]) -> Result<&'static str, Failure> {
    let modes: Vec<&'static str> = MODES.iter().copied().filter(|mode| is_on(options, mode)).collect();
    match modes.as_slice() {
        [] => Ok("edit"),
        [mode] => Ok(mode),
        several => {
            let names: Vec<String> = several.iter().map(|mode| format!("--{mode}")).collect();
            Err(usage(format!("{} exclude each other", names.join(" and "))).hint("do one after the other"))
        }
    }
}

/// Splits `["path"] json` behind the first `] `.
fn split_set(text: Option<&OsString>) -> Result<(OsString, OsString), Failure> {
    let text = text.and_then(|text| text.to_str()).unwrap_or_default();
    let at = text.find("] ").ok_or_else(|| {
        Failure::new(exit::SET_FORMAT, "invalid --set format: the index and the value must be separated by a blank")
            .hint("for example: --set '[\"key\"] \"value\"'")
    })?;
    Ok((OsString::from(&text[..=at]), OsString::from(&text[at + 2..])))
}
