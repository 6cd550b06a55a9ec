//! What a module's description says about the points that it reports.

use edgevision_abi::{MAX_NAME_BYTES, SECTION_MODULE};
use serde_json::{Map, Value};

use crate::{extras::LandmarkScheme, text};

/// Most names, and most lines of a skeleton.
const MOST: usize = 1024;

/// Names and skeleton; `None` when the description has neither. The error is a phrase.
pub(super) fn read(description: &Map<String, Value>) -> Result<Option<LandmarkScheme>, String> {
    let list = |key: &str| match description.get(key) {
        None => Ok(&[][..]),
        Some(Value::Array(list)) if list.len() <= MOST => Ok(&list[..]),
        Some(_) => Err(problem(key, &format!("is not a list of at most {MOST}"))),
    };
    let names = list("landmarks")?.iter().map(name).collect::<Option<Vec<_>>>();
    let names = names.ok_or_else(|| problem("landmarks", "has something else than short names"))?;
    let edges = list("skeleton")?.iter().map(|pair| edge(pair, names.len())).collect::<Option<Vec<_>>>();
    let edges = edges.ok_or_else(|| problem("skeleton", "has something else than pairs of its points"))?;
    Ok((!names.is_empty()).then_some(LandmarkScheme { names, edges }))
}

fn problem(key: &str, what: &str) -> String {
    format!("`{key}` in its section `{SECTION_MODULE}` {what}; build it again with the SDK")
}

fn name(value: &Value) -> Option<String> {
    let name = text::clean(value.as_str()?.as_bytes());
    (!name.is_empty() && name.len() <= MAX_NAME_BYTES).then_some(name)
}

/// A pair of points that have names.
fn edge(value: &Value, points: usize) -> Option<[u16; 2]> {
    let [from, to] = &value.as_array()?[..] else { return None };
    let point = |value: &Value| {
        let point = u16::try_from(value.as_u64()?).ok()?;
        (usize::from(point) < points).then_some(point)
    };
    Some([point(from)?, point(to)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Option<LandmarkScheme>, String> {
        read(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn names_and_skeleton_are_read() {
        let scheme =
            of(r#"{"landmarks":["right_eye","left\u001b_eye"],"skeleton":[[0,1]]}"#).unwrap().unwrap();
        assert_eq!(scheme.names, ["right_eye", "left_eye"]);
        assert_eq!(scheme.edges, [[0, 1]]);
        assert_eq!(of(r#"{"name":"yolo"}"#), Ok(None));
    }

    #[test]
    fn what_cannot_be_is_a_phrase() {
        for (json, phrase) in [
            (r#"{"landmarks":"eye"}"#, "`landmarks` in its section `edgevision.module` is not a list"),
            (r#"{"landmarks":[""]}"#, "has something else than short names"),
            (r#"{"landmarks":["a"],"skeleton":[[0,1]]}"#, "`skeleton` in its section"),
            (r#"{"landmarks":["a"],"skeleton":[[0]]}"#, "pairs of its points"),
            (r#"{"skeleton":[[0,70000]]}"#, "pairs of its points"),
        ] {
            let error = of(json).unwrap_err();
            assert!(error.contains(phrase), "{error}");
        }
    }
}
