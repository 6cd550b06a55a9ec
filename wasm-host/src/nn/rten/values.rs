//! Between borrowed bytes and rten's values.

use ::rten::{Value, ValueOrView, ValueView};
use bytemuck::{NoUninit, Pod};
use rten_tensor::{TensorView as Tensor, prelude::*};

use crate::nn::{DType, NnError, OutputBuf, TensorView, tensor};

/// The input where it is. Only 64-bit integers are copied, because rten holds them in 32 bits.
pub(super) fn borrow<'a>(view: &TensorView<'a>) -> Result<ValueOrView<'a>, NnError> {
    match view.dtype {
        DType::F32 => in_place::<f32>(view).map(Into::into),
        DType::U8 => in_place::<u8>(view).map(Into::into),
        DType::I8 => in_place::<i8>(view).map(Into::into),
        DType::I32 => in_place::<i32>(view).map(Into::into),
        DType::I64 => narrowed(view),
        DType::F16 => Err(NnError::Input("the engine rten takes no 16-bit floats; give it f32".to_owned())),
    }
}

fn in_place<'a, T: Pod>(view: &TensorView<'a>) -> Result<Tensor<'a, T>, NnError> {
    // Alignment and length were checked against the model before; this repeats it where it would be unsound.
    let elements = bytemuck::try_cast_slice(view.data).map_err(|error| NnError::Input(error.to_string()))?;
    Tensor::try_from_data(view.shape, elements).map_err(|error| NnError::Input(error.to_string()))
}

fn narrowed<'a>(view: &TensorView<'a>) -> Result<ValueOrView<'a>, NnError> {
    let wide = in_place::<i64>(view)?;
    let narrow: Result<Vec<i32>, _> = wide.iter().map(|&element| i32::try_from(element)).collect();
    let narrow = narrow.map_err(|_| {
        NnError::Input(
            "the engine rten holds 64-bit integers in 32 bits; an element is out of range".to_owned(),
        )
    })?;
    let value = Value::from_shape(view.shape, narrow).map_err(|error| NnError::Input(error.to_string()))?;
    Ok(value.into())
}

/// Copies a result to where it is wanted. `declared` is the type that the model says.
pub(super) fn deliver(
    index: usize,
    buffer: &mut OutputBuf<'_>,
    declared: DType,
    value: &Value,
) -> Result<(), NnError> {
    match value.as_view() {
        ValueView::FloatTensor(result) => copy(index, buffer, DType::F32, result),
        ValueView::UInt8Tensor(result) => copy(index, buffer, DType::U8, result),
        ValueView::Int8Tensor(result) => copy(index, buffer, DType::I8, result),
        ValueView::Int32Tensor(result) if declared == DType::I64 => widen(index, buffer, result),
        ValueView::Int32Tensor(result) => copy(index, buffer, DType::I32, result),
        _ => Err(NnError::Engine(format!("output {index} is a sequence, which no module can take"))),
    }
}

fn copy<T: NoUninit>(
    index: usize,
    buffer: &mut OutputBuf<'_>,
    dtype: DType,
    result: Tensor<'_, T>,
) -> Result<(), NnError> {
    tensor::deliver(index, buffer, dtype, result.shape().to_vec(), |out| match result.data() {
        Some(elements) => out.copy_from_slice(bytemuck::cast_slice(elements)),
        // A transposed or sliced result is put in order while it is copied.
        None => {
            for (to, element) in out.chunks_exact_mut(size_of::<T>()).zip(result.iter()) {
                to.copy_from_slice(bytemuck::bytes_of(element));
            }
        }
    })
}

fn widen(index: usize, buffer: &mut OutputBuf<'_>, result: Tensor<'_, i32>) -> Result<(), NnError> {
    tensor::deliver(index, buffer, DType::I64, result.shape().to_vec(), |out| {
        for (to, &element) in out.chunks_exact_mut(size_of::<i64>()).zip(result.iter()) {
            to.copy_from_slice(&i64::from(element).to_ne_bytes());
        }
    })
}
