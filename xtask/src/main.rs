//! Chores of the repository: `cargo xtask guests`, `cargo xtask tree`, `cargo xtask bench`.

mod bench;
mod guests;
mod toolchain;
mod tree;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Chores of the repository")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build every module in guest-filters/filters to target/guests/<name>.wasm
    Guests,
    /// Check that dependencies between the crates point only the allowed way
    Tree,
    /// Measure what a frame costs; fails when a figure is over its limit
    Bench,
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Guests => guests::build(),
        Chore::Tree => tree::check(),
        Chore::Bench => bench::measure(),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    // Without the backtrace that Debug would add: the sentence is what helps.
    eprintln!("xtask: {error:#}");
    ExitCode::FAILURE
}
