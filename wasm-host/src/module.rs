//! A WebAssembly module: compiled once, inspected without being run.

mod component;
mod contract;
mod examine;
mod landmarks;
mod probe;
mod sections;
mod surface;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

use examine::Examined;

pub(crate) use component::{DETECT, GRAPH, INFERENCE, LOG, TENSOR};
#[cfg(test)]
pub(crate) use contract::IMPORTS;
pub(crate) use contract::SUGGEST;
pub(crate) use examine::hex;

use crate::{cache, engine::engine, extras::LandmarkScheme, files, text};

/// Largest file that is taken for a module.
const MAX_BYTES: u64 = 256 << 20;

/// What a module can do, from its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Frame to tensor.
    Preprocess,
    /// Tensor to detections.
    Detect,
    /// Frame to frame of the same size and format.
    Filter,
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
    /// What the points are called that it reports, if it reports any.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub landmarks: Option<Arc<LandmarkScheme>>,
    /// Keeps state between frames: one instance per camera, frames in order.
    pub stateful: bool,
    /// Version of the contract it was built for, if that can be told without running it; components have a world.
    pub abi_version: Option<i32>,
    /// For a component: the package of interfaces it was built for, `edgevision:detector@0.1.0`.
    pub world: Option<String>,
}

/// A module that cannot be used; the text is one sentence that says which file, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The file cannot be read.
    #[error("{path}: the module cannot be read ({source}); check the path and its permissions", path = path.display())]
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
    code: Code,
    info: ModuleInfo,
}

/// What is compiled.
pub(crate) enum Code {
    /// A core module.
    Core(wasmtime::Module),
    /// A component.
    Component(wasmtime::component::Component),
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Module {
    /// Reads, checks and compiles a module (from the cache when the same bytes were compiled before).
    pub fn load(path: &Path) -> Result<Arc<Module>, ModuleError> {
        Self::from_bytes(&path.display().to_string(), &read(path)?)
    }

    /// The same for bytes in memory; `.wat` text is not accepted. `name` appears in messages.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Arc<Module>, ModuleError> {
        let invalid = |phrase: String| ModuleError::Invalid(format!("{name}: {phrase}"));
        let Examined { info, problems } =
            examine::examine(name, bytes).map_err(|phrase| invalid(not_a_module(phrase)))?;
        if let Some(first) = problems.into_iter().next() {
            return Err(invalid(first));
        }
        // By name too: it is the module's own when the file carries no description.
        let key = (info.sha256.clone(), info.name.clone());
        if let Some(known) = loaded().get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let module = Arc::new(Self::compile(info, bytes).map_err(invalid)?);
        let mut loaded = loaded();
        loaded.retain(|_, module| module.strong_count() > 0);
        loaded.insert(key, Arc::downgrade(&module));
        Ok(module)
    }

    fn compile(mut info: ModuleInfo, bytes: &[u8]) -> Result<Self, String> {
        if info.world.is_some() {
            let component = cache::compile(engine(), bytes).map_err(cannot_be_compiled)?;
            return Ok(Self { code: Code::Component(component), info });
        }
        let compiled = cache::compile(engine(), bytes).map_err(cannot_be_compiled)?;
        let version = info.abi_version.map_or_else(|| probe::abi_version(&compiled), Ok)?;
        if let Some(problem) = examine::abi_problem(Some(version)) {
            return Err(problem);
        }
        info.abi_version = Some(version);
        Ok(Self { code: Code::Core(compiled), info })
    }

    /// What it says and asks.
    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    /// For instantiation with [`crate::engine::engine`].
    pub(crate) fn code(&self) -> &Code {
        &self.code
    }
}

/// Reads what a module says and asks without compiling it; for `edgevision inspect`. Accepts modules that
/// [`Module::load`] refuses, as long as they are WebAssembly; `problems` of the result says why they would be.
pub fn inspect(path: &Path) -> Result<(ModuleInfo, Vec<String>), ModuleError> {
    let name = path.display();
    let examined = examine::examine(&name.to_string(), &read(path)?);
    let Examined { info, problems } =
        examined.map_err(|phrase| ModuleError::Invalid(format!("{name}: {}", not_a_module(phrase))))?;
    Ok((info, problems.into_iter().map(|problem| format!("{name}: {problem}")).collect()))
}

fn read(path: &Path) -> Result<Vec<u8>, ModuleError> {
    files::read(path, MAX_BYTES).map_err(|source| ModuleError::Read { path: path.to_owned(), source })
}

fn cannot_be_compiled(error: wasmtime::Error) -> String {
    format!("cannot be compiled: {}", text::clean(format!("{error:#}").as_bytes()))
}

fn not_a_module(phrase: String) -> String {
    format!("this is {phrase}")
}

/// Modules that somebody holds now, by digest and name: cameras with the same module share the compiled code.
type Loaded = HashMap<(String, String), Weak<Module>>;

fn loaded() -> MutexGuard<'static, Loaded> {
    static LOADED: LazyLock<Mutex<Loaded>> = LazyLock::new(Mutex::default);
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}
