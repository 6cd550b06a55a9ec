//! What a model is fed with, and room for what it answers.

use edgevision_wasm_host::nn::{DType, Model, NnError, OutputBuf, Session, TensorInfo, TensorView, byte_len};
use half::f16;

use super::difference::{Output, Outputs};

/// Bytes at an address that every engine takes in place.
pub(super) struct Bytes {
    room: Vec<u8>,
    start: usize,
    len: usize,
}

const ALIGN: usize = 64;

impl Bytes {
    fn zeroed(len: usize) -> Self {
        let room = vec![0; len + ALIGN];
        let start = room.as_ptr().align_offset(ALIGN).min(ALIGN);
        Self { room, start, len }
    }
    fn get(&self) -> &[u8] {
        &self.room[self.start..self.start + self.len]
    }
    fn get_mut(&mut self) -> &mut [u8] {
        &mut self.room[self.start..self.start + self.len]
    }
}

/// An input and its values.
pub(super) struct Input {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Bytes,
}

/// Noise for each input, the same in every run. An open first dimension, the batch, is one.
pub(super) fn inputs(model: &dyn Model, shapes: &[(String, Vec<usize>)]) -> Result<Vec<Input>, String> {
    if let Some((name, _)) =
        shapes.iter().find(|(name, _)| model.inputs().iter().all(|info| info.name != *name))
    {
        let known: Vec<&str> = model.inputs().iter().map(|info| info.name.as_str()).collect();
        return Err(format!("the model has no input `{name}`; it has {}", known.join(", ")));
    }
    model.inputs().iter().map(|info| input(info, shapes)).collect()
}

fn input(info: &TensorInfo, shapes: &[(String, Vec<usize>)]) -> Result<Input, String> {
    let given = shapes.iter().find(|(name, _)| *name == info.name).map(|(_, dims)| dims.clone());
    let shape = given.or_else(|| closed(&info.shape)).ok_or_else(|| {
        format!("the model's input {info} has open dimensions; say which: --input {}=1x3x640x640", info.name)
    })?;
    let len = byte_len(info.dtype, &shape).ok_or_else(|| format!("the input {} is too large", info.name))?;
    let mut bytes = Bytes::zeroed(len);
    noise(info.dtype, bytes.get_mut());
    Ok(Input { dtype: info.dtype, shape, bytes })
}

fn closed(shape: &[Option<usize>]) -> Option<Vec<usize>> {
    let dim = |(index, dim): (usize, &Option<usize>)| dim.or((index == 0).then_some(1));
    shape.iter().enumerate().map(dim).collect()
}

/// Floats from 0 to 1, bytes of all values, small counts for the other integers.
fn noise(dtype: DType, bytes: &mut [u8]) {
    let mut random = fastrand::Rng::with_seed(416);
    for element in bytes.chunks_exact_mut(dtype.size()) {
        match dtype {
            DType::F32 => element.copy_from_slice(&random.f32().to_le_bytes()),
            DType::F16 => element.copy_from_slice(&f16::from_f32(random.f32()).to_le_bytes()),
            DType::U8 | DType::I8 => element.fill(random.u8(..)),
            DType::I32 | DType::I64 => element[0] = random.u8(..2),
        }
    }
}

/// Room for all outputs of a model.
pub(super) struct Room(Vec<Bytes>);

impl Room {
    /// As large as one run on `inputs` needs.
    pub fn new(model: &dyn Model, session: &mut dyn Session, inputs: &[Input]) -> Result<Self, NnError> {
        let known = |info: &TensorInfo| Bytes::zeroed(info.byte_len().unwrap_or(0));
        let mut room = Self(model.outputs().iter().map(known).collect());
        // Open dimensions are known only after a run, and there may be several such outputs.
        for _ in 0..=model.outputs().len() {
            let (outcome, lens) = room.try_run(session, inputs);
            match outcome {
                Err(NnError::OutputTooSmall { .. }) => {
                    for (bytes, len) in room.0.iter_mut().zip(lens).filter(|(bytes, len)| bytes.len < *len) {
                        *bytes = Bytes::zeroed(len);
                    }
                }
                other => return other.map(|()| room),
            }
        }
        Err(NnError::Engine("the outputs change their size from run to run".into()))
    }

    pub fn run(&mut self, session: &mut dyn Session, inputs: &[Input]) -> Result<(), NnError> {
        self.try_run(session, inputs).0
    }

    fn try_run(&mut self, session: &mut dyn Session, inputs: &[Input]) -> (Result<(), NnError>, Vec<usize>) {
        let views = views(inputs);
        let mut outputs = buffers(&mut self.0);
        let outcome = session.run(&views, &mut outputs);
        (outcome, outputs.iter().map(|output| output.len).collect())
    }

    /// Runs once more and takes the outputs as numbers.
    pub fn outputs(&mut self, session: &mut dyn Session, inputs: &[Input]) -> Result<Outputs, NnError> {
        let views = views(inputs);
        let mut outputs = buffers(&mut self.0);
        session.run(&views, &mut outputs)?;
        let one = |output: &OutputBuf<'_>| Output {
            shape: output.shape.clone(),
            values: output.data[..output.len]
                .chunks_exact(output.dtype.size())
                .map(|e| number(output.dtype, e))
                .collect(),
        };
        Ok(Outputs(outputs.iter().map(one).collect()))
    }
}

fn views(inputs: &[Input]) -> Vec<TensorView<'_>> {
    inputs.iter().map(|i| TensorView { dtype: i.dtype, shape: &i.shape, data: i.bytes.get() }).collect()
}

fn buffers(room: &mut [Bytes]) -> Vec<OutputBuf<'_>> {
    let data = room.iter_mut().map(Bytes::get_mut);
    data.map(|data| OutputBuf { data, dtype: DType::F32, shape: Vec::new(), len: 0 }).collect()
}

#[allow(clippy::cast_precision_loss, reason = "only compared with each other")]
fn number(dtype: DType, element: &[u8]) -> Option<f64> {
    fn word<const N: usize>(element: &[u8]) -> [u8; N] {
        element.try_into().unwrap_or([0; N])
    }
    let number = match dtype {
        DType::F32 => f64::from(f32::from_le_bytes(word(element))),
        DType::F16 => f16::from_le_bytes(word(element)).to_f64(),
        DType::U8 => f64::from(u8::from_le_bytes(word(element))),
        DType::I8 => f64::from(i8::from_le_bytes(word(element))),
        DType::I32 => f64::from(i32::from_le_bytes(word(element))),
        DType::I64 => i64::from_le_bytes(word(element)) as f64,
    };
    number.is_finite().then_some(number)
}

/// `images=1x3x640x640`.
pub(super) fn shape(text: &str) -> Result<(String, Vec<usize>), String> {
    let wrong = || format!("`{text}` is not NAME=DIMS, such as images=1x3x640x640");
    let (name, dims) = text.rsplit_once('=').ok_or_else(wrong)?;
    let dims = dims.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>().map_err(|_| wrong())?;
    Ok((name.to_owned(), dims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        assert_eq!(shape("images=1x3x64x80").unwrap(), ("images".to_owned(), vec![1, 3, 64, 80]));
        for wrong in ["images", "images=1x", "images=1,3", "images=-1x3"] {
            assert!(shape(wrong).unwrap_err().contains("images=1x3x640x640"), "{wrong}");
        }
    }

    #[test]
    fn only_the_batch_may_be_open() {
        assert_eq!(closed(&[None, Some(3), Some(4)]), Some(vec![1, 3, 4]));
        assert_eq!(closed(&[Some(1), None]), None);
    }

    #[test]
    fn elements_as_numbers() {
        assert_eq!(number(DType::F32, &1.5f32.to_le_bytes()), Some(1.5));
        assert_eq!(number(DType::F32, &f32::NAN.to_le_bytes()), None);
        assert_eq!(number(DType::F16, &f16::from_f32(-2.0).to_le_bytes()), Some(-2.0));
        assert_eq!(number(DType::I8, &[0xff]), Some(-1.0));
        assert_eq!(number(DType::U8, &[0xff]), Some(255.0));
        assert_eq!(number(DType::I64, &(-5i64).to_le_bytes()), Some(-5.0));
    }
}
