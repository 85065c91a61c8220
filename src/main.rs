//! The program: everything is in the library, [`leafseal::cli::run`].

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod large_pages;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: large_pages::LargePages = large_pages::LargePages;

fn main() -> ExitCode {
    leafseal::cli::run()
}
