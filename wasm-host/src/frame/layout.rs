//! How the pixels of a frame are laid out in memory, with checked arithmetic.

#[cfg(test)]
mod tests;

use edgevision_abi::MAX_PLANES;

/// Pixel formats that modules can be given; values as in `edgevision_abi::pixel_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum PixelFormat {
    /// Planar Y, U, V, chroma halved both ways.
    I420 = 1,
    /// Planar Y, interleaved UV, chroma halved both ways.
    Nv12 = 2,
    /// Packed R, G, B.
    Rgb = 3,
    /// Packed B, G, R.
    Bgr = 4,
    /// Grey.
    Gray8 = 5,
}

/// YUV to RGB matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ColorMatrix {
    /// ITU-R BT.601.
    Bt601 = 1,
    /// ITU-R BT.709.
    Bt709 = 2,
}

/// Value range of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ColorRange {
    /// Luma 16..=235, chroma 16..=240.
    Limited = 1,
    /// 0..=255.
    Full = 2,
}

/// How samples become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    /// The matrix.
    pub matrix: ColorMatrix,
    /// The range.
    pub range: ColorRange,
}

/// One plane, relative to the first byte of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plane {
    /// First sample.
    pub offset: u32,
    /// Bytes from line to line.
    pub stride: u32,
}

/// Largest width and height, as in GStreamer's raw video caps.
const MAX_SIZE: u32 = 32767;

/// Where the planes of a frame lie. Made only by [`FrameLayout::new`], so always consistent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameLayout {
    format: PixelFormat,
    width: u32,
    height: u32,
    color: Colorimetry,
    /// The first `n_planes` count, the others are zero.
    planes: [Plane; MAX_PLANES],
    n_planes: usize,
    byte_len: u32,
}

/// A layout that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LayoutError(pub String);

/// Visible part of a plane.
struct Extent {
    row_bytes: u32,
    rows: u32,
}

impl PixelFormat {
    /// Visible bytes per line and lines of each plane. Odd sizes round up for chroma; sizes are at most
    /// [`MAX_SIZE`], so nothing here overflows.
    fn extents(self, width: u32, height: u32) -> Vec<Extent> {
        let plane = |row_bytes, rows| Extent { row_bytes, rows };
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        match self {
            Self::I420 => {
                vec![plane(width, height), plane(half_width, half_height), plane(half_width, half_height)]
            }
            Self::Nv12 => vec![plane(width, height), plane(2 * half_width, half_height)],
            Self::Rgb | Self::Bgr => vec![plane(3 * width, height)],
            Self::Gray8 => vec![plane(width, height)],
        }
    }
}

impl FrameLayout {
    /// Checks sizes (1..=32767), the number of planes, strides against the visible width and every product
    /// against `u32`.
    pub fn new(
        format: PixelFormat,
        width: u32,
        height: u32,
        color: Colorimetry,
        planes: &[Plane],
    ) -> Result<Self, LayoutError> {
        check_size(width, height)?;
        let extents = format.extents(width, height);
        if planes.len() != extents.len() {
            let (found, wanted) = (planes.len(), extents.len());
            return Err(LayoutError(format!("a {format:?} frame has {wanted} planes, {found} were given")));
        }
        let mut layout =
            Self { format, width, height, color, planes: Default::default(), n_planes: 0, byte_len: 0 };
        for (plane, extent) in planes.iter().zip(&extents) {
            layout.push(*plane, extent)?;
        }
        Ok(layout)
    }

    /// The layout without padding between lines and planes.
    pub fn packed(
        format: PixelFormat,
        width: u32,
        height: u32,
        color: Colorimetry,
    ) -> Result<Self, LayoutError> {
        check_size(width, height)?;
        let mut layout =
            Self { format, width, height, color, planes: Default::default(), n_planes: 0, byte_len: 0 };
        for extent in format.extents(width, height) {
            layout.push(Plane { offset: layout.byte_len, stride: extent.row_bytes }, &extent)?;
        }
        Ok(layout)
    }

    /// Appends a plane after checking that its lines do not overlap and end within `u32`.
    fn push(&mut self, plane: Plane, extent: &Extent) -> Result<(), LayoutError> {
        let (index, stride, row_bytes) = (self.n_planes, plane.stride, extent.row_bytes);
        if stride < row_bytes {
            return Err(LayoutError(format!(
                "plane {index} has a stride of {stride} bytes, a line of {} {:?} pixels needs {row_bytes}",
                self.width, self.format
            )));
        }
        let end = plane_end(plane, extent).ok_or_else(|| {
            LayoutError(format!("plane {index} ends beyond 4 GiB, which no module can reach"))
        })?;
        self.planes[index] = plane;
        self.n_planes += 1;
        self.byte_len = self.byte_len.max(end);
        Ok(())
    }

    /// Bytes from the frame's first byte to the end of its last visible line.
    pub fn byte_len(&self) -> usize {
        self.byte_len as usize
    }

    /// Pixel format.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Visible width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Visible height in lines.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Colorimetry.
    pub fn color(&self) -> Colorimetry {
        self.color
    }

    /// The planes in the order of the format.
    pub fn planes(&self) -> &[Plane] {
        &self.planes[..self.n_planes]
    }
}

fn check_size(width: u32, height: u32) -> Result<(), LayoutError> {
    let allowed = 1..=MAX_SIZE;
    if !allowed.contains(&width) || !allowed.contains(&height) {
        return Err(LayoutError(format!(
            "a frame of {width}x{height} pixels; 1x1 to {MAX_SIZE}x{MAX_SIZE} is allowed"
        )));
    }
    Ok(())
}

/// End of the last visible line; the padding behind it need not exist.
fn plane_end(plane: Plane, extent: &Extent) -> Option<u32> {
    let last_line = plane.stride.checked_mul(extent.rows - 1)?;
    plane.offset.checked_add(last_line)?.checked_add(extent.row_bytes)
}
