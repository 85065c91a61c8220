//! Owns keys that leave out their version: a file stores the one that was used.

use super::service::{KeyError, KeyService};
use super::wrap::{KeyFailure, WrapError};
use super::{KeyGroup, MasterKey};

/// The groups as a file stores them: every key has its version.
///
/// # Errors
/// [`WrapError::Keys`], when a version cannot be found out.
pub fn pin(groups: &[KeyGroup], services: &[&dyn KeyService]) -> Result<Vec<KeyGroup>, WrapError> {
    let mut failures = Vec::new();
    let mut pinned = groups.to_vec();
    for key in pinned.iter_mut().flat_map(|group| &mut group.keys) {
        match pin_key(key, services) {
            Ok(with_version) => *key = with_version,
            Err(causes) => failures.extend(causes.into_iter().map(|cause| KeyFailure { key: key.clone(), cause })),
        }
    }
    if failures.is_empty() { Ok(pinned) } else { Err(WrapError::Keys(failures)) }
}

/// The groups with the versions that a file has already: for a comparison that asks nobody.
#[must_use]
pub fn pin_from(groups: &[KeyGroup], held: &[KeyGroup]) -> Vec<KeyGroup> {
    let mut pinned = groups.to_vec();
    for (index, group) in pinned.iter_mut().enumerate() {
        let known = held.get(index).map(|group| group.keys.as_slice()).unwrap_or_default();
        for key in group.keys.iter_mut().filter(|key| lacks_version(key)) {
            if let Some(same) = known.iter().find(|held| is_version_of(held, &key.to_string())) {
                *key = same.clone();
            }
        }
    }
    pinned
}

/// Whether a text names a key: its own string form, or that of the key without the version.
pub fn is_version_of(key: &MasterKey, text: &str) -> bool {
    let own = key.to_string();
    own == text || (matches!(key, MasterKey::AzureKv(_)) && text.ends_with('/') && own.starts_with(text))
}

/// One key with its version, from the first service that knows it.
pub(super) fn pin_key(key: &MasterKey, services: &[&dyn KeyService]) -> Result<MasterKey, Vec<KeyError>> {
    if !lacks_version(key) {
        return Ok(key.clone());
    }
    let mut causes = Vec::new();
    for service in services {
        match service.pinned(key) {
            Ok(pinned) if !lacks_version(&pinned) => return Ok(pinned),
            Ok(_) => {}
            Err(cause) => causes.push(cause),
        }
    }
    if causes.is_empty() { Ok(key.clone()) } else { Err(causes) }
}

fn lacks_version(key: &MasterKey) -> bool {
    matches!(key, MasterKey::AzureKv(azure) if azure.version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{AzureKvKey, WrappedKey, parse, service::Unwrapped};

    /// Knows the current version of every key; wraps nothing.
    struct Vault(Result<&'static str, ()>);

    impl KeyService for Vault {
        fn wrap(&self, _: &MasterKey, _: &[u8]) -> Result<String, KeyError> {
            Err(KeyError::Service("no".into()))
        }
        fn pinned(&self, key: &MasterKey) -> Result<MasterKey, KeyError> {
            let MasterKey::AzureKv(key) = key else { panic!("only such keys lack a version") };
            let version = self.0.map_err(|()| KeyError::Service("down".into()))?;
            Ok(MasterKey::AzureKv(AzureKvKey { version: version.into(), ..key.clone() }))
        }
        fn unwrap(&self, _: &WrappedKey) -> Result<Unwrapped, KeyError> {
            Err(KeyError::Service("no".into()))
        }
    }

    fn group(texts: &[&str]) -> KeyGroup {
        KeyGroup { keys: texts.iter().map(|text| parse::azure_kv(text).expect("a key")).collect() }
    }

    #[test]
    fn a_key_without_version_gets_the_current_one_and_others_ask_nobody() {
        let groups = [group(&["https://v/keys/k", "https://v/keys/o/1"])];
        let pinned = pin(&groups, &[&Vault(Err(())), &Vault(Ok("7"))]).expect("pinned");
        assert_eq!(pinned, [group(&["https://v/keys/k/7", "https://v/keys/o/1"])]);
        let error = pin(&groups, &[&Vault(Err(()))]).expect_err("nobody knows");
        assert!(error.to_string().contains("https://v/keys/k/") && error.to_string().ends_with("down"), "{error}");
        assert!(pin(&groups[..0], &[]).is_ok());
    }

    #[test]
    fn versions_that_a_file_has_are_the_keys_without_one() {
        let held = [group(&["https://v/keys/k/3", "https://v/keys/kk/4"])];
        let pinned = pin_from(&[group(&["https://v/keys/k", "https://v/keys/new"])], &held);
        assert_eq!(pinned, [group(&["https://v/keys/k/3", "https://v/keys/new"])]);
        assert!(is_version_of(&held[0].keys[0], "https://v/keys/k/") && !is_version_of(&held[0].keys[1], "https://v/keys/k/"));
    }
}
