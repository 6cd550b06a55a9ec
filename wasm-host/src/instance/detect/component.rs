//! A component that detects: the tensor is handed over as a resource, the detections come back as a list.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgevision_abi::TensorDesc;
use wasmtime::{
    Store,
    component::{ComponentNamedList, Instance, InstancePre, Lift, Lower, Resource, TypedFunc},
};
use wasmtime_wasi_nn::Tensor;

use super::{
    super::{Blueprint, Failure, HostState, Site, call::Sandbox, preprocess::Cost},
    Found, report,
    world::{FoundByGuest, Request},
};
use crate::{
    abi::shape,
    analysis::Status,
    arena::TensorSlot,
    detection::{self, Bounds, Rejected},
    frame::Frame,
    imports::type_of,
    module::{DETECT, Role},
    nn::Session,
};

type Init = TypedFunc<(String,), (Result<(), String>,)>;
type Find = TypedFunc<(Request,), (Result<FoundByGuest, String>,)>;

/// An instance of a component that detects.
pub(in super::super) struct ComponentDetect {
    sandbox: Sandbox,
    function: Find,
    slot: Arc<TensorSlot>,
}

impl ComponentDetect {
    pub(super) fn start(
        blueprint: &Arc<Blueprint>,
        linked: &InstancePre<HostState>,
        session: Option<Box<dyn Session>>,
        slot: &Arc<TensorSlot>,
    ) -> Result<Self, String> {
        let mut sandbox = Sandbox::new(blueprint, session);
        // What the guest passes to the host in one call is as limited as its own memory.
        sandbox.store.set_hostcall_fuel(blueprint.limits.memory_bytes);
        let instance = linked.instantiate(&mut sandbox.store);
        let instance = instance.map_err(|error| sandbox.cannot_start(&error))?;
        let init: Init = function(&mut sandbox.store, &instance, blueprint, "init")?;
        let function: Find = function(&mut sandbox.store, &instance, blueprint, "detect")?;
        let mut detect = Self { sandbox, function, slot: slot.clone() };
        detect.initialise(&init)?;
        Ok(detect)
    }

    fn initialise(&mut self, init: &Init) -> Result<(), String> {
        let blueprint = self.sandbox.blueprint.clone();
        let document = String::from_utf8_lossy(&blueprint.params).into_owned();
        let site = blueprint.start_site("init");
        let (answer,) = self.enter(init, (document,), site).map_err(|failure| failure.message)?;
        answer.map_err(|reason| self.declined(site, &reason).message)
    }

    /// Where the tensor is.
    pub(super) fn slot(&self) -> &Arc<TensorSlot> {
        &self.slot
    }

    pub(super) fn into_session(self) -> Option<Box<dyn Session>> {
        self.sandbox.store.data().components.desk.take_session()
    }

    /// What the last call cost.
    pub(super) fn cost(&self) -> Cost {
        self.sandbox.cost()
    }

    /// Hands over the tensor of a frame.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        tensor: TensorDesc,
        bounds: &Bounds<'_>,
        budget: Duration,
    ) -> Result<Found, Failure> {
        let site = Site { name: "detect", role: Some(Role::Detect), frame: Some(frame.seq), budget };
        let start = Instant::now();
        let lent = self.lend(&tensor).map_err(|error| self.sandbox.trapped(site, &error))?;
        let request = Request {
            frame_width: frame.layout.width(),
            frame_height: frame.layout.height(),
            tensor: lent,
            geometry: tensor.geometry.into(),
        };
        let site = Site { budget: budget.saturating_sub(start.elapsed()), ..site };
        let outcome = self.enter(&self.function.clone(), (request,), site);
        self.sandbox.store.data_mut().call.bytes_copied += u64::from(tensor.len);
        match outcome? {
            (Ok(found),) => {
                let accepted = self.accept(found, bounds);
                accepted.map_err(|what| self.sandbox.trapped(site, &what))
            }
            (Err(reason),) => Err(self.declined(site, &reason)),
        }
    }

    /// Copies the tensor to where `compute` takes it from: one copy, and none through the guest's memory.
    fn lend(&mut self, desc: &TensorDesc) -> Result<Resource<Tensor>, String> {
        let dtype = shape::dtype_of(desc.dtype).ok_or("was given a tensor of an unknown type")?;
        let dims = desc.dims.iter().copied().take(desc.rank as usize).collect();
        let components = &mut self.sandbox.store.data_mut().components;
        let kept =
            |error: &dyn std::fmt::Display| format!("has not dropped tensors of earlier frames: {error}");
        components.desk.hold(desc.len as usize).map_err(|error| kept(&error))?;
        let mut bytes = components.desk.buffer(desc.len as usize);
        self.slot.read(&mut bytes);
        let tensor = Tensor::new(dims, type_of(dtype), bytes);
        components.table.push(tensor).map_err(|error| kept(&error))
    }

    /// What of the report counts. The error continues "`detect` of frame 7 …".
    fn accept(&mut self, found: FoundByGuest, bounds: &Bounds<'_>) -> Result<Found, String> {
        let scheme = self.sandbox.blueprint.landmarks.clone();
        let state = self.sandbox.store.data_mut();
        let raw = report::take(found, state)?;
        let call = &mut state.call;
        let wrong = |error: Rejected| format!("was wrong: {error}");
        let detections = detection::accept_with(&raw, &mut call.extras, &scheme, bounds).map_err(wrong)?;
        let tensors = call.extras.take_frame().map_err(|bad| wrong(Rejected::FrameExtra(bad)))?;
        Ok(Found { detections, tensors })
    }

    /// Calls an export and settles what it has used.
    fn enter<P, R>(&mut self, function: &TypedFunc<P, R>, arguments: P, site: Site) -> Result<R, Failure>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let start = self.sandbox.begin(site);
        let result = function.call(&mut self.sandbox.store, arguments);
        let late = start.elapsed() > site.budget;
        let state = self.sandbox.store.data_mut();
        let bill = state.components.desk.settle();
        state.call.inference += bill.inference;
        state.call.bytes_copied += bill.bytes_copied;
        state.call.model_refusal = bill.reason;
        // What a host function does to a guest that is late need not be an interrupt.
        let result = result.map_err(|error| if late { wasmtime::Trap::Interrupt.into() } else { error });
        match (self.sandbox.judge(result, late, site), bill.violation) {
            (Ok(_), Some(violation)) => Err(self.sandbox.trapped(site, &violation)),
            (Err(failure), Some(violation)) if failure.status == Status::Trapped => {
                Err(self.sandbox.trapped(site, &violation))
            }
            (outcome, _) => outcome,
        }
    }

    /// The guest's own sentence, and the host's if the model had refused.
    fn declined(&self, site: Site, reason: &str) -> Failure {
        let own = crate::text::clean(reason.as_bytes());
        match &self.sandbox.store.data().call.model_refusal {
            Some(refusal) => self.sandbox.declined(site, &format!("{own} ({refusal})")),
            None => self.sandbox.declined(site, &own),
        }
    }
}

fn function<P, R>(
    store: &mut Store<HostState>,
    instance: &Instance,
    blueprint: &Blueprint,
    name: &str,
) -> Result<TypedFunc<P, R>, String>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    let interface = instance.get_export_index(&mut *store, None, DETECT);
    let export =
        interface.and_then(|interface| instance.get_export_index(&mut *store, Some(&interface), name));
    let export = export.ok_or_else(|| format!("module {}: `{DETECT}` has no `{name}`", blueprint.name))?;
    let typed = instance.get_typed_func(&mut *store, export);
    typed.map_err(|error| format!("module {}: `{name}` of `{DETECT}`: {error:#}", blueprint.name))
}
