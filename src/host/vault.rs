//! Owns what is known about Vault here: the variables of its own client, the token file, the certificates of the system.

use super::clock;
use super::env::{self, Variable};
use super::failure::io_words;
use super::network;
use crate::keys::http::{Network, Trust};
use crate::keys::vault::{Settings, Surroundings};
use crate::secret::Secret;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// How often Vault is asked again, as its own client does.
const RETRIES: u32 = 2;
/// How long Vault may take: shorter than the minute of its own client, since other keys may open the file.
const LIMIT: Duration = Duration::from_secs(9);
/// The largest token file; a token has some hundred bytes.
const LARGEST_TOKEN: u64 = 64 << 10;

/// Vault as this user's environment knows it.
#[derive(Debug)]
pub struct Environment;

impl Surroundings for Environment {
    fn settings(&self) -> Result<Settings, String> {
        Ok(Settings {
            token: token()?,
            namespace: env::VAULT_NAMESPACE.text_in_words()?,
            agent: env::VAULT_AGENT_ADDR.text_in_words()?,
            allowlist: env::HC_VAULT_ALLOWLIST.text_in_words()?.unwrap_or_default(),
            retries: match env::VAULT_MAX_RETRIES.text_in_words()? {
                Some(text) => text.parse().map_err(|_| no_good(&env::VAULT_MAX_RETRIES, "a number"))?,
                None => RETRIES,
            },
            limit: match env::VAULT_CLIENT_TIMEOUT.text_in_words()? {
                Some(text) => duration(&text).ok_or_else(|| no_good(&env::VAULT_CLIENT_TIMEOUT, "a time such as `30s`"))?,
                None => LIMIT,
            },
        })
    }
}

impl Network for Environment {
    fn trust(&self) -> Result<Trust, String> {
        if env::VAULT_SKIP_VERIFY.flag().map_err(|failure| failure.message)?.unwrap_or(false) {
            return Ok(Trust::Anyone);
        }
        match (env::VAULT_CACERT.path(), env::VAULT_CAPATH.path()) {
            (None, None) => network::trust(),
            (file, folder) => {
                let found = rustls_native_certs::load_certs_from_paths(file.as_deref(), folder.as_deref());
                let place = file.or(folder).unwrap_or_default();
                network::certificates(found)
                    .ok_or_else(|| format!("no certificates in {} (VAULT_CACERT, VAULT_CAPATH)", place.display()))
            }
        }
    }

    fn uptime(&self) -> Duration {
        clock::uptime()
    }
}

fn no_good(variable: &Variable, wanted: &str) -> String {
    format!("the environment variable {} must be {wanted}", variable.name)
}

/// `VAULT_TOKEN`, else what `vault login` left in the home folder.
fn token() -> Result<Option<Secret<String>>, String> {
    if let Some(token) = env::VAULT_TOKEN.text_in_words()? {
        return Ok(Some(Secret::new(token)));
    }
    match env::HOME.path() {
        Some(home) => token_file(&home.join(".vault-token")),
        None => Ok(None),
    }
}

fn token_file(path: &Path) -> Result<Option<Secret<String>>, String> {
    let read = || -> std::io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::with_capacity(1024));
        std::fs::File::open(path)?.take(LARGEST_TOKEN).read_to_string(&mut text)?;
        Ok(text)
    };
    match read() {
        Ok(text) => Ok(Some(text.trim()).filter(|token| !token.is_empty()).map(|token| Secret::new(token.to_owned()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {}", path.display(), io_words(&error))),
    }
}

/// A time as Go writes it, in whole units down to milliseconds; a bare number means seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds)).filter(|time| !time.is_zero());
    }
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [
            ("ms", Duration::from_millis(1)),
            ("s", Duration::from_secs(1)),
            ("m", Duration::from_secs(60)),
            ("h", Duration::from_secs(3600)),
        ];
        let (name, unit) = units.into_iter().find(|(name, _)| rest.starts_with(name))?;
        total = total.checked_add(unit.checked_mul(number)?)?;
        rest = &rest[name.len()..];
    }
    (total > Duration::ZERO).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_writes_them() {
        for (text, milliseconds) in [("30", 30_000), ("30s", 30_000), ("1m30s", 90_000), ("250ms", 250), ("1h", 3_600_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "5x", "-1s", "1.5s", "99999999999h", "0s", "0"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
