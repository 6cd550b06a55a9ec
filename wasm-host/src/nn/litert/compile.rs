//! From a file's bytes and the options to a compiled model.

use std::{
    ffi::{CStr, CString, c_int, c_void},
    sync::Arc,
};

use super::{
    NAME,
    handle::{Owned, check},
    library::Api,
    stop::Stop,
};
use crate::nn::{LoadOptions, NnError, Precision};

/// `kLiteRtHwAcceleratorCpu`.
pub(super) const PROCESSOR: c_int = 1;

/// Session options that are handed on, and what each does.
const OPTIONS: [(&str, Kind); 4] = [
    ("enable_ynnpack", Kind::Bool),
    ("flags", Kind::Number),
    ("kernel_mode", Kind::Words(&["delegate", "builtin", "reference"])),
    (SIGNATURE, Kind::Text),
];
/// The session option that chooses one of several signatures; read here, not handed on.
const SIGNATURE: &str = "signature";

enum Kind {
    Bool,
    Number,
    Words(&'static [&'static str]),
    Text,
}

/// What all sessions of a model have in common.
pub(super) struct Source {
    pub api: &'static Api,
    /// The file; the library reads weights in it as long as a compiled model lives.
    pub bytes: Arc<[u8]>,
    /// The processor's options, in LiteRT's notation (TOML).
    pub settings: String,
}

/// A compiled model and what it needs. Fields are dropped in this order.
pub(super) struct Compiled {
    pub model: Owned,
    _file: Owned,
    /// What the model asks during its runs.
    pub stop: Arc<Stop>,
    pub source: Arc<Source>,
}

/// The processor's options; refuses what this engine cannot do.
pub(super) fn settings(options: &LoadOptions) -> Result<String, NnError> {
    if let Some(device) = options.device.as_deref().filter(|device| !device.eq_ignore_ascii_case("cpu")) {
        return Err(NnError::Unsupported(format!(
            "the engine {NAME} runs models on the device CPU only, not on `{device}`; leave the device out, or choose \
             another engine"
        )));
    }
    if !matches!(options.precision, Precision::F32 | Precision::Auto) {
        return Err(NnError::Unsupported(format!(
            "the engine {NAME} computes floats in f32 on the processor; set the precision f32 or auto, or choose \
             another engine"
        )));
    }
    let mut settings = format!("num_threads = {}\n", options.threads.max(1));
    for (name, value) in &options.session_options {
        let known = OPTIONS.iter().find(|(known, _)| known == name);
        let Some((name, kind)) = known else { return Err(unknown(name)) };
        let value = kind.notation(value).ok_or_else(|| wrong(name, kind, value))?;
        if *name != SIGNATURE {
            settings += &format!("{name} = {value}\n");
        }
    }
    Ok(settings)
}

/// The signature that the options ask for.
pub(super) fn signature(options: &LoadOptions) -> Option<&str> {
    options.session_options.get(SIGNATURE).map(String::as_str)
}

impl Kind {
    fn notation(&self, value: &str) -> Option<String> {
        match self {
            Self::Bool => value.parse().ok().map(|on: bool| on.to_string()),
            Self::Number => value.parse().ok().map(|number: u32| number.to_string()),
            Self::Words(words) => words.contains(&value).then(|| format!("\"{value}\"")),
            Self::Text => Some(value.to_owned()),
        }
    }

    fn allowed(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".into(),
            Self::Number => "a whole number".into(),
            Self::Words(words) => format!("one of {}", words.join(", ")),
            Self::Text => "a text".into(),
        }
    }
}

fn unknown(name: &str) -> NnError {
    let known: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
    NnError::Unsupported(format!(
        "the engine {NAME} has no session option `{name}`; it has {}",
        known.join(", ")
    ))
}

fn wrong(name: &str, kind: &Kind, value: &str) -> NnError {
    NnError::Unsupported(format!(
        "the session option `{name}` of the engine {NAME} is `{value}`; allowed is {}",
        kind.allowed()
    ))
}

/// Compiles the model once more: a compiled model has one set of intermediate tensors and serves one thread.
pub(super) fn compile(source: &Arc<Source>) -> Result<Compiled, NnError> {
    let api = source.api;
    let file = Owned::new("reading the model", api.destroy_model, |place| {
        // SAFETY: the bytes live in `source`, which the result holds longer than the model.
        unsafe { (api.create_model)(api.environment, source.bytes.as_ptr(), source.bytes.len(), place) }
    })?;
    let options = options(api, &source.settings)?;
    let model = Owned::new("compiling the model", api.destroy_compiled, |place| {
        // SAFETY: environment, model and options live; the options are only read.
        unsafe { (api.compile)(api.environment, file.ptr(), options.ptr(), place) }
    })?;
    let stop = Stop::install(api, &model)?;
    Ok(Compiled { model, _file: file, stop, source: source.clone() })
}

fn options(api: &Api, settings: &str) -> Result<Owned, NnError> {
    // SAFETY: the place is ours.
    let options =
        Owned::new("making options", api.destroy_options, |place| unsafe { (api.create_options)(place) })?;
    // SAFETY: the options live.
    check("choosing the processor", unsafe { (api.set_accelerators)(options.ptr(), PROCESSOR) })?;
    add(api, &options, c"xnnpack", settings)?;
    // Complaints go to a buffer, from where errors are made of them.
    add(api, &options, c"runtime_options_string", "error_reporter_mode = 2\n")?;
    Ok(options)
}

/// Adds options in TOML under the name that the library looks for.
fn add(api: &Api, options: &Owned, name: &CStr, settings: &str) -> Result<(), NnError> {
    unsafe extern "C" fn release(payload: *mut c_void) {
        // SAFETY: made by `into_raw` below, released once.
        drop(unsafe { CString::from_raw(payload.cast()) });
    }
    let payload =
        CString::new(settings).map_err(|_| NnError::Unsupported("an option contains a zero byte".into()))?;
    let payload = payload.into_raw().cast();
    let opaque = Owned::new("making options", api.destroy_opaque, |place| {
        // SAFETY: the library copies the name and owns the payload from here on.
        unsafe { (api.create_opaque)(name.as_ptr(), payload, release, place) }
    })?;
    // SAFETY: both live; the options own what is added.
    check("adding options", unsafe { (api.add_opaque)(options.ptr(), opaque.give_away()) })
}
