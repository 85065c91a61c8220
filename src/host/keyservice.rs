//! Owns where `leafseal keyservice` listens: a TCP port or a socket in the file system, which goes when the program does.

use super::failure::io_words;
use super::ui::Ui;
use crate::keys::remote::{self, Address, Call};
use rustix::fs::Mode;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// On a port.
    Tcp(TcpListener),
    /// In the file system; the path goes when the program does.
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens on a TCP address, `HOST:PORT` (an empty host means every address of this machine).
    ///
    /// # Errors
    /// In words.
    pub fn tcp(address: &str) -> Result<Self, String> {
        let listen = || -> io::Result<TcpListener> {
            match address.strip_prefix(':') {
                Some(port) => TcpListener::bind(format!("[::]:{port}")).or_else(|_| TcpListener::bind(format!("0.0.0.0:{port}"))),
                None => TcpListener::bind(address),
            }
        };
        let listener = listen().and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        listener.map(Self::Tcp).map_err(|error| format!("cannot listen on tcp://{address}: {}", io_words(&error)))
    }

    /// Listens at a path, for this user alone. A socket that someone left there and nobody listens at is replaced.
    ///
    /// # Errors
    /// In words.
    pub fn unix(path: &Path) -> Result<Self, String> {
        let listen = || -> io::Result<UnixListener> {
            let listener = match bind(path) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path) => {
                    std::fs::remove_file(path)?;
                    bind(path)?
                }
                other => other?,
            };
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|error| format!("cannot listen at {}: {}", path.display(), io_words(&error)))?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    /// Where it listens, as clients name it.
    fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("tcp://{address}"),
                Err(_) => String::from("tcp://"),
            },
            Self::Unix(_, path) => format!("unix://{}", std::path::absolute(path).unwrap_or_else(|_| path.clone()).display()),
        }
    }

    /// Whether only this machine can reach it.
    fn is_here(&self) -> bool {
        Address::parse(&self.address()).is_some_and(|address| address.is_here())
    }

    /// Serves until a signal ends the program; says so once it can be ended properly.
    ///
    /// # Errors
    /// In words, when it cannot go on.
    pub fn serve(self, calls: Sender<Call>, ui: &Ui) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| io_words(&error))?;
        let socket = match &self {
            Self::Unix(_, path) => Some(path.clone()),
            Self::Tcp(_) => None,
        };
        let stop = {
            let _inside = runtime.enter();
            Stop::catch()?
        };
        ui.status(&format!("listening on {}", self.address()));
        if !self.is_here() {
            ui.warning("other machines can use the keys of this one, and data keys are not encrypted on the way");
        }
        let ended = runtime.block_on(async {
            tokio::select! {
                ended = self.take(calls) => ended,
                () = stop.came() => Ok(()),
            }
        });
        if let Some(path) = socket {
            let _ = std::fs::remove_file(path);
        }
        ended?;
        ui.status("shutting down");
        // Whoever still asks for a passphrase, or waits for a service, does not hold us up.
        std::process::exit(0)
    }

    async fn take(self, calls: Sender<Call>) -> Result<(), String> {
        match self {
            Self::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| io_words(&error))?;
                remote::serve(TcpListenerStream::new(listener), calls).await
            }
            Self::Unix(listener, _) => {
                let listener = tokio::net::UnixListener::from_std(listener).map_err(|error| io_words(&error))?;
                remote::serve(UnixListenerStream::new(listener), calls).await
            }
        }
    }
}

/// Makes the socket so that nobody else ever has access to it.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    bound
}

/// Whether a path is a socket at which nobody listens.
fn is_left_over(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket());
    is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The signals that end programs.
struct Stop([Signal; 3]);

impl Stop {
    /// Catches them from now on. Needs a runtime.
    fn catch() -> Result<Self, String> {
        let catch = |kind| signal(kind).map_err(|error| io_words(&error));
        Ok(Self([catch(SignalKind::interrupt())?, catch(SignalKind::terminate())?, catch(SignalKind::hangup())?]))
    }

    /// Waits for one.
    async fn came(self) {
        let Self([mut interrupt, mut terminate, mut hang_up]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}
