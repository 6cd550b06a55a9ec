//! `edgevision:detector/log`.

use edgevision_abi::log_level;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift},
};

use super::in_time;
use crate::{imports::write_line, instance::HostState, text};

/// The enum `level`, in the order of the WIT.
#[derive(Clone, Copy, ComponentType, Lift)]
#[allow(dead_code, reason = "values come from lifting")]
#[component(enum)]
#[repr(u8)]
pub(super) enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

/// One line for the host's log. An error is also kept: a guest that panics has said why before it traps.
pub(super) fn log(
    mut store: StoreContextMut<'_, HostState>,
    (level, line): (Level, String),
) -> wasmtime::Result<()> {
    in_time(store.data())?;
    let line = text::clean(line.as_bytes());
    if store.data_mut().call.take_log_line() {
        write_line(store.data(), code(level), &line);
    }
    if matches!(level, Level::Error) && !line.is_empty() {
        store.data_mut().call.failure = Some(line);
    }
    Ok(())
}

fn code(level: Level) -> i32 {
    match level {
        Level::Debug => log_level::DEBUG,
        Level::Info => log_level::INFO,
        Level::Warn => log_level::WARN,
        Level::Error => log_level::ERROR,
    }
}
