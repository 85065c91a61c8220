//! `leafseal edit`, and the bare `leafseal FILE`.

use super::args::{KeyArgs, OrderArgs, SelectorArgs, ServiceArgs, TypeArgs};
use super::session::{Session, Settled, mac_policy};
use super::{format, work};
use crate::config::Policy;
use crate::document::Format;
use crate::file::{self, Encrypted, EncryptedFile};
use crate::host::audit::Action;
use crate::host::editor::{self, Refused};
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use std::path::{Path, PathBuf};

/// Edit an encrypted file, or make a new one
///
/// Opens the decrypted text in SOPS_EDITOR, EDITOR, vim, nano or vi, and encrypts it again when the editor ends. Values that were not
/// changed keep their ciphertext; when nothing was changed, nothing is written. A file that does not exist is made, for the keys of
/// the options, the environment, or .sops.yaml.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal edit secrets.yaml
  leafseal secrets.yaml                               the same
  leafseal edit --age age1... new.yaml                a new file for this recipient
  leafseal edit -s secrets.yaml                       change who can read it")]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: Vec<PathBuf>,
    #[command(flatten)]
    types: TypeArgs,
    /// Decrypt although the MAC is wrong or missing
    #[arg(long)]
    ignore_mac: bool,
    /// Fail when no value is encrypted, instead of warning
    #[arg(long)]
    strict: bool,
    /// Show the metadata too: master keys that are added there or taken away, and another selection, take effect
    #[arg(short, long)]
    show_master_keys: bool,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    selectors: SelectorArgs,
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
    let file = match args.file.as_slice() {
        [file] if file == Path::new("-") => return Err(work::conflict("standard input cannot be edited")),
        [file] => file,
        [] => return Err(work::no_file().hint("`leafseal --help` lists the commands")),
        [first, ..] => return Err(several(first)),
    };
    let path = files::absolute(file);
    let (from, to) = format::both(&args.types, &path)?;
    let settled = session.settle(&args.services, Some(&args.order))?;
    let edit = Edit { args, session, settled: &settled, file, from, to, name: name_of(file) };
    let encrypted = if files::exists(file) { edit.existing(&path)? } else { edit.new_file(&path)? };
    session.notes(&files::shown(file), &encrypted, false)?;
    files::write(file, &encrypted.text, Content::Encrypted)
}

/// One editing.
struct Edit<'a> {
    args: &'a Args,
    session: &'a Session<'a>,
    settled: &'a Settled<'a>,
    file: &'a Path,
    from: Format,
    to: Format,
    name: String,
}

impl Edit<'_> {
    fn existing(&self, path: &Path) -> Result<Encrypted, Failure> {
        let shown = files::shown(self.file);
        let about = |failure: Failure| failure.about(&shown);
        let encrypted = files::read(self.file)?;
        let cx = self.settled.context();
        let plain = EncryptedFile::parse_owned(encrypted, self.from)
            .map_err(Failure::from)
            .and_then(|file| self.session.open(self.file, file, mac_policy(self.args.ignore_mac), &cx))
            .map_err(about)?;
        self.session.warn_of_drift(&shown, path, self.from, plain.metadata());
        let plain = plain.reformat(self.to, &cx).map_err(|e| about(Failure::from(e)))?;
        if self.args.show_master_keys {
            let draft = plain.draft(&cx).map_err(|e| about(Failure::from(e)))?.ok_or_else(|| {
                about(usage("a binary file has no place to show its master keys in"))
                    .hint("`leafseal rotate --add-age` and `--rm-age` change the keys")
            })?;
            return editor::edit(self.session.ui, &self.name, &draft, |edited| self.taken(plain.merge_draft(edited, &cx)));
        }
        let text = plain.text().map_err(|e| about(Failure::from(e)))?;
        editor::edit(self.session.ui, &self.name, &text, |edited| self.taken(plain.merge(edited, &cx)))
    }

    fn taken(&self, merged: Result<Option<Encrypted>, file::EncryptError>) -> Result<Encrypted, Refused> {
        let encrypted = merged.map_err(refused)?.ok_or_else(|| Failure::new(exit::UNCHANGED, "the file has not changed"))?;
        self.ready(encrypted)
    }

    /// An edited text that is about to be written: what a user should know of it is said, and the audit is told.
    fn ready(&self, encrypted: Encrypted) -> Result<Encrypted, Refused> {
        self.session.notes(&self.name, &encrypted, self.args.strict)?;
        self.session.record(Action::Encrypt, self.file)?;
        Ok(encrypted)
    }

    fn new_file(&self, path: &Path) -> Result<Encrypted, Failure> {
        if self.args.show_master_keys {
            return Err(usage(format!("{} does not exist: there are no master keys to show", files::shown(self.file)))
                .hint("a new file gets its keys from the options, the environment or .sops.yaml"));
        }
        let policy = self
            .session
            .policy(path, self.from, &self.args.keys, &self.args.selectors)
            .map_err(|failure| self.mistyped(failure))?;
        let example = example(self.from);
        // Tried before the editor opens: keys that do not wrap must not cost anybody an hour of typing.
        self.encrypt(&policy, example.as_bytes()).map_err(|refused| Failure { exit: exit::NO_KEY, ..refused.failure })?;
        editor::edit(self.session.ui, &self.name, example.as_bytes(), |edited| self.ready(self.encrypt(&policy, edited)?))
    }

    fn encrypt(&self, policy: &Policy, text: &[u8]) -> Result<Encrypted, Refused> {
        file::encrypt(text, self.from, self.to, policy, &self.settled.context()).map_err(refused)
    }

    /// A mistyped command is taken for a file that does not exist.
    fn mistyped(&self, failure: Failure) -> Failure {
        match near_command(&self.name) {
            Some(command) => failure.hint(format!("there is no file {}; did you mean the command `{command}`?", self.name)),
            None => failure,
        }
    }
}

fn refused(error: file::EncryptError) -> Refused {
    let line = error.position().map(|position| position.line);
    Refused { failure: Failure::from(error), line }
}

fn several(first: &Path) -> Failure {
    let failure = usage("only one file can be edited at a time");
    match near_command(&first.to_string_lossy()).filter(|_| !files::exists(first)) {
        Some(command) => failure.hint(format!("did you mean the command `{command}`?")),
        None => failure,
    }
}

/// The command that a word is nearly, if it is one or two letters away.
fn near_command(word: &str) -> Option<String> {
    super::TABLE
        .iter()
        .map(|row| row.name.to_owned())
        .filter(|name| name.len() > 2)
        .map(|name| (distance(&name, word), name))
        .filter(|(d, _)| (1..=2).contains(d))
        .min()
        .map(|(_, name)| name)
}

/// How many letters must be changed, added or removed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a new file begins with, as in sops.
fn example(format: Format) -> &'static str {
    match format {
        Format::Yaml => {
            "hello: Welcome to SOPS! Edit this file as you please!
example_key: example_value
# Example comment
example_array:
    - example_value1
    - example_value2
example_number: 1234.56789
example_booleans:
    - true
    - false
"
        }
        Format::Json => {
            "{
\t\"hello\": \"Welcome to SOPS! Edit this file as you please!\",
\t\"example_key\": \"example_value\",
\t\"example_array\": [
\t\t\"example_value1\",
\t\t\"example_value2\"
\t],
\t\"example_number\": 1234.56789,
\t\"example_booleans\": [
\t\ttrue,
\t\tfalse
\t]
}
"
        }
        Format::Dotenv => {
            "# This is an example file.
hello=Welcome to SOPS! Edit this file as you please!
example_key=example_value
example_multiline=foo\\nbar\\nbaz
"
        }
        Format::Ini => {
            "; This is an example file.
[Welcome!]
hello       = Welcome to SOPS! Edit this file as you please!
example_key = example_value
"
        }
        Format::Tfvars => {
            "# This is an example file.
hello             = \"Welcome to SOPS! Edit this file as you please!\"
example_key       = \"example_value\"
example_list      = [\"example_value1\", \"example_value2\"]
example_multiline = <<EOT
foo
bar
baz
EOT
"
        }
        Format::Toml => {
            "# This is an example file.
hello = \"Welcome to SOPS! Edit this file as you please!\"
example_key = \"example_value\"
example_list = [\"example_value1\", \"example_value2\"]
example_number = 1234.56789

[example_table]
booleans = [true, false]
"
        }
        Format::Binary => "Welcome to SOPS! Edit this file as you please!",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_command_is_recognised() {
        assert_eq!(near_command("encrpyt").as_deref(), Some("encrypt"));
        assert_eq!(near_command("decypt").as_deref(), Some("decrypt"));
        assert_eq!(near_command("secrets.yaml"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
