//! One call into a guest: deadline before, poison and traps after.

use std::{sync::Arc, time::Duration};

use wasmtime::{Store, Trap, TypedFunc, WasmBacktrace, WasmParams, WasmResults};

use super::{Blueprint, HostState, Instance, preprocess::Cost};
use crate::{analysis::Status, engine::engine, epoch, module::Role, nn::Session, text};

/// A call that brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `Timeout` or `Trapped`.
    pub(crate) status: Status,
    /// One sentence: module, call, frame, what happened.
    pub(crate) message: String,
    /// The instance's memory can no longer be trusted.
    pub(crate) rebuild: bool,
}

/// Which call it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// The export.
    pub(crate) name: &'static str,
    /// What it is called for; `None` during start-up.
    pub(crate) role: Option<Role>,
    /// The frame's number, if there is a frame.
    pub(crate) frame: Option<u64>,
    /// How long it may take, inference included.
    pub(crate) budget: Duration,
}

/// The store of a guest, and how its calls begin and are judged; the same for core modules and for components.
pub(crate) struct Sandbox {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) store: Store<HostState>,
}

impl Instance {
    /// Calls an export. The state of the call (`store.data().call`) holds what it left behind.
    pub(crate) fn enter<P: WasmParams, R: WasmResults>(
        &mut self,
        function: &TypedFunc<P, R>,
        arguments: P,
        site: Site,
    ) -> Result<R, Failure> {
        let start = self.sandbox.begin(site);
        let result = function.call(&mut self.sandbox.store, arguments);
        let late = start.elapsed() > site.budget;
        // First, because a call that wrote into a window may well have returned "success".
        if self.take_poisoned() {
            self.sandbox.tell_dropped_log_lines(site);
            return Err(self.sandbox.trapped(site, "wrote into a read-only window"));
        }
        self.sandbox.judge(result, late, site)
    }

    /// As [`Instance::enter`], for an export that returns a status; anything but `OK` is a failure.
    pub(crate) fn enter_for_status<P: WasmParams>(
        &mut self,
        function: &TypedFunc<P, i32>,
        arguments: P,
        site: Site,
    ) -> Result<(), Failure> {
        let code = self.enter(function, arguments, site)?;
        if let Some(violation) = self.sandbox.store.data_mut().call.violation.take() {
            return Err(self.sandbox.trapped(site, &violation));
        }
        if code == edgevision_abi::status::OK { Ok(()) } else { Err(self.sandbox.refused(site, code)) }
    }
}

impl Sandbox {
    /// An empty store in which the guest can be instantiated now.
    pub(super) fn new(blueprint: &Arc<Blueprint>, session: Option<Box<dyn Session>>) -> Self {
        let mut store = Store::new(engine(), HostState::new(blueprint, session));
        store.limiter(|state| &mut state.limiter);
        let mut sandbox = Self { blueprint: blueprint.clone(), store };
        drop(sandbox.begin(blueprint.start_site("start")));
        sandbox
    }

    /// Starts the clock and empties the state of the last call.
    pub(super) fn begin(&mut self, site: Site) -> epoch::Running {
        let state = self.store.data_mut();
        state.call.begin(site.role, site.budget);
        state.components.desk.begin(state.call.ends());
        self.store.set_epoch_deadline(epoch::ticks(site.budget));
        epoch::Running::begin(site.budget)
    }

    /// What became of a call.
    pub(super) fn judge<R>(
        &mut self,
        result: wasmtime::Result<R>,
        late: bool,
        site: Site,
    ) -> Result<R, Failure> {
        self.tell_dropped_log_lines(site);
        match result {
            Ok(_) if late => Err(self.timed_out(site)),
            Ok(value) => Ok(value),
            Err(error) if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) => Err(self.timed_out(site)),
            Err(error) => {
                // A module that panics has said why before it trapped.
                let said = self.store.data().call.failure.as_ref().map(|own| format!("{own}; "));
                let what = format!("trapped: {}{}", said.unwrap_or_default(), self.describe(&error));
                Err(self.trapped(site, &what))
            }
        }
    }

    /// What the last call cost.
    pub(super) fn cost(&self) -> Cost {
        let call = &self.store.data().call;
        Cost { inference: call.inference, bytes_copied: call.bytes_copied }
    }

    /// A failure of an instance that must be rebuilt.
    pub(super) fn trapped(&self, site: Site, what: &str) -> Failure {
        let message = format!("{} {what}", self.subject(site));
        Failure { status: Status::Trapped, message, rebuild: true }
    }

    fn timed_out(&self, site: Site) -> Failure {
        // Both calls of a frame share its deadline; what one has left for the other means nothing to the user.
        let allowed = if site.frame.is_some() { self.blueprint.limits.deadline } else { site.budget };
        let message = format!("{} did not finish within {allowed:?}", self.subject(site));
        Failure { status: Status::Timeout, message, rebuild: true }
    }

    /// The guest said no in an orderly way: its own words, else those of the host function that refused it.
    fn refused(&self, site: Site, code: i32) -> Failure {
        let call = &self.store.data().call;
        let reason = match (&call.failure, &call.refusal) {
            (Some(own), Some(refusal)) => format!("{own}; {}", refusal.text),
            (Some(own), None) => own.clone(),
            (None, Some(refusal)) => format!("returned {}; {}", name_of(code), refusal.text),
            (None, None) => format!("returned {} and gave no reason", name_of(code)),
        };
        self.declined(site, &reason)
    }

    /// A failure that leaves the instance as good as it was.
    pub(super) fn declined(&self, site: Site, reason: &str) -> Failure {
        let message = format!("{}: {reason}", self.subject(site));
        Failure { status: Status::Trapped, message, rebuild: false }
    }

    fn subject(&self, site: Site) -> String {
        let module = &self.store.data().module;
        match site.frame {
            Some(frame) => format!("module {module}: `{}` of frame {frame}", site.name),
            None => format!("module {module}: `{}`", site.name),
        }
    }

    fn describe(&self, error: &wasmtime::Error) -> String {
        let mut text = describe_trap(error);
        if let Some(bytes) = self.store.data().limiter.refused() {
            let limit = self.store.data().limiter.memory_bytes();
            text += &format!("; it had asked for {bytes} bytes of memory, the limit is {limit}");
        }
        text
    }

    fn tell_dropped_log_lines(&self, site: Site) {
        let state = self.store.data();
        let dropped = state.call.dropped_log_lines();
        if dropped > 0 {
            let (module, camera, call) = (&*state.module, &*state.camera, site.name);
            tracing::warn!(target: "edgevision::module", module, camera, call, dropped, "log lines dropped");
        }
    }

    /// Why the guest could not be instantiated.
    pub(super) fn cannot_start(&self, error: &wasmtime::Error) -> String {
        let (name, limiter) = (&self.blueprint.name, &self.store.data().limiter);
        if let Some(bytes) = limiter.refused() {
            let limit = limiter.memory_bytes();
            return format!(
                "module {name}: cannot be started: it needs {bytes} bytes of memory, the limit is {limit}"
            );
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                let budget = self.blueprint.start_site("start").budget;
                format!("module {name}: its start function did not finish within {budget:?}")
            }
            Some(_) => format!("module {name}: its start function trapped: {}", describe_trap(error)),
            None => format!("module {name}: cannot be started: {}", error.root_cause()),
        }
    }
}

/// What trapped, and in which function if the module tells names.
pub(crate) fn describe_trap(error: &wasmtime::Error) -> String {
    let what = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => text::clean(error.root_cause().to_string().as_bytes()),
    };
    let innermost = error.downcast_ref::<WasmBacktrace>().and_then(|trace| trace.frames().first());
    match innermost.and_then(|frame| frame.func_name()) {
        Some(function) => format!("{what}, in `{}`", text::clean(function.as_bytes())),
        None => what,
    }
}

fn name_of(code: i32) -> String {
    use edgevision_abi::status;
    let name = match code {
        status::INVALID => "INVALID",
        status::UNSUPPORTED => "UNSUPPORTED",
        status::TOO_SMALL => "TOO_SMALL",
        status::ENGINE => "ENGINE",
        status::LIMIT => "LIMIT",
        status::DENIED => "DENIED",
        _ => return format!("the unknown status {code}"),
    };
    format!("{name} ({code})")
}
