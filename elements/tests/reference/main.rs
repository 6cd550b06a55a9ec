//! Writes `docs/reference/elements/*.md` from the registered elements, and holds the pages and the elements to it.
//!
//! A page is prose by hand up to the line `<!-- generated -->`; what follows is generated. `EDGEVISION_BLESS=1` writes
//! it, and makes the page of a new element.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod pads;
mod page;
mod property;
mod rules;
mod signals;

use std::{
    fs,
    path::{Path, PathBuf},
};

use gst::prelude::*;

const MARK: &str = "<!-- generated -->\n";

/// An element of each kind that the plugin registers, in alphabetical order.
fn elements() -> Vec<gst::Element> {
    gst::init().unwrap();
    gstedgevision::plugin_register_static().unwrap();
    let features = gst::Registry::get().features_by_plugin("edgevision");
    let factories = features.into_iter().filter_map(|feature| feature.downcast::<gst::ElementFactory>().ok());
    let mut factories: Vec<gst::ElementFactory> = factories.collect();
    factories.sort_by_key(GstObjectExt::name);
    assert!(factories.len() >= 3, "the plugin has elements");
    factories.iter().map(|factory| factory.create().build().unwrap()).collect()
}

fn name(element: &gst::Element) -> String {
    element.factory().unwrap().name().into()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/elements")
}

/// What stands before the mark. A new element gets a page with its description.
fn prose(element: &gst::Element, path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(text) => {
            text.split_once(MARK).unwrap_or_else(|| panic!("{}: no line {MARK}", path.display())).0.to_owned()
        }
        Err(_) => format!("# {}\n\n{}.\n\n", name(element), page::metadata(element, "description")),
    }
}

#[test]
fn the_pages_are_what_the_elements_say() {
    let bless = std::env::var_os("EDGEVISION_BLESS").is_some_and(|bless| bless == "1");
    let mut old = Vec::new();
    for element in elements() {
        let path = folder().join(format!("{}.md", name(&element)));
        let page = format!("{}{MARK}\n{}", prose(&element, &path), page::generated(&element));
        if fs::read_to_string(&path).is_ok_and(|there| there == page) {
            continue;
        }
        match bless {
            true => fs::write(&path, page).unwrap(),
            false => old.push(name(&element)),
        }
    }
    assert!(old.is_empty(), "run this test with EDGEVISION_BLESS=1 to write the pages of {}", old.join(", "));
}

#[test]
fn every_element_is_in_the_index_and_every_page_has_an_element() {
    let index = fs::read_to_string(folder().join("../elements.md")).unwrap();
    let names: Vec<String> = elements().iter().map(name).collect();
    for name in &names {
        assert!(index.contains(&format!("[{name}](elements/{name}.md)")), "{name} is not in elements.md");
    }
    for page in fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        let stem = page.path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&stem), "{} has no element", page.path().display());
    }
}

#[test]
fn everything_is_documented() {
    let missing: Vec<String> = elements().iter().flat_map(rules::missing).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn signals_and_actions_are_told_apart() {
    gst::init().unwrap();
    let table = signals::table(&gst::ElementFactory::make("appsrc").build().unwrap()).unwrap();
    assert!(table.contains("| `end-of-stream` | action |  | `GstFlowReturn` |"), "{table}");
    assert!(table.contains("| `need-data` | signal | `guint` |  |"), "{table}");
}

/// Signals carry no text of their own: the prose has to name them.
#[test]
fn every_signal_is_in_the_prose() {
    for element in elements() {
        let path = folder().join(format!("{}.md", name(&element)));
        let prose = prose(&element, &path);
        for signal in signals::of(&element) {
            assert!(prose.contains(&format!("`{}`", signal.name)), "{}: `{}`", path.display(), signal.name);
        }
    }
}
