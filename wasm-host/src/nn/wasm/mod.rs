//! Models that are WebAssembly modules themselves: they export
//! `infer_model(input: *const f32, input_len, output: *mut f32, output_len) -> i32` and `memory`. Lengths are numbers of
//! floats; several inputs, and several outputs, lie one behind the other in the order of the description. 0 is success.
//!
//! A model imports nothing and is as confined as a module: it has its own memory with a limit, and a run ends with the
//! deadline of the frame. Each session has an instance, which is made anew after a trap. Tensors are copied once in and
//! once out, because they are in another memory.

mod description;
mod instance;

use std::sync::Arc;

use wasmtime::{InstancePre, Linker};

use self::{description::Description, instance::Instance};
use super::{
    Engine, Format, LoadOptions, Model, ModelFile, ModelIdentity, NnError, OutputBuf, Precision, Session,
    TensorInfo, TensorView, tensor,
};
use crate::{cache, engine::engine, text};

const NAME: &str = "wasm";
/// Session option: most memory of an instance, in MiB.
const MEMORY: &str = "memory_mib";
/// Its default: as much as a large model has in weights.
const MEMORY_MIB: usize = 256;

/// WebAssembly as an [`Engine`].
pub(super) struct WasmEngine;

struct WasmModel {
    identity: ModelIdentity,
    description: Description,
    linked: InstancePre<()>,
    memory_bytes: usize,
}

struct WasmSession {
    model: Arc<WasmModel>,
    /// None before the first run and after an error.
    instance: Option<Instance>,
    copied: u64,
}

impl Engine for WasmEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn runs(&self, format: &Format) -> bool {
        *format == Format::Wasm
    }

    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        if !self.runs(&file.format) {
            return Err(file.wrong_format(NAME, "WebAssembly models"));
        }
        let memory_bytes = memory_bytes(options)?;
        let description = description::read(&file.bytes)?;
        let model = WasmModel {
            identity: file.identity(NAME),
            description,
            linked: link(&file.bytes)?,
            memory_bytes,
        };
        // Now, so that what cannot start is told at load.
        drop(model.start()?);
        Ok(Arc::new(model))
    }
}

/// Refuses what this engine cannot do. It takes one thread, however many are allowed.
fn memory_bytes(options: &LoadOptions) -> Result<usize, NnError> {
    let refused = |why: String| Err(NnError::Unsupported(format!("the engine {NAME} {why}")));
    if let Some(device) = options.device.as_deref().filter(|device| !device.eq_ignore_ascii_case("cpu")) {
        return refused(format!(
            "runs models on the device CPU only, not on `{device}`; leave the device out"
        ));
    }
    if !matches!(options.precision, Precision::F32 | Precision::Auto) {
        return refused("computes as the model is written; leave the precision out".into());
    }
    if let Some(unknown) = options.session_options.keys().find(|name| *name != MEMORY) {
        return refused(format!("has no session option `{unknown}`; it has {MEMORY}"));
    }
    let mib = options.session_options.get(MEMORY).map_or(Ok(MEMORY_MIB), |mib| mib.parse());
    match mib {
        Ok(mib @ 1..=4096) => Ok(mib << 20),
        _ => refused(format!("needs a number from 1 to 4096 in the session option {MEMORY}")),
    }
}

/// Compiles the module, from the cache if it was compiled before. It may import nothing.
fn link(bytes: &[u8]) -> Result<InstancePre<()>, NnError> {
    let module: wasmtime::Module = cache::compile(engine(), bytes).map_err(|error| {
        let error = text::clean(format!("{error:#}").as_bytes());
        NnError::Format(format!("the WebAssembly model cannot be compiled: {error}"))
    })?;
    if let Some(import) = module.imports().next() {
        let name = text::clean(format!("{}.{}", import.module(), import.name()).as_bytes());
        return Err(NnError::Unsupported(format!(
            "the WebAssembly model imports {name}; a model may import nothing: build it without WASI and host functions"
        )));
    }
    let linked = Linker::new(engine()).instantiate_pre(&module);
    linked.map_err(|error| NnError::Format(text::clean(error.to_string().as_bytes())))
}

impl WasmModel {
    fn start(&self) -> Result<Instance, NnError> {
        let floats = |infos: &[TensorInfo]| infos.iter().filter_map(TensorInfo::byte_len).sum::<usize>() / 4;
        let Description { inputs, outputs } = &self.description;
        Instance::start(&self.linked, self.memory_bytes, floats(inputs), floats(outputs))
    }
}

impl Model for WasmModel {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
    fn inputs(&self) -> &[TensorInfo] {
        &self.description.inputs
    }
    fn outputs(&self) -> &[TensorInfo] {
        &self.description.outputs
    }
    fn session(self: Arc<Self>) -> Result<Box<dyn Session>, NnError> {
        Ok(Box::new(WasmSession { model: self, instance: None, copied: 0 }))
    }
}

impl Session for WasmSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        let infos = &self.model.description.outputs;
        tensor::check_inputs(inputs, &self.model.description.inputs)?;
        tensor::check_output_count(outputs.len(), infos.len())?;
        tensor::check_room(outputs, infos)?;
        // Taken out: an instance that fails is not used again.
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.model.start()?,
        };
        let views: Vec<&[u8]> = inputs.iter().map(|view| view.data).collect();
        self.copied += views.iter().map(|view| view.len() as u64).sum::<u64>();
        let mut floats = instance.run(&views)?;
        for buffer in outputs {
            let (output, rest) = floats.split_at(buffer.len);
            buffer.data[..buffer.len].copy_from_slice(output);
            self.copied += output.len() as u64;
            floats = rest;
        }
        self.instance = Some(instance);
        Ok(())
    }

    fn take_bytes_copied(&mut self) -> u64 {
        std::mem::take(&mut self.copied)
    }
}
