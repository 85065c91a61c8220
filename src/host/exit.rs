//! Owns the exit codes: the ones of sops, which scripts rely on.

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

/// Everything went well.
pub const SUCCESS: Exit = Exit(0);
/// Whatever has no code of its own: usage, configuration, keys that cannot be wrapped, damaged metadata.
pub const GENERIC: Exit = Exit(1);
/// The input could not be read, or a plaintext does not parse.
pub const READ: Exit = Exit(2);
/// The output could not be written.
pub const WRITE: Exit = Exit(3);
/// There is no help about that.
pub const NO_HELP_TOPIC: Exit = Exit(3);
/// The output format cannot hold the document.
pub const DUMP: Exit = Exit(4);
/// A malformed `--encryption-context`.
pub const ENCRYPTION_CONTEXT: Exit = Exit(6);
/// A bad path or value for `set` or `unset`.
pub const SET_FORMAT: Exit = Exit(7);
/// Options that exclude each other, or one that is missing beside another.
pub const CONFLICT: Exit = Exit(8);
/// A value cannot be sealed.
pub const ENCRYPT_TREE: Exit = Exit(23);
/// A sealed value cannot be opened.
pub const DECRYPT_TREE: Exit = Exit(25);
/// `--add-*` or `--rm-*` on a file that does not exist.
pub const KEYS_OF_MISSING_FILE: Exit = Exit(49);
/// The MAC is wrong, missing or cannot be opened.
pub const MAC: Exit = Exit(51);
/// A bad `--extract` path.
pub const TREE_PATH: Exit = Exit(91);
/// There is nothing in the file to encrypt.
pub const NO_DOCUMENT: Exit = Exit(92);
/// No file was named, or it does not exist.
pub const NO_FILE: Exit = Exit(100);
/// A bad `--decryption-order`.
pub const DECRYPTION_ORDER: Exit = Exit(112);
/// The program of `exec-env` or `exec-file` cannot be run.
pub const CANNOT_RUN: Exit = Exit(126);
/// There is no such program.
pub const NO_COMMAND: Exit = Exit(127);
/// No master key could unwrap the data key.
pub const NO_KEY: Exit = Exit(128);
/// The editor left the file as it was.
pub const UNCHANGED: Exit = Exit(200);
/// There is no editor, or it failed.
pub const EDITOR: Exit = Exit(201);
/// The plaintext is encrypted already.
pub const ALREADY_ENCRYPTED: Exit = Exit(203);
/// `sync`: both files changed since the last time, or nothing says which one did.
pub const SYNC_CONFLICT: Exit = Exit(204);
/// A signal ended the command of `exec-env` or `exec-file`.
pub const SIGNALLED: Exit = Exit(255);

/// Every code with its meaning, for the documentation.
pub const ALL: &[(Exit, &str)] = &[
    (SUCCESS, "success"),
    (GENERIC, "usage, configuration, keys that cannot be wrapped, damaged metadata, and whatever has no code of its own"),
    (READ, "the input cannot be read, or a plaintext does not parse"),
    (WRITE, "the output cannot be written; `help` about something that is no command"),
    (DUMP, "the output format cannot hold the document"),
    (ENCRYPTION_CONTEXT, "malformed `--encryption-context`"),
    (SET_FORMAT, "bad path or value for `set` or `unset`"),
    (CONFLICT, "options that exclude each other, or one that is missing beside another"),
    (ENCRYPT_TREE, "a value cannot be sealed"),
    (DECRYPT_TREE, "a sealed value cannot be opened"),
    (KEYS_OF_MISSING_FILE, "`--add-*` or `--rm-*` on a file that does not exist"),
    (MAC, "the MAC is wrong, missing or cannot be opened"),
    (TREE_PATH, "bad `--extract` path"),
    (NO_DOCUMENT, "nothing in the file to encrypt"),
    (NO_FILE, "no file named, or the file does not exist"),
    (DECRYPTION_ORDER, "bad `--decryption-order`"),
    (CANNOT_RUN, "the program of `exec-env` or `exec-file` cannot be run"),
    (NO_COMMAND, "the program of `exec-env` or `exec-file` is not found"),
    (NO_KEY, "no master key could unwrap the data key"),
    (UNCHANGED, "the editor left the file as it was"),
    (EDITOR, "no editor, or it failed"),
    (ALREADY_ENCRYPTED, "the file is encrypted already"),
    (SYNC_CONFLICT, "`sync`: both files changed, or nothing says which one did"),
    (SIGNALLED, "a signal ended the command of `exec-env` or `exec-file`; otherwise its own exit code is kept"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_listed_once_in_order() {
        let codes: Vec<u8> = ALL.iter().map(|(exit, _)| exit.0).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
    }
}
