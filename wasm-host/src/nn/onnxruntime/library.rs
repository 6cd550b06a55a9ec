//! The one ONNX Runtime of this process: loaded when the first model asks for it, never unloaded.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ort::{environment::Environment, logging::LogLevel};

use crate::nn::{NnError, native::Library};

const LIBRARY: Library = Library {
    engine: super::NAME,
    variable: "EDGEVISION_ONNXRUNTIME_LIB",
    file: "libonnxruntime.so",
    product: "ONNX Runtime 1.22 or newer",
};

static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);
/// The file that was loaded.
static LOADED: OnceLock<PathBuf> = OnceLock::new();

/// The environment that sessions are made in. A failure is not remembered: the library may have been installed since.
pub(super) fn environment() -> Result<Environment, NnError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*environment {
        return Ok(environment.clone());
    }
    Ok(environment.insert(start()?).clone())
}

/// Whether the library is there, without loading it.
pub(super) fn is_present() -> Result<(), NnError> {
    LIBRARY.find().map(drop)
}

/// Whether the library has this text in it. The runtime takes any name for a configuration entry and looks only for
/// those that it knows, which are in its file, ended by a zero.
pub(super) fn contains(name: &str) -> Result<bool, NnError> {
    let file = LOADED.get().cloned().map_or_else(|| LIBRARY.find(), Ok)?;
    let bytes = std::fs::read(&file).map_err(|source| NnError::Read { path: file, source })?;
    let wanted = [name.as_bytes(), &[0]].concat();
    Ok(bytes.windows(wanted.len()).any(|window| window == wanted))
}

fn start() -> Result<Environment, NnError> {
    let file = LIBRARY.find()?;
    let failed = |error: String| {
        NnError::Unsupported(format!(
            "the engine {} cannot use {}: {error}; install {}",
            LIBRARY.engine,
            file.display(),
            LIBRARY.product
        ))
    };
    let builder = ort::init_from(&file).map_err(|error| failed(error.to_string()))?;
    let environment =
        builder.with_name("edgevision").with_telemetry(false).with_logger(Arc::new(log)).build();
    let environment = environment.map_err(|error| failed(error.to_string()))?;
    environment.set_log_level(LogLevel::Warning);
    tracing::info!(library = %file.display(), "ONNX Runtime loaded");
    LOADED.get_or_init(|| file);
    Ok(environment)
}

/// The runtime's own words. Its warnings are about the model file, not about something that is to be done.
fn log(level: LogLevel, _category: &str, _id: &str, _place: &str, message: &str) {
    let message = crate::text::clean(message.as_bytes());
    match level {
        LogLevel::Verbose | LogLevel::Info | LogLevel::Warning => {
            tracing::debug!(target: "onnxruntime", "{message}")
        }
        LogLevel::Error | LogLevel::Fatal => tracing::warn!(target: "onnxruntime", "{message}"),
    }
}
