//! What a file must keep to before native code may see it. LiteRT verifies the flatbuffer's structure, and believes
//! most numbers in it: an index out of range would make it read foreign memory, or end the process with a C++
//! exception.

use std::collections::HashSet;

use super::graph::{File, Graph, Signature, Tensor};
use crate::nn::NnError;

/// LiteRT skips its verifier from here on.
const MAX_BYTES: usize = 2_000_000_000;
/// Most dimensions of a tensor that LiteRT can describe.
const MAX_RANK: usize = 8;
/// Deepest nesting of graphs that run graphs.
const MAX_DEPTH: usize = 16;

pub(super) fn check(file: &File, len: usize) -> Result<(), NnError> {
    let told = |what: String| {
        Err(NnError::Format(format!("the TensorFlow Lite file is damaged: {what}; convert it again")))
    };
    if len >= MAX_BYTES {
        return Err(NnError::Unsupported(format!(
            "the file has {len} bytes, TensorFlow Lite models must have less than {MAX_BYTES}"
        )));
    }
    if weights_elsewhere(file) {
        let sentence = "its weights are stored in another file; convert the model to one file";
        return Err(NnError::Unsupported(sentence.into()));
    }
    if file.graphs.is_empty() {
        return told("it has no graph".into());
    }
    let buffers = file.buffers.iter().position(|buffer| !buffer.is_inside(len));
    if let Some(number) = buffers {
        return told(format!("the bytes of buffer {number} lie behind its end"));
    }
    if file.metadata.iter().any(|entry| entry.is_none_or(|buffer| buffer >= file.buffers.len())) {
        return told("its metadata point nowhere".into());
    }
    for (number, graph) in file.graphs.iter().enumerate() {
        if let Err(what) = graph_is_sound(file, graph) {
            return told(format!("graph {number} {what}"));
        }
    }
    if (0..file.graphs.len())
        .any(|graph| nests_too_deep(file, graph, &mut vec![None; file.graphs.len()]).is_none())
    {
        return told("its graphs run each other in a circle".into());
    }
    match file.signatures.iter().find_map(|signature| unsound_signature(file, signature)) {
        Some(what) => told(what),
        None => ends_are_distinct(file),
    }
}

/// LiteRT opens whatever file a model names: another path of this machine, with bytes that no digest covers.
fn weights_elsewhere(file: &File) -> bool {
    file.external || file.graphs.iter().flat_map(|graph| &graph.tensors).any(|tensor| tensor.external != 0)
}

impl super::graph::Constant {
    fn is_inside(&self, len: usize) -> bool {
        let end = self.offset.checked_add(self.size);
        // 0 says that the bytes are in the flatbuffer, 1 is a place holder.
        self.offset <= 1 || end.is_some_and(|end| usize::try_from(end).is_ok_and(|end| end <= len))
    }

    fn byte_len(&self) -> usize {
        if self.offset == 0 { self.inside } else { usize::try_from(self.size).unwrap_or(0) }
    }
}

fn graph_is_sound(file: &File, graph: &Graph) -> Result<(), String> {
    for (number, tensor) in graph.tensors.iter().enumerate() {
        tensor_is_sound(file, tensor).map_err(|what| format!("has a tensor {number} {what}"))?;
    }
    let exists = |&index: &i32| usize::try_from(index).is_ok_and(|index| index < graph.tensors.len());
    if !graph.inputs.iter().chain(&graph.outputs).all(exists) {
        return Err("has an input or output that is not among its tensors".into());
    }
    for (number, operator) in graph.operators.iter().enumerate() {
        // -1 is an input that is left out.
        let inputs = operator.inputs.iter().all(|index| *index == -1 || exists(index));
        let calls =
            operator.calls.iter().all(|&called| usize::try_from(called).is_ok_and(|c| c < file.graphs.len()));
        if operator.code >= file.operator_codes || !inputs || !operator.outputs.iter().all(exists) || !calls {
            return Err(format!("has an operator {number} that points nowhere"));
        }
    }
    Ok(())
}

fn tensor_is_sound(file: &File, tensor: &Tensor) -> Result<(), &'static str> {
    let Some(buffer) = file.buffers.get(tensor.buffer) else { return Err("without a buffer") };
    if tensor.shape.len() > MAX_RANK || tensor.shape.iter().any(|&dim| dim < 0) {
        return Err("with an impossible shape");
    }
    let open = |(&dim, &signature): (&i32, &i32)| signature == -1 || signature == dim;
    if !tensor.signature.is_empty()
        && (tensor.signature.len() != tensor.shape.len()
            || !tensor.shape.iter().zip(&tensor.signature).all(open))
    {
        return Err("whose shape contradicts its signature");
    }
    let bytes = bits(tensor.kind).map(|bits| byte_len(&tensor.shape, bits)).unwrap_or(Some(0));
    let Some(bytes) = bytes else { return Err("that is too large") };
    let constant = buffer.byte_len();
    if constant != 0 && constant < bytes {
        return Err("with fewer bytes than its shape needs");
    }
    if quantization_is_sound(tensor) { Ok(()) } else { Err("with a contradictory quantisation") }
}

/// One scale for the tensor or one for each channel, and as many zero points or a common one.
fn quantization_is_sound(tensor: &Tensor) -> bool {
    let (scales, zero_points) = (tensor.scales.len(), tensor.zero_points.len());
    let dimension = usize::try_from(tensor.quantized_dimension).ok();
    let channels = dimension.and_then(|dimension| usize::try_from(*tensor.shape.get(dimension)?).ok());
    let fit = zero_points == scales || (zero_points == 1 && scales > 1);
    let positive = tensor.scales.iter().all(|&scale| scale.is_finite() && scale >= 0.0);
    fit && positive && (scales <= 1 || channels == Some(scales)) && tensor.scales[..] != [0.0]
}

/// Bits of an element of this `TensorType`; `None` where they vary.
fn bits(kind: u8) -> Option<usize> {
    Some(match kind {
        3 | 6 | 9 => 8,
        1 | 7 | 16 | 18 => 16,
        0 | 2 | 15 => 32,
        4 | 8 | 10 | 12 => 64,
        11 => 128,
        17 => 4,
        _ => return None,
    })
}

fn byte_len(shape: &[i32], bits: usize) -> Option<usize> {
    let dims = shape.iter().map(|&dim| usize::try_from(dim).ok());
    let total = dims.into_iter().try_fold(bits, |total, dim| total.checked_mul(dim?))?;
    Some(total.div_ceil(8)).filter(|&bytes| bytes < MAX_BYTES)
}

/// `None` if a graph runs itself, through others too, or the nesting is too deep; else its depth.
fn nests_too_deep(file: &File, graph: usize, depths: &mut Vec<Option<usize>>) -> Option<usize> {
    fn depth(file: &File, graph: usize, level: usize, known: &mut Vec<Option<usize>>) -> Option<usize> {
        if let Some(depth) = known[graph] {
            return (level + depth <= MAX_DEPTH).then_some(depth);
        }
        if level > MAX_DEPTH {
            return None;
        }
        let mut deepest = 0;
        for &called in file.graphs[graph].operators.iter().flat_map(|operator| &operator.calls) {
            deepest = deepest.max(1 + depth(file, usize::try_from(called).ok()?, level + 1, known)?);
        }
        known[graph] = Some(deepest);
        Some(deepest)
    }
    depth(file, graph, 0, depths)
}

/// Each input and output of a signature's graph must be in the signature, once, under a name of its own.
fn unsound_signature(file: &File, signature: &Signature) -> Option<String> {
    let fits = |list: &[(String, usize)], graph: &[i32]| {
        let tensors: HashSet<i32> =
            list.iter().filter_map(|(_, tensor)| i32::try_from(*tensor).ok()).collect();
        let names: HashSet<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
        let same = graph.iter().all(|tensor| tensors.contains(tensor));
        same && names.len() == list.len() && tensors.len() == list.len() && list.len() == graph.len()
    };
    let graph = file.graphs.get(signature.graph);
    let sound = graph.is_some_and(|graph| {
        fits(&signature.inputs, &graph.inputs) && fits(&signature.outputs, &graph.outputs)
    });
    (!sound).then(|| "its signature does not fit its graph".into())
}

/// Outputs are written where the caller wants them, so a tensor can have only one place; LiteRT finds it by its name.
fn ends_are_distinct(file: &File) -> Result<(), NnError> {
    let entries = file.signatures.iter().map(|signature| signature.graph).chain([0]);
    for graph in entries.map(|graph| &file.graphs[graph]) {
        for list in [&graph.inputs, &graph.outputs] {
            let tensors = list.iter().filter_map(|&tensor| usize::try_from(tensor).ok());
            let names: HashSet<&str> = tensors.map(|tensor| graph.tensors[tensor].name.as_str()).collect();
            if names.len() != list.len() {
                return Err(NnError::Unsupported(
                    "two of its inputs or outputs have the same name; convert it again with names of their own".into(),
                ));
            }
        }
        let ends: HashSet<i32> = graph.inputs.iter().chain(&graph.outputs).copied().collect();
        if ends.len() != graph.inputs.len() + graph.outputs.len() {
            return Err(NnError::Unsupported(
                "the same tensor is listed twice among its inputs and outputs; convert it with an identity operator \
                 between them"
                    .into(),
            ));
        }
    }
    Ok(())
}
