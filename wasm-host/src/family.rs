//! Which detector fits a model: the modules themselves are asked, so that a new family needs only a new module.
//!
//! A detector refuses at its start what it cannot decode. One that accepts the model, told by its names, types and
//! shapes alone, may say how it wants it used. No inference runs and no engine is needed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    instance::{Blueprint, StageSetup, suggestion},
    job::{self, Limits},
    module::{Module, Role},
    nn::ModelTensor,
    text,
};

/// Least score in the envelope; of no meaning where nothing is detected.
const THRESHOLD: f32 = 0.25;
/// Most letters of the name of a module.
const LONGEST_NAME: usize = 64;

/// How a detector would have a model used.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Suggestion {
    /// What its users call this kind of model.
    pub family: String,
    /// How little else looks like this, 0..=100.
    pub specificity: u8,
    /// The module that makes the model's input.
    pub preprocess: Use,
    /// Parameters of the detector, beside its defaults.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Least score of the job, 0..=1, if it is not the default.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// How many classes the model tells apart, if the module can tell.
    #[serde(default)]
    pub classes: Option<usize>,
}

/// A module by name, with parameters.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Use {
    /// Its name, never a path.
    pub module: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What a detector says about a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Opinion {
    /// It can decode it.
    Fits(Suggestion),
    /// It starts with it, but does not know it: most likely a module that takes any model.
    Silent,
    /// It refuses it, in its own words.
    Refuses(String),
}

/// Asks a module about a model with these inputs and outputs. Takes as long as the module's start may take; a module
/// that hangs is ended then.
#[must_use]
pub fn ask(module: &Module, inputs: &[ModelTensor], outputs: &[ModelTensor]) -> Opinion {
    match answer(module, inputs, outputs) {
        Ok(Some(suggestion)) => Opinion::Fits(suggestion),
        Ok(None) => Opinion::Silent,
        Err(sentence) => Opinion::Refuses(sentence),
    }
}

fn answer(
    module: &Module,
    inputs: &[ModelTensor],
    outputs: &[ModelTensor],
) -> Result<Option<Suggestion>, String> {
    if let Some(misfit) = module.info().misfit(Role::Detect) {
        return Err(misfit);
    }
    let model = json!({ "inputs": tensors(inputs), "outputs": tensors(outputs) });
    let params = job::document(&json!({}), Some(model), 0, THRESHOLD);
    let blueprint =
        Blueprint::new(StageSetup { module, camera: "", params, limits: Limits::default(), model: None })?;
    let document = suggestion(&blueprint)?;
    document.map(|document| read(&document, module)).transpose()
}

/// As the contract writes them: -1 is an unknown dimension.
fn tensors(tensors: &[ModelTensor]) -> Vec<Value> {
    let shape = |tensor: &ModelTensor| -> Vec<i64> {
        tensor.shape.iter().map(|dim| dim.and_then(|dim| i64::try_from(dim).ok()).unwrap_or(-1)).collect()
    };
    let one = |tensor: &ModelTensor| {
        let mut value = json!({ "name": tensor.name, "dtype": tensor.dtype, "shape": shape(tensor) });
        if let Some(quantization) = tensor.quantization {
            value["quantization"] = json!(quantization);
        }
        value
    };
    tensors.iter().map(one).collect()
}

fn read(document: &[u8], module: &Module) -> Result<Suggestion, String> {
    let name = &module.info().name;
    let suggestion: Suggestion = serde_json::from_slice(document).map_err(|error| {
        format!(
            "module {name}: its suggestion is not what the contract says: {}",
            text::clean(error.to_string().as_bytes())
        )
    })?;
    let Suggestion { family, specificity, preprocess, .. } = &suggestion;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_name = !preprocess.module.is_empty() && preprocess.module.chars().all(plain);
    if !is_name || preprocess.module.len() > LONGEST_NAME {
        let found = text::clean(preprocess.module.as_bytes());
        return Err(format!("module {name}: it suggests the module `{found}`, which is no name of a module"));
    }
    if let Some(found) = suggestion.threshold.filter(|threshold| !(0.0..=1.0).contains(threshold)) {
        return Err(format!("module {name}: it suggests the threshold {found}, which is not within 0 and 1"));
    }
    let (family, specificity) = (text::clean(family.as_bytes()), (*specificity).min(100));
    Ok(Suggestion { family, specificity, ..suggestion })
}

/// The opinions of all modules, the most specific fit first; those of the same rank in the order of their names.
pub fn ask_all<'a>(
    modules: impl IntoIterator<Item = &'a Arc<Module>>,
    inputs: &[ModelTensor],
    outputs: &[ModelTensor],
) -> Vec<(&'a Arc<Module>, Opinion)> {
    let mut opinions: Vec<_> =
        modules.into_iter().map(|module| (module, ask(module, inputs, outputs))).collect();
    let rank = |opinion: &Opinion| match opinion {
        Opinion::Fits(suggestion) => 200 - u32::from(suggestion.specificity),
        Opinion::Silent => 300,
        Opinion::Refuses(_) => 400,
    };
    opinions.sort_by_key(|(module, opinion)| (rank(opinion), module.info().name.clone()));
    opinions
}
