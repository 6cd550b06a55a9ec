//! Seeks in a clip: `timestamp` is the stream time of the frame, whatever segment it lies in.

use std::sync::{Arc, Mutex};

use gst::{ClockTime, SeekFlags, SeekType, prelude::*};
use gstedgevision::detectionmeta;

use super::support::{Bench, Module, PATIENCE};

/// 300 frames of 40 ms, a key frame each second.
const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/line3.mp4");

/// What the segment and the buffer say, and what was reported.
#[derive(Clone, Debug)]
struct Seen {
    segment: gst::FormattedSegment<ClockTime>,
    pts: Option<ClockTime>,
    reported: Option<u64>,
}

struct Player {
    bench: Bench,
    seen: Arc<Mutex<Vec<Seen>>>,
    _module: Module,
}

impl Player {
    /// A clip that is paused with its first frame in the sink.
    fn new() -> Self {
        let module = Module::uneven();
        let bench = Bench::new(
            &format!(
                "filesrc location={CLIP} ! qtdemux ! h264parse ! avdec_h264 name=a ! DETECT workers=4 policy=every ! \
                 fakesink name=s sync=false qos=false"
            ),
            &module.path(),
        );
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let pad = bench.pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let buffer = info.buffer().unwrap();
            let segment = pad.sticky_event::<gst::event::Segment>(0).unwrap();
            log.lock().unwrap().push(Seen {
                segment: segment.segment().downcast_ref().unwrap().clone(),
                pts: buffer.pts(),
                reported: detectionmeta::report(buffer).unwrap().timestamp_ns,
            });
            gst::PadProbeReturn::Ok
        });
        let player = Self { bench, seen, _module: module };
        player.bench.pipeline.set_state(gst::State::Paused).unwrap();
        player.settle();
        player
    }

    fn settle(&self) {
        self.bench.pipeline.state(PATIENCE).0.unwrap();
    }

    /// Seeks while paused and forgets the frames before.
    #[track_caller]
    fn seek(&self, rate: f64, flags: SeekFlags, start: u64, stop: Option<u64>) {
        let stop_type = if stop.is_some() { SeekType::Set } else { SeekType::None };
        let (start, stop) = (ClockTime::from_mseconds(start), stop.map(ClockTime::from_mseconds));
        // After the flush nothing of before comes, so what is forgotten just before the seek suffices.
        self.bench.pipeline.set_state(gst::State::Paused).unwrap();
        self.settle();
        self.seen.lock().unwrap().clear();
        self.bench
            .pipeline
            .seek(rate, flags | SeekFlags::FLUSH, SeekType::Set, start, stop_type, stop)
            .unwrap();
        self.settle();
    }

    /// Plays up to the end and returns the frames in milliseconds of stream time.
    #[track_caller]
    fn play_to(&self, end: gst::MessageType) -> Vec<u64> {
        self.bench.play();
        self.bench.wait_for(&[end]);
        self.times()
    }

    #[track_caller]
    fn wait_for_frames(&self, count: usize) {
        let begin = std::time::Instant::now();
        while self.seen.lock().unwrap().len() < count {
            assert!(begin.elapsed() < PATIENCE.into(), "fewer than {count} frames");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Checks every report against the segment of its frame.
    #[track_caller]
    fn times(&self) -> Vec<u64> {
        let seen = self.seen.lock().unwrap().clone();
        for frame in &seen {
            let expected = frame.pts.and_then(|pts| frame.segment.to_stream_time(pts));
            assert_eq!(frame.reported, expected.map(ClockTime::nseconds), "{frame:?}");
        }
        seen.iter().map(|frame| frame.reported.expect("inside the segment") / 1_000_000).collect()
    }
}

fn frames(from: u64, to: u64) -> Vec<u64> {
    (from / 40..to / 40).map(|n| n * 40).collect()
}

#[test]
fn without_a_seek_times_are_those_of_the_clip() {
    assert_eq!(Player::new().play_to(gst::MessageType::Eos), frames(0, 12_000));
}

#[test]
fn an_accurate_seek_begins_at_its_frame() {
    let player = Player::new();
    player.seek(1.0, SeekFlags::ACCURATE, 5_400, None);
    assert_eq!(player.play_to(gst::MessageType::Eos), frames(5_400, 12_000));
}

#[test]
fn a_seek_to_a_key_frame_begins_there() {
    let player = Player::new();
    player.seek(1.0, SeekFlags::KEY_UNIT | SeekFlags::SNAP_BEFORE, 5_400, None);
    assert_eq!(player.play_to(gst::MessageType::Eos), frames(5_000, 12_000));
}

#[test]
fn a_seek_with_an_end_stops_there() {
    let player = Player::new();
    player.seek(1.0, SeekFlags::ACCURATE, 3_000, Some(4_000));
    assert_eq!(player.play_to(gst::MessageType::Eos), frames(3_000, 4_000));
}

#[test]
fn at_twice_the_speed_stream_time_is_still_that_of_the_clip() {
    let player = Player::new();
    player.seek(2.0, SeekFlags::ACCURATE, 8_000, None);
    assert_eq!(player.play_to(gst::MessageType::Eos), frames(8_000, 12_000));
    let segment = player.seen.lock().unwrap()[0].segment.clone();
    assert_eq!((segment.rate(), segment.applied_rate()), (2.0, 1.0));
}

#[test]
fn backwards_frames_come_in_falling_order_with_their_own_times() {
    let player = Player::new();
    player.seek(-1.0, SeekFlags::ACCURATE, 2_000, Some(4_000));
    let mut times = player.play_to(gst::MessageType::Eos);
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
    times.reverse();
    assert_eq!(times, frames(2_000, 4_000));
}

#[test]
fn a_segment_seek_ends_with_its_message_and_is_followed_by_the_next() {
    const ROUNDS: usize = 5;
    let once = frames(1_000, 2_000);
    let (start, stop) = (ClockTime::from_mseconds(1_000), ClockTime::from_mseconds(2_000));
    let player = Player::new();
    player.seek(1.0, SeekFlags::SEGMENT | SeekFlags::ACCURATE, 1_000, Some(2_000));
    player.bench.play();
    for round in 1..ROUNDS {
        // The demuxer tells that it is done while frames are still on their way, as with any queue behind it.
        player.bench.wait_for(&[gst::MessageType::SegmentDone]);
        player.wait_for_frames(round * once.len());
        let last = if round + 1 == ROUNDS { SeekFlags::empty() } else { SeekFlags::SEGMENT };
        let flags = last | SeekFlags::ACCURATE;
        player.bench.pipeline.seek(1.0, flags, SeekType::Set, start, SeekType::Set, stop).unwrap();
    }
    player.bench.wait_for(&[gst::MessageType::Eos]);
    assert_eq!(player.times(), once.repeat(ROUNDS), "a loop without a flush loses no frame");
    let bases: Vec<_> =
        player.seen.lock().unwrap().iter().map(|frame| frame.segment.base().unwrap()).collect();
    assert_eq!(bases[(ROUNDS - 1) * once.len()], ClockTime::from_seconds(4), "running time goes on");
}

#[test]
fn an_offset_of_a_pad_changes_running_time_only() {
    let player = Player::new();
    player.bench.pipeline.by_name("a").unwrap().static_pad("src").unwrap().set_offset(7_000_000_000);
    player.seek(1.0, SeekFlags::ACCURATE, 10_000, None);
    assert_eq!(player.play_to(gst::MessageType::Eos), frames(10_000, 12_000));
    let running = player.seen.lock().unwrap()[0].clone();
    let running = running.segment.to_running_time(running.pts.unwrap());
    assert_eq!(running, Some(ClockTime::from_seconds(7)));
}

#[test]
fn many_seeks_at_every_speed_while_playing() {
    let player = Player::new();
    player.bench.play();
    for n in 0..25_u64 {
        let rate = [1.0, 2.0, -1.0, 0.5, -2.0][usize::try_from(n % 5).unwrap()];
        let (low, high) = (ClockTime::from_mseconds(n * 370 % 9_000), ClockTime::from_mseconds(11_000));
        let flags = SeekFlags::FLUSH | if n % 2 == 0 { SeekFlags::ACCURATE } else { SeekFlags::KEY_UNIT };
        player.bench.pipeline.seek(rate, flags, SeekType::Set, low, SeekType::Set, high).unwrap();
        player.settle();
    }
    player.bench.wait_for(&[gst::MessageType::Eos]);
    assert!(player.times().len() > 50);
}
