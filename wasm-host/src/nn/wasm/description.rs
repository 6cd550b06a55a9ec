//! What a Wasm model says about its inputs and outputs, in a custom section.

use serde::Deserialize;
use wasmparser::{Parser, Payload};

use crate::{
    nn::{DType, NnError, TensorInfo, tensor},
    text,
};

/// Name of the section.
pub(super) const SECTION: &str = "edgevision.model";
const EXAMPLE: &str = r#"{"inputs":[{"name":"image","dtype":"f32","shape":[1,3,96,96]}],"outputs":[{"name":"boxes","dtype":"f32","shape":[1,84,100]}]}"#;

/// The section's JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    name: String,
    dtype: String,
    shape: Vec<usize>,
}

/// Inputs and outputs, all f32 and of known size.
pub(super) struct Description {
    pub inputs: Vec<TensorInfo>,
    pub outputs: Vec<TensorInfo>,
}

/// Reads the section. The module need not be valid.
pub(super) fn read(bytes: &[u8]) -> Result<Description, NnError> {
    let json = section(bytes).ok_or_else(|| {
        NnError::Format(format!(
            "this WebAssembly model does not say what its inputs and outputs are; give it a custom section `{SECTION}` \
             such as {EXAMPLE}"
        ))
    })?;
    let wrong =
        |why: &str| NnError::Format(format!("its section `{SECTION}` {why}; it is to be such as {EXAMPLE}"));
    let section: Section = serde_json::from_slice(json)
        .map_err(|error| wrong(&format!("cannot be read ({})", text::clean(error.to_string().as_bytes()))))?;
    if section.inputs.is_empty() || section.outputs.is_empty() {
        return Err(wrong("has no input or no output"));
    }
    let info = |tensor: Tensor| tensor.info().map_err(|why| wrong(&why));
    let infos = |list: Vec<Tensor>| list.into_iter().map(info).collect::<Result<_, _>>();
    Ok(Description { inputs: infos(section.inputs)?, outputs: infos(section.outputs)? })
}

fn section(bytes: &[u8]) -> Option<&[u8]> {
    let found = Parser::new(0).parse_all(bytes).map_while(Result::ok).find_map(|payload| match payload {
        Payload::CustomSection(custom) if custom.name() == SECTION => Some(custom.data()),
        _ => None,
    })?;
    // Sections of C and Rust may end with the zero of a string.
    Some(found.strip_suffix(b"\0").unwrap_or(found))
}

impl Tensor {
    fn info(self) -> Result<TensorInfo, String> {
        let name = text::clean(self.name.as_bytes());
        if self.dtype != "f32" {
            let dtype = text::clean(self.dtype.as_bytes());
            return Err(format!("has a tensor `{name}` of type {dtype}, only f32 is possible"));
        }
        let bytes = tensor::byte_len(DType::F32, &self.shape);
        if bytes.is_none_or(|bytes| bytes == 0 || u32::try_from(bytes).is_err()) {
            return Err(format!("has a tensor `{name}` with the impossible shape {:?}", self.shape));
        }
        let shape = self.shape.into_iter().map(Some).collect();
        Ok(TensorInfo { name, dtype: DType::F32, shape })
    }
}
