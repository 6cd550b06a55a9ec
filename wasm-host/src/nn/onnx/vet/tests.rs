//! Models that are followed, and bombs of a few bytes that are not let through.

use std::{cell::RefCell, path::PathBuf};

use rten_onnx::onnx::{
    AttributeProto, DataType, Dimension, ModelProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, TypeProtoTensor, ValueInfoProto,
};

use super::*;

const ROOM: usize = 64 << 20;

fn input(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |&size: &i64| Dimension { dim_value: Some(size), ..Dimension::default() };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape };
    let r#type = Some(TypeProto { tensor_type: Some(tensor), ..TypeProto::default() });
    ValueInfoProto { name: Some(name.into()), r#type }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(operator.into()),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

fn with_ints(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
    let attribute =
        AttributeProto { name: Some(name.into()), ints: ints.to_vec(), ..AttributeProto::default() };
    node.attribute.push(attribute);
    node
}

fn ints(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(DataType::INT64),
        dims: vec![i64::try_from(values.len()).unwrap()],
        raw_data: Some(RefCell::new(values.iter().flat_map(|value| value.to_le_bytes()).collect())),
        ..TensorProto::default()
    }
}

fn floats(name: &str, dims: &[i64], data: Vec<u8>) -> TensorProto {
    let raw_data = Some(RefCell::new(data));
    let data_type = Some(DataType::FLOAT);
    TensorProto {
        name: Some(name.into()),
        data_type,
        dims: dims.to_vec(),
        raw_data,
        ..TensorProto::default()
    }
}

fn judged(
    feeds: Vec<ValueInfoProto>,
    weights: Vec<TensorProto>,
    nodes: Vec<NodeProto>,
) -> Result<usize, String> {
    let output = nodes.last().map_or("x", |node| &node.output[0]);
    let output = ValueInfoProto { name: Some(output.into()), ..ValueInfoProto::default() };
    let graph = GraphProto {
        node: nodes,
        initializer: weights,
        input: feeds,
        output: vec![output],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(13) }],
        ..ModelProto::default()
    };
    vet(&model.write_buf().unwrap(), ROOM).map_err(|error| error.to_string())
}

fn x(dims: &[i64]) -> Vec<ValueInfoProto> {
    vec![input("x", dims)]
}

#[test]
fn tensors_count_as_long_as_somebody_reads_them() {
    let relus = |count: usize| -> Vec<NodeProto> {
        (0..count).map(|at| node("Relu", &[&format!("t{at}")], &format!("t{}", at + 1))).collect()
    };
    let feeds = vec![input("t0", &[1, 1000])];
    // Two at a time, however long the chain is.
    assert_eq!(judged(feeds.clone(), vec![], relus(1)), Ok(16_000));
    assert_eq!(judged(feeds.clone(), vec![], relus(50)), Ok(16_000));
    let mut kept = relus(50);
    kept.push(node("Add", &["t0", "t50"], "sum"));
    assert_eq!(judged(feeds, vec![], kept), Ok(24_000));
}

#[test]
fn bombs_are_told_from_models() {
    let memory = "the model's tensors do not fit into the 67108864 bytes that are left";
    let work = "one run of the model takes more than 20000000000 multiply-adds";
    let outer = || {
        let column = with_ints(node("Reshape", &["x"], "c"), "shape", &[-1, 1]);
        let row = with_ints(node("Reshape", &["x"], "r"), "shape", &[1, -1]);
        vec![column, row, node("Mul", &["c", "r"], "y")]
    };
    let conv = |pads: &[i64]| with_ints(node("Conv", &["x", "w"], "y"), "pads", pads);
    let kernel = || floats("w", &[8, 8, 3, 3], vec![0; 8 * 8 * 9 * 4]);
    let table = [
        ("outer product", judged(x(&[1, 10_000]), vec![], outer()), memory),
        (
            "resize",
            judged(
                x(&[1, 1, 8, 8]),
                vec![ints("s", &[1, 1, 1 << 20, 1 << 20])],
                vec![node("Resize", &["x", "", "", "s"], "y")],
            ),
            work,
        ),
        ("pad", judged(x(&[8]), vec![ints("p", &[0, 1 << 31])], vec![node("Pad", &["x", "p"], "y")]), memory),
        (
            "pads that wrap around",
            judged(x(&[8]), vec![ints("p", &[i64::MAX, i64::MAX])], vec![node("Pad", &["x", "p"], "y")]),
            "its pads make no shape",
        ),
        ("padding", judged(x(&[1, 8, 64, 64]), vec![kernel()], vec![conv(&[16_000; 4])]), work),
        (
            "more padding",
            judged(x(&[1, 8, 64, 64]), vec![kernel()], vec![conv(&[1 << 40; 4])]),
            "up to 16384",
        ),
        (
            "work",
            judged(
                vec![input("a", &[1, 200_000, 9]), input("b", &[1, 9, 20])],
                vec![],
                vec![node("MatMul", &["a", "b"], "y")],
            ),
            "",
        ),
        (
            "much work",
            judged(
                vec![input("a", &[1000, 2000]), input("b", &[2000, 1000])],
                vec![],
                [
                    vec![node("MatMul", &["a", "b"], "y0")],
                    (0..12).map(|at| node("MatMul", &["a", "b"], &format!("z{at}"))).collect(),
                ]
                .concat(),
            ),
            work,
        ),
        (
            "a huge input",
            judged(x(&[1 << 30, 1 << 30]), vec![], vec![node("Relu", &["x"], "y")]),
            "too many elements",
        ),
        (
            "an open input",
            judged(x(&[-1, 3]), vec![], vec![node("Relu", &["x"], "y")]),
            "without a fixed shape",
        ),
        (
            "weights without data",
            judged(
                x(&[1]),
                vec![floats("w", &[1 << 20, 1 << 10], vec![])],
                vec![node("Add", &["x", "w"], "y")],
            ),
            "not as long as their shape says",
        ),
        (
            "an unknown operator",
            judged(x(&[1]), vec![], vec![node("NonZero", &["x"], "y")]),
            "not among the operators",
        ),
        (
            "a size out of nothing",
            judged(vec![], vec![ints("s", &[1 << 40])], vec![node("ConstantOfShape", &["s"], "y")]),
            "not among the operators",
        ),
        (
            "a name twice",
            judged(x(&[1]), vec![], vec![node("Relu", &["x"], "x")]),
            "two tensors of this name",
        ),
        (
            "from nowhere",
            judged(x(&[1]), vec![], vec![node("Relu", &["z"], "y")]),
            "`z` does not exist there",
        ),
        (
            "an attribute twice",
            judged(x(&[1, 8, 8, 8]), vec![kernel()], vec![with_ints(conv(&[0; 4]), "pads", &[1 << 20; 4])]),
            "is there twice",
        ),
    ];
    for (name, judged, sentence) in table {
        match judged {
            Err(error) => assert!(!sentence.is_empty() && error.contains(sentence), "{name}: {error}"),
            Ok(bytes) => assert!(sentence.is_empty(), "{name} was let through with {bytes} bytes"),
        }
    }
}

#[test]
fn bodies_and_functions_are_refused() {
    let mut looped = node("Loop", &["x"], "y");
    let body = AttributeProto {
        name: Some("body".into()),
        g: Some(GraphProto::default()),
        ..AttributeProto::default()
    };
    looped.attribute.push(body);
    let error = judged(x(&[1]), vec![], vec![looped]).unwrap_err();
    assert!(
        error.ends_with("it has functions, bodies of `If`, `Loop` or `Scan`, or sparse weights"),
        "{error}"
    );
}

/// Published detectors and classifiers are followed to the end.
#[test]
fn real_models_are_followed() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let media = std::env::var_os("EDGEVISION_MEDIA").map_or(here.join("../../shared/media"), PathBuf::from);
    let Ok(models) = media.join("models").read_dir() else {
        assert!(std::env::var_os("EDGEVISION_REQUIRE_MEDIA").is_none(), "no models in {}", media.display());
        eprintln!("skipped: no models in {}", media.display());
        return;
    };
    let files = models
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"));
    for file in files {
        let peak = vet(&std::fs::read(&file).unwrap(), ROOM);
        let peak = peak.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(peak > 100_000, "{}: {peak}", file.display());
    }
}
