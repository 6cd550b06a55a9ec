//! What the schema cannot say: names that must differ, keys that apply to some sources only, keys that belong together.

use std::collections::BTreeMap;

use edgevision_wasm_host::{nn::engine_names, suggest::suggestion};

use super::{Analyze, Camera, Config, ConfigError, Labels, Location, SourceKind, node::Node};

use SourceKind::{File, Images, Pattern, Rtsp, V4l2};

/// Which sources a key of `source` applies to; keys that are not listed apply to all.
const APPLIES: [(&str, &[SourceKind]); 10] = [
    ("loop", &[File, Images]),
    ("pace", &[File, Images]),
    ("framerate", &[Images, Pattern, V4l2]),
    ("size", &[Pattern, V4l2]),
    ("transport", &[Rtsp]),
    ("latency", &[Rtsp]),
    ("user", &[Rtsp]),
    ("password", &[Rtsp]),
    ("stall_timeout", &[Rtsp, V4l2]),
    ("reconnect", &[Rtsp, V4l2]),
];

/// All mistakes of this kind. `root` is the file as it was written.
pub(super) fn check(config: &Config, root: &Node) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let mut report = |key: String, message: String| errors.push(config.origin.error(&key, message));
    names(config, &mut report);
    for (i, camera) in config.cameras.iter().enumerate() {
        let path = format!("cameras[{i}]");
        let written =
            root.get("cameras").and_then(|cameras| cameras.item(i)).and_then(|camera| camera.get("source"));
        applicable(camera, written, &path, &mut report);
        together(camera, &path, &mut report);
        labels(&camera.analyze, &path, &mut report);
        options(&camera.analyze, &path, &mut report);
    }
    errors
}

type Report<'r> = &'r mut dyn FnMut(String, String);

/// Camera names and stream paths are unique.
fn names(config: &Config, report: Report<'_>) {
    let mut names = BTreeMap::new();
    let mut paths = BTreeMap::new();
    for (i, camera) in config.cameras.iter().enumerate() {
        if let Some(first) = names.insert(&camera.name, i) {
            let message =
                format!("the name `{}` is taken by cameras[{first}]; give each camera its own", camera.name);
            report(format!("cameras[{i}].name"), message);
        } else if camera.rtsp.enabled
            && let Some(first) = paths.insert(camera.stream_path(), i)
        {
            let message = format!("the path `{}` is taken by cameras[{first}]", camera.stream_path());
            report(format!("cameras[{i}].rtsp.path"), message);
        }
    }
}

fn applicable(camera: &Camera, written: Option<&Node>, path: &str, report: Report<'_>) {
    let kind = camera.source.uri.kind();
    let is_set = |key: &str| written.and_then(|source| source.get(key)).is_some_and(|node| !node.is_null());
    for (key, kinds) in APPLIES {
        if !kinds.contains(&kind) && is_set(key) {
            let applies = kinds.iter().map(|kind| kind.plural()).collect::<Vec<_>>().join(" and ");
            let message = format!(
                "`{key}` applies to {applies}, but `{}` belongs to {}; remove it",
                camera.source.uri,
                kind.plural()
            );
            report(format!("{path}.source.{key}"), message);
        }
    }
}

fn together(camera: &Camera, path: &str, report: Report<'_>) {
    let source = &camera.source;
    if source.password.is_some() && source.user.is_none() {
        report(format!("{path}.source.password"), "a password needs a `user` beside it".into());
    }
    if source.user.is_some() && source.password.is_none() {
        report(format!("{path}.source.user"), "a user needs a `password` beside it".into());
    }
    let reconnect = &source.reconnect;
    if reconnect.initial > reconnect.max {
        let message =
            format!("`initial` is {}, more than `max`, which is {}", reconnect.initial, reconnect.max);
        report(format!("{path}.source.reconnect.initial"), message);
    }
    if matches!(&source.uri, Location::Pattern(_))
        && source.framerate.is_some_and(|rate| rate.per_second() < 1.0)
    {
        report(format!("{path}.source.framerate"), "a test pattern has at least 1 frame per second".into());
    }
}

/// Options are an engine's own.
fn options(analyze: &Analyze, path: &str, report: Report<'_>) {
    let Some(model) = analyze.model.as_ref().filter(|model| !model.options.is_empty()) else { return };
    if model.engine.is_auto() {
        let names = engine_names().collect::<Vec<_>>().join(", ");
        let message = format!("options belong to one engine; name it in `engine` instead of auto: {names}");
        report(format!("{path}.analyze.model.options"), message);
    }
}

/// Class thresholds name labels. Labels in a file are looked at later, by `environment`.
fn labels(analyze: &Analyze, path: &str, report: Report<'_>) {
    let Some(Labels::List(names)) = analyze.model.as_ref().and_then(|model| model.labels.as_ref()) else {
        return;
    };
    for (key, message) in unknown_classes(analyze, names) {
        report(format!("{path}.analyze.{key}"), message);
    }
}

/// The keys of `class_thresholds` that are no labels, with a message each.
pub(super) fn unknown_classes(analyze: &Analyze, labels: &[String]) -> Vec<(String, String)> {
    let unknown = analyze.class_thresholds.keys().filter(|class| !labels.contains(class));
    unknown
        .map(|class| {
            let nearest = suggestion(class, labels.iter().map(String::as_str));
            let shown: Vec<&str> = labels.iter().take(20).map(String::as_str).collect();
            let more = if labels.len() > shown.len() { ", …" } else { "" };
            let message =
                format!("no label of this name{nearest} the labels are: {}{more}", shown.join(", "));
            (format!("class_thresholds.{class}"), message)
        })
        .collect()
}
