//! What the user is told.

use edgevision_sdk::{Context, Filter, Params};

use crate::{PrivacyMask, params::Settings};

fn refusal(json: &str) -> String {
    PrivacyMask::new(Params::from_json(json).unwrap(), &Context::default()).err().unwrap()
}

#[test]
fn each_mistake_has_its_sentence() {
    let table = [
        (
            "{}",
            "parameter `polygons` has 0 polygons: 1 to 256 are allowed, such as [[[0,0],[0.5,0],[0.5,0.5]]]",
        ),
        (r#"{"polygons":[[[0,0],[1,1]]]}"#, "parameter `polygons[0]` has 2 points: an area needs at least 3"),
        (
            r#"{"polygons":[[[0,0],[1,1],[0.5]]]}"#,
            "parameter `polygons[0][2]` has 1 numbers: a point is [x, y]",
        ),
        (
            r#"{"polygons":[[[0,0],[0,1],[1,1]],[[0,0],[640,0],[1,1]]]}"#,
            "parameter `polygons[1][1]` has the coordinate 640: allowed are fractions of the frame, 0 to 1",
        ),
        (
            r#"{"polygons":[[[0.5,0],[0.5,1],[0.5,0.7]]]}"#,
            "parameter `polygons[0]` has no area: all its points lie on one line",
        ),
        (
            r#"{"polygons":[[[0,0],["a",1],[1,1]]]}"#,
            "parameter `polygons[0][1][0]`: invalid type: string \"a\", expected a number",
        ),
        (
            r#"{"polygons":[[[0,0],[0,1],[1,1]]],"mode":"blurr"}"#,
            "parameter `mode`: unknown value `blurr`, expected one of `fill`, `blur`, `pixelate`",
        ),
        (
            r#"{"polygons":[[[0,0],[0,1],[1,1]]],"color":"red"}"#,
            "parameter `color` is `red`: allowed is # and six hex digits, such as #404040",
        ),
        (
            r#"{"polygons":[[[0,0],[0,1],[1,1]]],"mode":"blur","strength":0.7}"#,
            "parameter `strength` is 0.7: allowed are 0.01 to 0.5",
        ),
        (
            r#"{"polygons":[[[0,0],[0,1],[1,1]]],"strength":0.1}"#,
            "parameter `strength` is for the modes `blur` and `pixelate`; leave it out or set `mode`",
        ),
        (
            r##"{"polygons":[[[0,0],[0,1],[1,1]]],"mode":"blur","color":"#000000"}"##,
            "parameter `color` is for the mode `fill`; leave it out or change `mode`",
        ),
        (
            r#"{"polygon":[]}"#,
            "unknown parameter `polygon`; allowed: `polygons`, `mode`, `color`, `strength`, `invert`",
        ),
    ];
    for (json, sentence) in table {
        assert_eq!(refusal(json), sentence, "{json}");
    }
}

#[test]
fn there_is_an_end_to_the_points() {
    let polygon = format!("[{}]", vec!["[0,0],[1,0],[1,1]"; 700].join(","));
    assert!(refusal(&format!(r#"{{"polygons":[{polygon}]}}"#)).contains("2100 points in all: at most 2000"));
}

#[test]
fn blocks_are_even_and_not_too_small() {
    let block = |more: &str, height| {
        let json = format!(r#"{{"polygons":[[[0,0],[0,1],[1,1]]]{more}}}"#);
        Settings::new(Params::from_json(&json).unwrap()).unwrap().block(height)
    };
    assert_eq!(block("", 1080), None);
    assert_eq!(block(r#","mode":"blur""#, 1080), Some(54));
    assert_eq!(block(r#","mode":"pixelate","strength":0.01"#, 100), Some(8));
    assert_eq!(block(r#","mode":"pixelate","strength":0.05"#, 1100), Some(56));
}
