//! What a detector tells about the model that it was given.

use serde_json::json;

use crate::Params;

/// How a model is to be used, from a detector that can decode it.
///
/// ```
/// use edgevision_sdk::{Params, Suggestion};
/// let input = Params::default().with("color", "bgr").with("align", "top_left");
/// let suggestion = Suggestion::new("yolox", 90).preprocess("letterbox", input).classes(80);
/// assert_eq!(suggestion.family(), "yolox");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    family: String,
    specificity: u8,
    preprocess: (String, Params),
    params: Params,
    classes: Option<usize>,
}

impl Suggestion {
    /// A model of this family, as its users call it. `specificity` is how little else looks like this, 0..=100; the
    /// host shows the highest first. Use 90 where names and shapes are those of this family alone, 70 where the shapes
    /// fit together (the number of boxes is that of the input's grid), 40 where only the number of dimensions does.
    ///
    /// The model's input is made by `letterbox` with its defaults unless [`preprocess`](Self::preprocess) says more.
    #[must_use]
    pub fn new(family: &str, specificity: u8) -> Self {
        Self {
            family: family.to_owned(),
            specificity: specificity.min(100),
            preprocess: ("letterbox".to_owned(), Params::default()),
            params: Params::default(),
            classes: None,
        }
    }

    /// The name of the module that makes the model's input, and its parameters.
    #[must_use]
    pub fn preprocess(mut self, module: &str, params: Params) -> Self {
        self.preprocess = (module.to_owned(), params);
        self
    }

    /// Parameters of the detector itself, beside its defaults.
    #[must_use]
    pub fn params(mut self, params: Params) -> Self {
        self.params = params;
        self
    }

    /// How many classes the model tells apart.
    #[must_use]
    pub fn classes(mut self, classes: usize) -> Self {
        self.classes = Some(classes);
        self
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// As `edgevision_abi::SUGGESTION` shows it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { family, specificity, preprocess: (module, input), params, classes } = self;
        let document = json!({
            "family": family,
            "specificity": specificity,
            "preprocess": { "module": module, "params": input.to_value() },
            "params": params.to_value(),
            "classes": classes,
        });
        document.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_that_of_the_contract() {
        let input = Params::default().with("color", "bgr");
        let suggestion = Suggestion::new("yolox", 90).preprocess("letterbox", input).classes(80);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&suggestion.to_json()), read(edgevision_abi::SUGGESTION));
        let bare = Suggestion::new("x", 200).params(Params::default().with("top", 5));
        assert_eq!(
            read(&bare.to_json()),
            json!({
                "family": "x", "specificity": 100, "preprocess": { "module": "letterbox", "params": {} },
                "params": { "top": 5 }, "classes": null,
            })
        );
    }
}
