//! Deadlines: of calls without end, and inside engines.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::Status,
    job::{Job, JobSpec, Limits},
    nn::Model,
};

use super::{
    common::{self, engines, on_every_engine},
    models,
    script::*,
};

on_every_engine! {
    calls: calls_without_end;
    million: a_million_calls;
}

const DEADLINE: Duration = Duration::from_millis(300);
/// On a machine that is busy with other tests. What must be stopped takes minutes.
const AT_MOST: Duration = Duration::from_secs(8);

fn in_time(spec: JobSpec) -> JobSpec {
    JobSpec { limits: Limits { deadline: DEADLINE, ..spec.limits }, ..spec }
}

/// Two frames of a job that cannot end in time; each must end at the deadline.
#[track_caller]
fn times_out(script: &Script, model: Arc<dyn Model>) {
    let mut analyzer = edgevision_wasm_host::analysis::AnalyzerFactory::build(
        &*Job::new(in_time(script.spec(Some(model)))).unwrap(),
    )
    .unwrap();
    for _ in 0..2 {
        let start = Instant::now();
        let analysis = one_frame(&mut *analyzer);
        assert_eq!(analysis.status, Status::Timeout, "{:?}", analysis.message);
        assert!(start.elapsed() < AT_MOST, "{:?}", start.elapsed());
    }
}

fn calls_without_end(engine: &str) {
    let model = model(&models::double(), engine);
    let calls = [
        "load_by_name (i32.const 512) (i32.const 5) (i32.const 600)",
        "context (i32.const 0) (i32.const 604)",
        "set_input (i32.const 0) (i32.const 0) (i32.const 2048)",
        "compute (i32.const 0)",
        "get_output (i32.const 0) (i32.const 0) (i32.const 3072) (i32.const 16) (i32.const 608)",
        "load (i32.const 640) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 600)",
        "infer (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)",
    ];
    for call in calls {
        let script = script()
            .open()
            .four([1.0; 4])
            .set_input(SUCCESS)
            .raw(&format!("(loop $again (drop (call ${call})) (br $again))"));
        times_out(&script, model.clone());
    }
}

fn a_million_calls(engine: &str) {
    script()
        .raw("(global.set $left (i32.const 1000000))")
        .raw(
            "(loop $again
               (drop (call $compute (global.get $left)))
               (global.set $left (i32.sub (global.get $left) (i32.const 1)))
               (br_if $again (global.get $left)))",
        )
        .passes(Some(model(&models::double(), engine)));
}

/// Sets the input and computes once; the model takes minutes.
fn computes() -> Script {
    script().open().four([1.0; 4]).set_input(SUCCESS).compute(SUCCESS)
}

#[test]
fn a_long_model_is_stopped_by_onnxruntime() {
    if engines::engine("onnxruntime") {
        times_out(&computes(), model(&models::long_chain(), "onnxruntime"));
    }
}

#[test]
fn a_long_model_is_stopped_by_openvino() {
    if engines::engine("openvino") {
        times_out(&computes(), model(&models::long_chain(), "openvino"));
    }
}

#[test]
fn an_endless_model_is_stopped_by_onnxruntime() {
    if engines::engine("onnxruntime") {
        times_out(&computes(), model(&models::endless_loop(), "onnxruntime"));
    }
}

/// A session that was stopped works again, and a run in time is not stopped.
fn works_again(engine: &str) {
    let small = model(&models::double(), engine);
    let mut session = small.clone().session().unwrap();
    session.interrupt().expect("this engine can be stopped").interrupt();
    let input = common::tensors::Tensor::f32(&[1, 4], &[1.0, 2.0, 3.0, 4.0]);
    let outputs = common::tensors::run_session(&mut *session, &*small, &[input], 1).unwrap();
    assert_eq!(outputs[0].floats(), [2.0, 4.0, 6.0, 8.0]);
}

#[test]
fn an_early_interrupt_is_no_harm() {
    for engine in ["onnxruntime", "openvino"] {
        if engines::engine(engine) {
            works_again(engine);
        }
    }
}

/// Documented: what runs on rten is not stopped. If it ever can be, this is to be used.
#[test]
fn rten_cannot_be_stopped() {
    assert!(model(&models::double(), "rten").session().unwrap().interrupt().is_none());
}
