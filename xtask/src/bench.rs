//! `cargo xtask bench`: what a frame costs and what it may cost, in one table.

mod estimates;
mod table;

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result, bail, ensure};
use estimates::Estimates;
use table::{Figure, Limit};

use crate::{
    guests,
    workspace::{cargo, metadata, run},
};

/// The benches that criterion runs.
const CRITERION: &[&str] = &["component", "handover", "letterbox", "pool", "overlay"];

/// The benches that run whole programs and print their own figures: the command, the command against bare engines,
/// and pipelines with the plugin.
const PRINTING: &[&str] = &["end_to_end", "inference", "plugin"];

/// Builds and runs all benches, prints the table, and fails when a figure is over its limit.
pub fn measure() -> Result<()> {
    let metadata = metadata()?;
    guests::build()?;
    run(cargo().current_dir(&metadata.workspace_root).args(["build", "--release", "--workspace"]))?;
    let begun = SystemTime::now();
    run(bench(&metadata.workspace_root, CRITERION).args(["--", "--noplot", "--measurement-time", "3"]))?;
    let estimates = Estimates::new(metadata.target_directory.join("criterion"), begun);
    let mut figures = handover(&estimates)?;
    figures.extend(component(&estimates)?);
    figures.extend(kernels(&estimates)?);
    for name in PRINTING {
        figures.extend(printed(&metadata.workspace_root, name)?);
    }
    // Standard output may be a pipe that was closed early; the exit status still tells the verdict.
    writeln!(io::stdout(), "\n{}", table::render(&figures)).context("cannot print the table")?;
    verdict(&figures)
}

fn verdict(figures: &[Figure]) -> Result<()> {
    let over: Vec<&str> = figures.iter().filter(|f| f.is_over()).map(|f| f.name.as_str()).collect();
    ensure!(over.is_empty(), "over the limit: {}", over.join("; "));
    Ok(())
}

/// Always the whole workspace: a selection of packages changes the features of shared dependencies, and cargo would
/// compile wasmtime and the inference engine again.
fn bench(workspace_root: &Path, names: &[&str]) -> Command {
    let mut command = cargo();
    command.current_dir(workspace_root).args(["bench", "--workspace"]);
    command.args(names.iter().flat_map(|name| ["--bench", name]));
    command
}

fn handover(estimates: &Estimates) -> Result<Vec<Figure>> {
    let in_place = estimates.median_ns("handover 1080p I420/in place")?;
    let copy = estimates.median_ns("handover 1080p I420/memcpy")?;
    Ok(vec![
        Figure::new("hand-over of a 1080p frame to a module", in_place / 1e3, "µs", Limit::AtMost(15.0)),
        Figure::new("copying that frame instead", copy / 1e3, "µs", Limit::None),
        Figure::new("hand-over, times cheaper than the copy", copy / in_place, "x", Limit::AtLeast(10.0)),
    ])
}

/// The same detector as core module and as component, without preprocessing and inference.
fn component(estimates: &Estimates) -> Result<Vec<Figure>> {
    let detector = "yolo on 416x416 without inference";
    let core = estimates.median_ns(&format!("{detector}/core module"))?;
    let component = estimates.median_ns(&format!("{detector}/component"))?;
    Ok(vec![
        Figure::new("yolo as a core module, without inference", core / 1e3, "µs", Limit::None),
        Figure::new("yolo as a component, without inference", component / 1e3, "µs", Limit::None),
        Figure::new("component against core module", component / core, "x", Limit::None),
    ])
}

/// Worker pool, letterbox and overlay.
fn kernels(estimates: &Estimates) -> Result<Vec<Figure>> {
    let letterbox = "letterbox 720p I420 to 640x640 f32";
    let wasm = estimates.median_ns(&format!("{letterbox}/wasm"))?;
    let native = estimates.median_ns(&format!("{letterbox}/native"))?;
    let pool = estimates.median_ns("pool/round trip, idle worker")?;
    let mut figures = vec![
        Figure::new("through the worker pool and back, idle worker", pool / 1e3, "µs", Limit::None),
        Figure::new("letterbox 720p to 640x640 in Wasm", wasm / 1e6, "ms", Limit::None),
        Figure::new("letterbox, Wasm against native", wasm / native, "x", Limit::AtMost(1.8)),
    ];
    for format in ["I420", "NV12"] {
        let drawn = format!("overlay 1080p/{format} whole element, copy included");
        let name = format!("overlay of 20 boxes on 1080p {format}, copy included");
        figures.push(Figure::new(name, estimates.median_ns(&drawn)? / 1e6, "ms", Limit::AtMost(0.5)));
    }
    Ok(figures)
}

/// Runs a bench that prints one JSON object a figure.
fn printed(workspace_root: &Path, name: &str) -> Result<Vec<Figure>> {
    let mut command = bench(workspace_root, &[name]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the bench {name} failed ({})", output.status);
    }
    let text = String::from_utf8(output.stdout).context("the bench printed no UTF-8")?;
    let figures: Vec<Figure> = text.lines().map(Figure::from_json).collect::<Result<_>>()?;
    ensure!(!figures.is_empty(), "the bench {name} printed no figures");
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_names_what_is_over() {
        let figure = |name: &str, value, limit| Figure::new(name, value, "ms", limit);
        let good = figure("start", 900.0, Limit::AtMost(1000.0));
        assert!(verdict(&[good]).is_ok());
        let bad = [
            figure("start", 1001.0, Limit::AtMost(1000.0)),
            figure("gain", 11.0, Limit::AtLeast(10.0)),
            figure("overlay", 0.6, Limit::AtMost(0.5)),
        ];
        let message = verdict(&bad).map_err(|error| error.to_string());
        assert_eq!(message, Err("over the limit: start; overlay".to_owned()));
    }

    #[test]
    fn benches_are_selected_from_the_whole_workspace() {
        let command = bench(Path::new("."), &["pool", "overlay"]);
        let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        assert_eq!(arguments, ["bench", "--workspace", "--bench", "pool", "--bench", "overlay"]);
    }
}
