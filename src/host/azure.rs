//! Owns what is known about Azure here beside what its SDK finds by itself, and how the SDK runs `az` and `azd`.

use super::clock;
use super::env;
use super::failure::io_words;
use crate::keys::azure_kv::{Executor, Settings, Surroundings};
use crate::secret::Secret;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long Azure may take, all requests together; and a program that gives a token.
const LIMIT: Duration = Duration::from_secs(9);
/// The largest file of a certificate.
const LARGEST: u64 = 1 << 20;
/// Where tokens come from unless something else is set.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// Azure as this user's environment knows it.
#[derive(Debug)]
pub struct Environment;

impl Surroundings for Environment {
    fn settings(&self) -> std::result::Result<Settings, String> {
        let certificate = match env::AZURE_CLIENT_CERTIFICATE_PATH.path() {
            Some(path) => Some(read(&path)?),
            None => None,
        };
        Ok(Settings {
            which: env::AZURE_TOKEN_CREDENTIALS.text_in_words()?.unwrap_or_default(),
            tenant: env::AZURE_TENANT_ID.text_in_words()?,
            client: env::AZURE_CLIENT_ID.text_in_words()?,
            secret: env::AZURE_CLIENT_SECRET.text_in_words()?.map(Secret::new),
            certificate,
            authority: env::AZURE_AUTHORITY_HOST.text_in_words()?.unwrap_or_else(|| AUTHORITY.to_owned()),
            federated: env::AZURE_FEDERATED_TOKEN_FILE.path().is_some(),
            managed: env::IDENTITY_ENDPOINT.path().is_some(),
        })
    }

    fn programs(&self) -> Arc<dyn Executor> {
        Arc::new(Programs)
    }

    fn now(&self) -> String {
        clock::now()
    }

    fn limit(&self) -> Duration {
        LIMIT
    }
}

fn read(path: &Path) -> std::result::Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("cannot read {}: {} (AZURE_CLIENT_CERTIFICATE_PATH)", path.display(), io_words(&error))),
    }
}

/// Runs the command lines of the SDK, which are fixed, but for the scope of the token.
#[derive(Debug)]
struct Programs;

#[async_trait::async_trait]
impl Executor for Programs {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> Result<Output> {
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || send.send(child.wait_with_output()));
        match receive.recv_timeout(LIMIT) {
            Ok(output) => output,
            Err(_) => {
                if let Some(group) = group {
                    // It may have ended in this very moment.
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                Err(Error::new(ErrorKind::TimedOut, format!("it said nothing within {} s", LIMIT.as_secs())))
            }
        }
    }
}
