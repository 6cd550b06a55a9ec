//! Sizes, refusals, and properties that hold for all numbers.

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
    let formats =
        [pixel_format::I420, pixel_format::NV12, pixel_format::RGB, pixel_format::BGR, pixel_format::GRAY8];
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
