//! `wasi:nn/tensor`, in place of the crate's own: it counts the bytes that the host holds for the guest.

use edgevision_abi::MAX_DIMS;
use wasmtime::{
    StoreContextMut, bail,
    component::{LinkerInstance, Resource, ResourceType, WasmList},
};
use wasmtime_wasi_nn::{Tensor, wit::TensorType};

use super::in_time;
use crate::instance::HostState;

type Store<'a> = StoreContextMut<'a, HostState>;

pub(super) fn link(interface: &mut LinkerInstance<'_, HostState>) -> wasmtime::Result<()> {
    interface.resource("tensor", ResourceType::host::<Tensor>(), drop_tensor)?;
    interface.func_wrap("[constructor]tensor", new)?;
    interface.func_wrap("[method]tensor.dimensions", |store, (tensor,): (Resource<Tensor>,)| {
        look(&store, &tensor, |tensor| tensor.dimensions.clone())
    })?;
    interface.func_wrap("[method]tensor.ty", |store, (tensor,): (Resource<Tensor>,)| {
        look(&store, &tensor, |tensor| tensor.ty)
    })?;
    interface.func_wrap("[method]tensor.data", data)
}

/// Copies a tensor out of guest memory. The interface has no error for it: what is too large is a trap.
fn new(
    mut store: Store<'_>,
    (dims, ty, data): (WasmList<u32>, TensorType, WasmList<u8>),
) -> wasmtime::Result<(Resource<Tensor>,)> {
    in_time(store.data())?;
    if dims.len() > MAX_DIMS {
        bail!("made a tensor of {} dimensions, at most {MAX_DIMS} are possible", dims.len());
    }
    let desk = store.data().components.desk.clone();
    desk.hold(data.len())?;
    let dims = dims.as_le_slice(&store).iter().copied().map(u32::from_le).collect();
    let bytes = data.as_le_slice(&store).to_vec();
    desk.copied(bytes.len());
    Ok((store.data_mut().components.table.push(Tensor::new(dims, ty, bytes))?,))
}

fn data(store: Store<'_>, (tensor,): (Resource<Tensor>,)) -> wasmtime::Result<(Vec<u8>,)> {
    in_time(store.data())?;
    let (bytes,) = look(&store, &tensor, |tensor| tensor.data.clone())?;
    // Once here, once into the guest's memory.
    store.data().components.desk.copied(2 * bytes.len());
    Ok((bytes,))
}

fn look<R>(
    store: &Store<'_>,
    tensor: &Resource<Tensor>,
    what: impl FnOnce(&Tensor) -> R,
) -> wasmtime::Result<(R,)> {
    Ok((what(store.data().components.table.get(tensor)?),))
}

fn drop_tensor(mut store: Store<'_>, rep: u32) -> wasmtime::Result<()> {
    let components = &mut store.data_mut().components;
    let tensor = components.table.delete(Resource::<Tensor>::new_own(rep))?;
    components.desk.release(tensor.data.len());
    components.desk.recycle(tensor.data);
    Ok(())
}
