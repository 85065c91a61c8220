//! Owns the private folder: where plaintext lies while an editor or a child process has it.

use super::env;
use super::exit;
use super::failure::Failure;
use super::signals;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A folder (0700) that is gone when dropped or when a signal ends the process.
#[derive(Debug)]
pub struct PrivateFolder {
    in_memory: bool,
    // Dropped in this order: the folder is removed, then no longer watched.
    _folder: tempfile::TempDir,
    _guard: signals::Guard,
}

/// Where a private folder may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory where there is such a place, else among the temporary files: for plaintext.
    Memory,
    /// Among the temporary files: for what holds no content.
    Temporary,
}

impl PrivateFolder {
    /// Makes a folder and something in it, at the first place that takes both.
    ///
    /// # Errors
    /// Exit 3 when no folder could take it.
    pub fn with<T>(place: Place, mut make: impl FnMut(&Path) -> std::io::Result<T>) -> Result<(Self, T), Failure> {
        let mut last = None;
        for (parent, in_memory) in places().into_iter().filter(|(_, in_memory)| place == Place::Memory || !in_memory) {
            match Self::create_in(&parent, in_memory).and_then(|folder| Ok((make(folder._folder.path())?, folder))) {
                Ok((made, folder)) => return Ok((folder, made)),
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

    fn create_in(parent: &Path, in_memory: bool) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("leafseal-").permissions(Permissions::from_mode(0o700)).tempdir_in(parent)?;
        let guard = signals::guard(folder.path());
        Ok(Self { in_memory, _folder: folder, _guard: guard })
    }
}

/// A file in a private folder of its own.
#[derive(Debug)]
pub struct PrivateFile {
    path: PathBuf,
    folder: PrivateFolder,
}

impl PrivateFile {
    /// Makes a file (0600) of that name, which may lie in folders of its own, with these contents.
    ///
    /// # Errors
    /// Exit 3 when no folder could take it.
    pub fn create(name: impl AsRef<Path>, contents: &[u8]) -> Result<Self, Failure> {
        let (folder, path) = PrivateFolder::with(Place::Memory, |folder| {
            let path = place_in(folder, name.as_ref())?;
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(contents)?;
            Ok(path)
        })?;
        Ok(Self { path, folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it lies in memory and never reaches a disk (but for swap).
    pub fn in_memory(&self) -> bool {
        self.folder.in_memory
    }
}

/// The path of a name in a folder; folders on the way are made.
///
/// # Errors
/// When they cannot be.
pub fn place_in(folder: &Path, name: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join(name);
    if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    Ok(path)
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

    #[test]
    fn a_name_may_lie_in_folders() {
        let file = PrivateFile::create("a/b/c.yaml", b"").expect("made");
        assert!(file.path().ends_with("a/b/c.yaml"));
    }
}
