//! A YAML document as a tree in which every node and key knows its place.

use super::error::Position;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub at: Position,
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and its place. Keys may occur twice; `structure` complains.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub at: Position,
    pub text: String,
}

impl Node {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// An item of a list.
    pub fn item(&self, index: usize) -> Option<&Node> {
        match &self.value {
            Value::List(items) => items.get(index),
            _ => None,
        }
    }

    /// Whether nothing is written there.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The same as [`Node::get`], to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|(k, _)| k.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Keys and values; none unless it is a mapping.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Adds the entries of `defaults` that are not there; both must be mappings.
    pub fn fill_from(&mut self, defaults: &Node) {
        let missing: Vec<_> =
            defaults.entries().iter().filter(|(key, _)| self.get(&key.text).is_none()).cloned().collect();
        if let Value::Map(entries) = &mut self.value {
            entries.extend(missing);
        }
    }

    /// Calls `visit` with the path and place of every key and list item.
    pub fn walk(&self, path: &str, visit: &mut impl FnMut(&str, Position)) {
        if let Value::List(items) = &self.value {
            for (i, item) in items.iter().enumerate() {
                let path = format!("{path}[{i}]");
                visit(&path, item.at);
                item.walk(&path, visit);
            }
        }
        for (key, node) in self.entries() {
            let path = join(path, &key.text);
            visit(&path, if node.value == Value::Null { key.at } else { node.at });
            node.walk(&path, visit);
        }
    }

    /// As JSON, for `serde`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::from(*b),
            Value::Int(n) => Json::from(*n),
            Value::Float(x) => Json::from(*x),
            Value::Text(text) => Json::from(text.as_str()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), node.to_json())).collect())
            }
        }
    }

    /// What it is, for messages: ``the text `x` ``, `the number 5`, `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Int(n) => format!("the number {n}"),
            Value::Float(x) => format!("the number {x}"),
            Value::Text(text) => format!("the text `{}`", shortened(text)),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

/// `cameras[0]` and `name` make `cameras[0].name`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// At most 60 characters of a text, on one line.
pub(super) fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    if text.chars().nth(60).is_some() { line + "…" } else { line }
}
