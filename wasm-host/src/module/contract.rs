//! What a module has to export and may import, in one place. All parameters and results are `i32`.

use std::fmt;

use wasmparser::{FuncType, ValType};

use super::{ModuleInfo, Role};

/// A function type of the contract: so many `i32` in, so many out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Number of parameters.
    pub(crate) params: usize,
    /// Number of results.
    pub(crate) results: usize,
}

/// A function that modules may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Namespace.
    pub(crate) module: &'static str,
    /// Name in it.
    pub(crate) name: &'static str,
    /// Type.
    pub(crate) signature: Signature,
}

/// A function that modules export.
pub(super) struct Export {
    pub(super) name: &'static str,
    pub(super) signature: Signature,
}

/// Our own namespace.
const EDGEVISION: &str = "edgevision";
/// The WASI-NN core interface.
const WASI_NN: &str = "wasi_ephemeral_nn";

/// Everything a module may import. The host's linker offers exactly these.
pub(crate) const IMPORTS: &[Import] = &[
    import(EDGEVISION, "log", 3, 0),
    import(EDGEVISION, "fail", 2, 0),
    import(EDGEVISION, "params_len", 0, 1),
    import(EDGEVISION, "params_read", 2, 1),
    import(EDGEVISION, "emit", 2, 1),
    import(EDGEVISION, "landmarks", 3, 1),
    import(EDGEVISION, "attribute", 2, 1),
    import(EDGEVISION, "tensor", 4, 1),
    import(EDGEVISION, "suggest", 2, 1),
    import(EDGEVISION, "infer", 4, 1),
    import(WASI_NN, "load", 5, 1),
    import(WASI_NN, "load_by_name", 3, 1),
    import(WASI_NN, "init_execution_context", 2, 1),
    import(WASI_NN, "set_input", 3, 1),
    import(WASI_NN, "compute", 1, 1),
    import(WASI_NN, "get_output", 5, 1),
];

/// What every module exports beside its memory.
pub(super) const COMMON: &[Export] =
    &[export(ABI_VERSION, 0, 1), export("edgevision_alloc", 2, 1), export("edgevision_init", 0, 1)];

/// What a module may export in addition.
pub(super) const OPTIONAL: &[Export] = &[export(SUGGEST, 0, 1)];

/// Tells how a model is to be used.
pub(crate) const SUGGEST: &str = "edgevision_suggest";

/// Tells for which version of the contract the module was built.
pub(super) const ABI_VERSION: &str = "edgevision_abi_version";

const fn import(module: &'static str, name: &'static str, params: usize, results: usize) -> Import {
    Import { module, name, signature: Signature { params, results } }
}

const fn export(name: &'static str, params: usize, results: usize) -> Export {
    Export { name, signature: Signature { params, results } }
}

impl Role {
    /// All roles.
    pub(super) const ALL: [Role; 3] = [Role::Preprocess, Role::Detect, Role::Filter];

    /// What a module of this role exports; the first one makes it one.
    pub(super) fn exports(self) -> &'static [Export] {
        match self {
            Role::Preprocess => {
                &const { [export("preprocess", 2, 1), export("preprocess_tensor_bytes", 0, 1)] }
            }
            Role::Detect => &const { [export("detect", 1, 1)] },
            Role::Filter => &const { [export("filter", 2, 1)] },
        }
    }

    /// The export that makes a module play this role.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Preprocess => "preprocess",
            Role::Detect => "detect",
            Role::Filter => "filter",
        }
    }

    /// Where a user puts a module of this role.
    fn home(self) -> &'static str {
        match self {
            Role::Preprocess => {
                "the frame-to-tensor module of a detector (`preprocess` of evdetect or of a config)"
            }
            Role::Detect => {
                "the tensor-to-detections module of a detector (`detector` of evdetect, `detect` of a config)"
            }
            Role::Filter => "a video filter, which the element evmodule runs",
        }
    }
}

impl ModuleInfo {
    /// Why this module cannot play `wanted`: what it exports, where it belongs. None if it can.
    pub(crate) fn misfit(&self, wanted: Role) -> Option<String> {
        if self.roles.contains(&wanted) {
            return None;
        }
        let (name, wanted) = (&self.name, wanted.name());
        let has = self.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" and ");
        let is = self.roles.iter().map(|role| role.home()).collect::<Vec<_>>().join(", and ");
        Some(format!(
            "module {name} exports {has}, not `{wanted}`: it is {is}; choose a module that exports `{wanted}`"
        ))
    }
}

impl Signature {
    /// True if `ty` is this type.
    pub(super) fn fits(self, ty: &FuncType) -> bool {
        let only_i32 =
            |types: &[ValType], count| types.len() == count && types.iter().all(|ty| *ty == ValType::I32);
        only_i32(ty.params(), self.params) && only_i32(ty.results(), self.results)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(&vec![ValType::I32; self.params], &vec![ValType::I32; self.results]))
    }
}

/// A function type as people write it: `(i32, i32) -> i32`.
pub(super) fn describe(params: &[ValType], results: &[ValType]) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match results {
        [one] => format!("({}) -> {one}", list(params)),
        more => format!("({}) -> ({})", list(params), list(more)),
    }
}

/// All allowed imports as one phrase.
pub(super) fn allowed_imports() -> String {
    let names = |module| {
        let of_module = IMPORTS.iter().filter(|import| import.module == module);
        of_module.map(|import| import.name).collect::<Vec<_>>().join(", ")
    };
    format!("{EDGEVISION} ({}) and {WASI_NN} ({})", names(EDGEVISION), names(WASI_NN))
}
