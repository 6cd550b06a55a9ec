//! A flush discards what is inside, and nothing of it comes out later.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gst::prelude::*;

use super::{
    pads::{Out, Rig, buffer, marker},
    support::{Bench, Module, PATIENCE},
};

const SLOW: &str = "(call $spin (i32.const 20000000))";

/// Frames between two flushes carry the number of the flush in their offset: after a flush's end no frame of an
/// earlier round may leave.
#[test]
fn nothing_late_comes_out_of_many_flushes_from_another_thread() {
    let rig = Rig::new(Module::uneven());
    // Held while a frame is numbered and pushed, and from the end of a flush to its segment: else a frame with the
    // number of the round before could come in after the flush, as a new one.
    let (round, stop) = (Mutex::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut buffer = buffer(n);
                let refused = {
                    let round = round.lock().unwrap();
                    buffer.get_mut().unwrap().set_offset(*round);
                    rig.src.push(buffer).is_err()
                };
                // Refused while it flushes: an upstream element would wait for the end of the flush.
                if refused {
                    std::thread::yield_now();
                }
            }
        });
        for next in 1..=150 {
            std::thread::sleep(Duration::from_millis(next % 5));
            assert!(rig.event(gst::event::FlushStart::new()));
            rig.event(marker("lost"));
            let mut round = round.lock().unwrap();
            *round = next;
            assert!(rig.event(gst::event::FlushStop::new(next % 2 == 0)));
            assert!(rig.segment());
        }
    });
    rig.event(marker("end"));
    rig.wait_for("end");
    assert_rounds(&rig.out());
}

/// Ends the pushing thread, also when an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[track_caller]
fn assert_rounds(out: &[Out]) {
    let (mut flushed, mut frames) = (0, 0);
    for out in out {
        match out {
            Out::Event(event) if event.type_() == gst::EventType::FlushStop => flushed += 1,
            Out::Buffer(buffer) => {
                assert!(
                    buffer.offset() >= flushed,
                    "a frame of round {} after flush {flushed}",
                    buffer.offset()
                );
                frames += 1;
            }
            _ => (),
        }
    }
    assert_eq!(flushed, 150);
    assert!(frames > 0);
}

#[test]
fn the_numbers_of_frames_go_on_after_a_flush() {
    let rig = Rig::new(Module::with(SLOW));
    rig.push_all(0..6);
    rig.flush();
    rig.forget();
    rig.push_all(10..14);
    rig.wait_for_buffers(4);
    let seqs: Vec<_> = rig.reports().iter().map(|report| report.seq).collect();
    assert_eq!(seqs, [6, 7, 8, 9]);
}

#[test]
fn events_inside_are_lost_in_a_flush_but_sticky_ones_come_with_the_next_frame() {
    let rig = Rig::new(Module::with(SLOW));
    rig.wait_for("segment");
    rig.forget();
    rig.push(0).unwrap();
    rig.caps("video/x-raw,format=GRAY8,width=16,height=16,framerate=50/1");
    rig.event(marker("lost"));
    rig.event(gst::event::CustomDownstreamSticky::new(gst::Structure::new_empty("kept")));
    rig.flush();
    rig.push(1).unwrap();
    rig.wait_for("40");
    let names: Vec<_> = rig.names().into_iter().filter(|name| name != "0").collect();
    assert_eq!(names[..2], ["flush-start", "flush-stop"]);
    assert!(!names.contains(&"lost".to_owned()), "{names:?}");
    assert!(names.contains(&"kept".to_owned()) && names.contains(&"caps".to_owned()), "{names:?}");
    assert_eq!(
        rig.sink
            .current_caps()
            .unwrap()
            .structure(0)
            .unwrap()
            .get::<gst::Fraction>("framerate")
            .unwrap()
            .numer(),
        50
    );
}

#[test]
fn both_ends_of_a_flush_pass_as_they_came() {
    let rig = Rig::new(Module::plain());
    for reset_time in [true, false] {
        let (start, stop) = (gst::event::FlushStart::new(), gst::event::FlushStop::new(reset_time));
        rig.wait_for("segment");
        rig.forget();
        assert!(rig.event(start.clone()) && rig.event(stop.clone()));
        let left: Vec<_> = rig.out();
        let [Out::Event(first), Out::Event(second)] = &left[..] else { panic!("{:?}", rig.names()) };
        assert_eq!((first.seqnum(), second.seqnum()), (start.seqnum(), stop.seqnum()));
        let gst::EventView::FlushStop(left) = second.view() else { panic!("{second:?}") };
        assert_eq!(left.resets_time(), reset_time);
        assert!(rig.segment());
    }
}

#[test]
fn a_flush_after_the_end_of_the_stream_begins_anew() {
    let rig = Rig::new(Module::plain());
    rig.push(0).unwrap();
    rig.event(gst::event::Eos::new());
    rig.wait_for("eos");
    assert_eq!(rig.push(1), Err(gst::FlowError::Eos));
    rig.flush();
    rig.push(2).unwrap();
    rig.wait_for("80");
}

#[test]
fn a_flush_ends_a_query_that_waits_for_its_turn() {
    let rig = Rig::new(Module::with("(call $spin (i32.const 300000000))"));
    rig.push(0).unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| rig.src.peer_query(gst::query::Drain::new().query_mut()));
        std::thread::sleep(Duration::from_millis(50));
        assert!(rig.event(gst::event::FlushStart::new()));
        assert!(!asking.join().unwrap());
    });
    assert!(rig.event(gst::event::FlushStop::new(true)));
}

#[test]
fn a_seek_that_begins_downstream_reaches_upstream_unchanged() {
    let rig = Rig::new(Module::plain());
    let seek = gst::event::Seek::new(
        2.0,
        gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT,
        gst::SeekType::Set,
        gst::ClockTime::from_seconds(3),
        gst::SeekType::None,
        gst::ClockTime::NONE,
    );
    assert!(rig.sink.push_event(seek.clone()));
    let came = rig.upstream().pop().unwrap();
    assert_eq!((came.type_(), came.seqnum()), (gst::EventType::Seek, seek.seqnum()));
}

#[test]
fn many_seeks_while_frames_are_in_flight() {
    let module = Module::uneven();
    let bench = Bench::new(
        "videotestsrc pattern=ball ! video/x-raw,format=I420,width=64,height=48 ! \
         DETECT workers=4 policy=every ! queue max-size-buffers=2 ! fakesink name=s sync=false qos=false",
        &module.path(),
    );
    bench.play();
    bench.wait_for(&[gst::MessageType::AsyncDone]);
    for n in 1..=60u64 {
        let to = gst::ClockTime::from_seconds(n * 100);
        bench.pipeline.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, to).unwrap();
        bench.pipeline.state(PATIENCE).0.unwrap();
    }
    bench.stop();
    let mut second = 0;
    for frame in bench.frames() {
        let at = frame.pts.unwrap().seconds();
        assert!(at + 50 >= second, "a frame of {at} s after the seek to {second} s");
        second = second.max(at / 100 * 100);
        assert_eq!(frame.report.timestamp_ns, Some(frame.pts.unwrap().nseconds()));
        assert_eq!(frame.seen(), Some(frame.hash));
    }
    assert_eq!(second, 6000);
}
