//! Owns the conversation with a plugin: the client's side of `age-plugin` of C2SP's age specification.

use super::{PluginError, PluginIdentity, PluginRecipient, PluginTask, Plugins, RunningPlugin};
use crate::keys::words::one_line;
use age::secrecy::ExposeSecret as _;
use age_core::format::{FileKey, Stanza, read};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use std::collections::HashSet;
use zeroize::{Zeroize as _, Zeroizing};

/// The most bytes of one command, and the most commands of one conversation.
const COMMAND_LIMIT: usize = 64 << 10;
const COMMANDS_LIMIT: usize = 1000;
/// Columns of a full line of Base64.
const FULL_LINE: usize = 64;
/// The most characters of a plugin's words that are kept for a report.
const WORDS_LIMIT: usize = 300;

/// Wraps a file key for a recipient: the stanzas and their labels.
pub(in crate::keys::age) fn wrap(
    plugins: &dyn Plugins,
    recipient: &PluginRecipient,
    file_key: &FileKey,
) -> Result<(Vec<Stanza>, HashSet<String>), PluginError> {
    let mut talk = Talk::start(plugins, &recipient.name, PluginTask::Wrap)?;
    talk.send("add-recipient", &[&recipient.text], &[])?;
    talk.send("wrap-file-key", &[], file_key.expose_secret())?;
    talk.send("extension-labels", &[], &[])?;
    talk.send("done", &[], &[])?;
    let (mut stanzas, mut labels) = (Vec::new(), HashSet::new());
    while let Some(mut command) = talk.command()? {
        match command.tag.as_str() {
            "recipient-stanza" => {
                if command.args.len() < 2 || command.args[0] != "0" {
                    return Err(talk.protocol("a stanza for no file"));
                }
                let mut args = command.args.split_off(1);
                let tag = args.remove(0);
                stanzas.push(Stanza { tag, args, body: command.body });
                talk.send("ok", &[], &[])?;
            }
            "labels" => {
                labels = command.args.into_iter().collect();
                talk.send("ok", &[], &[])?;
            }
            _ => talk.send("unsupported", &[], &[])?,
        }
    }
    match talk.refusal() {
        Some(error) => Err(error),
        None if stanzas.is_empty() => Err(talk.protocol("neither a stanza nor an error")),
        None => Ok((stanzas, labels)),
    }
}

/// Unwraps a file key with an identity; `None` if none of the stanzas is for it.
pub(in crate::keys::age) fn unwrap(
    plugins: &dyn Plugins,
    identity: &PluginIdentity,
    stanzas: &[Stanza],
) -> Result<Option<FileKey>, PluginError> {
    let mut talk = Talk::start(plugins, &identity.name, PluginTask::Unwrap)?;
    talk.send("add-identity", &[identity.text.expose()], &[])?;
    for stanza in stanzas {
        let args: Vec<&str> = ["0", &stanza.tag].into_iter().chain(stanza.args.iter().map(String::as_str)).collect();
        talk.send("recipient-stanza", &args, &stanza.body)?;
    }
    talk.send("done", &[], &[])?;
    let mut found = None;
    while let Some(mut command) = talk.command()? {
        if command.tag == "file-key" && command.args == ["0"] && found.is_none() {
            let file_key = FileKey::try_init_with_mut(|key| match command.body.len() == key.len() {
                true => {
                    key.copy_from_slice(&command.body);
                    Ok(())
                }
                false => Err(talk.protocol("a file key of a wrong length")),
            });
            command.body.zeroize();
            found = Some(file_key?);
            talk.send("ok", &[], &[])?;
        } else {
            talk.send("unsupported", &[], &[])?;
        }
    }
    match (found, talk.refusal()) {
        (Some(file_key), _) => Ok(Some(file_key)),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(None),
    }
}

struct Talk<'a> {
    plugins: &'a dyn Plugins,
    name: &'a str,
    running: Box<dyn RunningPlugin + 'a>,
    /// Its errors.
    said: Vec<String>,
    commands: usize,
}

impl<'a> Talk<'a> {
    fn start(plugins: &'a dyn Plugins, name: &'a str, task: PluginTask) -> Result<Self, PluginError> {
        Ok(Self { plugins, name, running: plugins.start(name, task)?, said: Vec::new(), commands: 0 })
    }

    fn protocol(&self, what: &'static str) -> PluginError {
        PluginError::Protocol { name: self.name.to_owned(), what }
    }

    fn refusal(&self) -> Option<PluginError> {
        let said = self.said.join("; ");
        if self.said.is_empty() { None } else { Some(PluginError::Refused { name: self.name.to_owned(), said }) }
    }

    /// Sends one stanza.
    fn send(&mut self, tag: &str, args: &[&str], body: &[u8]) -> Result<(), PluginError> {
        let encoded = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(body));
        let length =
            tag.len() + args.iter().map(|arg| arg.len() + 1).sum::<usize>() + encoded.len() / FULL_LINE + encoded.len() + 8;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(b"-> ");
        bytes.extend_from_slice(tag.as_bytes());
        for arg in args {
            bytes.push(b' ');
            bytes.extend_from_slice(arg.as_bytes());
        }
        bytes.push(b'\n');
        let mut lines = encoded.as_bytes().chunks_exact(FULL_LINE);
        for line in &mut lines {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        // The last line is a short one, even if nothing is left for it.
        bytes.extend_from_slice(lines.remainder());
        bytes.push(b'\n');
        self.running.send(bytes)
    }

    /// Receives one stanza.
    fn receive(&mut self) -> Result<Stanza, PluginError> {
        self.commands += 1;
        if self.commands > COMMANDS_LIMIT {
            return Err(self.protocol("too many commands"));
        }
        let mut text = self.running.line()?;
        loop {
            let line = self.running.line()?;
            text.extend_from_slice(&line);
            if text.len() > COMMAND_LIMIT {
                return Err(self.protocol("a command that is too large"));
            }
            if line.len() <= FULL_LINE {
                break;
            }
        }
        match read::age_stanza(&text) {
            Ok(([], stanza)) => Ok(stanza.into()),
            _ => Err(self.protocol("a malformed command")),
        }
    }

    /// The next command that is not for the person at the terminal; `None` at the end.
    fn command(&mut self) -> Result<Option<Stanza>, PluginError> {
        loop {
            let command = self.receive()?;
            match command.tag.as_str() {
                "done" => return Ok(None),
                "msg" => {
                    self.plugins.show(self.name, &words(&command.body));
                    self.send("ok", &[], &[])?;
                }
                "request-public" | "request-secret" => {
                    match self.plugins.ask(self.name, &words(&command.body), command.tag == "request-secret") {
                        Some(answer) => self.send("ok", &[], answer.expose().as_bytes())?,
                        None => self.send("fail", &[], &[])?,
                    }
                }
                "confirm" => {
                    let labels: Option<Vec<String>> = command
                        .args
                        .iter()
                        .map(|label| BASE64_STANDARD_NO_PAD.decode(label).ok().map(|bytes| words(&bytes)))
                        .collect();
                    let Some([yes, no @ ..]) = labels.as_deref() else {
                        return Err(self.protocol("a choice without an answer"));
                    };
                    match self.plugins.confirm(self.name, &words(&command.body), yes, no.first().map(String::as_str)) {
                        Some(true) => self.send("ok", &["yes"], &[])?,
                        Some(false) => self.send("ok", &["no"], &[])?,
                        None => self.send("fail", &[], &[])?,
                    }
                }
                "error" => {
                    self.said.push(words(&command.body));
                    self.send("ok", &[], &[])?;
                }
                _ => return Ok(Some(command)),
            }
        }
    }
}

/// What a plugin says, fit for a terminal: without control characters, and not endless.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = one_line(&text, WORDS_LIMIT);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    /// A plugin that says what it was made with, and a person who answers; notes what was sent.
    struct Fake {
        says: &'static str,
        answer: Option<&'static str>,
        sent: Mutex<String>,
        shown: Mutex<Vec<String>>,
    }

    struct Scripted<'a>(&'a Fake, VecDeque<&'static str>);

    impl Fake {
        fn new(says: &'static str) -> Self {
            Self { says, answer: None, sent: Mutex::default(), shown: Mutex::default() }
        }

        fn answering(mut self, answer: &'static str) -> Self {
            self.answer = Some(answer);
            self
        }

        fn unwrap(&self) -> Result<Option<Vec<u8>>, PluginError> {
            let identity = "AGE-PLUGIN-FAKE-1W3JHXAQ8FAZUR".parse().expect("an identity");
            let stanza = Stanza { tag: "fake".to_owned(), args: vec!["a".to_owned()], body: vec![9; 48] };
            let found = unwrap(self, &identity, &[stanza])?;
            Ok(found.map(|file_key| file_key.expose_secret().to_vec()))
        }

        fn wrap(&self) -> Result<(Vec<Stanza>, HashSet<String>), PluginError> {
            let recipient = "age1fake1w3jhxaqrc5akr".parse().expect("a recipient");
            wrap(self, &recipient, &FileKey::new(Box::new([7; 16])))
        }

        fn sent(&self) -> String {
            self.sent.lock().unwrap().clone()
        }
    }

    impl Plugins for Fake {
        fn start(&self, name: &str, _: PluginTask) -> Result<Box<dyn RunningPlugin + '_>, PluginError> {
            assert_eq!(name, "fake");
            Ok(Box::new(Scripted(self, self.says.split_inclusive('\n').collect())))
        }

        fn show(&self, _: &str, message: &str) {
            self.shown.lock().unwrap().push(message.to_owned());
        }

        fn ask(&self, _: &str, message: &str, secret: bool) -> Option<Secret<String>> {
            self.shown.lock().unwrap().push(format!("{message} secret={secret}"));
            self.answer.map(|answer| Secret::new(answer.to_owned()))
        }

        fn confirm(&self, _: &str, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
            self.shown.lock().unwrap().push(format!("{message} {yes} {no:?}"));
            self.answer.map(|answer| answer == "yes")
        }
    }

    impl RunningPlugin for Scripted<'_> {
        fn send(&mut self, bytes: Zeroizing<Vec<u8>>) -> Result<(), PluginError> {
            self.0.sent.lock().unwrap().push_str(std::str::from_utf8(&bytes).unwrap());
            Ok(())
        }

        fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, PluginError> {
            match self.1.pop_front() {
                Some(line) => Ok(Zeroizing::new(line.as_bytes().to_vec())),
                None => Err(PluginError::Failed { name: "fake".to_owned(), how: "ended".to_owned() }),
            }
        }
    }

    const DONE: &str = "-> done\n\n";

    #[test]
    fn a_file_key_is_unwrapped() {
        let fake = Fake::new("-> file-key 0\nBwcHBwcHBwcHBwcHBwcHBw\n-> done\n\n");
        assert_eq!(fake.unwrap(), Ok(Some(vec![7; 16])));
        let full = "CQkJ".repeat(16);
        let asked = format!(
            "-> add-identity AGE-PLUGIN-FAKE-1W3JHXAQ8FAZUR\n\n-> recipient-stanza 0 fake a\n{full}\n\n-> done\n\n-> ok\n\n"
        );
        assert_eq!(fake.sent(), asked, "a body of a full line is followed by an empty one");
        assert_eq!(Fake::new(DONE).unwrap(), Ok(None));
    }

    #[test]
    fn a_file_key_is_wrapped_with_its_labels() {
        let fake = Fake::new("-> labels postquantum\n\n-> recipient-stanza 0 fake x y\nBwc\n-> done\n\n");
        let (stanzas, labels) = fake.wrap().expect("wrapped");
        assert_eq!(stanzas, [Stanza { tag: "fake".to_owned(), args: vec!["x".to_owned(), "y".to_owned()], body: vec![7; 2] }]);
        assert!(labels.contains("postquantum"));
        assert!(fake.sent().starts_with("-> add-recipient age1fake1w3jhxaqrc5akr\n\n-> wrap-file-key\nBwcHBwcHBwcHBwcHBwcHBw\n"));
        assert!(matches!(Fake::new(DONE).wrap(), Err(PluginError::Protocol { .. })), "neither stanza nor error");
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_plugin() {
        let says = "-> error internal\nbm8gGyB0b2tlbg\n-> done\n\n";
        for error in [Fake::new(says).unwrap().expect_err("refused"), Fake::new(says).wrap().expect_err("refused")] {
            assert_eq!(error.to_string(), "age-plugin-fake: no   token", "without the escape");
        }
    }

    #[test]
    fn questions_reach_the_person_and_the_answers_the_plugin() {
        let says = "-> msg\naGVsbG8\n-> confirm eQ bg\naGVsbG8\n-> request-secret\nUElO\n-> request-public\nd2hv\n-> done\n\n";
        let fake = Fake::new(says).answering("yes");
        assert_eq!(fake.unwrap(), Ok(None));
        assert_eq!(*fake.shown.lock().unwrap(), ["hello", "hello y Some(\"n\")", "PIN secret=true", "who secret=false"]);
        assert!(fake.sent().ends_with("-> ok\n\n-> ok yes\n\n-> ok\neWVz\n-> ok\neWVz\n"), "{}", fake.sent());
        let fake = Fake::new(says);
        assert_eq!(fake.unwrap(), Ok(None));
        assert!(fake.sent().ends_with("-> ok\n\n-> fail\n\n-> fail\n\n-> fail\n\n"), "nobody to ask: {}", fake.sent());
    }

    #[test]
    fn what_is_unknown_is_refused_and_nonsense_ends_the_conversation() {
        let fake = Fake::new("-> future thing\n\n-> done\n\n");
        assert_eq!(fake.unwrap(), Ok(None));
        assert!(fake.sent().ends_with("-> unsupported\n\n"));
        for says in ["hello\n\n", "-> file-key 0\nBwc\n", "-> confirm\n\n", "-> msg\n=\n"] {
            assert!(matches!(Fake::new(says).unwrap(), Err(PluginError::Protocol { .. })), "{says}");
        }
        assert!(matches!(Fake::new("-> msg\n").unwrap(), Err(PluginError::Failed { .. })));
        let endless: &'static str = "-> msg\n\n".repeat(2000).leak();
        assert!(matches!(Fake::new(endless).unwrap(), Err(PluginError::Protocol { .. })));
        let large: &'static str = format!("-> msg\n{}\n", format!("{}\n", "A".repeat(64)).repeat(2000)).leak();
        assert!(matches!(Fake::new(large).unwrap(), Err(PluginError::Protocol { .. })));
    }
}
