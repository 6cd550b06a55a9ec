//! What a model file says about itself, whatever its format.

use std::{collections::BTreeMap, path::Path};

use super::{Format, ModelFile, ModelInfo, ModelTensor, NnError, Quantization, TensorInfo, onnx, tflite};
use crate::text;

/// Most kinds of operators that are listed.
const MOST_OPERATORS: usize = 1000;

/// Reads what a model file says about itself. Files that are models but cannot be run are described too. Formats that
/// only their engine can read come without inputs and outputs.
///
/// # Errors
/// The file cannot be read, or is no model.
pub fn inspect_model(path: &Path) -> Result<ModelInfo, NnError> {
    describe_model(&ModelFile::read(path)?).map_err(|error| error.at(path.display()))
}

/// The same for a file that was read before. Errors do not say which file it is.
///
/// # Errors
/// It is no model.
pub fn describe_model(file: &ModelFile) -> Result<ModelInfo, NnError> {
    match &file.format {
        Format::Onnx => onnx::describe(file),
        Format::TfLite => describe_tflite(file),
        Format::OpenVinoIr { .. } => Ok(ModelInfo { operators: ir_operators(&file.bytes), ..bare(file) }),
        Format::Wasm => Ok(bare(file)),
    }
}

fn bare(file: &ModelFile) -> ModelInfo {
    ModelInfo {
        name: file.name.clone(),
        sha256: file.sha256.clone(),
        byte_len: file.bytes.len(),
        format: file.format.id(),
        opsets: Vec::new(),
        producer: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        operators: BTreeMap::new(),
        problems: Vec::new(),
    }
}

fn describe_tflite(file: &ModelFile) -> Result<ModelInfo, NnError> {
    let interface = tflite::read(&file.bytes, None)?;
    let tensors = |infos: &[TensorInfo], quantization: &[Option<Quantization>]| -> Vec<ModelTensor> {
        infos.iter().zip(quantization).map(|(info, meant)| ModelTensor::of(info, *meant)).collect()
    };
    Ok(ModelInfo {
        inputs: tensors(&interface.inputs, &interface.input_quantization),
        outputs: tensors(&interface.outputs, &interface.output_quantization),
        ..bare(file)
    })
}

/// How often each `type` of a `<layer …>` occurs. The file is OpenVINO's own XML, so that nothing more is needed; of any
/// other text only the words between these marks are shown.
fn ir_operators(bytes: &[u8]) -> BTreeMap<String, usize> {
    let text = String::from_utf8_lossy(bytes);
    let mut counts = BTreeMap::new();
    for layer in text.split("<layer ").skip(1) {
        let head = layer.split('>').next().unwrap_or_default();
        let kind = head.split(" type=\"").nth(1).and_then(|rest| rest.split('"').next());
        // What marks the inputs and outputs computes nothing.
        let kind = kind.filter(|kind| !["Parameter", "Result", "Const"].contains(kind));
        if let Some(kind) = kind.filter(|kind| counts.len() < MOST_OPERATORS || counts.contains_key(*kind)) {
            *counts.entry(text::clean(kind.as_bytes())).or_insert(0) += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_an_ir_are_counted() {
        let xml = br#"<?xml version="1.0"?><net name="m" version="11"><layers>
            <layer id="0" name="x" type="Parameter" version="opset1"><data shape="1"/></layer>
            <layer id="1" name="a" type="Convolution" version="opset1"></layer>
            <layer id="2" name="b" type="Convolution" version="opset1"/>
            <layer id="3" name="r" type="ReLU" version="opset1"/><layer "#;
        let expected = [("Convolution".to_owned(), 2), ("ReLU".to_owned(), 1)];
        assert_eq!(ir_operators(xml), BTreeMap::from(expected));
        assert!(ir_operators(b"\xff<layer type=").is_empty());
    }
}
