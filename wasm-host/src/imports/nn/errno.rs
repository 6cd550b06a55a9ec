//! The standard's error numbers (`nn_errno`).

use crate::{instance::Refusal, nn::NnError};

pub(super) const SUCCESS: i32 = 0;
pub(super) const INVALID_ARGUMENT: i32 = 1;
pub(super) const INVALID_ENCODING: i32 = 2;
pub(super) const MISSING_MEMORY: i32 = 3;
pub(super) const BUSY: i32 = 4;
pub(super) const RUNTIME_ERROR: i32 = 5;
pub(super) const UNSUPPORTED_OPERATION: i32 = 6;
pub(super) const TOO_LARGE: i32 = 7;
pub(super) const NOT_FOUND: i32 = 8;

/// A result, or the number that the guest gets instead.
pub(super) type Outcome<T = ()> = Result<T, i32>;

pub(super) fn code(outcome: Outcome) -> i32 {
    outcome.err().unwrap_or(SUCCESS)
}

/// What a refused inference is in the standard's words.
pub(super) fn of_refusal(refusal: &Refusal) -> i32 {
    match refusal.status {
        edgevision_abi::status::INVALID => INVALID_ARGUMENT,
        edgevision_abi::status::LIMIT => TOO_LARGE,
        _ => RUNTIME_ERROR,
    }
}

/// What a model that cannot be loaded is in the standard's words.
pub(super) fn of_load(error: &NnError) -> i32 {
    match error {
        NnError::Format(_) => INVALID_ENCODING,
        NnError::Unsupported(_) => UNSUPPORTED_OPERATION,
        NnError::TooLarge(_) => TOO_LARGE,
        _ => RUNTIME_ERROR,
    }
}
