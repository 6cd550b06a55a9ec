//! Components as detectors: one attack for each way to harm the host through `wasi:nn` or the component's own border.
//! Each must be a counted event: the frame is marked, the next one is analysed as if nothing had happened, and nobody
//! else notices.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;
#[path = "support/component.rs"]
mod wrap;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, Status},
    job::{JobSpec, Stage},
    module::Module,
    nn::{
        Model, NnError,
        fake::{FakeModel, FakeTensor},
    },
};
use support::{ATTACK, Camera, analyzer, assert_ok, hashing_model, healthy, spec};

/// Class of the box that attackers report when they do not attack.
const WELL: u32 = 7;

fn job(detect: Arc<Module>, model: FakeModel) -> JobSpec {
    let model: Arc<dyn Model> = Arc::new(model);
    let stage = Stage { module: detect, params: serde_json::Value::Null };
    JobSpec { detect: stage, ..spec("copy_plane", "checksum", Some(model)) }
}

struct Arenas {
    camera: Camera,
    attacker: Box<dyn Analyzer>,
    bystander: Box<dyn Analyzer>,
}

impl Arenas {
    fn new(attack: &str, model: FakeModel) -> Self {
        let attacker = analyzer(job(wrap::attacker(attack), model));
        Self { camera: Camera::new(), attacker, bystander: healthy() }
    }

    fn good_frame(&mut self) {
        let (frame, hash) = self.camera.shoot(1);
        assert_ok(&self.attacker.analyze(&frame), WELL);
        assert_ok(&self.bystander.analyze(&frame), hash);
    }

    /// A good frame, the attack, good frames again; the attack may happen twice. What the attack came to.
    fn attack(&mut self) -> Analysis {
        self.good_frame();
        let (frame, hash) = self.camera.shoot(ATTACK);
        let first = self.attacker.analyze(&frame);
        assert_ok(&self.bystander.analyze(&frame), hash);
        self.good_frame();
        let (frame, _) = self.camera.shoot(ATTACK);
        assert_eq!(self.attacker.analyze(&frame).status, first.status);
        self.good_frame();
        first
    }
}

fn attack_on(model: FakeModel, attack: &str) -> Analysis {
    Arenas::new(attack, model).attack()
}

/// The attack ends as `trapped`, with a sentence that contains this.
#[track_caller]
fn assert_trapped(attack: &str, sentence: &str) {
    let analysis = attack_on(hashing_model(), attack);
    let message = analysis.message.unwrap();
    assert_eq!((analysis.status, analysis.detections.len()), (Status::Trapped, 0), "{message}");
    assert!(message.contains(sentence), "{message}");
    assert!(message.starts_with("module attacker: `detect` of frame 1"), "{message}");
}

#[track_caller]
fn assert_timeout(attack: &str) {
    let start = Instant::now();
    let analysis = attack_on(hashing_model(), attack);
    let message = analysis.message.unwrap();
    assert_eq!(analysis.status, Status::Timeout, "{message}");
    assert_eq!(message, "module attacker: `detect` of frame 1 did not finish within 200ms");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_component_runs_the_model_on_the_tensor_it_was_given() {
    // The model's answer is laid out as a detection.
    let run = r#"
        (call $run (i32.const 1032) (i32.const 7) (local.get $t))
        (if (i32.load8_u (i32.const 144)) (then (return (call $tell))))
        ;; Outputs are (name, tensor).
        (call $data (i32.load offset=8 (i32.load (i32.const 148))) (i32.const 160))
        (call $bare (i32.load (i32.const 160)))
        (call $found (i32.load (i32.const 160)) (i32.const 1))"#;
    let mut analyzer = analyzer(job(wrap::attacker(run), hashing_model()));
    let mut camera = Camera::new();
    for _ in 0..3 {
        let (frame, hash) = camera.shoot(ATTACK);
        let analysis = analyzer.analyze(&frame);
        assert_ok(&analysis, hash);
        // The tensor to the host and, for the first byte, to the guest; the output to the guest.
        assert_eq!(analysis.bytes_copied, 200 + 2 * 200 + 2 * 24);
        assert!(analysis.timings.inference > Duration::ZERO);
    }
}

#[test]
fn the_input_may_be_named_by_its_number() {
    let run = r#"
        (i32.store8 (i32.const 300) (i32.const 0x30))
        (call $run (i32.const 300) (i32.const 1) (local.get $t))
        (if (i32.load8_u (i32.const 144)) (then (return (call $tell))))
        (call $well)"#;
    let mut camera = Camera::new();
    let (frame, _) = camera.shoot(ATTACK);
    assert_ok(&analyzer(job(wrap::attacker(run), hashing_model())).analyze(&frame), WELL);
}

#[test]
fn traps() {
    assert_trapped("unreachable", "trapped: wasm trap: wasm `unreachable` instruction executed");
    // 3 is `error`: what a guest says before it traps is the reason.
    let said = "(call $log (i32.const 3) (i32.const 1040) (i32.const 7)) unreachable";
    assert_trapped(said, "trapped: no luck; wasm trap");
    let deep = "(call $attack (local.get $t))";
    assert_trapped(deep, "call stack exhausted");
    let greedy = "(drop (memory.grow (i32.const 1000))) unreachable";
    assert_trapped(greedy, "it had asked for 65667072 bytes of memory, the limit is 4194304");
}

#[test]
fn an_error_is_the_guests_own_sentence() {
    let analysis = attack_on(hashing_model(), "(call $sorry (i32.const 1040) (i32.const 7))");
    assert_eq!(analysis.status, Status::Trapped);
    assert_eq!(analysis.message.unwrap(), "module attacker: `detect` of frame 1: no luck");
}

#[test]
fn answers_that_lie() {
    assert_trapped("(call $found (i32.const 64) (i32.const 1001))", "reported more than 1000 detections");
    assert_trapped("(call $found (i32.const 64) (i32.const 0x7fffffff))", "trapped: ");
    assert_trapped("(call $found (i32.const 0x7ffffff0) (i32.const 1))", "trapped: ");
    assert_trapped("(call $found (i32.const 3) (i32.const 1))", "trapped: ");
    assert_trapped("(i32.const 0x7ffffff0)", "trapped: ");
    assert_trapped("(i32.store8 (i32.const 32) (i32.const 9)) (i32.const 32)", "trapped: ");
    assert_trapped("(call $sorry (i32.const 64) (i32.const -1))", "trapped: ");
    let not_utf8 =
        "(i32.store8 (i32.const 300) (i32.const 0xff)) (call $sorry (i32.const 300) (i32.const 1))";
    assert_trapped(not_utf8, "trapped: ");
    let nan = "(drop (call $well)) (f32.store (i32.const 64) (f32.const nan)) (call $found (i32.const 64) (i32.const 1))";
    assert_trapped(nan, "was wrong: detection 0 has a left edge that is not a finite number");
}

/// A box whose landmarks, attributes and tensors are lists of one, at 400; `$more` fills what they lie on.
fn with_extras(more: &str) -> String {
    format!(
        r#"(drop (call $well))
        (i32.store (i32.const 88) (i32.const 400)) (i32.store (i32.const 92) (i32.const 1))
        (i32.store (i32.const 96) (i32.const 500)) (i32.store (i32.const 100) (i32.const 1))
        (i32.store (i32.const 104) (i32.const 600)) (i32.store (i32.const 108) (i32.const 1))
        ;; landmark: x, y, option<f32>
        (f32.store (i32.const 400) (f32.const 3)) (f32.store (i32.const 404) (f32.const 99))
        (i32.store8 (i32.const 408) (i32.const 0))
        ;; attribute: name, label, option<u32>, option<f32>
        (i32.store (i32.const 500) (i32.const 1032)) (i32.store (i32.const 504) (i32.const 7))
        (i32.store (i32.const 508) (i32.const 1040)) (i32.store (i32.const 512) (i32.const 7))
        (i32.store8 (i32.const 516) (i32.const 1)) (i32.store (i32.const 520) (i32.const 4))
        (i32.store8 (i32.const 524) (i32.const 1)) (f32.store (i32.const 528) (f32.const 0.75))
        ;; raw-tensor: name, the frame's own
        (i32.store (i32.const 600) (i32.const 1024)) (i32.store (i32.const 604) (i32.const 5))
        (i32.store (i32.const 608) (local.get $t))
        {more} (call $found (i32.const 64) (i32.const 1))"#
    )
}

#[test]
fn what_belongs_to_a_detection_arrives_with_it() {
    let mut analyzer = analyzer(job(wrap::attacker(&with_extras("")), hashing_model()));
    let (frame, _) = Camera::new().shoot(ATTACK);
    let analysis = analyzer.analyze(&frame);
    assert_eq!((analysis.status, analysis.message.as_deref()), (Status::Ok, None));
    let extras = analysis.detections[0].extras.clone().unwrap();
    let point = extras.landmarks.as_ref().unwrap().points[0];
    assert_eq!((point.x, point.y, point.confidence), (3.0, 10.0, None), "clipped to the frame");
    let attribute = &extras.attributes[0];
    assert_eq!((&attribute.name[..], &attribute.label[..]), ("picture", "no luck"));
    assert_eq!((attribute.label_id, attribute.confidence), (Some(4), Some(0.75)));
    let tensor = &extras.tensors[0];
    assert_eq!((&tensor.name[..], &tensor.dims[..], tensor.data[0]), ("model", &[10, 20][..], ATTACK));
}

#[test]
fn extras_that_lie() {
    let nowhere = with_extras("(f32.store (i32.const 400) (f32.const inf))");
    assert_trapped(&nowhere, "was wrong: detection 0");
    let name = with_extras("(i32.store (i32.const 500) (i32.const 1040))");
    assert_trapped(&name, "reported an attribute called `no luck`; allowed are");
    let many = with_extras("(i32.store (i32.const 92) (i32.const 9000))");
    assert_trapped(&many, "trapped: ");
    let twice = with_extras(
        "(memory.copy (i32.const 612) (i32.const 600) (i32.const 12)) (i32.store (i32.const 108) (i32.const 2))",
    );
    assert_trapped(&twice, "trapped: ");
    let lying = r#"(i32.store (i32.const 608)
        (call $tensor (i32.const 0) (i32.const 1) (i32.const 4) (i32.const 0) (i32.const 3)))"#;
    assert_trapped(&with_extras(lying), "reported tensor `model` with 3 bytes, u8 [0] needs others");
}

#[test]
fn endless_work_ends_at_the_deadline() {
    assert_timeout("(loop $l (br $l)) unreachable");
    let tensors = r#"(loop $l
        (call $drop (call $tensor (i32.const 0) (i32.const 1) (i32.const 4) (i32.const 0) (i32.const 65536)))
        (br $l)) unreachable"#;
    assert_timeout(tensors);
    let contexts =
        "(call $by_name (i32.const 1024) (i32.const 5) (i32.const 128)) (loop $l (br $l)) unreachable";
    assert_timeout(contexts);
}

#[test]
fn what_a_guest_makes_the_host_keep_is_limited() {
    let many = r#"(loop $l
        (drop (call $tensor (i32.const 0) (i32.const 1) (i32.const 4) (i32.const 0) (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000)))) (call $well)"#;
    assert_trapped(many, "trapped: resource table has no free keys");
    let large = r#"(loop $l
        (drop (call $tensor (i32.const 0) (i32.const 1) (i32.const 4) (i32.const 0) (i32.const 131072)))
        (br $l)) unreachable"#;
    assert_trapped(large, "trapped: holds tensors of 4194504 bytes, the memory limit is 4194304");
    let dims = r#"(drop (call $tensor (i32.const 0) (i32.const 9) (i32.const 4) (i32.const 0) (i32.const 0)))
        unreachable"#;
    assert_trapped(dims, "trapped: made a tensor of 9 dimensions, at most 8 are possible");
    let graphs =
        "(loop $l (call $by_name (i32.const 1024) (i32.const 5) (i32.const 128)) (br $l)) unreachable";
    assert_trapped(graphs, "trapped: resource table has no free keys");
    let contexts = "(loop $l (drop (call $open)) (br $l)) unreachable";
    assert_trapped(contexts, "trapped: resource table has no free keys");
}

#[test]
fn tensors_of_earlier_frames_are_not_kept_for_ever() {
    let mut arenas = Arenas::new("(call $well)", hashing_model());
    let mut kept = 0;
    let refused = loop {
        let (frame, _) = arenas.camera.shoot(ATTACK);
        let analysis = arenas.attacker.analyze(&frame);
        if analysis.status != Status::Ok {
            break analysis;
        }
        kept += 1;
        assert!(kept < 1000, "a tensor for each of {kept} frames is still there");
    };
    assert_eq!(refused.status, Status::Trapped);
    let message = refused.message.unwrap();
    assert!(
        message.ends_with("has not dropped tensors of earlier frames: resource table has no free keys"),
        "{message}"
    );
    arenas.good_frame();
}

#[test]
fn what_a_guest_passes_to_the_host_in_one_call_is_limited() {
    // 8192 times the same 128 KiB.
    let lists = r#"(loop $l
        (i32.store offset=65536 (i32.mul (local.get $i) (i32.const 8)) (i32.const 0))
        (i32.store offset=65540 (i32.mul (local.get $i) (i32.const 8)) (i32.const 131072))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 8192))))
        (call $load (i32.const 65536) (i32.const 8192) (i32.const 1) (i32.const 0) (i32.const 128))
        unreachable"#;
    assert_trapped(lists, "trapped: too much data is being copied between the host and the guest");
    let name = "(call $by_name (i32.const 2048) (i32.const 60000) (i32.const 128)) unreachable";
    assert_trapped(
        name,
        "`detect` of frame 1 asked for a model by a name of 60000 bytes, at most 256 are possible",
    );
    let ignored = "(call $by_name (i32.const 2048) (i32.const 60000) (i32.const 128)) (call $drop (local.get $t)) (call $well)";
    assert_trapped(ignored, "asked for a model by a name of 60000 bytes");
    // A long line is cut, and its end is not looked for beyond the memory.
    let line = "(call $log (i32.const 1) (i32.const 131071) (i32.const 2)) unreachable";
    assert_trapped(line, "trapped: ");
}

#[test]
fn names_that_are_not_known_are_refused_and_not_for_ever() {
    let one = r#"(call $by_name (i32.const 1040) (i32.const 7) (i32.const 144)) (call $tell)"#;
    assert_trapped(one, "`detect` of frame 1: failed to find graph with name: no luck");
    let many = r#"(loop $l
        (call $by_name (i32.const 1040) (i32.const 7) (i32.const 144))
        (call $drop_error (i32.load (i32.const 148)))
        (br $l)) unreachable"#;
    assert_trapped(many, "was refused by the model interface more than 16 times in one call");
}

#[test]
fn a_model_of_the_guests_own_is_refused_in_every_encoding() {
    for encoding in 0..7 {
        let load = format!(
            "(call $load (i32.const 0) (i32.const 0) (i32.const {encoding}) (i32.const 0) (i32.const 144)) (call $tell)"
        );
        assert_trapped(
            &load,
            "(models of a component's own are not granted; load the job's with load-by-name(\"model\"))",
        );
    }
    let unknown =
        "(call $load (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 0) (i32.const 144)) (call $tell)";
    assert_trapped(unknown, "trapped: ");
}

#[test]
fn inputs_that_do_not_fit_are_errors() {
    let wrong_name = "(call $run (i32.const 1040) (i32.const 7) (local.get $t)) (call $tell)";
    assert_trapped(wrong_name, "(the model has no input `no luck`, it has picture)");
    let none = "(call $compute (call $open) (i32.const 200) (i32.const 0) (i32.const 144)) (call $tell)";
    assert_trapped(none, "(the model's input `picture` is not given)");
    // ty: 0 fp16, 1 fp32, 2 fp64, 3 bf16, 4 u8, 5 i32, 6 i64; 2 x 3, 6 bytes.
    let with = |ty: u32, bytes: u32| {
        format!(
            r#"(i32.store (i32.const 300) (i32.const 2)) (i32.store (i32.const 304) (i32.const 3))
            (call $run (i32.const 1032) (i32.const 7)
              (call $tensor (i32.const 300) (i32.const 2) (i32.const {ty}) (i32.const 0) (i32.const {bytes})))
            (call $tell)"#
        )
    };
    assert_trapped(&with(1, 24), "(the model's input is picture u8[?,?], but it was given f32[2,3])");
    assert_trapped(&with(2, 48), "(the input `picture` is given as fp64, no engine takes it)");
    assert_trapped(&with(3, 12), "(the input `picture` is given as bf16, no engine takes it)");
    assert_trapped(&with(4, 5), "(input picture: 5 bytes were given where its dimensions make 6)");
    let huge = r#"(i32.store (i32.const 300) (i32.const -1)) (i32.store (i32.const 304) (i32.const -1))
        (call $run (i32.const 1032) (i32.const 7)
          (call $tensor (i32.const 300) (i32.const 2) (i32.const 4) (i32.const 0) (i32.const 6))) (call $tell)"#;
    assert_trapped(huge, "(input picture: 6 bytes were given where its dimensions make");
}

#[test]
fn handles_that_are_not_the_guests_are_traps() {
    assert_trapped("(call $drop (i32.const 77)) unreachable", "trapped: ");
    assert_trapped(
        "(call $compute (i32.const 0) (i32.const 200) (i32.const 0) (i32.const 144)) unreachable",
        "trapped: ",
    );
    // A tensor where a context belongs.
    assert_trapped(
        "(call $compute (local.get $t) (i32.const 200) (i32.const 0) (i32.const 144)) unreachable",
        "trapped: ",
    );
    // The same tensor twice.
    let twice = r#"(i32.store (i32.const 200) (i32.const 1032)) (i32.store (i32.const 204) (i32.const 7))
        (i32.store (i32.const 208) (local.get $t))
        (i32.store (i32.const 212) (i32.const 1032)) (i32.store (i32.const 216) (i32.const 7))
        (i32.store (i32.const 220) (local.get $t))
        (call $compute (call $open) (i32.const 200) (i32.const 2) (i32.const 144)) unreachable"#;
    assert_trapped(twice, "trapped: ");
    assert_trapped(
        "(call $drop (local.get $t)) (call $data (local.get $t) (i32.const 16)) unreachable",
        "trapped: ",
    );
}

const RUN: &str = r#"(call $run (i32.const 1032) (i32.const 7) (local.get $t))
    (if (i32.load8_u (i32.const 144)) (then (return (call $tell)))) (call $well)"#;

#[test]
fn an_engine_that_fails_or_panics_costs_a_frame() {
    let failing = attack_on(hashing_model().failing("the engine is out of order"), RUN);
    assert_eq!(failing.status, Status::Trapped);
    assert!(failing.message.unwrap().ends_with("(the engine is out of order)"));
    let panicking = hashing_model().answering(|_, _| panic!("engine"));
    let panicked = attack_on(panicking, RUN);
    assert_eq!(panicked.status, Status::Trapped);
    assert!(panicked.message.unwrap().ends_with("(the inference engine panicked)"));
}

#[test]
fn an_engine_that_is_slow_costs_a_frame() {
    let analysis = attack_on(hashing_model().slow(Duration::from_millis(300)), RUN);
    assert_eq!(analysis.status, Status::Timeout, "{:?}", analysis.message);
}

#[test]
fn outputs_larger_than_announced_are_taken_and_than_allowed_refused() {
    let answers = |floats: usize| {
        let model = hashing_model();
        model.answering(move |_, _| Ok(vec![FakeTensor::f32([floats], vec![0.0; floats])]))
    };
    let mut camera = Camera::new();
    let (frame, _) = camera.shoot(ATTACK);
    assert_ok(&analyzer(job(wrap::attacker(RUN), answers(1000))).analyze(&frame), WELL);
    let analysis = attack_on(answers(2 << 20), RUN);
    let message = analysis.message.unwrap();
    assert!(message.contains("(the model's outputs: holds tensors of "), "{message}");
    let growing = hashing_model()
        .answering(|run, _| Ok(vec![FakeTensor::f32([100 + 100 * run], vec![0.0; 100 + 100 * run])]));
    let message = attack_on(growing, RUN).message.unwrap();
    assert!(message.contains("bytes, the buffer has"), "{message}");
    let lying =
        hashing_model().answering(|_, _| Err(NnError::OutputTooSmall { index: 0, needed: 1, capacity: 0 }));
    let message = attack_on(lying, RUN).message.unwrap();
    assert!(message.contains("output 0 needs 1 bytes"), "{message}");
}
