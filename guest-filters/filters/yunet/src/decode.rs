//! From the numbers of the outputs to faces in pixels of the model's input, and to landmarks in pixels of the source.

use edgevision_sdk::{
    Geometry, Landmark, Output,
    boxes::{Boxes, Candidate},
};

use crate::{
    heads::{Cells, Head},
    params::Score,
};

/// What one head says about all its cells.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    class: &'a [f32],
    object: &'a [f32],
    bounds: &'a [f32],
}

impl<'a> Numbers<'a> {
    /// Those of this frame; `rooms` are for outputs that are not f32.
    pub fn of(
        head: &Head,
        cells: Cells,
        outputs: &'a [Output],
        rooms: &'a mut [Vec<f32>; 3],
    ) -> Result<Self, String> {
        let [first, second, third] = rooms;
        Ok(Self {
            class: floats(outputs, head.class, cells.count(), first)?,
            object: floats(outputs, head.object, cells.count(), second)?,
            bounds: floats(outputs, head.bounds, 4 * cells.count(), third)?,
        })
    }
}

/// The elements of an output, which must be so many.
fn floats<'a>(
    outputs: &'a [Output],
    output: usize,
    count: usize,
    room: &'a mut Vec<f32>,
) -> Result<&'a [f32], String> {
    let output = outputs.get(output).ok_or("the model has fewer outputs than it said")?;
    let values = output.floats(room);
    if values.len() != count {
        let dims = output.dims();
        return Err(format!("the model's output is {dims:?}, the grid over its input has {count} numbers"));
    }
    Ok(values)
}

/// `cx = (b0 + gx) s`, `w = exp(b2) s`, likewise y; cells in raster order. `first` is the number of the first cell.
#[allow(clippy::cast_precision_loss, reason = "grids have less than 2^24 cells a row")]
pub fn faces(head: &Head, cells: Cells, first: usize, numbers: &Numbers, score: Score, boxes: &mut Boxes) {
    let stride = head.stride as f32;
    let grid = (0..cells.rows).flat_map(|y| (0..cells.columns).map(move |x| (x as f32, y as f32)));
    let scores = numbers.class.iter().zip(numbers.object).map(|(class, object)| score.of(*class, *object));
    let rows = numbers.bounds.as_chunks::<4>().0;
    for (cell, (((x, y), score), row)) in grid.zip(scores).zip(rows).enumerate() {
        if score >= boxes.threshold() {
            // The same exp natively and in Wasm, to the last bit.
            let size = [libm::expf(row[2]) * stride, libm::expf(row[3]) * stride];
            let numbers = [(row[0] + x) * stride, (row[1] + y) * stride, size[0], size[1]];
            boxes.add(Candidate::from_center(numbers, score, 0, first + cell));
        }
    }
}

/// The points of the face that was found in the cell with this number, in pixels of the source: `x = (k + gx) s`. None
/// of them when one is no number: a model may say anything.
#[allow(clippy::cast_precision_loss, reason = "grids have less than 2^24 cells a row")]
pub fn landmarks(
    heads: &[Head],
    index: u32,
    outputs: &[Output],
    room: &mut Vec<f32>,
    geometry: &Geometry,
) -> Result<Vec<Landmark>, String> {
    let mut cell = usize::try_from(index).map_err(|error| error.to_string())?;
    for head in heads {
        let cells = head.cells(geometry)?;
        if cell >= cells.count() {
            cell -= cells.count();
            continue;
        }
        let columns = 2 * head.n_points;
        let values = floats(outputs, head.points, columns * cells.count(), room)?;
        let (x, y) = ((cell % cells.columns) as f32, (cell / cells.columns) as f32);
        let stride = head.stride as f32;
        let point = |[dx, dy]: &[f32; 2]| source([(dx + x) * stride, (dy + y) * stride], geometry);
        let points: Vec<Landmark> =
            values[columns * cell..][..columns].as_chunks::<2>().0.iter().map(point).collect();
        let is_sound = points.iter().all(|point| point.x.is_finite() && point.y.is_finite());
        return Ok(if is_sound { points } else { vec![] });
    }
    Ok(vec![])
}

fn source([x, y]: [f32; 2], g: &Geometry) -> Landmark {
    Landmark::at((x - g.offset_x) / g.scale_x, (y - g.offset_y) / g.scale_y)
}
