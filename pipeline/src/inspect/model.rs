//! A model.

use std::path::Path;

use edgevision_wasm_host::nn::{ModelInfo, NnError, inspect_model};
use serde_json::{Value, json};

use super::{Description, bytes};
use crate::error::{AppError, Exit};

pub(super) fn describe(path: &Path) -> Result<Description, AppError> {
    let info = inspect_model(path).map_err(|error| refusal(&error))?;
    let mut json = json!({ "kind": "model" });
    if let (Value::Object(all), Ok(Value::Object(own))) = (&mut json, serde_json::to_value(&info)) {
        all.extend(own);
    }
    Ok(Description { rows: rows(&info), json, problems: info.problems })
}

fn refusal(error: &NnError) -> AppError {
    let exit = match error {
        NnError::Read { .. } => Exit::NoInput,
        NnError::Format(_) | NnError::Unsupported(_) => Exit::BadInput,
        _ => Exit::Internal,
    };
    AppError::new(exit, error.to_string())
}

fn rows(info: &ModelInfo) -> Vec<(String, String)> {
    let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join("\n") };
    let operators: Vec<String> = info.operators.iter().map(|(name, n)| format!("{name} x{n}")).collect();
    let engine = if info.problems.is_empty() { "rten" } else { "none that is built in" };
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
        ("runs on", engine.to_owned()),
    ];
    rows.map(|(word, value)| (word.to_owned(), value)).to_vec()
}
