//! What a detector tells about the model that it was given.

use serde_json::json;

use crate::{DType, ModelInfo, Params, TensorInfo};

/// Width and height that are suggested where the model takes any, in pixels: what exporters of detectors start from.
const USUAL_SIZE: i64 = 640;

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
    threshold: Option<f64>,
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
            threshold: None,
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

    /// The job's least score, 0..=1, where the models of this family need another one than others.
    #[must_use]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = Some(threshold);
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

    /// The same for this very model, whose input may have one channel, an open size or an open order of dimensions, so
    /// that `letterbox` can make it. What the detector has set stays.
    #[must_use]
    pub(crate) fn fitted(mut self, model: &ModelInfo) -> Self {
        let (module, params) = &mut self.preprocess;
        if let Some(input) =
            model.inputs.first().filter(|input| module == "letterbox" && input.shape.len() == 4)
        {
            fit(params, input);
        }
        self
    }

    /// As `edgevision_abi::SUGGESTION` shows it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { family, specificity, preprocess: (module, input), params, threshold, classes } = self;
        let mut document = json!({
            "family": family,
            "specificity": specificity,
            "preprocess": { "module": module, "params": input.to_value() },
            "params": params.to_value(),
            "classes": classes,
        });
        if let Some(threshold) = threshold {
            document["threshold"] = json!(threshold);
        }
        document.to_string()
    }
}

/// `input` has four dimensions; which one has the channels is found as `letterbox` finds it.
fn fit(params: &mut Params, input: &TensorInfo) {
    let &[_, a, b, c] = &input.shape[..] else { return };
    let is_channels = |dim: i64| dim == 1 || dim == 3;
    let (channels, height, width) = if is_channels(a) || !is_channels(c) { (a, b, c) } else { (c, a, b) };
    if input.dtype == DType::I8 {
        // Full-integer models take the bytes less 128: the normalisation is in the input's scale and zero point.
        params.take(&["mean", "std"]);
        params.set_if_absent("mean", 128);
    }
    if channels == 1 {
        // There is no order of one channel.
        params.take(&["color"]);
        params.average(&["mean", "std"]);
    }
    if channels < 1 {
        params.set_if_absent("layout", "nchw");
    }
    if height < 1 || width < 1 {
        let size = |dim: i64| if dim < 1 { USUAL_SIZE } else { dim };
        params.set_if_absent("width", size(width));
        params.set_if_absent("height", size(height));
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
        let bare = Suggestion::new("x", 200).params(Params::default().with("top", 5)).threshold(0.5);
        assert_eq!(
            read(&bare.to_json()),
            json!({
                "family": "x", "specificity": 100, "preprocess": { "module": "letterbox", "params": {} },
                "params": { "top": 5 }, "threshold": 0.5, "classes": null,
            })
        );
    }

    #[test]
    fn a_suggestion_fits_the_very_input() {
        let fitted_to = |dtype: DType, shape: &[i64], params: &str| {
            let input = TensorInfo { name: "in".into(), dtype, shape: shape.to_vec(), quantization: None };
            let model = ModelInfo { inputs: vec![input], outputs: vec![] };
            let params = Params::from_json(params).unwrap();
            Suggestion::new("x", 1).preprocess("letterbox", params).fitted(&model).preprocess.1.to_value()
        };
        let fitted = |shape: &[i64], params: &str| fitted_to(DType::F32, shape, params);
        let signed = fitted_to(DType::I8, &[1, 32, 64, 3], r#"{"color":"bgr","mean":[1,2,3],"std":255}"#);
        assert_eq!(signed, json!({ "color": "bgr", "mean": 128 }));
        let bgr = r#"{"color":"bgr"}"#;
        assert_eq!(fitted(&[1, 3, 32, 64], bgr), json!({ "color": "bgr" }));
        assert_eq!(fitted(&[1, 32, 64, 3], bgr), json!({ "color": "bgr" }));
        assert_eq!(fitted(&[1, 1, 32, 64], bgr), json!({}));
        assert_eq!(fitted(&[1, 32, 64, 1], bgr), json!({}));
        let each = r#"{"mean":[10,20,60],"std":2}"#;
        assert_eq!(fitted(&[1, 1, 32, 64], each), json!({ "mean": 30.0, "std": 2 }));
        let open = json!({ "color": "bgr", "width": 640, "height": 640 });
        assert_eq!(fitted(&[-1, 3, -1, -1], bgr), open);
        assert_eq!(fitted(&[1, -1, -1, 3], bgr), open);
        let all = json!({ "color": "bgr", "width": 640, "height": 640, "layout": "nchw" });
        assert_eq!(fitted(&[-1, -1, -1, -1], bgr), all);
        assert_eq!(fitted(&[1, 3, 96, -1], "{}"), json!({ "width": 640, "height": 96 }));
        assert_eq!(
            fitted(&[1, 3, -1, -1], r#"{"width":224,"height":224}"#),
            json!({ "width": 224, "height": 224 })
        );
    }
}
