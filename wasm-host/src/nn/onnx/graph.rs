//! Questions that are asked of an ONNX graph.

use std::collections::HashSet;

use rten_onnx::onnx::{
    DataType, Dimension, GraphProto, ModelProto, NodeProto, TypeProtoTensor, ValueInfoProto,
};

use super::ModelTensor;
use crate::{
    nn::{DType, TensorInfo},
    text,
};

/// The inputs that are to be fed. Before IR version 4 weights had to be listed as inputs too; those have an
/// initializer of the same name.
pub(in crate::nn) fn feeds(graph: &GraphProto) -> impl Iterator<Item = &ValueInfoProto> {
    let weights: HashSet<&str> =
        graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
    graph.input.iter().filter(move |input| !weights.contains(name(input)))
}

/// All nodes, those of nested graphs included.
pub(in crate::nn) fn all_nodes(graph: &GraphProto) -> impl Iterator<Item = &NodeProto> {
    let mut open: Vec<&NodeProto> = graph.node.iter().rev().collect();
    std::iter::from_fn(move || {
        let node = open.pop()?;
        open.extend(node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()).flat_map(|g| &g.node));
        Some(node)
    })
}

/// Operator with its domain, unless it is a standard one. Fit to be shown.
pub(in crate::nn) fn operator_name(node: &NodeProto) -> String {
    let operator = node.op_type.as_deref().unwrap_or("(unnamed)");
    let name = match node.domain.as_deref() {
        None | Some("" | "ai.onnx") => operator.to_owned(),
        Some(domain) => format!("{domain}.{operator}"),
    };
    text::clean(name.as_bytes())
}

/// OpenVINO computes networks whose activations are quantised to signed integers wrongly on processors without VNNI
/// (2026.4, limited to AVX2 or AVX512_CORE: 47.4 for a sum of 60.8 in the model of `nn_tensors.rs`; right with VNNI). A
/// model's results must not depend on the processor. The sentence of the refusal, if this is one.
pub(in crate::nn) fn signed_activations(graph: &GraphProto) -> Option<String> {
    let weights: HashSet<&str> =
        graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
    let signed: HashSet<&str> = graph
        .initializer
        .iter()
        .filter(|tensor| tensor.data_type == Some(DataType::INT8))
        .filter_map(|tensor| tensor.name.as_deref())
        .collect();
    let is = |node: &&NodeProto| {
        let input = |index: usize| node.input.get(index).map(String::as_str).unwrap_or_default();
        operator_name(node) == "QuantizeLinear" && signed.contains(input(2)) && !weights.contains(input(0))
    };
    let count = all_nodes(graph).filter(is).count();
    (count > 0).then(|| {
        format!(
            "the engine openvino computes signed 8-bit activations wrongly ({count} node(s)); quantise activations to \
             unsigned integers, or use another engine"
        )
    })
}

/// Stands for a shape that the file does not give.
const UNKNOWN_SHAPE: [Option<usize>; 1] = [None];

/// Name of an input that has no shape in the file.
pub(in crate::nn) fn shapeless(value: &ValueInfoProto) -> Option<&str> {
    shape(value).is_none().then(|| name(value))
}

/// The input or output as modules see it; one without a shape counts as one unknown dimension. The error is the name
/// of a type that modules cannot be given.
pub(in crate::nn) fn tensor_info(value: &ValueInfoProto) -> Result<TensorInfo, String> {
    let dtype = match element_type(value) {
        Some(DataType::FLOAT) => DType::F32,
        Some(DataType::UINT8) => DType::U8,
        Some(DataType::INT8) => DType::I8,
        Some(DataType::INT32) => DType::I32,
        Some(DataType::INT64) => DType::I64,
        Some(DataType::FLOAT16) => DType::F16,
        _ => return Err(type_name(value)),
    };
    Ok(TensorInfo {
        name: name(value).to_owned(),
        dtype,
        shape: shape(value).unwrap_or(UNKNOWN_SHAPE.to_vec()),
    })
}

pub(super) fn model_tensor(value: &ValueInfoProto) -> ModelTensor {
    ModelTensor {
        name: text::clean(name(value).as_bytes()),
        dtype: type_name(value),
        shape: shape(value).unwrap_or(UNKNOWN_SHAPE.to_vec()),
        quantization: None,
    }
}

/// Names of outputs that no node computes: an input or a weight is handed on.
pub(in crate::nn) fn passed_on(model: &ModelProto) -> HashSet<String> {
    let Some(graph) = &model.graph else { return HashSet::new() };
    let computed: HashSet<&str> =
        graph.node.iter().flat_map(|node| &node.output).map(String::as_str).collect();
    graph.output.iter().map(name).filter(|name| !computed.contains(name)).map(str::to_owned).collect()
}

pub(super) fn owned_name(value: &ValueInfoProto) -> String {
    name(value).to_owned()
}

fn name(value: &ValueInfoProto) -> &str {
    value.name.as_deref().unwrap_or_default()
}

fn tensor_type(value: &ValueInfoProto) -> Option<&TypeProtoTensor> {
    value.r#type.as_ref()?.tensor_type.as_ref()
}

fn element_type(value: &ValueInfoProto) -> Option<DataType> {
    tensor_type(value)?.elem_type
}

fn type_name(value: &ValueInfoProto) -> String {
    let name = match element_type(value) {
        Some(DataType::FLOAT) => "f32",
        Some(DataType::DOUBLE) => "f64",
        Some(DataType::FLOAT16) => "f16",
        Some(DataType::UINT8) => "u8",
        Some(DataType::INT8) => "i8",
        Some(DataType::INT32) => "i32",
        Some(DataType::INT64) => "i64",
        Some(other) => return other.name().unwrap_or("unknown").to_lowercase(),
        None => "unknown",
    };
    name.to_owned()
}

/// `None` when not even the number of dimensions is known.
fn shape(value: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let known =
        |dim: &Dimension| dim.dim_value.and_then(|size| usize::try_from(size).ok()).filter(|&size| size > 0);
    Some(tensor_type(value)?.shape.as_ref()?.dim.iter().map(known).collect())
}
