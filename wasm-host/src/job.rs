//! A job: which modules, with which parameters, over which model. Makes the analyzers for one camera.
//! (skeleton: owner of `wasm-host` core completes it; public signatures are fixed)

use std::{sync::Arc, time::Duration};

use crate::{
    analysis::{Analyzer, AnalyzerFactory},
    detection::Thresholds,
    module::Module,
    nn::Model,
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
    /// Most log lines in a call; more are dropped and counted.
    pub log_lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deadline: Duration::from_millis(500), memory_bytes: 64 << 20, detections: 1000, log_lines: 16 }
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
pub struct Job {}

impl Job {
    /// Checks the job by building one analyzer: roles, parameters (the module's own refusal is the error), labels
    /// against the model. The text is one sentence for the user.
    pub fn new(_spec: JobSpec) -> Result<Arc<Job>, String> {
        todo!()
    }
    /// The spec it was made from.
    pub fn spec(&self) -> &JobSpec {
        todo!()
    }
}

impl AnalyzerFactory for Job {
    fn build(&self) -> Result<Box<dyn Analyzer>, String> {
        todo!()
    }
}
