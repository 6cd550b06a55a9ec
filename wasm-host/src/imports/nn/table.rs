//! What a guest has handles of: graphs and execution contexts. They end with the instance; the standard has no way to
//! end one earlier.

use std::sync::Arc;

use super::{
    errno::{self, Outcome},
    tensor::Tensor,
};
use crate::{
    instance::{HostState, Inference},
    nn::Model,
};

/// Most graphs of one instance.
const MAX_GRAPHS: usize = 8;
/// Most execution contexts of one instance.
const MAX_CONTEXTS: usize = 8;

/// The graphs and execution contexts of one instance.
#[derive(Default)]
pub(crate) struct WasiNn {
    graphs: Vec<Graph>,
    contexts: Vec<Context>,
}

enum Graph {
    /// The model of the job.
    Job,
    /// A model that the guest brought, and the host memory that it is counted as.
    Own { inference: Inference, bytes: usize },
}

/// Inputs that were set and outputs that were computed.
#[derive(Default)]
pub(super) struct Context {
    pub(super) graph: usize,
    pub(super) inputs: Vec<Option<Tensor>>,
    pub(super) outputs: Vec<Tensor>,
}

impl Context {
    fn byte_len(&self) -> usize {
        self.inputs.iter().flatten().chain(&self.outputs).map(Tensor::byte_len).sum()
    }
}

impl WasiNn {
    /// Host memory that the guest has filled with models and tensors.
    fn byte_len(&self) -> usize {
        let graphs = self.graphs.iter().map(|graph| match graph {
            Graph::Job => 0,
            Graph::Own { bytes, .. } => *bytes,
        });
        graphs.chain(self.contexts.iter().map(Context::byte_len)).fold(0, usize::saturating_add)
    }

    /// The handle that the next graph would have.
    pub(super) fn next_graph(&self) -> Outcome<u32> {
        next(self.graphs.len(), MAX_GRAPHS)
    }

    /// The handle that the next context would have.
    pub(super) fn next_context(&self) -> Outcome<u32> {
        next(self.contexts.len(), MAX_CONTEXTS)
    }

    /// The handle of the job's model, known before it is added.
    pub(super) fn job_graph(&self) -> Outcome<u32> {
        match self.graphs.iter().position(|graph| matches!(graph, Graph::Job)) {
            Some(there) => next(there, MAX_GRAPHS),
            None => self.next_graph(),
        }
    }

    /// Adds the job's model if it is not there.
    pub(super) fn add_job_graph(&mut self) {
        if !self.graphs.iter().any(|graph| matches!(graph, Graph::Job)) {
            self.graphs.push(Graph::Job);
        }
    }

    pub(super) fn add_graph(&mut self, model: Arc<dyn Model>, bytes: usize) {
        let inference = Inference { model: Some(model), session: None };
        self.graphs.push(Graph::Own { inference, bytes });
    }

    pub(super) fn add_context(&mut self, graph: usize, inputs: usize) {
        let inputs = (0..inputs).map(|_| None).collect();
        self.contexts.push(Context { graph, inputs, outputs: Vec::new() });
    }

    pub(super) fn context(&mut self, handle: u32) -> Outcome<&mut Context> {
        self.contexts.get_mut(handle as usize).ok_or(errno::INVALID_ARGUMENT)
    }
}

fn next(index: usize, most: usize) -> Outcome<u32> {
    if index < most { u32::try_from(index).map_err(|_| errno::BUSY) } else { Err(errno::BUSY) }
}

/// The model behind a handle, and the way to run it.
pub(super) fn inference(state: &mut HostState, graph: usize) -> Option<&mut Inference> {
    match state.wasi_nn.graphs.get_mut(graph)? {
        Graph::Job => Some(&mut state.nn),
        Graph::Own { inference, .. } => Some(inference),
    }
}

pub(super) fn model(state: &mut HostState, graph: usize) -> Outcome<Arc<dyn Model>> {
    inference(state, graph).and_then(|inference| inference.model.clone()).ok_or(errno::INVALID_ARGUMENT)
}

/// Bytes of models and tensors that the host may still keep for the guest.
pub(super) fn room(state: &HostState) -> usize {
    state.limiter.memory_bytes().saturating_sub(state.wasi_nn.byte_len())
}
