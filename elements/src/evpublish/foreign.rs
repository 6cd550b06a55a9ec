//! Records of detections that other people's elements have found: what a region of interest tells, the rest null.

use edgevision_wasm_host::analysis::Status;

use super::{
    extras::ObjectExtras,
    record::{self, BoundingBox, Object, ObjectDetection, Record, Resolution},
};
use crate::detectionmeta::Region;

/// The frame that carries the regions, as `evpublish` sees it.
pub struct Seen<'a> {
    pub camera: &'a str,
    pub seq: u64,
    pub stream_time: Option<gst::ClockTime>,
    /// Wall clock, nanoseconds since 1970.
    pub system_time_ns: u64,
    /// None when the caps tell none.
    pub resolution: Option<Resolution>,
}

/// The record of a frame without a report, or `None` when it carries no detection: then nobody knows whether a
/// detector has seen it.
pub fn record<'a>(seen: &Seen<'a>, regions: &[Region]) -> Option<Record<'a>> {
    (!regions.is_empty()).then(|| Record {
        camera: seen.camera,
        seq: seen.seq,
        timestamp: seen.stream_time.map(gst::ClockTime::nseconds),
        system_timestamp: record::rfc3339(seen.system_time_ns),
        resolution: seen.resolution,
        status: Status::Ok,
        objects: regions.iter().map(|region| object(region, seen.resolution)).collect(),
        latency_ms: None,
        model: None,
        engine: None,
        modules: &[],
        transfer: None,
        tensors: Vec::new(),
        message: None,
    })
}

fn object(region: &Region, resolution: Option<Resolution>) -> Object {
    let (x, y, w, h) = region.rect;
    Object {
        detection: ObjectDetection {
            bounding_box: resolution.map(|resolution| bounding_box(region.rect, resolution)),
            confidence: region.confidence.map(record::confidence),
            label: region.label.clone(),
            label_id: region.label_id.and_then(|id| u32::try_from(id).ok()),
        },
        x,
        y,
        w,
        h,
        roi_type: region.label.clone(),
        id: region.object_id,
        extras: ObjectExtras::default(),
    }
}

fn bounding_box((x, y, w, h): (u32, u32, u32, u32), resolution: Resolution) -> BoundingBox {
    let Resolution { width, height } = resolution;
    BoundingBox {
        x_min: record::fraction(x.into(), width),
        y_min: record::fraction(y.into(), height),
        x_max: record::fraction(f64::from(x) + f64::from(w), width),
        y_max: record::fraction(f64::from(y) + f64::from(h), height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(resolution: Option<Resolution>) -> Seen<'static> {
        Seen {
            camera: "evpublish0",
            seq: 3,
            stream_time: Some(gst::ClockTime::from_mseconds(120)),
            system_time_ns: 0,
            resolution,
        }
    }

    const HEAD: &str = r#"{"camera":"evpublish0","seq":3,"timestamp":120000000,"system_timestamp":"1970-01-01T00:00:00.000Z""#;
    const TAIL: &str = r#""latency_ms":null,"model":null,"engine":null,"modules":[],"transfer":null}"#;

    #[test]
    fn what_a_region_tells_and_nothing_else() {
        let known = Region {
            label: "car".into(),
            label_id: Some(2),
            confidence: Some(0.5),
            rect: (160, 60, 320, 400),
            object_id: Some(17),
            ..Region::default()
        };
        let bare = Region { label: "face".into(), rect: (1, 2, 3, 4), ..Region::default() };
        let resolution = Some(Resolution { width: 640, height: 360 });
        for (name, seen, region, expected) in [
            (
                "all",
                seen(resolution),
                known,
                r#""resolution":{"width":640,"height":360},"status":"ok","objects":[{"detection":{"bounding_box":{"x_min":0.25,"y_min":0.166667,"x_max":0.75,"y_max":1.0},"confidence":0.5,"label":"car","label_id":2},"x":160,"y":60,"w":320,"h":400,"roi_type":"car","id":17}]"#,
            ),
            (
                "the least",
                seen(None),
                bare,
                r#""resolution":null,"status":"ok","objects":[{"detection":{"bounding_box":null,"confidence":null,"label":"face","label_id":null},"x":1,"y":2,"w":3,"h":4,"roi_type":"face"}]"#,
            ),
        ] {
            let record = record(&seen, &[region]).unwrap().to_json();
            assert_eq!(record, format!("{HEAD},{expected},{TAIL}"), "{name}");
        }
    }

    #[test]
    fn no_region_no_record() {
        assert!(record(&seen(None), &[]).is_none());
    }
}
