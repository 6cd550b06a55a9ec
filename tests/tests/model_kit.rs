//! What the model kit makes runs here: the shipped INT8 and TFLite models of the sample line, on every engine that reads
//! them, find what the float model finds.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use edgevision_tests::{
    command::{Job, stderr},
    compare::{Share, found_again},
    engines::engine,
    media::shipped,
    records,
};

/// The shares of the float model's detections that this one finds, and of its own that the float model has.
fn against_float(model: &str, engine: &str) -> (Share, Share) {
    let config = std::fs::read_to_string(shipped("configs/line3.yaml")).unwrap();
    let analyze = &config[config.find("analyze:").unwrap()..config.find("outputs:").unwrap()];
    let analyze = analyze
        .replace("../samples/line3.onnx", &format!("../samples/{model}\n    engine: {engine}"))
        .replace("../samples", &shipped("samples").to_string_lossy());
    let clip = shipped("samples/line3.mp4");
    let clip = clip.display();
    let job = Job::new(&format!(
        "cameras: [{{name: line3, source: '{clip}'}}]\n{analyze}\noutputs: {{json_lines: {{path: $OUT/out.jsonl}}}}\n"
    ));
    let output = job.run(&[]);
    assert!(output.status.success(), "{model} on {engine}: {}", stderr(&output));
    let (ours, float) =
        (records::ours(&job.file("out.jsonl")), records::ours(&shipped("samples/expected/line3.jsonl")));
    assert_eq!((ours.len(), float.len()), (300, 300));
    let (mut recall, mut precision) = (Share::default(), Share::default());
    for (ours, float) in ours.iter().zip(&float) {
        assert_eq!(&*ours.status, "ok");
        recall.add(found_again(&float.found(), &ours.found(), 0.8, 0.75));
        precision.add(found_again(&ours.found(), &float.found(), 0.8, 0.75));
    }
    println!(
        "{model} on {engine}: {:.4} of the float model's, {:.4} of its own",
        recall.ratio(),
        precision.ratio()
    );
    (recall, precision)
}

fn assert_near(model: &str, name: &str, least: f64) {
    if engine(name) {
        let (recall, precision) = against_float(model, name);
        assert!(
            recall.of > 1000 && recall.ratio() >= least && precision.ratio() >= least,
            "{model} on {name}: {recall:?} {precision:?}"
        );
    }
}

#[test]
fn int8_on_rten() {
    assert_near("line3-int8.onnx", "rten", 0.97);
}

#[test]
fn int8_on_onnxruntime() {
    assert_near("line3-int8.onnx", "onnxruntime", 0.97);
}

#[test]
fn int8_on_openvino() {
    assert_near("line3-int8.onnx", "openvino", 0.97);
}

#[test]
fn tflite_on_litert() {
    assert_near("line3.tflite", "litert", 0.99);
}
