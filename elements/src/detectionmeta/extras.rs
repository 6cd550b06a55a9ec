//! Landmarks, attributes and tensors as parameters of a region, in the form of DL Streamer's `GVA::Tensor`.
//!
//! GLib keeps the names of structures for ever, so they are fixed; what the module calls something is a field.

use edgevision_wasm_host::{
    detection::Detection,
    extras::{Attribute, Extras, Landmarks, Tensor},
    nn::DType,
};
use gst::glib;

use super::FrameReport;

/// What belongs to a detection, one structure for each.
pub fn params(detection: &Detection, report: &FrameReport) -> Vec<gst::Structure> {
    let Some(extras) = detection.extras.as_deref() else { return Vec::new() };
    let Extras { landmarks, attributes, tensors } = extras;
    let mut params: Vec<gst::Structure> =
        landmarks.iter().map(|landmarks| keypoints(landmarks, detection)).collect();
    params.extend(attributes.iter().map(attribute));
    params.extend(tensors.iter().map(tensor));
    if let Some(model) = &report.model {
        params.iter_mut().for_each(|param| param.set("model_name", &**model));
    }
    params
}

fn keypoints(landmarks: &Landmarks, detection: &Detection) -> gst::Structure {
    let points = relative_points(landmarks, detection);
    let names = &landmarks.scheme.names;
    let edges = landmarks.scheme.edges.iter().flatten();
    let ends = edges.map(|point| names.get(usize::from(*point)).map_or("", String::as_str));
    let mut structure = raw("keypoints", DType::F32, &[landmarks.points.len(), 2], &bytes_of(&points));
    structure.set("format", "keypoints");
    if !names.is_empty() {
        structure.set("point_names", gst::Array::new(names));
        structure.set("point_connections", gst::Array::new(ends));
    }
    let confidences: Option<Vec<f32>> = landmarks.points.iter().map(|point| point.confidence).collect();
    if let Some(confidences) = confidences {
        structure.set("confidence", gst::Array::new(confidences));
    }
    structure
}

fn attribute(attribute: &Attribute) -> gst::Structure {
    let label_id = attribute.label_id.map(|id| i32::try_from(id).unwrap_or(i32::MAX));
    gst::Structure::builder("attribute")
        .field("attribute_name", &attribute.name)
        .field("label", &attribute.label)
        .field_if_some("label_id", label_id)
        .field_if_some("confidence", attribute.confidence.map(f64::from))
        .build()
}

fn tensor(tensor: &Tensor) -> gst::Structure {
    let mut structure = raw("tensor", tensor.dtype, &tensor.dims, &tensor.data);
    structure.set("layer_name", &*tensor.name);
    structure
}

fn raw(name: &str, dtype: DType, dims: &[usize], data: &[u8]) -> gst::Structure {
    let dims = dims.iter().map(|dim| u32::try_from(*dim).unwrap_or(u32::MAX));
    let data = glib::Variant::array_from_fixed_array(data);
    gst::Structure::builder(name)
        .field("precision", precision(dtype).1)
        .field("layout", ANY_LAYOUT)
        .field("dims", gst::Array::new(dims))
        .field("data_buffer", data)
        .build()
}

/// `GVA_LAYOUT_ANY`.
const ANY_LAYOUT: i32 = 0;

/// DL Streamer's name and number of an element type (`GVAPrecision`).
pub(crate) const fn precision(dtype: DType) -> (&'static str, i32) {
    match dtype {
        DType::F32 => ("FP32", 10),
        DType::F16 => ("FP16", 11),
        DType::U8 => ("U8", 40),
        DType::I8 => ("I8", 50),
        DType::I32 => ("I32", 70),
        DType::I64 => ("I64", 72),
    }
}

/// x and y of each point as fractions of the box, from its left upper corner: 0..=1 inside, beyond it outside.
pub(crate) fn relative_points(landmarks: &Landmarks, detection: &Detection) -> Vec<f32> {
    let Detection { x0, y0, x1, y1, .. } = *detection;
    let share = |value: f32, from: f32, to: f32| (value - from) / (to - from).max(f32::MIN_POSITIVE);
    let points = landmarks.points.iter();
    points.flat_map(|point| [share(point.x, x0, x1), share(point.y, y0, y1)]).collect()
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_ne_bytes()).collect()
}
