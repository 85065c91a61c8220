//! Azure Key Vault master keys: against a server that checks tokens and wraps with RSA (`tests/servers/azure.py`), where it can be run, and against
//! stand-ins for what a good server does not do. Live with the reference, where there is one. Nothing here reaches off the host: a proxy on
//! loopback is every host of Azure.

use super::harness::Session;
use super::python::Server;
use super::stand_in::{Answer, Request, StandIn, free_port};
use super::support::testdata;
use super::vault::server_tls;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PLAIN: &str = "password: hunter2\n";
const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const KEY: &str = "https://leafseal.vault.azure.net/keys/sops/00000000000000000000000000000000";

fn tls(name: &str) -> String {
    testdata("tls").join(name).to_str().unwrap().to_owned()
}

/// The server that checks; all tests share it.
fn azure() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || Server::start("azure.py", &[&tls("server.pem"), &tls("server.key"), &tls("client.pem")]);
    SERVER.get_or_init(start).as_ref()
}

/// A session behind a proxy, with a service principal.
fn session(proxy: &str) -> Session {
    let mut session = Session::new();
    session.env("HTTPS_PROXY", proxy).env("NO_PROXY", "127.0.0.1").env("SSL_CERT_FILE", &tls("ca.pem"));
    session.env("AZURE_TENANT_ID", TENANT).env("AZURE_CLIENT_ID", "client").env("AZURE_CLIENT_SECRET", "secret");
    session.file("s.yaml", PLAIN);
    session
}

/// What a vault says to those who bring no token, which is for this resource.
fn challenge(resource: &str) -> Answer {
    let said = format!("Bearer authorization=\"https://login.microsoftonline.com/{TENANT}\", resource=\"{resource}\"");
    Answer::Raw(
        format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {said}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes(),
    )
}

/// Entra ID and a vault without checks: wraps by turning every byte around.
fn service(request: &Request) -> Answer {
    if request.header("host") == Some("login.microsoftonline.com") {
        let token = serde_json::json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": "canary-token" });
        return Answer::Json(200, token);
    }
    if request.header("authorization") != Some("Bearer canary-token") {
        return challenge("https://vault.azure.net");
    }
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(body["value"].as_str().unwrap_or_default()).unwrap();
    let value = URL_SAFE_NO_PAD.encode(bytes.iter().map(|byte| !byte).collect::<Vec<u8>>());
    Answer::Json(200, serde_json::json!({ "kid": KEY, "value": value }))
}

/// A session with a file that a stand-in wrapped, behind another proxy.
fn asking(address: &str) -> Session {
    let server = StandIn::start_proxy(server_tls(), service);
    let mut session = session(&server.url());
    session.args(&["encrypt", "-i", "--azure-kv", KEY, "s.yaml"]).exit(0);
    session.env("HTTPS_PROXY", address);
    session
}

#[test]
fn what_the_vault_wrapped_it_unwraps() {
    let Some(server) = azure() else { return };
    let mut session = session(server.fact("url"));
    session.args(&["encrypt", "-i", "--azure-kv", KEY, "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    for line in ["vault_url: https://leafseal.vault.azure.net\n", "name: sops\n", "version: \"00000000000000000000000000000000\"\n"]
    {
        assert!(file.contains(line), "{line} in {file}");
    }
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["rotate", "-i", "s.yaml"]).exit(0);
    session.args(&["set", "s.yaml", "[\"password\"]", "\"new\""]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("password: new\n").exit(0);
}

#[test]
fn a_key_without_version_is_stored_with_its_current_one() {
    let Some(server) = azure() else { return };
    let mut session = session(server.fact("url"));
    let current = format!("version: \"{}\"\n", server.fact("current"));
    for key in [server.fact("key"), &format!("{}/", server.fact("key"))] {
        session.file("s.yaml", PLAIN);
        session.args(&["encrypt", "-i", "--azure-kv", key, "s.yaml"]).expect_file_has("s.yaml", &current).exit(0);
    }
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    // A rule without version asks for the current one; a look that cannot ask takes any.
    session.file(".sops.yaml", format!("creation_rules:\n  - azure_keyvault: {}\n", server.fact("key")));
    session.args(&["updatekeys", "--check", "s.yaml"]).exit(0);
    session.file("old.yaml", PLAIN).args(&["encrypt", "-i", "--azure-kv", KEY, "old.yaml"]).exit(0);
    session.args(&["updatekeys", "--check", "old.yaml"]).exit(1);
    session.args(&["updatekeys", "-y", "old.yaml"]).expect_file_has("old.yaml", &current).exit(0);
    session.args(&["decrypt", "old.yaml"]).stdout(PLAIN).exit(0);
    session.no_env("AZURE_CLIENT_SECRET").args(&["updatekeys", "--check", "old.yaml"]);
    session.stderr_has("any version of a key without one will do: failed to").exit(0);
    session.args(&["updatekeys", "-y", "old.yaml"]).stderr_has("no credentials for Azure").exit(1);
    // Whoever removes a key without naming a version means every one.
    session.env("AZURE_CLIENT_SECRET", "secret").args(&["keygen"]).exit(0);
    let recipient = session.recipient();
    session.args(&["rotate", "-i", "--rm-azure-kv", server.fact("key"), "--add-age", &recipient, "old.yaml"]).exit(0);
    assert!(!session.read_text("old.yaml").contains("azure_kv"));
}

#[test]
fn tokens_come_from_every_kind_of_credential() {
    let Some(server) = azure() else { return };
    let mut session = session(server.fact("url"));
    session.args(&["encrypt", "-i", "--azure-kv", KEY, "s.yaml"]).exit(0);
    session.no_env("AZURE_CLIENT_SECRET").env("AZURE_CLIENT_CERTIFICATE_PATH", &tls("client.pem"));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("AZURE_CLIENT_CERTIFICATE_PATH", &tls("ca.pem"));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("has no certificate with a private key, in PEM").exit(128);
    let token = session.path("token");
    session.file("token", "federated-token").no_env("AZURE_CLIENT_CERTIFICATE_PATH");
    session.env("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap()).env("AZURE_TOKEN_CREDENTIALS", "prod");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.no_env("AZURE_FEDERATED_TOKEN_FILE").no_env("AZURE_TENANT_ID").no_env("AZURE_CLIENT_ID");
    session.env("IDENTITY_ENDPOINT", &format!("{}/msi/token", server.fact("url"))).env("IDENTITY_HEADER", "msi-secret");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("IDENTITY_HEADER", "canary").args(&["decrypt", "s.yaml"]).stdout("").stderr_lacks("canary");
    session.stderr_has("no token from ManagedIdentityCredential: unauthorized: bad identity header").exit(128);
}

#[test]
fn tokens_come_from_the_azure_command_line() {
    let server = StandIn::start_proxy(server_tls(), service);
    let mut session = asking(&server.url());
    let path = format!("{}:{}", session.path("bin").display(), std::env::var("PATH").unwrap());
    session.env("AZURE_TOKEN_CREDENTIALS", "dev").env("PATH", &path).no_env("AZURE_TENANT_ID");
    let token = r#"{"accessToken":"canary-token","tokenType":"Bearer","expires_on":4102444800}"#;
    session.script(
        "bin/az",
        &format!("[ \"$*\" = 'account get-access-token -o json --scope https://vault.azure.net/.default' ] && echo '{token}'"),
    );
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.script("bin/az", "echo 'ERROR: Please run az login' >&2; exit 1");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("Please run az login").stderr_has("azd not found on PATH").exit(128);
    session.env("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential").script("bin/az", "sleep 60");
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("it said nothing within 9 s").exit(128);
    assert!(start.elapsed() < Duration::from_secs(14));
}

#[test]
fn refusals_are_told_in_the_words_of_the_service() {
    let Some(server) = azure() else { return };
    let mut session = session(server.fact("url"));
    session.args(&["encrypt", "-i", "--azure-kv", KEY, "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    for (from, to, said) in [
        ("name: sops", "name: disabled", "403: Forbidden: Operation decrypt is not allowed on a disabled key."),
        ("name: sops", "name: forbidden", "does not have keys decrypt permission"),
        ("name: sops", "name: none", "404: KeyNotFound"),
        ("00000000000000000000000000000000", "1234", "404: KeyNotFound"),
        ("00000000000000000000000000000000", "11111111111111111111111111111111", "400: BadParameter"),
    ] {
        session.file("s.yaml", file.replace(from, to));
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said);
        session.stderr_has("https://leafseal.vault.azure.net/keys/").exit(128);
    }
    session.file("s.yaml", &file).env("AZURE_CLIENT_SECRET", "wrong-canary");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_lacks("canary");
    session
        .stderr_has("no token from ClientSecretCredential: invalid_client: AADSTS7000215: Invalid client secret provided.")
        .exit(128);
    session.file("t.yaml", PLAIN).args(&["encrypt", "--azure-kv", KEY, "t.yaml"]).stdout("").stderr_has("AADSTS7000215");
    session.stderr_lacks("hunter2").exit(1);
    session.no_env("AZURE_CLIENT_SECRET").args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no credentials for Azure");
    session
        .stderr_has("neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set")
        .stderr_has("hint: for Azure keys run");
    session.exit(128);
    session.env("AZURE_TOKEN_CREDENTIALS", "Everything").args(&["decrypt", "s.yaml"]);
    session.stderr_has("AZURE_TOKEN_CREDENTIALS must be `prod`, `dev` or one of").exit(128);
}

#[test]
fn a_file_cannot_lead_a_token_elsewhere() {
    let server = StandIn::start_proxy(server_tls(), service);
    let mut session = asking(&server.url());
    let file = session.read_text("s.yaml");
    for (from, to, said) in [
        ("https://leafseal", "http://leafseal", "is not the address of a vault"),
        ("https://leafseal", "https://me@leafseal", "is not the address of a vault"),
        ("vault.azure.net", "vault.azure.net/x?", "is not the address of a vault"),
        ("name: sops", "name: sops/../x", "is not the name of a key with a version"),
        ("name: sops", "name: \"{key-version}\"", "is not the name of a key with a version"),
        ("\"00000000000000000000000000000000\"", "../../x", "is not the name of a key with a version"),
        ("\"00000000000000000000000000000000\"", "\"\"", "is not the name of a key with a version"),
    ] {
        session.file("s.yaml", file.replace(from, to));
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).exit(128);
    }
    assert!(server.seen().is_empty(), "nothing was asked");
    // A server that is no vault asks for a vault's token.
    session.file("s.yaml", file.replace("https://leafseal.vault.azure.net", "https://localhost"));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("doesn't match the requested domain").exit(128);
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.header("host") == Some("localhost") && request.header("authorization").is_none()));
    assert!(seen.iter().all(|request| request.body.is_empty()), "nothing is shown before there is a token");
}

#[test]
fn what_is_busy_or_broken_for_now_is_asked_again() {
    let count = AtomicUsize::new(0);
    let busy =
        || Answer::Json(429, serde_json::json!({ "error": { "code": "Throttled", "message": "Request was not processed" } }));
    let server = StandIn::start_proxy(server_tls(), move |request| match request.header("authorization") {
        None => service(request),
        Some(_) => match count.fetch_add(1, Ordering::SeqCst) {
            0 => busy(),
            1 => Answer::Close,
            2 => service(request),
            _ => busy(),
        },
    });
    let mut session = asking(&server.url());
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("429: Throttled: Request was not processed").exit(128);
    assert_eq!(server.seen().iter().filter(|request| request.header("authorization").is_some()).count(), 7);
}

#[test]
fn garbage_redirects_and_echoes_are_named_and_never_shown() {
    let http = |body: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    for (bytes, said) in [
        (http(b"canary"), "answers something that is not what vaults answer"),
        (http(b"{}"), "answers no result"),
        (http(b"{\"value\":[\"canary\"]}"), "answers something that is not what vaults answer"),
        (http(b"{\"value\":\"!canary!\"}"), "answers something that is not what vaults answer"),
        (http(b"{\"value\":\"Y2FuYXJ5\"}"), "which is no data key"),
        (http(&vec![b'x'; 2 << 20]), "leafseal.vault.azure.net"),
        (b"SSH-2.0-canary\r\n".to_vec(), "leafseal.vault.azure.net"),
        (
            b"HTTP/1.1 307 There\r\nLocation: https://localhost/x\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "it redirects to https://localhost/x",
        ),
    ] {
        let server = StandIn::start_proxy(server_tls(), move |request| match request.header("authorization") {
            None => service(request),
            Some(_) => Answer::Raw(bytes.clone()),
        });
        let mut session = asking(&server.url());
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).stderr_lacks("canary").stderr_has(KEY).exit(128);
        assert!(server.seen().iter().all(|request| request.header("host") != Some("localhost")));
    }
    // A token that is none.
    let server = StandIn::start_proxy(server_tls(), |request| match request.header("host") {
        Some("login.microsoftonline.com") => {
            Answer::Json(200, serde_json::json!({ "access_token": { "x": "canary" }, "expires_in": "canary" }))
        }
        _ => service(request),
    });
    let mut session = asking(&server.url());
    session.args(&["decrypt", "s.yaml"]).stderr_has("no token from ClientSecretCredential: the answer cannot be read");
    session.stderr_lacks("canary").exit(128);
    let server = StandIn::start_proxy(server_tls(), |request| {
        let Some(token) = request.header("authorization") else { return service(request) };
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let said = format!("\u{1b}[31m {token} {}", body["value"].as_str().unwrap());
        Answer::Json(400, serde_json::json!({ "error": { "code": "x", "message": said } }))
    });
    let mut session = asking(&server.url());
    session.args(&["decrypt", "s.yaml"]).stderr_has("Bearer [redacted] [redacted]").stderr_lacks("canary").stderr_lacks("\u{1b}");
    session.exit(128);
}

#[test]
fn a_vault_that_is_down_or_hangs_does_not_keep_the_other_keys_from_being_tried() {
    let silent = StandIn::start_proxy(server_tls(), |request| match request.header("authorization") {
        None => service(request),
        Some(_) => Answer::Hang,
    });
    let mut session = asking(&silent.url());
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no answer within 9 s").stderr_has("leafseal.vault.azure.net");
    session.exit(128);
    assert!(start.elapsed() < Duration::from_secs(12));
    let half = StandIn::start_proxy(server_tls(), |request| match request.path.contains("/broken/") {
        true => Answer::Close,
        false => service(request),
    });
    session.env("HTTPS_PROXY", &half.url());
    let both = format!("{KEY},{}", KEY.replace("sops", "other"));
    session.file("t.yaml", PLAIN).args(&["encrypt", "-i", "--azure-kv", &both, "t.yaml"]).exit(0);
    session.file("t.yaml", session.read_text("t.yaml").replace("name: sops", "name: broken"));
    session.args(&["decrypt", "t.yaml"]).stdout(PLAIN).exit(0);
    session.env("HTTPS_PROXY", &format!("http://127.0.0.1:{}", free_port()));
    session
        .args(&["decrypt", "s.yaml"])
        .stdout("")
        .stderr_has("connection refused")
        .stderr_has("leafseal.vault.azure.net")
        .exit(128);
}

#[test]
fn six_keys_are_asked_at_the_same_time_with_one_token() {
    let server = StandIn::start_proxy(server_tls(), |request| {
        std::thread::sleep(Duration::from_millis(200));
        service(request)
    });
    let mut session = session(&server.url());
    let keys: Vec<String> = (0..6).map(|n| KEY.replace("/sops/", &format!("/k{n}/"))).collect();
    session.args(&["encrypt", "--azure-kv", &keys.join(","), "s.yaml"]).exit(0);
    let to = |host: &str| server.seen().iter().filter(|request| request.header("host") == Some(host)).count();
    assert_eq!((to("login.microsoftonline.com"), server.most_at_once()), (1, 6));
}

#[test]
fn the_reference_reads_ours_and_we_read_its() {
    let (Some(reference), Some(server)) = (std::env::var_os("LEAFSEAL_REFERENCE_SOPS"), azure()) else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary, or there is no server");
        return;
    };
    let mut session = session(server.fact("url"));
    let ca = tls("ca.pem");
    let environment = [
        ("HTTPS_PROXY", server.fact("url")),
        ("SSL_CERT_FILE", &ca),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "secret"),
        ("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential"),
    ];
    for key in [KEY, server.fact("key")] {
        session.file("s.yaml", PLAIN).args(&["encrypt", "-i", "--azure-kv", key, "s.yaml"]).exit(0);
        session.both_ways(&reference, &environment, &["--azure-kv", key], "s.yaml", PLAIN);
        let versions =
            |text: &str| text.lines().find(|line| line.trim().starts_with("version: \"") && line.len() > 30).map(str::to_owned);
        assert_eq!(
            versions(&session.read_text("s.yaml")),
            versions(&session.read_text("theirs.yaml")),
            "the same version is pinned"
        );
    }
}
