//! Owns what happens on Ctrl-C and its kin: private files go before the process does.
//!
//! Nothing is set up until there is something to clean, so that a plain decrypt starts no thread.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, Once};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static WATCHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static EDITOR: AtomicI32 = AtomicI32::new(0);
static START: Once = Once::new();

/// As long as this lives, a signal that ends the process removes the path first.
#[derive(Debug)]
pub struct Guard(PathBuf);

/// Has a file or folder removed when a signal ends the process.
pub fn guard(path: &Path) -> Guard {
    if let Ok(mut watched) = WATCHED.lock() {
        watched.push(path.to_owned());
    }
    START.call_once(start);
    Guard(path.to_owned())
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Ok(mut watched) = WATCHED.lock() {
            watched.retain(|path| *path != self.0);
        }
    }
}

/// As long as this lives, the terminal belongs to an editor: Ctrl-C is for it, and what ends us ends it too.
#[derive(Debug)]
pub struct EditorRuns(());

/// Says that an editor runs, with its process id.
pub fn editor_runs(pid: u32) -> EditorRuns {
    EDITOR.store(i32::try_from(pid).unwrap_or(0), Ordering::SeqCst);
    EditorRuns(())
}

impl Drop for EditorRuns {
    fn drop(&mut self) {
        EDITOR.store(0, Ordering::SeqCst);
    }
}

/// Starts the thread that waits for signals. If the system gives none, signals do what they always do.
fn start() {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) else { return };
    let _ = std::thread::Builder::new().name(String::from("signals")).spawn(move || {
        for signal in signals.forever() {
            let editor = EDITOR.load(Ordering::SeqCst);
            if editor != 0 && matches!(signal, SIGINT | SIGQUIT) {
                continue;
            }
            if let Some(pid) = rustix::process::Pid::from_raw(editor) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            clean();
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
}

fn clean() {
    let watched = WATCHED.lock().map(|w| w.clone()).unwrap_or_default();
    for path in watched {
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}
