//! Models that a guest brings to use up the host: they are turned away before an engine sees them, or stopped.

use std::time::{Duration, Instant};

use rten_onnx::onnx::{AttributeType, DataType, GraphProto};

use super::{
    common::on_every_engine,
    models::{self, attribute, bytes, floats, node, tensor, value},
    script::*,
};

on_every_engine! {
    bombs: are_turned_away;
}

fn graph(nodes: Vec<rten_onnx::onnx::NodeProto>, weights: Vec<rten_onnx::onnx::TensorProto>) -> Vec<u8> {
    bytes(GraphProto {
        node: nodes,
        initializer: weights,
        input: vec![value("x", DataType::FLOAT, &[1, 4])],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    })
}

fn longs(name: &str, values: &[i64]) -> rten_onnx::onnx::TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, DataType::INT64, &[values.len() as i64], raw)
}

/// Terabytes from constants, before the first run: engines compute constants when they load.
fn constant_of_shape() -> Vec<u8> {
    graph(vec![node("ConstantOfShape", &["s"], "y")], vec![longs("s", &[1 << 20, 1 << 20])])
}

fn outer_product() -> Vec<u8> {
    let column = floats("column", &[100_000, 1], &vec![1.0; 100_000]);
    let row = floats("row", &[1, 100_000], &vec![1.0; 100_000]);
    graph(vec![node("Mul", &["column", "row"], "y")], vec![column, row])
}

fn expand() -> Vec<u8> {
    graph(vec![node("Expand", &["x", "s"], "y")], vec![longs("s", &[1 << 40, 1, 4])])
}

fn tile() -> Vec<u8> {
    graph(vec![node("Tile", &["x", "s"], "y")], vec![longs("s", &[1 << 31, 1 << 31])])
}

fn resize() -> Vec<u8> {
    let scales = floats("scales", &[2], &[1e6, 1e6]);
    graph(vec![node("Resize", &["x", "", "scales"], "y")], vec![scales])
}

fn nested(levels: usize) -> Vec<u8> {
    let leaf = GraphProto { node: vec![node("Relu", &["x"], "z")], ..GraphProto::default() };
    let inner = (0..levels).fold(leaf, |inner, _| {
        let mut branch = attribute("then_branch", AttributeType::GRAPH);
        branch.g = Some(inner);
        let mut choice = node("If", &["yes"], "z");
        choice.attribute.push(branch);
        GraphProto { node: vec![choice], ..GraphProto::default() }
    });
    bytes(inner)
}

fn many_nodes() -> Vec<u8> {
    let name = |at: usize| if at == 0 { "x".to_owned() } else { format!("t{at}") };
    let mut nodes: Vec<_> = (0..20_000).map(|at| node("Relu", &[&name(at)], &name(at + 1))).collect();
    nodes.push(node("Relu", &[&name(20_000)], "y"));
    graph(nodes, vec![])
}

fn are_turned_away(engine: &str) {
    let table = [
        ("loop", models::endless_loop(), UNSUPPORTED_OPERATION),
        ("chain", models::long_chain(), TOO_LARGE),
        ("constant of shape", constant_of_shape(), UNSUPPORTED_OPERATION),
        ("outer product", outer_product(), TOO_LARGE),
        ("expand", expand(), UNSUPPORTED_OPERATION),
        ("tile", tile(), UNSUPPORTED_OPERATION),
        ("resize", resize(), TOO_LARGE),
        ("nested", nested(10), UNSUPPORTED_OPERATION),
        ("nested beyond the limit", nested(1000), INVALID_ENCODING),
        ("many nodes", many_nodes(), TOO_LARGE),
    ];
    for (name, bytes, want) in table {
        eprintln!("{name}: {} bytes", bytes.len());
        let start = Instant::now();
        script().load(&bytes, ONNX, want).passes_granted(Some(model(&models::double(), engine)));
        assert!(start.elapsed() < Duration::from_secs(20), "{name} took {:?}", start.elapsed());
    }
}
