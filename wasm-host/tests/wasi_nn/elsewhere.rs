//! Models whose weights are in other files: no engine is let look for them, whoever brings the model. The file is there
//! and holds good weights, so whoever read it would succeed.

use std::path::{Path, PathBuf};

use edgevision_wasm_host::nn::{LoadOptions, NnError, load_model};
use rten_onnx::onnx::{
    AttributeType, DataLocation, DataType, GraphProto, StringStringEntryProto, TensorProto,
};

use super::{
    common::on_every_engine,
    models::{self, attribute, bytes, node, value},
    script::*,
};

on_every_engine! {
    config: of_the_config;
    guest: of_a_guest;
}

struct Folder {
    _root: tempfile::TempDir,
    /// Where the model is.
    models: PathBuf,
    /// Good weights, beside the folder of the model.
    canary: PathBuf,
}

fn folder() -> Folder {
    let root = tempfile::tempdir().unwrap();
    let (models, canary) = (root.path().join("models"), root.path().join("canary.bin"));
    std::fs::create_dir(&models).unwrap();
    std::fs::write(&canary, 2.0_f32.to_le_bytes()).unwrap();
    std::fs::write(models.join("beside.bin"), 2.0_f32.to_le_bytes()).unwrap();
    std::os::unix::fs::symlink(&canary, models.join("link.bin")).unwrap();
    // Whoever opened it would wait for ever.
    let fifo = models.join("fifo.bin");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    Folder { _root: root, models, canary }
}

fn elsewhere(location: &str) -> TensorProto {
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    TensorProto {
        name: Some("two".into()),
        data_type: Some(DataType::FLOAT),
        dims: vec![1],
        data_location: Some(DataLocation::EXTERNAL),
        external_data: vec![entry("location", location), entry("offset", "0"), entry("length", "4")],
        ..TensorProto::default()
    }
}

fn double(weights: TensorProto) -> GraphProto {
    GraphProto {
        node: vec![node("Mul", &["x", "two"], "y")],
        initializer: vec![weights],
        input: vec![value("x", DataType::FLOAT, &[1, 4])],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    }
}

fn constant(weights: TensorProto) -> GraphProto {
    let mut constant = node("Constant", &[], "two");
    let mut held = attribute("value", AttributeType::TENSOR);
    held.t = Some(weights.clone());
    constant.attribute.push(held);
    let mut graph = double(weights);
    graph.initializer.clear();
    graph.node.insert(0, constant);
    graph
}

/// The graph as both branches of an `If`.
fn branch(mut graph: GraphProto) -> GraphProto {
    let (input, output) = (std::mem::take(&mut graph.input), graph.output.clone());
    let mut choice = node("If", &["yes"], "y");
    for name in ["then_branch", "else_branch"] {
        let mut branch = attribute(name, AttributeType::GRAPH);
        branch.g = Some(graph.clone());
        choice.attribute.push(branch);
    }
    let yes = models::tensor("yes", DataType::BOOL, &[], vec![1]);
    GraphProto { node: vec![choice], initializer: vec![yes], input, output, ..GraphProto::default() }
}

/// A message as field `number`; fields from 16 on need two bytes.
fn field(number: u32, message: &[u8]) -> Vec<u8> {
    let varint = |mut value: u32| {
        let mut out = vec![];
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    };
    [varint(number << 3 | 2), varint(message.len() as u32), message.to_vec()].concat()
}

/// A good model with a function (field 25) that has a node (7) with an attribute (5) that is such a tensor (5).
fn function(location: &str) -> Vec<u8> {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    let tensor = [field(8, b"two"), field(13, &entry), vec![14 << 3, 1]].concat();
    let node = [field(4, b"Constant"), field(5, &[field(1, b"value"), field(5, &tensor)].concat())].concat();
    [models::double(), field(25, &[field(1, b"F"), field(7, &node)].concat())].concat()
}

/// Models that name `location`, in each place that a tensor can be in.
fn all(location: &str) -> Vec<(&'static str, Vec<u8>)> {
    let weights = || elsewhere(location);
    vec![
        ("initializer", bytes(double(weights()))),
        ("constant", bytes(constant(weights()))),
        ("branch", bytes(branch(double(weights())))),
        ("constant in a branch", bytes(branch(constant(weights())))),
        ("branch in a branch", bytes(branch(branch(constant(weights()))))),
        ("function", function(location)),
    ]
}

fn locations(folder: &Folder) -> Vec<String> {
    let canary = folder.canary.display().to_string();
    let names = ["beside.bin", "./beside.bin", "../canary.bin", "link.bin", "fifo.bin", "*/_ORT_MEM_ADDR_/*"];
    names.map(str::to_owned).into_iter().chain([canary]).collect()
}

fn of_the_config(engine: &str) {
    let folder = folder();
    for location in locations(&folder) {
        for (place, model) in all(&location) {
            let path = folder.models.join("net.onnx");
            std::fs::write(&path, model).unwrap();
            assert_refused(&path, engine, &format!("{place}, {location}"));
        }
    }
}

fn assert_refused(path: &Path, engine: &str, what: &str) {
    match load_model(path, engine, &LoadOptions::default()).err() {
        Some(NnError::Unsupported(sentence)) => {
            assert!(sentence.contains("`two`) are stored in another file"), "{what}: {sentence}");
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn of_a_guest(engine: &str) {
    let folder = folder();
    // A guest's model has no folder; the process has one.
    std::env::set_current_dir(&folder.models).unwrap();
    for location in locations(&folder) {
        for (_, bytes) in all(&location) {
            let model = model(&models::pixels(), engine);
            script().load(&bytes, ONNX, UNSUPPORTED_OPERATION).passes_granted(Some(model));
        }
    }
}
