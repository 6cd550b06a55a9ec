//! All cells as one table, with the reasons of what was left out below it.

use std::process::ExitCode;

use crate::cell::{Cell, Outcome};

/// Runs every cell, the slow ones too, and prints the table. Fails when a cell is out of its bound or has no reason.
pub fn print(cells: Vec<Cell>) -> ExitCode {
    if cells.is_empty() {
        eprintln!("there is nothing to hold the models against: set EDGEVISION_MEDIA to the media folder");
        return ExitCode::FAILURE;
    }
    let engines: Vec<&str> = edgevision_wasm_host::nn::engine_names().collect();
    let mut table = Table { engines, rows: vec![], notes: vec![], faults: vec![] };
    for cell in cells {
        eprintln!("{} ...", cell.name());
        let run = std::panic::AssertUnwindSafe(|| (cell.run)());
        let outcome = std::panic::catch_unwind(run)
            .unwrap_or_else(|_| Outcome::Failed("it panicked, see above".into()));
        table.add(&cell, &outcome);
    }
    println!("{}", table.render());
    if table.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Row {
    model: String,
    what: String,
    cells: Vec<String>,
}

struct Table {
    engines: Vec<&'static str>,
    rows: Vec<Row>,
    notes: Vec<String>,
    faults: Vec<String>,
}

impl Table {
    fn add(&mut self, cell: &Cell, outcome: &Outcome) {
        let text = match outcome {
            Outcome::Measured { text, .. } => text.clone(),
            Outcome::Skipped(reason) => format!("- [{}]", self.note(reason)),
            Outcome::Failed(_) => "FAILED".to_owned(),
        };
        if let Err(fault) = outcome.verdict() {
            self.faults.push(format!("{}: {fault}", cell.name()));
        }
        let column = cell.engine.and_then(|engine| self.engines.iter().position(|known| *known == engine));
        let row = self.row(cell);
        row.cells[column.unwrap_or(0)] = text;
    }

    fn row(&mut self, cell: &Cell) -> &mut Row {
        let known = self.rows.iter().position(|row| (&row.model, &row.what) == (&cell.model, &cell.what));
        let index = known.unwrap_or_else(|| {
            let cells = vec![String::new(); self.engines.len()];
            self.rows.push(Row { model: cell.model.clone(), what: cell.what.clone(), cells });
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }

    /// Number of a note; the same reason has one number.
    fn note(&mut self, reason: &str) -> usize {
        let known = self.notes.iter().position(|note| note == reason).unwrap_or_else(|| {
            self.notes.push(reason.to_owned());
            self.notes.len() - 1
        });
        known + 1
    }

    fn render(&self) -> String {
        let head = ["model", "what"].iter().chain(&self.engines).map(ToString::to_string).collect();
        let mut lines: Vec<Vec<String>> = vec![head];
        for row in &self.rows {
            lines.push([row.model.clone(), row.what.clone()].into_iter().chain(row.cells.clone()).collect());
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.engines.len() + 2).map(width).collect();
        let text = |line: &Vec<String>| {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut text: Vec<String> = lines.iter().map(text).collect();
        text.insert(1, "-".repeat(widths.iter().sum::<usize>() + 2 * widths.len() - 2));
        text.push(LEGEND.to_owned());
        text.extend(self.notes.iter().enumerate().map(|(at, note)| format!("[{}] {note}", at + 1)));
        text.extend(self.faults.iter().map(|fault| format!("OUT OF BOUND: {fault}")));
        text.join("\n")
    }
}

const LEGEND: &str = "
input: the tensor that letterbox makes, in grey levels; the same for all engines.
outputs: largest difference of the raw outputs, relative to the larger of 1 and the value.
stills, clips: boxes of the reference found again / our boxes found in the reference, IoU 0.75, same class;
  * = boxes from score 0.65 on: other engines round quantised models otherwise than that of the references.";
