//! One run over borrowed tensors, through the C interface: inputs are read where they lie, and outputs whose size is
//! known are written where they are wanted. All `unsafe` of this engine is here.

use std::{
    ffi::{CString, c_void},
    marker::PhantomData,
    ptr::{self, NonNull},
};

use ort::{AsPointer, memory::MemoryInfo, session::SharedSessionInner, sys};

use super::stop::Switch;
use crate::nn::{
    DType, NnError, OutputBuf, TensorInfo, TensorView,
    tensor::{self, Deliveries},
};

/// What an output is given before the run.
enum Slot<'a> {
    /// Memory of the caller.
    Lent(Value<'a>),
    /// Nothing: the runtime allocates.
    Open,
}

/// An `OrtValue` over memory of `'a`, or over the runtime's own.
struct Value<'a> {
    raw: NonNull<sys::OrtValue>,
    memory: PhantomData<&'a [u8]>,
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        // SAFETY: the value is ours and is released once; memory that it was lent stays with its owner.
        unsafe { (ort::api().ReleaseValue)(self.raw.as_ptr()) };
    }
}

/// Names as the C interface wants them.
pub(super) fn c_names(infos: &[TensorInfo]) -> Result<Vec<CString>, NnError> {
    let name = |info: &TensorInfo| {
        CString::new(info.name.as_str()).map_err(|_| {
            NnError::Unsupported("the model has a tensor whose name contains a zero byte".into())
        })
    };
    infos.iter().map(name).collect()
}

/// A session with the names of its tensors.
pub(super) struct Graph<'a> {
    pub session: &'a SharedSessionInner,
    pub switch: &'a Switch,
    pub memory: &'a MemoryInfo<'static>,
    pub input_names: &'a [CString],
    pub output_names: &'a [CString],
    pub outputs: &'a [TensorInfo],
    /// Outputs that the runtime writes itself.
    pub can_write: &'a [bool],
}

impl Graph<'_> {
    /// Runs the model. Lengths, types, shapes and alignment of `inputs` have been checked. With `prebind`, outputs of
    /// known size are written in place; the bytes of others are added to `copied`.
    pub fn run(
        &self,
        inputs: &[TensorView<'_>],
        outputs: &mut [OutputBuf<'_>],
        prebind: bool,
        copied: &mut u64,
    ) -> Result<(), NnError> {
        let lent = inputs.iter().map(|view| self.lend(view)).collect::<Result<Vec<_>, _>>()?;
        let slots = outputs
            .iter_mut()
            .zip(self.outputs.iter().zip(self.can_write))
            .map(|(buffer, (info, can_write))| match prebind && *can_write {
                true => self.slot(buffer, info),
                false => Ok(Slot::Open),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let results = self.call(&lent, slots)?;
        let mut deliveries = Deliveries::default();
        for (index, (buffer, result)) in outputs.iter_mut().zip(results).enumerate() {
            if let Some(value) = result {
                deliveries.add(value.deliver(index, buffer));
            }
        }
        deliveries.end(copied)
    }

    fn lend<'t>(&self, view: &TensorView<'t>) -> Result<Value<'t>, NnError> {
        // SAFETY: the runtime only reads inputs, so the cast to mutable is never used; the value lives no longer than
        // `'t`.
        unsafe { self.over(view.data.as_ptr().cast_mut(), view.data.len(), view.dtype, view.shape) }
    }

    /// Output memory that the runtime may write into, if the shape is known; the buffer is described already.
    fn slot<'t>(&self, buffer: &mut OutputBuf<'t>, info: &TensorInfo) -> Result<Slot<'t>, NnError> {
        let Some(len) = info.byte_len() else { return Ok(Slot::Open) };
        let Some(room) = buffer.data.get_mut(..len) else { return Ok(Slot::Open) };
        let (data, shape) = (room.as_mut_ptr(), buffer.shape.clone());
        // SAFETY: `data` is `len` bytes that `buffer` borrows mutably for `'t`; nobody touches them until the run is
        // over, because `Graph::run` holds the buffers.
        unsafe { self.over(data, len, info.dtype, &shape) }.map(Slot::Lent)
    }

    /// # Safety
    /// `data` is valid for `len` bytes for the whole of `'t`, for writes too if the value is an output.
    unsafe fn over<'t>(
        &self,
        data: *mut u8,
        len: usize,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Value<'t>, NnError> {
        let dims = shape.iter().map(|&dim| i64::try_from(dim)).collect::<Result<Vec<_>, _>>();
        let dims = dims.map_err(|_| NnError::Input("a dimension is too large".into()))?;
        let mut value = ptr::null_mut();
        // SAFETY: pointers and lengths belong together; the runtime copies the dimensions.
        let status = unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                self.memory.ptr(),
                data.cast::<c_void>(),
                len,
                dims.as_ptr(),
                dims.len(),
                element_type(dtype),
                &mut value,
            )
        };
        check(status)?;
        Value::new(value)
    }

    /// The values that the runtime made; none where the output was lent.
    fn call<'t>(
        &self,
        inputs: &[Value<'_>],
        slots: Vec<Slot<'t>>,
    ) -> Result<Vec<Option<Value<'t>>>, NnError> {
        let input_names: Vec<_> = self.input_names.iter().map(|name| name.as_ptr()).collect();
        let output_names: Vec<_> =
            self.output_names.iter().take(slots.len()).map(|name| name.as_ptr()).collect();
        let fed: Vec<_> = inputs.iter().map(|value| value.raw.as_ptr().cast_const()).collect();
        let mut results: Vec<*mut sys::OrtValue> = slots
            .iter()
            .map(|slot| match slot {
                Slot::Lent(value) => value.raw.as_ptr(),
                Slot::Open => ptr::null_mut(),
            })
            .collect();
        // SAFETY: all arrays have the lengths that are passed and live until the call returns. `Run` does not change
        // the session and is documented as safe to call from several threads at once; only the CPU provider is used.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                self.switch.ptr(),
                input_names.as_ptr(),
                fed.as_ptr(),
                fed.len(),
                output_names.as_ptr(),
                output_names.len(),
                results.as_mut_ptr(),
            )
        };
        check(status)?;
        slots
            .iter()
            .zip(results)
            .map(|(slot, raw)| match slot {
                Slot::Lent(_) => Ok(None),
                Slot::Open => Value::new(raw).map(Some),
            })
            .collect()
    }
}

impl Value<'_> {
    fn new(raw: *mut sys::OrtValue) -> Result<Self, NnError> {
        let raw = NonNull::new(raw)
            .ok_or_else(|| NnError::Engine("the engine onnxruntime gave no value".into()))?;
        Ok(Self { raw, memory: PhantomData })
    }

    /// Copies an output that the runtime has allocated.
    fn deliver(&self, index: usize, buffer: &mut OutputBuf<'_>) -> Result<u64, NnError> {
        let (dtype, shape) = self.describe(index)?;
        let mut data = ptr::null_mut();
        // SAFETY: the value is a tensor, as `describe` has found, and lives as long as `self`.
        check(unsafe { (ort::api().GetTensorMutableData)(self.raw.as_ptr(), &mut data) })?;
        if data.is_null() && !shape.contains(&0) {
            return Err(NnError::Engine(format!("the engine onnxruntime gave no memory for output {index}")));
        }
        tensor::deliver(index, buffer, dtype, shape, |out| {
            if !out.is_empty() {
                // SAFETY: `out` has the bytes that this type and shape have, and so has the tensor; `out` is the
                // caller's and does not overlap.
                unsafe { ptr::copy_nonoverlapping(data.cast::<u8>(), out.as_mut_ptr(), out.len()) };
            }
        })
    }

    fn describe(&self, index: usize) -> Result<(DType, Vec<usize>), NnError> {
        let api = ort::api();
        let mut info = ptr::null_mut();
        // SAFETY: the value lives; the runtime refuses values that are no tensors.
        check(unsafe { (api.GetTensorTypeAndShape)(self.raw.as_ptr(), &mut info) })?;
        let mut kind = sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
        let mut rank = 0;
        // SAFETY: `info` was filled by the call above.
        let read = check(unsafe { (api.GetTensorElementType)(info, &mut kind) })
            .and_then(|()| check(unsafe { (api.GetDimensionsCount)(info, &mut rank) }));
        let mut dims = vec![0_i64; rank];
        // SAFETY: `dims` has room for `rank` numbers.
        let read = read.and_then(|()| check(unsafe { (api.GetDimensions)(info, dims.as_mut_ptr(), rank) }));
        // SAFETY: released once, whatever was read.
        unsafe { (api.ReleaseTensorTypeAndShapeInfo)(info) };
        read?;
        let dtype = dtype(kind).ok_or_else(|| {
            NnError::Engine(format!("output {index} has an element type that no module can take"))
        })?;
        let shape = dims.into_iter().map(usize::try_from).collect::<Result<_, _>>();
        Ok((dtype, shape.map_err(|_| NnError::Engine(format!("output {index} has a negative dimension")))?))
    }
}

pub(super) fn check(status: sys::OrtStatusPtr) -> Result<(), NnError> {
    // SAFETY: the status comes straight from a call and is consumed here.
    unsafe { ort::Error::result_from_status(status) }.map_err(super::failed)
}

fn element_type(dtype: DType) -> sys::ONNXTensorElementDataType {
    use sys::ONNXTensorElementDataType as Type;
    match dtype {
        DType::F32 => Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        DType::F16 => Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        DType::U8 => Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        DType::I8 => Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
        DType::I32 => Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        DType::I64 => Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    }
}

fn dtype(kind: sys::ONNXTensorElementDataType) -> Option<DType> {
    [DType::F32, DType::F16, DType::U8, DType::I8, DType::I32, DType::I64]
        .into_iter()
        .find(|&dtype| element_type(dtype) == kind)
}
