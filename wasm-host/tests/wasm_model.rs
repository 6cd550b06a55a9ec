//! The engine `wasm`: models that are WebAssembly modules, well-behaved and hostile.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{path::Path, sync::Arc};

use edgevision_wasm_host::nn::{
    DType, LoadOptions, Model, NnError, OutputBuf, Session, TensorView, load_model,
};

/// Two inputs of two and one floats, two outputs of one and two.
const TENSORS: &str = r#"{"inputs":[{"name":"pair","dtype":"f32","shape":[2]},{"name":"one","dtype":"f32","shape":[1,1]}],"outputs":[{"name":"sum","dtype":"f32","shape":[1]},{"name":"more","dtype":"f32","shape":[2,1]}]}"#;

/// A model whose `infer_model` has this body, after what else the module has.
fn wat(rest: &str, body: &str) -> String {
    let section = TENSORS.replace('"', "\\\"");
    format!(
        r#"(module (@custom "edgevision.model" "{section}") {rest}
            (func $infer (export "infer_model") (param $in i32) (param $n i32) (param $out i32) (param $m i32) (result i32)
                {body}))"#
    )
}

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
/// sum = all three inputs; more = the lengths that it was given.
const SUM: &str = "
    (f32.store (local.get $out) (f32.add (f32.load (local.get $in)) (f32.add (f32.load offset=4 (local.get $in)) (f32.load offset=8 (local.get $in)))))
    (f32.store offset=4 (local.get $out) (f32.convert_i32_u (local.get $n)))
    (f32.store offset=8 (local.get $out) (f32.convert_i32_u (local.get $m)))
    (i32.const 0)";

fn load_with(wat: &str, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.wasm");
    std::fs::write(&file, wat::parse_str(wat).unwrap()).unwrap();
    load_model(&file, "wasm", options)
}

fn load(wat: &str) -> Arc<dyn Model> {
    load_with(wat, &LoadOptions::default()).unwrap()
}

fn refusal(wat: &str) -> String {
    load_with(wat, &LoadOptions::default()).err().unwrap().to_string()
}

fn run(session: &mut dyn Session, pair: [f32; 2], one: f32) -> Result<(f32, Vec<f32>), NnError> {
    let (one, mut sum, mut more) = ([one], [0_f32; 1], [0_f32; 3]);
    let views = [
        TensorView { dtype: DType::F32, shape: &[2], data: bytemuck::cast_slice(&pair) },
        TensorView { dtype: DType::F32, shape: &[1, 1], data: bytemuck::cast_slice(&one) },
    ];
    let mut outputs = [bytemuck::cast_slice_mut(&mut sum), bytemuck::cast_slice_mut(&mut more)]
        .map(|data| OutputBuf { data, dtype: DType::U8, shape: vec![], len: 0 });
    session.run(&views, &mut outputs)?;
    assert_eq!((outputs[0].len, &outputs[1].shape[..], outputs[1].len), (4, &[2, 1][..], 8));
    Ok((sum[0], more[..2].to_vec()))
}

#[test]
fn tensors_go_in_and_out_one_behind_the_other_with_lengths_in_floats() {
    let model = load(&wat(MEMORY, SUM));
    assert_eq!(model.identity().engine, "wasm");
    let names: Vec<String> = model.inputs().iter().chain(model.outputs()).map(ToString::to_string).collect();
    assert_eq!(names, ["pair f32[2]", "one f32[1,1]", "sum f32[1]", "more f32[2,1]"]);
    let mut session = model.session().unwrap();
    for number in [1.0, 2.0, 3.0] {
        assert_eq!(run(&mut *session, [number, 10.0], 100.0).unwrap(), (110.0 + number, vec![3.0, 3.0]));
    }
}

#[test]
fn the_models_own_allocator_decides_where_tensors_are() {
    // It answers 1024, then 2048; the model tells the addresses.
    let allocator = r#"(global $next (mut i32) (i32.const 1024))"#;
    let take = "(local $at i32) (local.set $at (global.get $next)) (global.set $next (i32.const 2048)) (local.get $at)";
    let ours = format!(
        r#"{MEMORY} {allocator} (func (export "edgevision_alloc") (param i32 i32) (result i32) {take})"#
    );
    let malloc = format!(r#"{MEMORY} {allocator} (func (export "malloc") (param i32) (result i32) {take})"#);
    let tell = "(f32.store offset=4 (local.get $out) (f32.convert_i32_u (local.get $in)))
        (f32.store offset=8 (local.get $out) (f32.convert_i32_u (local.get $out))) (i32.const 0)";
    for rest in [ours, malloc] {
        let mut session = load(&wat(&rest, tell)).session().unwrap();
        assert_eq!(run(&mut *session, [0.0; 2], 0.0).unwrap().1, [1024.0, 2048.0]);
    }
    let wild = format!(r#"{MEMORY} (func (export "malloc") (param i32) (result i32) (i32.const 65532))"#);
    assert!(refusal(&wat(&wild, SUM)).contains("no room for 3 floats"), "{}", refusal(&wat(&wild, SUM)));
}

#[test]
fn an_error_is_told_with_its_number() {
    let mut session = load(&wat(MEMORY, "(i32.const 17)")).session().unwrap();
    let error = run(&mut *session, [0.0; 2], 0.0).unwrap_err();
    assert_eq!(error.to_string(), "the model's `infer_model` returned the error 17");
}

#[test]
fn after_a_trap_the_model_starts_anew() {
    // Counts its runs in a global; the second traps.
    let count = "(global.set $runs (i32.add (global.get $runs) (i32.const 1)))
        (if (i32.eq (global.get $runs) (i32.const 2)) (then unreachable))
        (f32.store (local.get $out) (f32.convert_i32_u (global.get $runs))) (i32.const 0)";
    let model = load(&wat(&format!("{MEMORY} (global $runs (mut i32) (i32.const 0))"), count));
    let mut session = model.session().unwrap();
    let mut runs = || run(&mut *session, [0.0; 2], 0.0).map(|outputs| outputs.0);
    assert_eq!(runs().unwrap(), 1.0);
    let trap = runs().unwrap_err().to_string();
    assert!(
        trap.contains("`infer_model` failed: wasm trap: wasm `unreachable` instruction executed"),
        "{trap}"
    );
    assert_eq!(runs().unwrap(), 1.0);
}

#[test]
fn memory_and_stack_have_limits() {
    let grows = "(if (i32.eq (memory.grow (i32.const 4096)) (i32.const -1)) (then (return (i32.const 5)))) (i32.const 0)";
    let model = wat(MEMORY, grows);
    let error = run(&mut *load(&model).session().unwrap(), [0.0; 2], 0.0).unwrap_err().to_string();
    assert!(error.contains("returned the error 5"), "{error}");
    let more = LoadOptions {
        session_options: [("memory_mib".into(), "300".into())].into(),
        ..LoadOptions::default()
    };
    run(&mut *load_with(&model, &more).unwrap().session().unwrap(), [0.0; 2], 0.0).unwrap();
    let recursion = "(call $infer (local.get $in) (local.get $n) (local.get $out) (local.get $m))";
    let error =
        run(&mut *load(&wat(MEMORY, recursion)).session().unwrap(), [0.0; 2], 0.0).unwrap_err().to_string();
    assert!(error.contains("call stack exhausted"), "{error}");
}

#[test]
fn what_is_no_model_is_refused_with_a_sentence() {
    let bare = |rest: &str| format!("(module {rest})");
    let section =
        |json: &str| bare(&format!(r#"(@custom "edgevision.model" "{}")"#, json.replace('"', "\\\"")));
    let table = [
        (
            bare(MEMORY),
            "does not say what its inputs and outputs are; give it a custom section `edgevision.model` such as {",
        ),
        (section("{"), "cannot be read (EOF while parsing"),
        (section(r#"{"inputs":[],"outputs":[]}"#), "has no input or no output"),
        (section(&TENSORS.replace("f32", "u8")), "a tensor `pair` of type u8, only f32 is possible"),
        (section(&TENSORS.replace("[2]", "[0]")), "the impossible shape [0]"),
        (section(&TENSORS.replace("[2]", "[4294967295,4294967295,4294967295]")), "the impossible shape"),
        (
            wat(
                r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32)))(memory (export "memory") 1)"#,
                SUM,
            ),
            "imports wasi_snapshot_preview1.fd_write; a model may import nothing",
        ),
        (wat("(memory 1)", "(i32.const 0)"), "exports no `memory`"),
        (
            section(TENSORS).replace("(module", &format!("(module {MEMORY}")),
            "does not export `infer_model(i32, i32, i32, i32) -> i32`",
        ),
        (wat(r#"(memory (export "memory") 60000)"#, SUM), "the limit is 268435456"),
        (
            wat(&format!("{MEMORY} (func $start (loop $l (br $l))) (start $start)"), SUM),
            "its start did not finish in time",
        ),
    ];
    for (wat, part) in table {
        let sentence = refusal(&wat);
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    for (name, value) in [("memory_mib", "0"), ("memory_mib", "much"), ("threads", "2")] {
        let options =
            LoadOptions { session_options: [(name.into(), value.into())].into(), ..LoadOptions::default() };
        let sentence = load_with(&wat(MEMORY, SUM), &options).err().unwrap().to_string();
        assert!(sentence.contains("memory_mib"), "{sentence}");
    }
    assert!(load_model(Path::new("/nowhere.wasm"), "wasm", &LoadOptions::default()).is_err());
}
