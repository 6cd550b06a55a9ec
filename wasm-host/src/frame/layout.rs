//! How the pixels of a frame are laid out in memory, with checked arithmetic.
//! (skeleton: owner of `wasm-host` core completes it)

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

/// Where the planes of a frame lie. Made only by [`FrameLayout::new`], so always consistent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameLayout {
    format: PixelFormat,
    width: u32,
    height: u32,
    color: Colorimetry,
    planes: Vec<Plane>,
}

/// A layout that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LayoutError(pub String);

impl FrameLayout {
    /// Checks sizes (1..=32767), the number of planes, strides against the visible width and every product
    /// against `u32`.
    pub fn new(
        _format: PixelFormat,
        _width: u32,
        _height: u32,
        _color: Colorimetry,
        _planes: &[Plane],
    ) -> Result<Self, LayoutError> {
        todo!()
    }
    /// The layout without padding between lines and planes.
    pub fn packed(
        _format: PixelFormat,
        _width: u32,
        _height: u32,
        _color: Colorimetry,
    ) -> Result<Self, LayoutError> {
        todo!()
    }
    /// Bytes from the frame's first byte to the end of its last visible line.
    pub fn byte_len(&self) -> usize {
        todo!()
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
        &self.planes
    }
}
