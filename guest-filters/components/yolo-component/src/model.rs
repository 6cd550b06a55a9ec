//! The job's model behind `wasi:nn`, as the SDK's [`Infer`].

use edgevision_sdk::{Context, Infer, Output, TensorRef};

use crate::bindings::wasi::nn::{
    errors::Error, graph::load_by_name, inference::GraphExecutionContext, tensor::Tensor,
};

/// Its execution context, and the tensor of the frame that is being looked at.
pub struct Model {
    context: GraphExecutionContext,
    input: String,
    lent: Option<Tensor>,
}

impl Model {
    /// Loads the job's model by the name that every job knows.
    pub fn load(context: &Context) -> Result<Self, String> {
        let inputs = context.model.as_ref().map(|model| &model.inputs[..]).unwrap_or_default();
        let [input] = inputs else {
            return Err(format!("the model has {} inputs, this detector feeds one", inputs.len()));
        };
        let graph = load_by_name("model").map_err(sentence)?;
        let context = graph.init_execution_context().map_err(sentence)?;
        Ok(Self { context, input: input.name.clone(), lent: None })
    }

    /// What the next inference reads.
    pub fn lend(&mut self, tensor: Tensor) {
        self.lent = Some(tensor);
    }
}

impl Infer for Model {
    /// Runs the model on the tensor that was lent; `inputs` says only what it is.
    fn infer(&mut self, _inputs: &[TensorRef], outputs: &mut [Output]) -> Result<(), String> {
        let tensor = self.lent.take().ok_or("the tensor of a frame can be used once")?;
        let results = self.context.compute(vec![(self.input.clone(), tensor)]).map_err(sentence)?;
        outputs.iter_mut().zip(results).try_for_each(|(output, (_, tensor))| read(&tensor, output))
    }
}

fn read(tensor: &Tensor, output: &mut Output) -> Result<(), String> {
    let bytes = tensor.data();
    if output.room().len() < bytes.len() {
        *output = Output::with_capacity(bytes.len());
    }
    output.room()[..bytes.len()].copy_from_slice(&bytes);
    output.set(crate::dtype(tensor.ty())?, &tensor.dimensions())
}

fn sentence(error: Error) -> String {
    error.data()
}
