//! Owns the groups of options that several commands share.

use crate::host::env;
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// Options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Use this configuration file instead of looking for .sops.yaml [env: SOPS_CONFIG]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Indent what is newly laid out by this many blanks
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub indent: Option<i64>,
    /// Read and write plaintext dotenv as sops does, or as shells do (posix) [default: that of stores.dotenv.dialect in .sops.yaml, or sops]
    #[arg(long, global = true, value_name = "DIALECT", value_parser = PossibleValuesParser::new(["sops", "posix"]))]
    pub dotenv_dialect: Option<String>,
    /// Print reports and errors as text or as JSON
    #[arg(long, global = true, value_name = "FORMAT", value_parser = PossibleValuesParser::new(["text", "json"]))]
    pub output_format: Option<String>,
    /// Say more about what is done
    #[arg(long, global = true)]
    pub verbose: bool,
    /// Do nothing: leafseal never looks for new versions
    #[arg(long, global = true, hide = true)]
    pub disable_version_check: bool,
    /// Do nothing: leafseal never looks for new versions
    #[arg(long, global = true, hide = true)]
    pub check_for_updates: bool,
    /// Whether the command line has sops's form without a command.
    #[arg(skip)]
    pub legacy: bool,
}

/// Where the result goes.
#[derive(Clone, Debug, Default, Args)]
pub struct WriteArgs {
    /// Write the result back to the file instead of standard output
    #[arg(short, long)]
    pub in_place: bool,
    /// Write the result to this file (`-` is standard output)
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// What the input is.
#[derive(Clone, Debug, Default, Args)]
pub struct InputArgs {
    /// Read the input as yaml, json, dotenv, ini, tfvars, toml or binary, whatever its name says
    #[arg(long, value_name = "TYPE")]
    pub input_type: Option<String>,
}

/// What the input is and what the output shall be.
#[derive(Clone, Debug, Default, Args)]
pub struct TypeArgs {
    /// What the input is.
    #[command(flatten)]
    pub input: InputArgs,
    /// Write the output as yaml, json, dotenv, ini, tfvars, toml or binary, whatever its name says
    #[arg(long, value_name = "TYPE")]
    pub output_type: Option<String>,
}

/// The master keys of a new file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Master keys")]
pub struct KeyArgs {
    /// age recipients, separated by commas [env: SOPS_AGE_RECIPIENTS]
    #[arg(short, long, value_name = "RECIPIENTS")]
    pub age: Vec<String>,
    /// PGP fingerprints, separated by commas [env: SOPS_PGP_FP]
    #[arg(short, long, value_name = "FINGERPRINTS")]
    pub pgp: Vec<String>,
    /// AWS KMS keys, separated by commas [env: SOPS_KMS_ARN]
    #[arg(short, long, value_name = "ARNS")]
    pub kms: Vec<String>,
    /// Google Cloud KMS keys, separated by commas [env: SOPS_GCP_KMS_IDS]
    #[arg(long, value_name = "IDS")]
    pub gcp_kms: Vec<String>,
    /// HuaweiCloud KMS keys (region:uuid), separated by commas [env: SOPS_HUAWEICLOUD_KMS_IDS]
    #[arg(long, value_name = "IDS")]
    pub hckms: Vec<String>,
    /// Azure Key Vault keys, separated by commas [env: SOPS_AZURE_KEYVAULT_URLS]
    #[arg(long, value_name = "URLS")]
    pub azure_kv: Vec<String>,
    /// Vault or OpenBao transit keys, separated by commas [env: SOPS_VAULT_URIS]
    #[arg(long, value_name = "URIS")]
    pub hc_vault_transit: Vec<String>,
    /// Key groups needed to decrypt, when there are several
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true)]
    pub shamir_secret_sharing_threshold: i64,
    /// Encryption context of the AWS KMS keys: name:value pairs, separated by commas
    #[arg(long, value_name = "PAIRS")]
    pub encryption_context: Option<String>,
}

impl KeyArgs {
    /// Whether the command line names keys.
    pub fn are_given(&self) -> bool {
        let lists = [&self.age, &self.pgp, &self.kms, &self.gcp_kms, &self.hckms, &self.azure_kv, &self.hc_vault_transit];
        lists.iter().any(|list| !list.is_empty()) || self.shamir_secret_sharing_threshold != 0
    }
}

/// Which values of a new file are sealed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which values are sealed (at most one)")]
pub struct SelectorArgs {
    /// Leave values in clear whose key ends with this
    #[arg(long, value_name = "SUFFIX")]
    pub unencrypted_suffix: Option<String>,
    /// Seal only values whose key ends with this
    #[arg(long, value_name = "SUFFIX")]
    pub encrypted_suffix: Option<String>,
    /// Leave values in clear whose key matches this
    #[arg(long, value_name = "REGEX")]
    pub unencrypted_regex: Option<String>,
    /// Seal only values whose key matches this
    #[arg(long, value_name = "REGEX")]
    pub encrypted_regex: Option<String>,
    /// Leave values in clear that follow a comment which matches this
    #[arg(long, value_name = "REGEX")]
    pub unencrypted_comment_regex: Option<String>,
    /// Seal only values that follow a comment which matches this
    #[arg(long, value_name = "REGEX")]
    pub encrypted_comment_regex: Option<String>,
    /// Compute the MAC over sealed values only
    #[arg(long)]
    pub mac_only_encrypted: bool,
}

impl SelectorArgs {
    /// Whether the command line names a selection.
    pub fn are_given(&self) -> bool {
        let all = [
            &self.unencrypted_suffix,
            &self.encrypted_suffix,
            &self.unencrypted_regex,
            &self.encrypted_regex,
            &self.unencrypted_comment_regex,
            &self.encrypted_comment_regex,
        ];
        all.iter().any(|selector| selector.is_some()) || self.mac_only_encrypted
    }
}

/// Who wraps and unwraps data keys.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Key services")]
pub struct ServiceArgs {
    /// Use the keys of this machine (the default) [env: SOPS_ENABLE_LOCAL_KEYSERVICE]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    pub enable_local_keyservice: Option<bool>,
    /// Ask this key service too: tcp://HOST:PORT or unix:///PATH [env: SOPS_KEYSERVICE]
    #[arg(long, value_name = "URI")]
    pub keyservice: Vec<String>,
    /// Ask AWS KMS with this profile, whatever a file says; new AWS KMS keys remember it
    #[arg(long, value_name = "PROFILE")]
    pub aws_profile: Option<String>,
}

/// Which kinds of master keys are tried first.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Key services")]
pub struct OrderArgs {
    /// Try these kinds of keys first, separated by commas [env: SOPS_DECRYPTION_ORDER]
    #[arg(long, value_name = "KINDS")]
    pub decryption_order: Option<String>,
}

/// The separator of `--flatten`: any text that can be part of a name.
///
/// # Errors
/// In words.
pub fn flatten_separator(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err(String::from("the separator must not be empty, nor hold `=` or NUL"));
    }
    Ok(text.to_owned())
}

fn boolean(text: &str) -> Result<bool, String> {
    env::parse_bool(text).ok_or_else(|| String::from("must be `true` or `false`"))
}
