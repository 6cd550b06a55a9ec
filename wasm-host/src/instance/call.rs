//! One call into a guest: deadline before, poison and traps after.

use std::time::{Duration, Instant};

use wasmtime::{Trap, TypedFunc, WasmBacktrace, WasmParams, WasmResults};

use super::Instance;
use crate::{analysis::Status, epoch, module::Role, text};

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

impl Instance {
    /// Calls an export. The state of the call (`store.data().call`) holds what it left behind.
    pub(crate) fn enter<P: WasmParams, R: WasmResults>(
        &mut self,
        function: &TypedFunc<P, R>,
        arguments: P,
        site: Site,
    ) -> Result<R, Failure> {
        self.begin(site);
        let start = Instant::now();
        let result = function.call(&mut self.store, arguments);
        let late = start.elapsed() > site.budget;
        self.judge(result, late, site)
    }

    /// As [`Instance::enter`], for an export that returns a status; anything but `OK` is a failure.
    pub(crate) fn enter_for_status<P: WasmParams>(
        &mut self,
        function: &TypedFunc<P, i32>,
        arguments: P,
        site: Site,
    ) -> Result<(), Failure> {
        let code = self.enter(function, arguments, site)?;
        if let Some(violation) = self.store.data_mut().call.violation.take() {
            return Err(self.trapped(site, &violation));
        }
        if code == edgevision_abi::status::OK { Ok(()) } else { Err(self.refused(site, code)) }
    }

    /// Starts the clock and empties the state of the last call.
    pub(super) fn begin(&mut self, site: Site) {
        self.store.data_mut().call.begin(site.role, site.budget);
        self.store.set_epoch_deadline(epoch::ticks(site.budget));
    }

    fn judge<R>(&mut self, result: wasmtime::Result<R>, late: bool, site: Site) -> Result<R, Failure> {
        self.tell_dropped_log_lines(site);
        // First, because a call that wrote into a window may well have returned "success".
        if self.take_poisoned() {
            return Err(self.trapped(site, "wrote into a read-only window"));
        }
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

    /// A failure of an instance that must be rebuilt.
    pub(crate) fn trapped(&self, site: Site, what: &str) -> Failure {
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
            (Some(own), _) => own.clone(),
            (None, Some(refusal)) => format!("returned {}; {}", name_of(code), refusal.text),
            (None, None) => format!("returned {} and gave no reason", name_of(code)),
        };
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
}

/// What trapped, and in which function if the module tells names.
pub(super) fn describe_trap(error: &wasmtime::Error) -> String {
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
