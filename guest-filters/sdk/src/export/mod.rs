//! What the macros put behind a module's exports. The only unsafe code of the SDK is in `wasm`: there, addresses
//! that the host gave become slices.

use std::{cell::RefCell, thread::LocalKey};

pub use edgevision_abi::ABI_VERSION;

pub use crate::params::read_envelope;
use crate::{Context, Detect, Filter, Params, Preprocess, Suggestion};

#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "wasm32")]
pub use wasm::*;

/// Where the module's value lives from `edgevision_init` on.
pub type Instance<T> = RefCell<Option<T>>;

/// Makes the value for the role *preprocess*.
pub fn init_preprocess<T: Preprocess>(instance: &'static LocalKey<Instance<T>>) -> Result<(), String> {
    let (params, context) = document()?;
    let value = T::new(params, &context)?;
    value.tensor_spec().byte_len()?;
    instance.with_borrow_mut(|slot| *slot = Some(value));
    Ok(())
}

/// Makes the value for the role *detect*.
pub fn init_detect<T: Detect>(instance: &'static LocalKey<Instance<T>>) -> Result<(), String> {
    let (params, context) = document()?;
    let value = T::new(params, &context)?;
    instance.with_borrow_mut(|slot| *slot = Some(value));
    Ok(())
}

/// Makes the value for the role *filter*.
pub fn init_filter<T: Filter>(instance: &'static LocalKey<Instance<T>>) -> Result<(), String> {
    let (params, context) = document()?;
    let value = T::new(params, &context)?;
    instance.with_borrow_mut(|slot| *slot = Some(value));
    Ok(())
}

/// What the detector suggests for its model, as the document for the host; None if it suggests nothing.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only exported to Wasm"))]
fn suggestion<T: Detect>(instance: &'static LocalKey<Instance<T>>) -> Result<Option<String>, String> {
    let (_params, context) = document()?;
    let ask = |value: &Option<T>| value.as_ref().map(|value| value.suggest(&context));
    let answer = instance.with_borrow(ask).ok_or("the module was asked before edgevision_init succeeded")?;
    let fitted = |suggestion: Suggestion| match &context.model {
        Some(model) => suggestion.fitted(model),
        None => suggestion,
    };
    Ok(answer.map(|suggestion| fitted(suggestion).to_json()))
}

fn document() -> Result<(Params, Context), String> {
    read_envelope(&read_params()?)
}

#[cfg(not(target_arch = "wasm32"))]
fn read_params() -> Result<Vec<u8>, String> {
    Err("there is no host outside of WebAssembly".into())
}

/// Natively a line of the log goes to standard error.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn log(level: i32, line: &str) {
    eprintln!("[{level}] {line}");
}

/// Text as an array, which is what a custom section is made of.
pub const fn array<const N: usize>(text: &str) -> [u8; N] {
    assert!(text.len() == N);
    let mut array = [0; N];
    array.copy_from_slice(text.as_bytes());
    array
}
