//! Frame to frame: takes the colour out. The smallest filter that does something, to be copied from.
//!
//! ```text
//! I420, NV12   Y ─ copied          RGB, BGR   each pixel moves towards its own brightness
//!              U, V ─► 128         GRAY8      copied
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

use edgevision_sdk::{ColorMatrix, Context, Filter, FrameView, FrameViewMut, Params, PixelFormat};

// Name, version, description and the schema of the parameters go into the module, for `edgevision inspect`.
edgevision_sdk::describe! { params: include_str!("../params.schema.json") }
// All that the host calls.
edgevision_sdk::export_filter!(Grayscale);

/// What the user writes. Unknown keys are refused, so that a typo is not silently ignored.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    amount: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { amount: 1.0 }
    }
}

/// The module.
pub struct Grayscale {
    /// How much of the colour goes, in 1/256.
    amount: i32,
}

impl Filter for Grayscale {
    fn new(params: Params, _context: &Context) -> Result<Self, String> {
        let Settings { amount } = params.parse()?;
        if !(0.0..=1.0).contains(&amount) {
            // The user reads this sentence.
            return Err(format!("parameter `amount` is {amount}: allowed are 0 to 1"));
        }
        Ok(Self { amount: fixed(amount) })
    }

    fn run(&mut self, frame: &FrameView, output: &mut FrameViewMut) -> Result<(), String> {
        match frame.format() {
            PixelFormat::I420 | PixelFormat::Nv12 => {
                output.copy_plane(0, frame);
                // NV12 has one chroma plane, I420 two.
                (1..frame.format().planes()).for_each(|plane| self.fade_chroma(frame, output, plane));
            }
            PixelFormat::Rgb => self.fade_packed(frame, output, luma(frame)),
            PixelFormat::Bgr => {
                let [red, green, blue] = luma(frame);
                self.fade_packed(frame, output, [blue, green, red]);
            }
            PixelFormat::Gray8 => output.copy_from(frame),
        }
        Ok(())
    }
}

impl Grayscale {
    /// Chroma is kept around 128: no colour.
    fn fade_chroma(&self, frame: &FrameView, output: &mut FrameViewMut, plane: usize) {
        if self.amount == 256 {
            return output.fill_plane(plane, 128);
        }
        for (to, from) in output.plane_rows_mut(plane).zip(frame.plane_rows(plane)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = self.mix(i32::from(*from), 128));
        }
    }

    /// `weights` are those of the bytes of a pixel, in 1/256; together 256.
    fn fade_packed(&self, frame: &FrameView, output: &mut FrameViewMut, weights: [i32; 3]) {
        for (to, from) in output.plane_rows_mut(0).zip(frame.plane_rows(0)) {
            for (to, from) in to.chunks_exact_mut(3).zip(from.chunks_exact(3)) {
                let gray: i32 =
                    from.iter().zip(weights).map(|(value, weight)| i32::from(*value) * weight).sum();
                let gray = (gray + 128) >> 8;
                to.iter_mut().zip(from).for_each(|(to, from)| *to = self.mix(i32::from(*from), gray));
            }
        }
    }

    #[inline]
    fn mix(&self, color: i32, gray: i32) -> u8 {
        let mixed = color * (256 - self.amount) + gray * self.amount;
        u8::try_from((mixed + 128) >> 8).unwrap_or(u8::MAX)
    }
}

/// How much red, green and blue add to the brightness, in 1/256 (ITU-R BT.601-7 2.5.1, BT.709-6 3.2).
fn luma(frame: &FrameView) -> [i32; 3] {
    match frame.info().matrix {
        ColorMatrix::Bt601 => [77, 150, 29],
        ColorMatrix::Bt709 => [54, 183, 19],
    }
}

#[allow(clippy::cast_possible_truncation, reason = "0 to 256")]
fn fixed(share: f32) -> i32 {
    (share * 256.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgevision_sdk::testing::OwnedFrame;

    fn run(params: &str, frame: &OwnedFrame) -> Vec<Vec<u8>> {
        let mut output = frame.output();
        let mut filter = Grayscale::new(Params::from_json(params).unwrap(), &Context::default()).unwrap();
        filter.run(&frame.view(), &mut output.view_mut()).unwrap();
        output.visible()
    }

    fn colorful(format: PixelFormat, width: usize, height: usize) -> OwnedFrame {
        let mut frame = OwnedFrame::new(format, width, height);
        frame.fill(|plane, x, y| u8::try_from((40 + 90 * plane + 31 * x + 17 * y) % 256).unwrap());
        frame
    }

    #[test]
    fn luma_stays_and_chroma_goes() {
        for format in [PixelFormat::I420, PixelFormat::Nv12] {
            for (width, height) in [(1, 1), (17, 13), (64, 48)] {
                let frame = colorful(format, width, height);
                let output = run("{}", &frame);
                assert_eq!(output[0], frame.visible()[0]);
                assert!(output[1..].iter().flatten().all(|&value| value == 128), "{format:?}");
            }
        }
    }

    #[test]
    fn packed_colours_become_their_brightness() {
        let mut frame = OwnedFrame::new(PixelFormat::Rgb, 2, 1);
        frame.fill(|_, x, _| [255, 0, 0, 10, 20, 30][x]);
        assert_eq!(run("{}", &frame)[0], [77, 77, 77, 18, 18, 18]);
        let mut frame = OwnedFrame::new(PixelFormat::Bgr, 2, 1);
        frame.fill(|_, x, _| [0, 0, 255, 30, 20, 10][x]);
        assert_eq!(run("{}", &frame)[0], [77, 77, 77, 18, 18, 18]);
    }

    #[test]
    fn gray_and_an_amount_of_nothing_pass() {
        for format in PixelFormat::ALL {
            let frame = colorful(format, 17, 13);
            assert_eq!(run(r#"{"amount":0}"#, &frame), frame.visible(), "{format:?}");
        }
        let frame = colorful(PixelFormat::Gray8, 5, 5);
        assert_eq!(run("{}", &frame), frame.visible());
    }

    #[test]
    fn bad_parameters_are_named() {
        let error =
            |json: &str| Grayscale::new(Params::from_json(json).unwrap(), &Context::default()).err().unwrap();
        assert_eq!(error(r#"{"amount":2}"#), "parameter `amount` is 2: allowed are 0 to 1");
        assert_eq!(error(r#"{"amout":1}"#), "unknown parameter `amout`; allowed: `amount`");
    }
}
