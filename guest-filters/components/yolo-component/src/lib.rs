//! The detector `yolo` as a component: the logic is that of the core module, the border is
//! `guest-filters/wit/detector.wit`.
//!
//! ```text
//! request.tensor ─ wasi:nn compute ─► outputs ─ yolo (decode, nms) ─► detections
//! ```
//! Natively there is nothing here: the logic is tested where it is, the component in its sandbox.
#![cfg(target_arch = "wasm32")]

mod model;

use std::cell::RefCell;

use edgevision_sdk::{DType, Detect, TensorData, TensorRef, export::read_envelope};
use yolo::Yolo;

use crate::{
    bindings::{
        edgevision::detector::log::{Level, log},
        exports::edgevision::detector::detect::{Detection, Found, Geometry, Guest, Request},
        wasi::nn::tensor::TensorType,
    },
    model::Model,
};

mod bindings {
    #![allow(missing_docs, reason = "what is generated from the WIT is documented there")]
    wit_bindgen::generate!({ path: "../../wit", world: "detector", generate_all });
}

edgevision_sdk::describe! { params: yolo::PARAMS_SCHEMA }
bindings::export!(Component with_types_in bindings);

struct Component;

/// What `init` made.
struct Started {
    yolo: Yolo,
    model: Model,
}

std::thread_local! {
    static STARTED: RefCell<Option<Started>> = const { RefCell::new(None) };
}

impl Guest for Component {
    fn init(document: String) -> Result<(), String> {
        // A panic traps without a word; the host takes the last line for the reason.
        std::panic::set_hook(Box::new(|info| {
            log(Level::Error, &info.to_string());
        }));
        let (params, context) = read_envelope(document.as_bytes())?;
        let started = Started { yolo: Yolo::new(params, &context)?, model: Model::load(&context)? };
        STARTED.set(Some(started));
        Ok(())
    }

    fn detect(request: Request) -> Result<Found, String> {
        STARTED.with_borrow_mut(|started| {
            let started = started.as_mut().ok_or("detect was called before init succeeded")?;
            find(started, request)
        })
    }
}

fn find(started: &mut Started, request: Request) -> Result<Found, String> {
    let Started { yolo, model } = started;
    let dims = request.tensor.dimensions();
    // `yolo` hands the tensor on and does not look into it, so its bytes stay with the host.
    let data = match dtype(request.tensor.ty())? {
        DType::U8 => TensorData::U8(&[]),
        _ => TensorData::F32(&[]),
    };
    let tensor = TensorRef { data, dims: &dims, geometry: geometry(&request.geometry) };
    let size =
        edgevision_sdk::Request { frame_width: request.frame_width, frame_height: request.frame_height };
    model.lend(request.tensor);
    let mut detections = vec![];
    yolo.run(&tensor, &size, model, &mut |d| detections.push(detection(&d)))?;
    Ok(Found { detections, tensors: vec![] })
}

fn dtype(ty: TensorType) -> Result<DType, String> {
    match ty {
        TensorType::Fp32 => Ok(DType::F32),
        TensorType::Fp16 => Ok(DType::F16),
        TensorType::U8 => Ok(DType::U8),
        TensorType::I32 => Ok(DType::I32),
        TensorType::I64 => Ok(DType::I64),
        other => Err(format!("a tensor of {other:?} cannot be read")),
    }
}

fn geometry(g: &Geometry) -> edgevision_sdk::Geometry {
    edgevision_sdk::Geometry {
        scale_x: g.scale_x,
        scale_y: g.scale_y,
        offset_x: g.offset_x,
        offset_y: g.offset_y,
        input_width: g.input_width,
        input_height: g.input_height,
    }
}

fn detection(d: &edgevision_sdk::Detection) -> Detection {
    Detection {
        x0: d.x0,
        y0: d.y0,
        x1: d.x1,
        y1: d.y1,
        score: d.score,
        class_id: d.class_id,
        // An empty list allocates nothing.
        landmarks: vec![],
        attributes: vec![],
        tensors: vec![],
    }
}
