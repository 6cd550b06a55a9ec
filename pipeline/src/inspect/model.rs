//! A model: what it is, which engines run it here, which detector fits, and the config to use it.

use std::path::Path;

use edgevision_wasm_host::nn::{
    LoadOptions, ModelFile, ModelInfo, ModelTensor, NnError, Survey, describe_model, survey,
};
use serde_json::{Value, json};

use super::{
    Description, bytes,
    families::{self, Families},
};
use crate::error::{AppError, Exit};

pub(super) fn describe(path: &Path) -> Result<Description, AppError> {
    let file = ModelFile::read(path).map_err(|error| refusal(&error))?;
    let mut info = describe_model(&file).map_err(|error| refusal(&error.at(path.display())))?;
    let engines = survey(&file, &LoadOptions::default());
    ask_engine(&mut info, &engines);
    let families = families::of(path, &info);
    info.problems = match engines.iter().any(|engine| engine.outcome.is_ok()) {
        true => Vec::new(),
        false => unusable(path, &engines),
    };
    Ok(Description {
        rows: rows(&info, &engines, &families),
        json: json(&info, &engines, &families),
        problems: info.problems,
        config: families.fits.into_iter().next().map(|fit| fit.config),
    })
}

/// A WebAssembly file that is a model: some engine runs it.
pub(super) fn is_model(path: &Path) -> bool {
    let runs =
        |file: ModelFile| survey(&file, &LoadOptions::default()).iter().any(|engine| engine.outcome.is_ok());
    ModelFile::read(path).is_ok_and(runs)
}

fn refusal(error: &NnError) -> AppError {
    let exit = match error {
        NnError::Read { .. } => Exit::NoInput,
        NnError::Format(_) | NnError::Unsupported(_) => Exit::BadInput,
        _ => Exit::Internal,
    };
    AppError::new(exit, error.to_string())
}

/// Inputs and outputs from an engine that has loaded the model: it knows shapes that the file leaves to be computed, and
/// formats that only it can read.
fn ask_engine(info: &mut ModelInfo, engines: &[Survey]) {
    let Some(model) = engines.iter().find_map(|engine| engine.outcome.as_ref().ok()) else { return };
    let named = |tensor| ModelTensor::of(tensor, None);
    let inputs = model.inputs().iter().map(named).enumerate();
    let outputs = model.outputs().iter().map(named).enumerate();
    info.inputs = inputs
        .map(|(n, tensor)| ModelTensor { quantization: model.input_quantization(n), ..tensor })
        .collect();
    info.outputs = outputs
        .map(|(n, tensor)| ModelTensor { quantization: model.output_quantization(n), ..tensor })
        .collect();
}

/// Why nothing here runs it, one sentence for each engine that could.
fn unusable(path: &Path, engines: &[Survey]) -> Vec<String> {
    let able = engines.iter().filter(|engine| engine.runs_format);
    let sentence = |engine: &Survey| Some(format!("{}: {}", path.display(), engine.outcome.as_ref().err()?));
    let sentences: Vec<String> = able.filter_map(sentence).collect();
    match sentences.is_empty() {
        true => vec![format!("{}: no engine runs models of this format", path.display())],
        false => sentences,
    }
}

fn json(info: &ModelInfo, engines: &[Survey], families: &Families) -> Value {
    let engine = |engine: &Survey| {
        json!({
            "engine": engine.engine,
            "present": !matches!(engine.outcome, Err(NnError::Absent { .. })),
            "runs": engine.outcome.is_ok(),
            "reason": engine.outcome.as_ref().err().map(|_| verdict(engine)),
        })
    };
    let mut json = json!({
        "kind": "model",
        "engines": engines.iter().map(engine).collect::<Vec<_>>(),
        "auto": chosen(engines),
        "fits": families.fits.iter().map(families::Fit::json).collect::<Vec<_>>(),
        "refused_by": families.refusals.iter().map(|(module, why)| json!({ "module": module, "reason": why })).collect::<Vec<_>>(),
    });
    if let (Value::Object(all), Ok(Value::Object(own))) = (&mut json, serde_json::to_value(info)) {
        all.extend(own);
    }
    json
}

/// What `auto` takes.
fn chosen(engines: &[Survey]) -> Option<&'static str> {
    engines.iter().find(|engine| engine.runs_format && engine.outcome.is_ok()).map(|engine| engine.engine)
}

fn verdict(engine: &Survey) -> String {
    match &engine.outcome {
        Ok(_) => "runs it".to_owned(),
        Err(NnError::Absent { reason, .. }) => reason.clone(),
        Err(_) if !engine.runs_format => "does not read this format".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn rows(info: &ModelInfo, engines: &[Survey], families: &Families) -> Vec<(String, String)> {
    let list = |items: Vec<String>| if items.is_empty() { "not stated".to_owned() } else { items.join("\n") };
    let operators: Vec<String> = info.operators.iter().map(|(name, n)| format!("{name} x{n}")).collect();
    let auto = chosen(engines);
    let engine = |engine: &Survey| {
        let mark = if auto == Some(engine.engine) { ", the one that `auto` takes" } else { "" };
        format!("{}: {}{mark}", engine.engine, verdict(engine))
    };
    let rows = [
        ("model", info.name.clone()),
        ("format", info.format.to_owned()),
        ("producer", info.producer.clone().unwrap_or_else(|| "not stated".to_owned())),
        ("size", bytes(info.byte_len)),
        ("sha256", info.sha256.clone()),
        ("opset", list(info.opsets.iter().map(ToString::to_string).collect())),
        ("inputs", list(info.inputs.iter().map(ToString::to_string).collect())),
        ("outputs", list(info.outputs.iter().map(ToString::to_string).collect())),
        ("operators", list(operators.chunks(6).map(|line| line.join(", ")).collect())),
        ("engines", list(engines.iter().map(engine).collect())),
        ("fits", families.summary()),
    ];
    let rows = rows.into_iter().filter(|(word, value)| *word != "opset" || value != "not stated");
    rows.map(|(word, value)| (word.to_owned(), value)).collect()
}
