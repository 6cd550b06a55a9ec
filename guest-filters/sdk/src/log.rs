//! Lines for the host's log.

use edgevision_abi::log_level;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// Details for the author of a module.
    Debug = log_level::DEBUG,
    /// Normal operation.
    Info = log_level::INFO,
    /// Something is off, nothing is lost.
    Warn = log_level::WARN,
    /// Something is lost or has to be done.
    Error = log_level::ERROR,
}

/// Writes one line; natively to standard error. The host drops lines beyond its cap per call.
/// [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn) and [`error!`](crate::error) format.
pub fn log(level: Level, line: &str) {
    crate::export::log(level as i32, line);
}
