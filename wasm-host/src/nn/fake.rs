//! A model for tests: answers what it is told to, counts its runs, can be slow and can fail.
//!
//! ```
//! use std::sync::Arc;
//! use edgevision_wasm_host::nn::{Model, fake::{FakeModel, FakeTensor}};
//!
//! let model = Arc::new(FakeModel::new([("images", [1, 3, 8, 8])], vec![FakeTensor::f32([1, 2], [0.5, 0.9])]));
//! assert_eq!(model.outputs()[0].shape, [Some(1), Some(2)]);
//! assert_eq!(model.runs(), 0);
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{DType, Model, ModelIdentity, NnError, OutputBuf, Session, TensorInfo, TensorView, tensor};

/// A tensor that a [`FakeModel`] answers with.
#[derive(Clone, Debug, PartialEq)]
pub struct FakeTensor {
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements, little-endian.
    pub data: Vec<u8>,
}

impl FakeTensor {
    /// A float tensor. `values` must be as many as `shape` says, or delivering it fails.
    pub fn f32(shape: impl Into<Vec<usize>>, values: impl AsRef<[f32]>) -> Self {
        Self { dtype: DType::F32, shape: shape.into(), data: bytemuck::cast_slice(values.as_ref()).to_vec() }
    }

    fn info(&self, index: usize) -> TensorInfo {
        let shape = self.shape.iter().copied().map(Some).collect();
        TensorInfo { name: format!("output{index}"), dtype: self.dtype, shape }
    }
}

type Answer = dyn Fn(usize, &[TensorView<'_>]) -> Result<Vec<FakeTensor>, NnError> + Send + Sync;

/// A model that is a function. Each session shares it and its count.
pub struct FakeModel {
    identity: ModelIdentity,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    answer: Box<Answer>,
    delay: Duration,
    runs: AtomicUsize,
}

impl FakeModel {
    /// Takes f32 inputs of these names and shapes, checks them, and always answers the same.
    pub fn new<const N: usize>(
        inputs: impl IntoIterator<Item = (&'static str, [usize; N])>,
        answer: Vec<FakeTensor>,
    ) -> Self {
        let input = |(name, shape): (&str, [usize; N])| TensorInfo {
            name: name.to_owned(),
            dtype: DType::F32,
            shape: shape.into_iter().map(Some).collect(),
        };
        Self::with_inputs(inputs.into_iter().map(input).collect(), answer)
    }

    /// The same with inputs described in full.
    pub fn with_inputs(inputs: Vec<TensorInfo>, answer: Vec<FakeTensor>) -> Self {
        let outputs = answer.iter().enumerate().map(|(index, tensor)| tensor.info(index)).collect();
        Self {
            identity: ModelIdentity { name: "fake".into(), sha256: "0".repeat(64), engine: "fake" },
            inputs,
            outputs,
            answer: Box::new(move |_, _| Ok(answer.clone())),
            delay: Duration::ZERO,
            runs: AtomicUsize::new(0),
        }
    }

    /// Answers with a function of the run's number (from 0) and the inputs. It may answer other shapes than
    /// `outputs()` says, or fail.
    pub fn answering(
        mut self,
        answer: impl Fn(usize, &[TensorView<'_>]) -> Result<Vec<FakeTensor>, NnError> + Send + Sync + 'static,
    ) -> Self {
        self.answer = Box::new(answer);
        self
    }

    /// Says these outputs, whatever it answers.
    pub fn with_outputs(mut self, outputs: Vec<TensorInfo>) -> Self {
        self.outputs = outputs;
        self
    }

    /// Takes this long for each run.
    pub fn slow(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Fails every run with [`NnError::Engine`].
    pub fn failing(self, sentence: &'static str) -> Self {
        self.answering(move |_, _| Err(NnError::Engine(sentence.to_owned())))
    }

    /// Runs that were begun with acceptable inputs.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    fn run(&self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        tensor::check_inputs(inputs, &self.inputs)?;
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(self.delay);
        let answer = (self.answer)(run, inputs)?;
        tensor::check_output_count(outputs.len(), answer.len())?;
        for (index, (buffer, tensor)) in outputs.iter_mut().zip(answer).enumerate() {
            if tensor::byte_len(tensor.dtype, &tensor.shape) != Some(tensor.data.len()) {
                return Err(NnError::Engine(format!("the fake's output {index} contradicts its shape")));
            }
            tensor::deliver(index, buffer, tensor.dtype, tensor.shape, |out| {
                out.copy_from_slice(&tensor.data)
            })?;
        }
        Ok(())
    }
}

impl Model for FakeModel {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
    fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }
    fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }
    fn session(self: Arc<Self>) -> Result<Box<dyn Session>, NnError> {
        Ok(Box::new(FakeSession(self)))
    }
}

struct FakeSession(Arc<FakeModel>);

impl Session for FakeSession {
    fn run(&mut self, inputs: &[TensorView<'_>], outputs: &mut [OutputBuf<'_>]) -> Result<(), NnError> {
        self.0.run(inputs, outputs)
    }
    /// It stands for an engine that copies nothing: its answers are made where they are wanted.
    fn take_bytes_copied(&mut self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(model: &Arc<FakeModel>, input: &[f32], room: usize) -> Result<Vec<f32>, NnError> {
        let mut data = vec![0u8; room];
        let view = TensorView { dtype: DType::F32, shape: &[2], data: bytemuck::cast_slice(input) };
        let mut outputs = [OutputBuf { data: &mut data, dtype: DType::U8, shape: vec![], len: 0 }];
        model.clone().session()?.run(&[view], &mut outputs)?;
        let len = outputs[0].len;
        Ok(bytemuck::pod_collect_to_vec(&data[..len]))
    }

    #[test]
    fn answers_counts_and_fails() {
        let sum = FakeModel::new([("x", [2])], vec![FakeTensor::f32([1], [0.0])]).answering(|run, inputs| {
            let values: &[f32] = bytemuck::cast_slice(inputs[0].data);
            let sum: f32 = values.iter().sum();
            if run == 2 {
                Err(NnError::Engine("third run".into()))
            } else {
                Ok(vec![FakeTensor::f32([1], [sum])])
            }
        });
        let model = Arc::new(sum);
        assert_eq!(run(&model, &[1.0, 2.0], 4).unwrap(), [3.0]);
        assert!(matches!(run(&model, &[1.0, 2.0], 3), Err(NnError::OutputTooSmall { needed: 4, .. })));
        assert_eq!(run(&model, &[1.0, 2.0], 4).unwrap_err().to_string(), "third run");
        assert!(matches!(run(&model, &[1.0], 4), Err(NnError::Input(_))));
        assert_eq!(model.runs(), 3);
    }
}
