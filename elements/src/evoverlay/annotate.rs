//! What is to be seen on a frame, from its report or its regions of interest. Pure.

use std::{sync::Arc, time::Duration};

use edgevision_wasm_host::analysis::Status;

use super::{
    scene::{Badge, Labelled},
    style,
};
use crate::detectionmeta::{FrameReport, Region};

/// Shows the boxes of the last analysed frame on those that were left out, so that they don't flicker when only
/// every n-th frame is analysed.
#[derive(Debug, Default)]
pub struct Holder {
    last: Option<Arc<FrameReport>>,
}

impl Holder {
    /// The report whose boxes belong on the frame of `current`: its own, or the last one if that is no older than
    /// `hold` and the frame was merely skipped.
    pub fn shown(&mut self, current: &Arc<FrameReport>, hold: Duration) -> Option<Arc<FrameReport>> {
        match current.analysis.status {
            Status::Ok => self.last = Some(Arc::clone(current)),
            Status::Skipped => self.last = self.last.take().filter(|last| is_recent(last, current, hold)),
            Status::Timeout | Status::Trapped | Status::Quarantined => self.last = None,
        }
        self.last.clone()
    }
}

fn is_recent(last: &FrameReport, current: &FrameReport, hold: Duration) -> bool {
    let age = match (current.timestamp_ns, last.timestamp_ns) {
        (Some(now), Some(then)) => now.checked_sub(then),
        _ => current.system_time_ns.checked_sub(last.system_time_ns),
    };
    // Time that runs backwards is another turn of a looped clip.
    age.is_some_and(|age| Duration::from_nanos(age) <= hold)
}

/// The boxes of a report in pixels of a frame of `width` x `height`, least sure first so that the surest is on
/// top. The frame may have been scaled since it was analysed.
pub fn from_report(report: &FrameReport, width: u32, height: u32) -> Vec<Labelled> {
    #[allow(clippy::cast_precision_loss, reason = "frames are far below 2^24 pixels wide")]
    let ratio = |now: u32, then: u32| now as f32 / then.max(1) as f32;
    let (sx, sy) = (ratio(width, report.width), ratio(height, report.height));
    let detections = report.analysis.detections.iter().rev();
    let boxes = detections.map(|found| Labelled {
        edges: [found.x0 * sx, found.y0 * sy, found.x1 * sx, found.y1 * sy],
        class_id: found.class_id,
        label: report.label(found.class_id),
        confidence: Some(found.score),
    });
    boxes.collect()
}

/// The boxes of regions of interest, whoever attached them.
pub fn from_regions(regions: &[Region]) -> Vec<Labelled> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "frames are far below 2^24 pixels wide; a confidence needs no more than f32"
    )]
    let labelled = |region: &Region| {
        let (x, y, w, h) = region.rect;
        Labelled {
            edges: [x as f32, y as f32, x as f32 + w as f32, y as f32 + h as f32],
            class_id: class_of(region),
            label: region.label.clone(),
            confidence: region.confidence.map(|value| value as f32),
        }
    };
    regions.iter().map(labelled).collect()
}

/// The class number; regions without one get a stable number from their label, for the colour.
fn class_of(region: &Region) -> u32 {
    let known = region.label_id.and_then(|id| u32::try_from(id).ok());
    known.unwrap_or_else(|| region.label.bytes().fold(0, |sum, byte| sum.wrapping_mul(31) + u32::from(byte)))
}

/// What to tell about a frame that shows no fresh boxes.
pub fn badge(status: Status, shows_boxes: bool) -> Option<Badge> {
    let (text, color) = match status {
        Status::Ok => return None,
        Status::Skipped if shows_boxes => return None,
        Status::Skipped => ("NOT ANALYSED", style::NOTICE),
        Status::Timeout => ("TIMEOUT", style::ALARM),
        Status::Trapped => ("MODULE FAILED", style::ALARM),
        Status::Quarantined => ("QUARANTINED", style::ALARM),
    };
    Some(Badge { text: text.to_owned(), color })
}

/// Camera name and, if asked for, the time of day in UTC.
pub fn banner(camera_name: &str, unix_ns: Option<u64>) -> Option<String> {
    if camera_name.is_empty() {
        return None;
    }
    let clock = unix_ns.and_then(|ns| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok());
    Some(match clock {
        Some(time) => format!("{camera_name}  {} UTC", time.strftime("%H:%M:%S")),
        None => camera_name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use edgevision_wasm_host::{
        analysis::{Analysis, Timings},
        detection::Detection,
    };

    use super::*;

    const HOLD: Duration = Duration::from_millis(500);

    fn report(status: Status, ms: u64) -> Arc<FrameReport> {
        let found = |score, class_id| Detection { x0: 10.0, y0: 20.0, x1: 30.0, y1: 40.0, score, class_id };
        let detections = if status == Status::Ok { vec![found(0.9, 0), found(0.4, 5)] } else { vec![] };
        Arc::new(FrameReport {
            camera: "c".into(),
            seq: ms,
            timestamp_ns: Some(ms * 1_000_000),
            system_time_ns: 0,
            width: 100,
            height: 100,
            analysis: Analysis {
                status,
                detections,
                timings: Timings::default(),
                bytes_copied: 0,
                message: None,
            },
            transfer: None,
            labels: vec!["part".to_owned()].into(),
            model: None,
            modules: Arc::new([]),
        })
    }

    #[test]
    fn boxes_stay_on_skipped_frames_for_a_while() {
        let mut holder = Holder::default();
        assert!(holder.shown(&report(Status::Skipped, 0), HOLD).is_none(), "nothing seen yet");
        assert_eq!(holder.shown(&report(Status::Ok, 40), HOLD).unwrap().seq, 40);
        assert_eq!(holder.shown(&report(Status::Skipped, 540), HOLD).unwrap().seq, 40);
        assert!(holder.shown(&report(Status::Skipped, 541), HOLD).is_none());
    }

    #[test]
    fn boxes_do_not_outlive_a_failure_or_a_seek() {
        let mut holder = Holder::default();
        holder.shown(&report(Status::Ok, 40), HOLD);
        assert!(holder.shown(&report(Status::Trapped, 80), HOLD).is_none());
        assert!(holder.shown(&report(Status::Skipped, 120), HOLD).is_none());
        holder.shown(&report(Status::Ok, 400), HOLD);
        assert!(holder.shown(&report(Status::Skipped, 0), HOLD).is_none(), "the clip begins again");
    }

    #[test]
    fn boxes_follow_a_scaled_frame_surest_last() {
        let boxes = from_report(&report(Status::Ok, 0), 200, 50);
        assert_eq!(boxes[1].edges, [20.0, 10.0, 60.0, 20.0]);
        assert_eq!((boxes[0].label.as_str(), boxes[1].label.as_str()), ("5", "part"));
    }

    #[test]
    fn foreign_regions_are_shown() {
        let region = |label_id| Region {
            label: "cup".to_owned(),
            label_id,
            confidence: None,
            rect: (1, 2, 3, u32::MAX),
            ..Region::default()
        };
        let boxes = from_regions(&[region(Some(7)), region(None), region(Some(-1))]);
        assert_eq!(boxes[0].edges[..3], [1.0, 2.0, 4.0]);
        assert_eq!(boxes[0].class_id, 7);
        assert_eq!(boxes[1].class_id, boxes[2].class_id);
    }

    #[test]
    fn badges_tell_what_is_missing() {
        assert_eq!(badge(Status::Ok, false), None);
        assert_eq!(badge(Status::Skipped, true), None);
        assert_eq!(badge(Status::Skipped, false).unwrap().text, "NOT ANALYSED");
        assert_eq!(badge(Status::Quarantined, false).unwrap().text, "QUARANTINED");
    }

    #[test]
    fn banners() {
        assert_eq!(banner("", Some(0)), None);
        assert_eq!(banner("line3", None).unwrap(), "line3");
        assert_eq!(banner("line3", Some(1_795_341_600_123_000_000)).unwrap(), "line3  10:00:00 UTC");
    }
}
