//! Google Cloud KMS master keys: against a server that checks tokens and checksums (`tests/servers/gcp.py`), where it can be run, and against
//! stand-ins for what a good server does not do. Live with the reference, where there is one. Nothing here reaches off the host.

use super::harness::Session;
use super::python::Server;
use super::stand_in::{Answer, Request, StandIn, free_port};
use super::support::testdata;
use super::vault::server_tls;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PLAIN: &str = "password: hunter2\n";
const KEY: &str = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
const ENDPOINT: &str = "SOPS_GCP_KMS_ENDPOINT";

fn tls(name: &str) -> String {
    testdata("tls").join(name).to_str().unwrap().to_owned()
}

/// The server that checks; all tests share it.
fn google() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("gcp.py", &[&tls("server.pem"), &tls("server.key")])).as_ref()
}

/// A session with a token that was given.
fn session(endpoint: &str, token: &str) -> Session {
    let mut session = Session::new();
    session.env(ENDPOINT, endpoint).env("GOOGLE_OAUTH_ACCESS_TOKEN", token).file("s.yaml", PLAIN);
    session
}

/// KMS without checks: wraps by turning every byte around.
fn service(request: &Request) -> Answer {
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let turned = |text: &str| STANDARD.encode(STANDARD.decode(text).unwrap().iter().map(|byte| !byte).collect::<Vec<u8>>());
    match (request.path.rsplit(':').next(), body["plaintext"].as_str(), body["ciphertext"].as_str()) {
        (Some("encrypt"), Some(text), None) => Answer::Json(200, serde_json::json!({ "ciphertext": turned(text) })),
        (Some("decrypt"), None, Some(text)) => Answer::Json(200, serde_json::json!({ "plaintext": turned(text) })),
        _ => Answer::Json(404, serde_json::json!({ "error": { "status": "NOT_FOUND", "message": "what is this?" } })),
    }
}

/// A session with a file that a stand-in wrapped, asking another address.
fn asking(endpoint: &str) -> Session {
    let server = StandIn::start(service);
    let mut session = session(&server.url(), "canary-token");
    session.args(&["encrypt", "-i", "--gcp-kms", KEY, "s.yaml"]).exit(0);
    session.env(ENDPOINT, endpoint);
    session
}

#[test]
fn what_kms_wrapped_it_unwraps() {
    let Some(server) = google() else { return };
    let mut session = session(server.fact("url"), "static");
    session.args(&["encrypt", "-i", "--gcp-kms", KEY, "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    assert!(file.contains(&format!("resource_id: {KEY}\n")) && file.contains("created_at: "), "{file}");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["rotate", "-i", "s.yaml"]).exit(0);
    session.args(&["set", "s.yaml", "[\"password\"]", "\"new\""]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("password: new\n").exit(0);
}

#[test]
fn an_address_of_grpc_is_asked_over_tls() {
    let Some(server) = google() else { return };
    let mut session = session(server.fact("host"), "static");
    session.env("SOPS_GCP_KMS_CLIENT_TYPE", "grpc").env("SSL_CERT_FILE", &tls("ca.pem"));
    session.args(&["encrypt", "-i", "--gcp-kms", KEY, "s.yaml"]).exit(0);
    session.env("SOPS_GCP_KMS_CLIENT_TYPE", "REST").args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env(ENDPOINT, &format!("127.0.0.1:{}", free_port())).args(&["decrypt", "s.yaml"]);
    session.stderr_has("connection refused (an address of gRPC must speak REST as well").exit(128);
    session.env(ENDPOINT, server.fact("host"));
    session.env("SSL_CERT_FILE", &tls("other.pem")).args(&["decrypt", "s.yaml"]).stderr_has("invalid peer certificate").exit(128);
    session.env("SOPS_GCP_KMS_CLIENT_TYPE", "soap").args(&["decrypt", "s.yaml"]).stderr_has("must be `grpc` or `rest`").exit(128);
    session.no_env("SOPS_GCP_KMS_CLIENT_TYPE").env(ENDPOINT, "https://h/path").args(&["decrypt", "s.yaml"]);
    session.stderr_has("SOPS_GCP_KMS_ENDPOINT must be an address").exit(128);
}

#[test]
fn where_the_service_is_follows_from_the_domain() {
    let server = StandIn::start_proxy(server_tls(), service);
    let mut session = asking("");
    session.env("HTTPS_PROXY", &server.url()).env("SSL_CERT_FILE", &tls("ca.pem")).no_env(ENDPOINT);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("SOPS_GCP_KMS_UNIVERSE_DOMAIN", "example.fr").args(&["decrypt", "s.yaml"]).stdout("");
    session.stderr_has(&format!("https://cloudkms.example.fr/v1/{KEY}:decrypt: ")).exit(128);
    let asked = server.seen()[0].clone();
    assert_eq!(
        (asked.header("host"), asked.path.as_str()),
        (Some("cloudkms.googleapis.com"), format!("/v1/{KEY}:decrypt").as_str())
    );
    assert_eq!(asked.header("authorization"), Some("Bearer canary-token"));
}

#[test]
fn tokens_come_from_every_kind_of_credential() {
    let Some(server) = google() else { return };
    let mut session = session(server.fact("url"), "static");
    session.args(&["encrypt", "-i", "--gcp-kms", KEY, "s.yaml"]).exit(0);
    let account = session.path("account.json");
    session.file("account.json", server.fact("service_account")).env("GOOGLE_OAUTH_ACCESS_TOKEN", "wrong-canary");
    // Credentials come before a token: as JSON, and as a file.
    for credentials in [server.fact("service_account"), account.to_str().unwrap(), server.fact("authorized_user")] {
        session.env("GOOGLE_CREDENTIALS", credentials);
        session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    }
    session.no_env("GOOGLE_CREDENTIALS").args(&["decrypt", "s.yaml"]).stdout("").stderr_lacks("canary");
    session.stderr_has("401: UNAUTHENTICATED: Request had invalid authentication credentials.").exit(128);
    session.no_env("GOOGLE_OAUTH_ACCESS_TOKEN").env("GOOGLE_APPLICATION_CREDENTIALS", account.to_str().unwrap());
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.no_env("GOOGLE_APPLICATION_CREDENTIALS");
    session.file("../home/.config/gcloud/application_default_credentials.json", server.fact("service_account"));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn credentials_that_are_none_are_named_and_never_shown() {
    let server = StandIn::start(service);
    let mut session = asking(&server.url());
    session.no_env("GOOGLE_OAUTH_ACCESS_TOKEN");
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no credentials for Google Cloud: GOOGLE_CREDENTIALS");
    session.stderr_has("application_default_credentials.json").stderr_has("hint: for Google Cloud keys run `gcloud").exit(128);
    assert!(start.elapsed() < Duration::from_secs(6));
    for (credentials, said) in [
        ("canary", "GOOGLE_CREDENTIALS is neither a file nor credentials in JSON: it is no JSON"),
        ("{\"type\":\"canary\"}", "its `type` is not one of service_account"),
        ("{\"type\":\"service_account\",\"private_key\":\"canary\"}", "no token from GOOGLE_CREDENTIALS"),
    ] {
        session.env("GOOGLE_CREDENTIALS", credentials);
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).stderr_lacks("canary").exit(128);
    }
    session.no_env("GOOGLE_CREDENTIALS").env("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no token from the application default credentials").exit(128);
    session.env("SSL_CERT_FILE", "/no/such/file").args(&["decrypt", "s.yaml"]).stderr_has("no certificates to trust").exit(128);
    assert!(server.seen().is_empty());
}

#[test]
fn refusals_are_told_in_the_words_of_the_service() {
    let Some(server) = google() else { return };
    let mut session = session(server.fact("url"), "static");
    session.args(&["encrypt", "-i", "--gcp-kms", KEY, "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    for (key, said) in [
        ("disabled", "400: FAILED_PRECONDITION: "),
        ("forbidden", "403: PERMISSION_DENIED: Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied"),
        ("none", "404: NOT_FOUND: CryptoKey projects/p/"),
    ] {
        let key = format!("{}{key}", server.fact("ring"));
        session.file("s.yaml", file.replace(KEY, &key));
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said);
        session.stderr_has(&format!("{}/v1/{key}:decrypt", server.fact("url"))).exit(128);
    }
    session.file("t.yaml", PLAIN).env("GOOGLE_OAUTH_ACCESS_TOKEN", "wrong").args(&["encrypt", "--gcp-kms", KEY, "t.yaml"]);
    session.stdout("").stderr_has("401").stderr_lacks("hunter2").exit(1);
}

#[test]
fn a_file_cannot_lead_the_request_elsewhere() {
    let server = StandIn::start(service);
    let mut session = asking(&server.url());
    let file = session.read_text("s.yaml");
    for id in [
        "projects/../../x/locations/global/keyRings/r/cryptoKeys/k",
        "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
        "\"projects/p/locations/global/keyRings/r/cryptoKeys/k:decrypt?\"",
        "https://example.com/k",
    ] {
        session.file("s.yaml", file.replace(KEY, id));
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no valid resource ID found in").exit(128);
    }
    assert!(server.seen().is_empty(), "nothing was asked");
}

#[test]
fn what_is_busy_or_broken_for_now_is_asked_again() {
    let count = AtomicUsize::new(0);
    let busy =
        || Answer::Json(429, serde_json::json!({ "error": { "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded" } }));
    let server = StandIn::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => busy(),
        1 => Answer::Close,
        2 => service(request),
        _ => busy(),
    });
    let mut session = asking(&server.url());
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("429: RESOURCE_EXHAUSTED: Quota exceeded").exit(128);
    assert_eq!(server.seen().len(), 7);
}

#[test]
fn garbage_redirects_and_echoes_are_named_and_never_shown() {
    let other = StandIn::start(service);
    let place = format!("{}/v1/{KEY}:decrypt", other.url());
    let http = |body: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    for (bytes, said) in [
        (http(b"canary"), "answers something that is not JSON"),
        (http(b"{\"canary\":1}"), "answers no result"),
        (http(b"{\"plaintext\":{\"a\":\"canary\"}}"), "answers a result that is not text"),
        (http(b"{\"plaintext\":\"!canary!\"}"), "answers a result that is not base64"),
        (http(b"{\"plaintext\":\"Y2FuYXJ5\",\"plaintextCrc32c\":\"1\"}"), "its checksum does not match"),
        (http(b"{\"plaintext\":\"Y2FuYXJ5\",\"plaintextCrc32c\":\"x\"}"), "its checksum does not match"),
        (http(b"{\"plaintext\":\"Y2FuYXJ5\"}"), "which is no data key"),
        (http(&vec![b'x'; 2 << 20]), "127.0.0.1"),
        (b"SSH-2.0-canary\r\n".to_vec(), "127.0.0.1"),
        (format!("HTTP/1.1 308 There\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n").into_bytes(), "it redirects to"),
    ] {
        let server = StandIn::start(move |_| Answer::Raw(bytes.clone()));
        let mut session = asking(&server.url());
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).stderr_lacks("canary").stderr_has(KEY).exit(128);
    }
    assert!(other.seen().is_empty(), "no token went there");
    let server = StandIn::start(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let said = format!("\u{1b}[31m {} {}", request.header("authorization").unwrap(), body["ciphertext"].as_str().unwrap());
        Answer::Json(400, serde_json::json!({ "error": { "status": "INVALID_ARGUMENT", "message": said } }))
    });
    let mut session = asking(&server.url());
    session.args(&["decrypt", "s.yaml"]).stderr_has("Bearer [redacted] [redacted]").stderr_lacks("canary").stderr_lacks("\u{1b}");
    session.exit(128);
    // A service that did not get what was sent must not have wrapped it.
    let server =
        StandIn::start(|_| Answer::Json(200, serde_json::json!({ "ciphertext": "AAAA", "verifiedPlaintextCrc32c": false })));
    session.env(ENDPOINT, &server.url()).file("t.yaml", PLAIN).args(&["encrypt", "--gcp-kms", KEY, "t.yaml"]);
    session.stdout("").stderr_has("its checksum does not match").exit(1);
}

#[test]
fn a_service_that_is_down_or_hangs_does_not_keep_the_other_keys_from_being_tried() {
    let silent = StandIn::start(|_| Answer::Hang);
    let mut session = asking(&silent.url());
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no answer within 9 s").stderr_has(&silent.host()).exit(128);
    assert!(start.elapsed() < Duration::from_secs(12));
    let half = StandIn::start(|request| match request.path.contains("/broken:") {
        true => Answer::Close,
        false => service(request),
    });
    let both = format!("{KEY},{KEY}2");
    session.env(ENDPOINT, &half.url()).file("t.yaml", PLAIN).args(&["encrypt", "-i", "--gcp-kms", &both, "t.yaml"]).exit(0);
    session.file("t.yaml", session.read_text("t.yaml").replace("cryptoKeys/k\n", "cryptoKeys/broken\n"));
    session.args(&["decrypt", "t.yaml"]).stdout(PLAIN).exit(0);
    let down = format!("http://127.0.0.1:{}", free_port());
    session
        .env(ENDPOINT, &down)
        .args(&["decrypt", "s.yaml"])
        .stdout("")
        .stderr_has(&format!("{down}/v1/{KEY}:decrypt: connection refused"));
    session.exit(128);
}

#[test]
fn a_token_that_does_not_come_is_an_error_in_time() {
    let (silent, server) = (StandIn::start(|_| Answer::Hang), StandIn::start(service));
    let mut session = asking(&server.url());
    let user = serde_json::json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "canary", "refresh_token": "canary",
        "token_uri": format!("{}/token", silent.url()),
    });
    session.env("GOOGLE_CREDENTIALS", &user.to_string());
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no token from GOOGLE_CREDENTIALS: no answer within 9 s");
    session.stderr_lacks("canary").exit(128);
    assert!(start.elapsed() < Duration::from_secs(12));
    assert!(server.seen().is_empty());
}

#[test]
fn the_reference_reads_ours_and_we_read_its() {
    let (Some(reference), Some(server)) = (std::env::var_os("LEAFSEAL_REFERENCE_SOPS"), google()) else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary, or there is no server");
        return;
    };
    let mut session = session(server.fact("url"), "static");
    session.args(&["encrypt", "-i", "--gcp-kms", KEY, "s.yaml"]).exit(0);
    let environment = &[
        (ENDPOINT, server.fact("url")),
        ("SOPS_GCP_KMS_CLIENT_TYPE", "rest"),
        ("GOOGLE_CREDENTIALS", server.fact("service_account")),
    ];
    session.both_ways(&reference, environment, &["--gcp-kms", KEY], "s.yaml", PLAIN);
}
