//! Huawei Cloud KMS master keys: against a server that checks signatures (`tests/servers/huawei.py`), where it can be run, and against stand-ins
//! for what a good server does not do. Live with the reference, where there is one. Nothing here reaches off the host.

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
const KEY: &str = "tr-west-1:11111111-2222-3333-4444-555555555555";
const ENDPOINT: &str = "HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1";

/// The server that checks signatures; all tests share it.
fn huawei() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("huawei.py", &[])).as_ref()
}

fn session(url: &str, secret: &str) -> Session {
    let mut session = Session::new();
    session.env(ENDPOINT, url).env("HUAWEICLOUD_SDK_AK", "ak").env("HUAWEICLOUD_SDK_SK", secret);
    session.env("HUAWEICLOUD_SDK_PROJECT_ID", "proj").file("s.yaml", PLAIN);
    session
}

/// KMS without checks: wraps by turning every byte around.
fn service(request: &Request) -> Answer {
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let turned = |text: &str| STANDARD.encode(STANDARD.decode(text).unwrap().iter().map(|byte| !byte).collect::<Vec<u8>>());
    match (request.path.rsplit('/').next(), body["plain_text"].as_str(), body["cipher_text"].as_str()) {
        (Some("encrypt-data"), Some(text), None) => Answer::Json(200, serde_json::json!({ "cipher_text": turned(text) })),
        (Some("decrypt-data"), None, Some(text)) => Answer::Json(200, serde_json::json!({ "plain_text": turned(text) })),
        _ => Answer::Json(404, serde_json::json!({ "error": { "error_code": "APIGW.0101", "error_msg": "what is this?" } })),
    }
}

/// A file that a stand-in wrapped, and a session whose KMS is at another address.
fn asking(address: &str) -> Session {
    let server = StandIn::start(service);
    let mut session = session(&server.url(), "canary-sk");
    session.args(&["encrypt", "-i", "--hckms", KEY, "s.yaml"]).exit(0);
    session.env(ENDPOINT, address);
    session
}

#[test]
fn what_kms_wrapped_it_unwraps() {
    let Some(server) = huawei() else { return };
    let mut session = session(server.fact("url"), "sk");
    session.args(&["encrypt", "-i", "--hckms", server.fact("key"), "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    assert!(file.contains(&format!("key_id: {KEY}")) && file.contains("created_at: "), "{file}");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["rotate", "-i", "s.yaml"]).exit(0);
    session.args(&["set", "s.yaml", "[\"password\"]", "\"new\""]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("password: new\n").exit(0);
}

#[test]
fn refusals_are_told_in_the_words_of_the_service() {
    let Some(server) = huawei() else { return };
    let mut session = session(server.fact("url"), "sk");
    session.args(&["encrypt", "-i", "--hckms", server.fact("key"), "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml");
    let asked = format!("{}/v1.0/proj/kms/decrypt-data: 400: KMS.1102: The key is disabled.", server.fact("url"));
    session.file("s.yaml", file.replace(KEY, server.fact("disabled")));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&asked).exit(128);
    session.file("s.yaml", file.replace(KEY, "tr-west-1:33333333-2222-3333-4444-555555555555"));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("KMS.0402: The key does not exist.").exit(128);
    session.file("s.yaml", file).env("HUAWEICLOUD_SDK_SK", "wrong-canary");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("verify aksk signature fail (the access key").stderr_lacks("canary");
    session.exit(128);
    session.file("t.yaml", PLAIN).args(&["encrypt", "--hckms", KEY, "t.yaml"]).stdout("").stderr_has("401").stderr_lacks("hunter2");
    session.exit(1);
    session.no_env("HUAWEICLOUD_SDK_SK").args(&["decrypt", "s.yaml"]).stderr_has("HUAWEICLOUD_SDK_SK is not").exit(128);
}

#[test]
fn credentials_come_from_the_environment_then_a_file() {
    let Some(server) = huawei() else { return };
    let mut session = session(server.fact("url"), "sk");
    session.no_env("HUAWEICLOUD_SDK_AK").no_env("HUAWEICLOUD_SDK_SK").no_env("HUAWEICLOUD_SDK_PROJECT_ID");
    let basic = "[global]\nak = no\n[basic]\nak = ak\nsk = sk\nproject_id = proj\n";
    session.file("../home/.huaweicloud/credentials", basic);
    session.args(&["encrypt", "-i", "--hckms", KEY, "s.yaml"]).exit(0);
    session.file("../home/.huaweicloud/credentials", "[basic]\nak = ak\n");
    session.args(&["decrypt", "s.yaml"]).stderr_has("has no `ak` and `sk` in its section `[basic]`").exit(128);
    let own = session.path("own");
    session.file("own", basic).env("HUAWEICLOUD_SDK_CREDENTIALS_FILE", own.to_str().unwrap());
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/no/such/file");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no credentials for HuaweiCloud").stderr_has("/no/such/file");
    session.stderr_has("hint: for HuaweiCloud keys set HUAWEICLOUD_SDK_AK").exit(128);
    session.file("t.yaml", PLAIN);
    session.args(&["encrypt", "--hckms", KEY, "t.yaml"]).stdout("").stderr_has("no credentials for HuaweiCloud").exit(1);
}

#[test]
fn a_machine_of_the_cloud_gives_its_agency_and_iam_the_project() {
    let seen_by_iam = "/v3/projects?name=tr-west-1";
    let iam = StandIn::start_with(Some(server_tls()), move |request| match request.path.as_str() {
        path if path == seen_by_iam => Answer::Json(200, serde_json::json!({ "projects": [{ "id": "of-region" }] })),
        _ => Answer::Json(404, serde_json::json!({})),
    });
    let metadata = StandIn::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("PUT", "/meta-data/latest/api/token") => Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntok".to_vec()),
        ("GET", "/openstack/latest/securitykey") if request.header("x-metadata-token") == Some("tok") => Answer::Json(
            200,
            serde_json::json!({ "credential": { "access": "agency", "secret": "canary-s", "securitytoken": "canary-t", "expires_at": "" } }),
        ),
        _ => Answer::Json(401, serde_json::json!({})),
    });
    let server = StandIn::start(service);
    let mut session = session(&server.url(), "");
    session.no_env("HUAWEICLOUD_SDK_AK").no_env("HUAWEICLOUD_SDK_PROJECT_ID").env("LEAFSEAL_HUAWEI_METADATA", &metadata.url());
    session.env("HUAWEICLOUD_SDK_IAM_ENDPOINT", &iam.host()).env("SSL_CERT_FILE", testdata("tls/ca.pem").to_str().unwrap());
    // A proxy is for the services, not for the machine's own.
    session.args(&["encrypt", "-i", "--hckms", KEY, "s.yaml"]).stderr("").exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    let asked = &server.seen()[0];
    assert_eq!(asked.path, "/v1.0/of-region/kms/encrypt-data");
    assert_eq!((asked.header("x-security-token"), asked.header("x-project-id")), (Some("canary-t"), Some("of-region")));
    assert!(asked.header("authorization").unwrap().starts_with("SDK-HMAC-SHA256 Access=agency, SignedHeaders="));
    // No agency, and none that answers.
    let none = StandIn::start(|_| Answer::Json(404, serde_json::json!({})));
    let silent = StandIn::start(|_| Answer::Hang);
    let start = Instant::now();
    for (address, said) in [(&none, "has this machine an agency?"), (&silent, "no metadata service")] {
        session.env("LEAFSEAL_HUAWEI_METADATA", &address.url());
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).exit(128);
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_file_cannot_lead_the_request_elsewhere() {
    let server = StandIn::start(service);
    let mut session = session(&server.url(), "sk");
    session.args(&["encrypt", "-i", "--hckms", KEY, "s.yaml"]).exit(0);
    let (file, before) = (session.read_text("s.yaml"), server.seen().len());
    for id in ["evil.example/x:k", "me@evil:k", "tr-west-1:k/../x", "'tr-west-1:a b'", "r", "TR-WEST-1:k"] {
        session.file("s.yaml", file.replace(KEY, id));
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("is not the id of a HuaweiCloud KMS key").exit(128);
    }
    assert_eq!(server.seen().len(), before, "nothing was asked");
    session.file("s.yaml", file).env(ENDPOINT, "http://127.0.0.1/kms");
    session.args(&["decrypt", "s.yaml"]).stderr_has("must be http(s)://HOST[:PORT]").exit(128);
}

#[test]
fn what_is_busy_or_broken_for_now_is_asked_again() {
    let count = AtomicUsize::new(0);
    let busy = serde_json::json!({ "error_code": "APIGW.0308", "error_msg": "The throttling threshold has been reached" });
    let server = StandIn::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Json(429, busy.clone()),
        1 => Answer::Close,
        2 => service(request),
        _ => Answer::Json(429, busy.clone()),
    });
    let mut session = asking(&server.url());
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!(server.seen().len(), 3);
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("429: APIGW.0308: The throttling threshold").exit(128);
    assert_eq!(server.seen().len(), 7);
}

#[test]
fn garbage_redirects_and_echoes_are_named_and_never_shown() {
    let other = StandIn::start(service);
    let place = format!("{}/v1.0/proj/kms/decrypt-data", other.url());
    let http = |body: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
    for (bytes, said) in [
        (http(b"canary"), "answers something that is not JSON"),
        (http(b"{\"canary\":1}"), "answers no result"),
        (http(b"{\"plain_text\":[\"canary\"]}"), "answers a result that is not text"),
        (http(b"{\"plain_text\":\"\"}"), "answers an empty result"),
        (http(b"{\"plain_text\":\"!canary!\"}"), "answers a plaintext that is not base64"),
        (http(b"{\"plain_text\":\"Y2FuYXJ5\"}"), "which is no data key"),
        (http(&vec![b'x'; 2 << 20]), "127.0.0.1"),
        (b"SSH-2.0-canary\r\n".to_vec(), "127.0.0.1"),
        (format!("HTTP/1.1 307 There\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n").into_bytes(), "it redirects to"),
    ] {
        let server = StandIn::start(move |_| Answer::Raw(bytes.clone()));
        let mut session = asking(&server.url());
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).stderr_lacks("canary").stderr_has(KEY).exit(128);
    }
    assert!(other.seen().is_empty(), "no credentials went there");
    let server = StandIn::start(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let said = format!("\u{1b}[31m canary-sk {}", body["cipher_text"].as_str().unwrap());
        Answer::Json(400, serde_json::json!({ "error": { "error_msg": said } }))
    });
    let mut session = asking(&server.url());
    session
        .args(&["decrypt", "s.yaml"])
        .stderr_has("[redacted] [redacted]")
        .stderr_lacks("canary-sk")
        .stderr_lacks("\u{1b}")
        .exit(128);
}

#[test]
fn a_service_that_is_down_or_hangs_does_not_keep_the_other_keys_from_being_tried() {
    let (silent, good) = (StandIn::start(|_| Answer::Hang), StandIn::start(service));
    let mut session = asking(&silent.url());
    session.env("HUAWEICLOUD_SDK_REGION_KMS_CN_NORTH_4", &good.url());
    let start = Instant::now();
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no answer within 9 s").stderr_has(&silent.host()).exit(128);
    assert!(start.elapsed() < Duration::from_secs(12));
    session.env(ENDPOINT, &good.url());
    let both = format!("{KEY},cn-north-4:k");
    session.file("t.yaml", PLAIN).args(&["encrypt", "-i", "--hckms", &both, "t.yaml"]).exit(0);
    let down = format!("http://127.0.0.1:{}", free_port());
    session.env(ENDPOINT, &down).args(&["decrypt", "t.yaml"]).stdout(PLAIN).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&format!("{down}/v1.0/proj/kms/decrypt-data: connection refused"));
    session.exit(128);
}

#[test]
fn the_reference_reads_ours_and_we_read_its() {
    let (Some(reference), Some(server)) = (std::env::var_os("LEAFSEAL_REFERENCE_SOPS"), huawei()) else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary, or there is no server");
        return;
    };
    let mut session = session(server.fact("url"), "sk");
    session.args(&["encrypt", "-i", "--hckms", KEY, "s.yaml"]).exit(0);
    let environment = &[
        (ENDPOINT, server.fact("url")),
        ("HUAWEICLOUD_SDK_AK", "ak"),
        ("HUAWEICLOUD_SDK_SK", "sk"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "proj"),
    ];
    session.both_ways(&reference, environment, &["--hckms", KEY], "s.yaml", PLAIN);
}
