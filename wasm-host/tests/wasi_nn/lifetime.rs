//! Models that guests have loaded end with their instances.

use edgevision_wasm_host::{
    analysis::AnalyzerFactory,
    job::{Job, JobSpec, Limits},
};

use super::{
    common::on_every_engine,
    models,
    script::{A::*, *},
};

on_every_engine! {
    memory: comes_back;
}

/// Resident memory of this process in MiB.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4096) >> 20
}

fn comes_back(engine: &str) {
    let script = script()
        .load(&models::heavy(2), ONNX, SUCCESS)
        .call("context", [At(GRAPH), N(CONTEXT)], SUCCESS)
        .doubles([1.0; 4]);
    let spec = script.granted(Some(model(&models::pixels(), engine)));
    let spec = JobSpec { limits: Limits { memory_bytes: 64 << 20, ..spec.limits }, ..spec };
    let once = || {
        let mut analyzer = Job::new(spec.clone()).unwrap().build().unwrap();
        super::support::assert_ok(&one_frame(&mut *analyzer), 7);
    };
    // Allocators keep some for the next time.
    (0..20).for_each(|_| once());
    let before = resident();
    (0..200).for_each(|_| once());
    let after = resident();
    eprintln!("{engine}: {before} MiB before, {after} MiB after 200 instances with 2 MiB of weights each");
    assert!(after < before + 100, "{before} MiB before, {after} MiB after");
}
