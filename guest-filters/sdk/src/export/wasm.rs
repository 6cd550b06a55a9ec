//! The border between addresses and slices.
//!
//! ```text
//! linear memory   | stack | data | heap … descriptors | frame window (RO) | tensor or output window | heap …
//!                                        ↑ edgevision_alloc   ↑ FrameDesc.planes   ↑ TensorDesc.address, FrameDesc.planes
//! ```
//! The host owns the windows. While an export runs nothing else writes to them (a frame is frozen once it is
//! pushed, a tensor slot and an output belong to one instance), so that they may be borrowed for the call.
#![allow(clippy::cast_possible_truncation, reason = "addresses, lengths and ranks have 32 bits on wasm32")]

use std::{alloc::Layout, mem::size_of, slice, thread::LocalKey};

use edgevision_abi::{DetectRequest, FrameDesc, Geometry, MAX_DIMS, NnTensor, TensorDesc, status};

use super::Instance;
use crate::{
    DType, Detect, Filter, Findings, FrameView, FrameViewMut, Infer, Output, Preprocess, Request, TensorData,
    TensorMut, TensorRef, TensorSpec,
    frame::{info_from_abi, planes_from_abi},
};

mod findings;

mod host {
    use edgevision_abi::{Attribute, Detection, Landmark, NnTensor};
    #[link(wasm_import_module = "edgevision")]
    unsafe extern "C" {
        pub fn log(level: i32, ptr: *const u8, len: usize);
        pub fn fail(ptr: *const u8, len: usize);
        pub safe fn params_len() -> i32;
        pub fn params_read(ptr: *mut u8, len: usize) -> i32;
        pub fn emit(ptr: *const Detection, count: usize) -> i32;
        pub fn landmarks(detection: i32, ptr: *const Landmark, count: usize) -> i32;
        pub fn attribute(detection: i32, ptr: *const Attribute) -> i32;
        pub fn tensor(detection: i32, name: *const u8, name_len: usize, tensor: *const NnTensor) -> i32;
        pub fn suggest(ptr: *const u8, len: usize) -> i32;
        pub fn infer(inputs: *const NnTensor, n: usize, outputs: *mut NnTensor, m: usize) -> i32;
    }
}

/// `log` of the host.
pub(crate) fn log(level: i32, line: &str) {
    // SAFETY: the host reads `line.len()` bytes from `line` and keeps nothing.
    unsafe { host::log(level, line.as_ptr(), line.len()) }
}

/// `fail` of the host; the status that goes with it.
fn fail(reason: &str) -> i32 {
    // SAFETY: the host reads `reason.len()` bytes from `reason` and keeps nothing.
    unsafe { host::fail(reason.as_ptr(), reason.len()) }
    status::INVALID
}

fn answer(result: Result<(), String>) -> i32 {
    result.map_or_else(|reason| fail(&reason), |()| status::OK)
}

pub(super) fn read_params() -> Result<Vec<u8>, String> {
    let len =
        usize::try_from(host::params_len()).map_err(|_| "the host has no parameters for this module")?;
    let mut document = vec![0; len];
    // SAFETY: the host writes at most `len` bytes to `document`, which has as many.
    match unsafe { host::params_read(document.as_mut_ptr(), len) } {
        code if code < 0 => Err(format!("the host did not deliver the parameters (status {code})")),
        _ => Ok(document),
    }
}

/// Room for what the host writes; it lives as long as the instance.
pub fn alloc(size: u32, align: u32) -> u32 {
    match Layout::from_size_align(size.max(1) as usize, align.max(1) as usize) {
        // SAFETY: the layout is not empty.
        Ok(layout) => unsafe { std::alloc::alloc(layout) as u32 },
        Err(_) => 0,
    }
}

/// `edgevision_init`: from here on a panic tells the host its message before it traps.
pub fn init(roles: &[fn() -> Result<(), String>]) -> i32 {
    std::panic::set_hook(Box::new(|info| {
        fail(&info.to_string());
    }));
    answer(roles.iter().try_for_each(|role| role()))
}

/// Bytes of the tensor that `preprocess` writes.
pub fn preprocess_tensor_bytes<T: Preprocess>(instance: &'static LocalKey<Instance<T>>) -> i32 {
    let spec = instance.with_borrow(|value| value.as_ref().map(Preprocess::tensor_spec));
    let bytes = spec.ok_or_else(not_started).and_then(|spec| spec.byte_len());
    match bytes.and_then(|bytes| i32::try_from(bytes).map_err(|_| "the tensor is larger than 2 GiB".into())) {
        Ok(bytes) => bytes,
        Err(reason) => fail(&reason),
    }
}

/// `preprocess`.
pub fn preprocess<T: Preprocess>(instance: &'static LocalKey<Instance<T>>, frame: u32, tensor: u32) -> i32 {
    let call = |value: &mut Option<T>| {
        let value = value.as_mut().ok_or_else(not_started)?;
        let (frame, mut desc): (FrameDesc, TensorDesc) = (read(frame)?, read(tensor)?);
        let spec = value.tensor_spec();
        let mut room = tensor_mut(&spec, &desc)?;
        let geometry = value.run(&frame_view(&frame)?, &mut room)?;
        describe(&mut desc, &spec, geometry)?;
        write(tensor, desc)
    };
    answer(instance.with_borrow_mut(call))
}

/// `detect`.
pub fn detect<T: Detect>(instance: &'static LocalKey<Instance<T>>, request: u32) -> i32 {
    let call = |value: &mut Option<T>| {
        let value = value.as_mut().ok_or_else(not_started)?;
        let desc: DetectRequest = read(request)?;
        let tensor = tensor_ref(&desc.tensor)?;
        let request = Request { frame_width: desc.frame_width, frame_height: desc.frame_height };
        let mut found = Findings::default();
        value.find(&tensor, &request, &mut HostModel, &mut found)?;
        findings::tell(&found)
    };
    answer(instance.with_borrow_mut(call))
}

/// `edgevision_suggest`.
pub fn suggest<T: Detect>(instance: &'static LocalKey<Instance<T>>) -> i32 {
    match super::suggestion(instance) {
        // SAFETY: the host reads `document.len()` bytes from `document` and keeps nothing.
        Ok(Some(document)) => unsafe { host::suggest(document.as_ptr(), document.len()) },
        Ok(None) => status::OK,
        Err(reason) => fail(&reason),
    }
}

/// `filter`.
pub fn filter<T: Filter>(instance: &'static LocalKey<Instance<T>>, frame: u32, output: u32) -> i32 {
    let call = |value: &mut Option<T>| {
        let value = value.as_mut().ok_or_else(not_started)?;
        let (frame, output): (FrameDesc, FrameDesc) = (read(frame)?, read(output)?);
        let frame = frame_view(&frame)?;
        let mut output = frame_view_mut(&output)?;
        if !output.is_like(&frame) {
            return Err("the host gives an output of another size or format".into());
        }
        value.run(&frame, &mut output)
    };
    answer(instance.with_borrow_mut(call))
}

fn not_started() -> String {
    "the module was called before edgevision_init succeeded".into()
}

/// The model behind the host's `infer`.
struct HostModel;

impl Infer for HostModel {
    fn infer(&mut self, inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String> {
        let inputs: Vec<NnTensor> = inputs.iter().map(borrowed).collect();
        let mut descs = call(&inputs, outputs);
        if let Err(status::TOO_SMALL) = descs {
            // The host has written what is needed, and `call` has made room for it.
            descs = call(&inputs, outputs);
        }
        let descs = descs.map_err(|code| match code {
            status::DENIED => "this job has no model: set `model`".into(),
            code => format!("the model could not be run (status {code})"),
        })?;
        outputs.iter_mut().zip(&descs).try_for_each(|(output, desc)| {
            let rank = (desc.rank as usize).min(MAX_DIMS);
            output.set(DType::from_abi(desc.dtype)?, &desc.dims[..rank])
        })
    }
}

fn call(inputs: &[NnTensor], outputs: &mut [Output]) -> Result<Vec<NnTensor>, i32> {
    let mut descs: Vec<NnTensor> = outputs.iter_mut().map(room).collect();
    // SAFETY: `inputs` describe borrowed slices that outlive the call; `descs` describe the whole room of `outputs`,
    // which are borrowed exclusively; the host keeps none of them.
    let code = unsafe { host::infer(inputs.as_ptr(), inputs.len(), descs.as_mut_ptr(), descs.len()) };
    match code {
        code if code >= 0 => Ok(descs),
        code => {
            outputs.iter_mut().zip(&descs).for_each(|(output, desc)| output.reserve(desc.len as usize));
            Err(code)
        }
    }
}

fn room(output: &mut Output) -> NnTensor {
    let room = output.room();
    NnTensor { address: room.as_mut_ptr() as u32, capacity: room.len() as u32, ..NnTensor::default() }
}

fn borrowed(tensor: &TensorRef) -> NnTensor {
    let bytes = tensor.data.bytes();
    let mut desc =
        NnTensor { address: bytes.as_ptr() as u32, len: bytes.len() as u32, ..NnTensor::default() };
    desc.dtype = tensor.data.dtype().to_abi();
    desc.rank = tensor.dims.len().min(MAX_DIMS) as u32;
    desc.dims.iter_mut().zip(tensor.dims).for_each(|(to, from)| *to = *from);
    desc
}

/// Reads a descriptor that the host wrote.
fn read<T: Copy>(address: u32) -> Result<T, String> {
    checked(address as usize, size_of::<T>())?;
    // SAFETY: in memory; all descriptors are plain integers and floats, for which every bit pattern is valid.
    Ok(unsafe { (address as *const T).read_unaligned() })
}

/// Writes a descriptor back to where it was read from.
fn write<T: Copy>(address: u32, desc: T) -> Result<(), String> {
    checked(address as usize, size_of::<T>())?;
    // SAFETY: in memory, in room that the host asked `alloc` for; nothing of ours borrows it.
    unsafe { (address as *mut T).write_unaligned(desc) };
    Ok(())
}

/// Refuses what does not lie in linear memory.
fn checked(address: usize, bytes: usize) -> Result<(), String> {
    let memory = core::arch::wasm32::memory_size(0) as u64 * 65536;
    if address == 0 || address as u64 + bytes as u64 > memory {
        return Err(format!("{bytes} bytes at {address} lie outside of the module's memory"));
    }
    Ok(())
}

fn frame_view(desc: &FrameDesc) -> Result<FrameView<'_>, String> {
    if (desc.size as usize) < size_of::<FrameDesc>() {
        return Err(format!("a frame description of {} bytes is from another ABI", desc.size));
    }
    let info = info_from_abi(desc)?;
    let planes = planes_from_abi(&info, desc)?;
    let slices = planes.iter().map(|&(address, bytes, stride)| {
        checked(address, bytes)?;
        // SAFETY: in memory, not null, and frozen by the host for the duration of the call (see above).
        Ok((unsafe { slice::from_raw_parts(address as *const u8, bytes) }, stride))
    });
    FrameView::new(info, &slices.collect::<Result<Vec<_>, String>>()?)
}

fn frame_view_mut(desc: &FrameDesc) -> Result<FrameViewMut<'_>, String> {
    if (desc.size as usize) < size_of::<FrameDesc>() {
        return Err(format!("a frame description of {} bytes is from another ABI", desc.size));
    }
    let info = info_from_abi(desc)?;
    let planes = planes_from_abi(&info, desc)?;
    let mut ends = 0;
    let mut sorted = planes.clone();
    sorted.sort_unstable();
    for (address, bytes, _) in sorted {
        checked(address, bytes)?;
        if address < ends {
            return Err("the planes of the output overlap".into());
        }
        ends = address + bytes;
    }
    let slices = planes.iter().map(|&(address, bytes, stride)| {
        // SAFETY: in memory, not null, disjoint (checked above), and this instance's alone for the duration of the
        // call: the host grew the window for it, and a frame to be read never lies there.
        (unsafe { slice::from_raw_parts_mut(address as *mut u8, bytes) }, stride)
    });
    FrameViewMut::new(info, slices)
}

/// The room that the host gives for a tensor. The lifetime ends with the call that the descriptor came with.
fn tensor_mut<'a>(spec: &TensorSpec, desc: &'a TensorDesc) -> Result<TensorMut<'a>, String> {
    let bytes = spec.byte_len()?;
    if desc.capacity < bytes {
        return Err(format!("the host gives room for {} bytes, the tensor has {bytes}", desc.capacity));
    }
    let (address, bytes) = (desc.address as usize, bytes as usize);
    checked(address, bytes)?;
    if address % spec.dtype.bytes() != 0 {
        return Err(format!("the tensor's address {address} is not aligned to its elements"));
    }
    // SAFETY: in memory, aligned, and the slot belongs to this instance alone for the duration of the call; the
    // module's own heap is elsewhere, because the window was grown by the host.
    Ok(unsafe {
        match spec.dtype {
            DType::F32 => TensorMut::F32(slice::from_raw_parts_mut(address as *mut f32, bytes / 4)),
            DType::F16 => TensorMut::F16(slice::from_raw_parts_mut(address as *mut u16, bytes / 2)),
            DType::U8 => TensorMut::U8(slice::from_raw_parts_mut(address as *mut u8, bytes)),
            DType::I8 => TensorMut::I8(slice::from_raw_parts_mut(address as *mut i8, bytes)),
            other => return Err(format!("a preprocess module cannot write tensors of {other:?}")),
        }
    })
}

fn describe(desc: &mut TensorDesc, spec: &TensorSpec, geometry: Geometry) -> Result<(), String> {
    desc.len = spec.byte_len()?;
    desc.dtype = spec.dtype.to_abi();
    desc.rank = spec.dims.len() as u32;
    desc.dims = [0; MAX_DIMS];
    desc.dims.iter_mut().zip(&spec.dims).for_each(|(to, from)| *to = *from);
    desc.geometry = geometry;
    Ok(())
}

/// The tensor that the preprocess module wrote.
fn tensor_ref(desc: &TensorDesc) -> Result<TensorRef<'_>, String> {
    let dtype = DType::from_abi(desc.dtype)?;
    let dims = desc.dims.get(..desc.rank as usize).ok_or("the tensor has too many dimensions")?;
    let (address, bytes) = (desc.address as usize, desc.len as usize);
    checked(address, bytes)?;
    if address % 8 != 0 || bytes % dtype.bytes() != 0 {
        return Err(format!(
            "the tensor of {bytes} bytes at {address} is not made of whole, aligned elements"
        ));
    }
    // SAFETY: in memory, not null, and nobody writes to it while the module looks at it.
    let bytes = unsafe { slice::from_raw_parts(address as *const u8, bytes) };
    let data = match dtype {
        DType::F32 => TensorData::F32(bytemuck::cast_slice(bytes)),
        DType::U8 => TensorData::U8(bytes),
        DType::I8 => TensorData::I8(bytemuck::cast_slice(bytes)),
        DType::I32 => TensorData::I32(bytemuck::cast_slice(bytes)),
        DType::I64 => TensorData::I64(bytemuck::cast_slice(bytes)),
        DType::F16 => TensorData::F16(bytemuck::cast_slice(bytes)),
    };
    Ok(TensorRef { data, dims, geometry: desc.geometry })
}

/// Runs a model on two blocks of floats: addresses and numbers of floats.
pub fn infer_model(
    infer: fn(&[f32], &mut [f32]) -> Result<(), i32>,
    (input, input_len): (u32, u32),
    (output, output_len): (u32, u32),
) -> i32 {
    // SAFETY: the host gives blocks that `alloc` has made for it, which do not overlap and belong to this call.
    let input = unsafe { slice::from_raw_parts(input as *const f32, input_len as usize) };
    // SAFETY: as above.
    let output = unsafe { slice::from_raw_parts_mut(output as *mut f32, output_len as usize) };
    infer(input, output).err().unwrap_or(0)
}
