//! The module natively, on frames of every format with padded rows.

mod parameters;
mod pictures;
mod shapes;

use edgevision_sdk::{Context, Filter, Params, PixelFormat, testing::OwnedFrame};

use crate::PrivacyMask;

fn filter(params: &str) -> PrivacyMask {
    PrivacyMask::new(Params::from_json(params).unwrap(), &Context::default()).unwrap()
}

/// The visible bytes of each plane after the filter.
fn run(params: &str, frame: &OwnedFrame) -> Vec<Vec<u8>> {
    let mut output = frame.output();
    filter(params).run(&frame.view(), &mut output.view_mut()).unwrap();
    output.visible()
}

/// Every byte is odd, so that no fill colour of these tests looks like it.
fn noisy(format: PixelFormat, width: usize, height: usize) -> OwnedFrame {
    let mut frame = OwnedFrame::new(format, width, height);
    let mut state = 1_u32;
    frame.fill(|_, _, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24).to_le_bytes()[0] | 1
    });
    frame
}

/// Concave, self-crossing and tiny shapes, and shapes at the edges.
const SHAPES: [&str; 7] = [
    "[[[0.1,0.1],[0.9,0.2],[0.5,0.5],[0.8,0.9],[0.2,0.8]]]",
    "[[[0.1,0.1],[0.9,0.9],[0.9,0.1],[0.1,0.9]]]",
    "[[[0.5,0.0],[0.62,0.38],[1.0,0.38],[0.69,0.6],[0.8,1.0],[0.5,0.75],[0.2,1.0],[0.31,0.6],[0,0.38],[0.38,0.38]]]",
    "[[[0,0],[1,0],[1,1],[0,1]]]",
    "[[[0.501,0.501],[0.502,0.501],[0.502,0.503]]]",
    "[[[0,0],[0.25,0],[0.25,0.25],[0,0.25]],[[0.2,0.2],[0.6,0.2],[0.6,0.6]]]",
    "[[[0.0,0.5],[1.0,0.5],[1.0,0.501],[0.0,0.501]]]",
];

fn points(shapes: &str) -> Vec<Vec<[f64; 2]>> {
    let json = format!(r#"{{"polygons":{shapes}}}"#);
    crate::params::Settings::new(Params::from_json(&json).unwrap()).unwrap().polygons
}

/// By the even-odd rule, ray to the right.
fn is_inside(polygon: &[[f64; 2]], x: f64, y: f64) -> bool {
    let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let right = edges
        .filter(|(a, b)| (a[1] <= y) != (b[1] <= y) && x < a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]));
    right.count() % 2 == 1
}
