//! Texts with a form of their own. The schema names them as `format: edgevision-…`; here they are read.

use std::net::SocketAddr;

use super::{
    Location,
    units::{BitRate, Bytes, FrameRate, FrameSize, HumanDuration},
};

/// Reads a text of that form. Quantities give their size in the smallest unit, for comparison with limits.
///
/// # Errors
/// A sentence that says what was found and what is allowed.
pub(super) fn read(format: &str, text: &str) -> Result<Option<u128>, String> {
    match format {
        "edgevision-duration" => text.parse::<HumanDuration>().map(|d| Some(d.get().as_nanos())),
        "edgevision-bytes" => text.parse::<Bytes>().map(|b| Some(b.get().into())),
        "edgevision-bitrate" => text.parse::<BitRate>().map(|b| Some(b.get().into())),
        "edgevision-size" => text.parse::<FrameSize>().map(|_| None),
        "edgevision-framerate" => text.parse::<FrameRate>().map(|_| None),
        "edgevision-location" => text.parse::<Location>().map(|_| None),
        "edgevision-listen" => listen(text),
        "edgevision-name" => name(text),
        "edgevision-stream-path" => stream_path(text),
        "edgevision-element" => element(text),
        _ => Ok(None),
    }
}

fn listen(text: &str) -> Result<Option<u128>, String> {
    let refused = || format!("`{text}` is no address with a port; write it as 127.0.0.1:8554 or [::1]:8554");
    text.parse::<SocketAddr>().map(|_| None).map_err(|_| refused())
}

fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=64).contains(&text.len()) && text.chars().all(is_letter)
}

fn name(text: &str) -> Result<Option<u128>, String> {
    let refused = || format!("`{text}` is not allowed as a name; write 1 to 64 of a-z, 0-9, `-` and `_`");
    is_name(text).then_some(None).ok_or_else(refused)
}

fn stream_path(text: &str) -> Result<Option<u128>, String> {
    let refused = || {
        format!(
            "`{text}` is not allowed as a path; write names of a-z, 0-9, `-` and `_` with a `/` between them"
        )
    };
    text.split('/').all(is_name).then_some(None).ok_or_else(refused)
}

fn element(text: &str) -> Result<Option<u128>, String> {
    let refused =
        || format!("`{text}` is no name of a GStreamer element; write `auto` or a name such as x264enc");
    is_name(text).then_some(None).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_in_their_smallest_unit() {
        assert_eq!(read("edgevision-duration", "500ms"), Ok(Some(500_000_000)));
        assert_eq!(read("edgevision-duration", "1m 30s"), Ok(Some(90_000_000_000)));
        assert_eq!(read("edgevision-bytes", "64MiB"), Ok(Some(64 << 20)));
        assert_eq!(read("edgevision-bytes", "500kB"), Ok(Some(500_000)));
        assert_eq!(read("edgevision-bitrate", "2.5Mbit/s"), Ok(Some(2_500_000)));
    }

    #[test]
    fn what_is_nearly_right_is_refused() {
        let refused = [
            ("edgevision-duration", ["2", "-2s", "2 apples", ""]),
            ("edgevision-bytes", ["64", "64M", "64Mbit", "-1MiB"]),
            ("edgevision-bitrate", ["2M", "2MB/s", "0bit/s", "-1kbit/s"]),
            ("edgevision-size", ["1280", "1280X720", "0x0", "99999x720"]),
            ("edgevision-framerate", ["0", "1/0", "300", "30fps"]),
            ("edgevision-listen", ["8554", "localhost:8554", "127.0.0.1", ":8554"]),
            ("edgevision-name", ["", "Line3", "a b", "ä"]),
            ("edgevision-stream-path", ["/a", "a/", "a//b", "A"]),
        ];
        for (format, texts) in refused {
            for text in texts {
                assert!(read(format, text).is_err(), "{format} takes `{text}`");
            }
        }
    }
}
