//! The plaintext of an opened file: the encrypted text with its values spelled back and the metadata cut.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::opened::Opened;
use super::seal::PARALLEL_FROM;
use super::spelling::{SPELLING_AAD, Spelling, SpellingLookup, Spellings, ValueDigest, comment_place, place_name, tail_place};
use super::verify::{self, is_comment};
use super::{OpenError, PlainFile};
use crate::crypto::sealed::SealedText;
use crate::crypto::sealer::Sealer;
use crate::document::convert::{self, ConvertError, ExtractError};
use crate::document::dotenv::Dialect;
use crate::document::node::Node;
use crate::document::splice::{Splice, splice};
use crate::document::steps::Step;
use crate::document::{Document, Duplicates, Format, Layout, Leaf, LeafKind, Span, dotenv, flat, ini};
use crate::metadata::Metadata;
use crate::value::{Value, ValueType};

/// Why a plaintext could not be given in another form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlainError {
    /// Spelling it back failed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The target format cannot hold it. sops: exit 4.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The path names nothing. sops: exit 1.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// It cannot be written flat.
    #[error(transparent)]
    Flatten(#[from] crate::document::flatten::FlattenError),
}

impl PlainFile {
    /// The plaintext, every byte that was not sealed as it stands in the encrypted file. A binary file's content.
    ///
    /// # Errors
    /// `NotReadBack` when the result does not read as the opened values (a defect), `NotBinary`.
    pub fn text(&self) -> Result<Vec<u8>, OpenError> {
        if self.format == Format::Binary {
            return self.binary();
        }
        let plain = self.plain_document()?;
        match self.posix_text() {
            Some(text) => {
                let node = self.first_document()?;
                Ok(dotenv::posix::restore(&text, &node).map_or(plain.text.into_bytes(), String::into_bytes))
            }
            None => Ok(plain.text.into_bytes()),
        }
    }

    /// The text in the dialect of shells that was encrypted, if it was one.
    pub(crate) fn posix_text(&self) -> Option<String> {
        if self.format != Format::Dotenv {
            return None;
        }
        let kept = open_spelling(&self.metadata, &Sealer::new(&self.data_key))?;
        Spellings::read(&kept).into_lookup().take_node(Spelling::POSIX)
    }

    /// The opened tree of the first document: values as they are, not as the format would have them read again.
    fn first_document(&self) -> Result<Node, OpenError> {
        match self.document.roots.first() {
            Some(&root) => self.opened_node(root).map_err(OpenError::Parse),
            None => Ok(Node::map([])),
        }
    }

    /// The plaintext as lines that are safe to `eval` in a shell, or those of a mapping in it.
    ///
    /// # Errors
    /// `Convert` when it is not a mapping of single values, or a key is no name.
    pub fn shell(&self, steps: &[Step]) -> Result<Vec<u8>, PlainError> {
        if steps.is_empty() && self.format == Format::Dotenv {
            return Ok(dotenv::posix::emit_exports(&self.first_document()?)?.into_bytes());
        }
        Ok(convert::shell(&self.plain_document()?, steps)?)
    }

    /// The plaintext in another format, newly laid out.
    ///
    /// # Errors
    /// `Convert` when that format cannot hold it.
    pub fn convert(&self, to: Format, layout: &Layout) -> Result<Vec<u8>, PlainError> {
        if to == self.format {
            let other_dialect = to == Format::Dotenv && layout.dotenv == Dialect::Posix && self.posix_text().is_none();
            return if other_dialect { Ok(convert::file(&self.first_document()?, to, layout)?) } else { Ok(self.text()?) };
        }
        // A tfvars or TOML file that sops sealed as a whole: the content is what its name says.
        if self.format == Format::Binary && matches!(to, Format::Tfvars | Format::Toml) {
            return Ok(self.text()?);
        }
        if self.format == Format::Dotenv {
            return Ok(convert::file(&self.first_document()?, to, layout)?);
        }
        Ok(convert::convert(&self.plain_document()?, to, layout)?)
    }

    /// One value of the first document (`--extract`).
    ///
    /// # Errors
    /// `Extract` when the path names nothing, `Convert` when the format cannot hold it.
    pub fn extract(&self, steps: &[Step], to: Format, layout: &Layout) -> Result<Vec<u8>, PlainError> {
        if steps.is_empty() {
            return self.convert(to, layout);
        }
        if self.format == Format::Binary {
            let at_data = matches!(steps, [Step::Key(key)] if key == "data");
            if at_data {
                return Ok(self.binary()?);
            }
        }
        Ok(convert::extract(&self.plain_document()?, steps, to, layout)?)
    }

    fn binary(&self) -> Result<Vec<u8>, OpenError> {
        let doc = &self.document;
        let is_data = |leaf: &Leaf| {
            let at_top = doc.paths.is_root(doc.paths.node(leaf.path).parent);
            leaf.kind == LeafKind::Scalar && at_top && doc.paths.key(leaf.path, &doc.text) == Some("data")
        };
        let index = doc.leaves.iter().position(is_data).ok_or(OpenError::NotBinary)?;
        let value = self.opened.value_or_clear(doc, index)?;
        if value.kind() != ValueType::Str {
            return Err(OpenError::NotBinary);
        }
        Ok(value.canonical().to_vec())
    }

    /// The plaintext as a document, checked against the opened values.
    pub(crate) fn plain_document(&self) -> Result<Document, OpenError> {
        let sealer = Sealer::new(&self.data_key);
        let Some(text) = open_spelling(&self.metadata, &sealer) else { return self.spelled(SpellingLookup::default()) };
        let spellings = Spellings::read(&text);
        // Spellings of another time must not stand in the way of the values: first those of whole nodes go (a value that an alias
        // stood for was changed), then all.
        for attempt in [spellings.clone(), spellings.without_nodes(), Spellings::default()] {
            match self.spelled(attempt.into_lookup()) {
                Err(OpenError::NotReadBack | OpenError::Parse(_)) => {}
                done => return done,
            }
        }
        Err(OpenError::NotReadBack)
    }

    fn spelled(&self, mut spellings: SpellingLookup) -> Result<Document, OpenError> {
        let doc = &self.document;
        let splices = match doc.leaves.len() >= PARALLEL_FROM && spellings.is_empty() {
            true => self.spliced_in_stretches(),
            false => None,
        };
        let splices = splices.unwrap_or_else(|| self.spliced(&mut spellings));
        let mut text = splice(&doc.text, &splices).ok_or(OpenError::NotReadBack)?;
        drop(splices);
        let lines = spellings.take_node(Spelling::LINES);
        if let (Format::Dotenv, Some(lines)) = (doc.format, &lines) {
            text = dotenv::put_blanks_back(text, lines);
        }
        let plain = Document::scan(text, doc.format, Duplicates::Keep).map_err(|_| OpenError::NotReadBack)?;
        let plain = match lines.filter(|_| doc.format == Format::Ini).and_then(|lines| ini::put_headers_back(&plain, &lines)) {
            Some(text) => Document::scan(text, doc.format, Duplicates::Keep).map_err(|_| OpenError::NotReadBack)?,
            None => plain,
        };
        self.verify(&plain)?;
        Ok(plain)
    }

    /// What turns the text into the plaintext, in the order of the text.
    fn spliced(&self, spellings: &mut SpellingLookup) -> Vec<Splice> {
        let doc = &self.document;
        let mut splices = Vec::with_capacity(doc.leaves.len());
        self.replace_nodes(spellings, &mut splices);
        // In the order of the text, and apart from each other.
        let skip: Vec<Span> = splices.iter().map(|s: &Splice| s.span).collect();
        let is_inside = |span: Span| {
            let before = skip.partition_point(|s| s.start <= span.start);
            before > 0 && span.end <= skip[before - 1].end
        };
        for index in 0..doc.leaves.len() {
            if !is_inside(doc.leaves[index].span) {
                self.spell_leaf(index, spellings, &mut splices);
            }
        }
        self.around_leaves(spellings, &mut splices);
        if !splices.is_sorted_by_key(|s| s.span.start) {
            splices.sort_by_key(|s| s.span.start);
        }
        splices
    }

    /// What changes beside the leaves.
    fn around_leaves(&self, spellings: &mut SpellingLookup, splices: &mut Vec<Splice>) {
        let doc = &self.document;
        self.cut_metadata(spellings, splices);
        if spellings.take_byte_order_mark() && doc.format == Format::Json && !doc.text.starts_with('\u{FEFF}') {
            splices.push(Splice::insert(0, "\u{FEFF}"));
        }
        splices.extend(empty_lists(doc));
    }

    /// As [`PlainFile::spliced`] where no spellings are kept, on all cores: neighbouring leaves are one splice. `None` where leaves are not
    /// in the order of the text, or something else stands between them.
    fn spliced_in_stretches(&self) -> Option<Vec<Splice>> {
        let total = self.document.leaves.len();
        let stretches: Vec<Option<Splice>> = (0..total)
            .into_par_iter()
            .step_by(PARALLEL_FROM)
            .map(|start| self.stretch(start..(start + PARALLEL_FROM).min(total)))
            .collect();
        let mut splices = stretches.into_iter().collect::<Option<Vec<Splice>>>()?;
        splices.retain(|stretch| !stretch.span.is_empty());
        self.around_leaves(&mut SpellingLookup::default(), &mut splices);
        splices.sort_by_key(|s| s.span.start);
        splices.is_sorted_by(|a, b| a.span.end <= b.span.start).then_some(splices)
    }

    /// The text from the first to the last of these leaves, with their values spelled back.
    fn stretch(&self, leaves: Range<usize>) -> Option<Splice> {
        let doc = &self.document;
        let at = doc.leaves[leaves.start].span.start;
        let mut stretch = Splice { span: Span { start: at, end: at }, text: String::with_capacity(leaves.len() * 48) };
        let (mut none, mut spelled) = (SpellingLookup::default(), Vec::new());
        let mut is_first = true;
        for index in leaves {
            self.spell_leaf(index, &mut none, &mut spelled);
            for splice in spelled.drain(..) {
                if is_first {
                    stretch.span = Span { start: splice.span.start, end: splice.span.start };
                    is_first = false;
                }
                stretch.text.push_str(doc.text.get(stretch.span.end as usize..splice.span.start as usize)?);
                stretch.text.push_str(&splice.text);
                stretch.span.end = splice.span.end;
            }
        }
        Some(stretch)
    }

    /// What takes the place of a sealed leaf.
    fn spell_leaf(&self, index: usize, spellings: &mut SpellingLookup, splices: &mut Vec<Splice>) {
        let doc = &self.document;
        let leaf = &doc.leaves[index];
        if leaf.has(Leaf::COPY) {
            return;
        }
        let Some(value) = self.opened.value(index) else { return };
        if is_comment(leaf) {
            let original = if doc.format == Format::Ini { original_comment(doc, leaf, &value, spellings) } else { None };
            splices.extend(doc.comment_splices(leaf, &String::from_utf8_lossy(value.canonical()), original));
            return;
        }
        let context = doc.context(leaf);
        if !spellings.is_empty() {
            match spellings.take(&place_name(doc, leaf.path)) {
                Some(Spelling::Scalar { digest, raw }) if digest == ValueDigest::of(&value) => {
                    splices.extend(doc.place_for(leaf, &context, &value).for_original(leaf, &raw).splices(raw));
                    return;
                }
                Some(Spelling::Plain) => {
                    let mut text = String::new();
                    doc.spell(&value, &context.plain(), &mut text);
                    splices.extend(doc.place_for(leaf, &context, &value).splices(text));
                    return;
                }
                _ => {}
            }
        }
        let mut text = String::with_capacity(value.canonical().len() + 2);
        doc.spell(&value, &context, &mut text);
        let place = doc.place_for(leaf, &context, &value);
        if place.is_split() {
            splices.extend(place.splices(text));
        } else {
            splices.push(Splice { span: place.span, text });
        }
    }

    /// Aliases that were expanded come back as aliases.
    fn replace_nodes(&self, spellings: &mut SpellingLookup, splices: &mut Vec<Splice>) {
        if spellings.is_empty() {
            return;
        }
        let doc = &self.document;
        let mut until = 0;
        for (id, node) in doc.paths.iter() {
            if node.copy || doc.paths.is_root(id) || node.value.start < until {
                continue;
            }
            let place = place_name(doc, id);
            if let Some(raw) = spellings.take_node(&place) {
                splices.push(Splice { span: node.value, text: raw });
                until = node.value.end;
            }
        }
    }

    fn cut_metadata(&self, spellings: &mut SpellingLookup, splices: &mut Vec<Splice>) {
        let doc = &self.document;
        let mut entries = doc.metadata.iter();
        for mut cut in doc.cut_metadata() {
            let root = entries.next().map(|&entry| doc.paths.node(entry).parent);
            if let Some(raw) = root.and_then(|root| spellings.take_node(&place_name(doc, root))) {
                cut.text.push_str(&raw);
            }
            splices.push(cut);
        }
    }

    /// Checks that the plaintext says what was opened.
    fn verify(&self, plain: &Document) -> Result<(), OpenError> {
        let doc = &self.document;
        if doc.format == Format::Ini {
            return self.verify_ini(plain);
        }
        let pairs = verify::pair(doc, plain, false).ok_or(OpenError::NotReadBack)?;
        let holds = verify::all(&pairs, |i, j| {
            if !is_comment(&doc.leaves[i]) {
                return self.same_value(plain, i, j);
            }
            let expected = match self.opened.value(i) {
                Some(value) => Cow::Owned(String::from_utf8_lossy(value.canonical()).into_owned()),
                None => doc.comment_text(&doc.leaves[i]),
            };
            Ok::<bool, OpenError>(plain.comment_text(&plain.leaves[j]) == expected)
        })?;
        if holds { Ok(()) } else { Err(OpenError::NotReadBack) }
    }

    /// The same for INI, where several comments may have become one.
    fn verify_ini(&self, plain: &Document) -> Result<(), OpenError> {
        let doc = &self.document;
        let pairs = verify::pair_values(doc, plain).ok_or(OpenError::NotReadBack)?;
        let ours = verify::comments_of(doc).into_iter().map(|i| match self.opened.value(i) {
            Some(value) => Cow::Owned(String::from_utf8_lossy(value.canonical()).into_owned()),
            None => doc.comment_text(&doc.leaves[i]),
        });
        let theirs = verify::comments_of(plain).into_iter().map(|i| plain.comment_text(&plain.leaves[i]));
        let holds = ini::same_comments(ours, theirs) && verify::all(&pairs, |i, j| self.same_value(plain, i, j))?;
        if holds { Ok(()) } else { Err(OpenError::NotReadBack) }
    }

    fn same_value(&self, plain: &Document, i: usize, j: usize) -> Result<bool, OpenError> {
        let (leaf, read) = (&self.document.leaves[i], &plain.leaves[j]);
        if leaf.kind != LeafKind::Scalar {
            return Ok(true);
        }
        let found = plain.value(read).map_err(|_| OpenError::NotReadBack)?;
        let meant = self.opened.value_or_clear(&self.document, i)?;
        Ok(found == meant || reads_back_as(self.format, &meant, &found))
    }

    /// The opened leaves, for those who change the file.
    pub(crate) fn opened(&self) -> &Opened {
        &self.opened
    }
}

/// How a comment was written.
fn original_comment(
    doc: &Document,
    leaf: &Leaf,
    value: &Value<'_>,
    spellings: &mut SpellingLookup,
) -> Option<(String, Option<String>)> {
    if spellings.is_empty() {
        return None;
    }
    let place = comment_place(doc, leaf);
    let digest = ValueDigest::of(value);
    let tail = spellings.take_of(&tail_place(&place), digest);
    spellings.take_of(&place, digest).map(|lines| (lines, tail))
}

/// The plaintext of the spelling field, if the file has one that opens under its data key.
pub(crate) fn open_spelling(metadata: &Metadata, sealer: &Sealer) -> Option<Zeroizing<Vec<u8>>> {
    let sealed = SealedText::parse(metadata.spelling.as_ref()?.as_bytes())?;
    sealer.open_bytes(SPELLING_AAD, &sealed).ok().map(|(_, plaintext)| Zeroizing::new(plaintext))
}

/// Values that a format cannot tell apart once they are spelled: sops spells them so, too.
fn reads_back_as(format: Format, meant: &Value<'_>, found: &Value<'_>) -> bool {
    use ValueType::{Float, Int, Str, Time};
    // All values are text; dotenv has no way to write a backslash and an `n`.
    match format {
        Format::Dotenv => return dotenv::unescaped(&flat::text_of(meant)) == dotenv::unescaped(&flat::text_of(found)),
        Format::Ini => return flat::text_of(meant) == flat::text_of(found),
        _ => {}
    }
    match (meant.kind(), found.kind()) {
        // `type:float` of a whole number is spelled `1` by sops, and read as an integer.
        (Float, Int) | (Int, Float) => convert::same_number(meant, found),
        // JSON has no dates; bytes that are not UTF-8 are spelled with U+FFFD.
        (Time, Str) => format != Format::Yaml,
        (Str, Str) => String::from_utf8_lossy(meant.canonical()).as_bytes() == found.canonical(),
        _ => false,
    }
}

/// Lists of nothing but comment items are spelled `[]`: without that, cutting the items would leave a null.
fn empty_lists(doc: &Document) -> Vec<Splice> {
    let mut seen = HashSet::new();
    let mut lists = Vec::new();
    for leaf in &doc.leaves {
        if leaf.kind != LeafKind::CommentItem || leaf.has(Leaf::COPY) || !seen.insert(leaf.path) {
            continue;
        }
        // A comment item is no place of its own.
        let only_comments = doc.children(leaf.path).next().is_none();
        if only_comments {
            let at = doc.empty_list_place(leaf.path);
            lists.push(Splice { span: Span { start: at, end: at }, text: " []".into() });
        }
    }
    lists
}
