//! What is to be seen on a frame, from its reports and its regions of interest. Pure.

use std::{sync::Arc, time::Duration};

use edgevision_wasm_host::{analysis::Status, detection::Detection};

use super::{
    color,
    hold::{Fate, Holder, Moment, View},
    labels::LabelFilter,
    scene::{Badge, Labelled, Scene},
    style::Effect,
};
use crate::detectionmeta::{FrameReport, Region, pixel_rect};

/// Which objects are drawn, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Classes that get a box.
    pub labels: LabelFilter,
    /// Objects below get no box; those without a confidence do.
    pub min_confidence: f64,
    /// What is done to the classes of `effect_labels` in place of a box.
    pub effect: Effect,
    /// The classes that the effect is meant for. No other filter takes an object out of it.
    pub effect_labels: LabelFilter,
    /// Whether a frame of which nothing is known is hidden as a whole.
    pub cover_unanalysed: bool,
}

/// What a frame brings along.
#[derive(Debug)]
pub struct Frame<'a> {
    /// One for each detector that it went through, in their order.
    pub reports: &'a [Arc<FrameReport>],
    /// All regions on it, whoever attached them.
    pub regions: &'a [Region],
    /// For regions that are in no report.
    pub moment: Moment,
}

/// The last objects of each detector.
#[derive(Debug, Default)]
pub struct Memory {
    detectors: Vec<Holder>,
    others: Holder,
}

impl Memory {
    /// What belongs on this frame; what the detectors found earlier counts for `hold`.
    ///
    /// The regions on the frame are what is drawn: somebody may have added, removed or numbered some since a
    /// detector reported.
    pub fn view(&mut self, frame: &Frame<'_>, hold: Duration) -> View {
        self.detectors.resize_with(frame.reports.len(), Holder::default);
        let mut left: Vec<&Region> = frame.regions.iter().collect();
        let mut views = Vec::new();
        for (report, holder) in frame.reports.iter().zip(&mut self.detectors) {
            let moment = Moment { stream_ns: report.timestamp_ns, system_ns: report.system_time_ns };
            views.push(holder.view(moment, fate(report.analysis.status), take(report, &mut left), hold));
        }
        let others = left.into_iter().map(from_region).collect();
        let mut all = self.others.view(frame.moment, Fate::Unknown, others, hold);
        // With reports it is the detectors that say whether a frame is known.
        all.is_known = if views.is_empty() { all.is_known } else { views.iter().all(|view| view.is_known) };
        for view in views {
            all.boxes.extend(view.boxes);
            all.covered.extend(view.covered);
        }
        // The surest is drawn last, on top.
        let sureness = |labelled: &Labelled| labelled.confidence.unwrap_or(0.0);
        all.boxes.sort_by(|a, b| sureness(a).total_cmp(&sureness(b)));
        all
    }

    /// Frames have another size from now on.
    pub fn rescale(&mut self, x: f32, y: f32) {
        self.detectors.iter_mut().chain([&mut self.others]).for_each(|holder| holder.rescale(x, y));
    }
}

const fn fate(status: Status) -> Fate {
    match status {
        Status::Ok => Fate::Analysed,
        Status::Skipped => Fate::Skipped,
        Status::Timeout | Status::Trapped | Status::Quarantined => Fate::Failed,
    }
}

/// Takes out the regions that came with this report.
fn take(report: &FrameReport, regions: &mut Vec<&Region>) -> Vec<Labelled> {
    let mut taken = Vec::new();
    for detection in &report.analysis.detections {
        let (rect, label) =
            (pixel_rect(detection, report.width, report.height), report.label(detection.class_id));
        if let Some(place) = regions.iter().position(|region| region.rect == rect && region.label == label) {
            taken.push(from_detection(detection, label, regions.remove(place)));
        }
    }
    taken
}

fn from_detection(found: &Detection, label: String, region: &Region) -> Labelled {
    Labelled {
        edges: [found.x0, found.y0, found.x1, found.y1],
        class_id: found.class_id,
        track: region.object_id,
        label,
        confidence: Some(found.score),
        extras: found.extras.clone(),
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "frames are far below 2^24 pixels wide; a confidence needs no more than f32"
)]
fn from_region(region: &Region) -> Labelled {
    let (x, y, w, h) = region.rect;
    Labelled {
        edges: [x as f32, y as f32, x as f32 + w as f32, y as f32 + h as f32],
        class_id: class_of(region),
        track: region.object_id,
        label: region.label.clone(),
        confidence: region.confidence.map(|value| value as f32),
        extras: None,
    }
}

/// The class number; regions without one get a stable number from their label, for the colour.
fn class_of(region: &Region) -> u32 {
    let known = region.label_id.and_then(|id| u32::try_from(id).ok());
    known.unwrap_or_else(|| {
        region.label.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
    })
}

impl Choice {
    /// The objects of a frame in their parts.
    pub fn scene(&self, view: View) -> Scene {
        let is_meant =
            |labelled: &Labelled| self.effect != Effect::Box && self.effect_labels.matches(&labelled.label);
        let mut hidden = Vec::new();
        if self.effect.hides() {
            let objects = view.boxes.iter().chain(&view.covered);
            hidden.extend(objects.filter(|labelled| is_meant(labelled)).map(|labelled| labelled.edges));
        }
        let hides_all = self.cover_unanalysed && self.effect.hides() && !view.is_known;
        let boxes = view.boxes.into_iter();
        let boxes = boxes.filter(|labelled| !is_meant(labelled) && self.has_box(labelled)).collect();
        Scene { hidden, hides_all, boxes, ..Scene::default() }
    }

    fn has_box(&self, labelled: &Labelled) -> bool {
        let is_sure = labelled.confidence.is_none_or(|value| f64::from(value) >= self.min_confidence);
        is_sure && self.labels.matches(&labelled.label)
    }
}

/// What to tell about a frame: the state of the first detector that has no fresh result.
pub fn badge(reports: &[Arc<FrameReport>], is_known: bool) -> Option<Badge> {
    let told = |status| {
        let (text, color) = match status {
            Status::Ok => return None,
            Status::Skipped if is_known => return None,
            Status::Skipped => ("NOT ANALYSED", color::NOTICE),
            Status::Timeout => ("TIMEOUT", color::ALARM),
            Status::Trapped => ("MODULE FAILED", color::ALARM),
            Status::Quarantined => ("QUARANTINED", color::ALARM),
        };
        Some(Badge { text: text.to_owned(), color })
    };
    reports.iter().find_map(|report| told(report.analysis.status))
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
    use edgevision_wasm_host::analysis::{Analysis, Timings};

    use super::*;

    const HOLD: Duration = Duration::from_millis(500);
    const NOW: Moment = Moment { stream_ns: None, system_ns: 0 };

    fn report(status: Status, ms: u64) -> Arc<FrameReport> {
        let found = |score, class_id| Detection {
            x0: 10.4,
            y0: 20.0,
            x1: 30.0,
            y1: 40.0,
            score,
            class_id,
            extras: None,
        };
        let detections = if status == Status::Ok { vec![found(0.9, 0), found(0.4, 5)] } else { vec![] };
        let analysis = Analysis {
            status,
            detections,
            tensors: Vec::new(),
            timings: Timings::default(),
            bytes_copied: 0,
            message: None,
        };
        Arc::new(FrameReport {
            camera: "c".into(),
            seq: ms,
            timestamp_ns: Some(ms * 1_000_000),
            system_time_ns: 0,
            width: 100,
            height: 100,
            analysis,
            transfer: None,
            labels: vec!["part".to_owned()].into(),
            model: None,
            engine: None,
            modules: Arc::new([]),
        })
    }

    fn region(label: &str, rect: (u32, u32, u32, u32)) -> Region {
        Region { label: label.to_owned(), rect, ..Region::default() }
    }

    const RECT: (u32, u32, u32, u32) = (10, 20, 20, 20);

    fn view(memory: &mut Memory, reports: &[Arc<FrameReport>], regions: &[Region]) -> View {
        memory.view(&Frame { reports, regions, moment: NOW }, HOLD)
    }

    #[test]
    fn boxes_are_those_on_the_frame_surest_last() {
        let regions = [region("part", RECT), region("5", RECT), region("dog", (0, 0, 5, 5))];
        let boxes = view(&mut Memory::default(), &[report(Status::Ok, 0)], &regions).boxes;
        let labels: Vec<_> = boxes.iter().map(|labelled| labelled.label.as_str()).collect();
        assert_eq!(labels, ["dog", "5", "part"]);
        assert!((boxes[2].edges[0] - 10.4).abs() < 1e-6, "as exact as the report: {:?}", boxes[2].edges);
        assert!((boxes[0].edges[2] - 5.0).abs() < 1e-6);
    }

    #[test]
    fn who_removes_a_region_removes_its_box_and_who_numbers_it_is_heard() {
        let tracked = Region { object_id: Some(7), ..region("5", RECT) };
        let boxes = view(&mut Memory::default(), &[report(Status::Ok, 0)], &[tracked]).boxes;
        assert_eq!(boxes.len(), 1);
        assert_eq!(boxes[0].track, Some(7));
    }

    #[test]
    fn each_detector_has_its_own_memory() {
        let mut memory = Memory::default();
        let both = [region("part", RECT), region("5", RECT), region("part", RECT), region("5", RECT)];
        view(&mut memory, &[report(Status::Ok, 0), report(Status::Ok, 0)], &both);
        let one = view(&mut memory, &[report(Status::Skipped, 40), report(Status::Ok, 40)], &both[..2]);
        assert_eq!((one.boxes.len(), one.covered.len(), one.is_known), (4, 0, true));
        let failed = view(&mut memory, &[report(Status::Trapped, 80), report(Status::Ok, 80)], &both[..2]);
        assert_eq!((failed.boxes.len(), failed.covered.len(), failed.is_known), (2, 2, true));
    }

    #[test]
    fn held_boxes_follow_a_new_size() {
        let mut memory = Memory::default();
        view(&mut memory, &[report(Status::Ok, 0)], &[region("part", RECT)]);
        memory.rescale(2.0, 0.5);
        let boxes = view(&mut memory, &[report(Status::Skipped, 40)], &[]).boxes;
        assert_eq!(boxes[0].edges, [20.8, 10.0, 60.0, 20.0]);
    }

    #[test]
    fn regions_without_a_number_have_a_stable_colour() {
        let numbered = |label_id| Region { label_id, ..region("a rather long name", RECT) };
        assert_eq!(class_of(&numbered(Some(7))), 7);
        assert_eq!(class_of(&numbered(None)), class_of(&numbered(Some(-1))));
    }

    fn objects() -> View {
        let object =
            |label: &str, confidence| Labelled { label: label.to_owned(), confidence, ..Labelled::default() };
        View {
            boxes: vec![object("person", Some(0.9)), object("car", Some(0.3)), object("dog", None)],
            covered: vec![object("person", None)],
            is_known: true,
        }
    }

    fn parts(choice: &Choice) -> (Vec<String>, usize, bool) {
        let scene = choice.scene(objects());
        let labels = scene.boxes.into_iter().map(|labelled| labelled.label).collect();
        (labels, scene.hidden.len(), scene.hides_all)
    }

    #[test]
    fn labels_and_confidence_choose_boxes() {
        let names = |choice| parts(&choice).0;
        assert_eq!(names(Choice::default()), ["person", "car", "dog"]);
        assert_eq!(names(Choice { min_confidence: 0.5, ..Choice::default() }), ["person", "dog"]);
        let labels = LabelFilter::parse("-person");
        assert_eq!(names(Choice { labels, ..Choice::default() }), ["car", "dog"]);
    }

    #[test]
    fn effects_take_the_place_of_boxes() {
        let choice = |effect, effect_labels| Choice {
            effect,
            effect_labels: LabelFilter::parse(effect_labels),
            // Neither may take a person out of the effect.
            labels: LabelFilter::parse("car"),
            min_confidence: 0.1,
            cover_unanalysed: true,
        };
        let none: Vec<String> = Vec::new();
        assert_eq!(parts(&choice(Effect::Blur, "")), (none.clone(), 4, false));
        assert_eq!(parts(&choice(Effect::Fill, "person")), (vec!["car".to_owned()], 2, false));
        assert_eq!(parts(&choice(Effect::Pixelate, "-person")), (none.clone(), 2, false));
        assert_eq!(parts(&choice(Effect::None, "car")), (none, 0, false));
        assert_eq!(parts(&choice(Effect::Box, "car")).1, 0);
    }

    #[test]
    fn frames_of_which_nothing_is_known_are_hidden_on_request() {
        let scene = |effect, cover_unanalysed| {
            Choice { effect, cover_unanalysed, ..Choice::default() }.scene(View::default()).hides_all
        };
        assert!(scene(Effect::Blur, true));
        assert!(!scene(Effect::Blur, false));
        assert!(!scene(Effect::Box, true), "nothing to hide it with");
    }

    #[test]
    fn badges_tell_what_is_missing() {
        let text = |status, is_known| badge(&[report(status, 0)], is_known).map(|badge| badge.text);
        assert_eq!(text(Status::Ok, false), None);
        assert_eq!(text(Status::Skipped, true), None);
        assert_eq!(text(Status::Skipped, false).unwrap(), "NOT ANALYSED");
        assert_eq!(text(Status::Quarantined, true).unwrap(), "QUARANTINED");
        assert_eq!(badge(&[], false), None);
    }

    #[test]
    fn banners() {
        assert_eq!(banner("", Some(0)), None);
        assert_eq!(banner("line3", None).unwrap(), "line3");
        assert_eq!(banner("line3", Some(1_795_341_600_123_000_000)).unwrap(), "line3  10:00:00 UTC");
    }
}
