//! The role *preprocess*: a frame in a read-only window becomes a tensor in the tensor slot.

use std::{sync::Arc, time::Duration};

use edgevision_abi::{FrameDesc, TensorDesc};
use wasmtime::TypedFunc;

use super::{Blueprint, Failure, Instance, Site, begin_reading, describe, host_failure};
use crate::{
    abi::shape,
    arena::{Access, TensorSlot},
    frame::{Frame, Pixels},
    module::Role,
    nn::Session,
};

/// An instance that preprocesses.
pub(super) struct Preprocess {
    instance: Instance,
    function: TypedFunc<(u32, u32), i32>,
    frame_address: u32,
    tensor_address: u32,
    tensor_window: u32,
    slot: Arc<TensorSlot>,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// In the inference engine.
    pub(super) inference: Duration,
    /// Of tensors, between guest and host.
    pub(super) bytes_copied: u64,
}

impl Preprocess {
    /// Starts an instance. It shares `slot` if that is large enough, else it makes a new one.
    pub(super) fn start(
        blueprint: &Arc<Blueprint>,
        session: Option<Box<dyn Session>>,
        slot: Option<Arc<TensorSlot>>,
    ) -> Result<Self, String> {
        let mut instance = Instance::start(blueprint, session)?;
        let function = instance.function("preprocess")?;
        let bytes = tensor_bytes(&mut instance)?;
        let slot = match slot.filter(|slot| slot.len() >= bytes) {
            Some(slot) => slot,
            None => {
                Arc::new(TensorSlot::new(bytes).map_err(|error| format!("the tensor's memory: {error}"))?)
            }
        };
        let tensor_window = instance.open_tensor(&slot, Access::ReadWrite)?;
        let frame_address = instance.place::<FrameDesc>()?;
        let tensor_address = instance.place::<TensorDesc>()?;
        Ok(Self { instance, function, frame_address, tensor_address, tensor_window, slot })
    }

    /// Where the tensor is.
    pub(super) fn slot(&self) -> &Arc<TensorSlot> {
        &self.slot
    }

    pub(super) fn into_session(self) -> Option<Box<dyn Session>> {
        self.instance.into_session()
    }

    /// What the last call cost.
    pub(super) fn cost(&self) -> Cost {
        self.instance.sandbox.cost()
    }

    /// Maps the frame's memory; the guest address of its first byte.
    pub(super) fn show(&mut self, pixels: &Pixels) -> Result<u32, String> {
        let Instance { frames, sandbox, memory, .. } = &mut self.instance;
        frames.show(&mut sandbox.store, memory, pixels)
    }

    /// Preprocesses the frame whose memory is at `window`. The descriptor that comes back is checked.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        window: u32,
        budget: Duration,
    ) -> Result<TensorDesc, Failure> {
        let site = Site { name: "preprocess", role: Some(Role::Preprocess), frame: Some(frame.seq), budget };
        let desc = describe(frame, window).map_err(|error| host_failure(frame, &error))?;
        let capacity = u32::try_from(self.slot.len()).unwrap_or(u32::MAX);
        let blank = TensorDesc { address: self.tensor_window, capacity, ..TensorDesc::default() };
        let addresses = (self.frame_address, self.tensor_address);
        let mut memory = self.instance.guest_memory();
        let written = memory.write(addresses.0, &desc).and_then(|()| memory.write(addresses.1, &blank));
        written.map_err(|error| {
            self.instance.sandbox.trapped(site, &format!("has a descriptor that {error}"))
        })?;
        let reading = begin_reading(&frame.pixels).map_err(|error| host_failure(frame, &error))?;
        self.instance.enter_for_status(&self.function.clone(), addresses, site)?;
        drop(reading);
        let tensor = self.instance.guest_memory().read::<TensorDesc>(addresses.1);
        let checked =
            tensor.map_err(|error| error.to_string()).and_then(|desc| check_tensor(&desc, capacity));
        checked.map_err(|error| self.instance.sandbox.trapped(site, &format!("described a tensor {error}")))
    }
}

fn tensor_bytes(instance: &mut Instance) -> Result<usize, String> {
    let answer = instance.ask("preprocess_tensor_bytes")?;
    let limit = instance.sandbox.blueprint.limits.memory_bytes;
    match usize::try_from(answer) {
        Ok(bytes) if (1..=limit).contains(&bytes) => Ok(bytes),
        _ => Err(format!(
            "module {}: `preprocess_tensor_bytes` returned {answer}, between 1 and {limit} (the memory limit) is \
             possible",
            instance.sandbox.blueprint.name
        )),
    }
}

/// What `preprocess` wrote into its descriptor must be possible. The error continues "described a tensor …".
fn check_tensor(desc: &TensorDesc, capacity: u32) -> Result<TensorDesc, String> {
    let dtype = shape::dtype_of(desc.dtype);
    let dtype = dtype.ok_or_else(|| format!("of the unknown dtype {}", desc.dtype))?;
    let dims = shape::dims_of(desc.rank, &desc.dims).filter(|dims| !dims.is_empty());
    let dims = dims.ok_or_else(|| format!("of {} dimensions, 1 to 8 are possible", desc.rank))?;
    let needed = shape::byte_len(dtype, &dims);
    if needed != Some(desc.len) || desc.len == 0 {
        return Err(format!("of {} bytes whose shape {dims:?} of {dtype:?} says otherwise", desc.len));
    }
    if desc.len > capacity {
        return Err(format!("of {} bytes in a room of {capacity}", desc.len));
    }
    let g = &desc.geometry;
    let scales = [g.scale_x, g.scale_y].into_iter().all(|scale| scale.is_finite() && scale > 0.0);
    if !scales
        || !g.offset_x.is_finite()
        || !g.offset_y.is_finite()
        || g.input_width == 0
        || g.input_height == 0
    {
        return Err(format!("with the impossible geometry {g:?}"));
    }
    Ok(*desc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgevision_abi::{Geometry, dtype};

    fn good() -> TensorDesc {
        let geometry =
            Geometry { scale_x: 0.5, scale_y: 0.5, input_width: 4, input_height: 2, ..Default::default() };
        TensorDesc {
            len: 96,
            dtype: dtype::F32,
            rank: 4,
            dims: [1, 3, 2, 4, 0, 0, 0, 0],
            geometry,
            ..Default::default()
        }
    }

    #[test]
    fn a_tensor_must_be_possible() {
        assert!(check_tensor(&good(), 96).is_ok());
        type Lie = fn(&mut TensorDesc);
        let lies: [(&str, Lie); 10] = [
            ("dtype", |t| t.dtype = 9),
            ("no dimensions", |t| t.rank = 0),
            ("too many dimensions", |t| t.rank = 9),
            ("length", |t| t.len = 95),
            ("shape that overflows", |t| t.dims = [u32::MAX; 8]),
            ("room", |t| (t.len, t.dims[0]) = (192, 2)),
            ("zero scale", |t| t.geometry.scale_x = 0.0),
            ("NaN scale", |t| t.geometry.scale_y = f32::NAN),
            ("infinite offset", |t| t.geometry.offset_x = f32::INFINITY),
            ("no input", |t| t.geometry.input_width = 0),
        ];
        for (what, lie) in lies {
            let mut desc = good();
            lie(&mut desc);
            assert!(check_tensor(&desc, 96).is_err(), "{what}");
        }
    }
}
