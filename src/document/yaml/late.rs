//! Owns [`Late`]: comments that the parser tells after the leaves they come before in sops's tree (`[1, 2] # text` belongs
//! at the start of the list), put in place in one pass at the end.

use std::cmp::Reverse;
use std::ops::Range;

use super::super::{Alias, Leaf};

/// A comment and where it belongs.
#[derive(Clone, Copy)]
struct Entry {
    /// Index of the leaf it comes before.
    before: u32,
    /// Which container's comments: containers that start at the same leaf close from the inside, but the outer's comments come first.
    group: u32,
    leaf: Leaf,
}

/// Comments that wait for their place. The common document has none.
#[derive(Default)]
pub(super) struct Late {
    entries: Vec<Entry>,
    groups: u32,
    /// For each alias that copied waiting comments: its index, and the first group that is not its own.
    aliases: Vec<(u32, u32)>,
}

impl Late {
    /// How many wait: those of a container are the ones that came while it was open.
    pub(super) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Adds the comments of a container that has just been closed.
    pub(super) fn add(&mut self, before: u32, leaves: Vec<Leaf>) {
        self.groups += 1;
        let group = self.groups;
        self.entries.extend(leaves.into_iter().map(|leaf| Entry { before, group, leaf }));
    }

    /// Adds copies of waiting comments for an alias, whose copies of leaves start `shift` after the originals. `nested` are the
    /// aliases inside the originals; their copies follow `alias`.
    pub(super) fn copy(&mut self, range: Range<u32>, shift: u32, alias: u32, nested: Range<u32>, change: impl Fn(&mut Leaf)) {
        if range.is_empty() {
            return;
        }
        let first = self.entries[range.start as usize].group;
        let offset = self.groups + 1 - first;
        let mut last = self.groups;
        for at in range.start as usize..range.end as usize {
            let mut entry = self.entries[at];
            entry.before += shift;
            entry.group += offset;
            last = last.max(entry.group);
            change(&mut entry.leaf);
            self.entries.push(entry);
        }
        self.groups = last;
        self.aliases.push((alias, last + 1));
        let from = self.aliases.partition_point(|(index, _)| *index < nested.start);
        let to = self.aliases.partition_point(|(index, _)| *index < nested.end);
        for at in from..to {
            let (index, group) = self.aliases[at];
            self.aliases.push((index - nested.start + alias + 1, group + offset));
        }
    }

    /// Moves the waiting comments to their places among the leaves.
    pub(super) fn settle(mut self, leaves: &mut Vec<Leaf>, aliases: &mut [Alias]) {
        if self.entries.is_empty() {
            return;
        }
        self.entries.sort_by_key(|e| (e.before, Reverse(e.group)));
        // Comments that come before the leaf at `index` and belong to a container around it, and not to one that starts with it.
        let moved = |index: u32, first_foreign: u32| {
            self.entries.partition_point(|e| (e.before, Reverse(e.group)) <= (index, Reverse(first_foreign))) as u32
        };
        let mut own = self.aliases.iter().peekable();
        for (index, alias) in aliases.iter_mut().enumerate() {
            let first_foreign = own.next_if(|(i, _)| *i == index as u32).map_or(0, |(_, group)| *group);
            alias.leaves =
                alias.leaves.start + moved(alias.leaves.start, first_foreign)..alias.leaves.end + moved(alias.leaves.end - 1, 0);
        }
        let Some(filler) = leaves.first().copied() else {
            leaves.extend(self.entries.iter().map(|e| e.leaf));
            return;
        };
        let mut from = leaves.len();
        leaves.resize(from + self.entries.len(), filler);
        let mut to = leaves.len();
        for entry in self.entries.iter().rev() {
            let start = entry.before as usize;
            let count = from - start;
            leaves.copy_within(start..from, to - count);
            to -= count + 1;
            from = start;
            leaves[to] = entry.leaf;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan;
    use crate::document::{Document, Duplicates, Leaf, LeafKind, PathId};

    fn comments(text: &str) -> Vec<(String, String)> {
        let document = scan(text.to_owned(), Duplicates::Refuse).unwrap();
        let show = |leaf: &Leaf| (document.paths.display(leaf.path, text), text[leaf.span.range()].to_owned());
        document.leaves.iter().map(show).collect()
    }

    #[test]
    fn comments_of_an_outer_container_come_before_those_of_an_inner_one() {
        let text = "a: [\n  [x # x\n  ] # inner\n] # outer\n";
        let expected = [("a", "# outer"), ("a", "# inner"), ("a[0]", "# x"), ("a[0][0]", "x")];
        assert_eq!(comments(text), expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    /// Whether the leaves of every place are consecutive, and those of an alias the copies at its place.
    fn is_in_order(document: &Document) {
        let end = |id: PathId| document.subtree_end(id);
        for (id, _) in document.paths.iter() {
            let inside: Vec<usize> =
                (0..document.leaves.len()).filter(|&i| (id.0..end(id)).contains(&document.leaves[i].path.0)).collect();
            assert!(inside.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the leaves of a place are consecutive");
        }
        for alias in &document.aliases {
            let inside = |leaf: &Leaf| (alias.path.0..end(alias.path)).contains(&leaf.path.0);
            for (i, leaf) in document.leaves.iter().enumerate() {
                assert_eq!(alias.leaves.contains(&(i as u32)), inside(leaf), "the leaves of an alias are those at its place");
                assert!(!inside(leaf) || leaf.has(Leaf::COPY));
            }
        }
        let own = document.leaves.iter().filter(|leaf| leaf.kind == LeafKind::Comment && !leaf.has(Leaf::COPY)).count();
        assert_eq!(own, document.text.matches('#').count(), "every comment is there once");
    }

    /// Flow lists with anchors, aliases to earlier ones, and comments wherever a line may end.
    fn list() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![Just("x".to_owned()), Just("[]".to_owned()), Just("*".to_owned()), Just("{k: v}".to_owned())];
        leaf.prop_recursive(4, 24, 4, |inner| {
            (any::<bool>(), prop::collection::vec((inner, any::<bool>()), 0..4), any::<bool>()).prop_map(
                |(anchor, items, comment)| {
                    let items: Vec<String> =
                        items.into_iter().map(|(item, comment)| item + if comment { " # c\n" } else { "" }).collect();
                    format!("{}[{}{}]", if anchor { "& " } else { "" }, items.join(", "), if comment { " # c\n" } else { "" })
                },
            )
        })
    }

    /// Names anchors in the order in which their containers end, and aliases after one of those.
    fn name(text: &str) -> String {
        let mut out = String::new();
        let (mut open, mut done, mut count) = (Vec::new(), Vec::new(), 0);
        let mut anchor = None;
        for c in text.chars() {
            match c {
                '&' => {
                    count += 1;
                    anchor = Some(count);
                    out.push_str(&format!("&{count}"));
                    continue;
                }
                '*' => {
                    match done.len() {
                        0 => out.push('x'),
                        n => out.push_str(&format!("*{}", done[(count + n) % n])),
                    }
                    continue;
                }
                '[' => open.push(anchor.take()),
                ']' => done.extend(open.pop().flatten()),
                _ => {}
            }
            out.push(c);
        }
        out
    }

    proptest! {
        #[test]
        fn late_comments_keep_everything_in_order(lists in prop::collection::vec((list(), any::<bool>()), 1..5)) {
            let text: String =
                lists.iter().enumerate().map(|(i, (list, comment))| format!("k{i}: {list}{}\n", if *comment { " # c" } else { "" })).collect();
            let text = name(&text);
            is_in_order(&scan(text, Duplicates::Refuse).unwrap());
        }
    }
}
