//! One module for each way to attack the host (`tests/wat`). Each attack must be a counted event: the frame is
//! marked, the next one is analysed as if nothing had happened, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::{Analysis, Analyzer, Status},
    job::{Job, JobSpec},
    nn::Model,
};
use support::{ATTACK, Camera, analyzer, assert_ok, hashing_model, healthy, spec, stage};

/// Class of the box that attackers report when they do not attack.
const WELL: u32 = 7;

/// What stays the same in every test: an attacker, and a bystander that must not notice.
struct Arenas {
    camera: Camera,
    attacker: Box<dyn Analyzer>,
    /// Class of the attacker's box on a good frame; `None` when it is the hash of the frame.
    well: Option<u32>,
    bystander: Box<dyn Analyzer>,
}

impl Arenas {
    fn new(spec: JobSpec, well: Option<u32>) -> Self {
        Self { camera: Camera::new(), attacker: analyzer(spec), well, bystander: healthy() }
    }

    fn good_frame(&mut self) {
        let (frame, hash) = self.camera.shoot(1);
        assert_ok(&self.attacker.analyze(&frame), self.well.unwrap_or(hash));
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

fn attack_by_detect(name: &str) -> Analysis {
    Arenas::new(spec("copy_plane", name, None), Some(WELL)).attack()
}

fn attack_on_model(name: &str) -> Analysis {
    let model: Arc<dyn Model> = Arc::new(hashing_model());
    Arenas::new(spec("copy_plane", name, Some(model)), Some(WELL)).attack()
}

fn attack_by_preprocess(name: &str) -> Analysis {
    Arenas::new(spec(name, "checksum", None), None).attack()
}

#[track_caller]
fn assert_failed(analysis: &Analysis, status: Status, message: &str) {
    assert_eq!((analysis.status, analysis.message.as_deref()), (status, Some(message)));
    assert_eq!(analysis.detections, []);
}

#[track_caller]
fn assert_trapped(analysis: &Analysis, message: &str) {
    assert_failed(analysis, Status::Trapped, message);
}

#[test]
fn trap_unreachable() {
    assert_trapped(
        &attack_by_detect("trap_unreachable"),
        "module trap_unreachable: `detect` of frame 1 trapped: wasm trap: wasm `unreachable` instruction executed",
    );
}

#[test]
fn name_with_escapes() {
    assert_trapped(
        &attack_by_detect("name_with_escapes"),
        "module belt[2JERROR all is lost: `detect` of frame 1 trapped: wasm trap: wasm `unreachable` instruction \
         executed",
    );
}

#[test]
fn endless_loop() {
    let start = Instant::now();
    let analysis = attack_by_detect("endless_loop");
    assert_failed(
        &analysis,
        Status::Timeout,
        "module endless_loop: `detect` of frame 1 did not finish within 200ms",
    );
    assert!(start.elapsed() < Duration::from_secs(5), "two attacks took {:?}", start.elapsed());
    assert!(analysis.timings.postprocess >= Duration::from_millis(150), "{:?}", analysis.timings);
}

#[test]
fn preprocess_never_returns() {
    assert_failed(
        &attack_by_preprocess("preprocess_never_returns"),
        Status::Timeout,
        "module preprocess_never_returns: `preprocess` of frame 1 did not finish within 200ms",
    );
}

#[test]
fn deep_recursion() {
    let message = attack_by_detect("deep_recursion").message.unwrap();
    let expected =
        "module deep_recursion: `detect` of frame 1 trapped: wasm trap: call stack exhausted, in `deeper`";
    assert_eq!(message, expected);
}

#[test]
fn memory_fill_window() {
    assert_trapped(
        &attack_by_preprocess("memory_fill_window"),
        "module memory_fill_window: `preprocess` of frame 1 wrote into a read-only window",
    );
}

#[test]
fn memory_copy_window() {
    assert_trapped(
        &attack_by_preprocess("memory_copy_window"),
        "module memory_copy_window: `preprocess` of frame 1 wrote into a read-only window",
    );
}

#[test]
fn memory_copy_64_window() {
    let analysis = attack_by_preprocess("memory_copy_64_window");
    assert_eq!(analysis.status, Status::Trapped);
}

#[test]
fn memory_fill_tensor() {
    assert_trapped(
        &attack_by_detect("memory_fill_tensor"),
        "module memory_fill_tensor: `detect` of frame 1 wrote into a read-only window",
    );
}

#[test]
fn store_window() {
    assert_trapped(
        &attack_by_preprocess("store_window"),
        "module store_window: `preprocess` of frame 1 trapped: wasm trap: out of bounds memory access",
    );
}

#[test]
fn frames_are_unchanged_by_attacks_on_the_window() {
    for name in ["memory_fill_window", "memory_copy_window", "memory_copy_64_window", "store_window"] {
        let mut camera = Camera::new();
        let mut attacker = analyzer(spec(name, "checksum", None));
        let (frame, hash) = camera.shoot(ATTACK);
        assert_eq!(attacker.analyze(&frame).status, Status::Trapped, "{name}");
        assert_ok(&healthy().analyze(&frame), hash);
    }
}

#[test]
fn host_write_into_window() {
    let mut arenas = Arenas::new(spec("host_write_into_window", "checksum", None), None);
    arenas.good_frame();
    // Refused, so the frame is unharmed and the attacker sees it as it is.
    let (frame, hash) = arenas.camera.shoot(ATTACK);
    assert_ok(&arenas.attacker.analyze(&frame), hash);
    assert_ok(&arenas.bystander.analyze(&frame), hash);
    arenas.good_frame();
}

#[test]
fn grow_4gib() {
    assert_trapped(
        &attack_by_detect("grow_4gib"),
        "module grow_4gib: `detect` of frame 1 trapped: wasm trap: wasm `unreachable` instruction executed; it had \
         asked for 4259840 bytes of memory, the limit is 4194304",
    );
}

#[test]
fn table_grow() {
    assert_trapped(
        &attack_by_detect("table_grow"),
        "module table_grow: `detect` of frame 1 trapped: wasm trap: wasm `unreachable` instruction executed",
    );
}

#[test]
fn nan_boxes() {
    assert_trapped(
        &attack_by_detect("nan_boxes"),
        "module nan_boxes: `detect` of frame 1 was wrong: detection 0 has a left edge that is not a finite number",
    );
}

#[test]
fn billion_detections() {
    assert_trapped(
        &attack_by_detect("billion_detections"),
        "module billion_detections: `detect` of frame 1 reported more than 1000 detections",
    );
}

#[test]
fn billion_detections_one_by_one() {
    // 10^9 calls do not fit the deadline on any machine of today.
    let analysis = attack_by_detect("billion_detections_one_by_one");
    assert_eq!((analysis.status, analysis.detections.len()), (Status::Timeout, 0));
}

#[test]
fn emit_bad_pointer() {
    assert_trapped(
        &attack_by_detect("emit_bad_pointer"),
        "module emit_bad_pointer: `detect` of frame 1 reported 3 detections at address 0xfffffff0, which reaches \
         beyond the end of the linear memory",
    );
}

#[test]
fn emit_from_window() {
    let message = attack_by_detect("emit_from_window").message.unwrap();
    assert!(message.ends_with("which reaches into a window that the host does not use there"), "{message}");
}

#[test]
fn emit_unknown_class() {
    let labels: Arc<[String]> = (0..8).map(|i| format!("class {i}")).collect();
    let job = JobSpec { labels, ..spec("copy_plane", "emit_unknown_class", None) };
    assert_trapped(
        &Arenas::new(job, Some(WELL)).attack(),
        "module emit_unknown_class: `detect` of frame 1 was wrong: detection 0 is of class 4000000000, but there are \
         only 8 labels",
    );
}

#[test]
fn emit_while_preprocessing() {
    assert_trapped(
        &attack_by_preprocess("emit_while_preprocessing"),
        "module emit_while_preprocessing: `preprocess` of frame 1: returned DENIED (-6) and gave no reason",
    );
}

#[test]
fn infer_bad_pointer() {
    assert_trapped(
        &attack_on_model("infer_bad_pointer"),
        "module infer_bad_pointer: `detect` of frame 1: returned INVALID (-1); a tensor reaches beyond the end of the \
         linear memory",
    );
}

#[test]
fn infer_overlap() {
    assert_trapped(
        &attack_on_model("infer_overlap"),
        "module infer_overlap: `detect` of frame 1: returned INVALID (-1); a tensor overlaps another tensor of the \
         same call",
    );
}

#[test]
fn infer_misaligned() {
    assert_trapped(
        &attack_on_model("infer_misaligned"),
        "module infer_misaligned: `detect` of frame 1: returned INVALID (-1); a tensor is not aligned to its element \
         size",
    );
}

#[test]
fn infer_lies() {
    let analysis = attack_on_model("infer_lies");
    assert!(analysis.message.unwrap().contains("returned INVALID (-1); input 0"));
}

#[test]
fn attacks_on_infer_never_reach_the_model() {
    for name in ["infer_bad_pointer", "infer_overlap", "infer_misaligned", "infer_lies"] {
        let model = Arc::new(hashing_model());
        let (frame, _) = Camera::new().shoot(ATTACK);
        let mut attacker = analyzer(spec("copy_plane", name, Some(model.clone())));
        assert_eq!(attacker.analyze(&frame).status, Status::Trapped, "{name}");
        assert_eq!(model.runs(), 0, "{name}");
    }
}

#[test]
fn wasi_nn_bad_arguments() {
    let model: Arc<dyn Model> = Arc::new(hashing_model());
    let mut arenas = Arenas::new(spec("copy_plane", "wasi_nn_bad_arguments", Some(model)), Some(WELL));
    arenas.good_frame();
    // The module traps on the first answer that is not the standard's.
    let (frame, _) = arenas.camera.shoot(ATTACK);
    assert_ok(&arenas.attacker.analyze(&frame), WELL);
    arenas.good_frame();
}

#[test]
fn tensor_desc_lies() {
    assert_trapped(
        &attack_by_preprocess("tensor_desc_lies"),
        "module tensor_desc_lies: `preprocess` of frame 1 described a tensor of 268435456 bytes in a room of 65536",
    );
}

#[test]
fn moves_the_tensor() {
    let mut arenas = Arenas::new(spec("moves_the_tensor", "checksum", None), None);
    let (frame, hash) = arenas.camera.shoot(ATTACK);
    assert_ok(&arenas.attacker.analyze(&frame), hash);
    arenas.good_frame();
}

#[test]
fn log_flood() {
    let lines = Arc::new(CountLines::default());
    let mut arenas = Arenas::new(spec("copy_plane", "log_flood", None), Some(WELL));
    let (frame, _) = arenas.camera.shoot(ATTACK);
    let analysis =
        tracing::subscriber::with_default(Counting(lines.clone()), || arenas.attacker.analyze(&frame));
    assert_ok(&analysis, WELL);
    // Half of the cap of 16 is unreadable; one more line says how many were dropped.
    assert_eq!(lines.written.load(Ordering::Relaxed), 8 + 1);
    assert_eq!(lines.with_control_characters.load(Ordering::Relaxed), 0);
    assert!(lines.longest.load(Ordering::Relaxed) < 1200);
    arenas.good_frame();
}

#[test]
fn params_bad_pointer() {
    assert_trapped(
        &attack_by_detect("params_bad_pointer"),
        "module params_bad_pointer: `detect` of frame 1: returned INVALID (-1) and gave no reason",
    );
}

#[test]
fn fail_with_invalid_utf8() {
    let message = attack_by_detect("fail_with_invalid_utf8").message.unwrap();
    let (start, rest) = message.split_at(message.find("lens").unwrap());
    assert_eq!(start, "module fail_with_invalid_utf8: `detect` of frame 1: ");
    assert!(rest.starts_with("lens cap on \u{fffd}\u{fffd}[31m"), "{rest:?}");
    assert!(!rest.contains(char::is_control) && rest.len() < 1100, "{} bytes: {rest:?}", rest.len());
}

#[test]
fn fail_from_nowhere() {
    assert_trapped(
        &attack_by_detect("fail_from_nowhere"),
        "module fail_from_nowhere: `detect` of frame 1: returned UNSUPPORTED (-2) and gave no reason",
    );
}

#[test]
fn unknown_status() {
    assert_trapped(
        &attack_by_detect("unknown_status"),
        "module unknown_status: `detect` of frame 1: returned the unknown status 12345 and gave no reason",
    );
}

/// Modules that cannot even be started: the job is refused with a sentence, in time.
#[test]
fn modules_that_do_not_start() {
    let table = [
        ("init_refuses", "module init_refuses: `edgevision_init`: `size` must be a multiple of 32"),
        ("start_function_loops", "module start_function_loops: its start function did not finish within 2s"),
        ("init_loops", "module init_loops: `edgevision_init` did not finish within 2s"),
        (
            "alloc_returns_garbage",
            "module alloc_returns_garbage: `edgevision_alloc` returned 0xfffffff0, which reaches beyond the end of the \
             linear memory",
        ),
        (
            "alloc_returns_window",
            "module alloc_returns_window: `edgevision_alloc` returned 0x2f000, which reaches into a window that the \
             host does not use there",
        ),
        (
            "tensor_of_2gib",
            "module tensor_of_2gib: `preprocess_tensor_bytes` returned 2147483647, between 1 and 4194304 (the memory \
             limit) is possible",
        ),
        (
            "huge_from_the_start",
            "module huge_from_the_start: cannot be started: it needs 134217728 bytes of memory, the limit is 4194304",
        ),
    ];
    let mut bystander = healthy();
    for (name, sentence) in table {
        let start = Instant::now();
        assert_eq!(Job::new(spec(name, "checksum", None)).err().as_deref(), Some(sentence));
        assert!(start.elapsed() < Duration::from_secs(4), "{name} took {:?}", start.elapsed());
        let (frame, hash) = Camera::new().shoot(1);
        assert_ok(&bystander.analyze(&frame), hash);
    }
}

#[test]
fn jobs_that_cannot_be() {
    let wrong_role = Job::new(spec("checksum", "copy_plane", None)).err().unwrap();
    assert_eq!(
        wrong_role,
        "module checksum exports detect, not `preprocess`: it is the tensor-to-detections module of a detector \
        (`detector` of evdetect, `detect` of a config); choose a module that exports `preprocess`"
    );
    let no_model = Job::new(spec("copy_plane", "infer_in_place", None)).err().unwrap();
    assert_eq!(no_model, "module infer_in_place runs a model, but none is configured; name a model file");
    let mut list = stage("checksum");
    list.params = serde_json::json!([1]);
    let no_mapping =
        Job::new(JobSpec { detect: list, ..spec("copy_plane", "checksum", None) }).err().unwrap();
    assert_eq!(
        no_mapping,
        "module checksum: its parameters are [1], they must be a mapping of names to values"
    );
}

/// Four workers attack at once while a fifth works: the fault guard and the deadlines are process-wide.
#[test]
fn attacks_at_the_same_time() {
    std::thread::scope(|scope| {
        for name in ["memory_fill_window", "memory_copy_window", "store_window", "preprocess_never_returns"] {
            scope.spawn(move || {
                for _ in 0..3 {
                    attack_by_preprocess(name);
                }
            });
        }
        let mut bystander = healthy();
        let mut camera = Camera::new();
        for _ in 0..200 {
            let (frame, hash) = camera.shoot(ATTACK);
            assert_ok(&bystander.analyze(&frame), hash);
        }
    });
}

#[derive(Default)]
struct CountLines {
    written: AtomicUsize,
    with_control_characters: AtomicUsize,
    longest: AtomicUsize,
}

/// A tracing subscriber that looks at the lines of modules.
struct Counting(Arc<CountLines>);

impl tracing::Subscriber for Counting {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "edgevision::module"
    }
    fn event(&self, event: &tracing::Event<'_>) {
        self.0.written.fetch_add(1, Ordering::Relaxed);
        event.record(&mut Look(&self.0));
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

struct Look<'a>(&'a CountLines);

impl tracing::field::Visit for Look<'_> {
    fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        self.0.longest.fetch_max(text.len(), Ordering::Relaxed);
        if text.contains(char::is_control) {
            self.0.with_control_characters.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn infer_in_a_row() {
    let model = Arc::new(hashing_model().slow(Duration::from_millis(50)));
    let mut attacker = analyzer(spec("copy_plane", "infer_in_a_row", Some(model.clone())));
    let (frame, _) = Camera::new().shoot(1);
    assert_failed(
        &attacker.analyze(&frame),
        Status::Timeout,
        "module infer_in_a_row: `detect` of frame 0 did not finish within 200ms",
    );
    assert!(model.runs() <= 5, "{} runs of 50 ms in 200 ms", model.runs());
}
