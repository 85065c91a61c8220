//! Owns [`KeySets`]: finds duplicate keys of the mappings that are being read, fast whatever the input.
//!
//! A key is known by a hash with a random seed; only keys of equal hash are compared. They are compared when their mapping ends:
//! one walk over sorted hashes costs a fraction of a look-up for each key.

use std::hash::{BuildHasher, Hasher};

use super::PathId;

/// Mappings with more keys are sorted.
const FEW: usize = 12;

/// Larger mappings are dealt into buckets of about this size, which are sorted one by one.
const BUCKET: usize = 512;

/// The keys of all open mappings, those of the innermost last.
pub(in crate::document) struct KeySets {
    /// Hash in the upper, path node in the lower half.
    known: Vec<u64>,
    seed: u64,
}

impl KeySets {
    pub(in crate::document) fn new() -> Self {
        Self { known: Vec::new(), seed: std::hash::RandomState::new().build_hasher().finish() }
    }

    /// Empty sets whose hashes can be compared with those of this one.
    pub(in crate::document) fn like(&self) -> Self {
        Self { known: Vec::new(), seed: self.seed }
    }

    /// Takes the keys of the innermost open mapping without comparing them.
    pub(in crate::document) fn take(&mut self, start: u32) -> Vec<u64> {
        self.known.split_off(start as usize)
    }

    /// Adds keys that were taken from a set like this one; `id` says what their path nodes are here.
    pub(in crate::document) fn adopt(&mut self, keys: &[u64], id: impl Fn(PathId) -> PathId) {
        self.known.extend(keys.iter().map(|key| key >> 32 << 32 | u64::from(id(PathId(*key as u32)).0)));
    }

    /// Starts a mapping: what [`KeySets::close`] wants to know.
    pub(in crate::document) fn open(&self) -> u32 {
        self.known.len() as u32
    }

    /// Adds a key to the innermost open mapping.
    pub(in crate::document) fn add(&mut self, key: &str, id: PathId) {
        let hash = hash(self.seed, key.as_bytes());
        self.known.push(u64::from(hash) << 32 | u64::from(id.0));
    }

    /// Adds a key of one of several mappings that are compared in one go: `same` then looks at the mapping, too.
    pub(in crate::document) fn add_of(&mut self, mapping: u32, key: &str, id: PathId) {
        let hash = hash(self.seed ^ u64::from(mapping), key.as_bytes());
        self.known.push(u64::from(hash) << 32 | u64::from(id.0));
    }

    /// Ends the innermost open mapping. Gives the first key that is there a second time: where it is first, and where again.
    /// `same` says whether two keys are equal.
    pub(in crate::document) fn close(&mut self, start: u32, same: impl Fn(PathId, PathId) -> bool) -> Option<(PathId, PathId)> {
        let keys = &mut self.known[start as usize..];
        let mut found = None;
        if keys.len() <= FEW {
            for (i, key) in keys.iter().enumerate() {
                for before in &keys[..i] {
                    if before >> 32 == key >> 32 {
                        note(&mut found, *before, *key, &same);
                    }
                }
            }
        } else if keys.len() <= BUCKET * 4 {
            keys.sort_unstable();
            equal_hashes(keys, &mut found, &same);
        } else {
            let (mut dealt, ends) = deal(keys);
            let mut from = 0;
            for end in ends {
                dealt[from..end].sort_unstable();
                equal_hashes(&dealt[from..end], &mut found, &same);
                from = end;
            }
        }
        self.known.truncate(start as usize);
        found
    }
}

/// Looks through sorted keys for equal ones.
fn equal_hashes(keys: &[u64], found: &mut Option<(PathId, PathId)>, same: &impl Fn(PathId, PathId) -> bool) {
    for group in keys.chunk_by(|a, b| a >> 32 == b >> 32).filter(|group| group.len() > 1) {
        // A thousand times the same key is a group of a thousand: the first pair says it all. Different keys share a hash by
        // chance only.
        for (i, key) in group.iter().enumerate().skip(1) {
            if group[..i].iter().any(|before| note(found, *before, *key, same)) {
                break;
            }
        }
    }
}

/// Keeps the pair if its keys are equal and it is the first one in the text.
fn note(found: &mut Option<(PathId, PathId)>, first: u64, second: u64, same: &impl Fn(PathId, PathId) -> bool) -> bool {
    let (first, second) = (PathId(first as u32), PathId(second as u32));
    let is_pair = same(first, second);
    if is_pair && found.is_none_or(|(_, known)| second < known) {
        *found = Some((first, second));
    }
    is_pair
}

/// Keys by the upper bits of their hash, and where each bucket ends.
fn deal(keys: &[u64]) -> (Vec<u64>, Vec<usize>) {
    let bits = (keys.len() / BUCKET).ilog2().clamp(1, 12);
    let bucket = |key: u64| (key >> (64 - bits)) as usize;
    let mut ends = vec![0usize; 1 << bits];
    for key in keys {
        ends[bucket(*key)] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut dealt = vec![0; keys.len()];
    for key in keys {
        let at = &mut ends[bucket(*key)];
        dealt[*at] = *key;
        *at += 1;
    }
    (dealt, ends)
}

/// Multiplies and folds eight bytes a step. The seed keeps inputs from being made to collide.
fn hash(seed: u64, bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |state: u64| {
        let product = u128::from(state) * u128::from(FACTOR ^ seed.rotate_left(32));
        product as u64 ^ (product >> 64) as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let mut state = seed ^ bytes.len() as u64;
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word));
    }
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    state = fold(state ^ last);
    (state ^ (state >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds keys to one mapping and tells which were found to be there twice.
    fn found(keys: &[String]) -> Option<(u32, u32)> {
        let mut sets = KeySets::new();
        sets.add("of the mapping around", PathId(77));
        let start = sets.open();
        for (i, key) in keys.iter().enumerate() {
            sets.add(key, PathId(i as u32));
        }
        let found = sets.close(start, |a, b| keys[a.0 as usize] == keys[b.0 as usize]);
        assert_eq!(sets.known.len(), 1, "a closed set leaves nothing behind");
        found.map(|(first, second)| (first.0, second.0))
    }

    #[test]
    fn the_first_key_that_is_there_again_is_found() {
        for count in [2, 3, FEW, FEW + 1, BUCKET, BUCKET * 4, BUCKET * 4 + 1, 50_000] {
            let mut keys: Vec<String> = (0..count).map(|i| format!("key{i}")).collect();
            assert_eq!(found(&keys), None, "{count} keys");
            keys.extend([format!("key{}", count - 1), "key0".into(), "key0".into()]);
            assert_eq!(found(&keys), Some((count as u32 - 1, count as u32)), "{count} keys");
        }
    }

    #[test]
    fn a_million_times_the_same_key_takes_no_longer() {
        let keys = vec!["k".to_owned(); 1_000_000];
        assert_eq!(found(&keys), Some((0, 1)));
    }

    #[test]
    fn mappings_do_not_see_each_others_keys() {
        let mut sets = KeySets::new();
        let outer = sets.open();
        sets.add("a", PathId(0));
        let inner = sets.open();
        sets.add("a", PathId(1));
        assert_eq!(sets.close(inner, |_, _| true), None);
        sets.add("b", PathId(2));
        assert_eq!(sets.close(outer, |_, _| true), None);
    }
}
