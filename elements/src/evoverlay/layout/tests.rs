//! Where boxes, labels and badges come to lie.

mod extras;

use super::*;

fn labelled(edges: [f32; 4]) -> Labelled {
    let label = "part".to_owned();
    Labelled { edges, class_id: 1, label, confidence: Some(0.876), ..Labelled::default() }
}

const fn extent(width: usize, height: usize) -> Extent {
    Extent { width, height, is_interlaced: false }
}

fn strokes(scene: &Scene, style: &Style, extent: Extent) -> Vec<Stroke> {
    layout(scene, style, extent, &mut Texts::default())
}

fn rects(strokes: &[Stroke]) -> Vec<Rect> {
    let rects = strokes.iter().filter_map(|stroke| match stroke {
        Stroke::Fill { rect, .. } | Stroke::Hide { rect, .. } => Some(*rect),
        Stroke::Text { .. } => None,
    });
    rects.collect()
}

fn boxes(edges: [f32; 4], width: usize, height: usize) -> Vec<Rect> {
    let scene = Scene { boxes: vec![labelled(edges)], ..Scene::default() };
    rects(&strokes(&scene, &Style::default(), extent(width, height)))
}

#[test]
fn an_outline_is_four_lines_on_the_inner_side() {
    let rects = boxes([100.0, 100.0, 200.0, 180.0], 640, 360);
    let expected = [(100, 100, 200, 102), (100, 178, 200, 180), (100, 102, 102, 178), (198, 102, 200, 178)];
    assert_eq!(rects[..4], expected.map(|(x0, y0, x1, y1)| Rect { x0, y0, x1, y1 }));
}

#[test]
fn the_label_stands_above_or_inside() {
    let above = boxes([100.0, 100.0, 200.0, 180.0], 640, 360)[4];
    assert_eq!((above.x0, above.y1), (100, 100));
    let inside = boxes([100.0, 6.0, 200.0, 180.0], 640, 360)[4];
    assert_eq!((inside.x0, inside.y0), (100, 6));
    let right = boxes([600.0, 100.0, 640.0, 180.0], 640, 360)[4];
    assert_eq!(right.x1, 640, "moved left until it fits");
}

#[test]
fn labels_make_room_for_surer_ones() {
    let edges = [[100.0, 100.0, 200.0, 180.0], [104.0, 104.0, 204.0, 184.0], [96.0, 98.0, 200.0, 180.0]];
    let scene = Scene { boxes: edges.map(labelled).to_vec(), ..Scene::default() };
    let plates = rects(&strokes(&scene, &Style::default(), extent(640, 360)))[12..].to_vec();
    assert_eq!((plates[2].x0, plates[2].y1), (96, 98), "the surest is drawn last, in the usual place");
    for (n, plate) in plates.iter().enumerate() {
        assert!(!plates[n + 1..].iter().any(|other| other.overlaps(plate)), "{plates:?}");
    }
}

#[test]
fn the_banner_and_a_label_do_not_share_a_place() {
    let scene = |banner: Option<&str>| Scene {
        boxes: vec![labelled([4.0, 2.0, 200.0, 100.0])],
        banner: banner.map(str::to_owned),
        ..Scene::default()
    };
    let drawn = |scene: &Scene| rects(&strokes(scene, &Style::default(), extent(640, 360)));
    assert_eq!(drawn(&scene(None))[4].y0, 2);
    let (moved, banner) = (drawn(&scene(Some("line3")))[4], drawn(&scene(Some("line3")))[5]);
    assert_eq!((banner.y0, moved.y0), (0, banner.y1));
}

#[test]
fn nothing_is_drawn_for_boxes_elsewhere() {
    for edges in [
        [700.0, 10.0, 800.0, 20.0],
        [-50.0, -50.0, -10.0, -10.0],
        [f32::NAN; 4],
        [30.0, 30.0, 10.0, 10.0],
        [f32::INFINITY, 0.0, f32::NEG_INFINITY, 9.0],
    ] {
        assert_eq!(boxes(edges, 640, 360), [], "{edges:?}");
    }
}

#[test]
fn a_small_frame_has_boxes_but_no_text() {
    assert_eq!(boxes([0.0, 0.0, 40.0, 40.0], 40, 40).len(), 4);
    let pixel = Rect { x0: 0, y0: 0, x1: 1, y1: 1 };
    assert!(boxes([0.0, 0.0, 1.0, 1.0], 1, 1).iter().all(|rect| *rect == pixel));
}

fn text_of(labelled: &Labelled, style: &Style, width: usize) -> String {
    Canvas::new(style, extent(width, 360), &mut Texts::default()).label_text(labelled)
}

#[test]
fn label_texts() {
    let style = |show_labels, show_confidence| Style { show_labels, show_confidence, ..Style::default() };
    let one = labelled([0.0; 4]);
    assert_eq!(text_of(&one, &style(true, true), 640), "part 88%");
    assert_eq!(text_of(&one, &style(true, false), 640), "part");
    assert_eq!(text_of(&one, &style(false, true), 640), "88%");
    assert_eq!(text_of(&one, &style(false, false), 640), "");
    let unsure = Labelled { confidence: Some(f32::NAN), ..one };
    assert_eq!(text_of(&unsure, &style(true, true), 640), "part");
}

#[test]
fn long_labels_are_cut_but_their_confidence_is_not() {
    let long = Labelled { label: "Flasche für Öl ".repeat(20), ..labelled([0.0; 4]) };
    let text = text_of(&long, &Style::default(), 160);
    assert!(text.starts_with("Flasche") && text.ends_with(".. 88%"), "{text}");
    let scene =
        Scene { boxes: vec![Labelled { edges: [20.0, 90.0, 60.0, 120.0], ..long }], ..Scene::default() };
    for stroke in strokes(&scene, &Style::default(), extent(160, 360)) {
        let Stroke::Text { x, mask, .. } = stroke else { continue };
        assert!(x + mask.width <= 160, "{x} {}", mask.width);
    }
}

const EFFECTS: [Effect; 3] = [Effect::Blur, Effect::Pixelate, Effect::Fill];

fn hidden(edges: [f32; 4], style: &Style, extent: Extent) -> Vec<Rect> {
    rects(&strokes(&Scene { hidden: vec![edges], ..Scene::default() }, style, extent))
}

#[test]
fn effects_cover_whole_objects_outward() {
    for effect in EFFECTS {
        let style = Style { effect, ..Style::default() };
        let edges = [101.2, 51.0, 198.9, 99.0];
        let covered = Rect { x0: 100, y0: 50, x1: 200, y1: 100 };
        assert_eq!(hidden(edges, &style, extent(640, 360)), [covered]);
        let interlaced = Extent { is_interlaced: true, ..extent(640, 360) };
        assert_eq!(hidden(edges, &style, interlaced), [Rect { y0: 48, ..covered }]);
        let nonsense = hidden([f32::NAN, 0.0, f32::INFINITY, f32::NAN], &style, extent(17, 13));
        assert_eq!(nonsense, [Rect { x0: 0, y0: 0, x1: 17, y1: 13 }]);
        let beyond = hidden([-9.0, -9.0, 1e9, 1e9], &style, extent(17, 13));
        assert_eq!(beyond, [Rect { x0: 0, y0: 0, x1: 17, y1: 13 }]);
        let wider = Style { margin: 0.5, ..style };
        let expected = Rect { x0: 50, y0: 24, x1: 250, y1: 126 };
        assert_eq!(hidden([100.5, 50.5, 199.5, 99.5], &wider, extent(640, 360)), [expected]);
    }
}

#[test]
fn effects_come_before_anything_else_and_can_cover_all() {
    let style = Style { effect: Effect::Blur, ..Style::default() };
    let scene = Scene {
        hidden: vec![[0.0, 0.0, 99.0, 99.0]],
        boxes: vec![labelled([10.0, 10.0, 50.0, 50.0])],
        ..Scene::default()
    };
    assert!(matches!(strokes(&scene, &style, extent(640, 360))[0], Stroke::Hide { .. }));
    let all = Scene { hides_all: true, ..Scene::default() };
    let rect = Rect { x0: 0, y0: 0, x1: 640, y1: 360 };
    let expected = [Stroke::Hide { rect, cells: (11, 6), smooth: true }];
    assert_eq!(strokes(&all, &style, extent(640, 360)), expected);
}

#[test]
fn hidden_objects_keep_no_more_than_a_few_cells() {
    let cells = |edges, blocks| {
        let style = Style { effect: Effect::Pixelate, blocks, ..Style::default() };
        let scene = Scene { hidden: vec![edges], ..Scene::default() };
        match strokes(&scene, &style, extent(3840, 2160))[..] {
            [Stroke::Hide { cells, .. }] => cells,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(cells([0.0, 0.0, 1199.0, 2159.0], 6), (6, 11));
    assert_eq!(cells([100.5, 100.5, 115.5, 131.5], 6), (2, 4), "never below 8 pixels");
    assert_eq!(cells([0.0, 0.0, 1199.0, 1199.0], 0), (1, 1));
}
