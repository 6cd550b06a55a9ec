//! The config that uses a model, to be copied into a file. Pure.

use std::path::Path;

use edgevision_wasm_host::family::Suggestion;
use serde_json::{Map, Value};

/// A whole config file. `detector` is the name of the module that made the suggestion.
pub(super) fn config(model: &Path, detector: &str, suggestion: &Suggestion) -> String {
    // The file may be put anywhere.
    let model = std::path::absolute(model).unwrap_or_else(|_| model.to_owned());
    let Suggestion { preprocess, params, classes, threshold, .. } = suggestion;
    let threshold = threshold.map(|least| format!("  threshold: {least}\n")).unwrap_or_default();
    let labels = classes.map(|n| format!(" {n} line{}:", if n == 1 { "" } else { "s" })).unwrap_or_default();
    format!(
        "cameras:
  - name: camera
    source: test://ball               # rtsp://..., a video file, v4l2:///dev/video0
analyze:
  preprocess:
    module: {}
    params: {}
  detect:
    module: {}
    params: {}
  model:
    path: {}
    # labels: labels.txt              #{labels} one class name a line, in the model's order
{threshold}",
        word(&preprocess.module),
        flow(&preprocess.params),
        word(detector),
        flow(params),
        word(&model.to_string_lossy()),
    )
}

/// `{color: bgr, std: 255}`.
fn flow(params: &Map<String, Value>) -> String {
    let entry = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => word(text),
            // JSON is YAML.
            other => other.to_string(),
        };
        format!("{}: {value}", word(key))
    };
    format!("{{{}}}", params.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// A text as YAML writes it: bare where that cannot be read as anything else, else as JSON.
fn word(text: &str) -> String {
    const NOT_TEXT: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !NOT_TEXT.contains(&text.to_lowercase().as_str());
    if bare { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bare_only_where_nothing_else_can_be_meant() {
        for text in ["bgr", "top_left", "/a/b.onnx", "privacy-mask"] {
            assert_eq!(word(text), text);
        }
        for text in ["", "1e3", "No", "null", "a: b", "a #b", "/a b", "- x", "\"", "a\nb", "größe"] {
            assert_eq!(word(text), Value::from(text).to_string());
        }
    }

    #[test]
    fn parameters_of_any_kind_are_yaml() {
        let params = serde_json::json!({ "a": "b", "std": [1.5, 2, 3], "c": { "d": null }, "e f": true });
        let text = flow(params.as_object().unwrap());
        assert_eq!(text, r#"{a: b, c: {"d":null}, "e f": true, std: [1.5,2,3]}"#);
    }
}
