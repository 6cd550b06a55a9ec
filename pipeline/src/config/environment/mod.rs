//! Holds a config against the world: files, devices, modules, models, GStreamer elements, ports. Changes nothing.

mod analysis;
mod files;
mod outputs;
mod sources;

use std::sync::Arc;

use edgevision_wasm_host::{
    module::Module,
    nn::{Choice, Model},
};

pub(crate) use sources::missing as missing_source;

use super::{Config, ConfigError, ConfigErrors};
use crate::error::Exit;

/// What a camera would run, as far as it was found.
#[derive(Clone, Default)]
pub struct CameraFacts {
    /// Its preprocess module.
    pub preprocess: Option<Arc<Module>>,
    /// Its detect module.
    pub detect: Option<Arc<Module>>,
    /// Its model.
    pub model: Option<Arc<dyn Model>>,
    /// What runs it on this machine, and why.
    pub engine: Option<Choice>,
    /// Names of its classes.
    pub labels: Arc<[String]>,
}

/// All that would keep this config from running, here and now.
pub fn validate(config: &Config) -> ConfigErrors {
    examine(config).1
}

/// The same, with what was found for each camera.
pub fn examine(config: &Config) -> (Vec<CameraFacts>, ConfigErrors) {
    let mut findings = Findings { config, errors: Vec::new() };
    let has_gstreamer = start_gstreamer(&mut findings);
    let mut facts = Vec::new();
    for (i, camera) in config.cameras.iter().enumerate() {
        let path = format!("cameras[{i}]");
        sources::check(&camera.source, &path, has_gstreamer, &mut findings);
        facts.push(analysis::check(&camera.analyze, &path, &mut findings));
    }
    outputs::check(&config.outputs, has_gstreamer, &mut findings);
    (facts, ConfigErrors::sorted(findings.errors))
}

/// The same for the source of one camera alone.
pub(crate) fn examine_source(config: &Config, index: usize) -> ConfigErrors {
    let mut findings = Findings { config, errors: Vec::new() };
    let has_gstreamer = start_gstreamer(&mut findings);
    if let Some(camera) = config.cameras.get(index) {
        sources::check(&camera.source, &format!("cameras[{index}]"), has_gstreamer, &mut findings);
    }
    ConfigErrors::sorted(findings.errors)
}

fn start_gstreamer(findings: &mut Findings<'_>) -> bool {
    match gst::init() {
        Ok(()) => true,
        Err(error) => {
            let message = format!("GStreamer does not start ({error}); on Debian install libgstreamer1.0-0");
            findings.report(Exit::Unavailable, "", message);
            false
        }
    }
}

/// Collects what is wrong.
struct Findings<'c> {
    config: &'c Config,
    errors: Vec<ConfigError>,
}

impl Findings<'_> {
    fn report(&mut self, kind: Exit, key: &str, message: impl Into<String>) {
        self.errors.push(self.config.origin.error(key, message).of_kind(kind));
    }

    /// Keeps what is there, reports what is not.
    fn keep<T>(&mut self, kind: Exit, key: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.report(kind, key, message)).ok()
    }

    /// Reports a GStreamer element that is not installed.
    fn need_element(&mut self, key: &str, name: &str, package: &str) {
        if gst::ElementFactory::find(name).is_none() {
            let message = format!("the GStreamer element `{name}` is missing; on Debian install {package}");
            self.report(Exit::Unavailable, key, message);
        }
    }
}
