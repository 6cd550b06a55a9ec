//! `load`: not unless it is granted, and then with each answer of the standard.

use edgevision_wasm_host::job::{JobSpec, Limits};

use super::{
    common::on_every_engine,
    models,
    script::{A::*, *},
};

on_every_engine! {
    granted: own_models;
    limits: as_many_as_there_is_room;
    encodings: each_encoding;
    addresses: bad_addresses;
    sizes: the_size_that_counts;
}

fn host_model(engine: &str) -> Option<std::sync::Arc<dyn edgevision_wasm_host::nn::Model>> {
    Some(model(&models::pixels(), engine))
}

#[test]
fn not_without_the_grant() {
    let model = host_model("rten");
    script()
        .load(&models::double(), ONNX, UNSUPPORTED_OPERATION)
        // Permission comes first: nothing of the rest is looked at.
        .call("load", [u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX], UNSUPPORTED_OPERATION)
        .call("context", [0, CONTEXT], INVALID_ARGUMENT)
        .passes(model);
}

fn own_models(engine: &str) {
    let bytes = models::double();
    script()
        .load(&bytes, ONNX, SUCCESS)
        .holds(GRAPH, 0)
        .call("context", [At(GRAPH), N(CONTEXT)], SUCCESS)
        .doubles([1.0, -1.0, 0.5, 3.0])
        // Detected by itself, under both numbers that the standard has had for it.
        .call("load", [BUILDERS, 1, 5, 0, GRAPH], SUCCESS)
        .call("load", [BUILDERS, 1, 6, 0, GRAPH], SUCCESS)
        .holds(GRAPH, 2)
        .call("context", [At(GRAPH), N(CONTEXT)], SUCCESS)
        .doubles([2.0; 4])
        // The job's own model is there beside them.
        .call("load_by_name", [NAME, 5, GRAPH], SUCCESS)
        .holds(GRAPH, 3)
        .call("context", [At(GRAPH), N(CONTEXT)], SUCCESS)
        .tensor(&[10, 20], U8, Window(0), 200)
        .set_input(SUCCESS)
        .compute(SUCCESS)
        .passes_granted(host_model(engine));
}

fn as_many_as_there_is_room(engine: &str) {
    let mut script = script().load(&models::double(), ONNX, SUCCESS);
    for _ in 1..8 {
        script = script.call("load", [BUILDERS, 1, ONNX, 0, GRAPH], SUCCESS);
    }
    script
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], BUSY)
        .call("load_by_name", [NAME, 5, GRAPH], BUSY)
        .call("context", [0, CONTEXT], SUCCESS)
        .doubles([1.0; 4])
        .passes_granted(host_model(engine));
    // 3 MiB of weights count as file and as tensor: 3 + 6 of the 12 MiB.
    let spec = super::script::script()
        .load(&models::heavy(3), ONNX, SUCCESS)
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], TOO_LARGE)
        .call("context", [0, CONTEXT], SUCCESS)
        .doubles([1.0; 4])
        .granted(host_model(engine));
    passes_with(spec, 12 << 20);
}

#[track_caller]
fn passes_with(spec: JobSpec, memory_bytes: usize) {
    let limits = Limits { memory_bytes, ..spec.limits };
    let job = edgevision_wasm_host::job::Job::new(JobSpec { limits, ..spec }).unwrap();
    let analyzer = edgevision_wasm_host::analysis::AnalyzerFactory::build(&*job);
    super::support::assert_ok(&one_frame(&mut *analyzer.unwrap()), 7);
}

/// Bytes of each format under each encoding's number. Models of OpenVINO and LiteRT are what they say, but nobody can
/// tell what they need, so they are refused.
fn each_encoding(engine: &str) {
    let tflite = b"\x1c\0\0\0TFL3 and what follows";
    let xml = br#"<?xml version="1.0"?><net name="n" version="11"><layers/></net>"#;
    let wasm = b"\0asm\x01\0\0\0";
    let (onnx, xml_at, tflite_at, wasm_at, text_at) = (models::double(), 20_000, 21_000, 22_000, 23_000);
    assert!(onnx.len() < 3000);
    let at = |script: Script, address: u32, len: usize| {
        script.store(BUILDERS, address).store(BUILDERS + 4, len as u32)
    };
    let mut script = script()
        .data(BLOB, &onnx)
        .data(xml_at, xml)
        .data(tflite_at, tflite)
        .data(wasm_at, wasm)
        .data(text_at, b"GGUF\x03\0\0\0");
    script = at(script, BLOB, onnx.len())
        .call("load", [BUILDERS, 2, 0, 0, GRAPH], INVALID_ENCODING)
        .call("load", [BUILDERS, 1, 2, 0, GRAPH], INVALID_ENCODING)
        .call("load", [BUILDERS, 1, 3, 0, GRAPH], INVALID_ENCODING)
        .call("load", [BUILDERS, 1, 4, 0, GRAPH], INVALID_ENCODING)
        .call("load", [BUILDERS, 1, 7, 0, GRAPH], INVALID_ARGUMENT)
        .call("load", [BUILDERS, 1, u32::MAX, 0, GRAPH], INVALID_ARGUMENT)
        // No processor for tensors or graphics, and one that nobody knows.
        .call("load", [BUILDERS, 1, ONNX, 1, GRAPH], UNSUPPORTED_OPERATION)
        .call("load", [BUILDERS, 1, ONNX, 2, GRAPH], UNSUPPORTED_OPERATION)
        .call("load", [BUILDERS, 1, ONNX, 3, GRAPH], INVALID_ARGUMENT)
        // Parts: one for ONNX, two for OpenVINO.
        .call("load", [BUILDERS, 0, ONNX, 0, GRAPH], INVALID_ARGUMENT)
        .call("load", [BUILDERS, 2, ONNX, 0, GRAPH], INVALID_ARGUMENT)
        .call("load", [BUILDERS, u32::MAX, ONNX, 0, GRAPH], INVALID_ARGUMENT)
        .call("load", [BUILDERS, 1, 0, 0, GRAPH], INVALID_ARGUMENT)
        .call("load", [BUILDERS, 3, 0, 0, GRAPH], INVALID_ARGUMENT)
        .call("load", [BUILDERS, 3, 5, 0, GRAPH], INVALID_ARGUMENT);
    script = at(script, xml_at, xml.len())
        .call("load", [BUILDERS, 2, 0, 0, GRAPH], UNSUPPORTED_OPERATION)
        .call("load", [BUILDERS, 2, 5, 0, GRAPH], UNSUPPORTED_OPERATION)
        .call("load", [BUILDERS, 1, 5, 0, GRAPH], INVALID_ENCODING)
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], INVALID_ENCODING);
    script = at(script, tflite_at, tflite.len())
        .call("load", [BUILDERS, 1, 4, 0, GRAPH], UNSUPPORTED_OPERATION)
        .call("load", [BUILDERS, 1, 5, 0, GRAPH], UNSUPPORTED_OPERATION)
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], INVALID_ENCODING);
    script = at(script, wasm_at, wasm.len()).call("load", [BUILDERS, 1, 5, 0, GRAPH], INVALID_ENCODING);
    script = at(script, text_at, 8).call("load", [BUILDERS, 1, 5, 0, GRAPH], INVALID_ENCODING).call(
        "load",
        [BUILDERS, 1, ONNX, 0, GRAPH],
        INVALID_ENCODING,
    );
    at(script, text_at, 0)
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], INVALID_ENCODING)
        .passes_granted(host_model(engine));
}

fn bad_addresses(engine: &str) {
    let mut script = script().load(&models::double(), ONNX, SUCCESS);
    for nowhere in [u32::MAX, u32::MAX - 7, 1 << 30, BUILDERS + 1] {
        script = script.call("load", [nowhere, 1, ONNX, 0, GRAPH], INVALID_ARGUMENT);
    }
    for nowhere in [u32::MAX, 1 << 30, GRAPH + 2] {
        script = script.call("load", [BUILDERS, 1, ONNX, 0, nowhere], INVALID_ARGUMENT);
    }
    script
        .call("load", [N(BUILDERS), N(1), N(ONNX), N(0), Window(0)], INVALID_ARGUMENT)
        .store(BUILDERS + 4, u32::MAX)
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], INVALID_ARGUMENT)
        .store(BUILDERS, u32::MAX - 3)
        .store(BUILDERS + 4, 16)
        .call("load", [BUILDERS, 1, ONNX, 0, GRAPH], INVALID_ARGUMENT)
        // What failed took no handle.
        .call("load_by_name", [NAME, 5, GRAPH], SUCCESS)
        .holds(GRAPH, 1)
        .passes_granted(host_model(engine));
}

/// What is not the size that the host has followed must not be the engine's.
fn the_size_that_counts(engine: &str) {
    script().load(&models::of_two_sizes(), ONNX, INVALID_ENCODING).passes_granted(host_model(engine));
}
