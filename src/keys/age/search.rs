//! Owns the search for the identity that opens a wrapped data key, and the cache of what was loaded for it.
//!
//! Only places that could help are looked into: SSH keys for SSH stanzas, identity files for X25519 and post-quantum ones. Cheap places
//! come first, commands next, questions to a person and plugins last, so that a passphrase never stands before a key that is at hand.

use super::envelope::{self, OpenError};
use super::holding::Holding;
use super::plugin::{self, PluginError, PluginIdentity, Plugins};
use super::source::{IdentityProvider, IdentitySource, SourceKind};
use super::survey::{Found, Surveyed};
use super::{AgeError, hybrid, recipient, report};
use crate::keys::service::{KeyError, Unwrapped};
use crate::secret::Secret;
use age::{DecryptError, Identity as _};
use age_core::format::{FileKey, Stanza};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Unwraps age keys with the identities of a provider; loads every place at most once (commands: once a recipient).
pub struct Backend<'a> {
    provider: &'a dyn IdentityProvider,
    holdings: Mutex<HashMap<Place, Arc<OnceLock<Holding>>>>,
    /// What people answered, by label: nobody is asked twice. `None`: there was nobody to ask.
    answers: Mutex<HashMap<String, Option<Secret<String>>>>,
    /// Plugins that are not started again, by name.
    given_up: Mutex<HashMap<String, PluginError>>,
}

/// A source's index, and the recipient for commands.
type Place = (usize, Option<String>);

impl std::fmt::Debug for Backend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend")
    }
}

impl<'a> Backend<'a> {
    /// A backend that has looked nowhere yet.
    pub fn new(provider: &'a dyn IdentityProvider) -> Self {
        Self { provider, holdings: Mutex::default(), answers: Mutex::default(), given_up: Mutex::default() }
    }

    /// The plugins of the host.
    pub(in crate::keys) fn plugins(&self) -> Option<&'a dyn Plugins> {
        self.provider.plugins()
    }

    /// Unwraps what was wrapped for `recipient`. The recipient's text is only told to commands, and says which plugins come first: the
    /// stanzas decide.
    pub(in crate::keys) fn unwrap(&self, recipient: &str, enc: &str) -> Result<Unwrapped, KeyError> {
        let search = Search { backend: self, recipient, wanted: RefCell::default(), tried: RefCell::default() };
        match envelope::open(enc, &search) {
            Ok(data_key) => Ok(Unwrapped::Opened(data_key)),
            Err(OpenError::NoMatch) => {
                let (wanted, tried) = (search.wanted.into_inner(), search.tried.into_inner());
                let looked: Vec<_> =
                    self.places(&wanted).map(|(index, source)| (source, self.holding(index, source, recipient))).collect();
                let mut reason = report::reason(&looked, wanted.noun(), &tried);
                reason.hints.extend(wanted.hint(recipient).filter(|_| tried.is_empty()));
                Ok(Unwrapped::NothingHere(reason))
            }
            Err(OpenError::Stanza) => Err(AgeError::Stanza.into()),
            Err(OpenError::Work) => Err(AgeError::Header.into()),
            Err(OpenError::Age(error)) => Err(error.into()),
        }
    }

    /// What is at every place. Commands are not run, and nobody is asked for a passphrase.
    pub(in crate::keys) fn survey(&self) -> Vec<Surveyed> {
        let look = |(index, source): (usize, &IdentitySource)| {
            let found = match source.is_command() {
                true => Found::Command,
                false => self.holding(index, source, "").get().map_or(Found::NotSet, Found::of),
            };
            Surveyed { label: source.label().to_owned(), path: source.path().map(str::to_owned), found }
        };
        self.provider.sources().iter().enumerate().map(look).collect()
    }

    /// The sources that could open one of the wanted stanzas, in order.
    fn places<'b>(&'b self, wanted: &'b Wanted) -> impl Iterator<Item = (usize, &'b IdentitySource)> {
        self.provider.sources().iter().enumerate().filter(|(_, source)| match source.kind() {
            SourceKind::SshKey => !wanted.ssh.is_empty(),
            SourceKind::Words | SourceKind::Lines => wanted.keys || wanted.other,
        })
    }

    /// What a source holds; loads it the first time.
    fn holding(&self, index: usize, source: &IdentitySource, recipient: &str) -> Arc<OnceLock<Holding>> {
        let place = (index, source.is_command().then(|| recipient.to_owned()));
        let cell = Arc::clone(self.holdings.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_default());
        cell.get_or_init(|| Holding::load(self.provider, source, recipient));
        cell
    }

    /// Asks for a passphrase; the lock is held meanwhile, so that questions come one after the other.
    fn ask(&self, label: &str) -> Option<Secret<String>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(label.to_owned()).or_insert_with(|| self.provider.passphrase(label)).clone()
    }

    /// Keys that are at hand, then what needs a person: what is locked, and plugins, those first that the recipient belongs to.
    fn find(&self, stanzas: &[Stanza], wanted: &Wanted, search: &Search<'_>) -> Option<Opened> {
        let sources = cheap_first(self.places(wanted));
        let at_hand = sources.iter().find_map(|&(index, source)| match self.holding(index, source, search.recipient).get()? {
            Holding::Identities(identities) => identities.keys.iter().find_map(|key| key.unwrap_stanzas(stanzas)),
            Holding::Ssh(key) => key.unwrap_stanzas(stanzas),
            _ => None,
        });
        at_hand.or_else(|| {
            let plugin = recipient::plugin_of(search.recipient);
            let plugins = || self.through_plugins(stanzas, plugin.as_deref(), search);
            let locked = || self.unlocking(&sources, stanzas, wanted, search);
            if plugin.is_some() || wanted.other { plugins().or_else(locked) } else { locked().or_else(plugins) }
        })
    }

    /// With what is behind passphrases.
    fn unlocking(
        &self,
        sources: &[(usize, &IdentitySource)],
        stanzas: &[Stanza],
        wanted: &Wanted,
        search: &Search<'_>,
    ) -> Option<Opened> {
        sources.iter().find_map(|&(index, source)| match self.holding(index, source, search.recipient).get()? {
            Holding::LockedSsh(locked) if locked.recipient().is_some_and(|key| wanted.asks_for(&key)) => {
                locked.open(|| self.ask(source.label())).as_ref().ok()?.unwrap_stanzas(stanzas)
            }
            Holding::LockedIdentities(locked) if wanted.keys => {
                let identities = locked.open(|| self.ask(source.label())).as_ref().ok()?;
                let own = identities.keys.iter().find_map(|key| key.unwrap_stanzas(stanzas));
                own.or_else(|| identities.plugins.iter().find_map(|identity| self.through(identity, stanzas, search)))
            }
            _ => None,
        })
    }

    /// With plugins, in the order of their identities; `first` is the plugin that is tried before others. A plugin may open stanzas of any
    /// type, SSH ones too.
    fn through_plugins(&self, stanzas: &[Stanza], first: Option<&str>, search: &Search<'_>) -> Option<Opened> {
        self.plugins()?;
        let lines = self.provider.sources().iter().enumerate().filter(|(_, source)| source.kind() != SourceKind::SshKey);
        let holdings: Vec<_> =
            cheap_first(lines).into_iter().map(|(index, source)| self.holding(index, source, search.recipient)).collect();
        let mut identities: Vec<&PluginIdentity> = holdings
            .iter()
            .filter_map(|holding| match holding.get() {
                Some(Holding::Identities(identities)) => Some(&identities.plugins),
                _ => None,
            })
            .flatten()
            .collect();
        identities.sort_by_key(|identity| first != Some(&identity.name));
        identities.into_iter().find_map(|identity| self.through(identity, stanzas, search))
    }

    /// With one plugin identity. Plugins are started one after the other, so that their questions do not meet, and one that is missing or
    /// hangs only once.
    fn through(&self, identity: &PluginIdentity, stanzas: &[Stanza], search: &Search<'_>) -> Option<Opened> {
        let plugins = self.plugins()?;
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match given_up.get(&identity.name) {
            Some(error) => Err(error.clone()),
            None => plugin::unwrap(plugins, identity, stanzas),
        };
        match opened {
            Ok(file_key) => file_key.map(Ok),
            Err(error) => {
                if error.is_final() {
                    given_up.insert(identity.name.clone(), error.clone());
                }
                let mut tried = search.tried.borrow_mut();
                if !tried.contains(&error) {
                    tried.push(error);
                }
                None
            }
        }
    }
}

/// What an identity that knows a stanza made of it.
type Opened = Result<FileKey, DecryptError>;

/// Commands stand behind everything else.
fn cheap_first<'b>(sources: impl Iterator<Item = (usize, &'b IdentitySource)>) -> Vec<(usize, &'b IdentitySource)> {
    let mut sources: Vec<_> = sources.collect();
    sources.sort_by_key(|(_, source)| source.is_command());
    sources
}

/// What the stanzas of a header ask for.
#[derive(Default)]
struct Wanted {
    /// X25519 or post-quantum.
    keys: bool,
    /// Tags of SSH keys: the stanza's type and the key's short hash.
    ssh: Vec<(String, String)>,
    /// Of types that only a plugin can know.
    other: bool,
}

impl Wanted {
    fn of(stanzas: &[Stanza]) -> Self {
        let mut wanted = Self::default();
        for stanza in stanzas {
            match stanza.tag.as_str() {
                "X25519" | hybrid::STANZA => wanted.keys = true,
                "ssh-ed25519" | "ssh-rsa" => {
                    wanted.ssh.push((stanza.tag.clone(), stanza.args.first().cloned().unwrap_or_default()));
                }
                tag if tag.ends_with("-grease") => {}
                _ => wanted.other = true,
            }
        }
        wanted
    }

    /// Whether a stanza is addressed to the SSH key `TYPE BASE64` (first four bytes of its SHA-256).
    fn asks_for(&self, key: &str) -> bool {
        let Some((kind, encoded)) = key.split_once(' ') else { return false };
        let Ok(bytes) = BASE64_STANDARD.decode(encoded) else { return false };
        let tag = BASE64_STANDARD_NO_PAD.encode(&Sha256::digest(&bytes)[..4]);
        self.ssh.iter().any(|(stanza, wanted)| stanza == kind && *wanted == tag)
    }

    /// What somebody has to have.
    fn noun(&self) -> &'static str {
        if self.keys || self.other { "identity" } else { "SSH key" }
    }

    /// What is needed besides a key, where the stanzas or the recipient tell.
    fn hint(&self, recipient: &str) -> Option<String> {
        match recipient::plugin_of(recipient) {
            Some(name) => {
                let identity = format!("AGE-PLUGIN-{}-1…", name.to_ascii_uppercase());
                Some(format!(
                    "it is for the age plugin {name}: put its identity ({identity}) where yours are, and {}",
                    plugin::install(&name)
                ))
            }
            None if self.other && !self.keys => Some(
                "it is for a plugin, or the key of a hardware token: put the identity of its plugin (AGE-PLUGIN-…) where yours are"
                    .to_owned(),
            ),
            None => None,
        }
    }
}

/// The search as an identity: it sees all the stanzas of a header at once.
struct Search<'a> {
    backend: &'a Backend<'a>,
    recipient: &'a str,
    wanted: RefCell<Wanted>,
    /// Plugins that could not help, and why.
    tried: RefCell<Vec<PluginError>>,
}

impl age::Identity for Search<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let wanted = Wanted::of(stanzas);
        let found = self.backend.find(stanzas, &wanted, self);
        *self.wanted.borrow_mut() = wanted;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::age::{Loaded, generate_post_quantum, short};
    use crate::keys::service::Reason;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const FIRST: &str = "age16r7pjmdqaksyuykpe6jmy4l0kas0nnaukrf25x4ws84pf0la64csfey8cy";
    const SECOND: &str = "age1yq683tar3v9fhhlmsc8reja7at9m2qgmme2c7my0rxrjr8vmm36q04hqkl";

    fn wrap(recipient: &str, data_key: &[u8]) -> Result<String, KeyError> {
        recipient::wrap(recipient, data_key, None)
    }

    /// A host in memory: what is at each place, and how often it was asked.
    #[derive(Default)]
    struct Host {
        sources: Vec<IdentitySource>,
        contents: BTreeMap<String, Vec<u8>>,
        passphrase: Option<&'static str>,
        loads: AtomicUsize,
        questions: AtomicUsize,
    }

    impl Host {
        fn with(mut self, source: IdentitySource, content: impl AsRef<[u8]>) -> Self {
            self.contents.insert(source.label().to_owned(), content.as_ref().to_vec());
            self.sources.push(source);
            self
        }

        fn without(mut self, source: IdentitySource) -> Self {
            self.sources.push(source);
            self
        }

        fn knowing(mut self, passphrase: &'static str) -> Self {
            self.passphrase = Some(passphrase);
            self
        }

        fn questions(&self) -> usize {
            self.questions.load(Ordering::Relaxed)
        }
    }

    impl IdentityProvider for Host {
        fn sources(&self) -> &[IdentitySource] {
            &self.sources
        }

        fn load(&self, source: &IdentitySource, recipient: &str) -> Loaded {
            self.loads.fetch_add(1, Ordering::Relaxed);
            match self.contents.get(source.label()) {
                Some(content) if source.is_command() && !content.is_empty() => {
                    Loaded::Content(Secret::new([content, recipient.as_bytes()].concat()))
                }
                Some(content) => Loaded::Content(Secret::new(content.clone())),
                None if source.path().is_some() => Loaded::Missing,
                None => Loaded::NotSet,
            }
        }

        fn passphrase(&self, _label: &str) -> Option<Secret<String>> {
            self.questions.fetch_add(1, Ordering::Relaxed);
            self.passphrase.map(|text| Secret::new(text.to_owned()))
        }
    }

    fn fixture(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn key_file(name: &str) -> String {
        String::from_utf8(fixture(&format!("keys/{name}"))).expect("text")
    }

    /// The n-th secret line of the identities (0 and 1: X25519, 2: post-quantum).
    fn identity(n: usize) -> String {
        key_file("age-identities.txt").lines().filter(|line| line.starts_with("AGE-")).nth(n).expect("an identity").to_owned()
    }

    fn recipient(n: usize) -> String {
        key_file("age-recipients.txt").lines().nth(n).expect("a recipient").to_owned()
    }

    fn keys_txt() -> IdentitySource {
        IdentitySource::file("/home/me/keys.txt", SourceKind::Lines, "/home/me/keys.txt")
    }

    fn key_variable() -> IdentitySource {
        IdentitySource::variable("SOPS_AGE_KEY", SourceKind::Words)
    }

    fn ssh(name: &str) -> IdentitySource {
        IdentitySource::file(name, SourceKind::SshKey, name)
    }

    /// The armored blocks of a file the reference wrote.
    fn wrapped_by_the_reference(case: &str) -> Vec<String> {
        let text = String::from_utf8(fixture(&format!("reference/yaml/{case}/enc.yaml"))).expect("text");
        let mut blocks = Vec::new();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.find(|line| line.starts_with("-----BEGIN AGE")) {
            let body = lines.by_ref().take_while(|line| !line.starts_with("-----END AGE"));
            blocks.push(
                std::iter::once(line).chain(body).chain(["-----END AGE ENCRYPTED FILE-----\n"]).collect::<Vec<_>>().join("\n"),
            );
        }
        blocks
    }

    fn opened(host: &Host, recipient: &str, enc: &str) -> Vec<u8> {
        match Backend::new(host).unwrap(recipient, enc) {
            Ok(Unwrapped::Opened(key)) => key.expose().clone(),
            other => panic!("{other:?}"),
        }
    }

    fn nothing(host: &Host, recipient: &str, enc: &str) -> Reason {
        match Backend::new(host).unwrap(recipient, enc) {
            Ok(Unwrapped::NothingHere(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn opens_what_the_reference_wrapped_for_each_kind_of_recipient() {
        let host = Host::default()
            .with(ssh("id_ed25519"), key_file("id_ed25519"))
            .with(ssh("id_rsa"), key_file("id_rsa"))
            .with(keys_txt(), key_file("age-identities.txt"));
        let mut cases = 0;
        for (case, length) in [
            ("flat", 32),
            ("flat__recipient_1", 32),
            ("flat__recipient_2", 32),
            ("flat__recipient_3", 32),
            ("nested__two_recipients", 32),
            ("nested__shamir", 33),
        ] {
            for enc in wrapped_by_the_reference(case) {
                assert_eq!(opened(&host, "", &enc).len(), length, "{case}");
                cases += 1;
            }
        }
        assert_eq!(cases, 8);
    }

    #[test]
    fn opens_what_it_wrapped_for_each_kind_of_recipient() {
        let recipients = [FIRST.to_owned(), SECOND.to_owned(), recipient(2), key_file("id_ed25519.pub"), key_file("id_rsa.pub")];
        let host = Host::default()
            .with(ssh("id_ed25519"), key_file("id_ed25519"))
            .with(ssh("id_rsa"), key_file("id_rsa"))
            .with(key_variable(), format!("{} {} {}", identity(0), identity(1), identity(2)));
        for recipient in &recipients {
            let enc = wrap(recipient, &[7; 33]).expect("wrapped");
            assert!(enc.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && enc.ends_with("-----END AGE ENCRYPTED FILE-----\n"));
            assert_eq!(opened(&host, recipient, &enc), [7; 33]);
            assert_eq!(opened(&host, recipient, enc.trim_end()), [7; 33], "dotenv and INI may lose the last newline");
        }
    }

    #[test]
    fn a_key_at_hand_is_used_before_anyone_is_asked() {
        let host = Host::default()
            .with(IdentitySource::file("SOPS_AGE_KEY_FILE", SourceKind::Lines, "/locked"), fixture("keys/identities-locked.age"))
            .with(IdentitySource::command("SOPS_AGE_KEY_CMD", SourceKind::Lines), "")
            .with(keys_txt(), identity(0));
        let enc = wrap(FIRST, &[1; 32]).expect("wrapped");
        assert_eq!(opened(&host, FIRST, &enc), [1; 32]);
        assert_eq!(host.questions(), 0);
        assert_eq!(host.loads.load(Ordering::Relaxed), 2, "the command did not have to run");
    }

    #[test]
    fn locked_identities_are_opened_with_one_question() {
        for name in ["keys/identities-locked.age", "keys/identities-locked.bin.age"] {
            let host = Host::default().with(keys_txt(), fixture(name)).knowing("correct horse");
            let backend = Backend::new(&host);
            for _ in 0..3 {
                let enc = wrap(FIRST, &[2; 32]).expect("wrapped");
                assert!(matches!(backend.unwrap(FIRST, &enc), Ok(Unwrapped::Opened(key)) if key.expose() == &[2; 32]));
            }
            assert_eq!(host.questions(), 1);
        }
    }

    #[test]
    fn locked_ssh_keys_are_asked_about_only_when_the_stanza_is_theirs() {
        let host = Host::default()
            .with(ssh("id_ed25519"), key_file("id_ed25519_locked"))
            .with(ssh("id_rsa"), key_file("id_rsa_locked"))
            .knowing("correct horse");
        let enc = wrap(FIRST, &[3; 32]).expect("wrapped");
        assert_eq!(nothing(&host, FIRST, &enc).summary, "no identity was found");
        assert_eq!(host.questions(), 0);
        let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
        let reason = nothing(&host, other, &wrap(other, &[3; 32]).expect("wrapped"));
        assert!(reason.summary.starts_with("no SSH key for it in id_ed25519 (holds ssh-ed25519 …"), "{}", reason.summary);
        assert_eq!(host.questions(), 0, "not theirs");
        for (name, asked) in [("id_ed25519.pub", 1), ("id_rsa.pub", 2)] {
            let recipient = key_file(name);
            let enc = wrap(&recipient, &[3; 32]).expect("wrapped");
            assert_eq!(opened(&host, &recipient, &enc), [3; 32]);
            assert_eq!(host.questions(), asked, "{name}");
        }
    }

    #[test]
    fn a_wrong_or_absent_passphrase_is_told() {
        let enc = wrap(FIRST, &[4; 32]).expect("wrapped");
        let locked = || Host::default().with(keys_txt(), fixture("keys/identities-locked.age"));
        assert!(nothing(&locked().knowing("wrong"), FIRST, &enc).summary.contains("the one given is wrong"));
        assert!(nothing(&locked(), FIRST, &enc).summary.contains("nobody to ask"));
        let key = key_file("id_ed25519.pub");
        let enc = wrap(&key, &[4; 32]).expect("wrapped");
        let host = Host::default().with(ssh("id_ed25519"), key_file("id_ed25519_locked")).knowing("wrong");
        assert!(nothing(&host, &key, &enc).summary.contains("the one given is wrong"));
        let command = IdentitySource::command("SOPS_AGE_SSH_PRIVATE_KEY_CMD", SourceKind::SshKey);
        let host = Host::default().with(command, key_file("id_ed25519_locked")).knowing("correct horse");
        assert!(nothing(&host, "", &enc).summary.contains("not supported here"));
        assert_eq!(host.questions(), 0);
    }

    #[test]
    fn the_report_says_what_each_place_held() {
        let mistyped = identity(1).replace("1G3LA", "1G3LQ");
        let host = Host::default()
            .with(key_variable(), "/home/me/keys.txt")
            .with(IdentitySource::file("SOPS_AGE_KEY_FILE", SourceKind::Lines, "/k"), format!("{}\n{}", identity(0), identity(2)))
            .with(IdentitySource::file("/home/me/other.txt", SourceKind::Lines, "/home/me/other.txt"), format!("\n{mistyped}"))
            .without(IdentitySource::command("SOPS_AGE_KEY_CMD", SourceKind::Lines))
            .without(keys_txt());
        let enc = wrap(SECOND, &[5; 32]).expect("wrapped");
        let reason = nothing(&host, SECOND, &enc);
        let holds = format!("holds {}, {}", short(FIRST), short(&recipient(2)));
        assert_eq!(reason.summary, format!("no identity for it in SOPS_AGE_KEY_FILE (/k {holds})"));
        assert_eq!(
            reason.details,
            [
                "SOPS_AGE_KEY holds a path, not an identity",
                "/home/me/other.txt: line 2: malformed identity (mistyped or cut?)",
                "no file /home/me/keys.txt",
                "not set: SOPS_AGE_KEY_CMD",
            ]
        );
        assert_eq!(reason.hints, ["SOPS_AGE_KEY holds a path, did you mean SOPS_AGE_KEY_FILE?"]);
        assert!(!format!("{reason:?}").contains(&mistyped[16..]));
    }

    #[test]
    fn a_command_is_run_once_for_each_recipient() {
        // It answers with the key and a comment that names the recipient.
        let command = IdentitySource::command("SOPS_AGE_KEY_CMD", SourceKind::Lines);
        let host = Host::default().with(command, format!("{}\n#", identity(1)));
        let backend = Backend::new(&host);
        let enc = wrap(SECOND, &[6; 32]).expect("wrapped");
        for recipient in [FIRST, SECOND, FIRST, SECOND] {
            assert!(matches!(backend.unwrap(recipient, &enc), Ok(Unwrapped::Opened(_))));
        }
        assert_eq!(host.loads.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_changed_file_is_refused_wherever_the_change_is() {
        let enc = wrap(FIRST, &[8; 32]).expect("wrapped");
        let lines: Vec<&str> = enc.lines().collect();
        let bytes = BASE64_STANDARD.decode(lines[1..lines.len() - 1].concat()).expect("armor");
        let host = Host::default().with(keys_txt(), identity(0));
        let backend = Backend::new(&host);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let body: Vec<String> = BASE64_STANDARD
                .encode(&changed)
                .as_bytes()
                .chunks(64)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            let enc = format!("{}\n{}\n{}", lines[0], body.join("\n"), lines[lines.len() - 1]);
            assert!(!matches!(backend.unwrap(FIRST, &enc), Ok(Unwrapped::Opened(_))), "byte {at}");
        }
    }

    #[test]
    fn hostile_files_cost_little() {
        let host = Host::default().with(keys_txt(), identity(0));
        let backend = Backend::new(&host);
        let armor = |bytes: &[u8]| {
            let body: Vec<String> = BASE64_STANDARD
                .encode(bytes)
                .as_bytes()
                .chunks(64)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            format!("-----BEGIN AGE ENCRYPTED FILE-----\n{}\n-----END AGE ENCRYPTED FILE-----\n", body.join("\n"))
        };
        let start = std::time::Instant::now();
        let many_stanzas = [b"age-encryption.org/v1\n".as_slice(), &b"-> X\n\n".repeat(100_000), b"--- x\n"].concat();
        let long_line = [b"age-encryption.org/v1\n-> ".as_slice(), &vec![b'x'; 700_000]].concat();
        let scrypt = b"age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 62\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n0123456789abcdef0123456789abcdef";
        for (bytes, what) in [(many_stanzas.as_slice(), "stanzas"), (&long_line, "line"), (b"", "empty"), (scrypt, "scrypt")] {
            assert!(!matches!(backend.unwrap(FIRST, &armor(bytes)), Ok(Unwrapped::Opened(_))), "{what}");
        }
        assert!(matches!(backend.unwrap(FIRST, &"x".repeat(2 << 20)), Err(KeyError::Age(AgeError::TooLarge { .. }))));
        for text in ["", "-----BEGIN AGE", "-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----", "hello"] {
            assert!(matches!(backend.unwrap(FIRST, text), Err(KeyError::Age(_))), "{text}");
        }
        assert!(start.elapsed().as_secs() < 2);
        assert_eq!(host.questions(), 0);
    }

    #[test]
    fn a_post_quantum_key_does_not_open_what_is_not_for_it() {
        let enc = wrapped_by_the_reference("flat__recipient_1").remove(0);
        let (other, _) = generate_post_quantum().expect("random bytes");
        let host = Host::default().with(keys_txt(), format!("{}\n{}", identity(0), other.expose()));
        let reason = nothing(&host, &recipient(2), &enc);
        assert!(reason.summary.starts_with("no identity for it in "), "{}", reason.summary);
        assert!(!reason.summary.contains(other.expose()) && reason.summary.contains("age1pq1"), "{}", reason.summary);
    }
}
