//! Owns the words that say why no identity was found: for each place, what was there.
//!
//! Recipients (public) may be shown, shortened; content never.

use super::holding::{Holding, Locked, LockedIdentities, LockedSsh, ssh_recipient};
use super::identity::{Identities, Malformed};
use super::plugin::PluginError;
use super::source::IdentitySource;
use crate::keys::service::Reason;
use std::sync::{Arc, OnceLock};

/// The most recipients that are named for one place.
const SHOWN: usize = 4;

/// Shortens a recipient for reports: `age1lzd9…nvun`; of an SSH line, the type and the key's end.
pub fn short(recipient: &str) -> String {
    let (prefix, key) = match recipient.split_once(' ') {
        Some((kind, rest)) => (format!("{} ", plain(kind)), rest.split(' ').next().unwrap_or_default()),
        None => (String::new(), recipient),
    };
    let chars: Vec<char> = plain(key).chars().collect();
    if chars.len() <= 16 {
        return format!("{prefix}{}", chars.iter().collect::<String>());
    }
    let head: String = if prefix.is_empty() { chars[..8].iter().collect() } else { String::new() };
    let tail: String = chars[chars.len() - if prefix.is_empty() { 4 } else { 8 }..].iter().collect();
    format!("{prefix}{head}…{tail}")
}

/// Text from a file that may be shown: without control characters, at most 80 characters.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// The report over the places that were looked into for a `noun`, and over the plugins that were tried.
pub(super) fn reason(looked: &[(&IdentitySource, Arc<OnceLock<Holding>>)], noun: &str, plugins: &[PluginError]) -> Reason {
    let (mut held, mut details, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    details.extend(plugins.iter().map(PluginError::to_string));
    hints.extend(plugins.iter().filter_map(PluginError::hint));
    let (mut not_set, mut missing) = (Vec::new(), Vec::new());
    for (source, holding) in looked {
        let Some(holding) = holding.get() else { continue };
        let label = source.label();
        match holding {
            Holding::NotSet => not_set.push(label),
            Holding::Missing => match source.path().filter(|path| *path != label) {
                Some(path) => details.push(format!("{label}: there is no file {path}")),
                None => missing.push(label),
            },
            Holding::PathIsIdentity => {
                details.push(format!("{label} holds an identity, not a path"));
                hints.push(format!("{label} names a file; an identity itself belongs in SOPS_AGE_KEY"));
            }
            Holding::Failed(why) => details.push(format!("{}: {why}", place(source))),
            Holding::Malformed(malformed) if malformed.looks_like_path => {
                details.push(format!("{label} holds a path, not an identity"));
                hints.push(format!("{label} holds a path, did you mean SOPS_AGE_KEY_FILE?"));
            }
            Holding::Malformed(malformed) => details.push(format!("{}: {}", place(source), at_line(malformed))),
            Holding::Identities(identities) => held.push(holds(source, identities)),
            Holding::Ssh(key) => held.push(holds_ssh(source, ssh_recipient(key))),
            Holding::UnsupportedSsh(why) => details.push(format!("{}: {why}", place(source))),
            Holding::LockedSsh(locked) => held.push(locked_ssh(source, locked)),
            Holding::LockedIdentities(locked) => held.push(locked_identities(source, locked)),
        }
    }
    if !missing.is_empty() {
        details.push(format!("no file {}", missing.join(", ")));
    }
    if !not_set.is_empty() {
        details.push(format!("not set: {}", not_set.join(", ")));
    }
    let summary =
        if held.is_empty() { "no identity was found".to_owned() } else { format!("no {noun} for it in {}", held.join("; ")) };
    Reason { summary, details, hints }
}

/// `LABEL (PATH)`, or whichever there is.
fn place(source: &IdentitySource) -> String {
    match source.path().filter(|path| *path != source.label()) {
        Some(path) => format!("{} ({path})", source.label()),
        None => source.label().to_owned(),
    }
}

/// `LABEL (PATH holds A, B)`.
fn with(source: &IdentitySource, what: &str) -> String {
    match source.path().filter(|path| *path != source.label()) {
        Some(path) => format!("{} ({path} {what})", source.label()),
        None => format!("{} ({what})", source.label()),
    }
}

fn holds(source: &IdentitySource, identities: &Identities) -> String {
    with(source, &format!("holds {}", list(identities)))
}

fn holds_ssh(source: &IdentitySource, recipient: Option<String>) -> String {
    let what = recipient.map_or_else(|| "an SSH key".to_owned(), |text| short(&text));
    with(source, &format!("holds {what}"))
}

fn list(identities: &Identities) -> String {
    let mut names: Vec<String> = identities.keys.iter().take(SHOWN).map(|key| short(&key.recipient())).collect();
    if identities.keys.len() > SHOWN {
        names.push(format!("{} more", identities.keys.len() - SHOWN));
    }
    names.extend(identities.plugins.iter().take(SHOWN).map(|identity| format!("an identity of age-plugin-{}", identity.name)));
    if identities.plugins.len() > SHOWN {
        names.push(format!("{} more of plugins", identities.plugins.len() - SHOWN));
    }
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

pub(super) fn at_line(malformed: &Malformed) -> String {
    format!("line {}: {}", malformed.line, malformed.reason)
}

fn locked_ssh(source: &IdentitySource, locked: &LockedSsh) -> String {
    match locked.opened() {
        Some(Err(why)) => with(source, &still_locked(why)),
        Some(Ok(_)) | None => holds_ssh(source, locked.recipient()),
    }
}

fn locked_identities(source: &IdentitySource, locked: &LockedIdentities) -> String {
    match locked.opened() {
        Some(Ok(identities)) => holds(source, identities),
        Some(Err(why)) => with(source, &still_locked(why)),
        None => with(source, "is protected by a passphrase"),
    }
}

pub(super) fn still_locked(why: &Locked) -> String {
    match why {
        Locked::NobodyToAsk => "is protected by a passphrase, and there is nobody to ask for it".to_owned(),
        Locked::FromCommand => "gives a key that is protected by a passphrase, which is not supported here".to_owned(),
        Locked::WrongPassphrase => "is protected by a passphrase, and the one given is wrong".to_owned(),
        Locked::TooMuchWork => "asks for too much work to try a passphrase".to_owned(),
        Locked::NoPassphraseFile => "is an age file that no passphrase opens, or is damaged".to_owned(),
        Locked::Malformed(malformed) => format!("opened, but {}", at_line(malformed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_shortened_so_that_people_still_know_them() {
        assert_eq!(short("age16r7pjmdqaksyuykpe6jmy4l0kas0nnaukrf25x4ws84pf0la64csfey8cy"), "age16r7p…y8cy");
        assert_eq!(
            short("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIc4wKEhawvWZkHWvgIvgdcMvNq4TgXDhy/z7frGrNe me"),
            "ssh-ed25519 …z7frGrNe"
        );
        assert_eq!(short("age1\u{1b}[2Jx"), "age1[2Jx");
    }
}
