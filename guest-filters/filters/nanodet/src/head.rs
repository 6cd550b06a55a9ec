//! Which outputs belong to which grid.

use edgevision_sdk::{ModelInfo, TensorInfo, model::fixed};

use crate::params::Settings;

/// A part of an output: columns of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which output.
    pub output: usize,
    /// Columns of the whole output.
    pub row: usize,
    /// First column of the part.
    pub column: usize,
    /// Rows of other grids before it.
    pub skip: usize,
}

/// One grid over the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Input pixels per cell.
    pub stride: u32,
    /// Cells in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Scores of the classes.
    pub scores: Part,
    /// Bins of left, upper, right and lower distance.
    pub bins: Part,
}

/// The outputs to decode.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// The grids.
    pub grids: Vec<Grid>,
    /// Classes that the model tells apart, at least 1.
    pub classes: usize,
    /// One output for four grids: NanoDet-Plus. Its predecessors have three.
    pub is_plus: bool,
    /// Width and height of the input.
    pub input: (u32, u32),
    /// What the model announced.
    announced: Vec<TensorInfo>,
}

/// Strides of NanoDet, and of NanoDet-Plus.
const STRIDES: [&[u32]; 2] = [&[8, 16, 32], &[8, 16, 32, 64]];

impl Head {
    /// Refuses a model that cannot be decoded.
    pub fn new(model: &ModelInfo, settings: &Settings) -> Result<Self, String> {
        let input = model
            .input_size()
            .ok_or("the size of the model's input is not fixed: export the model with fixed sizes")?;
        let known = STRIDES.map(<[u32]>::to_vec);
        let candidates = settings.strides.as_ref().map_or(&known[..], std::slice::from_ref);
        let finder = Finder { model, bins: 4 * settings.bins, input };
        let single = candidates.iter().find_map(|strides| finder.single(strides));
        // The longest list first: a model with four grids has those of three, too.
        let pairs = || candidates.iter().rev().find_map(|strides| finder.pairs(strides));
        let is_single = single.is_some();
        let (grids, classes) = single.or_else(pairs).ok_or_else(|| finder.unknown())?;
        let is_plus = is_single && grids.len() > 3;
        let last = grids.iter().map(|grid| grid.scores.output.max(grid.bins.output)).max().unwrap_or(0);
        let announced: Vec<TensorInfo> = model.outputs.iter().take(last + 1).cloned().collect();
        announced.iter().try_for_each(|output| output.check_floats("nanodet"))?;
        Ok(Self { grids, classes, is_plus, input, announced })
    }

    /// The last of the outputs that are read.
    pub fn last_output(&self) -> usize {
        self.announced.len().saturating_sub(1)
    }

    /// The shapes of a frame's outputs must be those that were announced; only batches may be open.
    pub fn check(&self, dims: &[&[u32]]) -> Result<(), String> {
        self.announced.iter().zip(dims).try_for_each(|(output, dims)| match output.sizes(dims)?.first() {
            Some(1) => Ok(()),
            _ => Err(format!("the model's output `{}` is {dims:?}: nanodet reads one picture", output.name)),
        })
    }
}

struct Finder<'a> {
    model: &'a ModelInfo,
    /// Columns of all four distances.
    bins: usize,
    input: (u32, u32),
}

impl Finder<'_> {
    /// Cells in a line and lines; a cell that is cut off counts.
    fn cells(&self, stride: u32) -> Option<(usize, usize)> {
        let cells = |pixels: u32| usize::try_from(pixels.div_ceil(stride)).ok();
        cells(self.input.0).zip(cells(self.input.1))
    }

    /// One output `[1, cells of all grids, classes + 4 * bins]`.
    fn single(&self, strides: &[u32]) -> Option<(Vec<Grid>, usize)> {
        let grids: Vec<(u32, (usize, usize))> =
            strides.iter().map(|&stride| Some((stride, self.cells(stride)?))).collect::<Option<_>>()?;
        let all: usize = grids.iter().map(|(_, (width, height))| width * height).sum();
        let fits = |output: &TensorInfo| rows(output).filter(|&(n, row)| n == all && row > self.bins);
        let (output, (_, row)) =
            self.model.outputs.iter().enumerate().find_map(|(at, output)| Some((at, fits(output)?)))?;
        let classes = row - self.bins;
        let mut skip = 0;
        let grid = |(stride, (width, height)): (u32, (usize, usize))| {
            let scores = Part { output, row, column: 0, skip };
            skip += width * height;
            Grid { stride, width, height, scores, bins: Part { column: classes, ..scores } }
        };
        Some((grids.into_iter().map(grid).collect(), classes))
    }

    /// Two outputs for each grid, `[1, cells, classes]` and `[1, cells, 4 * bins]`.
    fn pairs(&self, strides: &[u32]) -> Option<(Vec<Grid>, usize)> {
        let grids = strides.iter().map(|&stride| self.pair(stride)).collect::<Option<Vec<Grid>>>()?;
        let classes = grids.first()?.scores.row;
        grids.iter().all(|grid| grid.scores.row == classes).then_some((grids, classes))
    }

    fn pair(&self, stride: u32) -> Option<Grid> {
        let (width, height) = self.cells(stride)?;
        let part = |(output, info): (usize, &TensorInfo)| {
            let (n, row) = rows(info)?;
            (n == width * height).then_some(Part { output, row, column: 0, skip: 0 })
        };
        let parts: Vec<Part> = self.model.outputs.iter().enumerate().filter_map(part).collect();
        let &[a, b] = &parts[..] else { return None };
        let (scores, bins) = match (a.row == self.bins, b.row == self.bins) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            // As many classes as bins: the names have to tell.
            (true, true) if self.says_distance(b) && !self.says_distance(a) => (a, b),
            (true, true) if self.says_distance(a) && !self.says_distance(b) => (b, a),
            _ => return None,
        };
        Some(Grid { stride, width, height, scores, bins })
    }

    fn says_distance(&self, part: Part) -> bool {
        let name = self.model.outputs.get(part.output).map(|output| output.name.to_lowercase());
        name.is_some_and(|name| ["dis", "reg", "box"].iter().any(|hint| name.contains(hint)))
    }

    fn unknown(&self) -> String {
        let outputs: Vec<String> =
            self.model.outputs.iter().map(|output| format!("`{}` {:?}", output.name, output.shape)).collect();
        format!(
            "the model's outputs {} are not what nanodet reads for an input of {}x{}: for each stride scores \
             [1, cells, classes] and distances [1, cells, {bins}], or one output [1, all cells, classes + {bins}]: set \
             `strides` or `bins`, or use another module",
            outputs.join(", "),
            self.input.0,
            self.input.1,
            bins = self.bins
        )
    }
}

/// Rows and columns of `[1, rows, columns]`.
fn rows(output: &TensorInfo) -> Option<(usize, usize)> {
    match output.shape[..] {
        [1 | -1, rows, columns] => fixed(rows).zip(fixed(columns)),
        _ => None,
    }
}
