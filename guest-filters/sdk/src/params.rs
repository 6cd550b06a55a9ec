//! What a module is told when it starts.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::DType;

/// What the user wrote for this module: a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(Map<String, Value>);

impl Params {
    /// From JSON text, for tests.
    pub fn from_json(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(Self).map_err(|e| format!("the parameters are not a JSON object: {e}"))
    }

    /// The same with one parameter more, or with another value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// As JSON.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Into the module's own type. Give it `#[serde(deny_unknown_fields)]`: a key that is ignored is a typo that
    /// nobody is told about. The error names the parameter, what was found and what is allowed.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, String> {
        self.parse_beside(&[])
    }

    /// The same for a module that has taken the keys `others` out: they are named with those that are allowed.
    pub fn parse_beside<T: DeserializeOwned>(self, others: &[&str]) -> Result<T, String> {
        serde_path_to_error::deserialize(Value::Object(self.0)).map_err(|e| sentence(&e, others))
    }

    /// Adds a parameter that is not there.
    pub(crate) fn set_if_absent(&mut self, name: &str, value: impl Into<Value>) {
        self.0.entry(name).or_insert_with(|| value.into());
    }

    /// Makes one number of these parameters where they are lists of numbers.
    pub(crate) fn average(&mut self, names: &[&str]) {
        for name in names {
            let Some(Value::Array(numbers)) = self.0.get(*name) else { continue };
            let sum: f64 = numbers.iter().filter_map(Value::as_f64).sum();
            #[allow(clippy::cast_precision_loss, reason = "one number for each channel")]
            let mean = sum / numbers.len().max(1) as f64;
            self.0.insert((*name).to_owned(), mean.into());
        }
    }

    /// Takes these keys out, as far as they are there.
    pub fn take(&mut self, keys: &[&str]) -> Self {
        Self(keys.iter().filter_map(|&key| self.0.remove_entry(key)).collect())
    }
}

/// serde speaks of fields and variants; a user wrote parameters and values.
fn sentence(error: &serde_path_to_error::Error<serde_json::Error>, others: &[&str]) -> String {
    let path = error.path().to_string();
    let text = error.inner().to_string();
    match text.strip_prefix("unknown field ") {
        // Below a parameter only its own keys are allowed.
        Some(rest) => match path.rsplit_once('.') {
            Some((parent, key)) if !parent.is_empty() && !key.is_empty() => {
                format!("parameter `{parent}`: unknown key {}", allowed(rest, &[]))
            }
            _ => format!("unknown parameter {}", allowed(rest, others)),
        },
        None if path == "." => text,
        None => format!("parameter `{path}`: {}", plain(&text)),
    }
}

/// Without Rust's names of types.
fn plain(text: &str) -> String {
    let text = text.replace("unknown variant", "unknown value");
    let Some((found, wanted)) = text.rsplit_once(", expected ") else { return text };
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other => other,
    };
    format!("{found}, expected {wanted}")
}

/// From "`x`, expected one of `a`, `b`" to "`x`; allowed: `a`, `b`", with other keys that are allowed.
fn allowed(rest: &str, others: &[&str]) -> String {
    let rest = rest.replacen(", ", "; ", 1);
    let rest = rest.replace("expected one of ", "allowed: ").replace("expected ", "allowed: ");
    let others: Vec<String> = others.iter().map(|key| format!("`{key}`")).collect();
    let others = others.join(", ");
    match rest.strip_suffix("there are no fields") {
        Some(rest) if others.is_empty() => format!("{rest}allowed: none"),
        Some(rest) => format!("{rest}allowed: {others}"),
        None if others.is_empty() => rest,
        None => format!("{}, {others}", rest.replace("` or `", "`, `")),
    }
}

/// What a module knows about the job it works in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// The model behind [`Infer`](crate::Infer); none if the job has none.
    pub model: Option<ModelInfo>,
    /// How many class names the user gave; 0 = none.
    pub labels: usize,
    /// Detections below this score (0..=1) are dropped by the host in any case.
    pub score_threshold: f32,
}

/// Inputs and outputs of the model, in its order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ModelInfo {
    /// Inputs that have to be fed.
    pub inputs: Vec<TensorInfo>,
    /// Outputs.
    pub outputs: Vec<TensorInfo>,
}

/// An input or output of the model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TensorInfo {
    /// Its name in the model.
    pub name: String,
    /// Type of its elements.
    pub dtype: DType,
    /// Dimensions, outermost first; -1 where the model does not say.
    pub shape: Vec<i64>,
    /// What its whole numbers mean, if they stand for others and the model says so.
    #[serde(default)]
    pub quantization: Option<Quantization>,
}

/// How whole numbers stand for real ones: `real = scale * (number - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Quantization {
    /// Difference between neighbours.
    pub scale: f32,
    /// The number that stands for 0.
    pub zero_point: i64,
}

impl TensorInfo {
    /// The dimensions, if all of them are known and at least 1.
    pub fn known_shape(&self) -> Option<Vec<u32>> {
        self.shape.iter().map(|&d| u32::try_from(d).ok().filter(|&d| d > 0)).collect()
    }

    /// Bytes of its elements, if the shape is known.
    pub fn byte_len(&self) -> Option<usize> {
        let dims = self.known_shape()?;
        dims.iter().try_fold(self.dtype.bytes(), |product, &d| product.checked_mul(usize::try_from(d).ok()?))
    }
}

/// The document that the host delivers; its shape is `edgevision_abi::PARAMS_ENVELOPE`.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    params: Map<String, Value>,
    model: Option<ModelInfo>,
    #[serde(default)]
    labels: usize,
    #[serde(default)]
    score_threshold: f32,
}

/// Reads the host's document.
pub fn read_envelope(document: &[u8]) -> Result<(Params, Context), String> {
    let envelope: Envelope = serde_json::from_slice(document)
        .map_err(|e| format!("the host's parameter document is malformed: {e}"))?;
    let Envelope { params, model, labels, score_threshold } = envelope;
    Ok((Params(params), Context { model, labels, score_threshold }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by Debug")]
    struct Two {
        size: Option<u32>,
        mode: Option<Mode>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Fast,
        Good,
    }

    #[test]
    fn errors_name_the_parameter_and_what_is_allowed() {
        let error = |json: &str| Params::from_json(json).unwrap().parse::<Two>().unwrap_err();
        assert_eq!(error(r#"{"sise":1}"#), "unknown parameter `sise`; allowed: `size` or `mode`");
        assert_eq!(
            error(r#"{"size":"x"}"#),
            "parameter `size`: invalid type: string \"x\", expected a whole number from 0 on"
        );
        assert_eq!(
            error(r#"{"mode":"x"}"#),
            "parameter `mode`: unknown value `x`, expected `fast` or `good`"
        );
        #[derive(Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "only read by Debug")]
        struct Outer {
            inner: Two,
        }
        let nested = Params::from_json(r#"{"inner":{"sise":1}}"#).unwrap();
        assert_eq!(
            nested.parse_beside::<Outer>(&["other"]).unwrap_err(),
            "parameter `inner`: unknown key `sise`; allowed: `size` or `mode`"
        );
        let beside =
            |json: &str| Params::from_json(json).unwrap().parse_beside::<Two>(&["a", "b"]).unwrap_err();
        assert_eq!(beside(r#"{"x":1}"#), "unknown parameter `x`; allowed: `size`, `mode`, `a`, `b`");
        assert!(Params::from_json("[]").unwrap_err().contains("not a JSON object"));
    }

    #[test]
    fn the_envelope_of_the_contract_is_read() {
        let (params, context) = read_envelope(edgevision_abi::PARAMS_ENVELOPE.as_bytes()).unwrap();
        assert_eq!(params, Params::default());
        assert_eq!((context.labels, context.score_threshold), (80, 0.25));
        let input = &context.model.unwrap().inputs[0];
        assert_eq!((input.dtype, input.known_shape()), (DType::F32, Some(vec![1, 3, 416, 416])));
        let quantised =
            br#"{"model":{"inputs":[],"outputs":[{"name":"a","dtype":"u8","shape":[1],"quantization":
            {"scale":0.5,"zero_point":128}}]}}"#;
        let (_, context) = read_envelope(quantised).unwrap();
        let expected = Quantization { scale: 0.5, zero_point: 128 };
        assert_eq!(context.model.unwrap().outputs[0].quantization, Some(expected));
        let without =
            read_envelope(br#"{"params":{"a":1},"model":null,"labels":0,"score_threshold":0.5}"#).unwrap();
        assert_eq!(without.1.model, None);
        assert!(read_envelope(b"\xff").is_err());
    }
}
