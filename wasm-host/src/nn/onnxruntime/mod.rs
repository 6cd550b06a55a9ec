//! [ONNX Runtime](https://onnxruntime.ai) on the processor, loaded at run time from a library that the user installs.
//!
//! One session of the runtime is shared by all workers: `Run` may be called from several threads at once, and the
//! weights are in memory once. Tensors are borrowed in place, inputs and outputs.

mod library;
mod run;
mod settings;
mod stop;

use std::{
    ffi::CString,
    fmt::Display,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ort::{
    memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType},
    session::{self, SharedSessionInner, builder::SessionBuilder},
    value::{Outlet, TensorElementType, ValueType},
};

use self::stop::Switch;
use super::{
    DType, Engine, Format, Interrupt, LoadOptions, Model, ModelFile, ModelIdentity, NnError, OutputBuf,
    Session, TensorInfo, TensorView, onnx, tensor, words,
};
use crate::text;

const NAME: &str = "onnxruntime";

/// ONNX Runtime as an [`Engine`].
pub(super) struct OnnxRuntime;

struct OnnxRuntimeModel {
    identity: ModelIdentity,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    input_names: Vec<CString>,
    output_names: Vec<CString>,
    /// Outputs that the runtime computes; it does not write one that is an input or a weight handed on.
    can_write: Vec<bool>,
    memory: MemoryInfo<'static>,
    session: Arc<SharedSessionInner>,
    /// False once a model has computed other shapes than its file promises.
    shapes_hold: AtomicBool,
}

struct OnnxRuntimeSession {
    model: Arc<OnnxRuntimeModel>,
    copied: u64,
    switch: Arc<Switch>,
}

impl Engine for OnnxRuntime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), NnError> {
        library::is_present()
    }

    fn runs(&self, format: &Format) -> bool {
        *format == Format::Onnx
    }

    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        if !self.runs(&file.format) {
            return Err(file.wrong_format(NAME, "ONNX"));
        }
        // Before the runtime sees it: weights elsewhere would make it read other files of this machine.
        let parsed = onnx::parse(&file.bytes)?;
        onnx::refuse(&file.bytes, &parsed, &[])?;
        let passed_on = onnx::passed_on(&parsed);
        drop(parsed);
        settings::check(options)?;
        let environment = library::environment()?;
        let session = build(&environment, &file.bytes, options)?;
        let (inputs, outputs) = (infos(session.inputs())?, infos(session.outputs())?);
        let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default)
            .map_err(failed)?;
        Ok(Arc::new(OnnxRuntimeModel {
            identity: file.identity(NAME),
            can_write: outputs.iter().map(|output| !passed_on.contains(&output.name)).collect(),
            input_names: run::c_names(&inputs)?,
            output_names: run::c_names(&outputs)?,
            inputs,
            outputs,
            memory,
            session: session.inner(),
            shapes_hold: AtomicBool::new(true),
        }))
    }
}

#[allow(clippy::result_large_err, reason = "the library's error holds its builder")]
fn build(
    environment: &ort::environment::Environment,
    bytes: &[u8],
    options: &LoadOptions,
) -> Result<session::Session, NnError> {
    let refused = |error: &dyn Display| {
        let error = words::sentence(&error.to_string());
        NnError::Unsupported(format!("the engine {NAME} cannot load the model: {error}"))
    };
    let builder = SessionBuilder::new(environment).map_err(failed)?;
    settings::apply(builder, options)?.commit_from_memory(bytes).map_err(|error| refused(&error))
}

fn infos(outlets: &[Outlet]) -> Result<Vec<TensorInfo>, NnError> {
    outlets.iter().map(info).collect()
}

fn info(outlet: &Outlet) -> Result<TensorInfo, NnError> {
    let unusable = |what: &str| {
        NnError::Unsupported(format!(
            "its input or output `{}` is {what}; modules can be given f32, f16, u8, i8, i32 and i64",
            text::clean(outlet.name().as_bytes())
        ))
    };
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else { return Err(unusable("no tensor")) };
    let dtype = match ty {
        TensorElementType::Float32 => DType::F32,
        TensorElementType::Float16 => DType::F16,
        TensorElementType::Uint8 => DType::U8,
        TensorElementType::Int8 => DType::I8,
        TensorElementType::Int32 => DType::I32,
        TensorElementType::Int64 => DType::I64,
        other => return Err(unusable(&format!("of type {other}"))),
    };
    // Unknown dimensions are negative.
    let shape = shape.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    Ok(TensorInfo { name: outlet.name().to_owned(), dtype, shape })
}

fn failed(error: ort::Error) -> NnError {
    NnError::Engine(format!("the engine {NAME} failed: {}", words::sentence(&error.to_string())))
}

impl Model for OnnxRuntimeModel {
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
        Ok(Box::new(OnnxRuntimeSession { model: self, copied: 0, switch: Arc::new(Switch::new()?) }))
    }
}

impl Session for OnnxRuntimeSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        let model = &*self.model;
        self.switch.clear()?;
        tensor::check_inputs(inputs, &model.inputs)?;
        tensor::check_output_count(outputs.len(), model.outputs.len())?;
        tensor::check_room(outputs, &model.outputs)?;
        let graph = run::Graph {
            session: &model.session,
            switch: &self.switch,
            memory: &model.memory,
            input_names: &model.input_names,
            output_names: &model.output_names,
            outputs: &model.outputs,
            can_write: &model.can_write,
        };
        if model.shapes_hold.load(Ordering::Relaxed) {
            match graph.run(inputs, outputs, true, &mut self.copied) {
                Err(NnError::Engine(error)) if error.contains("shape") => {}
                outcome => return outcome,
            }
        }
        let outcome = graph.run(inputs, outputs, false, &mut self.copied);
        // Files can promise shapes that they do not keep; the runtime then refuses our memory. If it takes its own, that
        // was the reason, and not the inputs, which may be wrong in this run only.
        if matches!(outcome, Ok(()) | Err(NnError::OutputTooSmall { .. })) {
            model.shapes_hold.store(false, Ordering::Relaxed);
        }
        outcome
    }
    fn take_bytes_copied(&mut self) -> u64 {
        mem::take(&mut self.copied)
    }

    fn interrupt(&self) -> Option<Arc<dyn Interrupt>> {
        Some(self.switch.clone())
    }
}
