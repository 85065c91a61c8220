//! Vault transit master keys against a stand-in for the server, over real connections on loopback. Live with the reference, where there is one.

use super::harness::Session;
use super::stand_in::{Answer, Request, StandIn, free_port};
use super::support::testdata;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PLAIN: &str = "password: hunter2\n";
const TOKEN: &str = "hvs.canary-token";

/// Transit with one key, `sops`: wraps by turning every byte around. Says what Vault and OpenBao say.
fn transit(request: &Request) -> Answer {
    let error = |status, text: &str| Answer::Json(status, serde_json::json!({ "errors": [text] }));
    if request.header("x-vault-token") != Some(TOKEN) {
        return error(403, "permission denied");
    }
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let turned = |text: &str| STANDARD.decode(text).map(|bytes| bytes.iter().map(|byte| !byte).collect::<Vec<u8>>());
    let names: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
    let [engine @ .., verb, name] = names.as_slice() else { return error(404, "no handler for route") };
    if request.method != "PUT" || !["transit", "a/b"].contains(&engine.join("/").as_str()) {
        return error(404, "no handler for route");
    }
    match (*verb, *name, body["plaintext"].as_str(), body["ciphertext"].as_str()) {
        ("encrypt", _, Some(text), None) => {
            let Ok(bytes) = turned(text) else { return error(400, "illegal base64 data at input byte 0") };
            Answer::Json(200, serde_json::json!({ "data": { "ciphertext": format!("vault:v1:{}", STANDARD.encode(bytes)) } }))
        }
        ("decrypt", "disabled", ..) => error(400, "encryption key not found"),
        ("decrypt", _, None, Some(text)) => match text.strip_prefix("vault:v1:").map(turned) {
            Some(Ok(bytes)) => Answer::Json(200, serde_json::json!({ "data": { "plaintext": STANDARD.encode(bytes) } })),
            _ => error(400, "invalid ciphertext: no prefix"),
        },
        _ => error(404, "no handler for route"),
    }
}

fn session() -> Session {
    let mut session = Session::new();
    session.env("VAULT_TOKEN", TOKEN).file("s.yaml", PLAIN);
    session
}

fn key(server: &StandIn) -> String {
    format!("http://{}/v1/transit/keys/sops", server.host())
}

/// A file that was encrypted for a stand-in, at the address of another: it need not answer.
fn file_for(session: &mut Session, address: &str) {
    let server = StandIn::start(transit);
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key(&server), "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml").replace(&format!("http://{}", server.host()), address);
    session.file("s.yaml", file);
}

#[test]
fn what_vault_wrapped_it_unwraps() {
    let server = StandIn::start(transit);
    let mut session = session();
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key(&server), "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    for line in [&format!("vault_address: http://{}", server.host()), "engine_path: transit", "key_name: sops", "enc: vault:v1:"] {
        assert!(file.contains(line), "{line} in {file}");
    }
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["set", "s.yaml", "[\"password\"]", "\"new\""]).exit(0);
    session.args(&["rotate", "-i", "s.yaml"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("password: new\n").exit(0);
    let first = &server.seen()[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("PUT", "/v1/transit/encrypt/sops"));
    assert_eq!((first.header("x-vault-request"), first.header("x-vault-namespace")), (Some("true"), None));
}

#[test]
fn token_and_namespace_come_from_where_vault_keeps_them() {
    let server = StandIn::start(transit);
    let mut session = session();
    session.no_env("VAULT_TOKEN").file("../home/.vault-token", format!("{TOKEN}\n")).env("VAULT_NAMESPACE", "team/a");
    let nested = format!("http://{}/v1/a/b/keys/sops", server.host());
    session.args(&["encrypt", "-i", "--hc-vault-transit", &nested, "s.yaml"]).exit(0);
    assert_eq!(server.seen()[0].header("x-vault-namespace"), Some("team/a"));
    assert_eq!(server.seen()[0].path, "/v1/a/b/encrypt/sops");
    // The agent is asked instead of the address in the file.
    let agent = StandIn::start(transit);
    session.env("VAULT_AGENT_ADDR", &format!("http://{}/", agent.host()));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!((server.seen().len(), agent.seen().len()), (1, 1));
}

#[test]
fn refusals_name_the_address_and_the_key_and_no_secret() {
    let server = StandIn::start(transit);
    let mut session = session();
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key(&server), "s.yaml"]).exit(0);
    let asked = format!("http://{}/v1/transit/decrypt/sops: 403: permission denied", server.host());
    session.env("VAULT_TOKEN", "hvs.wrong-canary");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&asked).stderr_lacks("canary").exit(128);
    session.no_env("VAULT_TOKEN");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("there is no token: VAULT_TOKEN, ~/.vault-token").exit(128);
    session.file("t.yaml", PLAIN);
    session
        .args(&["encrypt", "--hc-vault-transit", &key(&server), "t.yaml"])
        .stdout("")
        .stderr_has("403")
        .stderr_lacks("hunter2")
        .exit(1);
    session.env("VAULT_TOKEN", "line\nbreak-canary");
    session.args(&["decrypt", "s.yaml"]).stderr_has("cannot be sent").stderr_lacks("canary").exit(128);
    session.env("VAULT_TOKEN", TOKEN);
    session.file("s.yaml", session.read_text("s.yaml").replace("key_name: sops", "key_name: disabled"));
    session.args(&["decrypt", "s.yaml"]).stderr_has("encryption key not found").exit(128);
}

#[test]
fn the_allowlist_is_kept() {
    let server = StandIn::start(transit);
    let mut session = session();
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key(&server), "s.yaml"]).exit(0);
    let before = server.seen().len();
    for list in ["none", "https://vault.example.com", &format!("http://{}1", server.host())] {
        session.env("SOPS_HC_VAULT_ALLOWLIST", list);
        let said = format!("Allowlist does not allow http://{}", server.host());
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&said).exit(128);
    }
    session.env("SOPS_HC_VAULT_ALLOWLIST", "https://a,,https://b");
    session.args(&["decrypt", "s.yaml"]).stderr_has("SOPS_HC_VAULT_ALLOWLIST's entry 2 is empty").exit(128);
    assert_eq!(server.seen().len(), before, "nothing was asked");
    session.env("SOPS_HC_VAULT_ALLOWLIST", &format!("https://a, http://{}", server.host()));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

#[test]
fn a_file_cannot_lead_the_request_elsewhere() {
    let server = StandIn::start(transit);
    let mut session = session();
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key(&server), "s.yaml"]).exit(0);
    let (file, before) = (session.read_text("s.yaml"), server.seen().len());
    for (from, to, said) in [
        ("engine_path: transit", "engine_path: transit/../../sys", "is not the path of a transit key"),
        ("key_name: sops", "key_name: ..", "is not the path of a transit key"),
        ("vault_address: http://", "vault_address: http://me:pass@", "is not the address of a Vault"),
        ("vault_address: http://", "vault_address: file:///", "is not the address of a Vault"),
    ] {
        session.file("s.yaml", file.replace(from, to));
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).exit(128);
    }
    assert_eq!(server.seen().len(), before, "nothing was asked");
    session.file("s.yaml", file.replace("key_name: sops", "key_name: \"a?b#c\""));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!(server.seen().last().unwrap().path, "/v1/transit/decrypt/a%3Fb%23c");
}

#[test]
fn the_token_does_not_follow_a_redirect_to_another_server() {
    let other = StandIn::start(transit);
    let place = format!("http://{}/v1/transit/decrypt/sops", other.host());
    let server = StandIn::start(move |_| Answer::Redirect(place.clone()));
    let mut session = session();
    file_for(&mut session, &format!("http://{}", server.host()));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("it redirects to").stderr_has(&other.host()).exit(128);
    assert!(other.seen().is_empty());
    // On the same server it does, once.
    let count = AtomicUsize::new(0);
    let server = StandIn::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Redirect(format!("http://{}/v1/a/b/decrypt/sops", request.header("host").unwrap())),
        1 => transit(request),
        _ => Answer::Redirect(format!("http://{}/v1/again", request.header("host").unwrap())),
    });
    file_for(&mut session, &format!("http://{}", server.host()));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("it redirects to").exit(128);
}

#[test]
fn what_is_busy_or_broken_for_now_is_asked_again() {
    let count = AtomicUsize::new(0);
    let server = StandIn::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Json(429, serde_json::json!({ "errors": ["request rate limit exceeded"] })),
        1 => Answer::Close,
        2 => transit(request),
        _ => Answer::Json(503, serde_json::json!({ "errors": ["Vault is sealed"] })),
    });
    let mut session = session();
    file_for(&mut session, &format!("http://{}", server.host()));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!(server.seen().len(), 3);
    session.env("VAULT_MAX_RETRIES", "1");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("503: Vault is sealed").exit(128);
    assert_eq!(server.seen().len(), 5);
    session.env("VAULT_MAX_RETRIES", "many");
    session.args(&["decrypt", "s.yaml"]).stderr_has("VAULT_MAX_RETRIES must be a number").exit(128);
}

#[test]
fn garbage_is_named_and_never_shown() {
    let mut session = session();
    let long = vec![b'x'; 2 << 20];
    let http = |body: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    for (bytes, said) in [
        (http(b"canary"), "answers something that is not JSON"),
        (http(b"{}"), "answers no result"),
        (http(b"{\"data\":{\"plaintext\":[\"canary\"]}}"), "answers a result that is not text"),
        (http(b"{\"data\":{\"plaintext\":\"\"}}"), "answers an empty result"),
        (http(b"{\"data\":{\"plaintext\":\"!canary!\"}}"), "answers a plaintext that is not base64"),
        (http(b"{\"data\":{\"plaintext\":\"Y2FuYXJ5\"}}"), "which is no data key"),
        (http(&long), "127.0.0.1"),
        (b"SSH-2.0-canary\r\n".to_vec(), "127.0.0.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec(), "127.0.0.1"),
    ] {
        let server = StandIn::start(move |_| Answer::Raw(bytes.clone()));
        file_for(&mut session, &format!("http://{}", server.host()));
        let done = session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).stderr_lacks("canary").exit(128);
        assert!(done.stderr.contains("/v1/transit/"), "{}", done.stderr);
    }
    // A server that says back what it was given.
    let server = StandIn::start(|request| {
        let said = format!("{}\u{1b}[31m {}", request.header("x-vault-token").unwrap(), String::from_utf8_lossy(&request.body));
        Answer::Json(400, serde_json::json!({ "errors": [said] }))
    });
    session.file("t.yaml", PLAIN);
    session.args(&["encrypt", "--hc-vault-transit", &key(&server), "t.yaml"]);
    let done = session.stderr_has("[redacted]").stderr_lacks(TOKEN).stderr_lacks("\u{1b}").exit(1);
    let sent: serde_json::Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    assert!(!done.stderr.contains(sent["plaintext"].as_str().unwrap()), "{}", done.stderr);
}

#[test]
fn a_server_that_is_down_or_hangs_does_not_keep_the_other_keys_from_being_tried() {
    let server = StandIn::start(transit);
    let silent = StandIn::start(|_| Answer::Hang);
    let down = free_port();
    let mut session = session();
    let other = StandIn::start(transit);
    let keys = [key(&server), format!("http://{}/v1/transit/keys/sops", other.host()), key(&StandIn::start(transit))];
    session.args(&["encrypt", "-i", "--hc-vault-transit", &keys[..2].join(","), "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    session.env("VAULT_CLIENT_TIMEOUT", "700ms");
    for bad in [format!("http://{}", silent.host()), format!("http://127.0.0.1:{down}")] {
        session.file("s.yaml", file.replace(&format!("http://{}", server.host()), &bad));
        session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    }
    file_for(&mut session, &format!("http://{}", silent.host()));
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no answer within 1 s").stderr_has(&silent.host()).exit(128);
    assert!(start.elapsed() < Duration::from_secs(5));
    file_for(&mut session, &format!("http://127.0.0.1:{down}"));
    session
        .args(&["decrypt", "s.yaml"])
        .stdout("")
        .stderr_has(&format!("127.0.0.1:{down}/v1/transit/decrypt/sops: connection refused"))
        .exit(128);
}

#[test]
fn six_keys_are_asked_at_the_same_time() {
    let server = StandIn::start(|request| {
        std::thread::sleep(Duration::from_millis(400));
        transit(request)
    });
    let mut session = session();
    let keys: Vec<String> = (0..6).map(|n| format!("http://{}/v1/transit/keys/k{n}", server.host())).collect();
    session.args(&["encrypt", "--hc-vault-transit", &keys.join(","), "s.yaml"]).exit(0);
    assert_eq!((server.seen().len(), server.most_at_once()), (6, 6));
}

#[test]
fn groups_over_the_network_are_asked_together_and_no_more_than_needed() {
    let server = StandIn::start(transit);
    let mut session = session();
    let rule = |n: usize| format!("      - hc_vault: [http://{}/v1/transit/keys/k{n}]\n", server.host());
    session.file(
        ".sops.yaml",
        format!("creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n{}{}{}", rule(0), rule(1), rule(2)),
    );
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let before = server.seen().len();
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    let mut asked: Vec<String> = server.seen()[before..].iter().map(|request| request.path.clone()).collect();
    asked.sort();
    assert_eq!(asked, ["/v1/transit/decrypt/k0", "/v1/transit/decrypt/k1"]);
}

#[test]
fn https_needs_a_certificate_that_is_trusted() {
    let tls = server_tls();
    let server = StandIn::start_with(Some(tls), transit);
    let mut session = session();
    let key = format!("https://{}/v1/transit/keys/sops", server.host());
    let ca = testdata("tls/ca.pem");
    let ca = ca.to_str().unwrap();
    session.env("SSL_CERT_FILE", testdata("tls/other.pem").to_str().unwrap());
    session.args(&["encrypt", "--hc-vault-transit", &key, "s.yaml"]).stdout("").stderr_has("invalid peer certificate").exit(1);
    session.env("SSL_CERT_FILE", ca);
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key, "s.yaml"]).exit(0);
    session.no_env("SSL_CERT_FILE").env("VAULT_CACERT", ca);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("VAULT_CACERT", "/no/such/file.pem");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no certificates in /no/such/file.pem").exit(128);
    session.no_env("VAULT_CACERT").env("VAULT_SKIP_VERIFY", "true");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
}

/// The server of `testdata/tls`.
pub(crate) fn server_tls() -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_file(testdata("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(testdata("tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

#[test]
fn the_reference_reads_ours_and_we_read_its() {
    let Some(reference) = std::env::var_os("LEAFSEAL_REFERENCE_SOPS") else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary");
        return;
    };
    let server = StandIn::start(transit);
    let mut session = session();
    session.args(&["encrypt", "-i", "--hc-vault-transit", &key(&server), "s.yaml"]).exit(0);
    let environment = &[("VAULT_TOKEN", TOKEN)];
    session.both_ways(&reference, environment, &["--hc-vault-transit", &key(&server)], "s.yaml", PLAIN);
}
