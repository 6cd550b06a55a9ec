//! Why rten would not run a model, or not run it right.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use ::rten::{LoadErrorKind, ModelOptions};
use rten_onnx::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto};

use crate::{
    nn::onnx::{self, all_nodes, feeds, operator_name, shapeless, tensor_info},
    text,
};

/// Reasons to refuse the model that was parsed from `bytes`, one sentence each; they lack the file's name.
pub(in crate::nn) fn problems(bytes: &[u8], model: &ModelProto) -> Vec<String> {
    let Some(graph) = &model.graph else { return Vec::new() };
    [onnx::weights_elsewhere(bytes), lacking(model, graph), padded_conv_integer(graph), nms(graph)]
        .into_iter()
        .flatten()
        .chain(unusable_tensors(graph))
        .collect()
}

fn lacking(model: &ModelProto, graph: &GraphProto) -> Option<String> {
    // One node stands for all of its kind.
    let kinds: BTreeMap<String, &NodeProto> =
        all_nodes(graph).map(|node| (operator_name(node), node)).collect();
    let options = probe_options();
    let missing: Vec<String> = kinds
        .into_iter()
        .filter(|(_, node)| is_lacking(&options, model, node))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "the engine rten lacks the operator(s) {}; export the model without them or use another model",
            missing.join(", ")
        )
    })
}

fn probe_options() -> ModelOptions {
    let mut options = ModelOptions::with_all_ops();
    options.enable_optimization(false);
    options
}

/// rten does not list its operators, so it is asked to load a model of just this one: bare, it complains about
/// anything, but about an unknown operator with these words.
fn is_lacking(options: &ModelOptions, model: &ModelProto, node: &NodeProto) -> bool {
    let bare =
        NodeProto { op_type: node.op_type.clone(), domain: node.domain.clone(), ..NodeProto::default() };
    let probe = ModelProto {
        ir_version: Some(8),
        graph: Some(GraphProto { node: vec![bare], ..GraphProto::default() }),
        opset_import: model.opset_import.clone(),
        ..ModelProto::default()
    };
    let load = || probe.write_buf().ok().and_then(|bytes| options.load(bytes).err());
    let Ok(Some(error)) = catch_unwind(AssertUnwindSafe(load)) else { return false };
    let text = error.to_string();
    error.kind() == LoadErrorKind::OperatorInvalid
        && (text.contains("operator not supported or not enabled")
            || text.contains("operator not enabled because"))
}

/// rten pads the shifted activations with 0, which is 128 before the shift, instead of with the zero point
/// (rten 0.27; ONNX: padding takes the value of `x_zero_point`). Its depthwise code is right, but a model that has
/// only depthwise padding is not worth an exception.
fn padded_conv_integer(graph: &GraphProto) -> Option<String> {
    let padded: Vec<String> = all_nodes(graph)
        .filter(|node| operator_name(node) == "ConvInteger" && is_padded(node))
        .map(|node| format!("`{}`", text::clean(node.name.as_deref().unwrap_or("(unnamed)").as_bytes())))
        .collect();
    let first = padded.first()?;
    Some(format!(
        "the engine rten computes ConvInteger with padding wrongly ({} node(s), the first is {first}); use the float \
         model, or quantise it statically in the QDQ format",
        padded.len()
    ))
}

fn is_padded(node: &NodeProto) -> bool {
    let padded = |attribute: &AttributeProto| match attribute.name.as_deref() {
        Some("pads") => attribute.ints.iter().any(|&pad| pad != 0),
        Some("auto_pad") => attribute.s.as_deref().is_some_and(|mode| mode.starts_with("SAME")),
        _ => false,
    };
    node.attribute.iter().any(padded)
}

/// rten divides by the enclosing box instead of the union, and lets boxes of different classes suppress each other.
fn nms(graph: &GraphProto) -> Option<String> {
    let found = all_nodes(graph).any(|node| operator_name(node) == "NonMaxSuppression");
    found.then(|| {
        "the engine rten computes NonMaxSuppression wrongly; export the model without it, the detect module does that \
         step"
            .to_owned()
    })
}

fn unusable_tensors(graph: &GraphProto) -> Vec<String> {
    let all = || feeds(graph).chain(&graph.output);
    let types: BTreeSet<String> = all().filter_map(|value| tensor_info(value).err()).collect();
    let types = types.into_iter().map(|name| {
        format!("it has inputs or outputs of type {name}; modules can be given f32, f16, u8, i8, i32 and i64")
    });
    let shapes = feeds(graph).filter_map(shapeless).map(|name| {
        let name = text::clean(name.as_bytes());
        format!("its input `{name}` has no shape in the file; export the model with the shapes of its inputs")
    });
    types.chain(shapes).collect()
}
