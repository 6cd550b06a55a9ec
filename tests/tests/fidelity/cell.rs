//! One cell of the matrix, and what came out of it.

use std::fmt;

use edgevision_wasm_host::nn::{self, LoadOptions, NnError};

use crate::catalog::Model;

/// A pair of a model's row and an engine's column.
pub struct Cell {
    /// Name of the model.
    pub model: String,
    /// What of it: `input`, `outputs`, `stills` or the name of a clip.
    pub what: String,
    /// `None` where no engine is involved.
    pub engine: Option<&'static str>,
    /// Left out of the everyday tests.
    pub slow: bool,
    /// Measures it.
    pub run: Box<dyn Fn() -> Outcome + Send>,
}

impl Cell {
    pub fn name(&self) -> String {
        format!("{}::{}::{}", self.model, self.what, self.engine.unwrap_or("any"))
    }
}

/// What a cell says.
pub enum Outcome {
    /// Measured, and whether it is within its bound.
    Measured { text: String, holds: bool },
    /// Not measured, for a reason that is as it should be.
    Skipped(String),
    /// Not measured, for a reason that nobody expects.
    Failed(String),
}

impl Outcome {
    pub fn verdict(&self) -> Result<(), String> {
        match self {
            Self::Measured { holds: true, .. } | Self::Skipped(_) => Ok(()),
            Self::Measured { text, .. } => Err(format!("{text} is out of its bound")),
            Self::Failed(reason) => Err(reason.clone()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured { text, .. } => f.write_str(text),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
        }
    }
}

/// Measures with a model that the engine can load; an engine that cannot must have a good reason.
pub fn with_engine(model: &Model, engine: &str, measure: impl FnOnce() -> Outcome) -> Outcome {
    match nn::load_model(&model.file, engine, &LoadOptions::default()) {
        Ok(_) => measure(),
        Err(NnError::Unsupported(sentence)) => {
            refused(&sentence.replace(&format!("{}: ", model.file.display()), ""))
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// An engine for another format is no hole in the matrix; one that is not installed is none where nobody requires it.
fn refused(sentence: &str) -> Outcome {
    let required = std::env::var_os("EDGEVISION_REQUIRE_ENGINES").is_some_and(|value| value == "1");
    let other_format = sentence.contains("a model in the format");
    let absent = sentence.contains("which is not installed") && !required;
    let sentence = sentence.split(';').next().unwrap_or_default().to_owned();
    if other_format || absent { Outcome::Skipped(sentence) } else { Outcome::Failed(sentence) }
}
