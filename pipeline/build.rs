//! Facts for `edgevision --version`: commit, compiler, target. Reads git's files itself; git need not be there.

use std::{env, fs, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-env-changed=EDGEVISION_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let commit = env::var("EDGEVISION_COMMIT").ok().or_else(|| commit(Path::new("../.git")));
    println!("cargo:rustc-env=EDGEVISION_BUILD_COMMIT={}", commit.unwrap_or_else(|| "unknown".into()));
    println!("cargo:rustc-env=EDGEVISION_BUILD_RUSTC={}", rustc().unwrap_or_else(|| "unknown".into()));
    println!("cargo:rustc-env=EDGEVISION_BUILD_TARGET={}", env::var("TARGET").unwrap_or_default());
    println!("cargo:rustc-env=EDGEVISION_BUILD_PROFILE={}", env::var("PROFILE").unwrap_or_default());
}

/// First twelve digits of the commit that is checked out.
fn commit(git: &Path) -> Option<String> {
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let hash = match head.trim().strip_prefix("ref: ") {
        Some(branch) => {
            follow(&git.join(branch));
            fs::read_to_string(git.join(branch)).ok().or_else(|| packed(git, branch))?
        }
        None => head,
    };
    follow(&git.join("HEAD"));
    hash.trim().get(..12).map(str::to_owned)
}

/// Builds anew after each commit, but only for a release: it costs time, and a developer knows his commit.
fn follow(file: &Path) {
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}

fn packed(git: &Path, branch: &str) -> Option<String> {
    let packed = fs::read_to_string(git.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(branch)).map(|hash| hash.trim().to_owned())
}

fn rustc() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}
