//! The log: text or JSON, one event a line, on the standard error.

use std::{
    io::{self, Write},
    sync::OnceLock,
};

use indicatif::MultiProgress;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{MakeWriter, format::Writer, time::FormatTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// The least important lines that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogLevel {
    /// Something is lost, or something has to be done.
    Error,
    /// Something is off, nothing is lost.
    Warn,
    /// Normal operation.
    #[default]
    Info,
    /// Details for finding a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Live lines on the terminal, which step aside while a log line is written.
static LIVE_LINES: OnceLock<MultiProgress> = OnceLock::new();

/// The live lines of this process; the log knows them.
pub(super) fn live_lines() -> &'static MultiProgress {
    LIVE_LINES.get_or_init(MultiProgress::new)
}

/// Starts the log. Does nothing when one is running already.
pub fn init(format: LogFormat, level: LogLevel) {
    // Compilers and HTTP-like libraries talk a lot below WARN; our own crates follow the level that was asked for.
    let wanted = level.as_str();
    let rest = if level == LogLevel::Error { "error" } else { "warn" };
    let filter = EnvFilter::new(match level {
        LogLevel::Trace => "trace".to_owned(),
        // What wasi:nn refuses a component is told with the frame; the crate tells it as an error of its own.
        _ => format!(
            "{rest},wasmtime_wasi_nn=off,edgevision={wanted},edgevision_wasm_host={wanted},gstedgevision={wanted}"
        ),
    });
    let lines =
        tracing_subscriber::fmt::layer().with_timer(UtcTime).with_writer(AsideWriter).with_target(false);
    let ansi = std::env::var_os("NO_COLOR").is_none() && io::IsTerminal::is_terminal(&io::stderr());
    let lines = match format {
        LogFormat::Text => lines.with_ansi(ansi).boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    let already_running = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    drop(already_running);
}

/// RFC 3339 in UTC with milliseconds.
struct UtcTime;

impl FormatTime for UtcTime {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        write!(w, "{:.3}", jiff::Timestamp::now())
    }
}

/// Writes whole lines to the standard error, with the live lines out of the way.
struct AsideWriter;

impl<'a> MakeWriter<'a> for AsideWriter {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

/// One log line in the making; written when it is dropped.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let write = || io::stderr().lock().write_all(&self.0);
        let written = match LIVE_LINES.get() {
            Some(lines) => lines.suspend(write),
            None => write(),
        };
        // Nobody reads the log any more; there is no better place to say so.
        drop(written);
    }
}
