//! A network camera.

use std::time::Duration;

use gst::prelude::*;

use super::decode::{decoded, element};
use crate::{
    config::{Source, Transport},
    supervise::{Failure, FailureKind},
};

/// A camera that accepts the connection and then says nothing is given up after this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a camera may take to answer our goodbye; a dead one must not delay the next attempt.
const TEARDOWN_TIMEOUT: Duration = Duration::from_millis(100);

/// `rtspsrc ! decodebin3`, video only. RTSP over TLS as the URI says.
pub(super) fn build(uri: &str, source: &Source) -> Result<gst::Element, Failure> {
    let rtsp = element("rtspsrc", "gstreamer1.0-plugins-good")?;
    rtsp.set_property("location", uri);
    rtsp.set_property_from_str("protocols", protocols(uri, source.transport));
    rtsp.set_property("latency", u32::try_from(source.latency.get().as_millis()).unwrap_or(u32::MAX));
    rtsp.set_property("drop-on-latency", true);
    rtsp.set_property("tcp-timeout", micros(CONNECT_TIMEOUT));
    // With UDP this is the time after which rtspsrc would switch to TCP on its own: what the user asked for stays.
    rtsp.set_property("timeout", 0_u64);
    rtsp.set_property("teardown-timeout", u64::try_from(TEARDOWN_TIMEOUT.as_nanos()).unwrap_or(u64::MAX));
    log_in(&rtsp, source)?;
    only_video(&rtsp);
    decoded(&rtsp)
}

fn protocols(uri: &str, transport: Transport) -> &'static str {
    match (uri.starts_with("rtsps://"), transport) {
        (false, Transport::Tcp) => "tcp",
        (true, Transport::Tcp) => "tcp+tls",
        (false, Transport::Udp) => "udp+udp-mcast",
        (true, Transport::Udp) => "udp+udp-mcast+tls",
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn log_in(rtsp: &gst::Element, source: &Source) -> Result<(), Failure> {
    let denied = |sentence| Failure::new(FailureKind::Denied, sentence);
    if let Some(user) = &source.user {
        rtsp.set_property("user-id", user.read().map_err(denied)?.expose());
    }
    if let Some(password) = &source.password {
        rtsp.set_property("user-pw", password.read().map_err(denied)?.expose());
    }
    Ok(())
}

/// Sound and other streams are not even requested from the camera.
fn only_video(rtsp: &gst::Element) {
    rtsp.connect("select-stream", false, |arguments| {
        let caps = arguments.get(2)?.get::<gst::Caps>().ok()?;
        let media = caps.structure(0).and_then(|caps| caps.get::<String>("media").ok());
        Some((media.as_deref() == Some("video")).to_value())
    });
}
