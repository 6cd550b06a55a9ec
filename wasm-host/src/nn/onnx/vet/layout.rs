//! Operators that move elements without computing: their shapes can depend on numbers that the model has.

use super::{operators::Node, value::Value};

/// Largest dimension that is asked for in numbers.
const MAX_DIM: u64 = 1 << 32;

fn dim_of(number: i64) -> Result<u64, String> {
    u64::try_from(number)
        .ok()
        .filter(|dim| *dim < MAX_DIM)
        .ok_or_else(|| format!("it asks for a dimension of {number}"))
}

fn axis_of(node: &Node<'_>, default: i64, rank: usize) -> Result<usize, String> {
    Value::axis(node.attributes.int("axis").unwrap_or(default), rank)
}

pub(super) fn concat(node: &Node<'_>) -> Result<Value, String> {
    let first = node.input(0)?;
    let axis = axis_of(node, 0, first.rank())?;
    let mut dims = first.dims().to_vec();
    dims[axis] = 0;
    for value in node.inputs.iter().flatten() {
        let fits = value.rank() == dims.len()
            && value.dims().iter().zip(&dims).enumerate().all(|(index, (a, b))| index == axis || a == b);
        if !fits {
            return Err("its inputs do not fit each other".to_owned());
        }
        dims[axis] = dims[axis].saturating_add(value.dim(axis)?);
    }
    let ints = node.inputs.iter().flatten().map(|value| value.ints.clone());
    let ints = ints.collect::<Option<Vec<_>>>().filter(|_| dims.len() == 1);
    Ok(Value::of(dims)?.with_ints(ints.map(|ints| ints.concat())))
}

pub(super) fn split(node: &Node<'_>, outputs: usize) -> Result<Vec<Value>, String> {
    let data = node.input(0)?;
    let axis = axis_of(node, 0, data.rank())?;
    let whole = data.dim(axis)?;
    let parts: Vec<u64> = match node.numbers("split", 1)? {
        Some(parts) => parts.iter().map(|part| dim_of(*part)).collect::<Result<_, _>>()?,
        None => {
            let part = whole.div_ceil((outputs as u64).max(1));
            (0..outputs as u64).map(|index| whole.saturating_sub(index * part).min(part)).collect()
        }
    };
    if parts.len() != outputs || parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part)) != whole {
        return Err("its parts are not the whole".to_owned());
    }
    let part = |part: u64| {
        let mut dims = data.dims().to_vec();
        dims[axis] = part;
        Value::of(dims)
    };
    parts.into_iter().map(part).collect()
}

pub(super) fn transpose(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let Some(order) = node.attributes.ints("perm") else {
        return Value::of(data.dims().iter().rev().copied().collect());
    };
    let order = order.iter().map(|axis| Value::axis(*axis, data.rank())).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..data.rank()) {
        return Err("its `perm` is not an order of the dimensions".to_owned());
    }
    Value::of(order.into_iter().map(|axis| data.dims()[axis]).collect())
}

pub(super) fn reshape(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let wanted = node.numbers("shape", 1)?.ok_or("it has no shape")?;
    let keep_zero = node.attributes.int("allowzero").unwrap_or(0) != 0;
    let dim = |(index, number): (usize, &i64)| match number {
        -1 => Ok(None),
        0 if !keep_zero => data.dim(index).map(Some),
        number => dim_of(*number).map(Some),
    };
    let dims = wanted.iter().enumerate().map(dim).collect::<Result<Vec<_>, String>>()?;
    let known = dims.iter().flatten().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
    let known = known.ok_or("it asks for too many elements")?;
    let open = dims.iter().filter(|dim| dim.is_none()).count();
    let rest = if open == 0 { 1 } else { data.elements() / known.max(1) };
    if open > 1 || known.checked_mul(rest) != Some(data.elements()) {
        return Err(format!("{} elements do not make the shape {wanted:?}", data.elements()));
    }
    Value::of(dims.into_iter().map(|dim| dim.unwrap_or(rest)).collect())
}

pub(super) fn flatten(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let axis = match node.attributes.int("axis").unwrap_or(1) {
        // One more than there are dimensions is allowed here.
        axis if usize::try_from(axis) == Ok(data.rank()) => data.rank(),
        axis => Value::axis(axis, data.rank())?,
    };
    let (rows, columns) = data.dims().split_at(axis);
    Value::of(vec![rows.iter().product(), columns.iter().product()])
}

pub(super) fn squeeze(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let axes: Vec<usize> = match node.numbers("axes", 1)? {
        Some(axes) => axes.iter().map(|axis| Value::axis(*axis, data.rank())).collect::<Result<_, _>>()?,
        None => (0..data.rank()).filter(|axis| data.dims()[*axis] == 1).collect(),
    };
    let kept = data.dims().iter().enumerate().filter(|(index, _)| !axes.contains(index));
    let value = Value::of(kept.map(|(_, dim)| *dim).collect())?;
    if value.elements() != data.elements() {
        return Err("it drops a dimension that is not 1".to_owned());
    }
    Ok(value.with_ints(data.ints.clone()))
}

pub(super) fn unsqueeze(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let axes = node.numbers("axes", 1)?.ok_or("it has no axes")?;
    let rank = data.rank() + axes.len();
    let axes = axes.iter().map(|axis| Value::axis(*axis, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut rest = data.dims().iter().copied();
    let dims: Vec<u64> =
        (0..rank).filter_map(|index| if axes.contains(&index) { Some(1) } else { rest.next() }).collect();
    let value = Value::of(dims)?;
    if value.elements() != data.elements() {
        return Err("it has the same axis twice".to_owned());
    }
    Ok(value.with_ints(data.ints.clone()))
}

pub(super) fn shape(node: &Node<'_>) -> Result<Value, String> {
    let rank = node.input(0)?.rank();
    let place = |name: &str, default: usize| match node.attributes.int(name) {
        None => Ok(default),
        Some(at) if usize::try_from(at) == Ok(rank) => Ok(rank),
        Some(at) => Value::axis(at, rank),
    };
    let (start, end) = (place("start", 0)?, place("end", rank)?);
    let dims = node.input(0)?.dims().get(start..end).ok_or("it ends before it starts")?;
    let ints = dims.iter().map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX)).collect();
    Ok(Value::of(vec![dims.len() as u64])?.with_ints(Some(ints)))
}

pub(super) fn gather(node: &Node<'_>) -> Result<Value, String> {
    let (data, indices) = (node.input(0)?, node.input(1)?);
    let axis = axis_of(node, 0, data.rank())?;
    let dims = [&data.dims()[..axis], indices.dims(), &data.dims()[axis + 1..]].concat();
    let picked = || {
        let (numbers, indices) = (data.ints.as_ref().filter(|_| data.rank() == 1)?, indices.ints.as_ref()?);
        let pick = |at: &i64| numbers.get(Value::axis(*at, numbers.len()).ok()?).copied();
        indices.iter().map(pick).collect::<Option<Vec<i64>>>()
    };
    Ok(Value::of(dims)?.with_ints(picked()))
}

pub(super) fn slice(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    let starts = node.numbers("starts", 1)?.ok_or("it has no starts")?;
    let ends = node.numbers("ends", 2)?.ok_or("it has no ends")?;
    let axes = node.numbers("axes", 3)?;
    let steps = node.numbers("steps", 4)?;
    let mut dims = data.dims().to_vec();
    for (index, (start, end)) in starts.iter().zip(ends).enumerate() {
        let place = i64::try_from(index).unwrap_or(i64::MAX);
        let axis = axes.map_or(Some(place), |axes| axes.get(index).copied()).ok_or("it has too few axes")?;
        let step = steps.map_or(Some(1), |steps| steps.get(index).copied()).ok_or("it has too few steps")?;
        let axis = Value::axis(axis, data.rank())?;
        dims[axis] = kept(dims[axis], *start, *end, step)?;
    }
    let whole = starts.len() == 1 && data.rank() == 1 && steps.is_none_or(|steps| steps == [1]);
    let from = usize::try_from(clamped(starts.first().copied().unwrap_or(0), data.elements())).ok();
    let ints = data.ints.as_ref().filter(|_| whole).zip(from).and_then(|(ints, from)| {
        let len = usize::try_from(dims[0]).ok()?;
        ints.get(from..from.checked_add(len)?).map(<[i64]>::to_vec)
    });
    Ok(Value::of(dims)?.with_ints(ints))
}

/// A place counted from either end, moved into `0..=size`.
fn clamped(place: i64, size: u64) -> u64 {
    let back = place.unsigned_abs();
    if place < 0 { size.saturating_sub(back) } else { back.min(size) }
}

/// Elements that a slice keeps of `size`; with a negative step at most all, which is enough to know.
fn kept(size: u64, start: i64, end: i64, step: i64) -> Result<u64, String> {
    match step {
        0 => Err("it has a step of 0".to_owned()),
        1.. => Ok(clamped(end, size).saturating_sub(clamped(start, size)).div_ceil(step.unsigned_abs())),
        _ if start == -1 && step == -1 && end <= -i64::try_from(size).unwrap_or(i64::MAX) => Ok(size),
        _ => Err("it goes backwards".to_owned()),
    }
}

pub(super) fn pad(node: &Node<'_>) -> Result<Value, String> {
    let data = node.input(0)?;
    if node.optional(3).is_some() {
        return Err("it pads some axes only".to_owned());
    }
    let pads = node.numbers("pads", 1)?.ok_or("it has no pads")?;
    if pads.len() != data.rank() * 2 {
        return Err("it has too few pads".to_owned());
    }
    let (before, after) = pads.split_at(data.rank());
    let dim = |(index, dim): (usize, &u64)| {
        let all = i64::try_from(*dim).ok()?.checked_add(before[index])?.checked_add(after[index])?;
        u64::try_from(all).ok().filter(|dim| *dim < MAX_DIM)
    };
    let dims = data.dims().iter().enumerate().map(dim).collect::<Option<Vec<u64>>>();
    Value::of(dims.ok_or("its pads make no shape")?)
}

/// Which of the two operators that change the size of pictures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Resize,
    Upsample,
}

pub(super) fn resize(node: &Node<'_>, step: Step) -> Result<Value, String> {
    let data = node.input(0)?;
    if node.attributes.ints("axes").is_some() {
        return Err("it resizes some axes only".to_owned());
    }
    if let Some(sizes) = node.optional(3).filter(|sizes| sizes.elements() > 0) {
        let sizes = sizes.ints.as_deref().ok_or("its sizes are not known beforehand")?;
        if sizes.len() != data.rank() {
            return Err("it has too few sizes".to_owned());
        }
        return Value::of(sizes.iter().map(|size| dim_of(*size)).collect::<Result<_, _>>()?);
    }
    // Upsample and the first Resize have the scales as the second input, later ones as the third.
    let place = if step == Step::Upsample || node.inputs.len() == 2 { 1 } else { 2 };
    let given = node.optional(place).and_then(|scales| scales.floats.as_deref());
    let scales = given.or(node.attributes.floats("scales"));
    let scales = scales.filter(|scales| scales.len() == data.rank());
    let scales = scales.ok_or("its scales are not known beforehand")?;
    Value::of(data.dims().iter().zip(scales).map(scaled).collect::<Result<_, String>>()?)
}

fn scaled((dim, scale): (&u64, &f32)) -> Result<u64, String> {
    // Up to 2^20 an f32 holds every dimension exactly.
    let small = u32::try_from(*dim).ok().filter(|dim| *dim <= 1 << 20);
    let size = small.map(|dim| f64::from(dim) * f64::from(*scale)).filter(|size| *size >= 0.0 && *size < 1e9);
    let size = size.ok_or_else(|| format!("it scales {dim} by {scale}"))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1e9, rounded up")]
    Ok(size.ceil() as u64)
}

pub(super) fn depth_to_space(node: &Node<'_>) -> Result<Value, String> {
    let (block, [n, c, h, w]) = block_of(node)?;
    Value::of(vec![n, c / (block * block), h.saturating_mul(block), w.saturating_mul(block)])
}

pub(super) fn space_to_depth(node: &Node<'_>) -> Result<Value, String> {
    let (block, [n, c, h, w]) = block_of(node)?;
    Value::of(vec![n, c.saturating_mul(block * block), h / block, w / block])
}

fn block_of(node: &Node<'_>) -> Result<(u64, [u64; 4]), String> {
    let block = node.attributes.int("blocksize").and_then(|block| u64::try_from(block).ok());
    let block = block.filter(|block| (1..=1 << 14).contains(block)).ok_or("it has no block size")?;
    let dims = node.input(0)?.dims().try_into().map_err(|_| "its input has not four dimensions")?;
    Ok((block, dims))
}
