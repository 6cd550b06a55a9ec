//! From a result to the outgoing buffer: metas, counters, and one warning for a row of failures.

use std::sync::Arc;

use edgevision_wasm_host::analysis::{Analysis, Status, Timings};

use super::{
    imp::CAT,
    load::Loaded,
    output::Finished,
    running::{Running, lock},
};
use crate::detectionmeta::{self, FrameReport};

/// A change for the worse that the user is told about.
pub struct Warning(pub String);

/// Attaches the result to the buffer. Only the buffer's metas change: when somebody else still holds it, the
/// structure is copied and the memory shared.
pub fn complete(running: &Running, finished: Finished) -> (gst::Buffer, Option<Warning>) {
    let Finished { mut frame, transfer, mut analysis } = finished;
    running.counters.left(analysis.status, frame.bytes_copied, analysis.bytes_copied);
    analysis.bytes_copied += frame.bytes_copied;
    let warning = judge(&mut lock(&running.failing), analysis.status, analysis.message.as_deref(), frame.seq);
    tell(&running.loaded.camera, frame.seq, &analysis);
    let loaded: &Loaded = &running.loaded;
    let report = Arc::new(FrameReport {
        camera: loaded.camera.clone(),
        seq: frame.seq,
        timestamp_ns: frame.timestamp_ns,
        system_time_ns: frame.system_time_ns,
        width: frame.width,
        height: frame.height,
        analysis,
        transfer,
        labels: loaded.labels.clone(),
        model: loaded.model.clone(),
        modules: loaded.modules.clone(),
    });
    detectionmeta::attach(frame.buffer.make_mut(), report);
    (frame.buffer, warning)
}

fn tell(camera: &str, seq: u64, analysis: &Analysis) {
    let Timings { queue, preprocess, inference, postprocess, total } = analysis.timings;
    let status = analysis.status;
    gst::log!(
        CAT,
        "{camera} frame {seq}: {status:?}, waited {queue:.1?}, preprocess {preprocess:.1?}, inference {inference:.1?}, \
         postprocess {postprocess:.1?}, total {total:.1?}"
    );
    gst::log!(CAT, "{camera} frame {seq}: {} detections", analysis.detections.len());
}

/// Notes the status; a failure that differs from the one before is worth a warning, the rest of the row is not.
fn judge(failing: &mut Option<Status>, status: Status, message: Option<&str>, seq: u64) -> Option<Warning> {
    let previous = *failing;
    match status {
        Status::Skipped => return None,
        Status::Ok => *failing = None,
        Status::Timeout | Status::Trapped | Status::Quarantined => *failing = Some(status),
    }
    (failing.is_some() && *failing != previous).then(|| {
        Warning(format!(
            "frame {seq} goes on without detections: {}",
            message.unwrap_or("no reason was given")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_failures_is_one_warning() {
        let row = [
            (Status::Ok, false),
            (Status::Trapped, true),
            (Status::Trapped, false),
            (Status::Skipped, false),
            (Status::Trapped, false),
            (Status::Timeout, true),
            (Status::Ok, false),
            (Status::Timeout, true),
        ];
        let mut failing = None;
        for (place, (status, warns)) in row.into_iter().enumerate() {
            assert_eq!(judge(&mut failing, status, None, 0).is_some(), warns, "at {place}");
        }
    }

    #[test]
    fn the_warning_says_which_frame_and_why() {
        let warning = judge(&mut None, Status::Timeout, Some("letterbox ran for 500 ms"), 7).unwrap();
        assert_eq!(warning.0, "frame 7 goes on without detections: letterbox ran for 500 ms");
    }
}
