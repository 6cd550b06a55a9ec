//! `cargo xtask guests`: the modules and components that ship, built from source.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use wit_component::ComponentEncoder;

use crate::{
    toolchain::{TARGET, Toolchain},
    workspace::{Metadata, cargo, metadata, run},
};

/// What every engine of the last years runs, and what the kernels are written for. Given to the module itself
/// only: for all crates it would rebuild the standard library.
const FEATURES: &str = "target-feature=+simd128,+bulk-memory,+sign-ext,+nontrapping-fptoint";

/// Builds every module and every component to `target/guests/<name>.wasm`, every model to
/// `target/guests/models/<name>.wasm`.
pub fn build() -> Result<()> {
    let metadata = metadata()?;
    let toolchain = Toolchain::find(&metadata)?;
    for name in names(&metadata.workspace_root)? {
        build_module(&name, &toolchain, &metadata, "guests")?;
    }
    for name in models(&metadata.workspace_root)? {
        // In a folder of their own: they are looked for under `model`, not among the modules.
        build_module(&name, &toolchain, &metadata, "guests/models")?;
    }
    for name in components(&metadata.workspace_root)? {
        build_component(&name, &toolchain, &metadata)?;
    }
    Ok(())
}

/// The core modules: folders with a manifest below `guest-filters/filters`, in alphabetical order.
pub fn names(workspace_root: &Path) -> Result<Vec<String>> {
    crates_in(&workspace_root.join("guest-filters/filters"))
}

/// The components, likewise below `guest-filters/components`.
pub fn components(workspace_root: &Path) -> Result<Vec<String>> {
    crates_in(&workspace_root.join("guest-filters/components"))
}

/// The models that are modules themselves, likewise below `guest-filters/models`.
pub fn models(workspace_root: &Path) -> Result<Vec<String>> {
    crates_in(&workspace_root.join("guest-filters/models"))
}

fn crates_in(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let modules = paths.iter().filter(|path| path.join("Cargo.toml").is_file());
    let mut names: Vec<String> =
        modules.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn build_module(name: &str, toolchain: &Toolchain, metadata: &Metadata, folder: &str) -> Result<()> {
    let built_in = toolchain.target_directory(metadata);
    let mut command = rustc(name, &built_in, metadata);
    toolchain.configure(&mut command)?;
    set_flags(&mut command, &without_machine_paths(metadata, toolchain)?);
    command.args(["--", "-C", FEATURES]);
    run(&mut command).with_context(|| format!("cannot build the module {name}"))?;
    publish(name, &compiled(name, &built_in)?, &metadata.target_directory.join(folder))
}

/// A component is mostly a filter that it uses as a library: the features are for all crates, in a folder of their own.
fn build_component(name: &str, toolchain: &Toolchain, metadata: &Metadata) -> Result<()> {
    let built_in = toolchain.target_directory(metadata).join("components");
    let mut command = rustc(name, &built_in, metadata);
    toolchain.configure(&mut command)?;
    let mut flags = without_machine_paths(metadata, toolchain)?;
    flags.extend(["-C".into(), FEATURES.into()]);
    set_flags(&mut command, &flags);
    run(&mut command).with_context(|| format!("cannot build the component {name}"))?;
    let wrapped = ComponentEncoder::default().validate(true).module(&compiled(name, &built_in)?);
    let wrapped = wrapped.and_then(|mut encoder| encoder.encode());
    let bytes = wrapped.with_context(|| format!("cannot make a component of {name}"))?;
    publish(name, &bytes, &metadata.target_directory.join("guests"))
}

fn rustc(name: &str, built_in: &Path, metadata: &Metadata) -> Command {
    let mut command = cargo();
    command.current_dir(&metadata.workspace_root).args(["rustc", "--quiet", "--package", name]);
    command.args(["--profile", "guest", "--target", TARGET, "--lib", "--crate-type", "cdylib"]);
    command.arg("--target-dir").arg(built_in);
    command
}

fn compiled(name: &str, built_in: &Path) -> Result<Vec<u8>> {
    let product = built_in.join(TARGET).join("guest").join(format!("{}.wasm", name.replace('-', "_")));
    let bytes = fs::read(&product).with_context(|| format!("cannot read {}", product.display()))?;
    ensure!(bytes.starts_with(b"\0asm"), "{} is not WebAssembly", product.display());
    Ok(bytes)
}

/// Panic messages carry the path of their source: the same module must come out on every machine.
///
/// Flags for the target alone: with `--target` cargo gives them neither to build scripts nor to macros.
fn without_machine_paths(metadata: &Metadata, toolchain: &Toolchain) -> Result<Vec<String>> {
    let mut maps = vec![(toolchain.sysroot()?, "rust"), (cargo_home()?, "cargo")];
    maps.push((metadata.workspace_root.clone(), "edgevision"));
    let flags = maps.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    Ok(flags.collect())
}

fn set_flags(command: &mut Command, flags: &[String]) {
    // The variable with the highest rank, so that flags of the caller's shell do not change the bytes.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
}

fn cargo_home() -> Result<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let default = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    given
        .or_else(default)
        .context("neither CARGO_HOME nor HOME is set: cannot tell where cargo keeps its crates")
}

/// Copies the module if its bytes are new, so that what depends on it is not done again for nothing.
fn publish(name: &str, bytes: &[u8], folder: &Path) -> Result<()> {
    let module = folder.join(format!("{name}.wasm"));
    if fs::read(&module).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // A rename, so that nobody ever reads half a module.
    let partial = folder.join(format!("{name}.wasm.{}.partial", std::process::id()));
    fs::write(&partial, bytes).with_context(|| format!("cannot write {}", partial.display()))?;
    fs::rename(&partial, &module).with_context(|| format!("cannot write {}", module.display()))?;
    println!("{} ({} bytes)", module.display(), bytes.len());
    Ok(())
}
