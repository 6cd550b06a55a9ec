//! Engines by name, and the models this process has loaded.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use sha2::{Digest, Sha256};

use super::{
    Engine, LoadOptions, Model, ModelFile, NnError, litert::LiteRt, onnxruntime::OnnxRuntime,
    openvino::OpenVino, rten::RtenEngine,
};
use crate::files;

/// Largest file that is taken for a model: what a protobuf message may have.
const MAX_BYTES: u64 = 2 << 30;

/// All engines, the quickest first: `auto` takes the first that is present and can run the model.
static ENGINES: [&dyn Engine; 4] = [&OnnxRuntime, &OpenVino, &LiteRt, &RtenEngine];

type Loaded = HashMap<(String, &'static str, LoadOptions), Weak<dyn Model>>;

/// Models live as long as somebody uses them; the registry only knows where they are.
static MODELS: LazyLock<Mutex<Loaded>> = LazyLock::new(Mutex::default);

/// Names of the engines that a config can ask for, `auto` apart.
pub fn engine_names() -> impl Iterator<Item = &'static str> {
    ENGINES.iter().map(|engine| engine.name())
}

/// Whether the engine of that name can be used on this machine.
///
/// # Errors
/// There is no such engine, or its library is not installed; the sentence says what to do.
pub fn engine_available(name: &str) -> Result<(), NnError> {
    let outcomes = candidates(name)?.into_iter().map(Engine::available);
    // `auto` is content with any.
    outcomes.reduce(|first, next| first.or(next)).unwrap_or(Ok(()))
}

/// The engines that `name` allows, in the order of preference.
fn candidates(name: &str) -> Result<Vec<&'static dyn Engine>, NnError> {
    let found: Vec<_> =
        ENGINES.iter().copied().filter(|engine| name == "auto" || engine.name() == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let known: Vec<String> = engine_names().map(|name| format!("`{name}`")).collect();
    Err(NnError::Unsupported(format!(
        "there is no inference engine `{name}`; allowed are `auto`, {}",
        known.join(", ")
    )))
}

/// Loads a model file with the engine of that name, or returns the one that this process has loaded before (same
/// bytes, engine and options; then also under the name of the file that was loaded first). `auto` takes the quickest
/// engine that is installed and accepts the model, and says which in the log. Loads happen one after another.
pub fn load_model(path: &Path, engine: &str, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
    let candidates = candidates(engine)?;
    let file = ModelFile::read(path)?;
    let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut refusals = Vec::new();
    for engine in candidates.into_iter().filter(|candidate| engine != "auto" || candidate.runs(&file.format))
    {
        let key = (file.sha256.clone(), engine.name(), options.clone());
        if let Some(model) = models.get(&key).and_then(Weak::upgrade) {
            return Ok(model);
        }
        match engine.available().and_then(|()| engine.load(&file, options)) {
            Ok(model) => {
                tracing::info!(model = %path.display(), engine = engine.name(), passed_over = ?refusals, "model loaded");
                models.retain(|_, model| model.strong_count() > 0);
                models.insert(key, Arc::downgrade(&model));
                return Ok(model);
            }
            // Another engine may do better; it would not with a file that is no model.
            Err(NnError::Unsupported(sentence)) => refusals.push(sentence),
            Err(error) => return Err(error.at(path.display())),
        }
    }
    Err(NnError::Unsupported(refusals.join("; also, ")).at(path.display()))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, NnError> {
    files::read(path, MAX_BYTES).map_err(|source| NnError::Read { path: path.to_owned(), source })
}

pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Of all parts, one after another; lower-case hex.
pub(super) fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_by_name() {
        let names =
            |name| candidates(name).map(|found| found.iter().map(|engine| engine.name()).collect::<Vec<_>>());
        assert_eq!(names("auto").unwrap(), ["onnxruntime", "openvino", "litert", "rten"]);
        assert_eq!(names("rten").unwrap(), ["rten"]);
        let unknown = names("onnx").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "there is no inference engine `onnx`; allowed are `auto`, `onnxruntime`, `openvino`, `litert`, `rten`"
        );
    }

    #[test]
    fn digests_are_lower_case_hex() {
        assert_eq!(
            sha256(&[b"a", b"bc"]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
