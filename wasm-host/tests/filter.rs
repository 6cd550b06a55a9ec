//! The role *filter*: frames in, frames out, and one module for each way to abuse it (`tests/wat/filter_*`).

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_wasm_host::{
    analysis::Status,
    arena::{Arena, Slot},
    filter::{Filter, FilterFailure},
    frame::{Frame, FrameLayout, PixelFormat, Plane},
    job::{Job, Limits},
};
use support::{ATTACK, Camera, HEIGHT, STRIDE, WIDTH, color, limits, spec, stage, visible};

const SLOT: usize = 65536;
/// What is in a slot before a filter writes.
const OLD: u8 = 0x11;

/// A camera, a filter and the arena that it writes.
struct Studio {
    camera: Camera,
    filter: Filter,
    outputs: Arc<Arena>,
    layout: FrameLayout,
}

impl Studio {
    fn new(name: &str) -> Self {
        let planes = [Plane { offset: 64, stride: STRIDE }];
        let layout = FrameLayout::new(PixelFormat::Gray8, WIDTH, HEIGHT, color(), &planes).unwrap();
        let filter = Filter::new(stage(name), limits(), "line3").unwrap();
        Self { camera: Camera::new(), filter, outputs: Arena::for_filters(SLOT, 4).unwrap(), layout }
    }

    fn slot(&self) -> Arc<Slot> {
        let mut slot = self.outputs.acquire().unwrap();
        Arc::get_mut(&mut slot).unwrap().copy_from(0, &[OLD; SLOT]).unwrap();
        slot
    }

    fn run(&mut self, frame: &Frame, slot: &mut Arc<Slot>) -> Result<Duration, FilterFailure> {
        self.filter.run(frame, Arc::get_mut(slot).unwrap(), &self.layout)
    }

    /// A frame passes unchanged, and nothing around it is touched.
    fn good_frame(&mut self) {
        let bytes = self.camera.bytes(1);
        let (frame, mut slot) = (self.camera.frame(&bytes), self.slot());
        self.run(&frame, &mut slot).unwrap();
        let output = bytes_of(&slot);
        assert_eq!(visible(&output), visible(&bytes));
        let painted = output.iter().filter(|byte| **byte != OLD).count();
        assert!(painted <= (WIDTH * HEIGHT) as usize, "{painted} bytes were written");
    }

    /// A good frame, an attack with slots of earlier frames around it, and a good frame again.
    fn attack(&mut self) -> FilterFailure {
        self.good_frame();
        // The free list gives the slots in the order of their addresses when all came back in reverse.
        let mut slots: Vec<_> = (0..4).map(|_| self.slot()).collect();
        slots.sort_by_key(|slot| slot.offset());
        let mut slot = slots.remove(1);
        let bytes = self.camera.bytes(ATTACK);
        let frame = self.camera.frame(&bytes);
        let failure = self.run(&frame, &mut slot).unwrap_err();
        for other in &slots {
            assert!(
                bytes_of(other).iter().all(|byte| *byte == OLD),
                "slot at {} was changed",
                other.offset()
            );
        }
        let keep: &Arc<Slot> = frame.keep_alive.downcast_ref().unwrap();
        assert_eq!(bytes_of(keep)[..bytes.len()], bytes, "the frame was changed");
        drop((slots, slot, frame));
        self.good_frame();
        failure
    }
}

fn bytes_of(slot: &Slot) -> Vec<u8> {
    // SAFETY: the slot's own bytes; in these tests nobody writes while this thread looks.
    unsafe { std::slice::from_raw_parts(slot.as_ptr(), slot.arena().slot_bytes()) }.to_vec()
}

#[track_caller]
fn assert_attack(name: &str, status: Status, message: &str) {
    let failure = Studio::new(name).attack();
    assert_eq!((failure.status, failure.message.as_str()), (status, message));
}

#[test]
fn frames_pass_through_in_place() {
    let mut studio = Studio::new("filter_copy");
    for _ in 0..20 {
        studio.good_frame();
    }
}

#[test]
fn stores_outside_of_the_output_trap() {
    for name in ["filter_store_outside", "filter_store_input"] {
        let expected =
            format!("module {name}: `filter` of frame 1 trapped: wasm trap: out of bounds memory access");
        assert_attack(name, Status::Trapped, &expected);
    }
}

#[test]
fn fills_outside_of_the_output_are_noticed() {
    for name in ["filter_fill_outside", "filter_fill_input"] {
        let expected = format!("module {name}: `filter` of frame 1 wrote into a read-only window");
        assert_attack(name, Status::Trapped, &expected);
    }
}

/// What has been put out is somebody else's: downstream may be reading it.
#[test]
fn filter_writes_later() {
    let mut studio = Studio::new("filter_writes_later");
    let bytes = studio.camera.bytes(1);
    let (frame, mut kept) = (studio.camera.frame(&bytes), studio.slot());
    studio.run(&frame, &mut kept).unwrap();
    let before = bytes_of(&kept);
    let bytes = studio.camera.bytes(ATTACK);
    let (frame, mut slot) = (studio.camera.frame(&bytes), studio.slot());
    let failure = studio.run(&frame, &mut slot).unwrap_err();
    assert!(failure.message.contains("out of bounds memory access"), "{failure}");
    assert_eq!(bytes_of(&kept), before);
}

/// The address range of a window that has become too small was never counted against the memory limit.
#[test]
fn a_window_that_was_given_up_is_no_memory_for_the_guest() {
    let mut studio = Studio::new("filter_writes_later");
    studio.good_frame();
    studio.outputs = Arena::for_filters(SLOT, 16).unwrap();
    let bytes = studio.camera.bytes(ATTACK);
    let (frame, mut slot) = (studio.camera.frame(&bytes), studio.slot());
    let failure = studio.run(&frame, &mut slot).unwrap_err();
    assert!(failure.message.contains("out of bounds memory access"), "{failure}");
    drop(frame);
    studio.good_frame();
}

#[test]
fn filter_endless_loop() {
    let start = Instant::now();
    assert_attack(
        "filter_endless_loop",
        Status::Timeout,
        "module filter_endless_loop: `filter` of frame 1 did not finish within 200ms",
    );
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn filter_traps() {
    assert_attack(
        "filter_traps",
        Status::Trapped,
        "module filter_traps: `filter` of frame 1 trapped: wasm trap: wasm `unreachable` instruction executed",
    );
}

#[test]
fn filter_grows() {
    let message = Studio::new("filter_grows").attack().message;
    assert!(message.contains("bytes of memory, the limit is 4194304"), "{message}");
}

#[test]
fn filter_fails() {
    assert_attack("filter_fails", Status::Trapped, "module filter_fails: `filter` of frame 1: no such mask");
}

#[test]
fn filter_host_writes() {
    let message = Studio::new("filter_host_writes").attack().message;
    assert!(
        message.starts_with("module filter_host_writes: `filter` of frame 1: returned INVALID (-1)"),
        "{message}"
    );
}

#[test]
fn filter_emits() {
    let message = Studio::new("filter_emits").attack().message;
    assert!(
        message.starts_with("module filter_emits: `filter` of frame 1: returned DENIED (-6)"),
        "{message}"
    );
}

#[test]
fn modules_that_are_no_filters() {
    let refusal = |name: &str| Filter::new(stage(name), limits(), "").err().unwrap();
    assert_eq!(
        refusal("copy_plane"),
        "module copy_plane exports preprocess, not `filter`: it is the frame-to-tensor module of a detector \
         (`preprocess` of evdetect or of a config); choose a module that exports `filter`"
    );
    assert_eq!(
        refusal("checksum"),
        "module checksum exports detect, not `filter`: it is the tensor-to-detections module of a detector \
         (`detector` of evdetect, `detect` of a config); choose a module that exports `filter`"
    );
    assert_eq!(
        refusal("filter_infers"),
        "module filter_infers runs a model, which a filter cannot have; choose another"
    );
    assert_eq!(
        Job::new(spec("filter_copy", "checksum", None)).err().unwrap(),
        "module filter_copy exports filter, not `preprocess`: it is a video filter, which the element evmodule runs; \
         choose a module that exports `preprocess`"
    );
    let no_time = Limits { deadline: Duration::ZERO, ..limits() };
    assert!(Filter::new(stage("filter_copy"), no_time, "").err().unwrap().contains("deadline"));
}

#[test]
fn outputs_that_cannot_be() {
    let mut studio = Studio::new("filter_copy");
    let (frame, _) = studio.camera.shoot(1);
    let refused = |studio: &mut Studio, arena: Arc<Arena>, layout: &FrameLayout| {
        let mut slot = arena.acquire().unwrap();
        studio.filter.run(&frame, Arc::get_mut(&mut slot).unwrap(), layout).unwrap_err().message
    };
    let layout = studio.layout.clone();
    let sealed = refused(&mut studio, Arena::new(SLOT, 1).unwrap(), &layout);
    assert_eq!(sealed, "frame 0: its output lies in an arena that modules cannot write");
    let outputs = studio.outputs.clone();
    let other = FrameLayout::packed(PixelFormat::Gray8, WIDTH + 1, HEIGHT, color()).unwrap();
    assert!(refused(&mut studio, outputs.clone(), &other).contains("a filter changes neither"));
    let planes = [Plane { offset: 65536 - 100, stride: STRIDE }];
    let long = FrameLayout::new(PixelFormat::Gray8, WIDTH, HEIGHT, color(), &planes).unwrap();
    assert!(refused(&mut studio, outputs, &long).contains("does not fit into a slot of 65536 bytes"));
}

/// Frames of another size need another arena; the filter goes on with the same instance.
#[test]
fn the_arena_may_change() {
    let mut studio = Studio::new("filter_copy");
    for slots in [4, 2, 7, 1, 16] {
        studio.good_frame();
        studio.outputs = Arena::for_filters(SLOT, slots).unwrap();
        studio.good_frame();
        studio.camera.arena = Arena::new(SLOT * slots, 3).unwrap();
        studio.good_frame();
    }
}
