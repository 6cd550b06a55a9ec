//! Between borrowed bytes and rten's values.

use ::rten::{Value, ValueOrView, ValueView};
use bytemuck::{NoUninit, Pod};
use half::f16;
use rten_tensor::{TensorView as Tensor, prelude::*};

use crate::nn::{DType, NnError, OutputBuf, TensorView, tensor};

/// The input where it is. 64-bit integers and 16-bit floats are converted, because rten holds them in 32 bits.
pub(super) fn borrow<'a>(view: &TensorView<'a>, copied: &mut u64) -> Result<ValueOrView<'a>, NnError> {
    match view.dtype {
        DType::F32 => in_place::<f32>(view).map(Into::into),
        DType::U8 => in_place::<u8>(view).map(Into::into),
        DType::I8 => in_place::<i8>(view).map(Into::into),
        DType::I32 => in_place::<i32>(view).map(Into::into),
        DType::I64 => converted(view, copied, narrow),
        DType::F16 => converted(view, copied, |bits: u16| Ok(f16::from_bits(bits).to_f32())),
    }
}

fn in_place<'a, T: Pod>(view: &TensorView<'a>) -> Result<Tensor<'a, T>, NnError> {
    Tensor::try_from_data(view.shape, elements(view)?).map_err(|error| NnError::Input(error.to_string()))
}

fn elements<'a, T: Pod>(view: &TensorView<'a>) -> Result<&'a [T], NnError> {
    if view.data.is_empty() {
        return Ok(&[]);
    }
    // Alignment and length were checked against the model before; this repeats it where it would be unsound.
    bytemuck::try_cast_slice(view.data).map_err(|error| NnError::Input(error.to_string()))
}

fn converted<'a, T: Pod, U>(
    view: &TensorView<'a>,
    copied: &mut u64,
    convert: impl Fn(T) -> Result<U, NnError>,
) -> Result<ValueOrView<'a>, NnError>
where
    Value: From<rten_tensor::Tensor<U>>,
{
    let elements = elements::<T>(view)?.iter().map(|&element| convert(element));
    let value = Value::from_shape(view.shape, elements.collect::<Result<Vec<U>, _>>()?);
    let value = value.map_err(|error| NnError::Input(error.to_string()))?;
    *copied += view.data.len() as u64;
    Ok(value.into())
}

fn narrow(wide: i64) -> Result<i32, NnError> {
    i32::try_from(wide).map_err(|_| {
        NnError::Input(
            "the engine rten holds 64-bit integers in 32 bits; an element is out of range".to_owned(),
        )
    })
}

/// Copies a result to where it is wanted. `declared` is the type that the model says. Gives the bytes that were copied.
pub(super) fn deliver(
    index: usize,
    buffer: &mut OutputBuf<'_>,
    declared: DType,
    value: &Value,
) -> Result<u64, NnError> {
    match value.as_view() {
        ValueView::FloatTensor(result) if declared == DType::F16 => {
            convert(index, buffer, declared, result, |&element| f16::from_f32(element).to_ne_bytes())
        }
        ValueView::FloatTensor(result) => copy(index, buffer, DType::F32, result),
        ValueView::UInt8Tensor(result) => copy(index, buffer, DType::U8, result),
        ValueView::Int8Tensor(result) => copy(index, buffer, DType::I8, result),
        ValueView::Int32Tensor(result) if declared == DType::I64 => {
            convert(index, buffer, declared, result, |&element| i64::from(element).to_ne_bytes())
        }
        ValueView::Int32Tensor(result) => copy(index, buffer, DType::I32, result),
        _ => Err(NnError::Engine(format!("output {index} is a sequence, which no module can take"))),
    }
}

fn copy<T: NoUninit>(
    index: usize,
    buffer: &mut OutputBuf<'_>,
    dtype: DType,
    result: Tensor<'_, T>,
) -> Result<u64, NnError> {
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

fn convert<T, const N: usize>(
    index: usize,
    buffer: &mut OutputBuf<'_>,
    dtype: DType,
    result: Tensor<'_, T>,
    bytes: impl Fn(&T) -> [u8; N],
) -> Result<u64, NnError> {
    tensor::deliver(index, buffer, dtype, result.shape().to_vec(), |out| {
        for (to, element) in out.chunks_exact_mut(N).zip(result.iter()) {
            to.copy_from_slice(&bytes(element));
        }
    })
}
