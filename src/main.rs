//! The program: everything is in the library, [`leafseal::cli::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    leafseal::cli::run()
}
