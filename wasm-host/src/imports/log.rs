//! `edgevision.log` and `edgevision.fail`.

use edgevision_abi::log_level;
use wasmtime::Caller;

use super::guest_memory;
use crate::{abi::Span, instance::HostState, text};

/// One line for the host's log. Lines beyond the cap of the call are dropped and counted, unreadable ones too.
pub(super) fn log(mut caller: Caller<'_, HostState>, level: i32, address: u32, len: u32) {
    if !caller.data_mut().call.take_log_line() {
        return;
    }
    match text_at(&mut caller, address, len) {
        Some(line) => write_line(caller.data(), level, &line),
        None => caller.data_mut().call.drop_log_line(),
    }
}

/// The reason for the error that the guest is about to return; the last one counts.
pub(super) fn fail(mut caller: Caller<'_, HostState>, address: u32, len: u32) {
    let reason = text_at(&mut caller, address, len);
    caller.data_mut().call.failure = reason.filter(|text| !text.is_empty());
}

fn text_at(caller: &mut Caller<'_, HostState>, address: u32, len: u32) -> Option<String> {
    let memory = guest_memory(caller)?;
    memory.bytes(Span::bytes(address, len)).ok().map(text::clean)
}

/// Writes a line of the guest.
pub(super) fn write_line(state: &HostState, level: i32, line: &str) {
    let (module, camera) = (&*state.module, &*state.camera);
    match level {
        log_level::DEBUG => tracing::debug!(target: "edgevision::module", module, camera, "{line}"),
        log_level::INFO => tracing::info!(target: "edgevision::module", module, camera, "{line}"),
        log_level::WARN => tracing::warn!(target: "edgevision::module", module, camera, "{line}"),
        // An unknown level is most likely a newer, graver one.
        _ => tracing::error!(target: "edgevision::module", module, camera, "{line}"),
    }
}
