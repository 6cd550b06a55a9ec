//! The embedded engine: [rten](https://github.com/robertknight/rten), pure Rust, ONNX float and QDQ models.
//!
//! A model is shared by all sessions and runs concurrently; inputs are read where they are. What rten cannot hold
//! itself is converted: 64-bit integers are narrowed to 32 bits on the way in (refused when out of range) and widened on
//! the way out; 16-bit floats are computed as 32-bit floats. Outputs are copied once from rten's memory.

mod operators;
mod threads;
mod values;

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use ::rten::{Model as Graph, ModelOptions, NodeId, RunOptions, Value, ValueOrView};
pub(super) use operators::problems;
use rten_onnx::onnx::{GraphProto, ModelProto, ValueInfoProto};

use super::{
    Engine, Format, LoadOptions, Model, ModelFile, ModelIdentity, NnError, OutputBuf, Session, TensorInfo,
    TensorView, onnx, options,
    tensor::{self, Deliveries},
    words,
};

const NAME: &str = "rten";

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

struct RtenSession {
    model: Arc<RtenModel>,
    copied: u64,
}

impl Engine for RtenEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn runs(&self, format: &Format) -> bool {
        *format == Format::Onnx
    }

    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let settings = settings(options)?;
        let parsed = onnx::parse(&file.bytes)?;
        let problems = problems(&file.bytes, &parsed);
        if !problems.is_empty() {
            return Err(NnError::Unsupported(problems.join("; also, ")));
        }
        let (inputs, outputs) = tensors(&parsed)?;
        // Its weights are in memory twice until here.
        drop(parsed);
        let identity = file.identity(self.name());
        let graph = load_graph(file.bytes.clone(), &settings)?;
        let (input_ids, output_ids) = (ids(&graph, &inputs)?, ids(&graph, &outputs)?);
        let threads = options.threads.max(1);
        Ok(Arc::new(RtenModel { identity, graph, inputs, input_ids, outputs, output_ids, threads }))
    }
}

/// rten runs on the processor in 32-bit floats, with a thread pool for each run that is under way: throughput and
/// latency are the same to it.
fn settings(options: &LoadOptions) -> Result<ModelOptions, NnError> {
    options::only_processor_and_f32(NAME, options)?;
    options::check_session_options(NAME, options, &[("threads", "threads")])?;
    let mut settings = ModelOptions::with_all_ops();
    settings.prepack_weights(true);
    for (name, value) in &options.session_options {
        match &name[..] {
            "optimize" => settings.enable_optimization(options::switch(NAME, name, value)?),
            "prepack_weights" => settings.prepack_weights(options::switch(NAME, name, value)?),
            _ => return Err(options::unknown(NAME, name, "`optimize` and `prepack_weights`")),
        };
    }
    Ok(settings)
}

fn tensors(file: &ModelProto) -> Result<(Vec<TensorInfo>, Vec<TensorInfo>), NnError> {
    let empty = GraphProto::default();
    let graph = file.graph.as_ref().unwrap_or(&empty);
    let all = |values: &mut dyn Iterator<Item = &ValueInfoProto>| {
        values.map(onnx::tensor_info).collect::<Result<Vec<_>, String>>().map_err(NnError::Unsupported)
    };
    Ok((all(&mut onnx::feeds(graph))?, all(&mut graph.output.iter())?))
}

fn load_graph(bytes: Vec<u8>, settings: &ModelOptions) -> Result<Graph, NnError> {
    match catch_unwind(AssertUnwindSafe(|| settings.load(bytes))) {
        Ok(Ok(graph)) => Ok(graph),
        Ok(Err(error)) => {
            let error = words::sentence(&error.to_string());
            Err(NnError::Unsupported(format!("the engine {NAME} cannot load the model: {error}")))
        }
        Err(panic) => Err(fault("loading the model", &*panic)),
    }
}

fn ids(graph: &Graph, infos: &[TensorInfo]) -> Result<Vec<NodeId>, NnError> {
    let lost =
        |name| NnError::Unsupported(format!("the engine rten lost `{name}` while it optimised the model"));
    let clean = |info: &TensorInfo| crate::text::clean(info.name.as_bytes());
    infos.iter().map(|info| graph.find_node(&info.name).ok_or_else(|| lost(clean(info)))).collect()
}

/// rten is not hardened against every model: a panic in it is an error of this call.
fn fault(during: &str, panic: &(dyn Any + Send)) -> NnError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    NnError::Engine(format!("the engine {NAME} failed while {during}: {}", words::sentence(text)))
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
        Ok(Box::new(RtenSession { model: self, copied: 0 }))
    }
}

impl Session for RtenSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        self.model.run(inputs, outputs, &mut self.copied)
    }
    fn take_bytes_copied(&mut self) -> u64 {
        mem::take(&mut self.copied)
    }
}

impl RtenModel {
    fn run(
        &self,
        inputs: &[TensorView<'_>],
        outputs: &mut [OutputBuf<'_>],
        copied: &mut u64,
    ) -> Result<(), NnError> {
        tensor::check_inputs(inputs, &self.inputs)?;
        tensor::check_output_count(outputs.len(), self.outputs.len())?;
        tensor::check_room(outputs, &self.outputs)?;
        let values = inputs.iter().map(|view| values::borrow(view, copied)).collect::<Result<Vec<_>, _>>()?;
        let results = self.compute(values, outputs.len())?;
        let mut deliveries = Deliveries::default();
        for (index, ((buffer, info), value)) in
            outputs.iter_mut().zip(&self.outputs).zip(&results).enumerate()
        {
            deliveries.add(values::deliver(index, buffer, info.dtype, value));
        }
        deliveries.end(copied)
    }

    fn compute(&self, values: Vec<ValueOrView<'_>>, outputs: usize) -> Result<Vec<Value>, NnError> {
        let fed = self.input_ids.iter().copied().zip(values).collect();
        let threads = threads::take(self.threads);
        let options = RunOptions::default().with_thread_pool(Some(threads.pool()));
        let run = || self.graph.run(fed, &self.output_ids[..outputs], Some(options));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(outcome) => outcome.map_err(|error| {
                let error = words::sentence(&error.to_string());
                NnError::Engine(format!("the engine {NAME} failed on model {}: {error}", self.identity.name))
            }),
            Err(panic) => Err(fault(&format!("running model {}", self.identity.name), &*panic)),
        }
    }
}
