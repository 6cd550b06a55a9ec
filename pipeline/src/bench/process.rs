//! A process for each engine, and what a process costs.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use super::{BenchArgs, difference::Outputs, figures::Figures};
use crate::error::{AppError, Exit};

/// Measures one engine in a process of its own. The inner error is why the engine has no figures, one sentence.
pub(super) fn measure(
    args: &BenchArgs,
    engine: &str,
) -> Result<Result<(Figures, Outputs), String>, AppError> {
    let failed = |what: String| AppError::new(Exit::Internal, format!("cannot measure {engine}: {what}"));
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(["bench", "--log-level", "error", "--alone", "--model"]).arg(&args.model);
    command.args(["--engine", engine, "--time", &args.time.to_string()]);
    command.args(["--workers", &args.workers().to_string(), "--threads", &args.threads.to_string()]);
    command.args(["--precision", args.precision.as_str()]);
    command.args(args.device.iter().flat_map(|device| ["--device", device]));
    for (key, value) in &args.options {
        command.arg("--option").arg(format!("{key}={value}"));
    }
    for (name, dims) in &args.shapes {
        let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
        command.arg("--input").arg(format!("{name}={}", dims.join("x")));
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout).map(Ok).map_err(|error| failed(error.to_string()));
    }
    if output.status.code() == Some(i32::from(Exit::Usage.code())) {
        return Err(failed(format!("it does not understand {command:?}")));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let sentence = said.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned);
    Ok(Err(match (sentence, output.status.code()) {
        (Some(sentence), Some(_)) => sentence,
        _ => format!("the process ended with {}", output.status),
    }))
}

/// Processor time of this process so far, all threads; zero where `/proc` does not tell.
pub(super) fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // utime and stime are fields 14 and 15; the second, in parentheses, may contain anything (man 5 proc).
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / per_second)
}

/// Resident memory of this process in bytes; zero where `/proc` does not tell.
pub(super) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        let before = cpu_time();
        let mut sum = 0u64;
        while cpu_time() <= before {
            sum = (0..1_000_000).fold(sum, |sum, i| std::hint::black_box(sum ^ i));
        }
        assert!(resident() > 1 << 20, "{}", resident());
    }
}
