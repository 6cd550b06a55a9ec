//! Engines by name, and the models this process has loaded.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use sha2::{Digest, Sha256};

use super::{Engine, LoadOptions, Model, NnError, rten::RtenEngine};
use crate::files;

/// Largest file that is taken for a model: what a protobuf message may have.
const MAX_BYTES: u64 = 2 << 30;

/// Engines that are built in; `auto` takes the first.
static ENGINES: [&dyn Engine; 1] = [&RtenEngine];

type Loaded = HashMap<(String, &'static str, LoadOptions), Weak<dyn Model>>;

/// Models live as long as somebody uses them; the registry only knows where they are.
static MODELS: LazyLock<Mutex<Loaded>> = LazyLock::new(Mutex::default);

/// The engine of that name; `auto` lets the host choose.
pub fn engine(name: &str) -> Result<&'static dyn Engine, NnError> {
    let wanted = |engine: &&&'static dyn Engine| name == "auto" || engine.name() == name;
    ENGINES.iter().find(wanted).copied().ok_or_else(|| {
        let known: Vec<String> = ENGINES.iter().map(|engine| format!("`{}`", engine.name())).collect();
        NnError::Unsupported(format!(
            "there is no inference engine `{name}`; allowed are `auto` and {}",
            known.join(", ")
        ))
    })
}

/// Loads a model file with the engine of that name (`auto` or `rten` today), or returns the one that this process
/// has loaded before (same bytes, engine and options; then also under the name of the file that was loaded first).
/// Loads happen one after another.
pub fn load_model(path: &Path, engine: &str, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
    let engine = self::engine(engine)?;
    let bytes = read(path)?;
    let key = (sha256(&bytes), engine.name(), options.clone());
    let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = models.get(&key).and_then(Weak::upgrade) {
        return Ok(model);
    }
    let model = engine.load(&stem(path), bytes, options).map_err(|error| error.at(path.display()))?;
    models.retain(|_, model| model.strong_count() > 0);
    models.insert(key, Arc::downgrade(&model));
    Ok(model)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, NnError> {
    files::read(path, MAX_BYTES).map_err(|source| NnError::Read { path: path.to_owned(), source })
}

pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_by_name() {
        assert_eq!(engine("auto").unwrap().name(), "rten");
        assert_eq!(engine("rten").unwrap().name(), "rten");
        let unknown = engine("onnx").err().unwrap().to_string();
        assert_eq!(unknown, "there is no inference engine `onnx`; allowed are `auto` and `rten`");
    }

    #[test]
    fn digests_are_lower_case_hex() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
