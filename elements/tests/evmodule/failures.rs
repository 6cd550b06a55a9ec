//! Modules that misbehave, and properties that are wrong.

use gst::prelude::*;

use super::support::{ATTACK, Bench, Wat, filter, guest, init};

const CAPS: &str = "format=GRAY8,width=32,height=8";

fn good(_: u32, x: usize, y: usize) -> u8 {
    (1 + x + 7 * y).to_le_bytes()[0]
}

fn bad(plane: u32, x: usize, y: usize) -> u8 {
    if (x, y) == (0, 0) { ATTACK } else { good(plane, x, y) }
}

fn bench(module: &str, on_error: &str) -> (Bench, Wat) {
    let module = Wat::new(module);
    let element = filter(&module.path(), "");
    element.set_property("deadline", 300_000_000_u64);
    element.set_property_from_str("on-error", on_error);
    (Bench::new(element, CAPS), module)
}

/// A good frame, two bad ones, a good one, a bad one: the pictures that come out.
fn row(bench: &mut Bench) -> Vec<Vec<u8>> {
    for value in [good, bad, bad, good, bad] {
        let frame = bench.frame(value);
        bench.harness.push(frame).unwrap();
    }
    let mut pictures = vec![];
    while let Some(buffer) = bench.harness.try_pull() {
        pictures.extend(bench.visible(&buffer));
    }
    pictures
}

fn picture(value: impl Fn(u32, usize, usize) -> u8) -> Vec<u8> {
    (0..8).flat_map(|y| (0..32).map(move |x| (x, y))).map(|(x, y)| value(0, x, y)).collect()
}

#[test]
fn a_black_frame_takes_the_place_of_one_that_failed() {
    for module in
        ["filter_traps", "filter_endless_loop", "filter_fails", "filter_store_outside", "filter_grows"]
    {
        let (mut bench, _module) = bench(module, "blank");
        let black = vec![0; 32 * 8];
        let expected = [picture(good), black.clone(), black.clone(), picture(good), black];
        assert_eq!(row(&mut bench), expected, "{module}");
        let failed = bench.stat("timeout") + bench.stat("trapped");
        assert_eq!((bench.stat("filtered"), failed, bench.stat("blanked")), (2, 3, 3), "{module}");
        let warnings = bench.warnings();
        assert_eq!(warnings.len(), 1, "{module}: not one for each frame: {warnings:#?}");
        let start =
            format!("frame 1 is not filtered, a black frame goes on: module {module}: `filter` of frame 1");
        assert!(warnings[0].starts_with(&start), "{}", warnings[0]);
    }
}

#[test]
fn a_failed_frame_is_dropped_or_passes_when_asked() {
    let (mut dropping, _module) = bench("filter_traps", "drop");
    assert_eq!(row(&mut dropping), [picture(good), picture(good)]);
    assert_eq!(dropping.stat("dropped"), 3);
    assert!(dropping.warnings()[0].contains("it is dropped"));
    let (mut passing, _module) = bench("filter_traps", "pass");
    assert_eq!(row(&mut passing), [picture(good), picture(bad), picture(bad), picture(good), picture(bad)]);
    assert_eq!(passing.stat("passed"), 3);
    assert!(passing.warnings()[0].contains("it goes on unfiltered"));
}

/// A buffer that is too small for its caps is nobody's fault here; the stream goes on.
#[test]
fn a_frame_that_cannot_be_read_has_failed() {
    let (mut bench, _module) = bench("filter_copy", "blank");
    let output = bench.through(gst::Buffer::with_size(100).unwrap());
    assert_eq!(bench.visible(&output), [vec![0; 32 * 8]]);
    let warnings = bench.warnings();
    assert!(warnings[0].contains("its bytes cannot be read"), "{warnings:?}");
    let frame = bench.frame(good);
    let output = bench.through(frame);
    assert_eq!(bench.visible(&output), [picture(good)]);
}

/// What the start of an element with these properties says.
fn refusal(module: &str, params: &str) -> String {
    init();
    let element = gst::ElementFactory::make("evmodule").property("module", module).property("params", params);
    let element = element.build().unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err());
    let errors: Vec<String> = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Error]))
        .map(|message| match message.view() {
            gst::MessageView::Error(error) => error.error().to_string(),
            _ => String::new(),
        })
        .collect();
    element.set_state(gst::State::Null).unwrap();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.concat()
}

#[test]
fn one_sentence_each() {
    let mask = guest("privacy-mask");
    let mask = mask.to_str().unwrap();
    assert_eq!(
        refusal("", ""),
        "property `module` is empty; give it the name or the path of a module that exports `filter`"
    );
    assert!(refusal("nowhere/at-all.wasm", "").contains("nowhere/at-all.wasm"));
    assert!(refusal(mask, "[]").starts_with("property `params` is not a JSON object: "));
    assert_eq!(
        refusal(mask, r#"{"polygons":[[[0,0],[640,0],[1,1]]]}"#),
        "module privacy-mask: `edgevision_init`: parameter `polygons[0][1]` has the coordinate 640: allowed are \
         fractions of the frame, 0 to 1"
    );
    assert_eq!(
        refusal(guest("letterbox").to_str().unwrap(), ""),
        "module letterbox exports preprocess, not `filter`: it is the frame-to-tensor module of a detector \
         (`preprocess` of evdetect or of a config); choose a module that exports `filter`"
    );
    let infers = Wat::new("filter_infers");
    assert!(refusal(infers.path().to_str().unwrap(), "").contains("which a filter cannot have"));
}

#[test]
fn a_filter_is_no_detector() {
    init();
    let (preprocess, detector) = (guest("grayscale"), guest("yolo"));
    let element = gst::ElementFactory::make("evdetect")
        .property("preprocess", preprocess.to_str().unwrap())
        .property("detector", detector.to_str().unwrap())
        .build()
        .unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Ready).is_err());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    let text = error.error().to_string();
    assert!(text.contains("it is a video filter, which the element evmodule runs"), "{text}");
    element.set_state(gst::State::Null).unwrap();
}
