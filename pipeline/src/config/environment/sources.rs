//! Sources: the file, pictures or device, the elements that read them, and the secrets.

use std::{fs::File, os::unix::fs::FileTypeExt, path::Path};

use super::{Findings, files::readable};
use crate::{
    config::{Location, Source},
    error::Exit,
    source::images,
};

pub(super) fn check(source: &Source, path: &str, has_gstreamer: bool, findings: &mut Findings<'_>) {
    let key = format!("{path}.source.uri");
    if let Some(sentence) = missing(&source.uri) {
        findings.report(Exit::NoInput, &key, sentence);
    }
    if has_gstreamer {
        elements(&source.uri, &key, findings);
    }
    secrets(source, path, findings);
}

/// Why there is nothing to read at a place of this computer, as a sentence.
pub(crate) fn missing(place: &Location) -> Option<String> {
    let found = match place {
        Location::File(file) => readable(file),
        Location::Images(folder) => images::list(folder).map(drop),
        Location::V4l2(device) => camera_device(device),
        Location::Rtsp(_) | Location::Pattern(_) => Ok(()),
    };
    found.err()
}

fn camera_device(device: &Path) -> Result<(), String> {
    let file = File::open(device).map_err(|error| {
        format!("{} cannot be opened: {error}; `v4l2-ctl --list-devices` lists the cameras", device.display())
    })?;
    match file.metadata().is_ok_and(|metadata| metadata.file_type().is_char_device()) {
        true => Ok(()),
        false => Err(format!("{} is no device; cameras are /dev/video0, /dev/video1, …", device.display())),
    }
}

fn elements(uri: &Location, key: &str, findings: &mut Findings<'_>) {
    const BASE: &str = "gstreamer1.0-plugins-base";
    const GOOD: &str = "gstreamer1.0-plugins-good";
    let needed: &[(&str, &str)] = match uri {
        Location::File(_) => &[("filesrc", "libgstreamer1.0-0"), ("decodebin3", BASE)],
        Location::Images(_) => &[("appsrc", BASE)],
        Location::Rtsp(_) => &[("rtspsrc", GOOD), ("decodebin3", BASE)],
        Location::V4l2(_) => &[("v4l2src", GOOD)],
        Location::Pattern(_) => &[("videotestsrc", BASE)],
    };
    for (name, package) in needed.iter().chain(&[("videoconvert", BASE)]) {
        findings.need_element(key, name, package);
    }
}

fn secrets(source: &Source, path: &str, findings: &mut Findings<'_>) {
    if let Some(user) = &source.user {
        findings.keep(Exit::NoInput, &format!("{path}.source.user"), user.read());
    }
    if let Some(password) = &source.password {
        findings.keep(Exit::NoInput, &format!("{path}.source.password"), password.read());
    }
}
