//! Detections and camera states as JSON Lines.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use gst::glib;
use gstedgevision::{
    evpublish,
    publish::{self, Patience, Rotation, Writer},
};
use serde::Serialize;

use crate::{
    config::JsonLines,
    error::{AppError, Exit},
    supervise::{Failure, FailureKind},
};

/// The place that all cameras write their records to.
#[derive(Debug)]
pub struct JsonLinesOutput {
    settings: JsonLines,
    writer: Arc<Writer>,
}

/// A change of a camera's state, in the same file as its detections.
#[derive(Serialize)]
struct StateRecord<'a> {
    camera: &'a str,
    event: &'static str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    system_timestamp: String,
}

impl JsonLinesOutput {
    /// Opens the file, before any camera starts.
    ///
    /// # Errors
    /// It cannot be written; the sentence says why and what to do.
    pub fn open(settings: &JsonLines) -> Result<Self, AppError> {
        let writer = publish::writer(&location(settings), rotation(settings))
            .map_err(|error| AppError::new(Exit::Io, format!("outputs.json_lines.path: {error}")))?;
        Ok(Self { settings: settings.clone(), writer })
    }

    /// An `evpublish` named `name` that writes here.
    ///
    /// # Errors
    /// The element is not registered.
    pub fn element(&self, name: &str, camera: &str) -> Result<gst::Element, Failure> {
        gst::ElementFactory::make("evpublish")
            .name(name)
            .property("location", location(&self.settings))
            .property("max-size", self.settings.max_size.get())
            .property("max-files", self.settings.keep)
            .property("skipped", self.settings.skipped)
            .build()
            .map_err(|error: glib::BoolError| {
                Failure::new(
                    FailureKind::Internal,
                    format!("camera {camera}: evpublish cannot be made: {error}"),
                )
            })
    }

    /// Writes a change of a camera's state. A line that cannot be written is logged once and does not matter
    /// otherwise.
    pub fn write_state(&self, camera: &str, state: &str, reason: Option<&str>) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        let line = state_record(camera, state, reason, now);
        match self.writer.write_line(&line, Patience::BRIEF) {
            Err(lost) if lost.first => tracing::error!(camera, "{lost}"),
            _ => {}
        }
    }

    /// Puts what was written onto the disk.
    pub fn flush(&self) {
        if let Err(error) = self.writer.flush() {
            tracing::error!("the last records may not be in {}: {error}", self.writer.location());
        }
    }
}

fn location(settings: &JsonLines) -> String {
    settings.path.to_string_lossy().into_owned()
}

fn rotation(settings: &JsonLines) -> Rotation {
    Rotation { max_size: settings.max_size.get(), max_files: settings.keep }
}

fn state_record(camera: &str, state: &str, reason: Option<&str>, unix_ns: u64) -> String {
    let system_timestamp = evpublish::rfc3339(unix_ns);
    let record = StateRecord { camera, event: "state", state, reason, system_timestamp };
    // Strings only: nothing here can fail to serialise.
    serde_json::to_string(&record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_records_exactly() {
        assert_eq!(
            state_record("line3", "reconnecting", Some("no frame for 2 s"), 1_795_341_600_123_000_000),
            r#"{"camera":"line3","event":"state","state":"reconnecting","reason":"no frame for 2 s","system_timestamp":"2026-11-22T10:00:00.123Z"}"#
        );
        assert_eq!(
            state_record("line3", "running", None, 0),
            r#"{"camera":"line3","event":"state","state":"running","system_timestamp":"1970-01-01T00:00:00.000Z"}"#
        );
    }

    #[test]
    fn states_and_detections_share_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let output = JsonLinesOutput::open(&path.clone().into()).unwrap();
        output.write_state("line3", "running", None);
        let shared = publish::writer(path.to_str().unwrap(), Rotation::default()).unwrap();
        shared.write_line("{}", Patience::BRIEF).unwrap();
        output.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with(r#"{"camera":"line3","event":"state","state":"running""#));
    }

    #[test]
    fn a_missing_folder_is_a_sentence() {
        let error =
            JsonLinesOutput::open(&std::path::PathBuf::from("no-such-folder/a.jsonl").into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "outputs.json_lines.path: cannot write records to no-such-folder/a.jsonl: the folder no-such-folder \
             does not exist, create it first"
        );
        assert_eq!(error.exit(), Exit::Io);
    }
}
