//! What can be read from a module section by section: its description, its parameters' schema, its ABI version.

use std::sync::Arc;

use edgevision_abi::{SECTION_MODULE, SECTION_PARAMS};
use serde_json::{Map, Value};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};

use super::{contract::ABI_VERSION, landmarks};
use crate::{extras::LandmarkScheme, text};

/// The module's words about itself; all optional.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) description: Map<String, Value>,
    pub(super) params_schema: Option<Value>,
    /// From the description: what its points are called.
    pub(super) landmarks: Option<Arc<LandmarkScheme>>,
    /// If the function that tells it does nothing but return a constant.
    pub(super) abi_version: Option<i32>,
    /// Phrases about sections that cannot be used.
    pub(super) problems: Vec<String>,
}

impl Sections {
    /// Text from the description, made fit to be shown; `None` when nothing is left of it.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = text::clean(self.description.get(key)?.as_str()?.as_bytes());
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn read_custom(&mut self, name: &str, data: &[u8]) {
        if name != SECTION_MODULE && name != SECTION_PARAMS {
            return;
        }
        match serde_json::from_slice::<Value>(data) {
            Ok(Value::Object(object)) if name == SECTION_MODULE => {
                match landmarks::read(&object) {
                    Ok(scheme) => self.landmarks = scheme.map(Arc::new),
                    Err(problem) => self.problems.push(problem),
                }
                self.description = object;
            }
            Ok(schema @ Value::Object(_)) => self.params_schema = Some(schema),
            Ok(_) => self
                .problems
                .push(format!("its section `{name}` is not a JSON object; build it again with the SDK")),
            Err(error) => {
                self.problems
                    .push(format!("its section `{name}` is not JSON ({error}); build it again with the SDK"));
            }
        }
    }
}

/// Reads the sections of a valid module; stops silently where it is not valid.
pub(super) fn read(bytes: &[u8]) -> Sections {
    let mut sections = Sections::default();
    let (mut imported, mut version_function, mut bodies) = (0_usize, None, 0_usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::CustomSection(custom)) => sections.read_custom(custom.name(), custom.data()),
            Ok(Payload::ImportSection(imports)) => {
                imported = imports.into_imports().filter(is_function).count()
            }
            Ok(Payload::ExportSection(exports)) => version_function = function_named(ABI_VERSION, exports),
            Ok(Payload::CodeSectionEntry(body)) => {
                if version_function == Some(imported + bodies) {
                    sections.abi_version = constant(&body);
                }
                bodies += 1;
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    sections
}

fn is_function(import: &wasmparser::Result<wasmparser::Import<'_>>) -> bool {
    matches!(import, Ok(import) if matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)))
}

fn function_named(name: &str, exports: wasmparser::ExportSectionReader<'_>) -> Option<usize> {
    let found = exports.into_iter().flatten().find(|export| export.name == name)?;
    (found.kind == ExternalKind::Func).then_some(found.index as usize)
}

/// The constant that a function of a single instruction returns.
fn constant(body: &FunctionBody<'_>) -> Option<i32> {
    let mut operators = body.get_operators_reader().ok()?;
    let Operator::I32Const { value } = operators.read().ok()? else { return None };
    matches!(operators.read().ok()?, Operator::End).then_some(value)
}
