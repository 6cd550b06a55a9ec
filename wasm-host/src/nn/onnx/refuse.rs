//! Sentences for files that are not (whole) ONNX models. They lack the file's name, which the caller puts in front.

use super::wire::Damage;

pub(super) const NOT_ONNX: &str = "this is not an ONNX model, nor one of TensorFlow Lite, OpenVINO IR or WebAssembly; export the model to ONNX";

/// First bytes of files that people take for ONNX models.
const OTHERS: [(usize, &[u8], &str); 9] = [
    (
        0,
        b"\0asm",
        "this is a WebAssembly module, not an ONNX model; if it is a model itself, use the engine wasm or auto, else set it as a module",
    ),
    (
        0,
        b"version https://git-lfs",
        "this is a Git LFS pointer, not the model itself; run `git lfs pull` to fetch it",
    ),
    (
        4,
        b"ORTM",
        "this is a model in ONNX Runtime's own format, which is not supported; use the ONNX model it was made from",
    ),
    (4, b"TFL3", "this is a TensorFlow Lite model, not an ONNX model; use the engine litert or auto"),
    (
        0,
        b"PK\x03\x04",
        "this is a ZIP archive (perhaps a PyTorch file), not an ONNX model; export the model to ONNX",
    ),
    (
        0,
        b"<?xml",
        "this is XML (perhaps OpenVINO IR), not an ONNX model; use the engine openvino or auto for an IR",
    ),
    (0, b"\x89HDF", "this is an HDF5 file (perhaps Keras), not an ONNX model; convert it to ONNX"),
    (0, b"\x1f\x8b", "this is a gzip archive, not an ONNX model; unpack it first"),
    (0, b"RTEN", "this is a model in rten's own format, which is not supported; use the ONNX model"),
];

/// Says what a file is if it is clearly something else.
pub(super) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("the file is empty; copy or export the model again");
    }
    let is = |&&(offset, magic, _): &&(usize, &[u8], &str)| {
        bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    OTHERS.iter().find(is).map(|&(_, _, sentence)| sentence)
}

/// Says what is wrong with a file whose structure is.
pub(super) fn damaged(bytes: &[u8], damage: Damage) -> String {
    // Every ONNX writer begins with `ir_version` (field 1, a small number) or the producer (field 2). Without that,
    // the file was never a model.
    let begins_like_one = matches!(bytes, [0x08, 1..=20, ..]);
    match damage {
        Damage::TooDeep => "its graphs are nested too deeply; such a model is not accepted".to_owned(),
        Damage::Truncated if begins_like_one => {
            format!("the file ends in the middle of the model, after {} bytes; copy it again", bytes.len())
        }
        Damage::Malformed if begins_like_one => "the file is damaged; copy or export it again".to_owned(),
        Damage::Truncated | Damage::Malformed => NOT_ONNX.to_owned(),
    }
}
