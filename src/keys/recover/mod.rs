//! Owns the recovery of a data key: which master keys are tried, in which order, and when a file's key groups are enough.
//!
//! Rules: `docs/format.md`, "Order of tries" and "Shares". A group is opened by its first key that unwraps. With several
//! groups each gives a Shamir share; once enough shares are there the rest is not asked, so nobody is prompted in vain. Keys that need no network
//! come first, whichever group they are in; groups that need it are asked at the same time.

use super::service::{KeyError, KeyService, Unwrapped};
use super::{MasterKey, WrappedGroup, WrappedKey};
use crate::crypto::data_key::DataKey;
use crate::crypto::shamir::{self, CombineError};
use crate::secret::Secret;

mod report;

pub use report::{Answer, GroupReport, KeyReport, Report};

/// In which order the keys of a group are tried: by type, types that are not named last, equal ones as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecryptionOrder(Vec<String>);

/// A type that is named twice in a decryption order (exit code 112).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Duplicate decryption key type: {0}")]
pub struct DuplicateKeyType(pub String);

impl Default for DecryptionOrder {
    /// `age,pgp`: what needs no network comes first.
    fn default() -> Self {
        Self(vec!["age".to_owned(), "pgp".to_owned()])
    }
}

impl DecryptionOrder {
    /// Parses a comma list of type names. Nothing is trimmed, unknown names do no harm, the empty text is the default.
    ///
    /// # Errors
    /// [`DuplicateKeyType`] when a name (the empty one too) is there twice.
    pub fn parse(text: &str) -> Result<Self, DuplicateKeyType> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<String> = text.split(',').map(str::to_owned).collect();
        let mut seen = std::collections::HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => Err(DuplicateKeyType(name.clone())),
            None => Ok(Self(names)),
        }
    }

    /// Stored order: what `updatekeys` and `groups` use.
    pub fn stored() -> Self {
        Self(Vec::new())
    }

    fn sort<'k>(&self, keys: &'k [WrappedKey]) -> Vec<&'k WrappedKey> {
        let rank = |key: &MasterKey| self.0.iter().position(|name| name == key.type_name()).unwrap_or(self.0.len());
        let mut sorted: Vec<&WrappedKey> = keys.iter().collect();
        sorted.sort_by_key(|wrapped| rank(&wrapped.key));
        sorted
    }
}

/// Why there is no data key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// Too few groups gave their share; the report says what happened to every key.
    #[error("Error getting data key: {} successful groups required, got {}", .0.required(), .0.recovered())]
    NotEnough(Box<Report>),
    /// The shares do not fit together.
    #[error("could not get data key from shamir parts: {0}")]
    Combine(#[from] CombineError),
    /// The combined shares have a length no data key has.
    #[error("the key groups give a data key of {0} bytes, which is no AES key")]
    Length(usize),
}

/// Recovers the data key of a file from its key groups.
///
/// `threshold` is the metadata's `shamir_threshold` (0: not given, then every group is asked). Every service is asked
/// for every key, in order, until one opens it.
///
/// # Errors
/// [`RecoverError`].
pub fn recover(
    groups: &[WrappedGroup],
    threshold: usize,
    order: &DecryptionOrder,
    services: &[&dyn KeyService],
) -> Result<DataKey, RecoverError> {
    recover_with_report(groups, threshold, order, services).1
}

/// As [`recover`], and what came of every key that was tried.
pub fn recover_with_report(
    groups: &[WrappedGroup],
    threshold: usize,
    order: &DecryptionOrder,
    services: &[&dyn KeyService],
) -> (Report, Result<DataKey, RecoverError>) {
    let (report, parts, least) = try_groups(groups, threshold, order, services);
    let data_key = match parts.len() < least {
        true => Err(RecoverError::NotEnough(Box::new(report.clone()))),
        false => combine(&parts, groups.len() > 1),
    };
    (report, data_key)
}

/// The data key that a group gave, or that shares give together.
fn combine(parts: &[Secret<Vec<u8>>], shared: bool) -> Result<DataKey, RecoverError> {
    let bytes = match parts {
        [part] if !shared => zeroize::Zeroizing::new(part.expose().clone()),
        parts => shamir::combine(&parts.iter().map(|part| part.expose().as_slice()).collect::<Vec<_>>())?,
    };
    let length = bytes.len();
    DataKey::from_bytes(bytes).ok_or(RecoverError::Length(length))
}

/// Opens groups until there are enough; with the report the shares, and how many of them it takes at least.
fn try_groups(
    groups: &[WrappedGroup],
    threshold: usize,
    order: &DecryptionOrder,
    services: &[&dyn KeyService],
) -> (Report, Vec<Secret<Vec<u8>>>, usize) {
    let shared = groups.len() > 1;
    // What is enough to stop, and what is enough to go on: without a threshold all shares are used, two at least.
    let (stop, least) = match (shared, threshold) {
        (false, _) => (1, 1),
        (true, 0) => (groups.len(), 2),
        (true, threshold) => (threshold.max(2), threshold.max(2)),
    };
    let far = services.first().is_some_and(|service| service.address().is_some());
    let mut searches: Vec<Search<'_>> = groups.iter().map(|group| Search::new(order.sort(&group.keys), far)).collect();
    search(&mut searches, stop, shared, services);
    let mut report = Report { threshold, groups: Vec::with_capacity(groups.len()) };
    let mut parts: Vec<Secret<Vec<u8>>> = Vec::new();
    for search in searches {
        report.groups.push(search.report);
        parts.extend(search.part);
    }
    (report, parts, least)
}

/// Looks for as many shares as are wanted: first with the keys that need no network, one after the other, since they may ask for a passphrase; then
/// over the network, in as many groups at the same time as shares are missing. What a group's order puts behind a key waits for that key.
fn search(searches: &mut [Search<'_>], wanted: usize, shared: bool, services: &[&dyn KeyService]) {
    loop {
        let mut missing = wanted.saturating_sub(searches.iter().filter(|search| search.part.is_some()).count());
        for search in searches.iter_mut().filter(|search| search.part.is_none()) {
            if missing == 0 {
                return;
            }
            search.go_on(false, shared, services);
            missing -= usize::from(search.part.is_some());
        }
        let mut waiting: Vec<&mut Search<'_>> =
            searches.iter_mut().filter(|search| search.part.is_none() && search.next_is(true)).take(missing).collect();
        match waiting.as_mut_slice() {
            [] => return,
            [only] => only.go_on(true, shared, services),
            several => std::thread::scope(|scope| {
                for search in several {
                    scope.spawn(|| search.go_on(true, shared, services));
                }
            }),
        }
    }
}

/// The search for what opens one group.
struct Search<'k> {
    /// What has not been tried.
    keys: std::vec::IntoIter<&'k WrappedKey>,
    /// Whether every key is asked over a network.
    far: bool,
    report: GroupReport,
    part: Option<Secret<Vec<u8>>>,
}

impl<'k> Search<'k> {
    fn new(keys: Vec<&'k WrappedKey>, far: bool) -> Self {
        Self { keys: keys.into_iter(), far, report: GroupReport::default(), part: None }
    }

    /// Whether the next key is there and needs a network, or is there and needs none.
    fn next_is(&self, remote: bool) -> bool {
        self.keys.as_slice().first().is_some_and(|next| (self.far || next.key.key_type().is_remote()) == remote)
    }

    /// Tries keys until one opens the group or the next one is of the other kind.
    fn go_on(&mut self, remote: bool, shared: bool, services: &[&dyn KeyService]) {
        while self.part.is_none() && self.next_is(remote) {
            let Some(wrapped) = self.keys.next() else { return };
            let mut answers = Vec::with_capacity(services.len());
            for service in services {
                match service.unwrap(wrapped) {
                    Ok(Unwrapped::Opened(part)) if fits(part.expose().len(), shared) => {
                        self.part = Some(part);
                        self.report.opened_by = Some(wrapped.key.clone());
                        return;
                    }
                    Ok(Unwrapped::Opened(part)) => answers.push(Answer::Failed(KeyError::Length(part.expose().len()))),
                    Ok(Unwrapped::NothingHere(reason)) => answers.push(Answer::NothingHere(reason)),
                    Err(error) => answers.push(Answer::Failed(error)),
                }
            }
            self.report.keys.push(KeyReport { key: wrapped.key.clone(), answers });
        }
    }
}

/// Whether a length is that of a data key, or of a share of one (a byte longer).
fn fits(length: usize, shared: bool) -> bool {
    matches!(length.wrapping_sub(usize::from(shared)), 16 | 24 | 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::service::Reason;
    use crate::keys::{AgeKey, PgpKey, VaultKey};
    use std::sync::Mutex;

    /// Opens keys whose `enc` is `hex:…`; the names of the keys it was asked for are kept.
    #[derive(Default)]
    struct Fake {
        asked: Mutex<Vec<String>>,
    }

    impl KeyService for Fake {
        fn wrap(&self, _: &MasterKey, _: &[u8]) -> Result<String, KeyError> {
            Err(KeyError::NotBuiltIn { what: "wrapping".into() })
        }

        fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
            self.asked.lock().expect("one thread").push(key.key.to_string());
            match key.enc.strip_prefix("hex:") {
                Some(hex) => {
                    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
                    Ok(Unwrapped::Opened(Secret::new((0..hex.len()).step_by(2).map(byte).collect())))
                }
                None if key.enc == "none" => Ok(Unwrapped::NothingHere(Reason { summary: "nobody".into(), ..Reason::default() })),
                None => Err(KeyError::NotBuiltIn { what: "this".into() }),
            }
        }
    }

    impl Fake {
        fn asked(self) -> String {
            self.asked.into_inner().expect("one thread").join(" ")
        }
    }

    fn hex(bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("hex:{digits}")
    }

    fn age(name: &str, enc: &str) -> WrappedKey {
        let key = MasterKey::Age(AgeKey { recipient: name.into() });
        WrappedKey { key, enc: enc.into(), created_at: None }
    }

    fn pgp(name: &str, enc: &str) -> WrappedKey {
        let key = MasterKey::Pgp(PgpKey { fingerprint: name.into() });
        WrappedKey { key, enc: enc.into(), created_at: None }
    }

    fn group(keys: impl IntoIterator<Item = WrappedKey>) -> WrappedGroup {
        WrappedGroup { keys: keys.into_iter().collect() }
    }

    fn run(groups: &[WrappedGroup], threshold: usize, fake: &Fake) -> Result<DataKey, RecoverError> {
        recover(groups, threshold, &DecryptionOrder::default(), &[fake])
    }

    #[test]
    fn keys_are_tried_by_type_then_as_stored() {
        let key = [7; 32];
        let groups = [group([pgp("P", "none"), age("A", "none"), age("B", &hex(&key)), age("C", "none")])];
        let fake = Fake::default();
        assert_eq!(run(&groups, 0, &fake).expect("B opens it").expose(), key);
        assert_eq!(fake.asked(), "A B");
        let fake = Fake::default();
        recover(&groups, 0, &DecryptionOrder::stored(), &[&fake]).expect("B opens it");
        assert_eq!(fake.asked(), "P A B");
        let order = DecryptionOrder::parse("pgp,nonsense").expect("an order");
        let fake = Fake::default();
        recover(&groups, 0, &order, &[&fake]).expect("B opens it");
        assert_eq!(fake.asked(), "P A B");
    }

    #[test]
    fn an_order_names_each_type_once() {
        assert_eq!(DecryptionOrder::parse(""), Ok(DecryptionOrder::default()));
        assert_eq!(DecryptionOrder::parse("age,pgp,age"), Err(DuplicateKeyType("age".into())));
        assert_eq!(DecryptionOrder::parse(",,"), Err(DuplicateKeyType(String::new())));
        assert!(DecryptionOrder::parse("age, age").is_ok(), "nothing is trimmed");
    }

    #[test]
    fn two_of_three_groups_are_enough_and_the_third_is_not_asked() {
        let secret = [9; 32];
        let shares = shamir::split(&secret, 3, 2).expect("shares");
        let groups: Vec<_> = shares.iter().zip(["A", "B", "C"]).map(|(share, name)| group([age(name, &hex(share))])).collect();
        let fake = Fake::default();
        assert_eq!(run(&groups, 2, &fake).expect("two shares").expose(), secret);
        assert_eq!(fake.asked(), "A B");
        let mut without_first = groups.clone();
        without_first[0].keys[0].enc = "none".into();
        assert_eq!(run(&without_first, 2, &Fake::default()).expect("the other two").expose(), secret);
        let fake = Fake::default();
        assert_eq!(run(&groups, 0, &fake).expect("no threshold: all are used").expose(), secret);
        assert_eq!(fake.asked(), "A B C");
    }

    #[test]
    fn too_few_groups_are_reported_with_every_answer() {
        let share = shamir::split(&[1; 32], 2, 2).expect("shares").remove(0);
        let groups = [group([age("A", &hex(&share))]), group([pgp("P", "x"), age("B", "none")])];
        let Err(RecoverError::NotEnough(report)) = run(&groups, 2, &Fake::default()) else { panic!("one share only") };
        assert_eq!((report.groups[0].opened_by.is_some(), report.groups[1].opened_by.is_some()), (true, false));
        let keys: Vec<String> = report.groups[1].keys.iter().map(|key| key.key.to_string()).collect();
        assert_eq!(keys, ["B", "P"]);
        assert!(matches!(report.groups[1].keys[0].answers[..], [Answer::NothingHere(_)]));
        assert!(matches!(report.groups[1].keys[1].answers[..], [Answer::Failed(_)]));
        let error = RecoverError::NotEnough(report);
        assert_eq!(error.to_string(), "Error getting data key: 2 successful groups required, got 1");
    }

    fn vault(name: &str, enc: &str) -> WrappedKey {
        let key = VaultKey { address: "https://vault".into(), engine_path: "transit".into(), key_name: name.into() };
        WrappedKey { key: MasterKey::Vault(key), enc: enc.into(), created_at: None }
    }

    #[test]
    fn the_network_is_asked_only_for_the_shares_that_are_missing() {
        let secret = [9; 32];
        let shares = shamir::split(&secret, 3, 2).expect("shares");
        let share = |at: usize| hex(&shares[at]);
        let asked = |groups: &[WrappedGroup], order: &str| {
            let fake = Fake::default();
            let order = DecryptionOrder::parse(order).expect("an order");
            assert_eq!(recover(groups, 2, &order, &[&fake]).expect("two shares").expose(), secret);
            fake.asked().replace("https://vault/v1/transit/keys/", "")
        };
        let offline_last = [group([vault("V", &share(0))]), group([age("A", &share(1))]), group([age("B", &share(2))])];
        assert_eq!(asked(&offline_last, ""), "A B");
        let one_is_missing =
            [group([vault("V", "none"), age("X", "none")]), group([vault("W", &share(1))]), group([age("B", &share(2))])];
        assert_eq!(asked(&one_is_missing, ""), "X B V W", "the next group only when the first has failed");
        let first_by_order = [group([age("A", &share(0)), vault("V", "none")]), group([age("B", &share(1))]), group([])];
        assert_eq!(asked(&first_by_order, "hc_vault,age"), "B V A", "an order holds within a group");
    }

    #[test]
    fn groups_that_need_a_network_are_asked_at_the_same_time() {
        /// Answers only when two calls are under way.
        struct Together(std::sync::Barrier);
        impl KeyService for Together {
            fn wrap(&self, _: &MasterKey, _: &[u8]) -> Result<String, KeyError> {
                Err(KeyError::Service("no".into()))
            }
            fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
                self.0.wait();
                Fake::default().unwrap(key)
            }
        }
        let shares = shamir::split(&[9; 32], 2, 2).expect("shares");
        let groups = [group([vault("V", &hex(&shares[0]))]), group([vault("W", &hex(&shares[1]))])];
        let service = Together(std::sync::Barrier::new(2));
        assert_eq!(recover(&groups, 0, &DecryptionOrder::default(), &[&service]).expect("both").expose(), [9; 32]);
    }

    #[test]
    fn a_key_of_a_wrong_length_does_not_end_the_search() {
        let groups = [group([age("A", "hex:0102"), age("B", &hex(&[3; 32]))])];
        assert_eq!(run(&groups, 0, &Fake::default()).expect("B").expose(), [3; 32]);
        assert!(matches!(run(&[], 0, &Fake::default()), Err(RecoverError::NotEnough(_))));
        let same = group([age("A", &hex(&[1; 33]))]);
        assert_eq!(run(&[same.clone(), same], 2, &Fake::default()).err(), Some(RecoverError::Combine(CombineError::Duplicate)));
    }

    #[test]
    fn the_next_service_is_asked_when_the_first_has_nothing() {
        struct Empty;
        impl KeyService for Empty {
            fn wrap(&self, _: &MasterKey, _: &[u8]) -> Result<String, KeyError> {
                Ok(String::new())
            }
            fn unwrap(&self, _: &WrappedKey) -> Result<Unwrapped, KeyError> {
                Ok(Unwrapped::NothingHere(Reason::default()))
            }
        }
        let groups = [group([age("A", &hex(&[3; 32]))])];
        let services: [&dyn KeyService; 2] = [&Empty, &Fake::default()];
        assert!(recover(&groups, 0, &DecryptionOrder::default(), &services).is_ok());
        let Err(RecoverError::NotEnough(report)) = recover(&groups, 0, &DecryptionOrder::default(), &[]) else {
            panic!("no service")
        };
        assert!(report.groups[0].keys[0].answers.is_empty());
    }
}
