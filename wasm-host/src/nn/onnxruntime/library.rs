//! The one ONNX Runtime of this process: loaded when the first model asks for it, never unloaded.

use std::sync::{Arc, Mutex, PoisonError};

use ort::{environment::Environment, logging::LogLevel};

use crate::nn::{NnError, native::Library};

const LIBRARY: Library = Library {
    engine: super::NAME,
    variable: "EDGEVISION_ONNXRUNTIME_LIB",
    file: "libonnxruntime.so",
    product: "ONNX Runtime 1.22 or newer",
};

static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

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
