//! `leafseal groups add` and `leafseal groups delete`.

use super::args::ServiceArgs;
use super::format;
use super::session::{Session, encryption_context, mac_policy};
use crate::config;
use crate::file::{EncryptedFile, PlainFile};
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use crate::keys::{KeyGroup, KeyType, MasterKey, parse};
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  leafseal groups add -i -f secrets.yaml --age age1... --shamir-secret-sharing-threshold 2
  leafseal groups delete -i -f secrets.yaml 0";

/// Add or delete a key group of an encrypted file
///
/// `add` appends a group of the given keys, `delete` takes away the group with this index (from 0). The data key stays the same and is
/// wrapped anew. With several groups it takes a key of as many of them as the threshold says to decrypt the file; without a
/// threshold, of all.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "leafseal groups add --file FILE [OPTIONS]\n       leafseal groups delete --file FILE [OPTIONS] INDEX"
)]
pub struct Args {
    /// What to do: `add`, or `delete` and the index of a group
    #[arg(value_name = "add|delete INDEX", num_args = 0..)]
    words: Vec<String>,
    /// The file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the result back to the file instead of standard output
    #[arg(short, long)]
    in_place: bool,
    /// Key groups needed to decrypt from now on
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true)]
    shamir_secret_sharing_threshold: i64,
    #[command(flatten)]
    keys: GroupArgs,
    #[command(flatten)]
    services: ServiceArgs,
}

/// The keys of the new group.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Master keys of the new group")]
struct GroupArgs {
    /// age recipients, separated by commas
    #[arg(long, value_name = "RECIPIENTS")]
    age: Vec<String>,
    /// PGP fingerprints, separated by commas
    #[arg(long, value_name = "FINGERPRINTS")]
    pgp: Vec<String>,
    /// AWS KMS keys, separated by commas
    #[arg(long, value_name = "ARNS")]
    kms: Vec<String>,
    /// Encryption context of the AWS KMS keys: name:value pairs, separated by commas
    #[arg(long, value_name = "PAIRS")]
    encryption_context: Option<String>,
    /// Google Cloud KMS keys, separated by commas
    #[arg(long, value_name = "IDS")]
    gcp_kms: Vec<String>,
    /// HuaweiCloud KMS keys (region:uuid), separated by commas
    #[arg(long, value_name = "IDS")]
    hckms: Vec<String>,
    /// Azure Key Vault keys, separated by commas
    #[arg(long, value_name = "URLS")]
    azure_kv: Vec<String>,
    /// Vault or OpenBao transit keys, separated by commas
    #[arg(long, value_name = "URIS")]
    hc_vault_transit: Vec<String>,
}

/// What is to be done.
enum Action {
    Add(KeyGroup),
    Delete(usize),
}

/// Runs the command.
///
/// # Errors
/// What the command ends with when it cannot do its work. Exit 1, not 128, when the data key is not to be had, as in sops.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let action = action(args)?;
    let file = args.file.as_ref().ok_or_else(|| usage("no file specified: give it with --file").named())?;
    let threshold = usize::try_from(args.shamir_secret_sharing_threshold)
        .map_err(|_| usage("--shamir-secret-sharing-threshold must not be negative"))?;
    let shown = files::shown(file);
    let change = || -> Result<Vec<u8>, Failure> {
        let format = format::choose(None, &files::absolute(file))?;
        let settled = session.settle(&args.services, None)?;
        let cx = settled.context();
        let plain = EncryptedFile::parse_owned(files::read(file)?, format)?.open(mac_policy(false), &cx)?;
        let (groups, threshold) = changed(&plain, action, threshold)?;
        for warning in config::group_warnings(&groups, threshold, threshold == 0) {
            session.ui.warning(&format!("{shown}: {warning}"));
        }
        Ok(plain.with_groups(&groups, threshold, &cx)?)
    };
    let text = change().map_err(|failure| {
        let exit = if failure.exit == exit::NO_KEY { exit::GENERIC } else { failure.exit };
        Failure { exit, ..failure }.about(&shown)
    })?;
    if args.in_place { files::write(file, &text, Content::Encrypted) } else { session.ui.data(&text) }
}

fn action(args: &Args) -> Result<Action, Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["add"] => {
            let keys = args.keys.keys(args.services.aws_profile.as_deref())?;
            if keys.is_empty() {
                return Err(usage("no master key given for the new group").hint("--age RECIPIENT, for example"));
            }
            Ok(Action::Add(KeyGroup { keys }))
        }
        ["add", ..] => Err(usage("error: no positional arguments allowed").hint("the file is given with --file")),
        ["delete", index] => {
            let index = index.parse().map_err(|_| usage(format!("failed to parse [index] argument: `{index}` is no number")))?;
            if args.keys.is_given() {
                return Err(usage("a group is deleted by its index: master keys are for `groups add`"));
            }
            Ok(Action::Delete(index))
        }
        ["delete", ..] => Err(usage("error: exactly one positional argument (index) required")),
        _ => Err(usage("what is to be done with the key groups? expected `groups add` or `groups delete`")),
    }
}

/// The groups and the threshold that a file shall have.
fn changed(plain: &PlainFile, action: Action, threshold: usize) -> Result<(Vec<KeyGroup>, usize), Failure> {
    let held = plain.metadata();
    let mut groups: Vec<KeyGroup> = held.groups.iter().map(|group| group.group()).collect();
    let threshold = if threshold == 0 { held.shamir_threshold } else { threshold };
    match action {
        Action::Add(group) => groups.push(group),
        Action::Delete(index) if index >= groups.len() => {
            let last = groups.len().saturating_sub(1);
            return Err(usage(format!("there is no key group {index}: the file has groups 0 to {last}")));
        }
        Action::Delete(_) if groups.len() == 1 => {
            return Err(usage("the only key group cannot be deleted: nobody could decrypt the file"));
        }
        Action::Delete(index) => drop(groups.remove(index)),
    }
    if groups.len() < threshold {
        return Err(usage(format!(
            "the Shamir threshold would be impossible to satisfy: Shamir threshold is {threshold}, but we only have {} key groups",
            groups.len()
        ))
        .hint("--shamir-secret-sharing-threshold gives the file another one"));
    }
    Ok((groups, threshold))
}

impl GroupArgs {
    fn rows(&self) -> [(KeyType, &'static str, &[String]); 7] {
        // In the order of sops.
        [
            (KeyType::Pgp, "pgp", &self.pgp),
            (KeyType::AwsKms, "kms", &self.kms),
            (KeyType::GcpKms, "gcp-kms", &self.gcp_kms),
            (KeyType::HuaweiKms, "hckms", &self.hckms),
            (KeyType::Vault, "hc-vault-transit", &self.hc_vault_transit),
            (KeyType::AzureKv, "azure-kv", &self.azure_kv),
            (KeyType::Age, "age", &self.age),
        ]
    }

    fn is_given(&self) -> bool {
        self.rows().iter().any(|(_, _, texts)| !texts.is_empty())
    }

    fn keys(&self, aws_profile: Option<&str>) -> Result<Vec<MasterKey>, Failure> {
        let context = encryption_context(self.encryption_context.as_deref())?;
        let mut keys = Vec::new();
        for (key_type, name, texts) in self.rows() {
            for text in texts {
                let read = parse::list(key_type, text, &context, aws_profile);
                keys.extend(read.map_err(|e| usage(format!("--{name}: {e}")))?);
            }
        }
        Ok(keys)
    }
}
