//! A module's imports, exports and memory, held against the contract.

use std::{fmt::Write as _, path::Path};

use sha2::{Digest, Sha256};
use wasmparser::{
    FuncType, MemoryType,
    types::{EntityType, TypesRef},
};

use super::{
    ModuleInfo, Role,
    contract::{self, COMMON, Export, IMPORTS, OPTIONAL},
    examine::hex,
    sections::Sections,
};
use crate::text;

/// What a module shows to the outside.
pub(super) struct Surface<'a> {
    pub(super) types: TypesRef<'a>,
}

impl<'a> Surface<'a> {
    pub(super) fn info(&self, name: &str, bytes: &[u8], sections: &Sections) -> ModuleInfo {
        let stem = Path::new(name).file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
        let memory = (self.types.memory_count() > 0).then(|| self.types.memory_at(0));
        ModuleInfo {
            name: sections.text("name").unwrap_or_else(|| text::clean(stem.as_bytes())),
            version: sections.text("version"),
            description: sections.text("description"),
            sha256: hex(&Sha256::digest(bytes)),
            byte_len: bytes.len(),
            roles: self.roles(),
            imports: self.imports().map(|(module, name, _)| clean_import(module, name)).collect(),
            memory_min_pages: memory.map_or(0, |memory| memory.initial),
            memory_max_pages: memory.and_then(|memory| memory.maximum),
            params_schema: sections.params_schema.clone(),
            landmarks: sections.landmarks.clone(),
            stateful: sections.description.get("stateful").is_some_and(|value| value == true),
            abi_version: sections.abi_version,
            world: None,
        }
    }

    /// The most telling one first: it is the one that the user sees.
    pub(super) fn problems(&self) -> Vec<String> {
        let roles = self.roles();
        let mut problems = Vec::from_iter(roles.is_empty().then(|| self.no_role()));
        problems.extend(self.memory_problem());
        problems.extend(self.import_problems());
        if !roles.is_empty() {
            let required = COMMON.iter().chain(roles.into_iter().flat_map(Role::exports));
            let optional = OPTIONAL.iter().filter(|export| self.export(export.name).is_some());
            problems.extend(required.chain(optional).filter_map(|export| self.export_problem(export)));
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
        let names: Vec<String> =
            self.exports().map(|(name, _)| text::clean(name.as_bytes())).take(8).collect();
        let mut text = String::from(
            "exports none of `preprocess`, `detect` and `filter`, so there is nothing it could do here",
        );
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

/// `module.name`, made fit to be shown.
fn clean_import(module: &str, name: &str) -> String {
    format!("{}.{}", text::clean(module.as_bytes()), text::clean(name.as_bytes()))
}

fn forbidden(module: &str, name: &str) -> String {
    let import = clean_import(module, name);
    if module.starts_with("wasi_snapshot_preview") || module.starts_with("wasi_unstable") {
        return format!(
            "imports `{import}`, but modules get no files, clocks or other WASI; build it for \
             wasm32-unknown-unknown"
        );
    }
    let allowed = contract::allowed_imports();
    format!("imports `{import}`, which no module may have; allowed are the functions of {allowed}")
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
