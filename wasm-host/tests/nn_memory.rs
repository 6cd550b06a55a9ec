//! What an engine keeps of borrowed memory after a run: nothing. Tensors lie in pages that are taken away as soon as
//! the run is over, as a module's memory is when its instance ends; whoever touches them then ends this process.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{
    engines, on_every_engine,
    onnx::{load, load_with, node, value, weights},
    tensors::{Tensor, run_session},
};
use edgevision_wasm_host::nn::{DType, LoadOptions, NnError, OutputBuf, Session, TensorView, load_model};
use rten_onnx::onnx::{DataType, GraphProto};

on_every_engine! {
    an_output_whose_place_changes_with_the_input: leaves_the_last_run_alone;
    tensors_of_the_run_before: forgets;
    runs_that_are_stopped_at_any_time: is_over_when_it_returns;
}

const PAGE: usize = 4096;

/// Pages that are there only for a run.
struct Pages {
    first: *mut u8,
    len: usize,
}

impl Pages {
    fn new(bytes: usize) -> Self {
        let len = bytes.next_multiple_of(PAGE).max(PAGE);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new pages, of nobody else.
        let first = unsafe {
            libc::mmap(std::ptr::null_mut(), len, access, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(first, libc::MAP_FAILED);
        Self { first: first.cast(), len }
    }

    fn bytes(&mut self, len: usize) -> &mut [u8] {
        assert!(len <= self.len);
        // SAFETY: pages of ours, which the exclusive borrow keeps readable.
        unsafe { std::slice::from_raw_parts_mut(self.first, len) }
    }

    /// From now on whoever touches them is killed. The addresses are not used for anything else.
    fn take_away(self) {
        // SAFETY: our pages; no slice of them lives, since `self` is gone.
        assert_eq!(unsafe { libc::mprotect(self.first.cast(), self.len, libc::PROT_NONE) }, 0);
    }
}

/// Runs a model with one float input and one float output on pages that are gone afterwards.
fn run_on_pages(session: &mut dyn Session, input: &[f32], room: usize) -> Result<Vec<f32>, NnError> {
    let (mut inputs, mut outputs) = (Pages::new(input.len() * 4), Pages::new(room));
    inputs.bytes(input.len() * 4).copy_from_slice(bytemuck::cast_slice(input));
    let shape = [input.len()];
    let view = TensorView { dtype: DType::F32, shape: &shape, data: inputs.bytes(input.len() * 4) };
    let mut out = [OutputBuf { data: outputs.bytes(room), dtype: DType::U8, shape: vec![], len: 0 }];
    let outcome = session.run(&[view], &mut out);
    let len = out[0].len;
    let result = outcome.map(|()| bytemuck::pod_collect_to_vec(&outputs.bytes(room)[..len]));
    inputs.take_away();
    outputs.take_away();
    result
}

/// Four times the sum of as many floats as are given.
fn sum_of_any() -> GraphProto {
    GraphProto {
        node: vec![node("ReduceSum", &["x"], &["sum"]), node("Expand", &["sum", "four"], &["y"])],
        initializer: vec![weights("four", DataType::INT64, &[1], 4_i64.to_le_bytes().to_vec())],
        input: vec![value("x", DataType::FLOAT, Some(&[-1]))],
        output: vec![value("y", DataType::FLOAT, Some(&[4]))],
        ..GraphProto::default()
    }
}

/// OpenVINO is not lent an output that could be the input handed on, which depends on the input of each run: the
/// request must not remember what it was lent in the run before.
fn leaves_the_last_run_alone(engine: &str) {
    let model = load(sum_of_any(), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    let mut first = [0.0_f32; 4];
    let input = Tensor::f32(&[8], &[1.0; 8]);
    let out =
        OutputBuf { data: bytemuck::cast_slice_mut(&mut first), dtype: DType::U8, shape: vec![], len: 0 };
    session.run(&[input.view()], &mut [out]).unwrap();
    assert_eq!(first, [8.0; 4]);
    let second = run_session(&mut *session, &*model, &[Tensor::f32(&[4], &[5.0; 4])], 1).unwrap();
    assert_eq!(second[0].floats(), [20.0; 4]);
    assert_eq!(first, [8.0; 4], "the second run wrote to the memory of the first");
}

fn forgets(engine: &str) {
    let model = load(sum_of_any(), engine).unwrap();
    let mut session = model.clone().session().unwrap();
    for count in [8_usize, 4, 4, 9, 2000, 1, 4, 5] {
        let expected = f32::from(u16::try_from(count).unwrap());
        assert_eq!(run_on_pages(&mut *session, &vec![1.0; count], 16).unwrap(), [expected; 4], "{count}");
        // Fewer bytes than the output has: refused, and no memory is kept either.
        run_on_pages(&mut *session, &[1.0; 3], 8).unwrap_err();
    }
    drop(session);
}

/// Products of matrices for some milliseconds, then the sum of the input.
fn slow(size: usize, links: usize) -> GraphProto {
    let name = |at: usize| format!("t{at}");
    let mut nodes = vec![node("ReduceMax", &["x"], &["first"]), node("Mul", &["w", "first"], &["t0"])];
    nodes.extend((0..links).map(|at| node("MatMul", &[&name(at), "unit"], &[&name(at + 1)])));
    nodes.push(node("Mul", &[&name(links), "one"], &["y"]));
    for (at, node) in nodes.iter_mut().enumerate() {
        node.name = Some(format!("n{at}"));
    }
    let unit: Vec<f32> = (0..size * size).map(|at| f32::from(u8::from(at % (size + 1) == 0))).collect();
    let dims = [i64::try_from(size).unwrap(); 2];
    let floats = |name: &str, dims: &[i64], values: &[f32]| common::onnx::floats(name, dims, values);
    GraphProto {
        node: nodes,
        initializer: vec![
            floats("w", &dims, &vec![1.0; size * size]),
            floats("unit", &dims, &unit),
            floats("one", &[1], &[1.0]),
        ],
        input: vec![value("x", DataType::FLOAT, Some(&[-1]))],
        output: vec![value("y", DataType::FLOAT, Some(&dims))],
        ..GraphProto::default()
    }
}

/// Stopped at other moments each time, a run is over when it returns: nobody writes to its pages any more, and the next
/// run computes what it should.
fn is_over_when_it_returns(engine: &str) {
    const SIZE: usize = 96;
    let options = LoadOptions { threads: 2, ..LoadOptions::default() };
    let model = load_with(slow(SIZE, 40), engine, &options).unwrap();
    let mut session = model.clone().session().unwrap();
    let Some(interrupt) = session.interrupt() else {
        assert_eq!(engine, "rten");
        return;
    };
    let (mut stopped, mut finished) = (0, 0);
    for round in 0..120_u64 {
        let over = Arc::new(AtomicBool::new(false));
        let stopper = {
            let (interrupt, over) = (interrupt.clone(), over.clone());
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_micros(50 * (round % 60)));
                while !over.load(Ordering::SeqCst) {
                    interrupt.interrupt();
                    std::thread::sleep(Duration::from_micros(100));
                }
            })
        };
        let outcome = run_on_pages(&mut *session, &[1.0; 5], SIZE * SIZE * 4);
        over.store(true, Ordering::SeqCst);
        stopper.join().unwrap();
        match outcome {
            Ok(result) => {
                finished += 1;
                assert_eq!(result, vec![1.0; SIZE * SIZE]);
            }
            Err(error) => {
                stopped += 1;
                assert!(matches!(error, NnError::Engine(_)), "{error}");
            }
        }
        let next = run_on_pages(&mut *session, &[2.0; 3], SIZE * SIZE * 4).unwrap();
        assert_eq!(next, vec![2.0; SIZE * SIZE], "round {round}");
    }
    println!("{engine}: {stopped} stopped, {finished} finished");
    assert!(stopped > 0);
}

/// The same for LiteRT, whose models are files: sum and product of two inputs, for any batch of four floats.
#[test]
fn litert_forgets_tensors_of_the_run_before() {
    if !engines::engine("litert") {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/two_by_two.tflite");
    let model = load_model(&path, "litert", &LoadOptions::default()).unwrap();
    let mut session = model.clone().session().unwrap();
    for batch in [1_usize, 3, 3, 700, 2, 1, 700] {
        let len = batch * 16;
        let mut pages = [(); 4].map(|()| Pages::new(len));
        let [a, b, sum, product] = pages.each_mut().map(|pages| pages.bytes(len));
        a.copy_from_slice(bytemuck::cast_slice(&vec![3.0_f32; batch * 4]));
        b.copy_from_slice(bytemuck::cast_slice(&vec![5.0_f32; batch * 4]));
        let shape = [batch, 4];
        let inputs = [a, b].map(|data| TensorView { dtype: DType::F32, shape: &shape, data });
        let out = |data| OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 };
        session.run(&inputs, &mut [out(sum), out(product)]).unwrap();
        for (pages, expected) in pages[2..].iter_mut().zip([8.0_f32, 15.0]) {
            assert_eq!(
                pages.bytes(len),
                bytemuck::cast_slice::<_, u8>(&vec![expected; batch * 4]),
                "{batch}"
            );
        }
        pages.into_iter().for_each(Pages::take_away);
    }
}
