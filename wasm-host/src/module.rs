//! A WebAssembly module: compiled once, inspected without being run.
//! (skeleton: owner of `wasm-host` core completes it; public signatures are fixed)

use std::{path::Path, sync::Arc};

/// What a module can do, from its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Frame to tensor.
    Preprocess,
    /// Tensor to detections.
    Detect,
}

/// What a module says and asks, read without running it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ModuleInfo {
    /// From the module's own description, else the file stem.
    pub name: String,
    /// From the module's own description.
    pub version: Option<String>,
    /// From the module's own description.
    pub description: Option<String>,
    /// Lower-case hex SHA-256 of the file.
    pub sha256: String,
    /// Bytes of the file.
    pub byte_len: usize,
    /// From the exports.
    pub roles: Vec<Role>,
    /// `module.name` of each import.
    pub imports: Vec<String>,
    /// Linear memory: least pages of 64 KiB.
    pub memory_min_pages: u64,
    /// Linear memory: most pages, if the module limits itself.
    pub memory_max_pages: Option<u64>,
    /// JSON Schema of the parameters, if the module carries one.
    pub params_schema: Option<serde_json::Value>,
    /// Keeps state between frames: one instance per camera, frames in order.
    pub stateful: bool,
}

/// A module that cannot be used; the text is one sentence that says which file, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not WebAssembly, no role, another ABI, a forbidden import, no memory, …
    #[error("{0}")]
    Invalid(String),
}

/// A compiled module, shared by all instances.
pub struct Module {
    compiled: wasmtime::Module,
    info: ModuleInfo,
}

impl Module {
    /// Reads, checks and compiles a module (from the cache when the same bytes were compiled before).
    pub fn load(_path: &Path) -> Result<Arc<Module>, ModuleError> {
        todo!()
    }
    /// The same for bytes in memory; `.wat` text is not accepted. `name` appears in messages.
    pub fn from_bytes(_name: &str, _bytes: &[u8]) -> Result<Arc<Module>, ModuleError> {
        todo!()
    }
    /// What it says and asks.
    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    /// For instantiation with [`crate::engine::engine`].
    pub(crate) fn compiled(&self) -> &wasmtime::Module {
        &self.compiled
    }
}

/// Reads what a module says and asks without compiling it; for `edgevision inspect`. Accepts modules that
/// [`Module::load`] refuses, as long as they are WebAssembly; `problems` of the result says why they would be.
pub fn inspect(_path: &Path) -> Result<(ModuleInfo, Vec<String>), ModuleError> {
    todo!()
}
