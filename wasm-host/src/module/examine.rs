//! Looks at a module's bytes without compiling or running them.

use std::fmt::Write as _;

use edgevision_abi::ABI_VERSION;
use wasmparser::{Validator, WasmFeatures, types::Types};

use super::{ModuleInfo, component, sections, surface::Surface};
use crate::text;

/// Features of modules; the same as the engine's.
const FEATURES: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST);

/// What a module says, and why it cannot be used (nothing if it can). The phrases lack the file's name.
pub(super) struct Examined {
    pub(super) info: ModuleInfo,
    pub(super) problems: Vec<String>,
}

/// Examines a module. An error is a phrase that says why the bytes are no WebAssembly module at all.
pub(super) fn examine(name: &str, bytes: &[u8]) -> Result<Examined, String> {
    if let Layer::Component = layer(bytes)? {
        let (_, feature_problem) = validate(bytes, FEATURES.union(WasmFeatures::COMPONENT_MODEL))?;
        return Ok(component::examine(name, bytes, feature_problem));
    }
    let (types, feature_problem) = validate(bytes, FEATURES)?;
    let sections = sections::read(bytes);
    let surface = Surface { types: types.as_ref() };
    let mut problems = Vec::from_iter(abi_problem(sections.abi_version));
    problems.extend(surface.problems());
    problems.extend(sections.problems.iter().cloned());
    problems.extend(feature_problem);
    Ok(Examined { info: surface.info(name, bytes, &sections), problems })
}

/// Validates with the features of modules. What fails is tried again with all that exist, to tell a module that
/// uses another one (the phrase says which) from one that is damaged.
fn validate(bytes: &[u8], features: WasmFeatures) -> Result<(Types, Option<String>), String> {
    let with = |features| Validator::new_with_features(features).validate_all(bytes);
    let refusal = match with(features) {
        Ok(types) => return Ok((types, None)),
        Err(error) => format!("uses a WebAssembly feature that modules must do without ({})", shown(&error)),
    };
    match with(WasmFeatures::all()) {
        Ok(types) => Ok((types, Some(refusal))),
        Err(error) => Err(format!("damaged WebAssembly ({}); build or copy it again", shown(&error))),
    }
}

/// What the validator says may quote names from the module.
fn shown(error: &wasmparser::BinaryReaderError) -> String {
    text::clean(error.to_string().as_bytes())
}

/// Why a module of this ABI version cannot be used.
pub(super) fn abi_problem(version: Option<i32>) -> Option<String> {
    let other = version.filter(|version| *version != ABI_VERSION)?;
    Some(format!(
        "built for ABI version {other}, this host has version {ABI_VERSION}; build it again with the matching SDK"
    ))
}

/// The two kinds of WebAssembly binaries.
enum Layer {
    Core,
    Component,
}

/// Tells files of other kinds apart before a parser reports "bad magic number".
fn layer(bytes: &[u8]) -> Result<Layer, String> {
    const WANTED: &str = "a WebAssembly module (.wasm) is wanted";
    const CORE: [u8; 4] = [1, 0, 0, 0];
    const COMPONENT_LAYER: [u8; 2] = [1, 0];
    let Some(header) = bytes.strip_prefix(b"\0asm") else {
        return Err(format!("{}; {WANTED}", foreign_kind(bytes)));
    };
    if header.starts_with(&CORE) {
        return Ok(Layer::Core);
    }
    if header.get(2..4) == Some(&COMPONENT_LAYER[..]) {
        return Ok(Layer::Component);
    }
    Err("damaged WebAssembly (its header is incomplete or of an unknown version); build or copy it again"
        .into())
}

fn foreign_kind(bytes: &[u8]) -> &'static str {
    let text = text_at_start(bytes);
    match bytes {
        [] => "an empty file",
        // ModelProto: field 1 (ir_version) as a varint, then field 2 (producer_name) or 7 (graph) or 8 (opset).
        [0x08, _, 0x12 | 0x3a | 0x42, ..] => {
            "not WebAssembly but probably an ONNX model, which belongs under `model`"
        }
        _ if text.is_some_and(|text| text.trim_start().starts_with("(module")) => {
            "WebAssembly text, which has to be compiled (wat2wasm, wasm-tools parse)"
        }
        _ if text.is_some() => "not WebAssembly but a text file",
        _ => "not WebAssembly",
    }
}

/// The first half kilobyte, if it is UTF-8 (but for a character that is cut off there).
fn text_at_start(bytes: &[u8]) -> Option<&str> {
    let start = &bytes[..bytes.len().min(512)];
    match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&start[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        text
    })
}
