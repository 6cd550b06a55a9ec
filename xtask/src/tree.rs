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

/// What is built to run in the sandbox: known by its folder, so that a new one needs no rule of its own.
struct Guests {
    filters: Vec<String>,
    models: Vec<String>,
    components: Vec<String>,
}

impl Guests {
    fn contain(&self, name: &str) -> bool {
        self.filters.iter().chain(&self.models).chain(&self.components).any(|guest| guest == name)
    }

    /// What a guest may use; None if it is none. A component may use a filter as a library.
    fn may_use(&self, name: &str) -> Option<Vec<&str>> {
        if self.components.iter().any(|component| component == name) {
            return Some([SDK].into_iter().chain(self.filters.iter().map(String::as_str)).collect());
        }
        self.contain(name).then(|| vec![SDK])
    }
}

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
    let metadata = metadata()?;
    let root = &metadata.workspace_root;
    let guests = Guests {
        filters: crate::guests::names(root)?,
        models: crate::guests::models(root)?,
        components: crate::guests::components(root)?,
    };
    let violations = violations(&metadata, &guests);
    if violations.is_empty() {
        println!("dependency tree: every arrow points the allowed way");
        return Ok(());
    }
    bail!("{}", violations.join("\n"))
}

fn violations(metadata: &Metadata, guests: &Guests) -> Vec<String> {
    let members: Vec<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let all = metadata.packages.iter().flat_map(|p| p.dependencies.iter().map(move |d| (p, d)));
    all.filter_map(|(package, dependency)| {
        inside(package, dependency, &members, guests).or_else(|| outside(package, dependency, guests))
    })
    .collect()
}

/// A dependency on another crate of the workspace.
fn inside(package: &Package, dependency: &Dependency, members: &[&str], guests: &Guests) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    if !members.contains(&to) || from == "edgevision-tests" {
        return None;
    }
    // Tests run the modules that ship, in their sandbox and natively.
    let for_tests = [ABI, SDK].contains(&to) || guests.contain(to);
    if dependency.kind.as_deref() == Some("dev") && for_tests && from != ABI {
        return None;
    }
    let rule = RULES.iter().find(|rule| rule.name == from);
    let may_use = guests.may_use(from).unwrap_or_else(|| rule.map_or(vec![], |rule| rule.may_use.to_vec()));
    let allowed = if may_use.is_empty() { "nothing".into() } else { may_use.join(", ") };
    let fault = format!(
        "{from} depends on {to}, but of this workspace it may use {allowed}: move the code or the arrow"
    );
    (!may_use.contains(&to)).then_some(fault)
}

/// A dependency on a library that only some crates may name, tests included.
fn outside(package: &Package, dependency: &Dependency, guests: &Guests) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    if is_wasmtime(to) && from != WASM_HOST {
        return Some(format!("{from} depends on {to}, but wasmtime is named only in {WASM_HOST}"));
    }
    let without_gstreamer = [ABI, SDK, WASM_HOST].contains(&from) || guests.contain(from);
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
        let guests = Guests {
            filters: vec!["letterbox".into()],
            models: vec!["lamps".into()],
            components: vec!["letterbox-component".into()],
        };
        violations(&metadata, &guests)
    }

    #[test]
    fn arrows_that_point_down_are_allowed() {
        for (from, to) in [
            (SDK, ABI),
            ("letterbox", SDK),
            ("lamps", SDK),
            ("letterbox-component", SDK),
            ("letterbox-component", "letterbox"),
            (WASM_HOST, ABI),
            (ELEMENTS, WASM_HOST),
            (PIPELINE, ELEMENTS),
        ] {
            assert_eq!(house(from, to, None), Vec::<String>::new(), "{from} -> {to}");
        }
        assert!(house(WASM_HOST, "letterbox", Some("dev")).is_empty());
        assert!(house("edgevision-tests", PIPELINE, None).is_empty());
        assert!(house(WASM_HOST, SDK, Some("dev")).is_empty());
        assert!(house(WASM_HOST, "wasmtime", None).is_empty());
    }

    #[test]
    fn arrows_that_point_up_or_out_are_faults() {
        for (from, to) in [
            (ABI, SDK),
            (SDK, WASM_HOST),
            (WASM_HOST, ELEMENTS),
            ("letterbox", ABI),
            ("letterbox", "letterbox-component"),
            ("lamps", "letterbox"),
            ("letterbox-component", ABI),
            (ELEMENTS, PIPELINE),
        ] {
            assert_eq!(house(from, to, None).len(), 1, "{from} -> {to}");
        }
        assert_eq!(house(WASM_HOST, ELEMENTS, Some("dev")).len(), 1);
        assert!(house(ELEMENTS, "wasmtime", None).iter().any(|v| v.contains("depends on wasmtime")));
        assert!(house("letterbox", "gstreamer-video", Some("dev"))[0].contains("no GStreamer"));
        assert!(house(WASM_HOST, ELEMENTS, None)[0].contains("it may use edgevision-abi"));
    }
}
