//! `leafseal terraform`.

use super::args::{OrderArgs, ServiceArgs, flatten_separator};
use super::session::{Session, mac_policy};
use super::work::Input;
use super::{decrypt, format};
use crate::document::flat;
use crate::document::flatten::{FlatValue, flatten};
use crate::document::node::{Node, Tree};
use crate::file::{EncryptedFile, PlainError};
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files;
use std::collections::BTreeMap;
use std::path::Path;

/// Answer Terraform's external data source with the values of an encrypted file
///
/// Reads a query on standard input, a JSON object of strings: `file` (needed; relative to the working folder), and if wanted `extract`
/// (one value or mapping of the file), `separator` (between the keys of nested values, `_` if it is not given) and `type` (that of the file,
/// whatever its name says). Prints one flat JSON object of strings: every value named by the keys that lead to it; a single value is called
/// `value`. What goes wrong is said on standard error, with the exit codes of decrypt, and nothing is printed then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  echo '{\"file\": \"secrets.enc.yaml\"}' | leafseal terraform
  data \"external\" \"secrets\" {
    program = [\"leafseal\", \"terraform\"]
    query   = { file = \"${path.module}/secrets.enc.yaml\" }
  }
  # data.external.secrets.result.db_password")]
pub struct Args {
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
    let query = Query::read(&Input::Stdin.read(session.ui)?)?;
    let settled = session.settle(&args.services, Some(&args.order))?;
    let cx = settled.context();
    let input = Input::File(files::absolute(Path::new(&query.file)));
    let answer = || -> Result<_, Failure> {
        let from = format::choose(query.kind.as_deref(), &input.path(None))?;
        let steps = decrypt::steps(query.extract.as_deref())?;
        let plain =
            session.open(input.file(), EncryptedFile::parse_owned(input.read(session.ui)?, from)?, mac_policy(false), &cx)?;
        answer(&plain.tree(&steps)?, &query.separator)
    };
    session.ui.report(&answer().map_err(|failure| failure.about(&query.file))?)
}

/// What Terraform asks.
struct Query {
    file: String,
    extract: Option<String>,
    separator: String,
    kind: Option<String>,
}

impl Query {
    fn read(text: &[u8]) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            Failure::new(exit::READ, format!("the query on standard input {what}"))
                .named()
                .hint("Terraform sends it: `query = { file = \"secrets.enc.yaml\" }` in a data source of type `external`")
        };
        let mut fields: BTreeMap<String, String> =
            serde_json::from_slice(text).map_err(|_| wrong("is no JSON object of strings"))?;
        let file = fields.remove("file").filter(|file| !file.is_empty()).ok_or_else(|| wrong("names no `file`"))?;
        let extract = fields.remove("extract");
        let kind = fields.remove("type");
        let separator = match fields.remove("separator") {
            Some(text) => flatten_separator(&text).map_err(|problem| wrong(&format!("has a wrong `separator`: {problem}")))?,
            None => String::from("_"),
        };
        match fields.pop_first() {
            Some((name, _)) => Err(wrong(&format!("has a field {name:?}, which is not one of file, extract, separator, type"))),
            None => Ok(Self { file, extract, separator, kind }),
        }
    }
}

/// The values as a flat object of strings.
fn answer(tree: &Node, separator: &str) -> Result<serde_json::Value, Failure> {
    let flat = match &tree.kind {
        Tree::Scalar(value) => vec![FlatValue { name: String::from("value"), path: String::from("value"), value }],
        _ => flatten(tree, separator).map_err(PlainError::from)?,
    };
    let mut out = serde_json::Map::new();
    for FlatValue { name, path, value } in flat {
        let text = std::str::from_utf8(&flat::bytes_of(value))
            .map_err(|_| usage(format!("the value of {path} is not valid UTF-8: Terraform knows texts only")))?
            .to_owned();
        out.insert(name, serde_json::Value::String(text));
    }
    Ok(serde_json::Value::Object(out))
}
