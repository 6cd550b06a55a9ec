//! One run over borrowed tensors. The library reads and writes the caller's memory in place where its address suits,
//! else a copy beside it.

use std::{
    alloc::{Layout as Allocation, alloc_zeroed, dealloc},
    ffi::c_int,
    ptr::NonNull,
    sync::Arc,
};

use super::{
    compile::Compiled,
    handle::{Owned, check, complaints, failed},
    library::{Layout, TensorType},
    stop::Stop,
};
use crate::nn::{DType, NnError, OutputBuf, TensorInfo, TensorView, tensor};

/// `LITERT_HOST_MEMORY_BUFFER_ALIGNMENT`.
const ALIGNMENT: usize = 64;
/// Bytes behind an input that XNNPACK's kernels may read, without using them (`XNN_EXTRA_BYTES`; 16 on the processors
/// that are supported here).
const READ_BEHIND: usize = 64;
/// Smallest page of memory.
const PAGE: usize = 4096;

/// A worker's compiled model, with what it knows of the run before.
pub(super) struct Runner {
    compiled: Compiled,
    signature: usize,
    /// Shapes of the inputs that memory is planned for; none before the first run.
    planned: Vec<Vec<usize>>,
    /// Shapes of all outputs.
    outputs: Vec<Vec<usize>>,
    /// Memory for tensors that cannot be used in place: inputs, then outputs.
    spare: Vec<Option<Aligned>>,
    /// Bytes that were copied, over all runs.
    copied: u64,
}

impl Runner {
    pub fn new(compiled: Compiled, signature: usize, inputs: usize, outputs: usize) -> Self {
        let spare = (0..inputs + outputs).map(|_| None).collect();
        Self {
            compiled,
            signature,
            planned: Vec::new(),
            outputs: vec![Vec::new(); outputs],
            spare,
            copied: 0,
        }
    }

    /// What ends a run.
    pub fn stop(&self) -> Arc<Stop> {
        self.compiled.stop.clone()
    }

    /// Plans memory for inputs of these shapes. Answers the shapes of all outputs.
    pub fn plan(&mut self, inputs: &[&[usize]]) -> Result<&[Vec<usize>], NnError> {
        if self.planned.iter().map(Vec::as_slice).ne(inputs.iter().copied()) {
            self.planned.clear();
            self.outputs = self.resize(inputs)?;
            self.planned = inputs.iter().map(|shape| shape.to_vec()).collect();
        }
        Ok(&self.outputs)
    }

    /// Runs the model. Lengths, types, shapes and alignment of `inputs` have been checked.
    pub fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        outputs: &mut [OutputBuf<'_>],
        infos: &[TensorInfo],
    ) -> Result<(), NnError> {
        self.compiled.stop.clear();
        let shapes: Vec<&[usize]> = inputs.iter().map(|view| view.shape).collect();
        self.plan(&shapes)?;
        self.check_room(outputs, infos)?;
        let mut lent_inputs = Vec::with_capacity(inputs.len());
        for (number, view) in inputs.iter().enumerate() {
            lent_inputs.push(self.lend_input(number, view)?);
        }
        let (lent_outputs, places) = self.lend_outputs(outputs, infos)?;
        self.call(&lent_inputs, &lent_outputs)?;
        if self.layouts(false)? != self.outputs {
            return Err(failed("running the model", "the size of an output is known only after a run"));
        }
        self.deliver(outputs, &places);
        Ok(())
    }

    /// Runs the model once on zeros. Answers the first output that was written elsewhere than where it was wanted: one
    /// whose size the run itself decides. The library does not say so.
    pub fn stray_output(
        &mut self,
        inputs: &[TensorInfo],
        shapes: &[&[usize]],
        infos: &[TensorInfo],
    ) -> Result<Option<usize>, NnError> {
        self.plan(shapes)?;
        // The library lends no empty memory; an output without elements has no size yet.
        let empty = infos
            .iter()
            .enumerate()
            .position(|(number, info)| self.output_len(number, info).is_ok_and(|len| len == 0));
        if empty.is_some() {
            return Ok(empty);
        }
        // Two fillings: an output can happen to look like one of them.
        let first = self.untouched(inputs, shapes, infos, 0xA5)?;
        if !first.contains(&true) {
            return Ok(None);
        }
        let second = self.untouched(inputs, shapes, infos, 0x5A)?;
        Ok(first.into_iter().zip(second).position(|(first, second)| first && second))
    }

    /// For each output whether a run leaves the memory that it was given as it was, or has nothing to write.
    fn untouched(
        &mut self,
        inputs: &[TensorInfo],
        shapes: &[&[usize]],
        infos: &[TensorInfo],
        filling: u8,
    ) -> Result<Vec<bool>, NnError> {
        let mut lent = Vec::with_capacity(inputs.len());
        for (number, (info, &shape)) in inputs.iter().zip(shapes).enumerate() {
            let len =
                tensor::byte_len(info.dtype, shape).ok_or_else(|| failed("an input", "it is too large"))?;
            let zeros = self.spare(number, len + READ_BEHIND, Some(0))?;
            // SAFETY: memory of this runner, with so many bytes.
            lent.push(unsafe { self.lend(zeros.as_ptr(), len, info.dtype, shape) }?);
        }
        for (number, info) in infos.iter().enumerate() {
            self.spare(inputs.len() + number, self.output_len(number, info)?, Some(filling))?;
        }
        let (outputs, places) = self.lend_outputs(&mut [], infos)?;
        self.call(&lent, &outputs)?;
        let untouched = |(number, place): (usize, &Option<NonNull<u8>>)| {
            let len = self.output_len(number, &infos[number]).unwrap_or(0);
            // SAFETY: memory of this runner, with so many bytes.
            let written = place.map(|place| unsafe { std::slice::from_raw_parts(place.as_ptr(), len) });
            written.is_none_or(|written| written.iter().all(|&byte| byte == filling))
        };
        Ok(places.iter().enumerate().map(untouched).collect())
    }

    fn output_len(&self, number: usize, info: &TensorInfo) -> Result<usize, NnError> {
        let len = tensor::byte_len(info.dtype, &self.outputs[number]);
        len.ok_or_else(|| failed("an output", "it is too large"))
    }

    fn resize(&self, inputs: &[&[usize]]) -> Result<Vec<Vec<usize>>, NnError> {
        let Compiled { model, source, .. } = &self.compiled;
        for (number, shape) in inputs.iter().enumerate() {
            let dims = dims(shape)?;
            // SAFETY: the model lives; the dimensions are read during the call.
            let status = unsafe {
                (source.api.resize_input)(model.ptr(), self.signature, number, dims.as_ptr(), dims.len())
            };
            // Shapes that cannot change are refused even when they do not; a wrong one fails below.
            if status != 0 {
                tracing::trace!(number, status, "the input keeps its shape");
            }
        }
        self.layouts(true)
    }

    /// Shapes of the outputs, after memory has been planned anew if `plan`.
    pub fn layouts(&self, plan: bool) -> Result<Vec<Vec<usize>>, NnError> {
        let Compiled { model, source, .. } = &self.compiled;
        let mut layouts = vec![Layout::default(); self.outputs.len()];
        // SAFETY: the model lives and has so many outputs; there is room for them.
        let status = unsafe {
            (source.api.output_layouts)(
                model.ptr(),
                self.signature,
                layouts.len(),
                layouts.as_mut_ptr(),
                plan,
            )
        };
        self.outcome("planning memory", status)?;
        layouts.iter().map(shape).collect()
    }

    fn check_room(&self, outputs: &mut [OutputBuf<'_>], infos: &[TensorInfo]) -> Result<(), NnError> {
        let actual = |(info, shape): (&TensorInfo, &Vec<usize>)| TensorInfo {
            shape: shape.iter().copied().map(Some).collect(),
            ..info.clone()
        };
        let actual: Vec<TensorInfo> = infos.iter().zip(&self.outputs).map(actual).collect();
        tensor::check_room(outputs, &actual)
    }

    fn lend_input(&mut self, number: usize, view: &TensorView<'_>) -> Result<Owned, NnError> {
        let mut data = view.data.as_ptr();
        if !data.addr().is_multiple_of(ALIGNMENT) || !may_be_read_behind(view.data) {
            let spare = self.spare(number, view.data.len() + READ_BEHIND, None)?;
            // SAFETY: `spare` has more bytes than that and is memory of its own.
            unsafe { spare.as_ptr().copy_from_nonoverlapping(data, view.data.len()) };
            data = spare.as_ptr();
            self.copied += view.data.len() as u64;
        }
        // SAFETY: the library only reads inputs; the view and `spare` outlive the run.
        unsafe { self.lend(data.cast_mut(), view.data.len(), view.dtype, view.shape) }
    }

    /// Memory for all outputs, also for those that nobody asked for; and which of them have to be copied.
    #[allow(clippy::type_complexity, reason = "two parallel lists")]
    fn lend_outputs(
        &mut self,
        outputs: &mut [OutputBuf<'_>],
        infos: &[TensorInfo],
    ) -> Result<(Vec<Owned>, Vec<Option<NonNull<u8>>>), NnError> {
        let (mut lent, mut places) = (Vec::with_capacity(infos.len()), Vec::with_capacity(infos.len()));
        for (number, info) in infos.iter().enumerate() {
            let shape = self.outputs[number].clone();
            let len =
                tensor::byte_len(info.dtype, &shape).ok_or_else(|| failed("an output", "it is too large"))?;
            let room = outputs.get_mut(number).and_then(|buffer| buffer.data.get_mut(..len));
            let place = room.map(<[u8]>::as_mut_ptr).filter(|place| place.addr().is_multiple_of(ALIGNMENT));
            let (data, spare) = match place {
                Some(data) => (data, None),
                None => {
                    let spare = self.spare(self.planned.len() + number, len, None)?;
                    (spare.as_ptr(), Some(spare))
                }
            };
            // SAFETY: `len` bytes, borrowed mutably until the run is over or memory of this runner.
            lent.push(unsafe { self.lend(data, len, info.dtype, &shape) }?);
            places.push(spare);
        }
        Ok((lent, places))
    }

    fn deliver(&mut self, outputs: &mut [OutputBuf<'_>], places: &[Option<NonNull<u8>>]) {
        for (buffer, place) in outputs.iter_mut().zip(places) {
            if let Some(place) = place {
                let room = &mut buffer.data[..buffer.len];
                // SAFETY: the spare memory has `len` bytes, which the run has written; `room` is somebody else's.
                unsafe { room.as_mut_ptr().copy_from_nonoverlapping(place.as_ptr(), room.len()) };
                self.copied += room.len() as u64;
            }
        }
    }

    /// Memory of at least `len` bytes for tensor `number`; kept for the next run, and filled if a filling is given.
    fn spare(&mut self, number: usize, len: usize, filling: Option<u8>) -> Result<NonNull<u8>, NnError> {
        let slot = &mut self.spare[number];
        let first = match slot {
            Some(memory) if memory.layout.size() >= len => memory.first,
            _ => slot.insert(Aligned::new(len)?).first,
        };
        if let Some(filling) = filling {
            // SAFETY: it has at least `len` bytes.
            unsafe { first.as_ptr().write_bytes(filling, len) };
        }
        Ok(first)
    }

    /// Bytes of inputs and outputs copied since this was last asked.
    pub fn take_bytes_copied(&mut self) -> u64 {
        std::mem::take(&mut self.copied)
    }

    /// Gives the memory back that was needed only once.
    pub fn tidy(&mut self) {
        self.spare.iter_mut().for_each(|slot| *slot = None);
    }

    /// # Safety
    /// `data` is aligned, and valid for `len` bytes until the last run with the result, for writes too if it is an
    /// output.
    unsafe fn lend(
        &self,
        data: *mut u8,
        len: usize,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Owned, NnError> {
        let api = self.compiled.source.api;
        let mut layout = Layout { rank: u32::try_from(shape.len()).unwrap_or(u32::MAX), ..Layout::default() };
        let dims = dims(shape)?;
        let room = layout
            .dims
            .get_mut(..dims.len())
            .ok_or_else(|| failed("a tensor", "it has too many dimensions"))?;
        room.copy_from_slice(&dims);
        let kind = TensorType { element: element_type(dtype), layout };
        Owned::new("lending memory", api.destroy_buffer, |place| {
            // SAFETY: the type is copied; no deallocator, the memory stays its owner's.
            unsafe { (api.lend_buffer)(&kind, data.cast(), len, None, place) }
        })
    }

    fn call(&self, inputs: &[Owned], outputs: &[Owned]) -> Result<(), NnError> {
        let handles = |list: &[Owned]| list.iter().map(Owned::ptr).collect::<Vec<_>>();
        let (inputs, outputs) = (handles(inputs), handles(outputs));
        let Compiled { model, source, .. } = &self.compiled;
        // SAFETY: model and buffers live; the model has so many inputs and outputs. No other thread uses it: the
        // caller holds the session mutably.
        let status = unsafe {
            (source.api.run)(
                model.ptr(),
                self.signature,
                inputs.len(),
                inputs.as_ptr(),
                outputs.len(),
                outputs.as_ptr(),
            )
        };
        self.outcome("running the model", status)
    }

    /// Success, or the library's own words.
    fn outcome(&self, what: &str, status: c_int) -> Result<(), NnError> {
        if status == 0 {
            return Ok(());
        }
        match complaints(self.compiled.source.api, &self.compiled.model) {
            Some(said) => Err(failed(what, &said)),
            None => check(what, status),
        }
    }
}

fn dims(shape: &[usize]) -> Result<Vec<c_int>, NnError> {
    let dims = shape.iter().map(|&dim| c_int::try_from(dim)).collect::<Result<Vec<_>, _>>();
    dims.map_err(|_| NnError::Input("a dimension is too large".into()))
}

fn shape(layout: &Layout) -> Result<Vec<usize>, NnError> {
    let rank = usize::try_from(layout.rank & 0x7f).unwrap_or(usize::MAX);
    let dims = layout.dims.get(..rank).ok_or_else(|| failed("an output", "it has too many dimensions"))?;
    dims.iter()
        .map(|&dim| usize::try_from(dim).map_err(|_| failed("an output", "its size is not known")))
        .collect()
}

/// `LiteRtElementType`.
fn element_type(dtype: DType) -> c_int {
    match dtype {
        DType::F32 => 1,
        DType::I32 => 2,
        DType::U8 => 3,
        DType::I64 => 4,
        DType::I8 => 9,
        DType::F16 => 10,
    }
}

/// Whether a read of a few bytes behind `data` meets memory. It does inside a page; at its end the system is asked.
fn may_be_read_behind(data: &[u8]) -> bool {
    let end = data.as_ptr().addr() + data.len();
    let in_page = end % PAGE;
    if data.is_empty() || (in_page != 0 && in_page <= PAGE - READ_BEHIND) {
        return true;
    }
    let next_page = end.next_multiple_of(PAGE);
    let mut byte = 0_u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: std::ptr::without_provenance_mut(next_page), iov_len: 1 };
    // SAFETY: a read of this process' own memory by the system, which answers an error where there is none.
    unsafe { libc::process_vm_readv(libc::getpid(), &here, 1, &there, 1, 0) == 1 }
}

/// Zeroed memory at an address that the library accepts.
struct Aligned {
    first: NonNull<u8>,
    layout: Allocation,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Aligned {}

impl Aligned {
    fn new(len: usize) -> Result<Self, NnError> {
        let layout = Allocation::from_size_align(len.max(1), ALIGNMENT);
        let layout = layout.map_err(|_| failed("a tensor", "it is too large"))?;
        // SAFETY: at least one byte.
        let first = NonNull::new(unsafe { alloc_zeroed(layout) });
        Ok(Self { first: first.ok_or_else(|| failed("a tensor", "there is not enough memory"))?, layout })
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { dealloc(self.first.as_ptr(), self.layout) };
    }
}
