//! PGP master keys through a real GnuPG, in a private home. Says so and stops where there is none.

use super::harness::Session;
use super::support::testdata;

const FINGERPRINT: &str = "04B1DF985E84AE4E3292D63D9BF3D050B19FB0FA";
const PLAIN: &str = "password: hunter2\n";

/// A session whose GnuPG has the secret key of the tests; its agent ends with it.
struct WithGpg(Session);

impl WithGpg {
    fn new() -> Option<Self> {
        if std::process::Command::new("gpg").arg("--version").output().is_err() {
            eprintln!("skipped: gpg is not installed");
            return None;
        }
        let mut session = Session::with_identity();
        // Short: the agent's socket is in it, and its path may have 108 bytes.
        let home = session.path("g");
        std::fs::create_dir(&home).unwrap();
        session.mode("g", 0o700);
        session.env("GNUPGHOME", home.to_str().unwrap());
        session.file("key.asc", std::fs::read(testdata("keys/pgp-secret.asc")).unwrap()).file("s.yaml", PLAIN);
        let import = std::process::Command::new("gpg")
            .args(["--batch", "--quiet", "--import"])
            .arg(session.path("key.asc"))
            .env("GNUPGHOME", &home)
            .output()
            .unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        Some(Self(session))
    }
}

impl Drop for WithGpg {
    fn drop(&mut self) {
        let home = self.0.path("g");
        let _ = std::process::Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", home).output();
    }
}

#[test]
fn what_was_wrapped_for_a_pgp_key_is_unwrapped_with_it() {
    let Some(mut with) = WithGpg::new() else { return };
    let session = &mut with.0;
    session.args(&["encrypt", "-i", "--pgp", FINGERPRINT, "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    assert!(file.contains(&format!("fp: {FINGERPRINT}")) && file.contains("enc: |-\n"), "{file}");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["set", "s.yaml", "[\"password\"]", "\"new\""]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("password: new\n").exit(0);
}

#[test]
fn files_of_the_reference_for_a_pgp_key_are_opened() {
    let Some(mut with) = WithGpg::new() else { return };
    for (case, name) in [("yaml/nested__pgp", "yaml"), ("yaml/k8s_secret__pgp", "yaml"), ("json/nested__pgp", "json")] {
        let folder = testdata("reference").join(case);
        let (encrypted, decrypted) = (format!("enc.{name}"), format!("dec.{name}"));
        with.0.file(&encrypted, std::fs::read(folder.join(&encrypted)).unwrap());
        let ours = with.0.args(&["decrypt", &encrypted]).exit(0).stdout;
        let theirs = std::fs::read(folder.join(decrypted)).unwrap();
        let format = if name == "json" { leafseal::document::Format::Json } else { leafseal::document::Format::Yaml };
        let (ours, theirs) = (super::support::values(&ours, format), super::support::values(&theirs, format));
        assert!(super::support::same_but_for_numbers(&ours, &theirs), "{case}");
    }
}

#[test]
fn a_key_that_is_not_there_is_told_in_the_words_of_gpg() {
    let Some(mut with) = WithGpg::new() else { return };
    let session = &mut with.0;
    session.args(&["encrypt", "-i", "--pgp", FINGERPRINT, "s.yaml"]).exit(0);
    std::fs::create_dir(session.path("empty")).unwrap();
    let empty = session.path("empty");
    session.mode("empty", 0o700).env("GNUPGHOME", empty.to_str().unwrap());
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("No secret key").stderr_has(FINGERPRINT).exit(128);
    let stranger = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";
    session.file("t.yaml", PLAIN);
    session.args(&["encrypt", "--pgp", stranger, "t.yaml"]).stdout("").stderr_has("No public key").stderr_lacks("hunter2").exit(1);
    session.args(&["encrypt", "--pgp=--output=x", "t.yaml"]).stdout("").stderr_has("is not a PGP fingerprint").exit(1);
    let _ = std::process::Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", empty).output();
}

#[test]
fn the_program_is_named_by_a_variable_and_its_absence_explained() {
    let mut session = Session::with_identity();
    session.file("s.yaml", PLAIN);
    session.script("fake", "test \"$1\" = -d && exec cat || { printf 'MESSAGE '; cat; }");
    let fake = session.path("fake");
    session.env("SOPS_GPG_EXEC", fake.to_str().unwrap());
    session.args(&["encrypt", "-i", "--pgp", FINGERPRINT, "s.yaml"]).stderr_has("no armored message").exit(1);
    session.script("fake", "if test \"$1\" = -d; then base64 -d; else base64; fi");
    session.args(&["encrypt", "-i", "--pgp", FINGERPRINT, "s.yaml"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("SOPS_GPG_EXEC", "/no/such/gpg");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("SOPS_GPG_EXEC").exit(128);
}
