//! What all elements share: locks, clocks, values of properties, pad templates.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gst::glib;
use serde_json::{Map, Value};

/// Locks. No code that panics runs under the elements' locks, so their content is whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cores that this process may use, 1 if nobody knows.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// As properties and structures carry it; 584 years if it is longer.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The wall clock, in nanoseconds since 1970.
pub fn unix_time_ns() -> u64 {
    nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

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

/// The JSON object in a text property; an empty one if the text is empty. The error is a sentence.
pub fn object(property: &str, text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(text).map_err(|error| format!("property `{property}` is not a JSON object: {error}"))
}

/// A sink pad and a src pad that are always there and take the same caps.
pub fn filter_pads(caps: &gst::Caps) -> Vec<gst::PadTemplate> {
    let template = |name, direction| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
            .expect("name and caps are valid")
    };
    vec![template("sink", gst::PadDirection::Sink), template("src", gst::PadDirection::Src)]
}
