//! Reads YAML text into a [`Node`] tree, within limits that keep hostile files small.

use std::{borrow::Cow, collections::HashMap};

use saphyr::Scalar;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::{
    error::Position,
    node::{Key, Node, Value, shortened},
};

/// Most bytes of a config file.
pub(super) const MAX_BYTES: u64 = 10 << 20;
/// Most values in a config file, copies through aliases included ("billion laughs").
const MAX_NODES: usize = 100_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A place and what is wrong there.
pub(super) type Fault = (Position, String);

/// Reads a text that holds exactly one document.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(text, &error))?;
        builder.event(event, position(&span.start))?;
    }
    builder.root.ok_or_else(|| {
        (Position { line: 1, column: 1 }, "the file is empty; a config begins with `cameras:`".to_owned())
    })
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// Adds the usual cause to the parser's words.
fn syntax(text: &str, error: &ScanError) -> Fault {
    let at = position(error.marker());
    // The parser often notices a line or two after the tab.
    let first = at.line.saturating_sub(3);
    let near = text.lines().enumerate().skip(first).take(at.line - first);
    let is_tab = |line: &str| line[..line.len() - line.trim_start().len()].find('\t');
    match near.filter_map(|(i, line)| is_tab(line).map(|column| (i, column))).next() {
        Some((i, column)) => (
            Position { line: i + 1, column: column + 1 },
            "a tab in the indentation; YAML wants spaces there".to_owned(),
        ),
        None if error.info().contains("flow") => {
            (at, format!("this is not YAML: {}; is a bracket or brace before it not closed?", error.info()))
        }
        None => (at, format!("this is not YAML: {}", error.info())),
    }
}

/// A list or mapping that is not complete yet.
struct Open {
    at: Position,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Position) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err((at, "a second document begins here; a config file holds one".to_owned()))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, style, tag.as_ref(), at)?;
                self.finished(node, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(Open { at, anchor, content: Content::List(Vec::new()) })
            }
            Event::MappingStart(anchor, _) => {
                self.begin(Open { at, anchor, content: Content::Map(Vec::new(), None) })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Cow<'_, Tag>>,
        at: Position,
    ) -> Result<Node, Fault> {
        let refused = || (at, format!("`{}` does not fit the type that stands before it", shortened(&text)));
        let value = match Scalar::parse_from_cow_and_metadata(text.clone(), style, tag).ok_or_else(refused)? {
            Scalar::Null => Value::Null,
            Scalar::Boolean(b) => Value::Bool(b),
            Scalar::Integer(n) => Value::Int(n),
            Scalar::FloatingPoint(x) => Value::Float(x.into_inner()),
            Scalar::String(text) => Value::Text(text.into_owned()),
        };
        Ok(Node { at, value })
    }

    fn begin(&mut self, open: Open) -> Result<(), Fault> {
        if self.open.len() == MAX_DEPTH {
            return Err((open.at, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open { at, anchor, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map(entries, _) => Value::Map(merged(entries)),
        };
        self.finished(Node { at, value }, anchor)
    }

    /// Puts a finished node where it belongs: into the list or mapping around it, as key or value, or at the root.
    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.count(1, node.at)?;
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Fault> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, pending)) => match pending.take() {
                Some(key) => entries.push((key, node)),
                None => *pending = Some(key(node)?),
            },
        }
        Ok(())
    }

    /// A copy of an anchored node, which stands where the alias stands.
    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Fault> {
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            return Err((at, "this alias names an anchor that is not complete yet".to_owned()));
        };
        self.count(size, at)?;
        self.place(Node { at, ..node })
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err((at, format!("more than {MAX_NODES} values (aliases counted in full)")));
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
        _ => 0,
    }
}

fn key(node: Node) -> Result<Key, Fault> {
    let text = match node.value {
        Value::Text(text) => text,
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        _ => return Err((node.at, format!("a key must be a text, found {}", node.describe()))),
    };
    Ok(Key { at: node.at, text })
}

/// Applies `<<: *anchor`: its entries fill in what is not there.
fn merged(entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
    let is_merge = |(key, node): &(Key, Node)| key.text == "<<" && matches!(node.value, Value::Map(_));
    let (merges, own): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_merge);
    let mut map = Node { at: Position::default(), value: Value::Map(own) };
    for (_, defaults) in &merges {
        map.fill_from(defaults);
    }
    match map.value {
        Value::Map(entries) => entries,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let (at, message) = parse(text).unwrap_err();
        format!("{}:{}: {message}", at.line, at.column)
    }

    #[test]
    fn places_count_from_one() {
        let root = parse("a: 1\nb:\n  - x\n  - y: true\n").unwrap();
        let mut places = Vec::new();
        root.walk("", &mut |path, at| places.push(format!("{path} {}:{}", at.line, at.column)));
        assert_eq!(places, ["a 1:4", "b 3:3", "b[0] 3:5", "b[1] 4:5", "b[1].y 4:8"]);
    }

    #[test]
    fn merge_keys_fill_in_what_is_missing() {
        let root = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}").unwrap();
        assert_eq!(root.get("b").unwrap().to_json(), serde_json::json!({ "x": 1, "y": 3 }));
    }

    #[test]
    fn a_billion_laughs_are_few() {
        let mut text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..10 {
            let previous = vec![format!("*l{}", i - 1); 10].join(", ");
            text += &format!("l{i}: &l{i} [{previous}]\n");
        }
        assert!(
            fault(&text).ends_with("more than 100000 values (aliases counted in full)"),
            "{}",
            fault(&text)
        );
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(fault(&deep), "1:65: nested more than 64 levels deep");
        assert!(parse(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
        assert!(!fault(&"[".repeat(100_000)).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-\\[\\]{}:,&*!|>'\"#%@ \\n\\tab<0-9.~?]{0,80}") {
            drop(parse(&text));
        }
    }
}
