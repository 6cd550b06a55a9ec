//! Checks a file against the JSON Schema that the types generate. Pure; reports everything at once, each with its
//! place, what was found, what is allowed and the nearest spelling.

mod forms;

use std::collections::HashMap;

use edgevision_wasm_host::suggest::suggestion;
use serde_json::Value as Json;

use super::{
    error::Position,
    formats,
    node::{Node, Value, join, shortened},
};
use forms::{alternatives, expected, fits, hint, or};

/// A mistake: place, path of the key, message.
pub(super) type Mistake = (Position, String, String);

/// All mistakes in a document.
pub(super) fn check(root: &Node, schema: &Json) -> Vec<Mistake> {
    let mut checker = Checker { schema, mistakes: Vec::new() };
    checker.node(root, schema, "");
    checker.mistakes
}

struct Checker<'s> {
    schema: &'s Json,
    mistakes: Vec<Mistake>,
}

impl<'s> Checker<'s> {
    fn report(&mut self, at: Position, path: &str, message: impl Into<String>) {
        self.mistakes.push((at, path.to_owned(), message.into()));
    }

    fn node(&mut self, node: &Node, schema: &'s Json, path: &str) {
        let forms = self.forms(schema);
        let fitting: Vec<&Json> = forms.iter().copied().filter(|form| fits(node, form)).collect();
        match fitting.as_slice() {
            [] => self.wrong_type(node, &forms, path),
            [form] => self.form(node, form, path),
            several => self.best(node, several, path),
        }
    }

    /// The ways a value may be written, references and unions resolved.
    fn forms(&self, schema: &'s Json) -> Vec<&'s Json> {
        let schema = self.resolved(schema);
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            Some(forms) => forms.iter().flat_map(|form| self.forms(form)).collect(),
            None => vec![schema],
        }
    }

    fn resolved(&self, schema: &'s Json) -> &'s Json {
        let reference = schema.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix('#'));
        reference
            .and_then(|pointer| self.schema.pointer(pointer))
            .map_or(schema, |target| self.resolved(target))
    }

    fn wrong_type(&mut self, node: &Node, forms: &[&Json], path: &str) {
        let is_text = matches!(node.value, Value::Text(_));
        if let Some(sentence) = forms.iter().find_map(|form| form.get("x-not-string")).filter(|_| is_text) {
            return self.report(node.at, path, sentence.as_str().unwrap_or_default());
        }
        let expected = expected(forms);
        let hint = hint(node, forms, &expected);
        self.report(node.at, path, format!("expected {}, found {}{hint}", or(&expected), node.describe()));
    }

    /// Of several forms that fit, the one with the fewest mistakes is the one that was meant.
    fn best(&mut self, node: &Node, forms: &[&'s Json], path: &str) {
        let words: Option<Vec<_>> = forms.iter().map(|form| alternatives(form)).collect();
        if let (Value::Text(text), Some(words)) = (&node.value, words) {
            return self.word(node.at, text, &words.concat(), path);
        }
        let attempts = forms.iter().map(|form| {
            let mut attempt = Checker { schema: self.schema, mistakes: Vec::new() };
            attempt.form(node, form, path);
            attempt.mistakes
        });
        let fewest = attempts.min_by_key(Vec::len).unwrap_or_default();
        self.mistakes.extend(fewest);
    }

    fn form(&mut self, node: &Node, schema: &'s Json, path: &str) {
        match &node.value {
            Value::Map(_) => self.map(node, schema, path),
            Value::List(items) => self.list(node, items, schema, path),
            Value::Text(text) => self.text(node.at, text, schema, path),
            Value::Int(n) => self.number(node.at, *n as f64, schema, path),
            Value::Float(x) => self.number(node.at, *x, schema, path),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn map(&mut self, node: &Node, schema: &'s Json, path: &str) {
        self.duplicates(node, path);
        let known = schema.get("properties").and_then(Json::as_object);
        for (key, value) in node.entries() {
            let path = join(path, &key.text);
            let place = if value.value == Value::Null { key.at } else { value.at };
            let value = &Node { at: place, value: value.value.clone() };
            match (known.and_then(|known| known.get(&key.text)), schema.get("additionalProperties")) {
                (Some(schema), _) => self.node(value, schema, &path),
                (None, Some(Json::Bool(false))) => {
                    let message = unknown_key(&key.text, known);
                    self.report(key.at, &path, message);
                }
                (None, Some(schema @ Json::Object(_))) => self.node(value, schema, &path),
                (None, _) => self.anything(value, &path),
            }
        }
        self.missing(node, schema, path);
        self.exactly_one(node, schema, path);
    }

    /// What is handed on as JSON, which knows no infinity and no NaN: they would become nothing.
    fn anything(&mut self, node: &Node, path: &str) {
        match &node.value {
            Value::Map(_) => {
                for (key, value) in node.entries() {
                    self.anything(value, &join(path, &key.text));
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.anything(item, path)),
            Value::Float(x) if !x.is_finite() => {
                self.report(node.at, path, format!("expected a finite number, found {x}"));
            }
            _ => {}
        }
    }

    /// `maxProperties: 1` is how the schema says "one of these".
    fn exactly_one(&mut self, node: &Node, schema: &Json, path: &str) {
        let known = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
        if schema.get("maxProperties").is_some() && node.entries().len() != 1 {
            let names: Vec<String> = known.map(|(name, _)| format!("`{name}`")).collect();
            let found = node.entries().len();
            self.report(node.at, path, format!("expected one key, {}, found {found}", or(&names)));
        }
    }

    fn duplicates(&mut self, node: &Node, path: &str) {
        let mut seen = HashMap::new();
        for (key, _) in node.entries() {
            if let Some(first) = seen.insert(&key.text, key.at) {
                let message = format!("this key is there twice; the first is in line {}", first.line);
                self.report(key.at, &join(path, &key.text), message);
            }
        }
    }

    fn missing(&mut self, node: &Node, schema: &Json, path: &str) {
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        for key in required.filter_map(Json::as_str) {
            if node.get(key).is_none() {
                self.report(node.at, &join(path, key), "this key is missing and has no default");
            }
        }
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: &'s Json, path: &str) {
        let limit = |key: &str| {
            schema.get(key).and_then(Json::as_u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        if limit("minItems").is_some_and(|min| items.len() < min) {
            self.report(node.at, path, "expected at least one entry, found an empty list");
        }
        if let Some(max) = limit("maxItems").filter(|max| items.len() > *max) {
            self.report(node.at, path, format!("expected at most {max} entries, found {}", items.len()));
        }
        if let Some(schema) = schema.get("items") {
            for (i, item) in items.iter().enumerate() {
                self.node(item, schema, &format!("{path}[{i}]"));
            }
        }
    }

    fn word(&mut self, at: Position, text: &str, allowed: &[&str], path: &str) {
        if !allowed.contains(&text) {
            self.report(at, path, not_among(text, allowed));
        }
    }

    fn text(&mut self, at: Position, text: &str, schema: &Json, path: &str) {
        if let Some(allowed) = alternatives(schema) {
            return self.word(at, text, &allowed, path);
        }
        if text.is_empty() {
            return self.report(at, path, "expected a text, found an empty one");
        }
        let format = schema.get("format").and_then(Json::as_str).unwrap_or_default();
        match formats::read(format, text) {
            Err(sentence) => self.report(at, path, sentence),
            Ok(size) => self.size(at, (text, size), (format, schema), path),
        }
    }

    /// Quantities with a unit have their limits as text, too.
    fn size(&mut self, at: Position, found: (&str, Option<u128>), form: (&str, &Json), path: &str) {
        let (text, Some(size)) = found else { return };
        let (format, schema) = form;
        let limit = |key| schema.get(key).and_then(Json::as_str).unwrap_or_default();
        let (min, max) = (limit("x-min"), limit("x-max"));
        let beyond = |limit: &str, is_beyond: fn(u128, u128) -> bool| {
            formats::read(format, limit).ok().flatten().is_some_and(|limit| is_beyond(size, limit))
        };
        if beyond(min, |size, min| size < min) || beyond(max, |size, max| size > max) {
            self.report(at, path, format!("expected {min} to {max}, found {text}"));
        }
    }

    fn number(&mut self, at: Position, number: f64, schema: &Json, path: &str) {
        let limit = |key| schema.get(key).and_then(Json::as_f64);
        let (min, max) = (limit("minimum"), limit("maximum"));
        // Written so that NaN is refused.
        let inside = min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max);
        if let (false, Some(min), Some(max)) = (inside, min, max) {
            self.report(at, path, format!("expected {min} to {max}, found {number}"));
        }
    }
}

fn not_among(text: &str, allowed: &[&str]) -> String {
    let nearest = suggestion(text, allowed.iter().copied());
    format!("`{}` is not allowed{nearest} allowed: {}", shortened(text), allowed.join(", "))
}

fn unknown_key(key: &str, known: Option<&serde_json::Map<String, Json>>) -> String {
    let mut names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let nearest = suggestion(key, names.iter().copied());
    format!("unknown key{nearest} allowed: {}", names.join(", "))
}
