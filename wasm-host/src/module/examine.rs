//! Looks at a module's bytes without compiling or running them.

use std::{fmt::Write as _, path::Path};

use edgevision_abi::ABI_VERSION;
use sha2::{Digest, Sha256};
use wasmparser::{
    FuncType, MemoryType, Validator, WasmFeatures,
    types::{EntityType, TypesRef},
};

use super::{
    ModuleInfo, Role,
    contract::{self, COMMON, Export, IMPORTS},
    sections::{self, Sections},
};

/// Features of modules; the same as the engine's.
const FEATURES: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST);

/// What a module says, and why it cannot be used (nothing if it can). The phrases lack the file's name.
pub(super) struct Examined {
    pub(super) info: ModuleInfo,
    pub(super) problems: Vec<String>,
}

/// Examines a module. An error is a phrase that says why the bytes are no WebAssembly module at all.
pub(super) fn examine(name: &str, bytes: &[u8]) -> Result<Examined, String> {
    check_header(bytes)?;
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(bytes);
    let types = types.map_err(|error| format!("damaged WebAssembly ({error}); build or copy it again"))?;
    let sections = sections::read(bytes);
    let surface = Surface { types: types.as_ref() };
    let mut problems = Vec::from_iter(abi_problem(sections.abi_version));
    problems.extend(surface.problems());
    problems.extend(sections.problems.iter().cloned());
    if let Err(error) = Validator::new_with_features(FEATURES).validate_all(bytes) {
        problems.push(format!("uses a WebAssembly feature that modules must do without ({error})"));
    }
    Ok(Examined { info: surface.info(name, bytes, &sections), problems })
}

/// Why a module of this ABI version cannot be used.
pub(super) fn abi_problem(version: Option<i32>) -> Option<String> {
    let other = version.filter(|version| *version != ABI_VERSION)?;
    Some(format!(
        "built for ABI version {other}, this host has version {ABI_VERSION}; build it again with the matching SDK"
    ))
}

/// Tells files of other kinds apart before a parser reports "bad magic number".
fn check_header(bytes: &[u8]) -> Result<(), String> {
    const WANTED: &str = "a WebAssembly module (.wasm) is wanted";
    const CORE: [u8; 4] = [1, 0, 0, 0];
    const COMPONENT_LAYER: [u8; 2] = [1, 0];
    let Some(header) = bytes.strip_prefix(b"\0asm") else {
        return Err(format!("{}; {WANTED}", foreign_kind(bytes)));
    };
    if header.starts_with(&CORE) {
        return Ok(());
    }
    if header.get(2..4) == Some(&COMPONENT_LAYER[..]) {
        return Err(
            "a WebAssembly component; a core module is wanted: build it for wasm32-unknown-unknown".into()
        );
    }
    Err("damaged WebAssembly (its header is incomplete or of an unknown version); build or copy it again"
        .into())
}

fn foreign_kind(bytes: &[u8]) -> &'static str {
    let text = text_at_start(bytes);
    match bytes {
        [] => "an empty file",
        // ModelProto: field 1 (ir_version) as a varint, then field 2 (producer_name) or 7 (graph) or 8 (opset).
        [0x08, _, 0x12 | 0x3a | 0x42, ..] => {
            "not WebAssembly but probably an ONNX model, which belongs under `model`"
        }
        _ if text.is_some_and(|text| text.trim_start().starts_with("(module")) => {
            "WebAssembly text, which has to be compiled (wat2wasm, wasm-tools parse)"
        }
        _ if text.is_some() => "not WebAssembly but a text file",
        _ => "not WebAssembly",
    }
}

/// The first half kilobyte, if it is UTF-8 (but for a character that is cut off there).
fn text_at_start(bytes: &[u8]) -> Option<&str> {
    let start = &bytes[..bytes.len().min(512)];
    match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&start[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// What a module shows to the outside.
struct Surface<'a> {
    types: TypesRef<'a>,
}

impl<'a> Surface<'a> {
    fn info(&self, name: &str, bytes: &[u8], sections: &Sections) -> ModuleInfo {
        let stem = Path::new(name).file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
        let memory = (self.types.memory_count() > 0).then(|| self.types.memory_at(0));
        ModuleInfo {
            name: sections.text("name").unwrap_or_else(|| stem.into_owned()),
            version: sections.text("version"),
            description: sections.text("description"),
            sha256: hex(&Sha256::digest(bytes)),
            byte_len: bytes.len(),
            roles: self.roles(),
            imports: self.imports().map(|(module, name, _)| format!("{module}.{name}")).collect(),
            memory_min_pages: memory.map_or(0, |memory| memory.initial),
            memory_max_pages: memory.and_then(|memory| memory.maximum),
            params_schema: sections.params_schema.clone(),
            stateful: sections.description.get("stateful").is_some_and(|value| value == true),
            abi_version: sections.abi_version,
        }
    }

    /// The most telling one first: it is the one that the user sees.
    fn problems(&self) -> Vec<String> {
        let roles = self.roles();
        let mut problems = Vec::from_iter(roles.is_empty().then(|| self.no_role()));
        problems.extend(self.memory_problem());
        problems.extend(self.import_problems());
        if !roles.is_empty() {
            let required = COMMON.iter().chain(roles.into_iter().flat_map(Role::exports));
            problems.extend(required.filter_map(|export| self.export_problem(export)));
        }
        problems
    }

    fn imports(&self) -> impl Iterator<Item = (&'a str, &'a str, EntityType)> {
        self.types.core_imports().into_iter().flatten()
    }

    fn exports(&self) -> impl Iterator<Item = (&'a str, EntityType)> {
        self.types.core_exports().into_iter().flatten()
    }

    fn export(&self, name: &str) -> Option<EntityType> {
        self.exports().find(|(found, _)| *found == name).map(|(_, entity)| entity)
    }

    fn roles(&self) -> Vec<Role> {
        let has =
            |role: &Role| role.exports().first().is_some_and(|export| self.export(export.name).is_some());
        Role::ALL.into_iter().filter(has).collect()
    }

    fn function(&self, entity: EntityType) -> Option<&'a FuncType> {
        match entity {
            EntityType::Func(id) | EntityType::FuncExact(id) => Some(self.types.get(id)?.unwrap_func()),
            _ => None,
        }
    }

    fn describe(&self, entity: EntityType) -> String {
        match self.function(entity) {
            Some(ty) => contract::describe(ty.params(), ty.results()),
            None => kind(entity).to_owned(),
        }
    }

    fn import_problems(&self) -> impl Iterator<Item = String> {
        self.imports().filter_map(|(module, name, entity)| {
            let known = IMPORTS.iter().find(|import| import.module == module && import.name == name);
            let Some(import) = known else { return Some(forbidden(module, name)) };
            let fits = self.function(entity).is_some_and(|ty| import.signature.fits(ty));
            let (found, offered) = (self.describe(entity), import.signature);
            (!fits).then(|| {
                format!("imports `{module}.{name}` as {found}, the host offers {offered}; build it with the matching SDK")
            })
        })
    }

    fn export_problem(&self, wanted: &Export) -> Option<String> {
        let (name, signature) = (wanted.name, wanted.signature);
        let Some(entity) = self.export(name) else {
            return Some(format!("does not export `{name}` {signature}; build it with the edgevision SDK"));
        };
        let fits = self.function(entity).is_some_and(|ty| signature.fits(ty));
        (!fits).then(|| {
            let found = self.describe(entity);
            format!("exports `{name}` as {found}, it has to be {signature}; build it with the matching SDK")
        })
    }

    fn memory_problem(&self) -> Option<String> {
        if self.imports().any(|(_, _, entity)| matches!(entity, EntityType::Memory(_))) {
            return Some("imports its memory; it has to export one of its own as `memory`".into());
        }
        if self.types.memory_count() > 1 {
            let count = self.types.memory_count();
            return Some(format!("has {count} memories; exactly one is allowed, exported as `memory`"));
        }
        match self.export("memory") {
            Some(EntityType::Memory(memory)) => wrong_memory(memory),
            Some(_) => Some(
                "exports something else than its memory as `memory`; export the memory by that name".into(),
            ),
            None => Some("exports no memory; export its one linear memory as `memory`".into()),
        }
    }

    fn no_role(&self) -> String {
        let names: Vec<&str> = self.exports().map(|(name, _)| name).take(8).collect();
        let mut text =
            String::from("exports neither `preprocess` nor `detect`, so there is nothing it could do here");
        let written = match names[..] {
            [] => write!(text, " (it exports nothing)"),
            _ => write!(text, " (it exports {})", names.join(", ")),
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        text + "; build it with the edgevision SDK"
    }
}

fn kind(entity: EntityType) -> &'static str {
    match entity {
        EntityType::Func(_) | EntityType::FuncExact(_) => "a function",
        EntityType::Table(_) => "a table",
        EntityType::Memory(_) => "a memory",
        EntityType::Global(_) => "a global",
        EntityType::Tag(_) => "a tag",
    }
}

fn forbidden(module: &str, name: &str) -> String {
    if module.starts_with("wasi_snapshot_preview") || module.starts_with("wasi_unstable") {
        return format!(
            "imports `{module}.{name}`, but modules get no files, clocks or other WASI; build it for \
             wasm32-unknown-unknown"
        );
    }
    let allowed = contract::allowed_imports();
    format!("imports `{module}.{name}`, which no module may have; allowed are the functions of {allowed}")
}

fn wrong_memory(memory: MemoryType) -> Option<String> {
    if memory.memory64 {
        return Some("has a 64-bit memory; build it for wasm32".into());
    }
    if memory.shared {
        return Some("has a shared memory; build it without threads".into());
    }
    memory
        .page_size_log2
        .is_some_and(|log2| log2 != 16)
        .then(|| "has a memory with pages that are not 64 KiB; build it without custom page sizes".into())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        text
    })
}
