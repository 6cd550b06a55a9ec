//! The same calls at other moments than `detect`, without a model, and by several instances at once.

use std::sync::Arc;

use edgevision_wasm_host::{
    job::Job,
    nn::{
        NnError,
        fake::{FakeModel, FakeTensor},
    },
};

use super::{
    common::on_every_engine,
    models,
    script::{A::*, *},
};

on_every_engine! {
    init: while_it_starts;
    preprocess: while_it_prepares;
    at_once: two_at_once;
}

fn while_it_starts(engine: &str) {
    // The tensor window is not there yet: address 0 of nothing.
    Script::at(Moment::Init)
        .call("compute", [0_u32], INVALID_ARGUMENT)
        .open()
        .doubles([1.0, 2.0, 3.0, 4.0])
        .passes(Some(model(&models::double(), engine)));
}

fn while_it_prepares(engine: &str) {
    // Here the tensor window may be written.
    Script::at(Moment::Preprocess)
        .open()
        .doubles([1.0, 2.0, 3.0, 4.0])
        .get_output(Window(1024), 16, SUCCESS)
        .raw(
            "(call $check (i32.const 99) (i32.load offset=1024 (global.get $window)) (i32.const 0x40000000))",
        )
        .get_output(Window(65_536 - 8), 16, INVALID_ARGUMENT)
        .passes(Some(model(&models::double(), engine)));
}

fn two_at_once(engine: &str) {
    let script = script().open().doubles([1.0, 2.0, 3.0, 4.0]);
    let model = model(&models::double(), engine);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20).for_each(|_| script.passes(Some(model.clone()))));
        }
    });
}

#[test]
fn without_a_model() {
    let script = script()
        .call("load_by_name", [NAME, 5, GRAPH], NOT_FOUND)
        .call("context", [0, CONTEXT], INVALID_ARGUMENT)
        .call("compute", [0_u32], INVALID_ARGUMENT)
        // DENIED of edgevision.infer
        .call("infer", [0, 0, 0, 0], (-6_i32).cast_unsigned());
    script.passes_granted(None);
    let refused = Job::new(script.spec(None)).err().unwrap();
    assert_eq!(refused, "module script runs a model, but none is configured; name a model file");
}

/// The job's model has one owner more for each instance, and none is left behind.
#[test]
fn instances_do_not_keep_the_model() {
    let model = model(&models::double(), "rten");
    let script = script().open().doubles([1.0; 4]);
    let before = Arc::strong_count(&model);
    for _ in 0..200 {
        script.passes(Some(model.clone()));
    }
    assert_eq!(Arc::strong_count(&model), before);
}

/// An engine that fails or panics has failed this run only.
#[test]
fn engines_that_fail() {
    let failing = |run: usize| match run {
        0 => Err(NnError::Engine("no".into())),
        1 => panic!("an engine that panics"),
        _ => Ok(vec![FakeTensor::f32([1, 4], [2.0; 4])]),
    };
    let answer = vec![FakeTensor::f32([1, 4], [0.0; 4])];
    let model = FakeModel::new([("x", [1, 4])], answer).answering(move |run, _| failing(run));
    script()
        .open()
        .four([1.0; 4])
        .set_input(SUCCESS)
        .compute(RUNTIME_ERROR)
        .get_output(OUTPUT, 16, INVALID_ARGUMENT)
        .compute(RUNTIME_ERROR)
        .doubles([1.0; 4])
        .passes(Some(Arc::new(model)));
}
