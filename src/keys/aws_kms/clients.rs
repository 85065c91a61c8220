//! Owns the clients of AWS KMS, one for each region, role and profile, and the runtime they run in.

use super::error::{Asked, AwsKmsError};
use super::{Settings, Surroundings};
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig, imds};
use aws_sdk_kms::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_kms::config::{ConfigBag, IdentityCache, Intercept, RuntimeComponents, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_types::os_shim_internal::{Env, Fs};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the first byte of an answer may take: two tries fit into the limit.
const READ: Duration = Duration::from_secs(4);
/// How long the metadata service of a machine may take; where there is none, nothing answers.
const METADATA: Duration = Duration::from_secs(1);
/// How long it may take to find out who AWS takes the caller for.
const IDENTITY: Duration = Duration::from_secs(2);
/// How often a request is sent at most: again when it was throttled or the service was broken for now, after a random pause.
const ATTEMPTS: u32 = 4;

/// What a key wants.
#[derive(Debug)]
pub(super) struct Wanted<'k> {
    pub(super) region: &'k str,
    pub(super) role: Option<&'k str>,
    /// The key's own profile.
    pub(super) profile: Option<&'k str>,
    /// A profile that was asked for beats the key's own.
    pub(super) unwrapping: bool,
}

/// Region, role, profile.
type Place = (String, Option<String>, Option<String>);

/// A client and what it is for.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) kms: aws_sdk_kms::Client,
    pub(super) limit: Duration,
    config: SdkConfig,
    place: Place,
    contacted: Contacted,
}

impl Client {
    /// Forgets which address was contacted before.
    pub(super) fn begin(&self) {
        *lock(&self.contacted.0) = None;
    }

    /// Who asks where.
    pub(super) fn asked(&self) -> Box<Asked> {
        let (region, role, profile) = self.place.clone();
        Box::new(Asked { endpoint: lock(&self.contacted.0).clone(), region, role, profile, identity: None })
    }
}

/// Remembers the address of the last request that was sent.
#[derive(Clone, Debug, Default)]
struct Contacted(Arc<Mutex<Option<String>>>);

impl Intercept for Contacted {
    fn name(&self) -> &'static str {
        "Contacted"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_kms::error::BoxError> {
        let address = context.request().uri().trim_end_matches('/');
        *lock(&self.0) = Some(address.to_owned());
        Ok(())
    }
}

/// All clients.
pub(super) struct Clients {
    settings: Settings,
    /// Taken out when it ends: it does not wait for a name that is never resolved.
    runtime: Option<tokio::runtime::Runtime>,
    http: SharedHttpClient,
    profiles: Result<ProfileSet, String>,
    made: Mutex<HashMap<Place, Client>>,
    noted: Mutex<HashSet<String>>,
}

impl Drop for Clients {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Clients {
    /// Starts the runtime and reads the shared configuration.
    ///
    /// # Errors
    /// [`AwsKmsError::Settings`].
    pub(super) fn new(surroundings: &dyn Surroundings) -> Result<Self, AwsKmsError> {
        let settings = surroundings.settings().map_err(AwsKmsError::Settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| AwsKmsError::Settings(format!("cannot start the AWS client: {error}")))?;
        let http = http_client(settings.ca_bundle.as_deref())?;
        let profiles = runtime.block_on(aws_config::profile::load(&Fs::real(), &Env::real(), &Default::default(), None));
        let profiles = profiles.map_err(|error| format!("the shared configuration of AWS cannot be read: {error}"));
        let (made, noted) = (Mutex::default(), Mutex::default());
        Ok(Self { settings, runtime: Some(runtime), http, profiles, made, noted })
    }

    /// Runs something within a limit.
    pub(super) fn run<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let runtime = self.runtime.as_ref()?;
        runtime.block_on(async { tokio::time::timeout(limit, work).await.ok() })
    }

    /// The client for a key.
    ///
    /// # Errors
    /// [`AwsKmsError`].
    pub(super) fn client(&self, wanted: &Wanted<'_>, note: &dyn Fn(&str)) -> Result<Client, AwsKmsError> {
        let profile = self.profile(wanted, note)?;
        let place = (wanted.region.to_owned(), wanted.role.map(str::to_owned), profile.map(str::to_owned));
        let mut made = lock(&self.made);
        if let Some(client) = made.get(&place) {
            return Ok(client.clone());
        }
        let limit = if self.may_ask(profile) { self.settings.limit_with_program } else { self.settings.limit };
        let asked =
            || Box::new(Asked { region: place.0.clone(), role: place.1.clone(), profile: place.2.clone(), ..Asked::default() });
        let config = self.run(limit, self.config(&place, limit)).ok_or_else(|| AwsKmsError::TimedOut { limit, asked: asked() })?;
        let contacted = Contacted::default();
        let kms = aws_sdk_kms::config::Builder::from(&config).interceptor(contacted.clone()).build();
        let client = Client { kms: aws_sdk_kms::Client::from_conf(kms), limit, config, place: place.clone(), contacted };
        made.insert(place, client.clone());
        Ok(client)
    }

    /// Who AWS takes the caller for, if that can be found out quickly.
    pub(super) fn identity(&self, client: &Client) -> Option<String> {
        let once = aws_sdk_sts::config::Builder::from(&client.config).retry_config(RetryConfig::disabled()).build();
        let call = aws_sdk_sts::Client::from_conf(once).get_caller_identity();
        let arn = self.run(IDENTITY, call.send())?.ok()?.arn?;
        Some(arn.chars().filter(|c| !c.is_control()).take(200).collect())
    }

    /// Which profile is named to the SDK; `None` is its own choice.
    fn profile<'k>(&'k self, wanted: &Wanted<'k>, note: &dyn Fn(&str)) -> Result<Option<&'k str>, AwsKmsError> {
        if wanted.unwrapping {
            if let Some(asked) = self.settings.profile.as_deref() {
                return if self.has(asked)? { Ok(Some(asked)) } else { Err(AwsKmsError::NoProfile(asked.to_owned())) };
            }
            if self.settings.environment_names_profile {
                return Ok(None);
            }
        }
        match wanted.profile {
            Some(own) if self.has(own)? => Ok(Some(own)),
            Some(own) => {
                if lock(&self.noted).insert(own.to_owned()) {
                    let own: String = own.chars().filter(|c| !c.is_control()).take(100).collect();
                    note(&format!("the AWS profile `{own}` is not configured here: the default credentials are used"));
                }
                Ok(None)
            }
            None => Ok(None),
        }
    }

    fn has(&self, profile: &str) -> Result<bool, AwsKmsError> {
        match &self.profiles {
            Ok(profiles) => Ok(profiles.get_profile(profile).is_some()),
            Err(why) => Err(AwsKmsError::Settings(why.clone())),
        }
    }

    /// Whether the credentials come from a program that the user has configured and that may ask something.
    fn may_ask(&self, profile: Option<&str>) -> bool {
        let Ok(profiles) = &self.profiles else { return false };
        let profile = profiles.get_profile(profile.unwrap_or_else(|| profiles.selected_profile()));
        let source = profile.and_then(|profile| profile.get("source_profile")).and_then(|source| profiles.get_profile(source));
        profile.into_iter().chain(source).any(|profile| profile.get("credential_process").is_some())
    }

    async fn config(&self, (region, role, profile): &Place, limit: Duration) -> SdkConfig {
        let region = Region::new(region.clone());
        let provider_config = ProviderConfig::without_region()
            .with_region(Some(region.clone()))
            .with_http_client(self.http.clone())
            .with_retry_config(retries());
        let metadata = imds::Client::builder()
            .configure(&provider_config)
            .max_attempts(2)
            .connect_timeout(METADATA)
            .read_timeout(METADATA)
            .operation_attempt_timeout(METADATA)
            .build();
        let default = DefaultCredentialsChain::builder()
            .configure(provider_config.clone())
            .region(region.clone())
            .imds_client(metadata)
            .build()
            .await;
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(region)
            .http_client(self.http.clone())
            .retry_config(retries())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build())
            .identity_cache(IdentityCache::lazy().load_timeout(limit).build());
        loader = match profile {
            Some(profile) => {
                let named = ProfileFileCredentialsProvider::builder().configure(&provider_config).profile_name(profile).build();
                let chain = CredentialsProviderChain::first_try("Profile", named).or_else("Default", default);
                loader.profile_name(profile).credentials_provider(chain)
            }
            None => loader.credentials_provider(default),
        };
        let config = loader.load().await;
        let Some(role) = role else { return config };
        let session = session_name(&self.settings.host_name);
        let assumed = AssumeRoleProvider::builder(role).session_name(session).configure(&config).build().await;
        config.into_builder().credentials_provider(SharedCredentialsProvider::new(assumed)).build()
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(1))
}

/// One HTTP client for everything: TLS by rustls, the proxy of the environment.
fn http_client(ca_bundle: Option<&[u8]>) -> Result<SharedHttpClient, AwsKmsError> {
    let trust = match ca_bundle {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    let tls = TlsContext::builder().with_trust_store(trust).build();
    let tls = tls.map_err(|error| AwsKmsError::Settings(format!("the certificates of AWS_CA_BUNDLE cannot be used: {error}")))?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            builder = builder.connector_settings(settings.clone());
        }
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    }))
}

/// `sops@HOST`, as the reference names its sessions: at most 64 of the characters that AWS allows.
fn session_name(host: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '=' | ',' | '.' | '@' | '-' | '_');
    format!("sops@{host}").chars().filter(allowed).take(64).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_named_after_the_machine() {
        assert_eq!(session_name("build 1.example"), "sops@build1.example");
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }
}
