//! `leafseal updatekeys`.

use super::args::{InputArgs, ServiceArgs};
use super::report::plain;
use super::session::{Session, Settled};
use super::{format, work};
use crate::config::{self, Overrides, Policy, PolicyWarning};
use crate::document::Format;
use crate::file::EncryptedFile;
use crate::host::config_file;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use crate::host::ui::{Paint, Ui};
use crate::keys::diff::KeyDiff;
use crate::keys::{KeyGroup, MasterKey, pin};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  leafseal updatekeys secrets.yaml
  leafseal updatekeys -y secrets/*.yaml
  leafseal updatekeys --check secrets/*.yaml || echo 'some files have other keys than .sops.yaml says'";

/// Give encrypted files the master keys that .sops.yaml names
///
/// Shows what would change and asks. The data key stays, and so do values, MAC and date: who could read a file and is removed
/// can still read old revisions, and what they copied; `leafseal rotate` makes a new data key. Keys that stay keep what they wrap; where
/// there are several key groups, all shares are made anew. The threshold of a file stays as far as its groups allow it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Change nothing; name the files that would change, and end with 1 if there are some. No key is needed
    #[arg(long)]
    check: bool,
    /// Change nothing; show what would change, and end with 1 if something would. No key is needed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    services: ServiceArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 1 without a configuration, when --check or --dry-run find something, or when one of several files failed; that of the failure for a
/// single file.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if args.files.is_empty() {
        return Err(match session.configs.of_working_folder()? {
            Some(_) => work::no_file(),
            None => no_config(),
        });
    }
    let settled = session.settle(&args.services, None)?;
    let mut would_change = 0;
    let mut update = |file: &PathBuf| {
        let update = Update { args, session, settled: &settled, file, shown: files::shown(&files::absolute(file)) };
        let changes = update.run().map_err(|failure| failure.about(&files::shown(file)))?;
        would_change += usize::from(changes);
        Ok(())
    };
    match args.files.as_slice() {
        [file] => update(file)?,
        several => work::each(session.ui, several, update).map_err(|failure| Failure { exit: exit::GENERIC, ..failure })?,
    }
    match would_change {
        0 => Ok(()),
        _ => Err(Failure::quiet(exit::GENERIC)),
    }
}

/// One file.
struct Update<'a> {
    args: &'a Args,
    session: &'a Session<'a>,
    settled: &'a Settled<'a>,
    file: &'a Path,
    /// Its absolute path.
    shown: String,
}

impl Update<'_> {
    /// Whether something would change that was not to be changed.
    fn run(&self) -> Result<bool, Failure> {
        let (args, ui) = (self.args, self.session.ui);
        let only_looks = args.check || args.dry_run;
        let path = files::absolute(self.file);
        if files::is_folder(&path) {
            return Err(usage("can't operate on a directory"));
        }
        if !files::exists(&path) {
            return Err(usage(format!("cannot operate on non-existent file \"{}\"", files::shown(self.file))).named());
        }
        let format = format::choose(args.input.input_type.as_deref(), &path)?;
        if !only_looks {
            ui.status(&format!("Syncing keys for file {}", self.shown));
        }
        let encrypted = EncryptedFile::parse_owned(files::read(self.file)?, format)?;
        let mut policy = self.policy(&path, format)?;
        let held = encrypted.metadata();
        let groups: Vec<KeyGroup> = held.groups.iter().map(|group| group.group()).collect();
        policy.groups = match pin::pin(&policy.groups, self.settled.context().services) {
            Ok(pinned) => pinned,
            // A look needs no key.
            Err(error) if only_looks => {
                ui.warning(&format!("{}: any version of a key without one will do: {error}", files::shown(self.file)));
                pin::pin_from(&policy.groups, &groups)
            }
            Err(error) => return Err(usage(error.to_string()).named()),
        };
        let diff = KeyDiff::new(&groups, held.shamir_threshold, &policy.groups);
        if let Some(drift) = policy.drift(&held.selection, held.mac_only_encrypted) {
            ui.warning(&format!("{}: {drift}", files::shown(self.file)));
        }
        if ui.json() {
            ui.report(&report(&self.shown, &diff))?;
        }
        if diff.is_empty() {
            if !only_looks {
                ui.status(&format!("File {} already up to date", self.shown));
            }
            return Ok(false);
        }
        if args.check {
            ui.status(&format!("File {} would change", self.shown));
        } else if !ui.json() {
            show(ui, &diff)?;
        }
        if only_looks {
            return Ok(true);
        }
        for warning in warnings(&policy, &diff) {
            ui.warning(&format!("{}: {warning}", files::shown(self.file)));
        }
        if !args.yes && !ui.yes_or_no("Is this okay? (y/n):")? {
            ui.status(&format!("File {} left unchanged", self.shown));
            return Ok(false);
        }
        let text = encrypted.update_keys(&policy.groups, diff.new_threshold, &self.settled.context())?;
        files::write(self.file, &text, Content::Encrypted)?;
        ui.status(&format!("File {} synced with new keys", self.shown));
        Ok(false)
    }

    /// What the creation rule of the file says.
    fn policy(&self, path: &Path, format: Format) -> Result<Policy, Failure> {
        let config = self.session.configs.of_file(path)?.ok_or_else(no_config)?;
        if config.creation_rules.is_none() {
            return Err(usage(format!("The config file {} does not contain any creation rule", config.origin.path))
                .named()
                .hint("`leafseal init` writes one"));
        }
        Ok(config::resolve(Some(&config), &config_file::file_path(path, Some(&config)), &Overrides::default(), format)?)
    }
}

/// What looks like a mistake in what the file will have.
fn warnings(policy: &Policy, diff: &KeyDiff) -> Vec<String> {
    let by_rule = |warning: &&PolicyWarning| diff.new_threshold == 0 || !matches!(warning, PolicyWarning::AllGroupsNeeded { .. });
    let mut warnings: Vec<String> = policy.warnings.iter().filter(by_rule).map(ToString::to_string).collect();
    let groups = policy.groups.len();
    let threshold = if diff.new_threshold == 0 { groups } else { diff.new_threshold };
    if groups > 1 && policy.threshold as usize != threshold {
        warnings.push(format!(
            "it will take {threshold} of {groups} key groups to decrypt the file, though the rule says shamir_threshold: {}: updatekeys keeps the \
             threshold of a file (decrypt it and encrypt it again, or use --shamir-secret-sharing-threshold of `leafseal groups`)",
            policy.threshold
        ));
    }
    warnings
}

fn no_config() -> Failure {
    usage("config file not found")
        .named()
        .hint("the keys are those of the creation rules in .sops.yaml; `leafseal init` writes one")
}

/// The changes for people, in sops's words.
fn show(ui: &Ui, diff: &KeyDiff) -> Result<(), Failure> {
    let mut out = String::from("The following changes will be made to the file's groups:\n");
    let mut line = |paint: Option<Paint>, text: String| {
        out.push_str(&paint.map_or(text.clone(), |paint| ui.paint(paint, &text)));
        out.push('\n');
    };
    if diff.old_threshold > 0 && diff.old_threshold == diff.new_threshold {
        line(None, format!("shamir_threshold: {}", diff.new_threshold));
    } else {
        if diff.new_threshold > 0 {
            line(Some(Paint::Added), format!("+++ shamir_threshold: {}", diff.new_threshold));
        }
        if diff.old_threshold > 0 {
            line(Some(Paint::Removed), format!("--- shamir_threshold: {}", diff.old_threshold));
        }
    }
    for (index, group) in diff.groups.iter().enumerate() {
        line(Some(Paint::Heading), format!("Group {}", index + 1));
        group.common.iter().for_each(|key| line(None, format!("    {}", plain(&key.to_string()))));
        group.added.iter().for_each(|key| line(Some(Paint::Added), format!("+++ {}", plain(&key.to_string()))));
        group.removed.iter().for_each(|key| line(Some(Paint::Removed), format!("--- {}", plain(&key.to_string()))));
    }
    ui.data(out.as_bytes())
}

/// The changes for programs.
fn report(file: &str, diff: &KeyDiff) -> serde_json::Value {
    let keys = |keys: &[MasterKey]| -> Vec<_> {
        keys.iter().map(|key| serde_json::json!({ "type": key.type_name(), "key": key.to_string() })).collect()
    };
    let groups: Vec<_> = diff
        .groups
        .iter()
        .map(|group| serde_json::json!({ "common": keys(&group.common), "added": keys(&group.added), "removed": keys(&group.removed) }))
        .collect();
    serde_json::json!({
        "file": file, "changes": !diff.is_empty(), "groups": groups,
        "shamir_threshold": { "old": diff.old_threshold, "new": diff.new_threshold },
    })
}
