//! Owns files: reading with clear refusals, replacing all or nothing (invariant I4).

use super::exit;
use super::failure::Failure;
use super::signals;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// The largest input: spans are 32 bits wide.
pub const LARGEST: u64 = u32::MAX as u64 - 1;

/// What a new file will hold; decides its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Secrets in clear: 0600.
    Plain,
    /// Sealed values: 0666 less the umask.
    Encrypted,
}

/// Reads a whole file.
///
/// # Errors
/// Exit 2 when it cannot be read, is a folder or a socket, or is 4 GiB or larger.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |why: &str| Failure::new(exit::READ, format!("cannot read {}: {why}", shown(path))).named();
    let on_io = |e: std::io::Error| Failure::new(exit::READ, format!("cannot read {}", shown(path))).named().io(&e);
    let found = fs::metadata(path).map_err(on_io)?;
    if found.is_dir() {
        return Err(cannot("it is a folder"));
    }
    if found.file_type().is_socket() {
        return Err(cannot("it is a socket"));
    }
    let file = fs::File::open(path).map_err(on_io)?;
    let expected = if found.is_file() { found.len() } else { 0 };
    if expected > LARGEST {
        return Err(cannot("files of 4 GiB and more are not supported"));
    }
    read_all(file, expected).map_err(on_io)?.ok_or_else(|| cannot("files of 4 GiB and more are not supported"))
}

/// Reads standard input to its end.
///
/// # Errors
/// Exit 2 when it cannot be read.
pub fn read_stdin() -> Result<Vec<u8>, Failure> {
    read_all(std::io::stdin().lock(), 0)
        .map_err(|e| Failure::new(exit::READ, "cannot read standard input").named().io(&e))?
        .ok_or_else(|| Failure::new(exit::READ, "standard input is 4 GiB or more, which is not supported").named())
}

/// `None`: it is too large.
fn read_all(reader: impl Read, expected: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(expected as usize + 1);
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST).then_some(bytes))
}

/// Whether there is something at the path (a symlink to nothing is nothing).
pub fn exists(path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

/// Whether the path is a file that can be read again, or a symlink to one: no device, no pipe.
pub fn is_regular(path: &Path) -> bool {
    path.is_file()
}

/// Whether the path is a folder, or a symlink to one.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Whether something has that name, be it a symlink to nothing.
pub fn is_taken(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Replaces or makes a file: everything or nothing.
///
/// A temporary file in the same folder is written, synced and renamed over the target. A symlink stays and its target is
/// replaced; mode, owner and group stay. Devices and pipes are written to as they are.
///
/// # Errors
/// Exit 3: the target is read-only or a folder, or the disk is full; the target is then as it was.
pub fn write(path: &Path, bytes: &[u8], content: Content) -> Result<(), Failure> {
    let on_io = |e: std::io::Error| cannot_write(path).io(&e);
    let target = resolve(path).map_err(on_io)?;
    if target.starts_with("/proc") || (target.starts_with("/dev") && !target.starts_with("/dev/shm")) {
        return fs::OpenOptions::new().write(true).truncate(true).open(&target).and_then(|mut f| f.write_all(bytes)).map_err(on_io);
    }
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(cannot_write(path).cause("it is a folder")),
        Ok(found) if !found.is_file() => {
            let mut file = fs::OpenOptions::new().write(true).open(&target).map_err(on_io)?;
            file.write_all(bytes).map_err(on_io)
        }
        Ok(found) => {
            if found.permissions().readonly() || rustix::fs::access(&target, rustix::fs::Access::WRITE_OK).is_err() {
                return Err(cannot_write(path).cause("it is read-only").hint(format!("allow it with `chmod u+w {}`", shown(path))));
            }
            let temporary = temporary_beside(&target, 0o600, path)?;
            keep_owner_and_mode(temporary.as_file(), &found).map_err(on_io)?;
            finish(temporary, bytes, &target, path)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mode = if content == Content::Plain { 0o600 } else { 0o666 };
            finish(temporary_beside(&target, mode, path)?, bytes, &target, path)
        }
        Err(e) => Err(on_io(e)),
    }
}

/// Makes a new file with this mode; never over one that is there.
///
/// # Errors
/// Exit 3: it exists, or cannot be made.
pub fn create_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let on_io = |e: std::io::Error| {
        if e.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::new(exit::WRITE, format!("{} exists already and is not overwritten", shown(path)))
        } else {
            cannot_write(path).io(&e)
        }
    };
    let temporary = temporary_beside(path, mode, path)?;
    let guard = signals::guard(temporary.path());
    let mut file = temporary;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(on_io)?;
    file.persist_noclobber(path).map_err(|e| on_io(e.error))?;
    drop(guard);
    sync_folder(path);
    Ok(())
}

/// Makes a folder and those above it, as the umask says.
///
/// # Errors
/// Exit 3.
pub fn create_folders(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|e| Failure::new(exit::WRITE, format!("cannot make the folder {}", shown(path))).io(&e))
}

/// Makes a folder and those above it, for its owner alone.
///
/// # Errors
/// Exit 3.
pub fn create_private_folders(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| Failure::new(exit::WRITE, format!("cannot make the folder {}", shown(path))).io(&e))
}

/// An absolute path without `.` and `..`, by its words alone: symlinks are not followed. As sops names files for its rules.
pub fn absolute(path: &Path) -> PathBuf {
    let mut out = if path.is_absolute() { PathBuf::new() } else { working_folder() };
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The working folder as the shell spells it (`PWD`, if it is the same folder), else as the kernel does.
pub fn working_folder() -> PathBuf {
    let real = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let Some(shell) = super::env::PWD.path().filter(|p| p.is_absolute()) else { return real };
    let same = |a: &Path, b: &Path| {
        let (a, b) = (fs::metadata(a).ok()?, fs::metadata(b).ok()?);
        Some(a.dev() == b.dev() && a.ino() == b.ino())
    };
    if same(&shell, Path::new(".")) == Some(true) { shell } else { real }
}

/// A path for a message.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn cannot_write(path: &Path) -> Failure {
    Failure::new(exit::WRITE, format!("cannot write {}", shown(path))).named()
}

/// Follows symlinks to the file they end at, whether it exists or not.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    let mut at = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_symlink() => {
                let next = fs::read_link(&at)?;
                // `/dev/stdout` ends at names such as `pipe:[17]`, which are no paths: the link itself is opened.
                if next.is_relative() && at.starts_with("/proc") {
                    return Ok(at);
                }
                at = at.parent().unwrap_or(Path::new("")).join(next);
            }
            _ => return Ok(at),
        }
    }
    Err(std::io::Error::other("too many levels of symbolic links"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary_beside(target: &Path, mode: u32, named: &Path) -> Result<tempfile::NamedTempFile, Failure> {
    let folder = folder_of(target);
    tempfile::Builder::new().prefix(".leafseal-").permissions(fs::Permissions::from_mode(mode)).tempfile_in(folder).map_err(|e| {
        let failure = cannot_write(named).io(&e);
        if exists(target) {
            failure.hint(format!(
                "a file is replaced through a temporary file beside it: the folder {} must be writable",
                shown(folder)
            ))
        } else {
            failure
        }
    })
}

/// Gives the temporary file the owner, group and mode of the file it replaces. Who is not root cannot give files away: then the
/// group's rights, which would go to another group, are taken off with it.
fn keep_owner_and_mode(file: &fs::File, old: &fs::Metadata) -> std::io::Result<()> {
    let new = file.metadata()?;
    let mut mode = old.mode() & 0o7777;
    if new.gid() != old.gid() && std::os::unix::fs::fchown(file, None, Some(old.gid())).is_err() {
        mode &= !0o2070;
    }
    if new.uid() != old.uid() && std::os::unix::fs::fchown(file, Some(old.uid()), None).is_err() {
        mode &= !0o4000;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

fn finish(mut temporary: tempfile::NamedTempFile, bytes: &[u8], target: &Path, named: &Path) -> Result<(), Failure> {
    let on_io = |e: std::io::Error| cannot_write(named).io(&e);
    let guard = signals::guard(temporary.path());
    temporary.as_file_mut().write_all(bytes).map_err(on_io)?;
    temporary.as_file().sync_all().map_err(on_io)?;
    temporary.persist(target).map_err(|e| on_io(e.error))?;
    drop(guard);
    sync_folder(target);
    Ok(())
}

/// Makes the rename itself durable; file systems that cannot are no reason to fail.
fn sync_folder(target: &Path) {
    let _ = fs::File::open(folder_of(target)).and_then(|folder| folder.sync_all());
}
