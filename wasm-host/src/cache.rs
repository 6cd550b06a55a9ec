//! Compiled modules on disk, so that a start does not compile what it compiled before.
//!
//! Native code from a file is run with the rights of this process, so the file must be one that we wrote: it lies in
//! a directory that belongs to our user and that nobody else may enter, it is no link, belongs to our user and is
//! writable for nobody else (all looked up on the opened descriptors, so nothing can be swapped in between), and
//! its SHA-256, taken over the key and the code, is the one in its header (so it is whole and under its own name).
//! Anything else counts as not there: the module is compiled anew.
//!
//! The key covers the module's bytes and whatever decides what the compiler makes of them: wasmtime's version, the
//! engine's settings, the processor's features.
//!
//! Wasmtime has a cache of its own (`wasmtime-cache`), but that one looks at neither owner nor permissions nor links
//! and keeps no checksum of its own over the code; it would also bring zstd, a config file and a thread.

mod directory;
mod entry;
mod place;

#[cfg(test)]
mod tests;

use std::{
    hash::{Hash, Hasher},
    sync::OnceLock,
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module, component::Component};

use directory::Directory;

/// SHA-256 that names an entry.
type Key = [u8; 32];

/// Compiled code: of a core module or of a component.
pub(crate) trait Artefact: Sized {
    /// Compiles valid bytes.
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self>;
    /// The code for a file.
    fn serialize(&self) -> wasmtime::Result<Vec<u8>>;
    /// The code from a file.
    ///
    /// # Safety
    /// As for [`Module::deserialize`]: `code` must be what `serialize` returned.
    unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self>;
}

impl Artefact for Module {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Module::new(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        Module::serialize(self)
    }

    unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self> {
        // SAFETY: what is asked of the caller.
        unsafe { Module::deserialize(engine, code) }
    }
}

impl Artefact for Component {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Component::new(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        Component::serialize(self)
    }

    unsafe fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Self> {
        // SAFETY: what is asked of the caller.
        unsafe { Component::deserialize(engine, code) }
    }
}

/// Compiles a valid module or component, or takes its code from the user's cache.
pub(crate) fn compile<T: Artefact>(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<T> {
    match users_directory() {
        Some(directory) => compile_with(directory, engine, bytes).map(|(code, _)| code),
        None => T::compile(engine, bytes),
    }
}

/// Where the code of a module came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Cache,
    Compiler,
}

fn compile_with<T: Artefact>(
    directory: &Directory,
    engine: &Engine,
    bytes: &[u8],
) -> wasmtime::Result<(T, Origin)> {
    let key = key(engine, bytes);
    if let Some(module) = fetch(directory, engine, &key) {
        return Ok((module, Origin::Cache));
    }
    let module = T::compile(engine, bytes)?;
    let stored = module.serialize().map(|code| directory.write(&file_name(&key), &entry::pack(&key, &code)));
    if !matches!(stored, Ok(Ok(()))) {
        tracing::debug!(?stored, "the compiled module was not cached");
    }
    Ok((module, Origin::Compiler))
}

fn fetch<T: Artefact>(directory: &Directory, engine: &Engine, key: &Key) -> Option<T> {
    let file = directory
        .read(&file_name(key))
        .inspect_err(|error| tracing::debug!(%error, "not in the cache"))
        .ok()?;
    let code = entry::unpack(key, &file)?;
    // SAFETY: `code` is what `Artefact::serialize` returned to a process of our own user: only that user can have
    // written the file (`Directory`), it is complete and belongs to this key (`entry::unpack`). Wasmtime checks
    // itself that version, settings and processor fit.
    let module = unsafe { T::deserialize(engine, code) };
    module.inspect_err(|error| tracing::debug!(%error, "the cached module does not fit")).ok()
}

fn key(engine: &Engine, bytes: &[u8]) -> Key {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(Sha256::digest(bytes));
    hasher.0.finalize().into()
}

fn file_name(key: &Key) -> String {
    format!("{}.cwasm", crate::module::hex(key))
}

/// Feeds a SHA-256 with what a `Hash` implementation writes.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}

/// The user's cache directory, opened once; `None` if it is off or not safe to use, which is logged once.
fn users_directory() -> Option<&'static Directory> {
    static DIRECTORY: OnceLock<Option<Directory>> = OnceLock::new();
    // Unit tests of this crate leave the user's home alone.
    let open = || if cfg!(test) { None } else { open_directory() };
    DIRECTORY.get_or_init(open).as_ref()
}

fn open_directory() -> Option<Directory> {
    let path = place::place(|name| std::env::var_os(name))?;
    match Directory::open(&path) {
        Ok(directory) => Some(directory),
        Err(error) => {
            let path = path.display();
            tracing::warn!(
                "compiled modules are not cached: {path}: {error}; make it a folder of your own with mode 700, or \
                 name another one with EDGEVISION_CACHE_DIR (or `off`)"
            );
            None
        }
    }
}
