//! The records of `guest-filters/wit/detector.wit`, as wasmtime passes them.

use wasmtime::component::{ComponentType, Lift, Lower, Resource};
use wasmtime_wasi_nn::Tensor;

/// `request`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Request {
    #[component(name = "frame-width")]
    pub(super) frame_width: u32,
    #[component(name = "frame-height")]
    pub(super) frame_height: u32,
    pub(super) tensor: Resource<Tensor>,
    pub(super) geometry: Geometry,
}

/// `geometry`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Geometry {
    #[component(name = "scale-x")]
    scale_x: f32,
    #[component(name = "scale-y")]
    scale_y: f32,
    #[component(name = "offset-x")]
    offset_x: f32,
    #[component(name = "offset-y")]
    offset_y: f32,
    #[component(name = "input-width")]
    input_width: u32,
    #[component(name = "input-height")]
    input_height: u32,
}

impl From<edgevision_abi::Geometry> for Geometry {
    fn from(g: edgevision_abi::Geometry) -> Self {
        Self {
            scale_x: g.scale_x,
            scale_y: g.scale_y,
            offset_x: g.offset_x,
            offset_y: g.offset_y,
            input_width: g.input_width,
            input_height: g.input_height,
        }
    }
}

/// `found`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct FoundByGuest {
    pub(super) detections: Vec<Reported>,
    pub(super) tensors: Vec<RawTensor>,
}

/// `detection`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Reported {
    pub(super) x0: f32,
    pub(super) y0: f32,
    pub(super) x1: f32,
    pub(super) y1: f32,
    pub(super) score: f32,
    #[component(name = "class-id")]
    pub(super) class_id: u32,
    pub(super) landmarks: Vec<Landmark>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) tensors: Vec<RawTensor>,
}

/// `landmark`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Landmark {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) confidence: Option<f32>,
}

/// `attribute`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) label: String,
    #[component(name = "class-id")]
    pub(super) class_id: Option<u32>,
    pub(super) confidence: Option<f32>,
}

/// `raw-tensor`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct RawTensor {
    pub(super) name: String,
    pub(super) tensor: Resource<Tensor>,
}
