//! `edgevision.emit`: detections from the guest.

use edgevision_abi::{Detection, status};
use wasmtime::Caller;

use super::guest_memory;
use crate::{instance::HostState, module::Role};

/// Copies `count` detections out of guest memory. A refused report is an error of the frame even when the guest
/// goes on as if nothing had happened: detections would be missing without anybody knowing.
pub(super) fn emit(mut caller: Caller<'_, HostState>, address: u32, count: u32) -> i32 {
    if caller.data().call.role != Some(Role::Detect) {
        return status::DENIED;
    }
    // The cap comes before the bounds: an absurd count must not be looked at any further.
    if count as usize > caller.data().call.detections_left() {
        return refuse(&mut caller, status::LIMIT, |state| {
            format!("reported more than {} detections", state.call.max_detections)
        });
    }
    let Some(memory) = guest_memory(&mut caller) else { return status::INVALID };
    match memory.read_many::<Detection>(address, count) {
        Ok(detections) => {
            caller.data_mut().call.reported.extend(detections);
            status::OK
        }
        Err(error) => refuse(&mut caller, status::INVALID, |_| {
            format!("reported {count} detections at address {address:#x}, which {error}")
        }),
    }
}

fn refuse(caller: &mut Caller<'_, HostState>, code: i32, why: impl FnOnce(&HostState) -> String) -> i32 {
    let violation = why(caller.data());
    caller.data_mut().call.violation.get_or_insert(violation);
    code
}
