//! Owns a named pipe that can be read again and again: everyone who opens it gets the whole content, and nothing of it reaches a disk.
//!
//! Nobody is told when a reader opens a pipe, and two readers of one pipe would share its content. So two pipes change places in short
//! intervals, and the one that had the name before is tried: if a reader waits there, it has that pipe to itself. Readers that open it
//! within the same interval still share one: for those there is the regular file.

use super::exit;
use super::failure::Failure;
use nix::sys::stat::Mode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, OFlags, RenameFlags, open, renameat_with};
use rustix::io::Errno;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Thread, park_timeout, scope};
use std::time::Duration;

/// How long the first tries are apart, and the longest it ever gets.
const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LAST_PAUSE: Duration = Duration::from_millis(10);
/// How long a reader that takes nothing is waited for before we look whether it is over.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A named pipe.
#[derive(Debug)]
pub struct NamedPipe {
    path: PathBuf,
    /// The one that takes its name next.
    spare: PathBuf,
}

impl NamedPipe {
    /// Makes a pipe (0600).
    ///
    /// # Errors
    /// When the system does not let it be made.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        let mut spare = path.as_os_str().to_owned();
        spare.push(".next");
        let pipe = Self { path: path.to_owned(), spare: spare.into() };
        make(&pipe.path)?;
        make(&pipe.spare)?;
        Ok(pipe)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the content to everyone who opens the pipe while `work` is done. A pipe that someone removes or replaces is left alone.
    ///
    /// # Errors
    /// Those of `work`; exit 1 when the system has no thread for it.
    pub fn while_served(&self, content: &[u8], work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let over = AtomicBool::new(false);
        scope(|scope| {
            let server = Builder::new().spawn_scoped(scope, || self.serve(content, &over));
            let server = server.map_err(|e| Failure::new(exit::GENERIC, "cannot serve the named pipe").io(&e))?;
            let _end = End { over: &over, server: server.thread() };
            work()
        })
    }

    fn serve(&self, content: &[u8], over: &AtomicBool) {
        scope(|scope| {
            let mut pause = FIRST_PAUSE;
            while !over.load(Ordering::SeqCst) {
                match self.reader() {
                    Reader::One(writer) => {
                        // A system that has no thread for it leaves the reader with an empty pipe.
                        if Builder::new().spawn_scoped(scope, move || give(&writer, content, over)).is_err() {
                            return;
                        }
                        pause = FIRST_PAUSE;
                    }
                    Reader::None => {
                        park_timeout(pause);
                        pause = (pause + pause / 16).min(LAST_PAUSE);
                    }
                    Reader::Never => return,
                }
            }
        });
    }

    /// The writing end for a reader that is there, which has the pipe to itself from now on.
    fn reader(&self) -> Reader {
        if !std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.file_type().is_fifo()) {
            return Reader::Never;
        }
        // Where names cannot change places, a reader is let in under the name first and moved away then: a moment too late for some.
        let exchanged = renameat_with(CWD, &self.path, CWD, &self.spare, RenameFlags::EXCHANGE).is_ok();
        let tried = if exchanged { &self.spare } else { &self.path };
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open(tried, flags, rustix::fs::Mode::empty()) {
            Ok(writer) => {
                let writer = File::from(writer);
                if !writer.metadata().is_ok_and(|found| found.file_type().is_fifo()) {
                    return Reader::Never;
                }
                let freed = if exchanged { std::fs::remove_file(&self.spare) } else { std::fs::rename(&self.spare, &self.path) };
                if freed.and_then(|()| make(&self.spare)).is_err() {
                    return Reader::Never;
                }
                Reader::One(writer)
            }
            Err(Errno::NXIO | Errno::INTR) => Reader::None,
            Err(_) => Reader::Never,
        }
    }
}

/// Ends the serving, also when the work panics.
struct End<'a> {
    over: &'a AtomicBool,
    server: &'a Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        self.server.unpark();
    }
}

/// Whether there is someone to read.
enum Reader {
    None,
    One(File),
    /// The pipe is gone.
    Never,
}

fn make(path: &Path) -> std::io::Result<()> {
    nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(std::io::Error::from)
}

/// Writes it all; a reader that goes away early is none of our business, one that takes nothing any more is left when it is over.
fn give(mut writer: &File, content: &[u8], over: &AtomicBool) {
    let mut rest = content;
    while !rest.is_empty() {
        match writer.write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                let ready = poll(&mut [PollFd::new(&writer, PollFlags::OUT)], Some(&PATIENCE));
                if ready == Ok(0) && over.load(Ordering::SeqCst) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Serves a content while `work` has the path of the pipe.
    fn served(content: &[u8], work: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = NamedPipe::create(&folder.path().join("p")).expect("a pipe");
        let work = || {
            work(pipe.path());
            Ok(())
        };
        assert!(pipe.while_served(content, work).is_ok());
    }

    #[test]
    fn everyone_who_opens_it_gets_everything() {
        let content: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        served(&content, |path| {
            for _ in 0..20 {
                assert!(std::fs::read(path).expect("read") == content);
            }
        });
    }

    #[test]
    fn two_that_are_open_at_once_get_everything_each() {
        let content = vec![b'x'; 200_000];
        served(&content, |path| {
            let mut first = File::open(path).expect("opened");
            let mut second = File::open(path).expect("opened");
            let mut start = [0; 10];
            first.read_exact(&mut start).expect("read");
            let (mut a, mut b) = (Vec::new(), Vec::new());
            second.read_to_end(&mut b).expect("read");
            first.read_to_end(&mut a).expect("read");
            assert_eq!((a.len() + 10, b.len()), (content.len(), content.len()));
        });
    }

    #[test]
    fn readers_that_go_early_or_never_come_do_no_harm() {
        served(b"", |_| {});
        served(&vec![b'x'; 200_000], |path| {
            drop(File::open(path).expect("opened"));
            let mut start = [0; 3];
            File::open(path).expect("opened").read_exact(&mut start).expect("read");
        });
        let mut kept = None;
        served(&vec![b'x'; 200_000], |path| kept = Some(File::open(path).expect("opened")));
    }

    #[test]
    fn what_takes_the_place_of_the_pipe_is_left_alone() {
        served(b"secret", |path| {
            std::fs::remove_file(path).expect("removed");
            std::fs::write(path, "mine").expect("written");
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(std::fs::read(path).expect("read"), b"mine");
        });
    }
}
