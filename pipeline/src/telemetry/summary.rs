//! What the cameras have done, as a table for the end.

use std::{fmt, time::Duration};

use super::{CameraState, Snapshot, events, snapshot::milliseconds};

/// What all cameras have done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Time since the start.
    pub elapsed: Duration,
    /// In the order of the config.
    pub cameras: Vec<CameraSummary>,
}

/// What one camera has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameraSummary {
    /// Its name.
    pub name: String,
    /// Its last state.
    pub state: CameraState,
    /// Counts over all its pipelines.
    pub counts: Snapshot,
}

const HEAD: [&str; 12] = [
    "camera",
    "state",
    "frames",
    "fps",
    "analysed",
    "skipped",
    "failed",
    "detections",
    "p50",
    "p99",
    "in place/mapped/copied",
    "copied bytes",
];

impl Summary {
    /// Writes it to the log, one event a camera: for programs, which do not read tables.
    pub fn emit(&self) {
        for CameraSummary { name, state, counts } in &self.cameras {
            let seconds = self.elapsed.as_secs_f64();
            let fps = if seconds > 0.0 { counts.frames as f64 / seconds } else { 0.0 };
            events::Summary { camera: name, state: *state, fps, elapsed: self.elapsed, counts }.emit();
        }
    }

    fn row(&self, camera: &CameraSummary) -> [String; HEAD.len()] {
        let counts = &camera.counts;
        let seconds = self.elapsed.as_secs_f64();
        let fps = if seconds > 0.0 { counts.frames as f64 / seconds } else { 0.0 };
        [
            camera.name.clone(),
            camera.state.to_string(),
            counts.frames.to_string(),
            format!("{fps:.1}"),
            counts.analysed.to_string(),
            counts.skipped.to_string(),
            counts.failed.to_string(),
            counts.detections.to_string(),
            milliseconds(counts.latency_p50),
            milliseconds(counts.latency_p99),
            format!("{}/{}/{}", counts.in_place, counts.mapped, counts.copied),
            counts.bytes_copied.total().to_string(),
        ]
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(self.cameras.iter().map(|camera| self.row(camera)));
        write!(f, "{}after {:.1} s", table(&rows), self.elapsed.as_secs_f64())
    }
}

/// Rows with columns of equal width, two spaces apart; the first two columns to the left, numbers to the right.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: Vec<usize> =
        (0..N).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let cell = |i: usize, text: &str| match i {
        0 | 1 => format!("{text:<width$}", width = widths[i]),
        _ => format!("{text:>width$}", width = widths[i]),
    };
    rows.iter()
        .map(|row| {
            row.iter().enumerate().map(|(i, text)| cell(i, text)).collect::<Vec<_>>().join("  ") + "\n"
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_per_camera_with_aligned_columns() {
        let counts = Snapshot {
            frames: 300,
            analysed: 298,
            skipped: 2,
            detections: 512,
            in_place: 300,
            latency_p50: Some(Duration::from_millis(18)),
            ..Snapshot::default()
        };
        let line3 = CameraSummary { name: "line3".into(), state: CameraState::Ended, counts };
        let summary = Summary { elapsed: Duration::from_secs(10), cameras: vec![line3] };
        let text = summary.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "camera  state  frames   fps  analysed  skipped  failed  detections      p50  p99  in place/mapped/copied  copied bytes",
                "line3   ended     300  30.0       298        2       0         512  18.0 ms    -                 300/0/0             0",
                "after 10.0 s",
            ]
        );
    }
}
