//! Inference behind three small traits: an [`Engine`] loads a [`Model`] once, each worker runs its own [`Session`].
//!
//! Tensors are borrowed in place: the engine reads an input where its owner has it, and writes an output where it is
//! wanted if it can. Each session counts the bytes that it copied nevertheless. A new engine is a new file beside
//! `rten.rs` and a line in `registry.rs`.

mod choice;
pub mod fake;
mod file;
mod guest;
mod inspect;
mod litert;
mod native;
mod onnx;
mod onnxruntime;
mod openvino;
mod options;
mod registry;
mod rten;
mod tensor;
mod tflite;
mod wasm;
mod words;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

pub use choice::{Choice, PassedOver};
pub use file::{Format, ModelFile};
pub(crate) use guest::{GuestModel, load_guest_model};
pub use inspect::{describe_model, inspect_model};
pub use onnx::{ModelInfo, ModelTensor, Opset};
pub use openvino::needed_environment;
pub use registry::{Survey, choose_model, engine_available, engine_names, load_count, load_model, survey};
pub use tensor::byte_len;
pub(crate) use tensor::check_input;

pub use crate::watch::Interrupt;
use crate::watch::watch;

/// Element type of a tensor; values as in `edgevision_abi::dtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum DType {
    /// 32-bit float.
    F32 = 1,
    /// 8-bit unsigned.
    U8 = 2,
    /// 8-bit signed.
    I8 = 3,
    /// 32-bit signed.
    I32 = 4,
    /// 64-bit signed.
    I64 = 5,
    /// 16-bit float.
    F16 = 6,
}

/// A named input or output of a model. Unknown dimensions are `None`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TensorInfo {
    /// Name in the model.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Vec<Option<usize>>,
}

/// A tensor that somebody else owns, borrowed for one call. `data` is aligned to the element size.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: &'a [usize],
    /// Elements, little-endian, row-major without gaps.
    pub data: &'a [u8],
}

/// Room for one output; the session fills in what it wrote.
#[derive(Debug)]
pub struct OutputBuf<'a> {
    /// Where the elements go.
    pub data: &'a mut [u8],
    /// Set by the session: element type.
    pub dtype: DType,
    /// Set by the session: dimensions.
    pub shape: Vec<usize>,
    /// Set by the session: bytes that were written, or (with [`NnError::OutputTooSmall`]) that are needed.
    pub len: usize,
}

/// How the whole numbers of a tensor stand for real ones: `real = scale * (number - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Quantization {
    /// Difference between neighbours.
    pub scale: f32,
    /// The number that stands for 0.
    pub zero_point: i64,
}

/// What a loaded model is, for records and logs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ModelIdentity {
    /// File stem, for example `yolox_nano_416`.
    pub name: String,
    /// Lower-case hex SHA-256 of the file.
    pub sha256: String,
    /// Name of the engine that runs it.
    pub engine: &'static str,
}

/// What can go wrong with models. Every text is a sentence for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// The file cannot be read.
    #[error("{path}: the model cannot be read: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a model of this format.
    #[error("{0}")]
    Format(String),
    /// The engine's library is not on this machine.
    #[error("{sentence}")]
    Absent {
        /// Where it was looked for and what to do.
        sentence: String,
        /// The same as a phrase of a few words.
        reason: String,
    },
    /// The engine lacks an operator or computes it wrongly.
    #[error("{0}")]
    Unsupported(String),
    /// It needs more memory than is left, or more work than is allowed.
    #[error("{0}")]
    TooLarge(String),
    /// An input does not fit the model.
    #[error("{0}")]
    Input(String),
    /// An output buffer is too small; `len` of the buffer says what is needed.
    #[error("output {index} needs {needed} bytes, the buffer has {capacity}")]
    OutputTooSmall {
        /// Which output.
        index: usize,
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        capacity: usize,
    },
    /// The engine failed.
    #[error("{0}")]
    Engine(String),
}

impl NnError {
    /// The same with the place in front of the sentence: `models/line3.onnx: the file is empty; …`.
    pub fn at(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Format(sentence) => Self::Format(format!("{place}: {sentence}")),
            Self::Unsupported(sentence) => Self::Unsupported(format!("{place}: {sentence}")),
            Self::TooLarge(sentence) => Self::TooLarge(format!("{place}: {sentence}")),
            Self::Input(sentence) => Self::Input(format!("{place}: {sentence}")),
            Self::Engine(sentence) => Self::Engine(format!("{place}: {sentence}")),
            Self::Absent { sentence, reason } => {
                Self::Absent { sentence: format!("{place}: {sentence}"), reason }
            }
            located @ (Self::Read { .. } | Self::OutputTooSmall { .. }) => located,
        }
    }
}

/// How to load a model. An engine that cannot do what is asked for refuses with a sentence; it never does less.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadOptions {
    /// Threads inside one inference, at least 1.
    pub threads: usize,
    /// Sessions that will run at the same time, at least 1. Engines that divide threads beforehand need it.
    pub sessions: usize,
    /// What the engine is to be good at.
    pub performance: Performance,
    /// How floats are computed.
    pub precision: Precision,
    /// The engine's name of the device, such as `CPU` or `GPU.1`; `None` is the processor.
    pub device: Option<String>,
    /// The engine's own options, name to value, handed on as they are.
    pub session_options: BTreeMap<String, String>,
}

/// What an engine is to be good at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Performance {
    /// Most frames a second over all workers.
    #[default]
    Throughput,
    /// Least time for one frame.
    Latency,
}

/// How floats are computed inside a model. Tensors keep the types that the model's file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats, as the model was trained and as its reference computes.
    #[default]
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    Bf16,
    /// What the engine thinks is quickest on this machine.
    Auto,
}

impl LoadOptions {
    /// The engine's own options as engines take them: texts, from what a user wrote as text, number or truth value.
    ///
    /// # Errors
    /// A value of another kind; the text is one sentence.
    pub fn read_session_options(
        written: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<BTreeMap<String, String>, String> {
        use serde_json::Value;
        let text = |(name, value): (&String, &Value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
            other => Err(format!(
                "the option `{name}` is {other}; allowed are a text, a number, and true or false"
            )),
        };
        written.iter().map(text).collect()
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            sessions: 1,
            performance: Performance::default(),
            precision: Precision::default(),
            device: None,
            session_options: BTreeMap::new(),
        }
    }
}

/// An inference engine.
pub trait Engine: Send + Sync {
    /// Name in configs and records, for example `rten`.
    fn name(&self) -> &'static str;
    /// Whether it can be used on this machine. The error says what to install.
    fn available(&self) -> Result<(), NnError> {
        Ok(())
    }
    /// Whether it has a way to run models of this format.
    fn runs(&self, format: &Format) -> bool;
    /// Loads a model. Errors do not say which model it was; [`NnError::at`] puts that in front.
    fn load(&self, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError>;
}

/// A loaded model, shared by all workers.
pub trait Model: Send + Sync {
    /// What it is.
    fn identity(&self) -> &ModelIdentity;
    /// Inputs to be fed, in order; weights that old exporters list as inputs are not among them.
    fn inputs(&self) -> &[TensorInfo];
    /// Outputs, in order.
    fn outputs(&self) -> &[TensorInfo];
    /// How the whole numbers of input `index` are meant, if the model's file says; they are fed as they are.
    fn input_quantization(&self, _index: usize) -> Option<Quantization> {
        None
    }
    /// The same of output `index`.
    fn output_quantization(&self, _index: usize) -> Option<Quantization> {
        None
    }
    /// Which input has this name.
    fn input_index(&self, name: &str) -> Option<usize> {
        self.inputs().iter().position(|input| input.name == name)
    }
    /// Which output has this name.
    fn output_index(&self, name: &str) -> Option<usize> {
        self.outputs().iter().position(|output| output.name == name)
    }
    /// A session for one worker.
    fn session(self: Arc<Self>) -> Result<Box<dyn Session>, NnError>;
}

/// One worker's way to run a model.
pub trait Session: Send {
    /// Runs the model. `inputs` in the model's order; `outputs` may be fewer than the model has. With
    /// [`NnError::OutputTooSmall`], each output that was reached says in `len` what it needs; an output without any
    /// room asks for the size only. After any error the session can be used again.
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError>;
    /// Bytes of inputs and outputs that were copied or converted between the caller's memory and the engine's since
    /// this was last asked; what the graph does inside is not counted.
    fn take_bytes_copied(&mut self) -> u64;

    /// What stops a run of this session from another thread; `None` for an engine that cannot be stopped.
    fn interrupt(&self) -> Option<Arc<dyn Interrupt>> {
        None
    }
}

/// [`Session::run`], stopped when the deadline is over if the engine can be stopped. The error is then the engine's; the
/// caller looks at the clock.
pub fn run_until(
    deadline: Option<Instant>,
    session: &mut dyn Session,
    inputs: &[TensorView<'_>],
    outputs: &mut [OutputBuf<'_>],
) -> Result<(), NnError> {
    let interrupt = deadline.and_then(|deadline| Some((deadline, session.interrupt()?)));
    let _watch = interrupt.map(|(deadline, interrupt)| watch(deadline, interrupt));
    session.run(inputs, outputs)
}
