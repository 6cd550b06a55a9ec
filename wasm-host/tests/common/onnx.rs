//! Small ONNX models, made on the spot.

use std::{cell::RefCell, path::PathBuf, sync::Arc};

use edgevision_wasm_host::nn::{LoadOptions, Model, NnError, load_model};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

/// An input or output; -1 is a dimension of any size, each time another one.
pub fn value(name: &str, dtype: DataType, shape: Option<&[i64]>) -> ValueInfoProto {
    let dim = |(at, &size): (usize, &i64)| match size {
        -1 => Dimension { dim_param: Some(format!("{name}_{at}")), ..Dimension::default() },
        _ => Dimension { dim_value: Some(size), ..Dimension::default() },
    };
    let shape = shape.map(|dims| TensorShapeProto { dim: dims.iter().enumerate().map(dim).collect() });
    let tensor = TypeProtoTensor { elem_type: Some(dtype), shape };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { tensor_type: Some(tensor), ..TypeProto::default() }),
    }
}

pub fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        name: Some(format!("{operator}_0")),
        op_type: Some(operator.into()),
        input: names(inputs),
        output: names(outputs),
        ..NodeProto::default()
    }
}

/// An attribute that is a list of numbers.
pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: ints.to_vec(),
        r#type: Some(AttributeType::INTS),
        ..AttributeProto::default()
    }
}

/// An attribute that is a number.
pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        i: Some(value),
        r#type: Some(AttributeType::INT),
        ..AttributeProto::default()
    }
}

pub fn weights(name: &str, dtype: DataType, dims: &[i64], raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(dtype),
        dims: dims.to_vec(),
        raw_data: Some(RefCell::new(raw)),
        ..TensorProto::default()
    }
}

/// Weights that are a single float.
pub fn scalar(name: &str, value: f32) -> TensorProto {
    weights(name, DataType::FLOAT, &[], value.to_le_bytes().to_vec())
}

/// Weights that are a list of floats.
pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    weights(name, DataType::FLOAT, dims, bytemuck::cast_slice(values).to_vec())
}

/// A model of the operator set 13.
pub fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(13) }],
        producer_name: Some("edgevision-test".into()),
        ..ModelProto::default()
    }
}

/// `y = operators(x)`, one after another.
pub fn chain(operators: &[&str], dtype: DataType, shape: &[i64]) -> GraphProto {
    let name = |at: usize| match at {
        0 => "x".to_owned(),
        at if at == operators.len() => "y".to_owned(),
        at => format!("t{at}"),
    };
    let nodes =
        operators.iter().enumerate().map(|(at, operator)| node(operator, &[&name(at)], &[&name(at + 1)]));
    GraphProto {
        node: nodes.collect(),
        input: vec![value("x", dtype, Some(shape))],
        output: vec![value("y", dtype, Some(shape))],
        ..GraphProto::default()
    }
}

/// A model file that is gone with this.
pub struct File {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn file(bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line3.onnx");
    std::fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

/// Loads with `engine` and these options.
pub fn load_with(graph: GraphProto, engine: &str, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
    load_model(&file(&model(graph).write_buf().unwrap()).path, engine, options)
}

pub fn load(graph: GraphProto, engine: &str) -> Result<Arc<dyn Model>, NnError> {
    load_with(graph, engine, &LoadOptions::default())
}
