//! `cargo xtask tree`: who may depend on whom.

use anyhow::{Result, bail};

use crate::workspace::{Dependency, Metadata, Package, metadata};

/// A crate and the crates of this workspace that it may use outside of its tests.
struct Rule {
    name: &'static str,
    may_use: &'static [&'static str],
}

const ABI: &str = "edgevision-abi";
const SDK: &str = "edgevision-sdk";
const WASM_HOST: &str = "edgevision-wasm-host";
const ELEMENTS: &str = "gst-plugin-edgevision";
const PIPELINE: &str = "edgevision";

const RULES: &[Rule] = &[
    Rule { name: ABI, may_use: &[] },
    Rule { name: SDK, may_use: &[ABI] },
    Rule { name: WASM_HOST, may_use: &[ABI] },
    Rule { name: ELEMENTS, may_use: &[WASM_HOST] },
    Rule { name: PIPELINE, may_use: &[ELEMENTS, WASM_HOST] },
    Rule { name: "xtask", may_use: &[] },
];

/// Fails with one sentence for each dependency that points the wrong way.
pub fn check() -> Result<()> {
    let violations = violations(&metadata()?, &filters()?);
    if violations.is_empty() {
        println!("dependency tree: every arrow points the allowed way");
        return Ok(());
    }
    bail!("{}", violations.join("\n"))
}

/// The modules are known by their folder, so that a new one needs no rule of its own.
fn filters() -> Result<Vec<String>> {
    crate::guests::names(&metadata()?.workspace_root)
}

fn violations(metadata: &Metadata, filters: &[String]) -> Vec<String> {
    let members: Vec<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let all = metadata.packages.iter().flat_map(|p| p.dependencies.iter().map(move |d| (p, d)));
    all.filter_map(|(package, dependency)| {
        inside(package, dependency, &members, filters).or_else(|| outside(package, dependency, filters))
    })
    .collect()
}

/// A dependency on another crate of the workspace.
fn inside(
    package: &Package,
    dependency: &Dependency,
    members: &[&str],
    filters: &[String],
) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    if !members.contains(&to) || from == "edgevision-tests" {
        return None;
    }
    // Tests run the modules that ship, in their sandbox and natively.
    let for_tests = [ABI, SDK].contains(&to) || filters.iter().any(|f| f == to);
    if dependency.kind.as_deref() == Some("dev") && for_tests && from != ABI {
        return None;
    }
    let is_filter = filters.iter().any(|f| f == from);
    let rule = RULES.iter().find(|rule| rule.name == from);
    let may_use = if is_filter { &[SDK][..] } else { rule.map_or(&[][..], |rule| rule.may_use) };
    let allowed = if may_use.is_empty() { "nothing".into() } else { may_use.join(", ") };
    let fault = format!(
        "{from} depends on {to}, but of this workspace it may use {allowed}: move the code or the arrow"
    );
    (!may_use.contains(&to)).then_some(fault)
}

/// A dependency on a library that only some crates may name, tests included.
fn outside(package: &Package, dependency: &Dependency, filters: &[String]) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    if is_wasmtime(to) && from != WASM_HOST {
        return Some(format!("{from} depends on {to}, but wasmtime is named only in {WASM_HOST}"));
    }
    let without_gstreamer = [ABI, SDK, WASM_HOST].contains(&from) || filters.iter().any(|f| f == from);
    let fault =
        || format!("{from} depends on {to}, but there is no GStreamer in wasm-host and guest-filters");
    (is_gstreamer(to) && without_gstreamer).then(fault)
}

fn is_wasmtime(name: &str) -> bool {
    name == "wasmtime" || name.starts_with("wasmtime-")
}

fn is_gstreamer(name: &str) -> bool {
    name == "gstreamer" || name.starts_with("gstreamer-") || name.starts_with("gst-plugin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(from: &str, to: &str, kind: Option<&str>) -> Vec<String> {
        let dependency = Dependency { name: to.into(), kind: kind.map(Into::into) };
        let mut packages = vec![Package { name: from.into(), dependencies: vec![dependency] }];
        if !to.starts_with("wasmtime") && !to.starts_with("gstreamer") {
            packages.push(Package { name: to.into(), dependencies: vec![] });
        }
        let metadata = Metadata { packages, workspace_root: ".".into(), target_directory: ".".into() };
        violations(&metadata, &["letterbox".into()])
    }

    #[test]
    fn arrows_that_point_down_are_allowed() {
        for (from, to) in
            [(SDK, ABI), ("letterbox", SDK), (WASM_HOST, ABI), (ELEMENTS, WASM_HOST), (PIPELINE, ELEMENTS)]
        {
            assert_eq!(house(from, to, None), Vec::<String>::new(), "{from} -> {to}");
        }
        assert!(house(WASM_HOST, "letterbox", Some("dev")).is_empty());
        assert!(house("edgevision-tests", PIPELINE, None).is_empty());
        assert!(house(WASM_HOST, SDK, Some("dev")).is_empty());
        assert!(house(WASM_HOST, "wasmtime", None).is_empty());
    }

    #[test]
    fn arrows_that_point_up_or_out_are_faults() {
        for (from, to) in
            [(ABI, SDK), (SDK, WASM_HOST), (WASM_HOST, ELEMENTS), ("letterbox", ABI), (ELEMENTS, PIPELINE)]
        {
            assert_eq!(house(from, to, None).len(), 1, "{from} -> {to}");
        }
        assert_eq!(house(WASM_HOST, ELEMENTS, Some("dev")).len(), 1);
        assert!(house(ELEMENTS, "wasmtime", None).iter().any(|v| v.contains("depends on wasmtime")));
        assert!(house("letterbox", "gstreamer-video", Some("dev"))[0].contains("no GStreamer"));
        assert!(house(WASM_HOST, ELEMENTS, None)[0].contains("it may use edgevision-abi"));
    }
}
