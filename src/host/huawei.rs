//! Owns what is known about HuaweiCloud here: the variables and files of its SDKs.

use super::clock;
use super::env::{self, Variable};
use super::failure::io_words;
use crate::keys::huawei_kms::{Credentials, Found, Surroundings};
use crate::secret::Secret;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long HuaweiCloud may take, all requests together.
const LIMIT: Duration = Duration::from_secs(9);
/// The largest file of credentials.
const LARGEST: u64 = 64 << 10;
/// Where the machines of HuaweiCloud have their metadata service.
const METADATA: &str = "http://169.254.169.254";

/// HuaweiCloud as this user's environment knows it.
#[derive(Debug)]
pub struct Environment;

impl Surroundings for Environment {
    fn credentials(&self) -> Result<Found, String> {
        let (access_key, secret_key) = (env::HUAWEICLOUD_SDK_AK.text_in_words()?, env::HUAWEICLOUD_SDK_SK.text_in_words()?);
        match (access_key, secret_key) {
            (Some(access_key), Some(secret_key)) => Ok(Found::Credentials(Credentials {
                access_key,
                secret_key: Secret::new(secret_key),
                security_token: env::HUAWEICLOUD_SDK_SECURITY_TOKEN.text_in_words()?.map(Secret::new),
                project: env::HUAWEICLOUD_SDK_PROJECT_ID.text_in_words()?,
            })),
            (None, Some(_)) => Err(alone(&env::HUAWEICLOUD_SDK_SK, &env::HUAWEICLOUD_SDK_AK)),
            (Some(_), None) => Err(alone(&env::HUAWEICLOUD_SDK_AK, &env::HUAWEICLOUD_SDK_SK)),
            (None, None) => file(),
        }
    }

    fn endpoint(&self, region: &str) -> Result<Option<String>, String> {
        let name = region.to_ascii_uppercase().replace('-', "_");
        env::HUAWEICLOUD_SDK_REGION_KMS.text_for(&name).map_err(|failure| failure.message)
    }

    fn iam_endpoint(&self) -> Result<Option<String>, String> {
        env::HUAWEICLOUD_SDK_IAM_ENDPOINT.text_in_words()
    }

    fn metadata_endpoint(&self) -> Result<Option<String>, String> {
        match env::HUAWEI_METADATA.text_or_empty().map_err(|failure| failure.message)? {
            None => Ok(Some(METADATA.to_owned())),
            Some(set) => Ok(Some(set).filter(|set| !set.is_empty())),
        }
    }

    fn now(&self) -> String {
        clock::now()
    }

    fn limit(&self) -> Duration {
        LIMIT
    }
}

fn alone(set: &Variable, missing: &Variable) -> String {
    format!("{} is set, but {} is not", set.name, missing.name)
}

/// The section `basic` of the file of credentials.
fn file() -> Result<Found, String> {
    let not_set = format!("{} and {} are not set", env::HUAWEICLOUD_SDK_AK.name, env::HUAWEICLOUD_SDK_SK.name);
    let named = env::HUAWEICLOUD_SDK_CREDENTIALS_FILE.path();
    let Some(path) = named.or_else(|| env::HOME.path().map(|home| home.join(".huaweicloud/credentials"))) else {
        return Ok(Found::Nothing(not_set));
    };
    let Some(text) = read(&path)? else {
        return Ok(Found::Nothing(format!("{not_set}, and there is no file {}", path.display())));
    };
    let field = |name: &str| field(&text, name).filter(|value| !value.is_empty()).map(str::to_owned);
    match (field("ak"), field("sk")) {
        (Some(access_key), Some(secret_key)) => Ok(Found::Credentials(Credentials {
            access_key,
            secret_key: Secret::new(secret_key),
            security_token: field("security_token").map(Secret::new),
            project: field("project_id"),
        })),
        _ => Err(format!("{} has no `ak` and `sk` in its section `[basic]`", path.display())),
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>, String> {
    let read = |path: PathBuf| -> std::io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        std::fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
        Ok(text)
    };
    match read(path.to_owned()) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {}", path.display(), io_words(&error))),
    }
}

/// A value of the section `basic`; the last of its name.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut section = "";
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = header.trim();
        } else if section == "basic"
            && !line.starts_with(['#', ';'])
            && let Some((own, value)) = line.split_once('=')
            && own.trim() == name
        {
            found = Some(value.trim());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_section() {
        let text = "ak = none\n[global]\nak = other\n[ basic ]\n# ak = no\nak=a\n sk = b = c \nak = d\n";
        assert_eq!((field(text, "ak"), field(text, "sk"), field(text, "project_id")), (Some("d"), Some("b = c"), None));
    }
}
