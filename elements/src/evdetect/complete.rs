//! From a result to the outgoing buffer: metas, counters, and what is to be told about its modules.

use std::sync::Arc;

use edgevision_wasm_host::analysis::{Analysis, Timings};

use super::{health::Change, imp::CAT, item::Finished, load::Loaded, running::Running};
use crate::{
    detectionmeta::{self, FrameReport},
    glue::lock,
};

/// What is to be told with a frame.
pub struct News {
    /// The modules fare otherwise than before.
    pub change: Option<Change>,
    /// It is the first frame of other modules.
    pub swapped: bool,
}

/// Attaches the result to the buffer. Only the buffer's metas change: when somebody else still holds it, the
/// structure is copied and the memory shared.
pub fn complete(running: &Running, finished: Finished) -> (gst::Buffer, News) {
    let Finished { mut frame, transfer, mut analysis } = finished;
    let loaded = &frame.loaded;
    let swapped = swapped(running, loaded);
    loaded.strain(&mut analysis);
    running.counters.left(analysis.status, frame.bytes_copied, analysis.bytes_copied);
    analysis.bytes_copied += frame.bytes_copied;
    let change = lock(&running.health).judge(frame.seq, &analysis);
    tell(&loaded.camera, frame.seq, &analysis);
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
        engine: loaded.engine_name(),
        modules: loaded.modules.clone(),
    });
    detectionmeta::attach(frame.buffer.make_mut(), report);
    (frame.buffer, News { change, swapped })
}

/// Whether this is the first frame that was analysed by other modules than those before it. The failures of the old ones
/// are not held against the new ones.
fn swapped(running: &Running, loaded: &Arc<Loaded>) -> bool {
    let before = std::mem::replace(&mut *lock(&running.left), loaded.clone());
    let swapped = !loaded.same_job(&before);
    if swapped {
        lock(&running.health).renew();
    }
    swapped
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
