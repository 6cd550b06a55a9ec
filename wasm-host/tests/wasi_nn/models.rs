//! Small ONNX models whose results are known, and some that mean harm.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

pub fn value(name: &str, dtype: DataType, dims: &[i64]) -> ValueInfoProto {
    let dim = |&size: &i64| Dimension { dim_value: Some(size), ..Dimension::default() };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = TypeProtoTensor { elem_type: Some(dtype), shape };
    let r#type = Some(TypeProto { tensor_type: Some(tensor), ..TypeProto::default() });
    ValueInfoProto { name: Some(name.into()), r#type }
}

pub fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: Some(format!("{operator}_{output}")),
        op_type: Some(operator.into()),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

pub fn tensor(name: &str, dtype: DataType, dims: &[i64], raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(dtype),
        dims: dims.to_vec(),
        raw_data: Some(RefCell::new(raw)),
        ..TensorProto::default()
    }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    tensor(name, DataType::FLOAT, dims, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

pub fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(kind), ..AttributeProto::default() }
}

pub fn bytes(graph: GraphProto) -> Vec<u8> {
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(GraphProto { ..graph }),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(13) }],
        ..ModelProto::default()
    };
    model.write_buf().unwrap()
}

/// `y = 2 x` for four floats.
pub fn double() -> Vec<u8> {
    bytes(GraphProto {
        node: vec![node("Mul", &["x", "two"], "y")],
        initializer: vec![floats("two", &[1], &[2.0])],
        input: vec![value("x", DataType::FLOAT, &[1, 4])],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    })
}

/// The same, but its input has two sizes, of which the format takes the last: 4, and any.
pub fn of_two_sizes() -> Vec<u8> {
    let mut x = value("x", DataType::FLOAT, &[1, 4]);
    let shape = x.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape.as_mut().unwrap();
    shape.dim[1].dim_param = Some("n".into());
    bytes(GraphProto {
        node: vec![node("Mul", &["x", "two"], "y")],
        initializer: vec![floats("two", &[1], &[2.0])],
        input: vec![x],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    })
}

/// The same with `ballast` MiB of weights that count for nothing.
pub fn heavy(ballast: usize) -> Vec<u8> {
    let count = ballast << 18;
    let zeros = tensor("zeros", DataType::FLOAT, &[1, count as i64], vec![0; count * 4]);
    let mut all = node("ReduceMax", &["zeros"], "zero");
    let mut axes = attribute("axes", AttributeType::INTS);
    axes.ints = vec![1];
    all.attribute.push(axes);
    bytes(GraphProto {
        node: vec![node("Mul", &["x", "two"], "t"), all, node("Add", &["t", "zero"], "y")],
        initializer: vec![floats("two", &[1], &[2.0]), zeros],
        input: vec![value("x", DataType::FLOAT, &[1, 4])],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    })
}

/// The frames' pixels as floats, `[10, 20]`.
pub fn pixels() -> Vec<u8> {
    let mut cast = node("Cast", &["x"], "y");
    let mut to = attribute("to", AttributeType::INT);
    to.i = Some(i64::from(DataType::FLOAT.0));
    cast.attribute.push(to);
    bytes(GraphProto {
        node: vec![cast],
        input: vec![value("x", DataType::UINT8, &[10, 20])],
        output: vec![value("y", DataType::FLOAT, &[10, 20])],
        ..GraphProto::default()
    })
}

/// `y` stays `x` through 2^62 rounds of a loop.
pub fn endless_loop() -> Vec<u8> {
    named_body(looped())
}

/// Stands in the list of values (field 13) of a body until it becomes the name (field 2), which runtimes want and the
/// writer does not write.
const PLACEHOLDER: &[u8] = b"\x6a\x06\x0a\x04body";
const NAME_TAG: u8 = 0x12;

fn named_body(mut model: Vec<u8>) -> Vec<u8> {
    let at = model.windows(PLACEHOLDER.len()).position(|bytes| bytes == PLACEHOLDER).unwrap();
    model[at] = NAME_TAG;
    model
}

fn looped() -> Vec<u8> {
    let body = GraphProto {
        node: vec![node("Identity", &["go"], "go_on"), node("Relu", &["state"], "next")],
        input: vec![
            value("round", DataType::INT64, &[]),
            value("go", DataType::BOOL, &[]),
            value("state", DataType::FLOAT, &[1, 4]),
        ],
        output: vec![value("go_on", DataType::BOOL, &[]), value("next", DataType::FLOAT, &[1, 4])],
        value_info: vec![ValueInfoProto { name: Some("body".into()), ..ValueInfoProto::default() }],
        ..GraphProto::default()
    };
    let mut repeat = node("Loop", &["rounds", "yes", "x"], "y");
    let mut graph = attribute("body", AttributeType::GRAPH);
    graph.g = Some(body);
    repeat.attribute.push(graph);
    bytes(GraphProto {
        node: vec![repeat],
        initializer: vec![
            tensor("rounds", DataType::INT64, &[], (1_i64 << 62).to_le_bytes().to_vec()),
            tensor("yes", DataType::BOOL, &[], vec![1]),
        ],
        input: vec![value("x", DataType::FLOAT, &[1, 4])],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    })
}

/// Hundreds of products of large matrices, one after another: long work that no loop announces.
pub fn long_chain() -> Vec<u8> {
    const SIZE: i64 = 1024;
    const LINKS: usize = 300;
    let name = |at: usize| if at == LINKS { "wide".to_owned() } else { format!("t{at}") };
    let mut nodes = vec![node("Mul", &["weights", "first"], "t0")];
    nodes.insert(0, node("ReduceMax", &["x"], "first"));
    nodes.extend((0..LINKS).map(|at| node("MatMul", &[&name(at), &name(at)], &name(at + 1))));
    nodes.push(node("ReduceMax", &["wide"], "top"));
    nodes.push(node("Mul", &["x", "top"], "y"));
    let raw = vec![0; (SIZE * SIZE * 4) as usize];
    bytes(GraphProto {
        node: nodes,
        initializer: vec![tensor("weights", DataType::FLOAT, &[SIZE, SIZE], raw)],
        input: vec![value("x", DataType::FLOAT, &[1, 4])],
        output: vec![value("y", DataType::FLOAT, &[1, 4])],
        ..GraphProto::default()
    })
}
