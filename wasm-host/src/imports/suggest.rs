//! `edgevision.suggest`: how a detector would have the model used.

use edgevision_abi::{MAX_SUGGESTION_BYTES, status};
use wasmtime::Caller;

use super::guest_memory;
use crate::{abi::Span, instance::HostState};

/// Copies the one document that a module may leave while it is asked for it.
pub(super) fn suggest(mut caller: Caller<'_, HostState>, address: u32, len: u32) -> i32 {
    if !caller.data().suggestion.is_awaited() {
        return status::DENIED;
    }
    if len as usize > MAX_SUGGESTION_BYTES {
        return status::LIMIT;
    }
    let document = guest_memory(&mut caller)
        .and_then(|memory| memory.bytes(Span::bytes(address, len)).ok().map(<[u8]>::to_vec));
    match document {
        Some(document) => {
            caller.data_mut().suggestion.told(document);
            status::OK
        }
        None => status::INVALID,
    }
}
