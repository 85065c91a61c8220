//! Opening: an encrypted text is read, its data key recovered, its leaves opened, its MAC checked.

use super::opened::Opened;
use super::{Context, EncryptedFile, MacPolicy, OpenError, PlainFile};
use crate::crypto::data_key::DataKey;
use crate::crypto::sealer::Sealer;
use crate::document::{Document, Duplicates, Format, LeafKind};
use crate::keys::recover;
use crate::mac::{self, MacChecked, MacState};
use crate::metadata::{self, Metadata, MetadataError};
use crate::selection::Selection;

/// Texts that are shorter are read in full in no time.
const GLANCE_FROM: usize = 1 << 18;

impl EncryptedFile {
    /// Reads an encrypted file. A binary one is in sops's JSON form.
    ///
    /// # Errors
    /// `Parse`, `NoMetadata` or `Metadata`.
    pub fn parse(input: &[u8], format: Format) -> Result<Self, OpenError> {
        Self::parse_owned(input.to_vec(), format)
    }

    /// As [`EncryptedFile::parse`], without a copy of the input.
    ///
    /// # Errors
    /// As there.
    pub fn parse_owned(input: Vec<u8>, format: Format) -> Result<Self, OpenError> {
        let format = form_of(&input, format);
        let document = scan(input, format)?;
        let metadata = read_metadata(&document)?;
        Ok(Self { document, metadata, format })
    }

    /// Whether a text is encrypted as sops's `filestatus` understands it: it has metadata with a version and a MAC. Of a long text that has
    /// them where leafseal and sops put them, the rest is not read, so that what is wrong there goes unnoticed.
    ///
    /// # Errors
    /// `Parse` or `Metadata`, as sops.
    pub fn status(input: &[u8], format: Format) -> Result<bool, OpenError> {
        let format = form_of(input, format);
        if input.len() >= GLANCE_FROM
            && let Ok(text) = std::str::from_utf8(input)
            && let Some(short) = Document::glance(text, format)
            && matches!(Self::full_status(short.into_bytes(), format), Ok(true))
        {
            return Ok(true);
        }
        Self::full_status(input.to_vec(), format)
    }

    fn full_status(input: Vec<u8>, format: Format) -> Result<bool, OpenError> {
        let document = scan(input, format)?;
        match read_metadata(&document) {
            Ok(metadata) => Ok(!metadata.version.is_empty() && !metadata.mac.is_empty()),
            Err(OpenError::Metadata(MetadataError::NotFound | MetadataError::VersionMissing)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Its metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// As [`EncryptedFile::open`], and what came of every master key that was tried.
    pub fn open_with_report(self, mac: MacPolicy, cx: &Context<'_>) -> (recover::Report, Result<PlainFile, OpenError>) {
        let held = &self.metadata;
        let (report, data_key) = recover::recover_with_report(&held.groups, held.shamir_threshold, cx.order, cx.services);
        let open = |data_key| {
            let selection = Selection::compile(&self.metadata.selection)?;
            self.open_with(data_key, &selection, mac)
        };
        (report, data_key.map_err(OpenError::from).and_then(open))
    }

    /// Recovers the data key, opens every selected leaf and checks the MAC.
    ///
    /// # Errors
    /// `NoKey`, `Leaf` (the first leaf that does not open), `Mac` unless it is ignored.
    pub fn open(self, mac: MacPolicy, cx: &Context<'_>) -> Result<PlainFile, OpenError> {
        let selection = Selection::compile(&self.metadata.selection)?;
        let threshold = self.metadata.shamir_threshold;
        let data_key = recover::recover(&self.metadata.groups, threshold, cx.order, cx.services)?;
        self.open_with(data_key, &selection, mac)
    }

    /// As [`EncryptedFile::open`], with a data key that is known.
    pub(super) fn open_with(self, data_key: DataKey, selection: &Selection, policy: MacPolicy) -> Result<PlainFile, OpenError> {
        let sealer = Sealer::new(&data_key);
        let selected = selection.select(&self.document);
        let mut mac = (policy == MacPolicy::Verify).then(|| MacState::new(self.metadata.mac_only_encrypted));
        let opened = Opened::open(&self.document, &selected, &sealer, mac.as_mut())?;
        let proof = match mac {
            None => MacChecked::ignored(),
            Some(mac) => mac::verify(&mac.finish(), &self.metadata.mac, &sealer, self.metadata.last_modified.canonical())?,
        };
        let Self { document, metadata, format } = self;
        Ok(PlainFile { document, metadata, format, data_key, selected, opened, _mac: proof })
    }
}

/// The format in which a file is really written: sops seals tfvars and TOML files as a whole, in its JSON form of binary files. No text
/// of those formats begins with a brace.
fn form_of(input: &[u8], format: Format) -> Format {
    match (format, input.trim_ascii_start().first()) {
        (Format::Tfvars | Format::Toml, Some(b'{')) => Format::Binary,
        _ => format,
    }
}

fn scan(input: Vec<u8>, format: Format) -> Result<Document, OpenError> {
    match format {
        Format::Binary => Document::scan_owned(input, Format::Json, Duplicates::Keep).map_err(OpenError::NotBinaryForm),
        _ => Document::scan_owned(input, format, Duplicates::Keep).map_err(OpenError::Parse),
    }
}

/// The metadata of a document: that of its first one.
pub(super) fn read_metadata(document: &Document) -> Result<Metadata, OpenError> {
    let node = document.metadata_node(metadata::locate(document)?).map_err(OpenError::Parse)?;
    Ok(Metadata::read(&node)?)
}

/// The metadata of a draft: that of the first document; keys that were added by hand have nothing but their names.
pub(super) fn read_draft(document: &Document) -> Result<Metadata, OpenError> {
    let node = document.metadata_node(metadata::locate(document)?).map_err(OpenError::Parse)?;
    Ok(Metadata::read_draft(&node)?)
}

impl PlainFile {
    /// Its metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How many comments stood in clear where sealed ones are expected (someone added them by hand, or an old sops wrote the file).
    pub fn plain_comments(&self) -> usize {
        self.opened.plain_comments()
    }

    /// How many values were sealed.
    pub fn sealed_values(&self) -> usize {
        (0..self.document.leaves.len())
            .filter(|&i| self.document.leaves[i].kind == LeafKind::Scalar && self.opened.is_sealed(i))
            .count()
    }
}
