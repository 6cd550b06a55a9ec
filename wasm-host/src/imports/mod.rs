//! What a module may ask of the host. This list is the capability list: nothing else is linked.
//!
//! Every function checks permission first, bounds, alignment and overlap second, caps third; it returns a status
//! code and never panics. It traps only when the call's time is up. What is worth a sentence for the user is left in the call's state.

mod component;
mod emit;
mod extras;
mod infer;
mod log;
mod nn;
mod params;
mod suggest;

use std::sync::OnceLock;

use wasmtime::{Caller, Linker, Trap};

pub(crate) use component::{Components, dtype_of, linker as component_linker, type_of};
pub(crate) use nn::WasiNn;

use self::log::write_line;
use crate::{
    abi::GuestMemory,
    engine::engine,
    instance::HostState,
    module::{GRAPH, INFERENCE},
};

/// The namespace of our own functions.
const EDGEVISION: &str = "edgevision";

/// The host functions, linked once for the process.
pub(crate) fn linker() -> Result<&'static Linker<HostState>, String> {
    static LINKER: OnceLock<Result<Linker<HostState>, String>> = OnceLock::new();
    let linked =
        LINKER.get_or_init(|| link().map_err(|error| format!("linking the host functions: {error:#}")));
    linked.as_ref().map_err(Clone::clone)
}

fn link() -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine());
    linker.func_wrap(EDGEVISION, "log", log::log)?;
    linker.func_wrap(EDGEVISION, "fail", log::fail)?;
    linker.func_wrap(EDGEVISION, "params_len", params::params_len)?;
    linker.func_wrap(EDGEVISION, "params_read", params::params_read)?;
    linker.func_wrap(EDGEVISION, "emit", emit::emit)?;
    linker.func_wrap(EDGEVISION, "landmarks", extras::landmarks)?;
    linker.func_wrap(EDGEVISION, "attribute", extras::attribute)?;
    linker.func_wrap(EDGEVISION, "tensor", extras::tensor)?;
    linker.func_wrap(EDGEVISION, "suggest", suggest::suggest)?;
    linker.func_wrap(EDGEVISION, "infer", infer::infer)?;
    nn::link(&mut linker)?;
    Ok(linker)
}

/// True when a module with these imports (`module.name`, or interfaces) runs models.
pub(crate) fn needs_model(imports: &[String]) -> bool {
    let runs_models = |import: &str| {
        import == "edgevision.infer"
            || import.starts_with("wasi_ephemeral_nn.")
            || [GRAPH, INFERENCE].contains(&import)
    };
    imports.iter().any(|import| runs_models(import))
}

/// True when a module with these imports could bring a model of its own.
pub(crate) fn can_bring_a_model(imports: &[String]) -> bool {
    imports.iter().any(|import| import == "wasi_ephemeral_nn.load")
}

/// Ends a call whose time is up. Compiled code looks at the epoch in loops and on entering a function of its own; a
/// guest that calls the host a hundred thousand times in a row does neither.
fn in_time(caller: &Caller<'_, HostState>) -> wasmtime::Result<()> {
    if caller.data().call.is_late() { Err(Trap::Interrupt.into()) } else { Ok(()) }
}

/// The caller's memory, for the duration of one host function. `None` for a module without one.
fn guest_memory<'s>(caller: &'s mut Caller<'_, HostState>) -> Option<GuestMemory<'s>> {
    // While the start function runs, the instance is not known yet.
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => caller.get_export("memory")?.into_memory()?,
    };
    let (base, size) = (memory.data_ptr(&*caller), memory.data_size(&*caller));
    // SAFETY: base and size are this memory's own; `windows` is kept by the only code that opens windows; the
    // exclusive borrow of the caller for 's keeps the guest from running and the memory from growing.
    Some(unsafe { GuestMemory::new(base, size, &caller.data().windows) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::IMPORTS;

    /// What modules may import is written down once more where they are checked at load.
    #[test]
    fn the_linker_offers_what_modules_may_import() {
        let linker = linker().unwrap();
        let pre = wasmtime::Module::new(engine(), wat::parse_str("(module)").unwrap()).unwrap();
        assert!(linker.instantiate_pre(&pre).is_ok());
        for import in IMPORTS {
            let list = |n: usize| "i32 ".repeat(n);
            let text = format!(
                r#"(module (import "{}" "{}" (func (param {}) (result {}))))"#,
                import.module,
                import.name,
                list(import.signature.params),
                list(import.signature.results)
            );
            let module = wasmtime::Module::new(engine(), wat::parse_str(&text).unwrap()).unwrap();
            assert!(linker.instantiate_pre(&module).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_model_is_needed_by_whoever_imports_inference() {
        let imports = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(needs_model(&imports(&["edgevision.log", "edgevision.infer"])));
        assert!(needs_model(&imports(&["wasi_ephemeral_nn.load"])));
        assert!(needs_model(&imports(&[crate::module::TENSOR, GRAPH])));
        assert!(!needs_model(&imports(&["edgevision.emit", "edgevision.log", crate::module::TENSOR])));
    }
}
