//! Nothing that we do makes GLib or GStreamer warn: each pipeline runs in a process that a warning ends.

use gst::{glib, prelude::*};

use super::process::{detect, gst, picture, run, words};

#[track_caller]
fn plays(description: &str) {
    let ended = run(gst("gst-launch-1.0").arg("-q").args(words(description)));
    assert!(ended.success, "{description}\n{}", ended.text);
    for word in ["WARNING", "CRITICAL", "ERROR", "GLib", "panicked"] {
        assert!(!ended.text.contains(word), "{description}\n{}", ended.text);
    }
}

fn test_pictures(caps: &str) -> String {
    format!("videotestsrc num-buffers=12 ! video/x-raw,{caps}")
}

#[test]
fn pipelines_of_all_kinds() {
    let (d, end) = (detect(), "evpublish location=/dev/null ! fakesink");
    for format in ["I420", "NV12", "RGB", "BGR", "GRAY8"] {
        plays(&format!(
            "{} ! {d} ! evoverlay ! {end}",
            test_pictures(&format!("format={format},width=66,height=50"))
        ));
    }
    let small = test_pictures("format=I420,width=64,height=48");
    plays(&format!("{} ! {d} ! evoverlay camera-name=line3 ! videoconvert ! jpegenc ! fakesink", picture(6)));
    plays(&format!("{small} ! tee name=t t. ! queue ! {d} ! {end} t. ! queue ! fakesink"));
    plays(&format!("{small} ! {d} ! tee name=t t. ! queue ! evoverlay ! fakesink t. ! queue ! {end}"));
    plays(&format!("videotestsrc num-buffers=12 ! {d} ! {end}"));
    plays(&format!("{small} ! {d} ! videoscale ! video/x-raw,width=32,height=24 ! evoverlay ! {end}"));
    plays(&format!("{small} ! {d} workers=2 policy=newest interval=3 ! {end}"));
    plays(&format!("{small} ! identity drop-allocation=true ! {d} alias-memory=false ! evoverlay ! {end}"));
    plays("videotestsrc num-buffers=12 ! evoverlay ! evpublish location=/dev/null ! fakesink");
    plays(&format!("{} ! {d} ! evoverlay ! {end}", test_pictures("format=I420,width=1,height=1")));
    plays(&format!("videotestsrc num-buffers=0 ! {d} ! evoverlay ! {end}"));
}

#[test]
fn a_live_source() {
    let source = "videotestsrc is-live=true num-buffers=10 ! video/x-raw,format=I420,width=64,height=48,framerate=50/1";
    plays(&format!("{source} ! {} ! queue ! evoverlay ! evpublish location=/dev/null ! fakesink", detect()));
}

#[test]
fn mistakes_end_with_a_sentence_and_not_with_a_warning_of_glib() {
    for (pipeline, words_of_it) in [
        ("videotestsrc num-buffers=2 ! evdetect ! fakesink", "preprocess"),
        (
            "videotestsrc num-buffers=2 ! evpublish location=/no/such/folder/x.jsonl ! fakesink",
            "/no/such/folder",
        ),
    ] {
        let ended = run(gst("gst-launch-1.0").args(words(pipeline)));
        assert!(!ended.success && ended.text.contains("ERROR: from element"), "{}", ended.text);
        assert!(ended.text.contains(words_of_it), "{}", ended.text);
        assert!(!ended.text.contains("CRITICAL") && !ended.text.contains("signal"), "{}", ended.text);
    }
}

#[test]
fn inspection_of_the_plugin_and_of_each_element() {
    let plugin = run(gst("gst-inspect-1.0").arg("edgevision"));
    assert!(plugin.success, "{}", plugin.text);
    for element in elements() {
        assert!(plugin.text.contains(&element), "{}", plugin.text);
        let ended = run(gst("gst-inspect-1.0").arg(&element));
        assert!(ended.success && ended.text.contains("Element Properties"), "{}", ended.text);
    }
}

fn elements() -> Vec<String> {
    gst::init().unwrap();
    gstedgevision::plugin_register_static().unwrap();
    let features = gst::Registry::get().features_by_plugin("edgevision");
    assert!(features.len() >= 3);
    features.iter().map(|feature| feature.name().to_string()).collect()
}

/// The values of a property that are worth a try: the present one and the ends of its range.
fn values(pspec: &glib::ParamSpec, present: &glib::Value) -> Vec<glib::Value> {
    let mut values = vec![present.clone(), pspec.default_value().clone()];
    macro_rules! ends {
        ($($kind:ty),*) => {
            $(if let Some(spec) = pspec.downcast_ref::<$kind>() {
                values.extend([spec.minimum().to_value(), spec.maximum().to_value()]);
            })*
        };
    }
    ends!(
        glib::ParamSpecUInt,
        glib::ParamSpecUInt64,
        glib::ParamSpecInt,
        glib::ParamSpecInt64,
        glib::ParamSpecDouble,
        glib::ParamSpecFloat
    );
    if present.type_() == glib::Type::STRING {
        let odd: [Option<&str>; 4] = [None, Some(""), Some("{"), Some("\u{fffd}\u{1f600} %s %n")];
        values.extend(odd.iter().map(ToValue::to_value));
    }
    values
}

/// Runs in a child of [`properties_take_every_value`].
#[test]
#[ignore = "started by another test"]
fn child_sets_properties() {
    for name in elements() {
        let element = gst::ElementFactory::make(&name).build().unwrap();
        for pspec in
            element.list_properties().iter().filter(|spec| !["name", "parent"].contains(&spec.name()))
        {
            let flags = pspec.flags();
            let readable = flags.contains(glib::ParamFlags::READABLE);
            let present =
                if readable { element.property_value(pspec.name()) } else { pspec.default_value().clone() };
            if flags.contains(glib::ParamFlags::WRITABLE) && !flags.contains(glib::ParamFlags::CONSTRUCT_ONLY)
            {
                values(pspec, &present)
                    .iter()
                    .for_each(|value| element.set_property_from_value(pspec.name(), value));
                element.set_property_from_value(pspec.name(), &present);
            }
        }
    }
}

#[test]
fn properties_take_every_value() {
    let mut child = gst(std::env::current_exe().unwrap().to_str().unwrap());
    let ended = run(child.args(["--exact", "warnings::child_sets_properties", "--ignored", "--nocapture"]));
    assert!(ended.success && ended.text.contains("1 passed"), "{}", ended.text);
}
