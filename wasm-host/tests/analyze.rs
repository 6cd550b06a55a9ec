//! Frames through healthy modules: what they see, what they report, what it costs.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
    time::Duration,
};

use edgevision_wasm_host::{
    analysis::{AnalyzerFactory, Status},
    arena::Arena,
    detection::Thresholds,
    frame::Pixels,
    job::{Job, JobSpec, Limits},
    nn::{Model, NnError, TensorInfo},
};
use support::{
    Camera, HEIGHT, WIDTH, analyzer, assert_ok, hash, hashing_model, healthy, limits, spec, visible,
    whole_frame,
};

#[test]
fn modules_see_every_pixel_as_it_is() {
    let mut camera = Camera::new();
    let mut analyzer = healthy();
    // Held, so that the frames lie in different slots of the arena.
    let frames: Vec<_> = (0..6).map(|i| camera.shoot(i)).collect();
    for (frame, hash) in &frames {
        assert_ok(&analyzer.analyze(frame), *hash);
    }
    let hashes: BTreeSet<u32> = frames.iter().map(|(_, hash)| *hash).collect();
    assert_eq!(hashes.len(), 6, "the frames differ");
}

#[test]
fn nothing_is_copied_on_the_way_and_inference_is_in_place() {
    let pointers = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = pointers.clone();
    let answer = hashing_model();
    let model = hashing_model().answering(move |_, inputs| {
        seen.lock().unwrap().insert(inputs[0].data.as_ptr().addr());
        assert_eq!(inputs[0].shape, [HEIGHT as usize, WIDTH as usize]);
        let mut room = vec![0; 24];
        let mut out = [edgevision_wasm_host::nn::OutputBuf {
            data: &mut room,
            dtype: edgevision_wasm_host::nn::DType::F32,
            shape: vec![],
            len: 0,
        }];
        Arc::new(hashing_model()).session()?.run(inputs, &mut out)?;
        let shape = out[0].shape.clone();
        Ok(vec![edgevision_wasm_host::nn::fake::FakeTensor {
            dtype: answer.outputs()[0].dtype,
            shape,
            data: room,
        }])
    });
    let mut analyzer = analyzer(spec("copy_plane", "infer_in_place", Some(Arc::new(model))));
    let mut camera = Camera::new();
    for i in 0..5 {
        let (frame, hash) = camera.shoot(i);
        let analysis = analyzer.analyze(&frame);
        assert_ok(&analysis, hash);
        assert_eq!(analysis.bytes_copied, 0);
    }
    // The engine was lent the tensor slot itself: one address for all frames, at the start of a page.
    let pointers = pointers.lock().unwrap();
    assert_eq!(pointers.len(), 1);
    assert!(pointers.iter().all(|address| address % 4096 == 0));
}

#[test]
fn a_module_can_ask_how_large_the_output_will_be() {
    let model = Arc::new(hashing_model());
    let mut asking = analyzer(spec("copy_plane", "infer_asks_for_size", Some(model.clone())));
    let (frame, _) = Camera::new().shoot(1);
    assert_ok(&asking.analyze(&frame), 24);
    assert_eq!(model.runs(), 0, "the size is known without an inference");

    let unknown = TensorInfo { shape: vec![None, Some(6)], ..hashing_model().outputs()[0].clone() };
    let model = Arc::new(hashing_model().with_outputs(vec![unknown]));
    let mut asking = analyzer(spec("copy_plane", "infer_asks_for_size", Some(model.clone())));
    assert_ok(&asking.analyze(&frame), 24);
    assert_eq!(model.runs(), 1, "the size is not known without an inference");
}

#[test]
fn wasi_nn_works_and_its_copies_are_counted() {
    let mut analyzer = analyzer(spec("copy_plane", "wasi_nn", Some(Arc::new(hashing_model()))));
    let mut camera = Camera::new();
    for i in 0..20 {
        let (frame, hash) = camera.shoot(i);
        let analysis = analyzer.analyze(&frame);
        assert_ok(&analysis, hash);
        assert_eq!(analysis.bytes_copied, u64::from(WIDTH * HEIGHT) + 24);
    }
}

#[test]
fn inference_is_timed_apart_and_counts_against_the_deadline() {
    let slow =
        |ms| -> Option<Arc<dyn Model>> { Some(Arc::new(hashing_model().slow(Duration::from_millis(ms)))) };
    let (frame, hash) = Camera::new().shoot(1);

    let analysis = analyzer(spec("copy_plane", "infer_in_place", slow(40))).analyze(&frame);
    assert_ok(&analysis, hash);
    let timings = analysis.timings;
    assert!(timings.inference >= Duration::from_millis(40), "{timings:?}");
    assert!(timings.postprocess < Duration::from_millis(30), "{timings:?}");
    assert!(timings.preprocess < Duration::from_millis(30), "{timings:?}");

    let mut too_slow = analyzer(spec("copy_plane", "infer_in_place", slow(300)));
    let analysis = too_slow.analyze(&frame);
    assert_eq!((analysis.status, analysis.detections.len()), (Status::Timeout, 0));
    assert!(analysis.timings.inference >= Duration::from_millis(300), "{:?}", analysis.timings);
}

#[test]
fn what_the_engine_says_reaches_the_user() {
    let (frame, _) = Camera::new().shoot(1);
    let failing = Arc::new(hashing_model().failing("the picture is upside down"));
    for detect in ["infer_in_place", "wasi_nn"] {
        let analysis = analyzer(spec("copy_plane", detect, Some(failing.clone()))).analyze(&frame);
        assert_eq!(analysis.status, Status::Trapped);
        if detect == "infer_in_place" {
            let sentence = "module infer_in_place: `detect` of frame 0: returned ENGINE (-4); the picture is upside down";
            assert_eq!(analysis.message.as_deref(), Some(sentence));
        }
    }
}

#[test]
fn an_engine_that_panics_costs_the_frame_only() {
    let model = hashing_model().answering(|run, _| match run {
        1 => panic!("a bug in the engine"),
        _ => Err(NnError::Engine("as usual".into())),
    });
    // Printing the panic takes its time.
    let limits = Limits { deadline: Duration::from_secs(20), ..limits() };
    let job = JobSpec { limits, ..spec("copy_plane", "infer_in_place", Some(Arc::new(model))) };
    let mut analyzer = analyzer(job);
    let (frame, _) = Camera::new().shoot(1);
    let messages: Vec<_> = (0..3).map(|_| analyzer.analyze(&frame).message.unwrap()).collect();
    assert!(messages[0].ends_with("as usual"));
    assert!(messages[1].ends_with("the inference engine panicked"), "{}", messages[1]);
    assert!(messages[2].ends_with("as usual"));
}

#[test]
fn a_new_arena_takes_the_place_of_the_old_one() {
    let mut analyzer = healthy();
    let sizes = [64 << 10, 64 << 10, 3 << 20, 64 << 10, 5 << 20];
    for (round, slot_bytes) in sizes.into_iter().enumerate() {
        let mut camera = Camera::new();
        camera.arena = Arena::new(slot_bytes, 8).unwrap();
        for i in 0..3 {
            let (frame, hash) = camera.shoot(u8::try_from(round).unwrap() * 3 + i);
            assert_ok(&analyzer.analyze(&frame), hash);
        }
    }
    // Frames of both are under way while a camera changes its resolution.
    let (mut old, mut new) = (Camera::new(), Camera::new());
    for i in 0..6 {
        let (frame, hash) = if i % 2 == 0 { old.shoot(i) } else { new.shoot(i) };
        assert_ok(&analyzer.analyze(&frame), hash);
    }
}

#[test]
fn arenas_that_fill_the_address_space_do_not_end_it() {
    let mut analyzer = healthy();
    // Each one is larger than all windows before it: 1 + 2 + 3 GiB do not fit into 4.
    for gib in 1..=3 {
        let mut camera = Camera::new();
        camera.arena = Arena::new(1 << 30, gib).unwrap();
        let (frame, hash) = camera.shoot(9);
        assert_ok(&analyzer.analyze(&frame), hash);
    }
}

fn memfd(bytes: &[u8], sealed: bool) -> Arc<OwnedFd> {
    use rustix::fs::{MemfdFlags, SealFlags};
    let fd = rustix::fs::memfd_create("frame", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    assert_eq!(rustix::io::write(&fd, bytes).unwrap(), bytes.len());
    if sealed {
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK).unwrap();
    }
    Arc::new(fd)
}

#[test]
fn memory_of_others_is_mapped() {
    let mut camera = Camera::new();
    let mut analyzer = healthy();
    // More than are kept mapped, and twice round.
    let mut buffers = Vec::new();
    for i in 0..40 {
        let mut bytes = vec![0xAA; 128];
        bytes.extend(camera.bytes(i));
        let fd = memfd(&bytes, true);
        buffers.push((Pixels::Fd { fd, len: bytes.len(), offset: 128 }, hash(&visible(&bytes[128..]))));
    }
    for (pixels, hash) in buffers.iter().chain(&buffers) {
        let frame = camera.frame_of(pixels.clone(), Box::new(()));
        assert_ok(&analyzer.analyze(&frame), *hash);
    }
}

#[test]
fn a_memory_of_which_more_is_shown_later_is_mapped_again() {
    let mut camera = Camera::new();
    let mut analyzer = healthy();
    // Farther behind the first frame than a window of it alone reaches.
    let (first, second) = (camera.bytes(1), camera.bytes(2));
    let mut bytes = first.clone();
    bytes.resize(200_000, 0);
    let (len, offset) = (bytes.len() + second.len(), bytes.len());
    bytes.extend(&second);
    let fd = memfd(&bytes, true);
    let parts = [(first.len(), 0, &first), (len, offset, &second), (first.len(), 0, &first)];
    for (len, offset, shown) in parts {
        let frame = camera.frame_of(Pixels::Fd { fd: fd.clone(), len, offset }, Box::new(()));
        assert_ok(&analyzer.analyze(&frame), hash(&visible(shown)));
    }
}

#[test]
fn frames_outside_their_memory_are_refused() {
    let mut camera = Camera::new();
    let mut analyzer = healthy();
    let bytes = camera.bytes(0);
    let arena_offset = Pixels::Arena { arena: camera.arena.clone(), offset: camera.arena.byte_len() - 100 };
    let overflow = Pixels::Arena { arena: camera.arena.clone(), offset: usize::MAX };
    let short = Pixels::Fd { fd: memfd(&bytes[..100], true), len: 100, offset: 0 };
    let lying = Pixels::Fd { fd: memfd(&bytes[..100], true), len: bytes.len(), offset: 0 };
    let unsealed = Pixels::Fd { fd: memfd(&bytes, false), len: bytes.len(), offset: 0 };
    let table = [
        (arena_offset, "do not lie in a memory of 524288 bytes"),
        (overflow, "do not lie in a memory of 524288 bytes"),
        (short, "do not lie in a memory of 100 bytes"),
        (lying, "holds 100 bytes"),
        (unsealed, "sealed against shrinking"),
    ];
    for (pixels, part) in table {
        let frame = camera.frame_of(pixels, Box::new(()));
        let analysis = analyzer.analyze(&frame);
        let message = analysis.message.unwrap();
        assert_eq!(analysis.status, Status::Trapped, "{message}");
        assert!(message.starts_with("frame ") && message.contains(part), "{message}");
        let (frame, hash) = camera.shoot(3);
        assert_ok(&analyzer.analyze(&frame), hash);
    }
}

#[test]
fn thresholds_are_applied() {
    let (frame, hash) = Camera::new().shoot(1);
    let with = |thresholds| analyzer(JobSpec { thresholds, ..spec("copy_plane", "checksum", None) });
    // The module's score is 0.5.
    assert_eq!(with(Thresholds::all(0.51)).analyze(&frame).detections, []);
    let exception = Thresholds { default: 0.9, per_class: BTreeMap::from([(hash, 0.5)]) };
    assert_eq!(with(exception).analyze(&frame).detections, [whole_frame(hash)]);
}

#[test]
fn modules_are_told_what_they_work_for() {
    let mut job = spec("init_tells_params", "checksum", Some(Arc::new(hashing_model())));
    job.labels = ["good".into(), "bad".into()].into();
    job.thresholds = Thresholds { default: 0.5, per_class: BTreeMap::from([(1, 0.125)]) };
    let error = Job::new(job).err().unwrap();
    let document: serde_json::Value = serde_json::from_str(error.split_once("`: ").unwrap().1).unwrap();
    let expected = serde_json::json!({
        "params": { "name": "init_tells_params" },
        "model": {
            "inputs": [{ "name": "picture", "dtype": "u8", "shape": [-1, -1] }],
            "outputs": [{ "name": "output0", "dtype": "f32", "shape": [1, 6] }],
        },
        "labels": 2,
        "score_threshold": 0.125,
    });
    assert_eq!(document, expected);
    let without = Job::new(spec("init_tells_params", "checksum", None)).err().unwrap();
    assert!(without.contains(r#""model":null"#), "{without}");
}

#[test]
fn stateful_modules_are_alone() {
    let job = Job::new(spec("copy_plane", "counter", None)).unwrap();
    assert_eq!(job.max_instances(), 1);
    let mut analyzer = job.build().unwrap();
    let (frame, _) = Camera::new().shoot(1);
    for seen in 1..4 {
        assert_ok(&analyzer.analyze(&frame), seen);
    }
    assert_eq!(Job::new(spec("copy_plane", "checksum", None)).unwrap().max_instances(), usize::MAX);
}

#[test]
fn a_job_makes_as_many_analyzers_as_are_wanted() {
    let job = Job::new(spec("copy_plane", "checksum", None)).unwrap();
    assert_eq!(job.spec().limits, limits());
    let mut analyzers: Vec<_> = (0..3).map(|_| job.build().unwrap()).collect();
    std::thread::scope(|scope| {
        for analyzer in &mut analyzers {
            scope.spawn(move || {
                let mut camera = Camera::new();
                for i in 0..100 {
                    let (frame, hash) = camera.shoot(i);
                    assert_ok(&analyzer.analyze(&frame), hash);
                }
            });
        }
    });
}

#[test]
fn a_deadline_of_nothing_is_refused() {
    let limits = Limits { deadline: Duration::ZERO, ..limits() };
    let error = Job::new(JobSpec { limits, ..spec("copy_plane", "checksum", None) }).err().unwrap();
    assert_eq!(error, "the deadline of the modules is 0; at least 1 ms is needed");
}
