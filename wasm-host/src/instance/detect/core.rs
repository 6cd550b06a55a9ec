//! A core module that detects: it reads the tensor in a read-only window and reports through `emit`.

use std::{sync::Arc, time::Duration};

use edgevision_abi::{DetectRequest, TensorDesc};
use wasmtime::TypedFunc;

use super::{
    super::{Blueprint, Failure, Instance, Site, preprocess::Cost, size_in_guest},
    Found,
};
use crate::{
    arena::{Access, TensorSlot},
    detection::{self, Bounds, Rejected},
    frame::Frame,
    module::Role,
    nn::Session,
};

/// An instance of a core module that detects.
pub(in super::super) struct CoreDetect {
    instance: Instance,
    function: TypedFunc<u32, i32>,
    request_address: u32,
    tensor_window: u32,
    slot: Arc<TensorSlot>,
}

impl CoreDetect {
    pub(super) fn start(
        blueprint: &Arc<Blueprint>,
        session: Option<Box<dyn Session>>,
        slot: &Arc<TensorSlot>,
    ) -> Result<Self, String> {
        let mut instance = Instance::start(blueprint, session)?;
        let function = instance.function("detect")?;
        let tensor_window = instance.open_tensor(slot, Access::ReadOnly)?;
        let request_address = instance.place::<DetectRequest>()?;
        Ok(Self { instance, function, request_address, tensor_window, slot: slot.clone() })
    }

    /// Where it expects the tensor.
    pub(super) fn slot(&self) -> &Arc<TensorSlot> {
        &self.slot
    }

    pub(super) fn into_session(self) -> Option<Box<dyn Session>> {
        self.instance.into_session()
    }

    /// What the last call cost.
    pub(super) fn cost(&self) -> Cost {
        self.instance.sandbox.cost()
    }

    /// Looks at the tensor of a frame.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        tensor: TensorDesc,
        bounds: &Bounds<'_>,
        budget: Duration,
    ) -> Result<Found, Failure> {
        let site = Site { name: "detect", role: Some(Role::Detect), frame: Some(frame.seq), budget };
        let request = DetectRequest {
            size: size_in_guest::<DetectRequest>(),
            frame_width: frame.layout.width(),
            frame_height: frame.layout.height(),
            // The address that preprocess saw means nothing here.
            tensor: TensorDesc { address: self.tensor_window, ..tensor },
        };
        let written = self.instance.guest_memory().write(self.request_address, &request);
        written.map_err(|error| {
            self.instance.sandbox.trapped(site, &format!("has a descriptor that {error}"))
        })?;
        self.instance.enter_for_status(&self.function.clone(), self.request_address, site)?;
        let accepted = self.accepted(bounds);
        accepted.map_err(|error| self.instance.sandbox.trapped(site, &format!("was wrong: {error}")))
    }

    fn accepted(&mut self, bounds: &Bounds<'_>) -> Result<Found, Rejected> {
        let scheme = self.instance.sandbox.blueprint.landmarks.clone();
        let call = &mut self.instance.sandbox.store.data_mut().call;
        let detections = detection::accept_with(&call.reported, &mut call.extras, &scheme, bounds)?;
        let tensors = call.extras.take_frame().map_err(Rejected::FrameExtra)?;
        Ok(Found { detections, tensors })
    }
}
