//! What the host keeps for an instance, in its store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_abi::{Detection, status};
use wasmtime::Memory;

use super::{Blueprint, Linked, limits::Limiter};
use crate::{
    abi::Windows,
    extras::reported::{Caps, Reported},
    imports::{Components, WasiNn},
    job::{Grants, Limits},
    module::Role,
    nn::{Model, Session},
};

/// The store's data: everything that host functions can reach.
pub(crate) struct HostState {
    /// Name of the module, for messages.
    pub(crate) module: Arc<str>,
    /// Name of the camera, for messages; may be empty.
    pub(crate) camera: Arc<str>,
    /// The parameter document.
    pub(crate) params: Arc<[u8]>,
    pub(crate) limiter: Limiter,
    /// Known once the instance exists.
    pub(crate) memory: Option<Memory>,
    pub(crate) windows: Windows,
    pub(crate) call: Call,
    pub(crate) nn: Inference,
    /// What the guest may do besides.
    pub(crate) grants: Grants,
    /// The engine that runs models which the guest brings.
    pub(crate) engine: &'static str,
    pub(crate) wasi_nn: WasiNn,
    /// Of use for components only.
    pub(crate) components: Components,
    pub(crate) suggestion: Answer,
}

/// Where the answer to `edgevision_suggest` goes.
#[derive(Default)]
pub(crate) enum Answer {
    /// Nobody has asked.
    #[default]
    NotAsked,
    /// The guest is being asked.
    Awaited,
    /// What it said.
    Told(Vec<u8>),
}

impl Answer {
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }

    pub(crate) fn told(&mut self, document: Vec<u8>) {
        *self = Self::Told(document);
    }
}

impl HostState {
    pub(crate) fn new(blueprint: &Blueprint, session: Option<Box<dyn Session>>) -> Self {
        let memory_bytes = blueprint.limits.memory_bytes;
        let (limiter, session, components) = match &blueprint.linked {
            Linked::Core(_) => (Limiter::new(memory_bytes), session, Components::new(None, None, 0)),
            Linked::Component(_) => {
                let components = Components::new(blueprint.model.clone(), session, memory_bytes);
                (Limiter::for_component(memory_bytes), None, components)
            }
        };
        Self {
            module: blueprint.name.clone(),
            camera: blueprint.camera.clone(),
            params: blueprint.params.clone(),
            limiter,
            memory: None,
            windows: Windows::default(),
            call: Call::new(&blueprint.limits),
            grants: blueprint.limits.grants,
            engine: blueprint.model.as_ref().map_or("auto", |model| model.identity().engine),
            nn: Inference { model: blueprint.model.clone(), session },
            wasi_nn: WasiNn::default(),
            components,
            suggestion: Answer::default(),
        }
    }
}

/// The model behind `infer` and this instance's way to run it.
pub(crate) struct Inference {
    pub(crate) model: Option<Arc<dyn Model>>,
    /// Absent before the first inference and while one runs.
    pub(crate) session: Option<Box<dyn Session>>,
}

impl Inference {
    /// The session; a new one if there is none.
    pub(crate) fn take_session(&mut self) -> Result<Box<dyn Session>, Refusal> {
        if let Some(session) = self.session.take() {
            return Ok(session);
        }
        let model = self.model.clone();
        let model = model.ok_or_else(|| Refusal::new(status::DENIED, "this job has no model".into()))?;
        model.session().map_err(|error| Refusal::new(status::ENGINE, error.to_string()))
    }
}

/// A host function that said no, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the guest gets to see.
    pub(crate) status: i32,
    /// What the user gets to see, if the guest gives up over it.
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(status: i32, text: String) -> Self {
        Self { status, text }
    }
}

/// What one call into the guest has used up and left behind.
pub(crate) struct Call {
    /// What the guest was called for; `None` during start-up.
    pub(crate) role: Option<Role>,
    /// The guest's own words, from `fail`.
    pub(crate) failure: Option<String>,
    /// The last inference that was refused or failed.
    pub(crate) refusal: Option<Refusal>,
    /// Why a component's last inference was refused or failed.
    pub(crate) model_refusal: Option<String>,
    /// An abuse that spoils the frame even if the guest returns success.
    pub(crate) violation: Option<String>,
    /// Detections so far.
    pub(crate) reported: Vec<Detection>,
    /// Cap on them.
    pub(crate) max_detections: usize,
    /// What belongs to them, so far.
    pub(crate) extras: Reported,
    /// Caps on that.
    pub(crate) max_extras: Caps,
    /// Time spent in the inference engine.
    pub(crate) inference: Duration,
    /// Tensor bytes copied between guest and host, and by the engine.
    pub(crate) bytes_copied: u64,
    /// When its time is up; `None` before the first call and for a time without end.
    ends: Option<Instant>,
    max_log_lines: usize,
    log_lines: usize,
    dropped_log_lines: u64,
}

impl Call {
    fn new(limits: &Limits) -> Self {
        let max_extras = Caps { items: limits.extras, bytes: limits.extra_bytes };
        Self::within(limits.detections, max_extras, limits.log_lines)
    }

    fn within(max_detections: usize, max_extras: Caps, max_log_lines: usize) -> Self {
        Self {
            role: None,
            failure: None,
            refusal: None,
            model_refusal: None,
            violation: None,
            reported: Vec::new(),
            max_detections,
            extras: Reported::default(),
            max_extras,
            inference: Duration::ZERO,
            bytes_copied: 0,
            ends: None,
            max_log_lines,
            log_lines: 0,
            dropped_log_lines: 0,
        }
    }

    /// Starts over for the next call, which may take as long as `budget`.
    pub(super) fn begin(&mut self, role: Option<Role>, budget: Duration) {
        let mut reported = std::mem::take(&mut self.reported);
        reported.clear();
        let ends = Instant::now().checked_add(budget);
        let fresh = Self::within(self.max_detections, self.max_extras, self.max_log_lines);
        *self = Self { role, reported, ends, ..fresh };
    }

    /// True when the call's time is up.
    pub(crate) fn is_late(&self) -> bool {
        self.ends.is_some_and(|end| Instant::now() > end)
    }

    /// When its time is up.
    pub(crate) fn ends(&self) -> Option<Instant> {
        self.ends
    }

    pub(crate) fn detections_left(&self) -> usize {
        self.max_detections.saturating_sub(self.reported.len())
    }

    /// True if one more line may be written.
    pub(crate) fn take_log_line(&mut self) -> bool {
        let granted = self.log_lines < self.max_log_lines;
        if granted {
            self.log_lines += 1;
        } else {
            self.drop_log_line();
        }
        granted
    }

    pub(crate) fn drop_log_line(&mut self) {
        self.dropped_log_lines += 1;
    }

    pub(super) fn dropped_log_lines(&self) -> u64 {
        self.dropped_log_lines
    }
}
