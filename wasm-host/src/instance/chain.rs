//! The way of a frame through the two modules of one analyzer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_abi::TensorDesc;

use super::{
    Blueprint, Detect, Failure, Found, Preprocess, host_failure, preprocess::Cost, recycle::Recycled,
};
use crate::{
    analysis::{Analysis, Analyzer, Status, Timings},
    arena::TensorSlot,
    detection::{Bounds, Thresholds},
    frame::Frame,
};

/// What the analyzers of one job have in common.
pub(crate) struct Plan {
    pub(crate) preprocess: Arc<Blueprint>,
    pub(crate) detect: Arc<Blueprint>,
    pub(crate) thresholds: Thresholds,
    /// Number of labels; `None` when there are none.
    pub(crate) classes: Option<usize>,
    /// For both calls together.
    pub(crate) deadline: Duration,
}

/// An analyzer: one instance of each module and the tensor between them.
pub(crate) struct Chain {
    plan: Arc<Plan>,
    preprocess: Recycled<Preprocess>,
    detect: Recycled<Detect>,
    slot: Option<Arc<TensorSlot>>,
}

/// What a frame has cost so far; kept also when it fails.
#[derive(Default)]
struct Account {
    timings: Timings,
    bytes_copied: u64,
}

impl Chain {
    /// Starts both instances, so that a module's refusal is known before the first frame.
    pub(crate) fn start(plan: Arc<Plan>) -> Result<Self, String> {
        let mut chain =
            Self { plan, preprocess: Recycled::default(), detect: Recycled::default(), slot: None };
        chain.preprocess()?;
        chain.detect()?;
        Ok(chain)
    }

    fn preprocess(&mut self) -> Result<&mut Preprocess, String> {
        let (plan, slot) = (&self.plan, self.slot.clone());
        let live =
            self.preprocess.get_or_start(|session| Preprocess::start(&plan.preprocess, session, slot))?;
        self.slot = Some(live.slot().clone());
        Ok(live)
    }

    fn detect(&mut self) -> Result<&mut Detect, String> {
        let slot = self.slot.as_ref().ok_or("there is no tensor yet")?;
        // A preprocess instance that was rebuilt may have needed a larger tensor.
        if self.detect.live().is_some_and(|live| !Arc::ptr_eq(live.slot(), slot)) {
            self.detect.discard();
        }
        let plan = &self.plan;
        self.detect.get_or_start(|session| Detect::start(&plan.detect, session, slot))
    }

    fn run(&mut self, frame: &Frame, account: &mut Account) -> Result<Found, Failure> {
        let window = self.show(frame)?;
        // Both run before the clock does: rebuilding a module is not this frame's time.
        self.detect().map_err(|error| cannot_rebuild(frame, &error))?;
        let start = Instant::now();
        let (tensor, cost) = self.run_preprocess(frame, window);
        let spent = start.elapsed();
        account.add(cost);
        account.timings.preprocess = spent.saturating_sub(cost.inference);
        let (found, cost) = self.run_detect(frame, tensor?, self.plan.deadline.saturating_sub(spent));
        account.add(cost);
        account.timings.postprocess = start.elapsed().saturating_sub(spent + cost.inference);
        found
    }

    fn run_preprocess(&mut self, frame: &Frame, window: u32) -> (Result<TensorDesc, Failure>, Cost) {
        let budget = self.plan.deadline;
        let live = match self.preprocess() {
            Ok(live) => live,
            Err(error) => return (Err(cannot_rebuild(frame, &error)), Cost::default()),
        };
        let result = live.run(frame, window, budget);
        let cost = live.cost();
        if matches!(&result, Err(failure) if failure.rebuild) {
            self.preprocess.discard();
        }
        (result, cost)
    }

    /// Maps the frame's memory. An address space that many memories have filled starts over once.
    fn show(&mut self, frame: &Frame) -> Result<u32, Failure> {
        let live = self.preprocess().map_err(|error| cannot_rebuild(frame, &error))?;
        if let Ok(window) = live.show(&frame.pixels) {
            return Ok(window);
        }
        self.preprocess.discard();
        let live = self.preprocess().map_err(|error| cannot_rebuild(frame, &error))?;
        live.show(&frame.pixels).map_err(|error| host_failure(frame, &error))
    }

    fn run_detect(
        &mut self,
        frame: &Frame,
        tensor: TensorDesc,
        budget: Duration,
    ) -> (Result<Found, Failure>, Cost) {
        let plan = self.plan.clone();
        let bounds = Bounds {
            width: frame.layout.width(),
            height: frame.layout.height(),
            thresholds: &plan.thresholds,
            classes: plan.classes,
        };
        let live = match self.detect() {
            Ok(live) => live,
            Err(error) => return (Err(cannot_rebuild(frame, &error)), Cost::default()),
        };
        let result = live.run(frame, tensor, &bounds, budget);
        let cost = live.cost();
        if matches!(&result, Err(failure) if failure.rebuild) {
            self.detect.discard();
        }
        (result, cost)
    }
}

impl Account {
    fn add(&mut self, cost: Cost) {
        self.timings.inference += cost.inference;
        self.bytes_copied += cost.bytes_copied;
    }
}

fn cannot_rebuild(frame: &Frame, error: &str) -> Failure {
    host_failure(frame, &format!("the module could not be started again: {error}"))
}

impl Analyzer for Chain {
    fn analyze(&mut self, frame: &Frame) -> Analysis {
        let mut account = Account::default();
        let (status, found, message) = match self.run(frame, &mut account) {
            Ok(found) => (Status::Ok, found, None),
            Err(failure) => (failure.status, Found::default(), Some(failure.message)),
        };
        let (Account { timings, bytes_copied }, Found { detections, tensors }) = (account, found);
        Analysis { status, detections, tensors, timings, bytes_copied, message }
    }
}
