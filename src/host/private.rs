//! Owns the private folder: where plaintext lies while an editor or a child process has it.

use super::env;
use super::exit;
use super::failure::Failure;
use super::signals;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file in a folder of its own (0700), in memory where there is such a place; gone when dropped or when a signal ends
/// the process.
#[derive(Debug)]
pub struct PrivateFile {
    path: PathBuf,
    in_memory: bool,
    // Dropped in this order: the folder is removed, then no longer watched.
    _folder: tempfile::TempDir,
    _guard: signals::Guard,
}

impl PrivateFile {
    /// Makes a file (0600) of that name with these contents.
    ///
    /// # Errors
    /// When no folder could take it.
    pub fn create(name: &str, contents: &[u8]) -> Result<Self, Failure> {
        let mut last = None;
        for (parent, in_memory) in places() {
            match Self::create_in(&parent, in_memory, name, contents) {
                Ok(file) => return Ok(file),
                Err(e) => last = Some((parent, e)),
            }
        }
        let failure = Failure::new(exit::WRITE, "there is no place for a private temporary file");
        Err(match last {
            Some((parent, e)) => failure.detail(format!("tried last: {}", parent.display())).io(&e),
            None => failure,
        }
        .hint("set TMPDIR to a folder that can be written to"))
    }

    fn create_in(parent: &Path, in_memory: bool, name: &str, contents: &[u8]) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("leafseal-").permissions(Permissions::from_mode(0o700)).tempdir_in(parent)?;
        let guard = signals::guard(folder.path());
        let path = folder.path().join(name);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(contents)?;
        Ok(Self { path, in_memory, _folder: folder, _guard: guard })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it lies in memory and never reaches a disk (but for swap).
    pub fn in_memory(&self) -> bool {
        self.in_memory
    }
}

/// The folders to try, best first, each with whether it is in memory.
fn places() -> Vec<(PathBuf, bool)> {
    let mut places: Vec<(PathBuf, bool)> = [env::XDG_RUNTIME_DIR.path(), Some(PathBuf::from("/dev/shm"))]
        .into_iter()
        .flatten()
        .filter(|p| is_in_memory(p))
        .map(|p| (p, true))
        .collect();
    places.push((std::env::temp_dir(), false));
    places
}

#[cfg(target_os = "linux")]
fn is_in_memory(folder: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    // The type of `f_type` differs between platforms; only its low 32 bits matter.
    rustix::fs::statfs(folder).is_ok_and(|s| matches!(s.f_type as u64 & 0xffff_ffff, TMPFS | RAMFS))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_folder: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_for_its_owner_alone_and_goes_away() {
        let file = PrivateFile::create("secrets.yaml", b"a: 1\n").expect("made");
        let path = file.path().to_owned();
        let folder = path.parent().expect("has one").to_owned();
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&folder).expect("there").permissions().mode() & 0o777, 0o700);
        assert_eq!(path.file_name().expect("named"), "secrets.yaml");
        drop(file);
        assert!(!folder.exists());
    }
}
