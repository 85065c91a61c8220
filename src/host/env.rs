//! Owns the environment: every variable the program reads, in one list.

use super::exit;
use super::failure::Failure;
use std::ffi::OsString;
use std::path::PathBuf;

/// An environment variable that is read, and what it is for.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is for, one sentence without a full stop; Markdown.
    pub doc: &'static str,
}

macro_rules! variables {
    ($($(#[doc = $doc:literal])+ $id:ident = $name:literal;)+) => {
        $($(#[doc = $doc])+ pub const $id: Variable = Variable { name: $name, doc: concat!($($doc),+) };)+

        /// Every variable, in the order of the documentation.
        pub const ALL: &[Variable] = &[$($id),+];
    };
}

variables! {
    /// The configuration file, as `--config`
    CONFIG = "SOPS_CONFIG";
    /// age recipients of new files, as `--age`
    AGE_RECIPIENTS = "SOPS_AGE_RECIPIENTS";
    /// PGP fingerprints of new files, as `--pgp`
    PGP_FP = "SOPS_PGP_FP";
    /// AWS KMS keys of new files, as `--kms`
    KMS_ARN = "SOPS_KMS_ARN";
    /// Google Cloud KMS keys of new files, as `--gcp-kms`
    GCP_KMS_IDS = "SOPS_GCP_KMS_IDS";
    /// HuaweiCloud KMS keys of new files, as `--hckms`
    HUAWEICLOUD_KMS_IDS = "SOPS_HUAWEICLOUD_KMS_IDS";
    /// Azure Key Vault keys of new files, as `--azure-kv`
    AZURE_KEYVAULT_URLS = "SOPS_AZURE_KEYVAULT_URLS";
    /// Vault transit keys of new files, as `--hc-vault-transit`
    VAULT_URIS = "SOPS_VAULT_URIS";
    /// Which kinds of keys are tried first, as `--decryption-order`
    DECRYPTION_ORDER = "SOPS_DECRYPTION_ORDER";
    /// Whether keys of this machine are used, as `--enable-local-keyservice`; empty means no
    ENABLE_LOCAL_KEYSERVICE = "SOPS_ENABLE_LOCAL_KEYSERVICE";
    /// Key services to ask, separated by commas, as `--keyservice`
    KEYSERVICE = "SOPS_KEYSERVICE";
    /// How many seconds a key service may take to answer before other keys are tried; 30 when it is not set
    KEYSERVICE_TIMEOUT = "LEAFSEAL_KEYSERVICE_TIMEOUT";
    /// age identities themselves, separated by blanks or line breaks
    AGE_KEY = "SOPS_AGE_KEY";
    /// A file of age identities, one a line
    AGE_KEY_FILE = "SOPS_AGE_KEY_FILE";
    /// A command that prints age identities; run once, without a shell
    AGE_KEY_CMD = "SOPS_AGE_KEY_CMD";
    /// An SSH private key file used as an age identity
    AGE_SSH_PRIVATE_KEY_FILE = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
    /// A command that prints an SSH private key; run once, without a shell
    AGE_SSH_PRIVATE_KEY_CMD = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
    /// How many seconds an age plugin may say nothing before it is ended and other keys are tried; 30 when it is not set
    AGE_PLUGIN_TIMEOUT = "LEAFSEAL_AGE_PLUGIN_TIMEOUT";
    /// The GnuPG program; `gpg` on the PATH when it is not set
    GPG_EXEC = "SOPS_GPG_EXEC";
    /// The terminal where the agent of GnuPG asks for passphrases; set for it when it is not set
    GPG_TTY = "GPG_TTY";
    /// Which Vault addresses a file may name: empty or `all`, `none`, or prefixes separated by commas
    HC_VAULT_ALLOWLIST = "SOPS_HC_VAULT_ALLOWLIST";
    /// The token for Vault; `~/.vault-token` when it is not set
    VAULT_TOKEN = "VAULT_TOKEN";
    /// The namespace of Vault Enterprise
    VAULT_NAMESPACE = "VAULT_NAMESPACE";
    /// The Vault agent that is asked instead of the address in the key
    VAULT_AGENT_ADDR = "VAULT_AGENT_ADDR";
    /// A file of the certificates (PEM) that are trusted for Vault, instead of the system's
    VAULT_CACERT = "VAULT_CACERT";
    /// A folder of such files
    VAULT_CAPATH = "VAULT_CAPATH";
    /// Whether any certificate is trusted for Vault
    VAULT_SKIP_VERIFY = "VAULT_SKIP_VERIFY";
    /// How often Vault is asked again when it is busy or broken for now; 2 when it is not set
    VAULT_MAX_RETRIES = "VAULT_MAX_RETRIES";
    /// How long a Vault may take to answer, in seconds or as `30s`, `1m30s`; 9 seconds when it is not set
    VAULT_CLIENT_TIMEOUT = "VAULT_CLIENT_TIMEOUT";
    /// The profile of the AWS configuration; beats the one that a file names when it is decrypted
    AWS_PROFILE = "AWS_PROFILE";
    /// A file of the certificates (PEM) that are trusted for AWS, instead of the system's
    AWS_CA_BUNDLE = "AWS_CA_BUNDLE";
    /// Credentials for AWS; with `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; read by the SDK of AWS, as all `AWS_…` that follow
    AWS_ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID";
    /// The shared configuration of AWS; `~/.aws/config` when it is not set
    AWS_CONFIG_FILE = "AWS_CONFIG_FILE";
    /// The shared credentials of AWS; `~/.aws/credentials` when it is not set
    AWS_SHARED_CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE";
    /// The address of all services of AWS
    AWS_ENDPOINT_URL = "AWS_ENDPOINT_URL";
    /// The address of AWS KMS
    AWS_ENDPOINT_URL_KMS = "AWS_ENDPOINT_URL_KMS";
    /// The address of the service that gives roles
    AWS_ENDPOINT_URL_STS = "AWS_ENDPOINT_URL_STS";
    /// A token that stands for a role; with `AWS_ROLE_ARN`, `AWS_ROLE_SESSION_NAME` (EKS)
    AWS_WEB_IDENTITY_TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE";
    /// Where a container gets its credentials; or `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` (ECS)
    AWS_CONTAINER_CREDENTIALS_FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    /// Whether the metadata service of an EC2 machine is not asked
    AWS_EC2_METADATA_DISABLED = "AWS_EC2_METADATA_DISABLED";
    /// The access key for HuaweiCloud; with `HUAWEICLOUD_SDK_SK`
    HUAWEICLOUD_SDK_AK = "HUAWEICLOUD_SDK_AK";
    /// Its secret half
    HUAWEICLOUD_SDK_SK = "HUAWEICLOUD_SDK_SK";
    /// The security token of a temporary access key
    HUAWEICLOUD_SDK_SECURITY_TOKEN = "HUAWEICLOUD_SDK_SECURITY_TOKEN";
    /// The project for HuaweiCloud; asked for when it is not set
    HUAWEICLOUD_SDK_PROJECT_ID = "HUAWEICLOUD_SDK_PROJECT_ID";
    /// The credentials for HuaweiCloud (`[basic]`) when there is no `HUAWEICLOUD_SDK_AK`; `~/.huaweicloud/credentials` when it is not set
    HUAWEICLOUD_SDK_CREDENTIALS_FILE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE";
    /// The address of KMS in a region of HuaweiCloud: `HUAWEICLOUD_SDK_REGION_KMS_CN_NORTH_4`
    HUAWEICLOUD_SDK_REGION_KMS = "HUAWEICLOUD_SDK_REGION_KMS_<REGION>";
    /// The address of HuaweiCloud IAM, which tells the project
    HUAWEICLOUD_SDK_IAM_ENDPOINT = "HUAWEICLOUD_SDK_IAM_ENDPOINT";
    /// The address of the metadata service of a HuaweiCloud machine; none is asked when it is empty
    HUAWEI_METADATA = "LEAFSEAL_HUAWEI_METADATA";
    /// Which credentials for Azure are tried: `prod`, `dev`, or one kind (`EnvironmentCredential`, `AzureCLICredential`, ...)
    AZURE_TOKEN_CREDENTIALS = "AZURE_TOKEN_CREDENTIALS";
    /// The tenant of a service principal of Azure
    AZURE_TENANT_ID = "AZURE_TENANT_ID";
    /// The id of a service principal, or of a managed identity
    AZURE_CLIENT_ID = "AZURE_CLIENT_ID";
    /// The secret of the service principal
    AZURE_CLIENT_SECRET = "AZURE_CLIENT_SECRET";
    /// A file of the certificate and private key (PEM, RSA) of the service principal
    AZURE_CLIENT_CERTIFICATE_PATH = "AZURE_CLIENT_CERTIFICATE_PATH";
    /// A token that stands for the service principal: workload identity (AKS)
    AZURE_FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE";
    /// Where tokens for Azure come from; `https://login.microsoftonline.com` when it is not set
    AZURE_AUTHORITY_HOST = "AZURE_AUTHORITY_HOST";
    /// Where a managed identity of Azure gets its tokens; with `IDENTITY_HEADER`
    IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT";
    /// Credentials for Google Cloud: a file, or the JSON itself
    GOOGLE_CREDENTIALS = "GOOGLE_CREDENTIALS";
    /// A token for Google Cloud, when there is no `GOOGLE_CREDENTIALS`
    GOOGLE_OAUTH_ACCESS_TOKEN = "GOOGLE_OAUTH_ACCESS_TOKEN";
    /// A file of credentials, when neither is set; else `~/.config/gcloud/application_default_credentials.json`, else the machine's own
    GOOGLE_APPLICATION_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS";
    /// The metadata service of a machine of Google Cloud; read by Google's library
    GCE_METADATA_HOST = "GCE_METADATA_HOST";
    /// The address of Google Cloud KMS: `HOST:PORT` or `https://HOST`
    GCP_KMS_ENDPOINT = "SOPS_GCP_KMS_ENDPOINT";
    /// The domain of another cloud than Google's own: keys are at `cloudkms.DOMAIN`
    GCP_KMS_UNIVERSE_DOMAIN = "SOPS_GCP_KMS_UNIVERSE_DOMAIN";
    /// `grpc` or `rest`, for the sake of sops: leafseal speaks REST to either address
    GCP_KMS_CLIENT_TYPE = "SOPS_GCP_KMS_CLIENT_TYPE";
    /// A file of certificates (PEM) that are trusted instead of the system's
    SSL_CERT_FILE = "SSL_CERT_FILE";
    /// Folders of such files, separated by colons
    SSL_CERT_DIR = "SSL_CERT_DIR";
    /// The proxy for connections to key services; `ALL_PROXY` and the names in small letters do as well
    HTTPS_PROXY = "HTTPS_PROXY";
    /// Hosts that are reached without the proxy
    NO_PROXY = "NO_PROXY";
    /// The editor, with its arguments
    SOPS_EDITOR = "SOPS_EDITOR";
    /// The editor when `SOPS_EDITOR` is not set
    EDITOR = "EDITOR";
    /// Where editors, GnuPG, age plugins and the programs of key commands are looked for; relative folders in it are not
    PATH = "PATH";
    /// The home folder: `~/.ssh`, `~/.config`, `~/.vault-token`, `~/.aws`, `~/.huaweicloud`
    HOME = "HOME";
    /// Where `sops/age/keys.txt` is looked for instead of `~/.config`
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME";
    /// Where `leafseal sync` keeps its records instead of `~/.local/state`
    XDG_STATE_HOME = "XDG_STATE_HOME";
    /// The folder for plaintext while it is edited, if it is in memory
    XDG_RUNTIME_DIR = "XDG_RUNTIME_DIR";
    /// The folder for plaintext while it is edited when none is in memory
    TMPDIR = "TMPDIR";
    /// The working folder as the shell spells it
    PWD = "PWD";
    /// Switches colour off when it is not empty
    NO_COLOR = "NO_COLOR";
    /// `dumb` switches colour off
    TERM = "TERM";
    /// Accepted for the sake of sops: leafseal never looks for new versions
    DISABLE_VERSION_CHECK = "SOPS_DISABLE_VERSION_CHECK";
}

impl Variable {
    /// Its value if it is set, also to nothing.
    pub fn raw(&self) -> Option<OsString> {
        std::env::var_os(self.name)
    }

    /// Its value if it is set and not empty, as a path.
    pub fn path(&self) -> Option<PathBuf> {
        self.raw().filter(|v| !v.is_empty()).map(PathBuf::from)
    }

    /// Its value if it is set and not empty.
    ///
    /// # Errors
    /// When it is not UTF-8; the message does not show it.
    pub fn text(&self) -> Result<Option<String>, Failure> {
        self.text_or_empty().map(|v| v.filter(|v| !v.is_empty()))
    }

    /// The value of a family's member, if it is set and not empty: `<REGION>` in the name stands for a word.
    ///
    /// # Errors
    /// When it is not UTF-8; the message does not show it.
    pub fn text_for(&self, word: &str) -> Result<Option<String>, Failure> {
        let name = self.name.replace("<REGION>", word);
        match std::env::var(&name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::new(exit::GENERIC, format!("the environment variable {name} is not valid UTF-8")))
            }
        }
    }

    /// As [`Variable::text`], for those who want to know in words why not.
    ///
    /// # Errors
    /// As there.
    pub fn text_in_words(&self) -> Result<Option<String>, String> {
        self.text().map_err(|failure| failure.message)
    }

    /// Its value if it is set, also to nothing.
    ///
    /// # Errors
    /// When it is not UTF-8; the message does not show it.
    pub fn text_or_empty(&self) -> Result<Option<String>, Failure> {
        self.raw()
            .map(|v| {
                v.into_string()
                    .map_err(|_| Failure::new(exit::GENERIC, format!("the environment variable {} is not valid UTF-8", self.name)))
            })
            .transpose()
    }

    /// Its value as sops reads booleans (`1 t T TRUE true True` and their opposites); empty means false.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self) -> Result<Option<bool>, Failure> {
        let Some(text) = self.text_or_empty()? else { return Ok(None) };
        if text.is_empty() {
            return Ok(Some(false));
        }
        parse_bool(&text)
            .map(Some)
            .ok_or_else(|| Failure::new(exit::GENERIC, format!("the environment variable {} must be `true` or `false`", self.name)))
    }
}

/// The variables that switch something on or off.
const FLAGS: &[Variable] = &[ENABLE_LOCAL_KEYSERVICE, DISABLE_VERSION_CHECK];

/// Refuses variables that should be a truth value and are none: in sops they end every command.
///
/// # Errors
/// Exit 1.
pub fn check_flags() -> Result<(), Failure> {
    FLAGS.iter().try_for_each(|variable| variable.flag().map(drop))
}

/// The name by which the program was called, without its folder.
pub fn called_as() -> Option<OsString> {
    std::env::args_os().next().and_then(|path| PathBuf::from(path).file_name().map(ToOwned::to_owned))
}

/// The arguments of the process, without its own name.
pub fn arguments() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

/// A boolean as sops spells it.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The folders of the user's configuration, first the one where new files go: `XDG_CONFIG_HOME`, and the platform's own place
/// (on macOS both; elsewhere the second stands in for the first).
pub fn config_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = XDG_CONFIG_HOME.path().into_iter().collect();
    if let Some(home) = HOME.path() {
        if cfg!(target_os = "macos") {
            folders.push(home.join("Library/Application Support"));
        } else if folders.is_empty() {
            folders.push(home.join(".config"));
        }
    }
    folders
}

/// The table of variables for the documentation.
pub fn table() -> String {
    let mut out = String::from("| variable | meaning |\n|---|---|\n");
    for variable in ALL {
        out.push_str(&format!("| `{}` | {} |\n", variable.name, variable.doc.trim()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_those_of_sops() {
        assert_eq!(parse_bool("T"), Some(true));
        assert_eq!(parse_bool("False"), Some(false));
        assert_eq!(parse_bool("maybe"), None);
        assert_eq!(parse_bool("yes"), None);
    }

    #[test]
    fn the_table_has_a_row_for_each_variable() {
        let table = table();
        assert_eq!(table.lines().count(), ALL.len() + 2);
        assert!(table.contains("| `SOPS_CONFIG` | The configuration file, as `--config` |"), "{table}");
    }
}
