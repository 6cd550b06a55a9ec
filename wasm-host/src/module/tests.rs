//! The words in which modules are refused, and what is read from those that are not.

use std::{fs, time::Instant};

use super::*;

/// A module that can be used, in the parts that the tests exchange.
#[derive(Clone, Copy)]
struct Parts {
    imports: &'static str,
    memory: &'static str,
    version: &'static str,
    alloc: &'static str,
    init: &'static str,
    roles: &'static str,
    more: &'static str,
}

const GOOD: Parts = Parts {
    imports: "",
    memory: r#"(memory (export "memory") 2 300)"#,
    version: r#"(func (export "edgevision_abi_version") (result i32) (i32.const 1))"#,
    alloc: r#"(func (export "edgevision_alloc") (param i32 i32) (result i32) (i32.const 8))"#,
    init: r#"(func (export "edgevision_init") (result i32) (i32.const 0))"#,
    roles: r#"(func (export "detect") (param i32) (result i32) (i32.const 0))"#,
    more: "",
};

const PREPROCESS: &str = r#"
    (func (export "preprocess") (param i32 i32) (result i32) (i32.const 0))
    (func (export "preprocess_tensor_bytes") (result i32) (i32.const 64))"#;

impl Parts {
    fn wasm(&self) -> Vec<u8> {
        let Parts { imports, memory, version, alloc, init, roles, more } = self;
        wat::parse_str(format!("(module {imports} {memory} {version} {alloc} {init} {roles} {more})"))
            .unwrap()
    }
}

fn refusal(bytes: &[u8]) -> String {
    Module::from_bytes("filters/belt.wasm", bytes).unwrap_err().to_string()
}

fn custom(name: &str, text: &str) -> String {
    format!("(@custom \"{name}\" \"{}\")", text.replace('"', "\\\""))
}

#[test]
fn a_good_module_tells_what_it_is() {
    let description = custom(
        "edgevision.module",
        r#"{"name":"belt","version":"1.2.0","description":"Counts bottles.","stateful":true}"#,
    );
    let schema = custom("edgevision.params", r#"{"type":"object"}"#);
    let parts = Parts {
        imports: r#"(import "edgevision" "infer" (func (param i32 i32 i32 i32) (result i32)))"#,
        roles: PREPROCESS,
        more: format!("{} {description} {schema}", GOOD.roles).leak(),
        ..GOOD
    };
    let wasm = parts.wasm();
    let module = Module::from_bytes("filters/other.wasm", &wasm).unwrap();
    let info = module.info();
    assert_eq!((info.name.as_str(), info.version.as_deref()), ("belt", Some("1.2.0")));
    assert_eq!(info.description.as_deref(), Some("Counts bottles."));
    assert_eq!(info.roles, [Role::Preprocess, Role::Detect]);
    assert_eq!(info.imports, ["edgevision.infer"]);
    assert_eq!((info.memory_min_pages, info.memory_max_pages), (2, Some(300)));
    assert_eq!(info.params_schema, Some(serde_json::json!({"type": "object"})));
    assert!(info.stateful);
    assert_eq!((info.byte_len, info.sha256.len(), info.abi_version), (wasm.len(), 64, Some(1)));
}

#[test]
fn a_module_without_a_description_is_named_after_its_file() {
    let module = Module::from_bytes("filters/belt.wasm", &GOOD.wasm()).unwrap();
    assert_eq!(module.info().name, "belt");
    assert!(!module.info().stateful);
}

#[test]
fn the_same_bytes_are_compiled_once() {
    let (first, second) = (GOOD.wasm(), GOOD.wasm());
    let first = Module::from_bytes("a/belt.wasm", &first).unwrap();
    let second = Module::from_bytes("b/belt.wasm", &second).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn a_module_may_import_everything_on_the_list_at_once() {
    let list = |count: usize, kind: &str| {
        if count == 0 { String::new() } else { format!("({kind}{})", " i32".repeat(count)) }
    };
    let lines = IMPORTS.iter().map(|import| {
        let (params, results) =
            (list(import.signature.params, "param"), list(import.signature.results, "result"));
        format!("(import \"{}\" \"{}\" (func {params} {results}))", import.module, import.name)
    });
    let parts = Parts { imports: lines.collect::<String>().leak(), ..GOOD };
    let module = Module::from_bytes("all.wasm", &parts.wasm()).unwrap();
    assert_eq!(module.info().imports.len(), IMPORTS.len());
}

#[test]
fn what_is_no_module_is_told_apart() {
    let mut damaged = GOOD.wasm();
    damaged.truncate(damaged.len() - 3);
    let table: [(&[u8], &str); 7] = [
        (b"", "this is an empty file; a WebAssembly module (.wasm) is wanted"),
        (
            b"cameras:\n  - name: a\n",
            "this is not WebAssembly but a text file; a WebAssembly module (.wasm) is wanted",
        ),
        (
            b"\n(module)",
            "this is WebAssembly text, which has to be compiled (wat2wasm, wasm-tools parse); a WebAssembly module \
             (.wasm) is wanted",
        ),
        (
            b"\x08\x08\x12\x07pytorch\xff",
            "this is not WebAssembly but probably an ONNX model, which belongs under `model`; a WebAssembly module \
             (.wasm) is wanted",
        ),
        (b"\x7fELF\xff\xfe", "this is not WebAssembly; a WebAssembly module (.wasm) is wanted"),
        (
            b"\0asm\x02\0",
            "this is damaged WebAssembly (its header is incomplete or of an unknown version); build or copy it again",
        ),
        (
            &damaged,
            "this is damaged WebAssembly (unexpected end-of-file (at offset 0x8e)); build or copy it again",
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(refusal(bytes), format!("filters/belt.wasm: {expected}"));
    }
}

/// What is told of a component first.
fn component_problem(text: &str) -> String {
    refusal(&wat::parse_str(format!("(component {text})")).unwrap())
}

#[test]
fn components_that_break_the_contract_are_refused_with_one_sentence() {
    let detects = r#"(instance $d) (export "edgevision:detector/detect@0.1.0" (instance $d))"#;
    let import = |name: &str| format!(r#"(import "{name}" (instance)) {detects}"#);
    let table = [
        (
            String::new(),
            "is a component that exports nothing, so there is nothing it could do here; one that exports \
             `edgevision:detector/detect@0.1.0` is a detector (guest-filters/wit)",
        ),
        (
            r#"(instance $d) (export "run" (instance $d))"#.into(),
            "is a component that exports `run`, so there is nothing it could do here; one that exports \
             `edgevision:detector/detect@0.1.0` is a detector (guest-filters/wit)",
        ),
        (
            detects.replace("0.1.0", "0.2.0"),
            "is a component that exports `edgevision:detector/detect@0.2.0`, this host has \
             `edgevision:detector/detect@0.1.0`; build it again with the matching WIT",
        ),
        (
            import("wasi:cli/environment@0.2.3"),
            "imports `wasi:cli/environment@0.2.3`, but components get no files, clocks or other WASI; build its module \
             for wasm32-unknown-unknown",
        ),
        (
            import("wasi:nn/tensor@0.2.0"),
            "imports `wasi:nn/tensor@0.2.0`, this host has `wasi:nn/tensor@0.2.0-rc-2024-10-28`; build it again with \
             the WIT of that version",
        ),
        (
            import("acme:camera/shutter"),
            "imports `acme:camera/shutter`, which no component may have; allowed are edgevision:detector/log@0.1.0, \
             wasi:nn/tensor@0.2.0-rc-2024-10-28, wasi:nn/graph@0.2.0-rc-2024-10-28, \
             wasi:nn/inference@0.2.0-rc-2024-10-28, wasi:nn/errors@0.2.0-rc-2024-10-28",
        ),
        (
            format!("(core module (memory 1)) (core module (memory 2)) {detects}"),
            "is a component with 2 memories; at most one is allowed",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(component_problem(&text), format!("filters/belt.wasm: {expected}"));
    }
    let feature = component_problem(&format!("(core module (memory i64 1)) {detects}"));
    assert!(feature.contains("uses a WebAssembly feature that modules must do without"), "{feature}");
}

#[test]
fn a_component_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("belt.wasm");
    let text = r#"(component
        (import "edgevision:detector/log@0.1.0" (instance))
        (core module (memory 3 9) (@custom "edgevision.module" "{\"version\":\"2\",\"stateful\":true}"))
        (component (import "inner" (instance)))
        (instance $d) (export "edgevision:detector/detect@0.1.0" (instance $d)))"#;
    fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    let (info, problems) = inspect(&path).unwrap();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((info.name.as_str(), info.version.as_deref()), ("belt", Some("2")));
    assert_eq!((&info.roles[..], info.stateful), (&[Role::Detect][..], true));
    assert_eq!(info.imports, ["edgevision:detector/log@0.1.0"]);
    assert_eq!((info.memory_min_pages, info.memory_max_pages), (3, Some(9)));
    assert_eq!((info.world.as_deref(), info.abi_version), (Some("edgevision:detector@0.1.0"), None));
}

#[test]
fn modules_that_break_the_contract_are_refused_with_one_sentence() {
    let table: [(Parts, &str); 17] = [
        (
            Parts {
                version: r#"(func (export "edgevision_abi_version") (result i32) (i32.const 2))"#,
                ..GOOD
            },
            "built for ABI version 2, this host has version 1; build it again with the matching SDK",
        ),
        (
            Parts { version: "", ..GOOD },
            "does not export `edgevision_abi_version` () -> i32; build it with the edgevision SDK",
        ),
        (
            Parts { alloc: "", ..GOOD },
            "does not export `edgevision_alloc` (i32, i32) -> i32; build it with the edgevision SDK",
        ),
        (
            Parts { init: r#"(global (export "edgevision_init") i32 (i32.const 0))"#, ..GOOD },
            "exports `edgevision_init` as a global, it has to be () -> i32; build it with the matching SDK",
        ),
        (
            Parts { roles: "", memory: r#"(memory (export "memory") 1)"#, ..GOOD },
            "exports none of `preprocess`, `detect` and `filter`, so there is nothing it could do here (it exports memory, \
             edgevision_abi_version, edgevision_alloc, edgevision_init); build it with the edgevision SDK",
        ),
        (
            Parts { roles: r#"(func (export "detect") (param i32 i64) (result f32) (f32.const 0))"#, ..GOOD },
            "exports `detect` as (i32, i64) -> f32, it has to be (i32) -> i32; build it with the matching SDK",
        ),
        (
            Parts {
                roles: r#"(func (export "preprocess") (param i32 i32) (result i32) (i32.const 0))"#,
                ..GOOD
            },
            "does not export `preprocess_tensor_bytes` () -> i32; build it with the edgevision SDK",
        ),
        (
            Parts { imports: r#"(import "env" "open" (func))"#, ..GOOD },
            "imports `env.open`, which no module may have; allowed are the functions of edgevision (log, fail, \
             params_len, params_read, emit, landmarks, attribute, tensor, suggest, infer) and wasi_ephemeral_nn (load, \
             load_by_name, init_execution_context, set_input, compute, get_output)",
        ),
        (
            Parts {
                imports: r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
                ..GOOD
            },
            "imports `wasi_snapshot_preview1.fd_write`, but modules get no files, clocks or other WASI; build it for \
             wasm32-unknown-unknown",
        ),
        (
            Parts { imports: r#"(import "edgevision" "log" (func (param i32)))"#, ..GOOD },
            "imports `edgevision.log` as (i32) -> (), the host offers (i32, i32, i32) -> (); build it with the \
             matching SDK",
        ),
        (
            Parts { imports: r#"(import "edgevision" "emit" (global i32))"#, ..GOOD },
            "imports `edgevision.emit` as a global, the host offers (i32, i32) -> i32; build it with the matching SDK",
        ),
        (
            Parts { imports: r#"(import "edgevision" "log" (memory 1))"#, memory: "", ..GOOD },
            "imports its memory; it has to export one of its own as `memory`",
        ),
        (Parts { memory: "", ..GOOD }, "exports no memory; export its one linear memory as `memory`"),
        (
            Parts { memory: "(memory 1)", ..GOOD },
            "exports no memory; export its one linear memory as `memory`",
        ),
        (
            Parts { memory: r#"(memory (export "memory") 1) (memory 1)"#, ..GOOD },
            "has 2 memories; exactly one is allowed, exported as `memory`",
        ),
        (
            Parts { memory: r#"(memory (export "memory") i64 1)"#, ..GOOD },
            "has a 64-bit memory; build it for wasm32",
        ),
        (
            Parts { memory: r#"(memory (export "memory") 1 2 shared)"#, ..GOOD },
            "has a shared memory; build it without threads",
        ),
    ];
    for (parts, expected) in table {
        assert_eq!(refusal(&parts.wasm()), format!("filters/belt.wasm: {expected}"));
    }
}

#[test]
fn sections_that_cannot_be_read_are_refused() {
    let with = |name, text| refusal(&Parts { more: custom(name, text).leak(), ..GOOD }.wasm());
    assert_eq!(
        with("edgevision.module", "[1]"),
        "filters/belt.wasm: its section `edgevision.module` is not a JSON object; build it again with the SDK"
    );
    assert_eq!(
        with("edgevision.params", "{"),
        "filters/belt.wasm: its section `edgevision.params` is not JSON (EOF while parsing an object at line 1 column \
         1); build it again with the SDK"
    );
}

#[test]
fn features_that_the_engine_lacks_are_refused_before_compiling() {
    let parts = Parts { more: r#"(func (param externref))"#, ..GOOD };
    let text = refusal(&parts.wasm());
    let expected = "filters/belt.wasm: uses a WebAssembly feature that modules must do without (";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn what_examine_lets_pass_the_engine_compiles() {
    let more = r#"
        (table 1 funcref) (elem (i32.const 0) func $v)
        (func $v (param v128) (result v128 i32) (i32x4.add (local.get 0) (v128.const i64x2 1 2)) (i32.const 1))
        (func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))
        (func $tail (param i64) (result i64) (return_call $tail (i64.extend8_s (local.get 0))))
        (func (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
        (global (mut i32) (i32.add (i32.const 1) (i32.const 2)))"#;
    Module::from_bytes("features.wasm", &Parts { more, ..GOOD }.wasm()).unwrap();
}

#[test]
fn a_version_that_is_computed_is_asked_for_by_running() {
    let computed = |value| {
        let version = format!(
            r#"(global $v (mut i32) (i32.const 0))
            (func (export "_initialize") (global.set $v (i32.const {value})))
            (func (export "edgevision_abi_version") (result i32) (global.get $v))"#
        );
        Parts { version: version.leak(), ..GOOD }.wasm()
    };
    let module = Module::from_bytes("computed.wasm", &computed(1)).unwrap();
    assert_eq!(module.info().abi_version, Some(1));
    assert_eq!(
        refusal(&computed(7)),
        "filters/belt.wasm: built for ABI version 7, this host has version 1; build it again with the matching SDK"
    );
}

#[test]
fn a_version_that_never_comes_is_refused() {
    let with = |body: &str| {
        let version = format!(r#"(func $f (export "edgevision_abi_version") (result i32) {body})"#);
        refusal(
            &Parts {
                version: version.leak(),
                imports: r#"(import "edgevision" "fail" (func $fail (param i32 i32)))"#,
                ..GOOD
            }
            .wasm(),
        )
    };
    let prefix = "filters/belt.wasm: does not tell its ABI version: calling `edgevision_abi_version` failed";
    let started = Instant::now();
    assert_eq!(with("(loop $l (br $l)) (unreachable)"), format!("{prefix} (wasm trap: interrupt)"));
    assert!(started.elapsed().as_secs() < 5, "the deadline is one second");
    assert_eq!(
        with("(unreachable)"),
        format!("{prefix} (wasm trap: wasm `unreachable` instruction executed)")
    );
    assert_eq!(with("(call $f)"), format!("{prefix} (wasm trap: call stack exhausted)"));
    let import = with("(call $fail (i32.const 0) (i32.const 0)) (i32.const 1)");
    assert!(import.starts_with(prefix), "{import}");
}

#[test]
fn a_module_that_is_asked_for_its_version_gets_little_memory() {
    // The answer is 1 if the memory could grow by so many pages.
    let refused = |pages: u32, more: u32| {
        let memory = format!(r#"(memory (export "memory") {pages})"#);
        let version = format!(
            r#"(func (export "edgevision_abi_version") (result i32)
                (i32.add (i32.const 1) (i32.eq (memory.grow (i32.const {more})) (i32.const -1))))"#
        );
        let wasm = Parts { memory: memory.leak(), version: version.leak(), ..GOOD }.wasm();
        Module::from_bytes("greedy.wasm", &wasm).is_err()
    };
    assert!(!refused(0, 256) && !refused(100, 256), "16 MiB more");
    assert!(refused(0, 257) && refused(0, 65536) && refused(100, 257));
    assert!(refused(65536, 0), "256 MiB in all");
}

#[test]
fn what_a_module_says_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.wasm");
    let evil = r#"{"name":"be\\u001b[2Jlt","version":"1\\n2","description":"\\u202etxt"}"#;
    let parts = Parts {
        imports: r#"(import "e\1bnv" "op\nen" (func))"#,
        roles: r#"(func (export "\1b[2Jno role"))"#,
        more: custom("edgevision.module", evil).leak(),
        ..GOOD
    };
    fs::write(&path, parts.wasm()).unwrap();
    let (info, problems) = inspect(&path).unwrap();
    assert_eq!(info.name, "be[2Jlt");
    assert_eq!((info.version.as_deref(), info.description.as_deref()), (Some("12"), Some("txt")));
    assert_eq!(info.imports, ["env.open"]);
    let shown = problems.concat();
    assert!(shown.contains("[2Jno role") && !shown.contains(char::is_control), "{shown:?}");
    let twice = r#"(func (export "\1b[2J")) (func (export "\1b[2J"))"#;
    fs::write(&path, wat::parse_str(format!("(module {twice})")).unwrap()).unwrap();
    let error = inspect(&path).unwrap_err().to_string();
    assert!(error.contains("[2J") && !error.contains(char::is_control), "{error:?}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing.wasm"), folder.path().join("empty.wasm"));
    fs::write(&empty, "").unwrap();
    let text = |path: &Path| Module::load(path).unwrap_err().to_string();
    assert_eq!(
        text(&missing),
        format!(
            "{}: the module cannot be read (No such file or directory (os error 2)); check the path and its permissions",
            missing.display()
        )
    );
    assert_eq!(
        text(&empty),
        format!("{}: this is an empty file; a WebAssembly module (.wasm) is wanted", empty.display())
    );
    let pipe = folder.path().join("pipe.wasm");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(text(&pipe).contains("(not a regular file)"));
}

#[test]
fn inspect_shows_modules_that_load_refuses_and_lists_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.wasm");
    let version = r#"(func (export "edgevision_abi_version") (result i32) (i32.const 3))"#;
    fs::write(&path, Parts { version, init: "", imports: r#"(import "env" "open" (func))"#, ..GOOD }.wasm())
        .unwrap();
    let (info, problems) = inspect(&path).unwrap();
    assert_eq!(
        (info.name.as_str(), &info.roles[..], info.abi_version),
        ("odd", &[Role::Detect][..], Some(3))
    );
    let about = |word: &str| problems.iter().any(|problem| problem.contains(word));
    assert!(about("env.open") && about("edgevision_init") && about("ABI version 3"), "{problems:#?}");
    assert_eq!(problems.len(), 3);
    fs::write(&path, GOOD.wasm()).unwrap();
    assert_eq!(inspect(&path).unwrap().1, Vec::<String>::new());
}
