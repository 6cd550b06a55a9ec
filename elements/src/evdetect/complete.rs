//! From a result to the outgoing buffer: metas, counters, and what is to be told about its modules.

use std::sync::Arc;

use edgevision_wasm_host::analysis::{Analysis, Timings};

use super::{
    health::Change,
    imp::CAT,
    load::Loaded,
    output::Finished,
    running::{Running, lock},
};
use crate::detectionmeta::{self, FrameReport};

/// Attaches the result to the buffer. Only the buffer's metas change: when somebody else still holds it, the
/// structure is copied and the memory shared.
pub fn complete(running: &Running, finished: Finished) -> (gst::Buffer, Option<Change>) {
    let Finished { mut frame, transfer, mut analysis } = finished;
    running.counters.left(analysis.status, frame.bytes_copied, analysis.bytes_copied);
    analysis.bytes_copied += frame.bytes_copied;
    let change = lock(&running.health).judge(frame.seq, &analysis);
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
    (frame.buffer, change)
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
