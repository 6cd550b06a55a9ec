//! From [`LoadOptions`] to a session's options.

use ort::session::builder::{BuilderResult, GraphOptimizationLevel, SessionBuilder};

use super::{NAME, library};
use crate::nn::{LoadOptions, NnError, Performance, options, words};

/// Options with a key of their own in the config.
const OURS: [(&str, &str); 6] = [
    ("intra_op_num_threads", "threads"),
    ("session.intra_op_num_threads", "threads"),
    ("intra_op_thread_affinities", "threads"),
    ("session.intra_op.allow_spinning", "performance"),
    ("session.use_per_session_threads", "threads"),
    ("session.load_model_format", "path"),
];
const ALLOWED: &str = "`graph_optimization_level`, `execution_mode`, `inter_op_num_threads`, `enable_mem_pattern`, \
                       `use_deterministic_compute`, and the configuration entries of the installed version, such as \
                       `session.disable_prepacking`";

/// Refuses what the runtime cannot do, before the library is needed.
pub(super) fn check(options: &LoadOptions) -> Result<(), NnError> {
    options::only_processor_and_f32(NAME, options)?;
    options::check_session_options(NAME, options, &OURS)
}

/// A builder with all options. They have been checked.
#[allow(clippy::result_large_err, reason = "the library's error holds its builder")]
pub(super) fn apply(builder: SessionBuilder, options: &LoadOptions) -> Result<SessionBuilder, NnError> {
    let threads = options.threads.max(1);
    // Waiting threads burn the cores that other workers need; what they gain is a frame's latency.
    let spinning = options.performance == Performance::Latency && threads > 1;
    let builder = builder
        .with_intra_threads(threads)
        .and_then(|builder| builder.with_inter_threads(1))
        .and_then(|builder| builder.with_intra_op_spinning(spinning))
        .and_then(|builder| builder.with_optimization_level(GraphOptimizationLevel::All));
    let builder = builder.map_err(|error| refused("options", &error.to_string()))?;
    options.session_options.iter().try_fold(builder, |builder, (name, value)| set(builder, name, value))
}

fn set(builder: SessionBuilder, name: &str, value: &str) -> Result<SessionBuilder, NnError> {
    let result: BuilderResult = match name {
        "graph_optimization_level" => builder.with_optimization_level(level(value)?),
        "execution_mode" => builder.with_parallel_execution(match value {
            "parallel" => true,
            "sequential" => false,
            _ => return Err(wrong_value(name, value, "`sequential` and `parallel`")),
        }),
        "inter_op_num_threads" => match value.parse::<usize>() {
            Ok(threads @ 1..=1024) => builder.with_inter_threads(threads),
            _ => return Err(wrong_value(name, value, "1 to 1024")),
        },
        "enable_mem_pattern" => builder.with_memory_pattern(options::switch(NAME, name, value)?),
        "use_deterministic_compute" => {
            builder.with_deterministic_compute(options::switch(NAME, name, value)?)
        }
        entry if entry.contains('.') && library::contains(entry)? => builder.with_config_entry(entry, value),
        _ => return Err(options::unknown(NAME, name, ALLOWED)),
    };
    result.map_err(|error| refused(name, &error.to_string()))
}

fn level(value: &str) -> Result<GraphOptimizationLevel, NnError> {
    Ok(match value {
        "disable_all" => GraphOptimizationLevel::Disable,
        "basic" => GraphOptimizationLevel::Level1,
        "extended" => GraphOptimizationLevel::Level2,
        "all" => GraphOptimizationLevel::All,
        _ => {
            let allowed = "`disable_all`, `basic`, `extended` and `all`";
            return Err(wrong_value("graph_optimization_level", value, allowed));
        }
    })
}

fn wrong_value(name: &str, value: &str, allowed: &str) -> NnError {
    NnError::Unsupported(format!(
        "the engine {NAME}: the session option `{name}` is `{value}`; allowed are {allowed}"
    ))
}

fn refused(name: &str, told: &str) -> NnError {
    NnError::Unsupported(format!("the engine {NAME} refuses `{name}`: {}", words::sentence(told)))
}
