//! Looks at a component's bytes without compiling or running them: what it imports and exports, and its memory.

use std::path::Path;

use sha2::{Digest, Sha256};
use wasmparser::{ComponentExternName, MemoryType, Parser, Payload};

use super::{
    ModuleInfo, Role,
    examine::{Examined, hex},
    sections::Sections,
};
use crate::text;

/// The package of our interfaces (`guest-filters/wit`).
pub(crate) const PACKAGE: &str = "edgevision:detector@0.1.0";
/// What a component exports that detects.
pub(crate) const DETECT: &str = "edgevision:detector/detect@0.1.0";
/// The host's log.
pub(crate) const LOG: &str = "edgevision:detector/log@0.1.0";
/// The tensors of the model interface.
pub(crate) const TENSOR: &str = "wasi:nn/tensor@0.2.0-rc-2024-10-28";
/// Models by name, and their execution contexts.
pub(crate) const GRAPH: &str = "wasi:nn/graph@0.2.0-rc-2024-10-28";
/// Runs a model.
pub(crate) const INFERENCE: &str = "wasi:nn/inference@0.2.0-rc-2024-10-28";
/// What went wrong with a model.
pub(crate) const ERRORS: &str = "wasi:nn/errors@0.2.0-rc-2024-10-28";

/// Everything a component may import. The host's linker offers exactly these.
pub(crate) const INTERFACES: [&str; 5] = [LOG, TENSOR, GRAPH, INFERENCE, ERRORS];

/// The export without its version.
const DETECT_UNVERSIONED: &str = "edgevision:detector/detect";

/// What a component shows to the outside.
#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
    memories: Vec<MemoryType>,
    /// Of the modules inside, where toolchains put them.
    sections: Sections,
}

/// Examines a valid component.
pub(super) fn examine(name: &str, bytes: &[u8], feature_problem: Option<String>) -> Examined {
    let outline = Outline::read(bytes);
    let mut problems = Vec::from_iter(outline.role_problem());
    problems.extend(outline.import_problems());
    problems.extend(outline.memory_problem());
    problems.extend(outline.sections.problems.iter().cloned());
    problems.extend(feature_problem);
    Examined { info: outline.info(name, bytes), problems }
}

impl Outline {
    /// Stops silently where the component is not valid.
    fn read(bytes: &[u8]) -> Self {
        let (mut outline, mut depth) = (Self::default(), 0_usize);
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(payload) = payload else { break };
            match payload {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                other => outline.take(&other, depth == 1),
            }
        }
        outline
    }

    fn take(&mut self, payload: &Payload<'_>, outermost: bool) {
        let clean = |name: ComponentExternName<'_>| text::clean(name.name.as_bytes());
        match payload {
            Payload::ComponentImportSection(imports) if outermost => {
                self.imports.extend(imports.clone().into_iter().flatten().map(|import| clean(import.name)));
            }
            Payload::ComponentExportSection(exports) if outermost => {
                self.exports.extend(exports.clone().into_iter().flatten().map(|export| clean(export.name)));
            }
            Payload::MemorySection(memories) => self.memories.extend(memories.clone().into_iter().flatten()),
            Payload::CustomSection(custom) => self.sections.read_custom(custom.name(), custom.data()),
            _ => {}
        }
    }

    fn info(self, name: &str, bytes: &[u8]) -> ModuleInfo {
        let stem = Path::new(name).file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
        let memory = self.memories.first();
        let sections = &self.sections;
        ModuleInfo {
            name: sections.text("name").unwrap_or_else(|| text::clean(stem.as_bytes())),
            version: sections.text("version"),
            description: sections.text("description"),
            sha256: hex(&Sha256::digest(bytes)),
            byte_len: bytes.len(),
            roles: if self.detects() { vec![Role::Detect] } else { vec![] },
            memory_min_pages: memory.map_or(0, |memory| memory.initial),
            memory_max_pages: memory.and_then(|memory| memory.maximum),
            params_schema: sections.params_schema.clone(),
            landmarks: sections.landmarks.clone(),
            stateful: sections.description.get("stateful").is_some_and(|value| value == true),
            abi_version: None,
            world: Some(PACKAGE.into()),
            imports: self.imports,
        }
    }

    fn detects(&self) -> bool {
        self.exports.iter().any(|name| name == DETECT)
    }

    fn role_problem(&self) -> Option<String> {
        if self.detects() {
            return None;
        }
        let other = self.exports.iter().find(|name| unversioned(name) == DETECT_UNVERSIONED);
        if let Some(other) = other {
            return Some(format!(
                "is a component that exports `{other}`, this host has `{DETECT}`; build it again with the matching WIT"
            ));
        }
        let exports = match &self.exports[..] {
            [] => "nothing".to_owned(),
            names => names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        Some(format!(
            "is a component that exports {exports}, so there is nothing it could do here; one that exports `{DETECT}` \
             is a detector (guest-filters/wit)"
        ))
    }

    fn import_problems(&self) -> impl Iterator<Item = String> {
        let forbidden = self.imports.iter().filter(|name| !INTERFACES.contains(&name.as_str()));
        forbidden.map(|name| forbidden_import(name))
    }

    fn memory_problem(&self) -> Option<String> {
        let count = self.memories.len();
        (count > 1).then(|| format!("is a component with {count} memories; at most one is allowed"))
    }
}

fn unversioned(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _)| name)
}

fn forbidden_import(name: &str) -> String {
    let known = INTERFACES.iter().find(|known| unversioned(known) == unversioned(name));
    if let Some(known) = known {
        return format!(
            "imports `{name}`, this host has `{known}`; build it again with the WIT of that version"
        );
    }
    if name.starts_with("wasi:") {
        return format!(
            "imports `{name}`, but components get no files, clocks or other WASI; build its module for \
             wasm32-unknown-unknown"
        );
    }
    let allowed = INTERFACES.join(", ");
    format!("imports `{name}`, which no component may have; allowed are {allowed}")
}
