//! `edgevision.params_len` and `edgevision.params_read`.

use edgevision_abi::status;
use wasmtime::Caller;

use super::{guest_memory, in_time};
use crate::instance::HostState;

/// Bytes of the parameter document.
pub(super) fn params_len(caller: Caller<'_, HostState>) -> i32 {
    i32::try_from(caller.data().params.len()).unwrap_or(status::LIMIT)
}

/// Copies the whole parameter document; `TOO_SMALL` when `len` is less than `params_len()`.
pub(super) fn params_read(
    mut caller: Caller<'_, HostState>,
    address: u32,
    len: u32,
) -> wasmtime::Result<i32> {
    in_time(&caller)?;
    let params = caller.data().params.clone();
    if (len as usize) < params.len() {
        return Ok(status::TOO_SMALL);
    }
    let Some(mut memory) = guest_memory(&mut caller) else { return Ok(status::INVALID) };
    Ok(match memory.write_bytes(address, &params) {
        Ok(()) => status::OK,
        Err(_) => status::INVALID,
    })
}
