//! A compiler that has the Wasm target: the installed one, else one from rustup, else one from Debian.

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, output, run};

/// What modules are built for: no imports but ours.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Forces one way (`rustc`, `rustup` or `debian`) instead of trying them in order; for tests of this file.
const CHOICE: &str = "EDGEVISION_WASM_TOOLCHAIN";

/// The first has no standard library for Wasm that fits every version, so it is built from the second.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src"];

/// A way to compile for [`TARGET`].
pub enum Toolchain {
    /// rustc as it is on the path.
    Installed,
    /// Debian's packages unpacked below this folder, without root.
    Debian(PathBuf),
}

impl Toolchain {
    /// Finds or fetches one; says what it is going to fetch first.
    pub fn find(metadata: &Metadata) -> Result<Self> {
        let debian = metadata.workspace_root.join(".wasm-rust");
        match std::env::var(CHOICE).as_deref() {
            Err(_) => {}
            Ok("rustc") => return Ok(Self::Installed),
            Ok("rustup") => return rustup().map(|()| Self::Installed),
            Ok("debian") => return unpack_debian(&debian).map(|()| Self::Debian(debian)),
            Ok(other) => bail!("{CHOICE} is {other:?}; allowed are rustc, rustup and debian"),
        }
        if has_target()? || rustup().is_ok() {
            return Ok(Self::Installed);
        }
        let advice = format!(
            "no Rust compiler for {TARGET}: install rustup and run `rustup target add {TARGET}`, or on Debian \
             make `apt-get install -d {}` work",
            DEBIAN_PACKAGES.join(" ")
        );
        unpack_debian(&debian).context(advice)?;
        Ok(Self::Debian(debian))
    }

    /// Products of another compiler version would evict the ones of the installed one: they get their own folder.
    pub fn target_directory(&self, metadata: &Metadata) -> PathBuf {
        match self {
            Self::Installed => metadata.target_directory.clone(),
            Self::Debian(_) => metadata.target_directory.join("wasm-debian"),
        }
    }

    /// Where the compiler and its libraries are.
    pub fn sysroot(&self) -> Result<PathBuf> {
        match self {
            Self::Installed => installed_sysroot(),
            Self::Debian(folder) => Ok(folder.join("usr")),
        }
    }

    /// Makes cargo use this compiler.
    pub fn configure(&self, command: &mut Command) -> Result<()> {
        let Self::Debian(folder) = self else { return Ok(()) };
        command.arg("--ignore-rust-version");
        command.env("RUSTC", folder.join("usr/bin/rustc"));
        command.env("LD_LIBRARY_PATH", folder.join(format!("usr/lib/{ARCH}-linux-gnu")));
        command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker(folder)?);
        Ok(())
    }
}

fn installed_sysroot() -> Result<PathBuf> {
    Ok(output(Command::new("rustc").args(["--print", "sysroot"]))?.trim().into())
}

/// Debian's compiler comes without a linker for Wasm: the one of the installed compiler, else LLVM's.
fn linker(debian: &Path) -> Result<PathBuf> {
    let bundled = format!("lib/rustlib/{ARCH}-unknown-linux-gnu/bin/rust-lld");
    let bundled = installed_sysroot()?.join(bundled);
    if bundled.exists() {
        return Ok(bundled);
    }
    let programs = fs::read_dir(debian.join("usr/bin"))?.flatten().map(|file| file.path());
    let is_wasm_ld =
        |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("wasm-ld"));
    programs.into_iter().find(is_wasm_ld).context("no linker for Wasm beside Debian's compiler: install lld")
}

/// Whether rustc has the target's standard library.
fn has_target() -> Result<bool> {
    let folder = output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    let files = fs::read_dir(folder.trim()).into_iter().flatten().flatten();
    Ok(files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

fn rustup() -> Result<()> {
    output(Command::new("rustup").arg("--version"))?;
    println!("rustc lacks the target {TARGET}; running `rustup target add {TARGET}`");
    run(Command::new("rustup").args(["target", "add", TARGET]))
}

fn unpack_debian(folder: &Path) -> Result<()> {
    let done = folder.join("unpacked");
    if done.exists() {
        return Ok(());
    }
    println!(
        "rustc lacks the target {TARGET}; downloading Debian's {} and unpacking them to {} (no root needed)",
        DEBIAN_PACKAGES.join(", "),
        folder.display()
    );
    let archives = folder.join("archives");
    fs::create_dir_all(archives.join("partial"))
        .with_context(|| format!("cannot make {}", archives.display()))?;
    download(&archives, &DEBIAN_PACKAGES)?;
    download(&archives, &[&lld_package(&archives)?])?;
    for archive in
        fs::read_dir(&archives)?.flatten().filter(|a| a.path().extension().is_some_and(|e| e == "deb"))
    {
        run(Command::new("dpkg").arg("-x").arg(archive.path()).arg(folder))?;
    }
    fs::remove_dir_all(&archives)?;
    fs::write(&done, "").with_context(|| format!("cannot write {}", done.display()))
}

/// The linker of the LLVM that the compiler was built with, which alone is sure to read what it writes.
fn lld_package(archives: &Path) -> Result<String> {
    let names = fs::read_dir(archives)?.flatten().map(|file| file.file_name().to_string_lossy().into_owned());
    let version =
        names.into_iter().find_map(|n| Some(n.strip_prefix("libllvm")?.split_once('_')?.0.to_owned()));
    Ok(version.map_or("lld".into(), |version| format!("lld-{version}")))
}

fn download(archives: &Path, packages: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--download-only", "--no-install-recommends"]);
    apt.args(["-o", "Debug::NoLocking=1", "-o"]).arg(format!("Dir::Cache::archives={}", archives.display()));
    run(apt.args(packages))
}
