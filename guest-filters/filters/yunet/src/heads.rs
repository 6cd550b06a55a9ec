//! Which outputs belong together.

use edgevision_sdk::{Geometry, ModelInfo, TensorInfo, model::fixed};

/// The four outputs of one stride, by their numbers in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Input pixels per cell.
    pub stride: u32,
    /// `cls_S` [1, cells, 1]: is it a face, 0..=1.
    pub class: usize,
    /// `obj_S` [1, cells, 1]: is it an object, 0..=1.
    pub object: usize,
    /// `bbox_S` [1, cells, 4]: offset of the centre and logarithm of the size, in strides.
    pub bounds: usize,
    /// `kps_S` [1, cells, 2 * points]: offsets of the points, in strides.
    pub points: usize,
    /// Points of a face.
    pub n_points: usize,
}

/// The grid of a head over an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// Cells of a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Cells {
    /// All of them.
    pub fn count(self) -> usize {
        self.columns * self.rows
    }
}

impl Head {
    /// The heads of a model, in rising order of their strides: outputs are found by their names, in any order.
    pub fn all(model: &ModelInfo) -> Result<Vec<Self>, String> {
        let strides =
            model.outputs.iter().filter_map(|output| output.name.strip_prefix("cls_")?.parse().ok());
        let mut strides: Vec<u32> = strides.filter(|stride| *stride > 0).collect();
        strides.sort_unstable();
        strides.dedup();
        if strides.is_empty() {
            let names: Vec<&str> = model.outputs.iter().map(|output| output.name.as_str()).collect();
            return Err(format!(
                "the model has the outputs {}: yunet reads cls_8, obj_8, bbox_8, kps_8 and the same for 16 and 32",
                names.join(", ")
            ));
        }
        strides.into_iter().map(|stride| Self::of(stride, model)).collect()
    }

    fn of(stride: u32, model: &ModelInfo) -> Result<Self, String> {
        let find = |kind: &str| {
            let name = format!("{kind}_{stride}");
            let found = model.outputs.iter().position(|output| output.name == name);
            found.ok_or_else(|| format!("the model has an output `cls_{stride}`, but no `{name}`"))
        };
        let (class, object, bounds, points) = (find("cls")?, find("obj")?, find("bbox")?, find("kps")?);
        let head = Self { stride, class, object, bounds, points, n_points: 0 };
        for (output, columns) in [(class, 1), (object, 1), (bounds, 4)] {
            check_columns(&model.outputs[output], |found| found == columns)?;
        }
        let columns = check_columns(&model.outputs[points], |found| found > 0 && found % 2 == 0)?;
        Ok(Self { n_points: columns / 2, ..head })
    }

    /// Its grid over the input of this frame.
    pub fn cells(&self, geometry: &Geometry) -> Result<Cells, String> {
        let cells = |pixels: u32| usize::try_from(pixels / self.stride).map_err(|error| error.to_string());
        Ok(Cells { columns: cells(geometry.input_width)?, rows: cells(geometry.input_height)? })
    }
}

/// The last dimension of `[1, cells, columns]`.
fn check_columns(output: &TensorInfo, is_right: impl Fn(usize) -> bool) -> Result<usize, String> {
    let columns = match output.shape[..] {
        [1 | -1, _, columns] => fixed(columns).filter(|columns| is_right(*columns)),
        _ => None,
    };
    let TensorInfo { name, shape, .. } = output;
    columns.ok_or_else(|| {
        format!("the model's output `{name}` {shape:?} is none of yunet's: [1, cells, numbers]")
    })
}
