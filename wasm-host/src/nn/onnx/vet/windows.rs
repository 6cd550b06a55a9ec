//! Operators that go over windows or sum over dimensions: their work is more than their elements.

use super::{
    operators::{Cost, Node, joined},
    value::Value,
};

type Followed = Result<(Vec<Value>, Cost), String>;

fn followed(value: Value, work_per_element: u64) -> Followed {
    let work = value.elements().saturating_mul(work_per_element.max(1));
    Ok((vec![value], Cost(work)))
}

/// Convolution with the weights `[out, in / group, …]` at input `weights`.
pub(super) fn conv(node: &Node<'_>, weights: usize) -> Followed {
    let (data, weights) = (node.input(0)?, node.input(weights)?);
    if data.rank() < 3 || weights.rank() != data.rank() {
        return Err("its input and weights have no fitting dimensions".to_owned());
    }
    let kernel = &weights.dims()[2..];
    let mut dims = vec![data.dim(0)?, weights.dim(0)?];
    dims.extend(slide(node, &data.dims()[2..], kernel)?);
    // Padding and no window are still looked at.
    let per_element = weights.elements() / weights.dim(0)?.max(1);
    followed(Value::of(dims)?, per_element)
}

pub(super) fn pool(node: &Node<'_>) -> Followed {
    let data = node.input(0)?;
    if data.rank() < 3 {
        return Err("its input has too few dimensions".to_owned());
    }
    let spatial = &data.dims()[2..];
    let kernel = node.attributes.sizes("kernel_shape", spatial.len(), 1)?;
    let mut dims = data.dims()[..2].to_vec();
    dims.extend(slide(node, spatial, &kernel)?);
    let window = kernel.iter().fold(1_u64, |product, size| product.saturating_mul(*size));
    followed(Value::of(dims)?, window)
}

/// Positions of a window in each dimension.
fn slide(node: &Node<'_>, spatial: &[u64], kernel: &[u64]) -> Result<Vec<u64>, String> {
    let (rank, attributes) = (spatial.len(), node.attributes);
    let strides = attributes.sizes("strides", rank, 1)?;
    let dilations = attributes.sizes("dilations", rank, 1)?;
    let pads = attributes.sizes("pads", rank * 2, 0)?;
    let up = attributes.int("ceil_mode").unwrap_or(0) != 0;
    let same = attributes.text("auto_pad").is_some_and(|mode| mode.starts_with("SAME"));
    let position = |index: usize| {
        let (size, stride) = (spatial[index], strides[index].max(1));
        if same {
            return Some(size.div_ceil(stride));
        }
        let window = kernel[index].checked_sub(1)?.checked_mul(dilations[index])?.checked_add(1)?;
        let padded = size.checked_add(pads[index])?.checked_add(pads[rank + index])?;
        let steps = padded.checked_sub(window)?;
        (if up { steps.div_ceil(stride) } else { steps / stride }).checked_add(1)
    };
    let positions = (0..rank).map(position).collect::<Option<Vec<u64>>>();
    positions.ok_or_else(|| "its window is larger than its input".to_owned())
}

/// `[…, M, K] x […, K, N]`.
pub(super) fn mat_mul(node: &Node<'_>, right: usize) -> Followed {
    let (a, b) = (node.input(0)?, node.input(right)?);
    let (Some(k), [a_batch @ .., m, a_k], [b_batch @ .., b_k, n]) =
        (a.dims().last().copied(), a.dims(), b.dims())
    else {
        return Err("its inputs are not matrices".to_owned());
    };
    if a_k != b_k {
        return Err(format!("dimensions {a_k} and {b_k} do not fit each other"));
    }
    let mut dims = joined(a_batch, b_batch)?;
    dims.extend([*m, *n]);
    followed(Value::of(dims)?, k)
}

pub(super) fn gemm(node: &Node<'_>) -> Followed {
    let (a, b) = (node.input(0)?, node.input(1)?);
    let turned = |name: &str| node.attributes.int(name).unwrap_or(0) != 0;
    let sides = |value: &Value, turned: bool| match (value.dims(), turned) {
        ([rows, columns], false) | ([columns, rows], true) => Ok((*rows, *columns)),
        _ => Err("its inputs are not matrices".to_owned()),
    };
    let ((m, k), (b_k, n)) = (sides(a, turned("transA"))?, sides(b, turned("transB"))?);
    if k != b_k {
        return Err(format!("dimensions {k} and {b_k} do not fit each other"));
    }
    followed(Value::of(vec![m, n])?, k)
}

pub(super) fn global_pool(node: &Node<'_>) -> Result<Value, String> {
    let dims = node.input(0)?.dims();
    Value::of(dims.iter().enumerate().map(|(index, dim)| if index < 2 { *dim } else { 1 }).collect())
}

pub(super) fn reduce(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let axes = match node.numbers("axes", 1)? {
        Some(axes) => axes.iter().map(|axis| Value::axis(*axis, data.rank())).collect::<Result<_, _>>()?,
        None => (0..data.rank()).collect::<Vec<usize>>(),
    };
    without(data, &axes, node.attributes.int("keepdims").unwrap_or(1) != 0)
}

pub(super) fn arg(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let axis = Value::axis(node.attributes.int("axis").unwrap_or(0), data.rank())?;
    without(data, &[axis], node.attributes.int("keepdims").unwrap_or(1) != 0)
}

fn without(data: &Value, axes: &[usize], keep: bool) -> Result<Value, String> {
    let dim = |(index, dim): (usize, &u64)| match axes.contains(&index) {
        true => keep.then_some(1),
        false => Some(*dim),
    };
    Value::of(data.dims().iter().enumerate().filter_map(dim).collect())
}
