//! `edgevision bench`: a model on several engines, side by side on this machine.
//!
//! ```text
//! bench ─┬─ a process for each engine ─ alone.rs ─► figures and outputs ─┬─ table.rs
//!        └─ …                                                            └─
//! ```
//! Each engine has a process of its own: its memory is told apart, and one that crashes does not take the others along.

mod alone;
mod difference;
mod figures;
mod process;
mod table;
mod tensors;

use std::{fs::File, path::PathBuf};

use clap::Args;
use edgevision_wasm_host::nn::{LoadOptions, engine_names};

use self::figures::Figures;
use crate::{
    cli::Report,
    config::{ModelRef, Precision, units::HumanDuration},
    error::{AppError, Exit},
};

/// What is measured, and how.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// The model's file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// An engine to measure; may be given several times, the first is what the others are compared with. All if none is
    /// given.
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<String>,
    /// Most workers that run the model at the same time; one a core if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Threads inside one inference.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// How floats are computed: f32, f16, bf16 or auto.
    #[arg(long, value_name = "TYPE", default_value = "f32", value_parser = precision)]
    precision: Precision,
    /// Device by the engine's own name, such as GPU.1; the processor if not given.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// An option of the engine's own, handed on as it is; may be given several times. Only with one engine.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = option)]
    options: Vec<(String, String)>,
    /// How long each figure is measured.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = str::parse::<HumanDuration>)]
    time: HumanDuration,
    /// Dimensions of an input that the model leaves open, for example images=1x3x640x640.
    #[arg(long = "input", value_name = "NAME=DIMS", value_parser = tensors::shape)]
    shapes: Vec<(String, Vec<usize>)>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure the one engine in this process, and hand figures and outputs to the process that asked.
    #[arg(long, hide = true)]
    alone: bool,
}

/// What came of an engine.
enum Outcome {
    /// Figures, and the largest difference of its outputs from those of the first engine that has any.
    Measured(Box<Figures>, Option<f64>),
    /// Why there are none.
    Refused(String),
}

/// Measures the engines one after another.
pub(crate) fn bench(args: &BenchArgs) -> Result<Report, AppError> {
    if args.alone {
        return alone::measure(args);
    }
    if !args.options.is_empty() && args.engines.len() != 1 {
        return Err(AppError::new(Exit::Usage, "`--option` is for one engine; name it with `--engine`"));
    }
    args.check_engines()?;
    // Said once, not by each engine.
    File::open(&args.model).map_err(|error| {
        AppError::new(Exit::NoInput, format!("{} cannot be read: {error}", args.model.display()))
    })?;
    let mut rows: Vec<(String, Outcome)> = Vec::new();
    let mut first = None;
    for engine in args.engines() {
        let outcome = match process::measure(args, &engine)? {
            Ok((figures, outputs)) => {
                let first = first.get_or_insert_with(|| outputs.clone());
                Outcome::Measured(Box::new(figures), difference::largest(first, &outputs))
            }
            Err(sentence) => Outcome::Refused(sentence),
        };
        rows.push((engine, outcome));
    }
    report(args, &rows)
}

/// The table; without a single figure there is only the reason why.
fn report(args: &BenchArgs, rows: &[(String, Outcome)]) -> Result<Report, AppError> {
    let measured = rows.iter().any(|(_, outcome)| matches!(outcome, Outcome::Measured(..)));
    let text = if args.json { table::json(args, rows) } else { table::text(args, rows) };
    let exit = if measured { Exit::Ok } else { Exit::Unavailable };
    Ok(Report { text, complaints: String::new(), exit })
}

impl BenchArgs {
    fn engines(&self) -> Vec<String> {
        match self.engines.is_empty() {
            true => engine_names().map(str::to_owned).collect(),
            false => self.engines.clone(),
        }
    }

    fn check_engines(&self) -> Result<(), AppError> {
        let known: Vec<&str> = ["auto"].into_iter().chain(engine_names()).collect();
        let unknown = self.engines.iter().find(|engine| !known.contains(&engine.as_str()));
        let sentence =
            |engine| format!("there is no inference engine `{engine}`; allowed are {}", known.join(", "));
        unknown.map_or(Ok(()), |engine| Err(AppError::new(Exit::Usage, sentence(engine))))
    }

    fn workers(&self) -> usize {
        self.workers.map_or_else(cores, usize::from)
    }
}

impl BenchArgs {
    /// As a config would load the model for so many workers.
    fn load_options(&self, sessions: usize) -> Result<LoadOptions, String> {
        let options = self.options.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        let model = ModelRef {
            precision: self.precision,
            device: self.device.clone(),
            options,
            ..ModelRef::default()
        };
        Ok(LoadOptions { threads: usize::from(self.threads), sessions, ..model.load_options()? })
    }
}

fn precision(text: &str) -> Result<Precision, String> {
    let known = [Precision::F32, Precision::F16, Precision::Bf16, Precision::Auto];
    let found = known.into_iter().find(|precision| precision.as_str() == text);
    found.ok_or_else(|| format!("allowed are {}", known.map(Precision::as_str).join(", ")))
}

fn option(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
