//! The job's model as a backend of `wasmtime-wasi-nn`.
//!
//! All objects that a guest makes of it share the [`Desk`] of its instance: no lock is shared between instances, so
//! that no worker ever waits for another one.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use wasmtime::bail;
use wasmtime_wasi_nn::{
    Backend, ExecutionContext, Graph, GraphRegistry, Tensor,
    backend::{
        BackendError, BackendExecutionContext, BackendFromDir, BackendGraph, BackendInner, Id, NamedTensor,
    },
    wit::{ExecutionTarget, GraphEncoding, TensorType},
};

use crate::{
    nn::{self, DType, Model, NnError, OutputBuf, Session, TensorInfo, TensorView},
    text,
};

/// The name under which a component can load the job's model without knowing which it is.
const MODEL_ALIAS: &str = "model";
/// Longest model name that is answered. The crate logs and keeps the names that it does not find.
const MAX_NAME: usize = 256;
/// Most buffers that wait for the next frame.
const MAX_SPARE: usize = 8;
/// Most refusals in one call; the crate logs each.
const MAX_REFUSALS: usize = 16;

/// The model of an instance, its session, and the accounts of the running call.
pub(crate) struct Desk {
    model: Option<Arc<dyn Model>>,
    /// Absent before the first inference and while one runs.
    session: Mutex<Option<Box<dyn Session>>>,
    books: Mutex<Books>,
    /// Buffers of tensors that are gone, for the next frame: fresh memory costs more than the copy into it.
    spare: Mutex<Vec<Vec<u8>>>,
    /// Most bytes of tensors that the host holds for the guest.
    room: usize,
}

#[derive(Default)]
struct Books {
    held: usize,
    refusals: usize,
    /// An abuse that spoils the call even if the guest returns success.
    violation: Option<String>,
    /// Why the last inference failed; the interface has no place for a sentence.
    reason: Option<String>,
    inference: Duration,
    bytes_copied: u64,
    /// When the running call's time is up.
    deadline: Option<Instant>,
}

/// What one call has used.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    pub(crate) violation: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) inference: Duration,
    pub(crate) bytes_copied: u64,
}

impl Desk {
    pub(super) fn new(model: Option<Arc<dyn Model>>, session: Option<Box<dyn Session>>, room: usize) -> Self {
        Self { model, session: Mutex::new(session), books: Mutex::default(), spare: Mutex::default(), room }
    }

    /// A call begins, which may take until then.
    pub(crate) fn begin(&self, deadline: Option<Instant>) {
        self.books().deadline = deadline;
    }

    /// Takes note of bytes that the host is going to hold.
    pub(crate) fn hold(&self, bytes: usize) -> wasmtime::Result<()> {
        let mut books = self.books();
        let (held, room) = (books.held.saturating_add(bytes), self.room);
        if held > room {
            bail!("holds tensors of {held} bytes, the memory limit is {room}");
        }
        books.held = held;
        Ok(())
    }

    pub(crate) fn release(&self, bytes: usize) {
        let mut books = self.books();
        books.held = books.held.saturating_sub(bytes);
    }

    /// A buffer of so many bytes, with anything in it.
    pub(crate) fn buffer(&self, len: usize) -> Vec<u8> {
        let mut spare = self.spare();
        let fitting =
            spare.iter().position(|buffer| (len..=len.saturating_mul(2)).contains(&buffer.capacity()));
        let mut buffer = fitting.map(|index| spare.swap_remove(index)).unwrap_or_default();
        buffer.resize(len, 0);
        buffer
    }

    /// Takes a buffer that nobody needs any more. What is kept is never more than what may be held.
    pub(crate) fn recycle(&self, buffer: Vec<u8>) {
        let mut spare = self.spare();
        if spare.len() >= MAX_SPARE {
            spare.remove(0);
        }
        let kept: usize = spare.iter().map(Vec::capacity).sum();
        if kept.saturating_add(buffer.capacity()) <= self.room {
            spare.push(buffer);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // Nothing that can panic runs under this lock.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn copied(&self, bytes: usize) {
        self.books().bytes_copied += bytes as u64;
    }

    /// True when the running call has to end.
    pub(super) fn is_abused(&self) -> bool {
        self.books().violation.is_some()
    }

    /// What the call that is over has used; the next one starts at nothing.
    pub(crate) fn settle(&self) -> Bill {
        let mut books = self.books();
        let held = books.held;
        let Books { violation, reason, inference, bytes_copied, .. } =
            std::mem::replace(&mut *books, Books { held, ..Books::default() });
        Bill { violation, reason, inference, bytes_copied }
    }

    /// The session, for the instance that comes after this one.
    pub(crate) fn take_session(&self) -> Option<Box<dyn Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing that can panic runs under this lock.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, reason: String) -> BackendError {
        let mut books = self.books();
        books.count_refusal();
        let error = wasmtime::Error::msg(reason.clone());
        books.reason = Some(reason);
        BackendError::BackendAccess(error)
    }

    fn knows(&self, name: &str) -> bool {
        self.model.as_ref().is_some_and(|model| name == MODEL_ALIAS || name == model.identity().name)
    }

    /// Runs the model on tensors that go back to nobody.
    fn compute(&self, given: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, String> {
        let model = self.model.clone().ok_or("this job has no model")?;
        let bytes: usize = given.iter().map(|named| named.tensor.data.len()).sum();
        let session = self.take_session();
        let session = session.map_or_else(|| model.clone().session().map_err(|e| e.to_string()), Ok)?;
        let outcome = self.run(&*model, session, &given);
        self.release(bytes);
        given.into_iter().for_each(|named| self.recycle(named.tensor.data));
        outcome
    }

    /// A session that panicked is not used again.
    fn run(
        &self,
        model: &dyn Model,
        mut session: Box<dyn Session>,
        given: &[NamedTensor],
    ) -> Result<Vec<NamedTensor>, String> {
        let work = AssertUnwindSafe(|| infer(self, model, &mut *session, given));
        let outcome =
            std::panic::catch_unwind(work).map_err(|_| "the inference engine panicked".to_owned())?;
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        outcome
    }
}

impl Books {
    fn count_refusal(&mut self) {
        self.refusals += 1;
        if self.refusals > MAX_REFUSALS {
            let text =
                format!("was refused by the model interface more than {MAX_REFUSALS} times in one call");
            self.violation.get_or_insert(text);
        }
    }
}

/// What is known of an input before it is borrowed: its type and dimensions, and its bytes.
struct Input<'a> {
    dtype: DType,
    dims: Vec<usize>,
    data: &'a [u8],
    /// The bytes again if they do not lie as elements of this type have to.
    aligned: Option<Vec<u64>>,
}

impl<'a> Input<'a> {
    fn new(tensor: &'a Tensor, wanted: &TensorInfo) -> Result<Self, String> {
        let dtype = input_type(tensor.ty, wanted).ok_or_else(|| {
            let name = text::clean(wanted.name.as_bytes());
            format!("the input `{name}` is given as {}, no engine takes it", foreign(tensor.ty))
        })?;
        let data = &tensor.data[..];
        let crooked = !data.as_ptr().addr().is_multiple_of(dtype.size());
        let aligned = crooked.then(|| {
            let mut words = vec![0_u64; data.len().div_ceil(size_of::<u64>())];
            bytemuck::cast_slice_mut(&mut words)[..data.len()].copy_from_slice(data);
            words
        });
        let dims = tensor.dimensions.iter().map(|&dim| dim as usize).collect();
        Ok(Self { dtype, dims, data, aligned })
    }

    fn view(&self) -> TensorView<'_> {
        let data =
            self.aligned.as_ref().map_or(self.data, |words| &bytemuck::cast_slice(words)[..self.data.len()]);
        TensorView { dtype: self.dtype, shape: &self.dims, data }
    }
}

/// Runs the model into buffers of our own, again with larger ones when a shape is known only afterwards.
fn infer(
    desk: &Desk,
    model: &dyn Model,
    session: &mut dyn Session,
    given: &[NamedTensor],
) -> Result<Vec<NamedTensor>, String> {
    let inputs = in_order(model, given)?;
    let views: Vec<TensorView<'_>> = inputs.iter().map(Input::view).collect();
    let mut sizes: Vec<usize> = model.outputs().iter().map(|info| info.byte_len().unwrap_or(0)).collect();
    for last in [false, true] {
        let mut rooms = make_room(desk, &sizes)?;
        let mut buffers: Vec<OutputBuf<'_>> = rooms
            .iter_mut()
            .zip(model.outputs())
            .map(|(data, info)| OutputBuf { data, dtype: info.dtype, shape: vec![], len: 0 })
            .collect();
        let start = Instant::now();
        let deadline = desk.books().deadline;
        let outcome = nn::run_until(deadline, session, &views, &mut buffers);
        desk.books().inference += start.elapsed();
        let written: Vec<_> = buffers.into_iter().map(|b| (b.dtype, b.shape, b.len)).collect();
        match outcome {
            Ok(()) => return deliver(desk, model, rooms, written),
            Err(NnError::OutputTooSmall { .. }) if !last => {
                sizes.iter().for_each(|&size| desk.release(size));
                sizes = sizes.iter().zip(written).map(|(&had, (.., needed))| needed.max(had)).collect();
            }
            Err(error) => {
                sizes.iter().for_each(|&size| desk.release(size));
                return Err(error.to_string());
            }
        }
    }
    Err("the engine's outputs change their size".into())
}

/// The given tensors in the model's order: by name, else by number.
fn in_order<'a>(model: &dyn Model, given: &'a [NamedTensor]) -> Result<Vec<Input<'a>>, String> {
    let infos = model.inputs();
    let is_input = |name: &str| (0..infos.len()).any(|i| names(name, i, &infos[i]));
    if let Some(stranger) = given.iter().find(|named| !is_input(&named.name)) {
        let has = infos.iter().map(|info| &info.name[..]).collect::<Vec<_>>().join(", ");
        let (name, has) = (text::clean(stranger.name.as_bytes()), text::clean(has.as_bytes()));
        return Err(format!("the model has no input `{name}`, it has {has}"));
    }
    let find = |(i, info): (usize, &TensorInfo)| {
        let named = given.iter().find(|named| names(&named.name, i, info));
        let named = named.ok_or_else(|| {
            format!("the model's input `{}` is not given", text::clean(info.name.as_bytes()))
        })?;
        Input::new(&named.tensor, info)
    };
    infos.iter().enumerate().map(find).collect()
}

fn names(name: &str, index: usize, info: &TensorInfo) -> bool {
    name == info.name || name.parse() == Ok(index)
}

fn make_room(desk: &Desk, sizes: &[usize]) -> Result<Vec<Vec<u8>>, String> {
    let total = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size));
    desk.hold(total.unwrap_or(usize::MAX)).map_err(|error| format!("the model's outputs: {error}"))?;
    Ok(sizes.iter().map(|&size| desk.buffer(size)).collect())
}

fn deliver(
    desk: &Desk,
    model: &dyn Model,
    rooms: Vec<Vec<u8>>,
    written: Vec<(DType, Vec<usize>, usize)>,
) -> Result<Vec<NamedTensor>, String> {
    let tensor = |((mut data, (dtype, shape, len)), info): ((Vec<u8>, _), &TensorInfo)| {
        let (dtype, shape, len): (DType, Vec<usize>, usize) = (dtype, shape, len);
        desk.release(data.len() - len.min(data.len()));
        data.truncate(len);
        let dims: Result<Vec<u32>, _> = shape.into_iter().map(u32::try_from).collect();
        let dims = dims.map_err(|_| {
            format!("the model's output `{}` is too large", text::clean(info.name.as_bytes()))
        })?;
        Ok(NamedTensor { name: info.name.clone(), tensor: Tensor::new(dims, type_of(dtype), data) })
    };
    rooms.into_iter().zip(written).zip(model.outputs()).map(tensor).collect()
}

/// The interface has no i8: it travels as u8 with the same bits, and the model says what they mean.
fn input_type(ty: TensorType, wanted: &TensorInfo) -> Option<DType> {
    dtype_of(ty).map(|dtype| match dtype {
        DType::U8 if wanted.dtype == DType::I8 => DType::I8,
        other => other,
    })
}

/// What a type is to the engines; none takes fp64 and bf16.
pub(crate) fn dtype_of(ty: TensorType) -> Option<DType> {
    match ty {
        TensorType::Fp32 => Some(DType::F32),
        TensorType::Fp16 => Some(DType::F16),
        TensorType::U8 => Some(DType::U8),
        TensorType::I32 => Some(DType::I32),
        TensorType::I64 => Some(DType::I64),
        TensorType::Fp64 | TensorType::Bf16 => None,
    }
}

fn foreign(ty: TensorType) -> &'static str {
    if matches!(ty, TensorType::Fp64) { "fp64" } else { "bf16" }
}

/// As [`dtype_of`], the other way.
pub(crate) fn type_of(dtype: DType) -> TensorType {
    match dtype {
        DType::F32 => TensorType::Fp32,
        DType::F16 => TensorType::Fp16,
        DType::U8 | DType::I8 => TensorType::U8,
        DType::I32 => TensorType::I32,
        DType::I64 => TensorType::I64,
    }
}

/// The one graph of a job, under its names.
pub(super) struct Shelf {
    graph: Option<(Graph, Arc<Desk>)>,
}

impl Shelf {
    pub(super) fn empty() -> Self {
        Self { graph: None }
    }

    pub(super) fn new(desk: &Arc<Desk>) -> Self {
        let graph: Box<dyn BackendGraph> = Box::new(JobModel(desk.clone()));
        Self { graph: Some((graph.into(), desk.clone())) }
    }
}

impl GraphRegistry for Shelf {
    fn get(&self, name: &str) -> Option<&Graph> {
        let (graph, desk) = self.graph.as_ref()?;
        if desk.knows(name) {
            return Some(graph);
        }
        if name.len() > MAX_NAME {
            let (len, most) = (name.len(), MAX_NAME);
            let text = format!("asked for a model by a name of {len} bytes, at most {most} are possible");
            desk.books().violation.get_or_insert(text);
            // Whatever the guest does with it, the call has failed.
            return Some(graph);
        }
        // The guest gets a sentence from the crate.
        desk.books().count_refusal();
        None
    }

    fn get_mut(&mut self, _: &str) -> Option<&mut Graph> {
        None
    }
}

struct JobModel(Arc<Desk>);

impl BackendGraph for JobModel {
    fn init_execution_context(&self) -> Result<ExecutionContext, BackendError> {
        let context: Box<dyn BackendExecutionContext> = Box::new(Context(self.0.clone()));
        Ok(context.into())
    }
}

struct Context(Arc<Desk>);

impl BackendExecutionContext for Context {
    fn set_input(&mut self, _: Id, _: &Tensor) -> Result<(), BackendError> {
        Err(self.0.refuse("components give all inputs to `compute`".into()))
    }

    fn get_output(&mut self, _: Id) -> Result<Tensor, BackendError> {
        Err(self.0.refuse("components get all outputs from `compute`".into()))
    }

    fn compute(
        &mut self,
        inputs: Option<Vec<NamedTensor>>,
    ) -> Result<Option<Vec<NamedTensor>>, BackendError> {
        let outcome = self.0.compute(inputs.unwrap_or_default());
        outcome.map(Some).map_err(|reason| self.0.refuse(reason))
    }
}

/// For every encoding one that refuses: models come from the config.
pub(super) fn backends(desk: &Arc<Desk>) -> Vec<Backend> {
    use GraphEncoding::{Autodetect, Ggml, Onnx, Openvino, Pytorch, Tensorflow, Tensorflowlite};
    let all = [Openvino, Onnx, Tensorflow, Pytorch, Tensorflowlite, Ggml, Autodetect];
    all.into_iter().map(|encoding| Backend::from(Bytes(encoding, desk.clone()))).collect()
}

struct Bytes(GraphEncoding, Arc<Desk>);

impl BackendInner for Bytes {
    fn encoding(&self) -> GraphEncoding {
        self.0
    }

    fn load(&mut self, _: &[&[u8]], _: ExecutionTarget) -> Result<Graph, BackendError> {
        Err(self.1.refuse(format!(
            "models of a component's own are not granted; load the job's with load-by-name(\"{MODEL_ALIAS}\")"
        )))
    }

    fn as_dir_loadable(&mut self) -> Option<&mut dyn BackendFromDir> {
        None
    }
}
