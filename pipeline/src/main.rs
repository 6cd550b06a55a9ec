//! The `edgevision` command.

use std::{os::unix::process::CommandExt, panic, process::Command, process::ExitCode};

use edgevision::{cli, error::Exit};
use edgevision_wasm_host::nn::needed_environment;

fn main() -> ExitCode {
    if let Some((name, value)) = needed_environment() {
        start_again_with(name, value);
    }
    // The hook has printed where it happened; what is left to say is whose fault it is.
    panic::catch_unwind(|| cli::run(std::env::args_os())).unwrap_or(Exit::Internal).into()
}

/// Replaces this process by itself with one more environment variable: setting it in place is not safe once there are
/// threads. Returns only if that fails; then the engine that needs the variable says so.
fn start_again_with(name: &str, value: &str) {
    let mut arguments = std::env::args_os();
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    if let Some(called) = arguments.next() {
        command.arg0(called);
    }
    let failed = command.args(arguments).env(name, value).exec();
    eprintln!("edgevision: cannot start again with {name}={value}: {failed}");
}
