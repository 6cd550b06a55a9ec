//! Which inference engines this machine has. Test crates that do not depend on this one include the file by its path.

use std::{os::unix::process::CommandExt, process::Command};

use edgevision_wasm_host::nn::{engine_available, engine_names, needed_environment};

/// Whether the engine can be used here; false after a message when its library is not installed.
///
/// # Panics
/// When `EDGEVISION_REQUIRE_ENGINES` is `1` and the engine is missing, or there is no engine of that name.
#[must_use]
pub fn engine(name: &str) -> bool {
    start_again_if_needed();
    let Err(missing) = engine_available(name) else { return true };
    let required = std::env::var_os("EDGEVISION_REQUIRE_ENGINES").is_some_and(|value| value == "1");
    let known = engine_names().any(|known| known == name);
    assert!(known && !required, "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// What the command does, too: an engine may need an environment variable on this machine.
pub fn start_again_if_needed() {
    let Some((name, value)) = needed_environment() else { return };
    let Ok(program) = std::env::current_exe() else { return };
    let failed = Command::new(program).args(std::env::args_os().skip(1)).env(name, value).exec();
    eprintln!("cannot start again with {name}={value}: {failed}");
}
