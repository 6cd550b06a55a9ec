//! Which operators are followed, and those of them that work element by element.

use super::{
    attributes::Attributes,
    constant,
    layout::{self, Step},
    value::Value,
    windows,
};

/// Multiply-adds of one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost(pub(super) u64);

/// An operator with what it is given.
pub(super) struct Node<'a> {
    pub(super) attributes: &'a Attributes<'a>,
    pub(super) inputs: &'a [Option<&'a Value>],
}

impl<'a> Node<'a> {
    pub(super) fn input(&self, index: usize) -> Result<&'a Value, String> {
        self.optional(index).ok_or_else(|| format!("it has no input {index}"))
    }

    pub(super) fn optional(&self, index: usize) -> Option<&'a Value> {
        self.inputs.get(index).copied().flatten()
    }

    /// The numbers of an input.
    pub(super) fn ints(&self, index: usize) -> Result<&'a [i64], String> {
        let known = self.input(index)?.ints.as_deref();
        known.ok_or_else(|| format!("its input {index} is not known beforehand"))
    }

    /// Numbers that are an attribute in old operator sets and an input in new ones.
    pub(super) fn numbers(&self, name: &str, index: usize) -> Result<Option<&'a [i64]>, String> {
        match (self.attributes.ints(name), self.optional(index)) {
            (Some(ints), _) => Ok(Some(ints)),
            (None, Some(_)) => self.ints(index).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Outputs of an operator and its work. The error says what cannot be followed.
pub(super) fn follow(
    operator: &str,
    attributes: &Attributes<'_>,
    inputs: &[Option<&Value>],
    outputs: usize,
) -> Result<(Vec<Value>, Cost), String> {
    let node = Node { attributes, inputs };
    let read: u64 = inputs.iter().flatten().map(|value| value.elements()).fold(0, u64::saturating_add);
    let values = match operator {
        "Conv" => return windows::conv(&node, 1),
        "QLinearConv" => return windows::conv(&node, 3),
        "MaxPool" | "AveragePool" => return windows::pool(&node),
        "MatMul" => return windows::mat_mul(&node, 1),
        "Gemm" => return windows::gemm(&node),
        "Split" => layout::split(&node, outputs)?,
        _ => vec![one(operator, &node)?],
    };
    let written: u64 = values.iter().map(Value::elements).fold(0, u64::saturating_add);
    Ok((values, Cost(read.saturating_add(written))))
}

fn one(operator: &str, node: &Node<'_>) -> Result<Value, String> {
    match operator {
        "Relu"
        | "LeakyRelu"
        | "Sigmoid"
        | "Tanh"
        | "Exp"
        | "Log"
        | "Sqrt"
        | "Abs"
        | "Neg"
        | "Floor"
        | "Ceil"
        | "Round"
        | "Clip"
        | "Elu"
        | "Selu"
        | "HardSigmoid"
        | "HardSwish"
        | "Softplus"
        | "Softsign"
        | "Mish"
        | "Gelu"
        | "Erf"
        | "Sign"
        | "Reciprocal"
        | "Not"
        | "Sin"
        | "Cos"
        | "Softmax"
        | "LogSoftmax"
        | "BatchNormalization"
        | "InstanceNormalization"
        | "LayerNormalization"
        | "LRN"
        | "Dropout"
        | "QuantizeLinear"
        | "DequantizeLinear" => Value::of(node.input(0)?.dims().to_vec()),
        "Identity" | "Cast" => Ok(node.input(0)?.clone()),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Sum" | "Mean" | "PRelu" | "Where"
        | "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or" | "Xor" | "Mod" => {
            broadcast(node)
        }
        "GlobalAveragePool" | "GlobalMaxPool" => windows::global_pool(node),
        "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceSum" | "ReduceProd" | "ReduceL1" | "ReduceL2" => {
            windows::reduce(node)
        }
        "ArgMax" | "ArgMin" => windows::arg(node),
        "Constant" => constant_of(node),
        "Concat" => layout::concat(node),
        "Transpose" => layout::transpose(node),
        "Reshape" => layout::reshape(node),
        "Flatten" => layout::flatten(node),
        "Squeeze" => layout::squeeze(node),
        "Unsqueeze" => layout::unsqueeze(node),
        "Shape" => layout::shape(node),
        "Gather" => layout::gather(node),
        "Slice" => layout::slice(node),
        "Pad" => layout::pad(node),
        "Resize" => layout::resize(node, Step::Resize),
        "Upsample" => layout::resize(node, Step::Upsample),
        "DepthToSpace" => layout::depth_to_space(node),
        "SpaceToDepth" => layout::space_to_depth(node),
        _ => Err("it is not among the operators that are followed".to_owned()),
    }
}

fn constant_of(node: &Node<'_>) -> Result<Value, String> {
    let attributes = node.attributes;
    if let Some(tensor) = attributes.tensor("value") {
        return constant::value(tensor);
    }
    if let Some(ints) = attributes.ints("value_ints").filter(|ints| !ints.is_empty()) {
        return Ok(Value::of(vec![ints.len() as u64])?.with_ints(Some(ints.to_vec())));
    }
    if let Some(int) = attributes.int("value_int") {
        return Ok(Value::of(vec![])?.with_ints(Some(vec![int])));
    }
    if let Some(floats) = attributes.floats("value_floats").filter(|floats| !floats.is_empty()) {
        return Value::of(vec![floats.len() as u64]);
    }
    Value::of(vec![])
}

/// Shapes that are aligned at their ends; a 1 stretches.
fn broadcast(node: &Node<'_>) -> Result<Value, String> {
    let shapes: Vec<&[u64]> = node.inputs.iter().flatten().map(|value| value.dims()).collect();
    if shapes.is_empty() {
        return Err("it has no inputs".to_owned());
    }
    Value::of(shapes.iter().try_fold(Vec::new(), |all, shape| joined(&all, shape))?)
}

pub(super) fn joined(a: &[u64], b: &[u64]) -> Result<Vec<u64>, String> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[u64], index: usize| match (index + shape.len()).checked_sub(rank) {
        Some(own) => shape.get(own).copied().unwrap_or(1),
        None => 1,
    };
    let join = |index: usize| match (dim(a, index), dim(b, index)) {
        (a, b) if a == b => Ok(a),
        (1, other) | (other, 1) => Ok(other),
        (a, b) => Err(format!("dimensions {a} and {b} do not fit each other")),
    };
    (0..rank).map(join).collect()
}
