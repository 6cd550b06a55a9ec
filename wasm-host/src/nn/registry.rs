//! Engines by name, and the models this process has loaded.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use sha2::{Digest, Sha256};

use super::{
    Choice, Engine, LoadOptions, Model, ModelFile, NnError, PassedOver, litert::LiteRt,
    onnxruntime::OnnxRuntime, openvino::OpenVino, rten::RtenEngine, wasm::WasmEngine,
};
use crate::files;

/// Largest file that is taken for a model: what a protobuf message may have.
const MAX_BYTES: u64 = 2 << 30;

/// All engines, the quickest first: `auto` takes the first that is present and can run the model.
static ENGINES: [&dyn Engine; 5] = [&OnnxRuntime, &OpenVino, &LiteRt, &RtenEngine, &WasmEngine];

/// By digest, engine or `auto` as asked for, and options.
type Loaded = HashMap<(String, &'static str, LoadOptions), (Weak<dyn Model>, Choice)>;

/// Models live as long as somebody uses them; the registry only knows where they are.
static MODELS: LazyLock<Mutex<Loaded>> = LazyLock::new(Mutex::default);

/// How often an engine has loaded a model.
static LOADS: AtomicUsize = AtomicUsize::new(0);

const AUTO: &str = "auto";

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

/// As [`choose_model`], for those who need not know why.
///
/// # Errors
/// As [`choose_model`].
pub fn load_model(path: &Path, engine: &str, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
    choose_model(path, engine, options).map(|(model, _)| model)
}

/// Loads a model file with the engine of that name, or returns the one that this process has loaded before (same
/// bytes, engine and options; then also under the name of the file that was loaded first). `auto` takes the quickest
/// engine that is installed and accepts the model, and says which and why in the log. Loads happen one after another.
///
/// # Errors
/// No engine of that name, or one that is not installed ([`NnError::Absent`]), or none that can run the model.
pub fn choose_model(
    path: &Path,
    engine: &str,
    options: &LoadOptions,
) -> Result<(Arc<dyn Model>, Choice), NnError> {
    let candidates = candidates(engine)?;
    if engine == AUTO && !options.session_options.is_empty() {
        let sentence = "options belong to one engine; name it instead of `auto`";
        return Err(NnError::Unsupported(sentence.into()));
    }
    let file = ModelFile::read(path)?;
    let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = candidates.first().map_or(AUTO, |first| if engine == AUTO { AUTO } else { first.name() });
    if let Some(known) = known(&models, &file, asked, options) {
        return Ok(known);
    }
    let (model, choice) = choose(&candidates, asked == AUTO, &file, |engine| {
        match known(&models, &file, engine.name(), options) {
            Some((model, _)) => Ok(model),
            None => load(engine, &file, options),
        }
    })
    .map_err(|error| error.at(path.display()))?;
    tracing::info!(model = %path.display(), engine = choice.engine, "model loaded: {choice}");
    models.retain(|_, (model, _)| model.strong_count() > 0);
    let by_name = Choice { engine: choice.engine, automatic: false, passed_over: Vec::new() };
    for (asked, choice) in [(choice.engine, &by_name), (asked, &choice)] {
        let key = (file.sha256.clone(), asked, options.clone());
        models.insert(key, (Arc::downgrade(&model), choice.clone()));
    }
    Ok((model, choice))
}

/// How often an engine has loaded a model in this process: once for all who share it.
pub fn load_count() -> usize {
    LOADS.load(Ordering::Relaxed)
}

fn known(
    models: &Loaded,
    file: &ModelFile,
    asked: &'static str,
    options: &LoadOptions,
) -> Option<(Arc<dyn Model>, Choice)> {
    let (model, choice) = models.get(&(file.sha256.clone(), asked, options.clone()))?;
    Some((model.upgrade()?, choice.clone()))
}

fn load(engine: &dyn Engine, file: &ModelFile, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
    engine.available()?;
    let model = engine.load(file, options)?;
    LOADS.fetch_add(1, Ordering::Relaxed);
    Ok(model)
}

/// The first candidate that loads the model.
fn choose(
    candidates: &[&'static dyn Engine],
    automatic: bool,
    file: &ModelFile,
    load: impl Fn(&dyn Engine) -> Result<Arc<dyn Model>, NnError>,
) -> Result<(Arc<dyn Model>, Choice), NnError> {
    let (mut passed_over, mut absent) = (Vec::new(), None);
    for engine in candidates.iter().filter(|engine| !automatic || engine.runs(&file.format)) {
        match load(*engine) {
            Ok(model) => return Ok((model, Choice { engine: engine.name(), automatic, passed_over })),
            Err(error) if !automatic => return Err(error),
            // Another engine may do better; it would not with a file that is no model.
            Err(error @ (NnError::Absent { .. } | NnError::Unsupported(_))) => {
                passed_over.push(PassedOver::new(engine.name(), &error));
                absent = absent.or(Some(error).filter(|error| matches!(error, NnError::Absent { .. })));
            }
            Err(error) => return Err(error),
        }
    }
    let sentence = nothing_runs(file, &passed_over);
    Err(match absent {
        // Nothing is wrong with the model as far as anybody can tell: what is missing may run it.
        Some(NnError::Absent { reason, .. }) => NnError::Absent { sentence, reason },
        _ => NnError::Unsupported(sentence),
    })
}

fn nothing_runs(file: &ModelFile, passed_over: &[PassedOver]) -> String {
    let why: Vec<String> = passed_over.iter().map(ToString::to_string).collect();
    let format = file.format.name();
    match why.is_empty() {
        true => format!("there is no engine for models in the format {format}"),
        false => format!("no engine here runs this model ({format}); {}", why.join("; ")),
    }
}

/// What one engine says to a model.
pub struct Survey {
    /// The engine.
    pub engine: &'static str,
    /// Whether it has a way to run models of this format.
    pub runs_format: bool,
    /// The loaded model, or why there is none.
    pub outcome: Result<Arc<dyn Model>, NnError>,
}

/// Asks every engine, the quickest first, by loading the model. Nothing is shared with [`load_model`].
pub fn survey(file: &ModelFile, options: &LoadOptions) -> Vec<Survey> {
    let ask = |engine: &&dyn Engine| Survey {
        engine: engine.name(),
        runs_format: engine.runs(&file.format),
        outcome: load(*engine, file, options),
    };
    ENGINES.iter().map(ask).collect()
}

/// Loads a model for one user only: it is neither looked for among the loaded ones nor noted there, and nobody waits
/// for it.
pub(super) fn load_unshared(
    file: &ModelFile,
    engine: &str,
    options: &LoadOptions,
) -> Result<Arc<dyn Model>, NnError> {
    let mut refusals = Vec::new();
    for engine in candidates(engine)?.into_iter().filter(|engine| engine.runs(&file.format)) {
        match engine.available().and_then(|()| engine.load(file, options)) {
            Err(NnError::Unsupported(sentence) | NnError::Absent { sentence, .. }) => refusals.push(sentence),
            outcome => return outcome,
        }
    }
    Err(NnError::Unsupported(refusals.join("; also, ")))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, NnError> {
    files::read(path, MAX_BYTES).map_err(|source| NnError::Read { path: path.to_owned(), source })
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
        assert_eq!(names("auto").unwrap(), ["onnxruntime", "openvino", "litert", "rten", "wasm"]);
        assert_eq!(names("rten").unwrap(), ["rten"]);
        let unknown = names("onnx").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "there is no inference engine `onnx`; allowed are `auto`, `onnxruntime`, `openvino`, `litert`, `rten`, `wasm`"
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
