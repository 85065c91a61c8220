//! Owns how age plugins are run: where the program is found, its pipes, how long it may be silent, how it ends.

use super::child;
use super::env;
use super::failure::io_words;
use super::ui::Ui;
use crate::keys::age::{PluginError, PluginTask, Plugins, RunningPlugin};
use crate::secret::Secret;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How many seconds a plugin may say nothing, if the environment does not say otherwise: long enough to find a token and touch it.
const PATIENCE: u64 = 30;
/// After how many seconds of silence it is told what is waited for.
const NOTICE: Duration = Duration::from_secs(5);
/// How long a plugin that is done may take to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// The most bytes of a line; what is longer is no protocol.
const LINE_LIMIT: u64 = 64 << 10;
/// How much of what it says on standard error is kept, of its end.
const SAID_LIMIT: usize = 4 << 10;

/// The plugins that are installed.
#[derive(Debug)]
pub struct InstalledPlugins<'a> {
    ui: &'a Ui,
}

impl<'a> InstalledPlugins<'a> {
    /// Plugins that talk through `ui`.
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui }
    }
}

/// Whether the program of a plugin is there.
pub fn is_installed(name: &str) -> bool {
    child::find(program(name)).is_some()
}

fn program(name: &str) -> String {
    format!("age-plugin-{name}")
}

impl Plugins for InstalledPlugins<'_> {
    fn start(&self, name: &str, task: PluginTask) -> Result<Box<dyn RunningPlugin + '_>, PluginError> {
        let failed = |how: String| PluginError::Failed { name: name.to_owned(), how };
        let patience = patience().map_err(|why| failed(format!("was not started: {why}")))?;
        let program = child::find(program(name)).ok_or_else(|| PluginError::Missing { name: name.to_owned() })?;
        let child = Command::new(program)
            .arg(task.argument())
            // Not the working folder, which may be anyone's.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("cannot be started: {}", io_words(&e))))?;
        Ok(Box::new(Running::new(child, name, patience, self.ui)))
    }

    fn show(&self, name: &str, message: &str) {
        self.ui.status(&format!("age-plugin-{name}: {message}"));
    }

    fn ask(&self, name: &str, message: &str, secret: bool) -> Option<Secret<String>> {
        let question = format!("age-plugin-{name}: {message}");
        if secret { self.ui.secret(&question) } else { self.ui.line(&question).map(Secret::new) }
    }

    fn confirm(&self, name: &str, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let question = format!("age-plugin-{name}: {message}");
        match no {
            None => self.ui.line(&format!("{question} [Enter: {yes}]")).map(|_| true),
            Some(no) => self.ui.line(&format!("{question} [y: {yes}, n: {no}]")).map(|answer| is_yes(&answer)),
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES")
}

/// How long a plugin may be silent.
fn patience() -> Result<Duration, String> {
    let text = env::AGE_PLUGIN_TIMEOUT.text().map_err(|failure| failure.message)?;
    let seconds = match text {
        None => PATIENCE,
        Some(text) => match text.parse() {
            Ok(seconds @ 1..=86_400) => seconds,
            _ => return Err(format!("the environment variable {} must be a number of seconds", env::AGE_PLUGIN_TIMEOUT.name)),
        },
    };
    Ok(Duration::from_secs(seconds))
}

/// A plugin that runs.
struct Running<'a> {
    ui: &'a Ui,
    child: Child,
    name: String,
    patience: Duration,
    to: Option<Sender<Zeroizing<Vec<u8>>>>,
    from: Receiver<Zeroizing<Vec<u8>>>,
    said: Option<JoinHandle<Vec<u8>>>,
    hangs: bool,
}

impl<'a> Running<'a> {
    fn new(mut child: Child, name: &str, patience: Duration, ui: &'a Ui) -> Self {
        let (to, to_send) = mpsc::channel::<Zeroizing<Vec<u8>>>();
        let (lines, from) = mpsc::channel();
        // Whatever a pipe does, it is waited for in a thread of its own, never here.
        let stdin = child.stdin.take();
        std::thread::spawn(move || {
            let Some(mut stdin) = stdin else { return };
            // A plugin that is gone says why on its standard error.
            while let Ok(bytes) = to_send.recv() {
                if stdin.write_all(&bytes).and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        });
        let stdout = child.stdout.take();
        std::thread::spawn(move || {
            let Some(stdout) = stdout else { return };
            let mut stdout = BufReader::new(stdout);
            loop {
                let mut line = Zeroizing::new(Vec::new());
                let read = (&mut stdout).take(LINE_LIMIT).read_until(b'\n', &mut line);
                if !read.is_ok_and(|count| count > 0) || lines.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = child.stderr.take();
        let said = std::thread::spawn(move || {
            let mut end = Vec::new();
            let Some(mut stderr) = stderr else { return end };
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                end.extend_from_slice(&buffer[..count]);
                end.drain(..end.len().saturating_sub(SAID_LIMIT));
            }
            end
        });
        Self { ui, child, name: name.to_owned(), patience, to: Some(to), from, said: Some(said), hangs: false }
    }

    /// Waits until `FAREWELL` for the end; then there is one.
    fn end(&mut self) -> Option<std::process::ExitStatus> {
        self.to = None;
        let start = Instant::now();
        while !self.hangs && start.elapsed() < FAREWELL {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        self.child.wait().ok()
    }

    /// That it ended before it was done, with its last words.
    fn gone(&mut self) -> PluginError {
        let how = self.end().map_or_else(|| String::from("ended"), child::ended);
        // A grandchild may hold the pipe: the words are not waited for.
        std::thread::sleep(Duration::from_millis(5));
        let said = self.said.take().filter(JoinHandle::is_finished).and_then(|thread| thread.join().ok()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let last: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
        let how = if last.is_empty() { format!("{how} without an answer") } else { format!("{how} without an answer: {last}") };
        PluginError::Failed { name: self.name.clone(), how }
    }
}

impl RunningPlugin for Running<'_> {
    fn send(&mut self, bytes: Zeroizing<Vec<u8>>) -> Result<(), PluginError> {
        let sent = self.to.as_ref().is_some_and(|to| to.send(bytes).is_ok());
        if sent { Ok(()) } else { Err(self.gone()) }
    }

    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, PluginError> {
        let first = self.patience.min(NOTICE);
        let mut line = self.from.recv_timeout(first);
        if matches!(line, Err(RecvTimeoutError::Timeout)) && self.patience > first {
            self.ui.status(&format!("waiting for age-plugin-{}", self.name));
            line = self.from.recv_timeout(self.patience - first);
        }
        match line {
            Ok(line) if line.ends_with(b"\n") => Ok(line),
            Ok(_) | Err(RecvTimeoutError::Disconnected) => Err(self.gone()),
            Err(RecvTimeoutError::Timeout) => {
                self.hangs = true;
                self.end();
                Err(PluginError::Silent { name: self.name.clone(), seconds: self.patience.as_secs() })
            }
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
