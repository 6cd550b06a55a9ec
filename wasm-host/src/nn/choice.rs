//! Which engine runs a model, and why that one.

use std::fmt;

use super::NnError;

/// What became of the wish for an engine.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// The engine that runs the model.
    pub engine: &'static str,
    /// False when it was asked for by name.
    pub automatic: bool,
    /// Quicker engines that were passed over, in the order of preference.
    pub passed_over: Vec<PassedOver>,
}

/// An engine that `auto` did not take.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PassedOver {
    /// Its name.
    pub engine: &'static str,
    /// Why, as a phrase.
    pub reason: String,
}

impl PassedOver {
    pub(super) fn new(engine: &'static str, error: &NnError) -> Self {
        let reason = match error {
            NnError::Absent { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
        Self { engine, reason }
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.reason)
    }
}

/// `rten, the quickest engine here that runs this model (onnxruntime: not installed, run `make engines`)`.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed_over: Vec<String> = self.passed_over.iter().map(ToString::to_string).collect();
        match (self.automatic, passed_over.is_empty()) {
            (false, _) => write!(f, "{}, as asked for", self.engine),
            (true, true) => write!(f, "{}, the quickest engine for this model", self.engine),
            (true, false) => {
                let why = passed_over.join("; ");
                write!(f, "{}, the quickest engine here that runs this model ({why})", self.engine)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_which_and_why() {
        let absent = NnError::Absent {
            sentence: "the engine onnxruntime needs a library".into(),
            reason: "not installed, run `make engines`".into(),
        };
        let unfit = NnError::Unsupported("the engine openvino does not know `Foo`".into());
        let passed_over = vec![PassedOver::new("onnxruntime", &absent), PassedOver::new("openvino", &unfit)];
        let sentence = |automatic, passed_over: &[PassedOver]| {
            Choice { engine: "rten", automatic, passed_over: passed_over.to_vec() }.to_string()
        };
        assert_eq!(
            sentence(true, &passed_over),
            "rten, the quickest engine here that runs this model (onnxruntime: not installed, run `make engines`; \
             openvino: the engine openvino does not know `Foo`)"
        );
        assert_eq!(sentence(true, &[]), "rten, the quickest engine for this model");
        assert_eq!(sentence(false, &[]), "rten, as asked for");
    }
}
