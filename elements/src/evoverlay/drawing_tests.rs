//! What strokes do to planes, with guard bytes around every row.

use std::sync::Arc;

use edgevision_wasm_host::extras::{Attribute, Extras, Landmark, LandmarkScheme, Landmarks};
use proptest::prelude::*;

use super::{
    color::{self, ColorSpace, Rgb},
    draw::Plane,
    format::{PlaneFormat, formats, plane_formats},
    layout::layout,
    scene::{Badge, Extent, Labelled, Rect, Scene, Stroke},
    style::{Effect, Style},
    text::Texts,
};

const BT601: ColorSpace = ColorSpace::Yuv { kr: 0.299, kb: 0.114, full_range: false };

fn planes(format: gst_video::VideoFormat) -> &'static [PlaneFormat] {
    plane_formats(format)
}

/// A plane without padding, drawn on.
fn drawn(
    format: PlaneFormat,
    (width, height): (usize, usize),
    before: &[u8],
    strokes: &[Stroke],
    space: ColorSpace,
) -> Vec<u8> {
    let (width, height) = format.units(width, height);
    let stride = width * format.step();
    let mut data = before.repeat(stride * height / before.len());
    Plane { data: &mut data, stride, width, height, format }.draw(strokes, space);
    data
}

fn red(x0: usize, y0: usize, x1: usize, y1: usize) -> Stroke {
    Stroke::Fill { rect: Rect { x0, y0, x1, y1 }, color: Rgb(255, 0, 0), alpha: 255 }
}

#[test]
fn colours_land_in_every_plane() {
    let strokes = [red(2, 2, 4, 4)];
    let [luma, chroma] = planes(gst_video::VideoFormat::Nv12) else { panic!("two planes") };
    let luma = drawn(*luma, (6, 6), &[0], &strokes, BT601);
    assert_eq!(luma.iter().filter(|sample| **sample == 81).count(), 4);
    assert_eq!([luma[14], luma[15], luma[20], luma[21]], [81; 4]);
    let chroma = drawn(*chroma, (6, 6), &[0], &strokes, BT601);
    assert_eq!(chroma[8..10], [90, 240]);
    assert_eq!(chroma.iter().filter(|sample| **sample != 0).count(), 2);
    let packed = drawn(planes(gst_video::VideoFormat::Yuy2)[0], (6, 6), &[0], &strokes, BT601);
    assert_eq!(packed[24..36], [0, 0, 0, 0, 81, 90, 81, 240, 0, 0, 0, 0]);
    let bgr = drawn(planes(gst_video::VideoFormat::Bgr)[0], (6, 6), &[7], &strokes, ColorSpace::Rgb);
    assert_eq!(bgr[42..48], [0, 0, 255, 0, 0, 255]);
    let argb = drawn(planes(gst_video::VideoFormat::Argb)[0], (6, 6), &[0], &strokes, ColorSpace::Rgb);
    assert_eq!(argb[56..64], [255, 255, 0, 0, 255, 255, 0, 0], "what is drawn is opaque");
}

#[test]
fn text_covers_chroma_by_its_mean() {
    let mask = super::text::Mask { width: 2, coverage: vec![255, 255, 0, 0], halved: vec![128] };
    let strokes = [Stroke::Text { x: 0, y: 0, mask: mask.into(), color: Rgb(255, 0, 0) }];
    let draw = |format, plane: usize| drawn(planes(format)[plane], (2, 2), &[0], &strokes, BT601);
    assert_eq!(draw(gst_video::VideoFormat::I420, 0), [81, 81, 0, 0]);
    assert_eq!(draw(gst_video::VideoFormat::I420, 1), [45]);
    assert_eq!(draw(gst_video::VideoFormat::Y42b, 2), [240, 0]);
    assert_eq!(draw(gst_video::VideoFormat::Yuy2, 0), [81, 90, 81, 240, 0, 0, 0, 0]);
}

fn hide(cells: (usize, usize), smooth: bool) -> [Stroke; 1] {
    [Stroke::Hide { rect: Rect { x0: 0, y0: 0, x1: 4, y1: 4 }, cells, smooth }]
}

#[test]
fn hiding_leaves_means() {
    let luma = planes(gst_video::VideoFormat::Gray8)[0];
    let checks = [0, 100, 0, 100];
    assert_eq!(drawn(luma, (4, 4), &checks, &hide((2, 2), false), BT601), [50; 16]);
    assert_eq!(drawn(luma, (4, 4), &checks, &hide((1, 1), true), BT601), [50; 16]);
    let halves = [10, 10, 30, 30];
    assert_eq!(drawn(luma, (4, 4), &halves, &hide((2, 1), false), BT601)[..4], [10, 10, 30, 30]);
    let smooth = drawn(luma, (4, 4), &halves, &hide((2, 1), true), BT601);
    assert_eq!(smooth[..4], [10, 15, 25, 30], "from one mean to the next");
    let packed = planes(gst_video::VideoFormat::Yuy2)[0];
    let hidden = drawn(packed, (4, 4), &[0, 60, 100, 90], &hide((4, 4), false), BT601);
    assert_eq!(hidden[..4], [50, 60, 50, 90], "both lumas of a unit are one mean");
}

const GUARD: u8 = 0xa5;

/// Draws on every plane of a frame whose rows are `gap` bytes longer than needed. True when all bytes between the
/// rows and behind the plane are as they were, and everything inside `hidden` has been written.
fn gaps_are_untouched(
    format: gst_video::VideoFormat,
    strokes: &[Stroke],
    size: (usize, usize),
    gap: usize,
) -> bool {
    plane_formats(format).iter().all(|&format| {
        let (width, height) = format.units(size.0, size.1);
        let stride = width * format.step() + gap;
        let mut data = vec![GUARD; stride * height + 64];
        Plane { data: &mut data, stride, width, height, format }.draw(strokes, ColorSpace::Rgb);
        let rows_are_clean = data[..stride * height]
            .chunks(stride)
            .all(|row| row[width * format.step()..].iter().all(|byte| *byte == GUARD));
        rows_are_clean && data[stride * height..].iter().all(|byte| *byte == GUARD)
    })
}

fn any_edge() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -300.0_f32..900.0, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(-1e30_f32)]
}

fn any_edges() -> impl Strategy<Value = [f32; 4]> {
    [any_edge(), any_edge(), any_edge(), any_edge()]
}

fn any_box() -> impl Strategy<Value = Labelled> {
    (
        any_edges(),
        any::<u32>(),
        ".{0,40}",
        proptest::option::of(any::<f32>()),
        proptest::option::of(any::<i32>()),
        proptest::option::of(any_extras()),
    )
        .prop_map(|(edges, class_id, label, confidence, track, extras)| Labelled {
            edges,
            class_id,
            track,
            label,
            confidence,
            extras: extras.map(Arc::new),
        })
}

fn any_extras() -> impl Strategy<Value = Extras> {
    let point = (any_edge(), any_edge()).prop_map(|(x, y)| Landmark { x, y, confidence: None });
    let points = proptest::collection::vec(point, 1..6);
    let edges = proptest::collection::vec([0_u16..7, 0_u16..7], 0..6);
    (points, edges, ".{0,40}").prop_map(|(points, edges, label)| Extras {
        landmarks: Some(Landmarks { points, scheme: LandmarkScheme { names: vec![], edges }.into() }),
        attributes: vec![Attribute { name: "a".into(), label, label_id: None, confidence: Some(0.5) }],
        tensors: vec![],
    })
}

fn any_scene() -> impl Strategy<Value = Scene> {
    (
        proptest::collection::vec(any_edges(), 0..4),
        any::<bool>(),
        proptest::collection::vec(any_box(), 0..6),
        proptest::option::of(".{0,60}"),
        proptest::option::of(".{0,20}"),
    )
        .prop_map(|(hidden, hides_all, boxes, banner, badge)| {
            let badge = badge.map(|text| Badge { text, color: color::ALARM });
            Scene { hidden, hides_all, boxes, banner, badge }
        })
}

fn any_style() -> impl Strategy<Value = Style> {
    let effect =
        prop_oneof![Just(Effect::Blur), Just(Effect::Pixelate), Just(Effect::Fill), Just(Effect::None)];
    (effect, 0.0..1.0_f64, 0_u32..70, 0.0..70.0_f64, 0.0..130.0_f64).prop_map(
        |(effect, margin, blocks, line_width, text_size)| Style {
            effect,
            margin,
            blocks,
            line_width,
            text_size,
            ..Style::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn never_outside_the_picture(
        scene in any_scene(),
        style in any_style(),
        is_interlaced in any::<bool>(),
        width in 1_usize..400,
        height in 1_usize..300,
        gap in 0_usize..9,
        format in 0..formats().count(),
    ) {
        let format = formats().nth(format).unwrap();
        let extent = Extent { width, height, is_interlaced };
        let strokes = layout(&scene, &style, extent, &mut Texts::default());
        prop_assert!(gaps_are_untouched(format, &strokes, (width, height), gap));
    }

    #[test]
    fn planes_shorter_than_they_claim_do_no_harm(length in 0_usize..500, stride in 0_usize..80, smooth in any::<bool>()) {
        let rect = Rect { x0: 0, y0: 0, x1: 64, y1: 64 };
        let strokes = [
            Stroke::Fill { rect, color: color::WHITE, alpha: 128 },
            Stroke::Hide { rect, cells: (5, 5), smooth },
        ];
        let mut data = vec![0; length];
        let format = planes(gst_video::VideoFormat::Gray8)[0];
        Plane { data: &mut data, stride, width: 64, height: 64, format }.draw(&strokes, ColorSpace::Rgb);
    }

    /// Whatever the picture was, no byte of a hidden object depends on more than the means.
    #[test]
    fn a_filled_object_is_gone(
        edges in [0.0_f32..60.0, 0.0_f32..60.0, 0.0_f32..60.0, 0.0_f32..60.0],
        format in 0..formats().count(),
        pixels in proptest::collection::vec(any::<u8>(), 2),
    ) {
        let [x0, x1] = [edges[0].min(edges[1]), edges[0].max(edges[1])];
        let [y0, y1] = [edges[2].min(edges[3]), edges[2].max(edges[3])];
        let style = Style { effect: Effect::Fill, ..Style::default() };
        let scene = Scene { hidden: vec![[x0, y0, x1, y1]], ..Scene::default() };
        let extent = Extent { width: 61, height: 61, is_interlaced: false };
        let strokes = layout(&scene, &style, extent, &mut Texts::default());
        for plane in plane_formats(formats().nth(format).unwrap()) {
            let [one, other] = [pixels[0], !pixels[0]].map(|byte| drawn(*plane, (61, 61), &[byte], &strokes, BT601));
            let (width, _) = plane.units(61, 61);
            let same = |x: usize, y: usize| {
                let at = (y / plane.sub_y * width + x / plane.sub_x) * plane.step();
                one[at..at + plane.step()] == other[at..at + plane.step()]
            };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
            let (xs, ys) = (x0 as usize..=x1 as usize, y0 as usize..=y1 as usize);
            for (x, y) in xs.flat_map(|x| ys.clone().map(move |y| (x, y))) {
                prop_assert!(same(x, y), "{x},{y} {plane:?}");
            }
        }
    }
}
