//! A job: which modules, with which parameters, over which model. Makes the analyzers for one camera.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    analysis::{Analyzer, AnalyzerFactory},
    detection::Thresholds,
    imports::{can_bring_a_model, needs_model},
    instance::{Blueprint, Chain, Plan, StageSetup},
    module::{Module, Role},
    nn::{Model, Quantization, TensorInfo},
};

/// A module and what the user wrote for it.
#[derive(Clone)]
pub struct Stage {
    /// The module.
    pub module: Arc<Module>,
    /// Its parameters, a JSON object.
    pub params: serde_json::Value,
}

/// What a module may use up in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest a module may work on a frame (inference included).
    pub deadline: Duration,
    /// Most bytes of linear memory, windows not counted.
    pub memory_bytes: usize,
    /// Most detections in a frame; more is an error of the module.
    pub detections: usize,
    /// Most landmarks, attributes and tensors in a frame, counted together; more is an error of the module.
    pub extras: usize,
    /// Most bytes of the attributes' texts and the tensors' elements in a frame; more is an error of the module.
    pub extra_bytes: usize,
    /// Most log lines in a call; more are dropped and counted.
    pub log_lines: usize,
    /// What a module may do besides.
    pub grants: Grants,
}

/// What a module may do only if it is granted. The default grants nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Load models from bytes of its own, with `load` of `wasi_ephemeral_nn`.
    pub load_model: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(500),
            memory_bytes: 64 << 20,
            detections: 1000,
            extras: 20_000,
            extra_bytes: 1 << 20,
            log_lines: 16,
            grants: Grants::default(),
        }
    }
}

/// What is to be done with each frame of a camera.
#[derive(Clone)]
pub struct JobSpec {
    /// Frame to tensor.
    pub preprocess: Stage,
    /// Tensor to detections. May be the same module.
    pub detect: Stage,
    /// The model behind `infer`, if the modules need one.
    pub model: Option<Arc<dyn Model>>,
    /// Names of the classes; may be empty.
    pub labels: Arc<[String]>,
    /// Least scores.
    pub thresholds: Thresholds,
    /// Limits per call.
    pub limits: Limits,
}

/// A checked [`JobSpec`].
pub struct Job {
    spec: JobSpec,
    plan: Arc<Plan>,
    /// The analyzer that checked the job; the first worker gets it.
    first: Mutex<Option<Chain>>,
}

impl Job {
    /// Checks the job by building one analyzer: roles, parameters (the module's own refusal is the error), labels
    /// against the model. The text is one sentence for the user.
    pub fn new(spec: JobSpec) -> Result<Arc<Job>, String> {
        Self::for_camera(spec, "")
    }

    /// As [`Job::new`]; log lines of the modules carry the camera's name.
    pub fn for_camera(spec: JobSpec, camera: &str) -> Result<Arc<Job>, String> {
        check_limits(&spec.limits)?;
        let plan = Arc::new(Plan {
            preprocess: blueprint(&spec, &spec.preprocess, Role::Preprocess, camera)?,
            detect: blueprint(&spec, &spec.detect, Role::Detect, camera)?,
            thresholds: spec.thresholds.clone(),
            classes: (!spec.labels.is_empty()).then_some(spec.labels.len()),
            deadline: spec.limits.deadline,
        });
        let first = Mutex::new(Some(Chain::start(plan.clone())?));
        Ok(Arc::new(Job { spec, plan, first }))
    }

    /// The spec it was made from.
    pub fn spec(&self) -> &JobSpec {
        &self.spec
    }
}

impl AnalyzerFactory for Job {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let chain = match first {
            Some(chain) => chain,
            None => Chain::start(self.plan.clone())?,
        };
        Ok(Box::new(chain))
    }

    fn max_instances(&self) -> usize {
        let stateful = |stage: &Stage| stage.module.info().stateful;
        if stateful(&self.spec.preprocess) || stateful(&self.spec.detect) { 1 } else { usize::MAX }
    }
}

pub(crate) fn check_limits(limits: &Limits) -> Result<(), String> {
    if limits.deadline.is_zero() {
        return Err("the deadline of the modules is 0; at least 1 ms is needed".into());
    }
    Ok(())
}

fn blueprint(spec: &JobSpec, stage: &Stage, role: Role, camera: &str) -> Result<Arc<Blueprint>, String> {
    let info = stage.module.info();
    if let Some(misfit) = info.misfit(role) {
        return Err(misfit);
    }
    let brings_one = spec.limits.grants.load_model && can_bring_a_model(&info.imports);
    if spec.model.is_none() && needs_model(&info.imports) && !brings_one {
        return Err(format!("module {} runs a model, but none is configured; name a model file", info.name));
    }
    Blueprint::new(StageSetup {
        module: &stage.module,
        camera,
        params: parameter_document(spec, stage)?,
        limits: spec.limits,
        model: spec.model.clone(),
    })
}

/// The document of [`edgevision_abi::PARAMS_ENVELOPE`].
fn parameter_document(spec: &JobSpec, stage: &Stage) -> Result<Arc<[u8]>, String> {
    let model = spec.model.as_deref().map(describe);
    Ok(document(&params_of(stage)?, model, spec.labels.len(), spec.thresholds.least()))
}

/// A model in the document.
fn describe(model: &dyn Model) -> serde_json::Value {
    let inputs = tensors(model.inputs(), |input| model.input_quantization(input));
    let outputs = tensors(model.outputs(), |output| model.output_quantization(output));
    serde_json::json!({ "inputs": inputs, "outputs": outputs })
}

/// The document that `params_read` delivers.
pub(crate) fn document(
    params: &serde_json::Value,
    model: Option<serde_json::Value>,
    labels: usize,
    score_threshold: f32,
) -> Arc<[u8]> {
    let document = serde_json::json!({
        "params": params,
        "model": model,
        "labels": labels,
        "score_threshold": score_threshold,
    });
    document.to_string().into_bytes().into()
}

/// What the user wrote for a module: an object, or nothing.
pub(crate) fn params_of(stage: &Stage) -> Result<serde_json::Value, String> {
    match &stage.params {
        serde_json::Value::Null => Ok(serde_json::Value::Object(serde_json::Map::new())),
        object @ serde_json::Value::Object(_) => Ok(object.clone()),
        other => {
            let name = &stage.module.info().name;
            Err(format!(
                "module {name}: its parameters are {other}, they must be a mapping of names to values"
            ))
        }
    }
}

/// Tensors as the document has them; `quantization` says how the whole numbers of the one with that index are meant.
fn tensors(
    infos: &[TensorInfo],
    quantization: impl Fn(usize) -> Option<Quantization>,
) -> Vec<serde_json::Value> {
    let shape = |info: &TensorInfo| -> Vec<i64> {
        info.shape.iter().map(|dim| dim.and_then(|dim| i64::try_from(dim).ok()).unwrap_or(-1)).collect()
    };
    let tensor = |(index, info): (usize, &TensorInfo)| {
        let mut tensor = serde_json::json!({ "name": info.name, "dtype": info.dtype, "shape": shape(info) });
        if let Some(quantization) = quantization(index) {
            tensor["quantization"] = serde_json::json!(quantization);
        }
        tensor
    };
    infos.iter().enumerate().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::DType;

    #[test]
    fn the_meaning_of_whole_numbers_is_told_where_it_is_known() {
        let info =
            |name: &str| TensorInfo { name: name.into(), dtype: DType::U8, shape: vec![None, Some(3)] };
        let quantization = |index| (index == 1).then_some(Quantization { scale: 0.5, zero_point: 128 });
        let expected = serde_json::json!([
            { "name": "a", "dtype": "u8", "shape": [-1, 3] },
            { "name": "b", "dtype": "u8", "shape": [-1, 3], "quantization": { "scale": 0.5, "zero_point": 128 } },
        ]);
        assert_eq!(serde_json::Value::from(tensors(&[info("a"), info("b")], quantization)), expected);
    }
}
