//! From the properties to a checked job. Every error is one sentence for the user.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use edgevision_wasm_host::{
    detection::Thresholds,
    job::{Grants, Job, JobSpec, Limits, Stage},
    lookup,
    module::{Module, ModuleInfo, Role},
    nn::{self, Choice, Model},
};
use serde_json::Value;

use super::settings::Settings;
use crate::glue::object;

/// What is loaded between NULL and READY, or aside while frames flow.
pub struct Loaded {
    pub settings: Settings,
    pub camera: Arc<str>,
    pub job: Arc<Job>,
    pub labels: Arc<[String]>,
    /// The job's, or stricter ones.
    pub thresholds: Thresholds,
    /// For reports: `name@` and 8 hex digits.
    pub model: Option<Arc<str>>,
    /// What runs it, and why.
    pub engine: Option<Choice>,
    /// For reports, likewise, in the order of use.
    pub modules: Arc<[String]>,
}

/// Loads modules and model and lets wasm-host check that they fit together. `camera` names it in the log. Files that
/// `known` was loaded from are not read again.
pub fn load(settings: Settings, camera: Arc<str>, known: Option<&Loaded>) -> Result<Loaded, String> {
    let (preprocess, detect) = stages(&settings, known)?;
    let labels: Arc<[String]> = labels(&settings)?.into();
    let (model, engine) = model(&settings, known)?.unzip();
    let thresholds = thresholds(&settings, &labels)?;
    let modules = identities(&preprocess, &detect);
    let identity = model.as_ref().map(|model| model.identity().clone());
    let spec = JobSpec {
        preprocess,
        detect,
        model,
        labels: labels.clone(),
        thresholds: thresholds.clone(),
        limits: limits(&settings),
    };
    let job = Job::for_camera(spec, &camera)?;
    let model = identity.map(|model| short(&model.name, &model.sha256).into());
    Ok(Loaded { settings, camera, job, labels, thresholds, model, engine, modules })
}

impl Loaded {
    /// For the log.
    pub fn summary(&self) -> String {
        let modules = self.modules.join(", ");
        match (&self.model, &self.engine) {
            (Some(model), Some(engine)) => format!("modules {modules}; model {model} on {engine}"),
            _ => format!("modules {modules}; no model"),
        }
    }

    /// The engine that runs the model.
    pub fn engine_name(&self) -> Option<&'static str> {
        self.engine.as_ref().map(|choice| choice.engine)
    }
}

fn stages(settings: &Settings, known: Option<&Loaded>) -> Result<(Stage, Stage), String> {
    if settings.preprocess.is_empty() {
        return Err(
            "property `preprocess` is empty; give it the path of a module that exports `preprocess`".into()
        );
    }
    let module = |path: &str| module(path, known);
    let preprocess = module(&settings.preprocess)?;
    let detect = match settings.detector.as_str() {
        "" if preprocess.info().roles.contains(&Role::Detect) => preprocess.clone(),
        "" => return Err(no_detector(settings)),
        path => module(path)?,
    };
    let stage = |module, property, text: &str| params(property, text).map(|params| Stage { module, params });
    Ok((
        stage(preprocess, "preprocess-params", &settings.preprocess_params)?,
        stage(detect, "detector-params", &settings.detector_params)?,
    ))
}

fn no_detector(settings: &Settings) -> String {
    format!(
        "property `detector` is empty and {} does not export `detect`; give it the path of a module that does",
        settings.preprocess
    )
}

fn module(path: &str, known: Option<&Loaded>) -> Result<Arc<Module>, String> {
    if let Some(known) = known {
        let (settings, spec) = (&known.settings, known.job.spec());
        let there = [(&settings.preprocess, &spec.preprocess), (&settings.detector, &spec.detect)];
        if let Some((_, stage)) = there.into_iter().find(|(from, _)| *from == path) {
            return Ok(stage.module.clone());
        }
    }
    let path = lookup::find(path, Path::new(""))?;
    Module::load(&path).map_err(|error| error.to_string())
}

fn params(property: &str, text: &str) -> Result<Value, String> {
    Ok(Value::Object(object(property, text)?))
}

/// A model and what runs it.
type Chosen = (Arc<dyn Model>, Choice);

fn model(settings: &Settings, known: Option<&Loaded>) -> Result<Option<Chosen>, String> {
    if settings.model.is_empty() {
        return Ok(None);
    }
    let options = settings.load_options()?;
    let key = |settings: &Settings| (settings.model.clone(), settings.engine.clone());
    if let Some(known) = known.filter(|known| key(&known.settings) == key(settings))
        && known.settings.load_options().as_ref() == Ok(&options)
    {
        return Ok(known.job.spec().model.clone().zip(known.engine.clone()));
    }
    let model = nn::choose_model(Path::new(&settings.model), &settings.engine, &options);
    model.map(Some).map_err(|error| error.to_string())
}

pub(super) fn labels(settings: &Settings) -> Result<Vec<String>, String> {
    match (settings.labels.as_str(), settings.label_list.as_str()) {
        ("", list) => Ok(lines(list)),
        (path, "") => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("labels file {path} cannot be read ({error}); give it a UTF-8 text with one class name a line"))?;
            Ok(lines(&text))
        }
        _ => Err("properties `labels` and `label-list` are both set; keep one".into()),
    }
}

/// One name a line; empty lines at the end don't count. A NUL would end the name in GStreamer's structures.
fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(|line| line.trim().replace('\0', "")).collect()
}

pub(super) fn thresholds(settings: &Settings, labels: &[String]) -> Result<Thresholds, String> {
    let mut per_class = BTreeMap::new();
    for (label, value) in object("class-thresholds", &settings.class_thresholds)? {
        let class = labels.iter().position(|known| *known == label);
        let class = class.and_then(|class| u32::try_from(class).ok()).ok_or_else(|| {
            format!(
                "property `class-thresholds` names `{label}`, which is not among the {} labels",
                labels.len()
            )
        })?;
        per_class.insert(class, threshold(&label, &value)?);
    }
    Ok(Thresholds { default: narrow(settings.threshold), per_class })
}

fn threshold(label: &str, value: &Value) -> Result<f32, String> {
    let number = value.as_f64().filter(|number| (0.0..=1.0).contains(number));
    number.map(narrow).ok_or_else(|| {
        format!("property `class-thresholds` gives `{label}` the threshold {value}; it must be a number from 0 to 1")
    })
}

#[allow(clippy::cast_possible_truncation, reason = "0..=1 is rounded to the precision of a score")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        deadline: settings.deadline(),
        memory_bytes: usize::try_from(settings.memory_limit).unwrap_or(usize::MAX),
        detections: settings.max_detections as usize,
        grants: Grants { load_model: settings.load_models },
        ..Limits::default()
    }
}

fn identities(preprocess: &Stage, detect: &Stage) -> Arc<[String]> {
    let name = |info: &ModuleInfo| short(&info.name, &info.sha256);
    let mut names = vec![name(preprocess.module.info())];
    if !Arc::ptr_eq(&preprocess.module, &detect.module) {
        names.push(name(detect.module.info()));
    }
    names.into()
}

fn short(name: &str, sha256: &str) -> String {
    const DIGITS: usize = 8;
    format!("{name}@{}", sha256.get(..DIGITS).unwrap_or(sha256))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The probing module of the element's tests, with these labels.
    pub fn probe(label_list: &str) -> Arc<Loaded> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probe.wasm");
        let text = include_str!("../../tests/evdetect/probe.wat");
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        let settings = Settings {
            preprocess: path.to_str().unwrap().into(),
            label_list: label_list.into(),
            ..Settings::default()
        };
        Arc::new(load(settings, "".into(), None).unwrap())
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn labels_are_lines() {
        assert_eq!(lines("person\r\nstop sign\n\ncar \n\n"), names(&["person", "stop sign", "", "car"]));
        assert_eq!(lines(""), names(&[]));
        let both = Settings { labels: "a".into(), label_list: "b".into(), ..Settings::default() };
        assert_eq!(labels(&both).unwrap_err(), "properties `labels` and `label-list` are both set; keep one");
    }

    #[test]
    fn thresholds_by_label() {
        let known = names(&["good", "bad"]);
        let with = |text: &str| Settings { class_thresholds: text.into(), ..Settings::default() };
        let found = thresholds(&with(r#"{"bad": 0.5}"#), &known).unwrap();
        assert_eq!((found.default, found.per_class), (0.25, BTreeMap::from([(1, 0.5)])));
        let table = [
            (r#"{"ugly": 0.5}"#, "property `class-thresholds` names `ugly`, which is not among the 2 labels"),
            (
                r#"{"bad": 1.5}"#,
                "property `class-thresholds` gives `bad` the threshold 1.5; it must be a number from 0 to 1",
            ),
            (
                "[1]",
                "property `class-thresholds` is not a JSON object: invalid type: sequence, expected a map at line 1 column 0",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(thresholds(&with(text), &known).unwrap_err(), expected);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = load(Settings::default(), "".into(), None).err().unwrap();
        assert_eq!(
            error,
            "property `preprocess` is empty; give it the path of a module that exports `preprocess`"
        );
        let settings = Settings { preprocess: "nowhere/letterbox.wasm".into(), ..Settings::default() };
        let error = load(settings, "".into(), None).err().unwrap();
        assert!(error.starts_with("nowhere/letterbox.wasm: "), "{error}");
    }

    #[test]
    fn identities_are_short() {
        assert_eq!(short("yolo", "88ab0123456789"), "yolo@88ab0123");
    }
}
