//! Landmarks, attributes, and labels of the whole frame.

use edgevision_wasm_host::extras::{Attribute, Extras, Landmark, LandmarkScheme, Landmarks};

use super::*;

const BOX: [f32; 4] = [100.0, 100.0, 200.0, 180.0];
const WHOLE: [f32; 4] = [0.0, 0.0, 640.0, 360.0];

fn with_points(points: &[(f32, f32)], edges: &[[u16; 2]]) -> Labelled {
    let point = |&(x, y): &(f32, f32)| Landmark { x, y, confidence: None };
    let scheme = LandmarkScheme { names: vec![], edges: edges.to_vec() };
    let landmarks = Landmarks { points: points.iter().map(point).collect(), scheme: scheme.into() };
    let extras = Extras { landmarks: Some(landmarks), ..Extras::default() };
    Labelled { extras: Some(extras.into()), ..labelled(BOX) }
}

fn drawn(boxes: Vec<Labelled>) -> Vec<Rect> {
    let scene = Scene { boxes, ..Scene::default() };
    rects(&strokes(&scene, &Style::default(), extent(640, 360)))
}

/// What is drawn beyond outline and label.
fn more(labelled: Labelled) -> Vec<Rect> {
    let rects = drawn(vec![labelled]);
    rects[4..rects.len() - 1].to_vec()
}

#[test]
fn landmarks_are_dots_that_stay_inside_the_frame() {
    let around =
        |x: usize, y: usize, reach| Rect { x0: x - reach, y0: y - reach, x1: x + reach, y1: y + reach };
    let dots = more(with_points(&[(120.0, 130.0), (640.0, 0.0)], &[]));
    assert_eq!(dots[..2], [around(120, 130, 4), around(120, 130, 2)]);
    assert_eq!(dots[3], Rect { x0: 638, y0: 0, x1: 640, y1: 2 });
}

#[test]
fn lines_join_their_points() {
    for (from, to) in [
        ((100.0, 100.0), (160.0, 120.0)),
        ((160.0, 100.0), (100.0, 120.0)),
        ((100.0, 100.0), (110.0, 180.0)),
        ((110.0, 180.0), (110.0, 100.0)),
    ] {
        let rects = more(with_points(&[from, to], &[[0, 1]]));
        let line = &rects[..rects.len() - 4];
        let touches = |(x, y): (f32, f32)| {
            let (x, y) = (pixel(x, 640), pixel(y, 360));
            line.iter().any(|r| (r.x0..r.x1).contains(&x) && (r.y0..r.y1).contains(&y))
        };
        assert!(touches(from) && touches(to), "{from:?} {to:?}: {line:?}");
        let touch = |a: &Rect, b: &Rect| a.x0 <= b.x1 && b.x0 <= a.x1 && a.y0 <= b.y1 && b.y0 <= a.y1;
        assert!(line.windows(2).all(|pair| touch(&pair[0], &pair[1])), "no gap: {line:?}");
        let shorter = pixel(f32::min((from.0 - to.0).abs(), (from.1 - to.1).abs()), 640);
        assert!(line.len() <= shorter / 2 + 1, "long runs are one rectangle: {line:?}");
    }
}

#[test]
fn too_many_points_are_not_all_drawn() {
    let rects = drawn(vec![with_points(&vec![(9.0, 9.0); 20_000], &vec![[0, 0]; 20_000])]);
    assert!(rects.len() < 15_000, "{}", rects.len());
}

#[test]
fn classes_of_the_frame_are_titles_one_below_the_other() {
    let titled = |label: &str, confidence| Labelled {
        label: label.into(),
        confidence: Some(confidence),
        ..labelled(WHOLE)
    };
    let scene = Scene { boxes: vec![titled("tiger cat", 0.1), titled("cat", 0.9)], ..Scene::default() };
    let plates = rects(&strokes(&scene, &Style::default(), extent(640, 360)));
    let [second, first] = plates[..] else { panic!("no outline: {plates:?}") };
    assert_eq!((first.x0, first.y0), (0, 0), "the surest is on top");
    assert_eq!((second.x0, second.y0), (0, first.y1));

    let scene = Scene { banner: Some("line3".into()), ..scene };
    let plates = rects(&strokes(&scene, &Style::default(), extent(640, 360)));
    assert_eq!(plates[1].y0, plates[2].y1, "below the banner");
}

#[test]
fn without_text_the_frame_has_an_outline() {
    let style = Style { show_labels: false, show_confidence: false, ..Style::default() };
    let scene = Scene { boxes: vec![labelled(WHOLE)], ..Scene::default() };
    assert_eq!(rects(&strokes(&scene, &style, extent(640, 360))).len(), 4);
}

#[test]
fn attributes_follow_the_label_as_far_as_there_is_room() {
    let attribute = |label: &str, confidence| Attribute {
        name: "a".into(),
        label: label.into(),
        label_id: None,
        confidence,
    };
    let text = |style: &Style, attributes: Vec<Attribute>| {
        let extras = Extras { attributes, ..Extras::default() };
        let labelled = Labelled { extras: Some(extras.into()), ..labelled(BOX) };
        Canvas::new(style, extent(640, 360), &mut Texts::default()).label_text(&labelled)
    };
    let both = || vec![attribute("red", Some(0.5)), attribute("van", None)];
    assert_eq!(text(&Style::default(), both()), "part 88%, red 50%, van");
    assert_eq!(text(&Style { show_confidence: false, ..Style::default() }, both()), "part, red, van");
    assert_eq!(text(&Style { show_labels: false, ..Style::default() }, both()), "88%");
    let long = vec![attribute(&"x".repeat(200), None), attribute("van", None)];
    assert_eq!(text(&Style::default(), long), "part 88%");
}
