//! `load` and `load_by_name`: from bytes or a name to a graph.

use wasmtime::Caller;

use super::{
    errno::{self, Outcome},
    memory, put_u32,
    table::room,
};
use crate::{
    abi::{GuestMemory, Span, WasiBytes},
    instance::{HostState, Refusal},
    nn::{self, GuestModel, NnError},
};

/// The name under which a module can load the job's model without knowing which it is.
const MODEL_ALIAS: &str = "model";
/// Longest model name that is looked at.
const MAX_NAME: u32 = 256;

/// What the guest says about its model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    OpenVino,
    Onnx,
    TfLite,
    Autodetect,
}

/// Where the guest's model is.
#[derive(Clone, Copy)]
pub(super) struct Builders {
    pub(super) address: u32,
    pub(super) count: u32,
}

/// Loads a model from bytes of the guest, if that is granted.
pub(super) fn from_bytes(
    caller: &mut Caller<'_, HostState>,
    builders: Builders,
    (encoding, target): (u32, u32),
    handle: u32,
) -> Outcome {
    if !caller.data().grants.load_model {
        let text = "modules of this job may not load models of their own; allow `load-model` to let them";
        return Err(refuse(caller, errno::UNSUPPORTED_OPERATION, text.into()));
    }
    let encoding = encoding_of(encoding)?;
    check_target(target)?;
    let id = caller.data().wasi_nn.next_graph()?;
    check_count(encoding, builders.count)?;
    let room = room(caller.data());
    let mut parts = read_parts(&memory(caller)?, builders, room)?.into_iter();
    let bytes = parts.next().ok_or(errno::INVALID_ARGUMENT)?;
    let brought = GuestModel { bytes, weights: parts.next(), room, engine: caller.data().engine };
    let named = brought.encoding().map(|found| found == encoding || encoding == Encoding::Autodetect);
    if named != Some(true) {
        return Err(errno::INVALID_ENCODING);
    }
    // Before the model is loaded: a bad address must cost nothing.
    let place = Span { address: handle, len: 4, align: 4 };
    memory(caller)?.borrow(&[], &[place]).map_err(|_| errno::INVALID_ARGUMENT)?;
    let (model, counted) = load(caller, brought)?;
    put_u32(caller, handle, id)?;
    caller.data_mut().wasi_nn.add_graph(model, counted);
    Ok(())
}

type Loaded = (std::sync::Arc<dyn nn::Model>, usize);

/// An engine that panics over a guest's model has refused it.
fn load(caller: &mut Caller<'_, HostState>, brought: GuestModel) -> Outcome<Loaded> {
    let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| nn::load_guest_model(brought)));
    let loaded = loaded.unwrap_or_else(|_| Err(NnError::Engine("the inference engine panicked".into())));
    loaded.map_err(|error| refuse(caller, errno::of_load(&error), error.to_string()))
}

fn refuse(caller: &mut Caller<'_, HostState>, errno: i32, text: String) -> i32 {
    tracing::debug!(target: "edgevision::module", module = &*caller.data().module, "`load` refused: {text}");
    caller.data_mut().call.refusal = Some(Refusal::new(edgevision_abi::status::DENIED, text));
    errno
}

/// The standard's `graph_encoding`: openvino, onnx, tensorflow, pytorch, tensorflowlite, autodetect. Its later form
/// has ggml in place 5 and autodetect in place 6; a model tells by itself whether it is ggml, so both are taken.
fn encoding_of(code: u32) -> Outcome<Encoding> {
    match code {
        0 => Ok(Encoding::OpenVino),
        1 => Ok(Encoding::Onnx),
        2 | 3 => Err(errno::INVALID_ENCODING),
        4 => Ok(Encoding::TfLite),
        5 | 6 => Ok(Encoding::Autodetect),
        _ => Err(errno::INVALID_ARGUMENT),
    }
}

/// The standard's `execution_target`: cpu, gpu, tpu. Models that guests bring run on the processor.
fn check_target(code: u32) -> Outcome {
    match code {
        0 => Ok(()),
        1 | 2 => Err(errno::UNSUPPORTED_OPERATION),
        _ => Err(errno::INVALID_ARGUMENT),
    }
}

/// OpenVINO's models come in two parts, XML and weights; all others in one.
fn check_count(encoding: Encoding, count: u32) -> Outcome {
    let good = match encoding {
        Encoding::OpenVino => count == 2,
        Encoding::Onnx | Encoding::TfLite => count == 1,
        Encoding::Autodetect => count == 1 || count == 2,
    };
    if good { Ok(()) } else { Err(errno::INVALID_ARGUMENT) }
}

impl GuestModel {
    /// What the bytes are, if it is anything that an engine here could run.
    fn encoding(&self) -> Option<Encoding> {
        Some(match (self.format(), &self.weights) {
            (nn::Format::OpenVinoIr { .. }, Some(_)) => Encoding::OpenVino,
            (nn::Format::Onnx, None) => Encoding::Onnx,
            (nn::Format::TfLite, None) => Encoding::TfLite,
            _ => return None,
        })
    }
}

fn read_parts(memory: &GuestMemory<'_>, builders: Builders, room: usize) -> Outcome<Vec<Vec<u8>>> {
    let invalid = |_| errno::INVALID_ARGUMENT;
    let table = memory.read_many::<WasiBytes>(builders.address, builders.count).map_err(invalid)?;
    let parts = table.iter().map(|part| memory.bytes(Span::bytes(part.address, part.len)).map_err(invalid));
    let parts = parts.collect::<Outcome<Vec<&[u8]>>>()?;
    if parts.iter().map(|part| part.len()).sum::<usize>() > room {
        return Err(errno::TOO_LARGE);
    }
    Ok(parts.into_iter().map(<[u8]>::to_vec).collect())
}

/// Gives the handle of the job's model.
pub(super) fn by_name(caller: &mut Caller<'_, HostState>, (name, len): (u32, u32), handle: u32) -> Outcome {
    find(caller, name, len)?;
    let id = caller.data().wasi_nn.job_graph()?;
    put_u32(caller, handle, id)?;
    caller.data_mut().wasi_nn.add_job_graph();
    Ok(())
}

fn find(caller: &mut Caller<'_, HostState>, name: u32, len: u32) -> Outcome {
    let model = caller.data().nn.model.clone().ok_or(errno::NOT_FOUND)?;
    if len > MAX_NAME {
        return Err(errno::NOT_FOUND);
    }
    let memory = memory(caller)?;
    let asked = memory.bytes(Span::bytes(name, len)).map_err(|_| errno::INVALID_ARGUMENT)?;
    let asked = std::str::from_utf8(asked).map_err(|_| errno::INVALID_ARGUMENT)?;
    let known = asked == MODEL_ALIAS || asked == model.identity().name;
    if known { Ok(()) } else { Err(errno::NOT_FOUND) }
}
