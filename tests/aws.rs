//! AWS KMS master keys: against moto where `scripts/servers` installed it, and against stand-ins for what moto cannot be made to do. Live with the
//! reference, where there is one. Nothing here reaches off the host.

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
const ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/sops";
const SECRET: &str = "canary-secret-access-key";

/// moto in a process of its own.
struct Moto(Server);

impl Moto {
    fn start(arguments: &[&str]) -> Option<Self> {
        Server::start("aws.py", arguments).map(Self)
    }

    /// The one that all tests share: it accepts any credentials.
    fn open() -> Option<&'static Self> {
        static MOTO: OnceLock<Option<Moto>> = OnceLock::new();
        MOTO.get_or_init(|| Self::start(&[])).as_ref()
    }

    fn fact(&self, name: &str) -> &str {
        self.0.fact(name)
    }

    fn session(&self) -> Session {
        session(self.fact("url"))
    }
}

fn session(url: &str) -> Session {
    let mut session = Session::new();
    session.env("AWS_ENDPOINT_URL", url).env("AWS_EC2_METADATA_DISABLED", "true");
    session.env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT").env("AWS_SECRET_ACCESS_KEY", SECRET).file("s.yaml", PLAIN);
    session
}

/// KMS and STS: wraps by turning every byte around. Key names say what happens to them.
fn service(request: &Request) -> Answer {
    let error = |status, kind: &str, text: &str| Answer::Json(status, serde_json::json!({ "__type": kind, "message": text }));
    if let Some(form) = request.body.starts_with(b"Action=").then(|| String::from_utf8_lossy(&request.body)) {
        return xml(&form);
    }
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let key = body["KeyId"].as_str().unwrap();
    let name = key.rsplit('/').next().unwrap();
    match name {
        "denied" => return error(400, "AccessDeniedException", "not authorized to perform: kms:Decrypt"),
        "disabled" => return error(400, "DisabledException", &format!("{key} is disabled.")),
        "hangs" => return Answer::Hang,
        "garbage" => return Answer::Json(200, serde_json::json!("canary")),
        "empty" => return Answer::Json(200, serde_json::json!({})),
        _ => {}
    }
    let turned = |text: &str| STANDARD.encode(STANDARD.decode(text).unwrap().iter().map(|byte| !byte).collect::<Vec<u8>>());
    match (request.header("x-amz-target"), body["Plaintext"].as_str(), body["CiphertextBlob"].as_str()) {
        (Some("TrentService.Encrypt"), Some(text), None) => {
            Answer::Json(200, serde_json::json!({ "CiphertextBlob": turned(text), "KeyId": key }))
        }
        (Some("TrentService.Decrypt"), None, Some(text)) => {
            Answer::Json(200, serde_json::json!({ "Plaintext": turned(text), "KeyId": key }))
        }
        _ => error(400, "ValidationException", "what is this?"),
    }
}

/// What STS answers.
fn xml(form: &str) -> Answer {
    let body = if form.contains("GetCallerIdentity") {
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>U</UserId><Account>123456789012</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    } else {
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    };
    Answer::Raw(format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// Whose key signed the last request.
fn signer(server: &StandIn) -> String {
    let last = server.seen().last().unwrap().clone();
    let authorization = last.header("authorization").unwrap();
    authorization.split_once("Credential=").unwrap().1.split('/').next().unwrap().to_owned()
}

fn arn(name: &str) -> String {
    format!("arn:aws:kms:us-east-1:123456789012:key/{name}")
}

/// A file that a stand-in wrapped for `sops`, with the key's name changed.
fn file_for(session: &mut Session, name: &str) {
    session.file("s.yaml", PLAIN);
    session.args(&["encrypt", "-i", "--kms", ARN, "s.yaml"]).exit(0);
    let file = session.read_text("s.yaml").replace(ARN, &arn(name));
    session.file("s.yaml", file);
}

#[test]
fn what_kms_wrapped_it_unwraps() {
    let Some(moto) = Moto::open() else { return };
    let mut session = moto.session();
    for fact in ["key", "alias", "other"] {
        session.file("s.yaml", PLAIN);
        session.args(&["encrypt", "-i", "--kms", moto.fact(fact), "s.yaml"]).exit(0);
        session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    }
    let file = session.read_text("s.yaml");
    assert!(file.contains(&format!("arn: {}", moto.fact("other"))) && file.contains("aws_profile: \"\""), "{file}");
    session.args(&["rotate", "-i", "--add-kms", moto.fact("key"), "--rm-kms", moto.fact("other"), "s.yaml"]).exit(0);
    session.args(&["set", "s.yaml", "[\"password\"]", "\"new\""]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout("password: new\n").exit(0);
}

#[test]
fn a_key_of_several_regions_is_asked_in_the_one_of_its_arn() {
    // moto cannot decrypt with such keys, nor does the reference with it.
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    let home = arn("mrk-1234");
    session.args(&["encrypt", "-i", "--kms", &home, "s.yaml"]).exit(0);
    session.file("s.yaml", session.read_text("s.yaml").replace("us-east-1", "eu-central-1"));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert!(server.seen()[1].header("authorization").unwrap().contains("/eu-central-1/kms/"));
}

#[test]
fn the_encryption_context_must_be_the_same() {
    let Some(moto) = Moto::open() else { return };
    let mut session = moto.session();
    session.args(&["encrypt", "-i", "--kms", moto.fact("key"), "--encryption-context", "Env:prod,App:x", "s.yaml"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.file("s.yaml", session.read_text("s.yaml").replace("Env: prod", "Env: test"));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("InvalidCiphertextException").exit(128);
}

#[test]
fn a_role_is_taken_on_first() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    let with_role = format!("{ARN}+arn:aws:iam::123456789012:role/sops");
    session.args(&["encrypt", "-i", "--kms", &with_role, "s.yaml"]).exit(0);
    assert_eq!(signer(&server), "ASIAROLE");
    let assumed = String::from_utf8(server.seen()[0].body.clone()).unwrap();
    assert!(assumed.contains("Action=AssumeRole") && assumed.contains("RoleSessionName=sops%40"), "{assumed}");
    assert!(session.read_text("s.yaml").contains("role: arn:aws:iam::123456789012:role/sops"));
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.file("s.yaml", session.read_text("s.yaml").replace("role: arn:aws:iam", "role: arn:aws:sts"));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("is not the ARN of a role").exit(128);
}

const CONFIG: &str = "[profile ci]\naws_access_key_id = AKIACI\naws_secret_access_key = s\n\
                      [profile dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s\n\
                      [profile program]\ncredential_process = PROGRAM\n";

#[test]
fn the_profile_of_a_file_gives_way_to_the_one_that_is_asked_for() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    session.script("credentials", "echo '{\"Version\": 1, \"AccessKeyId\": \"AKIAPROGRAM\", \"SecretAccessKey\": \"s\"}'");
    let program = session.path("credentials");
    session.file("../home/.aws/config", CONFIG.replace("PROGRAM", program.to_str().unwrap()));
    session.args(&["encrypt", "-i", "--kms", ARN, "--aws-profile", "ci", "s.yaml"]).stderr("").exit(0);
    assert_eq!(signer(&server), "AKIACI");
    assert!(session.read_text("s.yaml").contains("aws_profile: ci"));
    for (option, variable, who) in [
        (None, None, "AKIACI"),
        (Some("dev"), None, "AKIADEV"),
        (Some("program"), Some("ci"), "AKIAPROGRAM"),
        // The environment's own credentials come before its profile, as everywhere in AWS.
        (None, Some("dev"), "AKIAENVIRONMENT"),
    ] {
        session.no_env("AWS_PROFILE");
        if let Some(profile) = variable {
            session.env("AWS_PROFILE", profile);
        }
        let option = option.map(|profile| format!("--aws-profile={profile}"));
        let arguments: Vec<&str> = ["decrypt", "s.yaml"].into_iter().chain(option.as_deref()).collect();
        session.args(&arguments).stdout(PLAIN).stderr("").exit(0);
        assert_eq!(signer(&server), who);
    }
    session.no_env("AWS_ACCESS_KEY_ID").no_env("AWS_SECRET_ACCESS_KEY").env("AWS_PROFILE", "dev");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!(signer(&server), "AKIADEV");
    session.args(&["decrypt", "--aws-profile", "none", "s.yaml"]).stdout("").stderr_has("`none` is not configured here").exit(128);
}

#[test]
fn a_profile_that_is_not_there_gives_way_to_the_default_credentials() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    file_for(&mut session, "sops");
    session.file("s.yaml", session.read_text("s.yaml").replace("aws_profile: \"\"", "aws_profile: theirs"));
    let note = "warning: the AWS profile `theirs` is not configured here: the default credentials are used\n";
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).stderr(note).exit(0);
    assert_eq!(signer(&server), "AKIAENVIRONMENT");
}

#[test]
fn two_profiles_in_one_group_are_both_used() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    session.file("../home/.aws/config", CONFIG);
    let key = |name: &str, profile: &str| format!("          - {{arn: \"{}\", aws_profile: {profile}}}\n", arn(name));
    session.file(
        ".sops.yaml",
        format!("creation_rules:\n  - key_groups:\n      - kms:\n{}{}", key("denied", "dev"), key("b", "ci"))
            .replace("denied", "a"),
    );
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    let mut signers: Vec<bool> =
        server.seen().iter().map(|request| request.header("authorization").unwrap().contains("Credential=AKIADEV/")).collect();
    signers.sort_unstable();
    assert_eq!(signers, [false, true]);
}

#[test]
fn refusals_name_the_key_the_region_and_the_caller() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    file_for(&mut session, "denied");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&arn("denied"));
    session.stderr_has("AccessDeniedException: not authorized to perform: kms:Decrypt (region us-east-1, at http://127.0.0.1:");
    session.stderr_has(", as arn:aws:iam::123456789012:user/me)").stderr_lacks("canary").exit(128);
    file_for(&mut session, "disabled");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("DisabledException").stderr_has("is disabled").exit(128);
    session.file("t.yaml", PLAIN);
    session
        .args(&["encrypt", "--kms", &arn("disabled"), "t.yaml"])
        .stdout("")
        .stderr_has("is disabled")
        .stderr_lacks("hunter2")
        .exit(1);
}

#[test]
fn wrong_credentials_are_refused_by_a_server_that_checks_them() {
    let Some(moto) = Moto::start(&["auth"]) else { return };
    let mut session = moto.session();
    let user = |session: &mut Session, name: &str| {
        session.env("AWS_ACCESS_KEY_ID", moto.0.facts()[name][0].as_str().unwrap());
        session.env("AWS_SECRET_ACCESS_KEY", moto.0.facts()[name][1].as_str().unwrap());
    };
    user(&mut session, "user");
    session.args(&["encrypt", "-i", "--kms", moto.fact("key"), "s.yaml"]).exit(0);
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("AWS_SECRET_ACCESS_KEY", SECRET);
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("region us-east-1").stderr_lacks("canary").exit(128);
    user(&mut session, "nobody");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("as arn:aws:iam::123456789012:user/nobody").exit(128);
}

#[test]
fn without_credentials_nothing_is_sent() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    file_for(&mut session, "sops");
    let before = server.seen().len();
    session.no_env("AWS_ACCESS_KEY_ID").no_env("AWS_SECRET_ACCESS_KEY");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("no credentials: ").stderr_has("region us-east-1").exit(128);
    assert_eq!(server.seen().len(), before);
}

#[test]
fn only_arns_of_keys_are_asked_for() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    for arn in
        ["alias/sops", "arn:aws:kms:evil.example.com/:1:key/k", "arn:aws:s3:us-east-1:1:key/k", "arn:aws:kms:us-east-1:1:other/k"]
    {
        let said = format!("no valid ARN found in '{arn}'");
        session.args(&["encrypt", "--kms", arn, "s.yaml"]).stdout("").stderr_has(&said).exit(1);
    }
    assert!(server.seen().is_empty());
}

#[test]
fn what_is_throttled_is_asked_again() {
    let count = AtomicUsize::new(0);
    let server = StandIn::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        1 | 2 => Answer::Json(400, serde_json::json!({ "__type": "ThrottlingException", "message": "Rate exceeded" })),
        _ => service(request),
    });
    let mut session = session(&server.url());
    file_for(&mut session, "sops");
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn garbage_is_named_and_never_shown() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    for (name, said) in [("garbage", "the answer cannot be read"), ("empty", "the answer holds no key")] {
        file_for(&mut session, name);
        session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(said).stderr_has(&arn(name)).stderr_lacks("canary").exit(128);
    }
    file_for(&mut session, "sops");
    let mute = StandIn::start(|_| Answer::Close);
    session.env("AWS_ENDPOINT_URL_KMS", &mute.url());
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&mute.url()).exit(128);
    let other = StandIn::start(|_| Answer::Raw(b"SSH-2.0-canary\r\n".to_vec()));
    session.env("AWS_ENDPOINT_URL_KMS", &other.url());
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has(&other.url()).stderr_lacks("canary").exit(128);
    session.env("AWS_ENDPOINT_URL_KMS", &format!("http://127.0.0.1:{}", free_port()));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("onnection refused").exit(128);
    let enc = session.read_text("s.yaml");
    let enc = enc.lines().find(|line| line.trim_start().starts_with("enc:")).unwrap().to_owned();
    session.file("s.yaml", session.read_text("s.yaml").replace(enc.trim_start(), "enc: \"*\""));
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("the wrapped data key is not base64").exit(128);
}

#[test]
fn a_service_that_hangs_ends_within_ten_seconds_and_other_keys_are_tried() {
    let server = StandIn::start(service);
    let mut session = session(&server.url());
    session.args(&["encrypt", "-i", "--kms", &format!("{ARN},{}", arn("second")), "s.yaml"]).exit(0);
    session.file("s.yaml", session.read_text("s.yaml").replace(ARN, &arn("hangs")));
    let start = Instant::now();
    session.args(&["--verbose", "decrypt", "s.yaml"]).stdout(PLAIN).stderr_has("no answer").stderr_has(&arn("hangs")).exit(0);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn https_needs_a_certificate_that_is_trusted() {
    let server = StandIn::start_with(Some(server_tls()), service);
    let mut session = session(&format!("https://{}", server.host()));
    session.env("SSL_CERT_FILE", testdata("tls/other.pem").to_str().unwrap());
    session.args(&["encrypt", "--kms", ARN, "s.yaml"]).stdout("").stderr_has("invalid peer certificate").exit(1);
    session.env("SSL_CERT_FILE", testdata("tls/ca.pem").to_str().unwrap());
    session.args(&["encrypt", "-i", "--kms", ARN, "s.yaml"]).exit(0);
    session.env("SSL_CERT_FILE", testdata("tls/other.pem").to_str().unwrap());
    session.env("AWS_CA_BUNDLE", testdata("tls/ca.pem").to_str().unwrap());
    session.args(&["decrypt", "s.yaml"]).stdout(PLAIN).exit(0);
    session.env("AWS_CA_BUNDLE", "/no/such/file.pem");
    session.args(&["decrypt", "s.yaml"]).stdout("").stderr_has("AWS_CA_BUNDLE").exit(128);
}

#[test]
fn six_keys_are_asked_at_the_same_time() {
    let server = StandIn::start(|request| {
        std::thread::sleep(Duration::from_millis(400));
        service(request)
    });
    let mut session = session(&server.url());
    let keys: Vec<String> = (0..6).map(|n| arn(&format!("k{n}"))).collect();
    session.args(&["encrypt", "--kms", &keys.join(","), "s.yaml"]).exit(0);
    assert_eq!((server.seen().len(), server.most_at_once()), (6, 6));
}

#[test]
fn the_reference_reads_ours_and_we_read_its() {
    let (Some(reference), Some(moto)) = (std::env::var_os("LEAFSEAL_REFERENCE_SOPS"), Moto::open()) else {
        eprintln!("skipped: LEAFSEAL_REFERENCE_SOPS names no reference binary, or there is no moto");
        return;
    };
    let mut session = moto.session();
    let environment = [
        ("AWS_ENDPOINT_URL", moto.fact("url")),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
    ];
    let with_role = format!("{}+{}", moto.fact("key"), moto.fact("role"));
    for keys in [moto.fact("key"), moto.fact("alias"), moto.fact("other"), &with_role] {
        let flags = ["--kms", keys, "--encryption-context", "Env:prod,App:x"];
        session.file("s.yaml", PLAIN);
        session.args(&[&["encrypt", "-i"], flags.as_slice(), &["s.yaml"]].concat()).exit(0);
        session.both_ways(&reference, &environment, &flags, "s.yaml", PLAIN);
    }
}
