//! Owns the syntax of identities: lines and words, and SSH private keys.
//!
//! Empty lines and lines that begin with `#` are skipped; one bad line makes the whole source useless. Positions are
//! reported, never content.

use super::hybrid;
use super::plugin::PluginIdentity;
use age::secrecy::SecretString;
use age_core::format::{FileKey, Stanza};

/// One identity.
pub(super) enum Parsed {
    Key(Key),
    Plugin(PluginIdentity),
}

/// An identity that needs nothing but itself.
pub(super) enum Key {
    X25519(age::x25519::Identity),
    Hybrid(hybrid::Identity),
}

impl Key {
    /// Its public half.
    pub(super) fn recipient(&self) -> String {
        match self {
            Self::X25519(key) => key.to_public().to_string(),
            Self::Hybrid(key) => key.recipient().to_string(),
        }
    }
}

impl age::Identity for Key {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        match self {
            Self::X25519(key) => key.unwrap_stanza(stanza),
            Self::Hybrid(key) => key.unwrap_stanza(stanza),
        }
    }
}

/// The identities of one source.
#[derive(Default)]
pub(super) struct Identities {
    pub(super) keys: Vec<Key>,
    /// Those that only a plugin can use.
    pub(super) plugins: Vec<PluginIdentity>,
}

/// Why a source's text holds no identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// 1-based line.
    pub(super) line: usize,
    pub(super) reason: &'static str,
    /// The text looks like the path of a file.
    pub(super) looks_like_path: bool,
}

/// Parses identities, one a line, or (`words`) blank-separated words on every line.
pub(super) fn parse(text: &str, words: bool) -> Result<Identities, Malformed> {
    let mut identities = Identities::default();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |reason| Malformed { line: index + 1, reason, looks_like_path: looks_like_path(text) };
        if words {
            line.split_whitespace().try_for_each(|word| identities.add(word)).map_err(bad)?;
        } else {
            identities.add(line).map_err(bad)?;
        }
    }
    Ok(identities)
}

impl Identities {
    fn add(&mut self, text: &str) -> Result<(), &'static str> {
        match parse_one(text)? {
            Parsed::Key(key) => self.keys.push(key),
            Parsed::Plugin(identity) => self.plugins.push(identity),
        }
        Ok(())
    }
}

/// Parses one identity; the error says what is wrong, never what was read.
pub(super) fn parse_one(text: &str) -> Result<Parsed, &'static str> {
    if text.starts_with("AGE-PLUGIN-") {
        text.parse().map(Parsed::Plugin)
    } else if text.starts_with("AGE-SECRET-KEY-PQ-1") {
        text.parse().map(Key::Hybrid).map(Parsed::Key).map_err(|_| MALFORMED)
    } else if text.starts_with("AGE-SECRET-KEY-1") {
        text.parse().map(Key::X25519).map(Parsed::Key).map_err(|_| MALFORMED)
    } else if text.trim() != text {
        Err("blanks before or after the identity")
    } else if text.contains("PRIVATE KEY-----") {
        Err("an SSH private key; name its file in SOPS_AGE_SSH_PRIVATE_KEY_FILE")
    } else if text.starts_with("age1") {
        Err("a recipient (the public half) instead of an identity")
    } else {
        Err("unknown identity type")
    }
}

pub(super) const MALFORMED: &str = "malformed identity (mistyped or cut?)";

/// A single word with a path separator in it.
fn looks_like_path(text: &str) -> bool {
    let text = text.trim();
    !text.contains(char::is_whitespace) && !text.contains("AGE-") && text.contains(['/', '\\'])
}

/// An SSH private key, sorted by what has to be done to use it.
pub(super) enum SshKey {
    Open(age::ssh::Identity),
    Locked(Box<age::ssh::EncryptedKey>),
    /// Known but unusable; the text says why and what to do.
    Unsupported(&'static str),
}

/// Parses one SSH private key (OpenSSH format, or unencrypted PKCS #1 PEM).
pub(super) fn parse_ssh(content: &[u8]) -> Result<SshKey, Malformed> {
    let bad = |line, reason| Malformed { line, reason, looks_like_path: false };
    let start = content.iter().take_while(|b| b.is_ascii_whitespace()).count();
    match age::ssh::Identity::from_buffer(&content[start..], None) {
        Ok(age::ssh::Identity::Encrypted(key)) => Ok(SshKey::Locked(Box::new(key))),
        Ok(age::ssh::Identity::Unsupported(kind)) => Ok(SshKey::Unsupported(match kind {
            age::ssh::UnsupportedKey::EncryptedPem => {
                "a passphrase-protected key in the old PEM format; `ssh-keygen -o -p` brings it to the OpenSSH format"
            }
            age::ssh::UnsupportedKey::EncryptedSsh(_) => "protected with a cipher that is not supported",
            age::ssh::UnsupportedKey::Hardware(_) => "a key of a hardware security token, which cannot decrypt",
            age::ssh::UnsupportedKey::Type(_) => "not an ssh-ed25519 or ssh-rsa key",
        })),
        Ok(key @ age::ssh::Identity::Unencrypted(_)) => Ok(SshKey::Open(key)),
        Err(_) if content[start..].starts_with(b"-----BEGIN PRIVATE KEY-----") => {
            Ok(SshKey::Unsupported("a PKCS #8 key; `ssh-keygen -p` on a copy brings it to the OpenSSH format"))
        }
        Err(_) => Err(bad(1, "not an SSH private key")),
    }
}

/// Copies a passphrase into the type the `age` crate takes; both are wiped.
pub(super) fn passphrase(text: &crate::secret::Secret<String>) -> SecretString {
    SecretString::from(text.expose().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AGE-SECRET-KEY-1K78KDUXY9QJDV4P34KQZCM3LQQJJFUZHZQTLU03FZ3JMUUECY75SGQ7XS3";

    const HYBRID: &str = "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG";

    fn reason(text: &str, words: bool) -> (usize, &'static str) {
        let malformed = parse(text, words).err().expect("malformed");
        (malformed.line, malformed.reason)
    }

    #[test]
    fn lines_skip_comments_and_take_crlf() {
        let text = format!("# created: now\r\n\r\n{KEY}\r\n{HYBRID}\nAGE-PLUGIN-FOOBAR-1QVHULF");
        let identities = parse(&text, false).expect("well-formed");
        assert!(matches!(identities.keys.as_slice(), [Key::X25519(_), Key::Hybrid(_)]));
        assert_eq!(identities.plugins.iter().map(|identity| identity.name.as_str()).collect::<Vec<_>>(), ["foobar"]);
    }

    #[test]
    fn words_allow_several_keys_on_a_line() {
        assert_eq!(parse(&format!(" {KEY}\t{KEY} "), true).expect("two words").keys.len(), 2);
        assert_eq!(reason(&format!("{KEY} # mine"), true), (1, "unknown identity type"));
        assert_eq!(reason(&format!("{KEY},{KEY}"), true).1, "malformed identity (mistyped or cut?)");
    }

    #[test]
    fn one_bad_line_makes_the_source_useless_and_is_named_by_number() {
        assert_eq!(reason(&format!("{KEY}\n\n {KEY}\n"), false), (3, "blanks before or after the identity"));
        assert_eq!(reason("AGE-SECRET-KEY-PQ-1XX", false), (1, MALFORMED));
        assert_eq!(reason("AGE-PLUGIN-FOOBAR-1QVHULX", false), (1, MALFORMED));
        assert_eq!(reason("age16r7pjmdq", false).1, "a recipient (the public half) instead of an identity");
        assert!(reason("-----BEGIN OPENSSH PRIVATE KEY-----", false).1.contains("SOPS_AGE_SSH_PRIVATE_KEY_FILE"));
    }

    #[test]
    fn a_path_instead_of_a_key_is_recognised() {
        assert!(parse("/home/me/keys.txt", true).err().expect("malformed").looks_like_path);
        assert!(!parse("nonsense", true).err().expect("malformed").looks_like_path);
    }

    #[test]
    fn ssh_keys_of_other_formats_say_what_to_do() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert!(matches!(parse_ssh(pem.as_bytes()), Ok(SshKey::Unsupported(text)) if text.contains("ssh-keygen")));
        assert!(matches!(parse_ssh(b"-----BEGIN PRIVATE KEY-----\nAAAA\n"), Ok(SshKey::Unsupported(_))));
        assert!(parse_ssh(b"hello").is_err());
        assert!(parse_ssh(b"").is_err());
    }
}
