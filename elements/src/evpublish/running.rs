//! What an element knows between `start` and `stop`.

use std::{sync::Arc, time::Duration};

use super::record::Resolution;
use crate::publish::{Patience, Writer};

/// One run of the element.
pub struct Running {
    /// None: no lines are wanted.
    pub writer: Option<Arc<Writer>>,
    /// Name in records of foreign detections.
    pub camera: Arc<str>,
    /// From the caps.
    pub resolution: Option<Resolution>,
    /// How long a line may wait for its reader. None until it is known whether the source is live.
    patience: Option<Duration>,
    frames: u64,
    records: u64,
}

/// One frame of a run.
pub struct Frame {
    pub seq: u64,
    pub camera: Arc<str>,
    pub resolution: Option<Resolution>,
}

impl Running {
    pub fn new(writer: Option<Arc<Writer>>, camera: &str) -> Self {
        Self { writer, camera: camera.into(), resolution: None, patience: None, frames: 0, records: 0 }
    }

    /// Counts a frame that came in.
    pub fn frame(&mut self) -> Frame {
        let seq = self.frames;
        self.frames += 1;
        Frame { seq, camera: self.camera.clone(), resolution: self.resolution }
    }

    /// Counts a record; returns where its line goes.
    pub fn take_record(&mut self) -> Option<Arc<Writer>> {
        self.records += 1;
        self.writer.clone()
    }

    /// How long a line may wait, if it is known whether the source is live.
    pub fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Notes whether the source is live; returns how long a line may wait.
    pub fn set_live(&mut self, live: bool) -> Duration {
        *self.patience.insert(if live { Patience::LIVE } else { Patience::FILE })
    }

    /// Records made, lines written and lost.
    pub fn stats(&self) -> Stats {
        let (written, lost) = self.writer.as_ref().map_or((0, 0), |writer| (writer.written(), writer.lost()));
        Stats { records: self.records, written, lost }
    }
}

/// Counters of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    records: u64,
    written: u64,
    lost: u64,
}

impl Stats {
    /// The property `stats`.
    pub fn to_structure(self) -> gst::Structure {
        gst::Structure::builder("evpublish-stats")
            .field("records", self.records)
            .field("written", self.written)
            .field("lost", self.lost)
            .build()
    }
}
