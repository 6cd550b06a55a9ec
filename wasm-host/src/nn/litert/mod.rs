//! [LiteRT](https://ai.google.dev/edge/litert) (TensorFlow Lite's successor) on the processor, loaded at run time from
//! a library that the user installs: `.tflite` models.
//!
//! A compiled model of LiteRT serves one thread, so each session compiles its own from the one copy of the file in
//! memory; weights that XNNPACK packs, and intermediate tensors, exist once per session. Tensors are borrowed in place
//! where their address is a multiple of 64 bytes, else copied.

mod compile;
mod handle;
mod library;
mod run;
mod stop;

use std::sync::{Arc, Mutex, PoisonError};

use self::{compile::Source, run::Runner};
use super::{
    Engine, Format, Interrupt, LoadOptions, Model, ModelFile, ModelIdentity, NnError, OutputBuf,
    Quantization, Session, TensorInfo, TensorView, tensor, tflite,
};
use crate::text;

const NAME: &str = "litert";

/// LiteRT as an [`Engine`].
pub(super) struct LiteRt;

struct LiteRtModel {
    identity: ModelIdentity,
    interface: tflite::Interface,
    source: Arc<Source>,
    /// The compiled model that the load was tried with; the first session gets it.
    first: Mutex<Option<Runner>>,
}

struct LiteRtSession {
    runner: Runner,
    model: Arc<LiteRtModel>,
}

impl Engine for LiteRt {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), NnError> {
        library::is_present()
    }

    fn runs(&self, format: &Format) -> bool {
        *format == Format::TfLite
    }

    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        if !self.runs(&file.format) {
            return Err(file.wrong_format(NAME, "TensorFlow Lite"));
        }
        let settings = compile::settings(options)?;
        let mut interface = tflite::read(&file.bytes, compile::signature(options))?;
        let source = Source { api: library::load()?, bytes: file.bytes.as_slice().into(), settings };
        let source = Arc::new(source);
        let refused =
            |error| NnError::Unsupported(format!("the engine {NAME} cannot load the model: {error}"));
        let mut runner = runner(&source, &interface).map_err(refused)?;
        promise(&mut runner, &mut interface).map_err(refused)?;
        let first = Mutex::new(Some(runner));
        Ok(Arc::new(LiteRtModel { identity: file.identity(NAME), interface, source, first }))
    }
}

fn runner(source: &Arc<Source>, interface: &tflite::Interface) -> Result<Runner, NnError> {
    let compiled = compile::compile(source)?;
    Ok(Runner::new(compiled, interface.signature, interface.inputs.len(), interface.outputs.len()))
}

/// Replaces the outputs' shapes in the file by those that will come, and refuses outputs whose size only a run tells:
/// the library would silently write them elsewhere.
fn promise(runner: &mut Runner, interface: &mut tflite::Interface) -> Result<(), NnError> {
    let is_open = |info: &TensorInfo| info.shape.contains(&None);
    let some_open = interface.inputs.iter().any(is_open);
    let shapes: Vec<Vec<usize>> = interface.inputs.iter().map(smallest).collect();
    let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
    let outputs = match runner.plan(&shapes) {
        Ok(outputs) => outputs.to_vec(),
        // Open dimensions of 1 can be too small for the model.
        Err(_) if some_open => return Ok(()),
        Err(error) => return Err(error),
    };
    for (info, shape) in interface.outputs.iter_mut().zip(outputs) {
        let known: Vec<_> = shape.into_iter().map(Some).collect();
        if !some_open {
            info.shape = known;
        } else if !is_open(info) && info.shape != known {
            info.shape = vec![None; known.len()];
        }
    }
    let stray = runner.stray_output(&interface.inputs, &shapes, &interface.outputs);
    runner.tidy();
    match stray {
        Ok(None) => Ok(()),
        Ok(Some(output)) => Err(unsized_output(&interface.outputs[output])),
        Err(error) => {
            tracing::debug!(%error, "the model does not run on zeros");
            Ok(())
        }
    }
}

/// The shape with 1 for open dimensions.
fn smallest(info: &TensorInfo) -> Vec<usize> {
    info.shape.iter().map(|dim| dim.unwrap_or(1)).collect()
}

fn unsized_output(info: &TensorInfo) -> NnError {
    NnError::Engine(format!(
        "the size of its output `{}` is known only after a run, which this engine cannot deliver; convert the model \
         with a fixed number of results",
        text::clean(info.name.as_bytes())
    ))
}

impl Model for LiteRtModel {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
    fn inputs(&self) -> &[TensorInfo] {
        &self.interface.inputs
    }
    fn outputs(&self) -> &[TensorInfo] {
        &self.interface.outputs
    }
    fn input_quantization(&self, index: usize) -> Option<Quantization> {
        *self.interface.input_quantization.get(index)?
    }
    fn output_quantization(&self, index: usize) -> Option<Quantization> {
        *self.interface.output_quantization.get(index)?
    }
    fn session(self: Arc<Self>) -> Result<Box<dyn Session>, NnError> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut runner = match first {
            Some(runner) => runner,
            None => runner(&self.source, &self.interface)?,
        };
        // What loading copied is no session's.
        runner.take_bytes_copied();
        Ok(Box::new(LiteRtSession { runner, model: self }))
    }
}

impl Session for LiteRtSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        let interface = &self.model.interface;
        tensor::check_inputs(inputs, &interface.inputs)?;
        tensor::check_output_count(outputs.len(), interface.outputs.len())?;
        self.runner.run(inputs, outputs, &interface.outputs)
    }
    fn take_bytes_copied(&mut self) -> u64 {
        self.runner.take_bytes_copied()
    }
    fn interrupt(&self) -> Option<Arc<dyn Interrupt>> {
        Some(self.runner.stop())
    }
}
