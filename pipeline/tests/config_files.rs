//! The files in `configs/` say what the code does.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use edgevision::config::{self, Config};
use serde_json::Value;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs").join(name)
}

fn load(name: &str) -> Config {
    config::load(&shipped(name)).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_schema_file_is_what_the_types_generate() {
    let path = shipped("edgevision.schema.json");
    let generated = serde_json::to_string_pretty(config::schema()).unwrap() + "\n";
    if std::env::var_os("EDGEVISION_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&path, &generated).unwrap();
    }
    let shipped = fs::read_to_string(&path).unwrap();
    assert!(shipped == generated, "run this test with EDGEVISION_BLESS=1 to write {}", path.display());
}

#[test]
fn line3_and_minimal_are_good_and_use_the_samples() {
    for name in ["line3.yaml", "minimal.yaml"] {
        let config = load(name);
        let model = config.cameras[0].analyze.model.as_ref().unwrap();
        assert!(model.path.ends_with("samples/line3.onnx"), "{name}: {}", model.path.display());
        assert_eq!(config.cameras[0].stream_path(), "line3");
    }
    assert!(fs::read_to_string(shipped("minimal.yaml")).unwrap().lines().count() <= 15);
    let line3 = load("line3.yaml");
    assert_eq!(line3.outputs.json_lines.unwrap().path, Path::new("line3-detections.jsonl"));
    assert_eq!(line3.outputs.rtsp.unwrap().listen.to_string(), "127.0.0.1:8554");
}

/// Reads the reference file as plain data. `serde_json` cannot read YAML, so the config's own types are bypassed.
fn reference() -> Value {
    let text = fs::read_to_string(shipped("reference.yaml")).unwrap();
    let documents = <saphyr::Yaml as saphyr::LoadableYamlNode>::load_from_str(&text).unwrap();
    json(&documents[0])
}

fn json(yaml: &saphyr::Yaml<'_>) -> Value {
    use saphyr::{Scalar, Yaml};
    match yaml {
        Yaml::Mapping(map) => {
            map.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), json(value))).collect()
        }
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Value(Scalar::Boolean(b)) => Value::from(*b),
        Yaml::Value(Scalar::Integer(n)) => Value::from(*n),
        Yaml::Value(Scalar::FloatingPoint(x)) => Value::from(x.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(&**text),
        Yaml::Value(Scalar::Null) => Value::Null,
        other => panic!("{other:?}"),
    }
}

/// Walks a schema and all places of the reference file that it describes.
struct Walk<'s> {
    root: &'s Value,
    problems: Vec<String>,
    keys: usize,
}

impl<'s> Walk<'s> {
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) {
            Some(pointer) => self.resolve(self.root.pointer(pointer).unwrap()),
            None => schema,
        }
    }

    /// The form of a schema that is a mapping or list, if it has one.
    fn container(&self, schema: &'s Value) -> Option<&'s Value> {
        let schema = self.resolve(schema);
        match schema.get("anyOf").and_then(Value::as_array) {
            Some(forms) => forms.iter().find_map(|form| self.container(form)),
            None => (schema.get("properties").is_some() || schema.get("items").is_some()).then_some(schema),
        }
    }

    fn places(&mut self, path: &str, schema: &'s Value, found: &[&Value]) {
        // Of a mapping with alternatives only one can be there; the comment names them.
        let Some(schema) = self.container(schema).filter(|schema| schema.get("maxProperties").is_none())
        else {
            return;
        };
        if let Some(items) = schema.get("items") {
            let inner: Vec<&Value> = found.iter().filter_map(|value| value.as_array()).flatten().collect();
            return self.places(&format!("{path}[]"), items, &inner);
        }
        for (key, property) in schema["properties"].as_object().unwrap() {
            let path = format!("{path}.{key}");
            let values: Vec<&Value> = found.iter().filter_map(|value| value.get(key)).collect();
            self.key(&path, property, &values);
            self.places(&path, property, &values);
        }
    }

    fn key(&mut self, path: &str, property: &Value, values: &[&Value]) {
        self.keys += 1;
        // The default is that of the common section, which is walked itself.
        let is_common = path.starts_with(".cameras[].analyze") || path.starts_with(".cameras[].overlay");
        if values.is_empty()
            && !path.starts_with(".cameras[].analyze.")
            && !path.starts_with(".cameras[].overlay.")
        {
            self.problems.push(format!("{path} is not in the file"));
        }
        let Some(default) = property.get("default").filter(|default| !default.is_object() && !is_common)
        else {
            return;
        };
        for value in values.iter().filter(|value| !value.is_object() && !same(value, default)) {
            self.problems.push(format!("{path} is {value} in the file and {default} in the code"));
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a == b)
}

#[test]
fn the_reference_file_has_every_key_with_its_default() {
    let (schema, file) = (config::schema(), reference());
    let mut walk = Walk { root: schema, problems: Vec::new(), keys: 0 };
    walk.places("", schema, &[&file]);
    assert!(walk.problems.is_empty(), "{}", walk.problems.join("\n"));
    assert!(walk.keys > 60, "only {} keys", walk.keys);
}

#[test]
fn the_reference_file_is_read_as_the_defaults() {
    let config = load("reference.yaml");
    let defaults = Config::default();
    let mut analyze = config.analyze.clone();
    assert!(analyze.model.take().is_some_and(|model| model.threads == config::Count::Auto));
    for (ours, default) in [
        (&mut analyze.preprocess, &defaults.analyze.preprocess),
        (&mut analyze.detect, &defaults.analyze.detect),
    ] {
        // Where it was found differs from machine to machine.
        ours.path = default.path.clone();
    }
    assert_eq!(analyze, defaults.analyze);
    assert_eq!(config.overlay, defaults.overlay);
    assert_eq!(config.workers, defaults.workers);
    assert_eq!(config.outputs.json_lines, defaults.outputs.json_lines);
    assert_eq!(config.outputs.rtsp, Some(config::RtspOut::default()));
    for camera in &config.cameras {
        let mut source = camera.source.clone();
        let default = config::Source::default();
        source.uri = default.uri.clone();
        assert_eq!(source, default, "{}", camera.name);
        assert_eq!(camera.rtsp, config::Publish::default(), "{}", camera.name);
    }
}

/// The unit of a key is in its comment or its value: limits that the schema knows are in the text.
#[test]
fn the_reference_file_states_the_limits_of_the_schema() {
    let text = fs::read_to_string(shipped("reference.yaml")).unwrap();
    let mut limits = BTreeSet::new();
    collect(config::schema(), &mut limits);
    assert!(limits.len() > 10, "{limits:?}");
    for limit in limits {
        assert!(text.contains(&limit), "`{limit}` is not in reference.yaml");
    }
}

fn collect(schema: &Value, limits: &mut BTreeSet<String>) {
    if let (Some(min), Some(max)) = (schema.get("x-min"), schema.get("x-max")) {
        limits.insert(format!("{} to {}", min.as_str().unwrap(), max.as_str().unwrap()));
    }
    if let (Some(min), Some(max)) = (schema.get("minimum"), schema.get("maximum")) {
        let number = |n: &Value| n.as_f64().unwrap().to_string();
        limits.insert(format!("{} to {}", number(min), number(max)));
    }
    match schema {
        Value::Object(map) => map.values().for_each(|inner| collect(inner, limits)),
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, limits)),
        _ => {}
    }
}
