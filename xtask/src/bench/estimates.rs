//! Reads what criterion measured.

use std::{fs, path::PathBuf, time::SystemTime};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The folder in which criterion keeps its results.
pub struct Estimates {
    folder: PathBuf,
    begun: SystemTime,
}

#[derive(Deserialize)]
struct File {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

impl Estimates {
    /// Results below `folder` that were written since `begun`.
    pub fn new(folder: PathBuf, begun: SystemTime) -> Self {
        Self { folder, begun }
    }

    /// Median wall time of one iteration in nanoseconds. `id` is `group/function`.
    ///
    /// # Errors
    /// When there is no such result, or only that of an earlier run: a bench that was renamed must not live on as
    /// its last number.
    pub fn median_ns(&self, id: &str) -> Result<f64> {
        let path = self.folder.join(id).join("new/estimates.json");
        let missing = || format!("no result of the bench {id:?} at {}", path.display());
        let written = fs::metadata(&path).and_then(|file| file.modified()).with_context(missing)?;
        ensure!(
            written >= self.begun,
            "the result of the bench {id:?} is of an earlier run: was it renamed?"
        );
        let text = fs::read_to_string(&path).with_context(missing)?;
        let file: File = serde_json::from_str(&text)
            .with_context(|| format!("{} is not what criterion writes", path.display()))?;
        Ok(file.median.point_estimate)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_results_of_this_run_count() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("edgevision-estimates-{}", std::process::id()));
        let new = folder.join("group/function/new");
        fs::create_dir_all(&new)?;
        let text =
            r#"{"mean":{"point_estimate":2.0},"median":{"confidence_interval":{},"point_estimate":1234.5}}"#;
        fs::write(new.join("estimates.json"), text)?;
        let (before, after) =
            (SystemTime::now() - Duration::from_secs(60), SystemTime::now() + Duration::from_secs(60));
        let read = Estimates::new(folder.clone(), before).median_ns("group/function");
        let stale = Estimates::new(folder.clone(), after).median_ns("group/function");
        let missing = Estimates::new(folder.clone(), before).median_ns("group/other");
        fs::remove_dir_all(&folder)?;
        assert!((read? - 1234.5).abs() < 1e-9);
        assert!(stale.is_err_and(|error| error.to_string().contains("earlier run")));
        assert!(missing.is_err_and(|error| error.to_string().contains("no result")));
        Ok(())
    }
}
