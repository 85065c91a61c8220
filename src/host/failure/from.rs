//! Which exit code and which hint belong to which library error.

use super::{Failure, LineOfSops, Named};
use crate::config::{ConfigError, LayoutError, PolicyError, RuleError};
use crate::document::ParseError;
use crate::document::convert::{ConvertError, ExtractError};
use crate::document::edit::EditError;
use crate::document::variables::VariableError;
use crate::file::{EncryptError, ModifyError, OpenError, PlainError};
use crate::host::exit;
use crate::keys::MasterKey;
use crate::keys::age::short;
use crate::keys::recover::{Answer, DuplicateKeyType, GroupReport, RecoverError, Report};
use crate::keys::wrap::WrapError;
use crate::metadata::MetadataError;

impl From<EncryptError> for Failure {
    fn from(error: EncryptError) -> Self {
        let text = error.to_string();
        match error {
            EncryptError::Parse(error) => unreadable(exit::READ, &error),
            EncryptError::Empty => Self::new(exit::NO_DOCUMENT, text),
            EncryptError::AlreadyEncrypted { .. } => Self::new(exit::ALREADY_ENCRYPTED, text).hint(
                "`leafseal edit` changes an encrypted file and `leafseal rotate` replaces its key; \
                 if the entry is not from sops, give it another name or encrypt the file with --input-type binary --output-type binary",
            ),
            EncryptError::Leaf { .. } => Self::new(exit::ENCRYPT_TREE, text),
            EncryptError::Wrap(error) => error.into(),
            EncryptError::Convert(error) => error.into(),
            EncryptError::Open(error) => error.into(),
            EncryptError::NotReadBack => a_defect(text),
            _ => Self::new(exit::GENERIC, text),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let text = error.to_string();
        match error {
            OpenError::Parse(error) => unreadable(exit::GENERIC, &error),
            OpenError::NotBinaryForm(_) => {
                Self::new(exit::GENERIC, text).hint("give --input-type (yaml, json) if the file is of a format that its name does not say")
            }
            OpenError::Metadata(MetadataError::NotFound) => Self::new(exit::GENERIC, "sops metadata not found: the file is not encrypted")
                .hint("`leafseal encrypt -i FILE` encrypts it; --input-type says if it is of another type"),
            OpenError::NoKey(error) => error.into(),
            OpenError::Leaf { .. } => Self::new(exit::DECRYPT_TREE, text)
                .hint("a sealed value opens only unchanged and under its own keys: take the file as it was from version control"),
            OpenError::Mac(_) => Self::new(exit::MAC, text).hint(
                "the file was changed by something other than leafseal or sops; look at its history, and if all is as it should be, \
                 `leafseal edit --ignore-mac FILE` and a change give it a new MAC",
            ),
            OpenError::NotBinary => Self::new(exit::DUMP, text),
            OpenError::NotReadBack => a_defect(text),
            _ => Self::new(exit::GENERIC, text),
        }
    }
}

impl From<PlainError> for Failure {
    fn from(error: PlainError) -> Self {
        match error {
            PlainError::Open(error) => error.into(),
            PlainError::Convert(error) => error.into(),
            PlainError::Extract(error) => error.into(),
            PlainError::Flatten(error) => Self::new(exit::DUMP, error.to_string()),
        }
    }
}

impl From<VariableError> for Failure {
    fn from(error: VariableError) -> Self {
        let text = error.to_string();
        let failure = Self::new(exit::GENERIC, text);
        match error {
            VariableError::Complex(_) => {
                failure.hint("--flatten joins nested keys (db_host), --extract '[\"key\"]' takes one mapping of the file")
            }
            VariableError::NotAMapping => failure.hint("--extract must lead to a mapping"),
            _ => failure,
        }
    }
}

impl From<ModifyError> for Failure {
    fn from(error: ModifyError) -> Self {
        match error {
            ModifyError::Edit(error) => error.into(),
            ModifyError::Encrypt(error) => error.into(),
            ModifyError::Open(error) => error.into(),
        }
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        let exit = match error {
            EditError::EmptyPath | EditError::IndexOnMapping(_) | EditError::KeyOnList(_) => exit::SET_FORMAT,
            EditError::ReservedKey | EditError::ReservedPrefix => exit::ALREADY_ENCRYPTED,
            EditError::Emit(_)
            | EditError::Nested(_)
            | EditError::KeyForm(_)
            | EditError::Unspellable(_)
            | EditError::NoNull(_) => exit::DUMP,
            _ => exit::GENERIC,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<ConvertError> for Failure {
    fn from(error: ConvertError) -> Self {
        Self::new(exit::DUMP, error.to_string())
    }
}

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        match error {
            ExtractError::Convert(error) => error.into(),
            other => Self::new(exit::GENERIC, other.to_string()),
        }
    }
}

impl From<DuplicateKeyType> for Failure {
    fn from(error: DuplicateKeyType) -> Self {
        Self::new(exit::DECRYPTION_ORDER, error.to_string())
    }
}

impl From<LayoutError> for Failure {
    fn from(error: LayoutError) -> Self {
        Self::new(exit::DUMP, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let loading = "error loading config: Could not unmarshal config file";
        match error {
            ConfigError::Fields { path, problems } => {
                problems.iter().fold(Self::new(exit::GENERIC, format!("{loading} {path}")), |failure, problem| {
                    failure.detail(problem.to_string())
                })
            }
            other => Self::new(exit::GENERIC, format!("{loading}: {other}")),
        }
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        let text = error.to_string();
        match error {
            PolicyError::Rule(RuleError::NoMatch(_)) => several_lines(exit::GENERIC, &text).hint(
                "add a rule for this path, or give the keys: --age RECIPIENT; `leafseal config FILE` shows what holds for a file",
            ),
            PolicyError::NoKeys => Self::new(exit::GENERIC, text)
                .hint("`leafseal init` writes a .sops.yaml for your own key; --age RECIPIENT gives a key for once"),
            PolicyError::Conflict { .. } => Self::new(exit::CONFLICT, text),
            PolicyError::EmptyGroup { .. } => Self { line_of_sops: Some(LineOfSops::EmptyGroup), ..Self::new(exit::GENERIC, text) },
            _ => several_lines(exit::GENERIC, &text),
        }
    }
}

impl From<WrapError> for Failure {
    fn from(error: WrapError) -> Self {
        match error {
            WrapError::Keys(failures) => {
                let message = match failures.len() {
                    1 => String::from("a master key could not wrap the data key"),
                    n => format!("{n} master keys could not wrap the data key"),
                };
                failures
                    .iter()
                    .fold(Self::new(exit::GENERIC, message), |all, one| all.detail(format!("{}  {}", name(&one.key), one.cause)))
                    .hint("nothing was written: every master key of a file must be able to open it")
            }
            other => Self::new(exit::GENERIC, format!("could not generate data key: {other}")),
        }
    }
}

impl From<RecoverError> for Failure {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::NotEnough(report) => no_key(&report),
            other => Self::new(exit::NO_KEY, other.to_string()),
        }
    }
}

/// A text that is not a document of its format.
fn unreadable(exit: exit::Exit, error: &ParseError) -> Failure {
    Failure::new(exit, error.to_string())
}

fn a_defect(text: String) -> Failure {
    Failure::new(exit::GENERIC, text)
        .hint("this is a defect of leafseal: please report what kind of text stands at that place, without its values")
}

/// The first line is the message, the others belong to it.
fn several_lines(exit: exit::Exit, text: &str) -> Failure {
    let mut lines = text.lines();
    let first = Failure::new(exit, lines.next().unwrap_or_default());
    lines.fold(first, |failure, line| failure.detail(line.trim_start()))
}

/// Which keys were tried, what each said, and what to do.
fn no_key(report: &Report) -> Failure {
    let mut failure = Failure::new(exit::NO_KEY, "no master key could decrypt the data key");
    failure.named = Named::AtEnd;
    let keys = report.groups.iter().flat_map(|group| &group.keys);
    let width = keys.map(|key| name(&key.key).chars().count()).max().unwrap_or(0);
    let shared = report.groups.len() > 1;
    if shared {
        let needed = if report.required() == 0 { report.groups.len() } else { report.required() };
        failure = failure.detail(format!("{needed} key groups are needed, {} opened", report.recovered()));
    }
    for (index, group) in report.groups.iter().enumerate() {
        if shared {
            failure =
                failure.detail(format!("group {}: {}", index + 1, if group.opened_by.is_some() { "opened" } else { "not opened" }));
        }
        if group.opened_by.is_none() {
            failure.details.extend(answers(group, width));
        }
    }
    for hint in report.hints() {
        failure = failure.hint(hint);
    }
    failure.hint("someone who can decrypt the file can add you: `leafseal rotate -i --add-age RECIPIENT FILE`")
}

fn answers(group: &GroupReport, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for key in &group.keys {
        let mut label = name(&key.key);
        if key.answers.is_empty() {
            lines.push(format!("{label:<width$}  there is no key service to ask"));
        }
        for answer in &key.answers {
            lines.push(format!("{label:<width$}  {}", answer.summary()));
            label.clear();
            if let Answer::NothingHere(reason) = answer {
                lines.extend(reason.details.iter().map(|detail| format!("{label:<width$}  {detail}")));
            }
        }
    }
    lines
}

/// A master key for people: recipients shortened, without control characters (the metadata of a file is not to be trusted).
fn name(key: &MasterKey) -> String {
    match key {
        MasterKey::Age(age) => short(&age.recipient),
        other => {
            let text: String = other.to_string().chars().filter(|c| !c.is_control()).collect();
            match text.char_indices().nth(100) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}
