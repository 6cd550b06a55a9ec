//! Models that a module brings as bytes. Whoever wrote it is not trusted, so more is asked of it than of a model from
//! the config: what it needs must be known before any engine sees it.

use std::sync::Arc;

use super::{Format, LoadOptions, Model, ModelFile, NnError, onnx, registry};

/// A model from a module's memory.
pub(crate) struct GuestModel {
    /// The model, or OpenVINO's XML.
    pub(crate) bytes: Vec<u8>,
    /// OpenVINO's weights.
    pub(crate) weights: Option<Vec<u8>>,
    /// Most bytes that the model and its tensors may take.
    pub(crate) room: usize,
    /// Engine to use, or `auto`.
    pub(crate) engine: &'static str,
}

impl GuestModel {
    /// What the bytes look like.
    pub(crate) fn format(&self) -> Format {
        Format::of(&self.bytes, || Ok(Vec::new())).unwrap_or(Format::Onnx)
    }

    fn byte_len(&self) -> usize {
        self.bytes.len().saturating_add(self.weights.as_ref().map_or(0, Vec::len))
    }
}

/// Loads a model for one instance of a module. The second value is what it counts against the instance's memory: the
/// model and the tensors that one run holds at the same time.
///
/// # Errors
/// The sentences of the engines, and those for what only guests are refused.
pub(crate) fn load_guest_model(model: GuestModel) -> Result<(Arc<dyn Model>, usize), NnError> {
    let bytes = model.byte_len();
    let room = model.room.checked_sub(bytes).ok_or_else(|| too_large(bytes, model.room))?;
    let tensors = match model.format() {
        Format::Onnx => onnx::vet(&model.bytes, room)?,
        other => return Err(unknown_needs(&other)),
    };
    let engine = model.engine;
    let file = ModelFile::from_memory("guest", model.bytes, model.weights)?;
    let loaded = registry::load_unshared(&file, engine, &LoadOptions::default())?;
    // What was followed were fixed shapes. An engine that reads the file otherwise would take tensors of any size.
    if loaded.inputs().iter().any(|input| input.known_shape().is_none()) {
        let sentence =
            "the engine takes inputs of any size where the file has a fixed one; export the model again";
        return Err(NnError::Unsupported(sentence.into()));
    }
    Ok((loaded, bytes.saturating_add(tensors)))
}

fn too_large(needed: usize, room: usize) -> NnError {
    NnError::TooLarge(format!("the model needs {needed} bytes of memory, {room} are left"))
}

fn unknown_needs(format: &Format) -> NnError {
    NnError::Unsupported(format!(
        "this host cannot tell beforehand what a model in the format {} needs, so a module may not bring one; bring it \
         as ONNX, or name it in the config",
        format.name()
    ))
}
