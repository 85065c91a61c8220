//! `leafseal keyservice`: offers the keys of this machine to others.

use super::session::Session;
use crate::host::failure::{Failure, usage};

/// Offer the keys of this machine to others
///
/// Listens for requests to wrap and unwrap data keys, from leafseal and from sops, until it is ended. There is no encryption and no
/// authentication: who can connect can use the keys. A socket in the file system is for this user alone; a TCP port is for every
/// program of every user who reaches it, and belongs behind a tunnel.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leafseal keyservice --network unix --address /run/user/1000/leafseal.sock
  leafseal decrypt --keyservice unix:///run/user/1000/leafseal.sock secrets.yaml

  The keys of a laptop for a server:
  leafseal keyservice --network unix --address /tmp/keys.sock --prompt
  ssh -R /tmp/keys.sock:/tmp/keys.sock server leafseal decrypt --keyservice unix:///tmp/keys.sock secrets.yaml")]
pub struct Args {
    /// Listen on this kind of network: tcp or unix
    #[arg(long, visible_alias = "net", value_name = "NETWORK", default_value = "tcp")]
    network: String,
    /// Listen at this address, or at this path
    #[arg(long, visible_alias = "addr", value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    address: String,
    /// Ask before each answer
    #[arg(long)]
    prompt: bool,
}

/// Runs the command.
///
/// # Errors
/// Exit 1 when it cannot listen, or cannot go on.
#[cfg(feature = "keyservice")]
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    use crate::host::exit;
    use crate::host::keyservice::Listener;
    let listener = match args.network.as_str() {
        "tcp" | "tcp4" | "tcp6" => Listener::tcp(&args.address),
        "unix" => Listener::unix(std::path::Path::new(&args.address)),
        other => return Err(usage(format!("there is no network `{other}`: tcp or unix"))),
    };
    let failed = |why| Failure::new(exit::GENERIC, why);
    let listener = listener.map_err(failed)?;
    serving::serve(listener, session, args.prompt).map_err(failed)
}

/// Runs the command.
///
/// # Errors
/// Always: exit 1.
#[cfg(not(feature = "keyservice"))]
pub fn run(args: &Args, _: &Session<'_>) -> Result<(), Failure> {
    let asking = if args.prompt { ", asking before each answer" } else { "" };
    Err(usage(format!("this build has no key service: it cannot listen at {}://{}{asking}", args.network, args.address)))
}

#[cfg(feature = "keyservice")]
mod serving {
    use super::Session;
    use crate::host::keyservice::Listener;
    use crate::host::ui::Ui;
    use crate::keys::recover::Answer;
    use crate::keys::remote::{Call, Refusal, Work};
    use crate::keys::service::{KeyService, Unwrapped};
    use crate::keys::words::one_line;
    use std::sync::mpsc::{Receiver, channel};
    use std::sync::{Mutex, PoisonError};

    /// How many requests are worked on at the same time.
    const AT_ONCE: usize = 8;

    /// Serves until the program ends.
    pub(super) fn serve(listener: Listener, session: &Session<'_>, prompt: bool) -> Result<(), String> {
        let (calls, waiting) = channel();
        let waiting = Mutex::new(waiting);
        let service: &dyn KeyService = if session.global.verbose { session.traced } else { session.local };
        let desk = Desk { service, ui: session.ui, asking: prompt.then(Mutex::default) };
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| desk.work(&waiting));
            }
            listener.serve(calls, session.ui)
        })
    }

    /// Where calls are answered.
    struct Desk<'d> {
        service: &'d dyn KeyService,
        ui: &'d Ui,
        /// One question at a time; none where nobody wants to be asked.
        asking: Option<Mutex<()>>,
    }

    impl Desk<'_> {
        /// Answers calls until there are no more.
        fn work(&self, waiting: &Mutex<Receiver<Call>>) {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(call) = next else { return };
                let result = self.allow(&call.work).and_then(|()| self.result(&call.work));
                call.answer(result);
            }
        }

        fn allow(&self, work: &Work) -> Result<(), Refusal> {
            let Some(asking) = &self.asking else { return Ok(()) };
            let _mine = asking.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever asks has written the key.
            let key = work.key();
            let what = match work {
                Work::Wrap(..) => "encrypt",
                Work::Unwrap(_) => "decrypt",
            };
            let question = format!(
                "\nReceived {what} request using {} key {}. Respond to request? (y/n): ",
                key.key_type().service(),
                one_line(&key.to_string(), 300)
            );
            match self.ui.yes_or_no(&question) {
                Ok(true) => Ok(()),
                Ok(false) => Err(Refusal::Denied(String::from("Request rejected by user"))),
                Err(failure) => Err(Refusal::Denied(format!("nobody allows it: {}", failure.message))),
            }
        }

        fn result(&self, work: &Work) -> Result<Vec<u8>, Refusal> {
            match work {
                Work::Wrap(key, data_key) => match self.service.wrap(key, data_key.expose()) {
                    Ok(enc) => Ok(enc.into_bytes()),
                    Err(error) => Err(Refusal::Failed(error.to_string())),
                },
                Work::Unwrap(wrapped) => match self.service.unwrap(wrapped) {
                    Ok(Unwrapped::Opened(data_key)) => Ok(data_key.expose().clone()),
                    Ok(Unwrapped::NothingHere(reason)) => Err(Refusal::Failed(Answer::NothingHere(reason).full())),
                    Err(error) => Err(Refusal::Failed(error.to_string())),
                },
            }
        }
    }
}
