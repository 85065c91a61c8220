//! `leafseal inspect`.

use super::args::InputArgs;
use super::report::plain;
use super::session::Session;
use super::work::Input;
use super::{format, work};
use crate::config::{self, PolicyWarning};
use crate::file::{Counts, EncryptedFile};
use crate::host::exit;
use crate::host::failure::Failure;
use crate::host::files;
use crate::keys::{MasterKey, WrappedGroup, WrappedKey};
use crate::metadata::Metadata;
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  leafseal inspect secrets.yaml
  leafseal inspect --output-format json secrets/*.yaml | jq -r '.groups[].keys[].key'";

/// Show who can read encrypted files, and what is sealed in them
///
/// Key groups and master keys, the selection, dates, and how many values are sealed. No keys are needed: all this is in the clear part of the
/// file, and nothing of it is proved. With --output-format json one line for each file.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The files; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 1 when a file is not encrypted.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if args.files.is_empty() {
        return Err(work::no_file());
    }
    let mut first = true;
    work::each(session.ui, &args.files, |file| {
        let input = Input::of(file);
        let mut look = || -> Result<(), Failure> {
            let from = format::choose(args.input.input_type.as_deref(), &input.path(None))?;
            let encrypted = EncryptedFile::parse_owned(input.read(session.ui)?, from)?;
            let inspected = Inspected::of(&encrypted);
            if session.ui.json() {
                return session.ui.report(&inspected.json(&input.name()));
            }
            let between = if std::mem::replace(&mut first, false) { "" } else { "\n" };
            session.ui.data(format!("{between}{}", inspected.text(&input.name())).as_bytes())
        };
        look().map_err(|failure| {
            let exit = if failure.exit == exit::READ { exit::GENERIC } else { failure.exit };
            Failure { exit, ..failure }.about(&files::shown(file))
        })
    })
}

/// What an encrypted file says of itself.
struct Inspected<'a> {
    metadata: &'a Metadata,
    counts: Counts,
    warnings: Vec<PolicyWarning>,
}

impl<'a> Inspected<'a> {
    fn of(file: &'a EncryptedFile) -> Self {
        let metadata = file.metadata();
        let groups: Vec<_> = metadata.groups.iter().map(|group| group.group()).collect();
        let mut warnings = config::group_warnings(&groups, metadata.shamir_threshold, metadata.shamir_threshold == 0);
        warnings.extend(config::selection_warnings(&metadata.selection));
        Self { metadata, counts: file.counts(), warnings }
    }

    fn text(&self, name: &str) -> String {
        let Self { metadata, counts, warnings } = self;
        let mut lines =
            vec![line("file", name), line("version", &metadata.version), line("modified", metadata.last_modified.text())];
        lines.push(line("mac", self.mac()));
        let selection = &metadata.selection;
        lines.push(line("selection", &format!("{}: {}", selection.field(), selection.text())));
        lines.push(line("values", &format!("{} sealed, {} in clear, {} empty", counts.sealed, counts.clear, counts.empty)));
        lines.push(line("comments", &format!("{} sealed, {} in clear", counts.comments_sealed, counts.comments_clear)));
        lines.push(line("keys", &requirement(&metadata.groups, metadata.shamir_threshold)));
        let several = metadata.groups.len() > 1;
        for (index, group) in metadata.groups.iter().enumerate() {
            if several {
                lines.push(format!("  group {index}"));
            }
            let indent = if several { "    " } else { "  " };
            lines.extend(group.keys.iter().map(|key| format!("{indent}{}", shown(key))));
        }
        lines.extend(warnings.iter().map(|warning| line("warning", &warning.to_string())));
        lines.iter().map(|line| plain(line) + "\n").collect()
    }

    fn json(&self, name: &str) -> Value {
        let Self { metadata, counts, warnings } = self;
        let key = |wrapped: &WrappedKey| {
            json!({
                "type": wrapped.key.type_name(), "key": wrapped.key.to_string(), "created_at": wrapped.created_at,
                "wraps": !wrapped.enc.is_empty(),
            })
        };
        let group = |group: &WrappedGroup| json!({ "keys": group.keys.iter().map(key).collect::<Vec<_>>() });
        json!({
            "file": name,
            "version": metadata.version,
            "lastmodified": metadata.last_modified.text(),
            "mac": !metadata.mac.is_empty(),
            "mac_only_encrypted": metadata.mac_only_encrypted,
            "selector": metadata.selection.field(),
            "selector_text": metadata.selection.text(),
            "shamir_threshold": metadata.shamir_threshold,
            "groups": metadata.groups.iter().map(group).collect::<Vec<_>>(),
            "values": { "sealed": counts.sealed, "clear": counts.clear, "empty": counts.empty },
            "comments": { "sealed": counts.comments_sealed, "clear": counts.comments_clear },
            "warnings": warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn mac(&self) -> &'static str {
        match () {
            () if self.metadata.mac.is_empty() => "none",
            () if self.metadata.mac_only_encrypted => "over sealed values only",
            () => "over all values",
        }
    }
}

/// How many keys it takes to open a file.
fn requirement(groups: &[WrappedGroup], threshold: usize) -> String {
    match groups {
        [group] if group.keys.len() == 1 => "this one".to_owned(),
        [group] => format!("any one of {}", group.keys.len()),
        groups if threshold == 0 || threshold >= groups.len() => format!("one of each of all {} groups", groups.len()),
        groups => format!("one of each of any {threshold} of {} groups", groups.len()),
    }
}

fn shown(wrapped: &WrappedKey) -> String {
    let made = wrapped.created_at.as_deref().map(|time| format!("  created {time}")).unwrap_or_default();
    let empty = if wrapped.enc.is_empty() { "  (wraps nothing: it cannot open the file)" } else { "" };
    let key: &MasterKey = &wrapped.key;
    format!("{:<8} {key}{made}{empty}", key.type_name())
}

fn line(name: &str, text: &str) -> String {
    format!("{name:<10} {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_how_many_keys_it_takes() {
        let key = |name: &str| WrappedKey { key: crate::keys::parse::pgp(name), enc: String::new(), created_at: None };
        let group = |names: &[&str]| WrappedGroup { keys: names.iter().map(|name| key(name)).collect() };
        assert_eq!(requirement(&[group(&["A"])], 0), "this one");
        assert_eq!(requirement(&[group(&["A", "B"])], 1), "any one of 2");
        assert_eq!(requirement(&[group(&["A"]), group(&["B"])], 0), "one of each of all 2 groups");
        assert_eq!(requirement(&[group(&["A"]), group(&["B"]), group(&["C"])], 2), "one of each of any 2 of 3 groups");
        assert_eq!(shown(&key("A")), "pgp      A  (wraps nothing: it cannot open the file)");
    }
}
