//! From caps to what a module is told about a frame. Pure.

use edgevision_wasm_host::frame::{
    ColorMatrix, ColorRange, Colorimetry, FrameLayout, LayoutError, PixelFormat, Plane,
};
use gst_video::{VideoColorMatrix, VideoColorRange, VideoColorimetry, VideoFormat, VideoInfo};

/// Formats that modules can be given, in the order of preference.
pub const FORMATS: [VideoFormat; 5] =
    [VideoFormat::I420, VideoFormat::Nv12, VideoFormat::Rgb, VideoFormat::Bgr, VideoFormat::Gray8];

/// The caps of a stream, understood.
#[derive(Clone, Debug)]
pub struct StreamFormat {
    /// As GStreamer reads the caps.
    pub info: VideoInfo,
    /// As modules know it.
    pub format: PixelFormat,
    /// Of the caps, or GStreamer's defaults.
    pub color: Colorimetry,
}

impl StreamFormat {
    /// Reads fixed caps. The text of the error names what is missing.
    pub fn from_caps(caps: &gst::CapsRef) -> Result<Self, String> {
        check_kind(caps)?;
        let info = VideoInfo::from_caps(caps).map_err(|_| format!("not whole caps of raw video: {caps}"))?;
        let format = pixel_format(info.format()).ok_or_else(|| {
            let known = FORMATS.map(|format| format.to_str().as_str()).join(", ");
            format!("format {} is not one of {known}; put videoconvert in front", info.format())
        })?;
        let color = colorimetry(&info, stated(caps));
        FrameLayout::packed(format, info.width(), info.height(), color).map_err(|error| error.to_string())?;
        Ok(Self { info, format, color })
    }

    /// The layout of buffers without a video meta.
    pub fn default_layout(&self) -> Result<FrameLayout, LayoutError> {
        let planes = self.info.offset().iter().zip(self.info.stride()).take(self.info.n_planes() as usize);
        let planes: Result<Vec<Plane>, LayoutError> = planes
            .map(|(offset, stride)| {
                let number =
                    |_| LayoutError(format!("a plane begins at byte {offset}, its stride is {stride}"));
                let plane = Plane { offset: u32::try_from(*offset).map_err(number)?, stride: 0 };
                Ok(Plane { stride: u32::try_from(*stride).map_err(number)?, ..plane })
            })
            .collect();
        FrameLayout::new(self.format, self.info.width(), self.info.height(), self.color, &planes?)
    }

    /// The layout that frames are copied into.
    pub fn packed(&self) -> Result<FrameLayout, LayoutError> {
        FrameLayout::packed(self.format, self.info.width(), self.info.height(), self.color)
    }

    /// Bytes of a line and number of lines in a plane.
    pub fn plane_extent(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.info.width() as usize, self.info.height() as usize);
        let halved = (width.div_ceil(2), height.div_ceil(2));
        match (self.format, plane) {
            (PixelFormat::Rgb | PixelFormat::Bgr, _) => (width * 3, height),
            (PixelFormat::I420, 1..) => halved,
            (PixelFormat::Nv12, 1..) => (halved.0 * 2, halved.1),
            _ => (width, height),
        }
    }

    /// How long a frame lasts; none for streams without a fixed rate.
    pub fn frame_duration(&self) -> Option<gst::ClockTime> {
        let fps = self.info.fps();
        let (num, den) = (u64::try_from(fps.numer()).ok()?, u64::try_from(fps.denom()).ok()?);
        let ns = (gst::ClockTime::SECOND.nseconds() * den).checked_div(num)?;
        Some(gst::ClockTime::from_nseconds(ns))
    }
}

/// Only raw video in plain memory, a whole frame in each buffer. What to put in front depends on what there is.
fn check_kind(caps: &gst::CapsRef) -> Result<(), String> {
    if let Some(other) = caps.structure(0).map(|found| found.name()).filter(|name| *name != "video/x-raw") {
        return Err(format!("{other} is not raw video; put a decoder in front, such as decodebin"));
    }
    let plain = gst::CapsFeatures::new([gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY]);
    let Some(found) = caps.features(0).filter(|found| !found.is_equal(&plain)) else { return Ok(()) };
    let remedy = match found.iter().map(|feature| feature.as_str()).next().unwrap_or_default() {
        "memory:GLMemory" => "put gldownload in front",
        "memory:CUDAMemory" => "put cudadownload in front",
        "memory:VAMemory" | "memory:VASurface" => "put vapostproc in front",
        "memory:D3D11Memory" => "put d3d11download in front",
        "format:Interlaced" => "each buffer is one field; put deinterlace in front",
        "memory:DMABuf" => {
            "the frame may be tiled; put the decoder's own converter or glupload ! gldownload in front"
        }
        _ => "put an element in front that converts to plain video/x-raw",
    };
    Err(format!("the caps feature {found} is not supported, only frames that the CPU can read; {remedy}"))
}

fn pixel_format(format: VideoFormat) -> Option<PixelFormat> {
    Some(match format {
        VideoFormat::I420 => PixelFormat::I420,
        VideoFormat::Nv12 => PixelFormat::Nv12,
        VideoFormat::Rgb => PixelFormat::Rgb,
        VideoFormat::Bgr => PixelFormat::Bgr,
        VideoFormat::Gray8 => PixelFormat::Gray8,
        _ => return None,
    })
}

/// The matrix and range of a stream. `VideoInfo::from_caps` has already put GStreamer's defaults in place of a
/// missing colorimetry: BT.709 above 576 lines, else BT.601, both limited; grey and RGB full. What modules don't
/// know is taken for its nearest relative: BT.2020 and SMPTE 240M for BT.709, FCC for BT.601.
///
/// `stated` is what the caps say: `from_caps` also throws away a range that is known when the matrix is not, as
/// decoders write it for full range H.264 that names no matrix (`1:0:0:0`).
fn colorimetry(info: &VideoInfo, stated: Option<VideoColorimetry>) -> Colorimetry {
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        VideoColorMatrix::Bt601 | VideoColorMatrix::Fcc => ColorMatrix::Bt601,
        VideoColorMatrix::Bt709 | VideoColorMatrix::Bt2020 | VideoColorMatrix::Smpte240m => {
            ColorMatrix::Bt709
        }
        _ => default_matrix(info.height()),
    };
    let known = |range: &VideoColorRange| *range != VideoColorRange::Unknown;
    let range = match stated.map(|stated| stated.range()).filter(known).unwrap_or(colorimetry.range()) {
        VideoColorRange::Range0_255 => ColorRange::Full,
        VideoColorRange::Range16_235 => ColorRange::Limited,
        _ if info.is_yuv() => ColorRange::Limited,
        _ => ColorRange::Full,
    };
    Colorimetry { matrix, range }
}

fn stated(caps: &gst::CapsRef) -> Option<VideoColorimetry> {
    caps.structure(0)?.get::<&str>("colorimetry").ok()?.parse().ok()
}

fn default_matrix(height: u32) -> ColorMatrix {
    const MOST_LINES_OF_SD: u32 = 576;
    if height > MOST_LINES_OF_SD { ColorMatrix::Bt709 } else { ColorMatrix::Bt601 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(text: &str) -> Result<StreamFormat, String> {
        gst::init().unwrap();
        let caps: gst::Caps = format!("video/x-raw,{text}").parse().unwrap();
        StreamFormat::from_caps(&caps)
    }

    fn color(text: &str) -> (ColorMatrix, ColorRange) {
        let color = stream(text).unwrap().color;
        (color.matrix, color.range)
    }

    #[test]
    fn colorimetry_of_the_caps_and_defaults_without() {
        use ColorMatrix::{Bt601, Bt709};
        use ColorRange::{Full, Limited};
        let table = [
            ("format=I420,width=1920,height=1080", (Bt709, Limited)),
            ("format=I420,width=640,height=360", (Bt601, Limited)),
            ("format=NV12,width=720,height=576", (Bt601, Limited)),
            ("format=NV12,width=720,height=577", (Bt709, Limited)),
            ("format=I420,width=1920,height=1080,colorimetry=bt601", (Bt601, Limited)),
            ("format=I420,width=640,height=360,colorimetry=bt709", (Bt709, Limited)),
            ("format=I420,width=640,height=360,colorimetry=1:4:0:0", (Bt601, Full)),
            ("format=I420,width=3840,height=2160,colorimetry=bt2020", (Bt709, Limited)),
            ("format=I420,width=640,height=360,colorimetry=2:0:0:0", (Bt601, Limited)),
            ("format=I420,width=640,height=360,colorimetry=1:3:5:1", (Bt709, Full)),
        ];
        for (caps, expected) in table {
            assert_eq!(color(caps), expected, "{caps}");
        }
        let no_matrix = "format=I420,width=640,height=480,colorimetry=(string)1:0:0:0";
        assert_eq!(color(no_matrix), (Bt601, Full), "the range is known although the matrix is not");
        assert_eq!(color("format=GRAY8,width=8,height=8").1, Full);
        assert_eq!(color("format=RGB,width=8,height=8").1, Full);
    }

    #[test]
    fn other_formats_are_refused_with_what_to_do() {
        let error = stream("format=Y42B,width=8,height=8").unwrap_err();
        assert_eq!(error, "format Y42B is not one of I420, NV12, RGB, BGR, GRAY8; put videoconvert in front");
        assert!(stream("width=8,height=8").is_err());
    }

    #[test]
    fn memory_of_others_is_refused_with_what_to_do() {
        gst::init().unwrap();
        let refusal = |features: &str| {
            let text = format!("video/x-raw({features}),format=I420,width=8,height=8");
            StreamFormat::from_caps(&text.parse::<gst::Caps>().unwrap()).err()
        };
        assert_eq!(refusal("memory:SystemMemory"), None);
        let gl = refusal("memory:GLMemory").unwrap();
        assert!(gl.contains("memory:GLMemory is not supported") && gl.contains("gldownload"), "{gl}");
        let field = refusal("format:Interlaced").unwrap();
        assert!(field.contains("one field") && field.contains("deinterlace"), "{field}");
        assert!(refusal("memory:SystemMemory, meta:GstVideoOverlayComposition").is_some());
    }

    #[test]
    fn extents_round_chroma_up() {
        let i420 = stream("format=I420,width=17,height=13").unwrap();
        assert_eq!(
            (i420.plane_extent(0), i420.plane_extent(1), i420.plane_extent(2)),
            ((17, 13), (9, 7), (9, 7))
        );
        let nv12 = stream("format=NV12,width=1,height=1").unwrap();
        assert_eq!((nv12.plane_extent(0), nv12.plane_extent(1)), ((1, 1), (2, 1)));
        assert_eq!(stream("format=BGR,width=5,height=2").unwrap().plane_extent(0), (15, 2));
    }

    #[test]
    fn a_frame_lasts_as_long_as_the_rate_says() {
        let duration = |text: &str| stream(text).unwrap().frame_duration();
        assert_eq!(
            duration("format=I420,width=8,height=8,framerate=25/1"),
            Some(gst::ClockTime::from_mseconds(40))
        );
        assert_eq!(duration("format=I420,width=8,height=8,framerate=0/1"), None);
        assert_eq!(duration("format=I420,width=8,height=8"), None);
    }
}
