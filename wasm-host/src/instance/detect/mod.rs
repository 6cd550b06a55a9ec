//! The role *detect*: a tensor becomes detections. Played by a core module or by a component.

mod component;
mod core;
mod report;
mod world;

use std::{sync::Arc, time::Duration};

use edgevision_abi::TensorDesc;

use self::{component::ComponentDetect, core::CoreDetect};
use super::{Blueprint, Failure, Linked, preprocess::Cost};
use crate::{
    arena::TensorSlot,
    detection::{Bounds, Detection},
    extras::Tensor,
    frame::Frame,
    nn::Session,
};

/// What is on a frame.
#[derive(Default)]
pub(super) struct Found {
    pub(super) detections: Vec<Detection>,
    /// Of the frame as a whole.
    pub(super) tensors: Vec<Tensor>,
}

/// An instance that detects.
pub(super) enum Detect {
    Core(Box<CoreDetect>),
    Component(Box<ComponentDetect>),
}

impl Detect {
    pub(super) fn start(
        blueprint: &Arc<Blueprint>,
        session: Option<Box<dyn Session>>,
        slot: &Arc<TensorSlot>,
    ) -> Result<Self, String> {
        match &blueprint.linked {
            Linked::Core(_) => {
                CoreDetect::start(blueprint, session, slot).map(|core| Self::Core(Box::new(core)))
            }
            Linked::Component(linked) => ComponentDetect::start(blueprint, linked, session, slot)
                .map(|component| Self::Component(Box::new(component))),
        }
    }

    /// Where it expects the tensor.
    pub(super) fn slot(&self) -> &Arc<TensorSlot> {
        match self {
            Self::Core(detect) => detect.slot(),
            Self::Component(detect) => detect.slot(),
        }
    }

    pub(super) fn into_session(self) -> Option<Box<dyn Session>> {
        match self {
            Self::Core(detect) => detect.into_session(),
            Self::Component(detect) => detect.into_session(),
        }
    }

    /// What the last call cost.
    pub(super) fn cost(&self) -> Cost {
        match self {
            Self::Core(detect) => detect.cost(),
            Self::Component(detect) => detect.cost(),
        }
    }

    /// Looks at the tensor of a frame.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        tensor: TensorDesc,
        bounds: &Bounds<'_>,
        budget: Duration,
    ) -> Result<Found, Failure> {
        match self {
            Self::Core(detect) => detect.run(frame, tensor, bounds, budget),
            Self::Component(detect) => detect.run(frame, tensor, bounds, budget),
        }
    }
}
