//! Invariant I2, live: what we encrypt the reference decrypts, and the reverse. `LEAFSEAL_REFERENCE_SOPS` names its binary
//! (3.13.3 or later); without it nothing is compared and the tests say so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use leafseal::config::Policy;
use leafseal::document::Format;
use leafseal::file::{EncryptedFile, MacPolicy};
use leafseal::selection::SelectionRule;

use super::harness::Session;
use super::support::{
    RECIPIENTS, comment_texts, files_in, first_difference, format_of, name_of, policy, policy_of, same_but_for_numbers, selecting,
    shared, testdata, values, with_identities,
};

/// What is known to differ: a part of what is told about a file, and why that is right.
const KNOWN: &[(&str, &str)] = &[
    ("unknown type: uint64", "integers beyond the signed range are kept, sealed as what they are"),
    ("there is text after the end of the object", "the reference drops text after the object, which is data loss"),
    ("the reference refuses it: exit Some(2): Error unmarshalling file: EOF", "files of comments alone are documents to us"),
    (
        "anchors.yaml: the reference reads our file otherwise than its own: a comment is lost",
        "comments are not copied with an alias",
    ),
    ("Error unmarshalling file: invalid dotenv input line", "lines of only blanks are empty lines to us"),
    ("numbered.ini: ", "the reference writes numbered keys (`-`) so that they are comments when it reads them"),
    (
        "exit Some(2): panic: runtime error: index out of range [0] with length 0",
        "the reference does not survive a comment that begins with marks alone",
    ),
    ("anchors.yaml: after merge: a comment is lost", "comments are not copied with an alias"),
];

struct Reference {
    binary: PathBuf,
    folder: tempfile::TempDir,
}

impl Reference {
    fn find() -> Option<Self> {
        let Some(binary) = std::env::var_os("LEAFSEAL_REFERENCE_SOPS") else {
            eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary");
            return None;
        };
        Some(Self { binary: binary.into(), folder: tempfile::tempdir().unwrap() })
    }

    fn run(&self, format: Format, input: &[u8], arguments: &[&str]) -> Result<Vec<u8>, String> {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let extension = match format {
            Format::Yaml => "yaml",
            Format::Json => "json",
            Format::Dotenv => "env",
            Format::Ini => "ini",
            Format::Tfvars | Format::Toml => panic!("the reference does not know it"),
            Format::Binary => "bin",
        };
        let path = self.folder.path().join(format!("{}.{extension}", COUNTER.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, input).unwrap();
        let output = Command::new(&self.binary)
            .args(arguments)
            .arg(&path)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("SOPS_AGE_KEY_FILE", testdata("keys/age-identities.txt"))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            code => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("exit {code:?}: {}", said.lines().find(|line| !line.is_empty()).unwrap_or_default()))
            }
        }
    }

    fn encrypt(&self, format: Format, text: &[u8], flags: &[&str]) -> Result<Vec<u8>, String> {
        // The old form of the command: only it has flags for comment selectors.
        self.run(format, text, &[&["--encrypt", "--age", RECIPIENTS[0]], flags].concat())
    }

    fn decrypt(&self, format: Format, text: &[u8]) -> Result<Vec<u8>, String> {
        self.run(format, text, &["decrypt"])
    }
}

fn ours_encrypt(format: Format, text: &[u8], policy: &Policy) -> Result<Vec<u8>, String> {
    let encrypted = with_identities(|cx| leafseal::file::encrypt(text, format, format, policy, cx));
    encrypted.map(|encrypted| encrypted.text).map_err(|error| error.to_string())
}

fn ours_decrypt(format: Format, text: &[u8]) -> Result<Vec<u8>, String> {
    let opened = with_identities(|cx| EncryptedFile::parse(text, format)?.open(MacPolicy::Verify, cx)?.text());
    opened.map_err(|error| error.to_string())
}

/// The same values in the same order, and no comment of the measure lost. When the reference writes comments out it moves some to
/// another container and loses those of empty mappings, in its own files too: texts are compared, not places.
fn same_tree(format: Format, found: &[u8], measure: &[u8]) -> Result<(), String> {
    if found == measure {
        return Ok(());
    }
    if format == Format::Binary {
        return Err("other bytes".into());
    }
    let (ours, theirs) = (values(found, format), values(measure, format));
    if !same_but_for_numbers(&ours, &theirs) {
        return Err(format!("other values: {}", first_difference(&ours, &theirs).unwrap_or_default()));
    }
    // The reference lays comments of INI out anew: their marks and blanks change.
    let texts = |text: &[u8]| -> Vec<String> {
        let all = comment_texts(text, format).into_iter();
        let bare = |text: String| text.replace("\\n", "").replace(['#', ';', ' '], "");
        if format == Format::Ini { all.map(bare).collect() } else { all.collect() }
    };
    let mut ours = texts(found);
    for comment in texts(measure) {
        let at = ours.iter().position(|own| *own == comment).ok_or("a comment is lost")?;
        ours.swap_remove(at);
    }
    Ok(())
}

/// What came of a file.
enum Outcome {
    BothWays,
    OursOnly,
    Refused,
}

/// One file, both directions; the reference's own way there and back is the measure.
fn both_ways(reference: &Reference, format: Format, text: &[u8], policy: &Policy, flags: &[&str]) -> Result<Outcome, String> {
    let ours = ours_encrypt(format, text, policy);
    let theirs = reference.encrypt(format, text, flags);
    let (ours, theirs) = match (ours, theirs) {
        (Err(_), Err(_)) => return Ok(Outcome::Refused),
        (Err(error), Ok(_)) => return Err(format!("we refuse it: {error}")),
        (Ok(_), Err(error)) => return Err(format!("the reference refuses it: {error}")),
        (Ok(ours), Ok(theirs)) => (ours, theirs),
    };
    // Where floats stay in clear it cannot read its own file: it writes 1.0 as `1`. Then the plaintext is the measure.
    let own = reference.decrypt(format, &theirs);
    let measure = own.as_deref().unwrap_or(text);
    let of_ours = reference.decrypt(format, &ours).map_err(|error| format!("the reference cannot read our file: {error}"))?;
    same_tree(format, &of_ours, measure)
        .map_err(|error| format!("the reference reads our file otherwise than its own: {error}"))?;
    if own.is_err() {
        return Ok(Outcome::OursOnly);
    }
    let of_theirs = ours_decrypt(format, &theirs).map_err(|error| format!("we cannot read the reference's file: {error}"))?;
    same_tree(format, &of_theirs, measure).map_err(|error| format!("we read the reference's file otherwise: {error}"))?;
    Ok(Outcome::BothWays)
}

/// Runs a comparison over files, two at a time, and tells the counts.
fn compare(what: &str, files: &[PathBuf], check: impl Fn(Format, &[u8]) -> Result<Outcome, String> + Sync) {
    let next = AtomicUsize::new(0);
    let (told, counts) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<&str, usize>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let text = std::fs::read(file).unwrap();
                    let key = match check(format_of(file), &text) {
                        Ok(Outcome::BothWays) => "read both ways",
                        Ok(Outcome::OursOnly) => "ours is read, the reference cannot read its own",
                        Ok(Outcome::Refused) => "refused by both",
                        Err(error) => {
                            let line = format!("{}: {error}", label(file));
                            match KNOWN.iter().find(|(part, _)| line.contains(part)) {
                                Some((_, reason)) => reason,
                                None => {
                                    told.lock().unwrap().push(line);
                                    "wrong"
                                }
                            }
                        }
                    };
                    *counts.lock().unwrap().entry(key).or_default() += 1;
                }
            });
        }
    });
    println!("{what}: {} files, {:?}", files.len(), counts.into_inner().unwrap());
    let mut told = told.into_inner().unwrap();
    told.sort();
    assert!(told.is_empty(), "{what}: {} files differ:\n{}", told.len(), told.join("\n"));
}

/// A file's name, with its case where that is a folder.
fn label(file: &Path) -> String {
    let name = name_of(file);
    if name.starts_with("plain.") { format!("{}/{name}", name_of(file.parent().unwrap())) } else { name }
}

fn own_files() -> Vec<PathBuf> {
    let mut files = files_in(&testdata("lossless"));
    for folder in ["yaml", "json", "dotenv", "ini", "binary"] {
        let cases = files_in(&testdata("reference").join(folder)).into_iter().filter(|case| !name_of(case).contains("__"));
        files.extend(cases.flat_map(|case| files_in(&case)).filter(|file| name_of(file).starts_with("plain.")));
    }
    // sops knows neither tfvars nor TOML.
    files.retain(|file| !matches!(format_of(file), Format::Tfvars | Format::Toml));
    files
}

#[test]
fn our_own_files_are_read_both_ways() {
    let Some(reference) = Reference::find() else { return };
    compare("own files", &own_files(), |format, text| both_ways(&reference, format, text, &policy(), &[]));
}

#[test]
fn files_of_other_projects_are_read_both_ways() {
    let Some(reference) = Reference::find() else { return };
    let folders = ["corpus/yaml", "corpus/json", "corpus/env", "corpus/ini"].into_iter().filter_map(shared);
    let files: Vec<PathBuf> = folders.flat_map(|folder| files_in(&folder)).collect();
    compare("corpus", &files, |format, text| both_ways(&reference, format, text, &policy(), &[]));
}

#[test]
fn every_selector_is_read_both_ways() {
    let Some(reference) = Reference::find() else { return };
    let selectors = [
        ("--encrypted-regex", "encrypted_regex", "^(b|c|password|data|key|list|map|text|k[0-3]a)$"),
        ("--unencrypted-regex", "unencrypted_regex", "^(a|d|list|nested|base|stringData|f)$"),
        ("--encrypted-suffix", "encrypted_suffix", "e"),
        ("--unencrypted-suffix", "unencrypted_suffix", "e"),
        ("--encrypted-comment-regex", "encrypted_comment_regex", "before|behind|first"),
        ("--unencrypted-comment-regex", "unencrypted_comment_regex", "^ (between|behind|before)"),
    ];
    let files: Vec<PathBuf> = own_files().into_iter().filter(|file| format_of(file) != Format::Binary).collect();
    for (flag, name, text) in selectors {
        let policy = selecting(name, text);
        compare(name, &files, |format, plain| both_ways(&reference, format, plain, &policy, &[flag, text]));
    }
    let policy = Policy { mac_only_encrypted: true, ..selecting("encrypted_regex", "^b|e$") };
    let flags = ["--encrypted-regex", "^b|e$", "--mac-only-encrypted"];
    compare("mac_only_encrypted", &files, |format, plain| both_ways(&reference, format, plain, &policy, &flags));
}

#[test]
fn files_that_were_edited_and_rotated_are_read_by_the_reference() {
    let Some(reference) = Reference::find() else { return };
    compare("edited and rotated", &own_files(), |format, text| {
        let Ok(encrypted) = ours_encrypt(format, text, &policy()) else { return Ok(Outcome::Refused) };
        if reference.encrypt(format, text, &[]).is_err() {
            return Ok(Outcome::Refused);
        }
        let edited = match format {
            Format::Yaml => [b"zz_first: new\n".as_slice(), text].concat(),
            Format::Json => {
                String::from_utf8(text.to_vec()).unwrap().replacen('{', "{\"zz_first\": [1.5, \"new\"]   , ", 1).into_bytes()
            }
            Format::Dotenv => [b"ZZ_FIRST=new\n".as_slice(), text].concat(),
            Format::Ini => [b"zz_first = new\n".as_slice(), text].concat(),
            Format::Tfvars | Format::Toml => return Ok(Outcome::Refused),
            Format::Binary => [text, b"\x00\xff"].concat(),
        };
        // A first line in front of a marker, a flow mapping or an empty object is no document: then the text itself is used.
        let measure = match reference.encrypt(format, &edited, &[]) {
            Ok(theirs) if !text.starts_with(b"%") => reference.decrypt(format, &theirs)?,
            _ => return Ok(Outcome::Refused),
        };
        let result = with_identities(|cx| -> Result<Vec<u8>, String> {
            let open = |text: &[u8]| EncryptedFile::parse(text, format)?.open(MacPolicy::Verify, cx);
            let merged = open(&encrypted).map_err(|e| e.to_string())?.merge(&edited, cx).map_err(|e| e.to_string())?;
            let merged = merged.ok_or("no change")?.text;
            same_tree(format, &reference.decrypt(format, &merged)?, &measure).map_err(|error| format!("after merge: {error}"))?;
            let rotated = open(&merged).map_err(|e| e.to_string())?.rotate(&Default::default(), cx).map_err(|e| e.to_string())?;
            reference.decrypt(format, &rotated.text)
        });
        same_tree(format, &result?, &measure).map_err(|error| format!("after rotation: {error}"))?;
        Ok(Outcome::BothWays)
    });
}

#[test]
fn shares_for_two_of_three_groups_are_combined_by_the_reference() {
    let Some(reference) = Reference::find() else { return };
    let ssh = std::fs::read_to_string(testdata("keys/id_ed25519.pub")).unwrap();
    let ssh = ssh.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary] {
        let text: &[u8] = match format {
            Format::Json => b"{\"a\": \"x\"}\n",
            Format::Dotenv => b"a=x\n",
            _ => b"a: x\n",
        };
        let policy = policy_of(&[&[RECIPIENTS[0]], &[RECIPIENTS[1]], &[&ssh]], 2, SelectionRule::default());
        let ours = ours_encrypt(format, text, &policy).unwrap();
        let theirs = reference.decrypt(format, &ours).unwrap();
        same_tree(format, &theirs, text).unwrap();
    }
}

#[test]
fn post_quantum_keys_are_read_both_ways() {
    let Some(reference) = std::env::var_os("LEAFSEAL_REFERENCE_SOPS") else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary");
        return;
    };
    const PLAIN: &str = "password: hunter2\n";
    let mut session = Session::new();
    session.args(&["keygen", "--pq", "-o", "pq.txt"]).exit(0);
    let identities = session.read_text("pq.txt");
    let recipient = identities.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    assert!(recipient.starts_with("age1pq1"), "{recipient}");
    session.env("SOPS_AGE_KEY_FILE", "pq.txt").file("ours.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--age", &recipient, "ours.yaml"]).exit(0);
    session.both_ways(&reference, &[("SOPS_AGE_KEY_FILE", "pq.txt")], &["--age", &recipient], "ours.yaml", PLAIN);
}
