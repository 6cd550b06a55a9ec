//! A model as it lies on disk.

use std::{io, path::Path};

use super::{ModelIdentity, NnError, registry};

/// A model file, read but not yet understood.
pub struct ModelFile {
    /// File stem.
    pub name: String,
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What kind of model it is.
    pub format: Format,
    /// Lower-case hex SHA-256 of the file, and of its weights if they are in another.
    pub sha256: String,
}

/// Kinds of models, told apart by their first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// ONNX, or nothing that is known: the engines' sentences say what is wrong with it.
    Onnx,
    /// OpenVINO's intermediate representation: XML, with weights from the `.bin` beside it.
    OpenVinoIr {
        /// The whole `.bin`.
        weights: Vec<u8>,
    },
    /// TensorFlow Lite.
    TfLite,
    /// A WebAssembly module that is a model itself.
    Wasm,
}

impl Format {
    /// Tells the format by the first bytes; `weights` is asked for the second half of an IR.
    pub(super) fn of(
        bytes: &[u8],
        weights: impl FnOnce() -> Result<Vec<u8>, NnError>,
    ) -> Result<Self, NnError> {
        Ok(match bytes {
            [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Self::TfLite,
            [b'\0', b'a', b's', b'm', ..] => Self::Wasm,
            text if is_ir(text) => Self::OpenVinoIr { weights: weights()? },
            _ => Self::Onnx,
        })
    }

    /// Name for programs.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::OpenVinoIr { .. } => "openvino_ir",
            Self::TfLite => "tflite",
            Self::Wasm => "wasm",
        }
    }

    /// Name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Onnx => "ONNX",
            Self::OpenVinoIr { .. } => "OpenVINO IR",
            Self::TfLite => "TensorFlow Lite",
            Self::Wasm => "WebAssembly",
        }
    }
}

impl ModelFile {
    /// Reads a model, and the weights beside it if its format keeps them there.
    ///
    /// # Errors
    /// A file is missing, unreadable or too large.
    pub fn read(path: &Path) -> Result<Self, NnError> {
        let bytes = registry::read(path)?;
        let format = Format::of(&bytes, || weights_of(path))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self::new(name, bytes, format))
    }

    /// The same for bytes that are in memory already.
    pub(super) fn from_memory(name: &str, bytes: Vec<u8>, weights: Option<Vec<u8>>) -> Result<Self, NnError> {
        let format = Format::of(&bytes, || Ok(weights.unwrap_or_default()))?;
        Ok(Self::new(name.to_owned(), bytes, format))
    }

    fn new(name: String, bytes: Vec<u8>, format: Format) -> Self {
        let sha256 = match &format {
            Format::OpenVinoIr { weights } => registry::sha256(&[&bytes, weights]),
            _ => registry::sha256(&[&bytes]),
        };
        Self { name, bytes, format, sha256 }
    }

    pub(super) fn identity(&self, engine: &'static str) -> ModelIdentity {
        ModelIdentity { name: self.name.clone(), sha256: self.sha256.clone(), engine }
    }

    pub(super) fn wrong_format(&self, engine: &str, allowed: &str) -> NnError {
        NnError::Unsupported(format!(
            "this is a model in the format {}, the engine {engine} runs {allowed}; choose another engine or convert it",
            self.format.name()
        ))
    }
}

/// The second half of an IR.
fn weights_of(path: &Path) -> Result<Vec<u8>, NnError> {
    let beside = path.with_extension("bin");
    registry::read(&beside).map_err(|error| match error {
        NnError::Read { path: _, source } if source.kind() == io::ErrorKind::NotFound => {
            let name = beside.file_name().unwrap_or_default().to_string_lossy();
            let why =
                format!("an OpenVINO IR is two files, and {name} is not beside this one; copy it there");
            NnError::Read { path: path.to_owned(), source: io::Error::new(io::ErrorKind::NotFound, why) }
        }
        other => other,
    })
}

/// XML whose root is `<net`, as OpenVINO writes it.
fn is_ir(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes));
    head.trim_start_matches('\u{feff}').starts_with('<') && head.contains("<net")
}
