//! Weights: as many bytes as their shape says, and small ones with their numbers.

use rten_onnx::onnx::{DataType, TensorProto};

use super::value::{MAX_NUMBERS, Value};

/// The tensor, if its data are whole.
pub(super) fn value(tensor: &TensorProto) -> Result<Value, String> {
    let dims = tensor.dims.iter().map(|dim| u64::try_from(*dim)).collect::<Result<Vec<_>, _>>();
    let mut value = Value::of(dims.map_err(|_| "weights with a negative dimension")?)?;
    let elements = usize::try_from(value.elements()).map_err(|_| "weights that are too large")?;
    check_len(tensor, elements)?;
    if value.elements() <= MAX_NUMBERS {
        value.floats = floats(tensor);
        value = value.with_ints(ints(tensor));
    }
    Ok(value)
}

fn check_len(tensor: &TensorProto, elements: usize) -> Result<(), String> {
    let (size, typed) = match tensor.data_type {
        Some(DataType::FLOAT) => (4, tensor.float_data.len()),
        Some(DataType::DOUBLE) => (8, tensor.double_data.len()),
        Some(DataType::INT64) => (8, tensor.int64_data.len()),
        Some(DataType::INT32) => (4, tensor.int32_data.len()),
        Some(DataType::FLOAT16) => (2, tensor.int32_data.len()),
        Some(DataType::INT8 | DataType::UINT8 | DataType::BOOL) => (1, tensor.int32_data.len()),
        other => return Err(format!("weights of type {other:?}")),
    };
    let whole = match &tensor.raw_data {
        Some(raw) => elements.checked_mul(size) == Some(raw.borrow().len()) && typed == 0,
        None => typed == elements,
    };
    if whole { Ok(()) } else { Err("weights that are not as long as their shape says".to_owned()) }
}

fn ints(tensor: &TensorProto) -> Option<Vec<i64>> {
    let raw = tensor.raw_data.as_ref().map(|raw| raw.borrow());
    Some(match (tensor.data_type?, raw) {
        (DataType::INT64, Some(raw)) => bytemuck::pod_collect_to_vec(&raw),
        (DataType::INT32, Some(raw)) => {
            bytemuck::pod_collect_to_vec::<u8, i32>(&raw).into_iter().map(i64::from).collect()
        }
        (DataType::INT64, None) => tensor.int64_data.clone(),
        (DataType::INT32, None) => tensor.int32_data.iter().copied().map(i64::from).collect(),
        _ => return None,
    })
}

fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_type != Some(DataType::FLOAT) {
        return None;
    }
    Some(match &tensor.raw_data {
        Some(raw) => bytemuck::pod_collect_to_vec(&raw.borrow()),
        None => tensor.float_data.clone(),
    })
}
