//! Modules, models and labels: there, loadable, and fit for each other.

use std::{path::Path, sync::Arc};

use edgevision_wasm_host::{
    detection::Thresholds,
    job::{Grants, Job, JobSpec, Limits, Stage},
    lookup,
    module::{Module, Role},
    nn::{Choice, Model, NnError, choose_model},
};

use super::{CameraFacts, Findings, files::readable};
use crate::{
    config::{Analyze, ModelRef, ModuleRef, meaning::unknown_classes},
    error::Exit,
};

pub(super) fn check(analyze: &Analyze, path: &str, findings: &mut Findings<'_>) -> CameraFacts {
    let key = |key: &str| format!("{path}.analyze.{key}");
    let before = findings.errors.len();
    let (model, engine) = analyze.model.as_ref().and_then(|model| load(model, &key, findings)).unzip();
    let facts = CameraFacts {
        preprocess: module(&analyze.preprocess, Role::Preprocess, &key("preprocess.module"), findings),
        detect: module(&analyze.detect, Role::Detect, &key("detect.module"), findings),
        model,
        engine,
        labels: labels(analyze, &key, findings).into(),
    };
    if findings.errors.len() == before
        && let (Some(preprocess), Some(detect)) = (&facts.preprocess, &facts.detect)
        && let Err(sentence) = Job::new(spec(analyze, &facts, preprocess, detect))
    {
        findings.report(Exit::Config, &key(blamed(&sentence, preprocess, detect)), sentence);
    }
    facts
}

fn module(reference: &ModuleRef, role: Role, key: &str, findings: &mut Findings<'_>) -> Option<Arc<Module>> {
    let module = findings.keep(Exit::Config, key, load_module(reference))?;
    let roles = &module.info().roles;
    if !roles.contains(&role) {
        let word = |role: &Role| format!("`{role:?}`").to_lowercase();
        let (file, wanted) = (reference.path.display(), word(&role));
        let has = roles.iter().map(word).collect::<Vec<_>>().join(", ");
        findings.report(
            Exit::Config,
            key,
            format!("{file} exports {has}, not {wanted}; choose a module that does"),
        );
    }
    Some(module)
}

fn load_module(module: &ModuleRef) -> Result<Arc<Module>, String> {
    // What is written as a path has a sentence of its own: it is looked for in one place only.
    let path = match module.module.contains('/') {
        true => module.path.clone(),
        false => lookup::find(&module.module, module.path.parent().unwrap_or(Path::new("")))?,
    };
    readable(&path)?;
    Module::load(&path).map_err(|error| error.to_string())
}

/// What is absent here may be there where the config runs: that is no mistake in the file, so it has a kind of its own.
fn load(
    model: &ModelRef,
    key: &dyn Fn(&str) -> String,
    findings: &mut Findings<'_>,
) -> Option<(Arc<dyn Model>, Choice)> {
    findings.keep(Exit::NoInput, &key("model.path"), readable(&model.path))?;
    let options = findings.keep(Exit::Config, &key("model.options"), model.load_options())?;
    match choose_model(&model.path, model.engine.as_str(), &options) {
        Ok(loaded) => Some(loaded),
        Err(error @ NnError::Absent { .. }) => {
            findings.report(Exit::Unavailable, &key("model.engine"), error.to_string());
            None
        }
        Err(error) => {
            findings.report(Exit::Config, &key("model.path"), error.to_string());
            None
        }
    }
}

fn labels(analyze: &Analyze, key: &dyn Fn(&str) -> String, findings: &mut Findings<'_>) -> Vec<String> {
    let labels = analyze.model.as_ref().and_then(|model| model.labels.as_ref());
    let Some(labels) = labels else { return Vec::new() };
    let Some(names) = findings.keep(Exit::NoInput, &key("model.labels"), labels.read()) else {
        return Vec::new();
    };
    if names.is_empty() {
        findings.report(Exit::Config, &key("model.labels"), "there is no label in it; write one name a line");
    }
    for (class, message) in unknown_classes(analyze, &names) {
        findings.report(Exit::Config, &key(&class), message);
    }
    names
}

fn spec(analyze: &Analyze, facts: &CameraFacts, preprocess: &Arc<Module>, detect: &Arc<Module>) -> JobSpec {
    let stage = |module: &Arc<Module>, reference: &ModuleRef| Stage {
        module: Arc::clone(module),
        params: serde_json::Value::Object(reference.params.clone()),
    };
    JobSpec {
        preprocess: stage(preprocess, &analyze.preprocess),
        detect: stage(detect, &analyze.detect),
        model: facts.model.clone(),
        labels: Arc::clone(&facts.labels),
        thresholds: thresholds(analyze, &facts.labels),
        limits: limits(analyze),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "confidences need no more than f32's precision")]
fn thresholds(analyze: &Analyze, labels: &[String]) -> Thresholds {
    let id =
        |class: &String| labels.iter().position(|label| label == class).and_then(|id| u32::try_from(id).ok());
    let per_class =
        analyze.class_thresholds.iter().filter_map(|(class, value)| Some((id(class)?, *value as f32)));
    Thresholds { default: analyze.threshold as f32, per_class: per_class.collect() }
}

fn limits(analyze: &Analyze) -> Limits {
    Limits {
        deadline: analyze.deadline.get(),
        memory_bytes: usize::try_from(analyze.memory.get()).unwrap_or(usize::MAX),
        detections: analyze.max_detections as usize,
        grants: Grants { load_model: analyze.allows_models() },
        ..Limits::default()
    }
}

/// The key that a refusal is about: that of the module which it names.
fn blamed(sentence: &str, preprocess: &Module, detect: &Module) -> &'static str {
    let names = |module: &Module| sentence.contains(module.info().name.as_str());
    if names(preprocess) && !names(detect) { "preprocess" } else { "detect" }
}
