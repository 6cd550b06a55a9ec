//! The `edgevision` command.

use std::{panic, process::ExitCode};

use edgevision::{cli, error::Exit};

fn main() -> ExitCode {
    // The hook has printed where it happened; what is left to say is whose fault it is.
    panic::catch_unwind(|| cli::run(std::env::args_os())).unwrap_or(Exit::Internal).into()
}
