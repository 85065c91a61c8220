//! The audit against a real PostgreSQL, where there is one and this is root: `/etc/sops` is another folder in a namespace of its own.

use super::harness::Session;
use super::stand_in::free_port;
use super::support::testdata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TABLE: &str = "CREATE TABLE audit_event (id serial PRIMARY KEY, timestamp timestamp DEFAULT now(), action text, username text, file text);
CREATE ROLE auditor LOGIN PASSWORD 'canary-pass'; GRANT INSERT ON audit_event TO auditor; GRANT USAGE ON SEQUENCE audit_event_id_seq TO auditor;";

/// Programs of PostgreSQL, if they can be used here.
fn programs() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib/postgresql").ok().and_then(|versions| {
        versions.filter_map(Result::ok).map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists())
    });
    let unshare = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if !rustix::process::geteuid().is_root() || found.is_none() || !unshare.is_ok_and(|status| status.success()) {
        eprintln!("skipped: the audit is tested as root, with PostgreSQL and unshare");
        return None;
    }
    found
}

/// A cluster that runs until it is dropped.
struct Postgres {
    bin: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    fn start() -> Option<Self> {
        let bin = programs()?;
        let folder = tempfile::Builder::new().prefix("leafseal-audit-").tempdir().unwrap();
        let port = free_port();
        let postgres = Self { bin, folder, port };
        let keys = postgres.folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        for name in ["server.pem", "server.key"] {
            std::fs::copy(testdata(&format!("tls/{name}")), keys.join(name)).unwrap();
            std::fs::set_permissions(keys.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert!(Command::new("chown").args(["-R", "postgres"]).arg(postgres.folder.path()).status().unwrap().success());
        postgres.run("initdb", &["--auth=scram-sha-256", "--auth-local=trust", "-U", "postgres", "-D", &postgres.at("data")]);
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -k {} -c fsync=off -c ssl=on -c ssl_cert_file={} -c ssl_key_file={}",
            postgres.at(""),
            postgres.at("keys/server.pem"),
            postgres.at("keys/server.key")
        );
        postgres.run("pg_ctl", &["-D", &postgres.at("data"), "-l", &postgres.at("log"), "-w", "-o", &options, "start"]);
        postgres.sql(TABLE);
        Some(postgres)
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.bin.join(program)).args(arguments);
        // What is started in the background keeps no pipe of ours open.
        let output = match program {
            "pg_ctl" => command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).output(),
            _ => command.current_dir("/").output(),
        };
        let output = output.unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn sql(&self, text: &str) -> String {
        self.run("psql", &["-h", &self.at(""), "-p", &self.port.to_string(), "-U", "postgres", "-At", "-c", text])
    }

    /// What was recorded since the last time, a line each.
    fn records(&self) -> Vec<String> {
        let rows = self.sql("SELECT action, username, file FROM audit_event ORDER BY id");
        self.sql("DELETE FROM audit_event");
        rows.lines().map(str::to_owned).collect()
    }

    fn url(&self, options: &str) -> String {
        format!("postgres://auditor:canary-pass@127.0.0.1:{}/postgres?{options}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Command::new("runuser")
            .args(["-u", "postgres", "--"])
            .arg(self.bin.join("pg_ctl"))
            .args(["-D", &self.at("data"), "-m", "immediate", "stop"])
            .current_dir("/")
            .output();
    }
}

/// Runs every command of a session where `/etc/sops/audit.yaml` has this content.
fn audited(session: &mut Session, audit: &str) {
    let folder = session.path("../etc-sops");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("audit.yaml"), audit).unwrap();
    // The place must be there to be covered; an empty folder changes nothing for anybody.
    std::fs::create_dir_all("/etc/sops").unwrap();
    session.through(&["unshare", "-m", "sh", "-c", &format!("mount --bind '{}' /etc/sops && exec \"$@\"", folder.display()), "sh"]);
}

fn one(url: &str) -> String {
    format!("backends:\n  postgres:\n    - connection_string: {url}\n")
}

fn user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn every_file_that_is_encrypted_decrypted_or_rotated_is_recorded() {
    let Some(postgres) = Postgres::start() else { return };
    let mut session = Session::encrypting();
    session.file("s.yaml", "a: 1\nb: 2\n").script("editor", "sed -i s/1/3/ \"$1\"");
    audited(&mut session, &one(&postgres.url("sslmode=disable")));
    let user = user();
    let row = |action: &str, file: &Path| format!("{action}|{user}|{}", file.display());
    let file = session.path("s.yaml");
    for (arguments, actions) in [
        (&["encrypt", "-i", "s.yaml"][..], &["encrypt"][..]),
        (&["decrypt", "s.yaml"], &["decrypt"]),
        (&["decrypt", "--extract", "[\"a\"]", "./s.yaml"], &["decrypt"]),
        (&["set", "s.yaml", "[\"a\"]", "1"], &["decrypt"]),
        (&["set", "s.yaml", "[\"b\"]", "5"], &["decrypt", "encrypt"]),
        (&["unset", "s.yaml", "[\"b\"]"], &["decrypt", "encrypt"]),
        (&["rotate", "-i", "s.yaml"], &["rotate", "decrypt", "encrypt"]),
        (&["exec-env", "s.yaml", "true"], &["decrypt"]),
        (&["exec-file", "s.yaml", "true"], &["decrypt"]),
        (&["filestatus", "s.yaml"], &[]),
        (&["inspect", "s.yaml"], &[]),
        (&["--version"], &[]),
    ] {
        session.args(arguments).exit(0);
        assert_eq!(postgres.records(), actions.iter().map(|action| row(action, &file)).collect::<Vec<_>>(), "{arguments:?}");
    }
    let editor = session.path("editor").to_str().unwrap().to_owned();
    session.env("SOPS_EDITOR", &editor).args(&["edit", "s.yaml"]).exit(0);
    assert_eq!(postgres.records(), [row("decrypt", &file), row("encrypt", &file)]);
    // As in sops, standard input is recorded as the working folder.
    let encrypted = session.read("s.yaml");
    session.args(&["decrypt", "--input-type", "yaml", "--output-type", "yaml"]).stdin(&encrypted).stdout("a: 3\n").exit(0);
    assert_eq!(postgres.records(), [row("decrypt", &session.path("").canonicalize().unwrap())]);
    // What does not open is no decryption.
    session.args(&["decrypt", "--enable-local-keyservice=false", "s.yaml"]).exit(128);
    assert_eq!(postgres.records(), Vec::<String>::new());
}

#[test]
fn without_a_record_nothing_happens_and_nothing_is_lost() {
    let Some(postgres) = Postgres::start() else { return };
    let mut session = Session::encrypting();
    session.file("s.yaml", "a: secret-1\n").file("p.yaml", "a: secret-2\n").args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let before = session.read("s.yaml");
    let url = postgres.url("sslmode=disable");
    let nobody = format!("postgres://auditor:canary-pass@127.0.0.1:{}/postgres?sslmode=disable", free_port());
    let plain = "backends: {postgres: [{connection_string: '";
    for (audit, says) in [
        (
            one(&nobody),
            "backends.postgres[0] of /etc/sops/audit.yaml cannot be reached: error connecting to server: connection refused",
        ),
        (one(&url.replace("canary-pass", "canary-wrong")), "password authentication failed for user \"auditor\""),
        (one(&format!("{url}&sslmode=maybe")), "`sslmode` must be"),
        (one("host=canary what=ever"), "invalid connection string"),
        (format!("{plain}{url}'}}, {{connection_string: '{nobody}'}}]}}"), "backends.postgres[1]"),
        (String::from("backends: [canary]\n"), "/etc/sops/audit.yaml"),
    ] {
        audited(&mut session, &audit);
        for arguments in
            [&["decrypt", "s.yaml"][..], &["encrypt", "p.yaml"], &["rotate", "-i", "s.yaml"], &["set", "s.yaml", "[\"a\"]", "1"]]
        {
            let done =
                session.args(arguments).stdout("").stderr_has(says).stderr_lacks("canary").expect_file("s.yaml", &before).exit(1);
            assert!(!done.stderr.contains("secret"), "{}", done.stderr);
        }
    }
    // A database that is there but takes no record.
    postgres.sql("REVOKE INSERT ON audit_event FROM auditor");
    audited(&mut session, &one(&url));
    session
        .args(&["decrypt", "s.yaml"])
        .stdout("")
        .stderr_has("does not take a record: db error: ERROR: permission denied")
        .exit(1);
    session.args(&["encrypt", "-i", "p.yaml"]).expect_file("p.yaml", "a: secret-2\n").exit(1);
    // A file that names nobody is no audit, but what looks like a mistake is told.
    audited(&mut session, "backend: {}\n");
    session.args(&["decrypt", "s.yaml"]).stdout("a: secret-1\n").stderr_has("did you mean `backends`").exit(0);
}

#[test]
fn the_database_is_who_the_connection_string_says() {
    let Some(postgres) = Postgres::start() else { return };
    let mut session = Session::encrypting();
    session.file("s.yaml", "a: 1\n").args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let authority = |name: &str| format!("sslrootcert={}", testdata(&format!("tls/{name}.pem")).display());
    let (ours, other) = (authority("ca"), authority("other"));
    for (options, trusted) in [
        (String::new(), true),
        (String::from("sslmode=require"), true),
        (format!("sslmode=require&{ours}"), true),
        (format!("sslmode=require&{other}"), false),
        (format!("sslmode=verify-ca&{ours}"), true),
        (format!("sslmode=verify-ca&{other}"), false),
        (format!("sslmode=verify-full&{ours}"), true),
        (format!("sslmode=verify-full&{other}"), false),
    ] {
        audited(&mut session, &one(&postgres.url(&options)));
        if trusted {
            session.args(&["decrypt", "s.yaml"]).stdout("a: 1\n").exit(0);
        } else {
            session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("certificate").exit(1);
        }
        assert_eq!(postgres.records().len(), usize::from(trusted), "{options}");
    }
}
