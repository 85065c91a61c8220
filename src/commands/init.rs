//! `leafseal init`: a first `.sops.yaml`, for an identity that is there or a new one.

use super::keygen;
use super::session::Session;
use crate::host::failure::{Failure, usage};
use crate::host::identities::Identities;
use crate::host::ui::Ui;
use crate::host::{exit, files};
use crate::keys::age::{self, IdentityProvider, Loaded, SourceKind};
use crate::keys::parse;
use crate::secret::Secret;
use std::path::Path;

/// Write a first .sops.yaml in this folder
///
/// Finds your age identity, or makes one as `leafseal keygen` does, and writes a commented .sops.yaml whose one rule encrypts every
/// file below this folder for it. Never over a .sops.yaml that is there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal init
  leafseal init --age age1...")]
pub struct Args {
    /// Encrypt for these age recipients, separated by commas, instead of your own
    #[arg(short, long, value_name = "RECIPIENTS")]
    age: Vec<String>,
}

const CONFIG: &str = ".sops.yaml";

/// Runs the command.
///
/// # Errors
/// When there is a `.sops.yaml`, or something cannot be made.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let ui = session.ui;
    let path = Path::new(CONFIG);
    if files::is_taken(path) {
        return Err(Failure::new(exit::WRITE, format!("{CONFIG} exists already and is not overwritten"))
            .hint("`leafseal config FILE` shows which of its rules is for a file"));
    }
    let recipients = if args.age.is_empty() { vec![own_recipient(ui)?] } else { given(&args.age)? };
    files::create_new(path, config(&recipients).as_bytes(), 0o666)?;
    if ui.json() {
        return ui.report(&serde_json::json!({ "config": CONFIG, "recipients": recipients }));
    }
    ui.status(&format!("wrote {CONFIG} for {}", recipients.join(", ")));
    ui.status("next: `leafseal secrets.yaml` edits a new encrypted file, `leafseal encrypt -i FILE` encrypts one that is there");
    Ok(())
}

fn given(lists: &[String]) -> Result<Vec<String>, Failure> {
    let mut recipients = Vec::new();
    for key in parse::age_list(&lists.join(",")).map_err(|e| usage(e.to_string()))? {
        recipients.push(key.to_string());
    }
    Ok(recipients)
}

/// The recipient of the first identity that is found, or of a new one.
fn own_recipient(ui: &Ui) -> Result<String, Failure> {
    let identities = Identities::new(ui);
    for source in identities.sources().iter().filter(|s| s.kind() != SourceKind::SshKey && !s.is_command()) {
        let content = match identities.load(source, "") {
            Loaded::Content(content) => content,
            Loaded::NotSet | Loaded::Missing => continue,
            Loaded::Failed(why) => return Err(usage(format!("cannot read {}: {why}", source.label()))),
        };
        let Some(recipient) = recipient_in(&content) else {
            return Err(usage(format!(
                "{} holds no identity whose recipient is known without a passphrase or plugin",
                source.label()
            ))
            .hint("name the recipient with --age"));
        };
        ui.status(&format!("found an identity in {}", source.label()));
        return Ok(recipient);
    }
    let path = keygen::default_place()?;
    let recipient = keygen::make(&path, keygen::Kind::Classic)?;
    ui.status(&format!(
        "made an identity: {}; keep a copy in a safe place, without it the files cannot be read",
        files::shown(&path)
    ));
    Ok(recipient)
}

fn recipient_in(content: &Secret<Vec<u8>>) -> Option<String> {
    let text = std::str::from_utf8(content.expose()).ok()?;
    let words = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    words.filter_map(|word| age::recipient_of(&Secret::new(word.to_owned())).ok()).next()
}

fn config(recipients: &[String]) -> String {
    format!(
        "\
# Says for whom files are encrypted and which of their values. Read by leafseal and by sops.
# `leafseal config FILE` shows what holds for a file.
creation_rules:
  # The first rule that matches is used. A rule without path_regex matches every file; with one, its path from this folder:
  # - path_regex: ^prod/.*\\.yaml$
  #   age: age1...,age1...
  #   # Seal only the values below these keys; the rest stays readable (without this: everything is sealed).
  #   encrypted_regex: ^(data|stringData|password)$
  - age: {}
",
        recipients.join(",")
    )
}
