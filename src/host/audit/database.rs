//! Owns one PostgreSQL database of the audit: reached once, within a limit, and told what happens.

use super::connection::{Connection, Mode};
use super::{Action, failure, trust};
use crate::host::failure::{Failure, io_words};
use crate::host::user;
use crate::keys::words::one_line;
use crate::secret::Secret;
use postgres::config::SslMode;
use postgres::{Client, Config};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a database may take, to be reached or to answer.
const LIMIT: Duration = Duration::from_secs(9);
/// The statement of the reference.
const INSERT: &str = "INSERT INTO audit_event (action, username, file) VALUES ($1, $2, $3)";

/// A database that was reached.
pub(super) struct Database {
    /// Which entry of the configuration it is.
    index: usize,
    text: Secret<String>,
    user: String,
    /// Taken out while it is asked; not put back when that went wrong.
    client: Mutex<Option<Client>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.index)
    }
}

impl Database {
    /// Connects and asks for an answer, as the reference.
    ///
    /// # Errors
    /// Exit 1; the connection string is not shown.
    pub(super) fn reach(index: usize, text: &str) -> Result<Self, Failure> {
        let database = Self { index, text: Secret::new(text.to_owned()), user: user::name()?, client: Mutex::default() };
        let client = database.connect()?;
        *database.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
        Ok(database)
    }

    fn connect(&self) -> Result<Client, Failure> {
        let client = settings(self.text.expose(), &self.user).and_then(|(config, tls)| {
            within(move || {
                let mut client = config.connect(tls).map_err(|error| in_words(&error))?;
                let one: i32 =
                    client.query_one("SELECT 1", &[]).and_then(|row| row.try_get(0)).map_err(|error| in_words(&error))?;
                if one == 1 { Ok(client) } else { Err(format!("SELECT 1 answers {one}")) }
            })
        });
        client.map_err(|why| failed(self.index, "cannot be reached", &why))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Exit 1.
    pub(super) fn record(&self, action: Action, file: &Path) -> Result<(), Failure> {
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut client = match held.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        let (user, file) = (self.user.clone(), file.to_string_lossy().into_owned());
        let told = within(move || {
            client.execute(INSERT, &[&action.name(), &user, &file]).map_err(|error| in_words(&error))?;
            Ok(client)
        });
        *held = Some(told.map_err(|why| failed(self.index, "does not take a record", &why))?);
        Ok(())
    }
}

fn failed(index: usize, what: &str, why: &str) -> Failure {
    failure(format!("the audit database backends.postgres[{index}] of {} {what}: {why}", super::PATH))
        .hint("without a record of it nothing is encrypted or decrypted: whoever keeps the audit can help")
}

/// Runs something that may hang; what hangs is left alone.
fn within<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    let (give, take) = channel();
    let started = std::thread::Builder::new().name(String::from("audit")).spawn(move || give.send(work()).is_ok());
    if let Err(error) = started {
        return Err(error.to_string());
    }
    take.recv_timeout(LIMIT).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Err(format!("no answer within {} s", LIMIT.as_secs())),
        RecvTimeoutError::Disconnected => Err(String::from("it ended without an answer")),
    })
}

/// What the library needs to connect, with the defaults of the reference's: this machine, this user.
fn settings(text: &str, user: &str) -> Result<(Config, MakeRustlsConnect), String> {
    let connection = Connection::parse(text)?;
    let mut config: Config = connection.text.parse().map_err(|error: postgres::Error| in_words(&error))?;
    config.ssl_mode(match connection.mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        _ => SslMode::Require,
    });
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_user().is_none() {
        config.user(user);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(LIMIT);
    }
    Ok((config, MakeRustlsConnect::new(trust::config(&connection)?)))
}

/// An error of the library with what lies beneath it: it names hosts, users and tables, no password.
fn in_words(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.downcast_ref().map_or_else(|| cause.to_string(), io_words);
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    one_line(&text, 500)
}
