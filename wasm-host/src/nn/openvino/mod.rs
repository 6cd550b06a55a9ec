//! [OpenVINO](https://docs.openvino.ai) on the CPU, loaded at run time from a library that the user installs: ONNX
//! models and its own IR (`.xml` with `.bin` beside it).
//!
//! A model is compiled once and shared; each worker has an infer request of its own. Tensors are borrowed in place,
//! inputs and outputs.

mod cancel;
mod compile;
mod handle;
mod ir;
mod library;
mod ports;
mod processor;
mod run;
mod settings;

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use openvino_sys as ov;
pub use processor::needed_environment;

use self::{
    cancel::{Cancel, Shared},
    compile::Compiled,
    handle::Owned,
    run::Request,
};
use super::{
    Engine, Format, Interrupt, LoadOptions, Model, ModelFile, ModelIdentity, NnError, OutputBuf, Session,
    TensorInfo, TensorView, onnx, tensor,
};

const NAME: &str = "openvino";

/// OpenVINO as an [`Engine`].
pub(super) struct OpenVino;

struct OpenVinoModel {
    identity: ModelIdentity,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    /// Making requests is not documented as safe from several threads; running them is.
    compiled: Mutex<Compiled>,
}

struct OpenVinoSession {
    /// Holds none after a run that failed.
    request: Arc<Cancel>,
    /// For each output whether the request was last given memory for it.
    lent: Vec<bool>,
    copied: u64,
    model: Arc<OpenVinoModel>,
}

impl Engine for OpenVino {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), NnError> {
        library::is_present()?;
        processor::check()
    }

    fn runs(&self, format: &Format) -> bool {
        matches!(format, Format::Onnx | Format::OpenVinoIr { .. })
    }

    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let (weights, names) = match &file.format {
            Format::Onnx => (None, Some(names(&file.bytes)?)),
            Format::OpenVinoIr { weights } => {
                ir::check(&file.bytes, weights.len())?;
                (Some(&weights[..]), None)
            }
            _ => return Err(file.wrong_format(NAME, "ONNX and OpenVINO IR")),
        };
        settings::check(options)?;
        processor::check()?;
        library::load()?;
        let compiled = compile::compile(&file.bytes, weights, options)?;
        let (mut inputs, mut outputs) = (ports::inputs(&compiled)?, ports::outputs(&compiled)?);
        if let Some((of_inputs, of_outputs)) = names {
            rename(&mut inputs, of_inputs)?;
            rename(&mut outputs, of_outputs)?;
        }
        refuse_lost_errors(&inputs, &outputs)?;
        let identity = file.identity(NAME);
        Ok(Arc::new(OpenVinoModel { identity, inputs, outputs, compiled: Mutex::new(compiled) }))
    }
}

/// See `settings::properties`: on one core there is no way to have two threads.
fn refuse_lost_errors(inputs: &[TensorInfo], outputs: &[TensorInfo]) -> Result<(), NnError> {
    let unknown = inputs.iter().chain(outputs).find(|info| info.known_shape().is_none());
    match unknown.filter(|_| processor::has_one_core()) {
        None => Ok(()),
        Some(info) => Err(NnError::Unsupported(format!(
            "the engine {NAME} does not notice on a single core when a model with unknown dimensions fails, and this \
             one has {info}; export it with fixed dimensions, or use another engine"
        ))),
    }
}

/// Names of inputs and outputs in an ONNX file that this engine computes rightly.
fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), NnError> {
    let model = onnx::parse(bytes)?;
    ir::refuse_inside(bytes)?;
    onnx::refuse(bytes, &model, &[onnx::signed_activations])?;
    Ok(onnx::names(&model))
}

/// The library keeps the order of an ONNX file, but of a tensor with several names, which is what its optimisations
/// leave, it tells any.
fn rename(infos: &mut [TensorInfo], names: Vec<String>) -> Result<(), NnError> {
    if infos.len() != names.len() {
        return Err(NnError::Unsupported(format!(
            "the engine {NAME} makes {} inputs or outputs of the {} that the model has; use another engine",
            infos.len(),
            names.len()
        )));
    }
    infos.iter_mut().zip(names).for_each(|(info, name)| info.name = name);
    Ok(())
}

impl Model for OpenVinoModel {
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
        let request = Arc::new(Cancel::of(self.request()?));
        Ok(Box::new(OpenVinoSession { request, lent: Vec::new(), copied: 0, model: self }))
    }
}

impl OpenVinoModel {
    fn request(&self) -> Result<Request, NnError> {
        let compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the compiled model lives; the request keeps what it needs of it.
        Owned::new(ov::ov_infer_request_free, |place| unsafe {
            ov::ov_compiled_model_create_infer_request(compiled.ptr(), place)
        })
    }
}

impl Session for OpenVinoSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        tensor::check_inputs(inputs, &self.model.inputs)?;
        tensor::check_output_count(outputs.len(), self.model.outputs.len())?;
        tensor::check_room(outputs, &self.model.outputs)?;
        let lent = run::can_be_lent(inputs, &self.model.outputs[..outputs.len()]);
        let request = self.take_request(&lent)?;
        self.request.put(Some(request.clone()));
        let outcome = run::run(&request.0, inputs, outputs, &lent, &mut self.copied);
        self.lent = lent;
        if outcome.is_err() {
            self.request.put(None);
        }
        outcome
    }
    fn take_bytes_copied(&mut self) -> u64 {
        mem::take(&mut self.copied)
    }
    fn interrupt(&self) -> Option<Arc<dyn Interrupt>> {
        Some(self.request.clone())
    }
}

impl OpenVinoSession {
    /// A request remembers the memory of the last run's tensors, which is somebody else's by now. Each run gives it new
    /// memory for all inputs and for the outputs that are `lent`; a request that was given more before would write to
    /// the old memory. After a failed run nobody knows what it remembers.
    fn take_request(&self, lent: &[bool]) -> Result<Arc<Shared>, NnError> {
        let replaced = |(output, was): (usize, &bool)| !was || lent.get(output) == Some(&true);
        match self.request.present() {
            Some(request) if self.lent.iter().enumerate().all(replaced) => Ok(request),
            _ => Ok(Arc::new(Shared(self.model.request()?))),
        }
    }
}
