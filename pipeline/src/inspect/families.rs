//! Which detector fits a model: every module that can be had by name is asked, in its sandbox.

use std::{path::Path, sync::Arc};

use edgevision_wasm_host::{
    family::{Opinion, Suggestion, ask_all},
    lookup,
    module::{self, Module, Role},
    nn::{ModelInfo, ModelTensor},
};
use serde_json::{Value, json};

use super::yaml;

/// What the detectors on this machine say.
pub(super) struct Families {
    /// The most specific first.
    pub fits: Vec<Fit>,
    /// Name of the module and its own sentence.
    pub refusals: Vec<(String, String)>,
}

/// A detector that fits.
pub(super) struct Fit {
    /// Its name.
    pub module: String,
    pub suggestion: Suggestion,
    /// The whole config file.
    pub config: String,
}

impl Fit {
    pub fn json(&self) -> Value {
        let mut json = json!({ "module": self.module, "config": self.config });
        if let (Value::Object(all), Ok(Value::Object(own))) =
            (&mut json, serde_json::to_value(&self.suggestion))
        {
            all.extend(own);
        }
        json
    }

    fn line(&self) -> String {
        let Suggestion { family, classes, specificity, .. } = &self.suggestion;
        let classes =
            classes.map(|n| format!(", {n} class{}", if n == 1 { "" } else { "es" })).unwrap_or_default();
        format!("{}: {family}{classes} (specificity {specificity} of 100)", self.module)
    }
}

/// Asks all. Without inputs and outputs nobody can tell.
pub(super) fn of(path: &Path, info: &ModelInfo) -> Families {
    let modules = if info.outputs.is_empty() { Vec::new() } else { detectors() };
    let mut families = Families { fits: Vec::new(), refusals: Vec::new() };
    for (name, opinion) in opinions(&modules, &info.inputs, &info.outputs) {
        match opinion {
            Opinion::Fits(suggestion) => {
                let config = yaml::config(path, &name, &suggestion);
                families.fits.push(Fit { module: name, suggestion, config });
            }
            Opinion::Refuses(sentence) => families.refusals.push((name, sentence)),
            Opinion::Silent => {}
        }
    }
    families
}

/// By the names that find them; what cannot be loaded is no help here, `edgevision inspect MODULE` says why.
fn detectors() -> Vec<(String, Arc<Module>)> {
    let detects =
        |path: &Path| module::inspect(path).is_ok_and(|(info, _)| info.roles.contains(&Role::Detect));
    let all = lookup::all().into_iter().filter(|(_, path)| detects(path));
    all.filter_map(|(name, path)| Some((name, Module::load(&path).ok()?))).collect()
}

fn opinions(
    modules: &[(String, Arc<Module>)],
    inputs: &[ModelTensor],
    outputs: &[ModelTensor],
) -> Vec<(String, Opinion)> {
    let opinions = ask_all(modules.iter().map(|(_, module)| module), inputs, outputs);
    let name = |asked: &Arc<Module>| modules.iter().find(|(_, module)| Arc::ptr_eq(module, asked));
    opinions.into_iter().filter_map(|(module, opinion)| Some((name(module)?.0.clone(), opinion))).collect()
}

impl Families {
    pub fn summary(&self) -> String {
        if !self.fits.is_empty() {
            return self.fits.iter().map(Fit::line).collect::<Vec<_>>().join("\n");
        }
        let mut lines = vec![match self.refusals.is_empty() {
            true => format!("nobody was asked: no detectors are found; build them with `make guests`, or set {}", lookup::VARIABLE),
            false => "none of the detectors here; a new kind of model needs a module: docs/guides/writing-a-module.md".to_owned(),
        }];
        lines.extend(self.refusals.iter().map(|(_, sentence)| sentence.clone()));
        lines.join("\n")
    }
}
