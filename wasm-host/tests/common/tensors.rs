//! Running a model on tensors that the test owns.

use std::sync::Arc;

use edgevision_wasm_host::nn::{DType, Model, NnError, OutputBuf, Session, TensorView};

/// Bytes at an address that suits every element type.
#[derive(Clone)]
pub struct Aligned {
    words: Vec<u64>,
    len: usize,
}

impl Aligned {
    pub fn new(bytes: &[u8]) -> Self {
        let mut aligned = Self { words: vec![0; bytes.len().div_ceil(8)], len: bytes.len() };
        aligned.bytes_mut().copy_from_slice(bytes);
        aligned
    }
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }
}

/// A tensor of its own.
#[derive(Clone)]
pub struct Tensor {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub data: Aligned,
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        (self.dtype, &self.shape, self.data.bytes()) == (other.dtype, &other.shape, other.data.bytes())
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?} {:?}", self.dtype, self.shape, self.data.bytes())
    }
}

impl Tensor {
    pub fn new(dtype: DType, shape: &[usize], bytes: &[u8]) -> Self {
        Self { dtype, shape: shape.to_vec(), data: Aligned::new(bytes) }
    }
    pub fn of<T: bytemuck::NoUninit>(dtype: DType, shape: &[usize], elements: &[T]) -> Self {
        Self::new(dtype, shape, bytemuck::cast_slice(elements))
    }
    pub fn f32(shape: &[usize], elements: &[f32]) -> Self {
        Self::of(DType::F32, shape, elements)
    }
    pub fn view(&self) -> TensorView<'_> {
        TensorView { dtype: self.dtype, shape: &self.shape, data: self.data.bytes() }
    }
    pub fn floats(&self) -> Vec<f32> {
        assert_eq!(self.dtype, DType::F32);
        bytemuck::pod_collect_to_vec(self.data.bytes())
    }
}

/// Room for an output whose size is not known beforehand.
const ROOM: usize = 4096;

/// Runs a session; the first `wanted` outputs.
pub fn run_session(
    session: &mut dyn Session,
    model: &dyn Model,
    inputs: &[Tensor],
    wanted: usize,
) -> Result<Vec<Tensor>, NnError> {
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    let room = |index: usize| model.outputs()[index].byte_len().unwrap_or(ROOM);
    let mut rooms: Vec<Aligned> = (0..wanted).map(|index| Aligned::new(&vec![0xcd; room(index)])).collect();
    let mut outputs: Vec<_> = rooms
        .iter_mut()
        .map(|room| OutputBuf { data: room.bytes_mut(), dtype: DType::U8, shape: vec![], len: usize::MAX })
        .collect();
    session.run(&views, &mut outputs)?;
    Ok(outputs.iter().map(|out| Tensor::new(out.dtype, &out.shape, &out.data[..out.len])).collect())
}

/// Runs a model in a session of its own; all outputs.
pub fn run(model: &Arc<dyn Model>, inputs: &[Tensor]) -> Result<Vec<Tensor>, NnError> {
    let mut session = model.clone().session()?;
    run_session(&mut *session, &**model, inputs, model.outputs().len())
}
