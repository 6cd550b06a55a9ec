//! Behind which elements frames are seen in place, and behind which they are copied: the table of
//! docs/reference/memory.md, row by row. `EDGEVISION_BLESS=1` writes it anew.

use std::{collections::BTreeMap, path::PathBuf};

use gst::prelude::*;

use super::{
    support::{Bench, Frame, Module, init},
    ways_table::{ROWS, Row, Way},
};

pub const FRAMES: u64 = 40;
/// Decoders with threads of their own may have begun before they hear of the pool.
const WARM_UP: u64 = 8;

/// Clips in the codecs of the table, made once for all rows.
struct Clips(tempfile::TempDir);

impl Clips {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The description with each `{codec}` replaced by the clip's path; none when it cannot be made here.
    fn fill(&self, text: &str) -> Option<String> {
        let mut text = text.to_owned();
        for (name, needs, encode) in CLIPS {
            let mark = format!("{{{name}}}");
            if text.contains(&mark) {
                let path = self.0.path().join(name);
                if !path.exists() {
                    missing(needs).is_none().then_some(())?;
                    make(encode, &path);
                }
                text = text.replace(&mark, path.to_str().unwrap());
            }
        }
        Some(text)
    }
}

/// Name, elements that make it, and how.
const CLIPS: [(&str, &[&str], &str); 6] = [
    ("h264", &["x264enc", "h264parse"], "x264enc bframes=2 key-int-max=20 ! h264parse ! matroskamux"),
    (
        "baseline",
        &["x264enc"],
        "x264enc bframes=0 tune=zerolatency ! video/x-h264,profile=baseline ! h264parse ! matroskamux",
    ),
    ("mjpeg", &["jpegenc"], "jpegenc ! matroskamux"),
    ("vp8", &["vp8enc"], "vp8enc deadline=1 ! webmmux"),
    ("vp9", &["vp9enc"], "vp9enc deadline=1 cpu-used=8 ! webmmux"),
    ("raw", &[], "identity"),
];

fn make(encode: &str, path: &std::path::Path) {
    let source = format!("videotestsrc num-buffers={FRAMES} pattern=ball");
    let caps = "video/x-raw,format=I420,width=322,height=242,framerate=25/1";
    let text = format!("{source} ! {caps} ! {encode} ! filesink location={}", path.display());
    let pipeline = gst::parse::launch(&text).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(super::support::PATIENCE, &kinds);
    assert_eq!(message.expect("the encoder hangs").type_(), gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).unwrap();
}

fn missing<'a>(elements: &'a [&'a str]) -> Option<&'a str> {
    init();
    elements.iter().copied().find(|element| gst::ElementFactory::find(element).is_none())
}

fn run(row: &Row, clips: &Clips) -> Option<(Bench, Vec<Frame>)> {
    if let Some(element) = missing(row.needs) {
        println!("skipped: {}: no element {element}", row.name);
        return None;
    }
    let module = Module::plain();
    let source = clips.fill(row.source)?.replace("{module}", module.path().to_str().unwrap());
    let text = format!("{source} ! DETECT policy=every ! fakesink name=s sync=false qos=false");
    let bench = Bench::new(&text, &module.path());
    bench.play();
    let feeder = ["own", "pool"].into_iter().find_map(|name| bench.pipeline.by_name(name)).map(feed);
    let frames = bench.run();
    if let Some(feeder) = feeder {
        feeder.join().unwrap();
    }
    Some((bench, frames))
}

/// An application that pushes frames of noise: in memory of its own, or from the pool that is offered.
fn feed(appsrc: gst::Element) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let caps: gst::Caps = appsrc.property("caps");
        let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
        let pool = (appsrc.name() == "pool").then(|| offered(&appsrc, &caps));
        for number in 0..FRAMES {
            let mut buffer = match &pool {
                Some(pool) => pool.acquire_buffer(None).unwrap(),
                None => gst::Buffer::with_size(info.size()).unwrap(),
            };
            let content = buffer.get_mut().unwrap();
            content.set_pts(number * 40 * gst::ClockTime::MSECOND);
            content.map_writable().unwrap().fill(number.to_le_bytes()[0]);
            appsrc.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]).into_result().unwrap();
        }
        appsrc.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]).into_result().unwrap();
        if let Some(pool) = pool {
            pool.set_active(false).unwrap();
        }
    })
}

fn offered(appsrc: &gst::Element, caps: &gst::Caps) -> gst::BufferPool {
    let mut query = gst::query::Allocation::new(Some(caps), true);
    assert!(appsrc.static_pad("src").unwrap().peer_query(&mut query));
    let pool = query.allocation_pools().next().and_then(|(pool, ..)| pool).unwrap();
    pool.set_active(true).unwrap();
    pool
}

fn count(bench: &Bench) -> [u64; 3] {
    ["in-place", "mapped", "copied"].map(|name| bench.stat(name))
}

#[track_caller]
fn check(row: &Row, bench: &Bench, frames: &[Frame]) {
    for (seq, frame) in frames.iter().enumerate() {
        assert_eq!(frame.seen(), Some(frame.hash), "{}: frame {seq}: {:?}", row.name, frame.report.analysis);
    }
    let [in_place, mapped, copied] = count(bench);
    let name = row.name;
    println!("{name}: {in_place} in place, {mapped} mapped, {copied} copied, of {}", frames.len());
    assert!(frames.len() as u64 >= FRAMES / 2, "{name}: {} frames", frames.len());
    assert_eq!(in_place + mapped + copied, frames.len() as u64, "{name}");
    match row.way {
        Way::InPlace => assert_eq!((mapped, copied, bench.stat("bytes-copied")), (0, 0, 0), "{name}"),
        Way::InPlaceSoon => {
            assert!(copied <= WARM_UP, "{name}: {copied} copied");
            let late = frames.iter().skip(usize::try_from(WARM_UP).unwrap());
            assert!(late.clone().all(Frame::is_in_place), "{name}");
        }
        // What GStreamer's elements keep to themselves may differ in later versions.
        Way::Copied if gst::version() > (1, 23, 0, 0) => (),
        Way::Copied => assert_eq!((in_place, mapped), (0, 0), "{name}"),
    }
}

#[test]
fn frames_come_as_the_documentation_says() {
    let clips = Clips::new();
    for row in ROWS {
        if let Some((bench, frames)) = run(row, &clips) {
            check(row, &bench, &frames);
        }
    }
}

const BEGIN: &str = "<!-- ways: made by a test, see elements/tests/evdetect/ways.rs -->";

#[test]
fn the_documentation_has_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/memory.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("the mark stands in the document");
    let tail = rest.split_once("\n\n").map_or("", |(_, tail)| tail);
    let expected = format!("{head}{BEGIN}\n{}\n{tail}", table());
    if std::env::var_os("EDGEVISION_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert_eq!(text, expected, "run again with EDGEVISION_BLESS=1");
}

fn table() -> String {
    let rows = ROWS.iter().map(|row| {
        let way = match row.way {
            Way::InPlace => "in place",
            Way::InPlaceSoon => "in place; the first ones may be copied",
            Way::Copied => "copied once",
        };
        format!("| {} | {way} | {} |\n", row.name, row.why)
    });
    "| in front of `evdetect` | frames are | why |\n|---|---|---|\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn rows_have_names_of_their_own() {
    let names: BTreeMap<&str, &Row> = ROWS.iter().map(|row| (row.name, row)).collect();
    assert_eq!(names.len(), ROWS.len());
}
