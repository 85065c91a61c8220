//! Owns what happens on Ctrl-C and its kin: private files go before the process does, and a command that runs gets the signal too.
//!
//! Nothing is set up until there is something to clean or to run, so that a plain decrypt starts no thread.

#[cfg(target_os = "linux")]
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::{Handle, Signals};

static WATCHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static RUNNING: Mutex<Running> = Mutex::new(Running::Nothing);
static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
/// Signals that are caught, until a thread takes them.
static CAUGHT: Mutex<Option<Signals>> = Mutex::new(None);

/// What gets the signals.
enum Running {
    /// This process.
    Nothing,
    /// An editor: Ctrl-C is for it, and what ends us ends it too.
    Editor(Option<Pid>),
    /// A command that is being started; what came meanwhile.
    Starting(Vec<i32>),
    /// A command: it gets every signal, and we wait for what it makes of it.
    Command(Option<Pid>),
}

/// As long as this lives, a signal that ends the process removes the path first.
#[derive(Debug)]
pub struct Guard(PathBuf);

/// Has a file or folder removed when a signal ends the process.
pub fn guard(path: &Path) -> Guard {
    lock(&WATCHED).push(path.to_owned());
    catch();
    listen();
    Guard(path.to_owned())
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&WATCHED).retain(|path| *path != self.0);
    }
}

/// As long as this lives, the terminal belongs to an editor.
#[derive(Debug)]
pub struct EditorRuns(());

/// Says that an editor runs, with its process id.
pub fn editor_runs(pid: u32) -> EditorRuns {
    *lock(&RUNNING) = Running::Editor(pid_of(pid));
    EditorRuns(())
}

impl Drop for EditorRuns {
    fn drop(&mut self) {
        *lock(&RUNNING) = Running::Nothing;
    }
}

/// As long as this lives, signals are for a command.
#[derive(Debug)]
pub struct CommandRuns(());

/// Says that a command is about to be started. Signals that come before it runs are kept for it.
pub fn command_starts() -> CommandRuns {
    *lock(&RUNNING) = Running::Starting(Vec::new());
    if let Some(handle) = catch() {
        // Of a child's end we want to hear in any case.
        for signal in [SIGCHLD].into_iter().chain([SIGUSR1, SIGUSR2].into_iter().filter(|signal| !is_ignored(*signal))) {
            // If the system gives none, the signal does what it always does.
            let _ = handle.add_signal(signal);
        }
    }
    CommandRuns(())
}

impl CommandRuns {
    /// Says that it runs, with its process id.
    pub fn started(&self, pid: u32) {
        let mut running = lock(&RUNNING);
        let pid = pid_of(pid);
        if let Running::Starting(waiting) = &*running {
            waiting.iter().for_each(|signal| send(pid, *signal));
        }
        *running = Running::Command(pid);
    }

    /// Waits until the command has ended, and leaves it to be reaped: until then its process id is its own. Where no thread takes
    /// the signals, they are taken here: starting one would take longer than many a command.
    pub fn wait(&self, pid: u32) {
        let Some(pid) = pid_of(pid) else { return };
        let ended = |options| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | options);
        let Some(mut signals) = lock(&CAUGHT).take() else {
            while matches!(ended(WaitIdOptions::empty()), Err(rustix::io::Errno::INTR)) {}
            return;
        };
        while matches!(ended(WaitIdOptions::NOHANG), Ok(None) | Err(rustix::io::Errno::INTR)) {
            signals.wait().for_each(came);
        }
        *lock(&CAUGHT) = Some(signals);
    }
}

impl Drop for CommandRuns {
    fn drop(&mut self) {
        *lock(&RUNNING) = Running::Nothing;
    }
}

/// Starts the thread that waits for the signals that are caught, once.
fn listen() {
    let Some(mut signals) = lock(&CAUGHT).take() else { return };
    let handle = signals.handle();
    let wait = move || signals.forever().for_each(came);
    if std::thread::Builder::new().name(String::from("signals")).spawn(wait).is_err() {
        handle.close();
    }
}

/// Catches the signals that end a process, once. If the system does not let us, they do what they always do.
fn catch() -> Option<&'static Handle> {
    let begin = || {
        let wanted = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|signal| !is_ignored(*signal));
        let signals = Signals::new(wanted).ok()?;
        let handle = signals.handle();
        *lock(&CAUGHT) = Some(signals);
        Some(handle)
    };
    HANDLE.get_or_init(begin).as_ref()
}

fn came(signal: i32) {
    if signal == SIGCHLD {
        return;
    }
    let mut running = lock(&RUNNING);
    match &mut *running {
        Running::Nothing => {}
        Running::Editor(_) if matches!(signal, SIGINT | SIGQUIT) => return,
        Running::Editor(pid) => send(*pid, SIGTERM),
        // Keys on the terminal reach the command by themselves: twice would be once too often.
        Running::Starting(_) | Running::Command(_) if matches!(signal, SIGINT | SIGQUIT) && has_the_terminal() => return,
        Running::Starting(waiting) => return waiting.push(signal),
        Running::Command(pid) => return send(*pid, signal),
    }
    drop(running);
    clean();
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// Whether our process group is in the foreground of the terminal.
fn has_the_terminal() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Whether a signal was ignored when we were started, as `nohup` does for a reason: then it stays so, for children too.
fn is_ignored(signal: i32) -> bool {
    static MASK: OnceLock<u64> = OnceLock::new();
    MASK.get_or_init(ignored) >> (signal - 1) & 1 == 1
}

/// The signals that are ignored, a bit each.
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    let mut status = Vec::with_capacity(4096);
    // What cannot be read is taken for "none".
    let _ = std::fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_end(&mut status));
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn ignored() -> u64 {
    0
}

fn send(pid: Option<Pid>, signal: i32) {
    if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) {
        // It may be gone already.
        let _ = kill_process(pid, signal);
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn clean() {
    let watched = lock(&WATCHED).clone();
    for path in watched {
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
