//! The layouts of outputs, and how one is told from another.

use std::fmt;

/// Layout of an output; N boxes or cells, K classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[1, N, 5 + K]`: a row for each cell of every grid, to be decoded with it; with objectness. YOLOX.
    Yolox,
    /// `[1, N, 5 + K]`: decoded rows `cx cy w h`, with objectness. YOLOv5, YOLOv6, YOLOv7, YOLOX with decode.
    Yolov5,
    /// `[1, 4 + K, N]`: decoded columns `cx cy w h`, without objectness. YOLOv8, v9, v11, v12.
    Yolov8,
    /// `[1, N, 4 + K]`: the same as rows. YOLOv8 transposed, YOLO-NAS in one output, RT-DETR.
    Yolov8Rows,
    /// `[1, N, 6]`: rows `x0 y0 x1 y1 score class`, NMS done. YOLOv10, YOLO26, exports with NMS.
    Yolov10,
}

impl Layout {
    const ALL: [Self; 5] = [Self::Yolox, Self::Yolov5, Self::Yolov8, Self::Yolov8Rows, Self::Yolov10];

    /// Which dimension counts the boxes: 1 or 2.
    pub fn boxes_at(self) -> usize {
        if self == Self::Yolov8 { 2 } else { 1 }
    }

    /// Numbers that describe a box beside its classes.
    pub fn numbers(self) -> usize {
        match self {
            Self::Yolox | Self::Yolov5 => 5,
            Self::Yolov8 | Self::Yolov8Rows => 4,
            Self::Yolov10 => 6,
        }
    }

    /// Are there scores of classes in each row, so that their number is known?
    pub fn has_classes(self) -> bool {
        self != Self::Yolov10
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yolox => "yolox",
            Self::Yolov5 => "yolov5",
            Self::Yolov8 => "yolov8",
            Self::Yolov8Rows => "yolov8_rows",
            Self::Yolov10 => "yolov10",
        })
    }
}

/// Cells of all grids over an input of this size.
pub fn cells((width, height): (u32, u32), strides: &[u32]) -> Option<usize> {
    strides.iter().try_fold(0usize, |sum, stride| {
        let grid =
            usize::try_from(width / stride).ok()?.checked_mul(usize::try_from(height / stride).ok()?)?;
        sum.checked_add(grid)
    })
}

/// More rows than end-to-end models report.
const MOST_FINAL_BOXES: usize = 1000;

/// What tells the layouts apart.
#[derive(Clone, Copy, Debug)]
pub struct Clues<'a> {
    /// Rows and columns of the output.
    pub matrix: (usize, usize),
    /// Size of the input, if it is fixed.
    pub input: Option<(u32, u32)>,
    /// The strides that are set.
    pub strides: &'a [u32],
    /// Labels that are given; 0 = none.
    pub labels: usize,
}

impl Clues<'_> {
    /// The one layout that fits. The error is a sentence about `output`.
    pub fn recognise(&self, output: &str) -> Result<Layout, String> {
        let fitting: Vec<Layout> = Layout::ALL.into_iter().filter(|&layout| self.fits(layout)).collect();
        match fitting[..] {
            [layout] => Ok(layout),
            [] => Err(format!(
                "the model's output {output} is no layout that yolo knows by its shape ({}): use another module, or \
                 set `layout` and `strides`",
                self.known()
            )),
            _ => {
                let names: Vec<String> = fitting.iter().map(Layout::to_string).collect();
                Err(format!("the model's output {output} may be {}: set `layout`", names.join(" or ")))
            }
        }
    }

    fn fits(&self, layout: Layout) -> bool {
        let (rows, columns) = self.matrix;
        let (cells, anchors) = (self.cells(), self.has_anchors());
        let is_grid = Some(rows) == cells;
        match layout {
            Layout::Yolox => is_grid && columns > 5 && !self.labels_say_rows(),
            Layout::Yolov5 => anchors && columns > 5,
            // Its boxes need not come from these strides, but they are more than what describes one of them.
            Layout::Yolov8 => rows > 4 && (Some(columns) == cells || columns > rows),
            Layout::Yolov8Rows => is_grid && (columns == 5 || self.labels_say_rows()),
            Layout::Yolov10 => columns == 6 && (7..=MOST_FINAL_BOXES).contains(&rows) && !is_grid && !anchors,
        }
    }

    /// As many labels as the columns without objectness.
    fn labels_say_rows(&self) -> bool {
        self.labels > 0 && self.matrix.1 == self.labels + 4
    }

    fn cells(&self) -> Option<usize> {
        cells(self.input?, self.strides)
    }

    /// Three boxes for each cell, also with the fourth grid of the large models.
    fn has_anchors(&self) -> bool {
        let fits = |strides: &[u32]| {
            let cells = self.input.and_then(|input| cells(input, strides));
            cells.and_then(|cells| cells.checked_mul(3)) == Some(self.matrix.0)
        };
        fits(self.strides) || fits(&[8, 16, 32, 64])
    }

    fn known(&self) -> String {
        let (rows, anchors) = match self.cells() {
            Some(cells) => (cells.to_string(), cells.saturating_mul(3).to_string()),
            None => ("cells".into(), "3 x cells".into()),
        };
        format!(
            "yolox [1, {rows}, 5 + classes], yolov5 [1, {anchors}, 5 + classes], yolov8 [1, 4 + classes, boxes], \
             yolov10 [1, boxes, 6]"
        )
    }
}
