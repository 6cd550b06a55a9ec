//! Detections as object-detection entries of GStreamer's own analytics meta, which exists from 1.24 on. GStreamer
//! scales them itself.

use gst::glib::{self, translate::IntoGlib};
use gst_analytics::{
    AnalyticsMtdRef, AnalyticsODMtd, AnalyticsRelationMeta, AnalyticsTrackingMtd, prelude::*,
};

use super::{FrameReport, Region, raw, regions::pixel_rect};

/// Adds one entry for each detection to the buffer's analytics meta, and returns the ids of the entries.
pub fn attach(buffer: &mut gst::BufferRef, report: &FrameReport) -> Vec<i32> {
    if report.analysis.detections.is_empty() {
        return Vec::new();
    }
    if buffer.meta::<AnalyticsRelationMeta>().is_none() {
        AnalyticsRelationMeta::add(buffer);
    }
    let Some(mut meta) = buffer.meta_mut::<AnalyticsRelationMeta>() else { return Vec::new() };
    let mut ids = Vec::with_capacity(report.analysis.detections.len());
    for (place, detection) in (1..).zip(&report.analysis.detections) {
        let label = glib::Quark::from_str(report.label(detection.class_id));
        let (x, y, w, h) = pixel_rect(detection, report.width, report.height);
        let [x, y, w, h] = [x, y, w, h].map(whole);
        let entry = meta.add_od_mtd(label, x, y, w, h, detection.score);
        // When the meta is full the regions still need numbers of their own; entries are never below 0.
        ids.push(entry.map_or(-place, |entry| id(&entry)));
    }
    ids
}

/// Adds those entries that have no region with the same id and label; DL Streamer writes both, as we do.
pub fn add_missing(buffer: &gst::BufferRef, found: &mut Vec<Region>) {
    let Some(meta) = buffer.meta::<AnalyticsRelationMeta>() else { return };
    for entry in meta.iter::<AnalyticsODMtd>() {
        let Some(region) = read(&meta, &entry) else { continue };
        if !found.iter().any(|known| known.id == region.id && known.label == region.label) {
            found.push(region);
        }
    }
}

fn read<'a>(
    meta: &gst::MetaRef<'a, AnalyticsRelationMeta>,
    entry: &AnalyticsMtdRef<'a, AnalyticsODMtd>,
) -> Option<Region> {
    let place = entry.location().ok()?;
    let label = entry.obj_type().map(|label| raw::quark_text(label.into_glib()));
    let mut tracked =
        meta.iter_direct_related::<AnalyticsTrackingMtd>(entry.id(), gst_analytics::RelTypes::ANY);
    let edges = |from: i32, size: i32| {
        let start = u32::try_from(from).unwrap_or(0);
        (start, u32::try_from(from.saturating_add(size)).unwrap_or(0).saturating_sub(start))
    };
    let ((x, w), (y, h)) = (edges(place.x, place.w), edges(place.y, place.h));
    Some(Region {
        id: id(entry),
        label: label.unwrap_or_default(),
        confidence: Some(f64::from(place.loc_conf_lvl)),
        rect: (x, y, w, h),
        object_id: tracked.next().and_then(|tracked| i32::try_from(tracked.info().0).ok()),
        ..Region::default()
    })
}

fn id(entry: &AnalyticsMtdRef<'_, AnalyticsODMtd>) -> i32 {
    i32::try_from(entry.id()).unwrap_or(i32::MAX)
}

fn whole(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
