//! The engine `litert` on small models whose results are computed by hand (`models/make.py` writes them).
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use common::engines::engine;
use edgevision_wasm_host::nn::{
    DType, LoadOptions, Model, NnError, OutputBuf, Precision, Quantization, Session, TensorInfo, TensorView,
    load_model, run_until,
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.tflite"))
}

/// `None` (and a message) when the engine is not there and not required.
fn load_with(name: &str, options: &LoadOptions) -> Option<Result<Arc<dyn Model>, String>> {
    engine("litert").then(|| load_model(&path(name), "litert", options).map_err(|error| error.to_string()))
}

fn load(name: &str) -> Option<Arc<dyn Model>> {
    load_with(name, &LoadOptions::default()).map(Result::unwrap)
}

/// Bytes at an address of a chosen alignment (64 plus `shift`), with room behind.
struct At {
    words: Vec<u64>,
    start: usize,
    len: usize,
}

impl At {
    fn new(len: usize, shift: usize) -> Self {
        let words = vec![0_u64; len / 8 + 32];
        let start = words.as_ptr().addr().next_multiple_of(64) - words.as_ptr().addr() + shift;
        Self { words, start, len }
    }
    fn of<T: bytemuck::NoUninit>(values: &[T], shift: usize) -> Self {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let mut at = Self::new(bytes.len(), shift);
        at.bytes_mut().copy_from_slice(bytes);
        at
    }
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[self.start..self.start + self.len]
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[self.start..self.start + self.len]
    }
}

/// Type, shape and bytes of an output.
type Answer = (DType, Vec<usize>, Vec<u8>);

/// Runs one inference; each output's type, shape and bytes.
fn run(
    session: &mut dyn Session,
    inputs: &[(DType, &[usize], &At)],
    rooms: &mut [At],
) -> Result<Vec<Answer>, NnError> {
    let views: Vec<TensorView<'_>> = inputs
        .iter()
        .map(|(dtype, shape, at)| TensorView { dtype: *dtype, shape, data: at.bytes() })
        .collect();
    let mut outputs: Vec<OutputBuf<'_>> = rooms
        .iter_mut()
        .map(|room| OutputBuf { data: room.bytes_mut(), dtype: DType::U8, shape: vec![], len: 0 })
        .collect();
    session.run(&views, &mut outputs)?;
    Ok(outputs.iter().map(|out| (out.dtype, out.shape.clone(), out.data[..out.len].to_vec())).collect())
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(bytes)
}

#[test]
fn several_inputs_and_outputs_under_the_names_of_the_signature() {
    let Some(model) = load("two_by_two") else { return };
    let names = |infos: &[edgevision_wasm_host::nn::TensorInfo]| -> Vec<String> {
        infos.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(model.inputs()), ["b f32[?,4]", "a f32[?,4]"]);
    assert_eq!(names(model.outputs()), ["sum f32[?,4]", "product f32[?,4]"]);
    let mut session = model.clone().session().unwrap();
    // In place and copied, in any mixture, one batch size after the other, in one session.
    for (batch, shifts) in
        [(1, [0, 0, 0, 0]), (3, [16, 0, 4, 0]), (3, [0, 8, 0, 32]), (2, [4, 4, 4, 4]), (1, [0; 4])]
    {
        let values = |from: f32| (0..batch * 4).map(|i| from + i as f32).collect::<Vec<f32>>();
        let (b, a) = (values(1.0), values(10.0));
        let (b_at, a_at) = (At::of(&b, shifts[0]), At::of(&a, shifts[1]));
        let shape = [batch, 4];
        let mut rooms = [At::new(batch * 16, shifts[2]), At::new(batch * 16 + 64, shifts[3])];
        let inputs = [(DType::F32, &shape[..], &b_at), (DType::F32, &shape[..], &a_at)];
        let outputs = run(&mut *session, &inputs, &mut rooms).unwrap();
        let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let product: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
        for (output, expected) in outputs.iter().zip([sum, product]) {
            assert_eq!((output.0, &output.1[..]), (DType::F32, &shape[..]), "batch {batch}");
            assert_eq!(floats(&output.2), expected, "batch {batch}, shifts {shifts:?}");
        }
    }
}

#[test]
fn fewer_outputs_may_be_asked_for_and_too_little_room_is_told() {
    let Some(model) = load("two_by_two") else { return };
    let mut session = model.session().unwrap();
    let (a, b) = (At::of(&[1_f32, 2.0, 3.0, 4.0], 0), At::of(&[5_f32, 6.0, 7.0, 8.0], 0));
    let inputs = [(DType::F32, &[1, 4][..], &a), (DType::F32, &[1, 4][..], &b)];
    let outputs = run(&mut *session, &inputs, &mut [At::new(16, 0)]).unwrap();
    assert_eq!(floats(&outputs[0].2), [6.0, 8.0, 10.0, 12.0]);
    let refused = run(&mut *session, &inputs, &mut [At::new(15, 0), At::new(16, 0)]);
    assert!(
        matches!(refused, Err(NnError::OutputTooSmall { index: 0, needed: 16, capacity: 15 })),
        "{refused:?}"
    );
    let wrong = run(&mut *session, &[inputs[0], (DType::F32, &[4, 1][..], &b)], &mut [At::new(16, 0)]);
    assert!(matches!(wrong, Err(NnError::Input(_))), "{wrong:?}");
}

#[test]
fn quantised_numbers_go_in_and_out_as_they_are_and_their_meaning_is_told() {
    let Some(model) = load("quantised") else { return };
    let meaning = |scale, zero_point| Some(Quantization { scale, zero_point });
    assert_eq!(model.input_quantization(0), meaning(0.5, 128));
    assert_eq!(model.input_quantization(1), meaning(0.25, -3));
    assert_eq!(model.output_quantization(0), meaning(1.0, 10));
    assert_eq!(model.output_quantization(1), meaning(0.5, 1));
    assert_eq!(model.output_quantization(2), None);
    let (x, s) = (At::of(&[128_u8, 130, 148, 126], 0), At::of(&[-3_i8, 1, 5, -7], 0));
    let inputs = [(DType::U8, &[1, 2, 2, 1][..], &x), (DType::I8, &[1, 4][..], &s)];
    let outputs = run(&mut *model.session().unwrap(), &inputs, &mut [At::new(4, 0), At::new(4, 0)]).unwrap();
    // y = 2x: (0, 1, 10, -1) becomes (0, 2, 20, -2), written with scale 1 and zero point 10.
    assert_eq!(outputs[0], (DType::U8, vec![1, 2, 2, 1], vec![10, 12, 30, 8]));
    // t = 2s: (0, 1, 2, -1) becomes (0, 2, 4, -2), written with scale 0.5 and zero point 1.
    let t: Vec<i8> = bytemuck::pod_collect_to_vec(&outputs[1].2);
    assert_eq!((outputs[1].0, t), (DType::I8, vec![1, 5, 9, -3]));
}

#[test]
fn every_type_goes_in_and_out() {
    let Some(model) = load("types") else { return };
    // 1, -2 and 0.5 in half precision.
    let halves = [0x3c00_u16, 0xc000, 0x3800];
    let (f16, f32s) = (At::of(&halves, 0), At::of(&[1_f32, -2.0, 0.5], 0));
    let (i64s, i32s) = (At::of(&[7_i64, -8, 1 << 30], 0), At::of(&[i32::MIN, 0, i32::MAX], 0));
    let shape = &[3][..];
    let inputs = [
        (DType::F16, shape, &f16),
        (DType::F32, shape, &f32s),
        (DType::I64, shape, &i64s),
        (DType::I32, shape, &i32s),
    ];
    let mut rooms = [12, 6, 12, 24].map(|len| At::new(len, 0));
    let outputs = run(&mut *model.session().unwrap(), &inputs, &mut rooms).unwrap();
    let types: Vec<DType> = outputs.iter().map(|output| output.0).collect();
    assert_eq!(types, [DType::F32, DType::F16, DType::I32, DType::I64]);
    assert_eq!(floats(&outputs[0].2), [1.0, -2.0, 0.5]);
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, u16>(&outputs[1].2), halves);
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, i32>(&outputs[2].2), [7, -8, 1 << 30]);
    assert_eq!(
        bytemuck::pod_collect_to_vec::<u8, i64>(&outputs[3].2),
        [i64::from(i32::MIN), 0, i64::from(i32::MAX)]
    );
}

#[test]
fn sessions_run_side_by_side_with_any_number_of_threads() {
    for threads in [1, 3] {
        let options = LoadOptions { threads, ..LoadOptions::default() };
        let Some(model) = load_with("convolution", &options) else { return };
        let model = model.unwrap();
        std::thread::scope(|scope| {
            for worker in 0..4_u8 {
                let model = model.clone();
                scope.spawn(move || {
                    let mut session = model.session().unwrap();
                    for round in 0..50_u8 {
                        let value = f32::from(worker) * 100.0 + f32::from(round);
                        let image = At::of(&[value; 16], 0);
                        let inputs = [(DType::F32, &[1, 4, 4, 1][..], &image)];
                        let mean = run(&mut *session, &inputs, &mut [At::new(64, 0)]).unwrap();
                        let mean = floats(&mean[0].2);
                        // The padding is 0: 4, 6 and 9 of 9 values count in corners, edges and the middle.
                        for (at, share) in [(0, 4.0), (1, 6.0), (5, 9.0), (10, 9.0), (15, 4.0)] {
                            let expected = 1.0 + value * share / 9.0;
                            assert!((mean[at] - expected).abs() < 1e-3, "{at}: {} for {expected}", mean[at]);
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn constant_outputs_are_delivered() {
    let Some(model) = load("constant_output") else { return };
    let mut session = model.session().unwrap();
    for shift in [0, 4] {
        let x = At::of(&[1_f32, 2.0], shift);
        let inputs = [(DType::F32, &[2][..], &x)];
        let outputs = run(&mut *session, &inputs, &mut [At::new(8, shift), At::new(4, shift)]).unwrap();
        assert_eq!((floats(&outputs[0].2), floats(&outputs[1].2)), (vec![2.0, 4.0], vec![7.0]));
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_a_sentence() {
    let refusal =
        |name: &str, options: &LoadOptions| load_with(name, options).map(|refused| refused.err().unwrap());
    let Some(unknown) = refusal("unknown_output", &LoadOptions::default()) else { return };
    assert!(unknown.contains("the size of its output `indices` is known only after a run"), "{unknown}");
    let echo = refusal("echo", &LoadOptions::default()).unwrap();
    assert!(echo.contains("the same tensor is listed twice among its inputs and outputs"), "{echo}");
    // The file that it names is not there, so LiteRT would refuse it too, in other words.
    let elsewhere = refusal("elsewhere", &LoadOptions::default()).unwrap();
    assert!(
        elsewhere.contains("its weights are stored in another file; convert the model to one"),
        "{elsewhere}"
    );
    let table = [
        (
            LoadOptions { device: Some("GPU".into()), ..LoadOptions::default() },
            "runs models on the device CPU only, not on `GPU`",
        ),
        (LoadOptions { precision: Precision::F16, ..LoadOptions::default() }, "computes floats in f32"),
        (
            with("colour", "red"),
            "has no session option `colour`; it has enable_ynnpack, flags, kernel_mode, signature",
        ),
        (with("kernel_mode", "fast"), "is `fast`; allowed is one of delegate, builtin, reference"),
        (with("flags", "1\nnum_threads = 9"), "allowed is a whole number"),
        (with("signature", "other"), "has no signature `other`; it has `serving_default`"),
    ];
    for (options, part) in table {
        let refused = refusal("two_by_two", &options).unwrap();
        assert!(refused.contains(part), "{refused}");
    }
}

fn with(name: &str, value: &str) -> LoadOptions {
    LoadOptions { session_options: [(name.to_owned(), value.to_owned())].into(), ..LoadOptions::default() }
}

#[test]
fn session_options_are_accepted() {
    for (name, value) in [
        ("kernel_mode", "builtin"),
        ("kernel_mode", "reference"),
        ("enable_ynnpack", "false"),
        ("signature", "serving_default"),
    ] {
        let Some(model) = load_with("two_by_two", &with(name, value)) else { return };
        let (a, b) = (At::of(&[1_f32; 4], 0), At::of(&[2_f32; 4], 0));
        let inputs = [(DType::F32, &[1, 4][..], &a), (DType::F32, &[1, 4][..], &b)];
        let outputs = run(&mut *model.unwrap().session().unwrap(), &inputs, &mut [At::new(16, 0)]).unwrap();
        assert_eq!(floats(&outputs[0].2), [3.0; 4], "{name} {value}");
    }
}

#[test]
fn a_run_that_is_late_is_stopped_and_the_next_one_is_not() {
    let Some(model) = load("convolution") else { return };
    let mut session = model.clone().session().unwrap();
    let zeros = |info: &TensorInfo| At::new(info.byte_len().unwrap(), 0);
    let inputs: Vec<At> = model.inputs().iter().map(zeros).collect();
    let mut outputs: Vec<At> = model.outputs().iter().map(zeros).collect();
    let mut once = |deadline| {
        let shape = |info: &TensorInfo| info.shape.iter().map(|dim| dim.unwrap()).collect::<Vec<_>>();
        let shapes: Vec<Vec<usize>> = model.inputs().iter().map(shape).collect();
        let views: Vec<_> = std::iter::zip(model.inputs(), &inputs)
            .zip(&shapes)
            .map(|((info, at), shape)| TensorView { dtype: info.dtype, shape, data: at.bytes() })
            .collect();
        let mut buffers: Vec<_> = outputs
            .iter_mut()
            .map(|at| OutputBuf { data: at.bytes_mut(), dtype: DType::U8, shape: vec![], len: 0 })
            .collect();
        run_until(deadline, &mut *session, &views, &mut buffers)
    };
    // Runs of microseconds: sooner or later one is under way when the clock ticks.
    let late = std::time::Instant::now();
    let stopped = std::iter::repeat_with(|| once(Some(late))).take(10_000_000).find_map(Result::err);
    assert!(stopped.unwrap().to_string().contains("cancel"));
    once(None).unwrap();
}
