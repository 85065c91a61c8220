//! Owns [`Keys`]: that no key is in a container twice.

use std::borrow::Cow;
use std::collections::HashSet;

use super::super::PathId;

/// The keys that a container has so far: few are looked through, many are in a table.
#[derive(Default)]
pub(super) struct Keys<'t> {
    all: Vec<(Cow<'t, str>, PathId)>,
    table: Option<HashSet<Cow<'t, str>>>,
}

/// From this many keys on a table pays.
const MANY: usize = 12;

impl<'t> Keys<'t> {
    /// Adds a key; the place of the one that it repeats.
    pub(super) fn add(&mut self, key: Cow<'t, str>, path: PathId) -> Option<PathId> {
        let is_known = match &mut self.table {
            Some(table) => !table.insert(key.clone()),
            None => self.all.iter().any(|(other, _)| *other == key),
        };
        if is_known {
            return self.all.iter().find(|(other, _)| *other == key).map(|(_, path)| *path);
        }
        self.all.push((key, path));
        if self.table.is_none() && self.all.len() > MANY {
            self.table = Some(self.all.iter().map(|(key, _)| key.clone()).collect());
        }
        None
    }
}
