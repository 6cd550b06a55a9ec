//! Load options: honoured, or refused with a sentence. And OpenVINO's own format.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::path::Path;

use common::{
    engines::engine,
    on_every_engine,
    onnx::{chain, load_with},
    tensors::{Tensor, run},
};
use edgevision_wasm_host::nn::{LoadOptions, Performance, Precision, load_model};
use rten_onnx::onnx::DataType;

on_every_engine! {
    options_that_every_engine_honours: honours;
    options_that_would_use_files: refuses_files;
    options_that_do_not_exist: refuses_unknown_options;
    devices: refuses_unknown_devices;
    precisions: computes_or_refuses;
}

fn relu(engine: &str, options: &LoadOptions) -> Result<Vec<f32>, String> {
    let model = load_with(chain(&["Relu"], DataType::FLOAT, &[2]), engine, options);
    let model = model.map_err(|error| error.to_string())?;
    Ok(run(&model, &[Tensor::f32(&[2], &[-1.0, 2.5])]).unwrap()[0].floats())
}

fn with(name: &str, value: &str) -> LoadOptions {
    let session_options = [(name.to_owned(), value.to_owned())].into();
    LoadOptions { session_options, ..LoadOptions::default() }
}

/// The refusal, which is one clean sentence about this engine.
fn refusal(engine: &str, options: &LoadOptions) -> String {
    let sentence = relu(engine, options).unwrap_err();
    println!("{sentence}");
    let (_, sentence) = sentence.split_once(": ").unwrap();
    assert!(sentence.contains(&format!("engine {engine}")), "{sentence}");
    assert!(
        !["\n", ".cpp:", ".cc:", "Exception from"].iter().any(|dirt| sentence.contains(dirt)),
        "{sentence}"
    );
    sentence.to_owned()
}

fn honours(engine: &str) {
    for performance in [Performance::Throughput, Performance::Latency] {
        let options = LoadOptions { threads: 2, sessions: 2, performance, ..LoadOptions::default() };
        assert_eq!(relu(engine, &options).unwrap(), [0.0, 2.5]);
    }
    let own = match engine {
        "rten" => [("prepack_weights", "false"), ("optimize", "false")],
        "onnxruntime" => [("graph_optimization_level", "basic"), ("session.disable_prepacking", "1")],
        _ => [("ENABLE_CPU_PINNING", "YES"), ("PERF_COUNT", "YES")],
    };
    for (name, value) in own {
        assert_eq!(relu(engine, &with(name, value)).unwrap(), [0.0, 2.5], "{name}");
    }
    let cpu = LoadOptions { device: Some("CPU".into()), ..LoadOptions::default() };
    assert_eq!(relu(engine, &cpu).unwrap(), [0.0, 2.5]);
}

fn refuses_files(engine: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written").display().to_string();
    for name in ["session.optimized_model_filepath", "enable_profiling", "CACHE_DIR", "ep.context_enable"] {
        assert_eq!(
            refusal(engine, &with(name, &path)),
            format!(
                "the engine {engine}: the session option `{name}` would make it read or write files beside the model, \
                 which is not allowed; leave it out"
            )
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn refuses_unknown_options(engine: &str) {
    let sentence = refusal(engine, &with("session.disable_prepackign", "1"));
    let expected = match engine {
        "openvino" => "refuses the session option `session.disable_prepackign: 1`",
        _ => "has no session option `session.disable_prepackign`; allowed are",
    };
    assert!(sentence.contains(expected), "{sentence}");
    let ours = match engine {
        "rten" => "threads",
        "onnxruntime" => "intra_op_num_threads",
        _ => "INFERENCE_NUM_THREADS",
    };
    assert!(refusal(engine, &with(ours, "4")).contains("is set by `threads`; use that instead"));
}

fn refuses_unknown_devices(engine: &str) {
    for device in ["GPU.7", "AUTO:GPU.7,CPU"] {
        let options = LoadOptions { device: Some(device.into()), ..LoadOptions::default() };
        let expected = match engine {
            "openvino" => "has no device `GPU.7` on this machine; available are CPU".to_owned(),
            _ => format!("runs on the device `CPU` only, not on `{device}`"),
        };
        let sentence = refusal(engine, &options);
        assert!(sentence.contains(&expected), "{sentence}");
    }
}

/// 16 bits are computed or refused, never ignored; `auto` always works.
fn computes_or_refuses(engine: &str) {
    let options = |precision| LoadOptions { precision, ..LoadOptions::default() };
    assert_eq!(relu(engine, &options(Precision::Auto)).unwrap(), [0.0, 2.5]);
    for precision in [Precision::F16, Precision::Bf16] {
        match relu(engine, &options(precision)) {
            Ok(result) => assert_eq!((engine, &result[..]), ("openvino", &[0.0, 2.5][..])),
            Err(_) => assert!(refusal(engine, &options(precision)).contains(" in ") || engine == "openvino"),
        }
    }
}

/// `y = x + w` with `w` = [10, 20] from the `.bin`.
const IR: &str = r#"<?xml version="1.0"?>
<net name="add" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="2" element_type="f32"/>
<output><port id="0" precision="FP32" names="x"><dim>2</dim></port></output></layer>
<layer id="1" name="w" type="Const" version="opset1"><data element_type="f32" shape="2" offset="0" size="8"/>
<output><port id="0" precision="FP32"><dim>2</dim></port></output></layer>
<layer id="2" name="add" type="Add" version="opset1"><data auto_broadcast="numpy"/>
<input><port id="0" precision="FP32"><dim>2</dim></port><port id="1" precision="FP32"><dim>2</dim></port></input>
<output><port id="2" precision="FP32" names="y"><dim>2</dim></port></output></layer>
<layer id="3" name="y/result" type="Result" version="opset1">
<input><port id="0" precision="FP32"><dim>2</dim></port></input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>"#;

fn ir(folder: &Path, xml: &str, weights: Option<&[f32]>) -> Result<Vec<f32>, String> {
    let file = folder.join("add.xml");
    std::fs::write(&file, xml).unwrap();
    if let Some(weights) = weights {
        std::fs::write(folder.join("add.bin"), bytemuck::cast_slice(weights)).unwrap();
    }
    let model = load_model(&file, "openvino", &LoadOptions::default()).map_err(|error| error.to_string())?;
    assert_eq!(
        (model.inputs()[0].to_string(), model.outputs()[0].to_string()),
        ("x f32[2]".into(), "y f32[2]".into())
    );
    Ok(run(&model, &[Tensor::f32(&[2], &[1.0, 2.0])]).unwrap()[0].floats())
}

#[test]
fn openvino_ir() {
    if !engine("openvino") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let missing = ir(place, IR, None).unwrap_err();
    println!("{missing}");
    assert!(missing.contains("add.bin is not beside this one"), "{missing}");
    assert_eq!(ir(place, IR, Some(&[10.0, 20.0])).unwrap(), [11.0, 22.0]);
    assert_eq!(ir(place, IR, Some(&[30.0, 40.0])).unwrap(), [31.0, 42.0], "other weights are another model");
    // What would be read beyond the weights never reaches the library.
    let (beyond, by_library) =
        ("the OpenVINO IR has constants beyond its weights", "the engine openvino cannot load the model: ");
    for (what, xml, weights, sentence) in [
        ("short", IR.to_owned(), &[10.0][..], beyond),
        ("empty", IR.to_owned(), &[], beyond),
        ("cut off", IR[..IR.len() / 2].to_owned(), &[10.0, 20.0], ""),
        ("other xml", "<?xml version=\"1.0\"?><network><a/></network>".to_owned(), &[10.0, 20.0], by_library),
    ] {
        let refused = ir(place, &xml, Some(weights)).unwrap_err();
        println!("{what}: {refused}");
        assert!(!refused.contains('\n') && !refused.contains(".cpp:"), "{refused}");
        assert!(refused.contains(&format!("add.xml: {sentence}")), "{what}: {refused}");
    }
}
