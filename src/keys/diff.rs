//! Owns the comparison of a file's key groups with those it should have: what `updatekeys` shows before it does anything.
//!
//! Groups are compared by their place, keys by type and string form as sets: neither order nor repetition is a change.

use super::{KeyGroup, KeyType, MasterKey};
use std::collections::HashSet;

/// What becomes of one key group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupDiff {
    /// Keys that stay, in their new order.
    pub common: Vec<MasterKey>,
    /// Keys that come.
    pub added: Vec<MasterKey>,
    /// Keys that go.
    pub removed: Vec<MasterKey>,
}

/// What becomes of a file's key groups and threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDiff {
    /// The threshold in the file; 0 if it has none.
    pub old_threshold: usize,
    /// The threshold that it shall have, before several groups without one are given theirs.
    pub new_threshold: usize,
    /// One entry a group, of whichever side has more of them.
    pub groups: Vec<GroupDiff>,
}

impl KeyDiff {
    /// Compares a file's groups and threshold with new groups. The threshold of the file stays as far as the groups allow it.
    pub fn new(old: &[KeyGroup], old_threshold: usize, new: &[KeyGroup]) -> Self {
        let none = KeyGroup::default();
        let groups = (0..old.len().max(new.len()))
            .map(|index| GroupDiff::new(old.get(index).unwrap_or(&none), new.get(index).unwrap_or(&none)))
            .collect();
        Self { old_threshold, new_threshold: old_threshold.min(new.len()), groups }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.old_threshold == self.new_threshold
            && self.groups.iter().all(|group| group.added.is_empty() && group.removed.is_empty())
    }
}

impl GroupDiff {
    fn new(old: &KeyGroup, new: &KeyGroup) -> Self {
        let (old_keys, new_keys) = (names(old), names(new));
        let (common, added) = new.keys.iter().cloned().partition(|key| old_keys.contains(&name(key)));
        let removed = old.keys.iter().filter(|key| !new_keys.contains(&name(key))).cloned().collect();
        Self { common, added, removed }
    }
}

fn name(key: &MasterKey) -> (KeyType, String) {
    (key.key_type(), key.to_string())
}

fn names(group: &KeyGroup) -> HashSet<(KeyType, String)> {
    group.keys.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::parse;

    fn groups(texts: &[&[&str]]) -> Vec<KeyGroup> {
        texts.iter().map(|keys| KeyGroup { keys: keys.iter().map(|key| parse::pgp(key)).collect() }).collect()
    }

    fn shown(diff: &KeyDiff) -> Vec<String> {
        let list = |sign: char, keys: &[MasterKey]| keys.iter().map(|key| format!("{sign}{key}")).collect::<Vec<_>>();
        let group =
            |group: &GroupDiff| [list(' ', &group.common), list('+', &group.added), list('-', &group.removed)].concat().join("");
        diff.groups.iter().map(group).collect()
    }

    #[test]
    fn groups_are_compared_by_place_and_keys_as_sets() {
        let old = groups(&[&["A", "B"], &["C"]]);
        assert!(KeyDiff::new(&old, 2, &groups(&[&["B", "A", "A"], &["C"]])).is_empty());
        let diff = KeyDiff::new(&old, 2, &groups(&[&["D", "A"], &["C"], &["E"]]));
        assert_eq!(shown(&diff), [" A+D-B", " C", "+E"]);
        assert!(!diff.is_empty());
        let swapped = KeyDiff::new(&old, 2, &groups(&[&["C"], &["A", "B"]]));
        assert_eq!(shown(&swapped), ["+C-A-B", "+A+B-C"]);
    }

    #[test]
    fn the_threshold_of_the_file_stays_as_far_as_it_can() {
        let old = groups(&[&["A"], &["B"], &["C"]]);
        let diff = KeyDiff::new(&old, 2, &old[..1]);
        assert_eq!((diff.old_threshold, diff.new_threshold, shown(&diff)), (2, 1, vec![" A".into(), "-B".into(), "-C".into()]));
        assert_eq!(KeyDiff::new(&old, 2, &old).new_threshold, 2);
        assert_eq!(KeyDiff::new(&old[..1], 0, &old).new_threshold, 0);
    }
}
