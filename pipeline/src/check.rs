//! `edgevision check`: all that is wrong with a config, or what it would run.

use std::{fmt::Write, path::Path};

use edgevision_wasm_host::{
    module::Module,
    nn::{Choice, Model},
};

use crate::{
    cli::Report,
    config::{
        self, Camera, Config, ConfigErrors, ModelRef, ModuleRef, Outputs, SourceKind,
        environment::{self, CameraFacts},
    },
    cores,
    error::Exit,
    inspect::{shape, short_digest},
};

pub(crate) fn check(file: &Path) -> Report {
    let mut config = match config::load(file) {
        Ok(config) => config,
        Err(errors) => return bad(file, &errors),
    };
    cores::share(&mut config);
    let (facts, errors) = environment::examine(&config);
    match errors.0.is_empty() {
        true => Report { text: good(&config, &facts), complaints: String::new(), exit: Exit::Ok },
        false => bad(file, &errors),
    }
}

/// A config that cannot even be read is no wrong config; everything else is.
fn bad(file: &Path, errors: &ConfigErrors) -> Report {
    let unreadable = errors.0.iter().all(|error| error.at.is_none() && error.kind == Exit::NoInput);
    let exit = match (unreadable, errors.exit()) {
        (true, _) => Exit::NoInput,
        // Nothing is wrong with the file: this machine lacks something.
        (false, Exit::Unavailable) => Exit::Unavailable,
        (false, _) => Exit::Config,
    };
    let n = errors.0.len();
    let plural = if n == 1 { "" } else { "s" };
    Report {
        text: String::new(),
        complaints: format!("{errors}\n{n} error{plural} in {}", file.display()),
        exit,
    }
}

fn good(config: &Config, facts: &[CameraFacts]) -> String {
    let n = config.cameras.len();
    let plural = if n == 1 { "" } else { "s" };
    let file = config.origin.file().display();
    let mut text = format!("{file} is good: {n} camera{plural}\n");
    for (camera, facts) in config.cameras.iter().zip(facts) {
        describe(&mut text, config, camera, facts);
    }
    text + &outputs(&config.outputs)
}

fn describe(text: &mut String, config: &Config, camera: &Camera, facts: &CameraFacts) {
    let analyze = &camera.analyze;
    line(text, 0, &camera.name, "");
    line(text, 1, "source", &source(camera));
    line(text, 1, "preprocess", &module(facts.preprocess.as_deref(), &analyze.preprocess));
    line(text, 1, "detect", &module(facts.detect.as_deref(), &analyze.detect));
    if let Some(model) = &facts.model {
        line(text, 1, "model", &self::model(model.as_ref()));
    }
    if let (Some(choice), Some(model)) = (&facts.engine, &analyze.model) {
        line(text, 1, "engine", &engine(choice, model));
    }
    if !facts.labels.is_empty() {
        line(text, 1, "labels", &labels(&facts.labels));
    }
    if let Some(rtsp) = config.outputs.rtsp.as_ref().filter(|_| camera.rtsp.enabled) {
        line(text, 1, "stream", &format!("rtsp://{}/{}", rtsp.listen, camera.stream_path()));
    }
}

fn line(text: &mut String, level: usize, key: &str, value: &str) {
    let line = format!("{}{key:<12}{value}", "  ".repeat(level));
    text.push_str(line.trim_end());
    text.push('\n');
}

fn source(camera: &Camera) -> String {
    let source = &camera.source;
    let kind = match source.uri.kind() {
        SourceKind::File => "video file",
        SourceKind::Images => "pictures",
        SourceKind::Rtsp => "RTSP",
        SourceKind::V4l2 => "V4L2",
        SourceKind::Pattern => "test pattern",
    };
    let repeat = if source.repeat { ", looped" } else { "" };
    let pace = if source.in_real_time() { ", in real time" } else { ", as fast as possible" };
    format!("{} ({kind}{repeat}{pace})", source.uri)
}

fn module(module: Option<&Module>, reference: &ModuleRef) -> String {
    let Some(info) = module.map(Module::info) else { return reference.module.clone() };
    let version = info.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    format!("{}{version}, sha256 {}, {}", info.name, short_digest(&info.sha256), reference.path.display())
}

fn model(model: &dyn Model) -> String {
    let identity = model.identity();
    let mut text = format!("{}, sha256 {}", identity.name, short_digest(&identity.sha256));
    for (word, tensors) in [("in", model.inputs()), ("out", model.outputs())] {
        for tensor in tensors {
            let dtype = format!("{:?}", tensor.dtype).to_lowercase();
            // Writing to a String cannot fail.
            write!(text, "; {word} {} {dtype}{}", tensor.name, shape(&tensor.shape)).unwrap_or_default();
        }
    }
    text
}

/// On this machine; where the config runs, other engines may be installed.
fn engine(choice: &Choice, model: &ModelRef) -> String {
    let workers = gstedgevision::planned_workers(0, model.performance.of_element());
    let threads = model.threads.or(|| 1);
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    format!("{choice}; {workers} worker{} x {threads} thread{}", plural(workers), plural(threads))
}

fn labels(labels: &[String]) -> String {
    let shown: Vec<&str> = labels.iter().take(6).map(String::as_str).collect();
    let more = if labels.len() > shown.len() { ", …" } else { "" };
    format!("{}: {}{more}", labels.len(), shown.join(", "))
}

fn outputs(outputs: &Outputs) -> String {
    let mut text = String::new();
    line(&mut text, 0, "outputs", "");
    let json_lines = match &outputs.json_lines {
        Some(lines) if lines.to_stdout() => "standard output".to_owned(),
        Some(lines) => {
            format!("{} (up to {}, {} older kept)", lines.path.display(), lines.max_size, lines.keep)
        }
        None => "none".to_owned(),
    };
    line(&mut text, 1, "json_lines", &json_lines);
    let rtsp = match &outputs.rtsp {
        Some(rtsp) => format!("rtsp://{}, {} while watched", rtsp.listen, rtsp.bitrate),
        None => "none".to_owned(),
    };
    line(&mut text, 1, "rtsp", &rtsp);
    text
}
