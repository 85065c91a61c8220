//! Owns the wrapping of a data key for key groups: one group wraps the whole key, several wrap a Shamir share each.
//!
//! Everything succeeds or nothing is given back. Keys that need a network are asked at the same time.

use super::pin::pin_key;
use super::service::{KeyError, KeyService};
use super::{KeyGroup, MasterKey, WrappedGroup, WrappedKey};
use crate::crypto::data_key::DataKey;
use crate::crypto::shamir::{self, SplitError};
use zeroize::Zeroizing;

/// A data key wrapped for key groups: what the metadata of a file stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The groups, keys in the order they were given.
    pub groups: Vec<WrappedGroup>,
    /// The threshold to store; 0 means none.
    pub threshold: usize,
}

/// Why a data key was not wrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// No service to ask.
    #[error("no key services provided, cannot update master keys")]
    NoServices,
    /// No group at all.
    #[error("no key groups provided")]
    NoGroups,
    /// A group without keys.
    #[error("empty key group provided")]
    EmptyGroup,
    /// The groups and the threshold do not fit together.
    #[error("could not split data key into parts for Shamir: {0}")]
    Split(#[from] SplitError),
    /// Some keys failed, in the order they were given.
    #[error("{}", texts(.0))]
    Keys(Vec<KeyFailure>),
}

/// A key that did not wrap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to encrypt new data key with master key \"{key}\": {cause}")]
pub struct KeyFailure {
    /// The key.
    pub key: MasterKey,
    /// Why.
    pub cause: KeyError,
}

fn texts(failures: &[KeyFailure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// How many services are asked at the same time.
const AT_ONCE: usize = 16;

/// Wraps a data key for every key of every group; for each key the first service that can is enough.
///
/// `threshold` is how many groups must be needed: 0 means all of them where there are several; with one group it is
/// only stored. `now` is the time to store (RFC 3339, seconds, UTC).
///
/// # Errors
/// [`WrapError`].
pub fn wrap(
    data_key: &DataKey,
    groups: &[KeyGroup],
    threshold: usize,
    services: &[&dyn KeyService],
    now: &str,
) -> Result<Wrapped, WrapError> {
    if services.is_empty() {
        return Err(WrapError::NoServices);
    }
    if groups.is_empty() {
        return Err(WrapError::NoGroups);
    }
    if groups.iter().any(|group| group.keys.is_empty()) {
        return Err(WrapError::EmptyGroup);
    }
    let threshold = if threshold == 0 && groups.len() > 1 { groups.len() } else { threshold };
    let parts = match groups.len() {
        1 => vec![Zeroizing::new(data_key.expose().to_vec())],
        count => shamir::split(data_key.expose(), count, threshold)?,
    };
    let jobs: Vec<Job<'_>> =
        groups.iter().zip(&parts).flat_map(|(group, part)| group.keys.iter().map(move |key| Job { key, part })).collect();
    let mut results = run(&jobs, services).into_iter();
    let mut failures = Vec::new();
    let mut wrapped_groups = Vec::with_capacity(groups.len());
    for group in groups {
        let mut wrapped = WrappedGroup::default();
        for (key, result) in group.keys.iter().zip(&mut results) {
            match result {
                Ok((key, enc)) => {
                    let created_at = (!matches!(key, MasterKey::Age(_))).then(|| now.to_owned());
                    wrapped.keys.push(WrappedKey { key, enc, created_at });
                }
                Err(causes) => failures.extend(causes.into_iter().map(|cause| KeyFailure { key: key.clone(), cause })),
            }
        }
        wrapped_groups.push(wrapped);
    }
    if failures.is_empty() { Ok(Wrapped { groups: wrapped_groups, threshold }) } else { Err(WrapError::Keys(failures)) }
}

/// Wraps the data key of a file for other key groups. Where one group stays one group, the keys that are in both keep what they
/// wrap; with several groups the shares are made anew, since they belong together.
///
/// # Errors
/// As [`wrap`].
pub fn rewrap(
    data_key: &DataKey,
    old: &[WrappedGroup],
    groups: &[KeyGroup],
    threshold: usize,
    services: &[&dyn KeyService],
    now: &str,
) -> Result<Wrapped, WrapError> {
    let ([before], [after]) = (old, groups) else { return wrap(data_key, groups, threshold, services, now) };
    let kept = |key: &MasterKey| {
        let same = |held: &&WrappedKey| held.key.key_type() == key.key_type() && held.key.to_string() == key.to_string();
        before.keys.iter().find(|held| same(held) && !held.enc.is_empty())
    };
    let new: Vec<MasterKey> = after.keys.iter().filter(|key| kept(key).is_none()).cloned().collect();
    let mut made = match new.is_empty() && !after.keys.is_empty() {
        true => Vec::new(),
        false => wrap(data_key, &[KeyGroup { keys: new }], threshold, services, now)?.groups.remove(0).keys,
    }
    .into_iter();
    let keys = after.keys.iter().filter_map(|key| kept(key).cloned().or_else(|| made.next())).collect();
    Ok(Wrapped { groups: vec![WrappedGroup { keys }], threshold })
}

/// One key and what it has to wrap.
struct Job<'a> {
    key: &'a MasterKey,
    part: &'a [u8],
}

/// The key as it is stored, and what it wraps.
type JobResult = Result<(MasterKey, String), Vec<KeyError>>;

impl Job<'_> {
    fn run(&self, services: &[&dyn KeyService]) -> JobResult {
        let key = pin_key(self.key, services)?;
        let mut causes = Vec::new();
        for service in services {
            match service.wrap(&key, self.part) {
                Ok(enc) => return Ok((key, enc)),
                Err(cause) => causes.push(cause),
            }
        }
        Err(causes)
    }

    /// Whether it waits for something else than this processor.
    fn waits(&self, services: &[&dyn KeyService]) -> bool {
        services.first().is_some_and(|service| service.waits(self.key))
    }
}

/// Runs the jobs, those that wait at the same time; the results are in the order of the jobs.
fn run(jobs: &[Job<'_>], services: &[&dyn KeyService]) -> Vec<JobResult> {
    if jobs.iter().filter(|job| job.waits(services)).count() < 2 {
        return jobs.iter().map(|job| job.run(services)).collect();
    }
    let mut results = Vec::with_capacity(jobs.len());
    for chunk in jobs.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let running: Vec<_> = chunk.iter().map(|job| scope.spawn(|| job.run(services))).collect();
            for thread in running {
                results.push(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
        });
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::recover::{DecryptionOrder, recover};
    use crate::keys::service::Unwrapped;
    use crate::keys::{AgeKey, PgpKey};
    use crate::secret::Secret;
    use std::sync::Barrier;
    use std::time::Duration;

    /// Wraps by writing the bytes down. Keys named `bad…` fail.
    struct Fake;

    impl KeyService for Fake {
        fn wrap(&self, key: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
            if key.to_string().starts_with("bad") {
                return Err(KeyError::Service("no".into()));
            }
            Ok(data_key.iter().map(|&byte| char::from(byte)).collect())
        }

        fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
            let bytes = key.enc.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect();
            Ok(Unwrapped::Opened(Secret::new(bytes)))
        }
    }

    fn age(name: &str) -> MasterKey {
        MasterKey::Age(AgeKey { recipient: name.into() })
    }

    fn pgp(name: &str) -> MasterKey {
        MasterKey::Pgp(PgpKey { fingerprint: name.into() })
    }

    fn groups(groups: &[&[MasterKey]]) -> Vec<KeyGroup> {
        groups.iter().map(|keys| KeyGroup { keys: keys.to_vec() }).collect()
    }

    fn key() -> DataKey {
        DataKey::generate().expect("random bytes")
    }

    #[test]
    fn what_is_wrapped_is_recovered_with_one_group_and_with_several() {
        for (groups, threshold, stored) in [
            (groups(&[&[age("a"), pgp("p")]]), 0, 0),
            (groups(&[&[age("a")]]), 7, 7),
            (groups(&[&[age("a")], &[pgp("p"), pgp("q")], &[age("b")]]), 0, 3),
            (groups(&[&[age("a")], &[pgp("p"), pgp("q")], &[age("b")]]), 2, 2),
        ] {
            let data_key = key();
            let wrapped = wrap(&data_key, &groups, threshold, &[&Fake], "2026-01-02T03:04:05Z").expect("wrapped");
            assert_eq!(wrapped.threshold, stored);
            assert_eq!(wrapped.groups.iter().map(WrappedGroup::group).collect::<Vec<_>>(), groups);
            let recovered = recover(&wrapped.groups, wrapped.threshold, &DecryptionOrder::default(), &[&Fake]).expect("recovered");
            assert_eq!(recovered.expose(), data_key.expose());
            for entry in wrapped.groups.iter().flat_map(|group| &group.keys) {
                let time = (entry.key.type_name() != "age").then_some("2026-01-02T03:04:05Z");
                assert_eq!(entry.created_at.as_deref(), time);
            }
        }
    }

    #[test]
    fn every_failure_is_collected() {
        let groups = groups(&[&[age("bad1"), age("a")], &[pgp("bad2")]]);
        let error = wrap(&key(), &groups, 0, &[&Fake], "").expect_err("two bad keys");
        assert_eq!(
            error.to_string(),
            "failed to encrypt new data key with master key \"bad1\": no failed to encrypt new data key with master key \"bad2\": no"
        );
    }

    #[test]
    fn groups_and_threshold_must_fit() {
        let two = groups(&[&[age("a")], &[age("b")]]);
        assert!(matches!(wrap(&key(), &two, 1, &[&Fake], ""), Err(WrapError::Split(SplitError::ThresholdTooSmall))));
        assert!(matches!(wrap(&key(), &two, 3, &[&Fake], ""), Err(WrapError::Split(SplitError::ThresholdAboveParts { .. }))));
        assert_eq!(wrap(&key(), &groups(&[&[]]), 0, &[&Fake], ""), Err(WrapError::EmptyGroup));
        assert_eq!(wrap(&key(), &[], 0, &[&Fake], ""), Err(WrapError::NoGroups));
        assert_eq!(wrap(&key(), &two, 0, &[], ""), Err(WrapError::NoServices));
    }

    #[test]
    fn keys_that_stay_keep_what_they_wrap_while_there_is_one_group() {
        let data_key = key();
        let old = wrap(&data_key, &groups(&[&[age("a"), pgp("p")]]), 0, &[&Fake], "then").expect("wrapped").groups;
        let mut marked = old.clone();
        marked[0].keys[1].created_at = Some("long ago".into());
        let new = rewrap(&data_key, &marked, &groups(&[&[age("b"), pgp("p"), pgp("q")]]), 0, &[&Fake], "now").expect("wrapped");
        let times: Vec<_> = new.groups[0].keys.iter().map(|key| (key.key.to_string(), key.created_at.clone())).collect();
        assert_eq!(times, [("b".into(), None), ("p".into(), Some("long ago".into())), ("q".into(), Some("now".into()))]);
        assert!(rewrap(&data_key, &marked, &groups(&[&[pgp("p")]]), 0, &[], "now").is_ok(), "nothing is to be wrapped");
        assert_eq!(rewrap(&data_key, &marked, &groups(&[&[]]), 0, &[&Fake], "now"), Err(WrapError::EmptyGroup));
    }

    #[test]
    fn shares_are_made_anew_and_empty_entries_are_filled() {
        let data_key = key();
        let two = groups(&[&[age("a")], &[age("b")]]);
        let old = wrap(&data_key, &two, 0, &[&Fake], "").expect("wrapped");
        let three = groups(&[&[age("a")], &[age("b")], &[age("c")]]);
        let new = rewrap(&data_key, &old.groups, &three, 2, &[&Fake], "").expect("wrapped");
        assert_ne!(new.groups[0], old.groups[0]);
        let recovered = recover(&new.groups[1..], 2, &DecryptionOrder::default(), &[&Fake]).expect("two shares");
        assert_eq!(recovered.expose(), data_key.expose());
        let hole = [WrappedGroup { keys: vec![WrappedKey { key: age("a"), enc: String::new(), created_at: None }] }];
        let filled = rewrap(&data_key, &hole, &two[..1], 0, &[&Fake], "").expect("wrapped");
        assert!(!filled.groups[0].keys[0].enc.is_empty());
    }

    #[test]
    fn keys_that_wait_are_asked_at_the_same_time() {
        /// Answers only when three calls are under way.
        struct Together(Barrier);
        impl KeyService for Together {
            fn wrap(&self, key: &MasterKey, _: &[u8]) -> Result<String, KeyError> {
                self.0.wait();
                std::thread::sleep(Duration::from_millis(1));
                Ok(key.to_string())
            }
            fn unwrap(&self, _: &WrappedKey) -> Result<Unwrapped, KeyError> {
                Err(KeyError::Service("no".into()))
            }
        }
        let service = Together(Barrier::new(3));
        let wrapped = wrap(&key(), &groups(&[&[pgp("p"), pgp("q"), pgp("r")]]), 0, &[&service], "").expect("wrapped");
        let order: Vec<&str> = wrapped.groups[0].keys.iter().map(|key| key.enc.as_str()).collect();
        assert_eq!(order, ["p", "q", "r"]);
    }
}
