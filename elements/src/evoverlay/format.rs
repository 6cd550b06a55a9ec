//! Where the samples of a pixel lie in each format. Pure.

use gst_video::VideoFormat;

/// How the bytes of a plane are to be read. A unit is the least group of bytes that repeats along a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneFormat {
    /// What each byte of a unit holds, 1 to 4 of them: 0, 1, 2 are Y, Cb, Cr or red, green, blue; 3 is alpha or
    /// padding.
    pub samples: &'static [usize],
    /// Frame pixels that a unit is wide: 1 or 2.
    pub sub_x: usize,
    /// Frame lines that a unit is high: 1 or 2.
    pub sub_y: usize,
}

impl PlaneFormat {
    const fn new(samples: &'static [usize], sub_x: usize, sub_y: usize) -> Self {
        Self { samples, sub_x, sub_y }
    }

    /// Bytes from one unit to the next.
    pub const fn step(self) -> usize {
        self.samples.len()
    }

    /// True when a unit holds two pixels that share their chroma (packed 4:2:2).
    pub const fn is_packed(self) -> bool {
        self.samples.len() == 4 && self.sub_x == 2
    }

    /// Units of a row and rows of the plane of a frame of `width` x `height` pixels.
    pub const fn units(self, width: usize, height: usize) -> (usize, usize) {
        (width.div_ceil(self.sub_x), height.div_ceil(self.sub_y))
    }
}

const LUMA: PlaneFormat = PlaneFormat::new(&[0], 1, 1);
const CB: PlaneFormat = PlaneFormat::new(&[1], 2, 2);
const CR: PlaneFormat = PlaneFormat::new(&[2], 2, 2);
const CB_FULL: PlaneFormat = PlaneFormat::new(&[1], 1, 1);
const CR_FULL: PlaneFormat = PlaneFormat::new(&[2], 1, 1);
const CB_WIDE: PlaneFormat = PlaneFormat::new(&[1], 2, 1);
const CR_WIDE: PlaneFormat = PlaneFormat::new(&[2], 2, 1);
const CB_CR: PlaneFormat = PlaneFormat::new(&[1, 2], 2, 2);
const CR_CB: PlaneFormat = PlaneFormat::new(&[2, 1], 2, 2);

/// All formats that can be drawn on and their planes in the order of GStreamer's numbering. The first ones are
/// preferred when upstream has the choice.
const PLANES: &[(VideoFormat, &[PlaneFormat])] = &[
    (VideoFormat::I420, &[LUMA, CB, CR]),
    (VideoFormat::Nv12, &[LUMA, CB_CR]),
    (VideoFormat::Yv12, &[LUMA, CR, CB]),
    (VideoFormat::Nv21, &[LUMA, CR_CB]),
    (VideoFormat::Y42b, &[LUMA, CB_WIDE, CR_WIDE]),
    (VideoFormat::Y444, &[LUMA, CB_FULL, CR_FULL]),
    (VideoFormat::Yuy2, &[PlaneFormat::new(&[0, 1, 0, 2], 2, 1)]),
    (VideoFormat::Uyvy, &[PlaneFormat::new(&[1, 0, 2, 0], 2, 1)]),
    (VideoFormat::Yvyu, &[PlaneFormat::new(&[0, 2, 0, 1], 2, 1)]),
    (VideoFormat::Rgba, &[PlaneFormat::new(&[0, 1, 2, 3], 1, 1)]),
    (VideoFormat::Bgra, &[PlaneFormat::new(&[2, 1, 0, 3], 1, 1)]),
    (VideoFormat::Argb, &[PlaneFormat::new(&[3, 0, 1, 2], 1, 1)]),
    (VideoFormat::Abgr, &[PlaneFormat::new(&[3, 2, 1, 0], 1, 1)]),
    (VideoFormat::Rgbx, &[PlaneFormat::new(&[0, 1, 2, 3], 1, 1)]),
    (VideoFormat::Bgrx, &[PlaneFormat::new(&[2, 1, 0, 3], 1, 1)]),
    (VideoFormat::Xrgb, &[PlaneFormat::new(&[3, 0, 1, 2], 1, 1)]),
    (VideoFormat::Xbgr, &[PlaneFormat::new(&[3, 2, 1, 0], 1, 1)]),
    (VideoFormat::Rgb, &[PlaneFormat::new(&[0, 1, 2], 1, 1)]),
    (VideoFormat::Bgr, &[PlaneFormat::new(&[2, 1, 0], 1, 1)]),
    (VideoFormat::Gray8, &[LUMA]),
];

/// The formats that can be drawn on.
pub fn formats() -> impl Iterator<Item = VideoFormat> {
    PLANES.iter().map(|(format, _)| *format)
}

/// The planes of a format in the order of GStreamer's numbering; empty for formats that cannot be drawn on.
pub fn plane_formats(format: VideoFormat) -> &'static [PlaneFormat] {
    PLANES.iter().find(|(known, _)| *known == format).map_or(&[], |(_, planes)| planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sample lies where GStreamer's own table of formats says.
    #[test]
    fn samples_lie_where_gstreamer_says() {
        gst::init().unwrap();
        for (format, planes) in PLANES {
            let info = gst_video::VideoFormatInfo::from_format(*format);
            assert_eq!(planes.len(), info.n_planes() as usize, "{format}");
            for component in 0..info.n_components() as usize {
                let plane = &planes[info.plane()[component] as usize];
                let offset = usize::try_from(info.poffset()[component]).unwrap();
                assert_eq!(plane.samples[offset], component, "{format}");
                let sub = (1 << info.w_sub()[component], 1 << info.h_sub()[component]);
                if component == 0 && plane.is_packed() {
                    assert_eq!(plane.samples[offset + 2], 0, "{format}: the second luma of a unit");
                } else {
                    let step = usize::try_from(info.pixel_stride()[component]).unwrap();
                    assert_eq!((plane.sub_x, plane.sub_y, plane.step()), (sub.0, sub.1, step), "{format}");
                }
            }
        }
    }

    #[test]
    fn odd_frames_have_a_last_unit() {
        assert_eq!(CB_CR.units(17, 13), (9, 7));
        assert_eq!(plane_formats(VideoFormat::Yuy2)[0].units(17, 13), (9, 13));
        assert_eq!(plane_formats(VideoFormat::Encoded), []);
    }
}
