//! Models x engines x clips, held against independent references of another decoder, another resize and another
//! engine (`README.md` of the media).
//!
//! ```text
//! picture ─ letterbox ─► input tensor ─ engine ─► raw outputs ─ detector ─► boxes of stills and clips
//!             input.rs                  outputs.rs               stills.rs, clips.rs
//! ```
//! Each cell of the matrix is a test; with `--table` they run one after another and make one table (`make fidelity`).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

mod catalog;
mod cell;
mod clips;
mod input;
mod outputs;
mod stills;
mod table;

use std::process::ExitCode;

use cell::Cell;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    edgevision_tests::engines::start_again_if_needed();
    let cells: Vec<Cell> = catalog::models().iter().flat_map(cells).collect();
    if std::env::args().any(|argument| argument == "--table") {
        return table::print(cells);
    }
    libtest_mimic::run(&Arguments::from_args(), cells.into_iter().map(trial).collect()).exit_code()
}

/// The rows of one model.
fn cells(model: &catalog::Model) -> Vec<Cell> {
    let mut cells = vec![input::cell(model)];
    for engine in edgevision_wasm_host::nn::engine_names() {
        cells.push(outputs::cell(model, engine));
        cells.push(stills::cell(model, engine));
        cells.extend(model.clips.iter().map(|clip| clips::cell(model, clip, engine)));
    }
    cells
}

/// As a test: what is slow runs with `--ignored` or in the table only.
fn trial(cell: Cell) -> Trial {
    let (name, slow) = (cell.name(), cell.slow);
    let run = move || {
        let outcome = (cell.run)();
        println!("{}: {outcome}", cell.name());
        outcome.verdict().map_err(Into::into)
    };
    Trial::test(name, run).with_ignored_flag(slow)
}
