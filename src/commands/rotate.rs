//! `leafseal rotate`.

use super::args::{OrderArgs, ServiceArgs, TypeArgs, WriteArgs};
use super::format;
use super::session::{Session, encryption_context, mac_policy};
use super::work::{Allows, Input, Plan};
use crate::file::{EncryptedFile, KeyChanges};
use crate::host::audit::Action;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::files::{self, Content};
use crate::keys::{KeyType, parse};
use std::path::PathBuf;

/// Replace the data key, and add or remove master keys
///
/// Makes a new data key and seals every value anew. What was readable with the old key stays readable in old revisions of the file.
/// Several files are rotated in place with -i.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal rotate -i secrets.yaml
  leafseal rotate -i --add-age age1new... secrets.yaml
  leafseal rotate -i --rm-age age1old... *.yaml")]
pub struct Args {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    types: TypeArgs,
    /// Choose the type as if the file had this name
    #[arg(long, value_name = "PATH")]
    filename_override: Option<PathBuf>,
    /// Decrypt although the MAC is wrong or missing
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Master keys to add to the first key group, and to remove from all of them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Master keys")]
struct ChangeArgs {
    /// Add age recipients, separated by commas
    #[arg(long, value_name = "RECIPIENTS")]
    add_age: Vec<String>,
    /// Remove age recipients, separated by commas
    #[arg(long, value_name = "RECIPIENTS")]
    rm_age: Vec<String>,
    /// Add PGP fingerprints, separated by commas
    #[arg(long, value_name = "FINGERPRINTS")]
    add_pgp: Vec<String>,
    /// Remove PGP fingerprints, separated by commas
    #[arg(long, value_name = "FINGERPRINTS")]
    rm_pgp: Vec<String>,
    /// Add AWS KMS keys, separated by commas
    #[arg(long, value_name = "ARNS")]
    add_kms: Vec<String>,
    /// Remove AWS KMS keys, separated by commas
    #[arg(long, value_name = "ARNS")]
    rm_kms: Vec<String>,
    /// Encryption context of the AWS KMS keys that are added or removed
    #[arg(long, value_name = "PAIRS")]
    encryption_context: Option<String>,
    /// Add Google Cloud KMS keys, separated by commas
    #[arg(long, value_name = "IDS")]
    add_gcp_kms: Vec<String>,
    /// Remove Google Cloud KMS keys, separated by commas
    #[arg(long, value_name = "IDS")]
    rm_gcp_kms: Vec<String>,
    /// Add HuaweiCloud KMS keys, separated by commas
    #[arg(long, value_name = "IDS")]
    add_hckms: Vec<String>,
    /// Remove HuaweiCloud KMS keys, separated by commas
    #[arg(long, value_name = "IDS")]
    rm_hckms: Vec<String>,
    /// Add Azure Key Vault keys, separated by commas
    #[arg(long, value_name = "URLS")]
    add_azure_kv: Vec<String>,
    /// Remove Azure Key Vault keys, separated by commas
    #[arg(long, value_name = "URLS")]
    rm_azure_kv: Vec<String>,
    /// Add Vault or OpenBao transit keys, separated by commas
    #[arg(long, value_name = "URIS")]
    add_hc_vault_transit: Vec<String>,
    /// Remove Vault or OpenBao transit keys, separated by commas
    #[arg(long, value_name = "URIS")]
    rm_hc_vault_transit: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// What the command ends with when it cannot do its work.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let name = args.filename_override.as_deref();
    let plan = Plan::new(&args.files, &args.write, name, Allows { stdin: false, stdin_needs_name: false })?;
    let changes = args.changes.changes(args.services.aws_profile.as_deref())?;
    plan.each(session.ui, |input| rotate(args, session, &plan, &changes, input))
}

fn rotate(args: &Args, session: &Session<'_>, plan: &Plan, changes: &KeyChanges, input: &Input) -> Result<(), Failure> {
    if let Input::File(file) = input
        && !files::exists(file)
        && !(changes.add.is_empty() && changes.remove.is_empty())
    {
        return Err(Failure::new(exit::KEYS_OF_MISSING_FILE, "cannot add or remove keys on a non-existent file")
            .hint(format!("`leafseal edit {}` makes it", files::shown(file))));
    }
    if session.global.legacy {
        input.must_exist()?;
    }
    let path = input.path(args.filename_override.as_deref());
    let (from, to) = format::both(&args.types, &path)?;
    let settled = session.settle(&args.services, Some(&args.order))?;
    let cx = settled.context();
    let encrypted = EncryptedFile::parse_owned(input.read(session.ui)?, from)?;
    session.record(Action::Rotate, input.file())?;
    let plain = session.open(input.file(), encrypted, mac_policy(args.ignore_mac), &cx)?;
    session.warn_of_drift(&input.name(), &path, from, plain.metadata());
    let rotated = plain.reformat(to, &cx)?.rotate(changes, &cx)?;
    session.notes(&input.name(), &rotated, false)?;
    session.record(Action::Encrypt, input.file())?;
    plan.write(session.ui, input, &rotated.text, Content::Encrypted)
}

impl ChangeArgs {
    fn changes(&self, aws_profile: Option<&str>) -> Result<KeyChanges, Failure> {
        let context = encryption_context(self.encryption_context.as_deref())?;
        // In the order in which sops puts keys of flags into a group.
        let rows: [(KeyType, &str, &[String], &[String]); 7] = [
            (KeyType::AwsKms, "kms", &self.add_kms, &self.rm_kms),
            (KeyType::GcpKms, "gcp-kms", &self.add_gcp_kms, &self.rm_gcp_kms),
            (KeyType::HuaweiKms, "hckms", &self.add_hckms, &self.rm_hckms),
            (KeyType::AzureKv, "azure-kv", &self.add_azure_kv, &self.rm_azure_kv),
            (KeyType::Pgp, "pgp", &self.add_pgp, &self.rm_pgp),
            (KeyType::Vault, "hc-vault-transit", &self.add_hc_vault_transit, &self.rm_hc_vault_transit),
            (KeyType::Age, "age", &self.add_age, &self.rm_age),
        ];
        let read = |key_type, text: &str| parse::list(key_type, text, &context, aws_profile);
        let mut changes = KeyChanges { add: Vec::new(), remove: Vec::new() };
        for (key_type, name, add, remove) in rows {
            for text in add {
                changes.add.extend(read(key_type, text).map_err(|e| usage(format!("--add-{name}: {e}")))?);
            }
            for text in remove {
                let keys = read(key_type, text).map_err(|e| usage(format!("--rm-{name}: {e}")))?;
                changes.remove.extend(keys.iter().map(ToString::to_string));
            }
        }
        Ok(changes)
    }
}
