//! The generated part of a page.

use gst::prelude::*;

use crate::{pads, property, signals};

/// A line of the element's own description.
pub fn metadata(element: &gst::Element, key: &str) -> String {
    element.factory().unwrap().metadata(key).unwrap_or_default().to_owned()
}

/// Everything that the element says about itself, as Markdown.
pub fn generated(element: &gst::Element) -> String {
    let about = |key| metadata(element, key);
    let head =
        format!("{} (`{}`): {}.\n", about("long-name"), about("klass"), lower_first(&about("description")));
    let sections = [
        Some(head),
        Some(format!("## Pads\n\n{}", pads::table(element))),
        Some(format!("## Properties\n\n{}", property::table(element))),
        section("Values", property::enumerations(element)),
        section("Signals", signals::table(element)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn section(title: &str, text: Option<String>) -> Option<String> {
    text.map(|text| format!("## {title}\n\n{text}"))
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// A Markdown table.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}
