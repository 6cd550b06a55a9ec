//! Outputs: the folder can be written, the port is free, the encoder is there.

use std::{io, net::TcpListener, path::Path};

use rustix::fs::{Access, access};

use super::Findings;
use crate::{
    config::{JsonLines, Outputs, RtspOut},
    error::Exit,
};

pub(super) fn check(outputs: &Outputs, has_gstreamer: bool, findings: &mut Findings<'_>) {
    if let Some(json_lines) = outputs.json_lines.as_ref().filter(|lines| !lines.to_stdout()) {
        findings.keep(Exit::Io, "outputs.json_lines.path", writable(json_lines));
    }
    if let Some(rtsp) = &outputs.rtsp {
        findings.keep(Exit::Unavailable, "outputs.rtsp.listen", bindable(rtsp));
        if has_gstreamer {
            encoder(rtsp, findings);
        }
    }
}

fn writable(lines: &JsonLines) -> Result<(), String> {
    let path = &lines.path;
    if path.is_dir() {
        return Err(format!("{} is a folder; give the name of a file", path.display()));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.exists() && !folder.is_dir() {
        return Err(format!("{} is a file, not a folder; give another path", folder.display()));
    }
    if !folder.is_dir() {
        return Err(format!(
            "the folder {} does not exist; create it, or give another path",
            folder.display()
        ));
    }
    let (place, needed) = if path.exists() {
        (path.as_path(), Access::WRITE_OK)
    } else {
        (folder, Access::WRITE_OK | Access::EXEC_OK)
    };
    access(place, needed)
        .map_err(|error| format!("{} cannot be written: {}", place.display(), io::Error::from(error)))
}

/// Takes the port for a moment.
fn bindable(rtsp: &RtspOut) -> Result<(), String> {
    let port = rtsp.listen.port();
    TcpListener::bind(rtsp.listen).map(drop).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} of {} is in use by another program; end it (`ss -ltnp 'sport = :{port}'` shows it) or choose \
             another port",
            rtsp.listen.ip()
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine; 0.0.0.0 means all that it has", rtsp.listen.ip())
        }
        _ => format!("{} cannot be listened on: {error}", rtsp.listen),
    })
}

fn encoder(rtsp: &RtspOut, findings: &mut Findings<'_>) {
    let key = "outputs.rtsp.encoder";
    findings.need_element("outputs.rtsp", "rtph264pay", "gstreamer1.0-plugins-good");
    if rtsp.encoder != "auto" {
        findings.need_element(key, &rtsp.encoder, "the plugin that brings it, or write `auto`");
    } else if gst::ElementFactory::find("openh264enc").is_none() {
        findings.need_element(key, "x264enc", "gstreamer1.0-plugins-ugly");
    }
}
