//! What a model needs, computed before an engine sees it: memory of its tensors and work of one run.
//!
//! A model from a module is not trusted: a few bytes can ask for terabytes or for an hour. So its shapes are followed
//! from the inputs through every operator with checked arithmetic. Whatever the host cannot follow (inputs without
//! fixed shapes, shapes that depend on values, loops, operators that are not in the list) is refused.

mod attributes;
mod constant;
mod layout;
mod operators;
mod value;
mod windows;

use std::collections::HashMap;

use rten_onnx::onnx::{GraphProto, NodeProto};

use self::{attributes::Attributes, operators::Cost, value::Value};
use super::{NnError, all_nodes, feeds, operator_name, parse, tensor_info, wire};
use crate::text;

/// Most multiply-adds of one run: about a second of a core.
const MAX_WORK: u64 = 20_000_000_000;
/// Most operators.
const MAX_NODES: usize = 10_000;
/// What a tensor counts as for each element, whatever its type: engines widen, pad and rearrange.
const BYTES_PER_ELEMENT: u64 = 8;

/// Bytes of the tensors that one run holds at the same time.
///
/// # Errors
/// The model cannot be followed (`Unsupported`), or it needs more than `room` bytes or too much work (`TooLarge`).
pub(in crate::nn) fn vet(bytes: &[u8], room: usize) -> Result<usize, NnError> {
    let model = parse(bytes)?;
    let survey = wire::survey(bytes).unwrap_or_default();
    let empty = GraphProto::default();
    let graph = model.graph.as_ref().unwrap_or(&empty);
    if survey.extras > 0 {
        return Err(refused("it has functions, bodies of `If`, `Loop` or `Scan`, or sparse weights"));
    }
    if all_nodes(graph).count() > MAX_NODES {
        return Err(NnError::TooLarge(format!("the model has more than {MAX_NODES} operators")));
    }
    let room = u64::try_from(room).unwrap_or(u64::MAX);
    let peak = Tensors::of(graph, room)?.run(graph)?;
    usize::try_from(peak).map_err(|_| too_much_memory(room))
}

fn refused(what: impl std::fmt::Display) -> NnError {
    NnError::Unsupported(format!("this host cannot tell beforehand what the model needs: {what}"))
}

fn too_much_memory(room: u64) -> NnError {
    NnError::TooLarge(format!("the model's tensors do not fit into the {room} bytes that are left"))
}

/// The tensors that exist while the operators run in the order of the file.
struct Tensors<'m> {
    known: HashMap<&'m str, Value>,
    /// Operator that reads a tensor last.
    last_use: HashMap<&'m str, usize>,
    room: u64,
    live: u64,
    peak: u64,
    work: u64,
}

impl<'m> Tensors<'m> {
    /// Weights and inputs.
    fn of(graph: &'m GraphProto, room: u64) -> Result<Self, NnError> {
        let uses = graph.node.iter().enumerate();
        let uses = uses.flat_map(|(index, node)| node.input.iter().map(move |name| (name.as_str(), index)));
        let mut last_use: HashMap<&str, usize> = uses.collect();
        last_use.extend(graph.output.iter().filter_map(|output| Some((output.name.as_deref()?, usize::MAX))));
        let mut tensors = Self { known: HashMap::new(), last_use, room, live: 0, peak: 0, work: 0 };
        for weights in &graph.initializer {
            let name = weights.name.as_deref().unwrap_or_default();
            let value = constant::value(weights).map_err(|what| refused(named(name, &what)))?;
            tensors.add(name, value)?;
        }
        for input in feeds(graph) {
            let info = tensor_info(input).map_err(|ty| refused(format!("an input of type {ty}")))?;
            let dims = info.shape.iter().map(|dim| dim.and_then(|dim| u64::try_from(dim).ok()));
            let dims = dims.collect::<Option<Vec<u64>>>();
            let dims = dims.ok_or_else(|| refused(named(&info.name, "an input without a fixed shape")))?;
            let name = input.name.as_deref().unwrap_or_default();
            tensors.add(name, Value::of(dims).map_err(|what| refused(named(name, &what)))?)?;
        }
        Ok(tensors)
    }

    /// Follows all operators; the result is the most bytes at one time.
    fn run(mut self, graph: &'m GraphProto) -> Result<u64, NnError> {
        for (index, node) in graph.node.iter().enumerate() {
            let (outputs, cost) = self.follow(node).map_err(|what| refused(at(node, &what)))?;
            if outputs.len() < node.output.len() {
                return Err(refused(at(node, "it has outputs that are not followed")));
            }
            self.spend(cost)?;
            for (name, value) in node.output.iter().zip(outputs).filter(|(name, _)| !name.is_empty()) {
                self.add(name, value)?;
            }
            self.free(node, index);
        }
        Ok(self.peak)
    }

    fn follow(&self, node: &NodeProto) -> Result<(Vec<Value>, Cost), String> {
        let input = |name: &String| match name.as_str() {
            "" => Ok(None),
            name => self.known.get(name).map(Some).ok_or_else(|| format!("`{name}` does not exist there")),
        };
        let inputs = node.input.iter().map(input).collect::<Result<Vec<_>, String>>()?;
        operators::follow(&operator_name(node), &Attributes::of(node)?, &inputs, node.output.len())
    }

    fn add(&mut self, name: &'m str, value: Value) -> Result<(), NnError> {
        self.live = self.live.saturating_add(value.elements().saturating_mul(BYTES_PER_ELEMENT));
        self.peak = self.peak.max(self.live);
        if self.peak > self.room {
            return Err(too_much_memory(self.room));
        }
        match self.known.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(refused(named(name, "there are two tensors of this name"))),
        }
    }

    fn spend(&mut self, cost: Cost) -> Result<(), NnError> {
        self.work = self.work.saturating_add(cost.0);
        if self.work > MAX_WORK {
            let text = format!("one run of the model takes more than {MAX_WORK} multiply-adds");
            return Err(NnError::TooLarge(text));
        }
        Ok(())
    }

    /// Drops what nobody reads after operator `index`. Names stay known, so that none is used twice.
    fn free(&mut self, node: &'m NodeProto, index: usize) {
        let mut read: Vec<&str> = node.input.iter().chain(&node.output).map(String::as_str).collect();
        read.sort_unstable();
        read.dedup();
        for name in read {
            let over = self.last_use.get(name).is_none_or(|last| *last == index);
            if let (true, Some(value)) = (over, self.known.get_mut(name)) {
                self.live -= value.elements().saturating_mul(BYTES_PER_ELEMENT).min(self.live);
                value.forget();
            }
        }
    }
}

fn named(name: &str, what: &str) -> String {
    format!("`{}`: {what}", text::clean(name.as_bytes()))
}

fn at(node: &NodeProto, what: &str) -> String {
    let name = text::clean(node.name.as_deref().unwrap_or("(unnamed)").as_bytes());
    format!("operator {} `{name}`: {}", operator_name(node), text::clean(what.as_bytes()))
}

#[cfg(test)]
mod tests;
