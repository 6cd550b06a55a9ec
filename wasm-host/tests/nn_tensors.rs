//! Types, shapes, inputs and outputs on every engine, with small models whose results are computed by hand.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::sync::Arc;

use common::{
    on_every_engine,
    onnx::{chain, floats, int, ints, load, node, scalar, value, weights},
    tensors::{Tensor, run, run_session},
};
use edgevision_wasm_host::nn::{DType, Model, NnError, OutputBuf, TensorView};
use rten_onnx::onnx::{AttributeProto, DataType, GraphProto, NodeProto};

on_every_engine! {
    floats_of_32_bits: computes_floats;
    floats_of_16_bits: computes_half_floats;
    bytes_u8: hands_on(DType::U8, DataType::UINT8);
    bytes_i8: hands_on(DType::I8, DataType::INT8);
    integers_i32: computes_integers(DType::I32, DataType::INT32);
    integers_i64: computes_integers(DType::I64, DataType::INT64);
    several_inputs_and_outputs: adds_and_multiplies;
    fewer_outputs_than_there_are: gives_fewer_outputs;
    by_name: finds_tensors_by_name;
    dynamic_batch: takes_any_batch;
    nothing_at_all: takes_a_batch_of_none;
    one_unknown_output_of_two: mixes_known_and_unknown;
    an_output_without_dimensions: gives_a_scalar;
    an_input_handed_on: hands_on_inputs_and_weights;
    weights_listed_as_inputs: does_not_count_weights;
    shapes_that_a_file_promises_and_does_not_keep: survives_broken_promises;
    a_run_that_fails_leaves_the_session_usable: recovers;
    the_output_of_the_run_before_is_left_alone: writes_only_where_it_is_told;
    quantised_qdq: computes_qdq;
    quantised_qlinearconv: computes_qlinearconv;
    quantised_matmulinteger: computes_matmulinteger;
    quantised_convinteger_without_padding: computes_convinteger;
    quantised_convinteger_with_padding: computes_or_refuses_padded_convinteger;
    quantised_signed_activations: computes_or_refuses_signed_activations;
}

/// The one output of a model with one input.
fn one(model: &Arc<dyn Model>, input: Tensor) -> Tensor {
    run(model, &[input]).unwrap().remove(0)
}

fn half(bits: &[u16]) -> Vec<u8> {
    bytemuck::cast_slice(bits).to_vec()
}

fn computes_floats(engine: &str) {
    let model = load(chain(&["Relu", "Neg"], DataType::FLOAT, &[1, 4]), engine).unwrap();
    let result = one(&model, Tensor::f32(&[1, 4], &[-1.0, 2.5, 0.0, 1e-30]));
    assert_eq!(result, Tensor::f32(&[1, 4], &[-0.0, -2.5, -0.0, -1e-30]));
}

/// 16-bit floats: 0x3c00 is 1, 0x4000 is 2, 0xc200 is -3, 0x3800 is 0.5.
fn computes_half_floats(engine: &str) {
    let mut graph = chain(&["Relu", "Neg"], DataType::FLOAT16, &[1, 4]);
    graph.node.push(node("Mul", &["y", "two"], &["z"]));
    graph.initializer.push(weights("two", DataType::FLOAT16, &[], half(&[0x4000])));
    graph.output = vec![value("z", DataType::FLOAT16, Some(&[1, 4]))];
    let model = load(graph, engine).unwrap();
    assert_eq!((model.inputs()[0].dtype, model.outputs()[0].dtype), (DType::F16, DType::F16));
    let result = one(&model, Tensor::new(DType::F16, &[1, 4], &half(&[0x3c00, 0xc200, 0x3800, 0x4000])));
    let expected = half(&[0xc000, 0x8000, 0xbc00, 0xc400]);
    assert_eq!((result.dtype, &result.shape[..]), (DType::F16, &[1, 4][..]));
    let zero = |bits: u16| if bits == 0x8000 { 0 } else { bits };
    let bits = |bytes: &[u8]| {
        bytemuck::pod_collect_to_vec::<u8, u16>(bytes).into_iter().map(zero).collect::<Vec<_>>()
    };
    assert_eq!(bits(result.data.bytes()), bits(&expected));
}

fn hands_on(engine: &str, dtype: DType, onnx: DataType) {
    let mut graph = chain(&["Reshape"], onnx, &[2, 3]);
    graph.node[0].input.push("shape".into());
    graph.initializer.push(weights("shape", DataType::INT64, &[1], 6i64.to_le_bytes().to_vec()));
    graph.output = vec![value("y", onnx, Some(&[6]))];
    let model = load(graph, engine).unwrap();
    let bytes = [0, 1, 127, 128, 200, 255];
    let result = one(&model, Tensor::new(dtype, &[2, 3], &bytes));
    assert_eq!(result, Tensor::new(dtype, &[6], &bytes));
}

fn computes_integers(engine: &str, dtype: DType, onnx: DataType) {
    let model = load(chain(&["Neg"], onnx, &[3]), engine).unwrap();
    assert_eq!((model.inputs()[0].dtype, model.outputs()[0].dtype), (dtype, dtype));
    let (input, expected) = ([7i64, -9, i64::from(i32::MAX)], [-7i64, 9, -i64::from(i32::MAX)]);
    let tensor = |values: [i64; 3]| match dtype {
        DType::I32 => Tensor::of(dtype, &[3], &values.map(|value| i32::try_from(value).unwrap())),
        _ => Tensor::of(dtype, &[3], &values),
    };
    assert_eq!(one(&model, tensor(input)), tensor(expected));
}

/// sum = a + b, product = a * b, difference = a - b.
fn arithmetic(shape: &[i64]) -> GraphProto {
    GraphProto {
        node: vec![
            node("Add", &["a", "b"], &["sum"]),
            node("Mul", &["a", "b"], &["product"]),
            node("Sub", &["a", "b"], &["difference"]),
        ],
        input: ["a", "b"].map(|name| value(name, DataType::FLOAT, Some(shape))).to_vec(),
        output: ["sum", "product", "difference"]
            .map(|name| value(name, DataType::FLOAT, Some(shape)))
            .to_vec(),
        ..GraphProto::default()
    }
}

fn a_and_b() -> [Tensor; 2] {
    [Tensor::f32(&[2], &[3.0, 5.0]), Tensor::f32(&[2], &[2.0, -1.0])]
}

fn adds_and_multiplies(engine: &str) {
    let model = load(arithmetic(&[2]), engine).unwrap();
    let results = run(&model, &a_and_b()).unwrap();
    let expected = [[5.0, 4.0], [6.0, -5.0], [1.0, 6.0]].map(|values| Tensor::f32(&[2], &values));
    assert_eq!(results, expected);
}

/// The same session gives 3, then 1, then 3 outputs.
fn gives_fewer_outputs(engine: &str) {
    let model = load(arithmetic(&[2]), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    for wanted in [3, 1, 3, 2] {
        let results = run_session(&mut *session, &*model, &a_and_b(), wanted).unwrap();
        assert_eq!(results.len(), wanted);
        assert_eq!(results[0], Tensor::f32(&[2], &[5.0, 4.0]));
    }
    let four = run_session_with_one_more(&mut *session, &*model);
    assert_eq!(four.to_string(), "the model has 3 output(s), but 4 were asked for");
}

fn run_session_with_one_more(
    session: &mut dyn edgevision_wasm_host::nn::Session,
    model: &dyn Model,
) -> NnError {
    let mut rooms = vec![[0u8; 8]; model.outputs().len() + 1];
    let mut outputs: Vec<_> =
        rooms.iter_mut().map(|data| OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 }).collect();
    let inputs = a_and_b();
    session.run(&inputs.each_ref().map(Tensor::view), &mut outputs).unwrap_err()
}

fn finds_tensors_by_name(engine: &str) {
    let model = load(arithmetic(&[2]), engine).unwrap();
    assert_eq!((model.input_index("a"), model.input_index("b")), (Some(0), Some(1)));
    assert_eq!((model.output_index("difference"), model.output_index("sum")), (Some(2), Some(0)));
    assert_eq!((model.output_index("a"), model.input_index("")), (None, None));
}

fn takes_any_batch(engine: &str) {
    let model = load(arithmetic(&[-1, 2]), engine).unwrap();
    assert_eq!(model.inputs()[0].shape, [None, Some(2)]);
    let mut session = model.clone().session().unwrap();
    for rows in [1, 3, 2, 2] {
        let input = |factor: f32| {
            let values: Vec<f32> =
                (1..=rows * 2).map(|at| f32::from(u8::try_from(at).unwrap()) * factor).collect();
            Tensor::f32(&[rows, 2], &values)
        };
        let results = run_session(&mut *session, &*model, &[input(1.0), input(2.0)], 3).unwrap();
        assert_eq!(results[0], input(3.0));
        assert_eq!(results[2], input(-1.0));
    }
}

/// A batch of none gives none, and the session goes on.
fn takes_a_batch_of_none(engine: &str) {
    let model = load(arithmetic(&[-1, 2]), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    let none = Tensor::f32(&[0, 2], &[]);
    let nowhere = TensorView { dtype: DType::F32, shape: &[0, 2], data: &[] };
    let results = run_session(&mut *session, &*model, &[none.clone(), none.clone()], 3).unwrap();
    assert_eq!(results, [none.clone(), none.clone(), none.clone()]);
    let mut outputs = [OutputBuf { data: &mut [], dtype: DType::U8, shape: vec![], len: 9 }];
    session.run(&[nowhere, nowhere], &mut outputs).unwrap();
    assert_eq!((outputs[0].len, &outputs[0].shape[..], outputs[0].dtype), (0, &[0, 2][..], DType::F32));
    let row = Tensor::f32(&[1, 2], &[1.0, 2.0]);
    let results = run_session(&mut *session, &*model, &[row.clone(), row], 1).unwrap();
    assert_eq!(results, [Tensor::f32(&[1, 2], &[2.0, 4.0])]);
}

/// `places` has as many columns as `x` has values other than zero; `negative` has the shape of `x`.
fn places_and_negative() -> GraphProto {
    GraphProto {
        node: vec![node("NonZero", &["x"], &["places"]), node("Neg", &["x"], &["negative"])],
        input: vec![value("x", DataType::FLOAT, Some(&[4]))],
        output: vec![
            value("places", DataType::INT64, Some(&[1, -1])),
            value("negative", DataType::FLOAT, Some(&[4])),
        ],
        ..GraphProto::default()
    }
}

fn mixes_known_and_unknown(engine: &str) {
    let model = load(places_and_negative(), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    for (input, places) in
        [([1.0, 0.0, 0.0, 2.0], vec![0i64, 3]), ([0.0; 4], vec![]), ([1.0; 4], vec![0, 1, 2, 3])]
    {
        let results = run_session(&mut *session, &*model, &[Tensor::f32(&[4], &input)], 2).unwrap();
        assert_eq!(results[0], Tensor::of(DType::I64, &[1, places.len()], &places));
        assert_eq!(results[1].floats(), input.map(|value| -value));
    }
    let x = Tensor::f32(&[4], &[1.0; 4]);
    let (mut places, mut negative) = ([0u8; 24], [0u8; 16]);
    let mut outputs = [&mut places[..], &mut negative[..]].map(|data| OutputBuf {
        data,
        dtype: DType::U8,
        shape: vec![],
        len: 0,
    });
    let small = session.run(&[x.view()], &mut outputs).unwrap_err();
    assert!(matches!(small, NnError::OutputTooSmall { index: 0, needed: 32, capacity: 24 }), "{small}");
    assert_eq!((outputs[0].len, &outputs[0].shape[..]), (32, &[1, 4][..]));
    let mut room = [0u8; 32];
    let mut no_room =
        [&mut room[..], &mut []].map(|data| OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 });
    let small = session.run(&[x.view()], &mut no_room).unwrap_err();
    assert!(matches!(small, NnError::OutputTooSmall { index: 1, needed: 16, capacity: 0 }), "{small}");
}

fn gives_a_scalar(engine: &str) {
    let mut graph = chain(&["ReduceSum"], DataType::FLOAT, &[3]);
    graph.node[0].attribute.push(int("keepdims", 0));
    graph.output = vec![value("y", DataType::FLOAT, Some(&[]))];
    let model = load(graph, engine).unwrap();
    assert_eq!(one(&model, Tensor::f32(&[3], &[1.0, 2.0, 4.0])), Tensor::f32(&[], &[7.0]));
}

/// Outputs that nothing computes: the input itself, a copy of it, and a weight.
fn hands_on_inputs_and_weights(engine: &str) {
    let model = load(
        GraphProto {
            node: vec![node("Identity", &["x"], &["copy"]), node("Neg", &["x"], &["y"])],
            initializer: vec![floats("w", &[2], &[0.5, 0.25])],
            input: vec![value("x", DataType::FLOAT, Some(&[2]))],
            output: ["x", "copy", "w", "y"].map(|name| value(name, DataType::FLOAT, Some(&[2]))).to_vec(),
            ..GraphProto::default()
        },
        engine,
    );
    let model = model.unwrap();
    let mut session = model.clone().session().unwrap();
    for input in [[1.0, 2.0], [3.0, 4.0]] {
        let results = run_session(&mut *session, &*model, &[Tensor::f32(&[2], &input)], 4).unwrap();
        let results: Vec<_> = results.iter().map(Tensor::floats).collect();
        assert_eq!(results, [input.to_vec(), input.to_vec(), vec![0.5, 0.25], input.map(|v| -v).to_vec()]);
    }
}

fn does_not_count_weights(engine: &str) {
    let mut graph = chain(&["Add"], DataType::FLOAT, &[2]);
    graph.node[0].input.push("w".into());
    graph.initializer.push(floats("w", &[2], &[10.0, 20.0]));
    graph.input.insert(0, value("w", DataType::FLOAT, Some(&[2])));
    let model = load(graph, engine).unwrap();
    assert_eq!(model.inputs().len(), 1);
    assert_eq!(model.inputs()[0].name, "x");
    assert_eq!(one(&model, Tensor::f32(&[2], &[1.0, 2.0])).floats(), [11.0, 22.0]);
}

/// The file says `y` has 2 values, the graph computes 3. Refused at load, refused in the run, or right: but never
/// written beyond its room.
fn survives_broken_promises(engine: &str) {
    let mut graph = chain(&["Reshape"], DataType::FLOAT, &[3]);
    graph.node[0].input.push("shape".into());
    graph.input.push(value("shape", DataType::INT64, Some(&[1])));
    graph.output = vec![value("y", DataType::FLOAT, Some(&[2]))];
    let model = match load(graph, engine) {
        Ok(model) => model,
        Err(refused) => return println!("{engine} refuses: {refused}"),
    };
    let (x, shape) = (Tensor::f32(&[3], &[1.0, 2.0, 3.0]), Tensor::of(DType::I64, &[1], &[3i64]));
    let mut room = [9.0f32; 8];
    let mut session = model.session().unwrap();
    for len in [2, 3] {
        let data: &mut [u8] = bytemuck::cast_slice_mut(&mut room[..len]);
        let mut outputs = [OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 }];
        match session.run(&[x.view(), shape.view()], &mut outputs) {
            Ok(()) => assert_eq!((&outputs[0].shape[..], &room[..3]), (&[3][..], &[1.0, 2.0, 3.0][..])),
            Err(error) => println!("{engine}: {error}"),
        }
        assert_eq!(room[len..], [9.0; 8][len..]);
    }
}

/// Vectors of different lengths cannot be added, which shows only while the model runs; with equal ones the same
/// session then succeeds.
fn recovers(engine: &str) {
    let graph = GraphProto {
        node: vec![node("Neg", &["c"], &["negative"]), node("Add", &["a", "b"], &["sum"])],
        input: vec![
            value("a", DataType::FLOAT, Some(&[-1])),
            value("b", DataType::FLOAT, Some(&[-1])),
            value("c", DataType::FLOAT, Some(&[3])),
        ],
        output: vec![
            value("negative", DataType::FLOAT, Some(&[3])),
            value("sum", DataType::FLOAT, Some(&[-1])),
        ],
        ..GraphProto::default()
    };
    let model = load(graph, engine).unwrap();
    let mut session = model.clone().session().unwrap();
    let c = Tensor::f32(&[3], &[1.0, 2.0, 3.0]);
    let inputs = |b: &[f32]| [Tensor::f32(&[4], &[1.0; 4]), Tensor::f32(&[b.len()], b), c.clone()];
    for _ in 0..3 {
        let failed = run_session(&mut *session, &*model, &inputs(&[1.0; 3]), 2).unwrap_err();
        let sentence = failed.to_string();
        println!("{sentence}");
        assert!(sentence.starts_with(&format!("the engine {engine} failed")), "{sentence}");
        assert_clean(&sentence);
        let results = run_session(&mut *session, &*model, &inputs(&[2.0; 4]), 2).unwrap();
        assert_eq!((results[0].floats(), results[1].floats()), (vec![-1.0, -2.0, -3.0], vec![3.0; 4]));
    }
}

/// One line, without the places in the engine's sources.
fn assert_clean(sentence: &str) {
    let dirty = ["\n", "/src/", ".cc:", ".cpp:", ".hpp:", ".h:", "onnxruntime_src", "/home/"];
    assert!(!dirty.iter().any(|part| sentence.contains(part)), "{sentence}");
}

/// What a run wrote stays as it is when the next run writes elsewhere, or fewer outputs, or fails.
fn writes_only_where_it_is_told(engine: &str) {
    let model = load(arithmetic(&[2]), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    let mut rooms = [[0.0f32; 2]; 3];
    let mut outputs = rooms.each_mut().map(|room| OutputBuf {
        data: bytemuck::cast_slice_mut(room),
        dtype: DType::U8,
        shape: vec![],
        len: 0,
    });
    let inputs = a_and_b();
    session.run(&inputs.each_ref().map(Tensor::view), &mut outputs).unwrap();
    let first = rooms;
    assert_eq!(first, [[5.0, 4.0], [6.0, -5.0], [1.0, 6.0]]);
    let others = [Tensor::f32(&[2], &[100.0, 100.0]), Tensor::f32(&[2], &[7.0, 7.0])];
    run_session(&mut *session, &*model, &others, 1).unwrap();
    run_session(&mut *session, &*model, &others, 3).unwrap();
    run_session(&mut *session, &*model, &others[..1], 3).unwrap_err();
    run_session(&mut *session, &*model, &others, 2).unwrap();
    assert_eq!(rooms, first);
}

/// QuantizeLinear(0.5, 10) then DequantizeLinear: x is rounded to steps of 0.5 (half to even) and cut to -5..122.5.
fn computes_qdq(engine: &str) {
    let graph = GraphProto {
        node: vec![
            node("QuantizeLinear", &["x", "scale", "zero"], &["q"]),
            node("DequantizeLinear", &["q", "scale", "zero"], &["d"]),
            node("Add", &["d", "one"], &["y"]),
        ],
        initializer: vec![
            scalar("scale", 0.5),
            weights("zero", DataType::UINT8, &[], vec![10]),
            scalar("one", 1.0),
        ],
        input: vec![value("x", DataType::FLOAT, Some(&[6]))],
        output: vec![value("y", DataType::FLOAT, Some(&[6]))],
        ..GraphProto::default()
    };
    let model = load(graph, engine).unwrap();
    let result = one(&model, Tensor::f32(&[6], &[0.0, 0.6, -0.9, -100.0, 1000.0, 3.25]));
    assert_eq!(result.floats(), [1.0, 1.5, 0.0, -4.0, 123.5, 4.0]);
}

fn conv_attributes(pads: &[i64]) -> Vec<AttributeProto> {
    vec![
        ints("pads", pads),
        ints("kernel_shape", &[3, 3]),
        ints("strides", &[1, 1]),
        ints("dilations", &[1, 1]),
    ]
}

/// Scale 0.5 and zero point 100 on u8 input, weights s8 ones of scale 0.25, output scale 1 and zero point 3; padded.
/// All pixels 104 are 2.0, so each product is 0.5: 9 x 2 channels inside, 6 x 2 at edges, 4 x 2 in corners.
fn computes_qlinearconv(engine: &str) {
    let inputs = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"];
    let mut conv = node("QLinearConv", &inputs, &["y"]);
    conv.attribute = conv_attributes(&[1, 1, 1, 1]);
    let graph = GraphProto {
        node: vec![conv],
        initializer: vec![
            scalar("x_scale", 0.5),
            weights("x_zero", DataType::UINT8, &[], vec![100]),
            weights("w", DataType::INT8, &[1, 2, 3, 3], vec![1; 18]),
            scalar("w_scale", 0.25),
            weights("w_zero", DataType::INT8, &[], vec![0]),
            scalar("y_scale", 1.0),
            weights("y_zero", DataType::UINT8, &[], vec![3]),
        ],
        input: vec![value("x", DataType::UINT8, Some(&[1, 2, 3, 3]))],
        output: vec![value("y", DataType::UINT8, Some(&[1, 1, 3, 3]))],
        ..GraphProto::default()
    };
    let model = match load(graph, engine) {
        Err(refused) if engine == "rten" => {
            assert!(refused.to_string().contains("lacks the operator(s) `QLinearConv`"), "{refused}");
            return;
        }
        loaded => loaded.unwrap(),
    };
    let result = one(&model, Tensor::new(DType::U8, &[1, 2, 3, 3], &[104; 18]));
    assert_eq!(result, Tensor::new(DType::U8, &[1, 1, 3, 3], &[7, 9, 7, 9, 12, 9, 7, 9, 7]));
}

/// (a - 10) x (b - 0), as 32-bit integers.
fn computes_matmulinteger(engine: &str) {
    let graph = GraphProto {
        node: vec![node("MatMulInteger", &["a", "b", "a_zero"], &["y"])],
        initializer: vec![
            weights("b", DataType::INT8, &[2, 2], vec![1, 2, 0xff, 3]),
            weights("a_zero", DataType::UINT8, &[], vec![10]),
        ],
        input: vec![value("a", DataType::UINT8, Some(&[2, 2]))],
        output: vec![value("y", DataType::INT32, Some(&[2, 2]))],
        ..GraphProto::default()
    };
    let model = load(graph, engine).unwrap();
    let result = one(&model, Tensor::new(DType::U8, &[2, 2], &[10, 11, 255, 0]));
    // [[0, 1], [245, -10]] x [[1, 2], [-1, 3]]
    assert_eq!(result, Tensor::of(DType::I32, &[2, 2], &[-1, 3, 255, 460]));
}

fn conv_integer(pads: &[i64], size: i64) -> GraphProto {
    let mut conv = node("ConvInteger", &["x", "w", "zero"], &["y"]);
    conv.attribute = conv_attributes(pads);
    GraphProto {
        node: vec![conv],
        initializer: vec![
            weights("w", DataType::UINT8, &[1, 2, 3, 3], vec![1; 18]),
            weights("zero", DataType::UINT8, &[], vec![100]),
        ],
        input: vec![value("x", DataType::UINT8, Some(&[1, 2, 4, 4]))],
        output: vec![value("y", DataType::INT32, Some(&[1, 1, size, size]))],
        ..GraphProto::default()
    }
}

fn computes_convinteger(engine: &str) {
    let model = load(conv_integer(&[0; 4], 2), engine).unwrap();
    let result = one(&model, Tensor::new(DType::U8, &[1, 2, 4, 4], &[101; 32]));
    assert_eq!(result, Tensor::of(DType::I32, &[1, 1, 2, 2], &[18; 4]));
}

/// Padding counts as the zero point: 2 channels x 4, 6 or 9 pixels of 1.
fn computes_or_refuses_padded_convinteger(engine: &str) {
    let model = match load(conv_integer(&[1; 4], 4), engine) {
        Err(refused) if engine == "rten" => {
            assert!(refused.to_string().contains("computes ConvInteger with padding wrongly"), "{refused}");
            return;
        }
        loaded => loaded.unwrap(),
    };
    let result = one(&model, Tensor::new(DType::U8, &[1, 2, 4, 4], &[101; 32]));
    let expected = [8, 12, 12, 8, 12, 18, 18, 12, 12, 18, 18, 12, 8, 12, 12, 8];
    assert_eq!(result, Tensor::of(DType::I32, &[1, 1, 4, 4], &expected));
}

/// x is quantised to signed integers (scale 1/64), and so are the weights of a convolution.
fn signed_conv() -> GraphProto {
    let mut conv = node("Conv", &["dx", "dw"], &["y"]);
    conv.attribute = conv_attributes(&[0; 4]);
    GraphProto {
        node: vec![
            node("QuantizeLinear", &["x", "x_scale", "zero"], &["qx"]),
            node("DequantizeLinear", &["qx", "x_scale", "zero"], &["dx"]),
            NodeProto {
                name: Some("weights".into()),
                ..node("DequantizeLinear", &["w", "w_scale", "zero"], &["dw"])
            },
            conv,
        ],
        initializer: vec![
            scalar("x_scale", 1.0 / 64.0),
            weights("zero", DataType::INT8, &[], vec![0]),
            weights("w", DataType::INT8, &[16, 16, 3, 3], (0..16 * 16 * 9).map(weight_bits).collect()),
            scalar("w_scale", 1.0 / 128.0),
        ],
        input: vec![value("x", DataType::FLOAT, Some(&[1, 16, 8, 8]))],
        output: vec![value("y", DataType::FLOAT, Some(&[1, 16, 6, 6]))],
        ..GraphProto::default()
    }
}

/// A weight as its byte, positive and negative in turn.
fn weight_bits(at: usize) -> u8 {
    at.to_le_bytes()[0] % 251
}

/// Against the sum computed here in 64-bit floats.
fn computes_or_refuses_signed_activations(engine: &str) {
    let model = match load(signed_conv(), engine) {
        Err(refused) if engine == "openvino" => {
            assert!(refused.to_string().contains("signed 8-bit activations"), "{refused}");
            return;
        }
        loaded => loaded.unwrap(),
    };
    let pixel = |at: usize| f32::from(i8::try_from((at * 37) % 255).unwrap_or(i8::MAX)) / 64.0;
    let x: Vec<f32> = (0..16 * 64).map(pixel).collect();
    let result = one(&model, Tensor::f32(&[1, 16, 8, 8], &x)).floats();
    let w = |at: usize| f64::from(weight_bits(at).cast_signed()) / 128.0;
    let at = |c: usize, y: usize, x_: usize| f64::from(x[c * 64 + y * 8 + x_]);
    for (index, &got) in result.iter().enumerate() {
        let (o, y, x_) = (index / 36, index / 6 % 6, index % 6);
        let taps = (0..16 * 9).map(|tap| (tap / 9, tap / 3 % 3, tap % 3));
        let sum: f64 =
            taps.map(|(c, ky, kx)| at(c, y + ky, x_ + kx) * w((o * 16 + c) * 9 + ky * 3 + kx)).sum();
        assert!(
            (f64::from(got) - sum).abs() <= 1e-3 * sum.abs().max(1.0),
            "{engine}: {index}: {got} for {sum}"
        );
    }
}
