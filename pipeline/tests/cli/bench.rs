//! `edgevision bench`.

use serde_json::Value;

use crate::workshop::{Outcome, run, workshop};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.onnx");

fn bench(arguments: &[&str]) -> Outcome {
    run(&workshop(), &[&["bench", "--time", "20ms", "--model"][..], arguments].concat())
}

#[test]
fn engines_stand_side_by_side() {
    let found = bench(&[MODEL, "--engine", "rten", "--engine", "litert", "--workers", "2", "--json"]);
    assert_eq!((found.code, &*found.stderr), (0, ""));
    let json: Value = serde_json::from_str(&found.stdout).unwrap();
    let rten = &json["engines"][0];
    for figure in ["load_ms", "p50_ms", "p95_ms", "p99_ms"] {
        assert!(rten[figure].as_f64().unwrap() > 0.0, "{figure}: {rten}");
    }
    assert!(rten["p50_ms"].as_f64() <= rten["p99_ms"].as_f64());
    assert!(rten["runs"].as_u64().unwrap() >= 10);
    assert_eq!((&rten["engine"], &rten["difference"]), (&"rten".into(), &0.0.into()));
    assert_eq!(rten["fps"].as_array().unwrap().len(), 2);
    assert!(rten["rss"][1].as_u64().unwrap() > 1_000_000);
    let refused = json["engines"][1]["refused"].as_str().unwrap();
    assert!(refused.contains("litert"), "{refused}");
}

#[test]
fn the_table_says_why_an_engine_has_no_row() {
    let found = bench(&[MODEL, "--engine", "rten", "--engine", "wasm", "--workers", "1"]);
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert!(lines[2].starts_with("engine") && lines[2].ends_with("difference"), "{}", found.stdout);
    assert!(lines[3].starts_with("rten"), "{}", found.stdout);
    assert_eq!(lines.iter().filter(|line| line.starts_with("- wasm: ")).count(), 1, "{}", found.stdout);
}

#[test]
fn mistakes_end_with_their_codes() {
    let table: [(&[&str], u8, &str); 6] = [
        (&["/nowhere.onnx"], 66, "/nowhere.onnx cannot be read"),
        (&[MODEL, "--engine", "tensorrt"], 64, "there is no inference engine `tensorrt`; allowed are"),
        (&[MODEL, "--option", "key=value"], 64, "`--option` is for one engine"),
        (&[MODEL, "--precision", "int4"], 64, "allowed are f32, f16, bf16, auto"),
        (&[MODEL, "--input", "images=3", "--input", "nonsense"], 64, "images=1x3x640x640"),
        (&[MODEL, "--engine", "wasm"], 69, "wasm"),
    ];
    for (arguments, code, said) in table {
        let found = bench(arguments);
        assert_eq!(found.code, i32::from(code), "{arguments:?}: {} {}", found.stdout, found.stderr);
        assert!(
            found.stderr.contains(said) || found.stdout.contains(said),
            "{arguments:?}: {}",
            found.stderr
        );
    }
}

#[test]
fn an_input_that_the_model_lacks_is_named() {
    let found = bench(&[MODEL, "--engine", "rten", "--input", "picture=1x3x8x8"]);
    assert_eq!(found.code, 69);
    assert!(found.stdout.contains("the model has no input `picture`; it has "), "{}", found.stdout);
}
