//! Owns [`Spellings`]: the original text of what the value and the style alone cannot bring back (fold points, `0x1F`, unusual
//! escapes, an alias that had to be expanded).
//!
//! They are sealed into one metadata field of ours, `leafseal_spelling`, that sops ignores on read and drops on write. A
//! spelling is used only where it belongs to exactly the decrypted value (a digest of type and value is kept inside, under the
//! seal) and the result, read again, has the same values. The text format is in `docs/format.md`, "Spellings".

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha512};

use crate::document::{Document, Leaf, PathId, Segment};
use crate::value::{Value, ValueType};

/// Additional data of the sealed field.
pub(crate) const SPELLING_AAD: &[u8] = b"leafseal_spelling:";

/// How one place was written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// A string in flow context that stood without quotes.
    Plain,
    /// The original bytes of a scalar, its tag included where the tag had to be cut.
    Scalar {
        /// Of the value that they spell.
        digest: ValueDigest,
        /// The bytes.
        raw: String,
    },
    /// A byte order mark at the start of a JSON file, which sops does not read.
    ByteOrderMark,
    /// The original bytes of a whole node: an alias, or the explicit null of an empty document.
    Node {
        /// The bytes.
        raw: String,
    },
}

impl Spelling {
    /// The place of what stands before the document.
    pub(crate) const START: &[u8] = b"^";
    /// The place of lines that are others in the encrypted file (dotenv: blank lines; INI: headers).
    pub(crate) const LINES: &[u8] = b"^lines";
    /// The place of a whole dotenv text in the dialect of shells.
    pub(crate) const POSIX: &[u8] = b"^posix";
}

/// First eight bytes of SHA-512 over type and canonical text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueDigest([u8; 8]);

impl ValueDigest {
    /// The digest of a value.
    pub(crate) fn of(value: &Value<'_>) -> Self {
        let tag: u8 = match value.kind() {
            ValueType::Null => 0,
            ValueType::Str => 1,
            ValueType::Int => 2,
            ValueType::Float => 3,
            ValueType::Bool => 4,
            ValueType::Time => 5,
            ValueType::Comment => 6,
        };
        let hash = Sha512::new().chain_update([tag]).chain_update(value.canonical()).finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self(first)
    }
}

/// All spellings of a file, in document order.
#[derive(Clone, Default)]
pub(crate) struct Spellings {
    entries: Vec<(Vec<u8>, Spelling)>,
}

impl Spellings {
    /// Adds one.
    pub(crate) fn push(&mut self, place: Vec<u8>, spelling: Spelling) {
        self.entries.push((place, spelling));
    }

    /// Adds one that goes before those of the same place.
    pub(crate) fn push_first(&mut self, place: Vec<u8>, spelling: Spelling) {
        self.entries.insert(0, (place, spelling));
    }

    /// Appends all of another list.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
    }

    /// Follows the removal of item `index` of the list at place `list`: later items have moved up.
    pub(crate) fn close_gap(&mut self, list: &[u8], index: u32) {
        self.entries.retain_mut(|(place, _)| {
            let Some(rest) = place.strip_prefix(list).and_then(|r| r.strip_prefix(b"#")) else { return true };
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let Some(n) = std::str::from_utf8(&rest[..digits]).ok().and_then(|d| d.parse::<u32>().ok()) else { return true };
            if n > index {
                *place = [list, format!("#{}", n - 1).as_bytes(), &rest[digits..]].concat();
            }
            n != index
        });
    }

    /// The plaintext of the field; `None` if there is nothing to write.
    pub(crate) fn plaintext(&self) -> Option<Vec<u8>> {
        (!self.is_empty()).then(|| self.write())
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The text format: `leafseal 1`, then one record each: kind, place length, raw length, digest, newline, place,
    /// raw, newline.
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::from(&b"leafseal 1\n"[..]);
        for (place, spelling) in &self.entries {
            let (kind, raw, digest) = match spelling {
                Spelling::Plain => ('p', "", String::new()),
                Spelling::ByteOrderMark => ('b', "", String::new()),
                Spelling::Scalar { digest, raw } => ('s', raw.as_str(), hex(&digest.0)),
                Spelling::Node { raw } => ('n', raw.as_str(), String::new()),
            };
            out.extend_from_slice(format!("{kind} {} {} {digest}\n", place.len(), raw.len()).as_bytes());
            out.extend_from_slice(place);
            out.extend_from_slice(raw.as_bytes());
            out.push(b'\n');
        }
        out
    }

    /// Reads the field; anything odd ends the list: spellings are a courtesy, never a reason to fail.
    pub(crate) fn read(plaintext: &[u8]) -> Self {
        let mut all = Self::default();
        let Some(mut rest) = plaintext.strip_prefix(b"leafseal 1\n") else { return all };
        while let Some(after) = all.read_record(rest) {
            rest = after;
        }
        all
    }

    /// Reads one record and gives what follows it.
    fn read_record<'t>(&mut self, rest: &'t [u8]) -> Option<&'t [u8]> {
        let line_end = memchr::memchr(b'\n', rest)?;
        let header = std::str::from_utf8(&rest[..line_end]).ok()?;
        let mut words = header.split(' ');
        let (kind, place_len, raw_len, digest) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let (place_len, raw_len): (usize, usize) = (place_len.parse().ok()?, raw_len.parse().ok()?);
        let body = &rest[line_end + 1..];
        let total = place_len.checked_add(raw_len)?;
        if body.get(total) != Some(&b'\n') {
            return None;
        }
        let raw = std::str::from_utf8(&body[place_len..total]).ok()?.to_owned();
        let spelling = match kind {
            "p" => Spelling::Plain,
            "b" => Spelling::ByteOrderMark,
            "s" => Spelling::Scalar { digest: ValueDigest(unhex(digest)?), raw },
            "n" => Spelling::Node { raw },
            _ => return None,
        };
        self.push(body[..place_len].to_vec(), spelling);
        Some(&body[total + 1..])
    }

    /// The same without those of whole nodes.
    pub(crate) fn without_nodes(mut self) -> Self {
        self.entries.retain(|(_, spelling)| !matches!(spelling, Spelling::Node { .. }));
        self
    }

    /// Makes them findable by place.
    pub(crate) fn into_lookup(self) -> SpellingLookup {
        let mut by_place: HashMap<Vec<u8>, VecDeque<Spelling>> = HashMap::new();
        for (place, spelling) in self.entries {
            by_place.entry(place).or_default().push_back(spelling);
        }
        SpellingLookup { by_place }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 8]> {
    let mut out = [0; 8];
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(out)
}

/// Spellings by place; equal places (duplicate JSON keys) are used up in order.
#[derive(Default)]
pub(crate) struct SpellingLookup {
    by_place: HashMap<Vec<u8>, VecDeque<Spelling>>,
}

impl SpellingLookup {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// Takes the spelling of a whole node at a place, if that is what comes next there.
    pub(crate) fn take_node(&mut self, place: &[u8]) -> Option<String> {
        let queue = self.by_place.get_mut(place)?;
        if !matches!(queue.front(), Some(Spelling::Node { .. })) {
            return None;
        }
        match queue.pop_front() {
            Some(Spelling::Node { raw }) => Some(raw),
            _ => None,
        }
    }

    /// Takes the byte order mark, if there was one.
    pub(crate) fn take_byte_order_mark(&mut self) -> bool {
        self.by_place.remove(Spelling::START).is_some()
    }

    /// Takes the first spelling of a place that is of a value.
    pub(crate) fn take_of(&mut self, place: &[u8], value: ValueDigest) -> Option<String> {
        let queue = self.by_place.get_mut(place)?;
        let at = queue.iter().position(|spelling| matches!(spelling, Spelling::Scalar { digest, .. } if *digest == value))?;
        match queue.remove(at) {
            Some(Spelling::Scalar { raw, .. }) => Some(raw),
            _ => None,
        }
    }

    /// Takes the next spelling of a place.
    pub(crate) fn take(&mut self, place: &[u8]) -> Option<Spelling> {
        self.by_place.get_mut(place)?.pop_front()
    }
}

/// Names a place in the tree exactly, list indexes and document number included: `0;` document, `3:key` key (`=1` behind
/// it where it is the second of this name), `#2` item.
pub(crate) fn place_name(doc: &Document, id: PathId) -> Vec<u8> {
    let mut out = format!("{};", doc.paths.document(id)).into_bytes();
    for step in doc.paths.chain(id) {
        match doc.paths.node(step).segment {
            Segment::Index(n) => out.extend_from_slice(format!("#{n}").as_bytes()),
            _ => {
                let key = doc.paths.key(step, &doc.text).unwrap_or_default();
                out.extend_from_slice(format!("{}:{key}", key.len()).as_bytes());
                match doc.paths.twin(step) {
                    0 => {}
                    twin => out.extend_from_slice(format!("={twin}").as_bytes()),
                }
            }
        }
    }
    out
}

/// Names the place of an INI comment: that of its key or section with a mark; one that sops does not see has another.
pub(crate) fn comment_place(doc: &Document, leaf: &Leaf) -> Vec<u8> {
    let mut out = place_name(doc, PathId(leaf.props));
    out.push(if leaf.has(Leaf::SHADOWED) { b'~' } else { b'!' });
    out
}

/// The place of the part of a comment that is on the line of its key.
pub(crate) fn tail_place(comment: &[u8]) -> Vec<u8> {
    [comment, b"!"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_only_ends_the_list() {
        let value = Value::str(&b"a b"[..]);
        let mut all = Spellings::default();
        all.push(b"0;1:a".to_vec(), Spelling::Scalar { digest: ValueDigest::of(&value), raw: ">\n  a\n  b".into() });
        all.push(b"0;1:b#0".to_vec(), Spelling::Plain);
        all.push(b"0;1:c".to_vec(), Spelling::Node { raw: "*x".into() });
        let text = all.write();
        let mut lookup = Spellings::read(&text).into_lookup();
        assert!(
            matches!(lookup.take(b"0;1:a"), Some(Spelling::Scalar { digest, raw }) if digest == ValueDigest::of(&value) && raw == ">\n  a\n  b")
        );
        assert!(matches!(lookup.take(b"0;1:b#0"), Some(Spelling::Plain)));
        assert!(matches!(lookup.take(b"0;1:c"), Some(Spelling::Node { raw }) if raw == "*x"));
        assert!(lookup.take(b"0;1:c").is_none());

        for cut in 0..text.len() {
            let read = Spellings::read(&text[..cut]);
            assert!(read.entries.len() <= 3);
        }
        assert!(Spellings::read(b"something else").is_empty());
        assert!(Spellings::read(b"leafseal 1\ns 99999999999999999999 1 x\n").is_empty());
        assert!(Spellings::read(format!("leafseal 1\ns {} {} x\nabc\n", usize::MAX, 2).as_bytes()).is_empty());
    }

    #[test]
    fn a_digest_tells_types_apart() {
        let int = Value::new(ValueType::Int, &b"1"[..]);
        let string = Value::str(&b"1"[..]);
        assert!(ValueDigest::of(&int) != ValueDigest::of(&string));
    }
}
