//! Owns where tokens come from: the kinds of credentials that Azure's SDKs try by default, in their order, each by the SDK.

use super::assertion::Assertion;
use super::transport::Bridge;
use super::{AzureKvError, Settings, Surroundings, words};
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential, AzureDeveloperCliCredentialOptions,
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use futures::lock::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Environment,
    WorkloadIdentity,
    ManagedIdentity,
    Cli,
    DeveloperCli,
}

/// What `AZURE_TOKEN_CREDENTIALS` calls them, in the order in which they are tried.
const KINDS: [(Kind, &str); 5] = [
    (Kind::Environment, "EnvironmentCredential"),
    (Kind::WorkloadIdentity, "WorkloadIdentityCredential"),
    (Kind::ManagedIdentity, "ManagedIdentityCredential"),
    (Kind::Cli, "AzureCLICredential"),
    (Kind::DeveloperCli, "AzureDeveloperCLICredential"),
];
/// How many of them are for machines (`prod`); the others are for people (`dev`).
const FOR_MACHINES: usize = 3;

/// The tokens of this process.
pub(super) struct Tokens {
    surroundings: &'static dyn Surroundings,
    /// By scope. Whoever needs one waits for the one who asks for it.
    held: Mutex<HashMap<String, AccessToken>>,
}

impl Tokens {
    /// None yet.
    pub(super) fn new(surroundings: &'static dyn Surroundings) -> Arc<Self> {
        Arc::new(Self { surroundings, held: Mutex::default() })
    }

    async fn token(&self, scope: &str, bridge: &Arc<Bridge>) -> Result<AccessToken, AzureKvError> {
        let mut held = self.held.lock().await;
        let now = time::OffsetDateTime::parse(&self.surroundings.now(), &time::format_description::well_known::Rfc3339);
        let now = now.map_err(|_| AzureKvError::Settings(String::from("there is no clock")))?;
        if let Some(token) = held.get(scope).filter(|token| token.expires_on > now + MARGIN) {
            return Ok(token.clone());
        }
        let settings = self.surroundings.settings().map_err(AzureKvError::Settings)?;
        let mut missing = Vec::new();
        for (kind, name) in kinds(&settings.which)? {
            match self.ask(kind, &settings, scope, bridge, now).await? {
                Ok(token) => {
                    held.insert(scope.to_owned(), token.clone());
                    return Ok(token);
                }
                Err(why) => missing.push(format!("{name}: {why}")),
            }
        }
        Err(AzureKvError::NoCredentials(missing.join("; ")))
    }

    /// A token; or why this kind is not at hand here. An error where it is set up and gives none: then no other is tried.
    async fn ask(
        &self,
        kind: Kind,
        settings: &Settings,
        scope: &str,
        bridge: &Arc<Bridge>,
        now: time::OffsetDateTime,
    ) -> Result<Result<AccessToken, String>, AzureKvError> {
        // The vault's challenge is no word of a credential's.
        bridge.forget();
        let client_options = bridge.options();
        let failed = |source_name: &'static str| move |error: Error| no_token(source_name, &error, bridge);
        match kind {
            Kind::Environment => {
                let (Some(tenant), Some(client)) = (&settings.tenant, &settings.client) else {
                    return Ok(Err(String::from("AZURE_TENANT_ID and AZURE_CLIENT_ID are not set")));
                };
                if let Some(secret) = &settings.secret {
                    let name = "ClientSecretCredential";
                    let options = ClientSecretCredentialOptions { client_options };
                    let secret = Secret::new(secret.expose().clone());
                    let credential =
                        ClientSecretCredential::new(tenant, client.clone(), secret, Some(options)).map_err(failed(name))?;
                    credential.get_token(&[scope], None).await.map(Ok).map_err(failed(name))
                } else if let Some(certificate) = &settings.certificate {
                    let name = "ClientCertificateCredential";
                    let assertion = Assertion::new(certificate, client, &settings.authority, tenant, now);
                    let assertion = assertion.map_err(AzureKvError::Settings)?;
                    let options = ClientAssertionCredentialOptions { client_options };
                    let credential = ClientAssertionCredential::new(tenant.clone(), client.clone(), assertion, Some(options));
                    credential.map_err(failed(name))?.get_token(&[scope], None).await.map(Ok).map_err(failed(name))
                } else {
                    Ok(Err(String::from("neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set")))
                }
            }
            Kind::WorkloadIdentity if !settings.federated => Ok(Err(String::from("AZURE_FEDERATED_TOKEN_FILE is not set"))),
            Kind::WorkloadIdentity => {
                let name = "WorkloadIdentityCredential";
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    ..WorkloadIdentityCredentialOptions::default()
                };
                let credential = WorkloadIdentityCredential::new(Some(options)).map_err(failed(name))?;
                credential.get_token(&[scope], None).await.map(Ok).map_err(failed(name))
            }
            Kind::ManagedIdentity => {
                let name = "ManagedIdentityCredential";
                let user_assigned_id = settings.client.clone().map(UserAssignedId::ClientId);
                let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
                let credential = ManagedIdentityCredential::new(Some(options)).map_err(failed(name))?;
                match credential.get_token(&[scope], None).await {
                    Ok(token) => Ok(Ok(token)),
                    Err(error) if settings.managed => Err(no_token(name, &error, bridge)),
                    // A machine that may be none of Azure's.
                    Err(error) => Ok(Err(no_token(name, &error, bridge).to_string())),
                }
            }
            Kind::Cli => {
                let options = AzureCliCredentialOptions {
                    executor: Some(self.surroundings.programs()),
                    ..AzureCliCredentialOptions::default()
                };
                let credential = AzureCliCredential::new(Some(options)).map_err(failed("AzureCLICredential"))?;
                Ok(credential.get_token(&[scope], None).await.map_err(|error| words(&error, bridge, "")))
            }
            Kind::DeveloperCli => {
                let options = AzureDeveloperCliCredentialOptions {
                    executor: Some(self.surroundings.programs()),
                    ..AzureDeveloperCliCredentialOptions::default()
                };
                let credential = AzureDeveloperCliCredential::new(Some(options)).map_err(failed("AzureDeveloperCLICredential"))?;
                Ok(credential.get_token(&[scope], None).await.map_err(|error| words(&error, bridge, "")))
            }
        }
    }
}

/// The credentials of one wrap or unwrap, as the SDK asks them.
pub(super) struct Credentials {
    tokens: Arc<Tokens>,
    bridge: Arc<Bridge>,
}

impl Credentials {
    /// Those of this process, asked through this bridge.
    pub(super) fn new(tokens: Arc<Tokens>, bridge: Arc<Bridge>) -> Arc<Self> {
        Arc::new(Self { tokens, bridge })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

#[async_trait::async_trait]
impl TokenCredential for Credentials {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let given = |error| Error::new(ErrorKind::Credential, error);
        match scopes {
            // The scope comes from the vault's own words.
            [scope] if is_scope(scope) => self.tokens.token(scope, &self.bridge).await.map_err(given),
            _ => Err(given(AzureKvError::Settings(String::from("the vault asks for a token of a kind that is none for vaults")))),
        }
    }
}

/// `https://HOST[:PORT]/.default`, and nothing else.
fn is_scope(scope: &str) -> bool {
    let host = scope.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/.default"));
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':')))
}

/// Which kinds are tried: all, those of `prod` or `dev`, or one by name.
fn kinds(which: &str) -> Result<Vec<(Kind, &'static str)>, AzureKvError> {
    let which = which.trim();
    if which.is_empty() {
        return Ok(KINDS.to_vec());
    }
    if which.eq_ignore_ascii_case("prod") {
        return Ok(KINDS[..FOR_MACHINES].to_vec());
    }
    if which.eq_ignore_ascii_case("dev") {
        return Ok(KINDS[FOR_MACHINES..].to_vec());
    }
    let one = KINDS.iter().find(|(_, name)| name.eq_ignore_ascii_case(which));
    one.map(|one| vec![*one]).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|(_, name)| *name).collect();
        AzureKvError::Settings(format!("AZURE_TOKEN_CREDENTIALS must be `prod`, `dev` or one of {}", names.join(", ")))
    })
}

fn no_token(source_name: &'static str, error: &Error, bridge: &Bridge) -> AzureKvError {
    AzureKvError::NoToken { source_name, why: words(error, bridge, "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_can_be_narrowed() {
        let names = |which| kinds(which).expect(which).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(names("").len(), 5);
        assert_eq!(names("prod"), [Kind::Environment, Kind::WorkloadIdentity, Kind::ManagedIdentity]);
        assert_eq!(names("DEV"), [Kind::Cli, Kind::DeveloperCli]);
        assert_eq!(names("azureclicredential"), [Kind::Cli]);
        assert!(kinds("AzurePowerShellCredential").is_err());
    }

    #[test]
    fn a_scope_is_a_host() {
        assert!(is_scope("https://vault.azure.net/.default"));
        for scope in
            ["https://vault.azure.net", "http://x/.default", "https:///.default", "https://a/b/.default", "https://$(id)/.default"]
        {
            assert!(!is_scope(scope), "{scope}");
        }
    }
}
