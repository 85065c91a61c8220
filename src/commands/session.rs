//! Owns what every command over encrypted files needs: key services, decryption order, configuration, layout, clock.

use super::args::{Global, KeyArgs, OrderArgs, SelectorArgs, ServiceArgs};
use crate::config::{self, Config, KeyOverride, Layout, Overrides, Policy, Selectors, Source};
use crate::document::Format;
use crate::document::dotenv::Dialect;
use crate::file::{Context, Encrypted, EncryptedFile, MacPolicy, Note, PlainFile};
use crate::host::audit::{Action, Audit};
use crate::host::config_file::{self, ConfigFiles};
use crate::host::exit;
use crate::host::failure::Failure;
use crate::host::files;
use crate::host::ui::Ui;
use crate::host::{clock, env};
use crate::keys::diff::KeyDiff;
use crate::keys::pin::pin_from;
use crate::keys::recover::DecryptionOrder;
#[cfg(feature = "keyservice")]
use crate::keys::remote::{Address, Remote};
use crate::keys::service::{KeyError, KeyService, Local, Unwrapped};
use crate::keys::{KeyType, MasterKey, WrappedKey};
use crate::metadata::Metadata;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
#[cfg(feature = "keyservice")]
use std::time::Duration;

/// How long a key service somewhere else may take to answer: it may have to ask someone.
#[cfg(feature = "keyservice")]
const KEYSERVICE_LIMIT: Duration = Duration::from_secs(30);

/// One run of the program.
pub struct Session<'a> {
    /// The terminal.
    pub ui: &'a Ui,
    /// Options of every command.
    pub global: &'a Global,
    /// The configuration files.
    pub configs: ConfigFiles<'a>,
    /// The keys of this machine.
    pub local: &'a Local<'a>,
    /// The same, saying what each key did.
    pub traced: &'a Traced<'a>,
    /// The profile of `--aws-profile`, once a command has settled.
    pub aws_profile: &'a OnceLock<String>,
    /// The key services somewhere else, once a command has settled.
    pub services: &'a OnceLock<Vec<Box<dyn KeyService + Send>>>,
    /// Who is told what is encrypted and decrypted.
    pub audit: &'a Audit,
    /// Makes the whole command line, for those who describe it.
    pub whole: fn() -> clap::Command,
}

/// What a command has settled before it touches a file: keys, order, layout, time.
pub struct Settled<'a> {
    services: Vec<&'a dyn KeyService>,
    order: DecryptionOrder,
    layout: Layout,
    now: String,
}

impl Settled<'_> {
    /// Whether the keys of this machine are asked.
    pub fn asks_here(&self) -> bool {
        self.services.iter().any(|service| service.address().is_none())
    }

    /// What the library needs from outside.
    pub fn context(&self) -> Context<'_> {
        Context { services: &self.services, order: &self.order, now: &self.now, layout: &self.layout }
    }
}

impl<'a> Session<'a> {
    /// Settles the surroundings, in sops's order: configuration, key services, decryption order.
    ///
    /// # Errors
    /// Exit 1 for a wrong configuration or an audit that cannot be reached, 112 for a wrong order.
    pub fn settle(&self, services: &ServiceArgs, order: Option<&OrderArgs>) -> Result<Settled<'a>, Failure> {
        self.audit.ready(self.ui)?;
        let config = self.configs.of_working_folder()?;
        let layout = self.layout(config.as_deref())?;
        if let Some(profile) = services.aws_profile.as_ref().filter(|profile| !profile.is_empty()) {
            // Settled for each file: always the same.
            self.aws_profile.get_or_init(|| profile.clone());
        }
        let services = self.services(services)?;
        let order = match order {
            Some(order) => self.order(order)?,
            None => DecryptionOrder::default(),
        };
        Ok(Settled { services, order, layout, now: clock::now() })
    }

    /// Who is asked: the keys of this machine, then the key services that were named.
    fn services(&self, args: &ServiceArgs) -> Result<Vec<&'a dyn KeyService>, Failure> {
        let local = match args.enable_local_keyservice {
            Some(flag) => flag,
            None => env::ENABLE_LOCAL_KEYSERVICE.flag()?.unwrap_or(true),
        };
        let mut services: Vec<&'a dyn KeyService> = Vec::new();
        match local {
            true if self.global.verbose => services.push(self.traced),
            true => services.push(self.local),
            false => {}
        }
        let named = match env::KEYSERVICE.text()? {
            Some(text) if args.keyservice.is_empty() => text.split(',').map(|address| address.trim().to_owned()).collect(),
            _ => args.keyservice.clone(),
        };
        if !named.is_empty() {
            // Settled for each file: always the same.
            let far = match self.services.get() {
                Some(far) => far,
                None => {
                    let made = self.far(&named)?;
                    self.services.get_or_init(|| made)
                }
            };
            services.extend(far.iter().map(|service| &**service as &'a dyn KeyService));
        }
        Ok(services)
    }

    /// The key services at these addresses.
    #[cfg(feature = "keyservice")]
    fn far(&self, named: &[String]) -> Result<Vec<Box<dyn KeyService + Send>>, Failure> {
        let limit = match env::KEYSERVICE_TIMEOUT.text()? {
            None => KEYSERVICE_LIMIT,
            Some(text) => text.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(|| {
                Failure::new(
                    exit::GENERIC,
                    format!("the environment variable {} must be a number of seconds", env::KEYSERVICE_TIMEOUT.name),
                )
            })?,
        };
        let mut far: Vec<Box<dyn KeyService + Send>> = Vec::new();
        for text in named {
            let Some(address) = Address::parse(text) else {
                self.ui.warning(&format!(
                    "`{text}` is no address of a key service (tcp://HOST:PORT or unix:///PATH): it is not asked"
                ));
                continue;
            };
            if !address.is_here() {
                self.ui.warning(&format!(
                    "data keys travel to {address} and back without encryption: a tunnel keeps them to yourself"
                ));
            }
            self.ui.detail(&format!("the key service at {address} is asked too"));
            far.push(Box::new(Remote::new(address, limit)));
        }
        Ok(far)
    }

    /// This build has none.
    #[cfg(not(feature = "keyservice"))]
    fn far(&self, named: &[String]) -> Result<Vec<Box<dyn KeyService + Send>>, Failure> {
        self.ui.warning(&format!("this build cannot ask key services over the network: {} are not asked", named.join(", ")));
        Ok(Vec::new())
    }

    fn order(&self, args: &OrderArgs) -> Result<DecryptionOrder, Failure> {
        let text = match &args.decryption_order {
            Some(text) => Some(text.clone()),
            None => env::DECRYPTION_ORDER.text_or_empty()?,
        };
        Ok(match text {
            Some(text) => DecryptionOrder::parse(&text)?,
            None => DecryptionOrder::default(),
        })
    }

    /// How new text is laid out: `--indent`, else the configuration.
    ///
    /// # Errors
    /// When an indent is negative.
    pub fn layout(&self, config: Option<&Config>) -> Result<Layout, Failure> {
        let layout = Layout::new(config.map(|c| &c.indents), self.global.indent)?;
        Ok(match self.global.dotenv_dialect.as_deref() {
            Some("posix") => Layout { dotenv: Dialect::Posix, ..layout },
            Some(_) => Layout { dotenv: Dialect::Sops, ..layout },
            None => layout,
        })
    }

    /// How a new file is sealed.
    ///
    /// # Errors
    /// As the configuration says: no rule, no keys, a selector that is no pattern.
    pub fn policy(&self, file: &Path, format: Format, keys: &KeyArgs, selectors: &SelectorArgs) -> Result<Policy, Failure> {
        let config = self.configs.of_file(file)?;
        let given = overrides(keys, self.aws_profile.get().map(String::as_str), selectors, self.global.legacy)?;
        let policy = config::resolve(config.as_deref(), &config_file::file_path(file, config.as_deref()), &given, format)?;
        for warning in &policy.warnings {
            self.ui.warning(&warning.to_string());
        }
        if self.global.verbose {
            self.tell(&files::shown(file), config.as_deref(), &policy);
        }
        Ok(policy)
    }

    /// Says where the parts of a policy come from.
    fn tell(&self, file: &str, config: Option<&Config>, policy: &Policy) {
        let sources = &policy.sources;
        self.ui.detail(&match (config, sources.rule) {
            (Some(config), Some(rule)) => format!("{file}: {}: {rule} matches", config.origin.path),
            (Some(config), None) => format!("{file}: {}: no rule matches", config.origin.path),
            (None, _) => format!("{file}: there is no .sops.yaml"),
        });
        let keys: Vec<String> = sources.keys.iter().map(ToString::to_string).collect();
        self.ui.detail(&format!("{file}: master keys from {}", keys.join(", ")));
        let selection = match policy.selection.text() {
            "" => String::from("every value"),
            text => format!("{} `{text}`", policy.selection.field()),
        };
        self.ui.detail(&format!("{file}: selection: {selection}, from {}", sources.selection));
    }

    /// Warns when an encrypted file has another selection than its creation rule says now.
    pub fn warn_of_drift(&self, name: &str, file: &Path, format: Format, metadata: &Metadata) {
        // The file does not need a rule: without one, or with a wrong one, there is nothing to compare.
        let Ok(Some(config)) = self.configs.of_file(file) else { return };
        let path = config_file::file_path(file, Some(&config));
        let Ok(policy) = config::resolve(Some(&config), &path, &Overrides::default(), format) else { return };
        if let Some(drift) = policy.drift(&metadata.selection, metadata.mac_only_encrypted) {
            self.ui.warning(&format!("{name}: {drift}"));
        }
    }

    /// Warns when an encrypted file has other master keys than its creation rule says now.
    pub fn warn_of_keys(&self, name: &str, file: &Path, format: Format, metadata: &Metadata) {
        let Ok(Some(config)) = self.configs.of_file(file) else { return };
        let path = config_file::file_path(file, Some(&config));
        let Ok(policy) = config::resolve(Some(&config), &path, &Overrides::default(), format) else { return };
        let groups: Vec<_> = metadata.groups.iter().map(|group| group.group()).collect();
        if !KeyDiff::new(&groups, metadata.shamir_threshold, &pin_from(&policy.groups, &groups)).is_empty() {
            self.ui.warning(&format!(
                "{name}: its master keys, which stay, are not those of its creation rule: `leafseal updatekeys` brings them up to date"
            ));
        }
    }

    /// Opens the file at a path (empty: standard input), which the audit is told. With `--verbose` it says, in the words of sops that
    /// scripts look for, that the data key was recovered.
    ///
    /// # Errors
    /// As [`EncryptedFile::open`]; exit 1 when the audit does not take it.
    pub fn open(&self, path: &Path, file: EncryptedFile, mac: MacPolicy, cx: &Context<'_>) -> Result<PlainFile, Failure> {
        let plain = file.open(mac, cx)?;
        self.ui.detail("Data key recovered successfully");
        self.record(Action::Decrypt, path)?;
        Ok(plain)
    }

    /// Tells the audit about the file at a path (empty: standard input).
    ///
    /// # Errors
    /// Exit 1, when it does not take it: nothing may be given out or written then.
    pub fn record(&self, action: Action, path: &Path) -> Result<(), Failure> {
        self.audit.record(self.ui, action, path)
    }

    /// Shows what a user should know about an encryption. With `strict`, a file of which nothing is sealed is refused.
    ///
    /// # Errors
    /// Exit 1 when `strict` and nothing is sealed.
    pub fn notes(&self, name: &str, encrypted: &Encrypted, strict: bool) -> Result<(), Failure> {
        let report = &encrypted.report;
        for note in &report.notes {
            match note {
                Note::NothingSealed if strict => {
                    return Err(Failure::new(
                        exit::GENERIC,
                        format!("no value is encrypted: the selection covers none of {} values", report.values),
                    )
                    .hint("`leafseal config FILE` shows where the selection comes from"));
                }
                Note::NothingSealed => self.ui.warning(&format!(
                    "{name}: NO VALUE IS ENCRYPTED: the selection covers none of {} values (--strict makes this an error)",
                    report.values
                )),
                Note::ExpressionInClear { path, position } => self.ui.warning(&format!(
                    "{name}: {position}: {path} is an expression or a block, not a literal value: it stays in clear"
                )),
                Note::AliasExpanded { path, position } => self.ui.detail(&format!(
                    "{name}: {position}: the alias at {path} stands for sealed values and is written out; decrypting brings it back"
                )),
            }
        }
        self.ui.detail(&format!("{name}: {} of {} values sealed", report.sealed, report.values));
        Ok(())
    }
}

/// The keys of this machine, saying on the way what each of them did: for `--verbose`.
pub struct Traced<'a> {
    inner: &'a Local<'a>,
    ui: &'a Ui,
}

impl<'a> Traced<'a> {
    /// Asks `inner` and tells `ui`.
    pub fn new(inner: &'a Local<'a>, ui: &'a Ui) -> Self {
        Self { inner, ui }
    }

    fn tell(&self, key: &MasterKey, what: &str) {
        self.ui.detail(&format!("{} {key}: {what}", key.type_name()));
    }
}

impl KeyService for Traced<'_> {
    fn wrap(&self, key: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
        let wrapped = self.inner.wrap(key, data_key);
        match &wrapped {
            Ok(_) => self.tell(key, "wrapped the data key"),
            Err(error) => self.tell(key, &format!("cannot wrap the data key: {error}")),
        }
        wrapped
    }

    fn pinned(&self, key: &MasterKey) -> Result<MasterKey, KeyError> {
        let pinned = self.inner.pinned(key);
        match &pinned {
            Ok(pinned) if pinned != key => self.tell(pinned, "is the current version"),
            Ok(_) => {}
            Err(error) => self.tell(key, &format!("its version cannot be found out: {error}")),
        }
        pinned
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Unwrapped, KeyError> {
        let answer = self.inner.unwrap(wrapped);
        match &answer {
            Ok(Unwrapped::Opened(_)) => self.tell(&wrapped.key, "opened the data key"),
            Ok(Unwrapped::NothingHere(reason)) => {
                self.tell(&wrapped.key, &reason.summary);
                for line in &reason.details {
                    self.ui.detail(&format!("  {line}"));
                }
            }
            Err(error) => self.tell(&wrapped.key, &error.to_string()),
        }
        answer
    }

    fn waits(&self, key: &MasterKey) -> bool {
        self.inner.waits(key)
    }
}

/// Whether the MAC must hold.
pub fn mac_policy(ignore: bool) -> MacPolicy {
    if ignore { MacPolicy::Ignore } else { MacPolicy::Verify }
}

/// What flags and environment say about a new file. In the form without a command the encryption context goes to the rule's keys, too.
///
/// # Errors
/// Exit 6 for a malformed encryption context.
pub fn overrides(keys: &KeyArgs, aws_profile: Option<&str>, selectors: &SelectorArgs, legacy: bool) -> Result<Overrides, Failure> {
    let rows: [(KeyType, &[String], &'static str, env::Variable); 7] = [
        (KeyType::Age, &keys.age, "--age", env::AGE_RECIPIENTS),
        (KeyType::Pgp, &keys.pgp, "--pgp", env::PGP_FP),
        (KeyType::AwsKms, &keys.kms, "--kms", env::KMS_ARN),
        (KeyType::GcpKms, &keys.gcp_kms, "--gcp-kms", env::GCP_KMS_IDS),
        (KeyType::HuaweiKms, &keys.hckms, "--hckms", env::HUAWEICLOUD_KMS_IDS),
        (KeyType::AzureKv, &keys.azure_kv, "--azure-kv", env::AZURE_KEYVAULT_URLS),
        (KeyType::Vault, &keys.hc_vault_transit, "--hc-vault-transit", env::VAULT_URIS),
    ];
    let mut given = Vec::new();
    for (key_type, flag, name, variable) in rows {
        if !flag.is_empty() {
            given.extend(flag.iter().map(|text| KeyOverride { key_type, text: text.clone(), source: Source::Flag(name) }));
        } else if let Some(text) = variable.text()? {
            given.push(KeyOverride { key_type, text, source: Source::Variable(variable.name) });
        }
    }
    let text = |flag: &Option<String>| flag.clone().unwrap_or_default();
    Ok(Overrides {
        keys: given,
        aws_profile: aws_profile.unwrap_or_default().to_owned(),
        encryption_context: encryption_context(keys.encryption_context.as_deref())?,
        context_for_rule: legacy,
        selectors: Selectors {
            unencrypted_suffix: text(&selectors.unencrypted_suffix),
            encrypted_suffix: text(&selectors.encrypted_suffix),
            unencrypted_regex: text(&selectors.unencrypted_regex),
            encrypted_regex: text(&selectors.encrypted_regex),
            unencrypted_comment_regex: text(&selectors.unencrypted_comment_regex),
            encrypted_comment_regex: text(&selectors.encrypted_comment_regex),
        },
        mac_only_encrypted: selectors.mac_only_encrypted,
        threshold: keys.shamir_secret_sharing_threshold,
    })
}

/// Reads `--encryption-context`.
///
/// # Errors
/// Exit 6 when it is malformed.
pub fn encryption_context(text: Option<&str>) -> Result<BTreeMap<String, String>, Failure> {
    config::encryption_context(text.unwrap_or_default()).ok_or_else(|| {
        Failure::new(
            exit::ENCRYPTION_CONTEXT,
            "invalid KMS encryption context format: expected name:value pairs, separated by commas",
        )
    })
}
