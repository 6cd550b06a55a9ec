//! The command line: what can be typed, and what it does.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    sync::LazyLock,
};

use clap::{Args, Parser, Subcommand, error::ErrorKind};
use edgevision_wasm_host::nn::engine_names;

use crate::{
    app::{self, RunOptions},
    bench::{self, BenchArgs},
    check,
    config::{self, units::HumanDuration},
    error::{AppError, Exit},
    extract::{self, Every, PictureFormat},
    inspect::{self, Form},
    telemetry::{LogFormat, LogLevel, log},
};

const USAGE: &str = "edgevision --config <FILE> [--once] [--duration <TIME>]
       edgevision check <FILE>
       edgevision inspect [--json | --yaml] <FILE>
       edgevision extract-frames --out <FOLDER> [--count <N>] [--every <N|TIME>] <SOURCE>
       edgevision bench --model <FILE> [--engine <ENGINE>]...";
const EXAMPLES: &str = "\
Examples:
  edgevision --config configs/line3.yaml           run the cameras of this file until Ctrl-C
  edgevision --config line3.yaml --duration 10s    the same, for ten seconds
  edgevision check line3.yaml                      find all mistakes in a config without running it
  edgevision inspect yolo                          roles, imports and parameters of a module
  edgevision inspect line3.onnx                    inputs and outputs of a model, which engines run it, and the config for it
  edgevision extract-frames --out frames --count 200 clip.mp4     200 pictures, evenly spread
  edgevision bench --model line3.onnx              how fast each engine runs it on this machine

The keys of a config file are listed in configs/reference.yaml.

Exit codes:
  0 all is well        64 wrong words on the command line    65 input is not what it should be
  66 input missing     69 something needed is not there      70 a fault of edgevision
  74 output fails      77 access refused                     78 wrong config
  130 ended at once by a second Ctrl-C";

static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\ncommit:    {}\nrustc:     {}\ntarget:    {} ({})\ngstreamer: {}\nengines:   {}",
        env!("CARGO_PKG_VERSION"),
        env!("EDGEVISION_BUILD_COMMIT"),
        env!("EDGEVISION_BUILD_RUSTC"),
        env!("EDGEVISION_BUILD_TARGET"),
        env!("EDGEVISION_BUILD_PROFILE"),
        gst::version_string(),
        engine_names().collect::<Vec<_>>().join(", "),
    )
});

/// Watches cameras with sandboxed vision modules: pictures in, detections out.
///
/// Reads cameras, files or test patterns, runs WebAssembly modules on every frame without copying it, writes detections
/// as JSON Lines and publishes each camera as an RTSP stream with the detections drawn in. What is to be done stands in
/// a config file.
#[derive(Debug, Parser)]
#[command(
    name = "edgevision",
    version = env!("CARGO_PKG_VERSION"),
    long_version = VERSION.as_str(),
    override_usage = USAGE,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    max_term_width = 110
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
    /// How log lines look (they go to the standard error).
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    /// The least important log lines that are written; `info` unless given, `warn` for `check` and `inspect`.
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The config file: cameras, modules, outputs.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Play files and pictures a single time, even where the config says `loop: true`.
    #[arg(long)]
    once: bool,
    /// End by itself after this long, for example 10s or 5m.
    #[arg(long, value_name = "TIME", value_parser = duration, env = "EDGEVISION_DURATION")]
    duration: Option<HumanDuration>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find all mistakes in a config file without running it.
    ///
    /// Looks at the text, at files, modules, models, devices and ports, and prints all that is wrong, or what would
    /// run.
    Check {
        /// The config file.
        file: PathBuf,
    },
    /// Say what a module or a model is: for a model also which engines run it, and the config to use it.
    Inspect {
        /// The module or model.
        file: PathBuf,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// Print only the config that uses a model.
        #[arg(long, conflicts_with = "json")]
        yaml: bool,
    },
    /// Store frames of a camera or clip as pictures, for calibrating, training and labelling models.
    ///
    /// The pixels are those that modules see: decoded, in full range RGB, at their own size. Nothing leaves this
    /// computer. Ctrl-C ends it with what is there. Without --count and --every, all frames of a clip are taken.
    ExtractFrames(ExtractArgs),
    /// Run a model on several engines, side by side on this machine.
    ///
    /// Times, processor time, inferences a second with 1, 2, ... workers, memory, and how far the outputs differ from
    /// those of the first engine. The model is fed with noise, the same for all.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
struct ExtractArgs {
    /// A clip, a picture, a folder or glob of pictures, rtsp://, v4l2:///dev/video0 or test://ball.
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    source: Option<String>,
    /// Take a camera of this config file instead (with its user name and password, size, transport).
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The camera of the config, when there are several.
    #[arg(long, value_name = "NAME", requires = "config")]
    camera: Option<String>,
    /// The folder to write to; it is made if it is not there.
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// How many frames at most. Alone, it spreads them evenly over a clip (which is then read twice).
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Take every n-th frame, or one for each such time, for example 25 or 2s.
    #[arg(long, value_name = "N|TIME")]
    every: Option<Every>,
    /// Take --count random frames of a clip.
    #[arg(long)]
    random: bool,
    /// Another seed gives other random frames.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "random")]
    seed: u64,
    /// How pictures are stored: PNG keeps the pixels exactly.
    #[arg(long, value_enum, default_value_t = PictureFormat::Png, value_name = "FORMAT")]
    format: PictureFormat,
    /// Of JPEG pictures, 1 to 100.
    #[arg(long, value_name = "N", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Replace pictures that are there already.
    #[arg(long)]
    force: bool,
    /// End after this long, for example 10s or 5m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<HumanDuration>,
}

impl ExtractArgs {
    fn run(self) -> Result<Exit, AppError> {
        let request = extract::Request {
            source: self.source,
            config: self.config,
            camera: self.camera,
            out: self.out,
            count: self.count,
            every: self.every,
            random: self.random,
            seed: self.seed,
            format: self.format,
            quality: self.quality,
            force: self.force,
            duration: self.duration.map(HumanDuration::get),
        };
        say(&extract::run(&request)?)
    }
}

fn duration(text: &str) -> Result<HumanDuration, String> {
    text.parse()
}

/// Does what was typed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let done = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.run(),
        Err(error) => usage(&error),
    };
    done.unwrap_or_else(|error| {
        complain(&error.to_string());
        error.exit()
    })
}

/// Help and version are no mistakes, and belong on the standard output.
fn usage(error: &clap::Error) -> Result<Exit, AppError> {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => say(&text.to_string()),
        _ => {
            complain(text.to_string().trim_end());
            Ok(Exit::Usage)
        }
    }
}

impl Cli {
    fn run(self) -> Result<Exit, AppError> {
        // What these have to say stands in their reports.
        let reports = matches!(
            self.command,
            Some(Command::Check { .. } | Command::Inspect { .. } | Command::Bench(..))
        );
        let level = if reports { LogLevel::Warn } else { LogLevel::default() };
        log::init(self.log_format, self.log_level.unwrap_or(level));
        match self.command {
            Some(Command::Check { file }) => say_report(check::check(&file)),
            Some(Command::Inspect { file, json, yaml }) => {
                let form = match (json, yaml) {
                    (true, _) => Form::Json,
                    (_, true) => Form::Yaml,
                    _ => Form::Table,
                };
                inspect::inspect(&file, form).and_then(say_report)
            }
            Some(Command::ExtractFrames(arguments)) => arguments.run(),
            Some(Command::Bench(args)) => bench::bench(&args).and_then(say_report),
            None => self.run.run(self.log_format),
        }
    }
}

impl RunArgs {
    fn run(self, format: LogFormat) -> Result<Exit, AppError> {
        let missing = || AppError::new(Exit::Usage, "no config file given; write `edgevision --config FILE`");
        let config = config::load(&self.config.ok_or_else(missing)?)?;
        let options = RunOptions { once: self.once, duration: self.duration.map(HumanDuration::get) };
        let (summary, exit) = app::run(config, &options)?;
        match format {
            LogFormat::Text => complain(&summary.to_string()),
            LogFormat::Json => summary.emit(),
        }
        Ok(exit)
    }
}

/// What a subcommand found.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    /// For the standard output.
    pub text: String,
    /// For the standard error.
    pub complaints: String,
    /// How the process ends.
    pub exit: Exit,
}

fn say_report(report: Report) -> Result<Exit, AppError> {
    say(&report.text)?;
    if !report.complaints.is_empty() {
        complain(&report.complaints);
    }
    Ok(report.exit)
}

/// Writes to the standard output. A reader that has seen enough (`| head`) is no mistake.
fn say(text: &str) -> Result<Exit, AppError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(AppError::new(Exit::Io, format!("the standard output cannot be written: {error}")))
        }
        _ => Ok(Exit::Ok),
    }
}

/// Writes a line to the standard error.
fn complain(text: &str) {
    // When even that is closed, the exit code has to do.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        use Exit::{BadInput, Config, Denied, Internal, Interrupted, Io, NoInput, Unavailable, Usage};
        for exit in [Usage, BadInput, NoInput, Unavailable, Internal, Io, Denied, Config, Interrupted] {
            assert!(EXAMPLES.contains(&format!("  {} ", exit.code())), "{exit:?}");
        }
    }
}
