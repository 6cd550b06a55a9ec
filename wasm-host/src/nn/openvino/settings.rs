//! From [`LoadOptions`] to a device and its properties.

use std::ffi::{CStr, CString};

use openvino_sys as ov;

use super::{
    NAME,
    compile::Compiled,
    handle::{Owned, c_string, check as checked, take_text, words_of},
};
use crate::nn::{LoadOptions, NnError, Performance, Precision, options};

type Core = Owned<ov::ov_core_t>;

const CPU: &str = "CPU";
/// Devices that choose among others or divide the work between them.
const VIRTUAL: [&str; 4] = ["AUTO", "MULTI", "HETERO", "BATCH"];
const PRECISION: &CStr = c"INFERENCE_PRECISION_HINT";

/// Properties with a key of their own in the config.
const OURS: [(&str, &str); 6] = [
    ("INFERENCE_PRECISION_HINT", "precision"),
    ("EXECUTION_MODE_HINT", "precision"),
    ("INFERENCE_NUM_THREADS", "threads"),
    ("NUM_STREAMS", "workers"),
    ("PERFORMANCE_HINT", "performance"),
    ("MULTI_DEVICE_PRIORITIES", "device"),
];

/// Refuses what no device is asked to do, before the library is needed.
pub(super) fn check(options: &LoadOptions) -> Result<(), NnError> {
    options::check_session_options(NAME, options, &OURS)
}

/// Sets all properties; gives the device to compile for.
pub(super) fn apply(core: &Core, options: &LoadOptions) -> Result<CString, NnError> {
    let device = options.device.as_deref().unwrap_or(CPU);
    let available = devices(core)?;
    for name in real_devices(device) {
        let is = |known: &String| known == name || known.split('.').next() == Some(name);
        if !available.iter().any(is) {
            return Err(no_device(name, &available));
        }
        properties(name, options).into_iter().try_for_each(|(key, value)| set(core, name, key, &value))?;
    }
    let (target, _) = device.split_once(':').unwrap_or((device, ""));
    for (key, value) in &options.session_options {
        set(core, target, key, value).map_err(|error| explain(core, options, refused(key, value, &error)))?;
    }
    c_string(device)
}

/// The devices in `AUTO:GPU.1,CPU`, virtual ones apart. A bare `AUTO` may fall back to the processor.
fn real_devices(device: &str) -> Vec<&str> {
    let named: Vec<&str> = device
        .split([':', ','])
        .map(|name| name.trim().split('(').next().unwrap_or_default())
        // `-GPU` is a device that shall not be taken.
        .filter(|name| !VIRTUAL.contains(name) && !name.starts_with('-'))
        .collect();
    if named.is_empty() { vec![CPU] } else { named }
}

/// f32 is computed as f32: the default on processors with AMX or AVX-512-BF16 is bf16, without a word. Threads are not
/// pinned: they share the cores with decoders and other models, of which the library knows nothing. There are always
/// two: with a single one the library loses the errors of models with dynamic shapes and reports success, with memory
/// in the outputs that nobody has written (OpenVINO 2026.4).
fn properties(device: &str, options: &LoadOptions) -> Vec<(&'static str, String)> {
    let threads = options.threads.max(1);
    let sessions = options.sessions.max(if device == CPU && threads == 1 { 2 } else { 1 });
    let hint = match options.performance {
        Performance::Throughput => "THROUGHPUT",
        Performance::Latency => "LATENCY",
    };
    let mut all = vec![("PERFORMANCE_HINT", hint.to_owned()), ("NUM_STREAMS", sessions.to_string())];
    if options.precision != Precision::Auto {
        all.push(("INFERENCE_PRECISION_HINT", options.precision.name().to_owned()));
    }
    if device == CPU {
        all.push(("INFERENCE_NUM_THREADS", threads.saturating_mul(sessions).to_string()));
        all.push(("ENABLE_CPU_PINNING", "NO".to_owned()));
    }
    all
}

fn set(core: &Core, device: &str, key: &str, value: &str) -> Result<(), NnError> {
    let (device, key, value) = (c_string(device)?, c_string(key)?, c_string(value)?);
    // SAFETY: C strings that live during the call; the variable arguments are one key and one value.
    checked(unsafe { ov::ov_core_set_property(core.ptr(), device.as_ptr(), key.as_ptr(), value.as_ptr()) })
}

fn refused(key: &str, value: &str, error: &NnError) -> NnError {
    NnError::Unsupported(format!(
        "the engine {NAME} refuses the session option `{key}: {value}`: {}",
        words_of(error)
    ))
}

/// Says which devices there are where a virtual one was asked for, because then the library's words do not.
pub(super) fn explain(core: &Core, options: &LoadOptions, error: NnError) -> NnError {
    let device = options.device.as_deref().unwrap_or(CPU);
    let target = device.split(':').next().unwrap_or(CPU);
    match devices(core) {
        Ok(available) if VIRTUAL.contains(&target) => {
            NnError::Unsupported(format!("{error}; devices here are {}", available.join(", ")))
        }
        _ => error,
    }
}

fn no_device(name: &str, available: &[String]) -> NnError {
    NnError::Unsupported(format!(
        "the engine {NAME} has no device `{name}` on this machine; available are {}",
        available.join(", ")
    ))
}

/// Refuses when the device computes floats otherwise than it was asked to.
pub(super) fn check_precision(model: &Compiled, options: &LoadOptions) -> Result<(), NnError> {
    let mut raw = std::ptr::null_mut();
    // SAFETY: the model lives, and the key is a C string.
    let told = unsafe { ov::ov_compiled_model_get_property(model.ptr(), PRECISION.as_ptr(), &mut raw) };
    if options.precision == Precision::Auto || told != ov::ov_status_e::OK {
        // Virtual devices do not tell.
        return Ok(());
    }
    let wanted = options.precision.name();
    match take_text(raw) {
        Some(told) if told != wanted => Err(NnError::Unsupported(format!(
            "the engine {NAME} computes with {told} on this device where {wanted} was asked for; set `precision` to \
             {told} or auto"
        ))),
        _ => Ok(()),
    }
}

/// Names of the devices that there are.
fn devices(core: &Core) -> Result<Vec<String>, NnError> {
    let mut list = ov::ov_available_devices_t { devices: std::ptr::null_mut(), size: 0 };
    // SAFETY: the core lives.
    checked(unsafe { ov::ov_core_get_available_devices(core.ptr(), &mut list) })?;
    let names = match list.devices.is_null() {
        true => Vec::new(),
        // SAFETY: the library has put as many C strings there as it says; they are read before they are freed.
        false => unsafe { std::slice::from_raw_parts(list.devices, list.size) }
            .iter()
            // SAFETY: as above.
            .map(|&name| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
            .collect(),
    };
    // SAFETY: freed once, after the last use.
    unsafe { ov::ov_available_devices_free(&mut list) };
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_in_a_device_string() {
        assert_eq!(real_devices("CPU"), ["CPU"]);
        assert_eq!(real_devices("AUTO"), ["CPU"]);
        assert_eq!(real_devices("AUTO:GPU.1,CPU"), ["GPU.1", "CPU"]);
        assert_eq!(real_devices("AUTO:-GPU"), ["CPU"]);
        assert_eq!(real_devices("MULTI:GPU(4),CPU(2)"), ["GPU", "CPU"]);
    }
}
