//! `leafseal set`.

use super::args::{OrderArgs, ServiceArgs, TypeArgs};
use super::format;
use super::session::{Session, mac_policy};
use crate::document::json;
use crate::document::node::Node;
use crate::document::steps::parse_steps;
use crate::file::EncryptedFile;
use crate::host::audit::Action;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use crate::secret::Secret;
use std::path::{Path, PathBuf};

/// Set one value of an encrypted file
///
/// VALUE is JSON: '"text"', 5, true, {"a": 1}, [1, 2]; with --string it is the text itself. Keys that are missing on the way are made;
/// an index behind the end of a list appends. Values that are not touched keep their ciphertext; when the value is there already, nothing
/// is written.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "leafseal set [OPTIONS] FILE INDEX VALUE\n       leafseal set [OPTIONS] --value-file FILE INDEX VALUE_FILE\n       leafseal set [OPTIONS] --value-stdin FILE INDEX",
    after_help = "\
Examples:
  leafseal set secrets.yaml '[\"db\"][\"port\"]' 5432
  leafseal set --string secrets.yaml '[\"db\"][\"user\"]' admin
  pass show db | leafseal set --string --value-stdin secrets.yaml '[\"db\"][\"password\"]'
  leafseal set secrets.yaml '[\"hosts\"][0]' '{\"name\": \"a\"}'"
)]
pub struct Args {
    /// The file, the place ('["key"]["list"][0]') and the value
    #[arg(value_names = ["FILE", "INDEX", "VALUE"], num_args = 0..)]
    words: Vec<String>,
    /// Read the value from the file that VALUE names
    #[arg(long)]
    value_file: bool,
    /// Read the value from standard input
    #[arg(long)]
    value_stdin: bool,
    /// Take the value as a string, not as JSON
    #[arg(long)]
    string: bool,
    /// Do nothing if the value is there already, whatever --output-type says (else leafseal writes only to change the type)
    #[arg(long)]
    idempotent: bool,
    /// Decrypt although the MAC is wrong or missing
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    types: TypeArgs,
    /// Accepted for the sake of sops; does nothing
    #[arg(long, value_name = "N", hide = true)]
    shamir_secret_sharing_threshold: Option<i64>,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// What the command ends with when it cannot do its work. Never shows a word that could be the value.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let expected = if args.value_stdin { 2 } else { 3 };
    if args.words.len() != expected {
        return Err(Failure::new(
            exit::NO_FILE,
            format!(
                "no file specified, or index and value are missing: need precisely {expected} positional arguments, got {}",
                args.words.len()
            ),
        )
        .hint("usage: leafseal set FILE '[\"key\"]' '\"value\"'; what begins with a dash and is no option counts as an argument"));
    }
    if args.value_file && args.value_stdin {
        return Err(usage("cannot use both --value-file and --value-stdin"));
    }
    let file = Path::new(&args.words[0]);
    let (from, to) = format::both(&args.types, &files::absolute(file))?;
    let settled = session.settle(&args.services, Some(&args.order))?;
    let steps =
        parse_steps(&args.words[1]).map_err(|e| Failure::new(exit::SET_FORMAT, format!("Invalid set index format: {e}")))?;
    let value = value(args)?;
    let about = |failure: Failure| failure.about(&args.words[0]);
    let cx = settled.context();
    let encrypted = files::read(file)?;
    let plain = EncryptedFile::parse_owned(encrypted, from)
        .map_err(Failure::from)
        .and_then(|encrypted| session.open(file, encrypted, mac_policy(args.ignore_mac), &cx))
        .map_err(about)?;
    if from != to && args.idempotent && plain.set(&steps, &value, &cx).map_err(|e| about(Failure::from(e)))?.is_none() {
        return Ok(());
    }
    let plain = plain.reformat(to, &cx).map_err(|e| about(Failure::from(e)))?;
    let changed = plain.set(&steps, &value, &cx).map_err(|e| about(Failure::from(e)))?;
    match changed {
        None if from != to => files::write(file, plain.encrypted_text(), Content::Encrypted),
        None => {
            session.ui.detail(&format!("{}: the value is there already", args.words[0]));
            Ok(())
        }
        Some(changed) => {
            session.notes(&args.words[0], &changed, false)?;
            session.record(Action::Encrypt, file)?;
            files::write(file, &changed.text, Content::Encrypted)
        }
    }
}

fn value(args: &Args) -> Result<Node, Failure> {
    let text = Secret::new(if args.value_stdin {
        files::read_stdin()?
    } else if args.value_file {
        let path = PathBuf::from(&args.words[2]);
        files::read(&path).map_err(|failure| Failure { exit: exit::GENERIC, ..failure })?
    } else {
        args.words[2].clone().into_bytes()
    });
    let invalid = |why: &str| Failure::new(exit::SET_FORMAT, format!("value for set is not valid {why}"));
    let text = std::str::from_utf8(text.expose()).map_err(|_| invalid("UTF-8"))?;
    if args.string {
        return Ok(Node::str(text));
    }
    json::read_value(text).map_err(|e| {
        invalid(&format!("JSON: {e}")).hint("a string needs its quotes: '\"text\"'; or give --string to take the value as it is")
    })
}
