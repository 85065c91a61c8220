//! `leafseal sync`.

use super::args::{KeyArgs, OrderArgs, SelectorArgs, ServiceArgs, TypeArgs};
use super::format;
use super::into::Into;
use super::session::{Session, Settled};
use crate::document::Format;
use crate::file::{self, PlainFile, Since};
use crate::host::audit::Action;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use crate::host::sync_record::SyncRecord;
use std::path::{Path, PathBuf};

/// Bring a plaintext file and its encrypted file to the same values
///
/// Where one of the two changed since the last sync, the other one follows: what did not change there keeps its ciphertext, its layout and
/// its comments. A file that is missing is made: the encrypted one for the keys of its creation rule, the plaintext readable by its owner
/// only. Where both changed, or nothing is recorded of an earlier sync, and their values differ, nothing is written, the key paths that
/// differ are shown, and the exit code is 204.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal sync secret.auto.tfvars secrets.enc.yaml
  leafseal sync --check secret.auto.tfvars secrets.enc.yaml    in a git hook
When both changed, one side is taken with
  leafseal encrypt secret.auto.tfvars --output secrets.enc.yaml
  leafseal decrypt secrets.enc.yaml --output secret.auto.tfvars")]
pub struct Args {
    /// The plaintext file, which is not for git
    #[arg(value_name = "PLAIN")]
    plain: PathBuf,
    /// The encrypted file
    #[arg(value_name = "ENCRYPTED")]
    encrypted: PathBuf,
    /// Write nothing; exit 1 if something would be done
    #[arg(long)]
    check: bool,
    /// Write nothing, say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    types: TypeArgs,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    if [&args.plain, &args.encrypted].iter().any(|path| path.as_path() == Path::new("-")) {
        return Err(super::work::conflict("sync takes two files, not standard input"));
    }
    let from = format::choose(args.types.input.input_type.as_deref(), &args.plain)?;
    let to = format::choose(args.types.output_type.as_deref(), &args.encrypted)?;
    if (from == Format::Binary) != (to == Format::Binary) {
        return Err(usage(
            "one of the two files is binary, the other is not: --input-type is that of the plaintext, --output-type that of the encrypted file",
        ));
    }
    let settled = session.settle(&args.services, Some(&args.order))?;
    let record = SyncRecord::of(&args.plain, &args.encrypted);
    let sync = Sync { args, session, settled: &settled, from, to, record };
    let found = sync.find()?;
    sync.tell(&found)?;
    match &found {
        Found::Same(None) => Ok(()),
        Found::Conflict { .. } => Err(sync.conflict(&found)),
        Found::Same(Some(_)) if args.check || args.dry_run => Ok(()),
        _ if args.check => Err(Failure::quiet(exit::GENERIC)),
        _ if args.dry_run => Ok(()),
        _ => sync.act(found),
    }
}

/// What there is to do.
enum Found {
    /// Nothing; with the file and the plaintext where that is not recorded.
    Same(Option<(Box<PlainFile>, Vec<u8>)>),
    /// The encrypted file is missing.
    NoEncrypted { plain: Vec<u8> },
    /// The plaintext is missing.
    NoPlain { file: Box<PlainFile> },
    /// The plaintext changed.
    PlainChanged { file: Box<PlainFile>, plain: Vec<u8>, paths: Vec<String> },
    /// The encrypted file changed.
    EncryptedChanged { file: Box<PlainFile>, plain: Vec<u8>, paths: Vec<String> },
    /// Both did, or nobody knows.
    Conflict { paths: Vec<String>, is_recorded: bool },
}

struct Sync<'a> {
    args: &'a Args,
    session: &'a Session<'a>,
    settled: &'a Settled<'a>,
    from: Format,
    to: Format,
    record: SyncRecord,
}

impl Sync<'_> {
    fn find(&self) -> Result<Found, Failure> {
        let (plain, encrypted) = (&self.args.plain, &self.args.encrypted);
        let into = Into {
            session: self.session,
            settled: self.settled,
            there: encrypted,
            from: self.from,
            to: self.to,
            name: files::shown(plain),
        };
        if !files::exists(encrypted) {
            if !files::exists(plain) {
                return Err(Failure::new(
                    exit::NO_FILE,
                    format!("there is neither {} nor {}", files::shown(plain), files::shown(encrypted)),
                )
                .named());
            }
            return Ok(Found::NoEncrypted { plain: files::read(plain)? });
        }
        let file = Box::new(into.open()?.ok_or_else(|| {
            usage(format!("{} is not encrypted", files::shown(encrypted))).named().hint(format!(
                "sync takes the plaintext first and the encrypted file second; `leafseal encrypt --output {} {}` writes over a file that is not \
                 encrypted",
                files::shown(encrypted),
                files::shown(plain)
            ))
        })?);
        if !files::exists(plain) {
            return Ok(Found::NoPlain { file });
        }
        let text = files::read(plain)?;
        let since = match self.record.read() {
            Some(record) => file.since(&record, &text)?,
            None => None,
        };
        if since == Some(Since { plain_changed: false, encrypted_changed: false }) {
            return Ok(Found::Same(None));
        }
        let is_same_text = self.from == self.to && file.text()? == text;
        let differences = || {
            let found = file.differences(&text, self.from, &self.settled.context());
            found.map_err(|error| Failure::from(error).about(&files::shown(plain)))
        };
        match since {
            _ if is_same_text => Ok(Found::Same(Some((file, text)))),
            Some(Since { encrypted_changed: false, .. }) => {
                let paths = differences()?;
                Ok(Found::PlainChanged { paths, file, plain: text })
            }
            Some(Since { plain_changed: false, .. }) => {
                let paths = differences()?;
                Ok(Found::EncryptedChanged { paths, file, plain: text })
            }
            _ => match differences()? {
                paths if paths.is_empty() => Ok(Found::Same(Some((file, text)))),
                paths => Ok(Found::Conflict { paths, is_recorded: since.is_some() }),
            },
        }
    }

    /// Says what there is to do.
    fn tell(&self, found: &Found) -> Result<(), Failure> {
        let ui = self.session.ui;
        let (plain, encrypted) = (files::shown(&self.args.plain), files::shown(&self.args.encrypted));
        let none = Vec::new();
        let (action, text, paths) = match found {
            Found::Same(_) => ("none", format!("{plain} and {encrypted} are the same"), &none),
            Found::NoEncrypted { .. } => ("create-encrypted", format!("{encrypted} is made from {plain}"), &none),
            Found::NoPlain { .. } => ("create-plain", format!("{plain} is made from {encrypted}"), &none),
            Found::PlainChanged { paths, .. } => {
                ("encrypt", format!("{plain} changed, {encrypted} follows{}", listed(paths)), paths)
            }
            Found::EncryptedChanged { paths, .. } => {
                ("decrypt", format!("{encrypted} changed, {plain} follows{}", listed(paths)), paths)
            }
            Found::Conflict { paths, .. } => ("conflict", String::new(), paths),
        };
        if ui.json() {
            return ui.report(&serde_json::json!({ "plain": plain, "encrypted": encrypted, "action": action, "paths": paths }));
        }
        if !text.is_empty() {
            ui.status(&text);
        }
        Ok(())
    }

    fn act(&self, found: Found) -> Result<(), Failure> {
        let cx = self.settled.context();
        let (plain_path, encrypted_path) = (&self.args.plain, &self.args.encrypted);
        let about = |failure: Failure| failure.about(&files::shown(plain_path));
        match found {
            Found::Same(None) | Found::Conflict { .. } => Ok(()),
            Found::Same(Some((file, plain))) => {
                self.remember(&file, &plain);
                Ok(())
            }
            Found::NoEncrypted { plain } => {
                let path = files::absolute(encrypted_path);
                let policy = self.session.policy(&path, self.to, &KeyArgs::default(), &SelectorArgs::default())?;
                let encrypted =
                    file::encrypt(plain.clone(), self.from, self.to, &policy, &cx).map_err(|error| about(error.into()))?;
                self.session.notes(&files::shown(plain_path), &encrypted, false)?;
                self.session.record(Action::Encrypt, encrypted_path)?;
                files::write(encrypted_path, &encrypted.text, Content::Encrypted)?;
                // Who can encrypt but not decrypt has no record, which the next sync says.
                let opened = file::EncryptedFile::parse_owned(encrypted.text, self.to)
                    .and_then(|file| file.open(file::MacPolicy::Verify, &cx));
                if let Ok(file) = opened {
                    self.remember(&file, &plain);
                }
                Ok(())
            }
            Found::NoPlain { file } => {
                let text = file.convert(self.from, cx.layout)?;
                files::write(plain_path, &text, Content::Plain)?;
                self.remember(&file, &text);
                Ok(())
            }
            Found::EncryptedChanged { file, plain, .. } => {
                let text = file.text_for(&plain, self.from, &cx)?;
                if text != plain {
                    files::write(plain_path, &text, Content::Plain)?;
                }
                self.remember(&file, &text);
                Ok(())
            }
            Found::PlainChanged { file, plain, .. } => {
                let file = match file.replace(plain.clone(), self.from, &cx).map_err(|error| about(error.into()))? {
                    Some(encrypted) => {
                        self.session.notes(&files::shown(plain_path), &encrypted, false)?;
                        self.session.record(Action::Encrypt, encrypted_path)?;
                        files::write(encrypted_path, &encrypted.text, Content::Encrypted)?;
                        Box::new(file.reopen(encrypted.text)?)
                    }
                    None => file,
                };
                self.remember(&file, &plain);
                Ok(())
            }
        }
    }

    /// Records that the two are the same. That it cannot be recorded keeps nothing from being done.
    fn remember(&self, file: &PlainFile, plain: &[u8]) {
        let written = file.record(plain).map_err(Failure::from).and_then(|record| self.record.write(&record));
        if let Err(failure) = written {
            self.session.ui.warning(&format!(
                "this sync cannot be recorded, the next one will not know which file changed: {}",
                failure.message
            ));
        }
    }

    fn conflict(&self, found: &Found) -> Failure {
        let Found::Conflict { paths, is_recorded } = found else { return Failure::quiet(exit::SYNC_CONFLICT) };
        let (plain, encrypted) = (files::shown(&self.args.plain), files::shown(&self.args.encrypted));
        let why = if *is_recorded { "both changed since the last sync" } else { "no sync of them is recorded here" };
        let failure =
            Failure::new(exit::SYNC_CONFLICT, format!("{plain} and {encrypted} differ, and {why}: nothing is written")).named();
        let shown = paths.iter().take(SHOWN).fold(failure, |failure, path| failure.detail(path.clone()));
        let more = paths.len().saturating_sub(SHOWN);
        let shown = if more > 0 { shown.detail(format!("and {more} more")) } else { shown };
        shown
            .hint(format!("to take the plaintext: `leafseal encrypt {plain} --output {encrypted}`, then sync"))
            .hint(format!("to take the encrypted file: `leafseal decrypt {encrypted} --output {plain}`, then sync"))
    }
}

/// So many key paths are shown.
const SHOWN: usize = 20;

/// Key paths behind a sentence.
fn listed(paths: &[String]) -> String {
    let more = paths.len().saturating_sub(SHOWN);
    match paths {
        [] => String::new(),
        _ if more > 0 => format!(": {} and {more} more", paths[..SHOWN].join(", ")),
        _ => format!(": {}", paths.join(", ")),
    }
}
