//! Runs every command that README and docs show, so that they stay true.
//!
//! Each fenced block marked `sh` is run from the repository's root by `sh -eu`, in order, with the freshly built
//! programs on the PATH and our plugin on GST_PLUGIN_PATH, and with a data folder of its own, into which they may install. Commands that never end by themselves are ended: `make
//! run` and `edgevision` get a duration through the environment. `make` uses the build that is there (PROFILE=dev). `make test` and `make bench` are left out here:
//! the first is what runs this, the second measures for minutes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use edgevision_tests::{command::program, media::repository};

const LEFT_OUT: [&str; 3] = ["make test", "make bench", "git clone"];

struct Block {
    file: PathBuf,
    line: usize,
    script: String,
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn blocks(file: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            None if line.trim_start().starts_with("```sh") => {
                open = Some(Block { file: file.into(), line: number + 1, script: String::new() });
            }
            Some(_) if line.trim() == "```" => blocks.extend(open.take()),
            Some(block) => block.script.push_str(&format!("{line}\n")),
            None => {}
        }
    }
    assert!(open.is_none(), "{}: a block is not closed", file.display());
    blocks
}

fn run(block: &Block, data: &Path) -> Result<(), String> {
    let script: String = block
        .script
        .lines()
        .filter(|line| !LEFT_OUT.iter().any(|left_out| line.trim_start().starts_with(left_out)))
        .map(|line| format!("{line}\n"))
        .collect();
    let programs = program("edgevision").parent().unwrap().to_owned();
    let path = std::env::join_paths(
        std::iter::once(programs.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = Command::new("timeout")
        .args(["900", "sh", "-euc", &script])
        .current_dir(repository())
        .env("PATH", path.unwrap())
        .env("GST_PLUGIN_PATH", &programs)
        .env("XDG_DATA_HOME", data)
        .env("EDGEVISION_DURATION", "4s")
        .env("PROFILE", "dev")
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    output.status.success().then_some(()).ok_or_else(|| {
        let at = format!("{}:{}", block.file.display(), block.line);
        format!("{at}: {}\n{script}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
    })
}

#[test]
fn every_command_in_readme_and_docs_works() {
    let mut files = vec![repository().join("README.md")];
    documents(&repository().join("docs"), &mut files);
    documents(&repository().join("samples"), &mut files);
    let blocks: Vec<Block> = files.iter().flat_map(|file| blocks(file)).collect();
    assert!(blocks.len() >= 3, "README and docs show commands");
    let data = tempfile::tempdir().unwrap();
    let failed: Vec<String> = blocks.iter().filter_map(|block| run(block, data.path()).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
