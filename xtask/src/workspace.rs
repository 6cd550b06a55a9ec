//! Where things are, and what `cargo metadata` says about them.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The part of `cargo metadata` that the chores need.
#[derive(Deserialize)]
pub struct Metadata {
    /// Every package of the workspace and, when asked for, of its dependencies.
    pub packages: Vec<Package>,
    /// Root of the workspace.
    pub workspace_root: PathBuf,
    /// Where build products go.
    pub target_directory: PathBuf,
}

/// A workspace member.
#[derive(Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What it asks for in its manifest.
    pub dependencies: Vec<Dependency>,
}

/// A line of a manifest's dependencies.
#[derive(Deserialize)]
pub struct Dependency {
    /// Package name, also when it is renamed.
    pub name: String,
    /// None is a normal dependency; else `dev` or `build`.
    pub kind: Option<String>,
}

/// The cargo that runs this chore.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Asks cargo about the members of the workspace.
pub fn metadata() -> Result<Metadata> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).context("cargo metadata printed something unexpected")
}

/// Runs a command and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let result = command.output().with_context(|| format!("cannot start {name}"))?;
    if !result.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&result.stderr).trim());
    }
    String::from_utf8(result.stdout).with_context(|| format!("{name} printed no UTF-8"))
}

/// Runs a command that speaks for itself.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}
