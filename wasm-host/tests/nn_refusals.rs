//! Models that are refused, each with its sentence; and small models made here whose results are known.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::{path::Path, sync::Arc};

use common::onnx::{chain, file, ints, model, node, value, weights};
use edgevision_wasm_host::nn::{
    DType, LoadOptions, Model, NnError, OutputBuf, TensorView, inspect_model, load_model,
};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataLocation, DataType, GraphProto, StringStringEntryProto, TensorProto,
};

fn load(path: &Path) -> Result<Arc<dyn Model>, NnError> {
    load_model(path, "rten", &LoadOptions::default())
}

fn load_graph(graph: GraphProto) -> Result<Arc<dyn Model>, NnError> {
    load(&file(&model(graph).write_buf().unwrap()).path)
}

/// The sentence without the path in front of it.
fn sentence(bytes: &[u8]) -> String {
    let file = file(bytes);
    let text = load(&file.path).err().unwrap().to_string();
    let text =
        text.strip_prefix(&format!("{}: ", file.path.display())).expect("the path comes first").to_owned();
    assert!(!text.contains('\n'));
    text
}

fn refusal(graph: GraphProto) -> String {
    sentence(&model(graph).write_buf().unwrap())
}

#[test]
fn files_that_are_not_models() {
    let relu = model(chain(&["Relu"], DataType::FLOAT, &[1, 4])).write_buf().unwrap();
    let mut damaged = relu.clone();
    damaged[relu.len() / 2..].fill(0xff);
    let not_onnx = "this is not an ONNX model, nor one of TensorFlow Lite, OpenVINO IR or WebAssembly; export the model to \
                    ONNX";
    let cut = relu.len() - 5;
    let table: &[(&str, &[u8], String)] = &[
        ("empty", b"", "the file is empty; copy or export the model again".into()),
        ("text", b"cameras:\n  - name: line3\n    source: rtsp://\n", not_onnx.into()),
        (
            "wasm",
            b"\0asm\x01\0\0\0",
            "this is a WebAssembly module, not an ONNX model; if it is a model itself, use the engine wasm or \
         auto, else set it as a module"
                .into(),
        ),
        (
            "lfs",
            b"version https://git-lfs.github.com/spec/v1\noid",
            "this is a Git LFS pointer, not the model itself; \
         run `git lfs pull` to fetch it"
                .into(),
        ),
        (
            "tflite",
            b"\x1c\0\0\0TFL3\x14\0",
            "this is a TensorFlow Lite model, not an ONNX model; use the engine litert or auto"
                .into(),
        ),
        (
            "truncated",
            &relu[..cut],
            format!(
                "the file ends in the middle of the model, after {cut} bytes; copy it \
         again"
            ),
        ),
        ("damaged", &damaged, "the file is damaged; copy or export it again".into()),
        ("no graph", b"\x08\x08", not_onnx.into()),
        ("zeros", &[0; 64], not_onnx.into()),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(&sentence(bytes), expected, "{name}");
    }
}

#[test]
fn a_missing_file_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere.onnx");
    let text = load(&missing).err().unwrap().to_string();
    assert_eq!(
        text,
        format!("{}: the model cannot be read: No such file or directory (os error 2)", missing.display())
    );
    assert!(
        load(folder.path()).err().unwrap().to_string().contains("the model cannot be read: Is a directory")
    );
    assert!(inspect_model(&missing).is_err());
}

#[test]
fn a_pipe_in_the_place_of_a_model_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.onnx");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for text in [load(&pipe).err().unwrap().to_string(), inspect_model(&pipe).err().unwrap().to_string()] {
        assert_eq!(text, format!("{}: the model cannot be read: not a regular file", pipe.display()));
    }
    // /dev/zero has no end.
    assert!(load(Path::new("/dev/zero")).is_err());
}

#[test]
fn what_a_model_says_cannot_steer_a_terminal() {
    let mut graph = chain(&["Frob\u{1b}[2Jnicate"], DataType::FLOAT, &[1, 4]);
    graph.output[0].name = Some("out\nput".to_owned());
    let mut odd = model(graph);
    odd.producer_name = Some("evil\u{9b}2J".to_owned());
    let info = inspect_model(&file(&odd.write_buf().unwrap()).path).unwrap();
    assert_eq!(info.outputs[0].name, "output");
    assert_eq!(info.producer.as_deref(), Some("evil2J"));
    let shown = info.problems.concat() + &info.operators.into_keys().collect::<String>();
    assert!(shown.contains("Frob[2Jnicate") && !shown.contains(char::is_control), "{shown:?}");
}

#[test]
fn an_unknown_engine() {
    let text =
        load_model(Path::new("line3.onnx"), "tensorrt", &LoadOptions::default()).err().unwrap().to_string();
    assert_eq!(
        text,
        "there is no inference engine `tensorrt`; allowed are `auto`, `onnxruntime`, `openvino`, `litert`, `rten`, `wasm`"
    );
}

#[test]
fn all_operators_that_the_engine_lacks_are_named() {
    let mut graph = chain(&["Relu", "Frobnicate", "Sigmoid", "MelWeightMatrix"], DataType::FLOAT, &[1, 4]);
    graph.node[2].domain = Some("com.example".into());
    assert_eq!(
        refusal(graph),
        "the engine rten lacks the operator(s) `Frobnicate`, `MelWeightMatrix`, `com.example.Sigmoid`; export the \
         model without them or use another model"
    );
}

#[test]
fn operators_of_nested_graphs_count() {
    let mut outer = chain(&["Relu"], DataType::FLOAT, &[1, 4]);
    let body = chain(&["Frobnicate"], DataType::FLOAT, &[1, 4]);
    outer.node[0].attribute.push(AttributeProto {
        name: Some("body".into()),
        g: Some(body),
        r#type: Some(AttributeType::GRAPH),
        ..AttributeProto::default()
    });
    assert!(refusal(outer).contains("`Frobnicate`"));
}

/// A `ConvInteger` over u8 [1,2,4,4] with a 3x3 kernel of ones and zero point 100. (With one channel it would be
/// depthwise, which rten computes by other code.)
fn conv_integer(pads: &[i64]) -> GraphProto {
    let mut conv = node("ConvInteger", &["x", "w", "zp"], &["y"]);
    conv.attribute = vec![
        ints("pads", pads),
        ints("kernel_shape", &[3, 3]),
        ints("strides", &[1, 1]),
        ints("dilations", &[1, 1]),
    ];
    GraphProto {
        node: vec![conv],
        initializer: vec![
            weights("w", DataType::UINT8, &[1, 2, 3, 3], vec![1; 18]),
            weights("zp", DataType::UINT8, &[], vec![100]),
        ],
        input: vec![value("x", DataType::UINT8, Some(&[1, 2, 4, 4]))],
        output: vec![value("y", DataType::INT32, Some(&[1, 1, -1, -1]))],
        ..GraphProto::default()
    }
}

#[test]
fn a_padded_integer_convolution_is_refused_and_an_unpadded_one_is_right() {
    assert_eq!(
        refusal(conv_integer(&[1, 1, 1, 1])),
        "the engine rten computes ConvInteger with padding wrongly (1 node(s), the first is `ConvInteger_0`); use the \
         float model, or quantise it statically in the QDQ format"
    );
    let model = load_graph(conv_integer(&[0, 0, 0, 0])).unwrap();
    let (mut bytes, shape) = ([0u8; 16], [1, 2, 4, 4]);
    let input = [101u8; 32];
    let view = TensorView { dtype: DType::U8, shape: &shape, data: &input };
    let mut outputs = [OutputBuf { data: &mut bytes, dtype: DType::U8, shape: vec![], len: 0 }];
    model.session().unwrap().run(&[view], &mut outputs).unwrap();
    assert_eq!(
        (outputs[0].dtype, &outputs[0].shape[..], outputs[0].len),
        (DType::I32, &[1, 1, 2, 2][..], 16)
    );
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, i32>(&bytes), [18; 4]);
}

/// Keeps watch over the reason for the refusal above: when this fails, rten has been repaired and the refusal can go.
/// A 3x3 kernel of ones over pixels that all equal the zero point gives 0 everywhere, also at the border.
#[test]
fn rten_still_pads_integer_convolutions_wrongly() {
    use rten_tensor::{Tensor, prelude::*};
    let bytes = model(conv_integer(&[1, 1, 1, 1])).write_buf().unwrap();
    let input = Tensor::from_data(&[1, 2, 4, 4], vec![100u8; 32]);
    let output = rten::Model::load(bytes).unwrap().run_one(input.view().into(), None).unwrap();
    let output: Tensor<i32> = output.try_into().unwrap();
    assert!(output.iter().any(|&sum| sum != 0));
}

#[test]
fn non_max_suppression_is_refused() {
    let graph = GraphProto {
        node: vec![node("NonMaxSuppression", &["boxes", "scores"], &["y"])],
        input: vec![
            value("boxes", DataType::FLOAT, Some(&[1, 8, 4])),
            value("scores", DataType::FLOAT, Some(&[1, 2, 8])),
        ],
        output: vec![value("y", DataType::INT64, Some(&[-1, 3]))],
        ..GraphProto::default()
    };
    assert_eq!(
        refusal(graph),
        "the engine rten computes NonMaxSuppression wrongly; export the model without it, the detect module does that \
         step"
    );
}

#[test]
fn weights_in_another_file_are_refused() {
    let mut graph = chain(&["Relu"], DataType::FLOAT, &[1, 4]);
    let location =
        StringStringEntryProto { key: Some("location".into()), value: Some("../../etc/passwd".into()) };
    graph.initializer.push(TensorProto {
        name: Some("conv1.weight".into()),
        data_type: Some(DataType::FLOAT),
        dims: vec![4],
        external_data: vec![location],
        data_location: Some(DataLocation::EXTERNAL),
        ..TensorProto::default()
    });
    assert_eq!(
        refusal(graph),
        "1 of its weights (the first is `conv1.weight`) are stored in another file; save the model as one file (in \
         Python: onnx.save(model, path, save_as_external_data=False))"
    );
}

#[test]
fn types_and_shapes_that_modules_cannot_be_given() {
    assert_eq!(
        refusal(chain(&["Not"], DataType::BOOL, &[1, 4])),
        "it has inputs or outputs of type bool; modules can be given f32, f16, u8, i8, i32 and i64"
    );
    let mut shapeless = chain(&["Relu"], DataType::FLOAT, &[1, 4]);
    shapeless.input = vec![value("x", DataType::FLOAT, None)];
    assert_eq!(
        refusal(shapeless),
        "its input `x` has no shape in the file; export the model with the shapes of its inputs"
    );
}

#[test]
fn all_reasons_are_given_at_once_and_inspection_still_works() {
    let mut graph = chain(&["Frobnicate", "NonMaxSuppression"], DataType::FLOAT, &[1, 4]);
    graph.input.push(value("weight", DataType::FLOAT, Some(&[4])));
    graph.initializer.push(weights("weight", DataType::FLOAT, &[4], vec![0; 16]));
    let bytes = model(graph).write_buf().unwrap();
    let text = sentence(&bytes);
    assert!(text.contains("lacks") && text.contains("; also, the engine rten computes NonMax"), "{text}");
    let info = inspect_model(&file(&bytes).path).unwrap();
    assert_eq!(info.problems.len(), 2);
    assert_eq!(info.inputs.len(), 1, "the weight is not an input");
    assert_eq!(
        info.operators.into_iter().collect::<Vec<_>>(),
        [("Frobnicate".to_owned(), 1), ("NonMaxSuppression".to_owned(), 1)]
    );
    assert_eq!((info.name.as_str(), info.producer.as_deref()), ("line3", Some("edgevision-test")));
}

/// Runs a model with one input and one output; gives type, shape and bytes.
fn run(
    model: &Arc<dyn Model>,
    dtype: DType,
    shape: &[usize],
    data: &[u8],
) -> Result<(DType, Vec<usize>, Vec<u8>), NnError> {
    let mut room = vec![0; 256];
    let mut outputs = [OutputBuf { data: &mut room, dtype: DType::U8, shape: vec![], len: 0 }];
    model.clone().session()?.run(&[TensorView { dtype, shape, data }], &mut outputs)?;
    let (dtype, shape, len) = (outputs[0].dtype, outputs[0].shape.clone(), outputs[0].len);
    room.truncate(len);
    Ok((dtype, shape, room))
}

#[test]
fn unknown_dimensions_take_any_size() {
    let model = load_graph(chain(&["Relu"], DataType::FLOAT, &[-1, 2])).unwrap();
    assert_eq!(model.inputs()[0].to_string(), "x f32[?,2]");
    for rows in [1, 3] {
        let input = vec![-1.0f32; rows * 2];
        let (dtype, shape, bytes) =
            run(&model, DType::F32, &[rows, 2], bytemuck::cast_slice(&input)).unwrap();
        assert_eq!((dtype, shape, bytes.len()), (DType::F32, vec![rows, 2], rows * 8));
        assert!(bytes.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn results_that_are_not_in_row_order_are_put_in_order() {
    let mut graph = chain(&["Transpose"], DataType::FLOAT, &[2, 3]);
    graph.output = vec![value("y", DataType::FLOAT, Some(&[3, 2]))];
    let model = load_graph(graph).unwrap();
    let input = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let (_, shape, bytes) = run(&model, DType::F32, &[2, 3], bytemuck::cast_slice(&input)).unwrap();
    assert_eq!(shape, [3, 2]);
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, f32>(&bytes), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
}

#[test]
fn integers_of_64_bits_go_in_and_out_as_far_as_32_bits_hold_them() {
    let model = load_graph(chain(&["Neg"], DataType::INT64, &[2])).unwrap();
    assert_eq!(model.inputs()[0].dtype, DType::I64);
    let (dtype, _, bytes) = run(&model, DType::I64, &[2], bytemuck::cast_slice(&[7i64, -9])).unwrap();
    assert_eq!((dtype, bytemuck::pod_collect_to_vec::<u8, i64>(&bytes)), (DType::I64, vec![-7, 9]));
    let refused = run(&model, DType::I64, &[2], bytemuck::cast_slice(&[7i64, 1 << 40])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the engine rten holds 64-bit integers in 32 bits; an element is out of range"
    );
}

#[test]
fn small_integers_go_in_place() {
    for (dtype, onnx) in
        [(DType::I8, DataType::INT8), (DType::U8, DataType::UINT8), (DType::I32, DataType::INT32)]
    {
        let model = load_graph(chain(&["Identity"], onnx, &[4])).unwrap();
        let words = [5i32, -6, 7, 8];
        let input = &bytemuck::cast_slice::<i32, u8>(&words)[..4 * dtype.size()];
        assert_eq!(run(&model, dtype, &[4], input).unwrap(), (dtype, vec![4], input.to_vec()));
    }
}

/// What the engine finds only while it runs is an error of that run, with the model's name.
#[test]
fn a_run_that_fails_says_which_model() {
    let graph = GraphProto {
        node: vec![node("Reshape", &["x", "shape"], &["y"])],
        initializer: vec![weights("shape", DataType::INT64, &[1], 5i64.to_le_bytes().to_vec())],
        input: vec![value("x", DataType::FLOAT, Some(&[-1]))],
        output: vec![value("y", DataType::FLOAT, Some(&[-1]))],
        ..GraphProto::default()
    };
    let model = load_graph(graph).unwrap();
    let failed = run(&model, DType::F32, &[4], bytemuck::cast_slice(&[0f32; 4])).unwrap_err();
    assert!(matches!(failed, NnError::Engine(_) | NnError::Input(_)), "{failed:?}");
    assert!(failed.to_string().starts_with("the engine rten failed on model line3: "), "{failed}");
}

/// OpenVINO's IR, whole, for an input of 7 floats.
const IR: &str = r#"<net name="m" version="11"><layers><layer id="0" name="x" type="Parameter" version="opset1"><data shape="7" element_type="f32"/><output><port id="0" precision="FP32" names="x"><dim>7</dim></port></output></layer><layer id="1" name="y" type="Result" version="opset1"><input><port id="0" precision="FP32"><dim>7</dim></port></input></layer></layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>"#;

/// OpenVINO tells by itself what a file is. A text in an ONNX file (the producer's name, field 2) could be another
/// model, which nobody has looked at.
#[test]
fn an_onnx_file_is_not_run_as_another_model_that_is_in_it() {
    if !common::engines::engine("openvino") {
        return;
    }
    let good =
        common::onnx::model(common::onnx::chain(&["Relu"], DataType::FLOAT, &[4])).write_buf().unwrap();
    let len = IR.len();
    let field = [0x12, u8::try_from(len & 0x7f).unwrap() | 0x80, u8::try_from(len >> 7).unwrap()];
    let file = common::onnx::file(&[&field[..], IR.as_bytes(), &good].concat());
    let refused = load_model(&file.path, "openvino", &LoadOptions::default()).err().unwrap().to_string();
    assert!(
        refused.ends_with("the file is OpenVINO IR inside of another format; export the model again"),
        "{refused}"
    );
}
