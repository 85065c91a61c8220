//! Owns Huawei Cloud KMS master keys: wraps and unwraps data keys over the service's HTTP API, with requests that are signed here: there is
//! no SDK for Rust.
//!
//! Credentials, addresses and the time come from the host ([`Surroundings`]). An encrypted file is hostile: of what it names, the region becomes
//! a plain word in the name of Huawei's own host, and the key a text in the body. Nothing of this is touched before a key needs it.
//! Rules: `docs/format.md`, "Huawei Cloud KMS master keys".

use super::HuaweiKmsKey;
use super::http::{self, Deadline, HttpError, Network, Reply, Request, Rules};
use super::service::{KeyError, Reason, Unwrapped};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use ureq::http::Method;
use zeroize::Zeroizing;

mod error;
mod metadata;
mod sign;

pub use error::HuaweiKmsError;

use sign::Unsigned;

/// The longest `enc` that is read, in bytes; a data key wrapped by KMS has about two hundred and fifty.
const LARGEST: usize = 1 << 20;
/// How often a request is sent again when it was turned away for now.
const RETRIES: u32 = 3;
/// How long credentials of a machine are used; they hold for hours.
const TEMPORARY: Duration = Duration::from_secs(15 * 60);

/// What the host knows about HuaweiCloud. Asked only when such a key is used.
pub trait Surroundings: Sync {
    /// The credentials that are set here.
    ///
    /// # Errors
    /// In words, when something is set that cannot be used.
    fn credentials(&self) -> Result<Found, String>;

    /// The address of KMS in a region, where another than Huawei's own is set. The region is a plain word.
    ///
    /// # Errors
    /// As [`Surroundings::credentials`].
    fn endpoint(&self, region: &str) -> Result<Option<String>, String>;

    /// The address of IAM, where another than Huawei's own is set.
    ///
    /// # Errors
    /// As [`Surroundings::credentials`].
    fn iam_endpoint(&self) -> Result<Option<String>, String>;

    /// The address of the metadata service of a machine; `None` where it must not be asked.
    ///
    /// # Errors
    /// As [`Surroundings::credentials`].
    fn metadata_endpoint(&self) -> Result<Option<String>, String>;

    /// Now, in RFC 3339, whole seconds, UTC.
    fn now(&self) -> String;

    /// How long it may take to wrap or unwrap, all requests together.
    fn limit(&self) -> Duration;
}

/// Which credentials are set.
#[derive(Debug)]
pub enum Found {
    /// These.
    Credentials(Credentials),
    /// None; where they were looked for, in words.
    Nothing(String),
}

/// An access key, and what belongs to it.
#[derive(Debug)]
pub struct Credentials {
    /// Its name.
    pub access_key: String,
    /// Its secret half.
    pub secret_key: Secret<String>,
    /// What makes it a temporary one.
    pub security_token: Option<Secret<String>>,
    /// The project; asked for where it is not known.
    pub project: Option<String>,
}

/// The Huawei Cloud KMS backend.
pub struct Backend<'a> {
    surroundings: &'a dyn Surroundings,
    network: &'a dyn Network,
    http: http::Client,
    held: Mutex<Option<Held>>,
    /// Projects by region.
    projects: Mutex<HashMap<String, String>>,
}

/// Credentials, until when.
struct Held {
    credentials: std::sync::Arc<Credentials>,
    until: Option<Duration>,
}

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend(huawei)")
    }
}

impl<'a> Backend<'a> {
    /// In these surroundings; nothing is looked up yet.
    pub fn new(surroundings: &'a dyn Surroundings, network: &'a dyn Network) -> Self {
        Self { surroundings, network, http: http::Client::new(), held: Mutex::default(), projects: Mutex::default() }
    }

    /// Wraps a data key: the service's own text.
    ///
    /// # Errors
    /// [`HuaweiKmsError`].
    pub fn wrap(&self, key: &HuaweiKmsKey, data_key: &[u8]) -> Result<String, KeyError> {
        let (region, uuid) = parts(&key.key_id)?;
        let plain = Zeroizing::new(STANDARD.encode(data_key));
        let body = serde_json::json!({ "key_id": uuid, "plain_text": *plain, "encryption_algorithm": ALGORITHM });
        let reply = self.ask(region, "encrypt-data", body, &plain)?;
        Ok(reply.text_at("/cipher_text").map_err(HuaweiKmsError::from)?.as_str().to_owned())
    }

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`HuaweiKmsError`].
    pub fn unwrap(&self, key: &HuaweiKmsKey, enc: &str) -> Result<Unwrapped, KeyError> {
        if enc.len() > LARGEST {
            return Err(HuaweiKmsError::TooLarge(enc.len()).into());
        }
        let (region, uuid) = parts(&key.key_id)?;
        let body = serde_json::json!({ "cipher_text": enc, "encryption_algorithm": ALGORITHM, "key_id": uuid });
        let reply = match self.ask(region, "decrypt-data", body, enc) {
            Err(HuaweiKmsError::NoCredentials(places)) => return Ok(Unwrapped::NothingHere(nothing(&places))),
            other => other?,
        };
        let plain = reply.text_at("/plain_text").map_err(HuaweiKmsError::from)?;
        match STANDARD.decode(plain.as_str()) {
            Ok(data_key) => Ok(Unwrapped::Opened(Secret::new(data_key))),
            Err(_) => {
                let what = "a plaintext that is not base64";
                Err(HuaweiKmsError::from(HttpError::Garbage { url: reply.url, what }).into())
            }
        }
    }

    /// Sends a body to KMS. `secret` must not be shown if the service says it back.
    fn ask(&self, region: &str, verb: &str, body: serde_json::Value, secret: &str) -> Result<Reply, HuaweiKmsError> {
        let deadline = Deadline::new(self.network, self.surroundings.limit());
        let endpoint = self.endpoint(region)?;
        let credentials = self.credentials(&deadline)?;
        let project = self.project(region, &credentials, &deadline)?;
        let path = format!("/v1.0/{}/kms/{verb}", http::escaped(&project));
        let bytes = Zeroizing::new(body.to_string().into_bytes());
        http::wipe(body);
        let call =
            Call { method: Method::POST, endpoint: &endpoint, path: &path, query: None, body: &bytes, project: Some(&project) };
        self.send(&call, &credentials, secret, &deadline)
    }

    fn send(
        &self,
        call: &Call<'_>,
        credentials: &Credentials,
        secret: &str,
        deadline: &Deadline<'_>,
    ) -> Result<Reply, HuaweiKmsError> {
        let unsigned = Unsigned {
            method: call.method.as_str(),
            host: host(call.endpoint),
            path: call.path,
            query: call.query,
            body: call.body,
            project: call.project,
        };
        let headers = sign::headers(&unsigned, credentials, &self.surroundings.now())?;
        let query = call.query.map(|(name, value)| format!("?{name}={}", http::escaped(value))).unwrap_or_default();
        let url = format!("{}{}{query}", call.endpoint, call.path);
        let token = credentials.security_token.as_ref().map_or("", |token| token.expose().as_str());
        let secrets = [secret, token, credentials.secret_key.expose().as_str()];
        let request = Request { method: call.method.clone(), url: &url, headers, body: call.body, secrets: &secrets };
        let later = |status| status == 429 || (status >= 500 && status != 501);
        let rules = Rules { retries: RETRIES, pause: http::PAUSE, later, follow: false, direct: false };
        let reply = self.http.send(&request, rules, deadline)?;
        if (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        Err(HuaweiKmsError::Refused { status: reply.status, said: said(&reply.body, &secrets), url: reply.url })
    }

    /// `https://kms.REGION.myhuaweicloud.com`, or what is set.
    fn endpoint(&self, region: &str) -> Result<String, HuaweiKmsError> {
        match self.surroundings.endpoint(region).map_err(HuaweiKmsError::Settings)? {
            // The SDK takes a list; the first one is asked.
            Some(list) => own_address(list.split(',').next().unwrap_or_default().trim(), "KMS"),
            // Huawei's European cloud has a domain of its own.
            None if region == "eu-west-101" => Ok(format!("https://kms.{region}.myhuaweicloud.eu")),
            None => Ok(format!("https://kms.{region}.myhuaweicloud.com")),
        }
    }

    /// What is set here, else what the metadata service of the machine gives.
    fn credentials(&self, deadline: &Deadline<'_>) -> Result<std::sync::Arc<Credentials>, HuaweiKmsError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_ref().filter(|held| held.until.is_none_or(|until| self.network.uptime() < until)) {
            return Ok(held.credentials.clone());
        }
        let (credentials, until) = match self.surroundings.credentials().map_err(HuaweiKmsError::Settings)? {
            Found::Credentials(credentials) => (credentials, None),
            Found::Nothing(places) => {
                let Some(address) = self.surroundings.metadata_endpoint().map_err(HuaweiKmsError::Settings)? else {
                    return Err(HuaweiKmsError::NoCredentials(places));
                };
                let found = metadata::credentials(&self.http, &address, deadline);
                let found = found.map_err(|why| HuaweiKmsError::NoCredentials(format!("{places}; {why}")))?;
                (found, Some(self.network.uptime() + TEMPORARY))
            }
        };
        let credentials = std::sync::Arc::new(credentials);
        *held = Some(Held { credentials: credentials.clone(), until });
        Ok(credentials)
    }

    /// The project of the credentials in a region; IAM is asked, once, where it is not set.
    fn project(&self, region: &str, credentials: &Credentials, deadline: &Deadline<'_>) -> Result<String, HuaweiKmsError> {
        if let Some(project) = &credentials.project {
            return Ok(project.clone());
        }
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(project) = projects.get(region) {
            return Ok(project.clone());
        }
        let endpoint = match self.surroundings.iam_endpoint().map_err(HuaweiKmsError::Settings)? {
            Some(address) if address.contains("://") => own_address(&address, "IAM")?,
            Some(host) => own_address(&format!("https://{host}"), "IAM")?,
            None => String::from("https://iam.myhuaweicloud.com"),
        };
        let query = Some(("name", region));
        let call = Call { method: Method::GET, endpoint: &endpoint, path: "/v3/projects", query, body: b"", project: None };
        let project = self.send(&call, credentials, "", deadline)?.text_at("/projects/0/id");
        let project = project.map_err(|error| {
            HuaweiKmsError::Settings(format!("{error}: set HUAWEICLOUD_SDK_PROJECT_ID to the project of the region {region}"))
        })?;
        projects.insert(region.to_owned(), project.as_str().to_owned());
        Ok(project.as_str().to_owned())
    }
}

/// The algorithm that sops names.
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

/// A request to one of the services.
struct Call<'a> {
    method: Method,
    endpoint: &'a str,
    path: &'a str,
    query: Option<(&'a str, &'a str)>,
    body: &'a [u8],
    project: Option<&'a str>,
}

/// Region and key. A region becomes part of a host's name and of a variable's.
fn parts(id: &str) -> Result<(&str, &str), HuaweiKmsError> {
    let word = |text: &str, more: fn(u8) -> bool| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || more(b))
    };
    let found = id.trim().split_once(':').map(|(region, uuid)| (region.trim(), uuid.trim()));
    found
        .filter(|(region, uuid)| {
            word(region, |_| false) && !region.starts_with('-') && word(uuid, |b| b.is_ascii_uppercase() || b == b'_')
        })
        .ok_or_else(|| HuaweiKmsError::KeyId(id.to_owned()))
}

fn own_address(address: &str, service: &str) -> Result<String, HuaweiKmsError> {
    let wrong =
        || HuaweiKmsError::Settings(format!("the address that is set for HuaweiCloud {service} must be http(s)://HOST[:PORT]"));
    http::origin(address).map(str::to_owned).ok_or_else(wrong)
}

/// The host of an address as it goes into the header: without the port that goes without saying.
fn host(endpoint: &str) -> &str {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let usual = if endpoint.starts_with("https") { ":443" } else { ":80" };
    host.strip_suffix(usual).unwrap_or(host)
}

/// What a service says about an error, in any of the shapes that Huawei's services have.
fn said(body: &[u8], secrets: &[&str]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let answer = answer.get("error").filter(|inner| inner.is_object()).unwrap_or(&answer);
    let text = |names: [&str; 3]| {
        names.iter().find_map(|name| answer.get(*name)).map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    let words = [text(["error_code", "code", "errorCode"]), text(["error_msg", "message", "errorMessage"])];
    http::shown(&words.into_iter().flatten().collect::<Vec<_>>().join(": "), secrets)
}

fn nothing(places: &str) -> Reason {
    Reason {
        summary: format!("no credentials for HuaweiCloud: {places}"),
        hints: vec![String::from(
            "for HuaweiCloud keys set HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and HUAWEICLOUD_SDK_PROJECT_ID, or write ~/.huaweicloud/credentials",
        )],
        ..Reason::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_keys_are_plain_words() {
        assert_eq!(parts(" tr-west-1:11111111-2222-ABCD "), Ok(("tr-west-1", "11111111-2222-ABCD")));
        for id in [
            "",
            "tr-west-1",
            ":k",
            "r:",
            "-r:k",
            "R:k",
            "r.evil.com/:k",
            "r@evil.com#:k",
            "r\u{e9}:k",
            "r:k/../x",
            "r:k\r\nx",
            "r:a:b",
            &format!("{}:k", "r".repeat(65)),
        ] {
            assert_eq!(parts(id), Err(HuaweiKmsError::KeyId(id.to_owned())), "{id}");
        }
    }

    #[test]
    fn errors_are_read_in_every_shape() {
        for (body, words) in [
            (r#"{"error":{"error_code":"KMS.0402","error_msg":"The key does not exist."}}"#, "KMS.0402: The key does not exist."),
            (
                r#"{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail","request_id":"r"}"#,
                "APIGW.0301: verify aksk signature fail",
            ),
            (r#"{"error":{"code":401,"message":"no","title":"Unauthorized"}}"#, "401: no"),
            ("<html>", ""),
        ] {
            assert_eq!(said(body.as_bytes(), &[]), words);
        }
    }

    #[test]
    fn the_usual_port_is_not_named() {
        assert_eq!(host("https://a:443"), "a");
        assert_eq!(host("http://a:8080"), "a:8080");
        assert_eq!(host("http://a:443"), "a:443");
    }
}
