//! What the GObject glue of all elements shares: values of properties, pad templates of filters.

use gst::glib;

/// A text property's value; NULL is empty.
pub fn text(value: &glib::Value) -> String {
    value.get::<Option<String>>().ok().flatten().unwrap_or_default()
}

/// Puts a property's value where it belongs, if it is of that type.
pub fn read<'v, T: glib::value::FromValue<'v>>(value: &'v glib::Value, into: &mut T) {
    if let Ok(value) = value.get() {
        *into = value;
    }
}

/// A sink pad and a src pad that are always there and take the same caps.
pub fn filter_pads(caps: &gst::Caps) -> Vec<gst::PadTemplate> {
    let template = |name, direction| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
            .expect("name and caps are valid")
    };
    vec![template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
}
