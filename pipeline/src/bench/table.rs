//! The engines side by side.

use serde_json::{Value, json};

use super::{BenchArgs, Outcome, cores, figures::Figures};

/// The table, and below it why an engine has no row.
pub(super) fn text(args: &BenchArgs, rows: &[(String, Outcome)]) -> String {
    let mut lines = vec![head(args.workers())];
    let mut notes = Vec::new();
    // The file stands in the line above the table.
    let file = format!("{}: ", args.model.display());
    for (engine, outcome) in rows {
        match outcome {
            Outcome::Measured(figures, difference) => lines.push(row(figures, *difference)),
            Outcome::Refused(sentence) => {
                notes.push(format!("{engine}: {}", sentence.trim_start_matches(&file)))
            }
        }
    }
    let mut text = format!(
        "{}, {} thread(s) an inference, {} core(s), {} a figure\n\n",
        args.model.display(),
        args.threads,
        cores(),
        args.time
    );
    if lines.len() > 1 {
        text += &align(&lines);
        text += "\nms: one worker. difference: largest of the outputs, relative to the larger of 1 and the first engine's value.\n";
    }
    for note in notes {
        text += &format!("- {note}\n");
    }
    text
}

fn head(workers: usize) -> Vec<String> {
    let mut head = ["engine", "ms p50", "p95", "p99", "CPU ms", "load ms"].map(str::to_owned).to_vec();
    head.extend((1..=workers).map(|n| if n == 1 { "fps x1".to_owned() } else { format!("x{n}") }));
    head.push("RSS MB x1".to_owned());
    head.extend((workers > 1).then(|| format!("x{workers}")));
    head.push("difference".to_owned());
    head
}

fn row(figures: &Figures, difference: Option<f64>) -> Vec<String> {
    let ms = |value: f64| format!("{value:.2}");
    let mut row = vec![figures.engine.clone()];
    row.extend([figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.cpu_ms].map(ms));
    row.push(format!("{:.0}", figures.load_ms));
    row.extend(figures.fps.iter().map(|fps| format!("{fps:.1}")));
    let of_all = (figures.fps.len() > 1).then_some(figures.rss[1]);
    row.extend([figures.rss[0]].into_iter().chain(of_all).map(|bytes| format!("{}", bytes / 1_000_000)));
    row.push(difference.map_or_else(|| "other shapes".to_owned(), |value| format!("{value:.0e}")));
    row
}

/// The first column to the left, numbers to the right.
fn align(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(
            |(at, (cell, width))| if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") },
        );
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    lines.iter().map(line).collect()
}

/// The same for programs.
pub(super) fn json(args: &BenchArgs, rows: &[(String, Outcome)]) -> String {
    let row = |(engine, outcome): &(String, Outcome)| -> Value {
        match outcome {
            Outcome::Measured(figures, difference) => {
                let mut row = serde_json::to_value(figures).unwrap_or_default();
                row["difference"] = json!(difference);
                row
            }
            Outcome::Refused(sentence) => json!({ "engine": engine, "refused": sentence }),
        }
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    let all = json!({ "model": args.model, "threads": args.threads, "cores": cores(), "engines": rows });
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_rows_have_the_same_columns() {
        for workers in [1, 2, 4] {
            let figures = Figures {
                engine: "rten".into(),
                load_ms: 12.0,
                p50_ms: 1.0,
                p95_ms: 2.0,
                p99_ms: 3.0,
                cpu_ms: 1.0,
                fps: vec![100.0; workers],
                rss: [1, 2],
                runs: 10,
            };
            assert_eq!(row(&figures, Some(0.0)).len(), head(workers).len(), "{workers}");
        }
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let lines = [["engine", "ms"], ["rten", "10.25"]].map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(align(&lines), "engine     ms\nrten    10.25\n");
    }
}
