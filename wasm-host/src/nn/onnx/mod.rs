//! What an ONNX file says about itself, read without running it.

mod graph;
mod refuse;
mod vet;
mod wire;

use std::{collections::BTreeMap, fmt};

pub(super) use graph::{
    all_nodes, feeds, operator_name, passed_on, shapeless, signed_activations, tensor_info,
};
use rten_onnx::onnx::{GraphProto, ModelProto};
pub(super) use vet::vet;

use super::{ModelFile, NnError, Quantization, TensorInfo};
use crate::text;

/// What `edgevision inspect` shows of a model.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ModelInfo {
    /// File stem.
    pub name: String,
    /// Lower-case hex SHA-256 of the file.
    pub sha256: String,
    /// Bytes of the file.
    pub byte_len: usize,
    /// `onnx`, `openvino_ir`, `tflite` or `wasm`.
    pub format: &'static str,
    /// Operator sets it needs, for example `ai.onnx 11`.
    pub opsets: Vec<Opset>,
    /// Program that wrote it, with version, as far as the file says.
    pub producer: Option<String>,
    /// Inputs to be fed, in order.
    pub inputs: Vec<ModelTensor>,
    /// Outputs, in order.
    pub outputs: Vec<ModelTensor>,
    /// How often each operator occurs, bodies of `If`, `Loop` and `Scan` included. Operators outside the standard
    /// set carry their domain, as in `com.microsoft.FusedConv`.
    pub operators: BTreeMap<String, usize>,
    /// ONNX: why [`super::load_model`] would refuse it with the embedded engine, one sentence each; empty if it would not.
    pub problems: Vec<String>,
}

/// One operator set.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Opset {
    /// `ai.onnx` for the standard operators.
    pub domain: String,
    /// Its version.
    pub version: i64,
}

impl fmt::Display for Opset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.domain, self.version)
    }
}

/// An input or output as the file describes it; unlike [`super::TensorInfo`] it can name types that no module uses.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ModelTensor {
    /// Name in the model.
    pub name: String,
    /// `f32`, `u8`, `i64`, `bool`, …; `unknown` when the file does not say.
    pub dtype: String,
    /// Dimensions, outermost first; unknown ones are `None`.
    pub shape: Vec<Option<usize>>,
    /// How its whole numbers are meant, if the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
}

impl ModelTensor {
    /// As a loaded model describes it.
    #[must_use]
    pub fn of(info: &TensorInfo, quantization: Option<Quantization>) -> Self {
        let dtype = format!("{:?}", info.dtype).to_lowercase();
        Self { name: text::clean(info.name.as_bytes()), dtype, shape: info.shape.clone(), quantization }
    }
}

impl fmt::Display for ModelTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.name, self.dtype, super::tensor::ShapeText(&self.shape))?;
        let Some(Quantization { scale, zero_point }) = self.quantization else { return Ok(()) };
        write!(f, ", quantised: value = {scale} x (number - {zero_point})")
    }
}

/// Parses a model. The error is a sentence that lacks the file's name.
pub(super) fn parse(bytes: &[u8]) -> Result<ModelProto, NnError> {
    let refuse = |sentence: String| Err(NnError::Format(sentence));
    if let Some(other) = refuse::recognise(bytes) {
        return refuse(other.to_owned());
    }
    if let Err(damage) = wire::survey(bytes) {
        return refuse(refuse::damaged(bytes, damage));
    }
    match ModelProto::parse_buf(bytes) {
        Ok(model) if model.graph.is_some() && model.ir_version.is_some() => Ok(model),
        Ok(_) => refuse(refuse::NOT_ONNX.to_owned()),
        Err(error) => refuse(format!("the file is damaged ({error}); copy or export it again")),
    }
}

/// Refuses a model whose weights are elsewhere, or for which one of `reasons` has a sentence. `model` was parsed from
/// `bytes`.
pub(super) fn refuse(
    bytes: &[u8],
    model: &ModelProto,
    reasons: &[fn(&GraphProto) -> Option<String>],
) -> Result<(), NnError> {
    let Some(graph) = &model.graph else { return Ok(()) };
    let others = reasons.iter().filter_map(|reason| reason(graph));
    let sentences: Vec<String> = weights_elsewhere(bytes).into_iter().chain(others).collect();
    if sentences.is_empty() { Ok(()) } else { Err(NnError::Unsupported(sentences.join("; also, "))) }
}

/// Names of the inputs to be fed and of the outputs, in the file's order.
pub(super) fn names(model: &ModelProto) -> (Vec<String>, Vec<String>) {
    let Some(graph) = &model.graph else { return Default::default() };
    (feeds(graph).map(graph::owned_name).collect(), graph.output.iter().map(graph::owned_name).collect())
}

/// Weights in other files would have to be looked for, in folders that the model names: no engine is let do that. The
/// sentence of the refusal, if there are any. The bytes have been parsed before.
pub(super) fn weights_elsewhere(bytes: &[u8]) -> Option<String> {
    let names = wire::survey(bytes).ok()?.external;
    let first = names.first()?;
    Some(format!(
        "{} of its weights (the first is `{first}`) are stored in another file; save the model as one file (in Python: \
         onnx.save(model, path, save_as_external_data=False))",
        names.len(),
        first = text::clean(first.as_bytes())
    ))
}

/// What an ONNX file says about itself. The error is a sentence that lacks the file's name.
pub(super) fn describe(file: &ModelFile) -> Result<ModelInfo, NnError> {
    let model = parse(&file.bytes)?;
    let graph = model.graph.as_ref();
    let tensors = |list: fn(&GraphProto) -> Vec<ModelTensor>| graph.map(list).unwrap_or_default();
    Ok(ModelInfo {
        name: file.name.clone(),
        sha256: file.sha256.clone(),
        byte_len: file.bytes.len(),
        format: file.format.id(),
        opsets: opsets(&model),
        producer: producer(&model),
        inputs: tensors(|graph| feeds(graph).map(graph::model_tensor).collect()),
        outputs: tensors(|graph| graph.output.iter().map(graph::model_tensor).collect()),
        operators: graph.map(operators).unwrap_or_default(),
        problems: super::rten::problems(&file.bytes, &model),
    })
}

fn opsets(model: &ModelProto) -> Vec<Opset> {
    let domain = |name: Option<&str>| {
        text::clean(name.filter(|name| !name.is_empty()).unwrap_or("ai.onnx").as_bytes())
    };
    model
        .opset_import
        .iter()
        .map(|set| Opset { domain: domain(set.domain.as_deref()), version: set.version.unwrap_or(0) })
        .collect()
}

fn producer(model: &ModelProto) -> Option<String> {
    let parts = [&model.producer_name, &model.producer_version];
    let words: Vec<&str> =
        parts.into_iter().filter_map(|part| part.as_deref()).filter(|part| !part.is_empty()).collect();
    (!words.is_empty()).then(|| text::clean(words.join(" ").as_bytes()))
}

fn operators(graph: &GraphProto) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in all_nodes(graph) {
        *counts.entry(operator_name(node)).or_insert(0) += 1;
    }
    counts
}
