//! How the pixels of a frame are laid out in memory, with checked arithmetic.

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLOR: Colorimetry = Colorimetry { matrix: ColorMatrix::Bt601, range: ColorRange::Limited };
    const FORMATS: [PixelFormat; 5] =
        [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb, PixelFormat::Bgr, PixelFormat::Gray8];

    #[test]
    fn packed_sizes_are_those_of_the_formats() {
        let table = [
            (PixelFormat::I420, 640, 360, 640 * 360 * 3 / 2),
            (PixelFormat::Nv12, 640, 360, 640 * 360 * 3 / 2),
            (PixelFormat::I420, 5, 3, 15 + 2 * 3 * 2),
            (PixelFormat::Nv12, 5, 3, 15 + 6 * 2),
            (PixelFormat::Nv12, 1, 1, 1 + 2),
            (PixelFormat::Rgb, 5, 3, 45),
            (PixelFormat::Bgr, 5, 3, 45),
            (PixelFormat::Gray8, 32767, 32767, 32767 * 32767),
        ];
        for (format, width, height, bytes) in table {
            let layout = FrameLayout::packed(format, width, height, COLOR).unwrap();
            assert_eq!(layout.byte_len(), bytes, "{format:?} {width}x{height}");
        }
    }

    #[test]
    fn values_are_those_of_the_abi() {
        use edgevision_abi::{color_matrix, color_range, pixel_format};
        let formats = [
            pixel_format::I420,
            pixel_format::NV12,
            pixel_format::RGB,
            pixel_format::BGR,
            pixel_format::GRAY8,
        ];
        assert_eq!(FORMATS.map(|format| format as u32), formats);
        assert_eq!(
            [ColorMatrix::Bt601 as u32, ColorMatrix::Bt709 as u32],
            [color_matrix::BT601, color_matrix::BT709]
        );
        assert_eq!(
            [ColorRange::Limited as u32, ColorRange::Full as u32],
            [color_range::LIMITED, color_range::FULL]
        );
    }

    #[test]
    fn refusals_say_what_was_found_and_what_is_allowed() {
        let plane = |offset, stride| Plane { offset, stride };
        let new = |format, width, height, planes: &[Plane]| {
            FrameLayout::new(format, width, height, COLOR, planes).unwrap_err().to_string()
        };
        assert_eq!(
            new(PixelFormat::Gray8, 0, 4, &[plane(0, 4)]),
            "a frame of 0x4 pixels; 1x1 to 32767x32767 is allowed"
        );
        assert_eq!(new(PixelFormat::Nv12, 4, 4, &[plane(0, 4)]), "a Nv12 frame has 2 planes, 1 were given");
        assert_eq!(
            new(PixelFormat::Nv12, 5, 4, &[plane(0, 5), plane(20, 5)]),
            "plane 1 has a stride of 5 bytes, a line of 5 Nv12 pixels needs 6"
        );
        assert_eq!(
            new(PixelFormat::Gray8, 4, 3, &[plane(0, u32::MAX)]),
            "plane 0 ends beyond 4 GiB, which no module can reach"
        );
    }

    proptest! {
        #[test]
        fn every_visible_byte_is_inside_byte_len(
            format in prop::sample::select(FORMATS.to_vec()),
            width in 1u32..=MAX_SIZE,
            height in 1u32..=MAX_SIZE,
            offsets in prop::array::uniform3(any::<u32>()),
            padding in prop::array::uniform3(0u32..100_000),
        ) {
            let extents = format.extents(width, height);
            let planes: Vec<Plane> = extents.iter().zip(offsets).zip(padding)
                .map(|((extent, offset), pad)| Plane { offset, stride: extent.row_bytes + pad })
                .collect();
            let end = planes.iter().zip(&extents).map(|(plane, extent)| {
                u64::from(plane.offset) + u64::from(plane.stride) * u64::from(extent.rows - 1)
                    + u64::from(extent.row_bytes)
            }).max().unwrap();
            match FrameLayout::new(format, width, height, COLOR, &planes) {
                Ok(layout) => prop_assert_eq!(layout.byte_len() as u64, end),
                Err(_) => prop_assert!(end > u64::from(u32::MAX)),
            }
        }

        #[test]
        fn any_numbers_give_a_layout_or_an_error(
            format in prop::sample::select(FORMATS.to_vec()),
            width in any::<u32>(),
            height in any::<u32>(),
            planes in prop::collection::vec((any::<u32>(), any::<u32>()), 0..6),
        ) {
            let planes: Vec<Plane> =
                planes.into_iter().map(|(offset, stride)| Plane { offset, stride }).collect();
            if let Ok(layout) = FrameLayout::new(format, width, height, COLOR, &planes) {
                prop_assert_eq!(layout.planes(), &planes[..]);
            }
        }

        #[test]
        fn a_packed_layout_is_one_that_new_accepts(
            format in prop::sample::select(FORMATS.to_vec()),
            width in 1u32..=4096,
            height in 1u32..=4096,
        ) {
            let packed = FrameLayout::packed(format, width, height, COLOR).unwrap();
            let again = FrameLayout::new(format, width, height, COLOR, packed.planes());
            prop_assert_eq!(Ok(packed), again);
        }
    }
}
