//! `leafseal exec-file`.

use super::args::{OrderArgs, ServiceArgs, TypeArgs};
use super::exec_words::ExecArgs;
use super::format;
use super::session::{Session, mac_policy};
use super::work::{Input, conflict};
use crate::file::EncryptedFile;
use crate::host::failure::{Failure, usage};
use crate::host::pipe::NamedPipe;
use crate::host::private::{Place, PrivateFile, PrivateFolder, place_in};
use crate::host::run::{self, Job};
use crate::host::user::Account;
use std::path::{Component, Path, PathBuf};
use zeroize::Zeroizing;

/// The name of the file when none is asked for; that of sops.
const NAME: &str = "tmp-file";

const EXAMPLES: &str = "Examples:
  leafseal exec-file secrets.json 'jq .password {}'
  leafseal exec-file values.yaml --no-fifo --filename values.yaml -- helm upgrade app ./chart -f {}";

/// Run a command with the decrypted file at hand
///
/// COMMAND is one line for /bin/sh, in which {} is the path of the decrypted file. After `--`, a program is run with its arguments as
/// they are, without a shell. The command's exit code is kept; 255 says that a signal ended it. Signals are passed on to it.
///
/// The file is a named pipe: nothing of it reaches a disk, and it may be opened again and again. Programs that need a real file, or that
/// open it twice at the same moment, get one with --no-fifo, in memory where there is such a place. Either is gone when the command ends.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "leafseal exec-file [OPTIONS] FILE COMMAND\n       leafseal exec-file [OPTIONS] FILE -- PROGRAM [ARGUMENT]..."
)]
pub struct Args {
    #[command(flatten)]
    exec: ExecArgs,
    /// Give the command a regular file instead of a named pipe
    #[arg(long)]
    no_fifo: bool,
    /// Name of the decrypted file: a relative path
    #[arg(long, value_name = "NAME")]
    filename: Option<PathBuf>,
    #[command(flatten)]
    types: TypeArgs,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// With the exit code of the command, or what keeps it from being run.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let words = args.exec.read(false)?;
    let name = args.filename.as_deref().filter(|name| !name.as_os_str().is_empty()).unwrap_or(Path::new(NAME));
    if !is_local(name) {
        return Err(
            usage("The provided filename is not a local path.").hint("--filename takes a name, or a path below the private folder")
        );
    }
    let settled = session.settle(&args.services, Some(&args.order))?;
    let cx = settled.context();
    let [input] = words.inputs.as_slice() else { return Err(usage("error: missing file to decrypt")) };
    let decrypt = || -> Result<_, Failure> {
        let path = input.path(None);
        let from = format::choose(args.types.input.input_type.as_deref(), &path)?;
        let to = format::choose(args.types.output_type.as_deref(), &path)?;
        let plain =
            session.open(input.file(), EncryptedFile::parse_owned(input.read(session.ui)?, from)?, mac_policy(false), &cx)?;
        Ok(Zeroizing::new(plain.convert(to, cx.layout)?))
    };
    let content = decrypt().map_err(|failure| failure.about(&input.name()))?;
    if args.exec.in_background(session.ui) {
        return match input {
            // It serves the file and cleans up, so it must go on after this process.
            Input::File(_) => run::again_without("background"),
            Input::Stdin => Err(conflict("the --background flag cannot be used when reading from stdin")),
        };
    }
    let account = args.exec.user.as_deref().map(Account::find).transpose()?;
    if let Some(account) = &account {
        // First, so that the file is the user's, too.
        account.switch()?;
    }
    let start = |path: &Path| -> Result<(), Failure> {
        let mut job = Job::new(&words.command.with_path(path.as_os_str()), args.exec.pristine)?;
        job.variables(account.iter().flat_map(Account::variables));
        job.run()
    };
    if args.no_fifo {
        let file = PrivateFile::create(name, &content)?;
        if !file.in_memory() {
            session.ui.detail(
                "note: there is no folder in memory for the plaintext; it lies in the temporary folder while the command runs",
            );
        }
        return start(file.path());
    }
    let (_folder, pipe) = PrivateFolder::with(Place::Temporary, |folder| NamedPipe::create(&place_in(folder, name)?))?;
    pipe.while_served(&content, || start(pipe.path()))
}

/// Whether a name stays below the folder it is put in, as a file of its own.
fn is_local(name: &Path) -> bool {
    let mut depth = 0usize;
    for part in name.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    depth > 0 && name.file_name().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for local in ["a", "a.yaml", "a/b", "./a", "a/../b"] {
            assert!(is_local(Path::new(local)), "{local}");
        }
        for other in ["", "/a", "..", "../a", "a/../../b", ".", "a/.."] {
            assert!(!is_local(Path::new(other)), "{other}");
        }
    }
}
