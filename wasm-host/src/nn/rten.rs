//! The embedded engine: [rten](https://github.com/robertknight/rten), pure Rust, ONNX float and QDQ models.
//!
//! A model is shared by all sessions and runs concurrently; inputs are read where they are. What rten cannot hold
//! itself: 64-bit integers are narrowed to 32 bits on the way in (refused when out of range) and widened on the way
//! out; what the file calls 16-bit floats is computed, fed and returned as 32-bit floats.

mod operators;
mod threads;
mod values;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use ::rten::{Model as Graph, ModelOptions, NodeId, RunOptions};
pub(super) use operators::problems;
use rten_onnx::onnx::{GraphProto, ModelProto, ValueInfoProto};

use super::{
    DType, Engine, Format, LoadOptions, Model, ModelFile, ModelIdentity, NnError, OutputBuf, Session,
    TensorInfo, TensorView, onnx, tensor,
};
use crate::text;

/// rten as an [`Engine`].
pub(super) struct RtenEngine;

struct RtenModel {
    identity: ModelIdentity,
    graph: Graph,
    inputs: Vec<TensorInfo>,
    input_ids: Vec<NodeId>,
    outputs: Vec<TensorInfo>,
    output_ids: Vec<NodeId>,
    threads: usize,
}

struct RtenSession(Arc<RtenModel>);

impl Engine for RtenEngine {
    fn name(&self) -> &'static str {
        "rten"
    }

    fn runs(&self, format: &Format) -> bool {
        *format == Format::Onnx
    }

    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let parsed = onnx::parse(&file.bytes)?;
        let problems = problems(&parsed);
        if !problems.is_empty() {
            return Err(NnError::Unsupported(problems.join("; also, ")));
        }
        let (inputs, outputs) = tensors(&parsed)?;
        // Its weights are in memory twice until here.
        drop(parsed);
        let identity = file.identity(self.name());
        let graph = load_graph(file.bytes.clone())?;
        let (input_ids, output_ids) = (ids(&graph, &inputs)?, ids(&graph, &outputs)?);
        let threads = options.threads.max(1);
        Ok(Arc::new(RtenModel { identity, graph, inputs, input_ids, outputs, output_ids, threads }))
    }
}

fn tensors(file: &ModelProto) -> Result<(Vec<TensorInfo>, Vec<TensorInfo>), NnError> {
    let empty = GraphProto::default();
    let graph = file.graph.as_ref().unwrap_or(&empty);
    let all = |values: &mut dyn Iterator<Item = &ValueInfoProto>| {
        values.map(computed).collect::<Result<Vec<_>, String>>().map_err(NnError::Unsupported)
    };
    Ok((all(&mut onnx::feeds(graph))?, all(&mut graph.output.iter())?))
}

/// The tensor in the type that rten computes and this engine hands on. The error is a sentence.
fn computed(value: &ValueInfoProto) -> Result<TensorInfo, String> {
    let info = onnx::tensor_info(value)?;
    let dtype = if info.dtype == DType::F16 { DType::F32 } else { info.dtype };
    Ok(TensorInfo { dtype, ..info })
}

fn load_graph(bytes: Vec<u8>) -> Result<Graph, NnError> {
    let load = || ModelOptions::with_all_ops().prepack_weights(true).load(bytes);
    match catch_unwind(AssertUnwindSafe(load)) {
        Ok(Ok(graph)) => Ok(graph),
        Ok(Err(error)) => {
            let error = text::clean(error.to_string().as_bytes());
            Err(NnError::Unsupported(format!("the engine rten cannot load the model: {error}")))
        }
        Err(panic) => Err(fault("loading the model", &*panic)),
    }
}

fn ids(graph: &Graph, infos: &[TensorInfo]) -> Result<Vec<NodeId>, NnError> {
    let lost =
        |name| NnError::Unsupported(format!("the engine rten lost `{name}` while it optimised the model"));
    infos.iter().map(|info| graph.find_node(&info.name).ok_or_else(|| lost(&info.name))).collect()
}

/// rten is not hardened against every model: a panic in it is an error of this call.
fn fault(during: &str, panic: &(dyn Any + Send)) -> NnError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    NnError::Engine(format!("the engine rten failed while {during}: {text}"))
}

impl Model for RtenModel {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
    fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }
    fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }
    fn session(self: Arc<Self>) -> Result<Box<dyn Session>, NnError> {
        Ok(Box::new(RtenSession(self)))
    }
}

impl Session for RtenSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        self.0.run(inputs, outputs)
    }
}

impl RtenModel {
    fn run(&self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        tensor::check_inputs(inputs, &self.inputs)?;
        tensor::check_output_count(outputs.len(), self.outputs.len())?;
        tensor::check_room(outputs, &self.outputs)?;
        let results = self.compute(inputs, outputs.len())?;
        let mut outcome = Ok(());
        for (index, ((buffer, info), value)) in
            outputs.iter_mut().zip(&self.outputs).zip(&results).enumerate()
        {
            let delivered = values::deliver(index, buffer, info.dtype, value);
            outcome = outcome.and(delivered);
        }
        outcome
    }

    fn compute(&self, inputs: &[TensorView<'_>], outputs: usize) -> Result<Vec<::rten::Value>, NnError> {
        let values = inputs.iter().map(values::borrow).collect::<Result<Vec<_>, _>>()?;
        let fed = self.input_ids.iter().copied().zip(values).collect();
        let threads = threads::take(self.threads);
        let options = RunOptions::default().with_thread_pool(Some(threads.pool()));
        let run = || self.graph.run(fed, &self.output_ids[..outputs], Some(options));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(outcome) => outcome.map_err(|error| {
                NnError::Engine(format!("the engine rten failed on model {}: {error}", self.identity.name))
            }),
            Err(panic) => Err(fault(&format!("running model {}", self.identity.name), &*panic)),
        }
    }
}
