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

/// The engine that made the references.
const REFERENCE: &str = "onnxruntime";
/// Score from which boxes of a quantised model are compared on other engines.
const CLEAR: f64 = 0.65;

/// What is asked of boxes.
pub struct Bound {
    /// Boxes from this score on are looked for among all.
    pub score: f64,
    /// Share that must be found, both ways.
    pub least: f64,
}

impl Bound {
    /// All boxes, of which a float model must find `least`. A quantised model finds 97 %: on the engine of the reference
    /// of all boxes, on others, which round between the layers in another way, of those that are clear of the threshold
    /// (0.65, as the model's authors use it): near it, one step of the quantisation decides between neighbouring cells.
    pub fn of(model: &Model, engine: &str, least: f64) -> Self {
        match (model.is_quantised(), engine) {
            (false, _) => Self { score: 0.0, least },
            (true, REFERENCE) => Self { score: 0.0, least: 0.97 },
            (true, _) => Self { score: CLEAR, least: 0.97 },
        }
    }

    pub fn mark(&self) -> &'static str {
        if self.score > 0.0 { "*" } else { "" }
    }
}
